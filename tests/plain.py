"""Parameters without scaling, penalties, smoothing and schedule, for tests of single features."""

from skmlp.estimators.presets import NO_SELECTION

PLAIN = NO_SELECTION | {
    "activation": "relu",
    "dropout": 0.0,
    "standardize": False,
    "n_bins": None,
    "l2": 0.0,
    "label_smoothing": 0.0,
    "learning_rate": 0.001,
    "schedule": "constant",
}

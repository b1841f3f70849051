"""Parameters without scaling, penalties, smoothing and schedule, for tests of single features."""

# A network that is trained on all rows for all epochs, whose last parameters are kept.
NO_SELECTION = {"early_stopping": False, "averaging": 0.0, "calibration": None}
PLAIN = NO_SELECTION | {
    "activation": "relu",
    "dropout": 0.0,
    "standardize": False,
    "l2": 0.0,
    "label_smoothing": 0.0,
    "learning_rate": 0.001,
    "schedule": "constant",
}

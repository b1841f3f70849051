"""The estimator without what its defaults add, for tests of one thing at a time."""

PLAIN = {
    "standardize": False,
    "l2": 0.0,
    "label_smoothing": 0.0,
    "learning_rate": 0.001,
    "schedule": "constant",
}

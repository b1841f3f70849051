"""Parameters without scaling, penalties, smoothing and schedule, for tests of single features."""

PLAIN = {
    "standardize": False,
    "l2": 0.0,
    "label_smoothing": 0.0,
    "learning_rate": 0.001,
    "schedule": "constant",
}

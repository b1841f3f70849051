"""The scikit-learn estimators.

In: constructor parameters and whatever X and y scikit-learn accepts. Out: fitted attributes and
predictions. This package alone calls scikit-learn's ``validate_data``; it makes a TrainConfig
of the parameters and a Dataset of the data, lets a Trainer train, and keeps the FitResult.
"""

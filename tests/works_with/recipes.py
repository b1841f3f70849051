"""Code for other tools that docs/works_with.rst shows."""

import re

import numpy as np


def column_importances(pipeline):
    """Add up the squared weights of each column, of its missing indicator and of its bins."""
    clf = pipeline[-1]
    columns = [int(re.search(r"x(\d+)(_bin\d+)?$", name)[1]) for name in clf.encoded_feature_names_]
    return np.bincount(columns, (clf.coefs_[0] ** 2).sum(axis=1), clf.n_features_in_)


def with_codes(clf, table):
    """Return rows with codes instead of categories, and a function predict_proba of such rows."""
    import pandas as pd

    categories = {name: pd.Categorical(table[name]) for name in table.columns[clf.is_categorical_]}
    rows = table.assign(**{name: column.codes for name, column in categories.items()})

    def predict_proba(rows):
        decoded = pd.DataFrame(rows, columns=table.columns)
        for name, column in categories.items():
            codes = decoded[name].astype(int)  # -1 is a missing value
            decoded[name] = pd.Categorical.from_codes(codes, dtype=column.dtype)
        return clf.predict_proba(decoded)

    return rows.to_numpy(float), predict_proba


class ReportToTrial:
    """A callback that tells an Optuna trial the validation loss of each epoch, and prunes it."""

    def __init__(self, trial):
        self.trial = trial

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        import optuna

        if context.task_name == "epoch":
            losses = fitted_estimator.history_["validation_loss"]
            self.trial.report(losses[-1], step=len(losses))
            if self.trial.should_prune():
                raise optuna.TrialPruned


def log_fit(clf):
    """Log the parameters and the history of a fitted classifier in the current run of MLflow."""
    import mlflow

    mlflow.log_params(clf.get_params())
    for name, values in clf.history_.items():
        for epoch, value in enumerate(values):
            mlflow.log_metric(name, value, step=epoch)

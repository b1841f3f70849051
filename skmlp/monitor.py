"""What happens after each epoch: history, validation, early stopping, a line of progress."""

from math import isfinite, nan

import numpy as np

from skmlp.core.schedules import Adaptive
from skmlp.parameters import watches_loss

__all__ = ["EpochMonitor"]

SMALLEST_RATE = 1e-6  # which the adaptive schedule does not divide any further


class EpochMonitor:
    """The hook of the training loop: keeps the history and decides whether to stop.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier
        Whose parameters are meant.
    theta : ndarray of shape (n_params,)
        The parameters being trained, which change in place.
    largest : callable () -> float
        Returns the largest magnitude in the training data, to name it if training diverges.
    present : callable () -> (Network, theta)
        Returns the present network for rows as they come.
    make_model : callable () -> SoftmaxMLPClassifier
        Returns it as a fitted estimator, for scorers.
    training, validation : JudgedRows or None
        The rows to score after each epoch.
    schedule : callable (step, fraction) -> factor
    patience : Patience or None
        What early stopping or the adaptive schedule waits by; None if neither is used.
    history : dict of str to list of float
        Of earlier calls, which go on here.
    epochs : int or None
        Of this call; None for partial_fit, whose calls are counted together.

    Attributes
    ----------
    history : dict of str to list of float
        Equally long lists; NaN where an epoch lacks a number that others have.
    best_epoch, best_theta : int and ndarray of shape (n_params,), or None
        With early stopping, the best epoch so far and its parameters.
    stop_reason : str
    """

    def __init__(
        self, estimator, theta, largest, present, make_model, *,
        training, validation, schedule, patience, history, epochs,
    ):  # fmt: skip
        self.estimator, self.theta, self.largest = estimator, theta, largest
        self.present, self.make_model = present, make_model
        self.training, self.validation = training, validation
        self.schedule, self.patience, self.epochs = schedule, patience, epochs
        self.history = {"loss": []} | {name: list(values) for name, values in history.items()}
        self.n_earlier = self.n_epochs
        self.best_epoch = self.best_theta = None
        self.stop_reason = "epochs"

    @property
    def n_epochs(self):
        """Epochs in the history, those of earlier calls included."""
        return len(self.history["loss"])

    def __call__(self, record):
        """Take in an EpochRecord; return True to stop the training."""
        self.check_finite(record)
        entry = {"loss": record.loss, **self._judge()}
        if record.learning_rate is not None:
            entry["learning_rate"] = record.learning_rate
        entry["seconds"] = record.seconds
        self._append(entry)
        stop = self.patience is not None and self._lose_patience(entry)
        if self.estimator.verbose:
            print(self._line(entry), flush=True)
        return stop

    def check_finite(self, record=None):
        """Raise as soon as the loss or a parameter is no longer a finite number."""
        loss = 0.0 if record is None else record.loss
        if isfinite(loss) and np.isfinite(self.theta).all():
            return
        what = "a parameter is not finite" if isfinite(loss) else f"the loss is {float(loss):g}"
        at_rate, remedies = "", []
        if not self.estimator.standardize:
            remedies.append("Scale the features (standardize=True does)")
        if self.estimator.solver != "lbfgs":
            at_rate = f" at learning_rate={self.estimator.learning_rate:g}"
            remedies.append("lower learning_rate")
        remedy = " or ".join(remedies or ["Set dtype='float64'"])
        raise ValueError(
            f"Training diverged in epoch {self.n_epochs - self.n_earlier + 1}: {what}"
            f"{at_rate}, and the largest |X| is {self.largest():g}. "
            f"{remedy[0].upper()}{remedy[1:]}."
        )

    def _judge(self):
        """Return loss and scores of the present parameters on the rows to be judged."""
        entry = {}
        if self.training is None:
            return entry
        network, theta = self.present()
        model = None if watches_loss(self.estimator) else self.make_model()
        if model is None:
            _, entry["score"] = self.training.loss_and_accuracy(network, theta)
        else:
            entry["score"] = self.training.score(model)
        if self.validation is not None:
            loss, accuracy = self.validation.loss_and_accuracy(network, theta)
            score = accuracy if model is None else self.validation.score(model)
            entry.update(validation_loss=loss, validation_score=score)
        return entry

    def _append(self, entry):
        """Add an epoch to the history, whose lists stay equally long."""
        n_before = self.n_epochs
        for name in entry:
            if name not in self.history:
                self.history[name] = [nan] * n_before
        for name, values in self.history.items():
            values.append(float(entry.get(name, nan)))

    def _lose_patience(self, entry):
        """Keep the best parameters; return whether to stop, or lower an adaptive rate."""
        stopping = self.estimator.early_stopping
        if self.patience.update(self._watched(entry)) and stopping:
            self.best_epoch = self.n_epochs - 1
            if self.best_theta is None:
                self.best_theta = self.theta.copy()
            np.copyto(self.best_theta, self.theta)
        if not self.patience.is_over:
            return False
        rate = entry.get("learning_rate", 0.0)
        if isinstance(self.schedule, Adaptive) and rate > SMALLEST_RATE:
            self.schedule.reduce()
            self.patience.stalled = 0
            return False
        if stopping:
            self.stop_reason = "early_stopping"
        return stopping

    def _watched(self, entry):
        """Return the number that should fall."""
        if not self.estimator.early_stopping:
            return entry["loss"]
        prefix = "" if self.validation is None else "validation_"
        if watches_loss(self.estimator):
            return entry[f"{prefix}loss"]
        return -entry[f"{prefix}score"]

    def _line(self, entry):
        """Return an epoch in one line."""
        epoch = str(self.n_epochs)
        if self.epochs is not None:
            epochs = str(self.epochs)
            epoch = f"{self.n_epochs - self.n_earlier:{len(epochs)}d}/{epochs}"
        parts = [f"epoch {epoch}", f"loss {entry['loss']:.4f}"]
        if self.validation is not None:
            parts.append(f"validation {entry['validation_loss']:.4f}")
            parts.append(f"score {entry['validation_score']:.4f}")
        if "learning_rate" in entry:
            parts.append(f"rate {entry['learning_rate']:.1e}")
        return "  ".join([*parts, f"{entry['seconds']:.2f} s"])

"""What happens after each epoch: history, validation, divergence, a line of progress."""

import numpy as np

from skmlp.core.losses import softmax_cross_entropy
from skmlp.inputs import largest_magnitude, with_mean_1
from skmlp.prediction import finite_logits

__all__ = ["EpochMonitor"]


class EpochMonitor:
    """The hook of the training loop: keeps the history and decides whether to stop.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier
        Whose `epochs`, `learning_rate` and `verbose` are meant.
    network : Network
    theta : ndarray of shape (n_params,)
        The parameters being trained, which change in place.
    X : ndarray
        The training data, to say how large it is if training diverges.
    validation : Encoded or None

    Attributes
    ----------
    entries : list of dict
        What the history keeps of each epoch.
    """

    def __init__(self, estimator, network, theta, X, validation):
        self.estimator, self.network, self.theta, self.X = estimator, network, theta, X
        self.validation = validation
        if validation is not None and validation.w is not None:
            self.validation = validation._replace(w=with_mean_1(validation.w))
        self.entries = []

    @property
    def history(self):
        """The entries as a dict of equally long lists."""
        names = ["loss", "validation_loss", "validation_score"]
        names = names[: 1 if self.validation is None else 3]
        names += ["learning_rate", "seconds"]
        return {name: [entry[name] for entry in self.entries] for name in names}

    def __call__(self, record):
        """Take in an EpochRecord; return True to stop the training."""
        self.check_finite(record.loss)
        entry = record._asdict()
        if self.validation is not None:
            entry["validation_loss"], entry["validation_score"] = self._validate()
        self.entries.append({name: float(value) for name, value in entry.items()})
        if self.estimator.verbose:
            print(self._line(), flush=True)
        return False

    def check_finite(self, loss=0.0):
        """Raise as soon as the loss or a parameter is no longer a finite number."""
        if np.isfinite(loss) and np.isfinite(self.theta).all():
            return
        raise ValueError(
            f"Training diverged in epoch {len(self.entries) + 1}: the loss is {float(loss):g} "
            f"at learning_rate={self.estimator.learning_rate:g}, and the largest |X| is "
            f"{largest_magnitude(self.X):g}. Scale the features (for example with "
            "StandardScaler) or lower learning_rate."
        )

    def _validate(self):
        """Return cross-entropy and accuracy on the validation set."""
        X, Y, w = self.validation
        logits = finite_logits(self.network, self.theta, X, "X_val")
        correct = logits.argmax(axis=-1) == Y.argmax(axis=-1)
        loss, _ = softmax_cross_entropy(logits, Y, w)
        return loss, np.average(correct, weights=w)

    def _line(self):
        """Return the last epoch in one line."""
        last = self.entries[-1]
        epochs = str(self.estimator.epochs)
        epoch = f"{len(self.entries):{len(epochs)}d}/{epochs}"
        parts = [f"epoch {epoch}", f"loss {last['loss']:.4f}"]
        if self.validation is not None:
            parts.append(f"validation {last['validation_loss']:.4f}")
            parts.append(f"score {last['validation_score']:.4f}")
        parts.append(f"rate {last['learning_rate']:.1e}")
        return "  ".join([*parts, f"{last['seconds']:.2f} s"])

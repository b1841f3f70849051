"""History: the metrics of every epoch, and their line on the screen."""

from collections.abc import Mapping
from math import nan

__all__ = ["History"]


class History:
    """Metrics by epoch, in lists of equal length.

    Parameters
    ----------
    earlier : dict of str to list of float
        The history of earlier calls, which is continued; it is copied.

    Attributes
    ----------
    metrics : dict of str to list of float
        NaN where an epoch lacks a metric that others have.
    n_earlier : int
        Epochs of earlier calls.
    """

    def __init__(self, earlier: Mapping[str, list[float]] | None = None) -> None:
        self.metrics: dict[str, list[float]] = {"loss": []}
        self.metrics |= {name: list(values) for name, values in (earlier or {}).items()}
        self.n_earlier = self.n_epochs

    @property
    def n_epochs(self) -> int:
        """Number of epochs, those of earlier calls included."""
        return len(self.metrics["loss"])

    def append(self, entry: Mapping[str, float]) -> None:
        """Append the metrics of an epoch."""
        n_before = self.n_epochs
        for name in entry:
            if name not in self.metrics:
                self.metrics[name] = [nan] * n_before
        for name, values in self.metrics.items():
            values.append(float(entry.get(name, nan)))

    def line(self, entry: Mapping[str, float], epochs: int | None) -> str:
        """Return the last epoch as a line; epochs is None where calls are counted together."""
        epoch = str(self.n_epochs)
        if epochs is not None:
            epoch = f"{self.n_epochs - self.n_earlier:{len(str(epochs))}d}/{epochs}"
        parts = [f"epoch {epoch}", f"loss {entry['loss']:.4f}"]
        if "validation_loss" in entry:
            parts.append(f"validation {entry['validation_loss']:.4f}")
            parts.append(f"score {entry['validation_score']:.4f}")
        if "learning_rate" in entry:
            parts.append(f"rate {entry['learning_rate']:.1e}")
        return "  ".join([*parts, f"{entry['seconds']:.2f} s"])

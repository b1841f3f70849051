"""Counting of epochs without improvement, for early stopping and reduce-on-plateau."""

from dataclasses import dataclass
from math import inf

__all__ = ["Patience"]


@dataclass
class Patience:
    """Count consecutive epochs without improvement.

    An epoch is an improvement if its value is lower than the lowest so far by more than tol.
    Every lower value becomes the new lowest, also where the decrease is not more than tol, so
    a series of small decreases is no improvement.

    Parameters
    ----------
    n_epochs : int or inf
        Number of consecutive epochs without improvement after which to stop.
    tol : float
    best : float, default=inf
        Lowest value so far.
    stalled : int, default=0
        Consecutive epochs without improvement.
    """

    n_epochs: float
    tol: float
    best: float = inf
    stalled: int = 0

    def update(self, value: float) -> bool:
        """Add the value of an epoch; return whether it is the lowest so far."""
        self.stalled = 0 if value < self.best - self.tol else self.stalled + 1
        is_best = value < self.best
        if is_best:
            self.best = value
        return is_best

    @property
    def is_over(self) -> bool:
        """Whether the last n_epochs epochs brought no improvement."""
        return self.stalled >= self.n_epochs

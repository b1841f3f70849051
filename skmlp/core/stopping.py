"""When an epoch counts as an improvement, and how long to wait for one."""

from dataclasses import dataclass
from math import inf

__all__ = ["Patience"]


@dataclass
class Patience:
    """Counts the epochs in a row that did not improve.

    An epoch improves if its value is less than the best one so far by more than tol. Any
    lower value becomes the new best one, so that many small steps down do not count as
    progress but a large one after them is measured against where they led.

    Parameters
    ----------
    n_epochs : int or inf
        How many epochs without improvement in a row are one too many to go on.
    tol : float
    best : float, default=inf
    stalled : int, default=0
        Epochs in a row without improvement.
    """

    n_epochs: float
    tol: float
    best: float = inf
    stalled: int = 0

    def update(self, value):
        """Take in an epoch's value; return whether it is the lowest so far."""
        self.stalled = 0 if value < self.best - self.tol else self.stalled + 1
        is_best = value < self.best
        if is_best:
            self.best = value
        return is_best

    @property
    def is_over(self):
        """Whether the epochs without improvement have become too many."""
        return self.stalled >= self.n_epochs

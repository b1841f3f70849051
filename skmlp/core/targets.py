"""Target rows (one-hot, smoothed), generated for each batch.

Label smoothing replaces the one-hot row y of each class by::

    (1 - s) y + s q

The prior q is the frequencies of the classes among the training rows, weighted by the weights
w_i of the objective. Then the weighted mean of all target rows is::

    sum_i w_i ((1 - s) y_i + s q) / sum_i w_i = (1 - s) q + s q = q

Training fits the mean probabilities to the mean target, since the gradient of the loss with
respect to the last layer's biases is the difference of the two. So at the optimum the mean
probabilities are the frequencies, for every s. With a uniform q, that of a class of frequency f
would be ``(1 - s) f + s / n_classes``, which is many times f if the class is rare.

A dense array of all target rows may be larger than X if there are many classes.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import DTypeLike

__all__ = ["OneHotTargets", "one_hot_targets"]


class OneHotTargets:
    """A matrix of shape (n, n_classes), stored as a table of distinct rows and row indices.

    Parameters
    ----------
    table : ndarray of shape (m, n_classes)
    indices : ndarray of int of shape (n,)
        Row i of the matrix is ``table[indices[i]]``.
    """

    def __init__(self, table: np.ndarray, indices: np.ndarray) -> None:
        self.table, self.indices = table, indices
        self.shape, self.dtype = (len(indices), table.shape[1]), table.dtype

    def __getitem__(self, rows: np.ndarray | slice) -> "OneHotTargets":
        return OneHotTargets(self.table, self.indices[rows])

    def smooth(self, smoothing: float, prior: np.ndarray | None) -> "OneHotTargets":
        """Return smoothed rows ``(1 - smoothing) y + smoothing * prior`` of one-hot rows y.

        Parameters
        ----------
        smoothing : float
        prior : ndarray of shape (n_classes,) or None
            Frequencies of the classes, in any unit. None for equal ones.
        """
        if not smoothing:
            return self
        prior = np.ones(self.shape[1]) if prior is None else prior
        constant = (smoothing * prior / prior.sum()).astype(self.dtype)
        return OneHotTargets((1.0 - smoothing) * self.table + constant, self.indices)

    def toarray(self) -> np.ndarray:
        """Return all rows as an ndarray."""
        Y: np.ndarray = self.table[self.indices]
        return Y

    def batch_reader(self, n_rows: int) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function rows -> ndarray (n, n_classes), as `core.batch_reader` does.

        The array is overwritten by the next call.
        """
        return partial(self._read, np.empty((n_rows, self.shape[1]), self.dtype))

    def _read(self, buffer: np.ndarray, rows: np.ndarray) -> np.ndarray:
        # mode="raise" would gather into a temporary array first.
        return self.table.take(self.indices[rows], axis=0, out=buffer[: len(rows)], mode="clip")


def one_hot_targets(codes: np.ndarray, n_classes: int, dtype: DTypeLike) -> OneHotTargets:
    """Return the one-hot rows of class codes (n,) in 0 .. n_classes - 1.

    Two classes have two columns, unlike in LabelBinarizer.
    """
    present = np.flatnonzero(np.bincount(codes, minlength=n_classes))
    indices = codes if len(present) == n_classes else np.searchsorted(present, codes)
    table = np.zeros((len(present), n_classes), dtype)
    table[np.arange(len(present)), present] = 1.0
    return OneHotTargets(table, indices)

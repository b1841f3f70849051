"""Target rows (one-hot, smoothed), generated for each batch.

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

    def toarray(self) -> np.ndarray:
        """Return all rows as an ndarray."""
        Y: np.ndarray = self.table[self.indices]
        return Y

    def batch_reader(self, shape: tuple[int, ...]) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function rows -> ndarray (..., n_classes), as `design.batch_reader` does.

        The array is overwritten by the next call.
        """
        return partial(self._read, np.empty((*shape, self.shape[1]), self.dtype))

    def _read(self, buffer: np.ndarray, rows: np.ndarray) -> np.ndarray:
        batch = buffer[..., : rows.shape[-1], :]
        # mode="raise" would gather into a temporary array first.
        return self.table.take(self.indices[rows], axis=0, out=batch, mode="clip")


def one_hot_targets(
    codes: np.ndarray, n_classes: int, dtype: DTypeLike, smoothing: float = 0.0
) -> OneHotTargets:
    """Return the smoothed one-hot rows of class codes (n,) in 0 .. n_classes - 1."""
    present = np.flatnonzero(np.bincount(codes, minlength=n_classes))
    indices = codes if len(present) == n_classes else np.searchsorted(present, codes)
    return OneHotTargets(_one_hot(present, n_classes, dtype, smoothing), indices)


def _one_hot(
    codes: np.ndarray, n_classes: int, dtype: DTypeLike, smoothing: float = 0.0
) -> np.ndarray:
    """Return smoothed one-hot rows; two classes have two columns, unlike in LabelBinarizer."""
    Y = np.full((len(codes), n_classes), smoothing / n_classes, dtype)
    Y[np.arange(len(codes)), codes] += 1.0 - smoothing
    return Y

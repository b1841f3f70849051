"""Labels as rows of a network's targets, made batch by batch: all of them may outgrow X."""

from functools import partial

import numpy as np

__all__ = ["LabelRows", "one_hot_rows"]


class LabelRows:
    """An array of shape (n, n_classes) whose rows are those of a small table.

    Parameters
    ----------
    table : ndarray of shape (m, n_classes)
    places : ndarray of int of shape (n,)
        Which row of the table each row is.
    """

    def __init__(self, table, places):
        self.table, self.places = table, places
        self.shape, self.dtype = (len(places), table.shape[1]), table.dtype

    def __getitem__(self, rows):
        return LabelRows(self.table, self.places[rows])

    def toarray(self):
        """Return all rows as an ndarray."""
        return self.table[self.places]

    def gatherer(self, shape):
        """Return a function rows -> ndarray (..., n_classes), for rows of at most that shape.

        The next call overwrites what the last one returned.
        """
        return partial(self._gather, np.empty((*shape, self.shape[1]), self.dtype))

    def _gather(self, memory, rows):
        batch = memory[..., : rows.shape[-1], :]
        # mode="raise" would gather into a hidden copy first.
        return self.table.take(self.places[rows], axis=0, out=batch, mode="clip")


def one_hot_rows(codes, n_classes, dtype, smoothing=0.0):
    """Return one-hot rows for the codes of classes, smoothed, as LabelRows."""
    present = np.flatnonzero(np.bincount(codes, minlength=n_classes))
    places = codes if len(present) == n_classes else np.searchsorted(present, codes)
    return LabelRows(_one_hot(present, n_classes, dtype, smoothing), places)


def _one_hot(codes, n_classes, dtype, smoothing=0.0):
    """Return the rows of LabelBinarizer, smoothed.

    It would make a matrix of integers first, one column for two classes and a column of zeros
    for one.
    """
    Y = np.full((len(codes), n_classes), smoothing / n_classes, dtype)
    Y[np.arange(len(codes)), codes] += 1.0 - smoothing
    return Y

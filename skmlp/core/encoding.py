"""Piecewise linear encoding of numeric columns, which are the inputs of the first layer with it.

A bin j of a column x is an interval from l_j to r_j. Its feature is::

    F_j(x) = clip((x - l_j) / (r_j - l_j), 0, 1)

which is 0 left of the bin, 1 right of it, and linear within (Gorishniy, Rubachev & Babenko 2022,
"On Embeddings for Numerical Features in Tabular Deep Learning", arXiv:2203.05556; there, the first
and the last bin are unbounded). With the bins of a column side by side, their weights are the
slopes of a function that is linear between the edges: the first layer can bend at every edge. The
features are appended to the columns, which have no bounds. They have no unit themselves and are
not standardized.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["PiecewiseLinear"]


@dataclass(frozen=True, eq=False)
class PiecewiseLinear:
    """The bins of some columns.

    Parameters
    ----------
    columns : ndarray of int of shape (n_bins,), ascending
        The column of each bin.
    left, right : ndarray of shape (n_bins,), float64
        Its edges, left < right.
    """

    columns: np.ndarray
    left: np.ndarray
    right: np.ndarray

    @property
    def n_bins(self) -> int:
        """Number of features."""
        return len(self.columns)

    @cached_property
    def _inverse_width(self) -> np.ndarray:
        inverse: np.ndarray = 1.0 / (self.right - self.left)
        return inverse

    @cached_property
    def of_zero(self) -> np.ndarray:
        """The features of a row of zeros, (n_bins,)."""
        return self.of_values(np.zeros(self.n_bins), np.arange(self.n_bins))

    def apply(self, X: np.ndarray, out: np.ndarray) -> None:
        """Write the features of raw rows (..., n, n_features) to out (..., n, n_bins)."""
        # In double precision: float32 would not resolve bins that are narrow and far from 0.
        values = np.subtract(X.take(self.columns, axis=-1), self.left, dtype=np.float64)
        values *= self._inverse_width
        np.clip(values, 0.0, 1.0, out=out, casting="same_kind")

    def of_values(self, x: np.ndarray, bins: np.ndarray) -> np.ndarray:
        """Return F_j(x) for values x (n,) of the columns of as many bins j."""
        values = np.subtract(x, self.left[bins], dtype=np.float64) * self._inverse_width[bins]
        features: np.ndarray = np.clip(values, 0.0, 1.0)
        return features

    def bins_of_column(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the first bin of each of some columns, and their numbers of bins."""
        first = np.searchsorted(self.columns, columns)
        return first, np.searchsorted(self.columns, columns, side="right") - first

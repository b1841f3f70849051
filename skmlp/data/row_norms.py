"""Whether rows were divided by their Euclidean norms, as text vectorizers do.

Then all have the same norm, although they differ in their numbers of non-zero values. Rows of
one-hot columns have a common norm as well, but equally many non-zero values. Rows of zeros, such
as texts without a known word, do not count.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["DIFFERENT", "RowNorms", "common_norm", "norms_of_dense", "norms_of_sparse"]

SAME_NORM = 1e-5  # relative difference of squared norms, which float32 rounds


class RowNorms(NamedTuple):
    """Bounds of the norms of some rows that are not 0.

    Attributes
    ----------
    squares : tuple of float
        The smallest and the largest squared norm; 0 if there are no rows, NaN if they differ.
    non_zeros : tuple of int
        The fewest and the most non-zero values of a row; without meaning if squares are 0 or NaN.
    """

    squares: tuple[float, float] = (0.0, 0.0)
    non_zeros: tuple[int, int] = (0, 0)

    def merge(self, other: "RowNorms") -> "RowNorms":
        """Return the bounds of the rows of both."""
        if not any(self.squares) or not any(other.squares):
            return self if any(self.squares) else other
        return _bounds(self.squares + other.squares, self.non_zeros + other.non_zeros)


DIFFERENT = RowNorms((np.nan, np.nan))


def norms_of_dense(X: np.ndarray) -> RowNorms:
    """Return the bounds of rows; those with NaN differ from others."""
    return _of_rows(np.einsum("ij,ij->i", X, X), np.count_nonzero(X, axis=1))


def norms_of_sparse(X: Any) -> RowNorms:
    """Return the bounds of CSR rows without stored zeros."""
    counts = np.diff(X.indptr)
    row_of_entry = np.repeat(np.arange(len(counts)), counts)
    return _of_rows(np.bincount(row_of_entry, X.data**2, len(counts)), counts)


def _of_rows(squares: np.ndarray, counts: np.ndarray) -> RowNorms:
    squares, counts = squares[counts > 0], counts[counts > 0]
    return _bounds(squares.tolist(), counts.tolist()) if len(counts) else RowNorms()


def _bounds(squares: Sequence[float], counts: Sequence[int]) -> RowNorms:
    least, largest = float(np.min(squares)), float(np.max(squares))  # NaN if one is NaN
    if not largest - least <= SAME_NORM * largest < np.inf:
        return DIFFERENT
    return RowNorms((least, largest), (min(counts), max(counts)))


def common_norm(
    norms: RowNorms, n_features: int, total_variance: float, constants: np.ndarray
) -> float:
    """Return the norm by which rows were divided, without constant columns; 0 if they were not.

    The squares must not differ by more than 1e-5 of the total variance of the columns, rounding
    errors included. So a large constant in a column does not count as a common norm.
    """
    (least, largest), (fewest, most) = norms
    rounding = n_features * np.finfo(np.float64).eps * largest
    if fewest < most and largest - least + rounding <= SAME_NORM * total_variance:
        return float(np.sqrt(largest - constants @ constants))
    return 0.0

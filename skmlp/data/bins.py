"""The bins of the piecewise linear encoding, at quantiles of the numeric columns.

The edges of a column's bins are its quantiles among the training rows, weighted by sample_weight,
so that each bin has about as many rows; equal quantiles are one edge. Columns of one or two values
have no bins, since a function of two values is linear, nor have columns with a single bin, whose
feature would be the column itself.

Quantiles are those of at most 10,000 rows, drawn from more, and in the values of the rows, so that
a row of weight 2 is a row twice (NumPy's method "inverted_cdf").

A limit to the bins of all columns counts the bins that there are. A column of many zeros has fewer
than its quantiles would divide, and leaves more for the others.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from skmlp.core.encoding import PiecewiseLinear
from skmlp.core.levels import numbers_of
from skmlp.data.weights import rescale_for_sum

__all__ = [
    "SAMPLE_ROWS",
    "BinRule",
    "RowSample",
    "find_bins",
    "merge_samples",
    "sample_rows",
]

SAMPLE_ROWS, SAMPLE_BYTES = 10_000, 2**26
TIE = 1e-9  # sums of weights are rounded


class BinRule(NamedTuple):
    """How many bins a numeric column gets.

    Attributes
    ----------
    most : int
        Of a column.
    least : int
        If a column would get fewer, there are no bins.
    all_columns : int or None
        Bins of all columns together; None for any number.
    """

    most: int
    least: int = 0
    all_columns: int | None = None

    @property
    def allows_bins(self) -> bool:
        """Whether a single column may have bins."""
        limit = self.most if self.all_columns is None else min(self.most, self.all_columns)
        return limit >= max(self.least, 1)

    @property
    def max_columns(self) -> float:
        """The most numeric columns: each would have two bins."""
        return np.inf if self.all_columns is None else self.all_columns // 2

    @property
    def numbers(self) -> Sequence[int]:
        """Numbers of bins of a column, the first of which that `all_columns` allows is taken."""
        if self.all_columns is None:
            return (self.most,)
        return range(self.most, max(self.least, 2) - 1, -1)


class RowSample(NamedTuple):
    """Some of the training rows.

    Attributes
    ----------
    X : ndarray or sparse matrix of shape (n, n_numeric)
        Their numeric columns.
    w : ndarray of shape (n,), float64
        Their weights, times the number of rows that each of them stands for.
    """

    X: Any
    w: np.ndarray


def sample_rows(
    X: Any, w: np.ndarray | None, rows: np.ndarray, most: int = SAMPLE_ROWS
) -> RowSample:
    """Return at most so many rows of X, weighted by w (n,) or None, of those given."""
    X = numbers_of(X)
    n, row_bytes = len(rows), 1 if sparse.issparse(X) else X.shape[1] * X.dtype.itemsize
    most = max(1, min(most, SAMPLE_BYTES // max(row_bytes, 1)))
    if n > most:
        rows = rows[np.sort(np.random.RandomState(0).choice(n, most, replace=False))]
    weights = np.ones(len(rows)) if w is None else w[rows].astype(np.float64)
    return RowSample(X[rows], weights * (n / len(rows)))


def merge_samples(parts: Sequence[RowSample]) -> RowSample:
    """Return the rows of several samples as one."""
    stack: Callable[..., Any] = np.vstack
    if sparse.issparse(parts[0].X):
        stack = sparse.vstack
    return RowSample(stack([part.X for part in parts]), np.concatenate([p.w for p in parts]))


def find_bins(
    sample: RowSample, rule: BinRule, centre: np.ndarray | None = None
) -> PiecewiseLinear | None:
    """Return the bins of the numeric columns, with centre in place of gaps; None if there are none.

    Parameters
    ----------
    sample : RowSample
    rule : BinRule
    centre : ndarray of shape (n_numeric,), default=None
        None if there are no gaps.
    """
    column, w = _column_reader(sample.X, centre), rescale_for_sum(sample.w)
    numeric = _numeric_columns(column, sample.X.shape[1], rule)
    of_columns = [_bins(column(j).astype(np.float64), w, rule.numbers) for j in numeric]
    for bins in zip(*of_columns, strict=True):
        sizes = [len(left) for left, _ in bins]
        if rule.all_columns is None or sum(sizes) <= rule.all_columns:
            left, right = map(np.concatenate, zip(*bins, strict=True))
            return PiecewiseLinear(np.repeat(numeric, sizes), left, right) if sum(sizes) else None
    return None


def _numeric_columns(column: Callable[[int], np.ndarray], n: int, rule: BinRule) -> list[int]:
    """Return which of n columns have more than two values; none if those are too many."""
    numeric: list[int] = []
    for j in range(n):
        x = column(j)
        if ((x != x.min()) & (x != x.max())).any():
            numeric.append(j)
            if len(numeric) > rule.max_columns:
                return []
    return numeric


def _column_reader(X: Any, centre: np.ndarray | None) -> Callable[[int], np.ndarray]:
    """Return a function j -> column j (n,) of X, dense or sparse, with centre for gaps."""
    by_column = X.tocsc() if sparse.issparse(X) else None

    def column(j: int) -> np.ndarray:
        if by_column is None:
            x = np.asarray(X[:, j])
        else:
            start, stop = by_column.indptr[j : j + 2]
            x = np.zeros(X.shape[0], X.dtype)
            x[by_column.indices[start:stop]] = by_column.data[start:stop]
        if centre is None or x.dtype.kind != "f":
            return x
        return np.where(np.isnan(x), centre[j], x)

    return column


def _distinct(edges: np.ndarray) -> np.ndarray:
    """Return ascending edges without those that rounding may have parted from the one before.

    The centre in place of gaps is a mean, which may be a value of the rows but for rounding.
    """
    with np.errstate(over="ignore"):
        is_apart = np.diff(edges) > 8.0 * np.spacing(np.abs(edges[1:]))
    distinct: np.ndarray = edges[np.append(True, is_apart)]
    return distinct


def _bins(
    x: np.ndarray, w: np.ndarray, numbers: Sequence[int]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the edges (left, right) of the bins of values x (n,), for each number of bins."""
    if (w == w[0]).all():  # sorting values is several times as fast as sorting indices
        x = np.sort(x)
    else:
        order = np.argsort(x, kind="stable")
        x, w = x[order], w[order]
    cumulative = np.cumsum(w)
    return [_bins_between(_quantiles(x, cumulative, n_bins)) for n_bins in numbers]


def _bins_between(quantiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges (left, right) of the bins between quantiles; none for a single bin."""
    edges = _distinct(quantiles)
    with np.errstate(all="ignore"):
        width = np.diff(edges)
        usable = np.isfinite(width) & np.isfinite(1.0 / width) & (len(width) > 1)
    return edges[:-1][usable], edges[1:][usable]


def _quantiles(x: np.ndarray, cumulative: np.ndarray, n_bins: int) -> np.ndarray:
    """Return the edges of n_bins bins of ascending x (n,) with cumulative weights (n,)."""
    n_bins = min(n_bins, len(x))  # more of them have no other edges
    shares = np.arange(1, n_bins) / n_bins * (1.0 - TIE)
    inner = x[np.searchsorted(cumulative, shares * cumulative[-1])]
    return np.unique(np.concatenate([x[:1], inner, x[-1:]]))

"""The Encoding of training rows: which gaps and categories have a row of the first layer.

A numeric column that has gaps in the training rows has an indicator of them. Of a categorical
column, each category that occurs in the training rows has a row, and so has a missing value.
Categories that occur in fewer than `min_frequency` of them share one more row, "infrequent", which
is also that of categories that do not occur; without it these have none. These are the rules of
`sklearn.preprocessing.OneHotEncoder` with ``handle_unknown="infrequent_if_exist"``.

The codes of a column with m categories are 0 to m - 1 for these, m for a missing value, and m + 1
for a category that is not among them.
"""

from collections.abc import Callable
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import gen_batches

from skmlp.core.encoding import Encoding
from skmlp.core.levels import Levels, Table, numbers_of
from skmlp.data.bins import BinRule, RowSample, find_bins
from skmlp.data.moments import Moments
from skmlp.data.weights import rescale_for_sum

__all__ = [
    "MISSING",
    "UNKNOWN",
    "columns_with_gaps",
    "complete_layout",
    "count_codes",
    "find_layout",
    "is_fraction",
    "levels_of_counts",
]

# The codes of a missing value and of an unknown category, from the end of a column's codes.
MISSING, UNKNOWN = -2, -1
CHUNK_ROWS = 4096


def find_layout(
    X: Any, w: np.ndarray | None, rows: np.ndarray, min_frequency: float | None
) -> Encoding:
    """Return the gaps and levels of an Encoding, whose centre is 0, for some rows of X.

    Parameters
    ----------
    X : ndarray, sparse CSR or Table of shape (n, n_features)
    w : ndarray of shape (n,) or None
        Weights of the rows, for min_frequency as a fraction.
    rows : ndarray of int
        Those that count.
    min_frequency : int, float or None
        As in SoftmaxMLPClassifier. None is for partial_fit: every category has a row, also those
        that do not occur.
    """
    numbers = numbers_of(X)
    counts = count_codes(X, w if is_fraction(min_frequency) else None, rows)
    levels = levels_of_counts(counts, min_frequency) if counts else None
    return Encoding(np.zeros(numbers.shape[1]), columns_with_gaps(numbers, rows), levels)


def columns_with_gaps(X: Any, rows: np.ndarray) -> np.ndarray:
    """Return the columns of an array or a sparse matrix with NaN in some rows, ascending."""
    has_gaps = np.zeros(X.shape[1], bool)
    if X.dtype.kind != "f":
        return np.flatnonzero(has_gaps)
    for chunk in gen_batches(len(rows), CHUNK_ROWS):
        part = X[rows[chunk]]
        if sparse.issparse(part):
            has_gaps[part.indices[np.isnan(part.data)]] = True
        else:
            has_gaps |= np.isnan(part).any(axis=0)
    return np.flatnonzero(has_gaps)


def count_codes(X: Any, w: np.ndarray | None, rows: np.ndarray) -> list[np.ndarray]:
    """Return how many of some rows, or what share of w (n,), each code of each column has."""
    if not isinstance(X, Table):
        return []
    v = None
    if w is not None:
        v = rescale_for_sum(w[rows])
        v = v / v.sum()
    counts = []
    for j, n_codes in enumerate(X.n_codes.tolist()):
        counts.append(np.bincount(X.codes[rows, j], v, minlength=n_codes))
    return counts


def levels_of_counts(counts: list[np.ndarray], min_frequency: float | None) -> Levels:
    """Return the Levels of columns whose codes occur that often.

    For min_frequency as a fraction, counts may be weights; 1e-9 of them may be rounding.
    """
    of_columns, n_rows = [], 0
    for of_column in counts:
        n = of_column.sum() if is_fraction(min_frequency) else 1.0
        occurs = of_column > 0
        occurs[UNKNOWN] = False
        if min_frequency is None:
            frequent = occurs.copy()
            frequent[:MISSING] = True
        else:
            frequent = occurs & (of_column >= min_frequency * n * (1.0 - 1e-9))
        rows = np.full(len(of_column), -1, np.int32)
        rows[frequent] = np.arange(n_rows, n_rows + frequent.sum())
        n_rows += int(frequent.sum())
        if (occurs & ~frequent).any():
            rows[~frequent] = n_rows
            n_rows += 1
        of_columns.append(rows)
    sizes = [0, *map(len, of_columns[:-1])]
    return Levels(np.concatenate(of_columns), np.cumsum(sizes).astype(np.intp))


def is_fraction(min_frequency: float | None) -> bool:
    """Whether min_frequency is a share of the weight, not a number of rows."""
    return min_frequency is not None and not isinstance(min_frequency, Integral)


def complete_layout(
    layout: Encoding, moments: Moments, rule: BinRule | None, sample: Callable[[], RowSample]
) -> Encoding:
    """Return a layout with the means of the numeric columns as centre and, by a rule, with bins.

    Without bins and with this centre already, it is the same object, so that networks that share
    it share batches. Means that are not finite count as 0.
    """
    centre = np.nan_to_num(moments.mean[: layout.n_numeric])
    if not np.array_equal(centre, layout.centre):
        layout = replace(layout, centre=centre)
    if rule is None or not rule.allows_bins:
        return layout
    return replace(layout, bins=find_bins(sample(), rule, centre))

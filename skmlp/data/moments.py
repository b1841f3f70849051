"""Statistics of the columns of a training set: means, variances, the most frequent values.

They are computed of rows, weighted, and merged from those of parts of the rows. The statistics of a
column with gaps are those of the values that are present. Indicators of gaps and levels of
categorical columns have the Moments of their 0/1 columns.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import gen_batches
from sklearn.utils.sparsefuncs import mean_variance_axis

from skmlp.core.encoding import Encoding
from skmlp.core.levels import numbers_of
from skmlp.data.row_norms import DIFFERENT, RowNorms, norms_of_dense, norms_of_sparse
from skmlp.data.weights import mean_weight, normalize_weights

__all__ = [
    "HALF",
    "MAX_VALUES",
    "MIN_VALUES",
    "Moments",
    "column_moments",
    "has_gaps",
    "merge_moments",
    "sorted_by_share",
]

CHUNK_ROWS, SPARSE_CHUNK_ROWS = 256, 4096  # as doubles
SAMPLE_ROWS, SAMPLE_SHARE = 256, 1 / 16  # to find values that may be those of half of the rows
# Values that are counted in each column: the fewest and the most, and the size of their array,
# which limits the time of merging if there are thousands of columns.
MIN_VALUES, MAX_VALUES, VALUES_SIZE = 2, 16, 2**15
HALF = 0.5 - 1e-9  # sums of weights are rounded


class Moments(NamedTuple):
    """Mean, variance and the most frequent values of the columns of some rows.

    Attributes
    ----------
    n : int
        Rows.
    weight : float
        The sum of their weights.
    mean, var : ndarray of shape (n_features,), float64
        Of the values that are present; 0 where none is.
    values : ndarray of shape (n_values, n_features), float64
        Frequent values of each column, among them any that at least half of the rows have; NaN for
        none. n_values is 2 to 16.
    shares : ndarray of shape (n_values, n_features), float64
        Their shares of the rows' weight, the largest first.
    present : ndarray of shape (n_features,) or float
        The share of the rows' weight where a value is present.
    square_norms, non_zeros : tuple of float, tuple of int
        The RowNorms of the rows.
    """

    n: int
    weight: float
    mean: np.ndarray
    var: np.ndarray
    values: np.ndarray
    shares: np.ndarray
    present: np.ndarray | float = 1.0
    square_norms: tuple[float, float] = DIFFERENT.squares
    non_zeros: tuple[int, int] = DIFFERENT.non_zeros

    @property
    def norms(self) -> RowNorms:
        """The norms of the rows; two fields, since attributes of estimators are plain tuples."""
        return RowNorms(self.square_norms, self.non_zeros)


def column_moments(
    X: Any, w: np.ndarray | None, rows: np.ndarray, layout: Encoding | None = None
) -> Moments:
    """Return the Moments of some rows of X, weighted by w (n,) or None.

    With a layout, those of the indicators of gaps and of the levels follow.

    Values that may be those of half of the rows are found in a random sample of 256 rows, and
    then counted in all rows. Means and variances are computed chunk by chunk, in memory that
    stays in the processor's cache, and merged. (StandardScaler takes eight times as long because
    of its temporary arrays.)
    """
    weight = float(len(rows))
    if w is not None:
        weight *= mean_weight(w[rows])
        # Equal weights give the moments without weights, bit for bit.
        w = None if np.ptp(w[rows]) == 0 else normalize_weights(w, rows)
    numbers = numbers_of(X)
    with np.errstate(all="ignore"):
        moments = (_sparse_moments if sparse.issparse(X) else _dense_moments)(numbers, w, rows)
    if layout is not None:
        shares = [1.0 - np.broadcast_to(moments.present, len(moments.mean))[layout.gaps]]
        if layout.levels is not None:
            shares.append(_level_shares(X.codes, w, rows, layout))
        moments = _with_binary_columns(moments, np.concatenate(shares))
    return moments._replace(weight=weight)


def _level_shares(
    codes: np.ndarray, w: np.ndarray | None, rows: np.ndarray, layout: Encoding
) -> np.ndarray:
    """Return the share of each level (n_levels,) in the weight of some rows."""
    assert layout.levels is not None
    total, count, weight = np.zeros(layout.n_levels), np.zeros(layout.n_levels), 0.0
    for chunk in gen_batches(len(rows), SPARSE_CHUNK_ROWS):
        part = rows[chunk]
        v = np.ones(len(part)) if w is None else w[part]
        level = layout.levels.rows(codes[part])
        has_row = level >= 0
        of_entry = np.broadcast_to(v[:, None], level.shape)[has_row]
        total += np.bincount(level[has_row], of_entry, layout.n_levels)
        count += np.bincount(level[has_row], minlength=layout.n_levels)
        weight += v.sum()
    # Exactly 1 for a level of all rows, which sums of weights may miss by rounding: the column is
    # constant.
    shares: np.ndarray = np.where(count == len(rows), 1.0, np.minimum(total / weight, 1.0))
    return shares


def _with_binary_columns(moments: Moments, shares: np.ndarray) -> Moments:
    """Return Moments with those of 0/1 columns, which have these shares of 1s, appended."""
    mean = np.append(moments.mean, shares)
    var = np.append(moments.var, shares * (1.0 - shares))
    of_binary = np.full((len(moments.values), len(shares)), np.nan)
    of_binary[:2] = np.where(shares > 0.5, [[1.0], [0.0]], [[0.0], [1.0]])  # the larger share first
    larger = np.maximum(shares, 1.0 - shares)
    of_values = np.zeros(of_binary.shape)
    of_values[:2] = larger, 1.0 - larger
    return moments._replace(
        mean=mean,
        var=var,
        values=np.hstack([moments.values, of_binary]),
        shares=np.hstack([moments.shares, of_values]),
        present=np.append(
            np.broadcast_to(moments.present, len(moments.mean)), np.ones(len(shares))
        ),
        square_norms=DIFFERENT.squares if len(shares) else moments.square_norms,
    )


def has_gaps(moments: Moments | None) -> bool:
    """Return whether a value may be missing in the rows of Moments; None is of unknown rows."""
    return moments is None or bool(np.any(np.asarray(moments.present) < 1.0))


def _dense_moments(X: np.ndarray, w: np.ndarray | None, rows: np.ndarray) -> Moments:
    values = _candidates(X, rows)
    counted = np.flatnonzero(np.isfinite(values[0]))
    memory = np.empty((min(CHUNK_ROWS, len(rows)), X.shape[1]))
    weight, mean, var, shares = 0.0, np.zeros(0), np.zeros(0), np.zeros(values.shape)
    present: Any = 0.0  # the weight of present values, of all columns or of each
    norms = RowNorms()
    for chunk in gen_batches(len(rows), CHUNK_ROWS):
        part = rows[chunk]
        v = None if w is None else w[part]
        here, D = len(part) if v is None else v.sum(), memory[: len(part)]
        D[...] = X[part]
        if norms is not DIFFERENT:
            norms = norms.merge(norms_of_dense(D))
        _fill_second_values(values, D)
        if len(counted):
            shares[:, counted] += _weights_of(values[:, counted], D[:, counted], v)
        found, of_present = _mean_and_variance(D, v, here)
        if weight:
            mean, var = _merge([(mean, var), found], [present, of_present])
        else:
            mean, var = found
        present, weight = present + of_present, weight + here
    shares /= weight
    moments = sorted_by_share(len(rows), weight, mean, var, values, shares)
    return _with_norms(moments._replace(present=np.minimum(present / weight, 1.0)), norms)


def _with_norms(moments: Moments, norms: RowNorms) -> Moments:
    return moments._replace(square_norms=norms.squares, non_zeros=norms.non_zeros)


def _candidates(X: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the values (n_values, n_features) that may be those of half of the rows, or NaN.

    These are the most frequent ones among 256 rows that a 16th of them has: the probability that a
    value of half of the rows is missed is below 1e-30. A second value is any other.
    """
    if len(rows) > SAMPLE_ROWS:
        sampled = np.random.RandomState(0).choice(len(rows), SAMPLE_ROWS, replace=False)
        rows = rows[np.sort(sampled)]
    sample = np.sort(X[rows].astype(np.float64), axis=0)
    n, columns = len(sample), np.arange(sample.shape[1])
    # The length of the run of equal values that ends in a row, and 0 within runs.
    position = np.arange(1, n + 1)[:, None]
    starts = np.vstack([np.ones((1, len(columns)), bool), sample[1:] != sample[:-1]])
    start = np.maximum.accumulate(np.where(starts, position, 0), axis=0)
    lengths = np.where(np.roll(starts, -1, axis=0), position - start + 1, 0)
    values = np.full((_n_values(len(columns)), len(columns)), np.nan)
    for k in range(len(values)):
        # Of few rows, a single one is no sign of a frequent value, but for the first two.
        least = max(SAMPLE_SHARE * n, 2 * (k >= MIN_VALUES)) if k != 1 else 1
        best = lengths.argmax(axis=0)
        frequent = lengths[best, np.arange(len(columns))] >= least
        columns, lengths, best = columns[frequent], lengths[:, frequent], best[frequent]
        if not len(columns):
            break
        values[k, columns] = sample[best, columns]
        lengths[best, np.arange(len(columns))] = 0
    return values[: max(np.isfinite(values).any(axis=1).sum(), MIN_VALUES)]


def _n_values(n_features: int) -> int:
    """Return how many values are counted in each of so many columns."""
    return int(np.clip(VALUES_SIZE // max(n_features, 1), MIN_VALUES, MAX_VALUES))


def _fill_second_values(values: np.ndarray, D: np.ndarray) -> None:
    """Set second values that the sample missed to the first one in the rows D, in place.

    Until then all rows have the first value. Columns of two values are thus counted exactly, and
    so are their shares when parts of the rows are merged.
    """
    columns = np.flatnonzero(np.isfinite(values[0]) & np.isnan(values[1]))
    if len(columns):
        differs = (D[:, columns] != values[0, columns]) & ~np.isnan(D[:, columns])
        row = differs.argmax(axis=0)
        found = differs[row, np.arange(len(columns))]
        values[1, columns[found]] = D[row, columns][found]


def _weights_of(values: np.ndarray, D: np.ndarray, v: np.ndarray | None) -> np.ndarray:
    """Return the weight of the rows D, weighted by v, that have each value (n_values, columns)."""
    if v is None:
        return np.array([np.count_nonzero(value == D, axis=0) for value in values])
    return np.array([np.einsum("i,ij->j", v, (value == D).astype(float)) for value in values])


def _mean_and_variance(
    D: np.ndarray, v: np.ndarray | None, weight: float
) -> tuple[tuple[np.ndarray, np.ndarray], Any]:
    """Return mean and variance of the columns of rows, in two passes; D is overwritten.

    Also the weight of the present values: that of the rows, or of each column if there are gaps.
    """
    # Not by BLAS, whose sums depend on the alignment of the arrays in memory.
    gaps = np.isnan(D)
    if not gaps.any():
        shares = np.full(len(D), 1 / weight) if v is None else v / weight
        mean = np.einsum("i,ij->j", shares, D)
        D -= mean
        D *= D
        return (mean, np.einsum("i,ij->j", shares, D)), weight
    of_row = np.ones(len(D)) if v is None else v
    present = np.einsum("i,ij->j", of_row, (~gaps).astype(float))
    present[~gaps.any(axis=0)] = weight  # which the sum may miss by rounding
    divisor = np.where(present > 0.0, present, 1.0)
    D[gaps] = 0.0
    mean = np.einsum("i,ij->j", of_row, D) / divisor
    D -= mean
    D[gaps] = 0.0
    D *= D
    return (mean, np.einsum("i,ij->j", of_row, D) / divisor), present


def _sparse_moments(X: Any, w: np.ndarray | None, rows: np.ndarray) -> Moments:
    """Return the Moments of some rows of sparse X.

    0 is the frequent value of columns where at least half of the rows have it, and a stored one
    the second value. The others, with more stored entries than zeros, are treated as dense
    columns.
    """
    n_features = X.shape[1]
    weight, mean, var, present = 0.0, np.zeros(0), np.zeros(0), np.zeros(n_features)
    second, stored, equal = np.full(n_features, np.nan), np.zeros(n_features), np.zeros(n_features)
    norms = RowNorms()
    for chunk in gen_batches(len(rows), SPARSE_CHUNK_ROWS):
        part = rows[chunk]
        v = np.ones(len(part)) if w is None else w[part]
        batch, here = X[part].astype(np.float64), v.sum()
        of_present = _weight_of_present(batch, v)
        found = mean_variance_axis(batch, axis=0, weights=v)  # of present values
        for statistic in found:
            statistic[of_present == 0.0] = 0.0
        is_gap = np.isnan(batch.data)
        batch.data[is_gap] = 0.0
        batch.eliminate_zeros()
        if norms is not DIFFERENT:
            norms = norms.merge(DIFFERENT if is_gap.any() else norms_of_sparse(batch))
        column, of_entry = batch.indices, np.repeat(v, np.diff(batch.indptr))
        is_new = np.isnan(second[column])
        second[column[is_new]] = batch.data[is_new]
        stored += np.bincount(column, of_entry, n_features)
        equal += np.bincount(column, of_entry * (batch.data == second[column]), n_features)
        mean, var = _merge([(mean, var), found], [present, of_present]) if weight else found
        present, weight = present + of_present, weight + here
    present = np.minimum(present / weight, 1.0)
    values = np.vstack([np.zeros(n_features), second])
    shares = np.vstack([np.maximum(present - stored / weight, 0.0), equal / weight])
    columns = np.flatnonzero(shares[0] < HALF)
    if len(columns):
        dense, v = X[rows][:, columns].toarray(), None if w is None else w[rows]
        dense_columns = _dense_moments(dense, v, np.arange(len(rows)))
        mean[columns], var[columns] = dense_columns.mean, dense_columns.var
        values, shares = _padded(values, shares, len(dense_columns.values))
        values[:, columns], shares[:, columns] = dense_columns.values, dense_columns.shares
        present[columns] = dense_columns.present
    moments = sorted_by_share(len(rows), weight, mean, var, values, shares)
    return _with_norms(moments._replace(present=present), norms)


def _weight_of_present(batch: Any, v: np.ndarray) -> np.ndarray:
    """Return the weight of the rows with a value in each column (n_features,) of sparse rows."""
    n_rows, n_features = batch.shape
    gaps = np.flatnonzero(np.isnan(batch.data))
    column, of_gap = batch.indices[gaps], np.repeat(v, np.diff(batch.indptr))[gaps]
    present: np.ndarray = np.maximum(v.sum() - np.bincount(column, of_gap, n_features), 0.0)
    present[np.bincount(column, minlength=n_features) == n_rows] = 0.0  # but for rounding
    return present


def merge_moments(parts: Sequence[Moments]) -> Moments:
    """Return the Moments of all rows from those of parts of them.

    Mean and variance are exact. Only differences between means are squared, which avoids
    cancellation (Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance")::

        mean = sum p_k mean_k        var = sum p_k (var_k + (mean_k - mean)^2)

    where p_k are the shares of the weights. Up to 16 values of a column are counted, fewer if
    there are more than 2,048 columns (`_n_values`). Their shares are exact if each is counted in
    every part that has it, as always in columns of two values. A part may not count a value of
    less than a 16th of its rows. If there are more than k values, shares are those of a Misra-Gries
    summary (Agarwal et al. 2012, "Mergeable summaries") that does not reduce the largest: too small
    by at most a k-th, so that a value of more than that share is never lost.
    """
    weight = sum(part.weight for part in parts)
    if not np.isfinite(weight):
        raise ValueError("The sum of sample_weight overflows: divide it by a constant.")
    p = [part.weight / weight for part in parts]
    present = [share * part.present for share, part in zip(p, parts, strict=True)]
    mean, var = _merge([(part.mean, part.var) for part in parts], present)
    values, shares = parts[0].values, p[0] * parts[0].shares
    for share, part in zip(p[1:], parts[1:], strict=True):
        values, shares = _merge_values(values, shares, part.values, share * part.shares)
    moments = sorted_by_share(sum(part.n for part in parts), weight, mean, var, values, shares)
    norms = RowNorms()
    for part in parts:
        norms = norms.merge(part.norms)
    return _with_norms(moments._replace(present=np.minimum(sum(present), 1.0)), norms)


def _merge_values(
    values: np.ndarray, shares: np.ndarray, others: np.ndarray, of_others: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return values and shares (k, n_features) with those of other rows added to them."""
    same = values[:, None] == others
    shares = shares + np.where(same, of_others, 0.0).sum(axis=1)  # one of them at most
    others = np.where(same.any(axis=0), np.nan, others)
    is_new = ~np.isnan(others).all(axis=1)
    stacked = np.vstack([values, others[is_new]]), np.vstack([shares, of_others[is_new]])
    return _most_frequent(*stacked)


def _most_frequent(values: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values and shares, sorted by share, of as many values as are counted.

    If there are more, the share of the first one that is left out is subtracted from all others
    but the largest.
    """
    shares = np.where(np.isnan(values), 0.0, shares)
    order = np.argsort(-shares, axis=0, kind="stable")
    values, shares = (np.take_along_axis(array, order, axis=0) for array in (values, shares))
    k = _n_values(values.shape[1])
    if len(shares) > k:
        reduced = shares[1:k] - shares[k]
        shares, values = np.vstack([shares[:1], reduced]), values[:k]
        values[shares <= 0.0] = np.nan
    n_used = (~np.isnan(values)).any(axis=1).sum()
    k = max(int(n_used), MIN_VALUES)
    return values[:k], shares[:k]


def _padded(values: np.ndarray, shares: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return at least k rows of values and shares."""
    more = max(k - len(values), 0), values.shape[1]
    return np.vstack([values, np.full(more, np.nan)]), np.vstack([shares, np.zeros(more)])


def _merge(
    parts: Sequence[tuple[np.ndarray, np.ndarray]], weights: Sequence[Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of all rows from those of parts.

    The weights are one number for each part, or one for each of its columns.
    """
    total = np.asarray(sum(weights[1:], weights[0]))
    with np.errstate(all="ignore"):
        shares = [np.divide(weight, np.where(total > 0.0, total, 1.0)) for weight in weights]
        mean = sum(p * part_mean for p, (part_mean, _) in zip(shares, parts, strict=True))
        var = sum(
            p * (part_var + (part_mean - mean) ** 2)
            for p, (part_mean, part_var) in zip(shares, parts, strict=True)
        )
    return np.asarray(mean), np.asarray(var)


def sorted_by_share(
    n: int,
    weight: float,
    mean: np.ndarray,
    var: np.ndarray,
    values: np.ndarray,
    shares: np.ndarray,
) -> Moments:
    """Return Moments with the most frequent of some values."""
    return Moments(n, float(weight), mean, var, *_most_frequent(values, shares))

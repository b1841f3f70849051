"""Means and variances of the columns of a training set, and the scaling made of them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import gen_batches
from sklearn.utils.sparsefuncs import mean_variance_axis

from skmlp._errors import warn_user
from skmlp.core.scaling import Scaling
from skmlp.data.checks import max_abs
from skmlp.data.dataset import Dataset, hash_indices
from skmlp.data.weights import normalize_weights

__all__ = [
    "Moments",
    "cached_scaling",
    "check_foldable",
    "column_moments",
    "column_scaling",
    "merge_moments",
    "scaling_from_moments",
]

CHUNK_ROWS = 256  # as doubles


class Moments(NamedTuple):
    """Mean and variance of the columns of some rows, in double precision.

    Attributes
    ----------
    n : int
        Rows.
    mean, var : ndarray of shape (n_features,)
    """

    n: int
    mean: np.ndarray
    var: np.ndarray


def cached_scaling(dataset: Dataset, rows: np.ndarray, dtype: np.dtype) -> Scaling:
    """Return the `column_scaling` of some rows, computed once for all networks with these rows."""
    scaling: Scaling = dataset.cached(
        ("scaling", hash_indices(rows), dtype),
        partial(column_scaling, dataset.X, dataset.sample_weight, rows, dtype),
    )
    return scaling


def column_scaling(X: Any, w: np.ndarray | None, rows: np.ndarray, dtype: np.dtype) -> Scaling:
    """Return the Scaling of some rows of X, weighted by w (n,) or None.

    A column without spread gets scale 1; sparse columns are scaled by their standard deviation
    but not centred.

    Raises
    ------
    ValueError
        If X is so large that its variance overflows.
    """
    # Equal weights give the moments without weights, bit for bit.
    w = None if w is None or np.ptp(w[rows]) == 0 else normalize_weights(w, rows)
    moments, centred = column_moments(X, w, rows), not sparse.issparse(X)
    return scaling_from_moments(moments, dtype, centred=centred, largest=lambda: max_abs(X))


def column_moments(X: Any, w: np.ndarray | None, rows: np.ndarray) -> Moments:
    """Return the Moments of some rows of X, weighted by w (n,) or None.

    Computed chunk by chunk, in memory that stays in the processor's cache, and merged.
    (StandardScaler takes eight times as long because of its temporary arrays.)
    """
    moments, total = Moments(0, np.zeros(0), np.zeros(0)), 0.0
    if sparse.issparse(X):
        moments_of = _sparse_moments
    else:
        moments_of = partial(_dense_moments, np.empty((min(CHUNK_ROWS, len(rows)), X.shape[1])))
    with np.errstate(all="ignore"):
        for chunk in gen_batches(len(rows), CHUNK_ROWS):
            part = rows[chunk]
            v = np.ones(len(part)) if w is None else w[part]
            n, found = v.sum(), moments_of(X[part], v)
            moments = merge_moments([moments, found], [total, n]) if total else found
            total += n
    return moments


def _dense_moments(memory: np.ndarray, X: np.ndarray, v: np.ndarray) -> Moments:
    """Return the Moments of rows weighted by v, in two passes."""
    D, shares = memory[: len(X)], v / v.sum()
    D[...] = X
    # Not by BLAS, whose sums depend on the alignment of the arrays in memory.
    mean = np.einsum("i,ij->j", shares, D)
    D -= mean
    D *= D
    return Moments(len(X), mean, np.einsum("i,ij->j", shares, D))


def _sparse_moments(X: Any, v: np.ndarray) -> Moments:
    return Moments(X.shape[0], *mean_variance_axis(X.astype(np.float64), axis=0, weights=v))


def merge_moments(parts: Sequence[Moments], weights: Sequence[float] | np.ndarray) -> Moments:
    """Return the Moments of all rows from those of parts of them, with these weights in all.

    Only differences between means are squared, which avoids cancellation (Chan, Golub &
    LeVeque 1983, "Algorithms for computing the sample variance")::

        mean = sum p_k mean_k        var = sum p_k (var_k + (mean_k - mean)^2)

    where p_k are the shares of the weights.
    """
    shares = np.asarray(weights, np.float64) / np.sum(weights)
    with np.errstate(all="ignore"):
        mean = sum(p * part.mean for p, part in zip(shares, parts, strict=True))
        var = sum(
            p * (part.var + (part.mean - mean) ** 2) for p, part in zip(shares, parts, strict=True)
        )
    return Moments(sum(part.n for part in parts), mean, var)


def scaling_from_moments(
    moments: Moments, dtype: np.dtype, *, centred: bool, largest: Callable[[], float]
) -> Scaling:
    """Return the Scaling by Moments; ``largest()`` is the largest magnitude of the rows."""
    n, mean, var = moments
    eps = np.finfo(np.float64).eps
    with np.errstate(all="ignore"):
        scale = np.sqrt(var)
        scale[var <= n * eps * var + (n * eps * mean) ** 2] = 1.0  # no more than rounding errors
        scale = scale.astype(dtype)
        centre = mean.astype(dtype) if centred else None
    # Not only the scale: that of an infinite variance is 1, as of a column without spread.
    if not (np.isfinite(var).all() and np.isfinite(scale).all()):
        raise ValueError(
            f"standardize=True cannot scale numbers as large as {largest():g}, whose "
            "squares overflow. Divide X by a constant first."
        )
    _check_resolution(centre, scale, dtype)
    scale[scale < np.finfo(dtype).tiny] = 1.0  # too small a spread for the dtype is none
    return Scaling(centre, scale)


def check_foldable(theta: np.ndarray, scaling: Scaling | None) -> None:
    """Raise unless the parameters are finite once the scaling is folded into them.

    Raises
    ------
    ValueError
        Naming the column whose mean is most too large for its scale.
    """
    if scaling is None or np.isfinite(theta).all():
        return
    scale = scaling.scale.astype(np.float64)
    mean = 0.0 * scale if scaling.mean is None else scaling.mean.astype(np.float64)
    i = int(np.argmax((np.abs(mean) + 1.0) / scale))
    raise ValueError(
        f"standardize=True cannot undo itself in {theta.dtype}: column {i} of X has mean "
        f"{mean[i]:g} and scale {scale[i]:g}. Divide it by a constant or subtract one, or set "
        "dtype='float64'."
    )


def _check_resolution(mean: np.ndarray | None, scale: np.ndarray, dtype: np.dtype) -> None:
    """Warn if rounding hides the spread of a column once its mean is folded in."""
    if mean is None:
        return
    coarse = np.flatnonzero(np.abs(mean) * np.finfo(dtype).eps > 0.01 * scale)
    if len(coarse):
        i = coarse[0]
        remedy = ", or set dtype='float64'" if dtype == np.float32 else ""
        warn_user(
            f"Column {i} of X has mean {mean[i]:g} and standard deviation {scale[i]:g}, which "
            f"{dtype} cannot resolve: predictions will be coarse. Subtract a constant from the "
            f"column{remedy}."
        )

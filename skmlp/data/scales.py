"""The scale of each column, by its Moments, and the dtype that resolves the columns.

The centre of a column is its mean m, and its scale follows from its variance var and, where one
value v is held by at least half of the rows, from their share p::

    scale^2 = max(var, r^2)        r^2 = E[(x - v)^2 | x != v] = (var + (m - v)^2) / (1 - p)

r is the root mean square distance from v of the rows that differ from it. A variance becomes
small if a column is spread little or if it is rarely different from v, as the count of a rare
word, a pixel near the border or a level behind OneHotEncoder is; r becomes small only in the
first case. Divided by the standard deviation alone, the one row in n with a rare word would get
the value sqrt(n) there. Every column of two values a and b has r = |a - b|, however rare one is.
Both terms follow ``x -> a x + b``. Where no value has half of the rows, the scale is the standard
deviation.

Rows that were divided by their norms (`skmlp.data.row_norms`) have one unit for all columns. They
are neither centred nor scaled by column, but divided by the norm, that of the columns that are not
constant. Scales by column would give the same weight to all words, to those in every text and to
the rare ones that tf-idf emphasizes, and a larger norm to a text of many words.

A column with gaps, in a share g of the weight, is scaled as with the mean m of its present values
in their place: its mean is m, its variance ``(1 - g) var``, and g is added to the share of m.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from skmlp._errors import warn_user
from skmlp.core.levels import numbers_of
from skmlp.core.scaling import Scaling
from skmlp.data.checks import max_abs
from skmlp.data.moments import HALF, Moments, column_moments, sorted_by_share
from skmlp.data.row_norms import common_norm

__all__ = [
    "check_foldable",
    "integer_dtype",
    "large_integer_moments",
    "scaling_from_moments",
    "working_dtype",
]

EXACT_IN_FLOAT32 = 2**24
ROUNDING = 1e-9  # of a mean, in standard deviations


def scaling_from_moments(
    moments: Moments, dtype: np.dtype, largest: Callable[[], float]
) -> Scaling:
    """Return the Scaling by Moments; ``largest()`` is the largest magnitude of the rows.

    A column whose variance is within rounding errors, or whose scale is too small for the
    dtype, is without spread. Gaps count as values at the mean.
    """
    moments = _without_gaps(moments)
    var = moments.var
    with np.errstate(all="ignore"):
        has_spread, mean = _has_spread(moments), moments.mean
        if norm := common_norm(moments.norms, len(var), var.sum(), mean[~has_spread]):
            scale, mean = np.full_like(var, norm), np.zeros_like(mean)
        else:
            scale = np.sqrt(np.maximum(var, _distance_from_frequent_value(moments)))
        scale[~has_spread] = 0.0
        scale, centre = scale.astype(dtype), mean.astype(dtype)
    # Not only the scale: an infinite variance might be taken for one without spread.
    if not all(np.isfinite(array).all() for array in (var, scale, centre)):
        raise ValueError(
            f"standardize=True cannot scale numbers as large as {largest():g}: they, or their "
            "squares, overflow. Divide X by a constant first."
        )
    _check_resolution(centre, scale, dtype)
    scale[scale < np.finfo(dtype).tiny] = 0.0
    return Scaling(centre, scale)


def _without_gaps(moments: Moments) -> Moments:
    """Return the Moments of the columns with the mean in place of gaps.

    A frequent value is the mean if they differ by rounding: the scale must not depend on it.
    """
    gaps = 1.0 - np.broadcast_to(moments.present, len(moments.mean))
    if not gaps.any():
        return moments
    n, weight, mean, var = moments[:4]
    filler = np.where(gaps > 0.0, mean, np.nan)
    values, shares = np.vstack([filler, moments.values]), np.vstack([gaps, moments.shares])
    for k in range(1, len(values)):
        same = np.abs(values[k] - values[0]) <= ROUNDING * np.sqrt(var)
        shares[0] += np.where(same, shares[k], 0.0)
        shares[k, same] = values[k, same] = np.nan
    found = sorted_by_share(n, weight, mean, (1.0 - gaps) * var, values, shares)
    return found._replace(square_norms=moments.square_norms, non_zeros=moments.non_zeros)


def _has_spread(moments: Moments) -> np.ndarray:
    """Return which columns have a variance that is more than rounding errors."""
    n, mean, var, eps = moments.n, moments.mean, moments.var, np.finfo(np.float64).eps
    with np.errstate(all="ignore"):
        is_rounding: np.ndarray = var <= n * eps * var + (n * eps * mean) ** 2
    return ~is_rounding


def _distance_from_frequent_value(moments: Moments) -> np.ndarray:
    """Return r^2 of each column, 0 where no value has half of the rows."""
    value, share = moments.values[0], moments.shares[0]
    squares = (moments.var + (moments.mean - value) ** 2) / (1.0 - share)
    return np.where((share >= HALF) & (share < 1.0), squares, 0.0)


def check_foldable(theta: np.ndarray, scaling: Scaling | None) -> None:
    """Raise unless the parameters are finite once the scaling is folded into them.

    Raises
    ------
    ValueError
        Naming the column whose mean is most too large for its scale.
    """
    if scaling is None or np.isfinite(theta).all():
        return
    scale, inverse = scaling.scale.astype(np.float64), scaling.inverse.astype(np.float64)
    mean = 0.0 * scale if scaling.mean is None else scaling.mean.astype(np.float64)
    i = int(np.argmax((np.abs(mean) + 1.0) * inverse))
    raise ValueError(
        f"standardize=True cannot be folded into the weights in {theta.dtype}: column {i} of X "
        f"has mean {mean[i]:g} and scale {scale[i]:g}. Divide it by a constant or subtract one, or "
        "set dtype='float64'."
    )


def _check_resolution(mean: np.ndarray, scale: np.ndarray, dtype: np.dtype) -> None:
    """Warn if rounding hides the spread of a column once its mean is folded in."""
    coarse = np.flatnonzero(_is_coarse(mean, scale, dtype))
    if len(coarse):
        i = coarse[0]
        remedy = ", or set dtype='float64'" if dtype == np.float32 else ""
        warn_user(
            f"Column {i} of X has mean {mean[i]:g} and standard deviation {scale[i]:g}, which "
            f"{dtype} cannot resolve: predictions will be coarse. Subtract a constant from the "
            f"column{remedy}."
        )


def _is_coarse(mean: np.ndarray, scale: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return which columns have a spread, but one that the dtype does not resolve."""
    is_coarse: np.ndarray = (np.abs(mean) * np.finfo(dtype).eps > 0.01 * scale) & (scale > 0)
    return is_coarse


def working_dtype(X: Any) -> np.dtype:
    """Return the dtype in which to compute with X: float32 or float64.

    float64 and wider become float64; float32, float16, bools and integers become float32, and so
    do categories. An exception are integers with a column whose spread float32 does not resolve,
    such as times in nanoseconds: they become float64.
    """
    X = numbers_of(X)
    if not X.shape[1]:
        return np.dtype(np.float32)
    if X.dtype.kind == "f":
        return np.dtype(np.float64 if X.dtype.itemsize >= 8 else np.float32)
    moments = large_integer_moments(X)
    return np.dtype(np.float32) if moments is None else integer_dtype(moments)


def large_integer_moments(X: Any) -> Moments | None:
    """Return the Moments of integers of which float32 rounds some; None for other X."""
    if (
        X.dtype.kind in "iu"
        and X.dtype.itemsize >= 4
        and X.shape[1]
        and max_abs(X) > EXACT_IN_FLOAT32
    ):
        return column_moments(X, None, np.arange(X.shape[0]))
    return None


def integer_dtype(moments: Moments) -> np.dtype:
    """Return the `working_dtype` of integers with these Moments."""
    scale = np.where(_has_spread(moments), np.sqrt(moments.var), 0.0)
    is_coarse = _is_coarse(moments.mean, scale, np.dtype(np.float32)).any()
    return np.dtype(np.float64 if is_coarse else np.float32)

"""What is known of the columns as parts of a file: to plain arrays and JSON, back with checks."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skmlp.core.encoding import Encoding, PiecewiseLinear
from skmlp.core.levels import Levels
from skmlp.core.scaling import Scaling
from skmlp.data.moments import MAX_VALUES, MIN_VALUES, Moments
from skmlp.data.row_norms import DIFFERENT, RowNorms

__all__ = [
    "ENCODING",
    "MOMENTS",
    "categories_to_plain",
    "encoding_arrays",
    "moments_arrays",
    "restore_categories",
    "restore_encoding",
    "restore_moments",
    "restore_scaling",
    "row_statistics",
    "scaling_arrays",
]

BINS = ("bin_columns", "bin_left", "bin_right")
LEVELS = ("row_of_code", "first_code")
ENCODING = ("centre", "gaps", *LEVELS, *BINS)  # the arrays of an encoding in a file
MOMENTS = (
    "column_means", "column_variances", "column_values", "column_shares", "column_present"
)  # fmt: skip
CATEGORY_DTYPES = {"str": str, "int": int, "float": float, "bool": bool}


def encoding_arrays(encoding: Encoding | None) -> dict[str, np.ndarray | None]:
    """Return the arrays by which a file holds an encoding, for `restore_encoding`."""
    if encoding is None:
        return {}
    arrays = encoding.arrays()
    return {n: a if a.dtype.kind == "f" else a.astype(np.int64) for n, a in arrays.items()}


def restore_encoding(
    arrays: dict[str, np.ndarray], n_features: int, mean: np.ndarray | None
) -> Encoding | None:
    """Return the Encoding of arrays of a file, which are removed from them, or None.

    Parameters
    ----------
    arrays : dict of str to ndarray
    n_features : int
        Columns of files that have bins and no centre.
    mean : ndarray or None
        The centre of these.
    """
    found = {name: arrays.pop(name) for name in ENCODING if name in arrays}
    if not found:
        return None
    if "centre" not in found:
        centre = np.zeros(n_features) if mean is None else mean.astype(np.float64)
        found = {"centre": centre, "gaps": np.zeros(0, np.int64), **found}
    for name, array in found.items():
        is_float = name in ("centre", "bin_left", "bin_right")
        if array.ndim != 1 or array.dtype != (np.float64 if is_float else np.int64):
            raise ValueError(f"its array {name} is damaged")
    centre, gaps = found["centre"], found["gaps"].astype(np.intp)
    if not np.isfinite(centre).all() or not _is_ascending(gaps, len(centre)):
        raise ValueError("the centres or indicators of its numeric columns are damaged")
    return Encoding(centre, gaps, _levels(found), _bins(found, len(centre)))


def _is_ascending(indices: np.ndarray, n: int) -> bool:
    """Whether these are different indices below n in ascending order."""
    if not len(indices):
        return True
    return bool((np.diff(indices) > 0).all() and indices[0] >= 0 and indices[-1] < n)


def _levels(found: dict[str, np.ndarray]) -> Levels | None:
    """Return the Levels of two arrays, or None if there are none."""
    if not found.keys() & set(LEVELS):
        return None
    rows, first = (found[name] for name in LEVELS)
    if not len(first) or first[0] != 0 or not _is_ascending(first, len(rows)):
        raise ValueError("its categorical columns are damaged")
    distinct = np.unique(rows[rows >= 0])
    if (rows < -1).any() or distinct.tolist() != list(range(len(distinct))):
        raise ValueError("the levels of its categorical columns are damaged")
    return Levels(rows.astype(np.int32), first.astype(np.intp))


def _bins(found: dict[str, np.ndarray], n_numeric: int) -> PiecewiseLinear | None:
    """Return the PiecewiseLinear of three arrays, or None if there are none."""
    if not found.keys() & set(BINS):
        return None
    columns, left, right = (found[name] for name in BINS)
    if not len(columns) == len(left) == len(right) > 0:
        raise ValueError("the edges of its bins do not fit each other")
    if (np.diff(columns) < 0).any() or not 0 <= columns[0] <= columns[-1] < n_numeric:
        raise ValueError("the columns of its bins do not fit its features")
    with np.errstate(all="ignore"):
        width = right - left
        usable = (width > 0) & np.isfinite(left) & np.isfinite(width) & np.isfinite(1.0 / width)
    if not usable.all():
        raise ValueError("some of its bins have no finite width")
    return PiecewiseLinear(columns.astype(np.intp), left, right)


def scaling_arrays(scaling: Scaling | None) -> dict[str, np.ndarray | None]:
    """Return the arrays by which a file holds a scaling, for `restore_scaling`."""
    if scaling is None:
        return {}
    return {"mean": scaling.mean, "scale": scaling.scale}


def restore_scaling(
    mean: np.ndarray | None, scale: np.ndarray | None, n_features: int, dtype: np.dtype
) -> Scaling | None:
    """Return the Scaling of two arrays of a file, or None if there are none."""
    if mean is None and scale is None:
        return None
    if scale is None:
        raise ValueError("its means have no scales")
    for array in (scale,) if mean is None else (mean, scale):
        if array.shape != (n_features,) or array.dtype != dtype:
            raise ValueError("its means and scales do not fit its features")
        if not np.isfinite(array).all():
            raise ValueError("its means and scales are not all finite")
    if (scale < 0).any():
        raise ValueError("some of its scales are negative")
    return Scaling(mean, scale)


def moments_arrays(moments: Moments | None) -> dict[str, np.ndarray | None]:
    """Return the arrays by which a file holds Moments, for `restore_moments`."""
    if moments is None:
        return {}
    present = np.broadcast_to(np.asarray(moments.present, np.float64), moments.mean.shape)
    arrays = (moments.mean, moments.var, moments.values.ravel(), moments.shares.ravel(), present)
    return dict(zip(MOMENTS, arrays, strict=True))


def row_statistics(moments: Moments | None) -> list[Any] | None:
    """Return the statistics of the rows in Moments, as JSON for `restore_moments`."""
    if moments is None:
        return None
    rows = [moments.n, moments.weight]
    if np.isnan(moments.square_norms).any():
        return rows
    return [*rows, *moments.square_norms, *moments.non_zeros]


def restore_moments(rows: Any, arrays: Mapping[str, np.ndarray], n_features: int) -> Moments | None:
    """Return the Moments of the arrays of a file, or None if there are none.

    Parameters
    ----------
    rows : list of int and float, or None
        The number of rows and the sum of their weights; if the rows have about the same norm, also
        its smallest and largest square, and the fewest and the most non-zero values of a row.
    arrays : mapping of str to ndarray
    n_features : int
    """
    if not arrays:
        return None
    n, weight, *norms = rows
    mean, var, values, shares = (arrays[name] for name in MOMENTS[:-1])
    present = arrays.get(MOMENTS[-1], np.ones(n_features))  # files of earlier versions have none
    if type(n) is not int or type(weight) is not float or n < 1 or not 0 < weight < np.inf:
        raise ValueError(f"the number and weight of its rows are {rows}")
    k = len(values) // max(n_features, 1)
    lengths = [len(mean), len(var), len(present), *(len(a) / max(k, 1) for a in (values, shares))]
    has_values = MIN_VALUES <= k <= MAX_VALUES or not n_features
    if (
        lengths != [n_features] * 5
        or not has_values
        or any(a.dtype != np.float64 for a in arrays.values())
    ):
        raise ValueError("the statistics of its columns do not fit its features")
    if not (np.isfinite(mean).all() and np.isfinite(var).all() and (var >= 0).all()):
        raise ValueError("the means and variances of its columns are not all finite numbers")
    if not ((present >= 0) & (present <= 1)).all():
        raise ValueError("the shares of values that are present in its columns are damaged")
    if np.isinf(values).any() or not ((shares >= 0) & (shares <= 1 + 1e-6)).all():
        raise ValueError("the frequent values of its columns are damaged")
    shape = max(k, MIN_VALUES), n_features
    of_values = values.reshape(shape), shares.reshape(shape)
    return Moments(n, weight, mean, var, *of_values, present, *_norms_of_rows(norms, n_features))


def _norms_of_rows(norms: list[Any], n_features: int) -> RowNorms:
    """Return the norms in the statistics of rows."""
    if not norms:
        return DIFFERENT
    if list(map(type, norms)) == [float, float, int, int]:
        least, largest, fewest, most = norms
        if 0.0 <= least <= largest < np.inf and 0 <= fewest <= most <= n_features:
            return RowNorms((least, largest), (fewest, most))
    raise ValueError(f"the norms of its rows are {norms}")


def categories_to_plain(categories: Sequence[np.ndarray | None]) -> list[Any]:
    """Return the categories of each column as JSON: the name of their type, and their values."""
    return [None if found is None else [_kind(found), found.tolist()] for found in categories]


def _kind(categories: np.ndarray) -> str:
    names = {"O": "str", "i": "int", "u": "int", "f": "float", "b": "bool"}
    return names[categories.dtype.kind]


def restore_categories(plain: Any, encoding: Encoding | None) -> list[np.ndarray | None]:
    """Return the categories of each column, which must fit the levels of an encoding.

    Files without categories have None; then all columns are numbers.
    """
    if plain is None or encoding is None:
        plain = [] if plain is None else plain
        n_numeric = len(plain)
    else:
        n_numeric = encoding.n_numeric
    if type(plain) is not list:
        raise ValueError(f"its categories are {plain!r}")
    categories = [None if found is None else _restore_column(*found) for found in plain]
    sizes = [len(found) + 2 for found in categories if found is not None]
    levels = None if encoding is None else encoding.levels
    expected = [] if levels is None else list(map(len, levels.by_column()))
    if expected != sizes or len(plain) - len(sizes) != n_numeric:
        raise ValueError("its categories do not fit the levels of its columns")
    return categories


def _restore_column(kind: str, values: list[Any]) -> np.ndarray:
    """Return the categories of a column, which are values of one type in ascending order."""
    if kind not in CATEGORY_DTYPES or type(values) is not list:
        raise ValueError(f"its categories are of the type {kind!r}")
    if any(type(value) is not CATEGORY_DTYPES[kind] for value in values):
        raise ValueError(f"some of its categories are not of the type {kind!r}")
    dtype: Any = object if kind == "str" else CATEGORY_DTYPES[kind]
    if kind == "int":  # which has 32 bits in a browser
        dtype = np.int64 if max(values, default=0) <= np.iinfo(np.int64).max else np.uint64
    categories: np.ndarray = np.array(values, dtype)
    if (categories[:-1] >= categories[1:]).any():
        raise ValueError("the categories of a column are not in ascending order")
    return categories

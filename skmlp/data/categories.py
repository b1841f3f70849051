"""The categories of a column: found in its values, and the values as their indices.

Categories are strings, in an array of objects, or numbers, in the dtype of the values. Numbers are
compared by value: 1, 1.0 and True are one category. A float that several integers are rounded to,
as float64 from 2**53 on, is an error where it would be taken for one of them: pandas makes floats
of a column of integer ids that has a missing value.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from skmlp._errors import short_repr
from skmlp.data.objects import (
    COMPLEX,
    DATE,
    EMPTY,
    MIXED,
    NUMBER,
    STRING,
    Cells,
    object_array,
    read_array,
)

__all__ = ["encode_categories", "find_categories", "may_be_rounded", "merge_categories"]

FEW = 16  # categories to a value, from which on each value is searched for
ID_BITS = 128  # of the longest ids, UUIDs; larger floats, such as 1e300, are none
ROUNDED = (
    "holds {}, to which {} rounds several integers, so that ids cannot be told apart. Read the "
    "column as integers (dtype 'Int64' in pandas, if there are missing values) or as strings"
)


def find_categories(values: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Return the distinct values in ascending order.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Of any dtype.
    missing : ndarray of shape (n,), bool
        Which of them are missing; what they are does not matter.

    Returns
    -------
    categories : ndarray of shape (n_categories,)
        Objects of type str if the values are strings, numbers in the dtype of the values.

    Raises
    ------
    ValueError
        If values are neither all strings nor all real numbers, or if several integers are rounded
        to one of them.
    """
    cells = _checked(values[~missing])
    if cells.kind == NUMBER:
        categories = np.unique(cells.values)
        rounded = categories[may_be_rounded(categories, categories.dtype)]
        if len(rounded):
            raise ValueError(ROUNDED.format(rounded[0].item(), categories.dtype))
        return categories
    if cells.kind == EMPTY:
        return np.empty(0, object)
    # A str of a subclass is stored as a plain one: categories are written to files.
    return object_array(sorted({str.__str__(value) for value in set(cells.values.tolist())}))


def merge_categories(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return the categories of all parts, each as `find_categories` returns them.

    Raises
    ------
    ValueError
        If they are strings in one part and numbers in another, or integers and floats that cannot
        be compared.
    """
    values = np.concatenate([part for part in parts if len(part)] or parts[:1])
    return find_categories(values, np.zeros(len(values), bool))


def encode_categories(
    values: np.ndarray, missing: np.ndarray, categories: np.ndarray
) -> np.ndarray:
    """Return the index of each value in the categories.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Of any dtype.
    missing : ndarray of shape (n,), bool
        Which of them are missing; what they are does not matter.
    categories : ndarray of shape (n_categories,)
        As `find_categories` returns them.

    Returns
    -------
    codes : ndarray of shape (n,), intp
        n_categories for values that are not among the categories, -1 for missing ones.

    Raises
    ------
    ValueError
        If values are numbers and the categories are strings, or the reverse, or if several
        integers are rounded to a value and one of them is a category.
    """
    codes = np.full(len(values), -1, np.intp)
    if not missing.all():
        encode = _encode_strings if categories.dtype.kind == "O" else _encode_numbers
        present = ~missing
        codes[present] = encode(values[present] if missing.any() else values, categories)
    return codes


def _encode_strings(values: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """Return the codes of values, none of them missing; categories are strings."""
    n = len(categories)
    try:
        if len(values) < n // FEW:  # not worth a pass over the categories
            found = np.searchsorted(categories, values)
            codes = np.where(categories[np.minimum(found, n - 1)] == values, found, n)
        else:
            code = {category: i for i, category in enumerate(categories.tolist())}
            codes = np.fromiter((code.get(v, n) for v in values.tolist()), np.intp, len(values))
        unknown = codes == n
    except TypeError:  # there are values without hash or order, which are no strings
        codes, unknown = np.full(len(values), n), np.ones(len(values), bool)
    if unknown.any():  # only they can be of another kind
        _check_kind(_checked(values[unknown]), categories)
    return codes


def _encode_numbers(values: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """Return the codes of values, none of them missing; categories are numbers."""
    cells, n = _checked(values), len(categories)
    _check_kind(cells, categories)
    if not n:
        return np.zeros(len(values), np.intp)
    _check_not_rounded(cells.values, categories)
    # In the dtype of the categories, where large integers stay different. Values that it cannot
    # hold change, and are none of them.
    with np.errstate(all="ignore"):
        numbers = cells.values.astype(categories.dtype)
        is_same = numbers.astype(cells.values.dtype) == cells.values
    is_same &= (numbers < 0) == (cells.values < 0)  # unsigned integers may become negative
    found = np.searchsorted(categories, numbers)
    return np.where(is_same & (categories[np.minimum(found, n - 1)] == numbers), found, n)


def _check_not_rounded(values: np.ndarray, categories: np.ndarray) -> None:
    """Raise if a value and a category are equal in the float dtype of one of them, but only there.

    Other large values are no categories, whatever they were before they were rounded.
    """
    floats = [dtype for dtype in (values.dtype, categories.dtype) if dtype.kind == "f"]
    if not floats or values.dtype == categories.dtype:
        return
    coarse = min(floats, key=lambda dtype: dtype.itemsize)
    large = values[may_be_rounded(values, coarse)]
    if not len(large):
        return
    with np.errstate(over="ignore"):
        rounded = large[np.isin(large.astype(coarse), categories.astype(coarse))]
    if len(rounded):
        raise ValueError(
            ROUNDED.format(rounded[0].item(), coarse)
            + f", as in fit, where it had dtype {categories.dtype}"
        )


def may_be_rounded(numbers: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Return which numbers (n,) may be ids that dtype does not hold, rounded or not."""
    if dtype.kind != "f":
        return np.zeros(len(numbers), bool)
    limit = 2.0 ** (np.finfo(dtype).nmant + 1)
    sizes = np.abs(numbers.astype(np.float64))
    return (sizes >= limit) & (sizes < 2.0**ID_BITS)


def _checked(values: np.ndarray) -> Cells:
    """Return values, none of them missing; raise if they are no categories."""
    cells = read_array(values)
    if cells.kind not in (NUMBER, STRING, EMPTY):
        raise ValueError(f"holds {_describe(cells)}, which cannot be categories")
    if cells.missing_mask().any():
        raise ValueError("holds None or NaN that are not marked as missing")
    if cells.values.dtype == np.longdouble:  # which files do not hold
        cells = cells._replace(values=cells.values.astype(np.float64))
    return cells


def _check_kind(cells: Cells, categories: np.ndarray) -> None:
    """Raise if values are numbers and categories strings, or the reverse."""
    kind = STRING if categories.dtype.kind == "O" else NUMBER
    if len(categories) and cells.kind not in (kind, EMPTY):
        remedy = ".astype(str)" if kind == STRING else "pandas.to_numeric"
        if kind == STRING and cells.values.dtype.kind == "f":  # 7.0 would become "7.0", not "7"
            remedy = ".astype('Int64').astype(str)"
        if kind == STRING and cells.values.dtype.kind == "b":
            remedy = _bools_to(categories.tolist())
        raise ValueError(
            f"holds {_describe(cells)}, but the categories seen in fit are {_PLURAL[kind]}, such "
            f"as {short_repr(categories[0])}: convert it to such {_PLURAL[kind]}, as by {remedy}"
        )


def _bools_to(categories: list[str]) -> str:
    """Return the conversion of bools to categories, which may be TRUE and FALSE."""
    found = {text.lower(): text for text in categories}
    texts = {value: found.get(str(value).lower(), str(value)) for value in (False, True)}
    if texts == {False: "False", True: "True"}:
        return ".astype(str)"
    return f".map({short_repr(texts)})"


_PLURAL: dict[str, str] = {
    NUMBER: "numbers",
    STRING: "strings",
    MIXED: "strings and numbers",
    COMPLEX: "complex numbers",
    DATE: "dates or times",
}


def _describe(cells: Cells) -> str:
    """Return what values are, for a message."""
    if cells.kind in _PLURAL:
        return _PLURAL[cells.kind]
    types = {type(value).__name__ for value in cells.values.tolist()}
    return f"values of type {', '.join(sorted(types))}"

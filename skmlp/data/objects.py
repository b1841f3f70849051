"""Arrays of Python objects: which are missing, and whether the others are strings or numbers."""

import datetime
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal
from numbers import Complex, Real
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "COMPLEX",
    "DATE",
    "EMPTY",
    "MIXED",
    "NUMBER",
    "OTHER",
    "STRING",
    "Cells",
    "mostly",
    "object_array",
    "read_array",
]

# The kinds of values. EMPTY: all are missing, or there are no rows.
NUMBER, STRING, EMPTY = "number", "string", "empty"
COMPLEX, DATE, MIXED, OTHER = "complex", "date", "mixed", "other"

NEARLY_ALL = 0.95  # of different strings, so that some may stand for missing values
SAMPLE = 1_000  # strings that are tried before all of them are

_REAL = (Real, Decimal, np.bool_)
_DATES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)
_GAPS = ("NoneType", "NAType", "NaTType")  # by name: pandas need not be installed


class Cells(NamedTuple):
    """The values of a column.

    Attributes
    ----------
    values : ndarray of shape (n,)
        Of a numeric dtype for NUMBER, of objects for STRING and EMPTY. Those missing are
        arbitrary.
    missing : ndarray of shape (n,), bool, or None
        None: no value is missing, except for NaN if the dtype is a float.
    kind : str
        One of the constants of this module.
    """

    values: np.ndarray
    missing: np.ndarray | None
    kind: str

    def missing_mask(self) -> np.ndarray:
        """Return which values are missing (n,), NaN included."""
        missing = np.zeros(len(self.values), bool) if self.missing is None else self.missing
        if self.values.dtype.kind == "f":
            missing = missing | np.isnan(self.values)
        return missing


def read_array(values: np.ndarray) -> Cells:
    """Return the values of an array (n,) of any dtype, with their kind."""
    dtype = values.dtype.kind
    if values.ndim != 1:
        return Cells(values, None, OTHER)
    if dtype == "O":
        return _read_objects(values)
    if dtype in "UT":  # fixed and variable width
        return _read_objects(values.astype(object))
    kinds = {"b": NUMBER, "i": NUMBER, "u": NUMBER, "f": NUMBER, "c": COMPLEX, "m": DATE, "M": DATE}
    return Cells(values, None, kinds.get(dtype, OTHER))


def _read_objects(values: np.ndarray) -> Cells:
    """Return the values of an array of objects (n,)."""
    cells = values.tolist()
    types = set(map(type, cells))
    if types == {str}:
        return Cells(values, None, STRING)
    if _only_gaps(cells, types - {str}):
        missing = np.array([type(cell) is not str for cell in cells], bool)
        return Cells(values, missing, STRING if str in types else EMPTY)
    missing = np.fromiter(map(_is_missing, cells), bool, len(cells))
    present = [cell for cell, gap in zip(cells, missing.tolist(), strict=True) if not gap]
    kind = _kind_of_types(set(map(type, present)))
    if kind != NUMBER:
        return Cells(values, missing, kind)
    numbers = _real_numbers(present)
    if not missing.any():
        return Cells(numbers, None, NUMBER)
    filled = np.zeros(len(cells), numbers.dtype)
    filled[~missing] = numbers
    return Cells(filled, missing, NUMBER)


def _only_gaps(cells: list[Any], types: set[type]) -> bool:
    """Return whether cells of these types, which are all but str, are missing values."""
    if not all(t is float or t.__name__ in _GAPS for t in types):
        return False
    return float not in types or all(cell != cell for cell in cells if type(cell) is float)


def _is_missing(cell: Any) -> bool:
    """Return whether a value is None, NaN, or pandas' NA or NaT."""
    if isinstance(cell, float | np.floating):
        return bool(cell != cell)
    if isinstance(cell, Decimal):
        return cell.is_nan()
    return type(cell).__name__ in _GAPS


def _kind_of_types(types: Collection[type]) -> str:
    """Return the kind of values that have these types."""
    if not types:
        return EMPTY
    if all(issubclass(t, str) for t in types):
        return STRING
    if all(issubclass(t, _REAL) for t in types):
        return NUMBER
    if all(issubclass(t, (str, *_REAL)) for t in types):
        return MIXED
    if all(issubclass(t, (Complex, *_REAL)) for t in types):
        return COMPLEX
    return DATE if all(issubclass(t, _DATES) for t in types) else OTHER


def _real_numbers(cells: Sequence[Any]) -> np.ndarray:
    """Return real numbers of Python or NumPy as array, in the dtype that NumPy finds for them.

    Raises
    ------
    ValueError
        If a number is too large for float64.
    """
    try:
        numbers = np.array(cells)
        if numbers.dtype.kind in "biuf":
            return numbers
        return np.array([float(cell) for cell in cells])  # Decimal, Fraction, large integers
    except OverflowError as error:
        raise ValueError(f"has a number that is too large: {error}") from error


def object_array(cells: Iterable[Any]) -> np.ndarray:
    """Return an array (n,) of objects, whatever they are."""
    cells = list(cells)
    array = np.empty(len(cells), object)
    for i, cell in enumerate(cells):
        array[i] = cell
    return array


def mostly(texts: Sequence[str], holds: Callable[[str], Any]) -> bool:
    """Return whether something holds for nearly all of different strings, one at least.

    For most strings of which it does not hold, it takes as long as it takes for `SAMPLE` of them.
    """
    for part in (texts[:: len(texts) // SAMPLE + 1], texts):
        if sum(1 for text in part if holds(text)) < max(NEARLY_ALL * len(part), 1):
            return False
    return True

"""Rows with categorical columns: from a data frame or an array to a Table of numbers and codes.

Codes are those of `skmlp.data.layout`: the index of a category, or the number that stands for a
missing value or for an unknown category.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
from scipy.sparse import issparse

from skmlp._errors import short_repr, shorten, warn_user
from skmlp.core.levels import Table
from skmlp.data.categories import encode_categories, find_categories, merge_categories
from skmlp.data.checks import check_not_masked
from skmlp.data.dates import date_conversion, example_date, hold_dates
from skmlp.data.numerals import example_formats, example_number, hold_numbers, number_conversion
from skmlp.data.objects import EMPTY, MIXED, NUMBER, STRING, read_array

__all__ = [
    "ArrayColumns",
    "Columns",
    "column_name",
    "encode_table",
    "fit_table",
    "named_column",
    "warn_of_strings",
    "warn_of_unknown",
]

MIN_ID_ROWS, ID_SHARE = 20, 0.5  # distinct strings among so many rows that they may be ids
SHOWN = 5  # unknown categories in a message


class Columns(Protocol):
    """The columns of a data frame or an array.

    Attributes
    ----------
    names : sequence or None
    n_rows : int
    """

    names: Any
    n_rows: int

    @property
    def is_categorical(self) -> np.ndarray | None:
        """Which columns are categories by their dtype (n_features,); None for arrays."""

    def check(self, categorical: np.ndarray, *, fitted: bool = False) -> None:
        """Raise unless each column can be a number or a category, as the mask says."""

    def numbers(self, columns: Sequence[int]) -> np.ndarray:
        """Return columns of numbers (n_rows, len(columns)); NaN for missing values."""

    def values(self, column: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the values of a column (n_rows,), and which are missing."""

    def declared(self, column: int) -> np.ndarray | None:
        """Return the categories that the dtype declares, or None."""


class ArrayColumns:
    """The columns of an array, of which some are marked as categorical.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features)
        Of any dtype.

    Raises
    ------
    ValueError
        If X is sparse, has masked entries or is not 2-dimensional.
    """

    names = is_categorical = None

    def __init__(self, X: Any) -> None:
        if issparse(X):
            raise ValueError(
                "categorical_features needs dense X, but X is sparse: pass X.toarray(), or set "
                "categorical_features=None if the columns are those of OneHotEncoder."
            )
        check_not_masked(X, "X")
        # Of a list of rows, NumPy would make everything strings if there are some. The columns of
        # a matrix would be matrices.
        self._X = np.asarray(X) if isinstance(X, np.ndarray) else np.array(X, object)
        if self._X.ndim != 2:
            raise ValueError(
                f"Expected 2D array, got {self._X.ndim}D array instead. X must have rows of the "
                "same length. Reshape your data by X.reshape(-1, 1) if it is a single column, or "
                "by X.reshape(1, -1) if it is a single row."
            )
        self.n_rows = len(self._X)

    def check(self, categorical: np.ndarray, *, fitted: bool = False) -> None:
        """Do nothing: what is no number is found by scikit-learn's checks."""

    def numbers(self, columns: Sequence[int]) -> np.ndarray:
        """Return some of the columns, as a copy."""
        if not columns:  # of an array of strings, for example
            return np.empty((self.n_rows, 0))
        if self._X.dtype.kind != "O":
            return np.ascontiguousarray(self._X[:, list(columns)])
        numbers = np.empty((self.n_rows, len(columns)))
        for k, j in enumerate(columns):
            with named_column(None, j):
                numbers[:, k] = _numbers_of_objects(self._X[:, j])
        return numbers

    def values(self, column: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the values of a column (n_rows,), and which are missing."""
        cells = read_array(self._X[:, column])
        return cells.values, cells.missing_mask()

    def declared(self, column: int) -> None:
        """Return None: an array declares no categories."""


def _numbers_of_objects(values: np.ndarray) -> np.ndarray:
    """Return objects (n,) as numbers, which strings may spell; NaN for missing values."""
    cells = read_array(values)
    if cells.kind not in (NUMBER, EMPTY, STRING, MIXED):
        raise ValueError("holds values that are not numbers: encode it as numbers, or drop it")
    missing, numbers = cells.missing_mask(), np.full(len(values), np.nan)
    try:
        numbers[~missing] = cells.values[~missing].astype(np.float64)
    except ValueError as error:
        raise ValueError(
            "holds strings: select it by categorical_features in fit, or convert it to numbers "
            f"({error})"
        ) from error
    return numbers


def fit_table(
    columns: Columns,
    categorical: np.ndarray,
    numbers: np.ndarray,
    rows: np.ndarray | None,
    *,
    declared: bool,
    warn: bool = True,
) -> tuple[Table, list[np.ndarray | None]]:
    """Return rows as numbers and codes, and the categories of each column.

    Parameters
    ----------
    columns : Columns
    categorical : ndarray of shape (n_features,), bool
        At least one is True.
    numbers : ndarray of shape (n_rows, n_numeric)
        The numeric columns.
    rows : ndarray of shape (n_rows,), bool, or None
        Those whose categories count; None for all.
    declared : bool
        Whether categories of the dtype count that no row has.
    warn : bool, default=True
        Whether to call `warn_of_strings`.

    Returns
    -------
    table : Table
    categories : list of ndarray or None
        Sorted; None for numeric columns.
    """
    found: list[np.ndarray | None] = [None] * len(categorical)
    codes = []
    for j in np.flatnonzero(categorical).tolist():
        values, missing = columns.values(j)
        dtype_categories = columns.declared(j)
        ignored = missing if rows is None else missing | ~rows
        with named_column(columns.names, j):
            categories = find_categories(values, ignored)
            if warn and dtype_categories is None:
                warn_of_strings(columns.names, j, categories, int((~ignored).sum()))
            if declared and dtype_categories is not None:
                categories = merge_categories([categories, dtype_categories])
        found[j] = categories
        codes.append(_codes(columns, j, values, missing, categories))
    return _table(numbers, codes, found), found


def encode_table(
    columns: Columns,
    categories: Sequence[np.ndarray | None],
    numbers: np.ndarray,
    *,
    warn_unknown: bool = False,
) -> Table:
    """Return rows as numbers and codes.

    Parameters
    ----------
    columns : Columns
    categories : sequence of ndarray or None
        Those of each column, None for numeric ones; one column at least has some.
    numbers : ndarray of shape (n_rows, n_numeric)
        The numeric columns.
    warn_unknown : bool, default=False
        Whether to warn of categories that are not among these.
    """
    codes = []
    for j, found in enumerate(categories):
        if found is not None:
            values, missing = columns.values(j)
            codes.append(_codes(columns, j, values, missing, found, warn_unknown=warn_unknown))
    return _table(numbers, codes, categories)


def _codes(
    columns: Columns,
    j: int,
    values: np.ndarray,
    missing: np.ndarray,
    categories: np.ndarray,
    *,
    warn_unknown: bool = False,
) -> np.ndarray:
    """Return the codes of a column, in the smallest dtype."""
    n = len(categories)
    with named_column(columns.names, j):
        index = encode_categories(values, missing, categories)
    unknown = index == n
    if warn_unknown and unknown.any():
        warn_of_unknown(columns.names, j, find_categories(values, ~unknown))
    index[unknown] = n + 1
    index[missing] = n
    return index.astype(np.min_scalar_type(n + 1))


def _table(
    numbers: np.ndarray, codes: Sequence[np.ndarray], categories: Sequence[np.ndarray | None]
) -> Table:
    """Return the Table of numbers and of the codes of each categorical column."""
    n_codes = np.array([len(found) + 2 for found in categories if found is not None])
    return Table(numbers, np.stack(codes, axis=1), n_codes)


def column_name(names: Sequence[Any] | None, j: int) -> str:
    """Return what messages call a column: its name, or its number."""
    return f"Column {j}" if names is None else f"Column {short_repr(names[j])}"


@contextmanager
def named_column(names: Sequence[Any] | None, j: int) -> Iterator[None]:
    """Put the name of a column before the message of a ValueError."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{column_name(names, j)} {error}") from error


def warn_of_strings(names: Sequence[Any] | None, j: int, categories: np.ndarray, n: int) -> None:
    """Warn if strings of column j are dates or numbers, or different in most of n rows."""
    if categories.dtype.kind != "O":
        return
    column = f"X[:, {j}]" if names is None else f"X[{short_repr(names[j])}]"
    if hold_dates(categories):
        found, conversion = example_date(categories), date_conversion(column, categories)
        kind, otherwise = "dates", "drop the column"
    elif hold_numbers(categories):
        found, conversion = example_number(categories), number_conversion(column, categories)
        kind, otherwise = "numbers", "give the column a category dtype if they are codes"
    elif formats := example_formats(categories):
        shown = " and ".join(map(short_repr, formats))
        warn_user(
            f"{column_name(names, j)} holds numbers as strings in several formats ({shown}), which "
            "are treated as categories: convert them to numbers, each format by itself, or give "
            "the column a category dtype if they are codes."
        )
        return
    else:
        _warn_of_ids(names, j, len(categories), n)
        return
    warn_user(
        f"{column_name(names, j)} holds {kind} as strings ({short_repr(found)}), which are treated "
        f"as categories: convert them to numbers, as in {conversion}, or {otherwise}."
    )


def _warn_of_ids(names: Sequence[Any] | None, j: int, n_different: int, n: int) -> None:
    """Warn if column j has different strings in more than half of n rows."""
    if n >= MIN_ID_ROWS and n_different > ID_SHARE * n:
        warn_user(
            f"{column_name(names, j)} has {n_different} different strings in {n} rows: "
            "it may hold ids or text, which are not useful as categories. Drop it, or derive "
            "numbers or categories from it."
        )


def warn_of_unknown(names: Sequence[Any] | None, j: int, unknown: np.ndarray) -> None:
    """Warn of categories of column j that the first call of fit or partial_fit did not have."""
    shown = ", ".join(repr(value) for value in unknown[:SHOWN].tolist())
    more = ", ..." if len(unknown) > SHOWN else ""
    warn_user(
        f"{column_name(names, j)} has categories that the first call did not have, which "
        f"are treated as unknown: {shorten(shown)}{more}. Give the column a category dtype with "
        "all categories before the first call."
    )

"""The columns of data frames, of any library that Narwhals reads: pandas, polars, PyArrow.

A column is a number or a category. Numbers become columns of one array, with NaN where a value is
missing; categories become one array each, with a mask of what is missing. Which columns are
categories, the parameter ``categorical_features`` says: see `categorical_mask`.

Columns are read by Narwhals, except for those of pandas that convert to NumPy without a change of
kind: they are taken as they are, since Narwhals takes 30 microseconds for each, even of one row.
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from numbers import Integral
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from skmlp._errors import invalid, short_repr
from skmlp.data.objects import (
    COMPLEX,
    DATE,
    EMPTY,
    MIXED,
    NUMBER,
    OTHER,
    STRING,
    Cells,
    object_array,
    read_array,
)

__all__ = ["Frame", "categorical_mask", "check_not_dicts_or_series", "read_frame"]

_CATEGORIES = (nw.Categorical, nw.Enum)
_WIDE = (nw.Int128, nw.UInt128)  # NumPy has no such integers
# Kinds of columns that are not read, by their dtype.
_UNREAD: dict[Any, str] = {
    **dict.fromkeys((nw.Date, nw.Datetime, nw.Time, nw.Duration), DATE),
    **dict.fromkeys((nw.List, nw.Array, nw.Struct, nw.Binary), OTHER),
}
FEW_LEVELS = 1000  # that are converted to strings at any number of rows
_BOOLS = {"true": True, "false": False}
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*", re.ASCII)
_PROBLEMS = {
    DATE: "holds dates or times: convert it to numbers, such as year, month or weekday, or drop it",
    OTHER: "holds values that are neither numbers nor strings: derive numbers or strings from it, "
    "or drop it",
    MIXED: "mixes strings and numbers: convert it to strings, such as by astype(str), or to "
    "numbers, such as by pandas.to_numeric",
    COMPLEX: "holds complex numbers: split it into real and imaginary parts",
}


class Frame:
    """The columns of a data frame.

    Parameters
    ----------
    native : data frame of pandas, polars or another library

    Attributes
    ----------
    names : list
        Column names as they are; with pandas they may be other than strings.
    n_rows : int
    """

    def __init__(self, native: Any) -> None:
        self._native = native
        is_arrow = nw.dependencies.is_pyarrow_table(native)
        self.names: list[Any] = list(native.column_names if is_arrow else native.columns)
        self.n_rows: int = len(native)
        self._columns: dict[int, Any] = {}  # pandas makes a new object each time
        self._cells: dict[int, Cells] = {}
        self._dtypes: dict[str, Any] = {}

    @cached_property
    def _frame(self) -> nw.DataFrame[Any]:
        return nw.from_native(self._native, eager_only=True)

    @cached_property
    def dtypes(self) -> list[str]:
        """The dtype of each column as its library calls it, for messages."""
        return [str(_native_dtype(self._column(j))) for j in range(len(self.names))]

    @cached_property
    def is_categorical(self) -> np.ndarray:
        """Which columns are categories by their dtype (n_columns,): category, strings."""
        return np.array([self._is_category(j) for j in range(len(self.names))], bool)

    def check(self, categorical: np.ndarray, *, fitted: bool = False) -> None:
        """Raise unless each column can be used as what the mask says, a number or a category.

        Parameters
        ----------
        categorical : ndarray of shape (n_columns,), bool
        fitted : bool, default=False
            Whether the mask is that of an estimator that is fitted, so that it cannot change.

        Raises
        ------
        ValueError
            With the name of the column, its dtype and a remedy.
        """
        for j, is_category in enumerate(categorical.tolist()):
            if fitted and not is_category:
                self._check_no_strings(j)
            if not (is_category and self._is_string(j)):  # which `values` reads
                self._usable(j, is_category)

    def numbers(self, columns: Sequence[int]) -> np.ndarray:
        """Return columns of numbers as array (n_rows, len(columns)); missing values are NaN.

        The dtype holds all of them: float32 and small integers stay what they are, unless
        integers have missing values.
        """
        parts = [self._usable(j, False) for j in columns]
        missing = [_gaps(cells) for cells in parts]
        dtypes = [_dtype_with(cells, m) for cells, m in zip(parts, missing, strict=True)]
        X = np.empty((self.n_rows, len(parts)), np.result_type(*dtypes) if dtypes else float)
        for k, (cells, gaps) in enumerate(zip(parts, missing, strict=True)):
            if cells.kind != EMPTY:
                X[:, k] = cells.values
            if gaps is not None:
                X[gaps, k] = np.nan
        return X

    def values(self, column: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the values of a category column and which are missing.

        They are not kept, since strings as Python objects take a lot of memory.

        Returns
        -------
        values : ndarray of shape (n_rows,)
            Objects for strings; numbers in their own dtype. Those missing are arbitrary.
        missing : ndarray of shape (n_rows,), bool
        """
        cells = self._usable(column, True)
        self._cells.pop(column)
        return cells.values, cells.missing_mask()

    def declared(self, column: int) -> np.ndarray | None:
        """Return the categories that the dtype of a column declares; None if it declares none.

        That is a category of pandas, or an Enum. Those of polars' Categorical and of Arrow's
        dictionaries are no property of the column: they may come from other tables.
        """
        native = self._column(column)
        if _in_numpy(native) or self._dtype(column, native) not in _CATEGORIES:
            return None
        levels = _declared_levels(self._series(column))
        if levels is None:
            return None
        cells = read_array(levels)
        if cells.kind in _PROBLEMS:
            raise self._error(column, _PROBLEMS[cells.kind])
        return cells.values

    def _usable(self, j: int, as_category: bool) -> Cells:
        """Return the values of column j; raise if they are no numbers, or no categories."""
        cells = self._read(j)
        if cells.kind in _PROBLEMS:
            raise self._error(j, _PROBLEMS[cells.kind])
        if cells.kind == STRING and not as_category:
            raise self._error(
                j,
                "holds strings: add it to categorical_features, or encode it as numbers. With the "
                'default categorical_features="from_dtype", all columns of strings are categories, '
                "and so are those that .astype('category') marks",
            )
        return cells

    def _check_no_strings(self, j: int) -> None:
        """Raise if column j, which was numeric in fit, holds strings."""
        cells = self._read(j)
        if cells.kind in (STRING, MIXED):
            texts = [value for value in cells.values.tolist() if isinstance(value, str)]
            text = next((text for text in texts if not _is_number(text)), texts[0])
            column = f"X[{short_repr(self.names[j])}]"
            remedy = f"pandas.to_numeric({column}, errors='coerce')"
            if _DECIMAL_COMMA.fullmatch(text):
                remedy = (
                    f"{column}.str.replace(',', '.').astype(float), or read it with decimal=','"
                )
            if all(text.strip().lower() in _BOOLS for text in texts):  # to_numeric makes them NaN
                remedy = f"{column}.astype(str).str.strip().str.lower().map({_BOOLS})"
            raise ValueError(
                f"Column {short_repr(self.names[j])} was numeric in fit and holds strings such as "
                f"{short_repr(text)}: convert it, as by {remedy}."
            )

    def _error(self, j: int, problem: str) -> ValueError:
        return ValueError(
            f"Column {short_repr(self.names[j])} of dtype {self.dtypes[j]} {problem}."
        )

    def _read(self, j: int) -> Cells:
        """Return the values of column j; those of dates and of nested dtypes are empty."""
        if j not in self._cells:
            try:
                self._cells[j] = self._convert(j)
            except ValueError as error:
                raise self._error(j, str(error)) from error
        return self._cells[j]

    def _convert(self, j: int) -> Cells:
        native = self._column(j)
        if self._declares_strings(j, native):
            cells = _decode_levels(native)
            if cells is not None:
                return cells
        cells = _read_as_numpy(native)
        if cells is not None:
            return cells
        dtype = self._dtype(j, native)
        if dtype in _UNREAD:
            return Cells(np.empty(0), None, _UNREAD[dtype])
        if dtype == nw.String:
            return read_array(native.to_numpy())
        return _read_series(self._series(j), dtype)

    def _column(self, j: int) -> Any:
        """Return column j as its library holds it."""
        if j not in self._columns:
            self._columns[j] = self._native[self.names[j]]
        return self._columns[j]

    def _series(self, j: int) -> nw.Series[Any]:
        return self._frame.get_column(self.names[j])

    def _is_string(self, j: int) -> bool:
        """Whether all values of column j are strings, by its dtype."""
        native = self._column(j)
        if _in_numpy(native):
            return False
        dtype = self._dtype(j, native)
        return dtype == nw.String or self._declares_strings(j, native)

    def _declares_strings(self, j: int, native: Any) -> bool:
        """Whether column j has a category dtype that declares strings, without reading them."""
        levels: Any = getattr(_native_dtype(native), "categories", None)
        if not hasattr(levels, "dtype"):  # Arrow's dictionaries, polars' Categorical
            return False
        if str(levels.dtype) == "object":  # each column may hold other objects
            return bool(self._series(j).cat.get_categories().dtype == nw.String)
        key = f"levels of {levels.dtype}"
        if key not in self._dtypes:
            self._dtypes[key] = self._series(j).cat.get_categories().dtype
        return bool(self._dtypes[key] == nw.String)

    def _is_category(self, j: int) -> bool:
        native = self._column(j)
        if not _in_numpy(native):
            dtype = self._dtype(j, native)
            if dtype not in (nw.Object, nw.Unknown):
                return dtype == nw.String or dtype in _CATEGORIES
        return self._read(j).kind == STRING

    def _dtype(self, j: int, native: Any) -> Any:
        """Return the class of dtype of column j in Narwhals, which is asked once for each."""
        key = str(_native_dtype(native))
        if key not in self._dtypes:
            dtype = self._series(j).dtype
            self._dtypes[key] = dtype if isinstance(dtype, type) else type(dtype)
        return self._dtypes[key]


def read_frame(X: Any) -> Frame | None:
    """Return the columns of X; None if it is no data frame.

    Raises
    ------
    ValueError
        For a polars.LazyFrame, and if two columns have the same name.
    """
    if isinstance(X, np.ndarray):
        return None
    X = nw.to_native(X, pass_through=True)
    if nw.dependencies.is_polars_lazyframe(X):
        raise ValueError("X is a polars.LazyFrame, which has no rows yet: pass X.collect().")
    if not nw.dependencies.is_into_dataframe(X):
        return None
    frame = Frame(X)
    if len(set(frame.names)) < len(frame.names):
        twice = [name for name, count in Counter(frame.names).items() if count > 1]
        raise ValueError(
            f"X has several columns of the same name: {short_repr(twice)}. Rename or drop them."
        )
    return frame


def _is_number(text: str) -> bool:
    """Return whether a string spells a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def check_not_dicts_or_series(X: Any) -> None:
    """Raise for what is no data frame, but becomes one by a call that the message tells."""
    if isinstance(X, dict) and not hasattr(X, "shape"):  # as SciPy's dok_matrix has
        raise ValueError(
            "Expected 2D array, got a dict: use pandas.DataFrame(X) if it holds columns, and "
            "pandas.DataFrame([X]) if it is one row."
        )
    if isinstance(X, list | tuple) and any(isinstance(row, dict) for row in X):
        raise ValueError("X holds dicts: use pandas.DataFrame(X).")
    if not isinstance(X, np.ndarray) and nw.dependencies.is_into_series(X):
        raise ValueError(
            f"Expected 2D array, got 1D array instead: X is a {type(X).__name__}. Reshape your "
            "data: for one row use X.iloc[[0]] of the data frame or pandas.DataFrame([row]), and "
            "for a single column a data frame with this column."
        )


def _native_dtype(column: Any) -> Any:
    """Return the dtype of a column of pandas or polars, the type of one of Arrow."""
    return column.dtype if hasattr(column, "dtype") else column.type


def _in_numpy(column: Any) -> bool:
    return isinstance(_native_dtype(column), np.dtype)


def _read_as_numpy(column: Any) -> Cells | None:
    """Return the values of a column of pandas that needs no translation; None for others."""
    if _in_numpy(column):
        return read_array(column.to_numpy())
    kind = getattr(_native_dtype(column), "kind", None)  # dtypes of pandas have NumPy's kinds
    if kind not in tuple("biufO"):
        return None
    values = column.to_numpy()
    if values.dtype.kind != kind:  # integers with gaps, categories of numbers
        return None
    cells = read_array(values)
    return cells if cells.kind in (NUMBER, STRING, EMPTY) else None


def _decode_levels(column: Any) -> Cells | None:
    """Return the values of a column of pandas whose categories are strings; None for others.

    Conversion by pandas makes a string for each row, and for one row takes six times as long.
    """
    codes = getattr(getattr(column, "array", None), "codes", None)
    if not isinstance(codes, np.ndarray):
        return None
    levels = _native_dtype(column).categories
    if not len(levels) or len(levels) > max(len(codes), FEW_LEVELS):
        return None
    missing = codes < 0
    if missing.all():
        return Cells(np.full(len(codes), None), missing, EMPTY)
    values = np.asarray(levels, object)[codes]
    return Cells(values, missing if missing.any() else None, STRING)


def _read_series(series: nw.Series[Any], dtype: Any) -> Cells:
    """Return the values of a column that is neither strings nor stored in NumPy."""
    if dtype in _CATEGORIES:
        return _read_categories(series)
    if dtype in _WIDE:
        return read_array(series.cast(nw.Float64).to_numpy())
    values = series.to_numpy()
    is_boolean = dtype == nw.Boolean
    if values.dtype.kind in "fO" and (is_boolean or dtype.is_integer()):
        # Gaps turn integers and bools into floats and objects.
        filled = series.fill_null(False if is_boolean else 0).to_numpy()
        return Cells(filled, series.is_null().to_numpy(), NUMBER)
    return read_array(values)


def _read_categories(series: nw.Series[Any]) -> Cells:
    """Return the values of a column of a category dtype, whose levels may be numbers."""
    if not series.implementation.is_pyarrow():
        cells = read_array(series.to_numpy())
        return _as_levels(series, cells) if cells.kind == NUMBER else cells
    missing = series.is_null().to_numpy()
    if missing.all():
        return Cells(np.full(len(missing), None), missing, EMPTY)
    values = series.to_numpy()  # decodes gaps as some level
    if values.dtype.kind == "O" and missing.any():
        values = values.copy()
        values[missing] = None
    cells = read_array(values)
    return cells if cells.missing is not None else cells._replace(missing=missing)


def _as_levels(series: nw.Series[Any], cells: Cells) -> Cells:
    """Return numbers in the dtype of their levels; pandas makes floats of integers with gaps."""
    missing = cells.missing_mask()
    levels = _declared_levels(series) if missing.any() else None
    if levels is None or levels.dtype.kind not in "biu":
        return cells
    if not len(levels):
        return Cells(np.zeros(len(missing), levels.dtype), missing, NUMBER)
    return Cells(series.fill_null(levels[0].item()).to_numpy(), missing, NUMBER)


def _declared_levels(series: nw.Series[Any]) -> np.ndarray | None:
    """Return the levels of a category dtype that declares them, else None."""
    if series.implementation.is_pandas_like():
        try:
            return series.cat.get_categories().to_numpy()
        except AttributeError:  # Arrow's dictionaries in pandas
            return None
    dtype = series.dtype
    return object_array(dtype.categories) if isinstance(dtype, nw.Enum) else None


def _gaps(cells: Cells) -> np.ndarray | None:
    """Return where NaN must be written (n,); None for nowhere: floats have theirs."""
    missing = cells.missing
    return missing if missing is not None and missing.any() else None


def _dtype_with(cells: Cells, gaps: np.ndarray | None) -> np.dtype[Any]:
    """Return the dtype of a column of numbers, which must be a float for gaps."""
    dtype = cells.values.dtype
    if cells.kind == EMPTY:
        return np.dtype(np.float32)
    if gaps is None or dtype.kind == "f":
        return dtype
    return np.dtype(np.float32 if dtype.itemsize <= 2 else np.float64)


def categorical_mask(
    categorical_features: Any,
    names: Sequence[Hashable] | None,
    n_features: int,
    by_dtype: np.ndarray | None,
) -> np.ndarray:
    """Return which columns are categories.

    Parameters
    ----------
    categorical_features : "from_dtype", None, or array-like of str, int or bool
        As in HistGradientBoostingClassifier: by dtype, none, or names, indices or a mask.
    names : sequence or None
        Of the columns, if they have names.
    n_features : int
    by_dtype : ndarray of shape (n_features,), bool, or None
        Which columns are categories by their dtype; None for arrays, whose columns are numbers.

    Returns
    -------
    mask : ndarray of shape (n_features,), bool
    """
    none = np.zeros(n_features, bool)
    if categorical_features is None:
        return none
    if isinstance(categorical_features, str) and categorical_features == "from_dtype":
        return none if by_dtype is None else by_dtype.copy()
    entries = _entries(categorical_features)
    if not entries:
        return none
    if all(isinstance(entry, bool | np.bool_) for entry in entries):
        return _given_mask(entries, n_features)
    if all(isinstance(entry, Integral) and not isinstance(entry, bool) for entry in entries):
        find: Callable[[Any], int] = _index_finder(n_features)
    elif all(isinstance(entry, str) for entry in entries):
        find = _name_finder(entries, names)
    else:
        raise invalid("categorical_features", categorical_features, _ACCEPTED)
    none[[find(entry) for entry in entries]] = True
    return none


_ACCEPTED = '"from_dtype", None, or a list of column names, of column indices or of bools'


def _entries(categorical_features: Any) -> list[Any]:
    """Return what a list, tuple or array holds."""
    if isinstance(categorical_features, str | bytes | dict | set):
        raise invalid("categorical_features", categorical_features, _ACCEPTED)
    try:
        array = np.asarray(categorical_features, object)
    except (TypeError, ValueError):
        array = np.empty((), object)
    if array.ndim != 1:
        raise invalid("categorical_features", categorical_features, _ACCEPTED)
    return list(array.tolist())


def _given_mask(entries: list[Any], n_features: int) -> np.ndarray:
    if len(entries) != n_features:
        accepted = f"as long as X has columns if it is a mask: {n_features}"
        raise invalid("categorical_features", entries, accepted)
    return np.array(entries, bool)


def _index_finder(n_features: int) -> Callable[[Any], int]:
    def find(index: Any) -> int:
        if not 0 <= index < n_features:
            accepted = f"column indices from 0 to {n_features - 1}"
            raise invalid("categorical_features", index, accepted)
        return int(index)

    return find


def _name_finder(entries: list[Any], names: Sequence[Hashable] | None) -> Callable[[Any], int]:
    if names is None:
        accepted = "column indices or a mask, because X has no column names"
        raise invalid("categorical_features", entries, accepted)
    position = {name: j for j, name in enumerate(names)}

    def find(name: Any) -> int:
        if name not in position:
            raise invalid(
                "categorical_features", name, f"names of columns of X, {short_repr(list(names))}"
            )
        return position[name]

    return find

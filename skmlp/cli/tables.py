"""Reading tables from files, with the type that a model has for each column.

Formats are told by the end of a file's name: Parquet, Feather, and CSV for all others, also
compressed. All values of a CSV file are read as text, so that "01" stays "01", and are converted by
`to_numbers` or `to_texts`. Rows are named by the index of the DataFrame, which counts from 0 unless
the file holds another one.
"""

import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from lzma import LZMAError
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from skmlp.cli.commands import CommandError, did_you_mean, one_line, quoted

__all__ = [
    "NUMBER_GAPS",
    "STDIN",
    "FileTable",
    "ModelColumn",
    "check_columns",
    "is_numeric",
    "model_columns",
    "parse_numbers",
    "read_table",
    "read_tables",
    "repeated_names",
    "separator",
    "to_numbers",
    "to_texts",
    "typed_frame",
]

STDIN = "-"
# Missing values in a column of numbers: the markers of pandas and of the UCI repository.
# In a column of categories only an empty text is a gap, because "NA" and "None" may be names.
NUMBER_GAPS = frozenset(
    ["#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>"]
    + ["N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null", "?"]
)
_BOOLS = {"True": 1.0, "False": 0.0}
_TABULATED = (".tsv", ".tab")
_TYPED = (".parquet", ".feather")
_SPREADSHEETS = (".xlsx", ".xls", ".ods")
_DAMAGED = EOFError, zlib.error, LZMAError, BadZipFile, ValueError, NotImplementedError
_COMPRESSED = re.compile(r"\.(gz|bz2|xz|zst|zip)$")


class FileTable(NamedTuple):
    """Rows of a file.

    Attributes
    ----------
    path : str
        As messages name the file.
    frame : DataFrame
    is_text : bool
        Whether the file has no types, so that all values are text.
    decimal : str, default="."
        The decimal point of numbers in texts.
    names : tuple, default=()
        The names of the columns in the file, which may have spaces at the end, or be no texts.
    """

    path: str
    frame: pd.DataFrame
    is_text: bool
    decimal: str = "."
    names: tuple[Any, ...] = ()


class ModelColumn(NamedTuple):
    """A column as a model knows it.

    Attributes
    ----------
    name : str
    categories : ndarray or None
        Without the gap that a model may have among them. None for numbers.
    """

    name: str
    categories: np.ndarray | None


def read_table(path: str, sep: str | None, encoding: str, decimal: str = ".") -> FileTable:
    """Return all rows of a file.

    Parameters
    ----------
    path : str
    sep : str or None
        The separator of CSV. None is a tabulator in files named so, otherwise a comma.
    encoding : str
        Of CSV.
    decimal : str, default="."
        The decimal point of CSV.

    Raises
    ------
    CommandError
        If the file cannot be read, or has no rows.
    """
    (table,) = read_tables(path, sep, encoding, decimal)
    return table


def read_tables(
    path: str,
    sep: str | None,
    encoding: str,
    decimal: str = ".",
    chunk_rows: int | None = None,
) -> Iterator[FileTable]:
    """Yield the rows of a file in parts; the parameters and errors are those of `read_table`.

    Parquet and Feather are read at once, and then divided.
    """
    stem = _stem(path)
    if stem.endswith(_SPREADSHEETS):
        raise CommandError(f"{path} is a spreadsheet: save it as CSV")
    is_text = not stem.endswith(_TYPED)
    n_rows = 0
    with _named_errors(path, sep, encoding):
        if is_text:
            parts = _read_csv(path, separator(path, sep), encoding, chunk_rows)
        else:
            parts = _divided(_read_typed(path, stem), chunk_rows)
        for frame in parts:
            if is_text:
                _check_trailing_separators(path, frame)
            names = frame.columns
            frame.columns = names.map(str).str.strip()
            _check_names(path, frame)
            n_rows += len(frame)
            if len(frame):
                yield FileTable(path, frame, is_text, decimal if is_text else ".", tuple(names))
    if not n_rows:
        raise CommandError(f"{path} has no rows")


def _stem(path: str) -> str:
    """Return a path in lower case without the end of a compressed file."""
    return _COMPRESSED.sub("", path.lower())


def separator(path: str, sep: str | None) -> str:
    """Return the separator of a CSV file, given that of the command line."""
    return sep or ("\t" if _stem(path).endswith(_TABULATED) else ",")


def _csv_options(sep: str, encoding: str) -> dict[str, Any]:
    """Return the options of pandas that keep all texts as they are."""
    options: dict[str, Any] = {"sep": sep, "encoding": encoding, "skipinitialspace": sep != " "}
    return options | {"dtype": str, "keep_default_na": False, "na_filter": False}


def repeated_names(table: FileTable, sep: str | None, encoding: str) -> set[str]:
    """Return the names that pandas gave to columns whose name another column has, as in "age.1".

    Of a file from a pipe, which is read once, also such names that the file itself has.
    """
    names = list(table.frame.columns)
    matches = [re.fullmatch(r"(.+)\.\d+", name) for name in names]
    renamed = {match[0] for match in matches if match and match[1] in names}
    if not renamed or not table.is_text or table.path == STDIN:
        return renamed if table.is_text else set()
    options = _csv_options(separator(table.path, sep), encoding)
    header = pd.read_csv(table.path, **options, header=None, nrows=1)
    return renamed - set(header.iloc[0].str.strip())


def _check_names(path: str, frame: pd.DataFrame) -> None:
    """Raise CommandError for two names that differ only by spaces."""
    if len(same := frame.columns[frame.columns.duplicated()]):
        raise CommandError(f"{path} has more than one column {quoted(same[0])}: rename one")


def _read_csv(path: str, sep: str, encoding: str, chunk_rows: int | None) -> Iterator[pd.DataFrame]:
    """Yield a CSV file in parts, or at once."""
    source: Any = sys.stdin.buffer if path == STDIN else path
    options = _csv_options(sep, encoding)
    if chunk_rows is None:
        yield pd.read_csv(source, **options)
        return
    with pd.read_csv(source, **options, chunksize=chunk_rows) as parts:
        yield from parts


def _check_trailing_separators(path: str, frame: pd.DataFrame) -> None:
    """Raise CommandError if rows, but not the header, end with a separator.

    pandas would take their first field for the names of the rows, and each column for the next one.
    """
    has_row_names = not isinstance(frame.index, pd.RangeIndex)
    if has_row_names and len(frame) and (frame.iloc[:, -1].fillna("") == "").all():
        raise CommandError(
            f"{path}: rows have one field more than the header, and it is empty: remove the "
            "separator at the end of each line"
        )


def _read_typed(path: str, stem: str) -> pd.DataFrame:
    """Return a Parquet or Feather file."""
    return pd.read_parquet(path) if stem.endswith(".parquet") else pd.read_feather(path)


def _divided(frame: pd.DataFrame, chunk_rows: int | None) -> Iterator[pd.DataFrame]:
    """Yield the rows in parts."""
    step = chunk_rows or max(len(frame), 1)
    for start in range(0, len(frame), step):
        yield frame.iloc[start : start + step]


@contextmanager
def _named_errors(path: str, sep: str | None, encoding: str) -> Iterator[None]:
    """Turn errors of reading into CommandError, with the name of the file."""
    try:
        yield
    except pd.errors.EmptyDataError as error:
        raise CommandError(f"{path} is empty") from error
    except UnicodeError as error:
        raise CommandError(
            f"{path} is not {encoding} ({error}): give its encoding, such as --encoding latin-1"
        ) from error
    except pd.errors.ParserError as error:
        reason = one_line(error).removeprefix("Error tokenizing data. C error: ")
        raise CommandError(
            f"{path} is not a table with the separator {sep or ','!r}: {reason}"
        ) from error
    except ImportError as error:  # pyarrow, or the compression by zstd
        raise CommandError(f'{error.name} is missing: pip install "skmlp[data]"') from error
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror or error}") from error
    except _DAMAGED as error:
        raise CommandError(f"cannot read {path}: {error}") from error


def check_columns(table: FileTable, names: Sequence[str]) -> None:
    """Raise CommandError unless the table has these columns."""
    columns = list(table.frame.columns)
    missing = [name for name in names if name not in columns]
    if not missing:
        return
    if len(columns) == 1 and (sep := re.search(r"[;\t|,]", columns[0])):
        hint = f"it has one column, {quoted(columns[0])}. Is the separator {sep[0]!r}? Set --sep"
    else:
        hint = did_you_mean(missing[0], columns)
    others = f" (nor {len(missing) - 1:,} others)" if len(missing) > 2 else ""
    if len(missing) == 2:
        others = f" (nor {quoted(missing[1])})"
    raise CommandError(f"{table.path} has no column {quoted(missing[0])}{others}: {hint}")


def model_columns(model: Any) -> list[ModelColumn]:
    """Return the columns of a fitted classifier or ensemble.

    Raises
    ------
    CommandError
        If it was fitted to an array, which has no names.
    """
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        raise CommandError("the model has no column names: fit it to a DataFrame")
    return [
        ModelColumn(str(name), None if categories is None else categories[pd.notna(categories)])
        for name, categories in zip(names, model.categories_, strict=True)
    ]


def typed_frame(table: FileTable, columns: Sequence[ModelColumn]) -> pd.DataFrame:
    """Return the columns of a model, in its order and with its types.

    Raises
    ------
    CommandError
        If a column is missing or a value is not a number where the model has numbers.
    """
    check_columns(table, [column.name for column in columns])
    return pd.DataFrame(
        {
            name: to_numbers(table.frame[name], table.decimal)
            if categories is None
            else _to_categories(table.frame[name], categories, table.decimal)
            for name, categories in columns
        },
        index=table.frame.index,
    )


def _to_categories(values: pd.Series, categories: np.ndarray, decimal: str) -> pd.Series:
    """Return a column as texts or, where the categories are numbers, as numbers."""
    texts = to_texts(values)
    if all(isinstance(category, str) for category in categories):
        return texts
    by_text = dict(zip(to_texts(pd.Series(categories)), map(float, categories), strict=True))
    numbers = texts.map(by_text).astype(np.float64).fillna(_numbers_or_bools(texts, decimal))
    unknown = numbers.isna() & texts.notna() & ~texts.isin(NUMBER_GAPS)
    return numbers.mask(unknown, max(by_text.values()) + 1)  # no category, as the text is none


def is_numeric(values: pd.Series) -> bool:
    """Whether the dtype is that of numbers, and not of bools, texts, times or objects."""
    is_bool = pd.api.types.is_bool_dtype(values.dtype)
    return pd.api.types.is_numeric_dtype(values.dtype) and not is_bool


def to_numbers(values: pd.Series, decimal: str = ".") -> pd.Series:
    """Return a column as float64, with NaN for missing values.

    Parameters
    ----------
    values : Series
    decimal : str, default="."
        The decimal point of numbers in texts.

    Raises
    ------
    CommandError
        With column, row and value, for a value that is not a finite number.
    """
    if is_numeric(values) or pd.api.types.is_bool_dtype(values.dtype):
        numbers = pd.Series(values.to_numpy(np.float64, na_value=np.nan), values.index)
        wrong = np.isinf(numbers)
    else:
        texts = to_texts(values)
        numbers = _numbers_or_bools(texts, decimal)
        wrong = (numbers.isna() & texts.notna() & ~texts.isin(NUMBER_GAPS)) | np.isinf(numbers)
    if wrong.any():
        row = np.flatnonzero(wrong)[0]
        wrong_text = to_texts(values.iloc[[row]])
        has_comma = decimal == "." and np.isfinite(parse_numbers(wrong_text, ",")).all()
        hint = "; for decimal commas, --decimal ," if has_comma else ""
        raise CommandError(
            f"column {quoted(values.name)}, row {values.index[row]}: {quoted(values.iloc[row])} "
            f"is not a finite number{hint}"
        )
    return numbers


def parse_numbers(texts: pd.Series, decimal: str = ".") -> pd.Series:
    """Return texts as float64, with NaN for those that are not numbers.

    With a decimal comma, "1.5" is not a number, as for pandas: it may be a date or a version.
    """
    if decimal != ".":
        texts = texts.astype(object)
        texts = texts.mask(texts.str.contains(".", regex=False, na=False).astype(bool))
        texts = texts.str.replace(decimal, ".", regex=False)
    return pd.to_numeric(texts, errors="coerce").astype(np.float64)


def _numbers_or_bools(texts: pd.Series, decimal: str) -> pd.Series:
    """Return texts as `parse_numbers`, and bools as 1 and 0, which they are for a model."""
    return parse_numbers(texts, decimal).fillna(texts.map(_BOOLS).astype(np.float64))


def to_texts(values: pd.Series) -> pd.Series:
    """Return a column as texts without surrounding spaces, NaN for missing values and empty texts.

    A whole number has no decimal point, whether it is stored as an integer or, because of missing
    values, as a float.
    """
    if isinstance(values.dtype, pd.StringDtype):
        texts = values.str.strip()
        return texts.where(texts != "").astype(object)
    present = values.notna()
    texts = pd.Series(np.nan, values.index, dtype=object, name=values.name)
    kept = values[present].astype(object).map(_to_text)
    texts[present] = kept.where(kept != "", np.nan)
    return texts


def _to_text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()

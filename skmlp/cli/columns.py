"""How a column of a file is read, as numbers or categories; the notes about it."""

import csv
import re
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from io import StringIO

import numpy as np
import pandas as pd

from skmlp._errors import printable
from skmlp.cli.commands import CommandError, quoted
from skmlp.cli.tables import (
    NUMBER_GAPS,
    FileTable,
    is_numeric,
    parse_numbers,
    to_numbers,
    to_texts,
)
from skmlp.data.dates import example_date, hold_dates
from skmlp.data.numerals import example_formats, hold_numbers

__all__ = [
    "Column",
    "describe",
    "labelled_rows",
    "remedies",
    "take_columns",
    "take_labels",
]

FEW_VALUES = 10
MAX_FLOATS = 20  # different ones that may be labels
MANY_CLASSES = 1_000
ID_ROWS = 20  # with fewer, all values of a column may differ by chance
ID_SHARE = 0.95
SEVERAL_DATES, DATE_SHARE = 3, 0.95
LISTED, NAMED = 40, 8  # columns in the table on the terminal, with a note
WIDTHS = 20, 35, 7  # of the name, the kind and values, the number of missing values
# Of 0 to 9 an integer with a zero before it, as codes have.
_LEADING_ZERO = re.compile(r"[+-]?0\d")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})*|0")

# Notes about a column: the reason, and the option that changes it, to be followed by names.
NOTES = {
    "few values": ("whole numbers are numbers, not categories", "As categories: --categorical"),
    "leading zeros": ("text, not numbers: categories", ""),
    "decimal comma": ("texts, read as categories; as numbers: --decimal ,", ""),
    "number-like": (
        "numbers with signs or separators: texts, read as categories",
        "Convert them first, or leave them out: --drop",
    ),
    "like dates": ("whole numbers such as 20240826: numbers, not dates", "To leave out: --drop"),
    "mixed": ("numbers and other texts: categories", ""),
    "repeated name": ("the header has the name before the point more than once", ""),
    "id-like": ("almost all values differ", "To leave out: --drop"),
    "constant": ("left out of the model", ""),
    "no values": ("left out of the model", ""),
}
LEFT_OUT = "constant", "no values"


@dataclass(frozen=True)
class Column:
    """A column and how it is read.

    Attributes
    ----------
    name : str
    values : Series
        Numbers as float64, or texts; NaN are missing values.
    is_category : bool
    n_gaps : int
    note : str
        A key of NOTES, or "".
    """

    name: str
    values: pd.Series
    is_category: bool
    n_gaps: int
    note: str

    @property
    def is_used(self) -> bool:
        """Whether the model uses the column: its values are not all the same."""
        return self.note not in LEFT_OUT

    @property
    def read_as(self) -> str:
        """The kind and the values in a few words."""
        values = self.values.dropna()
        if not len(values):
            return "nothing"
        if not self.is_category:
            if values.min() == values.max():
                return f"number, {values.iloc[0]:.6g}"
            return f"number, {values.min():.6g} to {values.max():.6g}"
        counts = values.value_counts()
        return f"category, {len(counts):,}: {', '.join(counts.index[:LISTED])}"


def take_columns(
    table: FileTable, names: Sequence[str], categorical: Collection[str]
) -> list[Column]:
    """Return columns of a table with their kinds.

    Columns of numbers in a typed file are numbers, and all others categories, but times. Columns of
    a file without types are numbers if all texts are numbers, none of them with leading zeros.

    Parameters
    ----------
    table : FileTable
    names : sequence of str
    categorical : collection of str
        Columns that are categories whatever they hold.

    Raises
    ------
    CommandError
        For a column of dates, of numbers that are not finite, or of objects.
    """
    return [_take_column(table, name, name in categorical) for name in names]


def _take_column(table: FileTable, name: str, as_category: bool) -> Column:
    values = table.frame[name]
    if as_category:
        return _categories(name, to_texts(values), is_text=False)
    texts = to_texts(values) if table.is_text or not is_numeric(values) else None
    _check_objects(values)
    if texts is None or _are_numbers(table, values, texts):
        return _numbers(name, to_numbers(values, table.decimal))
    _check_dates(name, values, texts)
    return _categories(name, texts, table.is_text, table.decimal)


def _are_numbers(table: FileTable, values: pd.Series, texts: pd.Series) -> bool:
    """Whether a column is one of numbers: by the texts, or by the objects of a typed file."""
    if not table.is_text:
        kind = pd.api.types.infer_dtype(values, skipna=True)
        return kind in ("integer", "floating", "mixed-integer-float", "decimal", "empty")
    different = _different(texts)
    if different.str.match(_LEADING_ZERO).any():
        return False
    return bool(parse_numbers(different, table.decimal).notna().all())


def _different(texts: pd.Series) -> pd.Series:
    """Return the different texts that are no gaps in a column of numbers."""
    different = pd.Series(texts.dropna().unique(), dtype=object)
    return different[~different.isin(NUMBER_GAPS)]


def _have_decimal_commas(texts: pd.Series) -> bool:
    """Whether texts are numbers with decimal commas, and not all of them with thousands' commas."""
    different = _different(texts)
    if not different.str.contains(",", regex=False).any():
        return False
    are_numbers = parse_numbers(different, ",").notna().all()
    return bool(are_numbers and not different.str.fullmatch(_THOUSANDS).all())


def _check_objects(values: pd.Series) -> None:
    """Raise CommandError for lists, dicts and bytes."""
    if values.dtype == object:
        for value in values.dropna():
            if not np.isscalar(value) and isinstance(value, list | dict | np.ndarray | bytes):
                raise CommandError(
                    f"column {quoted(values.name)} holds {type(value).__name__}s, which are "
                    f"neither numbers nor categories: --drop {as_argument([values.name])}"
                )


def _check_dates(name: str, values: pd.Series, texts: pd.Series) -> None:
    """Raise CommandError for a column of dates."""
    different = pd.Series(texts.dropna().unique(), dtype=object)
    are_times = values.dtype.kind in "mM" or pd.api.types.infer_dtype(values) in (
        "date",
        "datetime",
        "time",
    )
    if are_times or hold_dates(different):
        example = different.iloc[0] if are_times else example_date(different)
        argument = as_argument([name])
        raise CommandError(
            f"column {quoted(name)} holds dates ({quoted(example)}), which are neither numbers "
            f"nor categories: --drop {argument}, --categorical {argument}, or convert it to numbers"
        )


def _numbers(name: str, numbers: pd.Series) -> Column:
    present = numbers.dropna()
    n_different, n_gaps = present.nunique(), len(numbers) - len(present)
    note = _spread_note(n_different, n_gaps)
    if not note and (present % 1 == 0).all():
        if _are_dates(present):
            note = "like dates"
        elif 2 < n_different <= FEW_VALUES:
            note = "few values"
        elif n_different == len(present) >= ID_ROWS:
            note = "id-like"
    return Column(name, numbers, False, n_gaps, note)


def _are_dates(numbers: pd.Series) -> bool:
    """Whether nearly all whole numbers are dates, as 20240826, and several of them differ."""
    different = pd.Series(numbers.unique())
    are_near = different.between(19000101, 21001231)
    if len(different) < SEVERAL_DATES or are_near.mean() < DATE_SHARE:
        return False
    digits = different[are_near].astype(np.int64).astype(str)
    dates = pd.to_datetime(digits, format="%Y%m%d", errors="coerce")
    return bool(dates.notna().sum() >= DATE_SHARE * len(different))


def _categories(name: str, texts: pd.Series, is_text: bool, decimal: str = ".") -> Column:
    present = texts.dropna()
    n_different, n_gaps = present.nunique(), len(texts) - len(present)
    note = _spread_note(n_different, n_gaps)
    numbers_share = parse_numbers(present, decimal).notna().mean() if is_text else 0.0
    is_mixed = 0.5 < numbers_share < 1
    if not note and is_text and decimal == "." and _have_decimal_commas(present):
        note = "decimal comma"
    if not note and is_text and not is_mixed:
        different = _different(present)
        if hold_numbers(different) or example_formats(different):
            note = "number-like"
    if not note and len(present) >= ID_ROWS and n_different >= ID_SHARE * len(present):
        note = "id-like"
    if not note and numbers_share == 1:
        note = "leading zeros"
    if not note and is_mixed:
        note = "mixed"
    return Column(name, texts, True, n_gaps, note)


def _spread_note(n_different: int, n_gaps: int) -> str:
    if not n_different:
        return "no values"
    return "constant" if n_different == 1 and not n_gaps else ""


def describe(columns: Sequence[Column]) -> list[str]:
    """Return the table of the columns as lines of at most 80 characters."""
    rows = [("column", "read as", "missing", "")]
    rows += [
        (c.name, c.read_as, f"{c.n_gaps:,}" if c.n_gaps else "", c.note) for c in columns[:LISTED]
    ]
    lines = [
        f"  {_cut(name, WIDTHS[0])}  {_cut(kind, WIDTHS[1])}{gaps:>{WIDTHS[2]}}  {note}".rstrip()
        for name, kind, gaps, note in rows
    ]
    if len(columns) > LISTED:
        lines.append(f"  and {len(columns) - LISTED:,} more, which are in the report")
    return lines


def remedies(columns: Sequence[Column]) -> list[str]:
    """Return the meaning of each note, the columns that have it, and the option that changes it."""
    lines = []
    for note, (reason, remedy) in NOTES.items():
        names = [column.name for column in columns if column.note == note]
        if not names:
            continue
        shown = ", ".join(names[:NAMED])
        if len(names) > NAMED:
            shown += f" and {len(names) - NAMED:,} more"
        line = f"{note} ({reason}): {printable(shown)}"
        if remedy and len(names) <= NAMED:
            line += f". {remedy} {as_argument(names)}"
        lines.append(line)
    return lines


def as_argument(names: Sequence[str]) -> str:
    """Return names as one argument of a command, which `from_argument` divides again."""
    line = StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return shlex.quote(printable(line.getvalue()))


def from_argument(text: str) -> list[str]:
    """Return the names that are divided by commas; a name with a comma is in double quotes."""
    return [name.strip() for name in next(csv.reader([text]), []) if name.strip()]


def _cut(text: str, width: int) -> str:
    """Return a text of a file in exactly this width."""
    text = printable(text)
    return f"{text if len(text) <= width else text[: width - 3] + '...':<{width}}"


def labelled_rows(table: FileTable, name: str) -> FileTable:
    """Return the rows that have a value in the column of the target; raise if there are none."""
    texts = to_texts(table.frame[name])
    present = texts.notna()
    if table.is_text and _are_numbers(table, table.frame[name], texts):
        present &= ~texts.isin(NUMBER_GAPS)
    if not present.any():
        raise CommandError(f"target {quoted(name)} has no values in {table.path}")
    return table._replace(frame=table.frame[present])


def take_labels(table: FileTable, name: str) -> np.ndarray:
    """Return the column of the target as labels: integers or texts.

    Parameters
    ----------
    table : FileTable
        Its rows have no gaps in this column.
    name : str

    Returns
    -------
    labels : ndarray of shape (n_rows,)

    Raises
    ------
    CommandError
        If the values are those of a regression, too many, or all the same.
    """
    values = table.frame[name]
    labels = _labels(table, values)
    n_classes = len(set(labels.tolist()))
    if n_classes == 1:
        raise CommandError(f"target {quoted(name)} has one value, {quoted(labels[0])}, in all rows")
    if n_classes > MANY_CLASSES or n_classes > max(MAX_FLOATS, len(labels) // 2):
        raise CommandError(
            f"target {quoted(name)} has {n_classes:,} different values in {len(labels):,} rows, "
            "too many for classes: is it an identifier, or a number to predict (regression)?"
        )
    return labels


def _labels(table: FileTable, values: pd.Series) -> np.ndarray:
    """Return integers where all values are integers, else texts."""
    texts = to_texts(values)
    if not (is_numeric(values) or (table.is_text and _are_numbers(table, values, texts))):
        return texts.to_numpy(str)
    numbers = to_numbers(values, table.decimal)
    if (numbers % 1 == 0).all() and numbers.abs().max() < 2**53:
        return numbers.to_numpy(np.int64)
    if (n := numbers.nunique()) > MAX_FLOATS:
        raise CommandError(
            f"target {quoted(values.name)} has {n:,} different numbers, such as "
            f"{numbers.iloc[0]:.6g}: this is regression, but skmlp predicts classes"
        )
    return texts.to_numpy(str)

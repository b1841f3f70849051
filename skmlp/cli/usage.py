"""How to use a model: the command and the Python code that a training prints at its end."""

import argparse
import shlex
from collections.abc import Iterable, Sequence

import pandas as pd

from skmlp.cli.columns import Column
from skmlp.cli.commands import PROG
from skmlp.cli.tables import NUMBER_GAPS, FileTable, is_numeric, separator

__all__ = ["usage"]

WIDTH = 76  # of the code, which is indented by 4
_PANDAS_GAPS = NUMBER_GAPS - {"?"}  # what pandas takes for missing, also among texts
_USE = """
Predict new rows:

    {command}

In Python:

    import pandas
    from skmlp import load

    {reading}
    clf = load({path!r})
    clf.predict(df[clf.feature_names_in_])"""
# As the command reads a text; pandas keeps spaces at the end.
_AS_TEXT = "lambda text: text.strip() or None"
_TYPED_AS_TEXT = """for name in {names}:
    df[name] = df[name].map(lambda v: str(v).removesuffix(".0"), na_action="ignore")"""


def usage(args: argparse.Namespace, path: str, table: FileTable, columns: Sequence[Column]) -> str:
    """Return how to predict new rows, read as the file of the training was.

    Parameters
    ----------
    args : Namespace
        `file`, `sep`, `encoding` and `decimal`, as of the command line.
    path : str
        Of the model.
    table : FileTable
        The rows of the training, with the values of the file.
    columns : sequence of Column
        Those of the model.
    """
    options = {"sep": args.sep, "encoding": args.encoding, "decimal": args.decimal}
    defaults = {"sep": None, "encoding": "utf-8", "decimal": "."}
    command = [PROG, "predict", shlex.quote(path), _new_name(args.file)]
    for name, value in options.items():
        if table.is_text and value != defaults[name]:
            command += [f"--{name}", "tab" if value == "\t" else shlex.quote(value)]
    lines = _read_text(args, table, columns) if table.is_text else _read_typed(args, table, columns)
    if table.names != tuple(table.frame.columns):
        lines.insert(1, "df.columns = df.columns.map(str).str.strip()")
    reading = "\n".join(lines).replace("\n", "\n    ")
    return _USE.format(command=" ".join(command), reading=reading, path=path)


def _new_name(path: str) -> str:
    """Return the name of a file of new rows: its end tells the format."""
    for end in (".parquet", ".feather", ".tsv", ".tab"):
        if path.lower().endswith(end):
            return f"new{end}"
    return "new.csv"


def _read_text(args: argparse.Namespace, table: FileTable, columns: Sequence[Column]) -> list[str]:
    """Return the call of `pandas.read_csv` that reads the values as the command does."""
    path = _new_name(args.file)
    sep = args.sep or separator(path, None)
    arguments = [repr(path)]
    if sep != ",":
        arguments.append(f"sep={sep!r}")
    if args.encoding != "utf-8":
        arguments.append(f"encoding={args.encoding!r}")
    if args.decimal != ".":
        arguments.append(f"decimal={args.decimal!r}")
    if sep != " ":
        arguments.append("skipinitialspace=True")
    arguments += _text_options(table, columns)
    return [_fitted("df = pandas.read_csv(", arguments, ")", WIDTH)]


def _text_options(table: FileTable, columns: Sequence[Column]) -> list[str]:
    """Return the options for the types and the missing values of the columns."""
    in_file = dict(zip(table.frame.columns, table.names, strict=True))
    texts = {column.name: _stripped(table.frame[column.name]) for column in columns}
    categories = [column.name for column in columns if column.is_category]
    spaced = [name for name in categories if (table.frame[name] != texts[name]).any()]
    as_text = [n for n in categories if n not in spaced and _may_be_others(texts[n])]
    has_names = any(texts[name].isin(_PANDAS_GAPS).any() for name in categories)
    if has_names:  # pandas adds its own gaps to those of a column unless it is told not to
        gaps = {name: _gaps(values, name in categories) for name, values in texts.items()}
    else:
        numbers = [name for name in texts if name not in categories]
        gaps = {name: repr("?") for name in numbers if (texts[name] == "?").any()}
    options = {
        "dtype": dict.fromkeys(as_text, "str"),
        "converters": dict.fromkeys(spaced, _AS_TEXT),
        "na_values": gaps,
    }
    return ["keep_default_na=False"] * has_names + [
        _fitted(f"{option}={{", [f"{in_file[n]!r}: {v}" for n, v in found.items()], "}", WIDTH - 4)
        for option, found in options.items()
        if found
    ]


def _stripped(values: pd.Series) -> pd.Series:
    return values.fillna("").str.strip()


def _may_be_others(texts: pd.Series) -> bool:
    """Whether pandas would read a file that has only some of the texts as numbers or bools."""
    are_numbers = pd.to_numeric(texts.str.replace(",", "."), errors="coerce").notna()
    return bool((are_numbers | texts.str.lower().isin(["true", "false"])).any())


def _gaps(texts: pd.Series, is_category: bool) -> str:
    """Return the missing values of a column as code, where pandas has no default ones."""
    gaps = [] if is_category else sorted(set(texts.unique()) & NUMBER_GAPS)
    return repr(["", *gaps] if gaps else "")


def _read_typed(args: argparse.Namespace, table: FileTable, columns: Sequence[Column]) -> list[str]:
    """Return the call that reads a file with types, and the conversions that the model needs."""
    path = _new_name(args.file)
    lines = [f"df = pandas.read_{path.rpartition('.')[2]}({path!r})"]
    texts, numbers = [], []
    for column in columns:
        values = table.frame[column.name]
        are_texts = pd.api.types.infer_dtype(values, skipna=True) in ("string", "empty")
        if column.is_category and not are_texts:
            texts.append(column.name)
        elif not column.is_category and not is_numeric(values):
            numbers.append(column.name)
    if texts:
        names = _fitted("[", map(repr, texts), "]", WIDTH - 14)
        lines.append(_TYPED_AS_TEXT.format(names=names))
    if numbers:
        items = [f"{name!r}: float" for name in numbers]
        lines.append(_fitted("df = df.astype({", items, "})", WIDTH))
    return lines


def _fitted(start: str, items: Iterable[str], end: str, width: int) -> str:
    """Return items in brackets on one line or, where it would be too long, on several."""
    parts = list(items)
    if len(line := f"{start}{', '.join(parts)}{end}") <= width and "\n" not in line:
        return line
    lines: list[str] = [""]
    for part in parts:
        if "\n" in part or len(lines[-1]) + len(part) + 6 > width:
            lines.append("")
        lines[-1] += f"{' ' * bool(lines[-1])}{part},"
    inner = "\n".join(filter(None, lines)).replace("\n", "\n    ")
    return f"{start}\n    {inner}\n{end}"

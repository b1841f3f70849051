"""Predict the rows of a file with a model that `skmlp.save` has written."""

import argparse
import gzip
import os
import sys
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd

from skmlp.cli.columns import from_argument
from skmlp.cli.commands import (
    DECIMALS,
    PROG,
    CommandError,
    OneLineParser,
    encoding_name,
    one_character,
    quoted,
    run_command,
)
from skmlp.cli.tables import (
    FileTable,
    ModelColumn,
    check_columns,
    model_columns,
    read_tables,
    typed_frame,
)
from skmlp.estimators.persistence import load
from skmlp.io._atomic import write_atomically

__all__ = ["main"]

_PROG = f"{PROG} predict"
STDOUT = "-"
CHUNK_ROWS = 20_000
_NOT_CSV = (".parquet", ".feather", ".xlsx")


def main(argv: list[str] | None = None) -> int:
    """Run the command ``python -m skmlp predict``.

    Parameters
    ----------
    argv : list of str, default=None
        The arguments. If None, those of the command line.

    Returns
    -------
    code : int
        0 on success, 130 after Ctrl-C.

    Raises
    ------
    SystemExit
        With code 2 for invalid arguments; with a message if a file cannot be read, used or written.
    """
    args = _parse(argv)
    return run_command(_PROG, lambda: _run(args))


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = OneLineParser(
        prog=_PROG,
        description="Predict the label and the probability of each class for each row of a table, "
        "and write them as CSV in the order of the rows.",
    )
    add = parser.add_argument
    add("model", help="a model file, as written by train")
    add("file", help="CSV, Parquet or Feather, with the model's columns; - for CSV from a pipe")
    add("--output", metavar="FILE", help="CSV or .csv.gz (default: predictions.csv); - for stdout")
    add("--keep", type=from_argument, metavar="A,B", help="columns of the file to copy")
    add("--sep", type=one_character, metavar="CHAR", help="separator of CSV (default: ,)")
    add(
        "--encoding",
        type=encoding_name,
        metavar="NAME",
        help="encoding of the CSV that is read (default: utf-8)",
    )
    add("--decimal", choices=DECIMALS, metavar="CHAR", help="decimal point of CSV (default: .)")
    parser.set_defaults(output="predictions.csv", encoding="utf-8", decimal=".", keep=[])
    args = parser.parse_args(argv)
    if args.output.lower().endswith(_NOT_CSV):
        parser.error(f"--output: predictions are written as CSV, not to {args.output}")
    return args


def _run(args: argparse.Namespace) -> None:
    """Read the model, and predict the rows part by part."""
    try:
        model = load(args.model)
    except ValueError as error:
        raise CommandError(error) from error
    except OSError as error:
        raise CommandError(f"cannot read {args.model}: {error.strerror or error}") from error
    if args.output == STDOUT:
        _write_to_stdout(model, args)
        return
    if Path(args.output).resolve() == Path(args.file).resolve():
        raise CommandError(f"--output would replace {args.file}")
    counts = []
    write_atomically(args.output, lambda file: counts.append(_write(model, args, file)))
    print(f"Wrote {args.output}: {counts[0]:,} rows")


def _write(model: Any, args: argparse.Namespace, file: Any) -> int:
    """Write the predictions to a binary file; return their number."""
    if args.output.lower().endswith(".gz"):
        with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as compressed:
            return _write_text(model, args, compressed)
    return _write_text(model, args, file)


def _write_text(model: Any, args: argparse.Namespace, file: Any) -> int:
    text = TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        return _write_parts(model, args, text)
    finally:
        text.flush()
        text.detach()  # the file is closed by others


def _write_to_stdout(model: Any, args: argparse.Namespace) -> None:
    """Write the predictions to stdout; end without an error if its reader ends."""
    try:
        _write_text(model, args, sys.stdout.buffer)
    except BrokenPipeError:
        # Python flushes stdout at its end, which would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write_parts(model: Any, args: argparse.Namespace, file: TextIO) -> int:
    """Write the predictions part by part; return their number."""
    n_rows = 0
    for part in _predicted(model, args):
        part.to_csv(file, header=not n_rows, float_format="%.9g", lineterminator="\n")
        n_rows += len(part)
    return n_rows


def _predicted(model: Any, args: argparse.Namespace) -> Iterator[pd.DataFrame]:
    """Yield labels and probabilities of the rows, part by part."""
    columns = model_columns(model)
    names = [f"probability_{label}" for label in model.classes_]
    kept = list(dict.fromkeys(args.keep))
    first, unknown = True, Unknown()
    for table in read_tables(args.file, args.sep, args.encoding, args.decimal, CHUNK_ROWS):
        X = typed_frame(table, columns)
        if first:
            _check_kept(table, kept, ["prediction", *names])
            _say_ignored(table.frame.columns.drop(kept), columns)
        first = False
        unknown.count(table, X, columns)
        try:
            proba = model.predict_proba(X)
        except ValueError as error:
            raise CommandError(f"cannot predict: {error}") from error
        labels = model.classes_[proba.argmax(axis=1)]
        part = pd.DataFrame(proba, X.index, names)
        part.insert(0, "prediction", labels)
        # As objects: only the probabilities are rounded.
        part = pd.concat([table.frame[kept].astype(object), part], axis=1)
        if part.index.names == [None]:
            part.index.name = "row"
        yield part
    unknown.say()


def _check_kept(table: FileTable, kept: list[str], written: list[str]) -> None:
    """Raise CommandError for columns that the table lacks, or whose names are written anyway."""
    check_columns(table, kept)
    for name in kept:
        if name in [*written, *(name or "row" for name in table.frame.index.names)]:
            raise CommandError(
                f"--keep: column {quoted(name)} has the name of another column of the output"
            )


class Unknown:
    """Values of categories that a model has not seen in training, by column."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, Any]] = {}  # how many, and one of them

    def count(self, table: FileTable, X: pd.DataFrame, columns: list[ModelColumn]) -> None:
        """Count those of X, which are the rows of a table as the model reads them."""
        for name, categories in columns:
            if categories is None:
                continue
            rows = np.flatnonzero(X[name].notna() & ~X[name].isin(categories))
            if len(rows):
                n, example = self._found.get(name, (0, table.frame[name].iloc[rows[0]]))
                self._found[name] = n + len(rows), example

    def say(self) -> None:
        """Print them on stderr, a line for each column."""
        for name, (n, example) in self._found.items():
            print(
                f"{_PROG}: column {quoted(name)}: unknown categories, such as "
                f"{quoted(example)}; number of rows: {n:,}",
                file=sys.stderr,
            )


def _say_ignored(found: pd.Index, columns: list[ModelColumn]) -> None:
    """Say on stderr which columns of the file the model does not have."""
    known = {column.name for column in columns}
    if others := [name for name in found if name not in known]:
        shown = ", ".join(map(quoted, others[:8]))
        more = f" and {len(others) - 8:,} more" if len(others) > 8 else ""
        print(f"{_PROG}: not used by the model: {shown}{more}", file=sys.stderr)

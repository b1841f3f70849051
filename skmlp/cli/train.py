"""Train a model on a file, evaluate it, and write the model and a report."""

import argparse
import shlex
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from textwrap import fill
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import classification_report

from skmlp import __version__
from skmlp._errors import printable
from skmlp.cli.columns import (
    Column,
    describe,
    from_argument,
    labelled_rows,
    remedies,
    take_columns,
    take_labels,
)
from skmlp.cli.commands import (
    DECIMALS,
    PROG,
    CommandError,
    OneLineParser,
    cannot_write,
    encoding_name,
    integer_from,
    one_character,
    one_line,
    quoted,
    run_command,
)
from skmlp.cli.evaluation import (
    BASELINES,
    Predictions,
    Scores,
    cautions,
    check_known_labels,
    fit_baselines,
    hold_out,
    importances,
    predictions,
    score,
)
from skmlp.cli.figures import draw_figures
from skmlp.cli.progress import showing_progress
from skmlp.cli.report import Report, decimal
from skmlp.cli.tables import (
    FileTable,
    ModelColumn,
    check_columns,
    read_table,
    repeated_names,
    to_numbers,
    to_texts,
    typed_frame,
)
from skmlp.cli.usage import usage
from skmlp.estimators.classifier import SoftmaxMLPClassifier
from skmlp.estimators.ensemble import SoftmaxMLPEnsembleClassifier
from skmlp.estimators.persistence import save
from skmlp.estimators.presets import PRESETS
from skmlp.io._atomic import write_atomically

__all__ = ["main"]

_PROG = f"{PROG} train"
_BALANCED = (
    "Trained with --class-weight balanced, also the logistic regression: the probabilities are "
    "those of balanced classes, not of the classes' frequencies, so the log-loss is usually higher."
)
VALIDATION_ROWS = 300  # with fewer, early stopping sets no rows aside
SCORE_HEADING = f"  {'':22}{'accuracy':>10}{'balanced':>10}{'log-loss':>10}{'AUC':>10}"


@dataclass(frozen=True)
class LabelledRows:
    """Rows with labels.

    Attributes
    ----------
    X : DataFrame of shape (n_rows, n_features)
    y : ndarray of shape (n_rows,)
    sample_weight : ndarray of shape (n_rows,) or None
    groups : ndarray of shape (n_rows,) or None
    """

    X: pd.DataFrame
    y: np.ndarray
    sample_weight: np.ndarray | None
    groups: np.ndarray | None

    def take(self, rows: np.ndarray) -> "LabelledRows":
        """Return some of the rows."""
        w, groups = self.sample_weight, self.groups
        return LabelledRows(
            self.X.iloc[rows],
            self.y[rows],
            None if w is None else w[rows],
            None if groups is None else groups[rows],
        )


def main(argv: list[str] | None = None) -> int:
    """Run the command ``python -m skmlp train``.

    Parameters
    ----------
    argv : list of str, default=None
        The arguments. If None, those of the command line.

    Returns
    -------
    code : int
        0 on success, also with the model trained before Ctrl-C; 130 if Ctrl-C comes before or after
        training.

    Raises
    ------
    SystemExit
        With code 2 for invalid arguments; with a message if a file cannot be read, used or written.
    """
    args = _parse(argv)
    return run_command(_PROG, lambda: _run(args))


def _parse(argv: list[str] | None) -> argparse.Namespace:
    """Return the arguments; exit if they are invalid."""
    parser = OneLineParser(
        prog=_PROG,
        description="Train a softmax multilayer perceptron on a table, evaluate it on held-out "
        "rows, and write the model, a report and figures. After Ctrl-C, the model trained so far "
        "is used.",
    )
    add = parser.add_argument
    add("file", help="CSV (.csv, .csv.gz, .tsv, ...), Parquet (.parquet) or Feather (.feather)")
    add("--target", required=True, metavar="COLUMN", help="the column to predict")
    add("--preset", choices=PRESETS, help="parameters of the model (default: those of the class)")
    add("--ensemble", type=integer_from(1), metavar="N", help="train N networks, average them")
    add("--test", metavar="FILE", help="evaluate on this file (default: on a fifth of the rows)")
    add("--group", metavar="COLUMN", help="keep rows of a group together in the split")
    add("--sample-weight", metavar="COLUMN", help="column of row weights")
    add("--class-weight", choices=["balanced"], help="give all classes the same total weight")
    add("--categorical", type=from_argument, metavar="A,B", help="columns to use as categories")
    add("--drop", type=from_argument, metavar="A,B", help="columns to leave out")
    add("--sep", type=one_character, metavar="CHAR", help="separator of CSV (default: ,)")
    add("--encoding", type=encoding_name, metavar="NAME", help="encoding of CSV (default: utf-8)")
    add("--decimal", choices=DECIMALS, metavar="CHAR", help="decimal point of CSV (default: .)")
    add("--output", type=Path, metavar="DIR", help="output folder (default: skmlp-output)")
    add("--seed", type=integer_from(0), metavar="N", help="random seed (default: 42)")
    parser.set_defaults(categorical=[], drop=[], encoding="utf-8", decimal=".", seed=42)
    parser.set_defaults(output=Path("skmlp-output"))
    args = parser.parse_args(argv)
    args.command = f"{_PROG} {shlex.join(sys.argv[1:] if argv is None else argv)}"
    return args


def _run(args: argparse.Namespace) -> None:
    """Read the file, train and evaluate a model, write the results."""
    table, columns = _read(args)
    _print_columns(args, table, columns)
    used = [column for column in columns if column.is_used]
    rows = _rows(args, table, used)
    train, test, notes = _split(args, rows, used)
    if find_spec("matplotlib") is None:
        print('Figures need matplotlib: pip install "skmlp[plot]"')
    path = args.output / "model.npz"
    with _output_folder(args.output):
        model, note = _train(args, train)
        is_replaced = path.exists()
        save(model, path)  # before it is evaluated, so that Ctrl-C from now on does not lose it
        print(f"Wrote {path}: the fitted model", flush=True)
        if is_replaced:
            print(f"Replaced the earlier model in {args.output}")
        print(flush=True)
        if args.class_weight is not None:
            notes.append(_BALANCED)
        _judge(args, model, columns, (train, test), [*notes, *note])
    print(usage(args, str(path), table, used))


@contextmanager
def _output_folder(folder: Path) -> Iterator[None]:
    """Make the folder if it is missing; remove it after an error if nothing was written to it.

    Raises
    ------
    SystemExit
        With code 2, if no file can be written to it.
    """
    is_new = not folder.exists()
    if message := cannot_write(folder):
        print(f"{_PROG}: error: {message}", file=sys.stderr)
        raise SystemExit(2)
    try:
        yield
    except BaseException:
        if is_new:
            with suppress(OSError):  # of a folder with files
                folder.rmdir()
        raise


def _read(args: argparse.Namespace) -> tuple[FileTable, list[Column]]:
    """Return the rows with labels, and the columns of features."""
    table = read_table(args.file, args.sep, args.encoding, args.decimal)
    roles = [name for name in (args.target, args.group, args.sample_weight) if name is not None]
    check_columns(table, [*roles, *args.drop, *args.categorical])
    given = [*roles, *args.drop]
    if twice := [name for name in dict.fromkeys(given) if given.count(name) > 1]:
        raise CommandError(
            f"column {quoted(twice[0])} can be only one of target, group, weight and dropped"
        )
    n_rows = len(table.frame)
    table = labelled_rows(table, args.target)
    if n_gaps := n_rows - len(table.frame):
        print(f"{n_gaps:,} rows without a value in {quoted(args.target)} are left out.")
    names = [name for name in table.frame.columns if name not in given]
    columns = take_columns(table, names, args.categorical)
    repeated = repeated_names(table, args.sep, args.encoding)
    columns = [
        replace(column, note="repeated name")
        if column.name in repeated and column.is_used
        else column
        for column in columns
    ]
    if not any(column.is_used for column in columns):
        raise CommandError(f"{args.file} has no column to predict {quoted(args.target)} from")
    return table, columns


def _print_columns(args: argparse.Namespace, table: FileTable, columns: Sequence[Column]) -> None:
    n_rows, n_columns = table.frame.shape
    print(f"{args.file}: {n_rows:,} rows, {n_columns:,} columns\n")
    print("\n".join(describe(columns)))
    if lines := remedies(columns):
        print("\n" + "\n".join(_wrapped(line, "- ") for line in lines))
    print(flush=True)


def _rows(args: argparse.Namespace, table: FileTable, columns: Sequence[Column]) -> LabelledRows:
    """Return the rows of the file to train on."""
    X = pd.DataFrame({c.name: c.values for c in columns}, index=table.frame.index)
    y = take_labels(table, args.target)
    labels, counts = np.unique(y, return_counts=True)
    shown = [
        f"{printable(str(label))} {count:,} ({count / len(y):.1%})"
        for label, count in zip(labels[:8], counts[:8], strict=True)
    ]
    more = f", and {len(labels) - 8} more" if len(labels) > 8 else ""
    print(_wrapped(f"Target {args.target}: {', '.join(shown)}{more}"), flush=True)
    return LabelledRows(X, y, _weights(args, table), _groups(args, table))


def _weights(args: argparse.Namespace, table: FileTable) -> np.ndarray | None:
    if args.sample_weight is None:
        return None
    weights = to_numbers(table.frame[args.sample_weight], table.decimal)
    wrong = weights.isna() | (weights < 0)
    if wrong.any():
        row = np.flatnonzero(wrong)[0]
        raise CommandError(
            f"column {quoted(args.sample_weight)}, row {weights.index[row]}: a weight must be a "
            f"number of at least 0, got {quoted(table.frame[args.sample_weight].iloc[row])}"
        )
    if not weights.any():
        raise CommandError(f"column {quoted(args.sample_weight)}: all weights are 0")
    return weights.to_numpy()


def _groups(args: argparse.Namespace, table: FileTable) -> np.ndarray | None:
    if args.group is None:
        return None
    groups = to_texts(table.frame[args.group])
    if groups.isna().any():
        row = groups.index[groups.isna()][0]
        raise CommandError(f"column {quoted(args.group)}, row {row}: no group")
    return groups.to_numpy(str)


def _split(
    args: argparse.Namespace, rows: LabelledRows, columns: Sequence[Column]
) -> tuple[LabelledRows, LabelledRows, list[str]]:
    """Return the training rows, the test rows, and notes about them."""
    if args.test is not None:
        test = _test_rows(args, rows, columns)
        return rows, test, [f"Evaluated on the {len(test.y):,} rows of {args.test}."]
    trained_on, held_out = hold_out(rows.y, rows.groups, args.seed)
    kept = f", by groups of {args.group}" if args.group else ""
    note = (
        f"Evaluated on {len(held_out):,} held-out rows{kept}; trained on the other "
        f"{len(trained_on):,}."
    )
    return rows.take(trained_on), rows.take(held_out), [note]


def _test_rows(
    args: argparse.Namespace, rows: LabelledRows, columns: Sequence[Column]
) -> LabelledRows:
    """Return the rows of --test, with the types of the training rows."""
    table = read_table(args.test, args.sep, args.encoding, args.decimal)
    needed = [name for name in (args.target, args.sample_weight) if name is not None]
    check_columns(table, needed)
    table = labelled_rows(table, args.target)
    as_text = np.array([], str)
    known = [ModelColumn(c.name, as_text if c.is_category else None) for c in columns]
    X = typed_frame(table, known)
    values = table.frame[args.target]
    if rows.y.dtype.kind == "i":
        numbers = to_numbers(values, table.decimal)
        y = numbers.to_numpy(np.int64) if (numbers % 1 == 0).all() else numbers.to_numpy()
    else:
        y = to_texts(values).to_numpy(str)
    check_known_labels(y, np.unique(rows.y), args.test)
    return LabelledRows(X, y, _weights(args, table), None)


def _train(args: argparse.Namespace, train: LabelledRows) -> tuple[Any, list[str]]:
    """Return the fitted model, and notes about the training."""
    model: Any = SoftmaxMLPClassifier(**PRESETS[args.preset] if args.preset else {})
    if args.class_weight is not None:
        model.set_params(class_weight=args.class_weight)
    if args.ensemble is None:
        model.set_params(random_state=args.seed)
    else:
        model = SoftmaxMLPEnsembleClassifier(model, args.ensemble, random_state=args.seed)
    rows, validation, notes = _validation(args, train)
    print(f"Training on {len(rows.y):,} rows:\n{model}\n", flush=True)
    started = perf_counter()
    try:
        with (
            warnings.catch_warnings(record=True, action="always") as caught,
            showing_progress(model),
        ):
            model.fit(rows.X, rows.y, rows.sample_weight, **validation)
    except KeyboardInterrupt:
        if not hasattr(model, "theta_"):  # not trained yet
            raise
        notes.append("Training was interrupted; this is the model trained so far.")
        print("\nInterrupted; the model trained so far is kept.")
    except (ValueError, TypeError) as error:
        raise CommandError(f"cannot train: {error}") from error
    seconds = perf_counter() - started
    print(f"Trained for {seconds:.1f} s{_epochs(model)}.", flush=True)
    return model, [*notes, *dict.fromkeys(one_line(warning.message) for warning in caught)]


def _epochs(model: Any) -> str:
    """Return how many epochs a network was trained for, and which one was kept."""
    if not isinstance(model, SoftmaxMLPClassifier):
        return ""
    best = model.best_epoch_
    kept = "" if best is None else f"; the parameters are those after epoch {best + 1}"
    return f", {model.n_iter_} epochs{kept}"


def _validation(
    args: argparse.Namespace, train: LabelledRows
) -> tuple[LabelledRows, dict[str, Any], list[str]]:
    """Return the rows to train on, and those of other groups for early stopping, if any.

    Without groups, the classifier sets rows aside itself.
    """
    if train.groups is None or len(train.y) < VALIDATION_ROWS:
        return train, {}, []
    try:
        rows, held_out = hold_out(train.y, train.groups, args.seed)
    except CommandError:
        return train, {}, []
    part = train.take(held_out)
    given = {"X_val": part.X, "y_val": part.y, "sample_weight_val": part.sample_weight}
    note = f"{len(held_out):,} of these, of separate groups, were used for early stopping."
    return train.take(rows), given, [note]


def _judge(
    args: argparse.Namespace,
    model: Any,
    columns: Sequence[Column],
    parts: tuple[LabelledRows, LabelledRows],
    notes: Sequence[str],
) -> None:
    """Print scores beside those of the baselines; write the figures and the report."""
    train, test = parts
    judged = predictions(model, test.X, test.y, test.sample_weight)
    used = [column for column in columns if column.is_used]
    baselines = _baselines(args, judged, train, used)
    scores = {"skmlp": score(judged)} | {name: score(b) for name, b in baselines.items()}
    classes = _by_class(judged)
    # Frequencies of the classes have a lower log-loss than probabilities of balanced classes.
    rivals = baselines if args.class_weight is None else {BASELINES[0]: baselines[BASELINES[0]]}
    warned = cautions(judged, rivals, args.test)
    print("\n".join(_wrapped(note, "- ") for note in notes), end="\n\n")
    _print_scores(scores, warned, classes)
    found = importances(model, judged, args.seed)
    figures = draw_figures(model, judged, found) if find_spec("matplotlib") else {}
    for name, figure in figures.items():
        _write(args.output / f"{name}.png", figure.light, figure.title.lower())
    report = Report(
        title=f"{Path(args.file).name}: {args.target}",
        subtitle=f"{len(train.y):,} training rows, {len(test.y):,} test rows, "
        f"{len(judged.classes):,} classes, {len(used):,} columns",
        footer=f"Made by skmlp {__version__} with seed {args.seed}: {model}",
        command=args.command,
        dropped=args.drop,
        notes=notes,
        columns=columns,
        scores=scores,
        cautions=warned,
        judged=judged,
        classes=classes,
        found=found,
        figures=figures,
    )
    page = report.html().encode("utf-8", "xmlcharrefreplace")
    _write(args.output / "report.html", page, "scores, figures, errors and columns in one page")


def _baselines(
    args: argparse.Namespace, judged: Predictions, train: LabelledRows, columns: Sequence[Column]
) -> dict[str, Predictions]:
    """Return the predictions of the baselines for the rows of those of the model."""
    is_category = [column.is_category for column in columns]
    baselines = fit_baselines(train.X, is_category, train.y, train.sample_weight, args.class_weight)
    rows = judged.X, judged.y, judged.sample_weight
    return {name: predictions(baseline, *rows) for name, baseline in baselines.items()}


def _by_class(judged: Predictions) -> pd.DataFrame:
    """Return precision, recall, F1 and number of rows of each class; NaN for those without rows."""
    names = list(map(str, judged.classes))
    found = classification_report(
        judged.y,
        judged.labels,
        labels=judged.classes,
        target_names=names,
        sample_weight=judged.sample_weight,
        output_dict=True,
        zero_division=0,
    )
    table = pd.DataFrame([found[name] for name in names], index=names).drop(columns="support")
    counts = np.array([int((judged.y == label).sum()) for label in judged.classes])
    table.loc[counts == 0] = np.nan
    return table.rename(columns={"f1-score": "F1"}).assign(rows=counts)


def _print_scores(scores: dict[str, Scores], warned: Sequence[str], classes: pd.DataFrame) -> None:
    print(SCORE_HEADING)
    for name, values in scores.items():
        print(f"  {name:22}" + "".join(f"{decimal(value):>10}" for value in values))
    if warned:
        print("\n" + "\n".join(_wrapped(line, "- ") for line in warned))
    print(f"\n  {'class':22}{'precision':>10}{'recall':>10}{'F1':>10}{'rows':>10}")
    for name, (*values, n_rows) in zip(classes.index, classes.to_numpy(), strict=True):
        cells = "".join(f"{decimal(value):>10}" for value in values)
        print(f"  {printable(name)[:20]:22}{cells}{int(n_rows):10,}")
    print()


def _wrapped(text: str, start: str = "") -> str:
    """Return a text in lines of at most 80 characters; words are not divided."""
    return fill(
        text,
        80,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _write(path: Path, content: bytes, contents: str) -> None:
    """Write a file, and print its path."""
    write_atomically(path, lambda file: file.write(content))
    print(f"Wrote {path}: {contents}", flush=True)

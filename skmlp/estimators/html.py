"""What the HTML representation in notebooks shows of a fitted network: its layers and training."""

from collections.abc import Mapping, Sequence
from html import escape
from math import isfinite
from typing import Any

import numpy as np

from skmlp._errors import printable
from skmlp.core.network import Network

__all__ = ["ensemble_html", "network_html"]

MAX_NAMES, MAX_CHARACTERS = 8, 32  # names in a cell; characters of a name

# The other classes are those of scikit-learn's tables, for their colours.
_STYLE = """<style>
.skmlp { overflow-x: auto; }
.skmlp table.parameters-table { margin-bottom: .5rem; border-collapse: collapse; }
.skmlp table :is(td, th) { padding: .3em .4em; }
.skmlp table .number { text-align: right !important; white-space: nowrap; }
.skmlp table .names { max-width: 22em; white-space: normal; overflow-wrap: anywhere; }
</style>"""
_BLOCK = '<div class="estimator-table skmlp"><details><summary>{}</summary>{}</details></div>'
_TABLE = '<table class="parameters-table"><tbody>{}</tbody></table>'

Cell = str | int | list[str]  # a list is one of names


def network_html(clf: Any) -> str:
    """Return the tables of a fitted SoftmaxMLPClassifier."""
    history, best, n_epochs = clf.history_, clf.best_epoch_, clf.n_iter_
    kept = n_epochs - 1 if best is None else best  # the epoch whose parameters these are
    facts = {
        "epochs": f"{n_epochs:,}",
        "best epoch": "" if best is None else f"{best + 1:,} (best_epoch_ = {best})",
        "stop reason": clf.stop_reason_,
        "training loss": _entry(history, "loss", kept),
        "validation loss": _entry(history, "validation_loss", kept),
        "validation score": _entry(history, "validation_score", kept),
        "temperature": _number(clf.temperature_),
        "seconds": _seconds([history]),
    }
    title = _counted(n_epochs, "epoch")
    for name in ("validation score", "training loss"):
        if facts[name]:
            title += f", {name} {facts[name]}"
            break
    n_params = f"{clf._network.n_params:,} parameters"
    return _network_block(clf, n_params, clf._activations) + _training_block(title, facts)


def ensemble_html(ensemble: Any, activations: Sequence[str]) -> str:
    """Return the tables of a fitted SoftmaxMLPEnsembleClassifier, given those of its members."""
    histories, (n_members, n_params) = ensemble.history_, ensemble.theta_.shape
    epochs = [len(history["loss"]) for history in histories]
    facts = {
        "members": f"{n_members:,}",
        "epochs": " to ".join(f"{n:,}" for n in sorted({min(epochs), max(epochs)})),
        "out-of-fold score": _number(getattr(ensemble, "oof_score_", np.nan)),
        "out-of-fold loss": _number(getattr(ensemble, "oof_loss_", np.nan)),
        "temperature": _number(ensemble.temperature_),
        "seconds": _seconds(histories),
    }
    title = _counted(n_members, "member")
    if facts["out-of-fold score"]:
        title += f", out-of-fold score {facts['out-of-fold score']}"
    counts = f"{n_params:,} parameters"
    if n_members > 1:
        counts = f"{n_members:,} with {counts} each, {n_members * n_params:,} in total"
    return _network_block(ensemble, counts, activations) + _training_block(title, facts)


def _network_block(estimator: Any, counts: str, activations: Sequence[str]) -> str:
    """Return what goes in and out, and the layers."""
    network = estimator._network
    names = [*(f"hidden {i + 1}" for i in range(len(activations))), "output"]
    functions = [*activations, "softmax"]
    layers: list[list[Cell]] = [
        [name, n_inputs, units, function, (n_inputs + 1) * units]
        for name, (n_inputs, units), function in zip(
            names, network.weight_shapes, functions, strict=True
        )
    ]
    tables = [
        _table(["", "number", "names"], _inputs_and_classes(estimator, network)),
        _table(["layer", "inputs", "units", "activation", "parameters"], layers),
    ]
    return _STYLE + _BLOCK.format(f"Network: {counts}", "".join(tables))


def _training_block(title: str, facts: Mapping[str, str]) -> str:
    rows: list[list[Cell]] = [[name, value] for name, value in facts.items() if value]
    return _BLOCK.format(f"Training: {escape(title)}", _table([], rows))


def _inputs_and_classes(estimator: Any, network: Network) -> list[list[Cell]]:
    """Return the number and the names of each kind of inputs, and of the classes."""
    names = getattr(estimator, "feature_names_in_", None)
    columns, encoding = estimator._column_categories, network.encoding
    numeric, categorical = (
        [j for j, found in enumerate(columns) if (found is None) is is_numeric]
        for is_numeric in (True, False)
    )
    kinds = [("numbers", len(numeric), numeric)]
    if encoding is not None:
        binned: Any = () if encoding.bins is None else np.unique(encoding.bins.columns)
        kinds += [
            ("missing values", len(encoding.gaps), [numeric[j] for j in encoding.gaps]),
            ("categories", encoding.n_levels, categorical),
            ("bins", encoding.n_bins, [numeric[j] for j in binned]),
        ]
    rows: list[list[Cell]] = [
        [kind, n, [] if names is None else _shortened(names[which[: MAX_NAMES + 1]])]
        for kind, n, which in kinds
        if n
    ]
    return [*rows, ["classes", len(estimator.classes_), _shortened(estimator.classes_)]]


def _shortened(names: np.ndarray) -> list[str]:
    """Return the first of some names, each cut if it is long."""
    shown = [printable(str(name), MAX_CHARACTERS) for name in names[:MAX_NAMES].tolist()]
    return [*shown, "…"] if len(names) > MAX_NAMES else shown


def _table(heading: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    lines = ["".join(map(_cell, row)) for row in rows]
    if heading:
        lines.insert(0, "".join(f"<th>{escape(text)}</th>" for text in heading))
    return _TABLE.format("".join(f'<tr class="default">{line}</tr>' for line in lines))


def _cell(value: Cell) -> str:
    if isinstance(value, int):
        return f'<td class="number">{value:,}</td>'
    if isinstance(value, list):
        return f'<td class="names">{", ".join(map(escape, value))}</td>'
    return f"<td>{escape(value)}</td>"


def _entry(history: Mapping[str, Sequence[float]], name: str, epoch: int) -> str:
    values = history.get(name, ())
    return _number(values[epoch]) if 0 <= epoch < len(values) else ""


def _number(value: float) -> str:
    """Return a number in four digits, and nothing if there is none."""
    return f"{value:.4g}" if isfinite(value) else ""


def _seconds(histories: Sequence[Mapping[str, Sequence[float]]]) -> str:
    return _number(sum(sum(history.get("seconds", [np.nan])) for history in histories))


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' * (n != 1)}"

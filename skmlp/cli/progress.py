"""The progress of fit: a bar on a terminal, lines elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np

from skmlp.estimators.classifier import SoftmaxMLPClassifier

__all__ = ["showing_progress"]


@contextmanager
def showing_progress(model: Any) -> Iterator[None]:
    """Show the progress of a call of fit within the context.

    A bar needs rich, a terminal and the callbacks of scikit-learn 1.9. Otherwise fit prints a line
    for each epoch or, of an ensemble, for each group of members.

    Parameters
    ----------
    model : SoftmaxMLPClassifier or SoftmaxMLPEnsembleClassifier
        An ensemble must have an `estimator`.
    """
    if not sys.stdout.isatty() or not find_spec("rich") or not find_spec("sklearn.callback"):
        model.set_params(verbose=1)
        try:
            yield
        finally:
            model.set_params(verbose=0)
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn()
    is_single = isinstance(model, SoftmaxMLPClassifier)
    network, n_networks = (model, 1) if is_single else (model.estimator, model.n_estimators)
    with Progress(*columns) as bars:
        network.set_callbacks(_Epochs(bars, n_networks))
        try:
            yield
        finally:
            network.set_callbacks()


class _Epochs:
    """A callback of scikit-learn that moves a bar of rich at the end of each epoch.

    The bar counts the epochs of all networks. Losses are the means of the last ones of each.

    Parameters
    ----------
    bars : rich.progress.Progress
    n_networks : int
        1, or the number of members of an ensemble, which have this callback.
    """

    def __init__(self, bars: Any, n_networks: int) -> None:
        self._bars, self._bar, self._n_networks = bars, None, n_networks
        self._losses: dict[str, dict[Any, float]] = {"loss": {}, "validation_loss": {}}

    def setup(self, estimator: Any, context: Any) -> None:
        pass

    def teardown(self, estimator: Any, context: Any) -> None:
        pass

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        if self._bar is None:  # the first fit begins
            total = self._n_networks * context.max_subtasks
            self._bar = self._bars.add_task(self._describe(1), total=total)

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any) -> None:
        n_iter, history = fitted_estimator.n_iter_, fitted_estimator.history_
        if context.task_name == "epoch":
            for name in self._losses.keys() & history.keys():
                self._losses[name][context.parent.task_id] = history[name][-1]
            self._bars.update(self._bar, advance=1, description=self._describe(n_iter))
        elif fitted_estimator.stop_reason_ != "interrupted":  # the epochs that early stopping saves
            self._bars.update(self._bar, advance=context.max_subtasks - n_iter)

    def _describe(self, epoch: int) -> str:
        parts = [f"{self._n_networks} networks"] if self._n_networks > 1 else []
        parts.append(f"epoch {epoch:3d}")
        for name, values in self._losses.items():
            if values:
                parts.append(f"{name.removesuffix('_loss')} {np.mean(list(values.values())):.4f}")
        return "  ".join(parts)

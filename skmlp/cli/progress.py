"""The progress of fit: a bar on a terminal, lines elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from skmlp.estimators.classifier import SoftmaxMLPClassifier

__all__ = ["showing_progress"]


@contextmanager
def showing_progress(model: Any) -> Iterator[None]:
    """Show the progress of a call of fit within the context.

    A bar needs rich, a terminal and, for the epochs of a single network, the callbacks of
    scikit-learn 1.9. Otherwise fit prints a line for each epoch or, of an ensemble, for each group
    of members.

    Parameters
    ----------
    model : SoftmaxMLPClassifier or SoftmaxMLPEnsembleClassifier
    """
    is_single = isinstance(model, SoftmaxMLPClassifier)
    if not sys.stdout.isatty() or find_spec("rich") is None or (is_single and not _has_callbacks()):
        model.set_params(verbose=1)
        try:
            yield
        finally:
            model.set_params(verbose=0)
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn()
    with Progress(*columns) as bars:
        if is_single:
            epochs = _Epochs(bars)
            model.set_callbacks(epochs)
            yield
            epochs.finish()
        else:
            bar = bars.add_task(f"{model.n_estimators} networks, trained together", total=None)
            yield
            bars.update(bar, total=1, completed=1)


def _has_callbacks() -> bool:
    """Whether scikit-learn has callbacks."""
    return find_spec("sklearn.callback") is not None


class _Epochs:
    """A callback of scikit-learn that moves a bar of rich at the end of each epoch."""

    def __init__(self, bars: Any) -> None:
        self._bars, self._bar = bars, None

    def setup(self, estimator: Any, context: Any) -> None:
        pass

    def teardown(self, estimator: Any, context: Any) -> None:
        pass

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        if self._bar is None:
            self._bar = self._bars.add_task("epoch   1", total=context.max_subtasks)

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any) -> None:
        if context.task_name != "epoch":
            return
        parts = [f"epoch {fitted_estimator.n_iter_:3d}"]
        for name, values in fitted_estimator.history_.items():
            if name in ("loss", "validation_loss"):
                parts.append(f"{name.removesuffix('_loss')} {values[-1]:.4f}")
        self._bars.update(self._bar, advance=1, description="  ".join(parts))

    def finish(self) -> None:
        """Fill the bar, also where training has stopped early."""
        if self._bar is not None:
            self._bars.update(self._bar, total=1, completed=1)

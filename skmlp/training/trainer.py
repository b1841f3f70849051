"""Trainer: the one epoch loop, over whatever source of rows."""

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar, cast

from skmlp.core.lbfgs import ObjectiveOverRows, minimize_lbfgs
from skmlp.core.minibatch import EpochRecord
from skmlp.training.run import TrainingRun
from skmlp.training.state import FitResult

__all__ = ["DataSource", "FitHook", "Trainer"]


class DataSource(Protocol):
    """Where rows are: in memory, in memory for a stacked population, or in shards.

    A source for L-BFGS also has ``value_and_grad(objective, theta)``, see `ObjectiveOverRows`.
    """

    def run_epoch(self, epoch: int) -> list[EpochRecord]:
        """Train the networks for one epoch by mini-batches; return a record of each."""

    def restrict(self, runs: Sequence[TrainingRun]) -> None:
        """Go on with these runs only; the others get arrays of their own."""


Source = TypeVar("Source", bound=DataSource)


class FitHook(Protocol):
    """What is called during the training of a single network: callbacks, checkpoints."""

    def on_fit_begin(self, run: TrainingRun) -> None:
        """Called before the first epoch."""

    def on_epoch_end(self, run: TrainingRun, *, is_last: bool) -> bool:
        """Called after each epoch; returns whether to stop training."""

    def on_training_end(self, run: TrainingRun) -> None:
        """Called after the last epoch, unless training was interrupted."""

    def on_fitted(self, result: FitResult) -> None:
        """Called by the estimator when its fitted attributes are set."""


class Trainer(Generic[Source]):
    """Train one network, or several of one shape together.

    Parameters
    ----------
    source : DataSource
        Whose rows the runs are trained on.
    runs : sequence of TrainingRun
        With the same number of epochs. An error of one of several does not stop the others.
    """

    def __init__(self, source: Source, runs: Sequence[TrainingRun]) -> None:
        self.source, self.runs = source, list(runs)
        self._active = list(self.runs)
        self._results: dict[TrainingRun, FitResult | Exception] = {}

    @property
    def run(self) -> TrainingRun:
        """The run of a single network."""
        (run,) = self.runs
        return run

    def train(self, hooks: Sequence[FitHook] = ()) -> FitResult:
        """Train a single network; an interruption by the user (Ctrl-C) keeps what was learnt."""
        run = self.run
        if run.is_over:
            return run.finish()
        n_steps, n_done = run.n_steps, run.n_done
        for hook in hooks:
            hook.on_fit_begin(run)
        try:
            self._loop(hooks)
            for hook in hooks:
                hook.on_training_end(run)
        except KeyboardInterrupt:
            if run.n_steps == n_steps and run.n_done == n_done:
                raise  # there is nothing to keep
            run.interrupt()
        return run.finish()

    def train_all(self) -> list[FitResult | Exception]:
        """Train several networks; return the result, or the error, of each."""
        self._loop()
        self._finish(self._active)
        return [self._results[run] for run in self.runs]

    def _loop(self, hooks: Sequence[FitHook] = ()) -> None:
        """Train epoch by epoch until every run has stopped."""
        first = self.runs[0]
        if first.config.full_batch:
            self._minimize(hooks)
            return
        for epoch in range(first.n_done, first.n_epochs):
            stopped = []
            for run, record in zip(self._active, self.source.run_epoch(epoch), strict=True):
                if self._end_epoch(run, record, hooks):
                    stopped.append(run)
            if len(stopped) == len(self._active):
                return
            if stopped:
                self._finish(stopped)

    def _minimize(self, hooks: Sequence[FitHook]) -> None:
        """Train by L-BFGS, whose iterations count as epochs."""
        run = self.run
        converged = minimize_lbfgs(
            run.objective,
            run.state.theta,
            cast(ObjectiveOverRows, self.source),
            epochs=run.n_epochs - run.n_done,
            tol=float(run.config.tol),
            on_epoch_end=lambda record: self._end_epoch(run, record, hooks),
        )
        if converged:
            run.stop_reason = "converged"

    def _end_epoch(self, run: TrainingRun, record: EpochRecord, hooks: Sequence[FitHook]) -> bool:
        """End the epoch of a run; return whether it stops."""
        try:
            stop = run.end_epoch(record)
        except Exception as error:
            if len(self.runs) == 1:
                raise
            self._results[run] = error
            return True
        for hook in hooks:
            is_last = stop or run.n_done == run.n_epochs
            if hook.on_epoch_end(run, is_last=is_last) and not stop:
                run.stop_reason, stop = "callback", True
        return stop

    def _finish(self, stopped: Sequence[TrainingRun]) -> None:
        """Keep the results of runs that stop; the others continue without them."""
        self._active = [run for run in self._active if run not in stopped]
        self.source.restrict(self._active)
        for run in stopped:
            if run not in self._results:
                try:
                    self._results[run] = run.finish()
                except ValueError as error:
                    self._results[run] = error

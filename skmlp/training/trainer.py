"""Trainer: the one epoch loop, over any source of rows. TrainingRun: a network in it.

In each epoch, the source trains on its rows (`DataSource.run_epoch`). Then, for each network::

    evaluate, extend the history, update early stopping      TrainingRun.end_epoch
    call callbacks and checkpoints                           FitHook.on_epoch_end

until all epochs are over, early stopping or a callback stops, or Ctrl-C is pressed. At the end,
`TrainingRun.finish` restores the parameters of the best epoch and fits the temperature.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from math import isfinite
from typing import Any, Generic, Protocol, TypeVar, cast

import numpy as np

from skmlp.core.lbfgs import minimize_lbfgs
from skmlp.core.minibatch import EpochRecord
from skmlp.core.temperature import with_temperature
from skmlp.data.scales import check_foldable
from skmlp.training.config import TrainConfig
from skmlp.training.early_stopping import EarlyStopping
from skmlp.training.evaluation import Evaluator
from skmlp.training.history import History
from skmlp.training.state import FitResult, TrainState

__all__ = ["DataSource", "FitHook", "Trainer", "TrainingRun"]


class TrainingRun:
    """One call of fit or partial_fit: what changes, and what happens after each epoch.

    Parameters
    ----------
    config : TrainConfig
        Resolved.
    state : TrainState
    history : dict of str to list of float or None
        Of earlier calls.
    class_weight : ndarray of shape (n_classes,)
    evaluator : Evaluator or None
        None if no rows are evaluated.
    max_abs_X : callable () -> float
        Returns the largest magnitude in X, for messages.

    Attributes
    ----------
    network, objective, optimizer, schedule, dropout
        Objects of the core; there is no optimizer with L-BFGS.
    early_stopping : EarlyStopping
    n_epochs : int
        Epochs of this call, at most.
    stop_reason : str
    is_over : bool
        Whether there is nothing left to train, as a checkpoint may say.
    hooks : sequence of FitHook
        Called during training.
    """

    def __init__(
        self,
        config: TrainConfig,
        state: TrainState,
        history: Mapping[str, list[float]] | None,
        class_weight: np.ndarray,
        evaluator: Evaluator | None,
        max_abs_X: Callable[[], float],
    ) -> None:
        self.config, self.state = config, state
        self.class_weight, self.evaluator, self._max_abs_X = class_weight, evaluator, max_abs_X
        self.n_epochs = config.n_epochs
        self.network, self.objective = config.network, config.make_objective()
        self.optimizer, self.schedule = config.make_optimizer(), config.make_schedule()
        state.continue_with(config, self.optimizer, self.schedule)
        self.schedule = state.schedule or self.schedule  # the adaptive one has a state
        self.dropout = config.make_dropout(state.dropout_rng)
        validated = evaluator is not None and evaluator.validation is not None
        self.early_stopping = EarlyStopping(config, state, validated)
        self.history = History(history)
        self.stop_reason, self.is_over = "epochs", False
        self.hooks: Sequence[FitHook] = ()

    @property
    def n_done(self) -> int:
        """Epochs of this call that are over."""
        return self.history.n_epochs - self.history.n_earlier

    @property
    def n_steps(self) -> int:
        """Steps that the optimizer has taken."""
        return int(self.state.optimizer.get("step", 0))

    def end_epoch(self, record: EpochRecord) -> bool:
        """Evaluate the network after an epoch, extend the history; return whether to stop."""
        self.check_finite(record)
        metrics: dict[str, Any] = {"loss": record.loss}
        if self.evaluator is not None:
            metrics |= self.evaluator.evaluate(self.network, self.result())
        if record.learning_rate is not None:
            metrics["learning_rate"] = record.learning_rate
        metrics["seconds"] = record.seconds
        self.history.append(metrics)
        stop = False
        if self.early_stopping.patience is not None:
            epoch = self.history.n_epochs - 1
            stop = self.early_stopping.update(metrics, epoch, self.state.averaged_theta)
            self.stop_reason = "early_stopping" if stop else self.stop_reason
        if self.config.verbose:
            epochs = self.n_epochs if self.config.cyclic else None
            print(self.history.line(metrics, epochs), flush=True)
        return stop

    def check_finite(self, record: EpochRecord | None = None) -> None:
        """Raise ValueError if the loss or a parameter is not finite: training diverged."""
        loss = 0.0 if record is None else record.loss
        if isfinite(loss) and np.isfinite(self.state.theta).all():
            return
        config, remedy = self.config, " or ".join(self._remedies())
        reason = "a parameter is not finite" if isfinite(loss) else f"the loss is {float(loss):g}"
        rate = "" if config.full_batch else f" at learning_rate={config.learning_rate:g}"
        raise ValueError(
            f"Training diverged in epoch {self.n_done + 1}: {reason}{rate}, and the largest |X| is "
            f"{self._max_abs_X():g}. {remedy[0].upper()}{remedy[1:]}."
        )

    def _remedies(self) -> list[str]:
        """Return what may help where training diverges; at least one."""
        config, remedies = self.config, []
        if not config.standardize:
            remedies.append("scale the features (standardize=True does)")
        penalties = {name: max(getattr(config.layers, name)) for name in ("l1", "l2")}
        strong = [f"lower {name}={value:g}" for name, value in penalties.items() if value > 1]
        remedies += strong
        if not config.full_batch and (not strong or config.learning_rate > 1):
            remedies.append("lower learning_rate")
        is_widest = config.theta_dtype == np.float64
        return remedies or ["scale X" if is_widest else "set dtype='float64'"]

    def result(self) -> FitResult:
        """Return what training has reached so far."""
        return FitResult(
            self.config.architecture,
            self.state.folded_theta(self.config),
            self.history.metrics,
            self.stop_reason,
            self.early_stopping.best_epoch,
            self.class_weight,
            self.state.scaling,
            self.state.moments,
            self.state.encoding,
            self.state,
        )

    def finish(self) -> FitResult:
        """Return the result of a training that is over, with the best epoch's parameters."""
        if self.early_stopping.best_theta is not None:
            for theta in self.state.thetas():
                np.copyto(theta, self.early_stopping.best_theta)
        # Copy, so that the caller's later draws from its own generator have no effect.
        self.state.rng = copy.deepcopy(self.state.rng)
        result = self.result()
        check_foldable(result.theta, self.state.scaling)
        return self._calibrated(result)

    def _calibrated(self, result: FitResult) -> FitResult:
        """Return the result with the temperature that fits the validation rows best."""
        validation = None if self.evaluator is None else self.evaluator.validation
        # Without early stopping, a validation set has no influence on the model.
        if validation is None or self.config.calibration is None or not self.config.early_stopping:
            return result
        q = self.state.positive_prior()
        inverse = validation.inverse_temperature(self.network, result.theta, q)
        theta = with_temperature(self.network, result.theta, q, inverse)
        return result._replace(theta=theta, temperature=1.0 / inverse)


class DataSource(Protocol):
    """Where rows are: in memory, in memory for a stacked population, or in shards.

    A source for L-BFGS also has ``value_and_grad(objective, theta)``, see `minimize_lbfgs`.
    """

    def run_epoch(self, epoch: int) -> list[EpochRecord]:
        """Train the networks for one epoch by mini-batches; return a record of each."""

    def restrict(self, runs: Sequence[TrainingRun]) -> None:
        """Continue with these runs only; the others get arrays of their own."""


Source = TypeVar("Source", bound=DataSource)


class FitHook(Protocol):
    """What is called during the training of a network: callbacks, checkpoints."""

    def on_fit_begin(self, run: TrainingRun) -> None:
        """Called before the first epoch."""

    def on_epoch_end(self, run: TrainingRun, *, is_last: bool) -> bool:
        """Called after each epoch; returns whether to stop training."""

    def on_training_end(self, run: TrainingRun) -> None:
        """Called after the last epoch, unless training was interrupted."""

    def on_fitted(self, result: FitResult) -> None:
        """Called by the estimator when its fitted attributes are set.

        For one of several networks, called by the Trainer when its result is known.
        """

    def close(self) -> None:
        """Called when the training of several networks has ended, also after an error."""


class Trainer(Generic[Source]):
    """Train one network, or several of one shape together.

    Parameters
    ----------
    source : DataSource
        Whose rows the runs are trained on.
    runs : sequence of TrainingRun
        With the same number of epochs.

    Attributes
    ----------
    interrupted : bool
        Whether Ctrl-C (KeyboardInterrupt) ended the training. The caller raises it again once the
        result is kept.
    """

    def __init__(self, source: Source, runs: Sequence[TrainingRun]) -> None:
        self.source, self.runs = source, list(runs)
        self._active = list(self.runs)
        self._results: dict[TrainingRun, FitResult | Exception] = {}
        self._stops_at_errors = len(self.runs) == 1
        self.interrupted = False

    @property
    def run(self) -> TrainingRun:
        """The run of a single network."""
        (run,) = self.runs
        return run

    def train(self) -> FitResult:
        """Train a single network; after Ctrl-C, return what was learnt, and set `interrupted`.

        Raises
        ------
        KeyboardInterrupt
            After Ctrl-C, if nothing was learnt.
        """
        run = self.run
        if run.is_over:
            return run.finish()
        n_steps, n_done = run.n_steps, run.n_done
        for hook in run.hooks:
            hook.on_fit_begin(run)
        try:
            self._loop()
            for hook in run.hooks:
                hook.on_training_end(run)
            return run.finish()
        except KeyboardInterrupt:
            if run.n_steps == n_steps and run.n_done == n_done:
                raise  # there is nothing to keep
            try:
                run.check_finite()
                run.stop_reason = "interrupted"
                result = run.finish()
            except ValueError:  # there is nothing to keep, and the caller is to stop
                raise KeyboardInterrupt from None
            self.interrupted = True
            return result

    def train_all(self, *, of_one_fit: bool = False) -> list[FitResult | Exception]:
        """Train several networks; return the result, or the error, of each.

        If they are ``of_one_fit``, the first error is raised, and Ctrl-C sets `interrupted`: what
        was learnt until then is returned. Otherwise, or if nothing was learnt, KeyboardInterrupt
        is raised.
        """
        self._stops_at_errors |= of_one_fit
        with ExitStack() as open_hooks:
            for run in self.runs:
                for hook in run.hooks:
                    open_hooks.callback(hook.close)
                    hook.on_fit_begin(run)
            try:
                self._loop()
                self._finish(self._active)
            except KeyboardInterrupt:
                self.source.restrict(self._active)
                pending = [run for run in self.runs if run not in self._results]
                if not of_one_fit or not all(run.n_steps or run.n_done for run in pending):
                    raise
                self.interrupted = True
                for run in pending:
                    run.stop_reason = "interrupted"
                self._finish(pending)
        return [self._results[run] for run in self.runs]

    def _loop(self) -> None:
        """Train epoch by epoch until every run has stopped."""
        first = self.runs[0]
        if first.is_over:
            return
        if first.config.full_batch:
            self._minimize()
            return
        for epoch in range(first.n_done, first.n_epochs):
            stopped = []
            for run, record in zip(self._active, self.source.run_epoch(epoch), strict=True):
                if self._end_epoch(run, record):
                    stopped.append(run)
            if len(stopped) == len(self._active):
                return
            if stopped:
                self._finish(stopped)

    def _minimize(self) -> None:
        """Train by L-BFGS, whose iterations count as epochs."""
        run = self.run
        converged = minimize_lbfgs(
            run.objective,
            run.state.theta,
            cast(Any, self.source).value_and_grad,
            epochs=run.n_epochs - run.n_done,
            tol=float(run.config.tol),
            on_epoch_end=lambda record: self._end_epoch(run, record),
        )
        if converged:
            run.stop_reason = "converged"

    def _end_epoch(self, run: TrainingRun, record: EpochRecord) -> bool:
        """End the epoch of a run; return whether it stops."""
        try:
            stop = run.end_epoch(record)
        except Exception as error:
            if self._stops_at_errors or isinstance(error, MemoryError):
                raise
            self._results[run] = error
            return True
        for hook in run.hooks:
            is_last = stop or run.n_done == run.n_epochs
            if hook.on_epoch_end(run, is_last=is_last) and not stop:
                run.stop_reason, stop = "callback", True
        return stop

    def _finish(self, stopped: Sequence[TrainingRun]) -> None:
        """Keep the results of runs that stop; the others continue without them."""
        self._active = [run for run in self._active if run not in stopped]
        self.source.restrict(self._active)
        finished = [run for run in stopped if run not in self._results]
        if not self.interrupted:
            for run in finished:
                for hook in run.hooks:
                    hook.on_training_end(run)
        for run in finished:
            try:
                run.check_finite()
                self._results[run] = run.finish()
            except ValueError as error:
                if self._stops_at_errors:
                    raise
                self._results[run] = error
        # All results are known, so that Ctrl-C in a hook loses none.
        for run in finished:
            result = self._results[run]
            if not isinstance(result, Exception):
                for hook in run.hooks:
                    hook.on_fitted(result)

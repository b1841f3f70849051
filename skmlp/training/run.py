"""TrainingRun: one network in training, whatever the source of its rows."""

import copy
from collections.abc import Callable
from math import isfinite
from typing import Any

import numpy as np

from skmlp._errors import warn_user
from skmlp.core.minibatch import EpochRecord
from skmlp.data.moments import check_foldable
from skmlp.training.config import TrainConfig
from skmlp.training.early_stopping import EarlyStopping
from skmlp.training.evaluation import Evaluator
from skmlp.training.history import History
from skmlp.training.state import FitResult, TrainState

__all__ = ["TrainingRun"]


class TrainingRun:
    """One call of fit or partial_fit: what changes, and what happens after each epoch.

    Parameters
    ----------
    config : TrainConfig
        Resolved.
    state : TrainState
    history : History
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
    """

    def __init__(
        self,
        config: TrainConfig,
        state: TrainState,
        history: History,
        class_weight: np.ndarray,
        evaluator: Evaluator | None,
        max_abs_X: Callable[[], float],
    ) -> None:
        self.config, self.state, self.history = config, state, history
        self.class_weight, self.evaluator, self._max_abs_X = class_weight, evaluator, max_abs_X
        self.network, self.objective = config.network, config.make_objective()
        self.optimizer, self.schedule = config.make_optimizer(), config.make_schedule()
        state.continue_with(config, self.optimizer, self.schedule)
        self.schedule = state.schedule or self.schedule  # the adaptive one has a state
        self.dropout = config.make_dropout(state.dropout_rng)
        validated = evaluator is not None and evaluator.validation is not None
        self.early_stopping = EarlyStopping(config, state, validated)
        self.n_epochs, self.stop_reason, self.is_over = config.n_epochs, "epochs", False

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
            stop = self.early_stopping.update(metrics, epoch, self.state.theta)
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
        config, remedies, at_rate = self.config, [], ""
        reason = "a parameter is not finite" if isfinite(loss) else f"the loss is {float(loss):g}"
        if not config.standardize:
            remedies.append("Scale the features (standardize=True does)")
        if not config.full_batch:
            at_rate = f" at learning_rate={config.learning_rate:g}"
            remedies.append("lower learning_rate")
        remedy = " or ".join(remedies or ["Set dtype='float64'"])
        raise ValueError(
            f"Training diverged in epoch {self.n_done + 1}: {reason}{at_rate}, and the largest "
            f"|X| is {self._max_abs_X():g}. {remedy[0].upper()}{remedy[1:]}."
        )

    def interrupt(self) -> None:
        """Keep what has been learnt when the user interrupts training."""
        self.check_finite()
        warn_user("Training interrupted by user.")
        self.stop_reason = "interrupted"

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
            self.state,
        )

    def finish(self) -> FitResult:
        """Return the result of a training that is over, with the best epoch's parameters."""
        if self.early_stopping.best_theta is not None:
            np.copyto(self.state.theta, self.early_stopping.best_theta)
        # Copy, so that the caller's later draws from its own generator have no effect.
        self.state.rng = copy.deepcopy(self.state.rng)
        result = self.result()
        check_foldable(result.theta, self.state.scaling)
        return result

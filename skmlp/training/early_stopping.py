"""Early stopping, and the reduction of the learning rate on a plateau."""

from collections.abc import Mapping

import numpy as np

from skmlp.core.patience import Patience
from skmlp.core.schedules import Adaptive
from skmlp.training.config import TrainConfig
from skmlp.training.state import TrainState

__all__ = ["EarlyStopping"]

MIN_ADAPTIVE_RATE = 1e-6  # below which the adaptive schedule reduces no further


class EarlyStopping:
    """Decide after each epoch whether to stop, and keep the best parameters.

    When the patience is exhausted, the adaptive schedule reduces the learning rate as long as
    it is large enough; otherwise training stops, if early stopping is on.

    Parameters
    ----------
    config : TrainConfig
    state : TrainState
        With the adaptive schedule and its patience, if it is used.
    validated : bool
        Whether there are validation rows, whose metric is monitored then.

    Attributes
    ----------
    patience : Patience or None
        None if neither early stopping nor the adaptive schedule is used.
    best_epoch : int or None
        Index in the history of the best epoch of this call, if early stopping is on.
    best_theta : ndarray of shape (n_params,) or None
        The parameters after it.
    """

    def __init__(self, config: TrainConfig, state: TrainState, validated: bool) -> None:
        self._enabled, self._schedule = bool(config.early_stopping), state.schedule
        self.patience, self._metric, self._sign = state.patience, "loss", 1.0
        if config.early_stopping:
            self.patience = Patience(config.n_iter_no_change, config.tol)
            self._sign = 1.0 if config.monitors_loss else -1.0  # a score is to be maximised
            self._metric = "loss" if config.monitors_loss else "score"
            self._metric = f"validation_{self._metric}" if validated else self._metric
        self.best_epoch: int | None = None
        self.best_theta: np.ndarray | None = None

    def update(self, metrics: Mapping[str, float], epoch: int, theta: np.ndarray) -> bool:
        """Take in an epoch; return whether to stop.

        Parameters
        ----------
        metrics : dict of str to float
        epoch : int
            Index of the epoch in the history.
        theta : ndarray of shape (n_params,)
            The parameters after the epoch, averaged if they are.
        """
        assert self.patience is not None, "update is for a configuration that needs patience"
        if self.patience.update(self._sign * metrics[self._metric]) and self._enabled:
            self.best_epoch = epoch
            if self.best_theta is None:
                self.best_theta = np.empty_like(theta)
            np.copyto(self.best_theta, theta)
        if not self.patience.is_over:
            return False
        rate = metrics.get("learning_rate", 0.0)
        if isinstance(self._schedule, Adaptive) and rate > MIN_ADAPTIVE_RATE:
            self._schedule.reduce()
            self.patience.stalled = 0
            return False
        return self._enabled

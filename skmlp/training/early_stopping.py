"""Early stopping, and the reduction of the learning rate on a plateau."""

import numpy as np

from skmlp.core.schedules import Adaptive, Schedule
from skmlp.core.stopping import Patience

__all__ = ["EarlyStopping"]

MIN_ADAPTIVE_RATE = 1e-6  # below which the adaptive schedule reduces no further


class EarlyStopping:
    """Decide after each epoch whether to stop, and keep the best parameters.

    When the patience is exhausted, the adaptive schedule reduces the learning rate as long as
    it is large enough; otherwise training stops, if early stopping is on.

    Parameters
    ----------
    patience : Patience or None
        None if neither early stopping nor the adaptive schedule is used.
    enabled : bool
        Whether early stopping is on: to keep the best parameters, and to stop.
    schedule : callable (step, fraction) -> factor

    Attributes
    ----------
    best_epoch : int or None
        Index in the history of the best epoch of this call, if enabled.
    best_theta : ndarray of shape (n_params,) or None
        The parameters after it.
    """

    def __init__(self, patience: Patience | None, enabled: bool, schedule: Schedule) -> None:
        self.patience, self.enabled, self._schedule = patience, enabled, schedule
        self.best_epoch: int | None = None
        self.best_theta: np.ndarray | None = None

    def update(self, value: float, epoch: int, theta: np.ndarray, rate: float) -> bool:
        """Take in an epoch; return whether to stop.

        Parameters
        ----------
        value : float
            The monitored metric, to be minimised.
        epoch : int
            Index of the epoch in the history.
        theta : ndarray of shape (n_params,)
            The parameters after the epoch.
        rate : float
            The learning rate of the epoch's last step.
        """
        if self.patience is None:
            return False
        if self.patience.update(value) and self.enabled:
            self.best_epoch = epoch
            if self.best_theta is None:
                self.best_theta = theta.copy()
            np.copyto(self.best_theta, theta)
        if not self.patience.is_over:
            return False
        if isinstance(self._schedule, Adaptive) and rate > MIN_ADAPTIVE_RATE:
            self._schedule.reduce()
            self.patience.stalled = 0
            return False
        return self.enabled

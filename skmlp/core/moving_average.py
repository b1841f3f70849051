"""An exponential moving average of the parameters over the steps of an optimizer.

The learning rate keeps the parameters theta_t in a random walk around a minimum, whose mean is
better than any of its points (Polyak & Juditsky 1992, "Acceleration of stochastic approximation
by averaging"). After every step::

    average <- average + (1 - d) (theta - average)        d = min(decay, (1 + t) / (10 + t))

where t is the number of steps so far. The limit on d, of TensorFlow's ExponentialMovingAverage,
lets the average reach back over no more than about a tenth of the steps, so that it forgets the
initial parameters also where training is short.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from skmlp.core.optimizers import Optimizer, OptimizerState, ProximalStep

__all__ = ["AVERAGE", "AveragedOptimizer"]

AVERAGE = "average"  # its name in the optimizer's state


@dataclass(frozen=True, eq=False)
class AveragedOptimizer:
    """An optimizer that averages the parameters after each of its steps.

    The average is an array of the optimizer's state, so that it is stored, stacked in a
    population, and averaged over machines as the other arrays are.

    Parameters
    ----------
    optimizer : Optimizer
    decay : float or ndarray of shape (..., 1)
        In [0, 1); ``exp(-1 / n)`` gives the average a time constant of n steps.
    """

    optimizer: Optimizer
    decay: float | np.ndarray

    @property
    def powers(self) -> Mapping[str, int]:
        """Those of the optimizer: the average is no sum of gradients."""
        return self.optimizer.powers

    def init(self, theta: np.ndarray) -> OptimizerState:
        """Return the state before the first step, whose average is theta."""
        return self.optimizer.init(theta) | {AVERAGE: theta.copy()}

    def step(
        self,
        theta: np.ndarray,
        grad: np.ndarray,
        state: OptimizerState,
        learning_rate: float | np.ndarray,
        prox_l1: ProximalStep | None = None,
        scratch: np.ndarray | None = None,
    ) -> None:
        """Take one step, in place."""
        self.optimizer.step(theta, grad, state, learning_rate, prox_l1, scratch)
        t, average = state["step"], state[AVERAGE]
        share = 1.0 - np.minimum(self.decay, (1.0 + t) / (10.0 + t))
        np.subtract(theta, average, out=grad)
        grad *= share.astype(theta.dtype)
        average += grad
        if prox_l1 is not None:  # the average of weights that are exactly zero is zero as well
            average *= theta != 0.0

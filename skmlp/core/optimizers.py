"""Optimizers: frozen hyper-parameters, and a state that is passed to every step.

An optimizer is any class with the members of `Optimizer`. Hyper-parameters and learning rates
are floats, or columns (..., 1) with one value for each network.

The l1 penalty is applied by ``prox_l1``, the proximal step of `Penalty`. It acts like a
subgradient xi of l1 sum|W| evaluated where the step *ends*, which produces exact zeros. Its
step size has to be the one that the optimizer applies to the gradient, for each coordinate,
and the velocity has to include it. Otherwise momentum would carry weights past the threshold,
and the penalty would be about 1 / (1 - momentum) times weaker than l1 says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

__all__ = ["SGD", "Adam", "Optimizer", "OptimizerState", "ProximalStep"]

# "step", the number of steps taken, and any number of arrays like theta
OptimizerState = dict[str, Any]


class ProximalStep(Protocol):
    """The signature of `Penalty.prox_l1`."""

    def __call__(self, theta: np.ndarray, step_size: float | np.ndarray, out: np.ndarray) -> None:
        """Apply the proximal step to theta; set out to what is subtracted."""


class Optimizer(Protocol):
    """An optimizer."""

    @property
    def powers(self) -> Mapping[str, int]:
        """The arrays of the state that are sums of gradients (1) or of their squares (2).

        They are converted when the units of the weights change, see `Scaling.refold_gradient`.
        """

    def init(self, theta: np.ndarray) -> OptimizerState:
        """Return the state before the first step.

        The caller may replace its arrays by others of the same shape and dtype; between
        steps, the state is all that the optimizer keeps.
        """

    def step(
        self,
        theta: np.ndarray,
        grad: np.ndarray,
        state: OptimizerState,
        learning_rate: float | np.ndarray,
        prox_l1: ProximalStep | None = None,
        scratch: np.ndarray | None = None,
    ) -> None:
        """Take one step: update theta and state in place, without allocating arrays.

        Parameters
        ----------
        theta : ndarray of shape (..., n_params)
        grad : ndarray like theta
            Gradient of the smooth part of the objective. May be overwritten.
        state : dict
        learning_rate : float or ndarray of shape (..., 1)
        prox_l1 : callable (theta, step_size, out), default=None
            Proximal step of the l1 penalty; None without one.
        scratch : ndarray like theta, default=None
            Overwritten; needed with prox_l1.
        """


def _in_dtype(factor: float | np.ndarray, theta: np.ndarray) -> float | np.ndarray:
    """Return a column in theta's dtype, a float unchanged.

    A float64 column would promote float32 arrays.
    """
    return factor.astype(theta.dtype) if isinstance(factor, np.ndarray) else factor


@dataclass(frozen=True, eq=False)
class SGD:
    """Stochastic gradient descent with (Nesterov) momentum.

    ::

        v <- momentum v - learning_rate (g + xi)
        theta <- theta + v                                              plain
        theta <- theta + momentum v - learning_rate (g + xi)            Nesterov

    ==================  ===================  ==========================================
    symbol              name                 meaning
    ==================  ===================  ==========================================
    g                   grad                 gradient of the smooth part of J at theta
    xi                  (in ``prox_l1``)     subgradient of l1 sum|W| at the new theta
    v                   state["velocity"]    decaying sum of steps; absent at momentum 0
    ==================  ===================  ==========================================

    Nesterov's form is that of Sutskever et al. 2013 ("On the importance of initialization
    and momentum in deep learning"), with theta as the lookahead point.
    """

    momentum: float | np.ndarray = 0.9
    nesterovs_momentum: bool = True
    powers: ClassVar[Mapping[str, int]] = {"velocity": 1}

    def init(self, theta: np.ndarray) -> OptimizerState:
        """Return the state before the first step."""
        state: OptimizerState = {"step": 0}
        if np.any(self.momentum):
            state["velocity"] = np.zeros_like(theta)
        return state

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
        state["step"] += 1
        velocity = state.get("velocity")
        momentum = _in_dtype(self.momentum, theta)
        learning_rate = _in_dtype(learning_rate, theta)
        grad *= learning_rate
        gain: float | np.ndarray = 1.0  # step size divided by learning_rate
        if velocity is None:
            theta -= grad
        else:
            velocity *= momentum
            velocity -= grad
            if self.nesterovs_momentum:
                gain += momentum
                theta -= grad
                np.multiply(velocity, momentum, out=grad)
                theta += grad
            else:
                theta += velocity
        if prox_l1 is not None:
            prox_l1(theta, gain * learning_rate, out=grad)
            if velocity is not None:
                grad /= gain
                velocity -= grad


@dataclass(frozen=True, eq=False)
class Adam:
    """Adam (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1).

    ::

        m <- beta_1 m + (1 - beta_1) g          v <- beta_2 v + (1 - beta_2) g^2
        theta <- theta - learning_rate m_hat / (sqrt(v_hat) + epsilon)
        m_hat = m / (1 - beta_1^t)              v_hat = v / (1 - beta_2^t)

    ==================  ============  =================================================
    symbol              name          meaning
    ==================  ============  =================================================
    g                   grad          gradient of the smooth part of J at theta
    m / (1 - beta_1)    state["m"]    decaying sum of g
    v / (1 - beta_2)    state["v"]    decaying sum of g^2
    t                   state["step"] steps taken, this one included
    ==================  ============  =================================================

    The sums are stored without the factors 1 - beta, and all scalar factors are combined into
    one, because multiplying an array costs a pass over memory. The step size of a coordinate,
    which is also used for the l1 penalty, is learning_rate / (sqrt(v_hat) + epsilon).
    """

    beta_1: float | np.ndarray = 0.9
    beta_2: float | np.ndarray = 0.999
    epsilon: float | np.ndarray = 1e-8
    powers: ClassVar[Mapping[str, int]] = {"m": 1, "v": 2}

    def init(self, theta: np.ndarray) -> OptimizerState:
        """Return the state before the first step."""
        return {"step": 0, "m": np.zeros_like(theta), "v": np.zeros_like(theta)}

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
        state["step"] = t = state["step"] + 1
        m, v = state["m"], state["v"]
        m *= _in_dtype(self.beta_1, theta)
        m += grad
        v *= _in_dtype(self.beta_2, theta)
        v += np.multiply(grad, grad, out=grad)
        m_scale = (1.0 - self.beta_1) / (1.0 - self.beta_1**t)
        v_scale = ((1.0 - self.beta_2) / (1.0 - self.beta_2**t)) ** 0.5
        np.sqrt(v, out=grad)
        grad += _in_dtype(self.epsilon / v_scale, theta)
        np.divide(_in_dtype(learning_rate * m_scale / v_scale, theta), grad, out=grad)
        if prox_l1 is None:
            grad *= m
            theta -= grad
        else:
            scratch = np.multiply(grad, m, out=scratch)
            theta -= scratch
            grad /= _in_dtype(m_scale, theta)  # the step size of each coordinate
            prox_l1(theta, grad, out=scratch)

"""Optimizers: a frozen set of hyper-parameters, and a state that is passed in.

``init(theta)`` returns the state, a dict of arrays like theta and the number of steps
taken; ``step`` changes theta and the state in place and uses the gradient's array as
scratch. Hyper-parameters and learning rates are floats, or columns (..., 1) with one value
for each network.

The l1 penalty comes in as ``shrink``, the proximal step of `Penalty`, or None; with it,
``scratch`` is another array like theta to write to. It acts like
one more gradient xi in l1 d|theta|, but taken at the point where the step *ends*, which is
why it produces exact zeros. So it has to enter with the step size that the optimizer gives
to the gradient in this step, coordinate by coordinate, and to leave its trace in the
velocity too; otherwise momentum would carry weights past the threshold and l1 would act
about 1 / (1 - momentum) times weaker than stated.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["SGD", "Adam"]


def _like(theta, factor):
    """Return a float as it is, a column of them in theta's dtype.

    A column of doubles would make doubles of float32 arrays on the way.
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
    xi                  (in ``shrink``)      subgradient of l1 sum|W| at the new theta
    v                   state["velocity"]    decaying sum of steps; absent at momentum 0
    ==================  ===================  ==========================================

    Nesterov's form is that of Sutskever et al. 2013 ("On the importance of initialization
    and momentum in deep learning"), in which theta is the point looked ahead to.
    """

    momentum: float | np.ndarray = 0.9
    nesterovs_momentum: bool = True

    def init(self, theta):
        """Return the state before the first step."""
        state = {"step": 0}
        if np.any(self.momentum):
            state["velocity"] = np.zeros_like(theta)
        return state

    def step(self, theta, grad, state, learning_rate, shrink=None, scratch=None):
        """Take one step, in place."""
        state["step"] += 1
        velocity = state.get("velocity")
        momentum, learning_rate = _like(theta, self.momentum), _like(theta, learning_rate)
        grad *= learning_rate
        gain = 1.0  # the step's size over learning_rate
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
        if shrink is not None:
            shrink(theta, gain * learning_rate, out=grad)
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

    The sums are stored undivided and the scalar factors folded into one, because each
    factor applied to a whole array costs another pass over memory. The step size of a
    coordinate, which is that of its l1 penalty too, is learning_rate divided by
    sqrt(v_hat) + epsilon: m_hat is a mean of gradients.
    """

    beta_1: float | np.ndarray = 0.9
    beta_2: float | np.ndarray = 0.999
    epsilon: float | np.ndarray = 1e-8

    def init(self, theta):
        """Return the state before the first step."""
        return {"step": 0, "m": np.zeros_like(theta), "v": np.zeros_like(theta)}

    def step(self, theta, grad, state, learning_rate, shrink=None, scratch=None):
        """Take one step, in place."""
        state["step"] = t = state["step"] + 1
        m, v = state["m"], state["v"]
        m *= _like(theta, self.beta_1)
        m += grad
        v *= _like(theta, self.beta_2)
        v += np.multiply(grad, grad, out=grad)
        m_scale = (1.0 - self.beta_1) / (1.0 - self.beta_1**t)
        v_scale = ((1.0 - self.beta_2) / (1.0 - self.beta_2**t)) ** 0.5
        np.sqrt(v, out=grad)
        grad += _like(theta, self.epsilon / v_scale)
        np.divide(_like(theta, learning_rate * m_scale / v_scale), grad, out=grad)
        if shrink is None:
            grad *= m
            theta -= grad
        else:
            theta -= np.multiply(grad, m, out=scratch)
            grad /= _like(theta, m_scale)  # the step size of each coordinate
            shrink(theta, grad, out=scratch)

"""L1 and L2 penalties on the weights, never on the biases.

::

    penalty(W) = l1 sum|W| + l2/2 sum W^2

The l2 term is smooth and adds ``l2 W`` to the gradient. The l1 term, which is not
differentiable at 0, acts through the proximal step that follows a gradient step of size s
(soft thresholding; Parikh & Boyd 2014, "Proximal Algorithms", section 6.5.2)::

    prox(W) = sign(W) max(|W| - s l1, 0) = W - clip(W, -s l1, s l1)

which sets small weights to exactly zero.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

__all__ = ["Penalty"]


@dataclass(frozen=True, eq=False)
class Penalty:
    """The penalty of a parameter vector whose first n_weights entries are weights.

    Parameters
    ----------
    n_weights : int
    l1, l2 : float or ndarray that broadcasts against (..., n_weights), default=0.0
        Strengths, >= 0, independent of the batch size. A column (..., 1) has one strength
        for each network, a vector (n_weights,) one for each weight.
    """

    n_weights: int
    l1: float | np.ndarray = 0.0
    l2: float | np.ndarray = 0.0

    @cached_property
    def has_l1(self) -> bool:
        """Whether any weight has an l1 penalty."""
        return bool(np.any(self.l1))

    @cached_property
    def has_l2(self) -> bool:
        """Whether any weight has an l2 penalty."""
        return bool(np.any(self.l2))

    def add_gradient(
        self, theta: np.ndarray, grad: np.ndarray, scratch: np.ndarray
    ) -> float | np.ndarray:
        """Add l2 W to the gradient in place; return the penalty's value, l1 and l2.

        ``scratch``, an array like theta, is overwritten.
        """
        W, scratch = theta[..., : self.n_weights], scratch[..., : self.n_weights]
        value: float | np.ndarray = 0.0
        if self.has_l2:
            np.multiply(W, self.l2, out=scratch)
            grad[..., : self.n_weights] += scratch
            value += 0.5 * np.vecdot(W, scratch)
        if self.has_l1:
            np.abs(W, out=scratch)
            if np.shape(self.l1)[-1:] == (self.n_weights,):
                value += np.vecdot(scratch, self.l1)
            else:  # one strength for each network
                value += (scratch.sum(axis=-1, keepdims=True) * self.l1)[..., 0]
        return value

    def prox_l1(self, theta: np.ndarray, step_size: float | np.ndarray, out: np.ndarray) -> None:
        """Apply the proximal step of the l1 term to theta in place.

        Parameters
        ----------
        theta : ndarray of shape (..., n_params)
        step_size : float or ndarray of shape (..., 1) or (..., n_params)
            An array with one step size for each coordinate is overwritten.
        out : ndarray of shape (..., n_params)
            Set to what is subtracted from theta, 0 for the biases.
        """
        W, shrunk = theta[..., : self.n_weights], out[..., : self.n_weights]
        threshold: Any = step_size
        if np.ndim(threshold):
            threshold = threshold[..., : self.n_weights]
        if np.shape(threshold) == W.shape:
            threshold *= self.l1
        else:
            threshold = threshold * self.l1
        np.minimum(W, threshold, out=shrunk)
        threshold *= -1.0
        np.maximum(shrunk, threshold, out=shrunk)
        W -= shrunk
        out[..., self.n_weights :] = 0.0

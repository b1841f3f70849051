"""L1 and L2 penalties on the weights, never on the biases.

::

    penalty(W) = l1 sum|W| + l2/2 sum W^2

The l2 term is smooth: it adds ``l2 W`` to the gradient. The l1 term has a kink at 0 and is
never differentiated; its whole effect is the proximal step that follows a gradient step of
size s (soft thresholding; Parikh & Boyd 2014, "Proximal Algorithms", section 6.5.2)::

    prox(W) = sign(W) max(|W| - s l1, 0) = W - clip(W, -s l1, s l1)

which makes weights exactly zero.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["Penalty"]


@dataclass(frozen=True, eq=False)
class Penalty:
    """The penalty of a parameter vector whose first n_weights entries are weights.

    Parameters
    ----------
    n_weights : int
    l1, l2 : float or ndarray that broadcasts against (..., n_weights), default=0.0
        Strengths, >= 0. A column (..., 1) is a strength for each network; a vector
        (n_weights,) one for each weight. Independent of the batch size.
    """

    n_weights: int
    l1: float | np.ndarray = 0.0
    l2: float | np.ndarray = 0.0

    @cached_property
    def has_l1(self):
        """Whether any weight has an l1 penalty."""
        return bool(np.any(self.l1))

    @cached_property
    def has_l2(self):
        """Whether any weight has an l2 penalty."""
        return bool(np.any(self.l2))

    def add_gradient(self, theta, grad, scratch):
        """Add l2 W to the gradient in place; return the penalty's value, l1 and l2.

        ``scratch`` is an array like theta, to write to.
        """
        W, scratch = theta[..., : self.n_weights], scratch[..., : self.n_weights]
        value = 0.0
        if self.has_l2:
            np.multiply(W, self.l2, out=scratch)
            grad[..., : self.n_weights] += scratch
            value += 0.5 * np.vecdot(W, scratch)
        if self.has_l1:
            np.abs(W, out=scratch)
            if np.shape(self.l1)[-1:] == (self.n_weights,):
                value += np.vecdot(scratch, self.l1)
            else:  # one strength for all weights of a network
                value += (scratch.sum(axis=-1, keepdims=True) * self.l1)[..., 0]
        return value

    def shrink(self, theta, step_size, out):
        """Take the proximal step of size step_size on theta in place.

        ``out`` receives what was subtracted from theta: 0 for the biases. A step size for
        each coordinate is overwritten.
        """
        W, shrunk = theta[..., : self.n_weights], out[..., : self.n_weights]
        if np.ndim(step_size):  # a size for each network or for each coordinate
            step_size = step_size[..., : self.n_weights]
        if np.shape(step_size) == W.shape:
            threshold = np.multiply(step_size, self.l1, out=step_size)
        else:
            threshold = step_size * self.l1
        np.minimum(W, threshold, out=shrunk)
        threshold *= -1.0
        np.maximum(shrunk, threshold, out=shrunk)
        W -= shrunk
        out[..., self.n_weights :] = 0.0

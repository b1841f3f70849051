"""Inverted dropout (Srivastava et al. 2014, JMLR 15, section 10).

In each training step, each number that a layer takes in is set to 0 with probability
``rate`` and divided by ``1 - rate`` otherwise::

    A' = A M / (1 - rate),    M_ij = 1 with probability 1 - rate, else 0

so that A' is A on average and nothing has to be rescaled at prediction. On the way back,
``dJ/dA = dJ/dA' M / (1 - rate)``.

M compares random integers of 16 bits with a threshold: four come of one draw, and a random
float for each number would take a fifth of a training step. So rates are rounded to multiples
of 2^-16, and it is the rounded rate that M / (1 - rate) divides by.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skmlp.core.features import is_sparse

__all__ = ["Dropout"]

LEVELS = 2**16  # of a rate


@dataclass(frozen=True, eq=False)
class Dropout:
    """What is dropped in front of each layer.

    Parameters
    ----------
    rates : sequence of float or ndarray of shape (..., 1, 1)
        One for each layer, in [0, 1): the first for X.
    rngs : ndarray of shape (...) of numpy.random.Generator
        One for each network. Drawing changes them.
    """

    rates: tuple
    rngs: np.ndarray

    @cached_property
    def layers(self):
        """The layers in front of which anything is dropped."""
        return [layer for layer, rate in enumerate(self.rates) if np.any(rate)]

    @cached_property
    def _thresholds(self):
        """For each layer (...) of uint16: numbers whose random integer is less are dropped."""
        shape = self.rngs.shape
        rates = [np.broadcast_to(rate, (*shape, 1, 1)).reshape(shape) for rate in self.rates]
        return [np.minimum(np.rint(rate * LEVELS), LEVELS - 1).astype(np.uint16) for rate in rates]

    def draw(self, X, work):
        """Fill ``work.masks`` for the rows X (..., n, n_features): 0 or 1 / (1 - rate)."""
        for layer in self.layers:
            for i in np.ndindex(self.rngs.shape):
                mask, threshold = work.masks[layer][i].reshape(-1), self._thresholds[layer][i]
                if layer == 0 and is_sparse(X):
                    mask = mask[: X.nnz]  # only stored entries can be dropped
                np.greater_equal(_integers(self.rngs[i], mask.size), threshold, out=mask)
                mask *= LEVELS / (LEVELS - float(threshold))


def _integers(rng, n):
    """Return n random integers of 16 bits; NumPy has no way to draw them into an array."""
    return rng.integers(2**64, size=-(-n // 4), dtype=np.uint64).view(np.uint16)[:n]

"""Inverted dropout (Srivastava et al. 2014, JMLR 15, section 10).

In each training step, each number that a layer takes in is set to 0 with probability
``rate`` and divided by ``1 - rate`` otherwise::

    A' = A M / (1 - rate),    M_ij = 1 with probability 1 - rate, else 0

so that A' is A on average and nothing has to be rescaled at prediction. On the way back,
``dJ/dA = dJ/dA' M / (1 - rate)``.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skmlp.core.features import is_sparse

__all__ = ["Dropout"]


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

    def draw(self, X, work):
        """Fill ``work.masks`` for the rows X (..., n, n_features): 0 or 1 / (1 - rate)."""
        for layer in self.layers:
            mask, rate = work.masks[layer], self.rates[layer]
            if layer == 0 and is_sparse(X):
                mask = mask.reshape(-1)[: X.nnz]  # only stored entries can be dropped
            for i in np.ndindex(self.rngs.shape):
                self.rngs[i].random(out=mask[i], dtype=mask.dtype)
            np.greater_equal(mask, rate, out=mask)
            mask *= np.asarray(1.0 / (1.0 - rate), mask.dtype)

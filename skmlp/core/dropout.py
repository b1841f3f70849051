"""Inverted dropout (Srivastava et al. 2014, JMLR 15, section 10).

In each training step, each input of a layer is set to 0 with probability ``rate`` and divided
by ``1 - rate`` otherwise::

    A' = A M / (1 - rate),    M_ij = 1 with probability 1 - rate, else 0

so that the expectation of A' is A and prediction needs no rescaling. In the backward pass,
``dJ/dA = dJ/dA' M / (1 - rate)``.

M is drawn by comparing random 16-bit integers with a threshold: one 64-bit draw gives four
of them, whereas a random float for each entry would take a fifth of a training step. Rates
are therefore rounded to multiples of 2^-16, and M is divided by one minus the rounded rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skmlp.core.design import Matrix, is_sparse, stored_columns
from skmlp.core.network import Workspace

__all__ = ["Dropout"]

RATE_LEVELS = 2**16  # rates are multiples of 1 / RATE_LEVELS


@dataclass(frozen=True, eq=False)
class Dropout:
    """Dropout rates of the layers' inputs, and the generators of the masks.

    Parameters
    ----------
    rates : sequence of float or ndarray of shape (..., 1, 1)
        One for each layer, in [0, 1); the first is that of X.
    rngs : ndarray of shape (...) of numpy.random.Generator
        One for each network. Drawing advances them.
    shared : bool, default=False
        Whether all rows of a batch share their masks, one number for each column (Graham et al.
        2015, "Efficient batchwise dropout", arXiv:1502.02478). Then, also with dropout, a row of
        weight 2 is a row twice.
    """

    rates: Sequence[float | np.ndarray]
    rngs: np.ndarray
    shared: bool = False

    @cached_property
    def layers(self) -> list[int]:
        """Indices of the layers whose input has dropout."""
        return [layer for layer, rate in enumerate(self.rates) if np.any(rate)]

    @cached_property
    def _thresholds(self) -> list[np.ndarray]:
        """For each layer, uint16 of shape (...): smaller random integers give mask 0."""
        shape = self.rngs.shape
        rates = [np.broadcast_to(rate, (*shape, 1, 1)).reshape(shape) for rate in self.rates]
        return [
            np.minimum(np.rint(rate * RATE_LEVELS), RATE_LEVELS - 1).astype(np.uint16)
            for rate in rates
        ]

    def draw(self, X: Matrix, work: Workspace) -> None:
        """Fill ``work.masks`` for the rows X (..., n, n_features): 0 or 1 / (1 - rate)."""
        for layer in self.layers:
            masks: np.ndarray = work.masks[layer]  # type: ignore[assignment]  # in dropped_layers
            columns = stored_columns(X) if layer == 0 and is_sparse(X) else None
            for i, rng in np.ndenumerate(self.rngs):
                self._draw_mask(rng, self._thresholds[layer][i], masks[i], columns)

    def _draw_mask(
        self,
        rng: np.random.Generator,
        threshold: np.ndarray,
        mask: np.ndarray,
        columns: np.ndarray | None,
    ) -> None:
        """Fill the mask (n, fan_in) of one network; of sparse rows, a number for each entry."""
        numbers = mask.reshape(-1)
        if columns is not None:
            numbers = numbers[: len(columns)]
        drawn = np.empty(mask.shape[-1], mask.dtype) if self.shared else numbers
        np.greater_equal(_random_uint16(rng, drawn.size), threshold, out=drawn)
        drawn *= RATE_LEVELS / (RATE_LEVELS - float(threshold))
        if self.shared and columns is not None:
            np.take(drawn, columns, out=numbers)
        elif self.shared:
            mask[...] = drawn


def _random_uint16(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return n random 16-bit integers, four from each 64-bit draw."""
    return rng.integers(2**64, size=-(-n // 4), dtype=np.uint64).view(np.uint16)[:n]

"""Standardization of the features, and folding it into the first layer.

On standardized columns ``x' = (x - mean) / scale``, the first layer computes::

    x' W + b = x (W / scale) + (b - (mean / scale) W)

The network with weights ``W / scale`` and biases ``b - (mean / scale) W`` therefore has the
same logits for the raw x: the scaling is *folded* into its first layer.

A column without spread in the training rows has ``1 / scale = 0``: x' is 0 whatever x is, the
gradient of the column's weights is 0, and so is its row of the folded weights.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skmlp.core.network import Network

__all__ = ["Scaling"]


@dataclass(frozen=True, eq=False)
class Scaling:
    """Mean and scale of each column.

    Parameters
    ----------
    mean : ndarray of shape (n_features,) or None
        None means no centering, as of sparse rows in files of skmlp 0.1.0.
    scale : ndarray of shape (n_features,)
        0 for columns without spread, otherwise greater. Mean and scale have the dtype of
        theta.
    """

    mean: np.ndarray | None
    scale: np.ndarray

    @cached_property
    def inverse(self) -> np.ndarray:
        """1 / scale, and 0 for columns without spread, of shape (n_features,)."""
        inverse = np.zeros_like(self.scale)
        np.divide(1.0, self.scale, out=inverse, where=self.scale > 0)
        return inverse

    @cached_property
    def has_spread(self) -> np.ndarray:
        """Whether each column varies in the training rows, (n_features,)."""
        return np.asarray(self.scale > 0)

    def apply(self, X: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Write standardized rows (..., n, n_features) to out, which may be X; return out."""
        if self.mean is None:
            np.multiply(X, self.inverse, out=out, casting="unsafe")
        else:
            # Subtract in the wider of both dtypes: casting X to float32 first would lose the
            # digits of a column far from 0.
            np.subtract(X, self.mean, out=out, casting="unsafe")
            out *= self.inverse
        return out

    def fold(self, network: Network, theta: np.ndarray) -> np.ndarray:
        """Return parameters (n_params,) for raw rows; they may overflow."""
        folded = theta.copy()
        (W, *_), (b, *_) = network.views(folded)
        with np.errstate(all="ignore"):
            W *= self.inverse[:, None]
            if self.mean is not None:
                b -= _shift(self.mean, W)
        return folded

    def unfold(self, network: Network, theta: np.ndarray) -> np.ndarray:
        """Return parameters (n_params,) for standardized rows, given those for raw rows.

        The weights of columns without spread are 0.
        """
        unfolded = theta.copy()
        (W, *_), (b, *_) = network.views(unfolded)
        if self.mean is not None:
            b += _shift(self.mean, W)
        W *= self.scale[:, None]
        return unfolded


def _shift(mean: np.ndarray, W: np.ndarray) -> np.ndarray:
    """Return ``mean W``, summed in double precision because its terms may cancel."""
    shift: np.ndarray = np.einsum("i,ij->j", mean, W, dtype=np.float64)
    return shift

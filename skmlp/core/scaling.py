"""Standardization of the features, and folding it into the first layer.

On standardized columns ``x' = (x - mean) / scale``, the first layer computes::

    x' W + b = x (W / scale) + (b - (mean / scale) W)

The network with weights ``W / scale`` and biases ``b - (mean / scale) W`` therefore has the
same logits for the raw x: the scaling is *folded* into its first layer.

A column without spread in the training rows has ``1 / scale = 0``: x' is 0 whatever x is, and so
are the gradient of the column's weights and its row of the folded weights. Its weights are 0, so
that they have no penalty either, until the column begins to vary.

When mean m and scale s become m' and s', as they do while rows arrive, the network's function is
kept by *refolding*, in each column::

    W' = (s' / s) W        b' = b + sum over the columns of ((m' - m) / s) W

and gradients, by the chain rule, become::

    dJ/dW' = (s / s') dJ/dW - ((m' - m) / s') dJ/db        dJ/db' = dJ/db
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skmlp.core.network import Network

__all__ = ["Scaling"]

NEAR = 1e-9


@dataclass(frozen=True, eq=False)
class Scaling:
    """Mean and scale of each column.

    Parameters
    ----------
    mean : ndarray of shape (n_features,) or None
        None means no centering, as of sparse rows in files of earlier versions.
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

    def part(self, columns: slice) -> "Scaling":
        """Return the scaling of some of the columns."""
        mean = None if self.mean is None else self.mean[columns]
        return Scaling(mean, self.scale[columns])

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
        folded = np.empty_like(theta)
        W, b = self._first_layer(network, folded)
        with np.errstate(all="ignore"):
            np.multiply(self._first_layer(network, theta)[0], self.inverse[:, None], out=W)
            folded[W.size :] = theta[W.size :]
            if self.mean is not None:
                b -= _shift(self.mean, W)
        return folded

    def unfold(self, network: Network, theta: np.ndarray) -> np.ndarray:
        """Return parameters (n_params,) for standardized rows, given those for raw rows.

        The weights of columns without spread are 0.
        """
        unfolded = theta.copy()
        W, b = self._first_layer(network, unfolded)
        if self.mean is not None:
            b += _shift(self.mean, W)
        W *= self.scale[:, None]
        return unfolded

    def is_near(self, other: "Scaling") -> bool:
        """Whether means and scales differ by no more than 1e-9 scales."""
        if (self.mean is None) != (other.mean is None):
            return False
        limit = NEAR * self.scale
        means_differ = self.mean is not None and np.abs(self.mean - other.mean) > limit
        return not np.any(means_differ | (np.abs(self.scale - other.scale) > limit))

    def refold(
        self, network: Network, theta: np.ndarray, new: "Scaling", columns: np.ndarray
    ) -> None:
        """Change parameters theta (n_params,) in place so that they act on rows scaled by new.

        Parameters
        ----------
        network : Network
        theta : ndarray of shape (n_params,)
        new : Scaling
        columns : ndarray of bool of shape (n_features,)
            In these columns the network's function is kept, in the others its weights.
        """
        W, b = self._first_layer(network, theta)
        columns = columns & self.has_spread
        b += _shift(self._shift_to(new) * self.inverse * columns, W)
        factor = np.where(columns, new.scale * self.inverse, 1.0)
        W *= factor.astype(theta.dtype)[:, None]

    def refold_gradient(
        self,
        network: Network,
        grad: np.ndarray,
        new: "Scaling",
        columns: np.ndarray,
        power: int = 1,
    ) -> None:
        """Change sums of gradients, or of their squares, in place, as `refold` changes theta.

        For the squares, power=2, the product of both terms of dJ/dW' is left out, since the sum
        of ``dJ/dW dJ/db`` is not known.
        """
        W, b = self._first_layer(network, grad)
        columns = columns & self.has_spread
        factor = np.where(columns, self.scale * new.inverse, 1.0).astype(grad.dtype) ** power
        shift = (self._shift_to(new) * new.inverse * columns).astype(grad.dtype) ** power
        W *= factor[:, None]
        moved = np.flatnonzero(shift)
        W[moved] -= (-1.0) ** (power - 1) * shift[moved, None] * b

    def _first_layer(self, network: Network, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the weights of the columns, without those of their encoding, and the biases."""
        (W, *_), (b, *_) = network.views(theta)
        return W[: len(self.scale)], b

    def _shift_to(self, new: "Scaling") -> np.ndarray:
        """Return the means of new minus those of this scaling, in double precision."""
        zero = np.zeros(len(self.scale))
        old_mean, new_mean = (zero if s.mean is None else s.mean for s in (self, new))
        return np.subtract(new_mean, old_mean, dtype=np.float64)


def _shift(mean: np.ndarray, W: np.ndarray) -> np.ndarray:
    """Return ``mean W``, summed in double precision because its terms may cancel."""
    shift: np.ndarray = np.einsum("i,ij->j", mean, W, dtype=np.float64)
    return shift

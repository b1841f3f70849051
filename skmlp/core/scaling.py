"""Standardized features, and how a network gets rid of them again.

Trained on standardized columns ``x' = (x - mean) / scale``, the first layer computes::

    x' W + b = x (W / scale) + (b - (mean / scale) W)

so that the network with the weights ``W / scale`` and the biases ``b - (mean / scale) W``
gives the same logits for x itself: the scaling is *folded* into the first layer.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Scaling"]


@dataclass(frozen=True, eq=False)
class Scaling:
    """Means and scales of the columns.

    Parameters
    ----------
    mean : ndarray of shape (n_features,) or None
        None does not centre: centred, sparse rows would be dense.
    scale : ndarray of shape (n_features,)
        Greater than 0, in the dtype of theta, as is the mean.
    """

    mean: np.ndarray | None
    scale: np.ndarray

    def apply(self, X, out):
        """Write standardized rows (..., n, n_features) to out, which may be X; return it."""
        if self.mean is None:
            np.divide(X, self.scale, out=out, casting="unsafe")
        else:
            # In the wider of both dtypes: cast first, a column far from 0 would lose digits.
            np.subtract(X, self.mean, out=out, casting="unsafe")
            out /= self.scale
        return out

    def fold(self, network, theta):
        """Return the parameters (n_params,) that act on rows as they are; they may overflow."""
        folded = theta.copy()
        (W, *_), (b, *_) = network.views(folded)
        with np.errstate(all="ignore"):
            W /= self.scale[:, None]
            if self.mean is not None:
                b -= self._shift(W)
        return folded

    def unfold(self, network, theta):
        """Return the parameters (n_params,) that act on standardized rows."""
        unfolded = theta.copy()
        (W, *_), (b, *_) = network.views(unfolded)
        if self.mean is not None:
            b += self._shift(W)
        W *= self.scale[:, None]
        return unfolded

    def _shift(self, W):
        """Return ``mean W``, summed in double precision because its terms may cancel."""
        return np.einsum("i,ij->j", self.mean, W, dtype=np.float64)

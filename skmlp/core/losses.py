"""Softmax and cross-entropy, on logits.

For one row with logits z and a target distribution y (a one-hot row, or any row that sums
to 1)::

    log_softmax(z)_k = z_k - log sum_j exp(z_j)
    CE(z, y) = - sum_k y_k log_softmax(z)_k = log sum_j exp(z_j) - sum_k y_k z_k
    dCE/dz_k = softmax(z)_k - y_k

Both are computed after subtracting max(z) from the row, which changes neither and lets no
exp overflow: the sum is at least 1, so its logarithm is finite and nothing needs clipping.
The classes are the last axis, the rows the one before; further axes may lead.
"""

from functools import lru_cache

import numpy as np

__all__ = ["log_softmax", "softmax_cross_entropy"]


FEW_CLASSES = 64


def _row_max(Z):
    """Return the maximum of each row (..., n).

    NumPy reduces short rows one by one, which takes several times as long as to compare
    whole columns.
    """
    if Z.shape[-1] > FEW_CLASSES:
        return np.maximum.reduce(Z, axis=-1)
    return np.maximum.reduce(Z.mT.copy(), axis=-2)


@lru_cache
def _ones(n, dtype):
    """Return n ones, always the same."""
    ones = np.ones(n, dtype)
    ones.flags.writeable = False
    return ones


def log_softmax(logits):
    """Return the logarithm of softmax(logits), row by row."""
    Z = logits - _row_max(logits)[..., None]
    Z -= np.log(np.exp(Z).sum(axis=-1, keepdims=True))
    return Z


def softmax_cross_entropy(logits, Y, w=None, out=None):
    """Mean cross-entropy over the rows and its gradient, together.

    Parameters
    ----------
    logits : ndarray of shape (..., n, n_classes)
    Y : ndarray of shape (..., n, n_classes)
        Target distributions; each row sums to 1.
    w : ndarray of shape (..., n), default=None
        Weights of the rows. The sum of weighted losses is divided by n, not by the sum of
        w: see `Objective`.
    out : ndarray like logits, default=None
        Where the gradient goes; may be the logits themselves.

    Returns
    -------
    loss : float64 scalar or ndarray of shape (...)
        sum_i w_i CE_i / n, summed in double precision.
    delta : ndarray of shape (..., n, n_classes)
        Its derivative with respect to the logits, w_i (softmax(z_i) - y_i) / n.
    """
    n, n_classes = logits.shape[-2:]
    Z = np.subtract(logits, _row_max(logits)[..., None], out=out)
    of_target = np.vecdot(Y, Z)
    np.exp(Z, out=Z)
    # Faster than to reduce rows as short as these.
    total = np.matmul(Z, _ones(n_classes, Z.dtype))
    Z /= total[..., None]
    losses = np.log(total, out=total)
    losses -= of_target
    Z -= Y
    if w is None:
        Z *= 1.0 / n
    else:
        losses *= w
        Z *= (w / n)[..., None]
    return np.add.reduce(losses, axis=-1, dtype=np.float64) / n, Z

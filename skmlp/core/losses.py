"""Softmax and cross-entropy, on logits.

For one row with logits z and a target distribution y (a one-hot row, or any row that sums
to 1)::

    log_softmax(z)_k = z_k - log sum_j exp(z_j)
    CE(z, y) = - sum_k y_k log_softmax(z)_k = log sum_j exp(z_j) - sum_k y_k z_k
    dCE/dz_k = softmax(z)_k - y_k

max(z) is subtracted from each row first. This changes neither result and keeps exp from
overflowing; the sum of exponentials is at least 1, so its logarithm is finite without
clipping. Classes are the last axis, rows the second to last; leading axes are allowed.
"""

from functools import lru_cache

import numpy as np

__all__ = ["log_softmax", "softmax_cross_entropy"]

MAX_SHORT_ROW = 64


def _row_max(Z: np.ndarray) -> np.ndarray:
    """Return the maximum of each row (..., n).

    NumPy reduces a row at a time, which for short rows is several times slower than
    reducing the transposed copy.
    """
    row_max: np.ndarray
    if Z.shape[-1] > MAX_SHORT_ROW:
        row_max = np.maximum.reduce(Z, axis=-1)
    else:
        row_max = np.maximum.reduce(Z.mT.copy(), axis=-2)
    return row_max


@lru_cache
def _ones(n: int, dtype: np.dtype) -> np.ndarray:
    """Return a cached array of n ones."""
    ones = np.ones(n, dtype)
    ones.flags.writeable = False
    return ones


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return the logarithm of softmax(logits), row by row."""
    Z: np.ndarray = logits - _row_max(logits)[..., None]
    Z -= np.log(np.exp(Z).sum(axis=-1, keepdims=True))
    return Z


def softmax_cross_entropy(
    logits: np.ndarray, Y: np.ndarray, w: np.ndarray | None = None, out: np.ndarray | None = None
) -> tuple[float | np.ndarray, np.ndarray]:
    """Return the mean cross-entropy over the rows and its gradient.

    Parameters
    ----------
    logits : ndarray of shape (..., n, n_classes)
    Y : ndarray of shape (..., n, n_classes)
        Target distributions; each row sums to 1.
    w : ndarray of shape (..., n), default=None
        Row weights. The sum of weighted losses is divided by n, not by the sum of w: see
        `Objective`.
    out : ndarray like logits, default=None
        Array for the gradient; may be the logits themselves.

    Returns
    -------
    loss : float64 scalar or ndarray of shape (...)
        sum_i w_i CE_i / n, summed in double precision.
    delta : ndarray of shape (..., n, n_classes)
        Its derivative with respect to the logits, w_i (softmax(z_i) - y_i) / n.
    """
    n, n_classes = logits.shape[-2:]
    Z = np.subtract(logits, _row_max(logits)[..., None], out=out)
    target_logits = np.vecdot(Y, Z)
    np.exp(Z, out=Z)
    # A product with ones is faster than a sum over short rows.
    total = np.matmul(Z, _ones(n_classes, Z.dtype))
    Z /= total[..., None]
    losses = np.log(total, out=total)
    losses -= target_logits
    Z -= Y
    if w is None:
        Z *= 1.0 / n
    else:
        losses *= w
        Z *= (w / n)[..., None]
    return np.add.reduce(losses, axis=-1, dtype=np.float64) / n, Z

"""What differs between dense and sparse X: products, rows and casts.

Only the first layer meets X. A sparse X is a CSR matrix or array of SciPy, which this file
never imports: it is whatever is no NumPy array. Leading axes are for dense arrays alone.
"""

from functools import partial

import numpy as np

__all__ = ["dropped", "gatherer", "is_sparse", "product", "rows_of", "transposed_product"]


def is_sparse(X):
    """Whether X is a sparse matrix or array."""
    return not isinstance(X, np.ndarray)


def product(A, W, out):
    """Write A W to out, for A (..., n, fan_in), dense or sparse."""
    if isinstance(A, np.ndarray):
        np.matmul(A, W, out=out)
    else:
        out[...] = A @ W


def transposed_product(A, delta, out):
    """Write A^T delta to out, for A (..., n, fan_in), dense or sparse."""
    if isinstance(A, np.ndarray):
        np.matmul(A.mT, delta, out=out)
    else:
        out[...] = A.T @ delta


def dropped(A, mask, out):
    """Return A times a mask of its shape; sparse A takes one number for each stored entry."""
    if isinstance(A, np.ndarray):
        return np.multiply(A, mask, out=out)
    A = A.copy()
    A.data *= mask.reshape(-1)[: A.nnz]
    return A


def rows_of(X, rows, dtype):
    """Return the rows of a slice in dtype, without a copy if X has it already."""
    if isinstance(X, np.ndarray):
        return X[..., rows, :].astype(dtype, copy=False)
    return X[rows].astype(dtype, copy=False)


def gatherer(X, shape, dtype, scaling=None):
    """Return a function rows -> X[rows] in dtype, scaled, for rows of at most that shape.

    Dense rows come in memory that is made once and reused by the next call.

    Parameters
    ----------
    X : ndarray or sparse CSR of shape (n, columns)
    shape : tuple of int (..., batch_size)
    dtype : dtype
    scaling : Scaling, default=None
    """
    if is_sparse(X):
        return partial(_sparse_rows, X, np.dtype(dtype), scaling)
    raw = np.empty((*shape, X.shape[1]), X.dtype)
    cast = raw if X.dtype == dtype else np.empty(raw.shape, dtype)
    return partial(_dense_rows, X, raw, cast, scaling)


def _dense_rows(X, raw, cast, scaling, rows):
    n, in_place = rows.shape[-1], cast is raw
    batch = raw if n == raw.shape[-2] else raw[..., :n, :]
    if X.flags.aligned:
        # Every row number is valid; mode="raise" would gather into a hidden copy first.
        X.take(rows, axis=0, out=batch, mode="clip")
    else:  # as out of a file or a message: take would copy all of X first
        batch[...] = X[rows]
    out = batch if in_place else cast[..., :n, :]
    if scaling is not None:
        scaling.apply(batch, out)
    elif not in_place:
        np.copyto(out, batch, casting="unsafe")
    return out


def _sparse_rows(X, dtype, scaling, rows):
    batch = X[rows]
    if scaling is None:
        return batch.astype(dtype, copy=False)
    if scaling.mean is not None:  # of dense rows seen before: centred, no row is sparse
        return scaling.apply(batch.toarray(), np.empty(batch.shape, dtype))
    batch = batch.astype(dtype, copy=False)
    batch.data /= scaling.scale[batch.indices]
    return batch

"""Operations on the design matrix X that differ between dense and sparse X.

X is a NumPy array or a CSR matrix or array of SciPy; every ``isinstance`` that tells them
apart is in this file, which does not import SciPy. Only dense X may have leading axes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

import numpy as np
from numpy.typing import DTypeLike

if TYPE_CHECKING:  # scaling imports network, which imports this file
    from skmlp.core.scaling import Scaling

__all__ = [
    "Matrix",
    "SparseMatrix",
    "apply_mask",
    "batch_reader",
    "dense_batch_reader",
    "is_sparse",
    "matmul",
    "matmul_transposed",
    "slice_rows",
]


class SparseMatrix(Protocol):
    """What is used of a CSR matrix or array of SciPy."""

    shape: tuple[int, int]
    dtype: np.dtype
    nnz: int
    data: np.ndarray
    indices: np.ndarray

    @property
    def T(self) -> SparseMatrix:
        """The transpose."""

    def __matmul__(self, other: np.ndarray, /) -> np.ndarray: ...

    def __getitem__(self, rows: Any, /) -> SparseMatrix: ...

    def astype(self, dtype: DTypeLike, *, copy: bool) -> SparseMatrix:
        """Cast the stored entries."""

    def copy(self) -> SparseMatrix:
        """Copy the stored entries."""

    def toarray(self) -> np.ndarray:
        """Return a dense array."""


Matrix = np.ndarray | SparseMatrix


def is_sparse(X: Matrix) -> TypeGuard[SparseMatrix]:
    """Whether X is a sparse matrix or array."""
    return not isinstance(X, np.ndarray)


def matmul(A: Matrix, W: np.ndarray, out: np.ndarray) -> None:
    """Write A W to out, for A (..., n, fan_in), dense or sparse."""
    if isinstance(A, np.ndarray):
        np.matmul(A, W, out=out)
    else:
        out[...] = A @ W


def matmul_transposed(A: Matrix, delta: np.ndarray, out: np.ndarray) -> None:
    """Write A^T delta to out, for A (..., n, fan_in), dense or sparse."""
    if isinstance(A, np.ndarray):
        np.matmul(A.mT, delta, out=out)
    else:
        out[...] = A.T @ delta


def apply_mask(A: Matrix, mask: np.ndarray, out: np.ndarray | None) -> Matrix:
    """Return A times a mask of its shape, a dense product in out.

    The stored entries of sparse A are multiplied by the first nnz numbers of the mask.
    """
    if isinstance(A, np.ndarray):
        product: np.ndarray = np.multiply(A, mask, out=out)
        return product
    A = A.copy()
    A.data *= mask.reshape(-1)[: A.nnz]
    return A


def slice_rows(X: Matrix, rows: slice, dtype: DTypeLike) -> Matrix:
    """Return the rows of a slice in dtype, without a copy if X has it already."""
    if isinstance(X, np.ndarray):
        return X[..., rows, :].astype(dtype, copy=False)
    return X[rows].astype(dtype, copy=False)


def batch_reader(
    X: Matrix, shape: tuple[int, ...], dtype: DTypeLike, scaling: Scaling | None = None
) -> Callable[[np.ndarray], Matrix]:
    """Return a function rows -> X[rows] in dtype, scaled.

    A dense batch is written to a buffer that is allocated once and overwritten by the next
    call.

    Parameters
    ----------
    X : ndarray or sparse CSR of shape (n, columns)
    shape : tuple of int (..., batch_size)
        Shape of the row indices; they may be fewer along the last axis.
    dtype : dtype
    scaling : Scaling, default=None
    """
    if isinstance(X, np.ndarray):
        return dense_batch_reader(X, shape, dtype, scaling)
    return partial(_read_sparse, X, np.dtype(dtype), scaling)


def dense_batch_reader(
    X: np.ndarray, shape: tuple[int, ...], dtype: DTypeLike, scaling: Scaling | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the `batch_reader` of dense rows."""
    raw = np.empty((*shape, X.shape[1]), X.dtype)
    cast = raw if X.dtype == dtype else np.empty(raw.shape, dtype)
    return partial(_read_dense, X, raw, cast, scaling)


def _read_dense(
    X: np.ndarray, raw: np.ndarray, cast: np.ndarray, scaling: Scaling | None, rows: np.ndarray
) -> np.ndarray:
    n, in_place = rows.shape[-1], cast is raw
    batch = raw if n == raw.shape[-2] else raw[..., :n, :]
    if X.flags.aligned:
        # All indices are valid; mode="raise" would gather into a temporary array first.
        X.take(rows, axis=0, out=batch, mode="clip")
    else:  # a memory map or a deserialized array; take would copy all of X first
        batch[...] = X[rows]
    out = batch if in_place else cast[..., :n, :]
    if scaling is not None:
        scaling.apply(batch, out)
    elif not in_place:
        np.copyto(out, batch, casting="unsafe")
    return out


def _read_sparse(
    X: SparseMatrix, dtype: np.dtype, scaling: Scaling | None, rows: np.ndarray
) -> Matrix:
    batch = X[rows]
    if scaling is None:
        return batch.astype(dtype, copy=False)
    if scaling.mean is not None:  # fitted on dense rows; centered rows are dense
        return scaling.apply(batch.toarray(), np.empty(batch.shape, dtype))
    batch = batch.astype(dtype, copy=False)
    batch.data /= scaling.scale[batch.indices]
    return batch

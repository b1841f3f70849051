"""Operations on the design matrix X that differ between dense, sparse and mixed X.

X is a NumPy array, a CSR matrix or array of SciPy, or a `Table` with categorical columns. Batches
of it, which `skmlp.core.batch_reader` reads, are arrays, CSR, a `CentredMatrix` or a `MixedMatrix`.
In the core, every ``isinstance`` that tells them apart is in these two files, which do not import
SciPy. Sparse X has no leading axes.

Sparse rows are standardized without making them dense. With S = X / scale, which is as sparse
as X, and the row vector o = mean / scale, standardized rows are ``S - 1 o``, and::

    (S - 1 o) W = S W - 1 (o W)        (S - 1 o)^T delta = S^T delta - o^T (1^T delta)

Both are products with S' = [S; -o], which has one more row: ``S' W`` ends with ``-o W``, and
``S'^T`` is multiplied by delta with its sum as the last row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeGuard, cast

import numpy as np
from numpy.typing import DTypeLike

from skmlp.core.levels import LevelRows, Table

__all__ = [
    "CentredMatrix",
    "Matrix",
    "MixedMatrix",
    "RawMatrix",
    "SparseMatrix",
    "apply_mask",
    "is_sparse",
    "matmul",
    "matmul_transposed",
    "stack_rows",
]


class SparseMatrix(Protocol):
    """What is used of a CSR matrix or array of SciPy."""

    shape: tuple[int, int]
    dtype: np.dtype
    nnz: int
    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray

    def __init__(self, content: Any, /, *, shape: tuple[int, int]) -> None: ...

    @property
    def T(self) -> SparseMatrix:
        """The transpose."""

    def __add__(self, other: SparseMatrix, /) -> SparseMatrix: ...

    def __matmul__(self, other: np.ndarray, /) -> np.ndarray: ...

    def __getitem__(self, rows: Any, /) -> SparseMatrix: ...

    def astype(self, dtype: DTypeLike, *, copy: bool) -> SparseMatrix:
        """Cast the stored entries."""

    def copy(self) -> SparseMatrix:
        """Copy the stored entries."""

    def toarray(self) -> np.ndarray:
        """Return a dense array."""


@dataclass(frozen=True, eq=False)
class CentredMatrix:
    """The matrix ``rows - 1 offset``, which is not formed.

    Parameters
    ----------
    rows : sparse CSR of shape (n, columns)
    offset : ndarray of shape (columns,)
        What is subtracted from each row.
    """

    rows: SparseMatrix
    offset: np.ndarray

    @cached_property
    def extended(self) -> SparseMatrix:
        """The rows, and minus the offset as one more row."""
        rows, n_columns = self.rows, len(self.offset)
        data = np.concatenate([rows.data, -self.offset])
        indices = np.concatenate([rows.indices, np.arange(n_columns, dtype=rows.indices.dtype)])
        indptr = np.append(rows.indptr, rows.indptr[-1] + n_columns)
        return type(rows)((data, indices, indptr), shape=(rows.shape[0] + 1, n_columns))

    @property
    def shape(self) -> tuple[int, int]:
        """(n, columns)."""
        return self.rows.shape

    @property
    def dtype(self) -> np.dtype:
        """Of the entries."""
        return self.rows.dtype

    def toarray(self) -> np.ndarray:
        """Return a dense array."""
        X: np.ndarray = self.rows.toarray() - self.offset
        return X


@dataclass(frozen=True, eq=False)
class MixedMatrix:
    """A matrix of dense columns, one-hot columns of levels and dense columns again.

    Parameters
    ----------
    dense : ndarray of shape (..., n, columns)
        The dense columns.
    n_first : int
        How many of them stand before the levels.
    levels : LevelRows of shape (..., n, n_levels)
    """

    dense: np.ndarray
    n_first: int
    levels: LevelRows

    @property
    def shape(self) -> tuple[int, ...]:
        """(..., n, columns)."""
        return *self.dense.shape[:-1], self.dense.shape[-1] + self.levels.n_levels

    @property
    def dtype(self) -> np.dtype:
        """Of the entries."""
        return self.dense.dtype

    def blocks(self) -> list[tuple[np.ndarray, slice]]:
        """Return the blocks of dense columns, without empty ones, and where they stand."""
        k = self.n_first
        blocks = [(self.dense[..., :k], slice(k))] if k else []
        if k < self.dense.shape[-1]:
            blocks.append((self.dense[..., k:], slice(k + self.levels.n_levels, None)))
        return blocks

    @property
    def columns_of_levels(self) -> slice:
        """Where the one-hot columns stand."""
        return slice(self.n_first, self.n_first + self.levels.n_levels)


RawMatrix = np.ndarray | SparseMatrix | Table
Matrix = np.ndarray | SparseMatrix | CentredMatrix | MixedMatrix


def is_sparse(X: RawMatrix | Matrix) -> TypeGuard[SparseMatrix | CentredMatrix]:
    """Whether X is a sparse matrix, or a batch of one."""
    return not isinstance(X, np.ndarray | Table | MixedMatrix)


def matmul(A: Matrix, W: np.ndarray, out: np.ndarray) -> None:
    """Write A W to out, for A (..., n, fan_in) of any kind and W (..., fan_in, fan_out)."""
    if isinstance(A, np.ndarray):
        np.matmul(A, W, out=out)
    elif isinstance(A, MixedMatrix):
        first, *others = A.blocks() or [(A.dense, slice(0))]  # without dense columns, the sum is 0
        np.matmul(first[0], W[..., first[1], :], out=out)
        for block, columns in others:
            out += np.matmul(block, W[..., columns, :])
        A.levels.add_product(W[..., A.columns_of_levels, :], out)
    elif W.ndim > 2:
        for W_of_one, out_of_one in zip(W, out, strict=True):
            matmul(A, W_of_one, out_of_one)
    elif isinstance(A, CentredMatrix):
        product = A.extended @ W
        np.add(product[:-1], product[-1], out=out)
    else:
        out[...] = A @ W


def matmul_transposed(A: Matrix, delta: np.ndarray, out: np.ndarray) -> None:
    """Write A^T delta to out, for A (..., n, fan_in) of any kind."""
    if isinstance(A, np.ndarray):
        np.matmul(A.mT, delta, out=out)
    elif isinstance(A, MixedMatrix):
        for block, columns in A.blocks():
            np.matmul(block.mT, delta, out=out[..., columns, :])
        A.levels.write_transposed_product(delta, out[..., A.columns_of_levels, :])
    elif isinstance(A, CentredMatrix):
        out[...] = A.extended.T @ np.vstack([delta, delta.sum(axis=0)])
    else:
        out[...] = A.T @ delta


def apply_mask(A: Matrix, mask: np.ndarray, out: np.ndarray | None) -> Matrix:
    """Return A times a mask of its shape, a dense product in out.

    The stored entries of sparse A are multiplied by the first nnz numbers of the mask, and the
    level of a categorical column by a number that follows those of the dense columns; offsets are
    not multiplied.
    """
    if isinstance(A, np.ndarray):
        product: np.ndarray = np.multiply(A, mask, out=out)
        return product
    if isinstance(A, MixedMatrix):
        k = A.dense.shape[-1]
        dense = np.multiply(A.dense, mask[..., :k], out=None if out is None else out[..., :k])
        return MixedMatrix(dense, A.n_first, A.levels.masked(mask[..., k:]))
    if isinstance(A, CentredMatrix):
        return CentredMatrix(cast(SparseMatrix, apply_mask(A.rows, mask, None)), A.offset)
    A = A.copy()
    A.data *= mask.reshape(-1)[: A.nnz]
    return A


def stack_rows(
    parts: Sequence[Matrix], stack: Callable[[str, Sequence[np.ndarray]], np.ndarray]
) -> np.ndarray | MixedMatrix:
    """Return batches of one shape, dense or mixed, as one with leading axes.

    ``stack(name, arrays)`` returns arrays as one.
    """
    first = parts[0]
    if isinstance(first, np.ndarray):
        return stack("X", cast(Sequence[np.ndarray], parts))
    mixed = cast(Sequence[MixedMatrix], parts)
    arrays: dict[str, Any] = {"n_levels": mixed[0].levels.n_levels}
    for name in ("rows", "values", "offset"):
        if getattr(mixed[0].levels, name) is not None:
            arrays[name] = stack(name, [getattr(part.levels, name) for part in mixed])
    dense = stack("X", [part.dense for part in mixed])
    return MixedMatrix(dense, mixed[0].n_first, LevelRows(**arrays))


def stored_columns(X: SparseMatrix | CentredMatrix) -> np.ndarray:
    """Return the column of each stored entry of sparse X."""
    rows = X.rows if isinstance(X, CentredMatrix) else X
    columns: np.ndarray = cast(Any, rows).indices
    return columns

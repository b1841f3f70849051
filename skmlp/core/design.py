"""Operations on the design matrix X that differ between dense and sparse X.

X is a NumPy array, a CSR matrix or array of SciPy, or a `CentredMatrix`; every ``isinstance``
that tells them apart is in this file, which does not import SciPy. Only dense X may have
leading axes.

Sparse rows are standardized without making them dense. With S = X / scale, which is as sparse
as X, and the row vector o = mean / scale, standardized rows are ``S - 1 o``, and::

    (S - 1 o) W = S W - 1 (o W)        (S - 1 o)^T delta = S^T delta - o^T (1^T delta)

Both are products with S' = [S; -o], which has one more row: ``S' W`` ends with ``-o W``, and
``S'^T`` is multiplied by delta with its sum as the last row.

In a column whose mean is many times its scale, both terms of ``S W - o W`` would be much larger
than their difference, and rounding would remove its digits. Zeros must be rare in such a column,
because each is far from the others. It is therefore held as ``(X - mean) / scale`` in all rows,
those of its zeros included, and its entry of o is 0.

Rows may be followed by the features of a `PiecewiseLinear` encoding. Those of sparse rows are not
0 where x is, but their difference from F(0) is, so that -F(0) is their offset.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, cast

import numpy as np
from numpy.typing import DTypeLike

from skmlp.core.encoding import PiecewiseLinear

if TYPE_CHECKING:  # scaling imports network, which imports this file
    from skmlp.core.scaling import Scaling

MAX_OFFSET = 10.0  # |mean| / scale, from which on a sparse column is held in all rows

__all__ = [
    "CentredMatrix",
    "Matrix",
    "RawMatrix",
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
    indptr: np.ndarray

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
        shape = rows.shape[0] + 1, n_columns
        extended: SparseMatrix = type(rows)((data, indices, indptr), shape=shape)  # type: ignore[call-arg]
        return extended

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


RawMatrix = np.ndarray | SparseMatrix
Matrix = RawMatrix | CentredMatrix


def is_sparse(X: Matrix) -> TypeGuard[SparseMatrix | CentredMatrix]:
    """Whether X stores some of its entries only."""
    return not isinstance(X, np.ndarray)


def matmul(A: Matrix, W: np.ndarray, out: np.ndarray) -> None:
    """Write A W to out, for A (..., n, fan_in), dense or sparse, and W (..., fan_in, fan_out)."""
    if isinstance(A, np.ndarray):
        np.matmul(A, W, out=out)
    elif W.ndim > 2:
        for W_of_one, out_of_one in zip(W, out, strict=True):
            matmul(A, W_of_one, out_of_one)
    elif isinstance(A, CentredMatrix):
        product = A.extended @ W
        np.add(product[:-1], product[-1], out=out)
    else:
        out[...] = A @ W


def matmul_transposed(A: Matrix, delta: np.ndarray, out: np.ndarray) -> None:
    """Write A^T delta to out, for A (..., n, fan_in), dense or sparse."""
    if isinstance(A, np.ndarray):
        np.matmul(A.mT, delta, out=out)
    elif isinstance(A, CentredMatrix):
        out[...] = A.extended.T @ np.vstack([delta, delta.sum(axis=0)])
    else:
        out[...] = A.T @ delta


def apply_mask(A: Matrix, mask: np.ndarray, out: np.ndarray | None) -> Matrix:
    """Return A times a mask of its shape, a dense product in out.

    The stored entries of sparse A are multiplied by the first nnz numbers of the mask; offsets
    of centred rows are not.
    """
    if isinstance(A, np.ndarray):
        product: np.ndarray = np.multiply(A, mask, out=out)
        return product
    if isinstance(A, CentredMatrix):
        return CentredMatrix(cast(SparseMatrix, apply_mask(A.rows, mask, None)), A.offset)
    A = A.copy()
    A.data *= mask.reshape(-1)[: A.nnz]
    return A


def stored_columns(X: SparseMatrix | CentredMatrix) -> np.ndarray:
    """Return the column of each stored entry of sparse X."""
    rows = X.rows if isinstance(X, CentredMatrix) else X
    columns: np.ndarray = cast(Any, rows).indices
    return columns


def slice_rows(
    X: RawMatrix, rows: slice, dtype: DTypeLike, encoding: PiecewiseLinear | None = None
) -> Matrix:
    """Return the rows of a slice in dtype, encoded; without a copy if X has it already."""
    if isinstance(X, np.ndarray):
        raw = X[..., rows, :]
        if encoding is None:
            return raw.astype(dtype, copy=False)
        n_features = raw.shape[-1]
        encoded = np.empty((*raw.shape[:-1], n_features + encoding.n_bins), dtype)
        encoded[..., :n_features] = raw
        encoding.apply(raw, encoded[..., n_features:])
        return encoded
    batch = X[rows]
    if encoding is None:
        return batch.astype(dtype, copy=False)
    features = _encode_sparse(batch, dtype, encoding)
    return _append(batch.astype(dtype, copy=False), features, encoding)


def batch_reader(
    X: RawMatrix,
    shape: tuple[int, ...],
    dtype: DTypeLike,
    scaling: Scaling | None = None,
    encoding: PiecewiseLinear | None = None,
) -> Callable[[np.ndarray], Matrix]:
    """Return a function rows -> X[rows] in dtype, scaled and encoded.

    A dense batch is written to a buffer that is allocated once and overwritten by the next
    call.

    Parameters
    ----------
    X : ndarray or sparse CSR of shape (n, columns)
    shape : tuple of int (..., batch_size)
        Shape of the row indices; they may be fewer along the last axis.
    dtype : dtype
    scaling : Scaling, default=None
    encoding : PiecewiseLinear, default=None
        Of the raw rows.
    """
    if isinstance(X, np.ndarray):
        if encoding is None:
            return dense_batch_reader(X, shape, dtype, scaling)
        return _EncodedReader(X, shape, dtype, scaling, encoding)
    scale: Callable[[SparseMatrix], SparseMatrix | CentredMatrix]
    if scaling is None or scaling.mean is None:
        inverse = None if scaling is None else scaling.inverse
        scale = partial(_scale_sparse, np.dtype(dtype), inverse)
    else:
        scale = _Centring(np.dtype(dtype), scaling.mean, scaling.inverse)
    return partial(_read_sparse, X, np.dtype(dtype), scale, encoding)


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


class _EncodedReader:
    """A function rows -> X[rows], scaled, with the features of an encoding appended."""

    def __init__(
        self,
        X: np.ndarray,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        scaling: Scaling | None,
        encoding: PiecewiseLinear,
    ) -> None:
        self._read_raw = dense_batch_reader(X, shape, X.dtype)
        self._out = np.empty((*shape, X.shape[1] + encoding.n_bins), dtype)
        self._scaling, self._encoding = scaling, encoding

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        raw = self._read_raw(rows)
        n_rows, n_features = raw.shape[-2:]
        out = self._out[..., :n_rows, :]
        if self._scaling is None:
            out[..., :n_features] = raw
        else:
            self._scaling.apply(raw, out[..., :n_features])
        self._encoding.apply(raw, out[..., n_features:])
        return out


def _read_sparse(
    X: SparseMatrix,
    dtype: np.dtype,
    scale: Callable[[SparseMatrix], SparseMatrix | CentredMatrix],
    encoding: PiecewiseLinear | None,
    rows: np.ndarray,
) -> SparseMatrix | CentredMatrix:
    batch = X[rows]
    if encoding is None:
        return scale(batch)
    encoded = _encode_sparse(batch, dtype, encoding)  # before the batch is scaled, in place
    return _append(scale(batch), encoded, encoding)


def _encode_sparse(
    batch: SparseMatrix, dtype: DTypeLike, encoding: PiecewiseLinear
) -> SparseMatrix:
    """Return the features of raw sparse rows minus those of zeros, after as many empty columns."""
    n_rows, n_features = batch.shape
    first, count = encoding.bins_of_column(batch.indices)
    ends = np.concatenate([[0], np.cumsum(count)])
    # The features of an entry are beside each other: its first bin, and those after it.
    bins = np.arange(ends[-1]) + np.repeat(first - ends[:-1], count)
    features = encoding.of_values(np.repeat(batch.data, count), bins) - encoding.of_zero[bins]
    content = features.astype(dtype), bins + n_features, ends[batch.indptr]
    encoded: SparseMatrix = type(batch)(content, shape=(n_rows, n_features + encoding.n_bins))  # type: ignore[call-arg]
    return encoded


def _append(
    batch: SparseMatrix | CentredMatrix, encoded: SparseMatrix, encoding: PiecewiseLinear
) -> CentredMatrix:
    """Return sparse rows with the features of `_encode_sparse` appended."""
    if isinstance(batch, CentredMatrix):
        rows, offset = batch.rows, batch.offset
    else:
        rows, offset = batch, np.zeros(batch.shape[1], batch.dtype)
    offset = np.concatenate([offset, -encoding.of_zero.astype(offset.dtype)])
    content = rows.data, rows.indices, rows.indptr
    widened: SparseMatrix = type(rows)(content, shape=encoded.shape)  # type: ignore[call-arg]
    return CentredMatrix(widened + encoded, offset)  # type: ignore[operator]


def _scale_sparse(dtype: np.dtype, inverse: np.ndarray | None, batch: SparseMatrix) -> SparseMatrix:
    batch = batch.astype(dtype, copy=False)
    if inverse is not None:
        batch.data *= inverse[batch.indices]
    return batch


class _Centring:
    """A function that standardizes sparse rows, which it overwrites.

    Attributes
    ----------
    offset : ndarray of shape (columns,)
    far : ndarray of int
        Columns whose stored entries are centred themselves.
    """

    def __init__(self, dtype: np.dtype, mean: np.ndarray, inverse: np.ndarray) -> None:
        self._dtype, self._inverse = dtype, inverse
        self.offset = mean * inverse
        self.far = np.flatnonzero(np.abs(self.offset) > MAX_OFFSET)
        self._of_zero = -self.offset[self.far]
        self.offset[self.far] = 0.0
        self._mean = None
        if len(self.far):
            self._mean = np.zeros_like(mean)
            self._mean[self.far] = mean[self.far]

    def __call__(self, batch: SparseMatrix) -> CentredMatrix:
        if self._mean is None:
            batch = batch.astype(self._dtype, copy=False)
            batch.data *= self._inverse[batch.indices]
            return CentredMatrix(batch, self.offset)
        wide = batch.data - self._mean[batch.indices]  # before the cast to float32
        batch = batch.astype(self._dtype, copy=False)
        np.multiply(wide, self._inverse[batch.indices], out=batch.data, casting="unsafe")
        return CentredMatrix(self._with_zeros_stored(batch), self.offset)

    def _with_zeros_stored(self, batch: SparseMatrix) -> SparseMatrix:
        """Return the batch with an entry in every row of the columns in ``far``."""
        position = np.searchsorted(self.far, batch.indices)
        position[position == len(self.far)] = 0
        stored = np.flatnonzero(self.far[position] == batch.indices)
        n_rows = batch.shape[0]
        if len(stored) == n_rows * len(self.far):
            return batch
        missing = np.ones((n_rows, len(self.far)), bool)
        row_of_entry = np.repeat(np.arange(n_rows), np.diff(batch.indptr))
        missing[row_of_entry[stored], position[stored]] = False
        row, k = np.nonzero(missing)
        entries = self._of_zero[k], (row, self.far[k])
        filled: SparseMatrix = batch + type(batch)(entries, shape=batch.shape)  # type: ignore[call-arg,operator]
        return filled

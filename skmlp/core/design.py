"""Operations on the design matrix X that differ between dense and sparse X.

X is a NumPy array, a CSR matrix or array of SciPy, or a `Table` with categorical columns. Batches
of it are arrays, CSR, a `CentredMatrix` or a `MixedMatrix`. In the core, every ``isinstance`` that
tells them apart is in this file, which does not import SciPy. Sparse X has no leading axes.

Sparse rows are standardized without making them dense. With S = X / scale, which is as sparse
as X, and the row vector o = mean / scale, standardized rows are ``S - 1 o``, and::

    (S - 1 o) W = S W - 1 (o W)        (S - 1 o)^T delta = S^T delta - o^T (1^T delta)

Both are products with S' = [S; -o], which has one more row: ``S' W`` ends with ``-o W``, and
``S'^T`` is multiplied by delta with its sum as the last row.

In a column whose mean is many times its scale, both terms of ``S W - o W`` would be much larger
than their difference, and rounding would remove its digits. Zeros must be rare in such a column,
because each is far from the others. It is therefore held as ``(X - mean) / scale`` in all rows,
those of its zeros included, and its entry of o is 0.

An `Encoding` replaces gaps (missing values, NaN) and adds indicators of them, levels, and the
features F of bins. F(x) is not 0 where sparse x is, but its difference from F(0) is, so that -F(0)
is its offset.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, cast

import numpy as np
from numpy.typing import DTypeLike

from skmlp.core.encoding import Encoding, PiecewiseLinear
from skmlp.core.levels import LevelReader, LevelRows, Table, numbers_of

if TYPE_CHECKING:  # scaling imports network, which imports this file
    from skmlp.core.scaling import Scaling

MAX_OFFSET = 10.0  # |mean| / scale, above which a sparse column is held in all rows

__all__ = [
    "CentredMatrix",
    "Matrix",
    "MixedMatrix",
    "RawMatrix",
    "SparseMatrix",
    "apply_mask",
    "batch_reader",
    "dense_batch_reader",
    "is_sparse",
    "matmul",
    "matmul_transposed",
    "slice_rows",
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


def slice_rows(
    X: RawMatrix, rows: slice, dtype: DTypeLike, encoding: Encoding | None = None
) -> Matrix:
    """Return the rows of a slice in dtype, encoded; without a copy if X has it already."""
    if is_sparse(X):
        return _sparse_reader(cast(SparseMatrix, X), np.dtype(dtype), None, encoding)(rows)
    X = cast(np.ndarray | Table, X)
    raw = X.numbers[rows] if isinstance(X, Table) else X[..., rows, :]
    has_gaps = encoding is not None and raw.dtype.kind == "f" and bool(np.isnan(raw).any())
    if encoding is None or (encoding.is_plain and not has_gaps):
        return raw.astype(dtype, copy=False)
    if has_gaps:
        lead = encoding.centre.shape[:-2]
        raw = np.array(np.broadcast_to(raw, lead + raw.shape) if lead else raw)
    out = np.empty((*raw.shape[:-1], encoding.n_dense + encoding.n_bins), dtype)
    _encode_dense(raw, _DenseScaling(None, encoding), encoding, out, has_gaps=has_gaps)
    if not isinstance(X, Table):
        return out
    assert encoding.levels is not None, "a Table has categorical columns"
    return MixedMatrix(out, encoding.n_dense, LevelReader(encoding.levels, dtype)(X.codes[rows]))


def batch_reader(
    X: RawMatrix,
    n_rows: int,
    dtype: DTypeLike,
    scaling: Scaling | None = None,
    encoding: Encoding | None = None,
    *,
    has_gaps: bool = True,
) -> Callable[[np.ndarray], Matrix]:
    """Return a function rows -> X[rows] in dtype, scaled and encoded.

    A dense batch is written to a buffer that is allocated once and overwritten by the next
    call.

    Parameters
    ----------
    X : ndarray, sparse CSR or Table of shape (n, columns)
    n_rows : int
        Rows of a batch, at most.
    dtype : dtype
    scaling : Scaling, default=None
        Of the columns of the encoding.
    encoding : Encoding, default=None
        Of the raw rows.
    has_gaps : bool, default=True
        Whether X may have NaN.
    """
    if is_sparse(X):
        return _sparse_reader(cast(SparseMatrix, X), np.dtype(dtype), scaling, encoding)
    X = cast(np.ndarray | Table, X)
    if isinstance(X, Table) or (encoding and (has_gaps or not encoding.is_plain)):
        assert encoding is not None, "a Table needs one"
        return _EncodedReader(X, n_rows, dtype, scaling, encoding, has_gaps=has_gaps)
    return dense_batch_reader(X, n_rows, dtype, scaling)


def dense_batch_reader(
    X: np.ndarray, n_rows: int, dtype: DTypeLike, scaling: Scaling | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the `batch_reader` of dense rows without an encoding."""
    raw = np.empty((n_rows, X.shape[1]), X.dtype)
    converted = raw if X.dtype == dtype else np.empty(raw.shape, dtype)
    return partial(_read_dense, X, raw, converted, scaling)


def _read_dense(
    X: np.ndarray, raw: np.ndarray, converted: np.ndarray, scaling: Scaling | None, rows: np.ndarray
) -> np.ndarray:
    n, in_place = len(rows), converted is raw
    batch = raw[:n]
    if X.flags.aligned:
        # All indices are valid; mode="raise" would gather into a temporary array first.
        X.take(rows, axis=0, out=batch, mode="clip")
    else:  # a memory map or a deserialized array; take would copy all of X first
        batch[...] = X[rows]
    out = batch if in_place else converted[:n]
    if scaling is not None:
        scaling.apply(batch, out)
    elif not in_place:
        np.copyto(out, batch, casting="unsafe")
    return out


class _EncodedReader:
    """A function rows -> X[rows], encoded and scaled."""

    def __init__(
        self,
        X: np.ndarray | Table,
        n_rows: int,
        dtype: DTypeLike,
        scaling: Scaling | None,
        encoding: Encoding,
        *,
        has_gaps: bool,
    ) -> None:
        numbers = numbers_of(X)
        self._read_raw = dense_batch_reader(numbers, n_rows, numbers.dtype)
        self._out = np.empty((n_rows, encoding.n_dense + encoding.n_bins), dtype)
        self._encoding, self._has_gaps = encoding, has_gaps
        self._scale = _DenseScaling(scaling, encoding)
        self._read_levels = None
        if isinstance(X, Table):
            self._read_levels = _level_reader(X.codes, n_rows, dtype, scaling, encoding)

    def __call__(self, rows: np.ndarray) -> np.ndarray | MixedMatrix:
        raw, encoding = self._read_raw(rows), self._encoding
        out = self._out[: len(raw)]
        _encode_dense(raw, self._scale, encoding, out, has_gaps=self._has_gaps)
        if self._read_levels is None:
            return out
        return MixedMatrix(out, encoding.n_dense, self._read_levels(rows))


def _level_reader(
    codes: np.ndarray,
    n_rows: int,
    dtype: DTypeLike,
    scaling: Scaling | None,
    encoding: Encoding,
) -> Callable[[np.ndarray], LevelRows]:
    """Return a function rows -> the one-hot columns of codes[rows], scaled."""
    assert encoding.levels is not None, "a Table has categorical columns"
    inverse = offset = None
    if scaling is not None:
        of_levels = scaling.part(slice(encoding.n_dense, encoding.n_columns))
        inverse = of_levels.inverse
        offset = None if of_levels.mean is None else (of_levels.mean * inverse)[None]
    read_codes = dense_batch_reader(codes, n_rows, codes.dtype)
    read_levels = LevelReader(encoding.levels, dtype, inverse, offset)
    return lambda rows: read_levels(read_codes(rows))


class _DenseScaling:
    """The scaling of numeric columns and of the indicators of gaps; of none, a cast."""

    def __init__(self, scaling: Scaling | None, encoding: Encoding) -> None:
        self._parts = None
        if scaling is not None:
            p, n = encoding.n_numeric, encoding.n_dense
            self._parts = scaling.part(slice(p)), scaling.part(slice(p, n))

    def apply(self, numbers: np.ndarray, out: np.ndarray) -> None:
        """Write scaled numbers to the first columns of out, and scale the others in place."""
        p = numbers.shape[-1]
        if self._parts is None:
            out[..., :p] = numbers
            return
        of_numbers, of_indicators = self._parts
        of_numbers.apply(numbers, out[..., :p])
        if out.shape[-1] > p:
            of_indicators.apply(out[..., p:], out[..., p:])


def _encode_dense(
    raw: np.ndarray,
    scale: _DenseScaling,
    encoding: Encoding,
    out: np.ndarray,
    *,
    has_gaps: bool,
) -> None:
    """Write numbers (..., n, n_numeric), their indicators and bins to out; raw loses its gaps."""
    p, n = encoding.n_numeric, encoding.n_dense
    if has_gaps:
        out[..., p:n] = encoding.fill(raw)
    else:
        out[..., p:n] = 0.0
    scale.apply(raw, out[..., :n])
    if encoding.bins is not None:
        encoding.bins.apply(raw, out[..., n:])


def _sparse_reader(
    X: SparseMatrix, dtype: np.dtype, scaling: Scaling | None, encoding: Encoding | None
) -> Callable[[np.ndarray | slice], SparseMatrix | CentredMatrix]:
    """Return the `batch_reader` of sparse rows. Those of a slice share memory with X."""
    scale: Callable[[SparseMatrix], SparseMatrix | CentredMatrix]
    if scaling is None or scaling.mean is None:
        scale = partial(_scale_sparse, dtype, None if scaling is None else scaling.inverse)
    else:
        scale = _Centring(dtype, scaling.mean, scaling.inverse)
    return lambda rows: _read_sparse(X[rows], scale, dtype, encoding)


def _read_sparse(
    batch: SparseMatrix,
    scale: Callable[[SparseMatrix], SparseMatrix | CentredMatrix],
    dtype: np.dtype,
    encoding: Encoding | None,
) -> SparseMatrix | CentredMatrix:
    """Return raw sparse rows, encoded and scaled; they are overwritten if there is a scaling."""
    if encoding is None:
        return scale(batch)
    batch = _fill_sparse(batch, encoding)
    if encoding.bins is None:
        return scale(batch)
    features = _encode_sparse(batch, dtype, encoding.bins)  # before the batch is scaled, in place
    return _append(scale(batch), features, encoding.bins)


def _fill_sparse(batch: SparseMatrix, encoding: Encoding) -> SparseMatrix:
    """Return raw sparse rows with gaps replaced, and with the indicators of gaps appended."""
    is_gap = np.isnan(batch.data) if batch.dtype.kind == "f" else np.zeros(batch.nnz, bool)
    at = np.flatnonzero(is_gap)
    columns = batch.indices[at]
    if len(at):
        batch = batch.copy()
        batch.data[at] = encoding.centre[columns]
    if not len(encoding.gaps):
        return batch
    position, known = _find(columns, encoding.gaps)
    row = np.searchsorted(batch.indptr, at, side="right") - 1
    entries = np.ones(known.sum(), batch.dtype)
    where = row[known], encoding.n_numeric + position[known]
    shape = batch.shape[0], encoding.n_dense
    return _widened(batch, shape) + type(batch)((entries, where), shape=shape)


def _find(columns: np.ndarray, ascending: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of columns among ascending ones, and which columns are among them."""
    position = np.searchsorted(ascending, columns)
    position[position == len(ascending)] = 0
    return position, ascending[position] == columns


def _widened(batch: SparseMatrix, shape: tuple[int, int]) -> SparseMatrix:
    """Return sparse rows with empty columns appended; the entries are shared."""
    return type(batch)((batch.data, batch.indices, batch.indptr), shape=shape)


def _encode_sparse(batch: SparseMatrix, dtype: DTypeLike, bins: PiecewiseLinear) -> SparseMatrix:
    """Return the features of raw sparse rows minus those of zeros, after as many empty columns."""
    n_rows, n_columns = batch.shape
    first, count = bins.bins_of_column(batch.indices)
    ends = np.concatenate([[0], np.cumsum(count)])
    # The features of an entry are beside each other: its first bin, and those after it.
    which = np.arange(ends[-1]) + np.repeat(first - ends[:-1], count)
    features = bins.of_values(np.repeat(batch.data, count), which) - bins.of_zero[which]
    content = features.astype(dtype), which + n_columns, ends[batch.indptr]
    return type(batch)(content, shape=(n_rows, n_columns + bins.n_bins))


def _append(
    batch: SparseMatrix | CentredMatrix, encoded: SparseMatrix, bins: PiecewiseLinear
) -> CentredMatrix:
    """Return sparse rows with the features of `_encode_sparse` appended."""
    if isinstance(batch, CentredMatrix):
        rows, offset = batch.rows, batch.offset
    else:
        rows, offset = batch, np.zeros(batch.shape[1], batch.dtype)
    offset = np.concatenate([offset, -bins.of_zero.astype(offset.dtype)])
    return CentredMatrix(_widened(rows, encoded.shape) + encoded, offset)


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
            return CentredMatrix(_scale_sparse(self._dtype, self._inverse, batch), self.offset)
        wide = batch.data - self._mean[batch.indices]  # before the cast to float32
        batch = batch.astype(self._dtype, copy=False)
        np.multiply(wide, self._inverse[batch.indices], out=batch.data, casting="unsafe")
        return CentredMatrix(self._with_zeros_stored(batch), self.offset)

    def _with_zeros_stored(self, batch: SparseMatrix) -> SparseMatrix:
        """Return the batch with an entry in every row of the columns in ``far``."""
        position, is_far = _find(batch.indices, self.far)
        stored = np.flatnonzero(is_far)
        n_rows = batch.shape[0]
        if len(stored) == n_rows * len(self.far):
            return batch
        missing = np.ones((n_rows, len(self.far)), bool)
        row_of_entry = np.repeat(np.arange(n_rows), np.diff(batch.indptr))
        missing[row_of_entry[stored], position[stored]] = False
        row, k = np.nonzero(missing)
        return batch + type(batch)((self._of_zero[k], (row, self.far[k])), shape=batch.shape)

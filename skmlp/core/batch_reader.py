"""Reading rows of raw X as a batch: cast, encoded and standardized.

Dense rows are written to a buffer that is allocated once. An `Encoding` replaces gaps (missing
values, NaN) and adds indicators of them, levels, and the features F of bins. Of sparse rows,
F(x) is not 0 where x is, but its difference from F(0) is, so that -F(0) is an offset of the
`CentredMatrix`.

In a sparse column whose mean is many times its scale, both terms of ``S W - o W`` (see
`skmlp.core.design`) would be much larger than their difference, and rounding would remove its
digits. Zeros must be rare in such a column, because each is far from the others. It is therefore
held as ``(X - mean) / scale`` in all rows, those of its zeros included, and its entry of o is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import DTypeLike

from skmlp.core.design import CentredMatrix, Matrix, MixedMatrix, RawMatrix, SparseMatrix, is_sparse
from skmlp.core.encoding import Encoding, PiecewiseLinear
from skmlp.core.levels import LevelReader, LevelRows, Table, numbers_of

if TYPE_CHECKING:  # scaling imports network, which imports this file
    from skmlp.core.scaling import Scaling

__all__ = ["batch_reader", "dense_batch_reader", "slice_rows"]

MAX_OFFSET = 10.0  # |mean| / scale, above which a sparse column is held in all rows


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

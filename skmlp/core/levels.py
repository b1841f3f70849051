"""Categorical columns, each level of which is a learned row of the first layer.

With one 0/1 column for each level of a categorical column, a row x has a single 1 among them, and
the product of these columns with the weights W is the row of W that belongs to the level of x::

    one_hot(x) W = W[level of x]        one_hot^T delta = sums of delta by level

One-hot columns are therefore never made: a row holds the *code* of its category, an integer, and
the product gathers and adds rows of W. A code that has no row, as that of a category that did not
occur in training, contributes 0, as one-hot columns that are all 0 do.

Standardized one-hot columns are ``(one_hot - p) / s``, with the frequencies p of the levels. The
scale s of every 0/1 column that varies is 1 (see `skmlp.data.scales`), and a column that does not
vary contributes 0, for which its entry is 0. So only ``p / s`` is left to subtract, an offset
that all rows share, as in `CentredMatrix`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scipy.sparse import csr_array

__all__ = ["LevelReader", "LevelRows", "Levels", "Table", "numbers_of"]


@dataclass(frozen=True, eq=False)
class Table:
    """Rows with categorical columns.

    Parameters
    ----------
    numbers : ndarray of shape (n, n_numeric), C-contiguous, of any real dtype
        The numeric columns; NaN for missing values.
    codes : ndarray of shape (n, n_categorical), C-contiguous, of unsigned integers
        The category of each row by its number within the column.
    n_codes : ndarray of int of shape (n_categorical,)
        How many codes each column has.
    """

    numbers: np.ndarray
    codes: np.ndarray
    n_codes: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """(n, columns)."""
        return len(self.codes), self.numbers.shape[1] + self.codes.shape[1]

    @property
    def dtype(self) -> np.dtype:
        """Of the numbers."""
        return self.numbers.dtype

    def __getitem__(self, rows: Any) -> "Table":
        return Table(self.numbers[rows], self.codes[rows], self.n_codes)


def numbers_of(X: Any) -> Any:
    """Return the numeric columns of a Table; those of other X are all of them."""
    return X.numbers if isinstance(X, Table) else X


@dataclass(frozen=True, eq=False)
class Levels:
    """The rows of the first layer that the codes of categorical columns have.

    Parameters
    ----------
    row_of_code : ndarray of int of shape (n_codes,)
        The row, from 0, of each code of each column, column by column; -1 for codes without one.
        Several codes may share a row.
    first_code : ndarray of int of shape (n_categorical,)
        Where the codes of each column begin in row_of_code.
    """

    row_of_code: np.ndarray
    first_code: np.ndarray

    @cached_property
    def n_levels(self) -> int:
        """Number of rows."""
        return int(self.row_of_code.max(initial=-1)) + 1

    def rows(self, codes: np.ndarray) -> np.ndarray:
        """Return the row of each of the codes (..., n_categorical); -1 for none."""
        rows: np.ndarray = self.row_of_code.take(codes + self.first_code)
        return rows

    def by_column(self) -> list[np.ndarray]:
        """Return row_of_code in parts, one for each column."""
        return np.split(self.row_of_code, self.first_code[1:])


@dataclass(frozen=True, eq=False)
class LevelRows:
    """The matrix of shape (..., n, n_levels) of one-hot columns minus an offset, not formed.

    Parameters
    ----------
    rows : ndarray of int32 of shape (..., n, n_categorical), C-contiguous
        The columns of the 1s.
    values : ndarray of shape (..., n, n_categorical), C-contiguous
        What stands there instead of 1: 0 for codes without a row, dropout masks.
    n_levels : int
    offset : ndarray of shape (..., 1, n_levels), default=None
        What is subtracted from each row.
    """

    rows: np.ndarray
    values: np.ndarray
    n_levels: int
    offset: np.ndarray | None = None

    def add_product(self, W: np.ndarray, out: np.ndarray) -> None:
        """Add the product with W (..., n_levels, fan_out) to out (..., n, fan_out)."""
        for i, (one_hot, _) in self._matrices(out.shape[:-2]):
            out[i] += one_hot @ W[i]
        if self.offset is not None:
            out -= np.matmul(self.offset, W)

    def write_transposed_product(self, delta: np.ndarray, out: np.ndarray) -> None:
        """Write the product of the transpose with delta (..., n, fan_out) to out."""
        if self.offset is None:
            out[...] = 0.0
        else:
            total = np.matmul(np.ones((1, delta.shape[-2]), delta.dtype), delta)
            np.multiply(self.offset.mT, -total, out=out)
        for i, (_, transposed) in self._matrices(delta.shape[:-2]):
            out[i] += transposed @ delta[i]

    def masked(self, mask: np.ndarray) -> "LevelRows":
        """Return the rows with the 1s times a mask (..., n, n_categorical)."""
        values = self.values * mask
        rows = np.ascontiguousarray(np.broadcast_to(self.rows, values.shape))
        return LevelRows(rows, values, self.n_levels, self.offset)

    @cached_property
    def _sparse(self) -> np.ndarray:
        """The one-hot rows and their transposes, as sparse matrices that share the memory."""
        n, n_categorical = self.rows.shape[-2:]
        starts = np.arange(0, n * n_categorical + 1, n_categorical, dtype=self.rows.dtype)
        pairs = np.empty(self.rows.shape[:-2], object)
        for i in np.ndindex(pairs.shape):
            one_hot = csr_array(
                (self.values[i].reshape(-1), self.rows[i].reshape(-1), starts),
                shape=(n, self.n_levels),
            )
            pairs[i] = one_hot, one_hot.T
        return pairs

    def _matrices(self, lead: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Any]]:
        """Yield the indices of leading axes, and the sparse matrices there."""
        if not lead:
            yield (), self._sparse[()]
            return
        pairs = np.broadcast_to(self._sparse, lead)
        for i in np.ndindex(lead):
            yield i, pairs[i]


class LevelReader:
    """A function codes (n, n_categorical) -> LevelRows, whose memory the next call overwrites.

    Parameters
    ----------
    levels : Levels
    dtype : dtype
    inverse : ndarray of shape (n_levels,), default=None
        Factors of the one-hot columns; None for 1.
    offset : ndarray of shape (1, n_levels), default=None
        What is subtracted from each row.
    """

    def __init__(
        self,
        levels: Levels,
        dtype: DTypeLike,
        inverse: np.ndarray | None = None,
        offset: np.ndarray | None = None,
    ) -> None:
        self._first_code, self._offset = levels.first_code, offset
        self._n_levels = levels.n_levels
        self._row_of_code = np.maximum(levels.row_of_code, 0)
        self._value_of_code = (levels.row_of_code >= 0).astype(dtype)
        if inverse is not None and len(inverse):
            self._value_of_code *= inverse[self._row_of_code]
        self._made = dict[int, tuple[np.ndarray, LevelRows]]()

    def __call__(self, codes: np.ndarray) -> LevelRows:
        """Return the one-hot columns of the codes of some rows."""
        n = len(codes)
        if n not in self._made:  # a batch, or the shorter last one
            self._made[n] = self._make(codes.shape)
        position, level_rows = self._made[n]
        np.add(codes, self._first_code, out=position, casting="unsafe")
        # All positions are valid; mode="raise" would gather into a temporary array first.
        self._row_of_code.take(position, out=level_rows.rows, mode="clip")
        self._value_of_code.take(position, out=level_rows.values, mode="clip")
        return level_rows

    def _make(self, shape: tuple[int, ...]) -> tuple[np.ndarray, LevelRows]:
        rows = np.empty(shape, self._row_of_code.dtype)
        values = np.empty(shape, self._value_of_code.dtype)
        return np.empty(shape, np.intp), LevelRows(rows, values, self._n_levels, self._offset)

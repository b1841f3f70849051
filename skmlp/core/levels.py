"""Categorical columns, each level of which is a learned row of the first layer.

With one 0/1 column for each level of a categorical column, a row x has a single 1 among them, and
the product of these columns with the weights W is the row of W that belongs to the level of x::

    one_hot(x) W = W[level of x]        one_hot^T delta = sums of delta by level

One-hot columns are therefore never made: a row holds the *code* of its category, an integer, and
the product gathers and adds rows of W. A code that has no row, as that of a category that did not
occur in training, contributes 0, as one-hot columns that are all 0 do.

Standardized one-hot columns are ``(one_hot - p) / s``, with the frequencies p of the levels. The
scale s of every 0/1 column that varies is 1 (see `skmlp.data.moments`), and a column that does not
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

__all__ = ["LevelRows", "Levels", "Table"]


@dataclass(frozen=True, eq=False)
class Table:
    """Rows with categorical columns.

    Parameters
    ----------
    numbers : ndarray of shape (n, n_numeric), C-contiguous, of any real dtype
        The numeric columns; NaN for gaps.
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


@dataclass(frozen=True, eq=False)
class LevelRows:
    """The matrix of shape (..., n, n_levels) of one-hot columns minus an offset, not formed.

    Parameters
    ----------
    rows : ndarray of int of shape (..., n, n_categorical)
        The columns of the 1s.
    values : ndarray of shape (..., n, n_categorical)
        What stands there instead of 1: 0 for codes without a row, dropout masks.
    offset : ndarray of shape (..., 1, n_levels) or None
        What is subtracted from each row.
    """

    rows: np.ndarray
    values: np.ndarray
    offset: np.ndarray | None = None

    @classmethod
    def of_codes(
        cls,
        codes: np.ndarray,
        levels: Levels,
        dtype: DTypeLike,
        inverse: np.ndarray | None = None,
        offset: np.ndarray | None = None,
    ) -> "LevelRows":
        """Return the one-hot rows of codes, times inverse (n_levels,), minus an offset."""
        rows = levels.rows(codes)
        values = (rows >= 0).astype(dtype)
        np.maximum(rows, 0, out=rows)
        if inverse is not None and len(inverse):
            values *= inverse.take(rows)
        return cls(rows, values, offset)

    def add_product(self, W: np.ndarray, out: np.ndarray) -> None:
        """Add the product with W (..., n_levels, fan_out) to out (..., n, fan_out)."""
        for i, one_hot in self._matrices(out.shape[:-2], W.shape[-2]):
            out[i] += one_hot @ W[i]
        if self.offset is not None:
            out -= np.matmul(self.offset, W)

    def write_transposed_product(self, delta: np.ndarray, out: np.ndarray) -> None:
        """Write the product of the transpose with delta (..., n, fan_out) to out."""
        for i, one_hot in self._matrices(delta.shape[:-2], out.shape[-2]):
            out[i] = one_hot.T @ delta[i]
        if self.offset is not None:
            out -= self.offset.mT * delta.sum(axis=-2, keepdims=True)

    def masked(self, mask: np.ndarray) -> "LevelRows":
        """Return the rows with the 1s times a mask (..., n, n_categorical)."""
        return LevelRows(self.rows, self.values * mask, self.offset)

    def _matrices(
        self, lead: tuple[int, ...], n_levels: int
    ) -> Iterator[tuple[tuple[int, ...], Any]]:
        """Yield indices of the leading axes and the one-hot rows there, as sparse matrices."""
        n, n_categorical = self.rows.shape[-2:]
        starts = np.arange(0, n * n_categorical + 1, n_categorical, dtype=self.rows.dtype)
        rows = np.broadcast_to(self.rows, (*lead, n, n_categorical))
        values = np.broadcast_to(self.values, (*lead, n, n_categorical))
        for i in np.ndindex(lead):
            content = values[i].ravel(), rows[i].ravel(), starts
            yield i, csr_array(content, shape=(n, n_levels))

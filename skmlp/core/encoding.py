"""From the columns of a row to the inputs of the first layer: gaps, levels and bins.

A *gap* is a missing value of a numeric column x, held as NaN. Its input is the centre m of the
column, the mean of the values that are present, and an indicator tells that it is one::

    x -> m, 1  if x is a gap        x -> x, 0  otherwise

A *level* is a category, or several that share weights, of a categorical column. It has a 0/1 input
and so a row of weights of its own, see `skmlp.core.levels`.

A *bin* j of a numeric column x is an interval from l_j to r_j. Its feature is::

    F_j(x) = clip((x - l_j) / (r_j - l_j), 0, 1)

which is 0 left of the bin, 1 right of it, and linear within (Gorishniy, Rubachev & Babenko 2022,
"On Embeddings for Numerical Features in Tabular Deep Learning", arXiv:2203.05556; there, the first
and the last bin are unbounded). With the bins of a column side by side, their weights are the
slopes of a function that is linear between the edges: the first layer can bend at every edge. The
features are appended to the columns, which have no bounds. They have no unit themselves and are
not standardized.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skmlp.core.levels import Levels

__all__ = ["Encoding", "PiecewiseLinear"]


@dataclass(frozen=True, eq=False)
class PiecewiseLinear:
    """The bins of some columns, whose features are piecewise linear functions.

    Parameters
    ----------
    columns : ndarray of int of shape (n_bins,), ascending
        The column of each bin.
    left, right : ndarray of shape (n_bins,), float64
        Its edges, left < right.
    """

    columns: np.ndarray
    left: np.ndarray
    right: np.ndarray

    @property
    def n_bins(self) -> int:
        """Number of features."""
        return len(self.columns)

    @cached_property
    def _inverse_width(self) -> np.ndarray:
        inverse: np.ndarray = 1.0 / (self.right - self.left)
        return inverse

    @cached_property
    def of_zero(self) -> np.ndarray:
        """The features of a row of zeros, (n_bins,)."""
        return self.of_values(np.zeros(self.n_bins), np.arange(self.n_bins))

    def apply(self, X: np.ndarray, out: np.ndarray) -> None:
        """Write the features of raw rows (..., n, n_features) to out (..., n, n_bins)."""
        # In double precision: float32 would not resolve bins that are narrow and far from 0.
        values = np.subtract(X.take(self.columns, axis=-1), self.left, dtype=np.float64)
        values *= self._inverse_width
        np.clip(values, 0.0, 1.0, out=out, casting="same_kind")

    def of_values(self, x: np.ndarray, bins: np.ndarray) -> np.ndarray:
        """Return F_j(x) for values x (n,) of the columns of as many bins j."""
        values = np.subtract(x, self.left[bins], dtype=np.float64) * self._inverse_width[bins]
        features: np.ndarray = np.clip(values, 0.0, 1.0)
        return features

    def bins_of_column(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the first bin of each of some columns, and their numbers of bins."""
        first = np.searchsorted(self.columns, columns)
        return first, np.searchsorted(self.columns, columns, side="right") - first


@dataclass(frozen=True, eq=False)
class Encoding:
    """How the columns of a row become the inputs of the first layer.

    The inputs are the numeric columns, where `centre` replaces gaps; an indicator, 0 or 1, of the
    gaps of some of them; the levels of the categorical columns; and the features of the bins.

    Parameters
    ----------
    centre : ndarray of shape (n_numeric,) or (..., 1, n_numeric), float64
        What replaces NaN in each numeric column, for all networks or for each.
    gaps : ndarray of int, ascending
        The numeric columns that have an indicator.
    levels : Levels, default=None
        Of the categorical columns; None without any.
    bins : PiecewiseLinear, default=None
        Of the numeric columns.
    """

    centre: np.ndarray
    gaps: np.ndarray
    levels: Levels | None = None
    bins: PiecewiseLinear | None = None

    @classmethod
    def of_numbers(cls, centre: np.ndarray) -> "Encoding":
        """Return the Encoding whose inputs are the columns, all of them numeric."""
        return cls(centre, np.zeros(0, np.intp))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Encoding":
        """Return the Encoding of the arrays that `arrays` returns."""
        levels = bins = None
        if "row_of_code" in arrays:
            levels = Levels(arrays["row_of_code"], arrays["first_code"])
        if "bin_columns" in arrays:
            bins = PiecewiseLinear(
                *(arrays[f"bin_{name}"] for name in ("columns", "left", "right"))
            )
        return cls(arrays["centre"], arrays["gaps"], levels, bins)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all numbers of the encoding, as arrays by name."""
        arrays = {"centre": self.centre, "gaps": self.gaps}
        if self.levels is not None:
            arrays["row_of_code"] = self.levels.row_of_code
            arrays["first_code"] = self.levels.first_code
        if self.bins is not None:
            arrays["bin_columns"] = self.bins.columns
            arrays["bin_left"], arrays["bin_right"] = self.bins.left, self.bins.right
        return arrays

    @property
    def n_numeric(self) -> int:
        """Number of numeric columns."""
        return int(self.centre.shape[-1])

    @property
    def n_categorical(self) -> int:
        """Number of categorical columns."""
        return 0 if self.levels is None else len(self.levels.first_code)

    @property
    def n_levels(self) -> int:
        """Number of levels of all categorical columns."""
        return 0 if self.levels is None else self.levels.n_levels

    @property
    def n_bins(self) -> int:
        """Number of features of the bins."""
        return 0 if self.bins is None else self.bins.n_bins

    @property
    def n_dense(self) -> int:
        """Number of numeric columns and indicators, the inputs before the levels."""
        return self.n_numeric + len(self.gaps)

    @property
    def n_columns(self) -> int:
        """Number of inputs that take part in standardization: all but the bins."""
        return self.n_dense + self.n_levels

    @property
    def is_plain(self) -> bool:
        """Whether the inputs are the columns, but for gaps."""
        return not (len(self.gaps) or self.n_categorical or self.n_bins)

    def fill(self, numbers: np.ndarray) -> np.ndarray:
        """Replace NaN in numbers (..., n, n_numeric), in place; return the indicators."""
        if numbers.dtype.kind != "f":
            return np.zeros((*numbers.shape[:-1], len(self.gaps)), bool)
        is_gap = np.isnan(numbers)
        indicators: np.ndarray = is_gap.take(self.gaps, axis=-1)
        np.copyto(numbers, self.centre, where=is_gap, casting="same_kind")
        return indicators

"""Dataset: rows with encoded labels and one-hot targets."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from scipy.sparse import issparse

from skmlp.core.levels import Table
from skmlp.core.targets import OneHotTargets, one_hot_targets
from skmlp.data.checks import CHUNK_LABELS, ValidatedRows
from skmlp.data.memmap import take_rows

__all__ = ["Dataset", "encode", "encode_parts", "hash_indices"]

Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows as the core takes them.

    Attributes
    ----------
    X : ndarray, sparse CSR or Table of shape (n, n_features), in the dtype it came in
    y : ndarray of shape (n,)
        Labels as given.
    y_encoded : ndarray of int of shape (n,)
        Their indices in the classes.
    Y : OneHotTargets of shape (n, n_classes)
        One-hot rows.
    sample_weight : ndarray of shape (n,), float64, or None
        Weights as given.
    """

    X: Any
    y: np.ndarray
    y_encoded: np.ndarray
    Y: OneHotTargets
    sample_weight: np.ndarray | None
    _cache: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def take(self, row_indices: np.ndarray) -> "Dataset":
        """Return some of the rows; the same object for the same rows."""
        w = self.sample_weight

        def make() -> Dataset:
            return Dataset(
                take_rows(self.X, row_indices),
                self.y[row_indices],
                self.y_encoded[row_indices],
                self.Y[row_indices],
                None if w is None else w[row_indices],
            )

        return self.cached(("rows", hash_indices(row_indices)), make)

    def smoothed_targets(self, smoothing: float, prior: np.ndarray | None) -> OneHotTargets:
        """Return Y smoothed, as `OneHotTargets.smooth`; the same object for the same numbers."""
        key = "targets", smoothing, None if prior is None else prior.tobytes()
        return self.cached(key, lambda: self.Y.smooth(smoothing, prior))

    def count_distinct(self, row_indices: np.ndarray) -> int:
        """Return how many different rows, labels included, are among some of the rows."""
        X, codes = self.X[row_indices], self.y_encoded[row_indices].tolist()
        if issparse(X):
            parts = (
                X.data[start:stop].tobytes() + X.indices[start:stop].tobytes()
                for start, stop in pairwise(X.indptr)
            )
        elif isinstance(X, Table):
            pairs = zip(X.numbers, X.codes, strict=True)
            parts = (numbers.tobytes() + codes.tobytes() for numbers, codes in pairs)
        else:
            parts = (row.tobytes() for row in X)
        return len(set(zip(parts, codes, strict=True)))

    def cached(self, key: Hashable, make: Callable[[], Made], *of: object) -> Made:
        """Return ``make()``, computed once for all networks that train on these rows.

        It is computed again for another key, or if it is made of other objects.
        """
        key = key, *map(id, of)
        if key not in self._cache:
            # With the objects, so that their ids are those of no others as long as they are a key.
            self._cache[key] = make(), of
        made: Made = self._cache[key][0]
        return made


def encode(rows: ValidatedRows, classes: np.ndarray, dtype: np.dtype) -> Dataset:
    """Return the Dataset of validated rows, with Y in a dtype."""
    y_encoded = np.empty(len(rows.y), np.min_scalar_type(len(classes)))
    for start in range(0, len(y_encoded), CHUNK_LABELS):
        chunk = slice(start, start + CHUNK_LABELS)
        y_encoded[chunk] = np.searchsorted(classes, rows.y[chunk])
    Y = one_hot_targets(y_encoded, len(classes), dtype)
    return Dataset(rows.X, rows.y, y_encoded, Y, rows.sample_weight)


def encode_parts(
    rows: ValidatedRows, validation: ValidatedRows | None, classes: np.ndarray, dtype: np.dtype
) -> tuple[Dataset, Dataset | None]:
    """Return the Datasets of training rows and of a validation set, if there is one."""
    validation_set = None if validation is None else encode(validation, classes, dtype)
    return encode(rows, classes, dtype), validation_set


def hash_indices(row_indices: np.ndarray) -> bytes:
    """Return a digest of row indices, to use as a key."""
    return blake2b(row_indices.tobytes()).digest()

"""Validation of the partitions on the workers, and summaries of the shards.

`validate_shard` validates the partitions of one shard on its worker. `ShardStats` combines the
summaries of all shards in the process that calls fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import check_X_y

from skmlp._sklearn_compat import feature_names
from skmlp.core.design import is_sparse
from skmlp.dask._cluster import Executor
from skmlp.data.checks import (
    ValidatedRows,
    check_not_masked,
    check_rows,
    max_abs,
    zero_weights_error,
)
from skmlp.data.moments import (
    Moments,
    integer_dtype,
    large_integer_moments,
    merge_moments,
    working_dtype,
)

__all__ = [
    "ShardStats",
    "ShardSummary",
    "ValidatedShard",
    "check_block",
    "check_same_kind",
    "n_bytes",
    "validate_shard",
]


Block = tuple[Any, Any, Any]  # X, y and sample_weight or None of a partition


class ShardSummary(NamedTuple):
    """Summary of a shard's rows, made before the classes and weights of all shards are known.

    Attributes
    ----------
    n_rows, n_features : int
    feature_names : ndarray of shape (n_features,) or None
    working_dtype : dtype
        The one in which to compute with X, see `data.moments.working_dtype`.
    integer_moments : Moments or None
        Of large integers, whose working dtype depends on the rows of all shards.
    is_sparse : bool
    max_abs : float
        The largest magnitude in X.
    labels : ndarray of shape (n_labels,)
        The distinct labels, sorted.
    label_weights : ndarray of shape (n_labels,)
        The sum of the sample weights of each label; without weights, its number of rows.
    """

    n_rows: int
    n_features: int
    feature_names: np.ndarray | None
    working_dtype: np.dtype
    integer_moments: Moments | None
    is_sparse: bool
    max_abs: float
    labels: np.ndarray
    label_weights: np.ndarray


@dataclass(frozen=True, eq=False)
class ValidatedShard:
    """Validated rows, before the classes of all shards are known.

    Attributes
    ----------
    number : int
        The shard's index.
    rows : ValidatedRows or None
    summary : ShardSummary or None
        Both are None if the shard has no rows.
    """

    number: int
    rows: ValidatedRows | None
    summary: ShardSummary | None

    def __sizeof__(self) -> int:
        """Return the number of bytes, which Dask uses for scheduling."""
        return 0 if self.rows is None else n_bytes(*self.rows)

    def get_summary(self) -> ShardSummary | None:
        """Return the summary, or None if the shard has no rows."""
        return self.summary


def validate_shard(blocks: Sequence[Block], number: int) -> ValidatedShard:
    """Return the shard made of the blocks, joined in this order."""
    for block in blocks:
        check_block(*block)
    blocks = [block for block in blocks if block[0].shape[0]]
    if not blocks:
        return ValidatedShard(number, None, None)
    X, y, w = (_concatenate(parts) for parts in zip(*blocks, strict=True))
    names = feature_names(X)
    check = partial(check_X_y, estimator="SoftmaxMLPClassifier")
    rows = check_rows(X, y, w, check=check, may_all_be_zero=True)
    if not is_sparse(rows.X):
        # Deserialized arrays may be unaligned, which is slow.
        rows = rows._replace(X=np.require(rows.X, requirements="A"))
    labels, indices = np.unique(rows.y, return_inverse=True)
    weights = np.bincount(indices, rows.sample_weight)
    n_rows, n_features = rows.X.shape
    moments = large_integer_moments(rows.X)
    summary = ShardSummary(
        n_rows,
        n_features,
        names,
        working_dtype(rows.X) if moments is None else integer_dtype(moments),
        moments,
        is_sparse(rows.X),
        max_abs(rows.X),
        labels,
        weights,
    )
    return ValidatedShard(number, rows, summary)


def check_block(X: Any, y: Any, w: Any) -> None:
    """Raise unless a partition has as many labels and weights as rows."""
    for name, values in (("X", X), ("y", y), ("sample_weight", w)):
        check_not_masked(values, name)
        if values is not None and values.shape[0] != X.shape[0]:
            raise ValueError(
                "Found input variables with inconsistent numbers of samples: a partition of X has "
                f"{X.shape[0]} rows and that of {name} has {values.shape[0]}."
            )


def check_same_kind(labels: np.ndarray, others: np.ndarray) -> None:
    """Raise unless both are strings or both are numbers that can be compared without rounding."""
    kinds = labels.dtype.kind, others.dtype.kind
    same = (kinds[0] in "OSU") == (kinds[1] in "OSU")
    if same and set(kinds) <= set("biu"):
        same = np.result_type(labels, others).kind != "f"
    if not same:
        raise ValueError(
            f"The partitions of y have labels of different kinds: {labels[:3].tolist()} and "
            f"{others[:3].tolist()}."
        )


def n_bytes(*arrays: Any) -> int:
    """Return the number of bytes of arrays or sparse matrices; None counts as 0."""
    sizes = [getattr(array, "data", array) if sparse.issparse(array) else array for array in arrays]
    return sum(getattr(array, "nbytes", 0) for array in sizes)


def _concatenate(parts: Sequence[Any]) -> Any:
    """Concatenate blocks of rows of the same type."""
    first = parts[0]
    if first is None or len(parts) == 1:
        return first
    if len({sparse.issparse(part) for part in parts}) > 1:
        raise ValueError("Some partitions of X are sparse and some are dense.")
    if first.ndim == 1:
        for part in parts:
            check_same_kind(np.asarray(first), np.asarray(part))
    if hasattr(first, "iloc"):
        if first.ndim == 2 and any(list(part) != list(first) for part in parts):
            columns = [list(part) for part in parts]
            raise ValueError(f"The partitions of X have different columns: {columns}.")
        import pandas as pd  # a dependency of Dask dataframes

        return pd.concat(parts)
    if sparse.issparse(first):
        return sparse.vstack(parts, format="csr")
    return np.concatenate(parts)


def _column_names(summary: ShardSummary) -> list[Any] | None:
    """Return the names of the columns, or None."""
    return None if summary.feature_names is None else summary.feature_names.tolist()


class ShardStats:
    """Validated shards and statistics over all their rows; empty shards are dropped.

    Parameters
    ----------
    shards : Executor of ValidatedShard
    weight_name : str, default="sample_weight"
        Name of the weights in messages.

    Raises
    ------
    ValueError
        If there are no rows, if all weights are zero, or if the shards differ in columns,
        sparsity or kind of labels.
    """

    def __init__(self, shards: Executor, weight_name: str = "sample_weight") -> None:
        summaries = shards.map(ValidatedShard.get_summary)
        has_rows = np.array([summary is not None for summary in summaries], bool)
        if not has_rows.any():
            raise ValueError("Found array with 0 sample(s): every partition is empty.")
        self._shards: Executor | None = shards.filter(has_rows)
        self.summaries = [summary for summary in summaries if summary is not None]
        self._check_consistent()
        with np.errstate(over="ignore"):
            total = sum(summary.label_weights.sum() for summary in self.summaries)
        if not np.isfinite(total):
            raise ValueError(f"The sum of {weight_name} overflows: divide it by a constant.")
        if total == 0:
            raise zero_weights_error(weight_name)

    def _check_consistent(self) -> None:
        first = self.summaries[0]
        for summary in self.summaries[1:]:
            if summary.n_features != first.n_features:
                raise ValueError(
                    "The partitions of X have different numbers of features: "
                    f"{first.n_features} and {summary.n_features}."
                )
            check_same_kind(first.labels, summary.labels)
            if summary.is_sparse != first.is_sparse:
                raise ValueError("Some partitions of X are sparse and some are dense.")
            names = [_column_names(first), _column_names(summary)]
            if names[0] != names[1]:
                raise ValueError(f"The partitions of X have different columns: {names}.")

    def check_features_of(self, estimator: Any, name: str) -> None:
        """Raise unless the rows have the features of an estimator; `name` is for the message."""
        summary = self.summaries[0]
        if summary.n_features != estimator.n_features_in_:
            raise ValueError(
                f"{name} has {summary.n_features} features, but {type(estimator).__name__} is "
                f"expecting {estimator.n_features_in_} features as input."
            )
        fitted, here = getattr(estimator, "feature_names_in_", None), _column_names(summary)
        if fitted is not None and here is not None and fitted.tolist() != here:
            raise ValueError(
                f"The columns of {name} are {here}, but those in fit are {fitted.tolist()}."
            )

    def take_shards(self) -> Executor:
        """Return the shards and drop the reference to them, so that Dask can free their memory."""
        shards, self._shards = self._shards, None
        return shards

    @property
    def labels(self) -> np.ndarray:
        """The distinct labels, sorted."""
        return np.unique(np.concatenate([summary.labels for summary in self.summaries]))

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return sum(summary.n_rows for summary in self.summaries)

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return self.summaries[0].n_features

    @property
    def working_dtype(self) -> np.dtype:
        """The dtype in which to compute with all rows."""
        dtypes = [s.working_dtype for s in self.summaries if s.integer_moments is None]
        parts = [s.integer_moments for s in self.summaries if s.integer_moments is not None]
        if parts:
            # A column may be constant in each shard and vary between them.
            dtypes.append(integer_dtype(merge_moments(parts)))
        return np.result_type(*dtypes)

    @property
    def max_abs(self) -> float:
        """The largest magnitude in X."""
        return max(summary.max_abs for summary in self.summaries)

    def class_totals_by_shard(self, classes: np.ndarray) -> np.ndarray:
        """Return the sum of the sample weights of each class, (n_shards, n_classes)."""
        sums = np.zeros((len(self.summaries), len(classes)))
        for row, summary in zip(sums, self.summaries, strict=True):
            row[np.searchsorted(classes, summary.labels)] = summary.label_weights
        return sums

"""Validation of the partitions on the workers, and summaries of the shards.

`validate_shard` validates the partitions of one shard on its worker. `ShardStats` combines the
summaries of all shards in the process that calls fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import check_X_y

from skmlp._errors import short_repr
from skmlp._sklearn_compat import feature_names
from skmlp.core.design import is_sparse
from skmlp.core.levels import Table, numbers_of
from skmlp.dask._cluster import Executor
from skmlp.dask.columns import ColumnSummary, merge_columns, read_block, recode
from skmlp.data.checks import (
    ValidatedRows,
    check_not_masked,
    check_rows,
    max_abs,
    zero_weights_error,
)
from skmlp.data.moments import Moments, merge_moments
from skmlp.data.scales import integer_dtype, large_integer_moments, working_dtype

__all__ = [
    "ShardStats",
    "ShardSummary",
    "ValidatedShard",
    "check_block",
    "check_features",
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
        The one in which to compute with X, see `data.scales.working_dtype`.
    integer_moments : Moments or None
        Of large integers, whose working dtype depends on the rows of all shards.
    is_sparse : bool
    max_abs : float
        The largest magnitude in X.
    labels : ndarray of shape (n_labels,)
        The distinct labels, sorted.
    label_weights : ndarray of shape (n_labels,)
        The sum of the sample weights of each label; without weights, its number of rows.
    columns : ColumnSummary or None
        With the categories of rows of weight > 0; None for arrays without categories.
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
    columns: ColumnSummary | None


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
    columns : ColumnSummary or None
        With the categories that the codes of the rows stand for.
    """

    number: int
    rows: ValidatedRows | None
    summary: ShardSummary | None
    columns: ColumnSummary | None = None

    def __sizeof__(self) -> int:
        """Return the number of bytes, which Dask uses for scheduling."""
        return 0 if self.rows is None else n_bytes(*self.rows)

    def get_summary(self) -> ShardSummary | None:
        """Return the summary, or None if the shard has no rows."""
        return self.summary

    def recode(self, categories: Sequence[np.ndarray | None]) -> "ValidatedShard":
        """Return the shard with the codes of the categories of all shards."""
        assert self.rows is not None
        assert self.summary is not None
        assert self.columns is not None
        rows = self.rows._replace(X=recode(self.rows.X, self.columns, categories))
        return ValidatedShard(self.number, rows, _with_numbers(self.summary, rows.X))


def validate_shard(
    blocks: Sequence[Block], number: int, categorical_features: Any, fitted: np.ndarray | None
) -> ValidatedShard:
    """Return the shard made of the blocks, joined in this order.

    Which columns are categories is said by the parameter, or by a mask of those in fit.
    """
    for block in blocks:
        check_block(*block)
    blocks = [block for block in blocks if block[0].shape[0]]
    if not blocks:
        return ValidatedShard(number, None, None)
    X_parts, *others = zip(*blocks, strict=True)
    names = feature_names(X_parts[0])
    X, columns = _join(X_parts, categorical_features, fitted)
    numbers = numbers_of(X)
    check = partial(
        check_X_y,
        estimator="SoftmaxMLPClassifier",
        ensure_all_finite="allow-nan",
        ensure_min_features=1 if columns is None else 0,
    )
    rows = check_rows(
        numbers, *(_concatenate(parts) for parts in others), check=check, is_part=True
    )
    if not is_sparse(rows.X):
        # Deserialized arrays may be unaligned, which is slow.
        rows = rows._replace(X=np.require(rows.X, requirements="A"))
    if isinstance(X, Table):
        rows = rows._replace(X=replace(X, numbers=rows.X))
    return ValidatedShard(number, rows, _summarize(rows, names, columns), columns)


def _join(
    parts: Sequence[Any], categorical_features: Any, fitted: np.ndarray | None
) -> tuple[Any, ColumnSummary | None]:
    """Return the rows of the blocks, and a summary of their columns if some may be categories."""
    _check_same_columns(parts)
    read = [read_block(part, categorical_features, fitted) for part in parts]
    columns = [found for _, found in read if found is not None]
    if len(columns) < len(read):
        return _concatenate([X for X, _ in read]), None
    merged = merge_columns(columns)
    if len(read) == 1:
        return read[0][0], merged
    recoded = [recode(X, found, merged.categories) for X, found in read if found is not None]
    if not isinstance(recoded[0], Table):
        return np.concatenate(recoded), merged
    numbers, codes = ([getattr(X, name) for X in recoded] for name in ("numbers", "codes"))
    return Table(np.concatenate(numbers), np.concatenate(codes), recoded[0].n_codes), merged


def _summarize(
    rows: ValidatedRows, names: np.ndarray | None, columns: ColumnSummary | None
) -> ShardSummary:
    """Return the summary of a shard's rows."""
    w, (n_rows, n_features) = rows.sample_weight, rows.X.shape
    labels, indices = np.unique(rows.y, return_inverse=True)
    if columns is not None:
        columns = columns.of_rows(rows.X, np.arange(n_rows) if w is None else np.flatnonzero(w))
    summary = ShardSummary(
        n_rows,
        n_features,
        names,
        np.dtype(np.float32),
        None,
        is_sparse(rows.X),
        0.0,
        labels,
        np.bincount(indices, w),
        columns,
    )
    return _with_numbers(summary, rows.X)


def _with_numbers(summary: ShardSummary, X: Any) -> ShardSummary:
    """Return a summary with what is known of the numbers in X."""
    moments = large_integer_moments(numbers_of(X))
    dtype = working_dtype(X) if moments is None else integer_dtype(moments)
    return summary._replace(working_dtype=dtype, integer_moments=moments, max_abs=max_abs(X))


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
            "The partitions of y have labels of different kinds: "
            f"{short_repr(labels[:3].tolist())} and {short_repr(others[:3].tolist())}."
        )


def n_bytes(*arrays: Any) -> int:
    """Return the number of bytes of arrays, sparse matrices and Tables; None counts as 0."""
    total = 0
    for array in arrays:
        if isinstance(array, Table):
            total += array.numbers.nbytes + array.codes.nbytes
        else:
            total += getattr(array.data if sparse.issparse(array) else array, "nbytes", 0)
    return total


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
        import pandas as pd  # a dependency of Dask dataframes

        return pd.concat(parts)
    if sparse.issparse(first):
        return sparse.vstack(parts, format="csr")
    return np.concatenate(parts)


def _check_same_columns(parts: Sequence[Any]) -> None:
    """Raise unless blocks have the same numbers of columns and, if these have names, the same."""
    widths = [part.shape[1:] for part in parts]
    if len(set(widths)) > 1:
        widths = [width[0] if width else 1 for width in widths]
        raise ValueError(
            f"The partitions of X have different numbers of features: {short_repr(widths)}."
        )
    is_frame = hasattr(parts[0], "iloc") and parts[0].ndim == 2
    if is_frame and any(list(part) != list(parts[0]) for part in parts):
        columns = [list(part) for part in parts]
        raise ValueError(f"The partitions of X have different columns: {short_repr(columns)}.")


def _column_names(summary: ShardSummary) -> list[Any] | None:
    """Return the names of the columns, or None."""
    return None if summary.feature_names is None else summary.feature_names.tolist()


def check_features(
    estimator: Any, n_features: float, names: list[Any] | None, data_name: str
) -> None:
    """Raise unless data have the features of an estimator."""
    if n_features != estimator.n_features_in_:
        raise ValueError(
            f"{data_name} has {n_features} features, but {type(estimator).__name__} is "
            f"expecting {estimator.n_features_in_} features as input."
        )
    fitted = getattr(estimator, "feature_names_in_", None)
    if fitted is not None and names is not None and fitted.tolist() != names:
        raise ValueError(
            f"The columns of {data_name} are {short_repr(names)}, but those in fit are "
            f"{short_repr(fitted.tolist())}."
        )


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
        sparsity, kinds of columns or kind of labels.

    Attributes
    ----------
    summaries : list of ShardSummary
        Of the shards that have rows.
    columns : ColumnSummary or None
        Of all rows; None for arrays without categories.
    """

    def __init__(self, shards: Executor, weight_name: str = "sample_weight") -> None:
        summaries = shards.map(ValidatedShard.get_summary)
        has_rows = np.array([summary is not None for summary in summaries], bool)
        if not has_rows.any():
            raise ValueError("Found array with 0 sample(s): every partition is empty.")
        self._shards: Executor | None = shards.filter(has_rows)
        self.summaries: list[Any] = [summary for summary in summaries if summary is not None]
        self._check_consistent()
        columns = [s.columns for s in self.summaries if s.columns is not None]
        self.columns = merge_columns(columns) if len(columns) == len(self.summaries) else None
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
                raise ValueError(
                    f"The partitions of X have different columns: {short_repr(names)}."
                )

    def check_features_of(self, estimator: Any, name: str) -> None:
        """Raise unless the rows have the features of an estimator; `name` is for the message."""
        summary = self.summaries[0]
        check_features(estimator, summary.n_features, _column_names(summary), name)

    @property
    def categories(self) -> list[np.ndarray | None]:
        """The categories of each column, None for numbers; empty if no column is a category."""
        if self.columns is None or not self.columns.is_categorical.any():
            return []
        return self.columns.categories

    def recode(
        self, categories: Sequence[np.ndarray | None], *, warn_unknown: bool = False
    ) -> None:
        """Give the rows of all shards the codes of these categories, those of fit.

        Parameters
        ----------
        categories : sequence of ndarray or None
            Of each column; None for numbers.
        warn_unknown : bool, default=False
            Whether to warn of categories that are not among these.
        """
        columns = [s.columns for s in self.summaries if s.columns is not None]
        if self.columns is None or self._shards is None or not columns:
            return
        self.columns.check_fitted(categories, warn=warn_unknown)
        is_categorical = np.array([found is not None for found in categories])
        agree = all((c.is_categorical == is_categorical).all() for c in columns)
        if is_categorical.any() or not agree:
            self._shards = self._shards.transform(ValidatedShard.recode, categories)
        if not agree:  # the numbers of some shards are now those of other columns
            self.summaries = self._shards.map(ValidatedShard.get_summary)

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
    def n_numeric(self) -> int:
        """Number of columns that are numbers."""
        n_categorical = 0 if self.columns is None else self.columns.is_categorical.sum()
        return self.n_features - int(n_categorical)

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

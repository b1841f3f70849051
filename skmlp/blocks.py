"""Blocks of rows: checked where they lie, and what is known of all of them.

`checked_shard` works on the blocks of one shard, in one memory; `KnownRows` on what the
shards have found out, in the memory of the one that calls fit.
"""

import copy
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import sparse

from skmlp.core.features import is_sparse
from skmlp.inputs import (
    Rows,
    check_not_masked,
    check_rows,
    check_weights,
    largest_magnitude,
    no_weight,
)

__all__ = [
    "CheckedShard",
    "Facts",
    "KnownRows",
    "check_block",
    "check_same_kind",
    "checked_shard",
    "n_bytes",
]


class Facts(NamedTuple):
    """What has to be known of a shard's rows before classes and weights can be.

    Attributes
    ----------
    n_rows, n_features : int
    feature_names : ndarray of shape (n_features,) or None
    dtype : dtype
        Of X.
    is_sparse : bool
    largest : float
        The largest magnitude in X.
    labels : ndarray of shape (n_labels,)
        Those that occur, sorted.
    label_weights : ndarray of shape (n_labels,)
        The sum of the sample weights of each; without weights, its rows.
    """

    n_rows: int
    n_features: int
    feature_names: np.ndarray | None
    dtype: np.dtype
    is_sparse: bool
    largest: float
    labels: np.ndarray
    label_weights: np.ndarray


@dataclass(frozen=True, eq=False)
class CheckedShard:
    """Rows that have been checked, before the classes of all shards are known.

    Attributes
    ----------
    number : int
        The shard's own.
    rows : Rows or None
        None without any row.
    facts : Facts or None
    """

    number: int
    rows: Rows | None
    facts: Facts | None

    def __sizeof__(self):
        """Return the bytes that it takes, by which Dask decides where to work."""
        return 0 if self.rows is None else n_bytes(*self.rows)

    def known(self):
        """Return the Facts, or None without any row."""
        return self.facts


def checked_shard(blocks, number, estimator):
    """Return the CheckedShard of blocks (X, y, sample_weight or None), in this order."""
    for block in blocks:
        check_block(*block)
    blocks = [block for block in blocks if block[0].shape[0]]
    if not blocks:
        return CheckedShard(number, None, None)
    X, y, w = (_joined(parts) for parts in zip(*blocks, strict=True))
    checker = copy.copy(estimator)
    rows = check_rows(checker, X, y)
    w = check_weights(w, rows.X, "sample_weight", may_all_be_zero=True)
    # Out of a message, numbers may lie between their usual places, where every use is slow.
    X = rows.X if is_sparse(rows.X) else np.require(rows.X, requirements="A")
    rows = rows._replace(X=X, w=w)
    labels, places = np.unique(rows.y, return_inverse=True)
    names = getattr(checker, "feature_names_in_", None)
    facts = Facts(
        *rows.X.shape, names, rows.X.dtype, is_sparse(rows.X), largest_magnitude(rows.X),
        labels, np.bincount(places, w),
    )  # fmt: skip
    return CheckedShard(number, rows, facts)


def check_block(X, y, w):
    """Raise unless a partition's rows, labels and weights belong together."""
    for name, values in (("X", X), ("y", y), ("sample_weight", w)):
        check_not_masked(values, name)
        if values is not None and values.shape[0] != X.shape[0]:
            raise ValueError(
                "Found input variables with inconsistent numbers of samples: a partition of X has "
                f"{X.shape[0]} rows and that of {name} has {values.shape[0]}."
            )


def check_same_kind(labels, others):
    """Raise unless labels can be compared: strings with strings, integers without rounding."""
    kinds = labels.dtype.kind, others.dtype.kind
    alike = (kinds[0] in "OSU") == (kinds[1] in "OSU")
    if alike and set(kinds) <= set("biu"):
        alike = np.result_type(labels, others).kind != "f"
    if not alike:
        raise ValueError(
            f"The partitions of y have labels of different kinds: {labels[:3].tolist()} and "
            f"{others[:3].tolist()}."
        )


def n_bytes(*arrays):
    """Return the bytes of arrays, sparse ones included; None has none."""
    sizes = [getattr(array, "data", array) if sparse.issparse(array) else array for array in arrays]
    return sum(getattr(array, "nbytes", 0) for array in sizes)


def _joined(parts):
    """Return blocks of rows as one; a single one as it is."""
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
            raise ValueError(
                f"The partitions of X have different columns: {list(map(list, parts))}."
            )
        import pandas as pd  # which made it

        return pd.concat(parts)
    if sparse.issparse(first):
        return sparse.vstack(parts, format="csr")
    return np.concatenate(parts)


def _names(fact):
    """Return the names of the columns as a list, or None."""
    return None if fact.feature_names is None else fact.feature_names.tolist()


class KnownRows:
    """Checked shards and what is known of them, empty ones left out.

    Parameters
    ----------
    parts : Parts of CheckedShard
    name : str
        What messages call the weights.

    Raises
    ------
    ValueError
        If there is no row or no weight, or shards have not the same columns and kinds of labels.
    """

    def __init__(self, parts, name="sample_weight"):
        facts = parts.ask(CheckedShard.known)
        chosen = np.array([fact is not None for fact in facts], bool)
        if not chosen.any():
            raise ValueError("Found array with 0 sample(s): every partition is empty.")
        self.parts = parts.where(chosen)
        self.facts = [fact for fact in facts if fact is not None]
        self._check_alike()
        with np.errstate(over="ignore"):
            total = sum(fact.label_weights.sum() for fact in self.facts)
        if not np.isfinite(total):
            raise ValueError(f"The sum of {name} overflows: divide it by a constant.")
        if total == 0:
            raise no_weight(name)

    def _check_alike(self):
        first = self.facts[0]
        for fact in self.facts[1:]:
            if fact.n_features != first.n_features:
                raise ValueError(
                    "The partitions of X have different numbers of features: "
                    f"{first.n_features} and {fact.n_features}."
                )
            check_same_kind(first.labels, fact.labels)
            if fact.is_sparse != first.is_sparse:
                raise ValueError("Some partitions of X are sparse and some are dense.")
            names = [_names(first), _names(fact)]
            if names[0] != names[1]:
                raise ValueError(f"The partitions of X have different columns: {names}.")

    def check_features_of(self, estimator, name):
        """Raise unless the rows, called by that name, have the features of an estimator."""
        fact = self.facts[0]
        if fact.n_features != estimator.n_features_in_:
            raise ValueError(
                f"{name} has {fact.n_features} features, but {type(estimator).__name__} is "
                f"expecting {estimator.n_features_in_} features as input."
            )
        theirs, ours = getattr(estimator, "feature_names_in_", None), _names(fact)
        if theirs is not None and ours is not None and theirs.tolist() != ours:
            raise ValueError(
                f"The columns of {name} are {ours}, but those in fit are {theirs.tolist()}."
            )

    def take_parts(self):
        """Return the parts, which are no longer held here, so that Dask can free them."""
        parts, self.parts = self.parts, None
        return parts

    @property
    def labels(self):
        """The labels that occur, sorted."""
        return np.unique(np.concatenate([fact.labels for fact in self.facts]))

    @property
    def n_rows(self):
        """How many rows there are."""
        return sum(fact.n_rows for fact in self.facts)

    @property
    def dtype(self):
        """The dtype that holds the numbers of all shards."""
        return np.result_type(*(fact.dtype for fact in self.facts))

    @property
    def largest(self):
        """The largest magnitude."""
        return max(fact.largest for fact in self.facts)

    def class_weights_by_shard(self, classes):
        """Return the sum of the sample weights of each class, (n_shards, n_classes)."""
        sums = np.zeros((len(self.facts), len(classes)))
        for row, fact in zip(sums, self.facts, strict=True):
            row[np.searchsorted(classes, fact.labels)] = fact.label_weights
        return sums

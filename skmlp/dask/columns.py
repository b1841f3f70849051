"""The columns of the partitions: which are categories, and of which categories.

The rows of a partition are read as a `Table` with codes of the categories that the partition has.
Its `ColumnSummary` holds these categories. Those of several parts are merged, of the partitions of
a shard on its worker and of all shards on the client, and `recode` translates the codes. So strings
are read once, and a shard does not hold them.

Whether a column is a category is decided by the parts that have a value in it. The dtype of a part
without one says nothing: it is often float, whatever the other parts hold.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from skmlp.core.levels import Table, numbers_of
from skmlp.data.categories import encode_categories, merge_categories
from skmlp.data.frames import categorical_mask
from skmlp.data.layout import MISSING, UNKNOWN, count_codes
from skmlp.data.tables import (
    Columns,
    column_name,
    fit_table,
    named_column,
    warn_of_strings,
    warn_of_unknown,
)
from skmlp.estimators.validation import columns_of, marks_columns

__all__ = ["ColumnSummary", "merge_columns", "read_block", "recode"]


class ColumnSummary(NamedTuple):
    """What is known of the columns of some rows.

    Attributes
    ----------
    names : list or None
    is_categorical : ndarray of shape (n_features,), bool
    is_missing : ndarray of shape (n_features,), bool
        Which columns have no value.
    is_declared : ndarray of shape (n_features,), bool
        Which columns have a dtype that declares categories.
    categories : list of ndarray or None
        The distinct values of each column, sorted; None for numbers.
    n_present : ndarray of shape (n_features,), int
        Rows with a value, of the columns that are categories; set by `of_rows`.
    """

    names: list[Any] | None
    is_categorical: np.ndarray
    is_missing: np.ndarray
    is_declared: np.ndarray
    categories: list[np.ndarray | None]
    n_present: np.ndarray

    def of_rows(self, X: Any, rows: np.ndarray) -> "ColumnSummary":
        """Return the summary with the categories of some rows of X alone."""
        categories, n_present = list(self.categories), self.n_present.copy()
        coded = np.flatnonzero(self.is_categorical).tolist()
        for j, counts in zip(coded, count_codes(X, None, rows), strict=True):
            found = self.categories[j]
            assert found is not None
            categories[j], n_present[j] = found[counts[:MISSING] > 0], counts[:MISSING].sum()
        return self._replace(categories=categories, n_present=n_present)

    def warn_of_strings(self) -> None:
        """Warn of columns of strings that are dates, or different in most rows."""
        for j, found in enumerate(self.categories):
            if found is not None and not self.is_declared[j]:
                warn_of_strings(self.names, j, found, int(self.n_present[j]))

    def check_fitted(self, fitted: Sequence[np.ndarray | None], *, warn: bool) -> None:
        """Raise if categories are of another kind than those of fit; warn of unknown ones."""
        for j, known in enumerate(fitted):
            found = self.categories[j]
            if known is None or found is None:
                continue
            with named_column(self.names, j):
                codes = _codes_of(found, known)
            unknown = found[codes == len(known)]
            if warn and len(unknown):
                warn_of_unknown(self.names, j, unknown)


def read_block(
    X: Any, categorical_features: Any, fitted: np.ndarray | None
) -> tuple[Any, ColumnSummary | None]:
    """Return the rows of a partition as numbers, or as a Table if some columns are categories.

    Parameters
    ----------
    X : data frame, ndarray or sparse matrix
    categorical_features : "from_dtype", None or sequence
        As in SoftmaxMLPClassifier.
    fitted : ndarray of bool or None
        Which columns are categories if that is known, instead of the parameter.

    Returns
    -------
    X : ndarray, sparse matrix or Table
    columns : ColumnSummary or None
        None for arrays without categories, and X is then as given.
    """
    if X.ndim != 2:
        return X, None
    n_features, mask = X.shape[1], fitted
    if mask is not None and len(mask) != n_features:  # an error, but a later one
        mask = None
    marked = marks_columns(categorical_features) if mask is None else bool(mask.any())
    columns = columns_of(X, marked=marked)
    if columns is None:
        return X, None
    if mask is None:
        by_dtype = columns.is_categorical
        mask = categorical_mask(categorical_features, columns.names, n_features, by_dtype)
    columns.check(mask, fitted=fitted is not None)
    numbers = columns.numbers(np.flatnonzero(~mask).tolist())
    if not mask.any():
        return numbers, _summary(columns, mask, numbers, [None] * n_features)
    rows, categories = fit_table(columns, mask, numbers, None, declared=False, warn=False)
    return rows, _summary(columns, mask, numbers, categories)


def _summary(
    columns: Columns,
    is_categorical: np.ndarray,
    numbers: np.ndarray,
    categories: list[np.ndarray | None],
) -> ColumnSummary:
    """Return the summary of a partition's columns."""
    is_missing = np.array([found is not None and not len(found) for found in categories], bool)
    is_missing[~is_categorical] = _columns_without_numbers(numbers)
    is_declared, n_present = np.zeros(len(categories), bool), np.zeros(len(categories), np.intp)
    for j in np.flatnonzero(is_categorical).tolist():
        is_declared[j] = columns.declared(j) is not None
    return ColumnSummary(
        columns.names, is_categorical, is_missing, is_declared, categories, n_present
    )


def _columns_without_numbers(X: np.ndarray) -> np.ndarray:
    """Return which columns of X (n, n_columns) are NaN in all rows."""
    if X.dtype.kind != "f" or not len(X):
        return np.zeros(X.shape[1], bool)
    is_missing = np.isnan(X[0])  # others need not be read
    for j in np.flatnonzero(is_missing).tolist():
        is_missing[j] = np.isnan(X[:, j]).all()
    return is_missing


def merge_columns(parts: Sequence[ColumnSummary]) -> ColumnSummary:
    """Return the summary of the rows of all parts.

    Raises
    ------
    ValueError
        If a column is a category in one part and a number in another, or if its categories are
        strings in one part and numbers in another.
    """
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    is_categorical = np.array([part.is_categorical for part in parts])
    has_value = ~np.array([part.is_missing for part in parts])
    has_categories = (has_value & is_categorical).any(axis=0)
    has_numbers = (has_value & ~is_categorical).any(axis=0)
    for j in np.flatnonzero(has_categories & has_numbers).tolist():
        is_text = any(len(found) and found.dtype.kind == "O" for found in _categories_of(parts, j))
        what = "holds strings" if is_text else "has a category dtype"
        raise ValueError(
            f"{column_name(first.names, j)} {what} in some partitions of X and numbers in others: "
            "convert it by X.astype, or set categorical_features."
        )
    merged = has_categories | (is_categorical.any(axis=0) & ~has_numbers)
    categories: list[np.ndarray | None] = [None] * len(merged)
    for j in np.flatnonzero(merged).tolist():
        with named_column(first.names, j):
            found = _categories_of(parts, j)
            if len({part.dtype.kind == "O" for part in found if len(part)}) > 1:
                raise ValueError(
                    "holds strings in some partitions of X and numbers in others: convert it by "
                    "X.astype."
                )
            categories[j] = merge_categories(found)
    return ColumnSummary(
        first.names,
        merged,
        np.logical_not(has_value.any(axis=0)),
        np.any([part.is_declared for part in parts], axis=0),
        categories,
        np.sum([part.n_present for part in parts], axis=0),
    )


def _categories_of(parts: Sequence[ColumnSummary], j: int) -> list[np.ndarray]:
    """Return the categories of column j in the parts in which it has some."""
    return [found for part in parts if (found := part.categories[j]) is not None]


def recode(X: Any, columns: ColumnSummary, categories: Sequence[np.ndarray | None]) -> Any:
    """Return rows with the codes of other categories.

    Parameters
    ----------
    X : ndarray or Table
        The rows.
    columns : ColumnSummary
        Of these rows.
    categories : sequence of ndarray or None
        Those to encode by; None for numbers. A column that is a number in one and a category in
        the other has no value in these rows.

    Returns
    -------
    X : ndarray or Table
        A Table if a column has categories.
    """
    before = columns.is_categorical
    is_categorical = np.array([found is not None for found in categories])
    numbers = numbers_of(X)
    if (before != is_categorical).any():
        numbers = _rearranged(numbers, ~before, ~is_categorical)
    coded = np.flatnonzero(is_categorical).tolist()
    if not coded:
        return numbers
    n_codes = np.array([_n_codes(categories[j]) for j in coded])
    codes = np.empty((len(numbers), len(coded)), np.min_scalar_type(int(n_codes.max())))
    position = np.cumsum(before) - 1
    for k, j in enumerate(coded):
        found, target = columns.categories[j], categories[j]
        assert target is not None
        if found is None:
            codes[:, k] = n_codes[k] + MISSING
        else:
            codes[:, k] = _translation(found, target).take(X.codes[:, position[j]])
    return Table(numbers, codes, n_codes)


def _rearranged(numbers: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return numeric columns after a change of which are numeric; NaN in those that were not."""
    is_new = after & ~before
    dtype = np.result_type(numbers, np.float32) if is_new.any() else numbers.dtype
    result = np.full((len(numbers), int(after.sum())), np.nan if is_new.any() else 0, dtype)
    kept = before & after
    result[:, kept[after]] = numbers[:, kept[before]]
    return result


def _n_codes(categories: np.ndarray | None) -> int:
    return 0 if categories is None else len(categories) - MISSING


def _codes_of(found: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """Return the index of each category found among others, and their number for unknown ones."""
    return encode_categories(found, np.zeros(len(found), bool), categories)


def _translation(found: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """Return the code by some categories for each code by those found."""
    n = _n_codes(categories)
    codes = _codes_of(found, categories)
    codes[codes == len(categories)] = n + UNKNOWN
    return np.append(codes, [n + MISSING, n + UNKNOWN])

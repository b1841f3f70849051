"""What a fitted encoding says of the columns: their categories, and the names of the inputs."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from skmlp.core.encoding import Encoding
from skmlp.data.layout import MISSING, UNKNOWN

__all__ = ["encoded_names", "infrequent_categories", "visible_categories"]


def visible_categories(
    categories: Sequence[np.ndarray | None], encoding: Encoding | None
) -> list[np.ndarray | None]:
    """Return the categories of each column, and last None or NaN if it has a missing value."""
    rows = iter(_rows_of_columns(encoding))
    return [None if found is None else _with_missing(found, next(rows)) for found in categories]


def infrequent_categories(
    categories: Sequence[np.ndarray | None], encoding: Encoding | None
) -> list[np.ndarray | None]:
    """Return the categories of each column that share a row; None where there are none."""
    rows = iter(_rows_of_columns(encoding))
    infrequent: list[np.ndarray | None] = []
    for found in categories:
        of_column = None if found is None else next(rows)
        shared = None
        if found is not None and of_column is not None and of_column[UNKNOWN] >= 0:
            shared = found[of_column[:MISSING] == of_column[UNKNOWN]]
        infrequent.append(shared)
    return infrequent


def encoded_names(
    names: Sequence[Any], categories: Sequence[np.ndarray | None], encoding: Encoding | None
) -> np.ndarray:
    """Return the name of each input of the first layer, as those of scikit-learn's transformers.

    Parameters
    ----------
    names : sequence
        Of the columns.
    categories : sequence of ndarray or None
        Of each column.
    encoding : Encoding or None
    """
    numeric = [name for name, found in zip(names, categories, strict=True) if found is None]
    encoded = [str(name) for name in numeric]
    if encoding is None:
        return np.array(encoded, object)
    encoded += [f"missingindicator_{numeric[j]}" for j in encoding.gaps]
    rows = iter(_rows_of_columns(encoding))
    for name, found in zip(names, categories, strict=True):
        if found is not None:
            encoded += _level_names(name, found, next(rows))
    if encoding.bins is not None:
        number_of_bin = dict.fromkeys(range(len(numeric)), 0)
        for j in encoding.bins.columns.tolist():
            encoded.append(f"{numeric[j]}_bin{number_of_bin[j]}")
            number_of_bin[j] += 1
    return np.array(encoded, object)


def _rows_of_columns(encoding: Encoding | None) -> list[np.ndarray]:
    """Return the rows of the codes of each categorical column."""
    return [] if encoding is None or encoding.levels is None else encoding.levels.by_column()


def _with_missing(categories: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the categories with None or NaN appended, if missing values have a row."""
    if not _has_own_row(rows[MISSING], rows):
        return categories
    if categories.dtype.kind == "O" or not len(categories):
        return np.append(categories, np.array([None], object))
    numbers = categories.astype(np.float64)
    if (numbers.astype(categories.dtype) != categories).any():  # large integers
        return np.append(categories.astype(object), np.array([None], object))
    return np.append(numbers, np.nan)


def _level_names(name: Any, categories: np.ndarray, rows: np.ndarray) -> list[str]:
    """Return the names of the rows of a column, in their order."""
    values = [*map(str, categories.tolist()), "missing"]  # of all codes but UNKNOWN
    named = zip(rows[:UNKNOWN], values, strict=True)
    own = [(row, value) for row, value in named if _has_own_row(row, rows)]
    if rows[UNKNOWN] >= 0:
        own.append((rows[UNKNOWN], "infrequent"))
    return [f"{name}_{value}" for _, value in sorted(own)]


def _has_own_row(row: int, rows: np.ndarray) -> bool:
    """Whether the row of a code is one, and not that of infrequent categories."""
    return row >= 0 and row != rows[UNKNOWN]

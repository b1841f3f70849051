"""The encoding of a network as a ColumnTransformer of scikit-learn.

It is fitted on a table of few rows that is made so that its transformers find what the network
found: each category of its own in two rows, each infrequent one in a single row, and NaN in the
columns that have an indicator of gaps. ``min_frequency=2`` then separates the infrequent ones;
after that, it is set to that of the network, for a fit on other rows.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skmlp.core.encoding import Encoding
from skmlp.core.scaling import Scaling
from skmlp.data.layout import MISSING, UNKNOWN
from skmlp.data.objects import object_array

__all__ = ["fitted_column_transformer"]


class _Category(NamedTuple):
    """A categorical column.

    Attributes
    ----------
    column : int
    own : list
        The values that have a row of the first layer each, in OneHotEncoder's order.
    shared : list
        The infrequent ones.
    rows : list of int
        The rows of these values in ``coefs_[0]``, as OneHotEncoder orders them.
    """

    column: int
    own: list[Any]
    shared: list[Any]
    rows: list[int]

    def example(self, n: int) -> list[Any]:
        """Return n values in which those of `own` occur at least twice, or n of `shared`."""
        values = 2 * self.own + self.shared
        padding = (self.own or self.shared)[-1:]
        return values + padding * (n - len(values))


def fitted_column_transformer(clf: Any) -> tuple[ColumnTransformer, np.ndarray]:
    """Return a fitted ColumnTransformer with the encoding of a network without bins.

    Numbers are standardized if those of the network are.

    Parameters
    ----------
    clf : SoftmaxMLPClassifier
        Fitted.

    Returns
    -------
    transformer : ColumnTransformer
        For data frames if the network has names of features, otherwise for arrays.
    rows : ndarray of int
        The row of ``coefs_[0]`` that belongs to each of its outputs. Both NaN and None are
        categories of string columns, and have the same row.
    """
    encoding = clf._network.encoding
    columns = _categories(clf, encoding)
    groups = {
        "categories": [c for c in columns if c.own],
        "infrequent": [c for c in columns if not c.own],
    }
    n = max([2, *(2 * len(c.own) + len(c.shared) for c in columns)])
    names = _names(clf)
    transformers: list[tuple[str, Any, list[Any]]] = []
    if encoding.n_numeric:
        transformers.append(
            ("numbers", _numbers(clf._scaling, encoding), names[~clf.is_categorical_].tolist())
        )
    for name, members in groups.items():
        if members:
            # In a column without categories of its own, one infrequent category has many rows.
            encoder = _encoder(clf, 2 if name == "categories" else n + 1)
            transformers.append((name, encoder, names[[c.column for c in members]].tolist()))
    transformer = ColumnTransformer(transformers).fit(_example(clf, encoding, columns, n))
    _set_parameters(transformer, clf, encoding)
    levels = [row for members in groups.values() for c in members for row in c.rows]
    return transformer, np.array([*range(encoding.n_dense), *levels])


def _names(clf: Any) -> np.ndarray:
    """Return the names of the columns, or their numbers if they have none."""
    names: np.ndarray = getattr(clf, "feature_names_in_", np.arange(clf.n_features_in_))
    return names


def _encoder(clf: Any, min_frequency: int) -> OneHotEncoder:
    return OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=min_frequency, dtype=clf.theta_.dtype
    )


def _numbers(scaling: Scaling | None, encoding: Encoding) -> Any:
    """Return what replaces gaps, adds indicators and, if there is a scaling, standardizes.

    Without gaps there is no indicator: converters to PMML expect one of each column.
    """
    imputer = SimpleImputer(add_indicator=len(encoding.gaps) > 0, keep_empty_features=True)
    if scaling is None:
        return imputer
    return Pipeline([("gaps", imputer), ("scale", StandardScaler())])


def _categories(clf: Any, encoding: Encoding) -> list[_Category]:
    """Return the categorical columns."""
    if encoding.levels is None:
        return []
    columns = np.flatnonzero(clf.is_categorical_).tolist()
    categories = []
    for column, levels in zip(columns, encoding.levels.by_column(), strict=True):
        rows = np.where(levels < 0, -1, levels + encoding.n_dense)
        values = clf._column_categories[column].tolist()
        categories.append(_category(column, values, rows, _gaps(clf, column)))
    return categories


def _gaps(clf: Any, column: int) -> list[Any]:
    """Return what missing values of a column may be."""
    return [None, np.nan] if _has_objects(clf, column) else [np.nan]


def _has_objects(clf: Any, column: int) -> bool:
    """Whether a column has objects: strings and, in an array, all columns beside them."""
    found = clf._column_categories
    of_table = found[column : column + 1] if hasattr(clf, "feature_names_in_") else found
    return any(c is not None and c.dtype.kind == "O" for c in of_table)


def _category(column: int, values: list[Any], rows: np.ndarray, gaps: list[Any]) -> _Category:
    """Return a categorical column, given the row of each code and what missing values are."""
    of_values, missing, unknown = rows[:MISSING].tolist(), int(rows[MISSING]), int(rows[UNKNOWN])
    pairs = list(zip(values, of_values, strict=True))
    own = [(value, row) for value, row in pairs if row not in (-1, unknown)]
    if missing not in (-1, unknown):
        own += [(gap, missing) for gap in gaps]
    shared = [value for value, row in pairs if row == unknown >= 0]
    if unknown >= 0 and not shared:
        shared = gaps[:1]
    own_rows = [row for _, row in own] + [unknown] * bool(shared)
    return _Category(column, [value for value, _ in own], shared, own_rows)


def _example(clf: Any, encoding: Encoding, columns: list[_Category], n: int) -> Any:
    """Return the table that the transformers are fitted on: a data frame, or an array."""
    table = [np.zeros(n) for _ in range(clf.n_features_in_)]
    for column in np.flatnonzero(~clf.is_categorical_)[encoding.gaps]:
        table[column][-1] = np.nan
    for category in columns:
        values = category.example(n)
        dtype = clf._column_categories[category.column].dtype
        if _has_objects(clf, category.column):
            table[category.column] = object_array(values)
        else:
            has_gaps = any(value != value for value in values)
            table[category.column] = np.array(values, np.float64 if has_gaps else dtype)
    return _as_frame(_names(clf), table) if hasattr(clf, "feature_names_in_") else _as_array(table)


def _as_array(table: Sequence[np.ndarray]) -> np.ndarray:
    """Return columns as array, of a dtype that holds all of them."""
    X = np.empty((len(table[0]), len(table)), np.result_type(*table))
    for j, column in enumerate(table):
        X[:, j] = column
    return X


def _as_frame(names: np.ndarray, table: Sequence[np.ndarray]) -> Any:
    """Return columns as data frame of pandas."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "to_sklearn needs pandas for a network with categories or missing values that was "
            'trained on a data frame: pip install "skmlp[data]".'
        ) from error
    columns = zip(names, table, strict=True)
    return pd.DataFrame({name: pd.Series(values, dtype=values.dtype) for name, values in columns})


def _set_parameters(transformer: ColumnTransformer, clf: Any, encoding: Encoding) -> None:
    """Set what the table did not determine: centre, standardization, and min_frequency."""
    for name, unfitted, _ in transformer.transformers:
        fitted = transformer.named_transformers_[name]
        if name != "numbers":
            unfitted.set_params(min_frequency=clf.min_frequency)
            fitted.set_params(min_frequency=clf.min_frequency)
            continue
        if clf._scaling is not None:
            scaling, scaler = clf._scaling.part(slice(encoding.n_dense)), fitted[-1]
            scaler.mean_ = np.array(scaling.mean, np.float64)
            scaler.scale_ = np.where(scaling.has_spread, scaling.scale, 1.0)
            scaler.var_ = np.square(scaling.scale, dtype=np.float64)
            fitted = fitted[0]
        fitted.statistics_ = encoding.centre.copy()

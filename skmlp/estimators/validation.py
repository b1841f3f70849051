"""Validation of the data given to an estimator, which sets its classes and features."""

from functools import partial
from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_array, check_X_y
from sklearn.utils.validation import validate_data

from skmlp._errors import shorten
from skmlp.core.levels import Table
from skmlp.data.checks import (
    ValidatedRows,
    check_array_with,
    check_labels,
    check_rows,
    check_validation_complete,
    check_weights,
)
from skmlp.data.frames import Frame, categorical_mask, check_not_dicts_or_series, read_frame
from skmlp.data.tables import ArrayColumns, Columns, encode_table, fit_table

__all__ = [
    "DATA_ATTRIBUTES",
    "categorical_features_of",
    "check_same_classes",
    "columns_of",
    "copy_data_attributes",
    "marks_columns",
    "set_classes",
    "validate_features",
    "validate_fit_data",
    "validate_rows",
]

FAST_SIZE = 100_000  # numbers; larger arrays always take scikit-learn's checks
DATA_ATTRIBUTES = (
    "n_features_in_",
    "feature_names_in_",
    "_categories",
    "classes_",
    "label_binarizer_",
)
MAY_HAVE_GAPS: dict[str, Any] = {"ensure_all_finite": "allow-nan"}


def validate_fit_data(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    X_val: Any = None,
    y_val: Any = None,
    sample_weight_val: Any = None,
    continues: bool = False,
) -> tuple[ValidatedRows, ValidatedRows | None]:
    """Validate the data of a call of fit, and set the estimator's classes and features.

    With ``continues``, classes and features must be those that are set.

    Returns
    -------
    rows, validation : ValidatedRows
        The validation set is None if nothing of it was given.
    """
    rows = validate_rows(estimator, X, y, sample_weight, reset=not continues)
    if continues:
        check_same_classes(estimator, rows.y)
    else:
        set_classes(estimator, rows.y)
    if X_val is None and y_val is None and sample_weight_val is None:
        return rows, None
    return rows, _validate_validation_set(estimator, X_val, y_val, sample_weight_val)


def validate_rows(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    reset: bool = True,
    declared: bool = False,
) -> ValidatedRows:
    """Validate training data, and set the estimator's features.

    These are ``n_features_in_``, feature names, ``is_categorical_`` and the categories. Without
    reset, they must agree with those that are set, and unknown categories are warned of. With
    declared, categories count that the dtype of a column declares and no row has.
    """
    columns, categorical = _read_columns(estimator, X, reset=reset)
    if columns is None:
        check = partial(validate_data, estimator, reset=reset, **MAY_HAVE_GAPS)
        rows = check_rows(X, y, sample_weight, check=check)
        if reset:
            estimator._categories = []
        return rows
    # Numbers and labels first, so that bad ones are found before strings are read.
    check = partial(check_X_y, ensure_min_features=0, **MAY_HAVE_GAPS)
    rows = check_rows(_numbers(columns, categorical), y, sample_weight, check=check)
    if not categorical.any():
        if reset:
            estimator._categories = []
        return rows
    if reset:
        w = rows.sample_weight
        counted = None if w is None else w > 0
        table, estimator._categories = fit_table(
            columns, categorical, rows.X, counted, declared=declared
        )
    else:
        table = encode_table(columns, estimator._categories, rows.X, warn_unknown=True)
    return rows._replace(X=table)


def _validate_validation_set(
    estimator: Any, X_val: Any, y_val: Any, sample_weight_val: Any
) -> ValidatedRows:
    """Validate a validation set, which must agree with the training data.

    Unknown labels are refused: LabelBinarizer would encode them as rows of zeros.
    """
    check_validation_complete(X_val, y_val)
    try:
        X, y = _checked_rows(estimator, X_val, y_val, order="C", **MAY_HAVE_GAPS)
    except (ValueError, TypeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"The validation set (X_val, y_val) is unusable: {error}") from error
    check_labels(y, estimator.classes_, "y_val")
    return ValidatedRows(X, y, check_weights(sample_weight_val, X, "sample_weight_val"))


def validate_features(estimator: Any, X: Any) -> Any:
    """Validate rows to predict on."""
    if isinstance(X, Table) or _needs_no_check(estimator, X):
        return X
    gaps = MAY_HAVE_GAPS if estimator._network.encoding is not None else {}
    return _checked_rows(estimator, X, **gaps)


def _checked_rows(estimator: Any, X: Any, *y: Any, **options: Any) -> Any:
    """Return rows, and labels if given, as the network of a fitted estimator takes them."""
    columns, categorical = _read_columns(estimator, X, reset=False)
    if columns is None:
        return check_array_with(partial(validate_data, estimator, reset=False, **options), X, *y)
    check: Any = partial(check_X_y if y else check_array, ensure_min_features=0, **options)
    checked = check_array_with(check, _numbers(columns, categorical), *y)
    if not categorical.any():
        return checked
    numbers, *labels = checked if y else (checked,)
    table = encode_table(columns, estimator._categories, numbers)
    return (table, *labels) if y else table


def _numbers(columns: Columns, categorical: np.ndarray) -> np.ndarray:
    return columns.numbers(np.flatnonzero(~categorical).tolist())


def _read_columns(estimator: Any, X: Any, *, reset: bool) -> tuple[Columns | None, np.ndarray]:
    """Return the columns of a frame, or of an array with categories, and which are categories.

    Number, names and kinds of the columns are validated; None for other X, which is not.
    """
    # Of estimators without categories, the list is empty.
    fitted = None if reset else vars(estimator).get("_categories", [])
    marked = categorical_features_of(estimator)
    columns = columns_of(X, marked=marks_columns(marked) if fitted is None else bool(fitted))
    if columns is None:
        return None, np.zeros(0, bool)
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    if fitted:
        categorical = np.array([categories is not None for categories in fitted])
    elif fitted is not None:
        categorical = np.zeros(estimator.n_features_in_, bool)
    else:
        n_features, by_dtype = estimator.n_features_in_, columns.is_categorical
        categorical = categorical_mask(marked, columns.names, n_features, by_dtype)
    try:
        columns.check(categorical, fitted=fitted is not None)
    except ValueError as error:
        if fitted is None:
            raise
        raise ValueError(f"{error} Each column must be of the same kind as in fit.") from error
    is_table = isinstance(columns, Frame) or categorical.any()
    return (columns if is_table else None), categorical


def columns_of(X: Any, *, marked: bool) -> Columns | None:
    """Return the columns of a data frame, or of an array if some may be marked; else None.

    Raises
    ------
    ValueError
        For a data frame without columns, and as `read_frame`.
    """
    frame = None if _is_sparse_frame(X) else read_frame(X)
    if frame is not None:
        if frame.n_rows and not frame.names:  # as scikit-learn says of arrays
            raise ValueError(
                f"Found array with 0 feature(s) (shape=({frame.n_rows}, 0)) while a minimum of 1 "
                "is required: the data frame has no columns."
            )
        return frame
    check_not_dicts_or_series(X)
    return ArrayColumns(X) if marked else None


def marks_columns(categorical_features: Any) -> bool:
    """Whether the parameter may mark columns of arrays."""
    from_dtype = isinstance(categorical_features, str) and categorical_features == "from_dtype"
    return categorical_features is not None and not from_dtype


def categorical_features_of(estimator: Any) -> Any:
    """Return the parameter `categorical_features`; of an ensemble, that of its members."""
    member = getattr(estimator, "estimator", None)
    return getattr(estimator if member is None else member, "categorical_features", "from_dtype")


def _is_sparse_frame(X: Any) -> bool:
    """Whether X is a pandas frame that scikit-learn makes a sparse matrix.

    All columns of it are sparse, with 0 as the value that is not stored.
    """
    dtypes = getattr(X, "dtypes", ())
    if type(dtypes).__name__ != "Series" or not len(dtypes):
        return False
    return all(getattr(d, "fill_value", None) == 0 for d in dtypes)


def _needs_no_check(estimator: Any, X: Any) -> bool:
    """Whether X is a small array that is valid as it is.

    scikit-learn's checks take several times as long as predicting a single row.
    """
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and 0 < X.size <= FAST_SIZE
        and X.shape[1] == estimator.n_features_in_
        and X.dtype.kind in "biuf"
        and not hasattr(estimator, "feature_names_in_")
        and not vars(estimator).get("_categories")
        and bool(np.isfinite(X).all())
    )


def set_classes(estimator: Any, labels: np.ndarray) -> None:
    """Set the classes of an estimator to the labels that occur."""
    estimator.label_binarizer_ = LabelBinarizer().fit(labels)
    estimator.classes_ = estimator.label_binarizer_.classes_


def check_same_classes(estimator: Any, y: np.ndarray) -> None:
    """Raise unless a warm start sees the classes of the fit before."""
    classes = np.unique(y)
    if classes.tolist() != estimator.classes_.tolist():
        raise ValueError(
            "warm_start can only be used where `y` has the same classes as in the previous "
            f"call to fit. Previously got {shorten(str(estimator.classes_))}, `y` has "
            f"{shorten(str(classes))}."
        )


def copy_data_attributes(source: Any, target: Any) -> None:
    """Set the classes and features of an estimator to those of another."""
    for name in DATA_ATTRIBUTES:
        if hasattr(source, name):
            setattr(target, name, getattr(source, name))

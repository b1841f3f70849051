"""Validation of the data given to an estimator, which sets its classes and features."""

from functools import partial
from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import validate_data

from skmlp.data.checks import (
    ValidatedRows,
    check_array_with,
    check_labels,
    check_rows,
    check_validation_complete,
    check_weights,
)

__all__ = [
    "DATA_ATTRIBUTES",
    "check_same_classes",
    "copy_data_attributes",
    "set_classes",
    "validate_features",
    "validate_fit_data",
    "validate_rows",
]

FAST_SIZE = 100_000  # numbers; larger arrays always take scikit-learn's checks
DATA_ATTRIBUTES = ("n_features_in_", "feature_names_in_", "classes_", "label_binarizer_")


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
    estimator: Any, X: Any, y: Any, sample_weight: Any = None, *, reset: bool = True
) -> ValidatedRows:
    """Validate training data, and set the estimator's ``n_features_in_`` and feature names.

    Without reset, they must agree with those that are set.
    """
    check = partial(validate_data, estimator, reset=reset)
    return check_rows(X, y, sample_weight, check=check)


def _validate_validation_set(
    estimator: Any, X_val: Any, y_val: Any, sample_weight_val: Any
) -> ValidatedRows:
    """Validate a validation set, which must agree with the training data.

    Unknown labels are refused: LabelBinarizer would encode them as rows of zeros.
    """
    check_validation_complete(X_val, y_val)
    check = partial(validate_data, estimator, reset=False, order="C")
    try:
        X, y = check_array_with(check, X_val, y_val)
    except (ValueError, TypeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"The validation set (X_val, y_val) is unusable: {error}") from error
    check_labels(y, estimator.classes_, "y_val")
    return ValidatedRows(X, y, check_weights(sample_weight_val, X, "sample_weight_val"))


def validate_features(estimator: Any, X: Any) -> Any:
    """Validate rows to predict on."""
    if _needs_no_check(estimator, X):
        return X
    return check_array_with(partial(validate_data, estimator, reset=False), X)


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
            f"call to fit. Previously got {estimator.classes_}, `y` has {classes}."
        )


def copy_data_attributes(source: Any, target: Any) -> None:
    """Set the classes and features of an estimator to those of another."""
    for name in DATA_ATTRIBUTES:
        if hasattr(source, name):
            setattr(target, name, getattr(source, name))

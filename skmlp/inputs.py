"""What comes in: features, labels and row weights, checked and given the core's shapes."""

from numbers import Real
from typing import NamedTuple

import numpy as np
from sklearn import get_config
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, validate_data

__all__ = [
    "Encoded",
    "Rows",
    "check_X",
    "check_rows",
    "encode",
    "largest_magnitude",
    "working_bytes",
]


class Rows(NamedTuple):
    """A checked set of rows.

    Attributes
    ----------
    X : ndarray of shape (n, n_features), C-contiguous, in the dtype it came in
    y : ndarray of shape (n,)
        Labels as given.
    w : ndarray of shape (n,), float64, or None
        Weights as given, >= 0 and not all 0.
    """

    X: np.ndarray
    y: np.ndarray
    w: np.ndarray | None


def check_rows(estimator, X, y, sample_weight=None, suffix=""):
    """Check features, labels and weights together.

    Parameters
    ----------
    suffix : str, default=""
        "" for training data, which sets the estimator's ``n_features_in_`` and
        ``feature_names_in_``; "_val" for a validation set, which must agree with them and
        is named so in errors.
    """
    missing = [name for name, value in (("X", X), ("y", y)) if value is None]
    if suffix and missing:
        missing = " and ".join(name + suffix for name in missing)
        raise ValueError(f"A validation set needs X{suffix} and y{suffix}: {missing} not given.")
    try:
        X, y = validate_data(estimator, X, y, order="C", reset=not suffix)
        check_classification_targets(y)
    except ValueError as error:
        if suffix:
            message = f"The validation set (X{suffix}, y{suffix}) is unusable: {error}"
            raise ValueError(message) from error
        raise
    return Rows(X, y, _check_weights(sample_weight, X, f"sample_weight{suffix}"))


def check_X(estimator, X):
    """Check features to predict on."""
    return validate_data(estimator, X, order="C", reset=False)


def _check_weights(sample_weight, X, name):
    """Return weights as float64 (n,), or None for none."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Real):
        sample_weight = np.full(len(X), sample_weight)
    w = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name=name)
    if w.ndim != 1:
        raise ValueError(f"{name} must be 1-dimensional, one weight a row, got shape {w.shape}.")
    check_consistent_length(X, w)
    if (w < 0).any():
        raise ValueError(f"{name} must not be negative, got {w.min()} for a row.")
    if not w.any():
        raise ValueError(f"{name}: every weight is zero, so there is no row to learn.")
    return w


class Encoded(NamedTuple):
    """Rows in the core's terms.

    Attributes
    ----------
    X : ndarray of shape (n, n_features), in the dtype it came in
    Y : ndarray of shape (n, n_classes)
        One-hot rows.
    w : ndarray of shape (n,), of mean 1, or None
    """

    X: np.ndarray
    Y: np.ndarray
    w: np.ndarray | None


def encode(rows, binarizer, dtype):
    """Return Rows as Encoded, by a LabelBinarizer fitted on the training labels.

    LabelBinarizer makes one column for two classes, and a column of zeros for one; softmax
    needs a column for each class.

    Raises
    ------
    ValueError
        For labels that the binarizer was not fitted on, which it would make rows of zeros.
    """
    classes = binarizer.classes_
    unknown = np.setdiff1d(rows.y, classes)
    if len(unknown):
        raise ValueError(
            f"Unknown class in y_val: {unknown.tolist()}. The classes of the training data "
            f"are {classes.tolist()}."
        )
    Y = binarizer.transform(rows.y)
    if len(classes) <= 2:
        Y = np.hstack([1 - Y, Y])[:, : len(classes)]
    w = None if rows.w is None else (rows.w / rows.w.mean()).astype(dtype)
    return Encoded(rows.X, Y.astype(dtype), w)


def largest_magnitude(X):
    """Return max |X| without a copy of X."""
    return max(abs(float(X.max())), abs(float(X.min())))


def working_bytes():
    """Return scikit-learn's ``working_memory``, which is in MiB, in bytes."""
    return int(get_config()["working_memory"] * 2**20)

"""What comes in: features, labels and row weights, checked and given the core's shapes."""

from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from numbers import Real
from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, validate_data

from skmlp.core.labels import LabelRows, one_hot_rows
from skmlp.disk import taken

__all__ = [
    "Encoded",
    "Rows",
    "balanced_weights",
    "check_X",
    "check_complete",
    "check_fit_data",
    "check_labels",
    "check_not_masked",
    "check_rows",
    "check_same_classes",
    "check_targets",
    "check_weights",
    "class_weights",
    "digest",
    "encode",
    "largest_magnitude",
    "mean_weight",
    "no_weight",
    "row_numbers",
    "set_classes",
    "summable",
    "with_mean_1",
]


SMALL = 100_000  # numbers, whose checks are worth avoiding


class Rows(NamedTuple):
    """A checked set of rows.

    Attributes
    ----------
    X : ndarray, C-contiguous, or sparse CSR of shape (n, n_features), in the dtype it came in
    y : ndarray of shape (n,)
        Labels as given.
    w : ndarray of shape (n,), float64, or None
        Weights as given, >= 0 and not all 0.
    """

    X: np.ndarray
    y: np.ndarray
    w: np.ndarray | None


def check_fit_data(
    estimator, X, y, sample_weight=None, *,
    X_val=None, y_val=None, sample_weight_val=None, goes_on=False,
):  # fmt: skip
    """Check what a call of fit was given, and set the estimator's classes and features.

    Returns
    -------
    rows, validation : Rows
        The validation set is None if nothing of it was given.
    """
    rows = check_rows(estimator, X, y, sample_weight, reset=not goes_on)
    if goes_on:
        check_same_classes(estimator, rows.y)
    else:
        set_classes(estimator, rows.y)
    if all(given is None for given in (X_val, y_val, sample_weight_val)):
        return rows, None
    return rows, check_validation_rows(estimator, X_val, y_val, sample_weight_val)


def check_rows(estimator, X, y, sample_weight=None, *, reset=True):
    """Check training data, and set the estimator's ``n_features_in_`` and feature names.

    Without reset, they must agree with those that are set.
    """
    X, y = _validated(estimator, X, y, order="C", reset=reset)
    check_targets(y)
    return Rows(_real_numbers(X), y, check_weights(sample_weight, X, "sample_weight"))


def check_validation_rows(estimator, X_val, y_val, sample_weight_val=None):
    """Check a validation set, which must agree with the training data.

    Labels must be in the estimator's ``classes_``: LabelBinarizer would make rows of zeros
    of others.
    """
    check_complete(X_val, y_val)
    try:
        X, y = _validated(estimator, X_val, y_val, order="C", reset=False)
        X = _real_numbers(X)
    except (ValueError, TypeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"The validation set (X_val, y_val) is unusable: {error}") from error
    check_labels(y, estimator.classes_, "y_val")
    return Rows(X, y, check_weights(sample_weight_val, X, "sample_weight_val"))


def check_complete(X_val, y_val):
    """Raise unless a validation set has rows and labels."""
    missing = [name for name, value in (("X_val", X_val), ("y_val", y_val)) if value is None]
    if missing:
        missing = " and ".join(missing)
        raise ValueError(f"A validation set needs X_val and y_val: {missing} not given.")


def set_classes(estimator, labels):
    """Set the classes of an estimator to the labels that occur."""
    estimator.label_binarizer_ = LabelBinarizer().fit(labels)
    estimator.classes_ = estimator.label_binarizer_.classes_


def check_same_classes(estimator, y):
    """Raise unless a warm start sees the classes of the fit before."""
    classes = np.unique(y)
    if classes.tolist() != estimator.classes_.tolist():
        raise ValueError(
            "warm_start can only be used where `y` has the same classes as in the previous "
            f"call to fit. Previously got {estimator.classes_}, `y` has {classes}."
        )


def check_labels(y, classes, name="y"):
    """Raise unless every label is one of the classes."""
    # Not by NumPy, which would find the integer 1 equal to the string "1".
    with _refusing(name):
        labels = set()
        for start in range(0, len(y), SMALL):
            labels.update(y[start : start + SMALL].tolist())
        unknown = sorted(labels - set(classes.tolist()), key=str)
    if unknown:
        raise ValueError(
            f"Unknown class in {name}: {unknown}. `{name}` has classes not in `self.classes_`, "
            f"which are {classes.tolist()}."
        )


def check_X(estimator, X):
    """Check features to predict on."""
    if _is_plainly_fit(estimator, X):
        return X
    return _real_numbers(_validated(estimator, X, reset=False))


def _is_plainly_fit(estimator, X):
    """Whether X is a small array that needs none of scikit-learn's checks.

    They take several times as long as the prediction of a single row.
    """
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and 0 < X.size <= SMALL
        and X.shape[1] == estimator.n_features_in_
        and X.dtype.kind in "biuf"
        and not hasattr(estimator, "feature_names_in_")
        and bool(np.isfinite(X).all())
    )


def check_targets(y, name="y"):
    """Raise unless y (n,) holds labels, none of them missing."""
    with _refusing(name):
        check_classification_targets(y)
    if y.dtype.kind in "mM" and np.isnat(y).any():
        raise ValueError(f"Input {name} contains NaT.")


@contextmanager
def _refusing(name):
    """Name what Python or NumPy refuses, and say nothing of sums that only checks overflow in."""
    try:
        with np.errstate(all="ignore"):
            yield
    except OverflowError as error:
        raise ValueError(f"{name} has a number that is too large: {error}.") from error
    except TypeError as error:
        raise TypeError(f"{name} cannot be used: {error}") from error


def _validated(estimator, X, *y, **checks):
    """Return what scikit-learn's validate_data makes of X or X and y."""
    for name, value in zip(("X", "y"), (X, *y), strict=False):
        check_not_masked(value, name)
    if sparse.issparse(X) and X.ndim == 2:
        _check_indices(X)
    with _refusing("X or y" if y else "X"):
        return validate_data(estimator, X, *y, accept_sparse="csr", **checks)


def check_not_masked(values, name):
    """Raise for masked entries, which NumPy would silently take for what is under the mask."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(
            f"{name} has masked entries: fill them, as by {name}.filled(0), or impute."
        )


def _check_indices(X):
    """Raise if sparse X stores entries outside of its shape.

    SciPy trusts the indices of an existing matrix: it would read and write past its memory.
    """
    if X.format not in ("csr", "csc", "bsr", "coo"):
        return
    try:  # on a second object with the same memory, because checks tidy what they check
        if X.format == "coo":
            type(X)((X.data, (X.row, X.col)), shape=X.shape)
        else:
            shell = type(X)((X.data, X.indices, X.indptr), shape=X.shape)
            shell.check_format(full_check=True)
    except (ValueError, IndexError) as error:
        raise ValueError(f"X is a damaged sparse matrix: {error}") from error


def _real_numbers(X):
    """Return X if it holds real numbers; make numbers of objects that are, like Decimal."""
    if sparse.issparse(X) and not X.has_canonical_format:
        X = X.copy()  # not the caller's
        X.sum_duplicates()
    if X.dtype.kind == "O":
        with _refusing("X"):
            X = check_array(X, dtype=np.float64, order="C", input_name="X")
    if X.dtype.kind not in "biuf":
        raise ValueError(f"X must hold real numbers, got dtype {X.dtype}.")
    return X


def check_weights(sample_weight, X, name, *, may_all_be_zero=False):
    """Return weights as float64 (n,), or None for none."""
    if sample_weight is None:
        return None
    check_not_masked(sample_weight, name)
    with _refusing(name):
        if isinstance(sample_weight, Real):
            sample_weight = np.full(X.shape[0], float(sample_weight))
        w = check_array(sample_weight, ensure_2d=False, dtype=None, input_name=name)
        if w.dtype.kind in "mM":
            raise TypeError(f"weights are numbers, got dtype {w.dtype}.")
        w = check_array(w, ensure_2d=False, dtype=np.float64, input_name=name)
    if w.ndim != 1:
        raise ValueError(f"{name} must be 1-dimensional, one weight a row, got shape {w.shape}.")
    check_consistent_length(X, w)
    if (w < 0).any():
        raise ValueError(f"{name} must not be negative, got {w.min()} for a row.")
    if not (may_all_be_zero or w.any()):
        raise no_weight(name)
    return w


def no_weight(name):
    """Return the ValueError that no row has a weight."""
    return ValueError(f"{name}: every weight is zero, so there is no row to learn.")


def class_weights(class_weight, rows, classes):
    """Return the weight of each class, in the order of classes, for Encoded rows.

    "balanced" is ``sum(w) / (n_classes sum of w over the class)``, so that weight 2 is a row
    twice and all classes together weigh the same; classes without weight are not counted.

    Raises
    ------
    ValueError
        For a dict that misses a class and has a key that is none: one of them is a mistake.
        Keys of classes that do not occur are fine, as in a fold of cross-validation.
    """
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str):
        w = None if rows.w is None else summable(rows.w)
        return balanced_weights(np.bincount(rows.codes, w, minlength=len(classes)))
    labels = classes.tolist()
    known = set(labels)
    missing = [label for label in labels if label not in class_weight]
    unknown = [key for key in class_weight if key not in known]
    if missing and unknown:
        raise ValueError(
            f"class_weight has no weight for {missing}, but one for {unknown}, which is no class "
            f"of y: {labels}."
        )
    return np.array([float(class_weight.get(label, 1.0)) for label in labels])


def balanced_weights(counts):
    """Return the weights of classes with these counts (n_classes,), or sums of weights."""
    occurs = counts > 0
    weights = np.zeros(len(counts))
    with np.errstate(over="ignore"):  # whoever multiplies with them checks the products
        weights[occurs] = counts.sum() / (occurs.sum() * counts[occurs])
    return weights


def mean_weight(w):
    """Return the mean of weights, whose sum may overflow."""
    most = w.max()
    return most * (w / most).mean()


def summable(w, rows=slice(None)):
    """Return weights w (n,), scaled if their sum over those rows is none of the normal numbers."""
    with np.errstate(over="ignore"):  # of the sum, and of the quotients of the other rows
        total = w[rows].sum()
        return w if np.finfo(w.dtype).tiny <= total < np.inf else w / w[rows].max()


def with_mean_1(w, rows=slice(None)):
    """Return weights w (n,) rescaled so that their mean over those rows is 1."""
    w = summable(w, rows)
    with np.errstate(over="ignore"):  # as above
        return w / mean_weight(w[rows])


def largest_magnitude(X):
    """Return max |X| without a copy of X."""
    return max(abs(float(X.max())), abs(float(X.min())))


@dataclass(frozen=True, eq=False)
class Encoded:
    """Rows in the core's terms.

    Attributes
    ----------
    X : ndarray or sparse CSR of shape (n, n_features), in the dtype it came in
    y : ndarray of shape (n,)
        Labels as given.
    codes : ndarray of int of shape (n,)
        Their places in the classes.
    Y : LabelRows of shape (n, n_classes)
        One-hot rows, smoothed if they are to train on.
    w : ndarray of shape (n,), float64, or None
        Weights as given.
    """

    X: np.ndarray
    y: np.ndarray
    codes: np.ndarray
    Y: LabelRows
    w: np.ndarray | None
    _memory: dict = field(default_factory=dict, repr=False)

    def take(self, rows):
        """Return some of the rows; the same object for the same rows."""
        parts = self.y, self.codes, self.Y, self.w

        def make():
            others = (None if part is None else part[rows] for part in parts)
            return Encoded(taken(self.X, rows), *others)

        return self.once(("rows", digest(rows)), make)

    def once(self, key, make):
        """Return ``make()``, made once for all networks that train on these rows."""
        if key not in self._memory:
            self._memory[key] = make()
        return self._memory[key]


def encode(rows, classes, dtype, smoothing=0.0):
    """Return Rows as Encoded, with ``(1 - smoothing) y + smoothing / n_classes`` for Y."""
    codes = np.empty(len(rows.y), np.min_scalar_type(len(classes)))
    for start in range(0, len(codes), SMALL):
        chunk = slice(start, start + SMALL)
        codes[chunk] = np.searchsorted(classes, rows.y[chunk])
    Y = one_hot_rows(codes, len(classes), dtype, smoothing)
    return Encoded(rows.X, rows.y, codes, Y, rows.w)


def row_numbers(n):
    """Return the numbers of n rows, in half the memory if they allow."""
    return np.arange(n, dtype=np.int32 if n <= np.iinfo(np.int32).max else np.int64)


def digest(rows):
    """Return what stands for the numbers of rows in a key."""
    return blake2b(np.ascontiguousarray(rows)).digest()

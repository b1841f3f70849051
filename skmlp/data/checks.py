"""Checks of X, y and weights, for errors before training rather than wrong results after it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import check_array, check_X_y
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length

from skmlp._errors import short_repr, shorten
from skmlp.core.levels import numbers_of
from skmlp.data.objects import MIXED, NUMBER, Cells, object_array, read_array

__all__ = [
    "CHUNK_LABELS",
    "ValidatedRows",
    "check_array_with",
    "check_label_values",
    "check_labels",
    "check_not_masked",
    "check_rows",
    "check_targets",
    "check_validation_complete",
    "check_weights",
    "max_abs",
    "zero_weights_error",
]

CHUNK_LABELS = 100_000  # labels converted at once, which bounds the memory that it takes


class ValidatedRows(NamedTuple):
    """Rows that passed the checks.

    Attributes
    ----------
    X : ndarray, C-contiguous, or sparse CSR of shape (n, n_features), in the dtype it came in
    y : ndarray of shape (n,)
        Labels as given.
    sample_weight : ndarray of shape (n,), float64, or None
        Weights as given, >= 0 and not all 0.
    """

    X: Any
    y: np.ndarray
    sample_weight: np.ndarray | None


def check_rows(
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    check: Callable[..., Any] = check_X_y,
    is_part: bool = False,
) -> ValidatedRows:
    """Check features, labels and weights.

    Parameters
    ----------
    X, y, sample_weight
        As the user gave them.
    check : callable (X, y, **kwargs) -> (X, y), default=sklearn.utils.check_X_y
        scikit-learn's check; estimators give their ``validate_data``.
    is_part : bool, default=False
        Whether these are one part of the rows: their weights may all be 0, and messages have no
        row numbers.
    """
    check_label_values(y, is_part=is_part)
    X, y = _checked(check, X, y, order="C")
    check_targets(y)
    X = _real_numbers(X)
    w = check_weights(sample_weight, X, "sample_weight", may_all_be_zero=is_part)
    return ValidatedRows(X, y, w)


def check_array_with(check: Callable[..., Any], X: Any, *y: Any) -> Any:
    """Return what scikit-learn's ``check(X, *y)`` returns, with X of real numbers."""
    for labels in y:
        check_label_values(labels)
    checked = _checked(check, X, *y)
    return (_real_numbers(checked[0]), *checked[1:]) if y else _real_numbers(checked)


def _checked(check: Callable[..., Any], X: Any, *y: Any, **options: Any) -> Any:
    """Return ``check(X, *y)`` of scikit-learn, after the checks that it lacks.

    Masked entries are refused, and sparse matrices with indices outside their shape.
    """
    for name, value in zip(("X", "y"), (X, *y), strict=False):
        check_not_masked(value, name)
    if sparse.issparse(X) and X.ndim == 2:
        _check_indices(X)
    with _named_errors("X or y" if y else "X"):
        try:
            return check(X, *y, accept_sparse="csr", **options)
        except ValueError as error:
            if not str(error).startswith("could not convert string to float"):
                raise
            raise ValueError(
                f"{shorten(str(error))}. Columns of strings are categories in data frames; in "
                "arrays, select them by categorical_features."
            ) from error


def check_validation_complete(X_val: Any, y_val: Any) -> None:
    """Raise unless a validation set has rows and labels."""
    missing = [name for name, value in (("X_val", X_val), ("y_val", y_val)) if value is None]
    if missing:
        raise ValueError(
            f"A validation set needs X_val and y_val: {' and '.join(missing)} not given."
        )


def check_labels(y: np.ndarray, classes: np.ndarray, name: str = "y") -> None:
    """Raise unless every label is one of the classes."""
    # Not by NumPy, for which the integer 1 equals the string "1".
    with _named_errors(name):
        labels = set()
        for start in range(0, len(y), CHUNK_LABELS):
            labels.update(y[start : start + CHUNK_LABELS].tolist())
        unknown = sorted(labels - set(classes.tolist()), key=str)
    if unknown:
        raise ValueError(
            f"Unknown class in {name}: {short_repr(unknown)}. `{name}` has classes not "
            f"in `self.classes_`, which are {short_repr(classes.tolist())}."
        )


def check_targets(y: np.ndarray, name: str = "y") -> None:
    """Raise unless y (n,) holds labels, none of them missing."""
    with _named_errors(name):
        check_classification_targets(y)
    if y.dtype.kind in "mM" and np.isnat(y).any():
        raise ValueError(f"Input {name} contains NaT.")


def check_label_values(
    y: Any, name: str = "y", *, is_part: bool = False, of_rows: bool = True
) -> None:
    """Raise for labels that are missing or of mixed kinds.

    scikit-learn does not name them in all containers, takes NaN in a list of strings for a label,
    and compares labels of mixed kinds, which is a TypeError.

    Parameters
    ----------
    y : array-like of shape (n,)
        As the user gave them.
    name : str, default="y"
        What messages call them.
    is_part : bool, default=False
        Whether these are one part of the rows, so that messages have no row numbers.
    of_rows : bool, default=True
        Whether each is the label of a row, which is to be dropped if it is missing.
    """
    cells = _read_labels(y, name)
    if cells is None:
        return
    missing = cells.missing_mask()
    if missing.any():
        where = " in one part" if is_part else f", the first in row {missing.argmax()}"
        rows = f"these rows, such as by X[{name}.notna()] and {name}[{name}.notna()] in pandas"
        raise ValueError(
            f"Input {name} contains NaN or None: {missing.sum()} of {len(missing)} labels are "
            f"missing{where if of_rows else ''}. Drop {rows if of_rows else 'them'}."
        )
    if cells.kind == MIXED:
        raise ValueError(
            f"{name} mixes strings and numbers: convert it, such as by {name}.astype(str)."
        )
    if cells.kind == NUMBER and not isinstance(y, list | tuple) and np.asarray(y).dtype == object:
        raise ValueError(
            f"Unknown label type: {name} holds numbers or bools as Python objects. Convert it, "
            f"such as by {name}.astype({cells.values.dtype.name!r})."
        )


def _read_labels(y: Any, name: str) -> Cells | None:
    """Return labels and which are missing; None for what scikit-learn has to judge."""
    if y is None or sparse.issparse(y):
        return None
    if isinstance(y, list | tuple) and set(map(type, y)) in ({int}, {str}):
        return None  # the usual lists, which take no time
    with _named_errors(name):
        values = object_array(y) if isinstance(y, list | tuple) else np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    return read_array(values) if values.ndim == 1 and values.dtype.kind in "Of" else None


def check_not_masked(values: Any, name: str) -> None:
    """Raise for masked entries, whose underlying values NumPy would silently use."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(
            f"{name} has masked entries: fill them, such as by {name}.filled(0), or impute them."
        )


def check_weights(
    sample_weight: Any, X: Any, name: str, *, may_all_be_zero: bool = False
) -> np.ndarray | None:
    """Return weights of the rows of X as float64 (n,), or None for none."""
    if sample_weight is None:
        return None
    check_not_masked(sample_weight, name)
    with _named_errors(name):
        if isinstance(sample_weight, Real):
            sample_weight = np.full(X.shape[0], float(sample_weight))
        w = check_array(sample_weight, ensure_2d=False, dtype=None, input_name=name)
        if w.dtype.kind in "mM":
            raise TypeError(f"weights are numbers, got dtype {w.dtype}.")
        w = np.asarray(check_array(w, ensure_2d=False, dtype=np.float64, input_name=name))
    if w.ndim != 1:
        raise ValueError(f"{name} must be 1-dimensional, one weight per row, got shape {w.shape}.")
    check_consistent_length(X, w)
    if (w < 0).any():
        raise ValueError(f"{name} must not be negative, got {w.min()} for a row.")
    if not (may_all_be_zero or w.any()):
        raise zero_weights_error(name)
    return w


def zero_weights_error(name: str) -> ValueError:
    """Return the ValueError of weights that are all zero."""
    return ValueError(f"{name}: every weight is zero, so that no row counts.")


def max_abs(X: Any) -> float:
    """Return max |X| of the numbers that are present, without a copy of X; 0 if there are none."""
    X = X.data if sparse.issparse(X) else numbers_of(X)
    if not X.size:
        return 0.0
    extremes = (np.fmax.reduce(X, axis=None), np.fmin.reduce(X, axis=None))
    # Of columns that have gaps alone, fmax is NaN.
    return max(0.0 if np.isnan(extreme) else abs(float(extreme)) for extreme in extremes)


@contextmanager
def _named_errors(name: str) -> Iterator[None]:
    """Add the name of the input to errors of Python and NumPy; ignore overflow within checks."""
    try:
        with np.errstate(all="ignore"):
            yield
    except OverflowError as error:
        raise ValueError(f"{name} has a number that is too large: {error}.") from error
    except TypeError as error:
        raise TypeError(f"{name} cannot be used: {error}") from error


def _check_indices(X: Any) -> None:
    """Raise if sparse X stores entries outside of its shape.

    SciPy does not check the indices of an existing matrix and would access memory beyond it.
    """
    if X.format not in ("csr", "csc", "bsr", "coo"):
        return
    try:  # on a second object with the same memory, because the check sorts what it checks
        if X.format == "coo":
            type(X)((X.data, (X.row, X.col)), shape=X.shape)
        else:
            shell = type(X)((X.data, X.indices, X.indptr), shape=X.shape)
            shell.check_format(full_check=True)
    except (ValueError, IndexError) as error:
        raise ValueError(f"X is a damaged sparse matrix: {error}") from error


def _with_indices_of(dtype: np.dtype, X: Any) -> Any:
    """Return CSR X whose indices have at most the size of this dtype.

    Where Python has 32 bits, NumPy does not take integers of 64 bits as indices or counts.
    """
    if X.indices.itemsize <= dtype.itemsize:
        return X
    content = X.data, X.indices.astype(dtype), X.indptr.astype(dtype)
    return type(X)(content, shape=X.shape)


def _real_numbers(X: Any) -> Any:
    """Return X if it holds real numbers; convert objects that are numbers, like Decimal."""
    if sparse.issparse(X) and not X.has_canonical_format:
        X = X.copy()  # the caller's stays as it is
        X.sum_duplicates()
    if sparse.issparse(X):
        X = _with_indices_of(np.dtype(np.intp), X)
    if X.dtype.kind == "O":
        with _named_errors("X"):
            X = check_array(
                X, dtype=np.float64, order="C", input_name="X", ensure_all_finite="allow-nan",
                ensure_min_features=0,
            )  # fmt: skip
    if X.dtype.kind not in "biuf":
        raise ValueError(f"X must hold real numbers, got dtype {X.dtype}.")
    return X

"""Weights of classes and rows: sample weight times class weight, over its mean.

The objective averages ``w_i CE_i`` over the rows, so the weights w_i must have mean 1 over the
training rows; then their unit does not matter and weight 2 is a row twice.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from skmlp._errors import short_repr
from skmlp.data.dataset import Dataset

__all__ = [
    "balanced_weights",
    "class_frequencies",
    "class_totals",
    "class_weights",
    "divide_by_mean",
    "mean_weight",
    "normalize_weights",
    "positive_frequencies",
    "rescale_for_sum",
    "row_weights",
]


def class_weights(
    class_weight: Mapping[Any, float] | str | None,
    classes: np.ndarray,
    totals: Callable[[], np.ndarray],
) -> np.ndarray:
    """Return the weight of each class (n_classes,).

    "balanced" is ``sum(w) / (n_classes sum of w over the class)``, so that weight 2 is a row
    twice and all classes together weigh the same; classes without weight are not counted.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
    classes : ndarray of shape (n_classes,)
    totals : callable () -> ndarray of shape (n_classes,)
        Returns the sum of the sample weights of each class. Called for "balanced" only.

    Raises
    ------
    ValueError
        For a dict that lacks a class and has a key that is no class: one of them is a mistake.
        Keys of classes that do not occur are accepted, as in a fold of cross-validation.
    """
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str):
        return balanced_weights(totals())
    labels = classes.tolist()
    known = set(labels)
    missing = [label for label in labels if label not in class_weight]
    unknown = [key for key in class_weight if key not in known]
    if missing and unknown:
        raise ValueError(
            f"class_weight has no weight for {short_repr(missing)}, but one for "
            f"{short_repr(unknown)}, which is not a class of y: {short_repr(labels)}."
        )
    return np.array([float(class_weight.get(label, 1.0)) for label in labels])


def balanced_weights(totals: np.ndarray) -> np.ndarray:
    """Return balanced weights of classes with these sums of sample weights (n_classes,)."""
    occurs = totals > 0
    weights = np.zeros(len(totals))
    with np.errstate(over="ignore"):  # overflow is checked where the weights are applied
        weights[occurs] = totals.sum() / (occurs.sum() * totals[occurs])
    return weights


def class_totals(codes: np.ndarray, w: np.ndarray | None, n_classes: int) -> np.ndarray:
    """Return the sum of weights of each class (n_classes,), up to a factor if they are extreme.

    Parameters
    ----------
    codes : ndarray of int of shape (n,)
        The class of each row.
    w : ndarray of shape (n,) or None
        Weights of the rows. None means ones.
    n_classes : int
    """
    return np.bincount(codes, None if w is None else rescale_for_sum(w), minlength=n_classes)


def class_frequencies(dataset: Dataset, w: np.ndarray | None, rows: np.ndarray) -> np.ndarray:
    """Return the share of each class (n_classes,) in the weights w (n,) of some of the rows."""
    codes, n_classes = dataset.y_encoded[rows], dataset.Y.shape[1]
    totals = class_totals(codes, None if w is None else w[rows], n_classes)
    frequencies: np.ndarray = totals / totals.sum()
    return frequencies


def positive_frequencies(frequencies: np.ndarray, n_rows: int) -> np.ndarray:
    """Return class frequencies as if there were one more row, spread over all classes."""
    positive: np.ndarray = (n_rows * frequencies + 1.0 / len(frequencies)) / (n_rows + 1)
    return positive


def row_weights(
    dataset: Dataset, class_weight: np.ndarray | None
) -> tuple[np.ndarray | None, np.ndarray]:
    """Return sample weight times class weight, and the indices of the rows of weight > 0.

    Parameters
    ----------
    dataset : Dataset of n rows
    class_weight : ndarray of shape (n_classes,) or None

    Returns
    -------
    w : ndarray of shape (n,), float64, or None
        None if there are neither sample nor class weights.
    row_indices : ndarray of int
    """
    w = dataset.sample_weight
    if class_weight is not None:
        with np.errstate(over="ignore"):
            w = class_weight[dataset.y_encoded] * (1.0 if w is None else w)
    if w is None:
        return None, _row_numbers(dataset.X.shape[0])
    if not np.isfinite(w).all():
        raise ValueError("sample_weight times class_weight overflows: divide one by a constant.")
    return w, np.flatnonzero(w)


def _row_numbers(n: int) -> np.ndarray:
    """Return 0 .. n - 1, as 32-bit integers if these suffice."""
    return np.arange(n, dtype=np.int32 if n <= np.iinfo(np.int32).max else np.int64)


def divide_by_mean(
    w: np.ndarray | None, mean: float, n_rows: int, dtype: np.dtype
) -> np.ndarray | None:
    """Return weights w (n_rows,), or ones for None, over a mean; None if these are ones again."""
    if w is None and mean == 1.0:
        return None
    w = np.ones(n_rows) if w is None else w
    with np.errstate(over="ignore"):  # in rows that are not trained on
        return (w / mean).astype(dtype)


def mean_weight(w: np.ndarray) -> float:
    """Return the mean of weights, whose sum may overflow."""
    most = w.max()
    return float(most * (w / most).mean())


def rescale_for_sum(w: np.ndarray, rows: slice | np.ndarray = slice(None)) -> np.ndarray:
    """Return weights w (n,), rescaled if their sum over those rows overflows or underflows."""
    with np.errstate(over="ignore"):  # in the sum, and in the quotients of the other rows
        total = w[rows].sum()
        return w if np.finfo(w.dtype).tiny <= total < np.inf else w / w[rows].max()


def normalize_weights(w: np.ndarray, rows: slice | np.ndarray = slice(None)) -> np.ndarray:
    """Return weights w (n,) rescaled so that their mean over those rows is 1."""
    w = rescale_for_sum(w, rows)
    with np.errstate(over="ignore"):  # as above
        return w / mean_weight(w[rows])

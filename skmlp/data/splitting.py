"""Validation rows set aside from the training rows, and samples of rows to score."""

from math import ceil
from numbers import Integral

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import resample

from skmlp._errors import short_repr, shorten
from skmlp.data.dataset import Dataset

__all__ = [
    "MAX_SCORED_ROWS",
    "split_if_possible",
    "split_rows",
    "stratified_sample",
    "validation_size",
]

MAX_SCORED_ROWS = 10_000  # training rows scored per epoch, as HistGradientBoostingClassifier
MAX_STRATIFIED_ROWS = 1_000_000  # drawn from more first: stratifying takes up to 80 bytes a row


def validation_size(fraction: float, n_rows: int, n_classes: int) -> int:
    """Return how many of n_rows a fraction or number of rows is, at least one of each class."""
    n = fraction if isinstance(fraction, Integral) else ceil(fraction * n_rows)
    return max(int(n), n_classes, 2)


def split_rows(
    validation_fraction: float, dataset: Dataset, row_indices: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Split rows of a dataset, stratified, into training and validation rows.

    Parameters
    ----------
    validation_fraction : float or int
        Fraction or number of the rows to validate on.
    dataset : Dataset
    row_indices : ndarray of int
        Indices of the rows to split.
    seed : int

    Returns
    -------
    train, validation : ndarray of int
        Indices of rows, in ascending order.
    """
    labels = dataset.y[row_indices]
    n_classes = len(np.unique(labels))
    n_validation = validation_size(validation_fraction, len(row_indices), n_classes)
    if len(row_indices) - n_validation < n_classes:
        raise ValueError(
            f"The validation set is too small. Increase 'validation_fraction' or the size of your "
            f"dataset: {len(row_indices)} rows of {n_classes} classes cannot be split by "
            f"validation_fraction={short_repr(validation_fraction)} into two sets that have every "
            "class."
        )
    try:
        train, validation = train_test_split(
            row_indices, test_size=n_validation, stratify=labels, random_state=seed
        )
    except ValueError as error:
        raise ValueError(
            f"early_stopping=True cannot set validation_fraction={short_repr(validation_fraction)} "
            f"of the rows aside: {shorten(str(error))} Give X_val and y_val, or set "
            "validation_fraction=None."
        ) from error
    return np.sort(train), np.sort(validation)


def split_if_possible(
    validation_fraction: float, dataset: Dataset, row_indices: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Split rows as `split_rows`, without its errors where there are too few.

    A class with one row stays in the training rows. Where the others are too few for both parts
    to have every class, no rows are set aside.
    """
    n_classes = dataset.Y.shape[1]
    n_validation = validation_size(validation_fraction, len(row_indices), n_classes)
    candidates = _thinned(row_indices, seed)
    if n_validation > len(candidates) // 2:
        candidates = row_indices
    labels = dataset.y_encoded[candidates]
    counts = np.bincount(labels, minlength=n_classes)
    others, n_classes = candidates[counts[labels] > 1], int((counts > 1).sum())
    n_validation = validation_size(validation_fraction, len(row_indices), n_classes)
    if len(others) - n_validation < n_classes or not len(others):
        return row_indices, row_indices[:0]
    _, held_out = split_rows(n_validation, dataset, others, seed)
    return row_indices[np.isin(row_indices, held_out, invert=True)], held_out


def _thinned(row_indices: np.ndarray, seed: int) -> np.ndarray:
    """Return about a million random rows, or all if there are fewer."""
    if len(row_indices) <= MAX_STRATIFIED_ROWS:
        return row_indices
    thinned = np.random.RandomState(seed).randint(len(row_indices), size=MAX_STRATIFIED_ROWS)
    return row_indices[np.unique(thinned)]


def stratified_sample(
    dataset: Dataset, row_indices: np.ndarray, max_rows: int = MAX_SCORED_ROWS
) -> Dataset:
    """Return these rows of a dataset, or max_rows of them, the same ones in every call."""
    row_indices = _thinned(row_indices, seed=0)
    if len(row_indices) > max_rows:
        y = dataset.y[row_indices]
        row_indices = resample(
            row_indices, replace=False, n_samples=max_rows, stratify=y, random_state=0
        )
        row_indices.sort()
    return dataset if len(row_indices) == dataset.X.shape[0] else dataset.take(row_indices)

"""The folds of an ensemble's cross-validation: parts of the rows, one for each member."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv

from skmlp._errors import check_integer

__all__ = ["check_folds", "draw_folds", "n_folds"]


def n_folds(cv: Any, X: Any, y: np.ndarray, groups: Any) -> int:
    """Return the number of folds of an integer or a splitter.

    Raises
    ------
    ValueError
        If cv is neither.
    """
    if isinstance(cv, Integral | str | np.bool_ | float):
        check_integer("cv", cv, 2, "None, an integer >= 2 or a splitter")
        return int(cv)
    return int(check_cv(cv).get_n_splits(X, y, groups))


def draw_folds(cv: Any, X: Any, y: np.ndarray, groups: Any, seed: int) -> list[np.ndarray]:
    """Return the rows of each fold, in ascending order.

    An integer stands for StratifiedKFold or, with groups, StratifiedGroupKFold, shuffled by seed.
    """
    if isinstance(cv, Integral):
        kind = StratifiedKFold if groups is None else StratifiedGroupKFold
        cv = kind(int(cv), shuffle=True, random_state=seed)
    return [np.sort(test) for _, test in check_cv(cv).split(X, y, groups)]


def check_folds(folds: Sequence[np.ndarray], cv: Any, y_encoded: np.ndarray, classes: Any) -> None:
    """Raise unless the folds are a partition, and the rows outside of each have all classes."""
    in_folds = np.sort(np.concatenate(folds))
    if len(in_folds) != len(y_encoded) or (in_folds != np.arange(len(y_encoded))).any():
        raise ValueError(
            f"cv={cv!r} must be a partition: each row must be in exactly one test part, as in "
            "KFold, StratifiedKFold and GroupKFold. Use one of these, or cv=None."
        )
    totals = np.bincount(y_encoded, minlength=len(classes))
    for i, fold in enumerate(folds):
        inside = np.bincount(y_encoded[fold], minlength=len(classes))
        missing = np.flatnonzero(inside == totals)
        if len(missing):
            label = np.asarray(classes)[missing[0]].item()
            raise ValueError(
                f"cv={cv!r} leaves a member without class {label!r}: all of its "
                f"{totals[missing[0]]} rows are in fold {i}. Every class must be in two folds or "
                "more: use fewer folds, a stratified splitter, or cv=None."
            )

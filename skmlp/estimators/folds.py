"""The folds of an ensemble's cross-validation: parts of the rows, one for each member.

With k folds, member i leaves out fold i mod k, and each repeat of k members has its own folds.
"""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv

from skmlp._errors import check_integer, short_repr
from skmlp.data.dataset import Dataset

__all__ = ["Folds", "check_repeats", "draw_repeats", "rows_of_member"]

Folds = list[np.ndarray]  # the rows of each


def draw_repeats(
    cv: Any,
    dataset: Dataset,
    groups: Any,
    classes: np.ndarray,
    seeds: Sequence[int],
    earlier: Sequence[Folds] | None = None,
) -> list[Folds]:
    """Return the folds of each repeat, of which the last one may be used in part.

    Parameters
    ----------
    cv : int, splitter or None
        Without cv, there are no folds.
    dataset : Dataset
    groups : array-like or None
    classes : ndarray
    seeds : sequence of int
        As many as members; the first ones are those of the repeats.
    earlier : sequence of list of ndarray, default=None
        In a warm start, the folds of earlier calls. They stay, since their members have seen the
        other rows.

    Raises
    ------
    ValueError
        If cv is invalid, for groups without cv, for fewer members than folds, for folds that are
        not a partition or leave a member without a class, and if the earlier folds are missing or
        of other rows.
    """
    if cv is None:
        if groups is not None:
            raise ValueError("groups are for cv, but cv is None: set cv, or omit groups.")
        return []
    n = _n_folds(cv, dataset, groups)
    if len(seeds) < n:
        raise ValueError(
            f"n_estimators={len(seeds)} must be at least the number of folds of cv, {n}, so that "
            "each row is left out by a member."
        )
    repeats = list(earlier or [])
    if earlier is not None and (not repeats or _n_rows(repeats[0]) != len(dataset.y_encoded)):
        raise ValueError(
            "A warm start with cv needs the folds of the previous call, and the same rows: set "
            "warm_start=True before the first call, and pass the same X and y."
        )
    n_repeats = -(-len(seeds) // n)
    for seed in seeds[len(repeats) : n_repeats]:
        folds = _draw_folds(cv, dataset, groups, seed)
        _check_folds(folds, cv, dataset, classes)
        repeats.append(folds)
    return repeats


def check_repeats(repeats: Sequence[Folds], cv: Any, dataset: Dataset, classes: np.ndarray) -> None:
    """Raise ValueError unless the folds of a checkpoint fit `cv` and the classes."""
    n = {len(folds) for folds in repeats}
    expected = set() if cv is None else n
    if cv is not None and not hasattr(cv, "split"):
        expected = {_n_folds(cv, dataset, None)}
    if n != expected or (cv is not None and not n):
        raise ValueError(f"The folds of the checkpoint do not fit cv={short_repr(cv)}.")
    for folds in repeats:
        _check_folds(folds, cv, dataset, classes)


def rows_of_member(repeats: Sequence[Folds], i: int, n_rows: int) -> np.ndarray | None:
    """Return the training rows of a member, those outside of its fold; None without folds."""
    left_out = [fold for folds in repeats for fold in folds]
    return np.delete(np.arange(n_rows), left_out[i]) if repeats else None


def _n_folds(cv: Any, dataset: Dataset, groups: Any) -> int:
    """Return the number of folds of an integer or a splitter; raise if cv is neither."""
    if isinstance(cv, Integral | str | np.bool_ | float):
        check_integer("cv", cv, 2, "None, an integer >= 2 or a splitter")
        return int(cv)
    return int(check_cv(cv).get_n_splits(dataset.X, dataset.y, groups))


def _n_rows(folds: Folds) -> int:
    return sum(map(len, folds))


def _draw_folds(cv: Any, dataset: Dataset, groups: Any, seed: int) -> Folds:
    """Return the rows of each fold, in ascending order.

    An integer stands for StratifiedKFold or, with groups, StratifiedGroupKFold, shuffled by seed.
    """
    if isinstance(cv, Integral):
        kind = StratifiedKFold if groups is None else StratifiedGroupKFold
        cv = kind(int(cv), shuffle=True, random_state=seed)
    splits = check_cv(cv).split(dataset.X, dataset.y, groups)
    return [np.sort(test) for _, test in splits]


def _check_folds(folds: Folds, cv: Any, dataset: Dataset, classes: np.ndarray) -> None:
    """Raise unless the folds are a partition, and the rows outside of each have all classes."""
    y_encoded, in_folds = dataset.y_encoded, np.sort(np.concatenate(folds))
    if len(in_folds) != len(y_encoded) or (in_folds != np.arange(len(y_encoded))).any():
        raise ValueError(
            f"cv={short_repr(cv)} must be a partition: each row must be in exactly one test part, "
            "as in KFold, StratifiedKFold and GroupKFold. Use one of these, or cv=None."
        )
    totals = np.bincount(y_encoded, minlength=len(classes))
    for i, fold in enumerate(folds):
        inside = np.bincount(y_encoded[fold], minlength=len(classes))
        missing = np.flatnonzero(inside == totals)
        if len(missing):
            label = np.asarray(classes)[missing[0]].item()
            raise ValueError(
                f"cv={short_repr(cv)} leaves a member without class {short_repr(label)}: all of "
                f"its {totals[missing[0]]} rows are in fold {i}. Every class must be in two folds "
                "or more: use fewer folds, a stratified splitter, or cv=None."
            )

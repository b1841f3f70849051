"""Judging a classifier by rows that it was not trained on, beside two baselines."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skmlp.cli.commands import CommandError, quoted

__all__ = [
    "BASELINES",
    "Importances",
    "Predictions",
    "Scores",
    "cautions",
    "check_known_labels",
    "fit_baselines",
    "hold_out",
    "importances",
    "predictions",
    "score",
]

TEST_SHARE = 0.2
BASELINES = "logistic regression", "most frequent class"
IMPORTANCE_ROWS, IMPORTANCE_REPEATS, IMPORTANCE_SECONDS = 2_000, 5, 20.0
MIN_IMPORTANCE_ROWS = 100
FEW_TEST_ROWS = 100


class Scores(NamedTuple):
    """The scores of a classifier; NaN for an AUC that is not defined."""

    accuracy: float
    balanced_accuracy: float
    log_loss: float
    auc: float


class Importances(NamedTuple):
    """How much the log-loss increases where the values of a column are shuffled.

    Attributes
    ----------
    names : list of str
        The columns, the most important first.
    mean, std : ndarray of shape (n_columns,)
        Over the repeats.
    n_rows : int
    """

    names: list[str]
    mean: np.ndarray
    std: np.ndarray
    n_rows: int


@dataclass(frozen=True)
class Predictions:
    """The rows that a classifier is evaluated on, and its predictions.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
    X : DataFrame of shape (n_rows, n_features)
    y : ndarray of shape (n_rows,)
    sample_weight : ndarray of shape (n_rows,) or None
    proba : ndarray of shape (n_rows, n_classes)
    """

    classes: np.ndarray
    X: pd.DataFrame
    y: np.ndarray
    sample_weight: np.ndarray | None
    proba: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        """The most probable classes."""
        return self.classes[self.proba.argmax(axis=1)]

    @property
    def confidences(self) -> np.ndarray:
        """The probabilities of the most probable classes."""
        return self.proba.max(axis=1)

    def worst_mistakes(self, n: int) -> np.ndarray:
        """Return the positions of the n wrong rows with the highest probability of the label."""
        order = np.argsort(-self.confidences, kind="stable")
        return order[(self.labels != self.y)[order]][:n]


def hold_out(y: np.ndarray, groups: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the rows to train on and of the held-out rows, a fifth.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Labels. Each class with two rows or more is in both parts; a single row is trained on.
    groups : array-like of shape (n_rows,) or None
        The rows of a group are in the same part.
    seed : int

    Raises
    ------
    CommandError
        If there are too few rows or groups.
    """
    if groups is not None:
        return _hold_out_groups(y, groups, seed)
    classes, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    candidates, n_classes = np.flatnonzero(counts[codes] > 1), int((counts > 1).sum())
    n_test = max(round(TEST_SHARE * len(y)), n_classes)
    if not n_classes or len(candidates) - n_test < n_classes:
        raise CommandError(
            f"{len(y):,} rows of {len(classes):,} classes are too few to hold some out: give "
            "more rows, or a file of test rows as --test"
        )
    _, test = train_test_split(
        candidates, test_size=n_test, stratify=y[candidates], random_state=seed
    )
    return np.delete(np.arange(len(y)), test), np.sort(test)


def _hold_out_groups(y: np.ndarray, groups: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Hold out a fifth of the groups, such that all classes are trained on."""
    n_splits = min(round(1 / TEST_SHARE), len(np.unique(groups)))
    n_classes = len(np.unique(y))
    if n_splits > 1 and n_splits <= np.unique(y, return_counts=True)[1].max():
        folds = StratifiedGroupKFold(n_splits, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of rare classes
            splits = list(folds.split(y, y, groups))
        for train, test in splits:
            if len(test) and len(np.unique(y[train])) == n_classes:
                return train, test
    raise CommandError(
        "no groups can be held out such that the other groups have all classes: give a file of "
        "test rows as --test, or omit --group"
    )


def fit_baselines(
    X: pd.DataFrame,
    is_category: Sequence[bool],
    y: np.ndarray,
    sample_weight: Any,
    class_weight: str | None = None,
) -> dict[str, Any]:
    """Return the fitted baselines by name. The class weight is that of the logistic regression."""
    kinds = np.asarray(is_category, bool)
    preparation = ColumnTransformer(
        [
            (
                "categories",
                OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5),
                X.columns[kinds],
            ),
            (
                "numbers",
                make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler()),
                X.columns[~kinds],
            ),
        ]
    )
    logistic = make_pipeline(
        preparation, LogisticRegression(max_iter=500, class_weight=class_weight)
    )
    with _no_warnings():
        logistic.fit(X, y, logisticregression__sample_weight=sample_weight)
    # Its labels are the most frequent class; its probabilities, the frequencies of the classes.
    frequent = DummyClassifier(strategy="prior").fit(X, y, sample_weight=sample_weight)
    return dict(zip(BASELINES, (logistic, frequent), strict=True))


def predictions(model: Any, X: pd.DataFrame, y: np.ndarray, sample_weight: Any) -> Predictions:
    """Return what a fitted classifier predicts for rows with known labels."""
    with _no_warnings():  # a baseline warns of unknown categories
        proba = model.predict_proba(X)
    return Predictions(model.classes_, X, y, sample_weight, proba)


def _no_warnings() -> Any:
    return warnings.catch_warnings(action="ignore")


def score(judged: Predictions) -> Scores:
    """Return the scores of predictions."""
    y, w = judged.y, judged.sample_weight
    with _no_warnings():  # of classes without rows among these
        return Scores(
            accuracy_score(y, judged.labels, sample_weight=w),
            balanced_accuracy_score(y, judged.labels, sample_weight=w),
            _log_loss(judged.classes, y, judged.proba, w),
            _auc(judged),
        )


def _log_loss(classes: np.ndarray, y: np.ndarray, proba: np.ndarray, w: Any = None) -> float:
    return float(np.average(_row_losses(classes, y, proba), weights=w))


def _row_losses(classes: np.ndarray, y: np.ndarray, proba: np.ndarray) -> np.ndarray:
    """Return the log-loss of each row, as `sklearn.metrics.log_loss` clips it."""
    proba = proba.astype(np.float64)
    p = proba[np.arange(len(y)), np.searchsorted(classes, y)] / proba.sum(axis=1)
    losses: np.ndarray = -np.log(np.clip(p, np.finfo(np.float64).eps, 1))
    return losses


def cautions(
    judged: Predictions, baselines: Mapping[str, Predictions], test_file: str | None
) -> list[str]:
    """Return why the model may not be needed, and why the scores are uncertain, if they are.

    The log-loss of the best baseline is compared by the difference of each row. The model is better
    only if the mean difference is at least two standard errors.

    Parameters
    ----------
    judged : Predictions
        Of the model.
    baselines : mapping of str to Predictions
        For the same rows.
    test_file : str or None
        The file of these rows. None if they are held out.
    """
    lines = []
    losses = {
        name: _row_losses(baseline.classes, judged.y, baseline.proba)
        for name, baseline in baselines.items()
    }
    name = min(losses, key=lambda name: _mean_and_error(losses[name], judged.sample_weight)[0])
    model = _row_losses(judged.classes, judged.y, judged.proba)
    mean, error = _mean_and_error(losses[name] - model, judged.sample_weight)
    if mean < 2 * error or mean <= 0:
        values = [_mean_and_error(loss, judged.sample_weight)[0] for loss in (losses[name], model)]
        found = (
            f"(log-loss {values[0]:.4f} against {values[1]:.4f}): the network may not be needed."
        )
        if mean <= 0:
            lines.append(f'The baseline "{name}" is as good or better on these rows {found}')
        else:
            lines.append(
                f'The network is less than two standard errors better than the baseline "{name}" '
                f"on these rows {found}"
            )
    if (n := len(judged.y)) < FEW_TEST_ROWS:
        rows = "1 row is" if n == 1 else f"{n} rows are"
        where = "held out" if test_file is None else f"in {test_file}"
        lines.append(
            f"Only {rows} {where}: these scores are uncertain. Use cross-validation, or more rows."
        )
    return lines


def _mean_and_error(values: np.ndarray, sample_weight: np.ndarray | None) -> tuple[float, float]:
    """Return the weighted mean and its standard error, infinite for a single row."""
    w = np.ones(len(values)) if sample_weight is None else sample_weight
    w = w / w.sum()
    mean, n = float(w @ values), int((w > 0).sum())
    if n < 2:
        return mean, np.inf
    return mean, float(np.sqrt(w**2 @ (values - mean) ** 2 * n / (n - 1)))


def _auc(judged: Predictions) -> float:
    """Return the area under the ROC curve; of several classes, the mean of one against others."""
    columns = [1] if len(judged.classes) == 2 else range(len(judged.classes))
    areas = []
    for k in columns:
        positive = judged.y == judged.classes[k]
        if 0 < positive.sum() < len(positive):
            areas.append(
                roc_auc_score(positive, judged.proba[:, k], sample_weight=judged.sample_weight)
            )
    return float(np.mean(areas)) if areas else np.nan


def importances(model: Any, judged: Predictions, seed: int) -> Importances:
    """Return the permutation importance of the columns, in a limited time.

    All columns are shuffled, each five times, on at most 2,000 rows; on fewer if that takes longer
    than about twenty seconds.
    """
    rng = np.random.RandomState(seed)
    rows = rng.permutation(len(judged.y))[:IMPORTANCE_ROWS]
    started = perf_counter()
    model.predict_proba(judged.X.iloc[rows])
    n_predictions = IMPORTANCE_REPEATS * judged.X.shape[1]
    seconds = n_predictions * (perf_counter() - started)
    if seconds > IMPORTANCE_SECONDS:
        n_rows = max(MIN_IMPORTANCE_ROWS, int(len(rows) * IMPORTANCE_SECONDS / seconds))
        rows = rows[:n_rows]
    found = permutation_importance(
        model,
        judged.X.iloc[rows],
        judged.y[rows],
        scoring=lambda clf, X, y: -_log_loss(clf.classes_, y, clf.predict_proba(X)),
        n_repeats=IMPORTANCE_REPEATS,
        random_state=seed,
    )
    order = np.argsort(-found.importances_mean, kind="stable")
    names = [str(name) for name in judged.X.columns[order]]
    mean, std = found.importances_mean[order], found.importances_std[order]
    return Importances(names, mean, std, len(rows))


def check_known_labels(y: np.ndarray, classes: np.ndarray, path: str) -> None:
    """Raise CommandError for labels that the model does not know."""
    if unknown := sorted(set(y.tolist()) - set(classes.tolist()), key=str):
        raise CommandError(
            f"{path} has labels that are not in the training rows: "
            f"{', '.join(map(quoted, unknown[:8]))}"
        )

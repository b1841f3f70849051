"""Labels that are missing or of mixed kinds: one message for all containers."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import accuracy_score

from skmlp import (
    PopulationGridSearchCV,
    PopulationRandomizedSearchCV,
    SoftmaxMLPClassifier,
    SoftmaxMLPEnsembleClassifier,
)
from skmlp.callbacks import Checkpoint
from skmlp.data.checks import check_rows

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

WORDS, CODES = ["a", "b", None, "a", "b", None], [0.0, 1.0, np.nan, 0.0, 1.0, np.nan]


@pytest.mark.parametrize(
    "y",
    [
        WORDS,
        CODES,
        np.array(WORDS, object),
        np.array(CODES)[:, None],
        [0, 1, None, 0, 1, None],
        ["a", "b", np.nan, "a", "b", np.nan],
        pd.Series(WORDS),
        pd.Series(WORDS, dtype=object),
        pd.Series(WORDS, dtype="string"),
        pd.Series(WORDS, dtype="category"),
        pd.Series(CODES, dtype="category"),
        pd.Series(CODES).astype("Int64"),
        pd.Series(CODES).astype("boolean"),
        pd.DataFrame({"label": WORDS}),
        pl.Series(WORDS),
        pl.Series(WORDS, dtype=pl.Categorical),
        pl.Series([0, 1, None, 0, 1, None]),
        pa.chunked_array([WORDS]),
    ],
    ids=lambda y: f"{type(y).__module__}.{getattr(y, 'dtype', type(y).__name__)}",
)
def test_missing_labels(y):
    message = "Input y contains NaN or None: 2 of 6 labels are missing, the first in row 2. Drop"
    with pytest.raises(ValueError, match=message):
        check_rows(np.eye(6), y)
    with pytest.raises(ValueError, match=r"2 of 6 labels are missing in one part\. Drop"):
        check_rows(np.eye(6), y, is_part=True)


def test_the_remedies_for_labels_work():
    X, y = np.eye(6), pd.Series(WORDS, dtype=object)
    assert check_rows(X[y.notna()], y[y.notna()]).y.tolist() == ["a", "b", "a", "b"]
    mixed = pd.Series(["a", 1] * 3)
    with pytest.raises(ValueError, match="mixes strings and numbers"):
        check_rows(X, mixed)
    assert check_rows(X, mixed.astype(str)).y.tolist() == ["a", "1"] * 3


NET = SoftmaxMLPClassifier((4,), epochs=1, dropout=0, early_stopping=False, random_state=0)
ROWS = np.random.RandomState(0).rand(30, 2)
Y = np.array(["a", "b"] * 15, object)
USES = {
    "grid": lambda y: PopulationGridSearchCV(NET, {"l2": [0, 1]}, cv=2).fit(ROWS, y),
    "random": lambda y: PopulationRandomizedSearchCV(NET, {"l2": [0, 1]}, n_iter=2).fit(ROWS, y),
    "fit": lambda y: NET.fit(ROWS, y),
    "y_val": lambda y: NET.fit(ROWS, Y, X_val=ROWS, y_val=y),
    "partial_fit": lambda y: NET.partial_fit(ROWS, y, classes=["a", "b"]),
    "ensemble": lambda y: SoftmaxMLPEnsembleClassifier(NET, n_estimators=2).fit(ROWS, y),
    "score": lambda y: NET.fit(ROWS, Y).score(ROWS, y),
    "score of an ensemble": lambda y: (
        SoftmaxMLPEnsembleClassifier(NET, n_estimators=2).fit(ROWS, Y).score(ROWS, y)
    ),
}


def test_resume(tmp_path):
    path = str(tmp_path / "checkpoint")
    clone(NET).set_callbacks(Checkpoint(path)).fit(ROWS, Y)
    for y, match in (([*Y[1:], None], "NaN or None"), ([*Y[1:], 1], "mixes strings and numbers")):
        with pytest.raises(ValueError, match=match):
            SoftmaxMLPClassifier.resume(path, ROWS, y)


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_labels_of_all_methods(use):
    """scikit-learn's score and searches have TypeErrors, of NumPy's sort, for most of these."""
    for gap in (None, np.nan, pd.NA):
        y = Y.copy()
        y[7] = gap
        for container in (y, y.tolist(), pd.Series(y)):
            with pytest.raises(ValueError, match=r"y contains NaN .* 1 of 30 labels are .* row 7"):
                use(container)
    mixed = np.array(["a", 1] * 15, object)
    for container in (mixed, mixed.tolist(), pd.Series(mixed)):
        with pytest.raises(ValueError, match="y mixes strings and numbers"):
            use(container)
    with pytest.raises(ValueError, match=r"Convert it, such as by y\.astype\('int64'\)"):
        use(np.array([0, 1] * 15, object))


@pytest.mark.parametrize(("classes", "match"), [
    (["a", "b", None], r"Input classes contains NaN or None: 1 of 3 labels are missing\. Drop"),
    ([0, 1, np.nan], "Input classes contains NaN or None"),
    (pd.Series(["a", "b", None]).unique(), "Input classes contains NaN or None"),
    (["a", "b", 1], "classes mixes strings and numbers"),
    (np.array([0, 1], object), "classes holds numbers or bools as Python objects"),
])  # fmt: skip
def test_classes_of_partial_fit(classes, match):
    with pytest.raises(ValueError, match=match):
        NET.partial_fit(ROWS, Y, classes=classes)


def test_score_is_the_accuracy_of_scikit_learn(rng):
    w, y = rng.rand(30), rng.permutation(Y)
    for clf in (NET, SoftmaxMLPEnsembleClassifier(NET, n_estimators=2)):
        clf.fit(ROWS, Y)
        accuracy = accuracy_score(y, clf.predict(ROWS), sample_weight=w)
        assert clf.score(ROWS, y, sample_weight=w) == accuracy
        assert clf.score(ROWS, y.tolist()) == (clf.predict(ROWS) == y).mean()
        assert clf.score(ROWS, np.full(30, "of another class", object)) == 0

"""n_bins: the piecewise linear encoding of numeric columns in the estimator."""

import copy
import pickle
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skmlp import PopulationGridSearchCV, SoftmaxMLPClassifier, load, save
from skmlp.estimators.presets import NO_SELECTION
from tests.plain import PLAIN

N_FEATURES = 4


def data(rng, n=700):
    """Return rows with numeric, count and 0/1 columns, and labels that bend with the first one."""
    X = np.column_stack(
        [rng.uniform(0, 6, n), rng.poisson(0.7, n), rng.lognormal(size=n), rng.randint(0, 2, n)]
    )
    y = (np.sin(2 * X[:, 0]) + 0.3 * X[:, 3] + 0.2 * rng.randn(n) > 0).astype(int)
    return X, y


def quick(**params):
    return SoftmaxMLPClassifier(**{"units": 8, "epochs": 3, "random_state": 0, **params})


def n_bins_of(clf):
    """Return the number of inputs of the first layer that are not columns."""
    return len(clf.coefs_[0]) - clf.n_features_in_


def encoder(X, n_bins, w=None):
    """Return a transformer of the numeric columns of X to features of bins, by NumPy alone."""
    q = np.linspace(0, 1, n_bins + 1) * (1 - 1e-12)
    columns = [j for j in range(X.shape[1]) if len(np.unique(X[:, j])) > 2]
    edges = [
        (j, np.unique(np.quantile(X[:, j], q, method="inverted_cdf", weights=w))) for j in columns
    ]
    return FunctionTransformer(
        lambda X: np.column_stack(
            [
                np.interp(X[:, j], e[i : i + 2], [0, 1])
                for j, e in edges
                if len(e) > 2
                for i in range(len(e) - 1)
            ]
        )
    )


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_a_pipeline_of_columns(rng, solver, weighted):
    X, y = data(rng)
    w = rng.randint(1, 4, len(y)).astype(float) if weighted else None
    params = PLAIN | {"units": 8, "activation": "tanh", "epochs": 4, "solver": solver, "l2": 0.01}
    clf = quick(**params | {"standardize": True, "n_bins": 6}).fit(X, y, sample_weight=w)
    every = list(range(N_FEATURES))
    scaler = StandardScaler().fit(X, sample_weight=w)
    scaler.scale_ = clf._scaling.scale  # of counts, it is not the standard deviation
    columns = ColumnTransformer(
        [
            ("scaled", FunctionTransformer(scaler.transform), every),
            ("bins", encoder(X, 6, w), every),
        ]
    )
    pipeline = make_pipeline(columns, quick(**params))
    pipeline.fit(X, y, softmaxmlpclassifier__sample_weight=w)
    rows = np.vstack([X, 3 * X - 2])  # beyond the outer edges as well
    np.testing.assert_allclose(clf.predict_proba(rows), pipeline.predict_proba(rows), atol=1e-8)
    np.testing.assert_array_equal(clf.coefs_[0][N_FEATURES:].shape, (n_bins_of(clf), 8))


@pytest.mark.slow
def test_learns_what_bends():
    X = np.random.RandomState(0).uniform(0, 1, (6000, 1))
    y = (np.sin(40 * X[:, 0]) > 0).astype(int)
    score = {
        n_bins: SoftmaxMLPClassifier(n_bins=n_bins, random_state=0)
        .fit(X[:1000], y[:1000])
        .score(X[1000:], y[1000:])
        for n_bins in ("auto", None)
    }
    assert score["auto"] > max(score[None] + 0.1, 0.9), score


@pytest.mark.parametrize(
    ("params", "n", "expected"),
    [
        ({}, 700, 10),  # 630 rows to train on, 3 numeric columns: 31 // 3
        ({"early_stopping": False}, 700, 11),
        ({"early_stopping": False}, 2000, 16),
        ({}, 299, 0),
        ({"units": ()}, 700, 0),
        ({"solver": "lbfgs"}, 700, 0),
        ({"n_bins": None}, 700, 0),
        ({"n_bins": 5}, 100, 5),
        ({"n_bins": 5, "units": ()}, 700, 5),
        ({"n_bins": 5, "solver": "lbfgs"}, 700, 5),
    ],
    ids=str,
)
def test_number_of_bins(rng, params, n, expected):
    X, y = rng.randn(n, 4), rng.randint(0, 2, n)
    X[:, 2] = X[:, 2] > 0
    assert n_bins_of(quick(epochs=1, **params).fit(X, y)) == 3 * expected


def test_auto_has_no_bins_for_many_columns(rng):
    digits, labels = load_digits(return_X_y=True)
    assert n_bins_of(quick(epochs=1).fit(digits, labels)) == 0
    # All columns together have no more than 512 bins.
    X, y = rng.randn(20_000, 60), rng.randint(0, 2, 20_000)
    assert n_bins_of(quick(epochs=1).fit(X, y)) == 60 * 8


@pytest.mark.parametrize("value", [1, 0, 2.0, True, "x"])
def test_invalid_values(rng, value):
    message = f"n_bins must be 'auto', an integer >= 2 or None, got {value!r}."
    with pytest.raises(ValueError, match=re.escape(message)):
        quick(n_bins=value).fit(*data(rng))


@settings(max_examples=10, deadline=None)
@given(
    solver=st.sampled_from(["adam", "sgd", "lbfgs"]),
    n_bins=st.sampled_from(["auto", 2, 7]),
    early_stopping=st.booleans(),
    standardize=st.booleans(),
    weighted=st.booleans(),
    seed=st.integers(0, 99),
)
def test_sparse_rows_give_the_same_model(
    solver, n_bins, early_stopping, standardize, weighted, seed
):
    rng = np.random.RandomState(seed)
    X, y = data(rng, 400)
    w = rng.randint(0, 3, 400) if weighted else None
    clf = quick(
        solver=solver, n_bins=n_bins, early_stopping=early_stopping, dropout=0.0,
        standardize=standardize, learning_rate=0.001,
    )  # fmt: skip
    dense = clf.fit(X, y, w).predict_proba(X)
    rows = sparse.csr_array(X)
    np.testing.assert_allclose(clf.predict_proba(rows), dense, atol=1e-12)
    np.testing.assert_allclose(clf.fit(rows, y, w).predict_proba(rows), dense, atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(
    scale=st.lists(st.floats(1e-6, 1e6), min_size=N_FEATURES, max_size=N_FEATURES),
    offset=st.lists(st.floats(-1e3, 1e3), min_size=N_FEATURES, max_size=N_FEATURES),
)
def test_units_and_offsets_have_no_influence(scale, offset):
    X, y = data(np.random.RandomState(0))
    expected = quick(n_bins=6).fit(X, y).predict_proba(X)
    moved = (X + offset) * scale
    np.testing.assert_allclose(
        quick(n_bins=6).fit(moved, y).predict_proba(moved), expected, atol=1e-5
    )


def test_a_row_of_weight_2_is_a_row_twice(rng):
    X, y = data(rng, 60)
    w = rng.randint(0, 4, 60)
    params = {"solver": "lbfgs", "n_bins": 5, "l2": 0.1, "epochs": 500, "tol": 1e-9}
    weighted = quick(**params).fit(X, y, sample_weight=w).predict_proba(X)
    twice = quick(**params).fit(np.repeat(X, w, axis=0), np.repeat(y, w)).predict_proba(X)
    np.testing.assert_allclose(weighted, twice, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.int8, np.float16, np.float32, np.int64])
def test_dtypes_of_rows(rng, dtype):
    X, y = data(rng)
    X = np.rint(X).astype(dtype)
    clf = quick(dtype="float64").fit(X, y)
    assert n_bins_of(clf) > 0
    expected = quick(dtype="float64").fit(X.astype(float), y).predict_proba(X.astype(float))
    np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-12)


def test_memory_maps(rng, tmp_path):
    X, y = data(rng)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    clf = quick().fit(mapped, y)
    np.testing.assert_array_equal(clf.predict_proba(mapped), quick().fit(X, y).predict_proba(X))


@pytest.mark.parametrize("keep", [pickle.dumps, "file"])
def test_files_and_pickles(rng, tmp_path, keep):
    X, y = data(rng)
    clf = quick(n_bins=7).fit(X, y)
    if keep == "file":
        save(clf, tmp_path / "clf.npz")
        again = load(tmp_path / "clf.npz")
    else:
        again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
    # Continuing keeps the bins, in partial_fit as well.
    for one in (clf, again):
        one.partial_fit(X[:100], y[:100])
    np.testing.assert_allclose(again.predict_proba(X), clf.predict_proba(X), atol=1e-12)
    assert n_bins_of(again) == n_bins_of(clf) > 0


def test_older_pickles_have_no_bins(rng):
    X, y = data(rng)
    clf = quick(n_bins=None).fit(X, y)
    expected = clf.predict_proba(X)
    del clf._encoding
    np.testing.assert_array_equal(clf.predict_proba(X), expected)


def test_damaged_files(rng, tmp_path):
    X, y = data(rng)
    clf = quick(n_bins=4).fit(X, y)
    columns, left, right = (clf._encoding[f"bin_{name}"] for name in ("columns", "left", "right"))
    save(clf, tmp_path / "clf.npz")
    load(tmp_path / "clf.npz")
    for bins, message in (
        ((columns[:-1], left, right), "do not fit each other"),
        ((columns[::-1], left, right), "do not fit its features"),
        ((columns + 4, left, right), "do not fit its features"),
        ((columns, right, left), "no finite width"),
        ((columns, left * np.nan, right), "no finite width"),
        ((columns, left.astype(np.float32), right), "bin_left is damaged"),
        ((columns[1:], left[1:], right[1:]), "parameters do not fit"),
    ):
        damaged = copy.copy(clf)
        names = "bin_columns", "bin_left", "bin_right"
        damaged._encoding = clf._encoding | dict(zip(names, bins, strict=True))
        save(damaged, tmp_path / "damaged.npz")
        with pytest.raises(ValueError, match=message):
            load(tmp_path / "damaged.npz")


def test_warm_starts_keep_the_bins(rng):
    X, y = data(rng)
    whole = quick(n_bins=6, epochs=10, schedule="constant", **NO_SELECTION).fit(X, y)
    parts = quick(n_bins=6, epochs=5, schedule="constant", warm_start=True, **NO_SELECTION)
    np.testing.assert_array_equal(parts.fit(X, y).fit(X, y).theta_, whole.theta_)
    edges = parts._encoding["bin_left"]
    parts.fit(X + 1, y)  # the columns are scaled anew, their bins stay
    np.testing.assert_array_equal(parts._encoding["bin_left"], edges)


def test_streams_have_no_bins_unless_asked_for(rng):
    X, y = data(rng)
    assert n_bins_of(quick().partial_fit(X, y, classes=[0, 1])) == 0
    clf = quick(n_bins=5).partial_fit(X[:350], y[:350], classes=[0, 1])
    edges = clf._encoding["bin_left"]
    clf.partial_fit(X[350:] * [1, 1, 5, 1], y[350:])
    np.testing.assert_array_equal(clf._encoding["bin_left"], edges)
    assert np.isfinite(clf.predict_proba(X)).all()


def test_columns_that_begin_to_vary_in_a_stream(rng):
    X, y = data(rng)
    first = X[:350].copy()
    first[:, 3] = 1.0
    clf = quick(n_bins=5, dtype="float64").partial_fit(first, y[:350], classes=[0, 1])
    assert not clf.coefs_[0][3].any()
    clf.partial_fit(X[350:], y[350:])
    assert clf.coefs_[0][3].all()


def test_label_free_attributes(rng):
    """The number of layers and features is that without bins."""
    X, y = data(rng)
    clf = quick().fit(X, y)
    assert clf.n_features_in_ == N_FEATURES
    assert clf.n_layers_ == 3
    assert clf.hidden_activations(X).shape == (len(X), 8)


def test_grids(rng):
    X, y = data(rng, 500)
    grid = {"n_bins": [None, "auto", 5], "learning_rate": [0.01, 0.001], "l2": [0.0, 0.01]}
    searches = [kind(quick(), grid, cv=3) for kind in (PopulationGridSearchCV, GridSearchCV)]
    ours, expected = (search.fit(X, y).cv_results_ for search in searches)
    np.testing.assert_allclose(ours["mean_test_score"], expected["mean_test_score"], atol=1e-12)
    rows = X[:50]
    proba = [search.predict_proba(rows) for search in searches]
    np.testing.assert_allclose(*proba, atol=1e-12)


def test_no_conversion_to_mlpclassifier(rng):
    X, y = data(rng)
    clf = quick(activation="relu").fit(X, y)
    with pytest.raises(ValueError, match=r"n_bins='auto'.*Train with n_bins=None.*skmlp\.onnx"):
        clf.to_sklearn()
    mlp = clf.set_params(n_bins=None).fit(X, y).to_sklearn()
    np.testing.assert_allclose(mlp.predict_proba(X), clf.predict_proba(X), atol=1e-12)

"""standardize=True: what changes of the columns, and of how X is stored, do not matter."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.preprocessing import OneHotEncoder, normalize

from skmlp import PopulationGridSearchCV, SoftmaxMLPClassifier, load, save

N = 90
SEEDS = st.integers(0, 2**32 - 1)
SOLVERS = st.sampled_from(["adam", "sgd", "lbfgs"])
CONTAINERS = {
    "dense": np.asarray,
    "csr": sparse.csr_array,
    "csc": sparse.csc_matrix,
}


def mixed(rng, n=N):
    """Return columns with and without a frequent value, and labels that depend on them."""
    spread = rng.randn(n, 2)
    X = np.column_stack(
        [
            spread,
            rng.rand(n) < 0.05,
            np.arange(n) % 2,
            rng.poisson(0.3, n),
            np.where(rng.rand(n) < 0.7, 0.0, 3 + spread[:, 0]),
            np.where(rng.rand(n) < 0.7, 2.5, spread[:, 1]),
        ]
    )
    X[0, 2], X[1, 2] = 0, 1
    return X, np.digitize(spread[:, 0] + X[:, 3] + rng.randn(n) / 2, [-0.2, 1.2])


def net(**params):
    return SoftmaxMLPClassifier(
        # Masks of X would depend on the number of columns, and of sparse X on its stored entries.
        **{"units": 6, "epochs": 4, "batch_size": 20, "dropout": 0.0, "random_state": 0, "l2": 3e-4}
        | params
    )


def assert_same_fit(clf, expected, rtol=1e-6):
    assert clf.history_.keys() == expected.history_.keys()
    for name, values in expected.history_.items():
        if name != "seconds":
            np.testing.assert_allclose(clf.history_[name], values, rtol=rtol, err_msg=name)


# Affine maps of columns; a negative factor changes the sign of what initial weights are drawn for


def affine_map(rng, X, far):
    """Return factors, their signs, and shifts of up to ``far`` standard deviations."""
    sign = rng.choice([-1.0, 1.0], 7)
    a = sign * 10 ** rng.uniform(-3, 3, 7)
    return a, sign, a * X.std(axis=0) * rng.uniform(-far, far, 7)


@settings(max_examples=40)
@given(seed=SEEDS, solver=SOLVERS, container=st.sampled_from([*CONTAINERS]))
def test_affine_maps_of_columns_change_nothing(seed, solver, container):
    rng = np.random.RandomState(seed)
    X, y = mixed(rng)
    a, sign, b = affine_map(rng, X, 1e4)
    clf, expected = net(solver=solver), net(solver=solver).fit(X * sign, y)
    clf.fit(CONTAINERS[container](X * a + b), y)
    probabilities = clf.predict_proba(X * a + b)
    np.testing.assert_allclose(probabilities, expected.predict_proba(X * sign), atol=1e-6)
    assert_same_fit(clf, expected)


@settings(max_examples=10)
@given(seed=SEEDS)
def test_affine_maps_do_not_change_the_optimum(seed):
    rng = np.random.RandomState(seed)
    X, y = mixed(rng)
    a, _, b = affine_map(rng, X, 1e4)
    clf = net(units=(), solver="lbfgs", l2=0.01, tol=1e-8, epochs=1000)
    expected = clf.fit(X, y).predict_proba(X)
    np.testing.assert_allclose(clf.fit(X * a + b, y).predict_proba(X * a + b), expected, atol=1e-6)


@settings(max_examples=15)
@given(seed=SEEDS, solver=SOLVERS)
def test_affine_maps_in_float32(seed, solver):
    """A column of mean 1e3 standard deviations has four digits left: those are trained on."""
    rng = np.random.RandomState(seed)
    X, y = mixed(rng)
    a, _, b = affine_map(rng, X, 1e3)
    mapped = (X * a + b).astype("f4")
    X = (mapped.astype("f8") - b) / np.abs(a)
    params = {"solver": solver, "activation": "tanh"}
    clf, expected = net(**params).fit(mapped, y), net(**params).fit(X, y)
    assert clf.theta_.dtype == np.float32
    probabilities = clf.predict_proba(mapped)
    np.testing.assert_allclose(probabilities, expected.predict_proba(X), atol=1e-2)


@settings(max_examples=20)
@given(seed=SEEDS, solver=SOLVERS, dtype=st.sampled_from([np.uint8, np.int64]))
def test_affine_maps_of_integers(seed, solver, dtype):
    rng = np.random.RandomState(seed)
    X, y = mixed(rng)
    X = X.round().clip(0, 5)
    a, b = rng.randint(1, 20, 7), rng.randint(0, 150, 7)
    if dtype == np.int64:
        a, b = a * 1000, b * 1000 - 50_000
    mapped = (X * a + b).astype(dtype)
    clf, expected = net(solver=solver), net(solver=solver).fit(X.astype(dtype), y)
    probabilities = clf.fit(mapped, y).predict_proba(mapped)
    np.testing.assert_allclose(probabilities, expected.predict_proba(X), atol=1e-3)


# Sparse X


PARAMS = st.sampled_from(
    [
        {},
        {"units": ()},
        {"l1": 0.01},
        {"early_stopping": True, "n_iter_no_change": 2, "epochs": 8},
        {"units": (5, 4), "activation": "tanh", "class_weight": "balanced"},
    ]
)


def with_far_columns(rng, X):
    """Append columns of 1e6 and -1e5 scales from 0."""
    return np.column_stack([X, 5e6 + 5 * rng.randn(len(X)), rng.randn(len(X)) - 1e5])


@settings(max_examples=40)
@given(SEEDS, SOLVERS, PARAMS, st.booleans(), st.sampled_from(["csr", "csc"]))
def test_sparse_equals_dense(seed, solver, params, weighted, container):
    rng, to_sparse = np.random.RandomState(seed), CONTAINERS[container]
    X, y = mixed(rng)
    X = with_far_columns(rng, X)
    w = rng.uniform(0.2, 2, N) if weighted else None
    if weighted:
        w[7], X[7, -2:] = 0.02, 0  # so rare that both columns remain far from 0
    X_val = X[::3].copy()
    X_val[::4, -2] = 0  # without the entry of a far column
    clf, dense = net(solver=solver, **params), net(solver=solver, **params)
    val = {} if "early_stopping" in params else {"y_val": y[::3]}
    dense.fit(X, y, sample_weight=w, **val | ({"X_val": X_val} if val else {}))
    clf.fit(to_sparse(X), y, sample_weight=w, **val | ({"X_val": to_sparse(X_val)} if val else {}))
    assert_same_fit(clf, dense)
    expected = dense.predict_proba(X)
    np.testing.assert_allclose(clf.predict_proba(to_sparse(X)), expected, atol=1e-6)
    np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-6)


@settings(max_examples=15)
@given(seed=SEEDS, solver=st.sampled_from(["adam", "sgd"]), weighted=st.booleans())
def test_sparse_equals_dense_in_partial_fit(seed, solver, weighted):
    rng = np.random.RandomState(seed)
    X, y = mixed(rng)
    X = with_far_columns(rng, X)
    X[rng.rand(N) < 0.1, -2] = X[50:52, -1] = 0
    w = rng.uniform(0.2, 2, N) if weighted else None
    clf, dense = net(solver=solver), net(solver=solver)
    for rows in (slice(0, 40), slice(40, 70), slice(70, 90)):
        weights = None if w is None else w[rows]
        for each, A in ((dense, X), (clf, sparse.csr_array(X))):
            each.partial_fit(A[rows], y[rows], classes=[0, 1, 2], sample_weight=weights)
    assert_same_fit(clf, dense)
    np.testing.assert_allclose(clf.predict_proba(X), dense.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_sparse_equals_dense_in_float32(rng, solver):
    X, y = mixed(rng)
    X = np.column_stack([X, 1000 + rng.randn(N)]).astype("f4")
    dense, clf = net(solver=solver).fit(X, y), net(solver=solver).fit(sparse.csr_array(X), y)
    assert clf.theta_.dtype == np.float32
    probabilities = clf.predict_proba(sparse.csr_array(X))
    np.testing.assert_allclose(probabilities, dense.predict_proba(X), atol=1e-3)


# Columns that are constant in training


CONSTANTS = st.sampled_from([0.0, 0.1, -7.3, 1e12, 3e-30])


@settings(max_examples=40)
@given(SEEDS, SOLVERS, PARAMS, CONSTANTS, st.integers(0, 7), st.booleans(), st.booleans())
def test_constant_columns_change_nothing(seed, solver, params, c, at, weighted, is_sparse):
    rng = np.random.RandomState(seed)
    container = sparse.csr_array if is_sparse else np.asarray
    X, y = mixed(rng)
    w = rng.uniform(0.2, 2, N) if weighted else None
    more = np.insert(X, at, c, axis=1)
    params = {"solver": solver, "l2": 0.01, **params}
    expected = net(**params).fit(container(X), y, sample_weight=w)
    clf = net(**params).fit(container(more), y, sample_weight=w)
    assert_same_fit(clf, expected, rtol=1e-9)
    first, *others = clf.coefs_
    assert not first[at].any()
    theta = np.delete(first, at, axis=0), *others, *clf.intercepts_
    for ours, theirs in zip(theta, (*expected.coefs_, *expected.intercepts_), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)
    for value in (c, 0.0, -c - 1, 1e9, 1e300):
        more[:, at] = value
        probabilities = clf.predict_proba(container(more))
        np.testing.assert_allclose(probabilities, expected.predict_proba(X), atol=1e-9)


def test_huge_constant_columns_train(rng):
    X, y = mixed(rng)
    for dtype, huge in (("f4", 3e38), ("f8", 1e150), (np.int64, 2**62), (np.uint64, 2**64 - 1)):
        part = np.abs(X[:, :2] * 100).astype(dtype)
        more = np.column_stack([part, np.full(N, huge, dtype)])
        expected = net().fit(part, y).predict_proba(part)
        np.testing.assert_allclose(net().fit(more, y).predict_proba(more), expected, atol=1e-6)


def test_column_that_is_constant_in_one_fold(rng):
    X, y = mixed(rng)
    cv, grid = KFold(3), {"l2": [0.0, 0.1], "l1": [0.0, 0.01], "learning_rate": [0.01, 0.1]}
    X[:, 4] = np.where(np.arange(N) < 30, X[:, 4], 4.0)  # varies in the first test fold only
    searches = [PopulationGridSearchCV, GridSearchCV]
    ours, theirs = (S(net(), grid, cv=cv, scoring="neg_log_loss").fit(X, y) for S in searches)
    without = PopulationGridSearchCV(net(), grid, cv=cv, scoring="neg_log_loss")
    without.fit(np.delete(X, 4, axis=1), y)
    for k in range(3):
        name = f"split{k}_test_score"
        found = ours.cv_results_[name]
        np.testing.assert_allclose(found, theirs.cv_results_[name], atol=1e-6)
        assert np.allclose(found, without.cv_results_[name], atol=1e-6) == (k == 0)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_weights_of_a_constant_column_are_drawn_when_it_varies(rng, solver):
    X, y = mixed(rng)
    constant = X.copy()
    constant[:, 3] = 4.0
    clf = net(units=200, solver=solver, warm_start=True)
    for _ in range(2):
        assert not clf.fit(constant, y).coefs_[0][3].any()
        assert not clf._train_state.theta[3 * 200 : 4 * 200].any()
    clf.set_params(epochs=1, learning_rate=1e-200, tol=1e9).fit(X, y)  # no step
    drawn = clf._train_state.theta[3 * 200 : 4 * 200]
    assert drawn.std() == pytest.approx(np.sqrt(1 / 7), rel=0.2)  # lecun_normal
    np.testing.assert_allclose(clf.coefs_[0][3], drawn)  # of scale 1


# Weights of rows


@settings(max_examples=20)
@given(seed=SEEDS, solver=SOLVERS, is_sparse=st.booleans(), l1=st.sampled_from([0.0, 0.01]))
def test_weights_equal_repeated_rows(seed, solver, is_sparse, l1):
    rng = np.random.RandomState(seed)
    container = sparse.csr_array if is_sparse else np.asarray
    X, y = mixed(rng)
    X = np.column_stack([X, np.full(N, 0.3)])
    counts = rng.randint(0, 3, N)
    counts[np.unique(y, return_index=True)[1]] = 1
    X[counts == 0, -1] = 5.0  # varies in rows without weight only
    twice = np.repeat(np.arange(N), counts)
    params = {"solver": solver, "l1": l1, "epochs": 6}
    if solver == "lbfgs":
        params["units"] = ()
    clf = net(batch_size=int((counts > 0).sum()), **params)
    clf.fit(container(X), y, sample_weight=counts)
    expected = net(batch_size=len(twice), **params).fit(container(X[twice]), y[twice])
    np.testing.assert_allclose(clf.predict_proba(X), expected.predict_proba(X), atol=1e-6)
    assert not clf.coefs_[0][-1].any()


# Large integers


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint64])
def test_large_integers_are_separated(rng, dtype, container):
    X = np.column_stack([10**9 + rng.randint(-50, 50, 200), rng.randint(0, 9, 200)]).astype(dtype)
    y = X[:, 0] > 10**9
    X[y, 0] += 5
    clf = net(epochs=60, learning_rate=0.05).fit(CONTAINERS[container](X), y)
    assert clf.theta_.dtype == np.float64
    assert clf.score(CONTAINERS[container](X), y) == 1


def test_integers_with_a_large_spread_are_computed_in_float32(rng):
    X = rng.randint(0, 10**9, (200, 2))
    clf = net(epochs=60, learning_rate=0.05).fit(X, X[:, 0] > 5 * 10**8)
    assert clf.theta_.dtype == np.float32
    assert clf.score(X, X[:, 0] > 5 * 10**8) > 0.95


def test_large_integers_in_a_search(rng):
    X = np.column_stack([10**9 + rng.randint(-50, 50, 200), rng.randint(0, 9, 200)])
    y = X[:, 0] > 10**9
    X[y, 0] += 5
    grid = {"learning_rate": [0.02, 0.05]}
    search = PopulationGridSearchCV(net(epochs=60), grid, cv=3).fit(X, y)
    assert search.best_estimator_.theta_.dtype == np.float64
    assert search.best_score_ > 0.98


# What users have


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_year_beside_one_hot_levels(rng, solver):
    year, shop = rng.uniform(1990, 2020, (1000, 1)), rng.randint(0, 40, (1000, 1))
    y = (year[:, 0] - 2005) / 8 + rng.randn(40)[shop[:, 0]] > 0
    X = sparse.hstack([OneHotEncoder().fit_transform(shop), year], format="csr")
    scores = [
        SoftmaxMLPClassifier(solver=solver, units=20, epochs=30, random_state=0)
        .fit(rows[:600], y[:600])
        .score(rows[600:], y[600:])
        for rows in (X, X.toarray())
    ]
    assert scores[0] == pytest.approx(scores[1], abs=0.005)
    assert scores[0] > 0.9


@pytest.mark.slow
def test_rare_words_are_not_blown_up(rng):
    """Most words occur in few of 800 documents."""
    topics = rng.dirichlet(np.full(1500, 0.05) / np.arange(1, 1501) ** 0.3, 8)
    y = rng.randint(0, 8, 800)
    mixture = 0.4 * topics[y] + 0.6 * topics.mean(axis=0)
    X = sparse.csr_array(np.array([rng.multinomial(40, p / p.sum()) for p in mixture]) * 1.0)
    X = X / sparse.linalg.norm(X, axis=1)[:, None]
    X = sparse.csr_array(X)
    losses = {}
    for standardize in (True, False):
        clf = SoftmaxMLPClassifier(standardize=standardize, random_state=0).fit(X[:400], y[:400])
        losses[standardize] = log_loss(y[400:], clf.predict_proba(X[400:]))
    assert losses[True] < losses[False] + 0.03 < 0.1 * np.log(8)


def normalized_texts(rng, n=120):
    """Return rows of words that were divided by their norms, and labels."""
    X = rng.poisson(0.4, (n, 12)) * rng.uniform(0.5, 3, 12)
    X[:, 0] += X.sum(axis=1) == 0
    return normalize(X), np.digitize(X[:, 0] - X[:, 1], [-0.1, 1.2])


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
def test_normalized_rows_are_not_standardized(rng, solver, container):
    X, y = normalized_texts(rng)
    params = {"solver": solver, "n_bins": None}
    expected = net(standardize=False, **params).fit(X, y)
    for unit in (1.0, 1000.0):
        clf = net(**params).fit(container(X * unit), y)
        assert_same_fit(clf, expected)
        proba = clf.predict_proba(container(X * unit))
        np.testing.assert_allclose(proba, expected.predict_proba(X), atol=1e-6)


def test_normalized_rows_with_a_constant_column(rng):
    X, y = normalized_texts(rng)
    for constant in (0.0, 0.3, -20.0):
        more = np.insert(X, 4, constant, axis=1)
        clf = net(n_bins=None).fit(more, y)
        assert_same_fit(clf, net(n_bins=None).fit(X, y), rtol=1e-9)


def test_normalized_rows_in_parts(rng, tmp_path):
    """The norm of earlier calls is known to later ones, also after a model was saved."""
    X, y = normalized_texts(rng)
    clf = net(n_bins=None).partial_fit(X[:60], y[:60], classes=[0, 1, 2])
    save(clf, tmp_path / "model.npz")
    for model in (clf, load(tmp_path / "model.npz"), pickle.loads(pickle.dumps(clf))):
        model.partial_fit(X[60:], y[60:])
        assert (model._scaling.scale == clf._scaling.scale).all()
        assert model._scaling.scale == pytest.approx(1.0)
    expected = net(standardize=False, n_bins=None)
    for rows in (slice(60), slice(60, None)):
        expected.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    np.testing.assert_allclose(clf.predict_proba(X), expected.predict_proba(X), atol=1e-9)


def test_value_of_a_constant_column_later_does_not_matter(rng):
    X, X_test = rng.randn(300, 4), rng.randn(1000, 4)
    y, y_test = X[:, 0] + X[:, 1] > 0, X_test[:, 0] + X_test[:, 1] > 0
    X[:, 3], scores = 9.99, set()
    clf = SoftmaxMLPClassifier(random_state=0).fit(X, y)
    for value in (9.99, 12.99, 19.99, -1e6):
        X_test[:, 3] = value
        scores.add(clf.score(X_test, y_test))
    assert len(scores) == 1
    assert scores.pop() > 0.95

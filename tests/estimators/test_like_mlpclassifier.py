"""The properties that scikit-learn tests for MLPClassifier, and those of additional parameters."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_class_weight

from skmlp import SoftmaxMLPClassifier
from skmlp.core.activations import ACTIVATIONS
from tests.plain import PLAIN

SPARSE = [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix, sparse.csc_array]


def quick(**params):
    return SoftmaxMLPClassifier(**{**PLAIN, "units": 8, "epochs": 5, "random_state": 0, **params})


def regression(**params):
    """Return a softmax regression trained to its optimum."""
    return quick(units=(), solver="lbfgs", epochs=1000, tol=1e-10, **params)


# Steps and solvers


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations")
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize(
    "solver",
    [
        {"solver": "adam", "epsilon": 1e-100},  # MLPClassifier adds it in another place
        {"solver": "sgd", "momentum": 0.0},
        {"solver": "sgd", "nesterovs_momentum": False},
        {"solver": "sgd", "nesterovs_momentum": True},
    ],
    ids=str,
)
def test_steps_equal_those_of_mlpclassifier(rng, activation, solver):
    X, y = rng.randn(120, 5), rng.randint(0, 3, 120)
    both = {**solver, "activation": activation, "batch_size": 40, "shuffle": False}
    both |= {"warm_start": True, "tol": 0.0, "n_iter_no_change": np.inf}
    # Steps of 1e-250 do not change the initial parameters.
    mlp = MLPClassifier((7, 6), alpha=0.4, max_iter=1, learning_rate_init=1e-250, **both)
    clf = quick(units=(7, 6), l2=0.01, epochs=1, learning_rate=1e-250).set_params(**both)
    mlp.fit(X, y)
    clf.set_params(warm_start=False).fit(X, y)  # discard the optimizer's state, as MLPClassifier
    clf.theta_[:] = np.concatenate([p.ravel() for p in (*mlp.coefs_, *mlp.intercepts_)])
    clf.set_params(epochs=4, learning_rate=0.02, warm_start=True).fit(X, y)
    mlp.set_params(max_iter=4, learning_rate_init=0.02).fit(X, y)
    expected = np.concatenate([p.ravel() for p in (*mlp.coefs_, *mlp.intercepts_)])
    np.testing.assert_allclose(clf.theta_, expected, atol=1e-9)
    np.testing.assert_allclose(clf.loss_curve_[1:], mlp.loss_curve_[1:], rtol=1e-9)
    np.testing.assert_allclose(clf.predict_proba(X), mlp.predict_proba(X), atol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_lbfgs_learns_digits_with_every_activation(digits, activation, n_classes):
    X_train, X_test, y_train, y_test = digits
    train, test = y_train < n_classes, y_test < n_classes
    clf = quick(units=50, solver="lbfgs", activation=activation, l2=1e-3, epochs=60)
    clf.fit(X_train[train], y_train[train])
    assert clf.score(X_test[test], y_test[test]) > 0.95


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_larger_l2_gives_smaller_weights(iris, solver):
    clf = quick(solver=solver, learning_rate=0.05, epochs=100)
    free, held = (clf.set_params(l2=l2).fit(*iris).coefs_ for l2 in (0.0, 0.1))
    for W_free, W_held in zip(free, held, strict=True):
        assert np.abs(W_held).sum() < np.abs(W_free).sum()


@pytest.mark.parametrize("shuffle", [True, False])
def test_shuffle(iris, shuffle):
    clf = quick(shuffle=shuffle, batch_size=1, epochs=1)
    theta = clf.fit(*iris).theta_
    np.testing.assert_array_equal(clf.fit(*iris).theta_, theta)
    assert not np.allclose(clf.set_params(shuffle=not shuffle).fit(*iris).theta_, theta)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_unit_sample_weights_have_no_effect(iris, solver, early_stopping):
    X, y = iris
    params = {"solver": solver, "early_stopping": early_stopping, "batch_size": 20}
    weighted = quick(**params).fit(X, y, sample_weight=np.ones(150))
    np.testing.assert_allclose(weighted.theta_, quick(**params).fit(X, y).theta_, rtol=1e-9)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_single_and_double_precision_agree(digits, solver):
    X_train, X_test, y_train, _ = digits
    double, single = (
        quick(units=(5, 3), solver=solver, l2=1e-3).fit(X_train.astype(dtype), y_train)
        for dtype in (np.float64, np.float32)
    )
    proba, expected = single.predict_proba(X_test.astype("f4")), double.predict_proba(X_test)
    np.testing.assert_allclose(proba, expected, rtol=1e-2)
    sure = np.diff(np.sort(expected, axis=1))[:, -1] > 1e-3
    np.testing.assert_array_equal(single.predict(X_test)[sure], double.predict(X_test)[sure])


# Sparse rows


@pytest.mark.parametrize("container", SPARSE)
@pytest.mark.parametrize(
    "params",
    [{}, {"solver": "sgd"}, {"solver": "lbfgs"}, {"early_stopping": True}, {"dropout": 0.3}],
    ids=str,
)
def test_sparse_equals_dense(digits, container, params):
    X, X_test, y, y_test = digits
    given = {"sample_weight": 1.0 + y}
    dense = quick(**params).fit(X, y, **given, X_val=X_test, y_val=y_test)
    clf = quick(**params).fit(container(X), y, **given, X_val=container(X_test), y_val=y_test)
    expected = dense.predict_proba(X_test)
    for rows in (X_test, container(X_test)):
        np.testing.assert_allclose(clf.predict_proba(rows), expected, rtol=1e-6)
        np.testing.assert_array_equal(clf.predict(rows), dense.predict(X_test))
    np.testing.assert_allclose(clf.validation_loss_curve_, dense.validation_loss_curve_, rtol=1e-6)


@pytest.mark.parametrize("container", SPARSE)
def test_sparse_columns_are_centred(digits, container):
    X, X_test, y, _ = digits
    w = 1.0 + y % 3
    clf = quick(standardize=True).fit(container(X), y, sample_weight=w)
    dense = quick(standardize=True).fit(X, y, sample_weight=w)
    expected = dense.predict_proba(X_test)
    np.testing.assert_allclose(clf.predict_proba(container(X_test)), expected, rtol=1e-9)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("container", SPARSE)
def test_partial_fit_alternates_dense_and_sparse(digits, container, standardize):
    X, _, y, _ = digits
    for one, other in ((X, container(X)), (container(X), X)):
        clf = quick(standardize=standardize, learning_rate=0.01)
        for _ in range(5):
            clf.partial_fit(one, y, classes=range(10))
        proba = clf.predict_proba(X)
        clf.set_params(learning_rate=1e-12).partial_fit(other, y)  # no change
        assert clf.loss_ == pytest.approx(log_loss(y, proba), rel=1e-6)
        np.testing.assert_allclose(clf.predict_proba(X), proba, atol=1e-9)


# Schedules, tolerance and early stopping


@pytest.mark.parametrize("n_iter_no_change", [1, 2, 5, 10, 50, np.inf])
@pytest.mark.parametrize(
    ("params", "watched", "best"),
    [
        ({}, "validation_loss", np.argmin),
        ({"scoring": "accuracy"}, "validation_score", np.argmax),
        ({"validation_fraction": None}, "loss", np.argmin),
        ({"validation_fraction": None, "scoring": "accuracy"}, "score", np.argmax),
    ],
)
def test_n_iter_no_change(iris, params, watched, best, n_iter_no_change):
    clf = quick(early_stopping=True, n_iter_no_change=n_iter_no_change, epochs=70, **params)
    clf.set_params(tol=1e9).fit(*iris)  # only the first epoch is an improvement
    assert clf.n_iter_ == min(1 + n_iter_no_change, 70)
    assert clf.stop_reason_ == ("epochs" if clf.n_iter_ == 70 else "early_stopping")
    assert clf.best_epoch_ == best(clf.history_[watched])


def test_tol_has_no_effect_without_early_stopping(iris):
    clf = quick(early_stopping=True, tol=0.5, epochs=3000, solver="sgd").fit(*iris)
    assert clf.n_iter_ < 3000
    assert clf.stop_reason_ == "early_stopping"
    assert clf.best_validation_score_ == clf.validation_scores_[clf.best_epoch_]
    assert len(clf.validation_scores_) == clf.n_iter_
    clf = quick(tol=0.5, epochs=30, solver="sgd").fit(*iris)
    assert (clf.n_iter_, clf.stop_reason_) == (30, "epochs")
    assert clf.best_epoch_ is clf.best_validation_score_ is clf.validation_scores_ is None


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("scoring", ["loss", "accuracy", "neg_log_loss", lambda *a: -len(a)])
@pytest.mark.parametrize("standardize", [False, True])
def test_early_stopping_restores_the_best_epoch(digits, solver, scoring, standardize):
    X, X_val, y, y_val = digits
    few = {"X_val": X_val[::9], "y_val": y_val[::9]}
    both = {"solver": solver, "standardize": standardize, "learning_rate": 0.1, "units": 30}
    clf = quick(early_stopping=True, scoring=scoring, n_iter_no_change=4, epochs=60, **both)
    clf.fit(X[:300], y[:300], **few)
    assert clf.best_epoch_ + 1 < clf.n_iter_
    stopped_there = quick(epochs=clf.best_epoch_ + 1, **both).fit(X[:300], y[:300], **few)
    np.testing.assert_array_equal(clf.theta_, stopped_there.theta_)
    assert clf.validation_loss_curve_[clf.best_epoch_] == stopped_there.validation_loss_curve_[-1]


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_schedule_rates(iris, solver):
    def rates(schedule, **params):
        clf = quick(solver=solver, schedule=schedule, learning_rate=0.001, batch_size=50, **params)
        return np.array(clf.fit(*iris).history_["learning_rate"])

    np.testing.assert_array_equal(rates("constant"), 0.001)
    np.testing.assert_allclose(rates("invscaling"), 0.001 / np.sqrt([3, 6, 9, 12, 15]))
    np.testing.assert_allclose(rates(lambda fraction: fraction), 0.001 * np.arange(2, 15, 3) / 15)
    stalled = {"tol": 1e9, "n_iter_no_change": 3}  # no improvement after the first epoch
    expected = 0.001 / 5.0 ** np.array([0, *np.repeat(np.arange(6), 3)])
    np.testing.assert_allclose(rates("adaptive", epochs=19, **stalled), expected)
    least = rates("adaptive", epochs=100, **stalled)
    assert len(least) == 100
    assert least[-1] == expected[-1] == pytest.approx(3.2e-7)
    stopped = rates("adaptive", epochs=100, early_stopping=True, **stalled)
    np.testing.assert_allclose(stopped, expected)  # stops at the first rate below 1e-6


def test_validation_split_is_stratified_and_disjoint():
    y = np.repeat([0, 1, 2], [60, 30, 10])
    sets = []

    def scorer(clf, X, y):
        sets.append((X[:, 0], np.bincount(y).tolist()))
        return 0.0

    quick(early_stopping=True, scoring=scorer, epochs=1).fit(np.arange(100.0)[:, None] / 100, y)
    (train, n_train), (validation, n_validation) = sets
    assert (n_train, n_validation) == ([54, 27, 9], [6, 3, 1])
    assert len(np.union1d(train, validation)) == 100


@pytest.mark.parametrize(
    ("y", "params", "message"),
    [
        ([0, 0, 0, 1], {}, "least populated class.* Give X_val and y_val, or set validation_f"),
        ([0, 1], {}, "The validation set is too small. Increase 'validation_fraction'.* 2 rows"),
        ([0, 1, 2] * 9, {"validation_fraction": 26}, "validation set is too small.*fraction=26"),
        ([0, 1, 2] * 9, {"validation_fraction": 0.99}, "too small.* validation_fraction=0.99"),
    ],
)
def test_too_few_rows_for_a_validation_split(y, params, message):
    X = np.arange(2.0 * len(y)).reshape(-1, 2)
    clf = quick(early_stopping=True, **params)
    with pytest.raises(ValueError, match=message):
        clf.fit(X, y)
    clf.set_params(validation_fraction=None).fit(X, y)


@pytest.mark.parametrize("scoring", ["loss", "accuracy", "f1_macro", "neg_log_loss", "roc_auc_ovr"])
@pytest.mark.parametrize("dtype", [object, "U"])
def test_early_stopping_with_string_labels(iris, scoring, dtype):
    X, y = iris
    clf = quick(early_stopping=True, scoring=scoring, validation_fraction=30)
    expected, scores = clf.fit(X, y).theta_, clf.validation_scores_
    clf.fit(X, np.array(["setosa", "versicolor", "virginica"], dtype)[y])
    np.testing.assert_array_equal(clf.theta_, expected)
    assert clf.validation_scores_ == scores


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("scoring", ["loss", "accuracy", lambda clf, X, y: clf.score(X, y)])
def test_early_stopping_with_data_frames_does_not_warn(iris, frame, scoring):
    X, y = iris
    clf = quick(early_stopping=True, scoring=scoring)
    expected = clf.fit(X, y).theta_  # warnings are errors
    framed = frame(dict(zip("abcd", X.T, strict=True)))
    np.testing.assert_array_equal(clf.fit(framed, y).theta_, expected)
    assert clf.feature_names_in_.tolist() == list("abcd")
    clf.fit(framed, np.ones(150), X_val=framed, y_val=np.ones(150))  # a single class


@pytest.mark.parametrize("params", [{}, {"early_stopping": True}, {"solver": "lbfgs"}], ids=str)
@pytest.mark.parametrize("scale", [1e200, 1e305])
def test_too_large_features_raise(rng, params, scale):
    X, y = rng.uniform(-1, 1, (60, 2)) * scale, np.arange(60) % 3
    with pytest.raises(ValueError, match=r"\de\+\d{3}.* Scale the features"):
        quick(solver="sgd", learning_rate=1e200, epochs=20).set_params(**params).fit(X, y)
    with pytest.raises(ValueError, match=r"\de\+\d{3}") as error:
        quick(standardize=True).set_params(**params).fit(X, y)
    assert "standardize=True does" not in str(error.value)


# Weights of rows and classes


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e9, 1e15, 1e300])
def test_scale_of_weights_has_no_effect(rng, scale, standardize):
    X = np.c_[rng.randn(90, 2), np.full(90, 0.1), 1000 + 0.01 * rng.randn(90)]
    y, w = np.arange(90) % 3, rng.uniform(0.5, 2, 90)
    clf = quick(standardize=standardize).fit(X, y, sample_weight=w * scale)
    expected = quick(standardize=standardize).fit(X, y, sample_weight=w)
    np.testing.assert_allclose(clf.predict_proba(X), expected.predict_proba(X), rtol=1e-6)


@pytest.mark.parametrize(
    "params", [{}, {"standardize": True}, {"l1": 0.01}, {"label_smoothing": 0.2}], ids=str
)
@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 0.5, 2: 3.0}])
def test_integer_weights_equal_repeated_rows_at_the_optimum(iris, rng, class_weight, params):
    X, y = iris
    counts = rng.randint(0, 4, 150)
    repeated = np.repeat(X, counts, axis=0), np.repeat(y, counts)
    clf = regression(class_weight=class_weight, l2=0.01, **params)
    weights = clf.fit(*repeated).class_weight_
    expected = clf.predict_proba(X)
    clf.fit(X, y, sample_weight=counts)
    np.testing.assert_allclose(clf.class_weight_, weights, rtol=1e-12)
    np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-6)
    if class_weight is not None:
        truth = compute_class_weight(class_weight, classes=np.arange(3), y=repeated[1])
        np.testing.assert_allclose(weights, truth, rtol=1e-12)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("class_weight", ["balanced", {"a": 0.5, "b": 0, "c": 3.0}, {"b": 2}])
def test_class_weight_equals_sample_weight(iris, rng, solver, class_weight):
    X, y, w = iris[0], np.array(["a", "b", "b", "c", "c", "c"] * 25), rng.rand(150)
    clf = quick(solver=solver, class_weight=class_weight, batch_size=20).fit(X, y, sample_weight=w)
    w *= clf.class_weight_[np.searchsorted(clf.classes_, y)]
    expected = quick(solver=solver, batch_size=20).fit(X, y, sample_weight=w)
    np.testing.assert_allclose(clf.theta_, expected.theta_, atol=1e-9)
    np.testing.assert_allclose(clf.loss_curve_, expected.loss_curve_, atol=1e-9)


# Regularisers


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("penalty", [{}, {"l1": 0.01}, {"l2": 0.1}], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_standardize_equals_standard_scaler(rng, solver, penalty, weighted):
    X = rng.randn(1500, 5) * [1e-3, 1, 10, 0, 1e4] + [0, 5, 0.1, 7, -1e4]
    y, w = rng.randint(0, 3, 1500), rng.randint(0, 4, 1500) if weighted else None
    params = {"solver": solver, "activation": "tanh", "epochs": 4, **penalty}
    clf = quick(standardize=True, **params).fit(X, y, sample_weight=w)
    varies = [0, 1, 2, 4]
    scaler = StandardScaler().fit(X[:, varies], sample_weight=w)
    Z = scaler.transform(X[:, varies])
    plain = quick(**params).fit(Z, y, sample_weight=w)
    first = clf.coefs_[0][varies] * scaler.scale_[:, None]
    np.testing.assert_allclose(first, plain.coefs_[0], atol=1e-9)
    assert not clf.coefs_[0][3].any()
    np.testing.assert_allclose(clf.coefs_[1], plain.coefs_[1], atol=1e-9)
    expected = plain.predict_proba(Z)
    np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-9)
    np.testing.assert_allclose(clf.loss_curve_, plain.loss_curve_, rtol=1e-9)


def test_dropout_zero_and_reproducible(iris):
    plain = quick().fit(*iris)
    for nothing in (0, 0.0, [0.0, 0.0]):
        np.testing.assert_array_equal(quick(dropout=nothing).fit(*iris).theta_, plain.theta_)
    dropped = quick(dropout=0.5).fit(*iris)
    np.testing.assert_array_equal(dropped.theta_, quick(dropout=(0.0, 0.5)).fit(*iris).theta_)
    assert not np.allclose(dropped.theta_, plain.theta_)
    assert not np.allclose(dropped.theta_, quick(dropout=0.5, random_state=1).fit(*iris).theta_)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("units", [(), 2, (2, 2)])
def test_dropout_preserves_expected_layer_input(units, rate):
    n = 20_000
    X, y = np.ones((n, 1)), np.arange(n) % 2
    clf = quick(units=units, activation="identity", solver="sgd", momentum=0.0, epochs=1)
    clf.set_params(learning_rate=1.0, batch_size=n)
    steps = {}
    for dropout in (0.0, rate):
        clf.set_params(dropout=0.0).fit(X, y)
        clf.theta_[:] = 1.0
        clf.coefs_[-1][:] = clf.intercepts_[-1][:] = 0.0  # every row has probabilities 1/2
        n_layers = len(clf.coefs_)
        clf.set_params(dropout=[dropout] * n_layers).partial_fit(X, np.zeros(n))
        steps[dropout] = clf.coefs_[-1]
    error = np.sqrt(((1 - rate) ** -n_layers - 1) / n)  # of a mean of masks
    np.testing.assert_allclose(steps[rate] / steps[0.0], 1, atol=5 * error)
    assert not np.array_equal(steps[rate], steps[0.0])

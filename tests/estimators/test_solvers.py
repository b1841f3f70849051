"""The three solvers find the optima of LogisticRegression."""

import warnings

import numpy as np
import pytest
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

from skmlp import SoftmaxMLPClassifier
from tests.plain import PLAIN

SOLVERS = {
    "sgd": {"learning_rate": 0.2, "epochs": 6000, "schedule": "cosine"},
    "adam": {"learning_rate": 0.05, "epochs": 6000, "schedule": "cosine"},
    "lbfgs": {"epochs": 5000, "tol": 1e-9},
}


def regression(solver, n_rows, **params):
    """Return a softmax regression trained to its optimum on full batches."""
    clf = SoftmaxMLPClassifier(**PLAIN, units=(), solver=solver, batch_size=n_rows, random_state=0)
    return clf.set_params(**SOLVERS[solver]).set_params(**params)


def l1_reference(X, y, l1, w=None):
    """Return LogisticRegression fitted to the weighted mean loss + l1 sum|W|."""
    total = len(X) if w is None else w.sum()
    oracle = LogisticRegression(C=1 / (total * l1), solver="saga", tol=1e-10, max_iter=100_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # penalty is deprecated since 1.8
        if oracle.get_params().get("penalty") == "l2":
            oracle.set_params(penalty="l1")
        else:
            oracle.set_params(l1_ratio=1.0)
        return oracle.fit(X, y, sample_weight=w)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_l2_equals_logistic_regression(iris, n_classes, solver):
    X, y = iris[0][iris[1] < n_classes], iris[1][iris[1] < n_classes]
    l2 = 0.05
    C = (2 if n_classes == 2 else 1) / (len(X) * l2)
    oracle = LogisticRegression(C=C, tol=1e-10, max_iter=10_000).fit(X, y)
    clf = regression(solver, len(X), l2=l2).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), oracle.predict_proba(X), atol=1e-6)
    logits, expected = clf.decision_function(X), oracle.decision_function(X)
    if n_classes > 2:  # logits are defined up to a constant per row
        logits, expected = (z - z.mean(axis=1, keepdims=True) for z in (logits, expected))
    np.testing.assert_allclose(logits, expected, atol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_l1_equals_logistic_regression_including_zeros(iris, weighted):
    X, y = iris
    l1, w = 0.02, np.arange(1.0, 151.0) % 7 + 0.5 if weighted else None
    oracle = l1_reference(X, y, l1, w)

    def objective(W, proba):
        return log_loss(y, proba, sample_weight=w) + l1 * np.abs(W).sum()

    expected = objective(oracle.coef_, oracle.predict_proba(X))
    for solver in SOLVERS:
        clf = regression(solver, len(X), l1=l1).fit(X, y, sample_weight=w)
        (W,) = clf.coefs_
        assert objective(W, clf.predict_proba(X)) == pytest.approx(expected, abs=1e-4)
        np.testing.assert_array_equal(W == 0, oracle.coef_.T == 0)
        np.testing.assert_allclose(clf.predict_proba(X), oracle.predict_proba(X), atol=1e-3)
        assert (W == 0).any()


def test_mini_batches_reach_the_optimum(iris):
    X, y = iris
    oracle = l1_reference(X, y, 0.02)
    clf = regression("adam", 32, l1=0.02, learning_rate=0.02, epochs=1500)
    clf.fit(X, y)
    assert (clf.coefs_[0] == 0).sum() >= (oracle.coef_ == 0).sum() - 1
    np.testing.assert_allclose(clf.predict_proba(X), oracle.predict_proba(X), atol=5e-3)


@pytest.mark.parametrize("solver", SOLVERS)
def test_penalties_per_layer(iris, solver):
    X, y = iris
    clf = regression(solver, 150, units=8, l1=(0.1, 0.0), l2=[0.0, 1.0], epochs=300)
    first, last = clf.fit(X, y).coefs_
    assert (first == 0).any()
    assert not (last == 0).all()
    penalty = 0.1 * np.abs(first).sum() + 0.5 * (last**2).sum()
    expected = log_loss(y, clf.predict_proba(X)) + penalty
    assert clf.loss_ == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize("solver", SOLVERS)
def test_standardize_equals_regression_on_scaled_features(solver):
    X, y = load_breast_cancer(return_X_y=True)
    X, y = X[:200, :6], y[:200]
    oracle = LogisticRegression(C=2 / (200 * 0.1), tol=1e-10, max_iter=10_000)
    scaler = StandardScaler()
    oracle.fit(scaler.fit_transform(X), y)
    clf = regression(solver, 200, l2=0.1, standardize=True).fit(X, y)
    expected = oracle.predict_proba(scaler.transform(X))
    np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-6)
    np.testing.assert_allclose(
        clf.decision_function(X), X @ (oracle.coef_[0] / scaler.scale_)
        + oracle.intercept_ - scaler.mean_ @ (oracle.coef_[0] / scaler.scale_), atol=1e-4,
    )  # fmt: skip


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1.0, 1: 5.0, 2: 0.25}])
def test_class_weights_equal_logistic_regression(iris, class_weight):
    X, y = iris[0][:120], iris[1][:120]
    w = 1.0 + np.arange(120) % 3
    clf = regression("lbfgs", 120, l2=0.05, class_weight=class_weight)
    clf.fit(X, y, sample_weight=w)
    total = (w * clf.class_weight_[y]).sum()
    oracle = LogisticRegression(C=1 / (total * 0.05), tol=1e-10, max_iter=10_000)
    # "balanced" ignores sample weights in some versions of scikit-learn.
    oracle.set_params(class_weight=dict(enumerate(clf.class_weight_)))
    oracle.fit(X, y, sample_weight=w)
    np.testing.assert_allclose(clf.predict_proba(X), oracle.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_temperature_scaling(iris, solver):
    if parse_version(sklearn.__version__) < parse_version("1.8"):
        pytest.skip("CalibratedClassifierCV has method='temperature' since scikit-learn 1.8")
    clf = SoftmaxMLPClassifier(8, solver=solver, learning_rate=0.02, random_state=0)
    calibrated = CalibratedClassifierCV(clf, method="temperature", cv=3).fit(*iris)
    assert log_loss(iris[1], calibrated.predict_proba(iris[0])) < 0.2


def test_stop_reason_of_lbfgs(iris):
    X, y = iris
    limited = regression("lbfgs", 150, l2=0.01).set_params(epochs=3).fit(X, y)
    assert (limited.stop_reason_, limited.n_iter_) == ("epochs", 3)
    converged = regression("lbfgs", 150, l2=0.01).fit(X, y)
    assert converged.stop_reason_ == "converged"
    assert converged.n_iter_ < 100
    assert list(converged.history_) == ["loss", "seconds"]
    assert sorted(converged.loss_curve_, reverse=True) == converged.loss_curve_

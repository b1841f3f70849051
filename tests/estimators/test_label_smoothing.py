"""Label smoothing aims at the weighted class frequencies of the training rows."""

import pickle
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from skmlp import SoftmaxMLPClassifier
from skmlp.data.checks import ValidatedRows
from skmlp.data.dataset import encode
from skmlp.data.splitting import split_rows


def exact(**params):
    """Return a classifier that is trained to its optimum."""
    return SoftmaxMLPClassifier(
        **{
            "units": (),
            "l2": 3e-4,
            "solver": "lbfgs",
            "epochs": 5000,
            "tol": 1e-9,
            "calibration": None,
            "dtype": "float64",
        }
        | params
    )


def frequencies(codes, w=None, n_classes=3):
    totals = np.bincount(codes, w, minlength=n_classes)
    return totals / totals.sum()


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("class_weight", [None, "balanced", {"a": 0.1, "b": 2.0}], ids=str)
def test_biases_alone_predict_the_prior(rng, smoothing, weighted, class_weight):
    y = np.repeat(["a", "b", "c"], [900, 90, 10])
    codes, w = np.searchsorted(["a", "b", "c"], y), rng.rand(1000) if weighted else None
    clf = exact(label_smoothing=smoothing, class_weight=class_weight)
    clf.fit(np.zeros((1000, 1)), y, sample_weight=w)
    weights = clf.class_weight_[codes] * (1.0 if w is None else w)
    expected = frequencies(codes, weights)
    np.testing.assert_allclose(clf.predict_proba([[0.0]])[0], expected, atol=1e-6)
    assert clf.loss_ == pytest.approx(-(expected * np.log(expected)).sum(), rel=1e-9)


@settings(max_examples=50)
@given(
    counts=st.lists(st.integers(3, 100), min_size=2, max_size=4),
    smoothing=st.sampled_from([0.01, 0.1, 0.5]),
    weighted=st.booleans(),
    container=st.sampled_from([np.asarray, sparse.csr_array]),
    params=st.sampled_from([{}, {"l2": 0.0}, {"l1": 0.01}, {"units": 3, "activation": "tanh"}]),
    seed=st.integers(0, 100),
)
def test_mean_probabilities_at_the_optimum_are_the_frequencies(
    counts, smoothing, weighted, container, params, seed
):
    """The gradient with respect to the biases, which have no penalty, is zero."""
    rng, y = np.random.RandomState(seed), np.repeat(np.arange(len(counts)), counts)
    X = container(rng.randn(len(y), 2) + y[:, None] * (rng.rand(len(y), 2) < 0.5))
    w = rng.exponential(size=len(y)) if weighted else None
    clf = exact(label_smoothing=smoothing, tol=1e-6, random_state=0, **params)
    proba = clf.fit(X, y, sample_weight=w).predict_proba(X)
    assert clf.stop_reason_ == "converged"
    mean = np.average(proba, axis=0, weights=w)
    np.testing.assert_allclose(mean, frequencies(y, w, len(counts)), atol=1e-5)  # 10 * tol


@pytest.mark.parametrize("given", [False, True])
def test_validation_rows_do_not_enter_the_prior(rng, given):
    """Only the last epoch is kept, for which the scorer returns the highest score."""
    X, y, w = np.zeros((60, 1)), np.repeat([0, 1, 2], [40, 14, 6]), rng.rand(60)
    epoch = count()
    clf = exact(
        label_smoothing=0.5, early_stopping=True, validation_fraction=0.5, n_iter_no_change=np.inf,
        scoring=lambda clf, X, y, sample_weight: next(epoch), random_state=0, warm_start=True,
    )  # fmt: skip
    rows, validation = np.arange(60), {}
    if given:
        validation = {"X_val": X[:9], "y_val": np.full(9, 2), "sample_weight_val": w[:9]}
    clf.fit(X, y, sample_weight=w, **validation)
    if not given:
        dataset = encode(ValidatedRows(X, y, w), clf.classes_, np.float64)
        rows, _ = split_rows(0.5, dataset, rows, clf._train_state.split_seed)
        assert len(rows) == 30
    assert clf.best_epoch_ == clf.n_iter_ - 1
    np.testing.assert_allclose(clf.predict_proba(X)[0], frequencies(y[rows], w[rows]), atol=1e-6)


@pytest.mark.parametrize("unit", [None, 1.0, 1e305])
def test_prior_of_partial_fit_is_that_of_all_calls(rng, unit):
    """Gradient steps on the biases, whose targets have the frequencies of all rows so far."""
    y, s, rate = rng.choice(3, 100, p=[0.8, 0.15, 0.05]), 0.4, 0.1
    w = None if unit is None else unit * rng.exponential(size=100) * (1 + np.arange(100) // 30)
    clf = SoftmaxMLPClassifier(
        (),
        solver="sgd",
        momentum=0.0,
        learning_rate=rate,
        label_smoothing=s,
        dtype="float64",
    )
    ones, b = np.ones(100) if w is None else w / unit, np.zeros(3)
    for rows in np.split(np.arange(100), [1, 30, 35, 90]):
        clf.partial_fit(
            np.zeros((len(rows), 1)), y[rows], [0, 1, 2], None if w is None else w[rows]
        )
        clf = pickle.loads(pickle.dumps(clf))
        so_far = slice(rows[-1] + 1)
        targets = (1 - s) * np.eye(3)[y[rows]] + s * frequencies(y[so_far], ones[so_far])
        relative = ones[rows] / ones[so_far].mean()
        b -= rate * relative @ (softmax(b) - targets) / len(rows)
    np.testing.assert_allclose(clf.intercepts_[0], b, rtol=1e-10)


def test_state_of_an_earlier_version_is_continued(iris):
    """A state that was pickled without a prior takes that of the rows of the next call."""
    X, y = iris
    clf = SoftmaxMLPClassifier(5, random_state=0).partial_fit(X, y, [0, 1, 2])
    del vars(clf._train_state)["prior"]
    clf = pickle.loads(pickle.dumps(clf)).partial_fit(X[:80], y[:80])
    np.testing.assert_allclose(clf._train_state.prior, frequencies(y[:80]))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_probabilities_of_a_rare_class(seed):
    """One row in a thousand is positive, and the log-odds are linear in X."""
    rng, n = np.random.RandomState(seed), 40_000
    X, X_test = rng.randn(2, n, 5)
    y, y_test = (rng.rand(n) < 1 / (1 + np.exp(7.4 - Z[:, 0])) for Z in (X, X_test))
    linear = log_loss(y_test, LogisticRegression().fit(X, y).predict_proba(X_test))
    clf = SoftmaxMLPClassifier(random_state=0)
    proba = clf.fit(X, y).predict_proba(X_test)[:, 1]
    assert proba.mean() == pytest.approx(y.mean(), rel=0.5)
    assert log_loss(y_test, proba) < 1.07 * linear
    assert log_loss(y_test, proba) < log_loss(y_test, np.full(n, y.mean()))
    # Early stopping sees four positive validation rows. Their loss has no smoothing; were it
    # lowest where probabilities pass the frequencies on their way to larger ones, it would
    # choose a network that has learnt nothing else.
    proba = clf.set_params(early_stopping=True).fit(X, y).predict_proba(X_test)[:, 1]
    assert proba.mean() < 2.5 * y.mean()
    assert log_loss(y_test, proba) < 1.15 * linear

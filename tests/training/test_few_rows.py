"""What "auto" does by the number of rows: early stopping, dropout, l2, batch size."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from skmlp import SoftmaxMLPClassifier
from skmlp.core.losses import log_softmax
from skmlp.data.checks import ValidatedRows
from skmlp.data.dataset import encode
from skmlp.training.config import TrainConfig
from tests.plain import PLAIN


def rows(n, n_classes=3, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.randn(n, 4)
    return X, np.arange(n) % n_classes


def config(n_rows, n_set_aside=0, *, validated=False, **params):
    config = TrainConfig.from_params(SoftmaxMLPClassifier(**params).get_params())
    return config.resolve_rows(n_rows, n_set_aside, validated)


@pytest.mark.parametrize("n", [3, 299, 300, 1499, 1500])
def test_rows_are_set_aside_from_300_on(n):
    X, y = rows(n)
    clf = SoftmaxMLPClassifier(epochs=1, random_state=0).fit(X, y)
    assert (clf.best_epoch_ is None) == (n < 300)
    assert ("validation_loss" in clf.history_) == (n >= 300)
    # The same training, with what "auto" stands for.
    same = {
        3: {"early_stopping": False, "l2": 0.5 / 3, "batch_size": 3},
        299: {"early_stopping": False, "l2": 0.5 / 299, "batch_size": 64},
        300: {"early_stopping": True, "dropout": 0.3, "l2": 0.0, "batch_size": 16},
        1499: {"early_stopping": True, "dropout": 0.3, "l2": 0.0, "batch_size": 16},
        1500: {"early_stopping": True, "dropout": 0.0, "l2": 0.0, "batch_size": 16},
    }[n]
    expected = SoftmaxMLPClassifier(epochs=1, random_state=0, **same).fit(X, y)
    np.testing.assert_array_equal(clf.theta_, expected.theta_)


@pytest.mark.parametrize(
    ("n", "batch_size"),
    [
        (1, 64),
        (299, 64),
        (300, 16),
        (1024, 16),
        (2000, 32),
        (4096, 64),
        (10_000, 128),
        (10**6, 128),
    ],
)
def test_batch_size(n, batch_size):
    assert config(n).requested_batch_size(n) == batch_size
    assert replace(config(n), cyclic=False).requested_batch_size(n) == 128  # partial_fit
    assert config(n, batch_size=7).requested_batch_size(n) == 7


@pytest.mark.parametrize(
    ("fraction", "n", "part"),
    [(0.1, 1000, 0.1), (0.1, 100_001, 10_000), (0.5, 30_000, 10_000), (20_000, 10**6, 20_000)],
)
def test_part_that_is_set_aside(fraction, n, part):
    chosen = TrainConfig.from_params(
        SoftmaxMLPClassifier(validation_fraction=fraction, early_stopping=True).get_params()
    )
    assert chosen.part_to_set_aside(n) == fraction
    automatic = TrainConfig.from_params(
        SoftmaxMLPClassifier(validation_fraction=fraction).get_params()
    )
    assert automatic.part_to_set_aside(n) == part


@pytest.mark.parametrize("params", [{"solver": "lbfgs"}, {}])
def test_neither_lbfgs_nor_partial_fit(params):
    for n in (50, 500):
        resolved = TrainConfig.from_params(SoftmaxMLPClassifier(**params).get_params())
        resolved = replace(resolved, cyclic="solver" in params).resolve_rows(n, 0, validated=True)
        assert resolved.early_stopping is False
        assert not any(resolved.layers.dropout)
        assert not any(resolved.layers.l2)
        assert not resolved.averages


@pytest.mark.parametrize(
    "y",
    [
        np.repeat([0, 1], [399, 1]),
        np.repeat([0, 1, 2], [397, 1, 2]),
        np.zeros(400, int),
        np.arange(400),
        np.repeat(np.arange(200), 2),
    ],
    ids=["one row", "one and two rows", "one class", "all classes", "pairs"],
)
@pytest.mark.filterwarnings("ignore:The number of unique classes is greater than 50%")
def test_classes_of_few_rows_are_no_error(y):
    """early_stopping=True would raise: not all classes can be in both parts."""
    X, _ = rows(400)
    clf = SoftmaxMLPClassifier(4, epochs=2, random_state=0).fit(X, y)
    assert len(clf.classes_) == len(np.unique(y))
    assert np.isfinite(clf.predict_proba(X)).all()


def test_given_validation_rows_are_used_at_any_number_of_rows():
    X, y = rows(40)
    clf = SoftmaxMLPClassifier(4, epochs=5, random_state=0).fit(X, y, X_val=X, y_val=y)
    assert clf.best_epoch_ is not None
    assert clf.temperature_ != 1.0


def test_without_early_stopping_a_validation_set_has_no_influence():
    X, y = rows(300)
    params = {"epochs": 3, "early_stopping": False, "random_state": 0}
    without = SoftmaxMLPClassifier(4, **params).fit(X, y)
    clf = SoftmaxMLPClassifier(4, **params).fit(X, y, X_val=X[:50], y_val=y[:50])
    np.testing.assert_array_equal(clf.theta_, without.theta_)
    assert clf.temperature_ == without.temperature_ == 1.0


def test_temperature_changes_logits_only():
    """As if the temperature were applied to the logits of the network without it."""
    rng = np.random.RandomState(0)
    X, w = rng.randn(600, 3), rng.rand(600) + 0.1
    y = (X[:, 0] + rng.randn(600) > 0.9).astype(int)
    params = {"epochs": 20, "early_stopping": True, "random_state": 0, "warm_start": True}
    clf = SoftmaxMLPClassifier(8, **params).fit(X, y, w)
    plain = SoftmaxMLPClassifier(8, calibration=None, **params).fit(X, y, w)
    assert plain.temperature_ == 1.0
    assert clf.history_["validation_loss"] == plain.history_["validation_loss"]
    q = (clf._train_state.prior * 540 + 0.5) / 541
    logits = plain.predict_log_proba(X)
    shifted = np.log(q) + (logits - np.log(q)) / clf.temperature_
    np.testing.assert_allclose(clf.predict_log_proba(X), log_softmax(shifted), atol=1e-9)
    # A warm start continues from the parameters without it.
    for fitted in (clf, plain):
        fitted.fit(X, y, w)
    assert clf.history_["loss"] == plain.history_["loss"]


@pytest.mark.parametrize("schedule", ["constant", "invscaling"])
def test_averages_continue_in_a_warm_start(schedule):
    """5 and 5 epochs equal 10, with an average."""
    X, y = rows(120)
    params = PLAIN | {"averaging": 2.0, "schedule": schedule, "random_state": 0}
    clf = SoftmaxMLPClassifier(6, epochs=5, warm_start=True, **params).fit(X, y).fit(X, y)
    expected = SoftmaxMLPClassifier(6, epochs=10, **params).fit(X, y)
    np.testing.assert_array_equal(clf.theta_, expected.theta_)
    without = SoftmaxMLPClassifier(6, epochs=10, **params | {"averaging": 0.0}).fit(X, y)
    assert (clf.theta_ != without.theta_).any()
    assert clf.loss_curve_ == without.loss_curve_


def test_partial_fit_continues_from_the_average():
    X, y = rows(120)
    clf = SoftmaxMLPClassifier(6, epochs=5, warm_start=True, random_state=0).fit(X, y)
    before = clf.predict_proba(X)
    clf.set_params(learning_rate=1e-250).partial_fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), before, atol=1e-9)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_weight_2_is_a_row_twice(container):
    """With dropout and the penalty of few rows: masks are shared, and l2 is by different rows."""
    rng = np.random.RandomState(0)
    X, y, counts = rng.rand(15, 6), rng.randint(0, 3, 15), rng.randint(1, 4, 15)
    repeated = container(X.repeat(counts, axis=0)), y.repeat(counts)
    expected = SoftmaxMLPClassifier(random_state=0).fit(*repeated).predict_proba(X)
    clf = SoftmaxMLPClassifier(random_state=0).fit(container(X), y, counts)
    np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-9)
    scaled = SoftmaxMLPClassifier(random_state=0).fit(container(X), y, 1e6 * counts)
    np.testing.assert_allclose(scaled.predict_proba(X), expected, atol=1e-9)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, sparse.csr_matrix])
def test_different_rows_are_counted(container):
    X = container(np.array([[1.0, 0], [0, 1], [1, 0], [0, 0], [1, 0], [0, 0]]))
    dataset = encode(ValidatedRows(X, np.array([0, 0, 0, 1, 1, 1]), None), np.arange(2), np.float64)
    assert dataset.count_distinct(np.arange(6)) == 4
    assert dataset.count_distinct(np.array([0, 2])) == 1


@pytest.mark.parametrize(("units", "dropped"), [((), False), (49, False), ((50, 80), True)])
def test_narrow_networks_have_no_dropout(units, dropped):
    for n in (100, 500):
        assert any(config(n, units=units).layers.dropout) == dropped


def test_lbfgs_continues_from_the_average():
    """As partial_fit does: the average is what the network is after fit."""
    X, y = rows(120)
    clf = SoftmaxMLPClassifier(6, epochs=5, warm_start=True, random_state=0).fit(X, y)
    before = clf.predict_proba(X)
    clf.set_params(solver="lbfgs", tol=1e9).fit(X, y)  # no iteration
    np.testing.assert_allclose(clf.predict_proba(X), before, atol=1e-9)


def test_partial_fit_refuses_numpys_true():
    X, y = rows(400)
    clf = SoftmaxMLPClassifier(6, early_stopping=np.True_)
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        clf.partial_fit(X, y, classes=[0, 1, 2])

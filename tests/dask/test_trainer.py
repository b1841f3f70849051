"""Training on Dask collections against training on rows in memory."""

import pickle
from threading import Thread
from types import SimpleNamespace

import dask
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_info

from skmlp import SoftmaxMLPClassifier
from skmlp.dask import DaskSoftmaxMLPClassifier
from skmlp.dask.trainer import ShardedSource
from tests.dask.arrays import DIGITS, W, X, Y, cut
from tests.plain import NO_SELECTION


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weighted", [False, True])
def test_one_step_per_round_equals_full_batch_gradient_descent(momentum, weighted):
    """The mean of the shards' steps is a step along the mean gradient."""
    params = {
        "units": (5,), "activation": "tanh", "solver": "sgd", "momentum": momentum,
        "schedule": "constant", "epochs": 30, "batch_size": 150, "shuffle": False, "l2": 0.01,
        "random_state": 0, "dtype": "float64", "class_weight": "balanced", "dropout": 0.0,
    } | NO_SELECTION  # fmt: skip
    w = W if weighted else None
    local = SoftmaxMLPClassifier(**params).fit(X, Y, w)
    with pytest.warns(UserWarning, match="batch_size=150 is larger"):
        clf = DaskSoftmaxMLPClassifier(n_shards=3, **params).fit(*cut(X, Y, w))
    np.testing.assert_allclose(clf.theta_, local.theta_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(clf.loss_curve_, local.loss_curve_, rtol=1e-9)
    assert clf.class_weight_ == pytest.approx(local.class_weight_)


@pytest.mark.parametrize("per_epoch", [1, 2])
def test_mean_of_losses_may_overflow(per_epoch):
    """Losses near the largest float, as of a training that diverges; no warning."""

    class Shards:
        def map(self, function, start):
            return [(start.theta, {"step": 1}, 1.7e308, 0.1)] * 2

    state = SimpleNamespace(theta=np.zeros(3), optimizer={"step": 0})
    run = SimpleNamespace(state=state, n_epochs=1, schedule=None)
    source = ShardedSource(run, Shards(), np.array([75, 75]), per_epoch, seed=0)
    (record,) = source.run_epoch(0)
    assert record.loss == np.inf


def test_lbfgs_equals_logistic_regression():
    n, C = len(X), 0.5
    oracle = LogisticRegression(C=C, tol=1e-10, max_iter=10_000).fit(X, Y)
    clf = DaskSoftmaxMLPClassifier(
        (), solver="lbfgs", l2=1 / (n * C), tol=1e-8, epochs=10_000, standardize=False,
        label_smoothing=0.0, n_shards=3,
    ).fit(*cut(X, Y))  # fmt: skip
    np.testing.assert_allclose(clf.predict_proba(X), oracle.predict_proba(X), atol=1e-6)
    assert clf.stop_reason_ == "converged"


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_prior_of_label_smoothing_is_that_of_all_shards(seed):
    rng = np.random.RandomState(seed)
    rows = np.flatnonzero(rng.rand(150) < np.array([1.0, 0.5, 0.15])[Y])
    w = None if seed == 0 else W[rows] * [1.0, 1e100][seed - 1]
    params = {
        "units": (), "solver": "lbfgs", "tol": 1e-8, "epochs": 2000, "l2": 0.01,
        "label_smoothing": 0.2, "random_state": 0,
        "class_weight": [None, {0: 3.0}, "balanced"][seed],
    }  # fmt: skip
    cuts = np.sort(rng.choice(np.arange(5, len(rows)), 2, replace=False))
    chunks = tuple(np.diff([0, *cuts, len(rows)]).tolist())
    local = SoftmaxMLPClassifier(**params).fit(X[rows], Y[rows], w)
    clf = DaskSoftmaxMLPClassifier(n_shards=3, **params)
    clf.fit(*cut(X[rows], Y[rows], w, chunks=chunks))
    np.testing.assert_allclose(clf.predict_proba(X), local.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize(
    "params",
    [
        {"l1": 0.002, "l2": 0.01},
        {"units": (8,), "l2": 0.02, "class_weight": "balanced", "epochs": 15},
        {"standardize": False, "l2": (0.01,), "class_weight": {0: 3.0}},
        {"n_bins": 5, "l2": 0.01},
        {"n_bins": 3, "standardize": False, "l2": 0.02},
    ],
)
def test_lbfgs_equals_local_fit(params):
    given = {"units": (), "solver": "lbfgs", "tol": 1e-8, "epochs": 2000, "random_state": 0}
    local = SoftmaxMLPClassifier(**given | params).fit(X, Y, W)
    clf = DaskSoftmaxMLPClassifier(n_shards=2, **given | params).fit(*cut(X, Y, W))
    np.testing.assert_allclose(clf.predict_proba(X), local.predict_proba(X), atol=1e-6)
    assert clf.loss_ == pytest.approx(local.loss_, abs=1e-9)
    if "l1" in params:
        np.testing.assert_array_equal(clf.theta_ == 0, local.theta_ == 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "params",
    [{}, {"solver": "sgd", "learning_rate": 0.1}, {"dropout": 0.1, "rounds_per_epoch": 3}],
)
def test_mini_batches_are_as_accurate_as_local_fit(params):
    local_params = {name: params[name] for name in params if name != "rounds_per_epoch"}
    scores = []
    for seed in range(3):
        X_train, X_test, y_train, y_test = train_test_split(*DIGITS, random_state=seed)
        clf = DaskSoftmaxMLPClassifier(50, n_shards=3, random_state=seed, **params)
        clf.fit(*cut(X_train, y_train, chunks=(500, 447, 400)))
        local = SoftmaxMLPClassifier(50, random_state=seed, **local_params).fit(X_train, y_train)
        scores.append((clf.score(X_test, y_test), local.score(X_test, y_test)))
    ours, theirs = np.mean(scores, axis=0)
    assert ours > theirs - 0.02  # 0.011 less over ten seeds


def test_bins_of_the_rows_of_all_shards(rng):
    rows = np.sort(rng.randn(900, 2), axis=0)
    rows[:, 1] = rows[:, 1] > 0
    labels = (np.sin(4 * rows[:, 0]) > 0).astype(int)
    clf = DaskSoftmaxMLPClassifier(8, epochs=40, batch_size=16, n_shards=3, random_state=0)
    clf.fit(*cut(rows, labels, chunks=300))
    columns, left, right = (clf._encoding[f"bin_{name}"] for name in ("columns", "left", "right"))
    edges = np.quantile(rows[:, 0], np.linspace(0, 1, 17))
    assert columns.tolist() == [0] * 16
    np.testing.assert_allclose(left, edges[:-1], atol=0.2)  # without the rows set aside
    np.testing.assert_array_equal(left[1:], right[:-1])
    assert clf.score(*cut(rows, labels, chunks=300)) > 0.9
    local = clf.to_local()
    np.testing.assert_array_equal(local.predict_proba(rows), clf.predict_proba(rows))
    before = clf._encoding["bin_left"]
    clf.set_params(warm_start=True).fit(*cut(rows + 1, labels, chunks=300))
    for array, same in zip([clf._encoding["bin_left"]], [before], strict=True):
        np.testing.assert_array_equal(array, same)


def test_normalized_rows_are_not_standardized(rng):
    rows = normalize(rng.poisson(0.5, (150, 8)) + np.eye(8)[np.arange(150) % 8])
    params = {"units": 5, "epochs": 5, "n_shards": 3, "random_state": 0, "n_bins": None}
    of_shards = cut(rows, Y)
    expected = DaskSoftmaxMLPClassifier(standardize=False, **params).fit(*of_shards)
    clf = DaskSoftmaxMLPClassifier(**params).fit(*of_shards)
    np.testing.assert_allclose(clf.theta_, expected.theta_, atol=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    "params",
    [{}, {"solver": "sgd", "n_bins": 5}, {"solver": "lbfgs", "units": ()}, {"n_bins": 5}],
)
def test_sparse_equals_dense(seed, params):
    rng = np.random.RandomState(seed)
    rare, far = rng.rand(150, 6) < [0.01, 0.1, 0.3, 0.5, 0.7, 0.99], 1e5 + rng.randn(150, 2)
    mixed = np.column_stack([X, rare * (1 + rng.rand(150, 6)), far, np.full(150, 4.0)])
    params = {
        "units": 5, "epochs": 4, "batch_size": 20, "dropout": 0.0, "random_state": seed
    } | params  # fmt: skip
    if params.get("solver") == "lbfgs":
        params |= {"epochs": 1000, "tol": 1e-8, "l2": 0.01}
    dense = DaskSoftmaxMLPClassifier(n_shards=3, **params).fit(*cut(mixed, Y, W))
    blocks, y, w = cut(mixed, Y, W)
    clf = DaskSoftmaxMLPClassifier(n_shards=3, **params)
    clf.fit(blocks.map_blocks(sparse.csr_array), y, w)
    probabilities = clf.to_local().predict_proba(sparse.csr_array(mixed))
    np.testing.assert_allclose(probabilities, dense.predict_proba(mixed), atol=1e-6)
    np.testing.assert_allclose(clf.loss_curve_, dense.loss_curve_, rtol=1e-6)
    if "tol" in params:
        expected = SoftmaxMLPClassifier(**params).fit(mixed, Y, W).predict_proba(mixed)
        np.testing.assert_allclose(probabilities, expected, atol=1e-6)


@pytest.mark.parametrize("differs", ["in each shard", "between shards"])
def test_large_integers(rng, differs):
    y, others = rng.randint(0, 2, 300), rng.randint(0, 10**9, (300, 2))
    if differs == "in each shard":
        large = 5 * y + rng.randint(-2, 3, 300)
    else:
        large, others[:, 1] = np.repeat([0, 40, 80], 100), y
    mixed = np.column_stack([10**9 + large, others])
    clf = DaskSoftmaxMLPClassifier(5, epochs=40, learning_rate=0.05, n_shards=3, random_state=0)
    clf.fit(*cut(mixed, y, chunks=(100, 100, 100)))
    assert clf.theta_.dtype == np.float64
    assert clf.score(mixed, y) == 1
    clf.fit(*cut(mixed[:, 1:], y, chunks=(100, 100, 100)))
    assert clf.theta_.dtype == np.float32


def test_validation_losses_and_scores():
    chunks = (90, 60)
    X_val, y_val, w_val = X[::-1].copy(), Y[::-1].copy(), W[::-1].copy()
    clf = DaskSoftmaxMLPClassifier(
        8, n_shards=2, epochs=5, scoring="balanced_accuracy", random_state=0, **NO_SELECTION
    )
    val = dict(zip(("X_val", "y_val", "sample_weight_val"), cut(X_val, y_val, w_val), strict=True))
    clf.fit(*cut(X, Y, chunks=chunks), **val)
    assert clf.validation_loss_curve_[-1] == pytest.approx(
        log_loss(y_val, clf.predict_proba(X_val), sample_weight=w_val), rel=1e-6
    )
    assert clf.validation_scores_[-1] == pytest.approx(
        balanced_accuracy_score(y_val, clf.predict(X_val), sample_weight=w_val)
    )
    assert clf.history_["score"][-1] == pytest.approx(
        balanced_accuracy_score(Y, clf.predict(X))  # on the training rows, unweighted
    )
    again = clone(clf).set_params(scoring="loss").fit(*cut(X, Y, chunks=chunks), **val)
    assert again.validation_loss_curve_ == pytest.approx(clf.validation_loss_curve_)
    assert again.validation_scores_[-1] == pytest.approx(clf.score(*cut(X_val, y_val, w_val)))


@pytest.mark.parametrize("scoring", ["loss", "f1_macro"])
@pytest.mark.parametrize("fraction", [0.2, 30, None])
def test_early_stopping(scoring, fraction):
    clf = DaskSoftmaxMLPClassifier(
        8, n_shards=2, epochs=100, early_stopping=True, scoring=scoring, n_iter_no_change=3,
        validation_fraction=fraction, schedule="constant", learning_rate=0.1, tol=1e-2,
        random_state=0,
    ).fit(*cut(X, Y))  # fmt: skip
    assert clf.stop_reason_ == "early_stopping"
    if fraction is not None:
        name = "validation_loss" if scoring == "loss" else "validation_score"
        watched = clf.history_[name]
        best = np.argmin(watched) if scoring == "loss" else np.argmax(watched)
        assert clf.best_epoch_ == best


def test_same_seed_gives_identical_parameters():
    clf = DaskSoftmaxMLPClassifier(8, n_shards=3, random_state=3, epochs=4, dropout=0.2)
    thetas = [clone(clf).fit(*cut(X, Y, W)).theta_ for _ in range(2)]
    assert (thetas[0] == thetas[1]).all()
    with dask.config.set(scheduler="synchronous"):
        np.testing.assert_allclose(clone(clf).fit(*cut(X, Y, W)).theta_, thetas[0], rtol=1e-6)
    assert (clone(clf).set_params(random_state=4).fit(*cut(X, Y, W)).theta_ != thetas[0]).any()


def test_warm_start():
    params = {"units": 8, "n_shards": 2, "random_state": 0, "schedule": "constant"}
    clf = DaskSoftmaxMLPClassifier(epochs=10, warm_start=True, **params)
    first = clf.fit(*cut(X, Y)).loss_
    clf = pickle.loads(pickle.dumps(clf)).fit(*cut(X, Y))
    assert clf.n_iter_ == 20
    assert clf.loss_ < first
    with pytest.raises(ValueError, match="same classes"):
        clf.fit(*cut(X, Y % 2))
    with pytest.raises(ValueError, match=r"X has 3 features, but DaskSoft.* expecting 4"):
        clf.fit(*cut(X[:, :3].copy(), Y))


def test_adaptive_rates_and_interruption(monkeypatch):
    clf = DaskSoftmaxMLPClassifier(
        4, n_shards=2, schedule="adaptive", tol=0.5, n_iter_no_change=1, epochs=6, random_state=0
    ).fit(*cut(X, Y))
    rates = clf.history_["learning_rate"]
    assert rates[-1] < rates[0] / 20
    calls = []

    def interrupt(self, entry, epochs):
        calls.append(entry)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return "line"

    monkeypatch.setattr("skmlp.training.history.History.line", interrupt)
    clf = DaskSoftmaxMLPClassifier(4, n_shards=2, epochs=9, verbose=1)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(*cut(X, Y))
    assert clf.n_iter_ == 2
    assert clf.stop_reason_ == "interrupted"


def test_early_stopping_on_short_shards_and_rare_classes():
    chunks = (49, 49, 49, 3)
    rare = np.where(np.isin(np.arange(150), [5, 60, 110]), 7, Y)
    clf = DaskSoftmaxMLPClassifier(4, epochs=3, early_stopping=True, n_shards=4, random_state=0)
    clf.fit(*cut(X, rare, chunks=chunks))
    assert len(clf.validation_loss_curve_) == 3
    with pytest.raises(ValueError, match="No shard has enough rows"):
        clf.fit(*cut(X[:12], Y[:12], chunks=(3, 3, 3, 3)))
    clf = clone(clf).set_params(warm_start=True).fit(*cut(X, Y, chunks=chunks))
    clf.fit(*cut(X, Y, chunks=chunks))
    with pytest.raises(ValueError, match="needs the shards of the previous fit"):
        clf.set_params(n_shards=2).fit(*cut(X, Y, chunks=chunks))
    with pytest.raises(ValueError, match="validation_fraction=150 must be less than"):
        clone(clf).set_params(validation_fraction=150).fit(*cut(X, Y))


def test_training_score_weighs_shards_by_rows():
    rng = np.random.RandomState(0)
    rows = rng.randn(13_000, 2)
    labels = (rows[:, 0] > 0).astype(int)
    labels[11_050:] = rng.randint(2, size=1950)
    clf = DaskSoftmaxMLPClassifier(
        4, epochs=2, n_shards=40, early_stopping=True, validation_fraction=None, scoring="accuracy",
        random_state=0,
    )  # fmt: skip
    clf.fit(*cut(rows, labels, chunks=(11_050, *[50] * 39)))
    assert clf.history_["score"][-1] == pytest.approx(clf.score(rows, labels), abs=0.01)


def test_callable_scorer():
    def brier(estimator, rows, labels):
        assert estimator.classes_.tolist() == [0, 1, 2]
        return -np.mean((estimator.predict_proba(rows)[np.arange(len(rows)), labels] - 1) ** 2)

    params = {"epochs": 2, "scoring": brier, "random_state": 0} | NO_SELECTION
    clf = DaskSoftmaxMLPClassifier(4, n_shards=2, **params)
    clf.fit(*cut(X, Y), **dict(zip(("X_val", "y_val"), cut(X, Y), strict=True)))
    proba = clf.predict_proba(X)[np.arange(150), Y]
    assert clf.validation_scores_[-1] == pytest.approx(-np.mean((proba - 1) ** 2), rel=1e-6)


def test_score_counts_rows_of_zero_weight_classes():
    order = np.argsort(Y, kind="stable")
    rows, labels = X[order], Y[order]
    params = {"epochs": 3, "class_weight": {0: 1, 1: 1, 2: 0}} | NO_SELECTION
    clf = DaskSoftmaxMLPClassifier(4, n_shards=3, **params)
    val = dict(zip(("X_val", "y_val"), cut(rows, labels, chunks=(50, 50, 50)), strict=True))
    clf.fit(*cut(X, Y), **val)
    assert clf.validation_scores_[-1] == pytest.approx(clf.score(X, Y))


@pytest.mark.usefixtures("two_blas_threads")
def test_fits_in_threads_restore_blas_threads():
    before = [pool["num_threads"] for pool in threadpool_info()]
    threads = [
        Thread(target=DaskSoftmaxMLPClassifier(4, epochs=2 + i, n_shards=2).fit, args=cut(X, Y))
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [pool["num_threads"] for pool in threadpool_info()] == before

"""Dask's collections against rows in memory, and a cluster that loses a worker."""

import gc
import os
import pickle
import signal
import tracemalloc
import warnings
from threading import Thread

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.utils import shuffle
from threadpoolctl import threadpool_info

from benchmarks.clusters import local_cluster
from skmlp import PopulationGridSearchCV, SoftmaxMLPClassifier, load, save
from skmlp.callbacks import Checkpoint
from skmlp.data.moments import column_moments, merge_moments, scaling_from_moments
from skmlp.training.run import TrainingRun

dask = pytest.importorskip("dask", reason="skmlp[dask] is not installed")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
pd = pytest.importorskip("pandas")

from dask.sizeof import sizeof  # noqa: E402

from skmlp.dask import DaskSoftmaxMLPClassifier  # noqa: E402
from skmlp.dask.input import validate_shard  # noqa: E402

X, Y = shuffle(*load_iris(return_X_y=True), random_state=0)
DIGITS = load_digits(return_X_y=True)
CUT = (40, 63, 47)  # unequal on purpose
W = np.random.RandomState(0).rand(150)


def cut(*arrays, chunks=CUT):
    """Arrays as dask arrays, cut along the rows."""
    return [a if a is None else da.from_array(a, chunks=(chunks, *a.shape[1:])) for a in arrays]


# The mathematics ---------------------------------------------------------------------------


def test_moments_of_parts_are_those_of_the_whole():
    X = np.random.RandomState(0).randn(1000, 3) * [1, 1e-3, 0] + [0, 1e5, 7]
    w = np.random.RandomState(1).rand(1000)
    parts = np.split(np.arange(1000), [10, 400])
    for weights in (None, w):
        with np.errstate(all="ignore"):  # of the constant column, its variance is -1e-17
            whole = StandardScaler().fit(X, sample_weight=weights)
        merged = merge_moments(
            [column_moments(X, weights, part) for part in parts],
            [len(part) if weights is None else weights[part].sum() for part in parts],
        )
        np.testing.assert_allclose(merged.mean, whole.mean_, rtol=1e-12)
        np.testing.assert_allclose(merged.var, whole.var_, rtol=1e-7, atol=1e-20)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the resolution of the second column
            scaling = scaling_from_moments(
                merged, np.dtype("f8"), centred=True, largest=lambda: 1e5
            )
        np.testing.assert_allclose(scaling.scale, whole.scale_, rtol=1e-7)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weighted", [False, True])
def test_one_step_a_round_is_gradient_descent_over_all_rows(momentum, weighted):
    """A mean of steps is a step along the mean gradient, and so is its momentum."""
    params = {
        "units": (5,), "activation": "tanh", "solver": "sgd", "momentum": momentum,
        "schedule": "constant", "epochs": 30, "batch_size": 150, "shuffle": False, "l2": 0.01,
        "random_state": 0, "dtype": "float64", "class_weight": "balanced",
    }  # fmt: skip
    w = W if weighted else None
    local = SoftmaxMLPClassifier(**params).fit(X, Y, w)
    with pytest.warns(UserWarning, match="batch_size=150 is larger"):
        clf = DaskSoftmaxMLPClassifier(n_shards=3, **params).fit(*cut(X, Y, w))
    np.testing.assert_allclose(clf.theta_, local.theta_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(clf.loss_curve_, local.loss_curve_, rtol=1e-9)
    assert clf.class_weight_ == pytest.approx(local.class_weight_)


def test_lbfgs_finds_what_logistic_regression_finds():
    n, C = len(X), 0.5
    oracle = LogisticRegression(C=C, tol=1e-10, max_iter=10_000).fit(X, Y)
    clf = DaskSoftmaxMLPClassifier(
        (), solver="lbfgs", l2=1 / (n * C), tol=1e-8, epochs=10_000, standardize=False,
        label_smoothing=0.0, n_shards=3,
    ).fit(*cut(X, Y))  # fmt: skip
    np.testing.assert_allclose(clf.predict_proba(X), oracle.predict_proba(X), atol=1e-6)
    assert clf.stop_reason_ == "converged"


@pytest.mark.parametrize(
    "params",
    [
        {"l1": 0.002, "l2": 0.01},
        {"units": (8,), "l2": 0.02, "class_weight": "balanced", "epochs": 15},
        {"standardize": False, "l2": (0.01,), "class_weight": {0: 3.0}},
    ],
)
def test_lbfgs_equals_the_local_fit(params):
    given = {"units": (), "solver": "lbfgs", "tol": 1e-8, "epochs": 2000, "random_state": 0}
    local = SoftmaxMLPClassifier(**given | params).fit(X, Y, W)
    clf = DaskSoftmaxMLPClassifier(n_shards=2, **given | params).fit(*cut(X, Y, W))
    np.testing.assert_allclose(clf.predict_proba(X), local.predict_proba(X), atol=1e-6)
    assert clf.loss_ == pytest.approx(local.loss_, abs=1e-9)
    if "l1" in params:
        np.testing.assert_array_equal(clf.theta_ == 0, local.theta_ == 0)


@pytest.mark.parametrize(
    "params", [{}, {"solver": "sgd", "learning_rate": 0.1}, {"dropout": 0.1, "rounds_per_epoch": 3}]
)
def test_mini_batches_learn_digits_as_well_as_in_memory(params):
    X_train, X_test, y_train, y_test = train_test_split(*DIGITS, random_state=0)
    chunks = (500, 447, 400)
    clf = DaskSoftmaxMLPClassifier(50, n_shards=3, random_state=0, **params)
    clf.fit(*cut(X_train, y_train, chunks=chunks))
    params.pop("rounds_per_epoch", None)
    local = SoftmaxMLPClassifier(50, random_state=0, **params).fit(X_train, y_train)
    assert clf.score(X_test, y_test) > local.score(X_test, y_test) - 0.015
    assert clf.n_iter_ == local.n_iter_


# Validation, stopping, going on ----------------------------------------------------------------


def test_validation_losses_and_scores_are_those_of_the_model():
    chunks = (90, 60)
    X_val, y_val, w_val = X[::-1].copy(), Y[::-1].copy(), W[::-1].copy()
    clf = DaskSoftmaxMLPClassifier(
        8, n_shards=2, epochs=5, scoring="balanced_accuracy", random_state=0
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
        balanced_accuracy_score(Y, clf.predict(X))  # of the rows to train on, without weights
    )
    again = clone(clf).set_params(scoring="loss").fit(*cut(X, Y, chunks=chunks), **val)
    assert again.validation_loss_curve_ == pytest.approx(clf.validation_loss_curve_)
    assert again.validation_scores_[-1] == pytest.approx(clf.score(*cut(X_val, y_val, w_val)))


@pytest.mark.parametrize("scoring", ["loss", "f1_macro"])
@pytest.mark.parametrize("fraction", [0.2, 30, None])
def test_early_stopping_keeps_the_best_epoch(scoring, fraction):
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


def test_the_same_seed_gives_the_same_bits():
    clf = DaskSoftmaxMLPClassifier(8, n_shards=3, random_state=3, epochs=4, dropout=0.2)
    thetas = [clone(clf).fit(*cut(X, Y, W)).theta_ for _ in range(2)]
    assert (thetas[0] == thetas[1]).all()
    with dask.config.set(scheduler="synchronous"):
        np.testing.assert_allclose(clone(clf).fit(*cut(X, Y, W)).theta_, thetas[0], rtol=1e-6)
    assert (clone(clf).set_params(random_state=4).fit(*cut(X, Y, W)).theta_ != thetas[0]).any()


def test_warm_starts_go_on():
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
    with pytest.warns(UserWarning, match="interrupted"):
        clf = DaskSoftmaxMLPClassifier(4, n_shards=2, epochs=9, verbose=1).fit(*cut(X, Y))
    assert clf.n_iter_ == 2
    assert clf.stop_reason_ == "interrupted"


# What comes in ---------------------------------------------------------------------------------


def frames(n_partitions=3):
    names = ["a", "b", "c", "d"]
    frame = pd.DataFrame(X, columns=names).assign(target=np.array(["x", "y", "z"])[Y])
    frame = dd.from_pandas(frame, npartitions=n_partitions)
    return frame[names], frame["target"]


def test_dataframes_go_in_and_come_out():
    frame, target = frames()
    clf = DaskSoftmaxMLPClassifier(8, solver="lbfgs", n_shards=2).fit(frame, target)
    assert clf.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert clf.classes_.tolist() == ["x", "y", "z"]
    labels = clf.predict(frame)
    assert isinstance(labels, dd.Series)
    assert labels.compute().index.equals(frame.compute().index)
    proba = clf.predict_proba(frame).compute()
    assert proba.columns.tolist() == ["x", "y", "z"]
    np.testing.assert_allclose(proba, clf.to_local().predict_proba(frame.compute()))
    assert clf.hidden_activations(frame).compute().shape == (150, 8)
    assert clf.score(frame, target) > 0.9
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict(frame.rename(columns={"a": "e"})).compute()


def test_arrays_of_unknown_chunks_sparse_blocks_and_cut_columns():
    frame, target = frames()
    params = {
        "units": (),
        "solver": "lbfgs",
        "l2": 0.01,
        "tol": 1e-8,
        "n_shards": 2,
        "epochs": 2000,
    }
    clf = DaskSoftmaxMLPClassifier(**params).fit(frame, target)
    codes = target.map_partitions(lambda part: (part == "x").astype("int64"), meta=("t", "int64"))
    unknown = DaskSoftmaxMLPClassifier(**params).fit(frame.values, target)
    np.testing.assert_allclose(
        unknown.predict_proba(X), clf.predict_proba(frame).compute(), atol=1e-6
    )
    assert DaskSoftmaxMLPClassifier(**params).fit(frame, codes).classes_.tolist() == [0, 1]
    columns = da.from_array(X, chunks=((40, 63, 47), (1, 3)))
    (dense,) = cut(X)
    blocks = dense.map_blocks(sparse.csr_array)
    local = SoftmaxMLPClassifier((), solver="lbfgs", l2=0.01, tol=1e-8, epochs=2000)
    for given, rows in ((columns, X), (blocks, sparse.csr_array(X))):
        clf = DaskSoftmaxMLPClassifier(**params).fit(given, *cut(Y, chunks=(75, 75)))
        expected = local.fit(rows, Y).predict_proba(rows)
        np.testing.assert_allclose(clf.to_local().predict_proba(rows), expected, atol=1e-6)
        np.testing.assert_allclose(clf.predict_proba(given).compute(), expected, atol=1e-6)


def test_partitions_without_rows_or_weight_do_no_harm():
    params = {"units": (), "solver": "lbfgs", "l2": 0.01, "tol": 1e-8, "epochs": 2000}
    frame, target = frames(6)
    few = frame["a"] > 5.9
    few = few & (frame.index < 75)  # nothing is left of the last partitions
    clf = DaskSoftmaxMLPClassifier(n_shards=6, **params).fit(frame[few], target[few])
    rows, labels = frame[few].compute(), target[few].compute()
    local = SoftmaxMLPClassifier(**params).fit(rows, labels)
    np.testing.assert_allclose(
        clf.to_local().predict_proba(rows), local.predict_proba(rows), atol=1e-6
    )
    assert len(clf.predict(frame[few])) == len(labels)
    w = np.where(np.arange(150) < 40, 0.0, W)
    clf = DaskSoftmaxMLPClassifier(n_shards=3, **params).fit(*cut(X, Y, w))
    local = SoftmaxMLPClassifier(**params).fit(X, Y, w)
    np.testing.assert_allclose(clf.predict_proba(X), local.predict_proba(X), atol=1e-6)


def test_what_cannot_be_meant_is_refused():
    fit = DaskSoftmaxMLPClassifier(4, n_shards=2).fit
    dX, dy, dw = cut(X, Y, W)
    with pytest.raises(TypeError, match=r"X must be a dask array or dataframe, got .*ndarray"):
        fit(X, dy)
    with pytest.raises(TypeError, match=r"y must be a dask array"):
        fit(dX, Y)
    with pytest.raises(TypeError, match=r"y_val must be a dask array"):
        fit(dX, dy, X_val=dX, y_val=Y)
    with pytest.raises(ValueError, match="needs X_val and y_val: X_val not given"):
        fit(dX, dy, y_val=dy)
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[150, 149\]"):
        fit(dX, dy[:149])
    with pytest.raises(ValueError, match="y has 2 partitions and X has 3: partitions must match"):
        fit(frames(3)[0], frames(2)[1])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        fit(da.where(dX > 7, np.nan, dX), dy)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        fit(dX, dy + 0.5)
    with pytest.raises(ValueError, match="every weight is zero"):
        fit(dX, dy, dw * 0)
    with pytest.raises(ValueError, match="must not be negative"):
        fit(dX, dy, -dw)
    with pytest.raises(ValueError, match="Unknown class in y_val: \\[4\\]"):
        fit(dX, dy, X_val=dX, y_val=dy * 2)
    with pytest.raises(ValueError, match="gives every row the weight zero"):
        DaskSoftmaxMLPClassifier(4, class_weight=dict.fromkeys(range(3), 0)).fit(dX, dy)
    blocks = [dask.delayed(np.asarray)(Y[:75]), dask.delayed(np.asarray)(Y[75:].astype(str))]
    mixed = da.concatenate([da.from_delayed(b, (75,), dtype=object) for b in blocks])
    with pytest.raises(ValueError, match="labels of different kinds"):
        fit(dX.rechunk((75, 4)), mixed)
    for name in ("n_shards", "rounds_per_epoch"):
        with pytest.raises(ValueError, match=f"{name} must be .*an integer >= 1, got 0"):
            DaskSoftmaxMLPClassifier(4, **{name: 0}).fit(dX, dy)
    with pytest.raises(ValueError, match="rounds_per_epoch=90 is more than the rows of a shard"):
        DaskSoftmaxMLPClassifier(4, n_shards=2, rounds_per_epoch=90).fit(dX, dy)
    with pytest.raises(ValueError, match="units must be"):
        DaskSoftmaxMLPClassifier(0).fit(dX, dy)
    with pytest.raises(ValueError, match="Checkpoint is for SoftmaxMLPClassifier"):
        DaskSoftmaxMLPClassifier().set_callbacks(Checkpoint("x")).fit(dX, dy)
    with pytest.raises(AttributeError, match="resume is for"):
        DaskSoftmaxMLPClassifier.resume("x", dX, dy)
    clf = DaskSoftmaxMLPClassifier()
    assert not hasattr(clf, "partial_fit")
    with pytest.raises(ValueError, match="Training diverged"):
        DaskSoftmaxMLPClassifier(4, standardize=False, solver="sgd", learning_rate=1e9).fit(
            dX * 1e6, dy
        )


def test_a_warning_where_shards_have_different_classes():
    order = np.argsort(Y)
    with pytest.warns(UserWarning, match=r"class frequencies of shard \d of 3 differ"):
        DaskSoftmaxMLPClassifier(4, n_shards=3, epochs=1).fit(*cut(X[order], Y[order]))


def test_blocks_that_do_not_belong_together_are_refused():
    dX, dy = cut(X, Y, chunks=(75, 75))
    for n_shards in (1, 2):
        clf = DaskSoftmaxMLPClassifier(4, n_shards=n_shards)
        masked = da.ma.masked_where(dX > 7, dX)
        with pytest.raises(ValueError, match="masked entries"):
            clf.fit(masked, dy)
        parts = [dask.delayed(block) for block in (X[:75], sparse.csr_array(X[75:]))]
        mixed = da.concatenate([da.from_delayed(p, (75, 4), float) for p in parts])
        with pytest.raises(ValueError, match="are sparse and some are dense"):
            clf.fit(mixed, dy)
        labels = [dask.delayed(block) for block in (Y[:75], Y[75:].astype(np.uint64) + 2**60)]
        labels = da.concatenate([da.from_delayed(p, (75,), int) for p in labels])
        with pytest.raises(ValueError, match="labels of different kinds"):
            clf.fit(dX, labels)
        frame = pd.DataFrame(X, columns=list("abcd"))
        halves = [dask.delayed(h) for h in (frame[:75], frame[75:][list("dcba")])]
        frame = dd.from_delayed(halves, meta=frame[:0], verify_meta=False)
        with pytest.raises(ValueError, match="different columns"):
            clf.fit(frame, dy)
        short = da.from_delayed(dask.delayed(Y[:9]), (75,), int)
        with pytest.raises(ValueError, match="a partition of X has 75 rows and that of y has 9"):
            clf.fit(dX, da.concatenate([short, dy[75:]]))


def test_scores_are_checked():
    clf = DaskSoftmaxMLPClassifier(4, n_shards=2).fit(*cut(X, Y))
    dX, dy, dw = cut(X, Y, W)
    assert clf.score(dX, dy[:, None]) == clf.score(dX, dy)
    for y, w, message in (
        (dy.astype(str), None, "different kinds"),
        (dy, dw * 0, "every weight is zero"),
        (dy, -dw, "must not be negative"),
        (dy + 0.5, None, "continuous"),
    ):
        with pytest.raises(ValueError, match=message):
            clf.score(dX, y, w)
    with pytest.raises(ValueError, match="two dimensions"):
        clf.predict(dX[:, 0])
    with pytest.raises(TypeError, match="must be a dask array"):
        clf.fit(dask.delayed(X), dy)


@pytest.mark.parametrize("scale", [3e13, 1e200, 1e-200])
def test_the_unit_of_weights_does_not_matter(scale):
    params = {"units": (), "solver": "lbfgs", "l2": 0.01, "tol": 1e-8, "epochs": 2000}
    local = SoftmaxMLPClassifier(**params).fit(X, Y, W)
    clf = DaskSoftmaxMLPClassifier(n_shards=3, **params).fit(*cut(X, Y, W * scale))
    np.testing.assert_allclose(clf.predict_proba(X), local.predict_proba(X), atol=1e-6)


def test_empty_blocks_are_answered_in_shape():
    clf = DaskSoftmaxMLPClassifier(4, n_shards=2).fit(*cut(X, Y))
    rows, numbers = cut(X, np.arange(150))
    few = rows[(numbers < 40) | (numbers >= 103)]
    for method, shape in {
        "predict": (), "predict_proba": (3,), "predict_log_proba": (3,), "decision_function": (3,),
        "hidden_activations": (4,),
    }.items():  # fmt: skip
        answers = getattr(clf, method)
        expected = np.delete(np.asarray(answers(X)), np.arange(40, 103), axis=0)
        np.testing.assert_allclose(answers(few).compute(), expected, rtol=1e-6)
        assert answers(rows[:0]).compute().shape == (0, *shape)


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


def test_scores_of_a_sample_weigh_unequal_shards_by_rows():
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


def test_a_callable_scorer_judges_what_it_is_given():
    def brier(estimator, rows, labels):
        assert estimator.classes_.tolist() == [0, 1, 2]
        return -np.mean((estimator.predict_proba(rows)[np.arange(len(rows)), labels] - 1) ** 2)

    clf = DaskSoftmaxMLPClassifier(4, n_shards=2, epochs=2, scoring=brier, random_state=0)
    clf.fit(*cut(X, Y), **dict(zip(("X_val", "y_val"), cut(X, Y), strict=True)))
    proba = clf.predict_proba(X)[np.arange(150), Y]
    assert clf.validation_scores_[-1] == pytest.approx(-np.mean((proba - 1) ** 2), rel=1e-6)


def test_rows_of_a_class_without_weight_count_in_the_score():
    order = np.argsort(Y, kind="stable")
    rows, labels = X[order], Y[order]
    clf = DaskSoftmaxMLPClassifier(4, epochs=3, class_weight={0: 1, 1: 1, 2: 0}, n_shards=3)
    val = dict(zip(("X_val", "y_val"), cut(rows, labels, chunks=(50, 50, 50)), strict=True))
    clf.fit(*cut(X, Y), **val)
    assert clf.validation_scores_[-1] == pytest.approx(clf.score(X, Y))


def test_fits_in_threads_leave_the_process_as_it_was():
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


def test_dask_is_told_how_large_shards_are():
    X_large = np.zeros((10_000, 100))
    shard = validate_shard([(X_large, np.zeros(10_000, int), None)], 0)
    assert sizeof(shard) > X_large.nbytes


# An estimator as others ------------------------------------------------------------------------


def test_it_is_an_estimator_of_scikit_learn():
    clf = DaskSoftmaxMLPClassifier(7, l2=0.5, n_shards=2)
    assert repr(clf) == "DaskSoftmaxMLPClassifier(l2=0.5, n_shards=2, units=7)"
    assert clone(clf).get_params() == clf.get_params()
    ours = set(clf.get_params()) - set(SoftmaxMLPClassifier().get_params())
    assert ours == {"n_shards", "rounds_per_epoch"}
    assert clf.set_params(l2=0.1, rounds_per_epoch=2).l2 == 0.1
    local = clf.to_local()
    assert type(local) is SoftmaxMLPClassifier
    assert not hasattr(local, "theta_")
    clf.fit(*cut(X, Y))
    assert (clf.to_local().predict(X) == clf.predict(cut(X)[0]).compute()).all()
    np.testing.assert_allclose(
        clf.decision_function(cut(X)[0]), clf.to_local().decision_function(X)
    )
    np.testing.assert_allclose(
        clf.predict_log_proba(cut(X)[0]), clf.to_local().predict_log_proba(X)
    )
    hidden = clf.hidden_activations(cut(X)[0], 0)
    assert hidden.shape == (150, 7)
    np.testing.assert_allclose(hidden, clf.to_local().hidden_activations(X))
    assert clf.n_features_in_ == 4
    assert not hasattr(clf, "feature_names_in_")
    with pytest.raises(ValueError, match="layer must be"):
        clf.hidden_activations(cut(X)[0], 1)


def test_the_local_model_is_saved_and_converted(tmp_path):
    clf = DaskSoftmaxMLPClassifier(4, n_shards=2, random_state=0).fit(*cut(X, Y))
    with pytest.raises(TypeError, match=r"to_local\(\)"):
        save(clf, tmp_path / "model")
    save(clf.to_local(), tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").theta_, clf.theta_)
    np.testing.assert_allclose(clf.to_sklearn().predict_proba(X), clf.predict_proba(X), rtol=1e-5)


def test_decisions_for_two_classes_have_one_dimension():
    clf = DaskSoftmaxMLPClassifier(4, n_shards=2).fit(*cut(X, Y == 1))
    decisions = clf.decision_function(cut(X)[0])
    assert decisions.shape == (150,)
    np.testing.assert_allclose(decisions, clf.to_local().decision_function(X))
    frame = frames()[0].rename(columns=dict(zip("abcd", "efgh", strict=True)))
    clf.fit(frame, dd.from_dask_array(cut(Y == 1, chunks=(50, 50, 50))[0]))
    assert clf.decision_function(frame).compute().shape == (150,)


def test_predictions_are_computed_when_they_are_asked_for():
    clf = DaskSoftmaxMLPClassifier(4, n_shards=2).fit(*cut(X, Y))

    def never(block):
        raise RuntimeError("computed")

    lazy = clf.predict(cut(X)[0].map_blocks(never, dtype=float, meta=np.empty((0, 0))))
    with pytest.raises(RuntimeError, match="computed"):
        lazy.compute()


# A cluster -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client():
    pytest.importorskip("distributed", reason="distributed is not installed")
    with warnings.catch_warnings(), local_cluster(2, silence_logs=50) as client:
        yield client


def test_a_cluster_finds_what_threads_find_and_keeps_nothing(client):
    params = {"units": 8, "n_shards": 2, "random_state": 0, "epochs": 4}
    persisted = [array.persist() for array in cut(X, Y, W)]
    clf = DaskSoftmaxMLPClassifier(**params).fit(*persisted)
    del persisted
    with warnings.catch_warnings(), dask.config.set(scheduler="threads"):
        warnings.filterwarnings("ignore", "Running on a single-machine scheduler")  # older Dask
        again = DaskSoftmaxMLPClassifier(**params).fit(*cut(X, Y, W))
    np.testing.assert_allclose(clf.theta_, again.theta_, rtol=1e-5, atol=1e-7)
    assert clf.score(*cut(X, Y)) == again.score(*cut(X, Y))
    gc.collect()
    for _ in range(50):
        left = [key for keys in client.has_what().values() for key in keys]
        if not left:
            break
        client.run(gc.collect)
    assert not left


def test_rows_are_never_gathered(client):
    n = 200_000
    rows = da.random.default_rng(0).standard_normal((n, 50), chunks=(n // 4, 50))
    labels = (rows[:, 0] > 0).astype(int)
    weights = da.ones(n, chunks=n // 4)
    clf = DaskSoftmaxMLPClassifier(
        4, epochs=2, early_stopping=True, validation_fraction=0.2, batch_size=500, random_state=0
    )
    tracemalloc.start()
    try:
        clf.fit(rows, labels, weights)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8e6 < rows.nbytes / 9
    assert clf.score(rows, labels) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_worker_that_dies_changes_nothing(client, solver, monkeypatch):
    rows, labels = DIGITS
    arrays = cut(rows, labels, chunks=(500, 500, 500, 297))
    clf = DaskSoftmaxMLPClassifier(30, solver=solver, epochs=20, n_shards=2, random_state=0)
    undisturbed = clone(clf).fit(*arrays)
    workers = client.run(os.getpid)

    def kill_in_the_fourth(self, record):
        if self.history.n_epochs == 3:
            os.kill(next(iter(workers.values())), signal.SIGKILL)
        return original(self, record)

    original = TrainingRun.end_epoch
    monkeypatch.setattr(TrainingRun, "end_epoch", kill_in_the_fourth)
    bereft = clone(clf).fit(*arrays)
    assert (bereft.theta_ == undisturbed.theta_).all()
    assert bereft.score(rows, labels) > 0.95
    client.wait_for_workers(2)


@pytest.mark.parametrize("search", [GridSearchCV, PopulationGridSearchCV])
def test_searches_run_on_the_cluster(client, search):
    joblib = pytest.importorskip("joblib")
    grid = {"l2": [1e-4, 1e-2], "units": [4, 8]}
    clf = SoftmaxMLPClassifier(epochs=5, random_state=0, dtype="float64")
    expected = GridSearchCV(clf, grid, cv=3).fit(X, Y)
    with joblib.parallel_config(backend="dask"):
        found = search(clf, grid, cv=3, n_jobs=2).fit(X, Y)
    np.testing.assert_allclose(
        found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], atol=1e-6
    )


def test_incremental_of_dask_ml_takes_partial_fit():
    wrappers = pytest.importorskip("dask_ml.wrappers", reason="dask-ml is not installed")
    clf = wrappers.Incremental(SoftmaxMLPClassifier(random_state=0))
    for _ in range(20):
        clf.partial_fit(*cut(X, Y), classes=np.arange(3))
    assert clf.score(*cut(X, Y)) > 0.9

"""SoftmaxMLPClassifier: training, history, weights, dtypes, interruption, defaults."""

import pickle
import tracemalloc
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import SoftmaxMLPClassifier
from skmlp.core.activations import ACTIVATIONS
from skmlp.core.initializers import INITIALIZERS
from skmlp.core.schedules import SCHEDULES
from skmlp.training.config import TrainConfig
from tests.plain import PLAIN


def quick(**params):
    return SoftmaxMLPClassifier(**{**PLAIN, "units": 16, "epochs": 5, "random_state": 0, **params})


# Learning


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_learn_digits(digits, activation, solver):
    X_train, X_test, y_train, y_test = digits
    rate = 0.1 if solver == "sgd" else 0.01
    params = {"learning_rate": rate, "batch_size": 128, "epochs": 30}
    clf = quick(units=50, activation=activation, solver=solver, **params)
    assert clf.fit(X_train, y_train).score(X_test, y_test) > 0.94


@pytest.mark.parametrize("init", ["auto", *INITIALIZERS])
@pytest.mark.parametrize("schedule", [*SCHEDULES, "adaptive", lambda fraction: 1 - fraction])
def test_initializers_and_schedules_learn_digits(digits, init, schedule):
    X_train, X_test, y_train, y_test = digits
    rate = 0.05 if schedule == "invscaling" else 0.01
    clf = quick(units=50, init=init, schedule=schedule, learning_rate=rate, epochs=20)
    at_least = 0.8 if init == "standard_normal" else 0.9  # large weights learn slowly
    assert clf.fit(X_train, y_train).score(X_test, y_test) > at_least


def test_several_layers_with_different_activations(digits):
    X_train, X_test, y_train, y_test = digits
    clf = quick(units=(40, 30, 20), activation=["silu", "relu", "tanh"], epochs=20)
    assert clf.fit(X_train, y_train).score(X_test, y_test) > 0.92
    assert [W.shape for W in clf.coefs_] == [(64, 40), (40, 30), (30, 20), (20, 10)]
    assert [b.shape for b in clf.intercepts_] == [(40,), (30,), (20,), (10,)]
    assert (clf.n_layers_, clf.n_outputs_, clf.out_activation_) == (5, 10, "softmax")


def test_objective_equals_that_of_mlpclassifier(digits):
    """Compare the loss at the same parameters: alpha is l2 times the batch size."""
    X, _, y, _ = digits
    X, y = X[:200], y[:200]
    mlp = MLPClassifier(
        (30,),
        solver="sgd",
        momentum=0,
        learning_rate_init=0.1,
        alpha=2.0,
        batch_size=200,
        shuffle=False,
        random_state=0,
    )
    mlp.partial_fit(X, y, classes=np.arange(10))
    clf = quick(units=30, l2=0.01, epochs=1).fit(X, y)
    clf.theta_[:] = np.concatenate([p.ravel() for p in (*mlp.coefs_, *mlp.intercepts_)])
    np.testing.assert_allclose(clf.predict_proba(X), mlp.predict_proba(X), atol=1e-14)
    penalty = 0.01 / 2 * sum((W**2).sum() for W in clf.coefs_)
    value = log_loss(y, clf.predict_proba(X)) + penalty
    mlp.partial_fit(X, y)
    assert value == pytest.approx(mlp.loss_, rel=1e-12)


# History and validation


def test_history_has_one_entry_per_epoch(digits):
    X_train, X_test, y_train, y_test = digits
    clf = quick().fit(X_train, y_train, X_val=X_test, y_val=y_test)
    frame = pd.DataFrame(clf.history_)
    assert frame.columns.tolist() == [
        "loss", "score", "validation_loss", "validation_score", "learning_rate", "seconds",
    ]  # fmt: skip
    assert len(frame) == clf.n_iter_ == 5
    assert set(frame.dtypes.astype(str)) == {"float64"}
    assert clf.loss_ == clf.loss_curve_[-1] == frame["loss"].iloc[-1]
    assert clf.validation_loss_curve_ == clf.history_["validation_loss"]
    assert clf.validation_scores_[-1] == clf.score(X_test, y_test)
    loss = log_loss(y_test, clf.predict_proba(X_test))
    assert clf.validation_loss_curve_[-1] == pytest.approx(loss, rel=1e-10)
    assert clf.stop_reason_ == "epochs"


def test_validation_curves_are_none_without_validation_set(iris):
    clf = quick().fit(*iris)
    assert clf.validation_loss_curve_ is None
    assert clf.validation_scores_ is None
    assert list(clf.history_) == ["loss", "learning_rate", "seconds"]


def test_validation_set_with_one_row_per_class():
    X, y = np.eye(60), np.arange(60) % 30
    assert len(quick().fit(X, y, X_val=X[:30], y_val=y[:30]).validation_scores_) == 5


def test_weighted_validation_does_not_affect_training(digits):
    X_train, X_test, y_train, y_test = digits
    w = np.arange(len(y_test)) % 3.0
    clf = quick(l2=0.1).fit(X_train, y_train, X_val=X_test, y_val=y_test, sample_weight_val=w)
    np.testing.assert_array_equal(clf.theta_, quick(l2=0.1).fit(X_train, y_train).theta_)
    loss = log_loss(y_test, clf.predict_proba(X_test), sample_weight=w)  # without penalty
    score = accuracy_score(y_test, clf.predict(X_test), sample_weight=w)
    assert clf.validation_loss_curve_[-1] == pytest.approx(loss, rel=1e-10)
    assert clf.validation_scores_[-1] == pytest.approx(score, rel=1e-10)


def test_loss_curve_is_the_objective(iris):
    X, y = iris
    clf = quick(l1=0.01, l2=0.1, batch_size=150, solver="sgd", learning_rate=1e-9, epochs=2)
    clf.fit(X, y)  # the rate is too small to change the parameters
    penalty = sum(0.01 * np.abs(W).sum() + 0.05 * (W**2).sum() for W in clf.coefs_)
    expected = log_loss(y, clf.predict_proba(X)) + penalty
    assert clf.loss_curve_ == pytest.approx([expected] * 2, rel=1e-6)


def test_verbose_prints_one_line_per_epoch(iris, capsys):
    quick(verbose=1).fit(*iris, X_val=iris[0], y_val=iris[1])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("epoch 1/5  loss ")
    assert max(map(len, lines)) < 80
    for word in ("validation ", "score ", "rate 1.0e-03", " s"):
        assert word in lines[-1]
    quick().fit(*iris)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
def test_scorer_receives_independent_models(iris, scoring):
    models = []

    def modifying_scorer(clf, X, y):
        models.append(clf)
        score = clf.score(X, y)
        assert clf.n_outputs_ == 3
        kept.append(clf.theta_.copy())
        if len(models) % 4 == 0:
            clf.theta_[:] = 0.0
        return score

    kept = []
    clf = quick().fit(*iris, X_val=iris[0], y_val=iris[1])
    same = quick(scoring=modifying_scorer).fit(*iris, X_val=iris[0], y_val=iris[1])
    np.testing.assert_array_equal(same.theta_, clf.theta_)
    assert len({id(model) for model in models}) == 5
    for model, theta in zip(models[:-3:2], kept[:-3:2], strict=True):
        assert not np.shares_memory(model.theta_, clf.theta_)
        assert not np.array_equal(theta, clf.theta_)


# Weights, rows, batches


def test_integer_weights_equal_repeated_rows(rng):
    X, y = rng.randn(40, 3), rng.randint(0, 3, 40)
    counts = rng.randint(0, 4, 40)
    weighted = quick(batch_size=int((counts > 0).sum()), epochs=50)
    weighted.fit(X, y, sample_weight=counts)
    repeated = quick(batch_size=int(counts.sum()), epochs=50)
    repeated.fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    np.testing.assert_allclose(weighted.theta_, repeated.theta_, atol=1e-9)


def test_zero_weight_rows_have_no_effect(rng):
    X, y, w = rng.randn(90, 3), np.arange(90) % 3, rng.rand(90)
    used = np.arange(90) % 4 != 0
    clf = quick(batch_size=16).fit(X, y, sample_weight=np.where(used, w, 0))
    without = quick(batch_size=16).fit(X[used], y[used], sample_weight=w[used])
    np.testing.assert_array_equal(clf.theta_, without.theta_)
    assert clf.loss_curve_ == without.loss_curve_
    unweighted = quick(batch_size=16).fit(X[used], y[used])
    clf = quick(batch_size=16).fit(X, y, sample_weight=used * 1e308)
    np.testing.assert_array_equal(clf.theta_, unweighted.theta_)


@pytest.mark.parametrize("batch_size", [8, 32, 200])
def test_minibatches_are_unbiased_under_weights(batch_size):
    # 5 % of the rows have half of the weight. Dividing by the weights of each batch would give
    # 0.26, 0.42 and 0.50.
    y = np.arange(1000) % 20 == 0
    w = np.where(y, 19.0, 1.0)
    clf = quick(
        units=(), solver="sgd", momentum=0.0, learning_rate=0.05, schedule="cosine",
        batch_size=batch_size, epochs=150,
    )  # fmt: skip
    clf.fit(np.zeros((1000, 1)), y, sample_weight=w)
    assert clf.predict_proba([[0.0]])[0, 1] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("chunk", [pytest.param(8, marks=pytest.mark.slow), 32, 200])
@pytest.mark.parametrize("by", ["sample_weight", "class_weight"])
def test_partial_fit_is_unbiased_under_weights(rng, chunk, by):
    y = rng.permutation(np.arange(400) % 20 == 0)
    w = np.where(y, 19.0, 1.0) if by == "sample_weight" else None
    clf = quick(
        units=(), solver="sgd", momentum=0.0, schedule="invscaling", learning_rate=0.5,
        class_weight={True: 19.0} if w is None else None,
    )  # fmt: skip
    for _ in range(10):
        order = rng.permutation(400)
        for start in range(0, 400, chunk):
            rows = order[start : start + chunk]
            given = None if w is None else w[rows]
            clf.partial_fit(np.zeros((len(rows), 1)), y[rows], [False, True], given)
    assert clf.predict_proba([[0.0]])[0, 1] == pytest.approx(0.5, abs=0.03)


def test_batch_size_larger_than_number_of_rows_warns(iris):
    larger = "batch_size=151 is larger than the number of rows"
    with pytest.warns(UserWarning, match=larger) as warned:
        clipped = quick(batch_size=151).fit(*iris)
    assert warned[0].filename == __file__
    np.testing.assert_array_equal(clipped.theta_, quick(batch_size=150).fit(*iris).theta_)
    quick(batch_size="auto").fit(iris[0][:3], iris[1][:3])
    with pytest.warns(UserWarning, match=larger) as warned:
        quick(batch_size=151, epochs="auto").fit(*iris)
    assert len(warned) == 1
    search = GridSearchCV(quick(batch_size=151), {"l2": [0.0]}, cv=3)
    with pytest.warns(UserWarning, match="clipped to 1") as warned:
        search.fit(*iris)
    assert warned[0].filename == __file__
    with pytest.warns(UserWarning, match=larger):  # code that is not in a file
        exec("clf.fit(X, y)", {"clf": quick(batch_size=151), "X": iris[0], "y": iris[1]})


def test_without_shuffle_rows_are_visited_in_order(iris):
    X, y = iris
    still = quick(shuffle=False, batch_size=50, epochs=1, solver="sgd", momentum=0.0)
    swapped = np.r_[25:50, :25, 50:150]  # within the first batch
    np.testing.assert_allclose(
        clone(still).fit(X, y).theta_, clone(still).fit(X[swapped], y[swapped]).theta_, atol=1e-14
    )
    moved = np.r_[50:100, :50, 100:150]
    assert not np.allclose(still.fit(X, y).theta_, clone(still).fit(X[moved], y[moved]).theta_)


# Numbers and containers


@pytest.mark.parametrize(
    ("dtype", "given", "expected"),
    [
        ("auto", np.float32, np.float32),
        ("auto", np.float64, np.float64),
        ("auto", np.uint8, np.float32),
        ("auto", np.int64, np.float32),
        ("auto", bool, np.float32),
        ("auto", np.float16, np.float32),
        ("auto", np.longdouble, np.float64),
        ("float32", np.float64, np.float32),
        ("float64", np.uint8, np.float64),
    ],
)
def test_dtypes_of_parameters_and_predictions(iris, dtype, given, expected):
    X = (iris[0] > 0).astype(given)
    clf = quick(dtype=dtype).fit(X, iris[1])
    results = clf.theta_, clf.predict_proba(X), clf.decision_function(X.astype(float))
    assert {array.dtype.name for array in results} == {np.dtype(expected).name}


def test_integers_equal_float32(digits):
    X = (digits[0] * 16).astype(np.uint8)
    as_float = quick().fit(X.astype(np.float32), digits[2])
    np.testing.assert_array_equal(quick().fit(X, digits[2]).theta_, as_float.theta_)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, bool])
@pytest.mark.parametrize(
    "params", [{}, {"standardize": True}, {"early_stopping": True}, {"solver": "lbfgs"}], ids=str
)
def test_integers_are_not_copied_to_floats(rng, params, dtype):
    X, y = rng.randint(0, 255, (60_000, 300)).astype(dtype), np.arange(60_000) % 10
    clf = quick(units=20, epochs=1, batch_size=100, **params)
    tracemalloc.start()
    try:
        clf.fit(X, y, X_val=X, y_val=y).predict(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40_000_000  # in float32, X has 72 MB


@pytest.mark.parametrize(
    ("mean", "dtype", "coarse"),
    [(1e9, np.int64, False), (1e6, np.float32, True), (1e9, np.float64, False), (100, int, False)],
)
def test_column_with_large_mean_in_float32_warns(rng, mean, dtype, coarse):
    X = np.column_stack([rng.randn(90), mean + rng.randint(0, 10, 90)]).astype(dtype)
    clf = quick(standardize=True)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        clf.fit(X, X[:, 1] > mean + 4)
    assert len(warned) == coarse
    if coarse:
        assert "Column 1 of X has mean" in str(warned[0].message)
        assert "set dtype='float64'" in str(warned[0].message)


@pytest.mark.parametrize("change", ["fortran", "readonly", "strided", "list", "byteswapped"])
def test_memory_layout_of_x_has_no_effect(iris, change):
    X, y = iris
    changed = {
        "fortran": np.asfortranarray(X),
        "readonly": X.copy(),
        "strided": np.repeat(X, 2, axis=1)[::1, ::2],
        "list": X.tolist(),
        "byteswapped": X.astype(">f8"),
    }[change]
    if change == "readonly":
        changed.flags.writeable = False
    np.testing.assert_array_equal(quick().fit(changed, y).theta_, quick().fit(X, y).theta_)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_feature_names_of_data_frames(iris, frame):
    X, y = iris
    names = ["a", "b", "c", "d"]
    framed = frame(dict(zip(names, X.T, strict=True)))
    clf = quick().fit(framed, y)
    assert clf.feature_names_in_.tolist() == names
    np.testing.assert_array_equal(clf.predict_proba(framed), quick().fit(X, y).predict_proba(X))
    with pytest.raises(ValueError, match="feature names"):
        clf.predict(framed[["b", "a", "c", "d"]])


def test_labels_as_series(iris):
    X, y = iris
    for labels in (pd.Series(y), pl.Series(y)):
        np.testing.assert_array_equal(quick().fit(X, labels).theta_, quick().fit(X, y).theta_)


# scikit-learn


def test_pipeline_grid_search_and_cross_validation():
    X, y = make_classification(200, 8, n_informative=5, n_classes=3, random_state=0)
    pipeline = make_pipeline(StandardScaler(), quick(epochs=40, learning_rate=0.01))
    grid = {
        "softmaxmlpclassifier__units": [(), 8, (8, 4)],
        "softmaxmlpclassifier__l1": [0.0, 1e-3],
        "softmaxmlpclassifier__l2": [0.0, 1e-2],
    }
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
    assert search.best_score_ > 0.55
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert (cross_val_score(pipeline, X, y, cv=3) > 0.5).all()


def test_same_seed_gives_identical_clone_and_pickle(iris):
    first = quick(random_state=7).fit(*iris)
    again = clone(first).fit(*iris)
    np.testing.assert_array_equal(first.theta_, again.theta_)
    assert not np.array_equal(first.theta_, quick(random_state=8).fit(*iris).theta_)
    loaded = pickle.loads(pickle.dumps(first))
    np.testing.assert_array_equal(loaded.predict_proba(iris[0]), first.predict_proba(iris[0]))
    for W in loaded.coefs_:
        assert np.shares_memory(W, loaded.theta_)


def test_random_state_instance_advances(iris):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    rng = np.random.RandomState(0)
    clf = quick(random_state=rng)
    assert not np.array_equal(clf.fit(*iris).theta_, clone(clf).fit(*iris).theta_)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_parameters_changed_after_fit_do_not_change_predictions(iris):
    clf = quick().fit(*iris)
    expected = clf.predict_proba(iris[0])
    clf.set_params(units=99, activation="tanh", dtype="float32")
    np.testing.assert_array_equal(clf.predict_proba(iris[0]), expected)


def test_not_fitted(iris):
    clf = quick()
    for name in ("coefs_", "intercepts_", "loss_curve_", "validation_scores_", "theta_"):
        assert not hasattr(clf, name)
    for method in (clf.predict, clf.predict_proba, clf.predict_log_proba, clf.decision_function):
        with pytest.raises(NotFittedError):
            method(iris[0])


# Interruption


def test_interrupt_keeps_completed_epochs(iris):
    def interrupting(fraction):
        if fraction >= 0.5:
            raise KeyboardInterrupt
        return 1.0

    clf = quick(epochs=100, schedule=interrupting, learning_rate=0.01)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(*iris)
    assert clf.stop_reason_ == "interrupted"
    assert clf.n_iter_ == len(clf.loss_curve_) == 50
    assert clf.score(*iris) > 0.9


def test_interrupt_in_the_first_epoch(iris):
    steps = iter([1.0])

    def interrupting(fraction):
        for factor in steps:
            return factor
        raise KeyboardInterrupt

    clf = quick(schedule=interrupting)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(*iris)
    assert clf.n_iter_ == 0
    assert np.isnan(clf.loss_)
    assert clf.predict(iris[0]).shape == (150,)


def test_interrupt_before_the_first_step_keeps_the_previous_model(iris):
    def interrupting(fraction):
        raise KeyboardInterrupt

    clf = quick().fit(*iris)
    expected = clf.predict_proba(iris[0])
    with pytest.raises(KeyboardInterrupt):
        clf.set_params(schedule=interrupting).fit(*iris)
    np.testing.assert_array_equal(clf.predict_proba(iris[0]), expected)


# Defaults


@pytest.mark.parametrize(
    ("n_rows", "epochs"),
    [(10, 100), (2000, 100), (12_800, 100), (48_000, 27), (10**6, 5)],
)
def test_epochs_auto(n_rows, epochs):
    def n_epochs(**params):
        params = SoftmaxMLPClassifier(**params).get_params()
        return replace(TrainConfig.from_params(params), n_rows=n_rows).n_epochs

    assert n_epochs() == epochs
    assert n_epochs(epochs=7) == 7
    assert n_epochs(solver="lbfgs") == 200


def test_defaults_are_accurate_at_any_feature_scale(digits):
    X_train, X_test, y_train, y_test = digits
    for scale in (1e-6, 1.0, 1e6):
        clf = SoftmaxMLPClassifier(random_state=0).fit(X_train * scale, y_train)
        assert clf.score(X_test * scale, y_test) > 0.96

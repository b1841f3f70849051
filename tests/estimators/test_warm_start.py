"""Continued training: warm_start, partial_fit, pickle, failures and interruption."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from skmlp import SoftmaxMLPClassifier
from tests.plain import PLAIN


def quick(**params):
    return SoftmaxMLPClassifier(**{**PLAIN, "units": 8, "epochs": 3, "random_state": 0, **params})


def by_fit(clf, X, y, **given):
    """Train for three epochs by a warm start."""
    return clf.set_params(warm_start=True, epochs=3).fit(X, y, **given)


def by_partial_fit(clf, X, y, **given):
    """Train for three epochs by partial_fit."""
    for _ in range(3):
        clf.partial_fit(X, y, classes=np.unique(y), **given)
    return clf


def through_pickle(clf):
    return pickle.loads(pickle.dumps(clf))


def assert_same_training(a, b):
    np.testing.assert_array_equal(a.theta_, b.theta_)
    assert a.history_.keys() == b.history_.keys()
    for name in a.history_.keys() - {"seconds"}:
        np.testing.assert_array_equal(a.history_[name], b.history_[name])


# 3 + 3 epochs are 6


@pytest.mark.parametrize("way", [by_fit, by_partial_fit])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("schedule", ["constant", "invscaling", "adaptive"])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"dropout": 0.4, "units": (8, 6)},
        {"dropout": [0.2, 0.0], "shuffle": False},
        {"standardize": True},
        {"standardize": True, "dtype": "float32", "dropout": 0.4},
        {"dtype": "float32", "l1": 0.01},
        {"momentum": 0.0, "label_smoothing": 0.1, "l2": [0.1, 0.0]},
        {"units": (), "nesterovs_momentum": False, "class_weight": {0: 3.0}},
    ],
    ids=str,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_two_calls_equal_one_longer_fit(iris, rng, way, solver, schedule, params, weighted):
    given = {"sample_weight": rng.randint(0, 4, 150)} if weighted else {}
    clf = quick(solver=solver, schedule=schedule, learning_rate=0.02, batch_size=30, **params)
    clf.set_params(tol=0.1, n_iter_no_change=2)  # for the adaptive schedule
    whole = copy.copy(clf).set_params(epochs=6).fit(*iris, **given)
    half = way(clf, *iris, **given)
    loaded = through_pickle(half)
    assert_same_training(way(half, *iris, **given), whole)
    assert_same_training(way(loaded, *iris, **given), whole)
    assert whole.n_iter_ == half.n_iter_ == len(half.loss_curve_) == 6


def test_adaptive_rate_is_continued(iris):
    clf = quick(schedule="adaptive", tol=1e9, n_iter_no_change=2, learning_rate=1.0)
    for _ in range(3):
        by_fit(clf, *iris)
    expected = 5.0 ** -np.array([0, 0, 0, 1, 1, 2, 2, 3, 3])
    np.testing.assert_allclose(clf.history_["learning_rate"], expected)
    clf.set_params(n_iter_no_change=1)
    by_fit(clf, *iris)
    np.testing.assert_allclose(clf.history_["learning_rate"][9:], 5.0 ** -np.array([4, 5, 6]))
    clf.set_params(n_iter_no_change=np.inf, learning_rate=0.1)
    by_fit(clf, *iris)
    np.testing.assert_allclose(clf.history_["learning_rate"][12:], 0.1 * 5.0**-7)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", lambda fraction: 1 - fraction])
def test_cyclic_schedules_restart_with_warm_start_and_are_constant_in_partial_fit(iris, schedule):
    clf = by_fit(by_fit(quick(schedule=schedule), *iris), *iris)
    rates = clf.history_["learning_rate"]
    assert rates[:3] == rates[3:]
    assert len(set(rates)) == 3
    by_partial_fit(clf, *iris)
    assert rates == clf.history_["learning_rate"][:6]
    assert clf.history_["learning_rate"][6:] == [0.001] * 3


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_warm_start_trains_for_epochs_more(iris, solver):
    clf = quick(solver=solver, warm_start=True, epochs=10).fit(*iris)
    assert (clf.n_iter_, clf.stop_reason_) == (10, "epochs")
    clf.set_params(epochs=20).fit(*iris)
    assert (clf.n_iter_, clf.stop_reason_) == (30, "epochs")
    assert clf.loss_ < clf.loss_curve_[9] < clf.loss_curve_[0]
    clf.set_params(warm_start=False).fit(*iris)
    assert clf.n_iter_ == 20


@pytest.mark.parametrize("change", ["standardize", "solver", "momentum"])
def test_changing_a_parameter_between_calls_does_not_change_predictions(iris, change):
    X, y = 10 * iris[0] + 3, iris[1]
    clf = by_fit(quick(solver="sgd", learning_rate=0.01), X, y)
    for value in {"standardize": [True, False], "momentum": [0.0]}.get(change, ["lbfgs", "adam"]):
        expected = clf.predict_proba(X)
        clf.set_params(**{change: value, "learning_rate": 1e-12, "tol": 1e9})
        np.testing.assert_allclose(by_fit(clf, X, y).predict_proba(X), expected, atol=1e-8)


def test_continuation_is_independent_of_the_given_generator(iris):
    shared = np.random.RandomState(7)
    clf = by_fit(quick(random_state=shared, batch_size=10), *iris)
    whole = quick(random_state=np.random.RandomState(7), batch_size=10, epochs=6).fit(*iris)
    loaded = through_pickle(clf)
    shared.random_sample(5)
    assert_same_training(by_fit(loaded, *iris), whole)
    assert_same_training(by_fit(clf, *iris), whole)


def test_copies_without_seed_differ_after_partial_fit(iris):
    clf = quick(random_state=None, batch_size=10).fit(*iris)
    one, other = (copy.deepcopy(clf).partial_fit(*iris) for _ in range(2))
    assert not np.array_equal(one.theta_, other.theta_)


def test_partial_fit_shuffles_anew_in_every_call(iris):
    """MLPClassifier with an integer seed uses the same order in every call."""
    for shuffle in (False, True):
        clf = quick(shuffle=shuffle, solver="sgd", momentum=0.0, batch_size=1, learning_rate=0.1)
        clf.fit(*iris)
        for _ in range(3):
            clf.theta_[:] = 0.0  # the losses depend on the order only
            clf.partial_fit(*iris)
        assert len(set(clf.loss_curve_[3:])) == (3 if shuffle else 1)


# Classes


@pytest.mark.parametrize(
    "other", [[0] * 75 + [1] * 75, [0, 1, 3] * 50, [0, 1, 2, 3, 0] * 30, list("abc") * 50]
)
def test_warm_start_with_different_classes_raises(iris, other):
    X, y = iris
    clf = quick(warm_start=True).fit(X, y)
    clf.fit(X, np.sort(np.arange(150) % 3))
    expected = clf.predict_proba(X)
    known = r"only be used where `y` has the same classes .* Previously got \[0 1 2\], `y` has \["
    with pytest.raises(ValueError, match=known):
        clf.fit(X, other)
    np.testing.assert_array_equal(clf.predict_proba(X), expected)
    clf.set_params(warm_start=False).fit(X, other)


def test_partial_fit_with_classes_seen_later():
    clf = quick(learning_rate=0.05)
    clf.partial_fit([[1], [2], [3]], ["a", "b", "c"], classes=["d", "c", "b", "a"])
    assert clf.classes_.tolist() == list("abcd")
    for _ in range(50):
        clf.partial_fit([[9]], ["d"])
    assert clf.predict([[9]]) == ["d"]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (None, "classes must be passed on the first call to partial_fit"),
        ([2], r"Unknown class in y: \[0, 1\]"),
        (list("012"), r"Unknown class in y: \[0, 1, 2\].*which are \['0', '1', '2'\]"),
        ([], "classes"),
        ([[0, 1], [1, 2]], "classes"),
        ("abc", "classes"),
        (3, "classes"),
        ([0.5, 1.5], "classes"),
        ([0, 1, np.nan], "classes"),
    ],
    ids=str,
)
def test_invalid_classes_in_partial_fit(iris, classes, message):
    clf = quick()
    with pytest.raises(ValueError, match=message):
        clf.partial_fit(*iris, classes=classes)
    with pytest.raises(NotFittedError):
        clf.predict(iris[0])
    assert not [name for name in vars(clf) if name.endswith("_")]
    assert_same_training(by_partial_fit(clf, *iris), by_partial_fit(quick(), *iris))


def test_partial_fit_with_other_classes_or_network_raises(iris):
    clf = by_partial_fit(quick(), *iris)
    other = r"classes=\[1, 2\].* is not the same as on last call to partial_fit, was: array\(\[0,"
    for params, classes, message in (
        ({}, [1, 2], other),
        ({"units": 9}, None, r"units=9 .* another network .* layers \(4, 8, 3\)"),
        ({"activation": "tanh"}, None, "activation='tanh' .* another network"),
        ({"dtype": "float32"}, None, "dtype must be 'auto' or 'float64' to continue"),
        ({"early_stopping": True}, None, "partial_fit does not support early_stopping=True"),
        ({"class_weight": "balanced"}, None, "'balanced' is not supported for partial_fit"),
    ):
        before = clf.get_params()
        with pytest.raises(ValueError, match=message):
            clf.set_params(**params).partial_fit(*iris, classes=classes)
        clf.set_params(**before)
    clf.partial_fit(*iris, classes=[2, 1, 0, 0])  # the same classes in another order


def test_lbfgs_has_no_partial_fit():
    assert hasattr(quick(), "partial_fit")
    clf = quick(solver="lbfgs")
    assert not hasattr(clf, "partial_fit")
    with pytest.raises(AttributeError) as error:
        clf.partial_fit  # noqa: B018
    assert "lbfgs" in f"{error.value} {error.value.__cause__}"


# After fit without warm_start


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("way", [by_fit, by_partial_fit])
def test_fit_can_be_continued_after_joblib_dump(iris, tmp_path, solver, standardize, way):
    X, y = 10 * iris[0] + 3, iris[1]
    clf = quick(solver=solver, standardize=standardize).fit(X, y)
    joblib.dump(clf, tmp_path / "clf")
    loaded, before = joblib.load(tmp_path / "clf"), clf.theta_.copy()
    for model in (clf, loaded):
        model.set_params(solver="adam", learning_rate=1e-12)
        np.testing.assert_allclose(way(model, X, y).theta_, before, atol=1e-9)
        way(model.set_params(learning_rate=0.05), X, y[::-1])
        assert not np.allclose(model.theta_, before)
    assert_same_training(clf, loaded)
    assert clf.n_iter_ == 9


def test_pickle_size_with_and_without_optimizer_state(rng):
    X, y = rng.randn(30, 50), np.arange(30) % 3
    plain = quick(units=1000, batch_size=30).fit(X, y)
    assert len(pickle.dumps(plain)) < 1.1 * plain.theta_.nbytes
    assert len(pickle.dumps(by_partial_fit(plain, X, y))) < 3.1 * plain.theta_.nbytes  # Adam


# Validation


@pytest.mark.parametrize("first", [False, True])
def test_history_columns_keep_equal_lengths(iris, first):
    X, y = iris
    given = {"X_val": X[::3], "y_val": y[::3]}
    clf = by_fit(quick(), X, y, **(given if first else {}))
    by_fit(clf, X, y, **({} if first else given))
    by_partial_fit(clf, X, y)
    assert {len(values) for values in clf.history_.values()} == {9}
    assert clf.history_.keys() >= {"validation_loss", "validation_score", "score"}
    has = np.isfinite(clf.validation_scores_)
    assert has.tolist() == [first] * 3 + [not first] * 3 + [False] * 3


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_early_stopping_with_warm_start(iris, solver):
    clf = quick(early_stopping=True, warm_start=True, solver=solver, epochs=10).fit(*iris)
    n_before = clf.n_iter_
    clf.set_params(epochs=20).fit(*iris)
    assert {len(values) for values in clf.history_.values()} == {clf.n_iter_}
    assert n_before < clf.n_iter_ <= n_before + 20
    assert n_before <= clf.best_epoch_ < clf.n_iter_
    assert clf.best_validation_score_ == clf.validation_scores_[clf.best_epoch_]


def test_warm_start_reuses_the_validation_split():
    X, seen = np.arange(150.0)[:, None] / 150, []

    def scorer(clf, X, y):
        seen.append(set(X[:, 0]))
        return 0.0

    clf = quick(early_stopping=True, scoring=scorer, warm_start=True, epochs=1)
    for _ in range(2):
        clf.fit(X, np.arange(150) % 3)
    (train, validation), (train_again, validation_again) = seen[:2], seen[2:]
    assert not train & validation
    assert not train_again & validation_again
    assert not train & validation_again


def test_scorer_without_sample_weight_raises(iris):
    clf = quick(early_stopping=True, scoring=lambda clf, X, y: 0.0)
    with pytest.raises((TypeError, ValueError), match="scoring"):
        clf.fit(*iris, sample_weight=np.ones(150))


# Failure and interruption


def interrupting(after):
    """Return a constant schedule that raises KeyboardInterrupt."""

    def schedule(fraction):
        if fraction >= after:
            raise KeyboardInterrupt
        return 1.0

    return schedule


INFINITE = np.full((150, 4), np.inf)
FAILURES = {
    "divergence": ({"learning_rate": 1e308, "l2": 1e10}, {}, "diverged in epoch 1"),
    "infinite": ({}, {"X": INFINITE}, "contains infinity"),
    "width": ({}, {"X": np.ones((150, 3))}, "X has 3 features"),
    "rows": ({}, {"X": np.ones((9, 4))}, "inconsistent numbers of samples"),
    "labels": ({}, {"y": np.arange(150) % 4}, "classes"),
    "weights": ({}, {"sample_weight": -np.ones(150)}, "sample_weight must not be negative"),
    "network": ({"units": 9}, {}, "another network"),
    "parameter": ({"l1": -1.0}, {}, "l1 must be"),
}
FAILURES_OF_FIT = {
    "schedule": ({"schedule": lambda done: 1.0 if done < 0.5 else None}, {}, "schedule must"),
    "early": ({"early_stopping": True, "validation_fraction": 149}, {}, "set is too small"),
    "scorer": ({"early_stopping": True, "scoring": lambda *_: np.nan}, {}, "finite number"),
    "X_val": ({}, {"X_val": INFINITE, "y_val": np.zeros(150)}, r"\(X_val, y_val\) is unusable"),
    "interrupt": ({"schedule": interrupting(after=0.0)}, {}, None),
}


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("way", "failure"),
    [(by_fit, failure) for failure in FAILURES | FAILURES_OF_FIT]
    + [(by_partial_fit, failure) for failure in FAILURES],
)
def test_failed_call_has_no_effect(iris, way, failure, solver, dtype):
    params, given, message = (FAILURES | FAILURES_OF_FIT)[failure]
    given = {"X": iris[0], "y": iris[1], **given}
    clf = quick(solver=solver, dtype=dtype, schedule="adaptive", n_iter_no_change=2, tol=0.1)
    clf.set_params(dropout=0.3, standardize=True, learning_rate=0.01)
    undisturbed, before = way(copy.copy(clf), *iris), way(clf, *iris).get_params()
    attributes = {name: value for name, value in vars(clf).items() if name not in before}
    error, clf = ValueError if message else KeyboardInterrupt, clf.set_params(**params)
    with pytest.raises(error, match=message):
        clf.fit(**given) if way is by_fit else clf.partial_fit(**given)
    clf.set_params(**before)
    assert {name: value for name, value in vars(clf).items() if name not in before} == attributes
    assert_same_training(clf, undisturbed)
    assert_same_training(way(clf, *iris), way(undisturbed, *iris))


@pytest.mark.parametrize("standardize", [False, True])
def test_interrupt_with_early_stopping_restores_the_best_epoch(iris, standardize):
    X, y = iris
    given = {"X_val": X[::3], "y_val": y[::3]}
    params = {"standardize": standardize, "learning_rate": 0.5, "random_state": 1}
    clf = quick(early_stopping=True, schedule=interrupting(after=0.5), epochs=30, **params)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y, **given)
    assert (clf.stop_reason_, clf.n_iter_) == ("interrupted", 15)
    assert clf.best_epoch_ == np.argmin(clf.validation_loss_curve_) < 14
    best = quick(epochs=clf.best_epoch_ + 1, **params).fit(X, y, **given)
    np.testing.assert_array_equal(clf.theta_, best.theta_)


def test_warm_start_after_interrupt(iris):
    clf = quick(warm_start=True, schedule=interrupting(after=0.5), epochs=6)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(*iris)
    assert clf.n_iter_ == 3
    by_fit(clf.set_params(schedule="constant"), *iris)
    assert (clf.n_iter_, clf.stop_reason_) == (6, "epochs")


def test_verbose_in_partial_fit(iris, capsys):
    by_partial_fit(quick(verbose=1, epochs=3), *iris)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:7] for line in lines] == ["epoch 1", "epoch 2", "epoch 3"]


def test_divergence_error_does_not_suggest_standardize_if_set(iris):
    with pytest.raises(ValueError, match=r"diverged in epoch 1:(?!.*standardize=True does)"):
        quick(standardize=True, learning_rate=1e308).fit(*iris)

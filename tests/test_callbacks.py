"""scikit-learn's callback API: the events of a fit, stopping, errors and meta-estimators."""

import pickle
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from skmlp import SoftmaxMLPClassifier
from skmlp.callbacks import Checkpoint, FitTasks
from tests.plain import PLAIN
from tests.recorder import Recorder, Silent

HAS_CALLBACKS = find_spec("sklearn.callback") is not None


@pytest.fixture(autouse=True)
def _for_this_scikit_learn(request):
    """Skip tests named before_1_9 if scikit-learn has callbacks, and all others if not."""
    if ("before_1_9" in request.node.name) == HAS_CALLBACKS:
        pytest.skip(f"sklearn.callback is new in scikit-learn 1.9; this is {sklearn.__version__}")


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:200] / 16, y[:200]


def quick(**params):
    return SoftmaxMLPClassifier(**{**PLAIN, "units": 8, "epochs": 4, "random_state": 0, **params})


def without_seconds(history):
    return {name: values for name, values in history.items() if name != "seconds"}


def assert_same_fit(clf, other):
    np.testing.assert_array_equal(clf.theta_, other.theta_)
    assert without_seconds(clf.history_) == without_seconds(other.history_)


def expected_events(n_epochs):
    epochs = [f"{word} epoch {i}" for i in range(n_epochs) for word in ("begin", "end")]
    return ["setup", "begin fit 0", *epochs, "end fit 0", "teardown"]


# Before scikit-learn 1.9


def test_before_1_9_set_callbacks_raises():
    message = (
        "needs scikit-learn >= 1.9 for callbacks other than Checkpoint, but this is scikit-learn "
        rf"{sklearn.__version__}.*verbose=1"
    )
    for callbacks in [(Silent(),), (Checkpoint("c"), Silent())]:
        with pytest.raises(RuntimeError, match=message):
            SoftmaxMLPClassifier().set_callbacks(*callbacks)


def test_before_1_9_fit(digits):
    clf = quick().fit(*digits)
    assert clf.n_iter_ == 4
    assert SoftmaxMLPClassifier.fit.__doc__
    assert not any("callback" in name for name in vars(clf))


# Task tree


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_task_tree_of_fit_and_epochs(digits, solver):
    recorder = Recorder()
    clf = quick(solver=solver).set_callbacks(recorder).fit(*digits)
    assert recorder.events == expected_events(4)
    fit, epoch = recorder.contexts["fit"], recorder.contexts["epoch"]
    assert (fit.max_subtasks, epoch.max_subtasks) == (4, 0)
    assert epoch.parent is fit
    assert fit.parent is None
    assert {fit.estimator_name, epoch.estimator_name} == {"SoftmaxMLPClassifier"}
    assert clf.stop_reason_ == "epochs"


@pytest.mark.parametrize("sample_weight", [None, np.linspace(0.5, 1.5, 200)])
def test_callbacks_receive_the_given_data(digits, sample_weight):
    X, y = digits
    recorder = Recorder()
    given = {"X_val": X[:50], "y_val": y[:50]}
    quick(epochs=2).set_callbacks(recorder).fit(X, y, sample_weight, **given)
    assert len(recorder.data) == 6
    for X_seen, y_seen, metadata in recorder.data:
        assert X_seen is X
        assert y_seen is y
        if sample_weight is None:
            assert metadata is None
        else:  # X_val is not passed: score methods do not accept it
            assert list(metadata) == ["sample_weight"]
            assert metadata["sample_weight"] is sample_weight


def test_several_callbacks_receive_all_events(digits):
    first, second = Recorder(lambda epoch: epoch == 1), Recorder()
    clf = quick().set_callbacks(first, Silent(), second).fit(*digits)
    assert first.events == second.events == expected_events(2)
    assert clf.stop_reason_ == "callback"


def test_tasks_are_ended_when_lbfgs_converges():
    X, y = load_iris(return_X_y=True)
    recorder = Recorder()
    clf = SoftmaxMLPClassifier((), solver="lbfgs", l2=1.0, epochs=500, tol=1e-3, random_state=0)
    clf.set_callbacks(recorder).fit(X, y)
    assert clf.stop_reason_ == "converged"
    assert clf.n_iter_ < 500
    assert recorder.events == expected_events(len(recorder.fitted))
    n_epochs = [fitted.n_iter_ for fitted in recorder.fitted if fitted is not None]
    assert n_epochs == list(range(1, clf.n_iter_ + 1))


def test_partial_fit_calls_no_callbacks(digits):
    recorder = Recorder()
    quick().set_callbacks(recorder).partial_fit(*digits, classes=range(10))
    assert recorder.events == []


def test_warm_start_has_one_task_tree_per_fit(digits):
    recorder = Recorder()
    clf = quick(warm_start=True).set_callbacks(recorder).fit(*digits)
    clf.set_params(epochs=2).fit(*digits)
    assert recorder.events == expected_events(4) + expected_events(2)
    assert recorder.contexts["fit"].max_subtasks == 2
    assert [fitted.n_iter_ for fitted in recorder.fitted] == [1, 2, 3, 4, 5, 6]
    assert_same_fit(clf, quick(epochs=6).fit(*digits))


# No effect on training


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"solver": "sgd", "schedule": "one_cycle"},
        {"solver": "sgd", "schedule": "adaptive", "n_iter_no_change": 1, "tol": 10.0},
        {"solver": "lbfgs"},
        {"dropout": 0.3, "label_smoothing": 0.1, "l1": 1e-3, "class_weight": "balanced"},
        {"standardize": True, "dtype": "float32"},
        {"early_stopping": True, "n_iter_no_change": 2, "epochs": 60, "learning_rate": 0.05},
        {"early_stopping": True, "scoring": "f1_macro", "validation_fraction": None},
    ],
)
def test_callbacks_do_not_change_the_model(digits, params):
    recorder = Recorder()
    clf = quick(**params).set_callbacks(recorder).fit(*digits)
    plain = quick(**params).fit(*digits)
    assert_same_fit(clf, plain)
    assert recorder.events == expected_events(plain.n_iter_)
    assert (clf.stop_reason_, clf.best_epoch_) == (plain.stop_reason_, plain.best_epoch_)
    assert vars(clf).keys() - {"_skl_callbacks"} == vars(plain).keys()
    assert len(pickle.dumps(clf.set_callbacks())) == len(pickle.dumps(plain))


def test_without_callbacks_no_tasks_are_created(digits, monkeypatch):
    made = []
    monkeypatch.setattr(FitTasks, "__init__", lambda *_: made.append("tasks"))
    monkeypatch.setattr(
        SoftmaxMLPClassifier, "_init_callback_context", lambda *_: made.append("context")
    )
    quick().fit(*digits)
    quick().set_callbacks(Silent()).set_callbacks().fit(*digits)
    GridSearchCV(quick(), {"l2": [0.0]}, cv=2).fit(*digits)
    make_pipeline(StandardScaler(), quick()).fit(*digits)
    assert made == []


def test_fitted_estimator_is_only_created_on_request(digits, monkeypatch):
    monkeypatch.setattr(FitTasks, "_fitted", lambda *_: pytest.fail("was made"))
    assert quick().set_callbacks(Silent()).fit(*digits).n_iter_ == 4


# The fitted estimator of each epoch


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"solver": "sgd", "units": (6, 5), "activation": ["tanh", "gelu"]},
        {"solver": "lbfgs"},
        {"units": ()},
        {"standardize": True, "l2": 0.01},
        {"dropout": 0.5},
        {"dtype": "float32"},
        {"schedule": "invscaling", "class_weight": "balanced"},
    ],
)
def test_fitted_estimator_of_an_epoch_equals_a_shorter_fit(digits, params):
    X, y = digits
    recorder, then = Recorder(), []
    recorder.at_end = lambda epoch: then.append(recorder.fitted[-1].predict_proba(X))
    clf = quick(**params).set_callbacks(recorder).fit(X, y)
    for epoch, (fitted, proba) in enumerate(zip(recorder.fitted, then, strict=True)):
        shorter = quick(**params, epochs=epoch + 1).fit(X, y)
        np.testing.assert_array_equal(proba, shorter.predict_proba(X))
        assert_same_fit(fitted, shorter)  # also after the last epoch
        assert fitted.n_iter_ == epoch + 1
        assert fitted is not clf
        check_is_fitted(fitted)
    assert_same_fit(recorder.last, clf)
    assert recorder.last is not clf
    assert recorder.last.stop_reason_ == "epochs"


def test_changing_the_fitted_estimator_does_not_affect_training(digits):
    X, y = digits
    recorder = Recorder()

    def modify(epoch):
        fitted = recorder.fitted[-1]
        fitted.theta_[:] = np.nan
        fitted.classes_ = None
        for values in fitted.history_.values():
            values.clear()

    recorder.at_end = modify
    assert_same_fit(quick().set_callbacks(recorder).fit(X, y), quick().fit(X, y))


@pytest.mark.parametrize("standardize", [False, True])
def test_fitted_estimator_of_an_epoch_can_be_trained_further(digits, standardize):
    """The fit is a warm start, so that the estimator still has the state of the previous fit."""
    X, y = digits
    recorder = Recorder()
    clf = quick(warm_start=True, standardize=standardize).fit(X, y)
    clf.set_callbacks(recorder).fit(X * 2, y)
    fitted = recorder.fitted[0].set_callbacks().set_params(learning_rate=1e-12)
    before = fitted.predict_proba(X)
    np.testing.assert_allclose(fitted.fit(X, y).predict_proba(X), before, rtol=1e-6)


def test_fitted_estimator_of_an_epoch_has_no_callback_context(digits):
    recorder = Recorder()
    quick().set_callbacks(recorder).fit(*digits)
    for fitted in (recorder.fitted[0], recorder.last):
        fitted.set_callbacks().fit(*digits)
        assert not any("callback" in name for name in vars(fitted))
    assert recorder.events == expected_events(4)


# Stopping


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("k", [1, 3])
def test_stop_by_callback_equals_a_shorter_fit(digits, solver, k):
    recorder = Recorder(lambda epoch: epoch == k - 1)
    clf = quick(solver=solver, epochs=9).set_callbacks(recorder).fit(*digits)
    assert (clf.stop_reason_, clf.n_iter_) == ("callback", k)
    assert recorder.events == expected_events(k)
    assert recorder.last.stop_reason_ == "callback"
    assert_same_fit(clf, quick(solver=solver, epochs=k).fit(*digits))


def test_stop_by_callback_with_early_stopping_restores_the_best_epoch(digits):
    params = {"early_stopping": True, "learning_rate": 0.05, "n_iter_no_change": 5, "epochs": 200}
    plain = quick(**params).fit(*digits)
    assert plain.stop_reason_ == "early_stopping"
    recorder = Recorder(lambda epoch: epoch == plain.best_epoch_ + 2)
    clf = quick(**params).set_callbacks(recorder).fit(*digits)
    assert (clf.stop_reason_, clf.n_iter_) == ("callback", plain.best_epoch_ + 3)
    assert clf.best_epoch_ == plain.best_epoch_
    np.testing.assert_array_equal(clf.theta_, plain.theta_)
    np.testing.assert_array_equal(recorder.last.theta_, clf.theta_)


def test_stop_reason_is_early_stopping_when_both_stop(digits):
    params = {"early_stopping": True, "tol": 100.0, "n_iter_no_change": 3, "epochs": 50}
    clf = quick(**params).set_callbacks(Recorder(lambda epoch: epoch == 3)).fit(*digits)
    assert (clf.stop_reason_, clf.n_iter_) == ("early_stopping", 4)


def test_warm_start_after_stop_by_callback(digits):
    recorder = Recorder(lambda epoch: epoch == 1)
    clf = quick(epochs=9, warm_start=True).set_callbacks(recorder).fit(*digits)
    clf.set_callbacks().set_params(epochs=3).fit(*digits)
    assert (clf.stop_reason_, clf.n_iter_) == ("epochs", 5)
    assert_same_fit(clf, quick(epochs=5).fit(*digits))


# Errors


class Fails(Recorder):
    """Raises in one of the hooks."""

    def __init__(self, where, error=RuntimeError):
        super().__init__()
        self.where, self.error = where, error

    def _fail_at(self, place):
        if place == self.where:
            raise self.error("error of the callback")

    def setup(self, estimator, context):
        super().setup(estimator, context)
        self._fail_at("setup")

    def on_fit_task_begin(self, estimator, context, *, X, y, metadata):
        super().on_fit_task_begin(estimator, context, X=X, y=y, metadata=metadata)
        self._fail_at(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        super().on_fit_task_end(
            estimator, context, X=X, y=y, metadata=metadata, fitted_estimator=fitted_estimator
        )
        self._fail_at(self.events[-1])


def assert_unchanged(clf, before, callback):
    """Check that callbacks were torn down once and that the previous model was kept."""
    assert callback.events.count("teardown") == 1
    assert callback.events[-1] == "teardown"
    assert vars(clf).keys() - before.keys() == {"_skl_callbacks"}
    for name, value in before.items():
        assert getattr(clf, name) is value


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(
    "where", ["setup", "begin fit 0", "begin epoch 0", "end epoch 0", "begin epoch 2", "end fit 0"]
)
def test_error_in_a_callback_is_raised_and_keeps_the_model(digits, where, solver):
    X, y = digits
    clf = quick(solver=solver).fit(X, y)
    before, callback = dict(vars(clf)), Fails(where)
    with pytest.raises(RuntimeError, match="error of the callback"):
        clf.set_callbacks(callback).fit(X[:, :30], y + 1)
    assert_unchanged(clf, before, callback)


@pytest.mark.parametrize(
    ("params", "given", "message"),
    [
        ({"solver": "sgd", "learning_rate": 1e200}, {}, "diverged in epoch"),
        ({"schedule": lambda fraction: -1.0}, {}, "schedule must return"),
    ],
)
def test_failed_fit_tears_down_callbacks_and_keeps_the_model(digits, params, given, message):
    clf = quick().fit(*digits)
    clf.set_params(**params)
    before, recorder = dict(vars(clf)), Recorder()
    with pytest.raises(ValueError, match=message):
        clf.set_callbacks(recorder).fit(*digits, **given)
    assert_unchanged(clf, before, recorder)


@pytest.mark.parametrize(
    ("params", "given", "message"),
    [
        ({"epochs": -1}, {}, "epochs must be"),
        ({}, {"sample_weight": [-1.0] * 200}, "must not be negative"),
        ({}, {"X_val": [[1.0]]}, "y_val not given"),
    ],
)
def test_invalid_input_is_rejected_before_callbacks_are_called(digits, params, given, message):
    recorder = Recorder()
    with pytest.raises(ValueError, match=message):
        quick(**params).set_callbacks(recorder).fit(*digits, **given)
    assert recorder.events == []


@pytest.mark.parametrize("where", ["begin fit 0", "begin epoch 0"])
def test_interrupt_before_the_first_epoch_keeps_the_model(digits, where):
    X, y = digits
    clf = quick().fit(X, y)
    before, callback = dict(vars(clf)), Fails(where, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        clf.set_callbacks(callback).fit(X[:, :30], y)
    assert_unchanged(clf, before, callback)


def fit_with_interrupt(clf, X, y):
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    return clf


def spoil(fitted):
    """Overwrite all that a fitted estimator holds."""
    spoilt = 0
    for name, value in vars(fitted).items():
        parts = value if isinstance(value, tuple) else [value]
        parts = [*parts, *value.values()] if isinstance(value, dict) else parts
        for part in [*parts, getattr(value, "classes_", None)]:
            if isinstance(part, np.ndarray) and part.size:
                part[...] = part.flat[0]
                spoilt += 1
        if name == "history_":
            for values in value.values():
                values.clear()
    return spoilt


@pytest.mark.parametrize("by", ["callback", "scorer"])
def test_what_a_callback_or_scorer_does_to_its_copy_has_no_effect(digits, by):
    X, y = digits
    labels, params = np.array(list("abcdefghij"))[y], {"early_stopping": True}

    def score(fitted, X, y):
        score = fitted.score(X, y)
        if by == "scorer":
            assert spoil(fitted) == 10
        return score

    expected = quick(**params, scoring=lambda clf, X, y: clf.score(X, y)).fit(X, labels)
    recorder = Recorder()
    recorder.at_end = lambda epoch: spoil(recorder.fitted[-1]) and None
    clf = quick(**params, scoring=score)
    if by == "callback":
        clf.set_callbacks(recorder)
    clf.fit(X, labels)
    if by == "callback":
        assert spoil(recorder.last) == 10
    assert clf.classes_.tolist() == list("abcdefghij")
    assert clf.predict(X).tolist() == expected.predict(X).tolist()
    assert_same_fit(clf, expected)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_interrupt_keeps_the_completed_epochs(digits, solver):
    def interrupt(epoch):
        if epoch == 1:
            raise KeyboardInterrupt

    recorder = Recorder(interrupt)
    clf = fit_with_interrupt(quick(solver=solver).set_callbacks(recorder), *digits)
    assert (clf.stop_reason_, clf.n_iter_) == ("interrupted", 2)
    assert recorder.events == expected_events(2)
    np.testing.assert_array_equal(recorder.last.theta_, clf.theta_)
    assert_same_fit(clf, quick(solver=solver, epochs=2).fit(*digits))


def test_interrupted_epoch_task_is_ended(digits):
    callback = Fails("begin epoch 2", KeyboardInterrupt)
    clf = fit_with_interrupt(quick().set_callbacks(callback), *digits)
    assert callback.events == expected_events(3)
    assert (clf.stop_reason_, clf.n_iter_) == ("interrupted", 2)


# set_callbacks


def test_set_callbacks_replaces_or_removes(digits):
    first, second = Recorder(), Recorder()
    clf = quick().set_callbacks(first)
    assert clf.set_callbacks(second) is clf
    clf.fit(*digits)
    assert (first.events, second.events) == ([], expected_events(4))
    assert [name for name in vars(clf) if "callback" in name] == ["_skl_callbacks"]
    clf.set_callbacks().fit(*digits)
    assert second.events == expected_events(4)
    assert not any("callback" in name for name in vars(clf))


@pytest.mark.parametrize("callback", [Silent, print, None])
def test_set_callbacks_with_invalid_callback_raises(callback):
    with pytest.raises(TypeError, match="FitCallback"):
        quick().set_callbacks(callback)


def test_clone_and_pickle_keep_callbacks(digits):
    clf = quick().set_callbacks(Silent()).fit(*digits)
    copy = clone(clf)
    assert copy._skl_callbacks == clf._skl_callbacks
    assert_same_fit(copy.fit(*digits), clf)
    read = pickle.loads(pickle.dumps(clf))
    assert [type(callback) for callback in read._skl_callbacks] == [Silent]
    np.testing.assert_array_equal(read.predict_proba(digits[0]), clf.predict_proba(digits[0]))
    assert_same_fit(read.fit(*digits), clf)


def test_callbacks_are_not_parameters():
    assert quick().set_callbacks(Silent()).get_params() == quick().get_params()
    assert repr(quick().set_callbacks(Silent())) == repr(quick())


# Meta-estimators


class Propagated(Silent):
    """A callback set on the outermost estimator that records the task paths of epochs."""

    def __init__(self, max_propagation_depth=None):
        self.max_propagation_depth = max_propagation_depth
        self.paths = []

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch":
            path = [context]
            while path[0].parent is not None:
                path.insert(0, path[0].parent)
            self.paths.append([(c.estimator_name, c.task_name) for c in path])


def test_epochs_are_in_the_task_tree_of_a_pipeline(digits):
    callback = Propagated()
    pipeline = make_pipeline(StandardScaler(), quick())
    pipeline.set_callbacks(callback).fit(*digits)
    path = [("Pipeline", "fit"), ("SoftmaxMLPClassifier", "fit"), ("SoftmaxMLPClassifier", "epoch")]
    assert callback.paths == [path] * 4
    assert not any("callback" in name for name in vars(pipeline[-1]))


def test_epochs_are_in_the_task_tree_of_a_search(digits):
    callback = Propagated()
    pipeline = make_pipeline(StandardScaler(), quick(epochs=2))
    search = GridSearchCV(pipeline, {"softmaxmlpclassifier__l2": [0.0, 0.1]}, cv=2)
    search.set_callbacks(callback).fit(*digits)
    assert len(callback.paths) == (2 * 2 + 1) * 2
    for path in callback.paths:
        assert path[0] == ("GridSearchCV", "fit")
        assert path[-3][0] == "Pipeline"
        assert path[-2:] == [("SoftmaxMLPClassifier", "fit"), ("SoftmaxMLPClassifier", "epoch")]
    assert not any("callback" in name for name in vars(search.best_estimator_[-1]))


def test_max_propagation_depth(digits, monkeypatch):
    monkeypatch.setattr(FitTasks, "__init__", lambda *_: pytest.fail("was made"))
    callback = Propagated(max_propagation_depth=1)
    search = GridSearchCV(make_pipeline(quick()), {"softmaxmlpclassifier__l2": [0.0]}, cv=2)
    assert search.set_callbacks(callback).fit(*digits).best_estimator_[-1].n_iter_ == 4
    assert callback.paths == []


def test_propagated_callback_stops_each_fit(digits):
    class Stops(Propagated):
        def on_fit_task_end(self, estimator, context):
            super().on_fit_task_end(estimator, context)
            return context.task_name == "epoch" and context.task_id == 1

    callback = Stops()
    search = GridSearchCV(quick(), {"l2": [0.0, 0.1]}, cv=2).set_callbacks(callback).fit(*digits)
    assert len(callback.paths) == 5 * 2
    best = search.best_estimator_
    assert (best.stop_reason_, best.n_iter_) == ("callback", 2)


# ScoringMonitor


def as_names(y):
    return np.array([f"digit {label}" for label in y])


@pytest.mark.parametrize(
    ("params", "make_X", "make_y", "weighted"),
    [
        ({}, np.asarray, np.asarray, False),
        ({}, np.asarray, np.asarray, True),
        ({"solver": "lbfgs"}, np.asarray, as_names, True),
        ({}, lambda X: pd.DataFrame(X).add_prefix("pixel"), pd.Series, True),
        ({}, sparse.csr_array, np.asarray, False),
        ({"standardize": True}, sparse.csr_matrix, np.asarray, False),
        ({"standardize": True}, lambda X: (16 * X).astype(np.uint8), np.asarray, True),
        ({"early_stopping": True}, np.asarray, as_names, True),
        (
            {"early_stopping": True, "learning_rate": 0.1, "n_iter_no_change": 2, "epochs": 99},
            np.asarray, np.asarray, False,
        ),
    ],
)  # fmt: skip
def test_scoring_monitor_equals_validation_scores(digits, params, make_X, make_y, weighted):
    from sklearn.callback import ScoringMonitor

    X, y = make_X(digits[0]), make_y(digits[1])
    w = np.linspace(0.1, 2, len(y)) if weighted else None
    monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    clf = quick(**params).set_callbacks(monitor)
    clf.fit(X, y, sample_weight=w, X_val=X, y_val=y, sample_weight_val=w)
    log = monitor.get_logs().data
    epochs = [row for row in log if row["task_name"] == "epoch"]
    assert [row["task_id"] for row in epochs] == list(range(clf.n_iter_))
    np.testing.assert_allclose(
        [row["accuracy"] for row in epochs], clf.validation_scores_, rtol=1e-12
    )
    losses = [-row["neg_log_loss"] for row in epochs]
    np.testing.assert_allclose(losses, clf.validation_loss_curve_, rtol=1e-5)
    (whole,) = [row for row in log if row["task_name"] == "fit"]
    assert whole["accuracy"] == clf.score(X, y, sample_weight=w)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_scoring_monitor_in_a_search(digits, n_jobs):
    from sklearn.callback import ScoringMonitor

    X, y = digits
    monitor = ScoringMonitor(scoring="accuracy")
    pipeline = make_pipeline(StandardScaler(), quick(epochs=2).set_callbacks(monitor))
    search = GridSearchCV(
        pipeline, {"softmaxmlpclassifier__l2": [0.0, 0.1]}, cv=2, n_jobs=n_jobs
    ).fit(X, y)
    log = monitor.get_logs().data
    assert len(log) == (2 * 2 + 1) * (2 + 1)
    assert all(0 <= row["accuracy"] <= 1 for row in log)
    final = [row["accuracy"] for row in log if row["task_name"] == "fit"]
    assert search.score(X, y) in final


# ProgressBar


@pytest.fixture
def progress_bar():
    pytest.importorskip("rich", reason="ProgressBar draws with rich")
    from sklearn.callback import ProgressBar

    return ProgressBar


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"solver": "lbfgs"},
        {"early_stopping": True, "n_iter_no_change": 2, "tol": 100.0, "epochs": 50},
    ],
)
def test_progress_bar_of_a_fit(digits, capsys, progress_bar, params):
    clf = quick(**params).set_callbacks(progress_bar()).fit(*digits)
    assert_same_fit(clf, quick(**params).fit(*digits))
    drawn = capsys.readouterr().out
    assert "SoftmaxMLPClassifier - fit" in drawn
    assert "100%" in drawn


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("depth", [0, 1, None])
def test_progress_bars_of_a_search(digits, capsys, progress_bar, depth, n_jobs):
    pipeline = make_pipeline(StandardScaler(), quick(epochs=2))
    search = GridSearchCV(pipeline, {"softmaxmlpclassifier__l2": [0.0]}, cv=2, n_jobs=n_jobs)
    search.set_callbacks(progress_bar(max_propagation_depth=depth)).fit(*digits)
    plain = clone(search).set_callbacks().fit(*digits)
    assert_same_fit(search.best_estimator_[-1], plain.best_estimator_[-1])
    drawn = capsys.readouterr().out
    assert "GridSearchCV - fit" in drawn
    assert "100%" in drawn
    assert ("SoftmaxMLPClassifier - fit" in drawn) == (depth is None)

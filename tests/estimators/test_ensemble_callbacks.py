"""Callbacks of an ensemble: its fit, in it a task for each member, in it a task for each epoch."""

import pickle
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import (
    PopulationGridSearchCV,
    SoftmaxMLPClassifier,
    SoftmaxMLPEnsembleClassifier,
)
from skmlp.callbacks import Checkpoint, EnsembleTasks
from tests.interrupting import interrupted_at
from tests.plain import PLAIN
from tests.recorder import Recorder, Silent

HAS_CALLBACKS = find_spec("sklearn.callback") is not None
X, y = make_classification(
    240, 6, n_informative=5, n_redundant=0, n_classes=3, class_sep=0.8, random_state=0
)
NAMES = np.array(["no", "perhaps", "yes"])[y]


@pytest.fixture(autouse=True)
def _for_this_scikit_learn(request):
    """Skip tests named before_1_9 if scikit-learn has callbacks, and all others if not."""
    if ("before_1_9" in request.node.name) == HAS_CALLBACKS:
        pytest.skip(f"sklearn.callback is new in scikit-learn 1.9; this is {sklearn.__version__}")


def net(**params):
    return SoftmaxMLPClassifier(**{**PLAIN, "units": 8, "epochs": 3, **params})


def ensemble(estimator=None, n_estimators=3, **params):
    estimator = net() if estimator is None else estimator
    return SoftmaxMLPEnsembleClassifier(estimator, n_estimators, **{"random_state": 0} | params)


class Tree:
    """A callback that records the path of each task that it sees, and its fitted estimator.

    One with `max_propagation_depth` is `Propagated`.
    """

    def __init__(self, at_end=lambda path, fitted: None, at_begin=lambda path: None):
        self.at_end, self.at_begin = at_end, at_begin
        self.events, self.contexts, self.fitted, self.data = [], {}, {}, {}
        self.n_open = self.n_setups = 0

    def setup(self, estimator, context):
        self.n_open += 1
        self.n_setups += 1

    def teardown(self, estimator, context):
        self.n_open -= 1

    def on_fit_task_begin(self, estimator, context):
        self.events.append(("begin", *path_of(context)))
        self.at_begin(path_of(context))

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        path = path_of(context)
        assert type(estimator) is type(fitted_estimator)
        assert type(estimator).__name__ == context.estimator_name
        self.events.append(("end", *path))
        self.contexts[path], self.fitted[path] = context, fitted_estimator
        self.data[path] = X, y, metadata
        return self.at_end(path, fitted_estimator)


class Propagated(Tree):
    max_propagation_depth = None


def path_of(context):
    """Return (), (member,) or (member, epoch), below the fit of the ensemble."""
    path = []
    while context is not None and (
        context.parent is not None or context.estimator_name != "SoftmaxMLPEnsembleClassifier"
    ):
        path.insert(0, context.task_id)
        context = context.parent
    return tuple(path)


def events_of(recorded, *path):
    """Return the recorded events at this task and below."""
    return [event for event in recorded if event[1 : 1 + len(path)] == path]


def expected_events(i, n_epochs):
    """Return the events of a member."""
    epochs = [(word, i, e) for e in range(n_epochs) for word in ("begin", "end")]
    return [("begin", i), *epochs, ("end", i)]


def without_seconds(history):
    return {name: values for name, values in history.items() if name != "seconds"}


def assert_same_fit(model, other):
    np.testing.assert_array_equal(model.theta_, other.theta_)
    assert list(map(without_seconds, model.history_)) == list(map(without_seconds, other.history_))
    assert [m.stop_reason_ for m in model.estimators_] == [
        m.stop_reason_ for m in other.estimators_
    ]


# Before scikit-learn 1.9


def test_before_1_9_set_callbacks_raises(tmp_path):
    with pytest.raises(RuntimeError, match=r"needs scikit-learn >= 1.9 .*verbose=1"):
        ensemble().set_callbacks(Recorder())
    ensemble().set_callbacks(Checkpoint(tmp_path / "c")).fit(X, y)


def test_before_1_9_fit():
    model = ensemble().fit(X, y)
    assert not any("callback" in name for name in vars(model))


# Task tree


def test_task_tree():
    tree = Propagated()
    ensemble(n_estimators=2).set_callbacks(tree).fit(X, y)
    epochs = [
        (word, i, epoch + (word == "begin"))
        for epoch in range(3)
        for i in range(2)
        for word in ("end", "begin")
        if (word, epoch) != ("begin", 2)
    ]
    began = [("begin", 0), ("begin", 0, 0), ("begin", 1), ("begin", 1, 0)]
    assert tree.events == [("begin",), *began, *epochs, ("end", 0), ("end", 1), ("end",)]
    assert (tree.n_setups, tree.n_open) == (1, 0)
    fit, member, epoch = tree.contexts[()], tree.contexts[1,], tree.contexts[1, 2]
    assert epoch.parent is member
    assert member.parent is fit
    assert fit.parent is None
    assert (fit.estimator_name, fit.task_name) == ("SoftmaxMLPEnsembleClassifier", "fit")
    assert (member.estimator_name, member.task_name) == ("SoftmaxMLPClassifier", "fit")
    assert member.source_estimator_name == "SoftmaxMLPEnsembleClassifier"
    assert member.source_task_name == "fit-member"
    assert epoch.task_name == "epoch"
    assert (fit.max_subtasks, member.max_subtasks, epoch.max_subtasks) == (2, 3, 0)
    assert (fit.sequential_subtasks, member.sequential_subtasks) == (False, True)


def test_tasks_that_a_callback_sees_where_it_is_set():
    """Those of the ensemble without max_propagation_depth, those of members on `estimator`."""
    outer, inner = Tree(), Tree()
    ensemble(net().set_callbacks(inner), 2).set_callbacks(outer).fit(X, y)
    assert outer.events == [
        ("begin",),
        ("begin", 0),
        ("begin", 1),
        ("end", 0),
        ("end", 1),
        ("end",),
    ]
    assert outer.contexts[0,].task_name == "fit-member"
    for i in range(2):
        assert events_of(inner.events, i) == expected_events(i, 3)
    assert len(inner.events) == 2 * len(expected_events(0, 3))
    assert (outer.n_setups, inner.n_setups) == (1, 2)
    assert (outer.n_open, inner.n_open) == (0, 0)


@pytest.mark.parametrize("depth", [0, 1])
def test_max_propagation_depth(depth):
    tree = Propagated()
    tree.max_propagation_depth = depth
    ensemble().set_callbacks(tree).fit(X, y)
    assert {len(path) for path in tree.fitted} == ({0, 1} if depth == 0 else {0, 1, 2})


def test_propagated_callback_on_the_members_raises_before_training(monkeypatch):
    ended, tree = interrupted_at(monkeypatch, -1), Tree()
    model = ensemble(net().set_callbacks(Propagated())).set_callbacks(tree)
    with pytest.raises(TypeError, match="Register them directly on the meta-estimator"):
        model.fit(X, y)
    assert (ended, tree.n_open) == ([], 0)


def test_members_that_stop_early_end_their_tasks_early():
    base = net(early_stopping=True, n_iter_no_change=2, epochs=60, learning_rate=0.05)
    tree = Propagated()
    model = ensemble(base, 4, cv=4).set_callbacks(tree).fit(X, y)
    plain = ensemble(base, 4, cv=4).fit(X, y)
    assert_same_fit(model, plain)
    n_epochs = [len(history["loss"]) for history in plain.history_]
    assert len(set(n_epochs)) > 2  # members stop at several epochs
    for i in range(4):
        assert events_of(tree.events, i) == expected_events(i, n_epochs[i])
    first, last = np.argmin(n_epochs), np.argmax(n_epochs)
    ends = tree.events.index(("end", first))
    assert ends < tree.events.index(("end", last, n_epochs[first] + 1))


def test_members_trained_one_by_one_have_one_open_task():
    tree = Propagated()
    ensemble(n_estimators=2).set_callbacks(tree).fit(sparse.csr_array(X), y)
    members = expected_events(0, 3) + expected_events(1, 3)
    assert tree.events == [("begin",), *members, ("end",)]


def test_warm_start_has_tasks_of_the_new_members():
    tree, plain = Propagated(), ensemble(n_estimators=3).fit(X, y)
    model = ensemble(n_estimators=1, warm_start=True).fit(X, y)
    model.set_params(n_estimators=3).set_callbacks(tree).fit(X, y)
    assert sorted({path for path in tree.fitted if len(path) == 1}) == [(1,), (2,)]
    np.testing.assert_allclose(model.theta_, plain.theta_, atol=1e-9)
    tree.events.clear()
    with pytest.warns(UserWarning, match="trains no members"):
        model.fit(X, y)
    assert tree.events == [("begin",), ("end",)]


# No effect on training

KINDS = {
    "all rows": ({}, {}, X),
    "folds": ({}, {"cv": 3, "calibration": "temperature"}, X),
    "early stopping": ({"early_stopping": True, "n_iter_no_change": 2, "epochs": 20}, {}, X),
    "defaults": (SoftmaxMLPClassifier(epochs=3).get_params(), {"n_estimators": 2}, X),
    "lbfgs": ({"solver": "lbfgs"}, {"cv": 3}, X),
    "sparse": ({"standardize": True}, {}, sparse.csr_matrix(X)),
    "frame": ({"standardize": True}, {"cv": 3}, pd.DataFrame(X).add_prefix("column")),
    "processes": ({}, {"n_jobs": 2}, X),
}


@pytest.mark.parametrize("kind", KINDS)
def test_callbacks_do_not_change_the_ensemble(kind):
    of_net, of_ensemble, rows = KINDS[kind]
    model = ensemble(net(**of_net), **of_ensemble)
    plain = clone(model).fit(rows, NAMES)
    inner = clone(model.estimator).set_callbacks(Tree())
    model.set_params(estimator=inner).set_callbacks(Propagated(), Tree()).fit(rows, NAMES)
    assert_same_fit(model, plain)
    assert vars(model).keys() - {"_skl_callbacks"} == vars(plain).keys()
    assert model.temperature_ == plain.temperature_
    assert not any("callback" in name for m in model.estimators_ for name in vars(m))
    model.set_callbacks().set_params(estimator=plain.estimator)
    # Nothing of the tasks is kept; strings that are one object or two differ by some bytes.
    assert len(pickle.dumps(model)) < len(pickle.dumps(plain)) + 100


def test_without_callbacks_no_tasks_are_created(monkeypatch):
    monkeypatch.setattr(EnsembleTasks, "__init__", lambda *_: pytest.fail("was made"))
    ensemble().fit(X, y)
    ensemble().set_callbacks(Tree()).set_callbacks().fit(X, y)
    GridSearchCV(ensemble(n_estimators=1), {"estimator__l2": [0.0]}, cv=2).fit(X, y)


@pytest.mark.parametrize("cv", [None, 3])
def test_what_callbacks_do_to_their_copies_has_no_effect(cv):
    def spoil(path, fitted):
        fitted.theta_[...] = np.nan
        fitted.classes_[...] = fitted.classes_[0]
        is_member = isinstance(fitted, SoftmaxMLPClassifier)
        for history in [fitted.history_] if is_member else fitted.history_:
            for values in history.values():
                values.clear()

    tree, inner = Tree(spoil), Tree(spoil)
    model = ensemble(net().set_callbacks(inner), cv=cv).set_callbacks(tree).fit(X, NAMES)
    plain = ensemble(cv=cv).fit(X, NAMES)
    assert_same_fit(model, plain)
    assert model.predict(X).tolist() == plain.predict(X).tolist()


# The fitted estimators


@pytest.mark.parametrize("kind", ["all rows", "folds", "lbfgs", "sparse", "frame"])
def test_fitted_estimators_equal_those_of_shorter_fits(kind):
    of_net, of_ensemble, rows = KINDS[kind]
    proba = {}
    tree = Propagated(lambda path, fitted: proba.update({path: fitted.predict_proba(rows)}))
    model = ensemble(net(**of_net), **of_ensemble).set_callbacks(tree).fit(rows, NAMES)
    without_calibration = of_ensemble | {"calibration": None}
    for epoch in range(3):
        shorter = ensemble(net(**of_net, epochs=epoch + 1), **without_calibration)
        shorter.fit(rows, NAMES)
        for i, member in enumerate(shorter.estimators_):
            np.testing.assert_array_equal(proba[i, epoch], member.predict_proba(rows))
            fitted = tree.fitted[i, epoch]
            assert without_seconds(fitted.history_) == without_seconds(member.history_)
            assert type(fitted) is SoftmaxMLPClassifier
    for i in range(3):
        np.testing.assert_array_equal(proba[i,], proba[i, 2])
        assert tree.fitted[i,].stop_reason_ == "epochs"
    np.testing.assert_array_equal(proba[()], model.predict_proba(rows))
    assert tree.fitted[()].temperature_ == model.temperature_
    assert tree.fitted[()] is not model


@pytest.mark.parametrize("cv", [None, 3])
def test_fitted_ensemble_of_a_task_of_a_member_has_this_member(cv):
    tree, again = Tree(), Tree()
    model = ensemble(cv=cv, warm_start=True).set_callbacks(tree).fit(X, NAMES)
    model.set_params(n_estimators=4).set_callbacks(again).fit(X, NAMES)
    for found, members in ((tree, range(3)), (again, [3])):
        for i in members:
            one, member = found.fitted[i,], model.estimators_[i]
            np.testing.assert_array_equal(one.theta_, member.theta_[None])
            np.testing.assert_allclose(one.predict_proba(X), member.predict_proba(X), rtol=1e-12)
            assert len(one.estimators_) == 1
            assert not hasattr(one, "oof_score_")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("frame", [False, True])
def test_data_of_the_tasks_of_members_are_their_training_rows(frame, weighted):
    rows, labels = (pd.DataFrame(X), pd.Series(NAMES)) if frame else (X, NAMES)
    w = np.linspace(0.5, 1.5, len(y)) if weighted else None
    tree = Propagated()
    model = ensemble(cv=3, warm_start=True).set_callbacks(tree).fit(rows, labels, w)
    assert tree.data[()][0] is rows
    assert tree.data[()][1] is labels
    folds = [fold for folds in model._repeats for fold in folds]
    for (i, *_), (seen, seen_y, metadata) in list(tree.data.items())[:-1]:
        train = np.delete(np.arange(len(y)), folds[i])
        np.testing.assert_array_equal(seen, X[train])
        np.testing.assert_array_equal(seen_y, NAMES[train])
        assert type(seen) is type(rows)
        if weighted:
            np.testing.assert_array_equal(metadata["sample_weight"], w[train])
        else:
            assert metadata is None


# Stopping


@pytest.mark.parametrize("kind", ["all rows", "folds", "lbfgs", "sparse"])
def test_callback_stops_a_member(kind):
    of_net, of_ensemble, rows = KINDS[kind]
    of_ensemble = of_ensemble | {"calibration": None}
    tree = Propagated(lambda path, fitted: path == (1, 0))
    model = ensemble(net(**of_net), **of_ensemble).set_callbacks(tree).fit(rows, y)
    assert [m.stop_reason_ for m in model.estimators_] == ["epochs", "callback", "epochs"]
    assert [m.n_iter_ for m in model.estimators_] == [3, 1, 3]
    assert tree.fitted[1,].stop_reason_ == "callback"
    for i, n_epochs in enumerate([3, 1, 3]):
        assert events_of(tree.events, i) == expected_events(i, n_epochs)
        shorter = ensemble(net(**of_net, epochs=n_epochs), **of_ensemble).fit(rows, y)
        expected = shorter.estimators_[i].predict_proba(rows)
        np.testing.assert_allclose(model.estimators_[i].predict_proba(rows), expected, atol=1e-9)


def test_end_of_a_members_task_stops_nothing():
    tree = Tree(lambda path, fitted: True)
    assert_same_fit(ensemble().set_callbacks(tree).fit(X, y), ensemble().fit(X, y))


# Errors and Ctrl-C


class Error(Exception):
    pass


class FailsAt(Propagated):
    """Raises at a place, which is a word and a path."""

    def __init__(self, where, error=Error):
        super().__init__(self._fail_at_end, self._fail_at_begin)
        self.where, self.error = where, error

    def _fail_at_end(self, path, fitted):
        if self.where == ("end", *path):
            raise self.error("error of the callback")

    def _fail_at_begin(self, path):
        if self.where == ("begin", *path):
            raise self.error("error of the callback")


PLACES = [(word, *path) for word in ("begin", "end") for path in [(), (1,), (1, 0), (0, 2)]]


@pytest.mark.parametrize("rows", [X, sparse.csr_array(X)], ids=["dense", "sparse"])
@pytest.mark.parametrize("where", PLACES)
def test_error_in_a_callback_is_raised_and_keeps_the_ensemble(where, rows):
    model = ensemble().fit(rows, y)
    before, inner, callback = dict(vars(model)), Tree(), FailsAt(where)
    model.set_params(estimator=net().set_callbacks(inner)).set_callbacks(callback)
    with pytest.raises(Error, match="error of the callback"):
        model.fit(rows[:, :4], NAMES)
    assert callback.events[-1] == where
    assert (callback.n_open, inner.n_open) == (0, 0)
    assert vars(model).keys() - before.keys() == {"_skl_callbacks"}
    for name in before.keys() - {"estimator"}:
        assert getattr(model, name) is before[name]


def test_error_in_setup_of_a_member_tears_all_down():
    class FailsOnSetup(Tree):
        def setup(self, estimator, context):
            super().setup(estimator, context)
            if self.n_setups == 2:
                raise Error("error in setup")

    inner, outer = FailsOnSetup(), Tree()
    with pytest.raises(Error, match="error in setup"):
        ensemble(net().set_callbacks(inner)).set_callbacks(outer).fit(X, y)
    assert (inner.n_setups, inner.n_open, outer.n_open) == (2, 0, 0)


def test_error_in_a_process_is_raised():
    model = ensemble(n_jobs=2).set_callbacks(FailsAt(("end", 1, 0)))
    with pytest.raises(Error, match="error of the callback"):
        model.fit(X, y)
    assert not hasattr(model, "theta_")


def test_divergence_tears_down_and_keeps_the_ensemble():
    model = ensemble().fit(X, y)
    before, tree, inner = dict(vars(model)), Propagated(), Tree()
    base = net(solver="sgd", learning_rate=1e200).set_callbacks(inner)
    with pytest.raises(ValueError, match="diverged in epoch"):
        model.set_params(estimator=base).set_callbacks(tree).fit(X, y)
    assert (tree.n_open, inner.n_open) == (0, 0)
    assert not events_of(tree.events, 1, 1)
    assert model.theta_ is before["theta_"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_estimators": 0}, "n_estimators must be"),
        ({"cv": 1}, "cv must be"),
        ({"estimator__epochs": -1}, "epochs must be"),
    ],
)
def test_invalid_input_is_rejected_before_callbacks_are_called(params, message):
    tree = Propagated()
    with pytest.raises(ValueError, match=message):
        ensemble().set_params(**params).set_callbacks(tree).fit(X, y)
    assert (tree.events, tree.n_setups) == ([], 0)


def fit_with_interrupt(model, *args):
    with pytest.raises(KeyboardInterrupt):
        model.fit(*args)
    return model


@pytest.mark.parametrize("place", [("end", 1, 1), ("begin", 1, 2)])
@pytest.mark.parametrize("cv", [None, 3])
def test_ctrl_c_keeps_the_members_and_ends_their_tasks(cv, place):
    tree = FailsAt(place, KeyboardInterrupt)
    model = fit_with_interrupt(ensemble(cv=cv).set_callbacks(tree), X, NAMES)
    assert [m.stop_reason_ for m in model.estimators_] == ["interrupted"] * 3
    assert tree.n_open == 0
    assert [event for event in tree.events if len(event) == 2] == [
        (word, i) for word in ("begin", "end") for i in range(3)
    ]
    assert tree.events[-1] == ("end",)
    for i in range(3):
        n_begun = sum(e[0] == "begin" for e in events_of(tree.events, i))
        assert n_begun == sum(e[0] == "end" for e in events_of(tree.events, i))
        np.testing.assert_array_equal(tree.fitted[i,].theta_, model.theta_[i])
    np.testing.assert_array_equal(tree.fitted[()].theta_, model.theta_)
    shorter = ensemble(net(epochs=2), cv=cv).fit(X, NAMES)
    np.testing.assert_array_equal(model.theta_, shorter.theta_)


@pytest.mark.parametrize("place", [("begin",), ("begin", 0), ("begin", 2), ("begin", 1, 0)])
def test_ctrl_c_before_the_first_epoch_keeps_the_earlier_ensemble(place):
    model = ensemble().fit(X, y)
    before, tree = dict(vars(model)), FailsAt(place, KeyboardInterrupt)
    fit_with_interrupt(model.set_callbacks(tree), X[:, :4], NAMES)
    assert tree.n_open == 0
    for name, value in before.items():
        assert getattr(model, name) is value


@pytest.mark.parametrize("place", [("begin", 1), ("begin", 1, 0)])
def test_ctrl_c_before_the_second_group_keeps_the_first(place):
    tree = FailsAt(place, KeyboardInterrupt)
    model = fit_with_interrupt(ensemble().set_callbacks(tree), sparse.csr_array(X), y)
    first = ensemble(n_estimators=1).fit(sparse.csr_array(X), y)
    np.testing.assert_array_equal(model.theta_, first.theta_)
    assert tree.n_open == 0


@pytest.mark.parametrize("place", [("end", 1), ("end", 2), ("end",)])
def test_ctrl_c_at_the_end_keeps_the_ensemble(place):
    model = ensemble().set_callbacks(FailsAt(place, KeyboardInterrupt))
    plain = ensemble().fit(X, y)
    np.testing.assert_array_equal(fit_with_interrupt(model, X, y).theta_, plain.theta_)
    assert model.predict(X).tolist() == plain.predict(X).tolist()


# clone and pickle


def test_clone_and_pickle_keep_callbacks():
    inner, outer = Tree(), Tree()
    model = ensemble(net().set_callbacks(inner)).set_callbacks(outer)
    copy = clone(model)
    assert copy._skl_callbacks == [outer]
    assert copy.estimator._skl_callbacks == [inner]
    assert copy.get_params().keys() == ensemble().get_params().keys()
    silent = ensemble(cv=3).set_callbacks(Silent()).fit(X, y)
    read = pickle.loads(pickle.dumps(silent))
    assert [type(callback) for callback in read._skl_callbacks] == [Silent]
    assert_same_fit(read, silent)
    assert_same_fit(read.fit(X, y), silent)


# Meta-estimators


class Paths(Silent):
    """A propagated callback that records the paths of the tasks of epochs."""

    max_propagation_depth = None

    def __init__(self):
        self.paths = []

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch":
            path = [context]
            while path[0].parent is not None:
                path.insert(0, path[0].parent)
            self.paths.append([(c.estimator_name, c.task_name) for c in path])


OF_ENSEMBLE = [
    ("SoftmaxMLPEnsembleClassifier", "fit"),
    ("SoftmaxMLPClassifier", "fit"),
    ("SoftmaxMLPClassifier", "epoch"),
]


def test_tasks_are_in_the_tree_of_a_pipeline():
    callback = Paths()
    pipeline = make_pipeline(StandardScaler(), ensemble()).set_callbacks(callback).fit(X, y)
    assert callback.paths == [[("Pipeline", "fit"), *OF_ENSEMBLE]] * 9
    assert not any("callback" in name for name in vars(pipeline[-1]))


def test_tasks_are_in_the_tree_of_a_search():
    callback = Paths()
    search = GridSearchCV(ensemble(n_estimators=2), {"estimator__l2": [0.0, 0.1]}, cv=2)
    search.set_callbacks(callback).fit(X, y)
    assert len(callback.paths) == (2 * 2 + 1) * 2 * 3
    for path in callback.paths:
        assert path[0] == ("GridSearchCV", "fit")
        assert path[-3:] == OF_ENSEMBLE
    assert not any("callback" in name for name in vars(search.best_estimator_))


@pytest.mark.parametrize("where", ["ensemble", "member"])
def test_population_search_fits_ensembles_with_callbacks_one_by_one(where):
    tree = Tree()
    base = net().set_callbacks(tree) if where == "member" else net()
    model = ensemble(base, 2)
    if where == "ensemble":
        model.set_callbacks(tree)
    grid = {"estimator__l2": [0.0, 0.1]}
    search = PopulationGridSearchCV(model, grid, cv=2).fit(X, y)
    assert tree.n_setups == (2 * 2 + 1) * (2 if where == "member" else 1)
    assert tree.n_open == 0
    plain = PopulationGridSearchCV(ensemble(n_estimators=2), grid, cv=2).fit(X, y)
    scores = [s.cv_results_["mean_test_score"] for s in (search, plain)]
    np.testing.assert_array_equal(*scores)


# Callbacks of scikit-learn


@pytest.fixture(params=[None, "processes", "threads"])
def n_jobs(request, monkeypatch):
    if request.param == "threads":
        monkeypatch.setattr("skmlp.training.jobs.LONG_PRODUCT", 0)
    return None if request.param is None else 2


@pytest.mark.parametrize(
    ("make_X", "labels", "of_net"),
    [
        (np.asarray, y, {}),
        (np.asarray, NAMES, {"solver": "lbfgs"}),
        (sparse.csr_array, y, {"standardize": True}),
        (lambda X: pd.DataFrame(X).add_prefix("column"), NAMES, {"early_stopping": True}),
    ],
    ids=["dense", "lbfgs", "sparse", "frame"],
)
def test_scoring_monitor_equals_validation_scores(n_jobs, make_X, labels, of_net):
    from sklearn.callback import ScoringMonitor

    rows, w = make_X(X), np.linspace(0.1, 2, len(y))
    inner, outer = (ScoringMonitor(scoring=["accuracy", "neg_log_loss"]) for _ in range(2))
    model = ensemble(net(**of_net).set_callbacks(inner), n_jobs=n_jobs).set_callbacks(outer)
    model.fit(rows, labels, w, X_val=rows, y_val=labels, sample_weight_val=w)
    log = {row["task_id_path"]: row for row in inner.get_logs().data}
    assert len(log) == 3 + sum(member.n_iter_ for member in model.estimators_)
    for i, member in enumerate(model.estimators_):
        epochs = [log[0, i, epoch] for epoch in range(member.n_iter_)]
        accuracies, losses = (
            [row[name] for row in epochs] for name in ("accuracy", "neg_log_loss")
        )
        np.testing.assert_allclose(accuracies, member.validation_scores_, rtol=1e-12)
        np.testing.assert_allclose(losses, np.negative(member.validation_loss_curve_), rtol=1e-5)
        assert log[0, i]["accuracy"] == member.score(rows, labels, w)
    log = {row["task_id_path"]: row["accuracy"] for row in outer.get_logs().data}
    expected = {(0, i): m.score(rows, labels, w) for i, m in enumerate(model.estimators_)}
    assert log == expected | {(0,): model.score(rows, labels, w)}


def test_scoring_monitor_scores_the_training_rows_of_members():
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring="accuracy")
    w = np.linspace(0.1, 2, len(y))
    model = ensemble(net().set_callbacks(monitor), cv=3, warm_start=True).fit(X, y, w)
    log = {row["task_id_path"]: row["accuracy"] for row in monitor.get_logs().data}
    for i, fold in enumerate(model._repeats[0]):
        train = np.delete(np.arange(len(y)), fold)
        for epoch in range(3):
            alone = net(epochs=epoch + 1, random_state=model.estimators_[i].random_state)
            alone.fit(X[train], y[train], w[train])
            score = alone.score(X[train], y[train], w[train])
            assert log[0, i, epoch] == pytest.approx(score, abs=1e-12)


@pytest.mark.parametrize("search_jobs", [1, 2])
def test_scoring_monitor_in_a_search(search_jobs):
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring="accuracy")
    model = ensemble(net().set_callbacks(monitor), 2)
    GridSearchCV(model, {"estimator__l2": [0.0, 0.1]}, cv=2, n_jobs=search_jobs).fit(X, y)
    assert len(monitor.get_logs().data) == (2 * 2 + 1) * 2 * (3 + 1)


@pytest.mark.parametrize("depth", [0, 1, None])
def test_progress_bars(n_jobs, capsys, depth):
    pytest.importorskip("rich", reason="ProgressBar draws with rich")
    from sklearn.callback import ProgressBar

    model = ensemble(n_jobs=n_jobs).set_callbacks(ProgressBar(max_propagation_depth=depth))
    assert_same_fit(model.fit(X, y), ensemble(n_jobs=n_jobs).fit(X, y))
    drawn = capsys.readouterr().out
    assert "SoftmaxMLPEnsembleClassifier - fit" in drawn
    assert "10" in drawn
    assert drawn.count("SoftmaxMLPClassifier - fit") == (0 if depth == 0 else 3)

"""Checkpoints of ensembles: resumed fits are identical to uninterrupted ones."""

import pickle
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.model_selection import GroupKFold, StratifiedKFold

from skmlp import SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier, load, save
from skmlp.callbacks import Checkpoint, CheckpointHook
from skmlp.training.trainer import TrainingRun
from tests.interrupting import interrupted_at
from tests.io.after_checkpoint import Crash

HAS_CALLBACKS = sklearn.__version__ >= "1.9"
X, y = make_classification(
    320, 6, n_informative=5, n_redundant=0, n_classes=3, class_sep=0.8, random_state=0
)
NAMES = np.array(["no", "perhaps", "yes"])[y]
MIXED = pd.DataFrame(X).add_prefix("column").assign(place=np.array(["a", "b", "c", None])[y])
MIXED.iloc[::7, 0] = np.nan


def net(**params):
    return SoftmaxMLPClassifier(**{"units": 8, "epochs": 4} | params)


def ensemble(estimator=None, n_estimators=3, **params):
    estimator = net() if estimator is None else estimator
    return SoftmaxMLPEnsembleClassifier(estimator, n_estimators, **{"random_state": 0} | params)


@contextmanager
def crash_after(n):
    """Expect a simulated crash after so many epochs of members."""
    hook, calls = CheckpointHook.on_epoch_end, []

    def count_and_crash(self, run, *, is_last):
        hook(self, run, is_last=is_last)
        calls.append(run)
        if len(calls) == n:
            raise Crash
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CheckpointHook, "on_epoch_end", count_and_crash)
        with pytest.raises(Crash):
            yield


def resumed(model, path, n, data, *, every=1, callbacks=(), **validation):
    """Return what is resumed after a crash."""
    crashed = clone(model).set_callbacks(Checkpoint(path, every))
    with crash_after(n):
        crashed.fit(*data, **validation)
    assert not hasattr(crashed, "theta_")
    return SoftmaxMLPEnsembleClassifier.resume(path, *data, callbacks=callbacks, **validation)


def without_seconds(history):
    return {name: values for name, values in history.items() if name != "seconds"}


def assert_same_fit(model, expected):
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    assert model.theta_.dtype == expected.theta_.dtype
    assert model.temperature_ == expected.temperature_
    assert model.classes_.tolist() == expected.classes_.tolist()
    for one, other in zip(model.estimators_, expected.estimators_, strict=True):
        assert without_seconds(one.history_) == without_seconds(other.history_)
        for name in ("best_epoch_", "stop_reason_", "temperature_", "n_iter_"):
            assert getattr(one, name) == getattr(other, name), name
        assert one.get_params() == other.get_params()
    if expected.cv is not None:
        np.testing.assert_array_equal(model.oof_proba_, expected.oof_proba_)
        assert (model.oof_score_, model.oof_loss_) == (expected.oof_score_, expected.oof_loss_)


EARLY = {"early_stopping": True, "n_iter_no_change": 1, "epochs": 30, "learning_rate": 0.1}
TRAININGS = {
    "defaults": ({}, {}, (X, y)),
    "no estimator": (None, {"n_estimators": 2}, (X[:60], y[:60])),
    "folds": ({"dropout": 0.2}, {"cv": 3, "calibration": "temperature"}, (X, NAMES)),
    "repeats": ({"dtype": "float32"}, {"cv": 2, "n_estimators": 3}, (X, y)),
    "early stopping": (EARLY, {"n_estimators": 5}, (X, y)),
    "early stopping, folds": (EARLY, {"cv": 3, "n_estimators": 4}, (X, y, y + 1.0)),
    "adaptive": (
        {"schedule": "adaptive", "n_iter_no_change": 1, "tol": 0.5, "solver": "sgd"}, {}, (X, y),
    ),
    "sparse": ({}, {}, (sparse.csr_array(X), y)),
    "frame": ({"n_bins": 4}, {"cv": 3}, (MIXED, NAMES)),
    "several groups": ({}, {"n_estimators": 4}, (X, y)),
}  # fmt: skip


@pytest.mark.parametrize("training", TRAININGS)
@pytest.mark.parametrize("n", [1, 3, 5, 8])
def test_resume_after_a_crash_is_bitwise_identical(tmp_path, monkeypatch, training, n):
    of_net, of_ensemble, data = TRAININGS[training]
    if training == "several groups":
        monkeypatch.setattr("skmlp.training.population._max_networks", lambda *_: 2)
    model = ensemble(**of_ensemble)
    model.set_params(estimator=None if of_net is None else net(**of_net))
    again = resumed(model, tmp_path / "c", n, data)
    assert_same_fit(again, model.fit(*data))
    assert str(again.get_params()) == str(model.get_params())
    if training.startswith("early stopping"):
        assert len({member.n_iter_ for member in model.estimators_}) > 1


@pytest.mark.parametrize("training", ["early stopping", "folds", "sparse"])
def test_resume_after_repeated_crashes(tmp_path, training):
    of_net, of_ensemble, data = TRAININGS[training]
    model, path = ensemble(net(**of_net), **of_ensemble), tmp_path / "c"
    expected = clone(model).fit(*data)
    n_left = sum(member.n_iter_ for member in expected.estimators_)
    with crash_after(2):
        model.set_callbacks(Checkpoint(path)).fit(*data)
    for n in (3, 1, 4):
        if n < n_left - 8:
            with crash_after(n):
                SoftmaxMLPEnsembleClassifier.resume(path, *data)
    assert_same_fit(SoftmaxMLPEnsembleClassifier.resume(path, *data), expected)


@pytest.mark.parametrize("every", [2, 3, 100])
def test_resume_from_the_last_checkpoint(tmp_path, every):
    expected = ensemble().fit(X, y)
    for n in (4, 7, 11):
        assert_same_fit(resumed(ensemble(), tmp_path / "c", n, (X, y), every=every), expected)


def test_resume_with_a_given_validation_set(tmp_path):
    validation = {"X_val": X[::3], "y_val": y[::3], "sample_weight_val": np.ones(107)}
    model = ensemble(net(early_stopping=True))
    again = resumed(model, tmp_path / "c", 5, (X, y), **validation)
    assert_same_fit(again, model.fit(X, y, **validation))
    with pytest.raises(ValueError, match="the shape of X_val, y_val"):
        SoftmaxMLPEnsembleClassifier.resume(tmp_path / "c", X, y)


def test_resume_of_a_finished_fit_does_not_train(tmp_path, monkeypatch):
    model = ensemble(net(**EARLY), cv=3, calibration="temperature")
    model.set_callbacks(Checkpoint(tmp_path / "c", every=5)).fit(X, y)
    monkeypatch.setattr(TrainingRun, "end_epoch", lambda *_: pytest.fail("was trained"))
    again = SoftmaxMLPEnsembleClassifier.resume(tmp_path / "c", X, y)
    assert_same_fit(again, model)
    assert again.history_ == model.history_  # including seconds


@pytest.mark.parametrize("rows", [X, sparse.csr_array(X)], ids=["dense", "sparse"])
@pytest.mark.parametrize("n", [2, 6])
def test_resume_after_ctrl_c(tmp_path, rows, n):
    model = ensemble()
    with pytest.MonkeyPatch.context() as patch:
        interrupted_at(patch, n)
        with pytest.raises(KeyboardInterrupt):
            clone(model).set_callbacks(Checkpoint(tmp_path / "c")).fit(rows, y)
    assert_same_fit(
        SoftmaxMLPEnsembleClassifier.resume(tmp_path / "c", rows, y), model.fit(rows, y)
    )


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(3)])
def test_resume_with_any_random_state(tmp_path, random_state):
    model = ensemble(cv=3, random_state=random_state, warm_start=True)
    with crash_after(5):
        model.set_callbacks(Checkpoint(tmp_path / "c")).fit(X, y)
    one, other = (SoftmaxMLPEnsembleClassifier.resume(tmp_path / "c", X, y) for _ in range(2))
    assert_same_fit(one, other)
    assert len(np.unique(one.theta_[:, 0])) == 3


def test_folds_of_a_splitter_are_those_of_the_file(tmp_path):
    splitter, path = StratifiedKFold(3, shuffle=True), tmp_path / "c"  # draws others each time
    model = ensemble(cv=splitter, warm_start=True)
    with crash_after(4):
        model.set_callbacks(Checkpoint(path)).fit(X, y)
    with pytest.raises(ValueError, match=r"cannot hold cv.*resume\(path, X, y, cv=...\)"):
        SoftmaxMLPEnsembleClassifier.resume(path, X, y)
    again = SoftmaxMLPEnsembleClassifier.resume(path, X, y, cv=splitter, verbose=0, n_jobs=None)
    for member, fold in zip(again.estimators_, again._repeats[0], strict=True):
        train = np.delete(np.arange(len(y)), fold)
        alone = net(random_state=member.random_state, n_bins=None).fit(X[train], y[train])
        assert alone.n_iter_ == member.n_iter_
        assert len(alone.history_["loss"]) == 4
    with pytest.raises(ValueError, match=r"cannot be passed to resume. It accepts .*n_jobs, cv"):
        SoftmaxMLPEnsembleClassifier.resume(path, X, y, cv=splitter, n_estimators=4)
    with pytest.raises(ValueError, match="folds of the checkpoint do not fit cv=None"):
        SoftmaxMLPEnsembleClassifier.resume(path, X, y, cv=None)


def test_resume_with_groups(tmp_path):
    groups, splitter = np.arange(len(y)) % 12, GroupKFold(3)
    model = ensemble(cv=splitter)
    with crash_after(4):
        clone(model).set_callbacks(Checkpoint(tmp_path / "c")).fit(X, y, groups=groups)
    again = SoftmaxMLPEnsembleClassifier.resume(tmp_path / "c", X, y, cv=splitter)
    assert_same_fit(again, model.fit(X, y, groups=groups))


def test_warm_start_after_resume(tmp_path):
    model = ensemble(cv=2, n_estimators=2, warm_start=True)
    again = resumed(model, tmp_path / "c", 3, (X, y))
    again.set_callbacks().set_params(n_estimators=5).fit(X, y)
    assert_same_fit(again, model.fit(X, y).set_params(n_estimators=5).fit(X, y))


def test_resume_of_lbfgs(tmp_path):
    model = ensemble(net(solver="lbfgs", l2=0.1, units=(), epochs=300, tol=1e-7), cv=2)
    again = resumed(model, tmp_path / "c", 5, (X, y))
    assert {member.stop_reason_ for member in again.estimators_} == {"converged"}
    np.testing.assert_allclose(again.oof_loss_, model.fit(X, y).oof_loss_, atol=1e-6)


def test_resumed_fit_writes_checkpoints(tmp_path):
    again = resumed(ensemble(), tmp_path / "c", 5, (X, y), every=2)
    (checkpoint,) = again._skl_callbacks
    assert (checkpoint.path, checkpoint.every) == (str(tmp_path / "c"), 2)
    assert_same_fit(SoftmaxMLPEnsembleClassifier.resume(tmp_path / "c", X, y), again)


@pytest.mark.skipif(not HAS_CALLBACKS, reason="sklearn.callback is new in scikit-learn 1.9")
def test_resume_with_other_callbacks(tmp_path):
    from tests.estimators.test_ensemble_callbacks import Propagated, events_of

    tree = Propagated()
    rows = sparse.csr_array(X)
    again = resumed(ensemble(), tmp_path / "c", 6, (rows, y), callbacks=[tree])
    assert_same_fit(again, ensemble().fit(rows, y))
    assert tree.contexts[()].max_subtasks == 2  # the first member was over
    assert not events_of(tree.events, 0)
    assert events_of(tree.events, 1)[:2] == [("begin", 1), ("begin", 1, 0)]
    assert len(events_of(tree.events, 1)) == 2 + 2 * 2
    assert len(events_of(tree.events, 2)) == 2 + 2 * 4
    assert tree.n_open == 0


# Errors


def test_different_data_raise(tmp_path):
    path = tmp_path / "c"
    with crash_after(4):
        ensemble().set_callbacks(Checkpoint(path)).fit(X, y)
    before = path.read_bytes()
    for data, what in [
        ((X[:300], y[:300]), "the shape of X, y"),
        ((X[:, :5], y), "the shape of X, y"),
        ((X + 1, y), "the entries of X, y"),
        ((X, y, np.ones(len(y))), "the weights of X, y"),
        ((X, NAMES), "the labels of X, y"),
    ]:
        with pytest.raises(ValueError, match=f"only with the rows.*{what}"):
            SoftmaxMLPEnsembleClassifier.resume(path, *data)
    assert path.read_bytes() == before


def test_files_of_networks_and_ensembles_are_not_interchangeable(tmp_path):
    ensemble().set_callbacks(Checkpoint(tmp_path / "ensemble")).fit(X, y)
    net().set_callbacks(Checkpoint(tmp_path / "network")).fit(X, y)
    with pytest.raises(ValueError, match="it is of an ensemble, not of a single network"):
        SoftmaxMLPClassifier.resume(tmp_path / "ensemble", X, y)
    with pytest.raises(ValueError, match="it is of a single network, not of an ensemble"):
        SoftmaxMLPEnsembleClassifier.resume(tmp_path / "network", X, y)
    with pytest.raises(ValueError, match="is not a valid skmlp model file"):
        load(tmp_path / "ensemble")


def test_checkpoints_that_cannot_be_written_raise_before_training(tmp_path, monkeypatch):
    model = ensemble(warm_start=True).fit(X, y)
    theta, checkpoint = model.theta_, Checkpoint(tmp_path / "c")
    monkeypatch.setattr(TrainingRun, "end_epoch", lambda *_: pytest.fail("was trained"))
    with pytest.raises(ValueError, match="does not hold the members that a warm start keeps"):
        model.set_callbacks(checkpoint).fit(X, y)
    with pytest.raises(ValueError, match="Checkpoint needs a single job, but n_jobs=2: set n_jobs"):
        model.set_params(n_jobs=2, warm_start=False).fit(X, y)
    model.set_params(n_jobs=None, estimator=net().set_callbacks(checkpoint))
    with pytest.raises(ValueError, match="Checkpoint of the estimator would be written by all"):
        model.set_callbacks().fit(X, y)
    model.set_params(estimator=net()).set_callbacks(Checkpoint(tmp_path / "no folder" / "c"))
    with pytest.raises(FileNotFoundError, match=r"Checkpoint\(path=.*\) cannot be written"):
        model.fit(X, y)
    assert model.theta_ is theta
    assert list(tmp_path.iterdir()) == []


def test_full_disk_keeps_training_and_the_last_checkpoint(tmp_path, monkeypatch):
    from skmlp import callbacks

    path, write, calls = tmp_path / "c", callbacks.write_checkpoint, []

    def write_three(*args, **kwargs):
        calls.append(args)
        if len(calls) > 3:
            raise OSError(28, "No space left on device")
        write(*args, **kwargs)

    monkeypatch.setattr(callbacks, "write_checkpoint", write_three)
    with pytest.warns(
        UserWarning, match=r"No checkpoint after epoch \d: .*No space left"
    ) as warned:
        model = ensemble().set_callbacks(Checkpoint(path)).fit(X, y)
    assert len(warned) == 2  # the file has epoch 2
    monkeypatch.undo()
    assert_same_fit(SoftmaxMLPEnsembleClassifier.resume(path, X, y), model)


@pytest.mark.parametrize("cv", [None, 2])
def test_members_trained_in_steps_equal_those_of_one_fit(tmp_path, cv):
    """What the error about a warm start with a checkpoint advises."""
    path = tmp_path / "ensemble"
    model = ensemble(cv=cv, warm_start=True)
    whole = clone(model).set_params(n_estimators=6).fit(X, NAMES)
    for n_estimators in (2, 3, 6):
        model.set_params(n_estimators=n_estimators).fit(X, NAMES)
        if cv is None:
            save(model, path)
            model = load(path)
        else:
            path.write_bytes(pickle.dumps(model))
            model = pickle.loads(path.read_bytes())
    np.testing.assert_allclose(model.theta_, whole.theta_, atol=1e-6)
    assert [m.n_iter_ for m in model.estimators_] == [m.n_iter_ for m in whole.estimators_]

"""Checkpoints: resumed fits are identical to uninterrupted ones."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import SoftmaxMLPClassifier, load, save
from skmlp.callbacks import Checkpoint
from tests.io.after_checkpoint import crash_after

X, y = load_iris(return_X_y=True)
HAS_CALLBACKS = sklearn.__version__ >= "1.9"


def quick(**params):
    return SoftmaxMLPClassifier(**{"units": 8, "epochs": 7, "random_state": 0, **params})


def crash(clf, path, data, *callbacks, after=3, every=1, **validation):
    """Fit with a simulated crash after some epochs."""
    clf.set_callbacks(*callbacks, Checkpoint(path, every))
    with crash_after(after):
        clf.fit(*data, **validation)
    clf.set_callbacks()


def assert_same_fit(clf, expected):
    np.testing.assert_array_equal(clf.theta_, expected.theta_)
    assert clf.theta_.dtype == expected.theta_.dtype
    assert clf.history_.keys() == expected.history_.keys()
    for name in expected.history_.keys() - {"seconds"}:
        np.testing.assert_array_equal(clf.history_[name], expected.history_[name])
    for name in ("best_epoch_", "best_validation_score_", "stop_reason_", "n_iter_"):
        assert getattr(clf, name) == getattr(expected, name), name
    assert clf.classes_.tolist() == expected.classes_.tolist()
    np.testing.assert_array_equal(clf.class_weight_, expected.class_weight_)


TRAININGS = {
    "defaults": {},
    "float32": {"dtype": "float32", "standardize": False},
    "sgd": {"solver": "sgd", "schedule": "constant", "learning_rate": 0.1},
    "plain sgd": {"solver": "sgd", "momentum": 0.0, "schedule": "cosine", "shuffle": False},
    "adaptive": {"schedule": "adaptive", "tol": 0.5, "n_iter_no_change": 2},
    "invscaling": {"schedule": "invscaling", "batch_size": 32},
    "dropout": {"dropout": [0.1, 0.4], "batch_size": 25},
    "l1": {"l1": 0.01, "l2": [0.1, 0.0]},
    "no hidden layer": {"units": ()},
    "two layers": {"units": [6, 5], "activation": ["tanh", "gelu"], "label_smoothing": 0.1},
    "bins": {"n_bins": 5},
    "bins, early stopping": {"n_bins": 5, "early_stopping": True},
    "balanced": {"class_weight": "balanced"},
    "class weights": {"class_weight": {0: 3.0, 2: 0.5}},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 4, "tol": 0.02},
    "early stopping on a score": {"early_stopping": True, "scoring": "balanced_accuracy"},
    "early stopping on X": {"early_stopping": True, "validation_fraction": None},
    "early stopping, adaptive": {
        "early_stopping": True,
        "schedule": "adaptive",
        "n_iter_no_change": 1,
        "tol": 0.1,
    },
}


@pytest.mark.parametrize("training", TRAININGS)
@pytest.mark.parametrize("weighted", [False, True])
def test_resume_after_a_crash_is_bitwise_identical(tmp_path, rng, training, weighted):
    data = (X, y, rng.randint(0, 4, len(y))) if weighted else (X, y)
    clf, path = quick(**TRAININGS[training]), tmp_path / "c"
    crash(clf, path, data)
    resumed = SoftmaxMLPClassifier.resume(path, *data)
    assert_same_fit(resumed, clf.fit(*data))
    params = {name: tuple(v) if isinstance(v, list) else v for name, v in clf.get_params().items()}
    assert resumed.get_params() == params


@pytest.mark.parametrize("every", [1, 2, 3, 100])
@pytest.mark.parametrize("after", [1, 5, 6])
def test_resume_from_the_last_checkpoint(tmp_path, every, after):
    clf, path = quick(dropout=0.3), tmp_path / "c"
    crash(clf, path, (X, y), after=after, every=every)
    assert_same_fit(SoftmaxMLPClassifier.resume(path, X, y), clf.fit(X, y))


def test_resume_after_repeated_crashes(tmp_path):
    clf, path = quick(early_stopping=True, dropout=0.2), tmp_path / "c"
    crash(clf, path, (X, y), after=1)
    for after in (2, 4, 6):
        with crash_after(after):
            SoftmaxMLPClassifier.resume(path, X, y)
    assert_same_fit(SoftmaxMLPClassifier.resume(path, X, y), clf.fit(X, y))


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csc_matrix, pd.DataFrame])
def test_resume_with_sparse_rows_and_data_frames(tmp_path, container):
    rows = container(X)
    if isinstance(rows, pd.DataFrame):
        rows.columns = list("abcd")
    labels = np.array(["a", "b", "c"], object)[y]
    clf, path = quick(), tmp_path / "c"
    crash(clf, path, (rows, labels))
    resumed = SoftmaxMLPClassifier.resume(path, rows, labels)
    assert_same_fit(resumed, clf.fit(rows, labels))
    assert resumed.predict(rows).dtype == clf.predict(rows).dtype
    assert getattr(resumed, "feature_names_in_", None) is getattr(
        clf, "feature_names_in_", None
    ) or (resumed.feature_names_in_.tolist() == list("abcd"))


def test_resume_with_a_given_validation_set(tmp_path):
    validation = {"X_val": X[::3], "y_val": y[::3], "sample_weight_val": np.arange(1.0, 51.0)}
    clf, path = quick(early_stopping=True), tmp_path / "c"
    crash(clf, path, (X, y), **validation)
    resumed = SoftmaxMLPClassifier.resume(path, X, y, **validation)
    assert_same_fit(resumed, clf.fit(X, y, **validation))
    crash(clf, path, (X, y), **validation)
    with pytest.raises(ValueError, match="the shape of X_val, y_val"):
        SoftmaxMLPClassifier.resume(path, X, y)
    with pytest.raises(ValueError, match="the weights of X_val, y_val differ"):
        SoftmaxMLPClassifier.resume(path, X, y, **{**validation, "sample_weight_val": None})


def test_resume_with_random_state_instances(tmp_path):
    path = tmp_path / "c"
    clf = quick(random_state=np.random.RandomState(5), dropout=0.2)
    crash(clf, path, (X, y))
    resumed = SoftmaxMLPClassifier.resume(path, X, y)
    assert_same_fit(resumed, quick(random_state=np.random.RandomState(5), dropout=0.2).fit(X, y))
    np.random.seed(3)  # noqa: NPY002, what random_state=None draws from
    crash(quick(random_state=None), path, (X, y))
    resumed = SoftmaxMLPClassifier.resume(path, X, y)
    np.random.seed(3)  # noqa: NPY002
    assert_same_fit(resumed, quick(random_state=None).fit(X, y))
    with pytest.raises(ValueError, match=r"random_state must be .*a RandomState of MT19937"):
        quick(random_state=np.random.RandomState(np.random.PCG64(0))).set_callbacks(
            Checkpoint(path)
        ).fit(X, y)


def test_resume_of_a_warm_start(tmp_path):
    def twice(path=None):
        clf = quick(warm_start=True, schedule="invscaling", dropout=0.2).fit(X, y)
        if path is not None:
            crash(clf, path, (X, y))
            assert clf.n_iter_ == 7  # the failed fit did not change the model
            return SoftmaxMLPClassifier.resume(path, X, y)
        return clf.fit(X, y)

    resumed, expected = twice(tmp_path / "c"), twice()
    assert_same_fit(resumed, expected)
    assert resumed.n_iter_ == 14
    assert_same_fit(resumed.fit(X, y), expected.fit(X, y))  # a third fit


def test_callables_must_be_passed_to_resume(tmp_path):
    def schedule(fraction):
        return 1.0 - fraction

    clf, path = quick(schedule=schedule), tmp_path / "c"
    crash(clf, path, (X, y))
    with pytest.raises(ValueError, match=r"cannot hold schedule.*resume\(path, X, y, schedule=.*"):
        SoftmaxMLPClassifier.resume(path, X, y)
    resumed = SoftmaxMLPClassifier.resume(path, X, y, schedule=schedule, verbose=False)
    assert_same_fit(resumed, clf.fit(X, y))
    crash(clf, path, (X, y))
    with pytest.raises(ValueError, match=r"epochs cannot be passed to resume. .*verbose, schedule"):
        SoftmaxMLPClassifier.resume(path, X, y, schedule=schedule, epochs=9)


def test_resumed_lbfgs_reaches_the_optimum(tmp_path):
    clf, path = quick(units=(), solver="lbfgs", epochs=500, tol=1e-6, l2=0.01), tmp_path / "c"
    crash(clf, path, (X, y), after=10)
    resumed = SoftmaxMLPClassifier.resume(path, X, y)
    assert resumed.stop_reason_ == "converged"
    truth = LogisticRegression(C=1 / (150 * 0.01), tol=1e-9, max_iter=10_000)
    scaled = StandardScaler().fit_transform(X)
    expected = truth.fit(scaled, y).predict_proba(scaled)
    smooth = clf.set_params(label_smoothing=0.0)
    crash(smooth, path, (X, y), after=10)
    resumed = SoftmaxMLPClassifier.resume(path, X, y)
    np.testing.assert_allclose(resumed.predict_proba(X), expected, atol=1e-5)
    assert log_loss(y, resumed.predict_proba(X)) == pytest.approx(log_loss(y, expected), abs=1e-6)


def test_resume_of_a_finished_fit_does_not_train(tmp_path):
    for params in ({}, {"early_stopping": True, "n_iter_no_change": 1}, {"solver": "lbfgs"}):
        clf = quick(**params).set_callbacks(Checkpoint(tmp_path / "c", every=5)).fit(X, y)
        resumed = SoftmaxMLPClassifier.resume(tmp_path / "c", X, y)
        assert_same_fit(resumed, clf)
        assert resumed.history_ == clf.history_  # including seconds


def test_resume_after_an_interrupt(tmp_path):
    calls = []

    def interrupting(fraction):
        calls.append(fraction)
        if len(calls) == 10:
            raise KeyboardInterrupt
        return 1.0

    path = tmp_path / "c"
    clf = quick(schedule=interrupting, batch_size=50)
    with pytest.raises(KeyboardInterrupt):
        clf.set_callbacks(Checkpoint(path)).fit(X, y)
    assert (clf.stop_reason_, clf.n_iter_) == ("interrupted", 3)
    resumed = SoftmaxMLPClassifier.resume(path, X, y, schedule=interrupting)
    expected = quick(schedule=lambda fraction: 1.0, batch_size=50).fit(X, y)
    assert_same_fit(resumed, expected)


def test_resume_of_a_pipeline_step(tmp_path):
    path = tmp_path / "c"
    pipeline = make_pipeline(StandardScaler(), quick().set_callbacks(Checkpoint(path)))
    expected = pipeline.fit(X, y)[-1]
    resumed = SoftmaxMLPClassifier.resume(path, pipeline[:-1].transform(X), y)
    assert_same_fit(resumed, expected)


def test_resume_of_a_subclass(tmp_path):
    class Ours(SoftmaxMLPClassifier):
        pass

    Ours(epochs=2).set_callbacks(Checkpoint(tmp_path / "c")).fit(X, y)
    assert type(Ours.resume(tmp_path / "c", X, y)) is Ours


def test_resumed_fit_writes_checkpoints(tmp_path):
    path = tmp_path / "c"
    crash(quick(), path, (X, y), every=2)
    resumed = SoftmaxMLPClassifier.resume(path, X, y)
    (checkpoint,) = resumed._skl_callbacks
    assert (checkpoint.path, checkpoint.every) == (os.fspath(path), 2)
    assert_same_fit(SoftmaxMLPClassifier.resume(path, X, y), resumed)


@pytest.mark.skipif(not HAS_CALLBACKS, reason="sklearn.callback is new in scikit-learn 1.9")
def test_resume_with_other_callbacks(tmp_path):
    from sklearn.callback import ScoringMonitor

    clf, path = quick(), tmp_path / "c"
    crash(clf, path, (X, y), ScoringMonitor(scoring="accuracy"))
    monitor = ScoringMonitor(scoring="accuracy")
    resumed = SoftmaxMLPClassifier.resume(path, X, y, callbacks=[monitor])
    assert_same_fit(resumed, clf.set_callbacks().fit(X, y))
    with pytest.raises(TypeError, match="FitCallback protocol"):
        clf.set_callbacks(Checkpoint)


OTHERS = {
    "fewer rows": ((X[:140], y[:140]), "the shape of X, y"),
    "another order": ((X[::-1], y[::-1]), "the entries of X, y and the labels of X, y"),
    "other labels": ((X, y % 2), "the labels of X, y"),
    "names of classes": ((X, np.array(["a", "b", "c"])[y]), "the labels of X, y"),
    "other entries": ((X + 1, y), "the entries of X, y"),
    "another dtype": ((X.astype(np.float32), y), "the dtype of X, y"),
    "weights": ((X, y, np.ones(150)), "the weights of X, y"),
    "columns": ((X[:, :3], y), "the shape of X, y"),
    "feature names": ((pd.DataFrame(X, columns=list("abcd")), y), "feature names"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_resume_with_different_data_raises(tmp_path, other):
    data, what = OTHERS[other]
    crash(quick(), tmp_path / "c", (X, y))
    before = (tmp_path / "c").read_bytes()
    with pytest.raises(ValueError, match=f"only with the rows.*{what}.* differ from those of"):
        SoftmaxMLPClassifier.resume(tmp_path / "c", *data)
    assert (tmp_path / "c").read_bytes() == before


FRAME = pd.DataFrame(X, columns=list("abcd")).assign(e=np.where(X[:, 0] > 5, "long", "short"))


@pytest.mark.parametrize("rows", [X, sparse.csr_array(X), FRAME], ids=["dense", "sparse", "frame"])
def test_resume_with_one_other_entry_raises(tmp_path, rows):
    """Wherever it is: 64 rows alone would miss most of them."""
    crash(quick(), tmp_path / "c", (rows, y))
    for i in (0, 1, 77, 148, 149):
        other = rows.copy()
        if isinstance(other, pd.DataFrame):
            other.loc[i, "e"] = "short" if other.e[i] == "long" else "long"
        else:
            other[i, 2] += 1e-9
        with pytest.raises(ValueError, match="the rows of X, y differ from those of"):
            SoftmaxMLPClassifier.resume(tmp_path / "c", other, y)
    resumed = SoftmaxMLPClassifier.resume(tmp_path / "c", rows, y)
    assert_same_fit(resumed, quick().fit(rows, y))


def test_resume_of_memory_maps_and_of_older_files(tmp_path):
    """Of memory maps, 64 rows are read, and older files have the checksum of so many."""
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    other = X.copy()
    other[1, 2] += 1
    crash(quick(), tmp_path / "of map", (mapped, y))
    crash(quick(), tmp_path / "old", (X, y))
    with np.load(tmp_path / "old") as file:
        members = dict(file)
    header = json.loads(members["header"].tobytes())
    del header["rows"]["the rows of X, y"]
    members["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with open(tmp_path / "old", "wb") as file:
        np.savez(file, **members)
    expected = quick().fit(X, y)
    for path in ("of map", "old"):
        copies = [tmp_path / f"{path} {i}" for i in range(3)]
        for copy, rows in zip(copies, (X, mapped, other), strict=True):
            shutil.copy(tmp_path / path, copy)
            resumed = SoftmaxMLPClassifier.resume(copy, rows, y)
            if rows is not other:
                assert_same_fit(resumed, expected)
        with pytest.raises(ValueError, match="the entries of X, y"):
            SoftmaxMLPClassifier.resume(tmp_path / path, X + 1, y)


@pytest.mark.parametrize("every", [0, -1, 1.5, "1", True, None])
def test_invalid_every(every):
    with pytest.raises(ValueError, match=f"every must be an integer >= 1, got {every!r}"):
        Checkpoint("c", every=every)


def test_unsupported_labels_raise_before_training(tmp_path):
    labels = np.array(["2024", "2025", "2026"], "datetime64[Y]")[y]
    with pytest.raises(
        ValueError, match=r"Labels of dtype datetime64\[Y\] cannot be saved without pickle"
    ):
        quick().set_callbacks(Checkpoint(tmp_path / "c")).fit(X, labels)
    assert not list(tmp_path.iterdir())


def test_unwritable_path_raises_before_training(tmp_path):
    path = tmp_path / "no folder" / "c"
    clf = quick().fit(X, y)
    theta = clf.theta_
    message = re.escape(f"Checkpoint(path={os.fspath(path)!r}) cannot be written")
    with pytest.raises(FileNotFoundError, match=message):
        clf.set_callbacks(Checkpoint(path)).fit(X, y)
    assert clf.theta_ is theta


# Killed processes and full disks


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_resume_after_being_killed_at_random_moments(tmp_path):
    command = [sys.executable, "-m", "tests.io.kill_and_resume", tmp_path, "120"]
    threads = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, env={**os.environ, **threads}, capture_output=True, text=True, check=False
    )
    found = re.fullmatch(r"killed (\d+) writing (\d+) ended (\d+) differing \[\]\n", done.stdout)
    assert found, done.stdout + done.stderr
    killed, writing, ended = map(int, found.groups())
    assert killed >= 120
    assert writing >= 20
    assert ended >= 4


# In a subprocess, since the limit applies to all files of a process.
FULL_DISK = """
import json, resource, sys, warnings
from sklearn.datasets import load_iris
from skmlp import SoftmaxMLPClassifier
from skmlp.callbacks import Checkpoint, CheckpointHook

def schedule(fraction):
    if fraction > 0.4:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, resource.RLIM_INFINITY))
    return 1.0

X, y = load_iris(return_X_y=True)
clf = SoftmaxMLPClassifier(50, epochs=7, batch_size=150, schedule=schedule, random_state=0)
clf.set_callbacks(Checkpoint(sys.argv[1]))
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    clf.fit(X, y)
try:
    clf.fit(X, y)
except OSError as error:
    message = str(error)
print(json.dumps([[str(w.message) for w in warned], warned[0].filename, message, clf.n_iter_]))
"""


@pytest.mark.skipif(find_spec("resource") is None, reason="needs limits on the size of files")
def test_full_disk_keeps_training_and_the_last_checkpoint(tmp_path):
    path = tmp_path / "c"
    command = [sys.executable, "-W", "error", "-c", FULL_DISK, path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.stderr
    warned, where, message, n_iter = json.loads(done.stdout)
    assert len(warned) == 4
    assert re.match(r"No checkpoint after epoch 4: '.*c' cannot be written \(File too", warned[0])
    assert where == "<string>"
    assert list(tmp_path.iterdir()) == [path]
    assert len(load_history(path)) == 3
    assert "cannot be written: File too large" in message  # raised before training
    assert n_iter == 7


def load_history(path):
    with np.load(path) as arrays:
        header = arrays["header"].tobytes()
    return json.loads(header)["history"]["loss"]


def test_models_and_checkpoints_are_not_interchangeable(tmp_path):
    clf = quick().set_callbacks(Checkpoint(tmp_path / "c")).fit(X, y)
    with pytest.raises(ValueError, match="not a valid skmlp model file: "):
        load(tmp_path / "c")
    save(clf, tmp_path / "m")
    with pytest.raises(ValueError, match="not a valid skmlp checkpoint file: "):
        SoftmaxMLPClassifier.resume(tmp_path / "m", X, y)

"""Ctrl-C: fit keeps what was learnt, and KeyboardInterrupt reaches the caller of every loop."""

import copy
import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import PopulationGridSearchCV, PopulationRandomizedSearchCV, SoftmaxMLPClassifier
from skmlp.callbacks import Checkpoint
from skmlp.training.trainer import TrainingRun
from tests.interrupting import interrupted_at

X, y = load_iris(return_X_y=True)


def quick(**params):
    return SoftmaxMLPClassifier(**{"units": 8, "epochs": 6, "random_state": 0, **params})


LOOPS = {
    "cross_val_score": lambda: cross_val_score(quick(), X, y, cv=5, error_score="raise"),
    "cross_val_score, errors as scores": lambda: cross_val_score(quick(), X, y, cv=5),
    "GridSearchCV": lambda: GridSearchCV(quick(), {"l2": [0.0, 0.1]}, cv=3).fit(X, y),
    "bagging": lambda: BaggingClassifier(quick(), 3).fit(X, y),
    "population": lambda: PopulationGridSearchCV(quick(), {"l2": [0.0, 0.1]}, cv=3).fit(X, y),
    "random": lambda: PopulationRandomizedSearchCV(quick(), {"l2": [0.0, 0.1]}, n_iter=2).fit(X, y),
    "population of lbfgs": lambda: PopulationGridSearchCV(
        quick(solver="lbfgs"), {"l2": [0.0, 0.1]}, cv=3
    ).fit(X, y),
    "partial_fit": lambda: [quick().partial_fit(X, y, [0, 1, 2]) for _ in range(20)],
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("epoch", [1, 8])
def test_loop_stops(monkeypatch, loop, epoch):
    ended = interrupted_at(monkeypatch, epoch)
    with pytest.raises(KeyboardInterrupt):
        LOOPS[loop]()
    assert len(ended) == epoch


def test_interrupted_search_stays_as_it_was(monkeypatch):
    search = PopulationGridSearchCV(quick(), {"l2": [0.0, 0.1]}, cv=3).fit(X, y)
    before = dict(vars(search))
    for epoch in (1, 30, 37):  # the last one in the refit, after 6 fits of 6 epochs
        with monkeypatch.context() as patch:
            interrupted_at(patch, epoch)
            with pytest.raises(KeyboardInterrupt):
                search.fit(X, y)
        assert vars(search) == before


def test_network_of_an_interrupted_pipeline_is_usable(monkeypatch):
    pipeline = make_pipeline(StandardScaler(), quick())
    interrupted_at(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        pipeline.fit(X, y)
    assert (pipeline[-1].stop_reason_, pipeline[-1].n_iter_) == ("interrupted", 3)
    assert pipeline.predict_proba(X).shape == (150, 3)


def test_interrupted_partial_fit_leaves_the_estimator_as_before(monkeypatch):
    clf = quick().partial_fit(X, y, [0, 1, 2])
    undisturbed = copy.deepcopy(clf)
    before = dict(vars(clf))
    with monkeypatch.context() as patch:
        interrupted_at(patch, 1)
        with pytest.raises(KeyboardInterrupt):
            clf.partial_fit(X[::2], y[::2])
    assert vars(clf) == before
    for each in (clf, undisturbed):
        each.partial_fit(X, y)
    np.testing.assert_array_equal(clf.theta_, undisturbed.theta_)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_interrupt_after_the_last_epoch_keeps_the_training(monkeypatch, early_stopping):
    """While the temperature is computed, for instance."""
    params = {"early_stopping": early_stopping}
    expected, clf = quick(**params).fit(X, y), quick(**params)
    finish, calls = TrainingRun.finish, []

    def finish_late(run):
        calls.append(run)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return finish(run)

    monkeypatch.setattr(TrainingRun, "finish", finish_late)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    assert (clf.n_iter_, clf.stop_reason_) == (6, "interrupted")
    np.testing.assert_array_equal(clf.theta_, expected.theta_)
    assert clf.temperature_ == expected.temperature_


def test_interrupt_when_the_attributes_are_set_keeps_them(monkeypatch):
    clf, expected = quick(), quick().fit(X, y)
    set_fitted = SoftmaxMLPClassifier._set_fitted

    def set_and_interrupt(self, result, **kwargs):
        set_fitted(self, result, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(SoftmaxMLPClassifier, "_set_fitted", set_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    np.testing.assert_array_equal(clf.theta_, expected.theta_)
    with pytest.raises(KeyboardInterrupt):
        clf.partial_fit(X, y)
    assert clf.n_iter_ == 7
    assert clf._train_state is not None


def test_resume_after_an_interrupt_equals_an_uninterrupted_fit(monkeypatch, tmp_path):
    expected = quick(early_stopping=True).fit(X, y)
    with monkeypatch.context() as patch:
        interrupted_at(patch, 3)
        with pytest.raises(KeyboardInterrupt):
            quick(early_stopping=True).set_callbacks(Checkpoint(tmp_path / "c")).fit(X, y)
    resumed = SoftmaxMLPClassifier.resume(tmp_path / "c", X, y)
    np.testing.assert_array_equal(resumed.theta_, expected.theta_)
    assert resumed.stop_reason_ == expected.stop_reason_


# Signals at random moments, in a process of its own


SIGNALS = """
import os, random, signal, sys, threading, time
import numpy as np
from sklearn.datasets import load_iris
from skmlp import SoftmaxMLPClassifier

X, y = load_iris(return_X_y=True)
signal.signal(signal.SIGINT, signal.default_int_handler)
rng, found = random.Random(0), {"fit": 0, "partial_fit": 0, "nothing": 0}
expected = SoftmaxMLPClassifier(8, random_state=0)
thetas = [None]
for _ in range(40):
    thetas.append(expected.partial_fit(X, y, [0, 1, 2]).theta_.copy())

def interrupted(work, delay):
    timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
    try:
        timer.start()
        work()
        time.sleep(10)
    except KeyboardInterrupt:
        return
    finally:
        timer.join()
    sys.exit("KeyboardInterrupt did not reach the caller")

for i in range(int(sys.argv[1])):
    clf = SoftmaxMLPClassifier(8, epochs=10**6, early_stopping=False, random_state=0)
    interrupted(lambda: clf.fit(X, y), rng.uniform(0.0, 0.1))
    if hasattr(clf, "theta_"):
        found["fit"] += 1
        assert clf.stop_reason_ == "interrupted"
        assert np.isfinite(clf.predict_proba(X)).all()
    else:
        found["nothing"] += 1
        assert not [name for name in vars(clf) if name.endswith("_")], vars(clf)
    clf = SoftmaxMLPClassifier(8, random_state=0)

    def loop():
        for _ in range(40):
            clf.partial_fit(X, y, [0, 1, 2])

    interrupted(loop, rng.uniform(0.0, 0.1))
    if hasattr(clf, "theta_"):
        found["partial_fit"] += 1
        n = clf.n_iter_
        assert (clf.theta_ == thetas[n]).all()
        clf.partial_fit(X, y)  # its state as well
        assert n == 40 or (clf.theta_ == thetas[n + 1]).all()
print(*found.values())
"""


def signals(n):
    """Return how many fits and loops of partial_fit had learnt something, and how many not."""
    command = [sys.executable, "-W", "error", "-c", SIGNALS, str(n)]
    done = subprocess.run(
        command,
        cwd=os.path.dirname(os.path.dirname(__file__)),
        env=os.environ | {"PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    return tuple(map(int, done.stdout.split()))


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_signal_at_a_random_moment_reaches_the_caller():
    fits, loops, _ = signals(15)
    assert fits
    assert loops


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_400_signals_at_random_moments():
    fits, loops, nothing = signals(200)
    assert fits + nothing == 200
    assert min(fits, loops) > 3  # how many have learnt nothing depends on the machine


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_signals_at_random_moments_of_fits_on_tables():
    """Of networks and ensembles on data frames, their warm starts and searches."""
    pytest.importorskip("pandas")
    done = subprocess.run(
        [sys.executable, "-m", "tests.signals_of_tables", "10"],
        cwd=os.path.dirname(os.path.dirname(__file__)),
        env=os.environ | {"PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    n_signals, n_learnt = map(int, done.stdout.split())
    assert n_signals == 110
    assert n_learnt > 20

"""``python -m tests.io.kill_and_resume FOLDER KILLS``: kill and resume fits, compare.

This runs in its own process without threads, since it forks. It prints how many processes were
killed, how many of them while writing a checkpoint, how many fits were completed, and the
attributes that differ from those of fits that were not killed.
"""

import os
import random
import signal
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_iris

from skmlp import SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier, load, save
from skmlp.callbacks import Checkpoint

PARAMS = {"units": 64, "epochs": 40, "batch_size": 16, "random_state": 0}
EARLY = {"dropout": 0.2, "early_stopping": True, "n_iter_no_change": 30}
MODELS = [
    SoftmaxMLPClassifier(**PARAMS, **EARLY),
    SoftmaxMLPClassifier(
        **PARAMS, solver="sgd", schedule="adaptive", tol=0.1, n_iter_no_change=2, l1=1e-3
    ),
    SoftmaxMLPClassifier(**PARAMS, dtype="float32", schedule="invscaling", learning_rate=0.1),
    SoftmaxMLPEnsembleClassifier(
        SoftmaxMLPClassifier(**PARAMS | {"epochs": 8}, **EARLY), 2, cv=2, random_state=0
    ),
]
TRAININGS = [(load_iris(return_X_y=True), model) for model in MODELS]
if find_spec("pandas"):  # strings and missing values
    from tests.estimators.test_mixed_tables import mixed_table

    TRAININGS.append((mixed_table(150, 0), SoftmaxMLPClassifier(**PARAMS, **EARLY)))


def run(rows, model, path, result):
    """Train, starting from the checkpoint if it exists, and save the result."""
    if path.exists():
        fitted = type(model).resume(path, *rows)
    else:
        fitted = clone(model).set_callbacks(Checkpoint(path)).fit(*rows)
    save(fitted, result)


def fork(function, *args):
    """Call a function in a child process; return its process id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        function(*args)
        status = 0
    finally:
        os._exit(status)


def kill(child, folder, rng):
    """Kill a child after a random time, with probability 1/2 while it writes a file."""
    at, in_writing = time.monotonic() + rng.uniform(0.0, 0.15), rng.random() < 0.5
    while time.monotonic() < at or (in_writing and not list(folder.glob("*.tmp"))):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        if not in_writing:
            time.sleep(0.0005)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def differences(clf, expected):
    """Return the names of attributes that are not identical."""
    same = {"theta_": clf.theta_.tobytes() == expected.theta_.tobytes()}
    same["temperature_"] = clf.temperature_ == expected.temperature_
    if isinstance(expected, SoftmaxMLPEnsembleClassifier):
        pairs = zip(clf.estimators_, expected.estimators_, strict=True)
        same["members"] = not any(differences(*pair) for pair in pairs)
    else:
        for name in expected.history_.keys() - {"seconds"}:
            same[name] = np.array_equal(clf.history_.get(name), expected.history_[name])
        same["best_epoch_"] = clf.best_epoch_ == expected.best_epoch_
    return [name for name, is_same in same.items() if not is_same]


def main(folder, n_kills):
    rng, killed, writing, ended, differing = random.Random(0), 0, 0, 0, []
    expected = [clone(model).fit(*rows) for rows, model in TRAININGS]
    while killed < n_kills or ended < len(TRAININGS):
        i = ended % len(TRAININGS)
        path, result = folder / f"{ended}.checkpoint", folder / f"{ended}.model"
        status = kill(fork(run, *TRAININGS[i], path, result), folder, rng)
        if os.WIFSIGNALED(status):
            killed += 1
            writing += bool(list(folder.glob(f"{path.name}.*.tmp")))
        elif status:
            sys.exit(f"a training failed after {killed} kills")
        else:
            differing += differences(load(result), expected[i])
            assert not list(folder.glob(f"{path.name}.*.tmp"))
            ended += 1
    print(f"killed {killed} writing {writing} ended {ended} differing {differing}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

"""
Resuming after a crash
======================

A long training may be killed by the operating system, by the scheduler of a cluster, or by a power
failure. A `Checkpoint` writes the training state to a file after every epoch, and
`SoftmaxMLPClassifier.resume` continues from it with the same parameters, optimizer state, random
state, position in the schedule, and history. So the result is, bit for bit, that of an
uninterrupted training.

In this example another process trains and is killed in the middle of an epoch. This process then
resumes the training.
"""

# %%
# A process that is killed
# ------------------------
#
# The other process runs the script below. It uses the default schedule, but kills the process after
# 60 % of the steps.

import subprocess
import sys
import tempfile
from pathlib import Path

folder = tempfile.TemporaryDirectory()
path = Path(folder.name, "training.npz")

script = """
import os, signal, sys
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from skmlp import SoftmaxMLPClassifier
from skmlp.callbacks import Checkpoint
from skmlp.core.schedules import one_cycle

def kill_at_60_percent(fraction):
    if fraction > 0.6:
        os.kill(os.getpid(), signal.SIGTERM)
    return one_cycle(0, fraction)

X, y = load_digits(return_X_y=True)
X, X_val, y, y_val = train_test_split(X, y, stratify=y, random_state=0)
clf = SoftmaxMLPClassifier(dropout=0.2, epochs=30, schedule=kill_at_60_percent, random_state=0)
clf.set_callbacks(Checkpoint(sys.argv[1])).fit(X, y, X_val=X_val, y_val=y_val)
"""
died = subprocess.run([sys.executable, "-c", script, path], check=False)
print("exit status of the process:", died.returncode)
print("files:", *(file.name for file in Path(folder.name).iterdir()))

# %%
# Resuming
# --------
#
# The checkpoint holds the parameters of the estimator, and `resume` checks that rows, labels and
# weights are the same as before. A function, here the schedule, cannot be stored in the file and
# must be given again. (For a named schedule, ``resume(path, X, y)`` is sufficient.)

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skmlp import SoftmaxMLPClassifier
from skmlp.core.schedules import one_cycle

X, y = load_digits(return_X_y=True)
X, X_val, y, y_val = train_test_split(X, y, stratify=y, random_state=0)


def schedule(fraction):
    """Return the default schedule's factor."""
    return one_cycle(0, fraction)


clf = SoftmaxMLPClassifier.resume(path, X, y, X_val=X_val, y_val=y_val, schedule=schedule)
print(clf.n_iter_, "epochs, stopped by", clf.stop_reason_)

# %%
# Comparison with an uninterrupted training
# -----------------------------------------

uninterrupted = SoftmaxMLPClassifier(dropout=0.2, epochs=30, schedule=schedule, random_state=0)
uninterrupted.fit(X, y, X_val=X_val, y_val=y_val)
print("equal bit for bit:", (clf.theta_ == uninterrupted.theta_).all())
assert (clf.theta_ == uninterrupted.theta_).all()

# %%
# The loss curves continue after the interruption.

import matplotlib.pyplot as plt

from skmlp import LossCurveDisplay

display = LossCurveDisplay.from_estimator(clf)
display.ax_.axvline(18.5, color="0.6", linestyle=":")
display.ax_.annotate("killed", (18.5, 0.8), xytext=(5, 0), textcoords="offset points")
plt.show()

# %%
# Ensembles
# ---------
#
# A `Checkpoint` is for a single network. An ensemble with ``warm_start=True`` keeps its members in
# later calls of fit, which train new ones up to `n_estimators`. With a file after each call, a
# crash loses the members of one call. Members of one call are trained together, so steps of several
# members are faster than single ones.

from skmlp import SoftmaxMLPEnsembleClassifier, load, save

net = SoftmaxMLPClassifier(units=32, epochs=10)
path = Path(folder.name, "ensemble.npz")
ensemble = SoftmaxMLPEnsembleClassifier(net, warm_start=True, random_state=0)
for n_estimators in (2, 4):
    save(ensemble.set_params(n_estimators=n_estimators).fit(X, y), path)

# %%
# Another process continues from the file:

ensemble = load(path)
ensemble.set_params(n_estimators=6).fit(X, y)

at_once = SoftmaxMLPEnsembleClassifier(net, n_estimators=6, random_state=0).fit(X, y)
print("equal bit for bit:", (ensemble.theta_ == at_once.theta_).all())
assert (ensemble.theta_ == at_once.theta_).all()
folder.cleanup()

# %%
# `random_state` must be an integer, from which the seeds of all members are drawn. With `cv`, use
# pickle instead of `save`: the folds of earlier members are in the pickle, but not in the file of
# `save`.

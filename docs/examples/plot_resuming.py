"""
Resuming after a crash
======================

A long training may be killed by the operating system, by the scheduler of a cluster, or by a power
failure. A `Checkpoint` writes the training state to a file after every epoch, and `resume` of the
classifier or of the ensemble continues from it with the same parameters, optimizer state, random
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
# The checkpoint holds the parameters of the estimator. It also holds checksums of rows, labels and
# weights, by which `resume` checks that all of them are the same as before. (If X is a memory map,
# 64 of its rows are compared.) A function, here the schedule, cannot be stored in the file and must
# be given again. (For a named schedule, ``resume(path, X, y)`` is sufficient.)

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
# The file of an ensemble holds the training state of each member. Here the schedule raises
# KeyboardInterrupt, as Ctrl-C does, after 60 % of the steps. In `resume`, the parameters of the
# members have the prefix ``estimator__``.

from skmlp import SoftmaxMLPEnsembleClassifier
from skmlp.callbacks import Checkpoint


def interrupt_at_60_percent(fraction):
    """Return the default schedule's factor, or raise KeyboardInterrupt."""
    if fraction > 0.6:
        raise KeyboardInterrupt
    return one_cycle(0, fraction)


path = Path(folder.name, "ensemble.npz")
net = SoftmaxMLPClassifier(units=32, epochs=10, schedule=interrupt_at_60_percent)
ensemble = SoftmaxMLPEnsembleClassifier(net, n_estimators=4, cv=4, random_state=0)
try:
    ensemble.set_callbacks(Checkpoint(path)).fit(X, y)
except KeyboardInterrupt:
    print("interrupted; epochs of the members:", [m.n_iter_ for m in ensemble.estimators_])

ensemble = SoftmaxMLPEnsembleClassifier.resume(path, X, y, estimator__schedule=schedule)
print("resumed; epochs of the members:", [m.n_iter_ for m in ensemble.estimators_])

uninterrupted = SoftmaxMLPEnsembleClassifier(
    net.set_params(schedule=schedule), n_estimators=4, cv=4, random_state=0
).fit(X, y)
print("equal bit for bit:", (ensemble.theta_ == uninterrupted.theta_).all())
assert (ensemble.theta_ == uninterrupted.theta_).all()
folder.cleanup()

# %%
# An ensemble with a checkpoint needs a single job, ``n_jobs=None``. A warm start, which adds
# members to an ensemble, cannot write a checkpoint. Before it, save the ensemble by `skmlp.save`
# or, with `cv`, by pickle.

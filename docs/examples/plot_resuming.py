"""
Going on after a crash
======================

A training that takes hours may be killed: by the machine, the scheduler of a cluster, a loss of
power. A `Checkpoint` writes where it stands after every epoch, and
`SoftmaxMLPClassifier.resume` goes on from there as if nothing had happened: with the same
parameters, optimizer state, random numbers, place in the schedule and history. So the result is
that of a training without a break, bit for bit.

Here another process trains, dies in the middle of an epoch, and this one goes on.
"""

# %%
# A process that dies
# -------------------
#
# The other process reads its script as anybody's would be. Its schedule is the default one in
# all but one thing: after 60 % of the steps it kills the process, as the operating system
# does when memory runs out, with no chance to clean up.

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

def deadly(fraction):
    if fraction > 0.6:
        os.kill(os.getpid(), signal.SIGTERM)
    return one_cycle(0, fraction)

X, y = load_digits(return_X_y=True)
X, X_val, y, y_val = train_test_split(X, y, stratify=y, random_state=0)
clf = SoftmaxMLPClassifier(dropout=0.2, epochs=30, schedule=deadly, random_state=0)
clf.set_callbacks(Checkpoint(sys.argv[1])).fit(X, y, X_val=X_val, y_val=y_val)
"""
died = subprocess.run([sys.executable, "-c", script, path], check=False)
print("exit status of the process:", died.returncode)
print("what it left:", *(file.name for file in Path(folder.name).iterdir()))

# %%
# Going on
# --------
#
# The checkpoint has the parameters of the estimator, and checks that rows, labels and weights
# are those that training began with. Only a function it cannot hold, here the schedule: it is given
# again. (With a schedule that has a name, ``resume(path, X, y)`` is all.)

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
# As if it had never died
# -----------------------

uninterrupted = SoftmaxMLPClassifier(dropout=0.2, epochs=30, schedule=schedule, random_state=0)
uninterrupted.fit(X, y, X_val=X_val, y_val=y_val)
print("equal bit for bit:", (clf.theta_ == uninterrupted.theta_).all())
assert (clf.theta_ == uninterrupted.theta_).all()

# %%
# The curves go on where they were cut off.

import matplotlib.pyplot as plt

from skmlp import LossCurveDisplay

display = LossCurveDisplay.from_estimator(clf)
display.ax_.axvline(18.5, color="0.6", linestyle=":")
display.ax_.annotate("killed", (18.5, 0.8), xytext=(5, 0), textcoords="offset points")
plt.show()
folder.cleanup()

"""
Saving a model, and what a file may do
======================================

A trained network is a few arrays and a few words. `skmlp.save` writes just these, and `skmlp.load`
reads them without executing anything. Pickle is the other habit. Here is what each is for, and why
a file from somebody else should never be unpickled.
"""

# %%
# Three files of one network
# --------------------------

import pickle
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import skops.io
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skmlp import SoftmaxMLPClassifier, load, save

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
clf = SoftmaxMLPClassifier(dtype="float32", random_state=0).fit(X_train, y_train)

temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
save(clf, folder / "net.npz")
skops.io.dump(clf, folder / "net.skops")
(folder / "net.pickle").write_bytes(pickle.dumps(clf))

# %%
# Read again, all three predict the same, bit for bit. Skops wants to be told which classes may be
# made, of those that it does not know:

read = {
    "net.npz": load(folder / "net.npz"),
    "net.skops": skops.io.load(
        folder / "net.skops", trusted=["skmlp.estimators.classifier.SoftmaxMLPClassifier"]
    ),
    "net.pickle": pickle.loads((folder / "net.pickle").read_bytes()),
}
for other in read.values():
    assert np.array_equal(other.predict_proba(X_test), clf.predict_proba(X_test))
sizes = {name: (folder / name).stat().st_size / 1000 for name in read}

fig, ax = plt.subplots(figsize=(6, 2), layout="constrained")
bars = ax.barh(list(sizes), list(sizes.values()))
ax.bar_label(bars, fmt=" %.0f kB")
ax.axvline(clf.theta_.nbytes / 1000, color="k", linestyle=":", label="the parameters alone")
ax.set(xlabel="kB")
ax.margins(x=0.15)
ax.legend(frameon=False)
plt.show()

# %%
# What a pickle may do
# --------------------
#
# A pickle is a program. It says which functions to call, and `pickle.load` calls them. This one
# poses as a network and only prints; it could as well delete your files:


class Innocent:
    def __reduce__(self):
        return print, ("whoever wrote this file has just run code on your machine",)


(folder / "from_a_friend.pickle").write_bytes(pickle.dumps(Innocent()))
what = pickle.loads((folder / "from_a_friend.pickle").read_bytes())
print("and it is no network either:", what)

# %%
# `skmlp.load` knows arrays of numbers and labels, and a text, whose every entry is checked. There
# is nothing in it to be called. A file that is something else, or damaged, or cut off, is refused:

(folder / "from_a_friend.npz").write_bytes((folder / "from_a_friend.pickle").read_bytes())
(folder / "cut_off.npz").write_bytes((folder / "net.npz").read_bytes()[:20_000])
for name in ("from_a_friend.npz", "cut_off.npz"):
    try:
        load(folder / name)
    except ValueError as error:
        print(str(error).replace(f"{folder}/", ""))

# %%
# Which one to take
# -----------------
#
# ===========  ===============  =====================  ==============
# \            `skmlp.save`     skops                  pickle
# ===========  ===============  =====================  ==============
# holds        the network      estimators, pipelines  anything
# executes     nothing          what you trust         everything
# training on  in a new state   exactly                exactly
# read by      later versions   like versions          like versions
# ===========  ===============  =====================  ==============
#
# *Training on* exactly needs `warm_start=True`, or `partial_fit`.
#
# To go on with a training that was cut off, a :doc:`checkpoint <plot_resuming>` has more in it than
# a model: the state of the optimizer and of the random numbers. To predict without Python,
# :doc:`export to ONNX <plot_onnx>`.

temporary.cleanup()

"""
Saving a model without pickle
=============================

A trained network consists of a few arrays and some text. `skmlp.save` writes only these, and
`skmlp.load` reads them without executing any code. Pickle and skops are alternatives. This example
compares the three, and shows why a file from an unknown source must never be unpickled.
"""

# %%
# Three file formats
# ------------------

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
# The networks read from these files have the same predictions, bit for bit. Skops needs a list of
# the trusted classes that are not from scikit-learn:

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
# Pickle files can execute code
# -----------------------------
#
# A pickle file names functions, which `pickle.load` calls. The function in this example only prints
# a line, but another could delete your files:


class Malicious:
    def __reduce__(self):
        return print, ("this line was printed by code in the pickle file",)


(folder / "malicious.pickle").write_bytes(pickle.dumps(Malicious()))
unpickled = pickle.loads((folder / "malicious.pickle").read_bytes())
print("the unpickled object:", unpickled)

# %%
# `skmlp.load` reads arrays of numbers and labels, and a text, and checks all of them. It calls no
# functions named in the file. It raises an error if the file has another format, or is damaged or
# truncated:

(folder / "malicious.npz").write_bytes((folder / "malicious.pickle").read_bytes())
(folder / "truncated.npz").write_bytes((folder / "net.npz").read_bytes()[:20_000])
for name in ("malicious.npz", "truncated.npz"):
    try:
        load(folder / name)
    except ValueError as error:
        print(str(error).replace(f"{folder}/", ""))

# %%
# Comparison
# ----------
#
# ====================  ====================  =====================  ================
# \                     `skmlp.save`          skops                  pickle
# ====================  ====================  =====================  ================
# can hold              the network           estimators, pipelines  anything
# executes              nothing               trusted classes        everything
# continuing training   new optimizer state   exactly                exactly
# can be read by        later versions        similar versions       similar versions
# ====================  ====================  =====================  ================
#
# Continuing *exactly* needs `warm_start=True`, or `partial_fit`.
#
# To resume a training that was interrupted, use a :doc:`checkpoint <plot_resuming>`, which also
# holds the states of the optimizer and of the random numbers. To predict without Python,
# :doc:`export to ONNX <plot_onnx>`.

temporary.cleanup()

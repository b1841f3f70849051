"""
Probabilities that can be believed
==================================

Of a hundred answers that a network gives with 90 % confidence, ninety should be right. A network
that has learnt its rows by heart is surer than that: on the rows it knows, it always is right. Here
is how to see it, and two ways to mend it: label smoothing while training, and a temperature
afterwards.
"""

# %%
# A network that is too sure
# --------------------------
#
# Of the part of Fashion-MNIST that comes with the package, 2,500 images to train on, 1,000 to set a
# temperature with, and 2,500 to judge by. (In float64, because `CalibratedClassifierCV` below
# returns probabilities of float32 as float64, and `log_loss` then wants more digits of their sums
# than they have.)

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skmlp import SoftmaxMLPClassifier
from skmlp.datasets import load_fashion_mnist_sample

X, y = load_fashion_mnist_sample("all", return_X_y=True)
X_train, X, y_train, y = train_test_split(X, y, train_size=2500, stratify=y, random_state=0)
X_cal, X_test, y_cal, y_test = train_test_split(X, y, train_size=1000, stratify=y, random_state=0)

params = {"units": 50, "epochs": 40, "dtype": "float64", "random_state": 0}
plain = SoftmaxMLPClassifier(**params, label_smoothing=0).fit(X_train, y_train)

# %%
# The *confidence* of an answer is its probability, the largest of the row. In bins of equal
# confidence the share of right answers should be the same number; the mean difference is the
# *expected calibration error*.


def bins_of(proba, n_bins=10):
    """Confidence, share of right answers, and rows, by bins of equal numbers of rows."""
    confidence, right = proba.max(axis=1), proba.argmax(axis=1) == y_test
    bins = np.array_split(np.argsort(confidence), n_bins)
    return np.array([(confidence[i].mean(), right[i].mean(), len(i)) for i in bins]).T


def judge(proba):
    confidence, right, n = bins_of(proba)
    return {
        "right": np.average(right, weights=n),
        "confidence": np.average(confidence, weights=n),
        "calibration error": np.average(abs(confidence - right), weights=n),
        "cross-entropy": log_loss(y_test, proba),
    }


proba = {"plain": plain.predict_proba(X_test)}
print(pd.Series(judge(proba["plain"])).round(3).to_string())

# %%
# A temperature
# -------------
#
# Divide all logits by one number T before softmax takes them. For T above 1 the probabilities come
# closer together, and no answer changes, as the largest stays the largest. T is chosen on rows that
# the network has not seen, by the smallest cross-entropy; there is only this one number to learn,
# so a few hundred will do. Scikit-learn does it (since 1.8), with the network as it is:

from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

calibrated = CalibratedClassifierCV(FrozenEstimator(plain), method="temperature").fit(X_cal, y_cal)
proba["temperature"] = calibrated.predict_proba(X_test)
(calibrator,) = calibrated.calibrated_classifiers_[0].calibrators
print(f"T = {1 / calibrator.beta_:.2f}")
assert np.array_equal(proba["temperature"].argmax(axis=1), proba["plain"].argmax(axis=1))

# %%
# Label smoothing
# ---------------
#
# Aim at less than certainty from the beginning: with `label_smoothing=s` the target of the true
# class is 1 - s + s/10, and that of the others s/10. How much is right depends on the data, since
# too much of it makes a network that is not sure enough:

for s in (0.05, 0.2):
    smoothed = SoftmaxMLPClassifier(**params, label_smoothing=s).fit(X_train, y_train)
    proba[f"smoothing {s}"] = smoothed.predict_proba(X_test)

table = pd.DataFrame({name: judge(p) for name, p in proba.items()}).T
print(table.round(3).to_string())
error = table["calibration error"]
assert error["plain"] > 2 * max(error["temperature"], error["smoothing 0.05"])

# %%
# On the diagonal, confidence is the share of right answers; below it, a network is too sure.

import matplotlib.pyplot as plt

fig, axes = plt.subplots(1, 4, figsize=(9, 2.7), layout="constrained", sharey=True)
for ax, (name, p) in zip(axes, proba.items(), strict=True):
    confidence, right, _ = bins_of(p)
    ax.plot([0, 1], [0, 1], color="0.8")
    ax.plot(confidence, right, "o-", markersize=4)
    ax.set(title=name, xlabel="confidence", xlim=(0.2, 1.02), ylim=(0.2, 1.02), aspect="equal")
axes[0].set_ylabel("share of right answers")
plt.show()

# %%
# The default, `label_smoothing=0.01`, does a little of this. A third way is :doc:`early stopping on
# the loss <plot_early_stopping>`, which ends the training before it becomes too sure. And if a
# network was trained with class weights, :doc:`its probabilities have to be corrected
# <plot_imbalanced>` first.

"""
Calibrated probabilities
========================

Of a hundred predictions with a probability of 90 %, ninety should be correct. A network that
overfits its training rows gives probabilities that are too high: it is overconfident. This example
measures it and shows two remedies: label smoothing in training, and a temperature afterwards. By
default, the classifier uses both, and early stopping.
"""

# %%
# An overconfident network
# ------------------------
#
# From the sample of Fashion-MNIST in the package: 2,500 images for training, 1,000 for the
# temperature, and 2,500 for the test. (In float64, because `CalibratedClassifierCV` below converts
# probabilities from float32 to float64, and `log_loss` then expects sums of 1 in double precision.)
#
# The network is trained without any of the defaults that make it less confident: `early_stopping`,
# `averaging`, `label_smoothing`, and `calibration`, which needs early stopping.

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skmlp import SoftmaxMLPClassifier
from skmlp.datasets import load_fashion_mnist_sample

X, y = load_fashion_mnist_sample("all", return_X_y=True)
X_train, X, y_train, y = train_test_split(X, y, train_size=2500, stratify=y, random_state=0)
X_cal, X_test, y_cal, y_test = train_test_split(X, y, train_size=1000, stratify=y, random_state=0)

common = {"units": 50, "epochs": 40, "dtype": "float64", "random_state": 0}
params = common | {"early_stopping": False, "averaging": 0.0}
plain = SoftmaxMLPClassifier(**params, label_smoothing=0).fit(X_train, y_train)

# %%
# The *confidence* of a prediction is the largest probability of the row. In bins of similar
# confidence, the accuracy should equal the mean confidence; the mean difference is the *expected
# calibration error*. `ReliabilityDisplay` plots one against the other. On the diagonal, confidence
# equals accuracy; below it, a network is overconfident. Most rows are in the last bin:

import matplotlib.pyplot as plt

from skmlp.plotting import ReliabilityDisplay

ReliabilityDisplay.from_estimator(plain, X_test, y_test, name="plain")
plt.show()

proba = {"plain": plain.predict_proba(X_test)}
print(f"accuracy        {plain.score(X_test, y_test):.3f}")
print(f"mean confidence {proba['plain'].max(axis=1).mean():.3f}")

# %%
# A temperature
# -------------
#
# Temperature scaling divides all logits by one number T before the softmax. T above 1 makes the
# probabilities more equal and changes no prediction, as the order of the logits stays the same. T
# minimises the cross-entropy on rows that were not used for training. It is a single number, so a
# few hundred rows are enough. Scikit-learn 1.8 and later can do this with any fitted classifier:

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
# With `label_smoothing=s`, the target of the true class is 1 - s + s q and that of another class is
# s q, where q is the frequency of the respective class: here, 1/10. The best s depends on the data:
# if it is too large, the network is underconfident.

for s in (0.05, 0.2):
    smoothed = SoftmaxMLPClassifier(**params, label_smoothing=s).fit(X_train, y_train)
    proba[f"smoothing {s}"] = smoothed.predict_proba(X_test)

# %%
# The default
# -----------
#
# With early stopping, which is on by default, `fit` chooses the best epoch and then a temperature
# on its validation rows: `X_val`, or rows that it sets aside. The network is trained with
# `label_smoothing=0.05`, and its parameters are averaged over the steps.

default = SoftmaxMLPClassifier(**common).fit(X_train, y_train, X_val=X_cal, y_val=y_cal)
proba["default"] = default.predict_proba(X_test)
print(f"epoch {default.best_epoch_ + 1}, T = {default.temperature_:.2f}")

# %%
# There is one difference to the temperature above. It moves the probabilities towards equal ones;
# `calibration` moves them towards the frequencies of the classes, so that those of a rare class do
# not become too high. Here all classes have the same frequency.

# %%
# All five:

figure, axes = plt.subplots(2, 3, figsize=(7.5, 5), layout="constrained", sharey=True)
axes[1, 2].set_axis_off()
table = {}
for ax, (name, p) in zip(axes.flat, proba.items(), strict=False):
    display = ReliabilityDisplay.from_predictions(y_test, p, ax=ax, counts=False)
    ax.set(title=name, xlabel="confidence")
    ax.label_outer()
    table[name] = {
        "accuracy": (p.argmax(axis=1) == y_test).mean(),
        "confidence": p.max(axis=1).mean(),
        "calibration error": display.calibration_error,
        "cross-entropy": log_loss(y_test, p),
    }
plt.show()

table = pd.DataFrame(table).T
print(table.round(3).to_string())
error = table["calibration error"]
assert error["plain"] > 2 * max(error["temperature"], error["smoothing 0.05"], error["default"])

# %%
# :doc:`Early stopping on the loss <plot_early_stopping>` ends training before the network becomes
# very overconfident. If a network was trained with class weights, :doc:`correct its probabilities
# <plot_imbalanced>`.

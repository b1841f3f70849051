r"""
A rare class, and the effect of weights
=======================================

One garment in ten is a shirt, and shirts look like pullovers and coats. A network trained without
weights has a low recall of shirts. Class weights increase it. They also change the meaning of the
probabilities, which can be corrected.
"""

# %%
# Shirts against all other classes
# --------------------------------
#
# The data are the sample of Fashion-MNIST in the package. One half is for training and one half for
# the test, with 300 shirts in each.

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss, recall_score
from sklearn.model_selection import train_test_split

from skmlp import SoftmaxMLPClassifier
from skmlp.datasets import load_fashion_mnist_sample

fashion = load_fashion_mnist_sample("all")
is_shirt = fashion.target == fashion.target_names.index("Shirt")
X_train, X_test, y_train, y_test = train_test_split(
    fashion.data, is_shirt, test_size=0.5, stratify=is_shirt, random_state=0
)
params = {"units": 30, "l2": 0.03, "label_smoothing": 0, "epochs": 15, "random_state": 0}
plain = SoftmaxMLPClassifier(**params).fit(X_train, y_train)
balanced = SoftmaxMLPClassifier(**params, class_weight="balanced").fit(X_train, y_train)
print("weights of the classes:", *balanced.class_weight_.round(3))


def judge(proba, threshold=0.5):
    predicted = proba > threshold
    return {
        "accuracy": accuracy_score(y_test, predicted),
        "recall of shirts": recall_score(y_test, predicted),
        "balanced accuracy": balanced_accuracy_score(y_test, predicted),
        "mean probability": proba.mean(),
        "cross-entropy": log_loss(y_test, proba),
    }


proba = {
    "plain": plain.predict_proba(X_test)[:, 1],
    "balanced": balanced.predict_proba(X_test)[:, 1],
}
table = pd.DataFrame({name: judge(p) for name, p in proba.items()})
print(table.round(3).to_string())
assert table.loc["balanced accuracy", "balanced"] > table.loc["balanced accuracy", "plain"]

# %%
# With weights, the recall of shirts is much higher, but more other garments are classified as
# shirts. The balanced accuracy, the mean of both classes' recalls, is higher; the accuracy is
# lower. The two metrics give different weights to a missed shirt.
#
# The effect on the probabilities
# -------------------------------
#
# A shirt now has the weight of nine other garments, as if half of all garments were shirts. So the
# mean probability is far above the share of shirts, 0.1, and the cross-entropy is higher. The
# weights multiply the odds. If p is the true probability, then the optimum of training with weights
# :math:`w_0` and :math:`w_1` is p' with
#
# .. math:: \log \frac{p'}{1 - p'} = \log \frac{p}{1 - p} + \log \frac{w_1}{w_0} .
#
# For two classes, `decision_function` is the left-hand side. So subtracting the last term corrects
# the probabilities:

w = balanced.class_weight_
proba["corrected"] = expit(balanced.decision_function(X_test) - np.log(w[1] / w[0]))
table["corrected"] = judge(proba["corrected"])
print(table.round(3).to_string())
assert abs(table.loc["mean probability", "corrected"] - y_test.mean()) < 0.03
assert table.loc["cross-entropy", "corrected"] < table.loc["cross-entropy", "balanced"] - 0.05

# %%
# With any number of classes, training with weights multiplies the probability of class k by
# :math:`w_k`, up to a factor that makes the sum 1. So divide by the weights and normalize. For two
# classes this is the same as above:

divided = balanced.predict_proba(X_test) / w
divided /= divided.sum(axis=1, keepdims=True)
assert np.allclose(divided[:, 1], proba["corrected"], atol=1e-6)

# %%
# All ten garments, with a weight of three for shirts. The corrected probabilities have about the
# cross-entropy of a network without weights. It is a little higher, because the weighted network
# fits the other garments less closely:

labels = fashion.target
X_fit, X_new, label_fit, label_new = train_test_split(
    fashion.data, labels, test_size=0.5, stratify=labels, random_state=0
)
weights = {k: 3.0 if name == "Shirt" else 1.0 for k, name in enumerate(fashion.target_names)}
unweighted = SoftmaxMLPClassifier(**params).fit(X_fit, label_fit)
weighted = SoftmaxMLPClassifier(**params, class_weight=weights).fit(X_fit, label_fit)
all_classes = {
    "unweighted": unweighted.predict_proba(X_new),
    "weighted": weighted.predict_proba(X_new),
}
divided = all_classes["weighted"] / weighted.class_weight_
all_classes["corrected"] = divided / divided.sum(axis=1, keepdims=True)
losses = pd.Series({name: log_loss(label_new, p) for name, p in all_classes.items()})
print(losses.round(3).to_string())
assert losses["corrected"] < losses["weighted"]
assert abs(losses["corrected"] - losses["unweighted"]) < 0.03

# %%
import matplotlib.pyplot as plt

from skmlp.plotting import ReliabilityDisplay

fig, ax = plt.subplots(figsize=(4.5, 4), layout="constrained")
options = {"pos_label": 1, "n_bins": 8, "strategy": "quantile", "counts": False}
for name, p in proba.items():
    ReliabilityDisplay.from_predictions(y_test, np.c_[1 - p, p], name=name, ax=ax, **options)
ax.set(xlabel="probability of a shirt", ylabel="share of shirts")
plt.show()

# %%
# The threshold instead of weights
# --------------------------------
#
# Weights multiply the odds, so another threshold without weights should have the same effect. This
# is true if the threshold is the share of shirts in the training rows:

table["threshold"] = judge(proba["plain"], threshold=y_train.mean())
print(table.loc[["recall of shirts", "balanced accuracy"], ["balanced", "threshold"]].round(3))

# %%
# With calibrated probabilities, the threshold can be chosen after training, when the costs of
# errors are known. (`TunedThresholdClassifierCV` chooses it by cross-validation.) Weights must be
# chosen before training. Their advantage is that a network of limited size fits the rows with large
# weights better.
#
# Class weights are sample weights
# --------------------------------
#
# The weight of a row is the product of its class weight and its sample weight. A row of weight 9
# counts as nine rows in the objective, also in mini-batches. There is one difference: with
# `standardize=True`, the means and scales of the columns are weighted by sample weights, but not by
# class weights. Without it, the two networks are the same:

X_train, X_test = X_train / 255, X_test / 255
weight = np.where(y_train, w[1], w[0])
by_class = SoftmaxMLPClassifier(**params, standardize=False, class_weight="balanced")
by_class.fit(X_train, y_train)
by_row = SoftmaxMLPClassifier(**params, standardize=False)
by_row.fit(X_train, y_train, sample_weight=weight)
same = np.array_equal(by_class.predict_proba(X_test), by_row.predict_proba(X_test))
print("equal bit for bit:", same)
assert same

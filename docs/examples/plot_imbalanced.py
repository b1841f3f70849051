r"""
A rare class, and what weights do to it
=======================================

One garment in ten is a shirt, and shirts look like pullovers and coats. A network that is trained
to be right as often as possible misses many of them. Class weights change that. They also change
what the probabilities mean, which is easy to forget and easy to undo.
"""

# %%
# Shirt or not
# ------------
#
# Of the part of Fashion-MNIST that comes with the package, half to train and half to judge by, 300
# shirts in each.

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
        "shirts found": recall_score(y_test, predicted),
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
# With weights, most of the shirts are found, at the price of other garments that are taken for
# shirts. Balanced accuracy, the mean of the shares found of either class, says that this is better;
# accuracy says that it is worse. Neither is wrong: they value a missed shirt differently.
#
# What the weights have done to the probabilities
# -----------------------------------------------
#
# A shirt now weighs as much as nine other garments, so the network believes that half of all
# garments are shirts. Its mean probability is far above the share of shirts, 0.1, and its
# cross-entropy has become worse. The weights multiply the odds: if p are the probabilities in the
# world, then those that training with weights :math:`w_0` and :math:`w_1` aims at have
#
# .. math:: \log \frac{p'}{1 - p'} = \log \frac{p}{1 - p} + \log \frac{w_1}{w_0} .
#
# For two classes, `decision_function` is the left-hand side. So subtracting the last term gives
# back the probabilities of the world:

w = balanced.class_weight_
proba["corrected"] = expit(balanced.decision_function(X_test) - np.log(w[1] / w[0]))
table["corrected"] = judge(proba["corrected"])
print(table.round(3).to_string())
assert abs(table.loc["mean probability", "corrected"] - y_test.mean()) < 0.03
assert table.loc["cross-entropy", "corrected"] < table.loc["cross-entropy", "balanced"] - 0.05

# %%
import matplotlib.pyplot as plt
from sklearn.calibration import calibration_curve

fig, ax = plt.subplots(figsize=(4.5, 4), layout="constrained")
ax.plot([0, 1], [0, 1], color="0.8")
for (name, p), style in zip(proba.items(), ("o-", "s--", "^:"), strict=True):
    share, mean = calibration_curve(y_test, p, n_bins=8, strategy="quantile")
    ax.plot(mean, share, style, label=name)
ax.set(xlabel="probability of a shirt", ylabel="share of shirts")
ax.legend(frameon=False)
plt.show()

# %%
# The threshold alone
# -------------------
#
# If weights multiply the odds, then moving the threshold should do as well, without any weights. It
# does: call a shirt whatever is more probable to be one than a garment taken at random.

table["threshold"] = judge(proba["plain"], threshold=y_train.mean())
print(table.loc[["shirts found", "balanced accuracy"], ["balanced", "threshold"]].round(3))

# %%
# With probabilities that can be trusted, the threshold can still be chosen when it is known what a
# mistake costs. (`TunedThresholdClassifierCV` chooses it by cross-validation.) Weights have to be
# chosen before, but then a network of limited size spends its strength where they are.
#
# Class weights are sample weights
# --------------------------------
#
# Both multiply, and only their product counts. In mini-batches too, weight 9 is a row nine times in
# the objective. One thing only knows the difference: with `standardize=True` the means and scales
# of the columns are weighted by sample weights, as if the rows were there so often, and not by
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

"""
Early stopping, on the loss or on a metric
==========================================

When has a network trained enough? Early stopping looks at rows that it does not train on, keeps the
epoch that did best on them, and stops when none has been better for a while. What "best" means is
`scoring`: the loss, or any scorer of scikit-learn. It makes a difference.

The images are of the part of Fashion-MNIST that comes with the package: 2,000 to train on, few
enough for a network to know them by heart soon, 1,500 to watch and 2,500 to judge by at the end.
"""

# %%
# Three networks that differ in what they watch
# ---------------------------------------------
#
# The cross-entropy; accuracy; and how many of the shirts are found, the class that is most often
# taken for another. A scorer may be a name or what `make_scorer` returns.

import pandas as pd
from sklearn.metrics import log_loss, make_scorer, recall_score
from sklearn.model_selection import train_test_split

from skmlp import SoftmaxMLPClassifier
from skmlp.datasets import load_fashion_mnist_sample

fashion = load_fashion_mnist_sample("all")
X, y = fashion.data, fashion.target
X_train, X, y_train, y = train_test_split(X, y, train_size=2000, stratify=y, random_state=1)
X_val, X_test, y_val, y_test = train_test_split(X, y, train_size=1500, stratify=y, random_state=1)
shirt = fashion.target_names.index("Shirt")
find_shirts = make_scorer(recall_score, labels=[shirt], average="macro")

networks = {
    name: SoftmaxMLPClassifier(
        units=50, learning_rate=0.0007, schedule="constant", label_smoothing=0, epochs=200,
        early_stopping=True, n_iter_no_change=15, scoring=scoring, random_state=1,
    ).fit(X_train, y_train, X_val=X_val, y_val=y_val)
    for name, scoring in (("loss", "loss"), ("accuracy", "accuracy"), ("shirts", find_shirts))
}  # fmt: skip

# %%
# All three see the same batches, so they are one network that was stopped at different times. None
# needed its 200 epochs:

rows = {
    name: {
        "best epoch": clf.best_epoch_ + 1,
        "epochs done": clf.n_iter_,
        "accuracy": clf.score(X_test, y_test),
        "shirts found": find_shirts(clf, X_test, y_test),
        "cross-entropy": log_loss(y_test, clf.predict_proba(X_test)),
    }
    for name, clf in networks.items()
}
print("on the test images:")
print(pd.DataFrame.from_dict(rows, orient="index").round(3).to_string())
for clf in networks.values():
    assert clf.stop_reason_ == "early_stopping"
    assert clf.n_iter_ < 200

# %%
# Why the loss turns first
# ------------------------
#
# The validation loss is lowest after a few epochs and then rises: the network becomes surer of its
# mistakes. But a wrong answer cannot become more wrong, whatever its probability, and on other
# images the network still improves. So accuracy goes on rising for a while.

import matplotlib.pyplot as plt

longest = max(networks.values(), key=lambda clf: clf.n_iter_)
first = networks["loss"].history_["validation_loss"]
assert first == longest.history_["validation_loss"][: len(first)]

curves = {
    "loss": longest.history_["validation_loss"],
    "accuracy": networks["accuracy"].history_["validation_score"],
    "shirts": networks["shirts"].history_["validation_score"],
}
fig, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
for ax, (name, curve) in zip(axes, curves.items(), strict=True):
    best = networks[name].best_epoch_
    ax.plot(range(1, len(curve) + 1), curve, linewidth=1)
    ax.plot(best + 1, curve[best], "o", label=f"kept: epoch {best + 1}")
    ax.set(title=f"validation: {name}", xlabel="epoch")
    ax.legend(frameon=False)
plt.show()

# %%
# Which one to watch
# ------------------
#
# The loss, which is the default, if the probabilities matter: at its minimum they are the best that
# this training passes through. A metric, if that metric is what counts in the end. Its curve is
# rough, because it counts rows, and of shirts there are only 150 to count. The best of many rough
# numbers is best by luck as well, so `best_validation_score_` is a little too good to be true of
# other rows:

clf = networks["accuracy"]
print(f"accuracy on the rows that chose the epoch: {clf.best_validation_score_:.3f}")
print(f"on the test images:                        {clf.score(X_test, y_test):.3f}")

# %%
# Without `X_val`, a stratified tenth of the training rows is set aside (`validation_fraction`).
# Another way to keep a network from learning its rows by heart is the default schedule,
# `"one_cycle"`, whose steps become small towards the end; with it, all `epochs` are usually worth
# doing.

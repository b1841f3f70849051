"""
Early stopping, on the loss or on a metric
==========================================

Early stopping evaluates the network on validation rows after each epoch. It keeps the parameters of
the best epoch, and stops after `n_iter_no_change` epochs without improvement. `scoring` is the
criterion: the loss, or any scorer of scikit-learn. This example shows the effect of this choice.

The images are from the sample of Fashion-MNIST in the package: 2,000 for training, 1,500 for
validation and 2,500 for the test. With so few training images, a network soon overfits.
"""

# %%
# Three networks with different criteria
# --------------------------------------
#
# The criteria are the cross-entropy, the accuracy, and the recall of shirts, the class with the
# most errors. A scorer is a name or the result of `make_scorer`. With `X_val`, early stopping is on
# by default. `calibration=None` keeps the probabilities of the best epoch unchanged. The last
# section shows the effect of the default.

import pandas as pd
from sklearn.base import clone
from sklearn.metrics import log_loss, make_scorer, recall_score
from sklearn.model_selection import train_test_split

from skmlp import SoftmaxMLPClassifier
from skmlp.datasets import load_fashion_mnist_sample

fashion = load_fashion_mnist_sample("all")
X, y = fashion.data, fashion.target
X_train, X, y_train, y = train_test_split(X, y, train_size=2000, stratify=y, random_state=1)
X_val, X_test, y_val, y_test = train_test_split(X, y, train_size=1500, stratify=y, random_state=1)
shirt = fashion.target_names.index("Shirt")
shirt_recall = make_scorer(recall_score, labels=[shirt], average="macro")

networks = {
    name: SoftmaxMLPClassifier(
        units=50, learning_rate=0.0007, schedule="constant", label_smoothing=0, epochs=200,
        n_iter_no_change=15, calibration=None, scoring=scoring, random_state=1,
    ).fit(X_train, y_train, X_val=X_val, y_val=y_val)
    for name, scoring in (("loss", "loss"), ("accuracy", "accuracy"), ("shirts", shirt_recall))
}  # fmt: skip

# %%
# All three are trained on the same batches, so they are the same network at different epochs. All
# stopped before epoch 200:

rows = {
    name: {
        "best epoch": clf.best_epoch_ + 1,
        "epochs done": clf.n_iter_,
        "accuracy": clf.score(X_test, y_test),
        "recall of shirts": shirt_recall(clf, X_test, y_test),
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
# Why the loss has its minimum first
# ----------------------------------
#
# The validation loss is lowest after a few epochs and then rises, because the network becomes more
# confident also in its errors. The accuracy does not depend on the confidence. Every error counts
# the same, and some images are still corrected. So the accuracy has its maximum later.

import matplotlib.pyplot as plt

longest = max(networks.values(), key=lambda clf: clf.n_iter_)
first = networks["loss"].history_["validation_loss"]
assert first == longest.history_["validation_loss"][: len(first)]

curves = {
    "loss": longest.history_["validation_loss"],
    "accuracy": networks["accuracy"].history_["validation_score"],
    "shirts": networks["shirts"].history_["validation_score"],
}
fig, axes = plt.subplots(1, 3, figsize=(6.5, 2.4), layout="constrained")
for ax, (name, curve) in zip(axes, curves.items(), strict=True):
    best = networks[name].best_epoch_
    ax.plot(range(1, len(curve) + 1), curve, linewidth=1)
    ax.plot(best + 1, curve[best], "o", label=f"kept: epoch {best + 1}")
    ax.set(title=f"validation: {name}", xlabel="epoch")
    ax.legend(frameon=False)
plt.show()

# %%
# Which criterion to use
# ----------------------
#
# Use the loss, the default, if the probabilities matter: they are best at its minimum. Use a metric
# if the result will be evaluated by that metric. The curve of a metric is noisy, because it counts
# rows, and there are only 150 shirts. The maximum of many noisy values is biased upwards, so
# `best_validation_score_` is higher than the score to expect on other rows:

clf = networks["accuracy"]
print(f"accuracy on the validation images: {clf.best_validation_score_:.3f}")
print(f"on the test images:                {clf.score(X_test, y_test):.3f}")

# %%
# With `calibration="temperature"`, the default, the probabilities are corrected after training by
# one number, which is fitted to the validation rows (:doc:`plot_calibration`). It corrects much of
# the overconfidence of a network that was trained for longer:

calibrated = clone(clf).set_params(calibration="temperature")
calibrated.fit(X_train, y_train, X_val=X_val, y_val=y_val)
print("cross-entropy on the test images, of the network chosen by the accuracy:")
for name, network in {"as trained": clf, "with the temperature": calibrated}.items():
    loss = log_loss(y_test, network.predict_proba(X_test))
    print(f"{name:20} {loss:.3f}, temperature {network.temperature_:.2f}")

# %%
# Without `X_val`, a stratified tenth of the training rows is set aside (`validation_fraction`), if
# there are at least 300. `early_stopping=False` trains on all rows for all `epochs`.

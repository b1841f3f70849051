"""
An ensemble that trains as one network
======================================

Networks that begin with different random weights make different errors, and the mean of their
probabilities makes fewer. `SoftmaxMLPEnsembleClassifier` trains its members as one stacked network.
With `cv`, each member leaves out a part of the rows, so that one fit also gives predictions of all
rows by networks that have not seen them.
"""

# %%
# One network and eight
# ---------------------
#
# 3,000 images of the sample of Fashion-MNIST in the package for training, 3,000 for the test.

import numpy as np
from matplotlib import pyplot as plt
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

from skmlp import SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier
from skmlp.datasets import load_fashion_mnist_sample
from skmlp.plotting import ImageGridDisplay, ReliabilityDisplay

fashion = load_fashion_mnist_sample("all")
X, y, names = fashion.data, fashion.target, fashion.target_names
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=3000, stratify=y, random_state=0
)

net = SoftmaxMLPClassifier(units=64, epochs=30)
ensemble = SoftmaxMLPEnsembleClassifier(net, n_estimators=8, cv=4, random_state=0)
ensemble.fit(X_train, y_train)

members = ensemble.predict_proba_members(X_test)
for n in (1, 2, 4, 8):
    mean = members[:n].mean(axis=0)
    accuracy = accuracy_score(y_test, ensemble.classes_[mean.argmax(axis=1)])
    print(f"{n} members: accuracy {accuracy:.3f}, log-loss {log_loss(y_test, mean):.3f}")

# %%
# Averaged over all choices of as many members:

rng, sizes = np.random.default_rng(0), np.arange(1, 9)
curves = {"accuracy": [], "log-loss": []}
for n in sizes:
    chosen = [members[rng.permutation(8)[:n]].mean(axis=0) for _ in range(30)]
    curves["accuracy"].append(np.mean([(p.argmax(axis=1) == y_test).mean() for p in chosen]))
    curves["log-loss"].append(np.mean([log_loss(y_test, p) for p in chosen]))

figure, axes = plt.subplots(1, 2, figsize=(6.5, 2.6), layout="constrained")
for ax, (name, values) in zip(axes, curves.items(), strict=True):
    ax.plot(sizes, values, "o-")
    ax.set(xlabel="members", title=name)

# %%
# An estimate without test rows
# -----------------------------
#
# `oof_score_` and `oof_loss_` are computed from the predictions of each training row by the members
# that were not trained on it. This is a cross-validation without further fits. A row is left out by
# two of the eight members, so the whole ensemble is somewhat better than this estimate.

print(f"out of fold: accuracy {ensemble.oof_score_:.3f}, log-loss {ensemble.oof_loss_:.3f}")
accuracy, loss = ensemble.score(X_test, y_test), log_loss(y_test, ensemble.predict_proba(X_test))
print(f"test rows:   accuracy {accuracy:.3f}, log-loss {loss:.3f}")

# %%
# Calibration
# -----------
#
# `calibration="temperature"` fits one number to the same out-of-fold predictions. It has a large
# effect if the members are not calibrated themselves, as here, without early stopping. In the plot,
# predictions below the diagonal are too confident. A mean of many networks is less confident
# than each of them, so the temperature depends on their number: with two repeats of the folds, as
# here, it is extrapolated from one and two networks to eight.

plain = SoftmaxMLPClassifier(units=64, epochs=30, early_stopping=False, label_smoothing=0.0)
figure, ax = plt.subplots(figsize=(4.5, 4), layout="constrained")
for calibration in (None, "temperature"):
    model = SoftmaxMLPEnsembleClassifier(plain, 8, cv=4, calibration=calibration, random_state=0)
    model.fit(X_train, y_train)
    label = f"T = {model.temperature_:.2f}" if calibration else "no calibration"
    ReliabilityDisplay.from_estimator(
        model, X_test, y_test, name=label, strategy="quantile", counts=False, ax=ax
    )
    print(f"{label}: log-loss {log_loss(y_test, model.predict_proba(X_test)):.3f}")

# %%
# Where the members disagree
# --------------------------
#
# `predict_uncertainty` divides the entropy of each prediction into two parts. `data` is the mean
# entropy of the members' predictions. `model` is their disagreement, which is large for images that
# differ from those in training.

uncertainty = ensemble.predict_uncertainty(X_test)
most = np.argsort(-uncertainty.model)[:12]
proba = ensemble.predict_proba(X_test[most])
titles = []
for row in proba:
    first, second = np.argsort(-row)[:2]
    titles.append(f"{names[first]} {row[first]:.0%}\n{names[second]} {row[second]:.0%}")
display = ImageGridDisplay(X_test[most].reshape(-1, 28, 28), titles=titles).plot(n_columns=4)

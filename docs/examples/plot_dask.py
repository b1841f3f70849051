"""
Training on shards with Dask
============================

On Dask's collections, a network is trained on each shard of the rows separately for a round. Then
the parameters are averaged. This example compares the progress per epoch with that of training on
all rows in one process.
"""

# %%
# The data are the sample of Fashion-MNIST as dask arrays of eight partitions. On a cluster, the
# partitions would be in the memory of the workers; here Dask uses threads of this process.

import dask.array as da
import matplotlib.pyplot as plt
import numpy as np

from skmlp import SoftmaxMLPClassifier
from skmlp.dask import DaskSoftmaxMLPClassifier
from skmlp.datasets import load_fashion_mnist_sample

X, y = load_fashion_mnist_sample("train", return_X_y=True)
order = np.random.default_rng(0).permutation(len(X))
train, val = order[:4000], order[4000:]
X_train, y_train = da.from_array(X[train], chunks=(500, -1)), da.from_array(y[train], chunks=500)
X_val, y_val = da.from_array(X[val], chunks=(500, -1)), da.from_array(y[val], chunks=500)
print(X_train)

# %%
# One process is trained on all rows. It is compared with shards whose parameters are averaged once
# or four times per epoch. All have the same number of epochs, without early stopping. Each of four
# shards has a quarter of the steps, which takes a quarter of the time on four machines.

params = {"epochs": 20, "early_stopping": False, "random_state": 0}
local = SoftmaxMLPClassifier(**params).fit(X[train], y[train], X_val=X[val], y_val=y[val])
losses = {"all rows together": local.validation_loss_curve_}
for n_shards, n_rounds in ((2, 1), (4, 1), (4, 4)):
    clf = DaskSoftmaxMLPClassifier(n_shards=n_shards, rounds_per_epoch=n_rounds, **params)
    clf.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    name = f"{n_shards} shards, {n_rounds} round{'s' * (n_rounds > 1)} an epoch"
    losses[name] = clf.validation_loss_curve_
    print(f"{name:27} accuracy {clf.validation_scores_[-1]:.3f}")
print(f"{'all rows together':27} accuracy {local.validation_scores_[-1]:.3f}")

fig, ax = plt.subplots(layout="constrained")
for name, curve in losses.items():
    ax.plot(np.arange(1, 21), curve, label=name)
ax.set(xlabel="epoch", ylabel="validation loss", ylim=(0.35, 0.75), xticks=[1, 5, 10, 15, 20])
ax.legend()
plt.show()

# %%
# With more shards, the loss decreases more slowly in the first epochs: the mean of networks after a
# quarter of the steps is about as good as one of them.

one, four = losses["all rows together"], losses["4 shards, 1 round an epoch"]
assert four[0] > one[0]
assert four[1] > one[1]

# %%
# At the end, the order is reversed, because there are only 4,000 images. A single network makes
# large steps in the middle of the cycle and then overfits. The mean of four networks that were
# trained on different images overfits less, like an ensemble. With many more rows this advantage
# disappears, and only the smaller number of steps matters: :doc:`the page on Dask </dask>` has
# accuracies with 48,000 images.

assert four[-1] < one[-1]

# %%
# Predictions are Dask's collections, which are computed lazily. The model itself is a
# `SoftmaxMLPClassifier` that needs no Dask:

labels = clf.predict(X_val)
print(labels)
assert (labels.compute() == clf.to_local().predict(X[val])).all()

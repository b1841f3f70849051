"""
Rows in parts, trained side by side
===================================

On Dask's collections, each shard of the rows is trained apart for a while, then the parameters are
averaged. How much is learnt in an epoch so, compared with training on all rows in one place?
"""

# %%
# The sample of Fashion-MNIST as dask arrays of eight partitions. On a cluster, they would lie in
# the memory of the workers; here Dask works in threads of this process.

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
# One process on all rows, then shards whose parameters are averaged once an epoch, and more
# often. All have the same number of epochs; with four shards each of them takes a quarter of the
# steps, and on four machines a quarter of the time.

params = {"epochs": 20, "random_state": 0}
local = SoftmaxMLPClassifier(**params).fit(X[train], y[train], X_val=X[val], y_val=y[val])
losses = {"in one place": local.validation_loss_curve_}
for n_shards, n_rounds in ((2, 1), (4, 1), (4, 4)):
    clf = DaskSoftmaxMLPClassifier(n_shards=n_shards, rounds_per_epoch=n_rounds, **params)
    clf.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    name = f"{n_shards} shards, {n_rounds} round{'s' * (n_rounds > 1)} an epoch"
    losses[name] = clf.validation_loss_curve_
    print(f"{name:27} accuracy {clf.validation_scores_[-1]:.3f}")
print(f"{'in one place':27} accuracy {local.validation_scores_[-1]:.3f}")

fig, ax = plt.subplots(layout="constrained")
for name, curve in losses.items():
    ax.plot(np.arange(1, 21), curve, label=name)
ax.set(xlabel="epoch", ylabel="validation loss", ylim=(0.4, 1.2), xticks=[1, 5, 10, 15, 20])
ax.legend()
plt.show()

# %%
# The more shards, the less is learnt in the first epochs: the mean of networks that took a
# quarter of the steps each is about as far as one of them.

one, four = losses["in one place"], losses["4 shards, 1 round an epoch"]
assert four[0] > one[0]
assert four[1] > one[1]

# %%
# On so few images it is different in the end. Large steps in the middle of the cycle throw a
# single network about, and it comes to know its 4,000 images by heart; the mean of four that saw
# different images does so less, as the mean of an ensemble would. With many more rows that no
# longer helps, and the fewer steps are all that counts: :doc:`the page on Dask </dask>` has
# accuracies with 48,000.

assert four[-1] < one[-1]

# %%
# Predictions are Dask's collections, which are computed when they are asked for; the model itself
# is a `SoftmaxMLPClassifier` that needs no Dask:

labels = clf.predict(X_val)
print(labels)
assert (labels.compute() == clf.to_local().predict(X[val])).all()

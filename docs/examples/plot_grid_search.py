"""
A grid search that is one training run
======================================

To choose the number of units and the strengths of l1 and l2, `GridSearchCV` fits every candidate on
every split, one after another. `PopulationGridSearchCV` trains them together: the networks are rows
of one array, and a training step updates all rows. The results are the same.

The data are scikit-learn's digits: 1,797 images of 8 x 8 pixels.
"""

# %%
# The same grid for both searches
# -------------------------------
#
# The grid has three sizes of the hidden layer and three strengths of each penalty. There are five
# splits. (`dropout="auto"` would be 0.3 in the splits, which have fewer than 1,500 rows, and 0 in a
# fit on all rows.)

from time import perf_counter

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from skmlp import PopulationGridSearchCV, SoftmaxMLPClassifier

X, y = load_digits(return_X_y=True)
clf = SoftmaxMLPClassifier(epochs=15, dropout=0.0, random_state=0)
grid = {"units": [8, 16, 32], "l1": [0.0, 1e-4, 1e-3], "l2": [0.0, 1e-3, 1e-2]}

# %%
# Both have the same arguments and attributes. Their times in this build, on one core each:

searches = {
    "GridSearchCV": GridSearchCV(clf, grid, refit=False),
    "PopulationGridSearchCV": PopulationGridSearchCV(clf, grid, refit=False),
}
seconds = {}
for name, search in searches.items():
    started = perf_counter()
    search.fit(X, y)
    seconds[name] = perf_counter() - started
    print(f"{name:23} {seconds[name]:5.1f} s, best score {search.best_score_:.4f}")
ratio = seconds["GridSearchCV"] / seconds["PopulationGridSearchCV"]
print(f"{'':23} {ratio:5.1f} times as fast")

# %%
# All scores of all candidates on all splits agree, because each network has the same initial
# weights and the same batches as in a separate fit:

one_by_one, population = searches.values()
splits = [f"split{i}_test_score" for i in range(population.n_splits_)]
differences = [one_by_one.cv_results_[split] - population.cv_results_[split] for split in splits]
print("largest difference of any score:", np.abs(differences).max())
assert np.abs(differences).max() == 0

# %%
# The scores
# ----------
#
# The figure shows the mean accuracy on the test rows of the splits. The number of units has the
# largest effect. The strongest penalties reduce the accuracy with 32 units, but not with 8.

import matplotlib.pyplot as plt

scores = population.cv_results_["mean_test_score"].reshape(3, 3, 3)  # l1, l2, units, by name
fig, axes = plt.subplots(1, 3, figsize=(6.5, 2.8), layout="constrained", sharey=True)
limits = {"vmin": scores.min(), "vmax": scores.max(), "cmap": "viridis"}
for column, (ax, units) in enumerate(zip(axes, grid["units"], strict=True)):
    image = ax.imshow(scores[:, :, column], **limits)
    for (row, col), score in np.ndenumerate(scores[:, :, column]):
        dark = score < scores.min() + 0.6 * np.ptp(scores)
        ax.text(col, row, f"{score:.3f}", ha="center", va="center", color="w" if dark else "k")
    ax.set(title=f"{units} units", xlabel="l2")
    ax.set_xticks(range(3), [f"{v:g}" for v in grid["l2"]])
    ax.set_yticks(range(3), [f"{v:g}" for v in grid["l1"]])
axes[0].set_ylabel("l1")
fig.colorbar(image, ax=axes, label="mean test accuracy")

# %%
# In a pipeline
# -------------
#
# The network may be the last step of a pipeline, and the grid may have parameters of the other
# steps. For each split, each of these steps is fitted once for each setting of its parameters, not
# once for each candidate. It is fitted only on the training rows of the split.

from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline

pipeline = Pipeline([("pca", PCA(random_state=0)), ("net", clf)])
search = PopulationGridSearchCV(
    pipeline,
    {"pca__n_components": [10, 30], "net__units": [32], "net__learning_rate": [0.003, 0.01, 0.03]},
    n_jobs=2,
)
search.fit(X, y)
print(f"{search.best_score_:.4f}", search.best_params_)

# %%
# Randomized search
# -----------------
#
# A grid has few distinct values of each parameter. In a randomized search, each candidate has new
# values of all parameters. `PopulationRandomizedSearchCV` corresponds to `RandomizedSearchCV`.

from scipy.stats import loguniform

from skmlp import PopulationRandomizedSearchCV

search = PopulationRandomizedSearchCV(
    clf.set_params(units=32),
    {"l2": loguniform(1e-5, 1e-1), "learning_rate": loguniform(1e-3, 1e-1)},
    n_iter=20,
    random_state=0,
)
search.fit(X, y)
best = {name: float(f"{value:.2g}") for name, value in search.best_params_.items()}
print(f"{search.best_score_:.4f}", best)

# %%
# Which candidates are trained together
# -------------------------------------
#
# Networks are trained together if they have the same layers, batch size, number of rows, number of
# epochs, optimizer and schedule. Either all or none of them must have dropout, and the same holds
# for the average of the parameters. Other parameters may differ, such as learning rates, penalties,
# class weights, seeds and the patience of early stopping. A network that has stopped takes no more
# time. With early stopping, a network has fewer training rows than without. Other candidates are
# trained in separate groups, as the three sizes above. Networks that cannot be stacked (lbfgs,
# sparse rows) are trained one by one. The results are always those of `GridSearchCV`.
#
# The estimator may be a `SoftmaxMLPEnsembleClassifier`, with names such as ``estimator__units``:
# members and candidates are then trained together.
#
# Training together reduces the overhead of Python and NumPy in each step. So it saves most time
# with small networks and batches. :doc:`/benchmarks` compares it with scikit-learn's MLPClassifier.

"""
A validation set through a pipeline
===================================

A network behind other steps is a pipeline, and whatever takes a classifier takes the pipeline. One
thing needs a word: the network wants to look at a validation set after each epoch, and that set has
to go through the same steps as the rows it trains on.

The data are the 569 tumours that come with scikit-learn, with a fifth of all measurements removed,
so that there is something to do in front of the network.
"""

# %%
# The pipeline as an estimator
# ----------------------------
#
# Fill the holes by the means, and give each measurement a normal distribution, outliers and all. In
# cross-validation both are learnt from the training rows of each split, never from the rows that
# judge.

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import QuantileTransformer

from skmlp import SoftmaxMLPClassifier

X, y = load_breast_cancer(return_X_y=True)
X[np.random.default_rng(0).random(X.shape) < 0.2] = np.nan


def make_pipeline(**options):
    ranks = QuantileTransformer(n_quantiles=100, output_distribution="normal")
    net = SoftmaxMLPClassifier(units=30, epochs=60, random_state=0)
    return Pipeline([("impute", SimpleImputer()), ("ranks", ranks), ("net", net)], **options)


scores = cross_val_score(make_pipeline(), X, y)
print(f"accuracy on rows left out: {scores.mean():.3f} +/- {scores.std():.3f}")

# %%
# The validation set as it is
# ---------------------------
#
# Without further ado, a pipeline hands an argument of a step to that step as it is. Here that fails
# at once, for the network sees the holes:

X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)

try:
    make_pipeline().fit(X_train, y_train, net__X_val=X_val, net__y_val=y_val)
except ValueError as error:
    print(str(error).splitlines()[0])

# %%
# It is worse when nothing fails. Fill the holes by hand, and the columns are as many as before;
# only that these are millimetres, and the network was trained on normal scores:

filled = SimpleImputer().fit(X_train).transform(X_val)
wrong = make_pipeline().fit(X_train, y_train, net__X_val=filled, net__y_val=y_val)

# %%
# The validation set transformed
# ------------------------------
#
# Scikit-learn's metadata routing does it right: the network requests `X_val` and `y_val`, and the
# pipeline is told that `X_val` is to be transformed on its way, by the steps as they were fitted to
# the training rows.

from sklearn import set_config

set_config(enable_metadata_routing=True)
right = make_pipeline(transform_input=["X_val"])
right["net"].set_fit_request(X_val=True, y_val=True)
right.fit(X_train, y_train, X_val=X_val, y_val=y_val)

# %%
# Both pipelines have learnt the same, and both predict alike. But only one of them knew while it
# was training how well it did. With early stopping, the other would have stopped by a number
# without meaning.

for name, pipeline in (("as it is", wrong), ("transformed", right)):
    seen = pipeline["net"].validation_scores_[-1]
    print(f"{name:12} seen in training {seen:.3f}, true {pipeline.score(X_val, y_val):.3f}")
assert right["net"].validation_scores_[-1] == right.score(X_val, y_val)
assert np.array_equal(right.predict_proba(X_val), wrong.predict_proba(X_val))

# %%
import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
ax.semilogy(right["net"].loss_curve_, color="0.6", label="training")
ax.semilogy(right["net"].validation_loss_curve_, label="validation, transformed")
ax.semilogy(wrong["net"].validation_loss_curve_, "--", label="validation, as it is")
ax.set(xlabel="epoch", ylabel="loss")
ax.legend(frameon=False, loc="center right")
plt.show()

# %%
# Such a pipeline goes through `GridSearchCV` and :doc:`PopulationGridSearchCV <plot_grid_search>`
# with the same `fit(X, y, X_val=X_val, y_val=y_val)`: for each split the steps are fitted anew, and
# the validation set goes through them.
#
# Columns of different scales alone are no reason for a pipeline: `standardize=True`, the default,
# takes care of them inside the network, and of those of `X_val` too.

set_config(enable_metadata_routing=False)  # back to the default

"""
A validation set through a pipeline
===================================

A network may be the last step of a pipeline, which can be used like any classifier. If `fit` gets a
validation set, the same preprocessing steps must transform this set and the training rows.

The data are the 569 tumours in scikit-learn's breast cancer data, with a fifth of all values
removed, so that they need preprocessing.
"""

# %%
# The pipeline as an estimator
# ----------------------------
#
# Missing values are replaced by the means, and each measurement is transformed to a normal
# distribution. In cross-validation, both steps are fitted only on the training rows of each split.
# Early stopping is off, so the validation sets below have no influence on the networks, and these
# can be compared.

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
    net = SoftmaxMLPClassifier(units=30, epochs=60, early_stopping=False, random_state=0)
    return Pipeline([("impute", SimpleImputer()), ("ranks", ranks), ("net", net)], **options)


scores = cross_val_score(make_pipeline(), X, y)
print(f"cross-validated accuracy: {scores.mean():.3f} +/- {scores.std():.3f}")

# %%
# The validation set without preprocessing
# ----------------------------------------
#
# By default, a pipeline passes an argument of a step to that step unchanged. Here this is an error,
# because the network gets missing values:

X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)

try:
    make_pipeline().fit(X_train, y_train, net__X_val=X_val, net__y_val=y_val)
except ValueError as error:
    print(str(error).splitlines()[0])

# %%
# Without an error, the problem is not visible. If missing values are replaced beforehand, the
# validation set has the right number of columns, but in original units, while the network is
# trained on normal scores:

filled = SimpleImputer().fit(X_train).transform(X_val)
wrong = make_pipeline().fit(X_train, y_train, net__X_val=filled, net__y_val=y_val)

# %%
# The validation set with preprocessing
# -------------------------------------
#
# The solution is scikit-learn's metadata routing: the network requests `X_val` and `y_val`, and
# with `transform_input` the pipeline transforms `X_val` by the steps fitted on the training rows.

from sklearn import set_config

set_config(enable_metadata_routing=True)
right = make_pipeline(transform_input=["X_val"])
right["net"].set_fit_request(X_val=True, y_val=True)
right.fit(X_train, y_train, X_val=X_val, y_val=y_val)

# %%
# Both pipelines have the same parameters and the same predictions. But only the second has correct
# validation scores. With early stopping, the default, the epoch and the temperature of the first
# would be chosen by meaningless losses.

for name, pipeline in (("unchanged", wrong), ("transformed", right)):
    seen = pipeline["net"].validation_scores_[-1]
    print(f"{name:12} last validation score {seen:.3f}, true {pipeline.score(X_val, y_val):.3f}")
assert right["net"].validation_scores_[-1] == right.score(X_val, y_val)
assert np.array_equal(right.predict_proba(X_val), wrong.predict_proba(X_val))

# %%
import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
ax.semilogy(right["net"].loss_curve_, color="0.6", label="training")
ax.semilogy(right["net"].validation_loss_curve_, label="validation, transformed")
ax.semilogy(wrong["net"].validation_loss_curve_, "--", label="validation, unchanged")
ax.set(xlabel="epoch", ylabel="loss")
ax.legend(frameon=False, loc="center right")
plt.show()

# %%
# Such a pipeline works in `GridSearchCV` and :doc:`PopulationGridSearchCV <plot_grid_search>`
# with the same `fit(X, y, X_val=X_val, y_val=y_val)`: for each split, the steps are fitted again
# and transform the validation set.
#
# Columns of different scales do not need a pipeline: `standardize=True`, the default, scales them
# inside the network, also in `X_val`.

set_config(enable_metadata_routing=False)  # back to the default

"""
A data frame without preprocessing
==================================

`SoftmaxMLPClassifier` accepts data frames with strings, numbers, integers and missing values. This
example predicts the sex of penguins of the Palmer Archipelago from their species, their island and
four measurements. It also shows how the network encodes the columns.

The measurements are those of the package palmerpenguins (Horst, Hill and Gorman 2020; data by
Kristen Gorman and the Palmer Station LTER).
"""

# %%
# The table
# ---------
#
# The label is the sex, so penguins without it are left out. A fifth of the weights and of the
# islands is removed, to have more missing values.

import matplotlib.pyplot as plt
import numpy as np
from palmerpenguins import load_penguins
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skmlp import SoftmaxMLPClassifier

penguins = load_penguins().dropna(subset="sex")
rng = np.random.default_rng(0)
penguins.loc[rng.random(len(penguins)) < 0.2, "body_mass_g"] = np.nan
penguins.loc[rng.random(len(penguins)) < 0.2, "island"] = None
X, y = penguins.drop(columns=["sex", "year"]), penguins["sex"]
print(X.head())

# %%
# Fit and predict
# ---------------
#
# A notebook shows a fitted classifier in this way. Click on *Network* for its inputs, classes and
# layers, and on *Training* for its epochs and losses.

# sphinx_gallery_capture_repr_block = ("_repr_html_",)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
clf = SoftmaxMLPClassifier(random_state=0)
clf.fit(X_train, y_train)

# %%

print(f"accuracy on new penguins: {clf.score(X_test, y_test):.3f}")

# %%
# The same with a pipeline of transformers. (With fewer than 300 rows, the network is trained with
# dropout of its inputs, which differs a little between the two.)

strings = X.columns[clf.is_categorical_].tolist()
numbers = X.columns[~clf.is_categorical_].tolist()
transformer = make_column_transformer(
    (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), numbers),
    (OneHotEncoder(min_frequency=5, handle_unknown="infrequent_if_exist"), strings),
)
pipeline = make_pipeline(transformer, SoftmaxMLPClassifier(random_state=0))
for name, model in {
    "a frame": SoftmaxMLPClassifier(random_state=0),
    "a pipeline": pipeline,
}.items():
    scores = cross_val_score(model, X, y, cv=5)
    print(f"{name:10}  accuracy {scores.mean():.3f} ± {scores.std():.3f}")

# %%
# The inputs of the network
# -------------------------
#
# Each row of the first-layer weights belongs to a numeric column, a missing indicator or a
# category. A missing island is a separate category.

for name, categories in zip(X.columns, clf.categories_, strict=True):
    print(f"{name:18}", "number" if categories is None else categories.tolist())
print(*clf.encoded_feature_names_, sep="\n")

# %%
# New values
# ----------
#
# One penguin without a weight, and one from an island that is not in the training rows:

new = X_test.head(2).assign(island=["Dream", "King George"], body_mass_g=[np.nan, 4200.0])
print(clf.classes_, clf.predict_proba(new).round(3), sep="\n")

# %%
# Importance of the columns
# -------------------------
#
# The importance is the decrease of the accuracy if the values of a column are shuffled among the
# rows. Bill and weight differ between the sexes. The species is important because these
# measurements also differ between species.

found = permutation_importance(clf, X_test, y_test, n_repeats=20, random_state=0)
order = np.argsort(found.importances_mean)
fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.barh(X.columns[order], found.importances_mean[order], xerr=found.importances_std[order])
ax.set(xlabel="decrease of the accuracy", title="Importance of the columns")
plt.show()

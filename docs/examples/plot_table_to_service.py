"""
A table, from the raw file to a deployed model
==============================================

This example starts from a typical file with dates, codes, missing values and keys. The steps are:
columns, a test set by groups, a first model and a baseline, a search, an ensemble with calibrated
probabilities, a file without pickle, a function that predicts one row, and ONNX.

The data are simulated, so the true probabilities are known and can be compared with those of the
model. :doc:`plot_frame` uses a real table.
"""

# %%
# The raw file
# ------------
#
# The file has 6,000 contracts of customers, some of whom live in the same household. The target
# is whether the customer cancels the contract within a year. The probability depends on the type
# of contract and the postcode, for monthly contracts on the price per device, and for yearly
# contracts on the time until the next renewal.

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

folder = tempfile.TemporaryDirectory()
rng, n = np.random.default_rng(0), 6000

household = rng.integers(0, 2500, n)
postcode = rng.choice(["01067", "04109", "10115", "20095", "50667", "80331"], 2500)[household]
effect = dict(zip(np.unique(postcode), rng.normal(0, 0.9, 6), strict=True))
contract = rng.choice(["monthly", "yearly", "two years"], n, p=[0.5, 0.3, 0.2])
devices = rng.integers(1, 6, n)
price = rng.gamma(6.0, 4.0, n) * devices**0.6
signed = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, n), "D")
age = (pd.Timestamp("2026-01-01") - signed).days.to_numpy()

renewal = np.exp(-(((age % 365) - 340) ** 2) / 1800.0)  # near the end of a contract year
logit = np.select([contract == "monthly", contract == "yearly"], [0.3, 3.5 * renewal - 1.5], -2.0)
logit = logit + 2.0 * (contract == "monthly") * np.tanh((price / devices - 20.0) / 5.0)
logit = logit + np.array([effect[code] for code in postcode])
probability = 1.0 / (1.0 + np.exp(-logit))
cancelled = rng.random(n) < probability

pd.DataFrame({
    "customer": np.arange(10_000, 10_000 + n),
    "household": household,
    "signed": signed.strftime("%Y-%m-%d"),
    "postcode": postcode,
    "contract": np.where(rng.random(n) < 0.03, None, contract),
    "devices": devices,
    "price": np.where(rng.random(n) < 0.1, np.nan, price.round(2)),
    "reason": np.where(cancelled, rng.choice(["price", "moved", "other"], n), None),
    "cancelled": np.where(cancelled, "yes", "no"),
}).to_csv(Path(folder.name, "contracts.csv"), index=False)  # fmt: skip

raw = pd.read_csv(Path(folder.name, "contracts.csv"))
print(raw.head(3).to_string())

# %%
# Columns
# -------
#
# First check for each column what it means and when it is known:
#
# - `customer` is a key and `household` is a group. Neither is an input, but the households are
#   needed for the splits.
# - `reason` is known only after the customer has cancelled. A model with this column has a
#   perfect score and is useless.
# - `postcode` was read as a number and lost its leading zeros. It is a category: read it as a
#   string.
# - `signed` is a date, which `read_csv` reads as a string, so `fit` treats it as a category and
#   warns. The age of the contract in days is a number.
#
# Missing values and strings need no preparation. The same function prepares the training rows
# and, later, the rows of a request.

from skmlp import SoftmaxMLPClassifier

INPUTS = {"age": float, "postcode": "str", "contract": "str", "devices": float, "price": float}


def prepare(rows):
    signed = pd.to_datetime(rows["signed"])
    rows = rows.assign(age=(pd.Timestamp("2026-01-01") - signed).dt.days)
    return rows[list(INPUTS)].astype(INPUTS)


raw = pd.read_csv(Path(folder.name, "contracts.csv"), dtype={"postcode": str})
X, y, groups = prepare(raw), raw["cancelled"], raw["household"]
print(X.dtypes.to_string())

# %%
# A test set by groups
# --------------------
#
# Rows of a household resemble each other, so a household must be either in the training rows or
# in the test rows. If rows are ordered in time, test on the latest rows instead.

from sklearn.model_selection import GroupKFold, GroupShuffleSplit

train, test = next(GroupShuffleSplit(1, test_size=0.3, random_state=0).split(X, y, groups))
X_train, y_train, X_test, y_test = X.iloc[train], y.iloc[train], X.iloc[test], y.iloc[test]
folds = GroupKFold(4)

# %%
# A first model and a baseline
# ----------------------------
#
# Log-loss measures the probabilities, and accuracy only the predicted classes. The baseline needs
# a transformer for strings and missing values.

from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

numbers, texts = ["age", "devices", "price"], ["postcode", "contract"]
baseline = make_pipeline(
    make_column_transformer(
        (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), texts),
    ),
    LogisticRegression(),
)


def judge(name, model):
    loss = log_loss(y_test, model.predict_proba(X_test))
    print(f"{name:22} accuracy {model.score(X_test, y_test):.3f}, log-loss {loss:.3f}")


judge("LogisticRegression", baseline.fit(X_train, y_train))
judge("default", SoftmaxMLPClassifier(random_state=0).fit(X_train, y_train))

# %%
# A search
# --------
#
# `PopulationGridSearchCV` trains all candidates on all splits together. The splits keep
# households together: `groups` is an argument of `fit`. If the best candidate and the default
# differ by less than the spread over the splits, as here, use the default. The rows for
# evaluation are the test rows above; do not choose by them.

from skmlp import PopulationGridSearchCV

grid = {"dropout": [0.0, 0.2, 0.4]}
search = PopulationGridSearchCV(
    SoftmaxMLPClassifier(random_state=0), grid, cv=folds, scoring="neg_log_loss", refit=False
)
search.fit(X_train, y_train, groups=groups.iloc[train])
found = pd.DataFrame(search.cv_results_)[["param_dropout"]]
found["log-loss"] = -search.cv_results_["mean_test_score"]
found["spread"] = search.cv_results_["std_test_score"]
print(found.sort_values("log-loss").round(4).to_string(index=False))

# %%
# An ensemble
# -----------
#
# Each of four networks is trained without one fold of the households. Each training row is
# predicted by the network that was not trained on it. These predictions give an estimate of the
# loss without test rows, and calibrate the probabilities.

from skmlp import SoftmaxMLPEnsembleClassifier

ensemble = SoftmaxMLPEnsembleClassifier(
    n_estimators=4, cv=folds, calibration="temperature", random_state=0
)
ensemble.fit(X_train, y_train, groups=groups.iloc[train])
print(f"out of fold: accuracy {ensemble.oof_score_:.3f}, log-loss {ensemble.oof_loss_:.3f}")
judge("ensemble", ensemble)

# %%
# The noise of the labels limits any model. With simulated data this limit is known: the log-loss
# of the true probabilities.

truth = probability[test]
least = log_loss(y_test, np.column_stack([1 - truth, truth]))
print(f"true probabilities: log-loss {least:.3f}")

# %%
# Calibrated probabilities are equal to frequencies. The table has, for each bin, the mean
# prediction, the mean true probability and the share of cancelled contracts:

predicted = ensemble.predict_proba(X_test)[:, 1]
bins = pd.cut(predicted, np.linspace(0, 1, 6))
table = pd.DataFrame({"predicted": predicted, "true": truth, "cancelled": y_test == "yes"})
print(table.groupby(bins, observed=True).mean().round(3).to_string())

# %%
# The model as a file
# -------------------
#
# `save` writes arrays and a header, no code. The loaded model gives the same predictions and
# checks the names and types of the columns. The file cannot hold a splitter such as GroupKFold.
# It is not needed for predictions, so set `cv` to a number first.

from skmlp import load, save

path = Path(folder.name, "model.npz")
save(ensemble.set_params(cv=4), path)
model = load(path)
print(
    f"{path.stat().st_size / 1e3:.0f} kB, equal:",
    (model.predict_proba(X_test)[:, 1] == predicted).all(),
)

# %%
# One row
# -------
#
# A service receives a request for one row, often as JSON, prepares it with the same function, and
# returns a probability. A category that was not in the training rows is not an error. Log it,
# because it shows that the data have changed.

import json

KNOWN = {
    name: set(found) for name, found in zip(X, model.categories_, strict=True) if found is not None
}


def answer(request):
    row = prepare(pd.DataFrame([json.loads(request)]))
    unknown = [name for name, known in KNOWN.items() if row[name].iloc[0] not in known]
    proba = model.predict_proba(row)[0]
    return dict(zip(model.classes_.tolist(), proba.round(3).tolist(), strict=True)), unknown


request = {
    "signed": "2025-11-20",
    "postcode": "04109",
    "contract": "monthly",
    "devices": 1,
    "price": 40.0,
}
print(*answer(json.dumps(request)))
print(*answer(json.dumps(request | {"postcode": "99999", "price": None})))

# %%
# Without Python
# --------------
#
# With `skmlp.onnx`, skl2onnx converts the model for onnxruntime in C++, C#, Java or JavaScript.
# The ONNX model accepts strings. It does not include the preparation of the date.

import onnxruntime
from skl2onnx import to_onnx

import skmlp.onnx  # noqa: F401  (registers the converters)

onnx_model = to_onnx(ensemble, X_train[:1], options={"zipmap": False})
session = onnxruntime.InferenceSession(onnx_model.SerializeToString())
inputs = {i.name: X_test[[i.name]].to_numpy() for i in session.get_inputs()}
labels, proba = session.run(None, inputs)
print(f"largest difference: {np.abs(proba[:, 1] - predicted).max():.0e}")

"""Networks with categories and gaps as pipelines of scikit-learn."""

import builtins
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from skmlp import SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier
from tests.estimators.test_mixed_tables import CATEGORIES, NUMBERS, frame_kinds, mixed_table

PARAMS = {"units": (8,), "epochs": 3, "random_state": 0, "activation": "relu", "n_bins": None,
          "dtype": "float64"}  # fmt: skip


def held_out_rows():
    """Return rows with categories that training has not seen, missing ones, and gaps."""
    frame, _ = mixed_table(200, 1, levels=14)
    frame.loc[:20, ["town", "colour"]] = None
    frame.loc[10:30, "colour"] = "purple"
    frame.loc[25:40, "income"] = np.nan  # which has no gaps in training
    return frame


def fitted(X, y, **params):
    return SoftmaxMLPClassifier(**PARAMS | params).fit(X, y)


def assert_same(clf, rows, atol=1e-9):
    model = clf.to_sklearn()
    np.testing.assert_allclose(model.predict_proba(rows), clf.predict_proba(rows), atol=atol)
    np.testing.assert_array_equal(model.predict(rows), clf.predict(rows))
    return model


@pytest.mark.parametrize("min_frequency", [1, 5, 0.1, 300, None])
@pytest.mark.parametrize("params", [{}, {"standardize": False, "learning_rate": 1e-4}], ids=str)
def test_frames(min_frequency, params):
    frame, y = mixed_table(400, 0)
    clf = fitted(frame, y, min_frequency=min_frequency, **params)
    assert isinstance(assert_same(clf, held_out_rows()), Pipeline)
    two = fitted(frame, np.array(["a", "b"])[np.minimum(y, 1)], min_frequency=min_frequency)
    assert_same(two, held_out_rows())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes(dtype):
    frame, y = mixed_table(400, 0)
    clf = fitted(frame, y, dtype=dtype)
    model = assert_same(clf, held_out_rows(), atol=1e-6 if dtype == "float32" else 1e-9)
    assert model[-1].coefs_[0].dtype == dtype


def test_kinds_of_frames():
    frame, y = mixed_table(400, 0)
    clf, rows = fitted(frame, y), held_out_rows()
    model, expected = clf.to_sklearn(), clf.predict_proba(rows)
    kinds = frame_kinds(rows)
    for name in ("category", "polars", "polars categorical"):
        np.testing.assert_allclose(model.predict_proba(kinds[name]), expected, atol=1e-9)
    # Without pandas.NA, also the others.
    whole = rows.fillna(dict.fromkeys(CATEGORIES, "t1"))
    expected = clf.predict_proba(whole)
    for name in ("string", "nullable"):
        found = model.predict_proba(frame_kinds(whole)[name])
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_gaps_only():
    frame, y = mixed_table(400, 0)
    clf = fitted(frame[NUMBERS], y)
    assert_same(clf, held_out_rows()[NUMBERS])
    X = frame[NUMBERS].to_numpy()
    model = assert_same(fitted(X, y), held_out_rows()[NUMBERS].to_numpy())
    assert not hasattr(model[0], "feature_names_in_")


def test_categories_only():
    frame, y = mixed_table(400, 0)
    for columns in (CATEGORIES, ["answer"]):
        assert_same(fitted(frame[columns], y), held_out_rows()[columns])


def test_bools_integers_and_missing_objects():
    frame, y = mixed_table(400, 0)
    rows = held_out_rows()
    for table in (frame, rows):
        table["red"] = table.pop("colour") == "red"
        table["town"] = table.town.fillna("t99").str[1:].astype(int)
        table["income"] = table.income.astype(object).where(table.income.notna(), None)
    assert_same(fitted(frame, y), rows)
    marked = ["red", "town", "answer"]
    for params in ({}, {"min_frequency": 1}):
        clf = fitted(frame, y, categorical_features=marked, **params)
        assert_same(clf, rows)
        assert_same(clf, rows.astype({"town": "float32", "red": "boolean"}))
        assert_same(clf, rows.astype({"town": "category"}))


def test_numeric_categories_with_missing_values():
    frame, y = mixed_table(400, 0)
    X = np.column_stack([frame.town.str[1:].astype(float), frame.age, frame.score])
    X[::7, 0] = np.nan
    rows = X + np.where(np.arange(400) % 3, 0.0, 40.0)[:, None] * [1, 0, 0]
    for params in ({}, {"min_frequency": 1}, {"min_frequency": 60}):
        clf = fitted(X, y, categorical_features=[0], **params)
        assert_same(clf, rows)
        named = [pd.DataFrame(table, columns=["town", "age", "score"]) for table in (X, rows)]
        assert_same(fitted(named[0], y, categorical_features=["town"], **params), named[1])


def test_arrays_of_objects():
    frame, y = mixed_table(400, 0)
    rows = held_out_rows()
    for table in (frame, rows):
        table["town"] = table.town.str[1:].astype(float)
    X, rows = frame.to_numpy(object), rows.to_numpy(object)
    rows[::5, 0] = None
    for params in ({}, {"min_frequency": 1}):
        clf = fitted(X, y, categorical_features=[0, 2, 5], **params)
        assert_same(clf, rows)
    X[::5, 0] = None
    X[1::5, 0] = np.nan
    assert_same(fitted(X, y, categorical_features=[0, 2, 5]), rows)


def test_only_missing_values_are_infrequent():
    frame, y = mixed_table(400, 0)
    frame.loc[:2, "colour"] = None
    for columns in (["age", "colour"], ["colour"]):
        clf = fitted(frame[columns], y)
        assert clf.infrequent_categories_[-1].tolist() == []
        assert_same(clf, held_out_rows()[columns])


def test_columns_without_categories():
    frame, y = mixed_table(400, 0)
    table = frame[["age"]].assign(empty=pd.Series([None] * 400, dtype=object))
    clf = fitted(table, y, categorical_features=["empty"])
    assert_same(clf, table)
    assert_same(clf, table.assign(empty="new"))


def test_streams_have_declared_categories():
    frame, y = mixed_table(400, 0)
    frame = frame.astype({"town": pd.CategoricalDtype([f"t{i}" for i in range(20)])})
    clf = SoftmaxMLPClassifier(**PARAMS).partial_fit(frame[:100], y[:100], classes=[0, 1, 2])
    clf.partial_fit(frame[100:], y[100:])
    assert_same(clf, held_out_rows())


def test_many_levels():
    frame = pd.DataFrame({"id": [f"customer {i}" for i in range(20_000)] * 2})
    y = np.arange(40_000) % 2
    frame["id"] = frame.id.astype("category")
    clf = fitted(frame, y, epochs=1, batch_size=2000, min_frequency=1)
    assert_same(clf, frame[::9])


def test_the_transformer_is_fitted():
    frame, y = mixed_table(400, 0)
    clf = fitted(frame, np.array(["a", "b", "c"])[y])
    model = clf.to_sklearn()
    assert model.feature_names_in_.tolist() == list(frame)
    assert model.n_features_in_ == 6
    assert model.classes_.tolist() == ["a", "b", "c"]
    names = model[:-1].get_feature_names_out().tolist()
    assert len(names) == model[-1].n_features_in_ == model[:-1].transform(frame).shape[1]
    assert names[:5] == [f"numbers__{n}" for n in clf.encoded_feature_names_[:5]]
    assert "categories__town_infrequent_sklearn" in names
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(frame), model.predict_proba(frame))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_clones_train():
    frame, y = mixed_table(400, 0)
    clf = fitted(frame, y)
    model = clone(clf.to_sklearn()).set_params(mlp__max_iter=200, mlp__early_stopping=False)
    model.fit(frame, y)
    assert model.score(frame, y) > 0.6
    # The same inputs as those of the network, but for None and NaN, which are one there.
    assert model[-1].n_features_in_ == len(clf.coefs_[0])
    encoder = model[0].named_transformers_["categories"]
    infrequent = clf.infrequent_categories_
    assert encoder.infrequent_categories_[0].tolist() == infrequent[0].tolist()


@pytest.mark.parametrize("cv", [None, 3])
def test_ensembles(cv):
    frame, y = mixed_table(400, 0)
    labels = np.array(["a", "b", "c"])[y]
    net = SoftmaxMLPClassifier(**PARAMS)
    model = SoftmaxMLPEnsembleClassifier(net, 3, cv=cv, random_state=0).fit(frame, labels)
    voting = assert_same(model, held_out_rows())
    assert all(isinstance(member, Pipeline) for member in voting.estimators_)
    assert voting.feature_names_in_.tolist() == list(frame)


def test_networks_without_categories_and_gaps():
    frame, y = mixed_table(400, 0)
    clf = fitted(frame[["income"]], y)
    assert isinstance(clf.to_sklearn(), MLPClassifier)


def test_unsupported_networks():
    frame, y = mixed_table(400, 0)
    for params, message in (({"activation": "silu"}, "got 'silu'"), ({"n_bins": 5}, "has no bins")):
        with pytest.raises(ValueError, match=message):
            fitted(frame, y, **params).to_sklearn()


def test_without_pandas(monkeypatch):
    frame, y = mixed_table(400, 0)
    clf = fitted(frame, y)
    imports = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "pandas":
            raise ImportError(name)
        return imports(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="to_sklearn needs pandas"):
        clf.to_sklearn()


@pytest.mark.parametrize("gaps", [True, False])
def test_indicators_only_where_there_are_gaps(gaps):
    """Converters to PMML expect an indicator of each column, if there are any."""
    frame, y = mixed_table(400, 0)
    frame[NUMBERS] = frame[NUMBERS].fillna(0.0)
    if gaps:
        frame.loc[::7, NUMBERS[0]] = np.nan
    model = assert_same(fitted(frame, y), frame)
    numbers = model[0].named_transformers_["numbers"]
    assert numbers[0].add_indicator == gaps
    assert numbers[1].n_features_in_ == len(NUMBERS) + gaps

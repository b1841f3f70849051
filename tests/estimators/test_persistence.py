"""save and load, skops, pickle."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skmlp import SoftmaxMLPClassifier, load, save

X, y = load_iris(return_X_y=True)


def fitted(labels=("setosa", "versicolor", "virginica"), **params):
    clf = SoftmaxMLPClassifier(**{"units": 5, "epochs": 3, "random_state": 0, **params})
    return clf.fit(X, np.asarray(labels)[y % len(labels)])


@pytest.mark.parametrize(
    "labels", [["a", "b", "c"], [3, -1], [True, False], [1.0, 2.0, 3.0], ["only"], ["가", "나"]]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_loaded_model_equals_saved_model(tmp_path, labels, dtype):
    clf = fitted(labels, dtype=dtype)
    path = tmp_path / "exactly this path"
    save(clf, path)
    loaded = load(path)
    assert loaded.get_params() == clf.get_params()
    assert loaded.history_ == clf.history_
    assert loaded.theta_.dtype == clf.theta_.dtype
    assert vars(loaded).keys() == vars(clf).keys()
    np.testing.assert_array_equal(loaded.theta_, clf.theta_)
    np.testing.assert_array_equal(loaded.classes_, clf.classes_)
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    np.testing.assert_array_equal(loaded.predict(X), clf.predict(X))
    loaded.fit(X, y)  # it can be trained again


def test_parameter_types_are_kept(tmp_path):
    params = {
        "units": [8, 6],
        "activation": ["tanh", "gelu"],
        "batch_size": np.int64(50),
        "l2": np.float32(0.5),
        "schedule": "cosine",
        "solver": "sgd",
        "class_weight": {"setosa": np.float32(2), "virginica": 1},
        "dropout": [0.0, 0.5, 0.25],
        "early_stopping": True,
        "n_iter_no_change": np.inf,
        "validation_fraction": 20,
        "random_state": None,
        "verbose": False,
    }
    clf = fitted(**params)
    save(clf, tmp_path / "m")
    loaded = load(tmp_path / "m")
    expected = {**clf.get_params(), "units": (8, 6), "activation": ("tanh", "gelu")}
    expected["dropout"] = (0.0, 0.5, 0.25)
    assert loaded.get_params() == expected
    assert loaded.best_epoch_ == clf.best_epoch_ is not None
    assert loaded.best_validation_score_ == clf.best_validation_score_
    np.testing.assert_array_equal(loaded.class_weight_, [2, 1, 1])


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_partial_fit_after_load(tmp_path, container):
    rows, labels = container(X), y
    clf = SoftmaxMLPClassifier(units=5, epochs=3, standardize=True, random_state=0)
    save(clf.fit(rows, labels), tmp_path / "m")
    part = slice(30, 120)
    first, second = (
        model.partial_fit(rows[part], labels[part]) for model in (clf, load(tmp_path / "m"))
    )
    np.testing.assert_array_equal(first.theta_, second.theta_)


def test_feature_names_are_kept(tmp_path):
    frame = pd.DataFrame(X, columns=list("abcd"))
    clf = SoftmaxMLPClassifier(epochs=1).fit(frame, y)
    save(clf, tmp_path / "m")
    np.testing.assert_array_equal(load(tmp_path / "m").feature_names_in_, list("abcd"))
    np.testing.assert_array_equal(
        load(tmp_path / "m").predict_proba(frame), clf.predict_proba(frame)
    )


def test_object_labels_are_stored_as_str(tmp_path):
    clf = fitted(np.array(["a", "b", "c"], dtype=object))
    save(clf, tmp_path / "m")
    assert load(tmp_path / "m").predict(X).tolist() == clf.predict(X).tolist()


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"schedule": lambda f: 1 - f}, "schedule"),
        ({"random_state": np.random.RandomState(0)}, "random"),
    ],
)
def test_values_that_need_pickle_raise(tmp_path, params, name):
    with pytest.raises(ValueError, match=f"{name}.*cannot be saved without pickle"):
        save(fitted(**params), tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_save_of_invalid_estimators_raises(tmp_path):
    with pytest.raises(NotFittedError):
        save(SoftmaxMLPClassifier(), tmp_path / "m")
    with pytest.raises(TypeError, match=r"must be a .*, got Pipeline\. .* as clf\[-1\]"):
        save(make_pipeline(SoftmaxMLPClassifier()), tmp_path / "m")
    with pytest.raises(TypeError, match=r"got GridSearchCV\. .* of a search best_estimator_"):
        save(GridSearchCV(SoftmaxMLPClassifier(), {"units": [3, 4]}), tmp_path / "m")


def test_skops():
    skops = pytest.importorskip("skops.io")
    for params in (
        {},
        {"standardize": False},
        {"early_stopping": True, "class_weight": "balanced"},
    ):
        clf = fitted(**params)
        written = skops.dumps(clf)
        types = skops.get_untrusted_types(data=written)
        assert types == ["skmlp.estimators.classifier.SoftmaxMLPClassifier"]
        read = skops.loads(written, trusted=types)
        np.testing.assert_array_equal(read.predict_proba(X), clf.predict_proba(X))


def test_pickle_size():
    clf = fitted(units=2000, dtype="float32")
    assert len(pickle.dumps(clf)) < 1.1 * clf.theta_.nbytes

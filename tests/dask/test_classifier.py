"""DaskSoftmaxMLPClassifier as an estimator of scikit-learn."""

import dask.dataframe as dd
import numpy as np
import pytest
from sklearn.base import clone

from skmlp import SoftmaxMLPClassifier, load, save
from skmlp.dask import DaskSoftmaxMLPClassifier
from tests.dask.arrays import X, Y, cut, frames


def test_data_frames():
    frame, target = frames()
    clf = DaskSoftmaxMLPClassifier(8, solver="lbfgs", n_shards=2).fit(frame, target)
    assert clf.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert clf.classes_.tolist() == ["x", "y", "z"]
    labels = clf.predict(frame)
    assert isinstance(labels, dd.Series)
    assert labels.compute().index.equals(frame.compute().index)
    proba = clf.predict_proba(frame).compute()
    assert proba.columns.tolist() == ["x", "y", "z"]
    np.testing.assert_allclose(proba, clf.to_local().predict_proba(frame.compute()))
    assert clf.hidden_activations(frame).compute().shape == (150, 8)
    assert clf.score(frame, target) > 0.9
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict(frame.rename(columns={"a": "e"})).compute()


def test_scikit_learn_interface():
    clf = DaskSoftmaxMLPClassifier(7, l2=0.5, n_shards=2)
    assert repr(clf) == "DaskSoftmaxMLPClassifier(l2=0.5, n_shards=2, units=7)"
    assert clone(clf).get_params() == clf.get_params()
    ours = set(clf.get_params()) - set(SoftmaxMLPClassifier().get_params())
    assert ours == {"n_shards", "rounds_per_epoch"}
    assert clf.set_params(l2=0.1, rounds_per_epoch=2).l2 == 0.1
    local = clf.to_local()
    assert type(local) is SoftmaxMLPClassifier
    assert not hasattr(local, "theta_")
    clf.fit(*cut(X, Y))
    assert (clf.to_local().predict(X) == clf.predict(cut(X)[0]).compute()).all()
    np.testing.assert_allclose(
        clf.decision_function(cut(X)[0]), clf.to_local().decision_function(X)
    )
    np.testing.assert_allclose(
        clf.predict_log_proba(cut(X)[0]), clf.to_local().predict_log_proba(X)
    )
    hidden = clf.hidden_activations(cut(X)[0], 0)
    assert hidden.shape == (150, 7)
    np.testing.assert_allclose(hidden, clf.to_local().hidden_activations(X))
    assert clf.n_features_in_ == 4
    assert not hasattr(clf, "feature_names_in_")
    with pytest.raises(ValueError, match="layer must be"):
        clf.hidden_activations(cut(X)[0], 1)


def test_save_and_convert_the_local_model(tmp_path):
    clf = DaskSoftmaxMLPClassifier(4, activation="relu", n_shards=2, random_state=0)
    clf.fit(*cut(X, Y))
    with pytest.raises(TypeError, match=r"to_local\(\)"):
        save(clf, tmp_path / "model")
    save(clf.to_local(), tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").theta_, clf.theta_)
    np.testing.assert_allclose(clf.to_sklearn().predict_proba(X), clf.predict_proba(X), rtol=1e-5)


def test_incremental_of_dask_ml():
    wrappers = pytest.importorskip("dask_ml.wrappers", reason="dask-ml is not installed")
    clf = wrappers.Incremental(SoftmaxMLPClassifier(random_state=0))
    for _ in range(20):
        clf.partial_fit(*cut(X, Y), classes=np.arange(3))
    assert clf.score(*cut(X, Y)) > 0.9

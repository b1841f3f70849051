"""Predictions on Dask collections."""

import dask.dataframe as dd
import numpy as np
import pytest

from skmlp.dask import DaskSoftmaxMLPClassifier
from tests.dask.arrays import X, Y, cut, frames


def test_predictions_of_empty_blocks():
    clf = DaskSoftmaxMLPClassifier(4, n_shards=2).fit(*cut(X, Y))
    rows, numbers = cut(X, np.arange(150))
    few = rows[(numbers < 40) | (numbers >= 103)]
    for method, shape in {
        "predict": (), "predict_proba": (3,), "predict_log_proba": (3,), "decision_function": (3,),
        "hidden_activations": (4,),
    }.items():  # fmt: skip
        answers = getattr(clf, method)
        expected = np.delete(np.asarray(answers(X)), np.arange(40, 103), axis=0)
        np.testing.assert_allclose(answers(few).compute(), expected, rtol=1e-6)
        assert answers(rows[:0]).compute().shape == (0, *shape)


def test_binary_decision_function():
    clf = DaskSoftmaxMLPClassifier(4, n_shards=2).fit(*cut(X, Y == 1))
    decisions = clf.decision_function(cut(X)[0])
    assert decisions.shape == (150,)
    np.testing.assert_allclose(decisions, clf.to_local().decision_function(X))
    frame = frames()[0].rename(columns=dict(zip("abcd", "efgh", strict=True)))
    clf.fit(frame, dd.from_dask_array(cut(Y == 1, chunks=(50, 50, 50))[0]))
    assert clf.decision_function(frame).compute().shape == (150,)


def test_predictions_are_lazy():
    clf = DaskSoftmaxMLPClassifier(4, n_shards=2).fit(*cut(X, Y))

    def never(block):
        raise RuntimeError("computed")

    lazy = clf.predict(cut(X)[0].map_blocks(never, dtype=float, meta=np.empty((0, 0))))
    with pytest.raises(RuntimeError, match="computed"):
        lazy.compute()


def test_labels_that_are_missing_or_of_mixed_kinds():
    names = Y.astype(str).astype(object)
    clf = DaskSoftmaxMLPClassifier((4,), epochs=1).fit(*cut(X, names))
    for wrong, match in ((None, r"1 of .* labels are missing in one part"), (1, "mixes strings")):
        labels = names.copy()
        labels[5] = wrong
        with pytest.raises(ValueError, match=match):
            clf.score(*cut(X, labels))

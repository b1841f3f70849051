"""scikit-learn's search takes over each fit that was trained, and no other."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

from skmlp import (
    PopulationGridSearchCV,
    SoftmaxMLPClassifier,
    SoftmaxMLPEnsembleClassifier,
)
from skmlp.model_selection.candidate_fits import CandidateFits

X, y = load_iris(return_X_y=True)


def net():
    return SoftmaxMLPClassifier(4, epochs=3, random_state=0)


@pytest.fixture
def reordered(monkeypatch):
    """Change the order in which fits are taken over."""

    def change(order):
        run = CandidateFits.run

        def run_and_reorder(self, *args):
            run(self, *args)
            fits = list(self._queue)
            self._queue.clear()
            self._queue.extend(fits[i] for i in order)

        monkeypatch.setattr(CandidateFits, "run", run_and_reorder)

    return change


@pytest.mark.parametrize("error_score", [np.nan, "raise"])
def test_another_order_of_candidates_is_an_error(reordered, error_score):
    reordered([3, 4, 5, 0, 1, 2])
    search = PopulationGridSearchCV(net(), {"l2": [0.0, 10.0]}, cv=3, error_score=error_score)
    with pytest.raises(RuntimeError, match=r"l2=0\.0 where .* l2=10\.0"):
        search.fit(X, y)
    assert not hasattr(search, "best_params_")


@pytest.mark.parametrize("estimator", [net(), make_pipeline(PCA(2), net())])
def test_another_order_of_splits_is_an_error(reordered, estimator):
    reordered([2, 1, 0])
    name = (
        "softmaxmlpclassifier__l2" if "softmaxmlpclassifier__l2" in estimator.get_params() else "l2"
    )
    search = PopulationGridSearchCV(estimator, {name: [0.0]}, cv=3)
    with pytest.raises(RuntimeError, match="other rows than those of the expected split"):
        search.fit(X, y)


def test_a_reversed_order_is_an_error(reordered):
    reordered(range(5, -1, -1))
    with pytest.raises(RuntimeError, match="in another order than skmlp expects"):
        PopulationGridSearchCV(net(), {"l2": [0.0, 10.0]}, cv=3).fit(X, y)


@pytest.mark.parametrize(
    ("order", "message"),
    [([1, 0, 2, 3], "other rows than those"), ([2, 3, 0, 1], r"estimator__l2=0\.0 where")],
)
def test_another_order_of_ensembles_is_an_error(reordered, order, message):
    reordered(order)
    ensemble = SoftmaxMLPEnsembleClassifier(net(), 2, random_state=0)
    with pytest.raises(RuntimeError, match=message):
        PopulationGridSearchCV(ensemble, {"estimator__l2": [0.0, 10.0]}, cv=2).fit(X, y)

"""scikit-learn's feature selection, with the importances that docs/works_with.rst shows."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.inspection import permutation_importance
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import SoftmaxMLPClassifier
from tests.works_with.recipes import column_importances


@pytest.fixture
def informative():
    """The first 4 of 12 columns say the class; all have other units, and two have gaps."""
    X, y = make_classification(
        2000, 12, n_informative=4, n_redundant=0, shuffle=False, random_state=0
    )
    X *= 10.0 ** (np.arange(12) % 7 - 3)
    X[::10, [1, 10]] = np.nan
    return X, y


@pytest.fixture
def network():
    return SoftmaxMLPClassifier(units=32, epochs=10, random_state=0)


def test_importances_are_sums_over_the_rows_of_each_column(informative, network):
    pipeline = make_pipeline(StandardScaler(), network).fit(*informative)
    clf = pipeline[-1]
    importances = column_importances(pipeline)
    squares = (clf.coefs_[0] ** 2).sum(axis=1)
    names = clf.encoded_feature_names_.tolist()
    own = [names.index(name) for name in ("x1", "missingindicator_x1", "x1_bin0")]
    own += [names.index(f"x1_bin{k}") for k in range(1, sum("x1_bin" in name for name in names))]
    assert len(importances) == 12 < len(names)
    np.testing.assert_allclose(importances[1], squares[own].sum())
    np.testing.assert_allclose(importances.sum(), squares.sum())


def test_recursive_elimination_keeps_the_informative_columns(informative, network):
    pipeline = make_pipeline(StandardScaler(), network)
    rfe = RFE(pipeline, n_features_to_select=4, step=4, importance_getter=column_importances)
    assert rfe.fit(*informative).get_support(indices=True).tolist() == [0, 1, 2, 3]


def test_selection_by_permutation_takes_tables(network):
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "town": rng.choice(["Bonn", "Kiel", None], 600),
            "street": rng.choice(["A", "B", "C"], 600),
            "age": rng.integers(18, 90, 600),
            "income": rng.choice([1200.0, 2500.0, np.nan], 600),
        }
    )
    y = (X["town"] == "Kiel") ^ (X["age"] < 50)

    def importances(clf):
        found = permutation_importance(clf, X[400:], y[400:], scoring="neg_log_loss")
        return found.importances_mean

    selector = SelectFromModel(network, threshold=0.01, importance_getter=importances)
    selected = selector.set_output(transform="pandas").fit_transform(X[:400], y[:400])
    pd.testing.assert_frame_equal(selected, X.loc[:399, ["town", "age"]])

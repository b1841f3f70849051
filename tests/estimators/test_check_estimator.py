"""check_estimator of scikit-learn in several configurations."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlp import SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier
from tests.plain import PLAIN

NO_PARTIAL_FIT = dict.fromkeys(
    [
        "check_estimators_partial_fit_n_features",
        "check_fit_score_takes_y",
        "check_n_features_in_after_fitting",
    ],
    "partial_fit does not support early_stopping=True, as in MLPClassifier",
)
SAME_WEIGHTS = [
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
]
# Sums of float32 have other rounding errors if a row is at another place of a matrix product.
# Whether these are more than 1e-7 depends on the processor.
SAME_ROWS = ["check_methods_sample_order_invariance", "check_methods_subset_invariance"]


def expected_failures(estimator):
    """Return the expected failures of a configuration, with reasons."""
    if isinstance(estimator, SoftmaxMLPEnsembleClassifier):
        return {}
    expected = dict(NO_PARTIAL_FIT) if estimator.early_stopping is True else {}
    if estimator.early_stopping is True:
        reason = "validation splits differ for repeated and weighted rows"
        expected |= dict.fromkeys(SAME_WEIGHTS, reason)
    if estimator.dtype == "float32":
        reason = "the tolerance of 1e-7 is too small for float32"
        expected |= dict.fromkeys(SAME_WEIGHTS, reason)
    return expected


@parametrize_with_checks(
    [
        SoftmaxMLPClassifier(),
        SoftmaxMLPEnsembleClassifier(SoftmaxMLPClassifier(60, epochs=40), 3),
        # With more iterations, rounding differences lead to different minima.
        SoftmaxMLPClassifier(solver="lbfgs", epochs=25),
        SoftmaxMLPClassifier(**PLAIN),
        SoftmaxMLPClassifier(early_stopping=True),
    ],
    expected_failed_checks=expected_failures,
)
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [
        SoftmaxMLPClassifier(solver="sgd"),
        SoftmaxMLPClassifier(standardize=False),
        SoftmaxMLPClassifier(schedule="adaptive"),
        SoftmaxMLPClassifier(dtype="float32"),
    ],
    expected_failed_checks=expected_failures,
)
def test_more_configurations(estimator, check):
    if estimator.dtype == "float32" and check.func.__name__ in SAME_ROWS:
        pytest.skip("test_predictions_of_single_rows_in_float32 has a tolerance for float32")
    check(estimator)


def test_predictions_of_single_rows_in_float32(rng):
    X, y = load_iris(return_X_y=True)
    clf = SoftmaxMLPClassifier(dtype="float32", random_state=0).fit(X, y)
    order = rng.permutation(len(X))
    for predict in (clf.decision_function, clf.predict_proba, clf.predict_log_proba):
        expected = predict(X)
        np.testing.assert_allclose(predict(X[order]), expected[order], rtol=1e-5, atol=1e-5)
        rows = np.vstack([predict(row[None]) for row in X])
        np.testing.assert_allclose(rows, expected, rtol=1e-5, atol=1e-5)

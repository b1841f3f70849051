"""check_estimator of scikit-learn in several configurations."""

import pytest
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
    check(estimator)

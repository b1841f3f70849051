"""What scikit-learn asks of every estimator, of ours in several configurations."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlp import SoftmaxMLPClassifier
from tests.plain import PLAIN

NO_PARTIAL_FIT = dict.fromkeys(
    [
        "check_estimators_partial_fit_n_features",
        "check_fit_score_takes_y",
        "check_n_features_in_after_fitting",
    ],
    "partial_fit refuses early_stopping=True, in the words of MLPClassifier",
)
SAME_WEIGHTS = [
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
]
EXPECTED = {
    "early_stopping": NO_PARTIAL_FIT
    | dict.fromkeys(SAME_WEIGHTS, "repeated rows are set aside one by one, heavy rows whole"),
    "float32": dict.fromkeys(SAME_WEIGHTS, "asks for 1e-7, which is more than float32 has"),
}


def expected_failures(estimator):
    """Return the checks that an estimator's configuration contradicts, and why."""
    name = "early_stopping" if estimator.early_stopping else estimator.dtype
    return EXPECTED.get(name, {})


@parametrize_with_checks(
    [
        SoftmaxMLPClassifier(),
        SoftmaxMLPClassifier(solver="sgd"),
        # Of more iterations, two that differ in the last bit end in different minima.
        SoftmaxMLPClassifier(solver="lbfgs", epochs=25),
        SoftmaxMLPClassifier(standardize=False),
        SoftmaxMLPClassifier(schedule="adaptive"),
        SoftmaxMLPClassifier(**PLAIN),
        SoftmaxMLPClassifier(early_stopping=True),
        SoftmaxMLPClassifier(dtype="float32"),
    ],
    expected_failed_checks=expected_failures,
)
def test_check_estimator(estimator, check):
    check(estimator)

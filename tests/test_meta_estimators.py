"""scikit-learn's meta-estimators: each works, and scores like one around LogisticRegression."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFE, SelectFromModel, SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from skmlp import SoftmaxMLPClassifier

X, y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
TEST = np.arange(len(y)) % 3 == 0
BINARY = (y == 2).astype(int)
SEVERAL = np.column_stack([y == 1, y == 2]).astype(int)
PARTLY = np.where(np.arange(len(y)) % 2, y, -1)


def weights(estimator):
    """The sum of the magnitudes of each feature's weights."""
    coef = estimator.coef_.T if hasattr(estimator, "coef_") else estimator.coefs_[0]
    return np.abs(coef).sum(axis=1)


def accuracy(make, y=y, y_test=None):
    """Ask for the accuracy on the test rows of what is made of an estimator."""

    def score(estimator):
        fitted = make(estimator).fit(X[~TEST], y[~TEST])
        return accuracy_score((y if y_test is None else y_test)[TEST], fitted.predict(X[TEST]))

    return score


def grid(estimator):
    """A parameter of the estimator, and its values."""
    return {"l2": [0.0, 0.01]} if hasattr(estimator, "l2") else {"C": [1.0, 10.0]}


def of_curve(curve, *args, **kwargs):
    return lambda estimator: curve(estimator, X, y, *args, cv=3, **kwargs)[-1].mean()


QUESTIONS = {
    "AdaBoost": accuracy(lambda e: AdaBoostClassifier(e, n_estimators=3, random_state=0)),
    "Bagging": accuracy(lambda e: BaggingClassifier(e, 3, random_state=0)),
    "Bagging of features": accuracy(
        lambda e: BaggingClassifier(e, 4, max_features=0.75, oob_score=False, random_state=0)
    ),
    "Calibrated, sigmoid": accuracy(lambda e: CalibratedClassifierCV(e, cv=3)),
    "Calibrated, isotonic": accuracy(lambda e: CalibratedClassifierCV(e, method="isotonic", cv=3)),
    "Calibrated, one": accuracy(lambda e: CalibratedClassifierCV(e, cv=3, ensemble=False)),
    "Calibrated, frozen": accuracy(
        lambda e: CalibratedClassifierCV(FrozenEstimator(e.fit(X[~TEST], y[~TEST])))
    ),
    "ClassifierChain": accuracy(lambda e: ClassifierChain(e, cv=3), SEVERAL),
    "MultiOutput": accuracy(MultiOutputClassifier, SEVERAL),
    "FixedThreshold": accuracy(lambda e: FixedThresholdClassifier(e, threshold=0.4), BINARY),
    "TunedThreshold": accuracy(lambda e: TunedThresholdClassifierCV(e, cv=3), BINARY),
    "GridSearch": accuracy(lambda e: GridSearchCV(e, grid(e), cv=3)),
    "RandomizedSearch": accuracy(lambda e: RandomizedSearchCV(e, grid(e), n_iter=2, cv=3)),
    "HalvingGridSearch": accuracy(lambda e: HalvingGridSearchCV(e, grid(e), cv=2, random_state=0)),
    "OneVsOne": accuracy(OneVsOneClassifier),
    "OneVsRest": accuracy(OneVsRestClassifier),
    "OneVsRest of many labels": accuracy(OneVsRestClassifier, SEVERAL),
    "OutputCode": accuracy(lambda e: OutputCodeClassifier(e, code_size=3, random_state=0)),
    "Pipeline": accuracy(lambda e: make_pipeline(MinMaxScaler(), e)),
    "Pipeline in a pipeline": accuracy(
        lambda e: make_pipeline(
            FeatureUnion([("a", MinMaxScaler()), ("b", "passthrough")]), make_pipeline(e)
        )
    ),
    "RFE": accuracy(lambda e: RFE(e, n_features_to_select=2, importance_getter=weights)),
    "SelectFromModel": accuracy(
        lambda e: make_pipeline(
            SelectFromModel(e, max_features=2, threshold=-np.inf, importance_getter=weights),
            clone(e),
        )
    ),
    "SequentialFeatureSelector": accuracy(
        lambda e: make_pipeline(SequentialFeatureSelector(e, n_features_to_select=1, cv=2), e)
    ),
    "SelfTraining": accuracy(lambda e: SelfTrainingClassifier(e), PARTLY, y),
    "Stacking": accuracy(
        lambda e: StackingClassifier([("a", e), ("b", LogisticRegression())], clone(e), cv=3)
    ),
    "Voting, hard": accuracy(lambda e: VotingClassifier([("a", e), ("b", clone(e))])),
    "Voting, soft": accuracy(
        lambda e: VotingClassifier([("a", e), ("b", LogisticRegression())], voting="soft")
    ),
    "cross_val_predict": lambda e: accuracy_score(y, cross_val_predict(e, X, y, cv=3)),
    "cross_val_predict, proba": lambda e: roc_auc_score(
        y, cross_val_predict(e, X, y, cv=3, method="predict_proba"), multi_class="ovr"
    ),
    "cross_validate": lambda e: cross_validate(
        e, X, y, cv=3, scoring=["accuracy", "neg_log_loss"], return_train_score=True
    )["test_accuracy"].mean(),
    "learning_curve": of_curve(learning_curve, train_sizes=[90], shuffle=True, random_state=0),
    "validation_curve": lambda e: validation_curve(
        e, X, y, param_name=next(iter(grid(e))), param_range=[1e-3, 1e-2], cv=3
    )[0].mean(),
    "permutation_test_score": lambda e: permutation_test_score(
        e, X, y, cv=2, n_permutations=2, random_state=0
    )[0],
    "permutation_importance": lambda e: float(
        permutation_importance(e.fit(X, y), X, y, n_repeats=2, random_state=0)
        .importances_mean[2:]
        .sum()
        > 0.2
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_answer_is_like_that_around_logistic_regression(question):
    ask = QUESTIONS[question]
    ours = ask(SoftmaxMLPClassifier(8, epochs=80, learning_rate=0.02, random_state=0))
    theirs = ask(LogisticRegression())
    assert np.isfinite(ours)
    assert ours >= theirs - 0.061  # three of the 50 test rows

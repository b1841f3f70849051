"""Metadata routing: validation sets and weights in scikit-learn's meta-estimators."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.metrics import accuracy_score, get_scorer
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import SoftmaxMLPClassifier
from tests.plain import PLAIN

N, N_VAL = 200, 90


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


@pytest.fixture(scope="module")
def rows():
    """X, y and w of the training rows and of the validation rows."""
    X, y = load_digits(return_X_y=True)
    w = np.random.RandomState(0).uniform(0.2, 2, size=len(y))
    train, val = slice(0, N), slice(N, N + N_VAL)
    return (X[train], y[train], w[train]), (X[val], y[val], w[val])


def quick(**params):
    return SoftmaxMLPClassifier(**{**PLAIN, "units": 8, "epochs": 3, "random_state": 0, **params})


def requesting(clf, *names):
    return clf.set_fit_request(**dict.fromkeys(names, True))


def scaled(clf, **requests):
    """Return a pipeline that transforms X_val; the scaler requests no weights."""
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    return Pipeline([("scale", scaler), ("clf", clf)], transform_input=["X_val"], **requests)


def assert_same_fit(clf, other):
    np.testing.assert_array_equal(clf.theta_, other.theta_)
    histories = [{k: v for k, v in c.history_.items() if k != "seconds"} for c in (clf, other)]
    assert histories[0] == histories[1]
    assert clf.best_epoch_ == other.best_epoch_


class Recording(SoftmaxMLPClassifier):
    """Records the arguments of fit."""

    def fit(
        self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None
    ):  # fmt: skip
        self.given_ = {
            "X": X, "sample_weight": sample_weight,
            "X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val,
        }  # fmt: skip
        return super().fit(
            X, y, sample_weight, X_val=X_val, y_val=y_val, sample_weight_val=sample_weight_val
        )


def recorded(**requests):
    clf = Recording(units=3, epochs=1, random_state=0)
    return clf.set_fit_request(**requests) if requests else clf


# Requests


def test_metadata_requests():
    request = SoftmaxMLPClassifier().get_metadata_routing()
    assert set(request.fit.requests) == {"sample_weight", "X_val", "y_val", "sample_weight_val"}
    assert set(request.partial_fit.requests) == {"classes", "sample_weight"}
    assert set(request.score.requests) == {"sample_weight"}
    assert set(request.fit.requests.values()) == {None}


@pytest.mark.usefixtures("routing")
def test_requests_are_cloned():
    clf = requesting(quick(), "X_val", "y_val")
    copied = clone(clf).get_metadata_routing().fit.requests
    assert copied == {
        "X_val": True,
        "y_val": True,
        "sample_weight": None,
        "sample_weight_val": None,
    }


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("metadata", ["sample_weight", "X_val"])
def test_unrequested_metadata_raises(rows, metadata):
    (X, y, w), _ = rows
    search = GridSearchCV(quick(), {"l2": [0.0]}, cv=2)
    with pytest.raises(UnsetMetadataPassedError, match=rf"\[{metadata}\] are passed but"):
        search.fit(X, y, **{metadata: w})


@pytest.mark.usefixtures("routing")
def test_fit_needs_no_request(rows):
    (X, y, w), (X_val, y_val, w_val) = rows
    given = {"sample_weight": w, "X_val": X_val, "y_val": y_val, "sample_weight_val": w_val}
    clf = quick().fit(X, y, **given)
    with config_context(enable_metadata_routing=False):
        assert_same_fit(clf, quick().fit(X, y, **given))


# Pipeline


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"early_stopping": True, "epochs": 60, "learning_rate": 0.05, "n_iter_no_change": 3},
        {"early_stopping": True, "scoring": "f1_macro", "epochs": 6},
        {"solver": "lbfgs", "early_stopping": True, "n_iter_no_change": 2, "epochs": 40},
    ],
)
def test_pipeline_transforms_X_val(rows, params):
    (X, y, _), (X_val, y_val, _) = rows
    pipeline = scaled(requesting(quick(**params), "X_val", "y_val"))
    pipeline.fit(X, y, X_val=X_val, y_val=y_val)
    scaler = StandardScaler().fit(X)
    expected = quick(**params).fit(
        scaler.transform(X), y, X_val=scaler.transform(X_val), y_val=y_val
    )
    assert_same_fit(pipeline[-1], expected)
    assert expected.stop_reason_ == ("early_stopping" if params.get("epochs", 0) > 9 else "epochs")
    if "scoring" in params:
        best = get_scorer(params["scoring"])(pipeline, X_val, y_val)
        assert best == expected.best_validation_score_


@pytest.mark.usefixtures("routing")
def test_pipeline_passes_all_weights(rows):
    (X, y, w), (X_val, y_val, w_val) = rows
    given = {"sample_weight": w, "y_val": y_val, "sample_weight_val": w_val}
    pipeline = scaled(requesting(quick(), "X_val", *given)).fit(X, y, X_val=X_val, **given)
    scaler = StandardScaler().fit(X)
    expected = quick().fit(scaler.transform(X), y, X_val=scaler.transform(X_val), **given)
    assert_same_fit(pipeline[-1], expected)
    for name in ("sample_weight", "sample_weight_val"):
        without = {key: value for key, value in given.items() if key != name}
        other = quick().fit(scaler.transform(X), y, X_val=scaler.transform(X_val), **without)
        assert other.validation_loss_curve_ != expected.validation_loss_curve_


@pytest.mark.usefixtures("routing")
def test_feature_names_after_set_output(rows):
    (X, y, _), (X_val, y_val, _) = rows
    X, X_val = (pd.DataFrame(part).add_prefix("pixel") for part in (X, X_val))
    pipeline = scaled(requesting(quick(), "X_val", "y_val"))
    pipeline[0].set_output(transform="pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pipeline.fit(X, y, X_val=X_val, y_val=y_val)
        pipeline.predict(X_val)
    assert pipeline[-1].feature_names_in_[0] == "pixel0"
    assert pipeline.score(X_val, y_val) == pipeline[-1].validation_scores_[-1]


@pytest.mark.usefixtures("routing")
def test_request_alias(rows):
    (X, y, w), _ = rows
    pipeline = Pipeline([("clf", quick().set_fit_request(sample_weight="importance"))])
    pipeline.fit(X, y, importance=w)
    assert_same_fit(pipeline[-1], quick().fit(X, y, sample_weight=w))


def test_pipeline_step_parameters_without_routing(rows):
    (X, y, w), (X_val, y_val, w_val) = rows
    pipeline = Pipeline([("scale", StandardScaler()), ("clf", quick())])
    scaler = StandardScaler().fit(X)
    X_val = scaler.transform(X_val)  # not transformed by the pipeline
    given = {"sample_weight": w, "X_val": X_val, "y_val": y_val, "sample_weight_val": w_val}
    pipeline.fit(X, y, **{f"clf__{name}": value for name, value in given.items()})
    assert_same_fit(pipeline[-1], quick().fit(scaler.transform(X), y, **given))


# Searches and cross-validation


@pytest.mark.usefixtures("routing")
def test_search_passes_the_validation_set_to_every_fit(rows):
    (X, y, w), (X_val, y_val, w_val) = rows
    names = ("sample_weight", "X_val", "y_val", "sample_weight_val")
    params = {"early_stopping": True, "epochs": 30, "learning_rate": 0.05, "n_iter_no_change": 2}
    pipeline = scaled(requesting(quick(**params), *names))
    scorer = get_scorer("accuracy").set_score_request(sample_weight=True)
    search = GridSearchCV(pipeline, {"clf__l2": [0.0, 0.1]}, cv=KFold(2), scoring=scorer)
    search.fit(X, y, sample_weight=w, X_val=X_val, y_val=y_val, sample_weight_val=w_val)

    def expected(rows, l2):
        scaler = StandardScaler().fit(X[rows])
        clf = quick(**params, l2=l2).fit(
            scaler.transform(X[rows]), y[rows], w[rows],
            X_val=scaler.transform(X_val), y_val=y_val, sample_weight_val=w_val,
        )  # fmt: skip
        return clf, scaler

    for fold, (train, test) in enumerate(KFold(2).split(X)):
        for candidate, l2 in enumerate([0.0, 0.1]):
            clf, scaler = expected(train, l2)
            score = clf.score(scaler.transform(X[test]), y[test], sample_weight=w[test])
            assert search.cv_results_[f"split{fold}_test_score"][candidate] == score
    refitted, _ = expected(np.arange(N), search.best_params_["clf__l2"])
    assert_same_fit(search.best_estimator_[-1], refitted)


class KeepsFits:
    """A scorer that records the estimators."""

    def __init__(self):
        self.estimators = []

    def __call__(self, estimator, X, y, sample_weight=None):
        self.estimators.append(estimator)
        return 0.0


def by_search(clf, X, y, given):
    keep = KeepsFits()
    search = GridSearchCV(clf, {"l2": [0.0]}, cv=KFold(2), scoring=keep).fit(X, y, **given)
    return [*keep.estimators, search.best_estimator_]


def by_cross_validation(clf, X, y, given):
    keep = KeepsFits()
    cross_validate(clf, X, y, params=given, cv=KFold(2), scoring=keep)
    return keep.estimators


@pytest.mark.parametrize("meta", [by_search, by_cross_validation])
@pytest.mark.parametrize("enabled", [False, True])
def test_meta_estimators_split_a_validation_set_as_long_as_X(rows, meta, enabled):
    """scikit-learn splits any argument that has as many rows as X.

    X_val, y_val and sample_weight_val are split in the same way.
    """
    (X, y, w), _ = rows
    with config_context(enable_metadata_routing=enabled):
        names = ("X_val", "y_val", "sample_weight_val")
        clf = recorded(**dict.fromkeys(names, True)) if enabled else recorded()
        for n_val in (N - 1, N, N + 1):
            X_val, y_val, w_val = (np.resize(a[::-1], (n_val, *a.shape[1:])) for a in (X, y, w))
            given = {"X_val": X_val, "y_val": y_val, "sample_weight_val": w_val}
            fits = meta(clf, X, y, given)
            for fitted, (train, _) in zip(fits[:2], KFold(2).split(X), strict=True):
                part = train if n_val == N else slice(None)
                for name, value in given.items():
                    np.testing.assert_array_equal(fitted.given_[name], value[part])
            if meta is by_search:
                assert len(fits[-1].given_["X_val"]) == n_val


@pytest.mark.usefixtures("routing")
def test_cross_validate_with_weights_in_fit_and_score(rows):
    (X, y, w), _ = rows
    clf = requesting(quick(), "sample_weight").set_score_request(sample_weight=True)
    scores = cross_validate(clf, X, y, cv=KFold(3), params={"sample_weight": w})["test_score"]
    for score, (train, test) in zip(scores, KFold(3).split(X), strict=True):
        expected = quick().fit(X[train], y[train], sample_weight=w[train])
        assert score == expected.score(X[test], y[test], sample_weight=w[test])
        assert score == accuracy_score(y[test], expected.predict(X[test]), sample_weight=w[test])


@pytest.mark.usefixtures("routing")
def test_weights_requested_by_fit_only(rows):
    (X, y, w), _ = rows
    clf = requesting(quick(), "sample_weight").set_score_request(sample_weight=False)
    scores = cross_validate(clf, X, y, cv=KFold(2), params={"sample_weight": w})["test_score"]
    train, test = next(KFold(2).split(X))
    assert scores[0] == quick().fit(X[train], y[train], w[train]).score(X[test], y[test])


def test_search_splits_weights_without_routing(rows):
    (X, y, w), _ = rows
    keep = KeepsFits()
    search = GridSearchCV(recorded(), {"l2": [0.0]}, cv=KFold(2), scoring=keep)
    search.fit(X, y, sample_weight=w)
    for clf, (train, _) in zip(keep.estimators, KFold(2).split(X), strict=True):
        np.testing.assert_array_equal(clf.given_["sample_weight"], w[train])


# partial_fit


@pytest.mark.usefixtures("routing")
def test_weights_are_passed_to_partial_fit(rows):
    (X, y, w), _ = rows
    clf = quick().set_partial_fit_request(sample_weight=True)
    for_each_class = OneVsRestClassifier(clf)
    for part in (slice(0, 100), slice(100, 200)):
        for_each_class.partial_fit(X[part], y[part], classes=range(10), sample_weight=w[part])
    three = quick()
    for part in (slice(0, 100), slice(100, 200)):
        is_three = (y[part] == 3).astype(int)
        three.partial_fit(X[part], is_three, classes=[0, 1], sample_weight=w[part])
    assert_same_fit(for_each_class.estimators_[3], three)

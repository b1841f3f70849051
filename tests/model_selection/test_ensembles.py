"""PopulationGridSearchCV over ensembles: the results of GridSearchCV, and one population."""

import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.stats import loguniform
from sklearn import config_context
from sklearn.decomposition import PCA
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, RandomizedSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import (
    PopulationGridSearchCV,
    PopulationRandomizedSearchCV,
    SoftmaxMLPEnsembleClassifier,
)
from skmlp.model_selection import candidate_fits
from skmlp.training import jobs
from tests.interrupting import interrupted_at
from tests.model_selection.test_search import (
    NAMES,
    W,
    X,
    assert_same,
    both,
    both_with_failures,
    net,
    y,
)

GROUPS = np.arange(len(y)) // 5
TOLERANCE = 1e-9


def ensemble(n_estimators=3, *, estimator=None, **params):
    estimator = net(random_state=None) if estimator is None else estimator
    return SoftmaxMLPEnsembleClassifier(estimator, n_estimators, **{"random_state": 0} | params)


def assert_equal_searches(ours, theirs, rows=X):
    """Compare results and the refitted ensembles."""
    assert_same(ours, theirs, TOLERANCE)
    expected = theirs.predict_proba(rows)
    np.testing.assert_allclose(ours.predict_proba(rows), expected, rtol=0, atol=TOLERANCE)


POOL = {
    "n_estimators": [3, 4, 5],  # at least the folds of cv
    "cv": [None, 3, KFold(2)],
    "random_state": [0, 1],
    "estimator__units": [3, (4, 3)],
    "estimator__l2": [0.0, 0.1],
    "estimator__learning_rate": [0.003, 0.1],
    "estimator__early_stopping": [True, False],
    "estimator__n_bins": [None, 3],
    "estimator__class_weight": [None, "balanced"],
    "estimator__solver": ["adam", "sgd", "lbfgs"],
    "estimator__scoring": ["loss", "accuracy"],
    "estimator": [net(units=4), net(epochs=2, dtype="float64")],
}


@settings(max_examples=4, deadline=None)
@given(
    names=st.lists(st.sampled_from(sorted(POOL)), min_size=2, max_size=3, unique=True),
    weighted=st.booleans(),
    is_sparse=st.booleans(),
    n_jobs=st.sampled_from([None, 2]),
    data=st.data(),
)
def test_random_grids_equal_gridsearchcv(names, weighted, is_sparse, n_jobs, data):
    grid = {
        name: data.draw(st.lists(st.sampled_from(POOL[name]), min_size=1, max_size=2))
        for name in names
    }
    rows = sparse.csr_array(np.where(np.abs(X) < 1, 0, X)) if is_sparse else X
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of fits that fail, accuracy without weights
        options = {"cv": 2, "scoring": "neg_log_loss", "n_jobs": n_jobs, "refit": False}
        fit = {"sample_weight": W} if weighted else {}
        ours, theirs = both(ensemble(), grid, rows, NAMES, fit=fit, **options)
    assert_same(ours, theirs, TOLERANCE)


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("calibration", [None, "temperature"])
def test_out_of_fold_results_are_those_of_gridsearchcv(n_jobs, calibration):
    grid = {"estimator__l2": [0.0, 0.1], "cv": [2, 3]}
    model, found = ensemble(6, calibration=calibration), {}

    def scorer(fitted, X, y):
        found.setdefault(kind, []).append(
            (fitted.oof_loss_, fitted.temperature_, fitted.oof_proba_)
        )
        return fitted.score(X, y)

    for kind, jobs_of_search in ((PopulationGridSearchCV, n_jobs), (GridSearchCV, None)):
        kind(model, grid, scoring=scorer, cv=3, refit=False, n_jobs=jobs_of_search).fit(X, y)
    assert len(found[GridSearchCV]) == 12
    for ours, theirs in zip(found[PopulationGridSearchCV], found[GridSearchCV], strict=True):
        for value, expected in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(value, expected, rtol=0, atol=1e-8)


def test_refitted_ensemble():
    grid = {"estimator__units": [3, 5], "n_estimators": [2, 3]}
    ours, theirs = both(ensemble(cv=2), grid, y=NAMES)
    assert_equal_searches(ours, theirs)
    best = ours.best_estimator_
    assert type(best) is SoftmaxMLPEnsembleClassifier
    assert len(best.estimators_) == ours.best_params_["n_estimators"]
    np.testing.assert_allclose(best.oof_proba_, theirs.best_estimator_.oof_proba_, atol=1e-9)
    again = pickle.loads(pickle.dumps(ours))
    assert (again.predict(X) == ours.predict(X)).all()


def test_default_network():
    model = SoftmaxMLPEnsembleClassifier(random_state=0)
    assert_equal_searches(*both(model, {"n_estimators": [1, 2]}, cv=2))
    for kind in (PopulationGridSearchCV, GridSearchCV):
        with pytest.raises(AttributeError, match="'NoneType' object has no attribute"):
            kind(model, {"estimator__units": [2]}, cv=2).fit(X, y)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_pipelines(n_jobs):
    pipeline = Pipeline([("pca", PCA()), ("scale", StandardScaler()), ("net", ensemble(2))])
    grid = [
        {"pca__n_components": [2, 4], "net__estimator__l2": [0.0, 0.1]},
        {"net": [ensemble(2, cv=2), net(), make_pipeline(PCA(2), ensemble(3))]},
    ]
    assert_equal_searches(*both(pipeline, grid, n_jobs=n_jobs))


def test_data_frames_with_categories_and_gaps():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcdef"))
    frame["a"] = frame["a"].where(np.arange(len(y)) % 7 > 0)
    frame["g"] = pd.Categorical(np.array(["u", "v", "w", None], object)[np.arange(len(y)) % 4])
    grid = {"estimator__min_frequency": [None, 30], "cv": [None, 2], "estimator__l2": [0.0, 0.1]}
    ours, theirs = both(ensemble(), grid, frame, fit={"sample_weight": W})
    assert_equal_searches(ours, theirs, frame)
    assert ours.feature_names_in_.tolist() == list("abcdefg")


def test_categories_of_candidates():
    rows = np.column_stack([np.arange(len(y)) % 4, X])
    grid = {"estimator__categorical_features": [None, [0]], "estimator__units": [3, 4]}
    ours, theirs = both(ensemble(2), grid, rows)
    assert_equal_searches(ours, theirs, rows)
    scores = ours.cv_results_["mean_test_score"]
    assert (scores[:2] != scores[2:]).any()


def test_validation_set():
    model = ensemble(estimator=net(early_stopping=True, epochs=10), cv=2)
    grid = {"estimator__learning_rate": [0.003, 0.1], "estimator__n_iter_no_change": [1, 3]}
    fit = {"X_val": X[:31], "y_val": y[:31], "sample_weight_val": W[:31]}
    assert_equal_searches(*both(model, grid, fit=fit))


def test_groups_of_the_search_do_not_reach_the_ensemble():
    grid = {"estimator__l2": [0.0, 0.1]}
    ours, theirs = both(ensemble(cv=2), grid, cv=GroupKFold(3), fit={"groups": GROUPS})
    assert_equal_searches(ours, theirs)


def test_groups_by_metadata_routing():
    grid = {"estimator__l2": [0.0, 0.1], "cv": [2, 3]}
    fit = {"groups": GROUPS, "sample_weight": W}
    with config_context(enable_metadata_routing=True):
        model = ensemble(warm_start=True).set_fit_request(groups=True, sample_weight=True)
        model.set_score_request(sample_weight=False)
        ours, theirs = both(model, grid, cv=GroupKFold(3), fit=fit)
    assert_equal_searches(ours, theirs)
    for fold in ours.best_estimator_._repeats[0]:
        assert not set(GROUPS[fold]) & set(np.delete(GROUPS, fold))


def test_groups_in_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), ensemble())
    name = "softmaxmlpensembleclassifier"
    fit = {f"{name}__groups": GROUPS, f"{name}__sample_weight": W}
    ours, theirs = both(pipeline, {f"{name}__cv": [2, 3], f"{name}__n_estimators": [3]}, fit=fit)
    assert_equal_searches(ours, theirs)


def test_requests_of_candidates():
    """Candidates that differ only in the metadata that they request."""
    with config_context(enable_metadata_routing=True):
        for make in (net, ensemble):
            models = [make().set_fit_request(sample_weight=wanted) for wanted in (True, False)]
            pipeline = Pipeline([("scale", StandardScaler()), ("net", models[0])])
            pipeline[0].set_fit_request(sample_weight=True)
            fit = {"sample_weight": W**3}
            scoring = get_scorer("neg_log_loss").set_score_request(sample_weight=False)
            options = {"cv": 2, "refit": False, "scoring": scoring}
            ours, theirs = both(pipeline, {"net": models}, fit=fit, **options)
            assert_same(ours, theirs, TOLERANCE)
            assert np.ptp(ours.cv_results_["mean_test_score"]) > 0


def test_error_score():
    grid = {"estimator__l2": [0.0, -1.0], "n_estimators": [2, 3]}
    (ours, theirs), message = both_with_failures(ensemble(cv=3), grid)
    assert_same(ours, theirs, TOLERANCE)
    failed = np.isnan(ours.cv_results_["mean_test_score"])
    assert failed.tolist() == [True, False, True, True]
    assert "l2 must be 'auto', a finite number >= 0" in message
    assert "n_estimators=2 must be at least the number of folds of cv" in message
    with pytest.raises(ValueError, match="n_estimators must be an integer >= 1"):
        PopulationGridSearchCV(ensemble(), {"n_estimators": [0]}, error_score="raise").fit(X, y)


def test_members_that_diverge():
    model = ensemble(estimator=net(solver="sgd", schedule="constant"))
    grid = {"estimator__learning_rate": [0.01, 1e300], "n_estimators": [1, 3]}
    (ours, theirs), message = both_with_failures(model, grid)
    assert_same(ours, theirs, TOLERANCE)
    assert np.isnan(ours.cv_results_["mean_test_score"]).tolist() == [False, False, True, True]
    assert "Training diverged in epoch 1" in message


def test_failing_schedule():
    def fail(fraction):
        raise ZeroDivisionError("error of the schedule")

    grid = {"estimator__schedule": ["constant", fail], "n_estimators": [1, 3]}
    found, message = both_with_failures(ensemble(), grid)
    assert_same(*found, TOLERANCE)
    assert "6 fits failed with the following error" in message  # counted together
    assert "error of the schedule" in message


def test_an_estimator_that_is_no_network():
    grid = {"estimator": [PCA(), net()]}
    (ours, theirs), message = both_with_failures(ensemble(), grid)
    assert_same(ours, theirs, TOLERANCE)
    assert "estimator must be a SoftmaxMLPClassifier or None, got PCA" in message


def fail(*_):
    raise MemoryError


@pytest.mark.parametrize("method", ["_begin", "_finish"])
def test_lack_of_memory_is_not_the_score_of_a_candidate(monkeypatch, method):
    monkeypatch.setattr(SoftmaxMLPEnsembleClassifier, method, fail)
    with pytest.raises(MemoryError):
        PopulationGridSearchCV(ensemble(), {"estimator__l2": [0.0]}, cv=2).fit(X, y)


def test_an_error_after_training_is_that_of_its_candidate(monkeypatch):
    calibrate = SoftmaxMLPEnsembleClassifier._calibrate

    def fail_with_four(self, *args):
        if self.n_estimators == 4:
            raise ValueError("no temperature")
        calibrate(self, *args)

    monkeypatch.setattr(SoftmaxMLPEnsembleClassifier, "_calibrate", fail_with_four)
    model = ensemble(cv=2, calibration="temperature")
    found, message = both_with_failures(model, {"n_estimators": [2, 4]})
    assert_same(*found, TOLERANCE)
    assert "no temperature" in message


def test_ctrl_c(monkeypatch):
    interrupted_at(monkeypatch, 20)
    search = PopulationGridSearchCV(ensemble(), {"estimator__l2": [0.0, 0.1]}, cv=2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert not hasattr(search, "cv_results_")


def test_randomized_search():
    distributions = {"estimator__l2": loguniform(1e-5, 1e-1), "n_estimators": [2, 3]}
    ours, theirs = (
        kind(ensemble(), distributions, n_iter=4, cv=2, random_state=3).fit(X, y)
        for kind in (PopulationRandomizedSearchCV, RandomizedSearchCV)
    )
    assert_equal_searches(ours, theirs)


@pytest.mark.parametrize("rows", [X, sparse.csr_array(X)], ids=["dense", "sparse"])
def test_all_members_are_trained_by_one_call(monkeypatch, rows):
    calls, populations = [], []
    train_networks, train = candidate_fits.train_networks, jobs._train

    def count_networks(trainers, *args):
        calls.append(len(trainers))
        return train_networks(trainers, *args)

    def count_populations(trainers, *args):
        populations.append(len(trainers))
        return train(trainers, *args)

    monkeypatch.setattr(candidate_fits, "train_networks", count_networks)
    monkeypatch.setattr(jobs, "_train", count_populations)
    grid = {"estimator__l2": [0.0, 0.1], "estimator__units": [3, 4]}
    model = ensemble(4, verbose=1)
    PopulationGridSearchCV(model, grid, cv=3, refit=False).fit(rows, y)
    assert calls == [4 * 3 * 4]
    assert populations == ([24, 24] if isinstance(rows, np.ndarray) else [1] * 48)


def test_rows_are_validated_and_encoded_once_per_split(monkeypatch):
    from skmlp.model_selection import candidates

    counts = dict.fromkeys(["validate_fit_data", "encode_parts"], 0)

    def counted(name):
        function = getattr(candidates, name)

        def count(*args, **kwargs):
            counts[name] += 1
            return function(*args, **kwargs)

        return count

    for name in counts:
        monkeypatch.setattr(candidates, name, counted(name))
    grid = {"estimator__l2": [0.0, 0.1], "n_estimators": [2, 3], "cv": [None, 2]}
    PopulationGridSearchCV(ensemble(), grid, cv=3, refit=False).fit(X, y)
    assert counts == {"validate_fit_data": 3, "encode_parts": 3}

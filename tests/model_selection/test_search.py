"""PopulationGridSearchCV gives the results of GridSearchCV."""

import pickle
import re
import warnings
import weakref
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib import parallel_config
from scipy import sparse
from sklearn import clone, config_context, get_config
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    PredefinedSplit,
    RandomizedSearchCV,
    ShuffleSplit,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler
from sklearn.utils import check_random_state

from skmlp import PopulationGridSearchCV, PopulationRandomizedSearchCV, SoftmaxMLPClassifier
from skmlp.model_selection.candidate_fits import CandidateFits
from skmlp.model_selection.candidates import SplitData
from tests.recorder import Recorder

X, y = make_classification(
    90, 6, n_informative=5, n_redundant=0, n_classes=3, random_state=0, class_sep=0.7
)
NAMES = np.array(["no", "perhaps", "yes"])[y]
W = np.random.RandomState(0).uniform(0.0, 2.0, len(y))


def net(**params):
    return SoftmaxMLPClassifier(
        **{"units": 5, "epochs": 4, "batch_size": 16, "random_state": 0} | params
    )


def both(estimator, grid, X=X, y=y, *, fit=None, **params):
    """Return PopulationGridSearchCV and GridSearchCV, fitted in the same way."""
    fit = fit or {}
    params = {"cv": 3} | params
    found = [kind(estimator, grid, **params) for kind in (PopulationGridSearchCV, GridSearchCV)]
    return [search.fit(X, y, **fit) for search in found]


def both_with_failures(*args, **kwargs):
    """Return the two searches and the message about the first one's failed fits."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = both(*args, **kwargs)
    messages = [str(warning.message) for warning in caught]
    failures = [text for text in messages if "fits failed out of" in text]
    others = [text for text in messages if "test scores are non-finite" in text]
    assert len(failures) == len(others) == len(messages) / 2 == 2
    return found, failures[0]


def assert_same(ours, theirs, tolerance=1e-6):
    """Compare the results of two searches."""
    assert ours.cv_results_.keys() == theirs.cv_results_.keys()
    for name, values in theirs.cv_results_.items():
        found = ours.cv_results_[name]
        if name == "params":
            assert repr(found) == repr(values)
        elif name.startswith("param_"):
            assert repr(found.tolist()) == repr(values.tolist())
        elif "time" in name:
            assert found.shape == values.shape
            assert (found >= 0).all()
        else:
            np.testing.assert_allclose(found, values, rtol=0, atol=tolerance, err_msg=name)
    for name in ("best_params_", "best_index_", "n_splits_", "multimetric_"):
        assert repr(getattr(ours, name, None)) == repr(getattr(theirs, name, None)), name
    assert hasattr(ours, "best_score_") == hasattr(theirs, "best_score_")
    if hasattr(theirs, "best_score_"):
        assert ours.best_score_ == pytest.approx(theirs.best_score_, abs=tolerance)


# Parameters that may differ within a population, and parameters that split it.
WITHIN = {
    "l1": [0.0, 1e-3, 1e-2, [1e-3, 0.0]],
    "l2": [0.0, 1e-3, 0.1],
    "learning_rate": [1e-3, 0.01, 0.1],
    "beta_1": [0.0, 0.5, 0.9],
    "beta_2": [0.9, 0.999],
    "epsilon": [1e-8, 1e-3],
    "momentum": [0.0, 0.5, 0.9],
    "class_weight": [None, "balanced", {0: 3.0}],
    "label_smoothing": [0.0, 0.1],
    "dropout": [0.0, 0.2, [0.2, 0.3]],
    "random_state": [0, 1],
    "init": ["auto", "lecun_normal"],
    "standardize": [True, False],
}
ACROSS = {
    "solver": ["adam", "sgd", "lbfgs"],
    "units": [3, (5,)],
    "activation": ["relu", "tanh"],
    "batch_size": [7, 16],
    "epochs": [2, 3],
    "nesterovs_momentum": [True, False],
    "schedule": ["constant", "one_cycle", "adaptive", "invscaling"],
    "shuffle": [True, False],
}
STOPPING = {
    "early_stopping": [True],
    "n_iter_no_change": [1, 2, 5],
    "tol": [0.0, 0.05],
    "scoring": ["loss", "accuracy"],
    "validation_fraction": [0.2, None],
    "epochs": [7],
}


@st.composite
def grids(draw):
    """Grids of two or three parameters, or lists of two such grids."""

    def grid():
        stopping = STOPPING if draw(st.booleans()) else {}
        pool = WITHIN | ACROSS | stopping
        names = draw(st.lists(st.sampled_from(sorted(pool)), min_size=2, max_size=3, unique=True))
        chosen = {
            name: draw(
                st.lists(st.sampled_from(pool[name]), min_size=1, max_size=2, unique_by=repr)
            )
            for name in names
        }
        chosen = {name: values for name, values in stopping.items() if len(values) == 1} | chosen
        if "dropout" in chosen:  # not supported by lbfgs
            chosen["solver"] = ["adam", "sgd"]
        return chosen

    return [grid(), grid()] if draw(st.booleans()) else grid()


@settings(max_examples=12)
@given(grids(), st.booleans(), st.sampled_from([1, 2]), st.booleans())
def test_random_grids_equal_gridsearchcv(grid, weighted, n_jobs, logs):
    scoring = "neg_log_loss" if logs else None
    fit = {"sample_weight": W} if weighted else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # accuracy is computed without sample weights
        ours, theirs = both(
            net(), grid, cv=2, fit=fit, scoring=scoring, n_jobs=n_jobs, return_train_score=True
        )
    assert_same(ours, theirs)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-9)


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_grid_over_a_pipeline(n_jobs):
    pipeline = Pipeline([("select", SelectKBest()), ("scale", "passthrough"), ("net", net())])
    grid = [
        {"select__k": [3, 6], "scale": [StandardScaler(), MinMaxScaler()], "net__l2": [0.0, 0.1]},
        {"select__k": [4], "net__units": [2, 4], "net__activation": ["tanh"]},
        {"select__k": [4], "net": [net(units=3), net(epochs=2), LogisticRegression()]},
    ]
    ours, theirs = both(pipeline, grid, y=NAMES, n_jobs=n_jobs)
    assert_same(ours, theirs)
    assert (ours.predict(X) == theirs.predict(X)).all()
    assert type(ours.best_estimator_) is Pipeline


def test_nested_pipelines():
    pipeline = make_pipeline(StandardScaler(), make_pipeline(SelectKBest(), net()))
    inner = "pipeline__softmaxmlpclassifier__l2"
    ours, theirs = both(pipeline, {"pipeline__selectkbest__k": [2, 5], inner: [0.0, 0.5]})
    assert_same(ours, theirs)


@pytest.mark.parametrize(
    "grid",
    [
        {
            "net": [
                make_pipeline(PCA(2), net()),
                make_pipeline(PCA(5), net()),
                make_pipeline(FunctionTransformer(np.square), net()),
                net(),
            ]
        },
        {"net": [make_pipeline(PCA(2), net())], "net__pca__n_components": [1, 3]},
    ],
)
def test_pipelines_as_candidates(grid):
    pipeline = Pipeline([("scale", StandardScaler()), ("net", net())])
    ours, theirs = both(pipeline, grid, scoring="neg_log_loss")
    assert_same(ours, theirs)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-9)


class CountingScaler(StandardScaler):
    fits = 0

    def fit(self, X, y=None, sample_weight=None):
        type(self).fits += 1
        self.rows_ = len(X)
        return super().fit(X, y, sample_weight)


def test_preprocessing_is_fitted_once_per_split_on_its_training_rows():
    pipeline = make_pipeline(CountingScaler(), net())
    grid = {
        "countingscaler__with_mean": [True, False],
        "softmaxmlpclassifier__l2": [0.0, 0.1, 0.2],
        "softmaxmlpclassifier__units": [3, 4],
    }
    CountingScaler.fits = 0
    rows = []

    def scorer(pipeline, X, y):
        rows.append(pipeline[0].rows_)
        return pipeline.score(X, y)

    PopulationGridSearchCV(pipeline, grid, cv=3, scoring=scorer, refit=False).fit(X, y)
    assert CountingScaler.fits == 2 * 3
    assert rows == [60] * 36


@pytest.mark.parametrize("weighted", [False, True])
def test_label_smoothing_of_imbalanced_classes(weighted):
    """The prior is that of each split's training rows; consecutive rows make splits that differ."""
    rows = np.flatnonzero(np.arange(len(y)) % np.array([1, 2, 4])[y] == 0)
    grid = {"label_smoothing": [0.0, 0.2], "class_weight": [None, {0: 0.2}], "random_state": [0, 1]}
    fit = {"sample_weight": W[rows]} if weighted else {}
    estimator, cv = net(epochs=10, early_stopping=True, validation_fraction=0.3), KFold(3)
    options = {"fit": fit, "cv": cv, "scoring": "neg_log_loss"}
    assert_same(*both(estimator, grid, X[rows], y[rows], **options))


def test_candidates_stop_at_different_epochs():
    grid = {"learning_rate": [0.001, 0.03, 0.3], "n_iter_no_change": [1, 2, 4], "l1": [0.0, 0.01]}
    epochs = {}

    def scorer(estimator, X, y):
        key = tuple(estimator.get_params()[name] for name in grid)
        epochs.setdefault(key, []).append((estimator.n_iter_, estimator.best_epoch_))
        return estimator.score(X, y)

    ours, theirs = both(
        net(early_stopping=True, epochs=60, tol=1e-3), grid, scoring=scorer, refit=False
    )
    assert_same(ours, theirs)
    counts = [found[:3] == found[3:] for found in epochs.values()]
    assert all(counts)
    assert len({n for found in epochs.values() for n, _ in found}) > 5


def test_given_validation_set():
    fit = {"X_val": X[:31], "y_val": y[:31]}
    grid = {"learning_rate": [0.003, 0.1], "n_iter_no_change": [1, 3]}
    ours, theirs = both(net(early_stopping=True, epochs=30), grid, fit=fit)
    assert_same(ours, theirs)


@pytest.mark.parametrize(
    "cv",
    [
        KFold(4, shuffle=True, random_state=0),
        KFold(7),  # folds of different sizes
        ShuffleSplit(3, test_size=0.3, random_state=0),
        PredefinedSplit(np.arange(len(y)) % 3),
        [(np.arange(60), np.arange(60, 90)), (np.arange(20, 90), np.arange(20))],
        (pair for pair in [(np.arange(60), np.arange(60, 90))]),
    ],
    ids=lambda cv: type(cv).__name__,
)
def test_splitters(cv):
    if not hasattr(cv, "__next__"):
        assert_same(*both(net(), {"l2": [0.0, 0.1]}, cv=cv))
    else:
        search = PopulationGridSearchCV(net(), {"l2": [0.0, 0.1]}, cv=cv).fit(X, y)
        assert search.n_splits_ == 1


def test_random_splitter_is_used_once():
    search = PopulationGridSearchCV(
        net(), {"l2": [0.1, 0.1, 0.1]}, cv=ShuffleSplit(4, random_state=None)
    ).fit(X, y)
    for split in range(4):
        assert np.ptp(search.cv_results_[f"split{split}_test_score"]) == 0


def test_groups():
    groups = np.arange(len(y)) // 9
    assert_same(*both(net(), {"l2": [0, 0.1]}, cv=GroupKFold(4), fit={"groups": groups}))


def test_metadata_routing():
    groups = np.arange(len(y)) // 9
    with config_context(enable_metadata_routing=True):
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        estimator = make_pipeline(StandardScaler(), net().set_fit_request(sample_weight=True))
        estimator[0].set_fit_request(sample_weight=False)
        ours, theirs = both(
            estimator,
            {"softmaxmlpclassifier__l2": [0.0, 0.1]},
            cv=GroupKFold(4),
            scoring=scorer,
            fit={"groups": groups, "sample_weight": W},
        )
    assert_same(ours, theirs)


def test_parameters_of_fit_in_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), net())
    grid = {"softmaxmlpclassifier__l2": [0.0, 0.1]}
    fit = {"softmaxmlpclassifier__sample_weight": W**3}
    ours, theirs = both(pipeline, grid, fit=fit, scoring="neg_log_loss")
    assert_same(ours, theirs)
    unweighted = PopulationGridSearchCV(pipeline, grid, cv=3, scoring="neg_log_loss").fit(X, y)
    assert unweighted.best_score_ != ours.best_score_


def test_several_metrics():
    metrics = {"loss": "neg_log_loss", "right": "accuracy"}
    for scoring, refit in [(metrics, "loss"), (["accuracy", "f1_macro"], False)]:
        ours, theirs = both(net(), {"l2": [0.0, 0.1]}, scoring=scoring, refit=refit)
        assert_same(ours, theirs)
    chosen = both(net(), {"l2": [0.0, 0.1]}, scoring=metrics, refit=lambda results: 1)
    assert_same(*chosen)


def test_fitted_search():
    ours, theirs = both(net(), {"l2": [0.0, 0.1]}, y=NAMES)
    assert ours.classes_.tolist() == ["no", "perhaps", "yes"]
    assert ours.n_features_in_ == 6
    assert ours.score(X, NAMES) == theirs.score(X, NAMES)
    assert type(ours.best_estimator_) is SoftmaxMLPClassifier
    assert "fit" not in vars(ours.best_estimator_)
    again = pickle.loads(pickle.dumps(ours))
    assert (again.predict_proba(X) == theirs.predict_proba(X)).all()
    assert ours.refit_time_ > 0
    assert not hasattr(clone(ours), "best_estimator_")


def test_integer_data_frame():
    import pandas as pd

    images = pd.DataFrame((X * 10 + 100).astype(np.uint8), columns=list("abcdef"))
    ours, theirs = both(net(), {"l2": [0.0, 0.1], "units": [3, 4]}, images)
    assert_same(ours, theirs)
    assert ours.feature_names_in_.tolist() == list("abcdef")
    assert ours.best_estimator_.theta_.dtype == np.float32


def test_ranking_in_float32():
    grid = {"learning_rate": [1e-4, 1e-2], "l1": [0.0, 0.1], "momentum": [0.0, 0.9]}
    for solver in ("adam", "sgd"):
        ours, theirs = both(net(solver=solver, epochs=10), grid, X.astype(np.float32))
        assert_same(ours, theirs, tolerance=0.04)
        assert ours.best_params_ == theirs.best_params_


def test_sparse_rows_and_lbfgs():
    ours, theirs = both(net(), {"l2": [0.0, 0.1]}, sparse.csr_array(X), n_jobs=2)
    assert_same(ours, theirs)
    ours, theirs = both(net(), {"solver": ["lbfgs", "adam"], "l2": [0.0, 0.1]})
    assert_same(ours, theirs)


def test_sparse_data_frame():
    import pandas as pd

    table = pd.DataFrame.sparse.from_spmatrix(sparse.csr_matrix(np.maximum(X, 0)))
    assert_same(*both(net(standardize=False), {"l2": [0.0, 0.1]}, table))


def has_the_setting(estimator, X, y):
    return float(get_config()["working_memory"] == 77)


@pytest.mark.parametrize("backend", ["threading", "loky", "multiprocessing"])
def test_scikit_learn_config_is_passed_to_workers(backend):
    estimator = net(early_stopping=True, scoring=has_the_setting)
    seen = []

    def scorer(estimator, X, y):
        seen.append(estimator.best_validation_score_)
        return 0.0

    with config_context(working_memory=77), parallel_config(backend=backend):
        PopulationGridSearchCV(
            estimator, {"units": [3, 4]}, cv=2, n_jobs=2, scoring=scorer, refit=False
        ).fit(X, y)
    assert seen == [1.0] * 4


def test_few_and_unequal_rows():
    few, labels = X[:7], y[:7] % 2
    cv = [(np.arange(5), [5, 6]), (np.arange(1), np.arange(1, 7)), (np.arange(7), [0])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # batch_size larger than the number of rows
        assert_same(*both(net(), {"l2": [0.0, 0.1]}, few, labels, cv=cv))


def test_failing_candidates():
    grid = {"learning_rate": [0.01, 1e300], "l2": [0.0, -1.0]}
    estimator = net(solver="sgd")
    (ours, theirs), message = both_with_failures(estimator, grid)
    assert_same(ours, theirs)
    failed = np.isnan(ours.cv_results_["mean_test_score"])
    assert failed.tolist() == [False, True, True, True]
    assert "6 fits failed with the following error" in message  # counted together
    assert "Training diverged in epoch 1" in message
    with pytest.raises(ValueError, match="l2 must be 'auto', a finite number >= 0"):
        both(estimator, {"l2": [-1.0]}, error_score="raise")
    with pytest.raises(ValueError, match="Training diverged in epoch 1"):
        both(estimator, {"learning_rate": [1e300]}, error_score="raise")


def test_failing_preprocessing():
    def fail(X):
        raise ValueError("not on these rows")

    pipeline = make_pipeline(FunctionTransformer(), net())
    found, message = both_with_failures(pipeline, {"functiontransformer__func": [None, fail]})
    assert_same(*found)
    assert "not on these rows" in message


def test_failing_schedule():
    def fail(fraction):
        raise ZeroDivisionError("error of the schedule")

    grid = {"schedule": ["constant", fail], "l2": [0.0, 0.1]}
    found, message = both_with_failures(net(), grid)
    assert_same(*found)
    assert "error of the schedule" in message


def test_invalid_arguments_of_search():
    with pytest.raises(
        TypeError, match="estimator must be a SoftmaxMLPClassifier, a SoftmaxMLPEns"
    ):
        PopulationGridSearchCV(LogisticRegression(), {"C": [1]}).fit(X, y)
    with pytest.raises(ValueError, match="requires y to be passed"):
        PopulationGridSearchCV(net(), {"l2": [1.0]}).fit(X)
    with pytest.raises(ValueError, match="Invalid parameter 'size'"):
        PopulationGridSearchCV(net(), {"size": [1.0]}).fit(X, y)
    with pytest.raises(ValueError, match="number of splits n_splits=100"):
        PopulationGridSearchCV(net(), {"l2": [1.0]}, cv=100).fit(X, y)


@pytest.mark.parametrize(
    "params",
    [
        {"scoring": "nonsense"},
        {"scoring": ["accuracy"], "refit": True},
        {"error_score": "x"},
        {"n_jobs": 1.5},
        {"verbose": "a"},
        {"cv": "x"},
    ],
    ids=str,
)
def test_invalid_search_parameters_raise_before_training(params, monkeypatch):
    monkeypatch.setattr(CandidateFits, "run", lambda *_: pytest.fail("was trained"))
    with pytest.raises(ValueError, match=next(iter(params))):
        PopulationGridSearchCV(net(), {"l2": [1.0]}, **params).fit(X, y)


def test_rows_of_finished_splits_are_freed(monkeypatch):
    kept = []

    class RememberedData(SplitData):
        def __init__(self, *args):
            super().__init__(*args)
            kept.append(weakref.ref(self.X))

    monkeypatch.setattr("skmlp.model_selection.candidate_fits.SplitData", RememberedData)
    alive = []

    def scorer(estimator, X, y):
        alive.append(sum(ref() is not None for ref in kept))
        return estimator.score(X, y)

    with config_context(working_memory=0.005):
        PopulationGridSearchCV(net(), {"l2": [0.0]}, cv=10, scoring=scorer, refit=False).fit(X, y)
    assert len(kept) == 10
    assert max(alive) <= 1


def test_refit_by_fit_time():
    def fastest(results):
        return results["mean_fit_time"].argmin()

    grid = {"epochs": [200, 1]}
    search = PopulationGridSearchCV(net(), grid, cv=3, refit=fastest).fit(X, y)
    assert search.best_params_ == {"epochs": 1}
    assert search.cv_results_["mean_fit_time"][0] > search.cv_results_["mean_fit_time"][1]


def test_randomized_search():
    distributions = {"l2": st_uniform(), "units": [3, 4], "learning_rate": [0.01, 0.1]}
    ours, theirs = (
        kind(net(), distributions, n_iter=5, cv=3, random_state=3).fit(X, y)
        for kind in (PopulationRandomizedSearchCV, RandomizedSearchCV)
    )
    assert_same(ours, theirs)
    assert ours.random_state == 3
    search = PopulationRandomizedSearchCV(net(), distributions, n_iter=4, cv=3).fit(X, y)
    assert search.random_state is None
    assert len(search.cv_results_["params"]) == 4


def st_uniform():
    from scipy.stats import loguniform

    return loguniform(1e-5, 1e-1)


@pytest.mark.parametrize("backend", ["threading", "loky", "multiprocessing"])
def test_joblib_backends(backend):
    grid = {"l2": [0.0, 0.1], "dropout": [0.0, 0.2]}
    with parallel_config(backend=backend):
        assert_same(*both(net(early_stopping=True), grid, n_jobs=2))


def test_large_networks_in_threads(monkeypatch):
    monkeypatch.setattr("skmlp.training.jobs.LONG_PRODUCT", 1500)
    grid = {"l2": [0.0, 0.1], "units": [3, 30]}  # in processes and in threads
    assert_same(*both(net(early_stopping=True), grid, n_jobs=2))


@pytest.mark.parametrize(
    ("solver", "where"),
    [
        ("adam", "training.trainer.TrainingRun.end_epoch"),
        ("adam", "training.population.train_epoch"),
        ("adam", "model_selection.candidates.local_trainer"),
        ("lbfgs", "training.trainer.TrainingRun.end_epoch"),
    ],
)
def test_lack_of_memory_is_not_the_score_of_a_candidate(monkeypatch, solver, where):
    def fail(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(f"skmlp.{where}", fail)
    with pytest.raises(MemoryError):
        PopulationGridSearchCV(net(solver=solver), {"l2": [0.0, 0.1]}, cv=3).fit(X, y)


def test_working_memory():
    with config_context(working_memory=0.01):
        assert_same(*both(net(), {"l2": [0.0, 0.01, 0.1], "units": [3, 4]}))


def test_verbose(capsys):
    grid = {"l2": [0.0, 0.1], "units": [4, 5]}
    PopulationGridSearchCV(net(), grid, cv=3, verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "Fitting 3 folds for each of 4 candidates, totalling 12 fits"
    sizes = [re.match(r"Trained 6 networks 6-(.)-3 for 4 epochs in", line)[1] for line in lines[:2]]
    assert sorted(sizes) == ["4", "5"]


def test_search_does_not_change_the_estimator_or_the_global_random_state():
    estimator, before = net(), pickle.dumps(check_random_state(None))
    PopulationGridSearchCV(estimator, {"l2": [0.0, 0.1]}).fit(X, y)
    assert not hasattr(estimator, "theta_")
    assert vars(estimator).keys() == vars(net()).keys()
    assert pickle.dumps(check_random_state(None)) == before


@pytest.mark.skipif(find_spec("sklearn.callback") is None, reason="new in scikit-learn 1.9")
@pytest.mark.parametrize("whose", ["search", "network"])
def test_callbacks_receive_the_events_of_gridsearchcv(whose):
    events = []
    for kind in (PopulationGridSearchCV, GridSearchCV):
        recorder, network = Recorder(), net()
        search = kind(network, {"l2": [0.0, 0.1]}, cv=3)
        (search if whose == "search" else network).set_callbacks(recorder)
        search.fit(X, y)
        events.append(sorted(event.split()[:2] for event in recorder.events))
    assert events[0] == events[1]  # the order of the epochs differs
    assert len(events[0]) > 10


@pytest.mark.skipif(find_spec("sklearn.callback") is None, reason="new in scikit-learn 1.9")
def test_progress_bar(capsys):
    from sklearn.callback import ProgressBar

    search = PopulationGridSearchCV(net(), {"l2": [0.0, 0.1]}, cv=3)
    search.set_callbacks(ProgressBar()).fit(X, y)
    assert "PopulationGridSearchCV - fit" in capsys.readouterr().out
    assert not any("callback" in name for name in vars(search.best_estimator_))

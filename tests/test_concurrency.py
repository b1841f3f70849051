"""Threads, processes and the global state: results are identical, and nothing is changed."""

import copy
import hashlib
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from threadpoolctl import threadpool_info

from skmlp import (
    PopulationGridSearchCV,
    SoftmaxMLPClassifier,
    SoftmaxMLPEnsembleClassifier,
    load,
    save,
)
from tests.estimators.test_mixed_tables import mixed_table

X, y = load_digits(return_X_y=True)
X, y = X[:600], y[:600]
PARAMS = [
    {},
    {"dropout": 0.3, "batch_size": 32},
    {"solver": "sgd", "units": (20, 10), "l1": 1e-3},
    {"solver": "lbfgs", "epochs": 8},
    {"early_stopping": True, "scoring": "balanced_accuracy"},
    {"dtype": "float32", "standardize": False, "class_weight": "balanced"},
]


def quick(**params):
    return SoftmaxMLPClassifier(**{"units": 16, "epochs": 4, "random_state": 0, **params})


def fit(params):
    return quick(**params).fit(X, y)


def assert_identical(a, b):
    assert a.dtype == b.dtype
    assert a.tobytes() == b.tobytes()


def test_fit_in_threads():
    jobs = PARAMS * 4
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(fit, jobs))
    for params, clf in zip(jobs, together, strict=True):
        assert_identical(clf.theta_, fit(params).theta_)


def test_predict_in_threads():
    clf = quick(units=(40, 30)).fit(X, y)
    parts = [X[i : i + 1 + i % 200] for i in range(0, 400, 3)]
    methods = [clf.predict_proba, clf.predict_log_proba, clf.decision_function]
    methods.append(clf.hidden_activations)
    jobs = [(method, part) for part in parts for method in methods]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda job: job[0](job[1]), jobs))
    for (method, part), found in zip(jobs, together, strict=True):
        assert_identical(found, method(part))


def test_predict_while_other_estimators_fit():
    clf = quick().fit(X, y)
    expected = clf.predict_proba(X)
    with ThreadPoolExecutor(4) as pool:
        fits = [pool.submit(fit, params) for params in PARAMS]
        for found in pool.map(lambda _: clf.predict_proba(X), range(50)):
            assert_identical(found, expected)
        for params, future in zip(PARAMS, fits, strict=True):
            assert_identical(future.result().theta_, fit(params).theta_)


@pytest.mark.parametrize("work", ["fit", "partial_fit", "failed fit"])
def test_predict_in_eight_threads_while_the_same_estimator_is_fitted(work):
    """Each prediction is that of one of the models, none of a mixture."""
    seeds = range(6)
    expected = [quick(random_state=seed).fit(X, y).predict_proba(X).tobytes() for seed in seeds]
    clf = quick(random_state=0).fit(X, y)
    done, found = threading.Event(), []
    if work == "partial_fit":
        clf.partial_fit(X, y)
        twin, expected = copy.deepcopy(clf), [clf.predict_proba(X).tobytes()]
        for _ in seeds:
            expected.append(twin.partial_fit(X, y).predict_proba(X).tobytes())

    def predict_until_done():
        while not done.is_set():
            found.append(clf.predict_proba(X).tobytes())

    with ThreadPoolExecutor(8) as pool:
        threads = [pool.submit(predict_until_done) for _ in range(8)]
        try:
            for seed in seeds:
                if work == "partial_fit":
                    clf.partial_fit(X, y)
                elif work == "fit":
                    clf.set_params(random_state=seed).fit(X, y)
                else:
                    with pytest.raises(ValueError, match="diverged"):
                        clf.set_params(learning_rate=1e300).fit(X, y)
        finally:
            done.set()
        for thread in threads:
            thread.result()
    assert set(found) <= set(expected)
    assert len(found) >= 8
    assert clf.predict_proba(X).tobytes() == expected[0 if work == "failed fit" else -1]


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_searches_with_joblib_backends(backend):
    grid = {"l2": [0.0, 1e-2], "learning_rate": [0.003, 0.03]}
    alone = GridSearchCV(quick(), grid, cv=3).fit(X, y)
    with parallel_config(backend, n_jobs=2):
        for search in (GridSearchCV, PopulationGridSearchCV):
            found = search(quick(), grid, cv=3).fit(X, y)
            np.testing.assert_array_equal(
                found.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
            )
            assert_identical(found.best_estimator_.theta_, alone.best_estimator_.theta_)


def threads_of_blas(n_fits):
    """Return the process id and the threads of each BLAS library after some fits."""
    for _ in range(n_fits):
        quick(epochs=1).fit(X, y)
    return os.getpid(), [i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"]


def test_joblib_processes_do_not_oversubscribe_blas_threads(monkeypatch):
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)  # conftest sets them, and joblib would keep 1
    for pid, threads in Parallel(n_jobs=2)(delayed(threads_of_blas)(n) for n in (1, 2, 1, 2)):
        assert pid != os.getpid()
        assert all(2 * n <= max(2, os.cpu_count()) for n in threads)


def process_state():
    """Return the global state of the process."""
    state = np.random.get_state()  # noqa: NPY002
    return {
        "random": (state[1].tobytes(), *state[2:]),
        "errors": np.geterr(),
        "warnings": list(warnings.filters),
        "environment": dict(os.environ),
        "threads": [(i["filepath"], i["num_threads"]) for i in threadpool_info()],
        "folder": os.getcwd(),
    }


@pytest.mark.usefixtures("two_blas_threads")
@pytest.mark.parametrize("params", PARAMS, ids=str)
def test_fit_does_not_change_process_state(params):
    before = process_state()
    clf = fit(params)
    if params in PARAMS[:3]:
        clf.partial_fit(X, y)
    clf.score(X, y)
    assert process_state() == before


@pytest.mark.usefixtures("two_blas_threads")
@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("units", [4, 600])  # in processes, in threads
def test_search_does_not_change_process_state(n_jobs, units):
    search = PopulationGridSearchCV(
        quick(units=units, epochs=1, batch_size=270), {"l2": [0.0, 0.1]}, cv=2, n_jobs=n_jobs
    )
    clone(search).fit(X, y)  # starts the processes of joblib, which stay
    before = process_state()
    search.fit(X, y)
    assert process_state() == before


def test_random_state_none_uses_the_global_numpy_generator():
    """As in all of scikit-learn."""
    thetas = []
    for seed in (1, 1, 2):
        np.random.seed(seed)  # noqa: NPY002
        thetas.append(quick(random_state=None).fit(X, y).theta_)
    assert_identical(thetas[0], thetas[1])
    assert (thetas[0] != thetas[2]).any()


SCRIPT = """
from tests.test_concurrency import PARAMS, fingerprint
print(*[fingerprint(params) for params in PARAMS])
"""


def fingerprint(params):
    """Return a hash of the fitted attributes and predictions."""
    clf = fit(params)
    curves = [np.array(clf.history_[name]) for name in sorted(clf.history_) if name != "seconds"]
    parts = (clf.theta_, *curves, clf.predict_proba(X), clf.classes_)
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


@pytest.mark.slow
def test_same_seed_gives_identical_results_in_every_process():
    here = [fingerprint(params) for params in PARAMS]
    assert here == [fingerprint(params) for params in PARAMS]
    for seed in ("0", "1", "random"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", SCRIPT]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.stdout.split() == here, done.stderr


def test_cross_validation_in_processes():
    one, two = (cross_val_score(quick(), X, y, cv=4, n_jobs=n) for n in (None, 2))
    np.testing.assert_array_equal(one, two)


TABLE, T = mixed_table(150, 0)
NAMES = np.array(["c", "b", "a"])[T]
OTHER = TABLE.assign(  # other categories, whose codes are other numbers
    town=TABLE.town.where(TABLE.town != "t0", "a0"),
    colour=TABLE.colour.replace({"blue": "azure"}),
)
NUMBERS = np.nan_to_num(TABLE[["age", "income", "score"]].to_numpy())
CALIBRATED = {"cv": 2, "calibration": "temperature", "random_state": 0}
REFITS = {
    "frames": (lambda: quick(), (TABLE, T), (OTHER, NAMES)),
    "arrays": (lambda: quick(), (NUMBERS, T), (100.0 * NUMBERS + 5.0, NAMES)),
    "ensemble": (
        lambda: SoftmaxMLPEnsembleClassifier(quick(), 2, random_state=0),
        (TABLE, T),
        (OTHER, NAMES),
    ),
    "calibrated ensemble": (
        lambda: SoftmaxMLPEnsembleClassifier(quick(), 2, **CALIBRATED),
        (TABLE, T),
        (OTHER, T),
    ),
}
METHODS = ["predict", "predict_proba", "predict_log_proba", "decision_function"]


@pytest.mark.parametrize("kind", REFITS)
def test_predictions_and_files_during_refits_on_other_rows(tmp_path, kind):
    """Categories, classes and members are set before training, and may not be seen before."""
    make, *data = REFITS[kind]
    rows = data[0][0]
    models = [make().fit(*each) for each in data]
    expected = {
        name: {getattr(model, name)(rows).tobytes() for model in models} for name in METHODS
    }
    clf, done, n_found = make().fit(*data[0]), threading.Event(), [0] * 8

    def predict_until_done(i):
        name = METHODS[i % len(METHODS)]
        while not done.is_set():
            assert getattr(clf, name)(rows).tobytes() in expected[name]
            if i == 0:
                save(clf, tmp_path / "clf")
                assert load(tmp_path / "clf").predict_proba(rows).tobytes() in expected[METHODS[1]]
            n_found[i] += 1

    with ThreadPoolExecutor(8) as pool:
        threads = [pool.submit(predict_until_done, i) for i in range(8)]
        try:
            for each in (data[1], data[0], data[1]):
                clf.fit(*each)
        finally:
            done.set()
        for thread in threads:
            thread.result()
    assert min(n_found) > 0
    assert clf.predict_proba(rows).tobytes() == models[1].predict_proba(rows).tobytes()


def test_fits_of_all_kinds_in_threads():
    kinds = [
        lambda: quick().fit(TABLE, T),
        lambda: quick(early_stopping=True, scoring="accuracy").fit(TABLE, T),
        lambda: SoftmaxMLPEnsembleClassifier(quick(), 3, cv=3, random_state=0).fit(TABLE, T),
        lambda: PopulationGridSearchCV(quick(), {"l2": [0.0, 0.1]}, cv=2).fit(TABLE, T),
    ] * 3
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda fit: fit().predict_proba(TABLE), kinds))
    for fit, found in zip(kinds[:4] * 3, together, strict=True):
        assert_identical(found, fit().predict_proba(TABLE))

"""Training on a cluster of processes."""

import gc
import os
import signal
import subprocess
import sys
import time
import tracemalloc
import warnings
from contextlib import nullcontext

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pytest
from distributed import Client, LocalCluster
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from benchmarks import clusters
from skmlp import PopulationGridSearchCV, SoftmaxMLPClassifier
from skmlp.dask import DaskSoftmaxMLPClassifier
from skmlp.training.trainer import TrainingRun
from tests.benchmarks.test_harness import check_case
from tests.dask import failing_workers
from tests.dask.arrays import DIGITS, W, X, Y, cut
from tests.estimators.test_mixed_tables import mixed_table

pytestmark = pytest.mark.xdist_group("cluster")


@pytest.fixture(scope="module")
def cluster():
    """Two workers of one thread each, for all tests that need processes of Dask."""
    environment = dict(os.environ)  # Dask sets variables for the workers in this process
    settings = {"threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": 50}
    with warnings.catch_warnings(), LocalCluster(n_workers=2, **settings) as cluster:
        yield cluster
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture
def client(cluster):
    """A client of the cluster, which is Dask's default scheduler during the test."""
    with Client(cluster) as client:
        client.wait_for_workers(2)
        yield client


def test_cluster_equals_threads_and_keeps_no_data(client):
    params = {"units": 8, "n_shards": 2, "random_state": 0, "epochs": 4}
    persisted = [array.persist() for array in cut(X, Y, W)]
    clf = DaskSoftmaxMLPClassifier(**params).fit(*persisted)
    del persisted
    with warnings.catch_warnings(), dask.config.set(scheduler="threads"):
        warnings.filterwarnings("ignore", "Running on a single-machine scheduler")  # older Dask
        again = DaskSoftmaxMLPClassifier(**params).fit(*cut(X, Y, W))
    np.testing.assert_allclose(clf.theta_, again.theta_, rtol=1e-5, atol=1e-7)
    assert clf.score(*cut(X, Y)) == again.score(*cut(X, Y))
    gc.collect()
    for _ in range(50):
        left = [key for keys in client.has_what().values() for key in keys]
        if not left:
            break
        client.run(gc.collect)
    assert not left


def test_data_frames_on_a_cluster(client):
    frame, y = mixed_table(400, 0)
    frame = dd.from_pandas(frame.assign(label=y), npartitions=4)
    X, y = frame[list(frame.columns[:-1])], frame["label"]
    params = {"units": 8, "n_shards": 2, "random_state": 0, "epochs": 4}
    clf = DaskSoftmaxMLPClassifier(**params).fit(X, y)
    with warnings.catch_warnings(), dask.config.set(scheduler="threads"):
        warnings.filterwarnings("ignore", "Running on a single-machine scheduler")  # older Dask
        again = DaskSoftmaxMLPClassifier(**params).fit(X, y)
    np.testing.assert_allclose(clf.theta_, again.theta_, rtol=1e-5, atol=1e-7)
    assert clf.encoded_feature_names_.tolist() == again.encoded_feature_names_.tolist()
    assert clf.score(X, y) == again.score(X, y)


@pytest.mark.slow
def test_rows_are_not_gathered(client):
    n = 200_000
    rows = da.random.default_rng(0).standard_normal((n, 50), chunks=(n // 4, 50))
    labels = (rows[:, 0] > 0).astype(int)
    weights = da.ones(n, chunks=n // 4)
    clf = DaskSoftmaxMLPClassifier(
        4, n_bins=None, epochs=2, early_stopping=True, validation_fraction=0.2, batch_size=500,
        random_state=0,
    )  # fmt: skip
    tracemalloc.start()
    try:
        clf.fit(rows, labels, weights)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8e6 < rows.nbytes / 9
    assert clf.score(rows, labels) > 0.9


def managed(dask_scheduler):
    """Return the bytes of all results that the scheduler knows of."""
    return sum(worker.nbytes for worker in dask_scheduler.workers.values())


def with_infinity(block):
    return np.full_like(block, np.inf)


def broken(block):
    raise RuntimeError("a partition that cannot be read")


ROWS = da.random.default_rng(0).standard_normal((40_000, 20), chunks=(10_000, 20))
LABELS = (da.arange(40_000, chunks=10_000) % 3).astype(int)
FAILURES = {
    "infinity": (
        {},
        {
            "X": da.concatenate(
                [ROWS[:30_000], ROWS[30_000:].map_blocks(with_infinity, dtype=float)]
            )
        },
    ),
    "partition": (
        {},
        {"X": da.concatenate([ROWS[:30_000], ROWS[30_000:].map_blocks(broken, dtype=float)])},
    ),
    "X_val": ({}, {"X_val": ROWS.map_blocks(with_infinity, dtype=float), "y_val": LABELS}),
    "schedule": ({"schedule": lambda done: np.nan}, {"X_val": ROWS, "y_val": LABELS}),
    "scoring": ({"scoring": lambda clf, X, y: np.nan, "early_stopping": True}, {}),
    "none": ({}, {"X_val": ROWS, "y_val": LABELS}),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_no_rows_stay_on_the_workers(client, failure):
    """Not even while the error, whose traceback has the shards, and its cycles are alive."""
    params, given = FAILURES[failure]
    clf = DaskSoftmaxMLPClassifier(4, epochs=1, n_shards=4, random_state=0, **params)
    given, raised = {"X": ROWS, "y": LABELS, **given}, None
    gc.disable()
    try:
        clf.fit(**given)
        clf.score(ROWS, LABELS)
    except (ValueError, RuntimeError) as error:
        raised = error
    try:
        until = time.monotonic() + 10
        while left := client.run_on_scheduler(managed):
            assert time.monotonic() < until, f"{left:,} bytes are left"
            time.sleep(0.05)
    finally:
        gc.enable()
    assert (raised is None) == (failure == "none")


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_result_after_the_death_of_a_worker(client, solver, monkeypatch):
    rows, labels = DIGITS
    arrays = cut(rows, labels, chunks=(500, 500, 500, 297))
    clf = DaskSoftmaxMLPClassifier(30, solver=solver, epochs=20, n_shards=2, random_state=0)
    undisturbed = clone(clf).fit(*arrays)
    workers = client.run(os.getpid)

    def kill_in_the_fourth(self, record):
        if self.history.n_epochs == 3:
            os.kill(next(iter(workers.values())), signal.SIGKILL)
        return original(self, record)

    original = TrainingRun.end_epoch
    monkeypatch.setattr(TrainingRun, "end_epoch", kill_in_the_fourth)
    interrupted = clone(clf).fit(*arrays)
    assert (interrupted.theta_ == undisturbed.theta_).all()
    assert interrupted.score(rows, labels) > 0.95
    client.wait_for_workers(2)


SCHEDULER_DIES = """
import subprocess, sys, threading, time
import dask, dask.array as da
from distributed import Client
from sklearn.datasets import load_digits
from skmlp.dask import DaskSoftmaxMLPClassifier

def start(name, *arguments):
    command = [sys.executable, "-m", f"distributed.cli.dask_{name}", "--no-dashboard", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

if __name__ == "__main__":
    scheduler = start("scheduler", "--port", "0", "--host", "127.0.0.1")
    address = next(line.split()[-1] for line in scheduler.stderr if "tcp://127" in line)
    worker = start("worker", address, "--nthreads", "1", "--death-timeout", "20")
    client = Client(address, timeout=30)
    client.wait_for_workers(1)
    rows, labels = load_digits(return_X_y=True)
    arrays = da.from_array(rows, chunks=(450, 64)), da.from_array(labels, chunks=450)
    clf = DaskSoftmaxMLPClassifier(20, epochs=3, n_shards=2, random_state=0).fit(*arrays)
    before = dict(vars(clf))
    clf.set_params(epochs=10**6)
    threading.Timer(2, scheduler.kill).start()
    try:
        clf.fit(*arrays)
    except BaseException as error:
        print(type(error).__name__, error)
    clf.set_params(epochs=3)
    print(vars(clf) == before, clf.score(rows, labels) > 0.9, flush=True)
    worker.kill()
    scheduler.kill()
    os._exit(0)
"""


@pytest.mark.slow
def test_death_of_the_scheduler_is_an_error_and_keeps_the_model(tmp_path):
    (tmp_path / "script.py").write_text("import os\n" + SCHEDULER_DIES)
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py"],
        env=os.environ | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    printed = done.stdout.splitlines()
    assert "Error" in printed[0], done.stderr  # of several kinds, as it comes
    assert printed[-1] == "True True"


@pytest.mark.parametrize("search", [GridSearchCV, PopulationGridSearchCV])
def test_searches_on_the_cluster(client, search):
    joblib = pytest.importorskip("joblib")
    grid = {"l2": [1e-4, 1e-2], "units": [4, 8]}
    clf = SoftmaxMLPClassifier(epochs=5, random_state=0, dtype="float64")
    expected = GridSearchCV(clf, grid, cv=3).fit(X, Y)
    with joblib.parallel_config(backend="dask"):
        found = search(clf, grid, cv=3, n_jobs=2).fit(X, Y)
    np.testing.assert_allclose(
        found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], atol=1e-6
    )


@pytest.mark.slow
def test_benchmark_case(client, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(clusters, "local_cluster", lambda n_workers: nullcontext(client))
    check_case("dask", tmp_path, capsys, monkeypatch)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs SIGSTOP")
def test_failing_workers_are_without_influence_or_an_error():
    done = subprocess.run(
        [sys.executable, "-m", "tests.dask.failing_workers"],
        cwd=os.path.dirname(os.path.dirname(os.path.dirname(__file__))),
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert not done.returncode, done.stderr
    found = {name: rest for name, *rest in map(str.split, done.stdout.splitlines())}
    expected = {case.__name__: {"same"} for case in failing_workers.CASES}
    expected |= {"for_ever": {"NoWorkerError"}, "memory": {"MemoryError", "KilledWorker"}}
    assert found.keys() == expected.keys()
    for name, (outcome, change, seconds) in found.items():
        assert outcome in expected[name], name
        assert change == "unchanged"
        assert int(seconds) < 120


@pytest.mark.slow
def test_cluster_with_tls():
    pytest.importorskip("cryptography")
    from distributed.security import Security

    params = {"units": 8, "n_shards": 2, "random_state": 0, "epochs": 4}
    environment = dict(os.environ)  # as in the fixture
    thetas = []
    for security in (None, Security.temporary()):
        settings = {"dashboard_address": ":0", "silence_logs": 50, "security": security}
        with (
            warnings.catch_warnings(),
            LocalCluster(n_workers=2, threads_per_worker=1, **settings) as cluster,
            Client(cluster) as client,
        ):
            assert client.scheduler.address.startswith("tcp:" if security is None else "tls:")
            thetas.append(DaskSoftmaxMLPClassifier(**params).fit(*cut(X, Y, W)).theta_)
    os.environ.clear()
    os.environ.update(environment)
    assert thetas[0].tobytes() == thetas[1].tobytes()

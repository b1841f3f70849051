"""Settings and fixtures of all tests."""

import os

# One BLAS thread per process: the networks of the tests are small, and pytest-xdist uses the
# processors already. NumPy reads these variables when it is imported.
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")  # draw figures without a display

import warnings  # noqa: E402

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402
from sklearn.datasets import load_digits, load_iris  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from threadpoolctl import threadpool_info, threadpool_limits  # noqa: E402

# No deadline: no test fails because a machine is slow. In CI, the examples are always the same.
settings.register_profile("skmlp", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("skmlp")


@pytest.fixture
def rng():
    return np.random.RandomState(0)


@pytest.fixture(scope="module")
def digits():
    """X_train, X_test, y_train, y_test."""
    X, y = load_digits(return_X_y=True)
    return train_test_split(X / 16, y, random_state=0, stratify=y)


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.fixture(scope="session")
def pyplot():
    """Imported before tests simulate that it is missing."""
    import matplotlib.pyplot as plt

    return plt


@pytest.fixture
def no_figure_left_open(pyplot):
    pyplot.close("all")
    yield
    pyplot.close("all")


@pytest.fixture
def mapped(tmp_path):
    """A function that saves an array and returns it as a memory map."""

    def write(X, name="X.npy"):
        np.save(tmp_path / name, X)
        return np.load(tmp_path / name, mmap_mode="r")

    return write


@pytest.fixture
def blobs(rng):
    """6,000 uint8 rows of 3 separable classes, sorted by class."""
    y = np.sort(rng.randint(0, 3, 6000))
    X = rng.normal(100.0, 20.0, (6000, 8)) + 25.0 * (np.arange(8) % 3 == y[:, None])
    return X.clip(0, 255).astype(np.uint8), y


@pytest.fixture
def two_blas_threads():
    """Two BLAS threads, so that tests notice a limit of one that is not removed."""
    with threadpool_limits(2, "blas"):
        assert {i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"} == {2}
        yield


@pytest.fixture(scope="session")
def cluster():
    """Two Dask workers of one thread each, for all tests that need processes of Dask."""
    distributed = pytest.importorskip("distributed", reason="distributed is not installed")
    environment = dict(os.environ)  # Dask sets variables for the workers in this process
    settings = {"threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": 50}
    with warnings.catch_warnings(), distributed.LocalCluster(n_workers=2, **settings) as cluster:
        yield cluster
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture
def client(cluster):
    """A client of the cluster, which is Dask's default scheduler during the test."""
    from distributed import Client

    with Client(cluster) as client:
        client.wait_for_workers(2)
        yield client

"""Settings and fixtures of all tests."""

import os

# One BLAS thread per process: the networks of the tests are small, and pytest-xdist uses the
# processors already. NumPy reads these variables when it is imported.
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")  # figures are drawn to files, never to a screen

import warnings  # noqa: E402

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402
from sklearn.datasets import load_digits, load_iris  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

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
    """Imported before a test can pretend that it is missing."""
    import matplotlib.pyplot as plt

    return plt


@pytest.fixture
def no_figure_left_open(pyplot):
    pyplot.close("all")
    yield
    pyplot.close("all")


@pytest.fixture
def mapped(tmp_path):
    """A function that writes an array to a file and returns it mapped."""

    def write(X, name="X.npy"):
        np.save(tmp_path / name, X)
        return np.load(tmp_path / name, mmap_mode="r")

    return write


@pytest.fixture
def blobs(rng):
    """6,000 uint8 rows of 3 classes that a network can tell apart, sorted by class."""
    y = np.sort(rng.randint(0, 3, 6000))
    X = rng.normal(100.0, 20.0, (6000, 8)) + 25.0 * (np.arange(8) % 3 == y[:, None])
    return X.clip(0, 255).astype(np.uint8), y


@pytest.fixture(scope="session")
def cluster():
    """Two Dask workers of one thread each, for all tests that need processes of Dask."""
    pytest.importorskip("distributed", reason="distributed is not installed")
    from benchmarks.clusters import local_cluster

    with warnings.catch_warnings(), local_cluster(2, silence_logs=50) as client:
        workers = client.cluster
        client.close()  # tests without the fixture client must not find it
        yield workers


@pytest.fixture(scope="module")
def client(cluster):
    """A client of the cluster, Dask's default scheduler until the end of the module."""
    from distributed import Client

    with Client(cluster) as client:
        yield client

"""Arrays of the cases, the same for all contestants, in memory or on a Dask cluster."""

import os
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
import scipy.sparse
from sklearn.datasets import make_classification

from skmlp.datasets import fetch_fashion_mnist, load_fashion_mnist_sample


@lru_cache
def _fashion_mnist(subset):
    """Return uint8 images, their labels, and whether they are the complete data set."""
    try:
        X, y = fetch_fashion_mnist(subset, return_X_y=True, download_if_missing=False)
    except OSError:
        return *load_fashion_mnist_sample(subset, return_X_y=True), False
    return X, y, True


def images_source():
    """Return a note on the origin of the images."""
    if _fashion_mnist("train")[2]:
        return "images: Fashion-MNIST"
    return (
        "images: the sample of Fashion-MNIST in skmlp, repeated as often as needed; accuracies "
        "are not those of the complete data (see skmlp.datasets.fetch_fashion_mnist)"
    )


def pixels(n_rows, subset="train"):
    """Return n_rows images of uint8, repeated if there are fewer, and labels."""
    X, y, _ = _fashion_mnist(subset)
    if n_rows <= len(X):
        return X[:n_rows], y[:n_rows]
    return np.resize(X, (n_rows, X.shape[1])), np.resize(y, n_rows)


def images(n_rows, subset="train", dtype=np.float32):
    """Return n_rows images scaled to [0, 1], and labels."""
    X, y = pixels(n_rows, subset)
    return X / dtype(255), y


def tabular(n_rows, n_features=20, n_classes=3):
    """Return rows of float32 columns, and labels."""
    n_informative = min(10, n_features // 2)
    X, y = make_classification(
        n_rows, n_features, n_informative=n_informative, n_classes=n_classes, random_state=0
    )
    return X.astype(np.float32), y


def sparse(n_rows, n_features):
    """Return a float32 CSR matrix with 0.5 % of its entries, and labels of 5 classes."""
    rng = np.random.RandomState(0)
    X = scipy.sparse.random(
        n_rows, n_features, density=0.005, format="csr", dtype=np.float32, random_state=rng
    )
    return X, (X @ rng.normal(size=(n_features, 5))).argmax(axis=1)


@contextmanager
def local_cluster(n_workers, **settings):
    """Start workers of one thread each, and yield the client."""
    from distributed import Client, LocalCluster  # optional: other cases run without Dask

    environment = dict(os.environ)  # where Dask sets the number of BLAS threads of the workers
    settings = {"threads_per_worker": 1, "dashboard_address": ":0"} | settings
    try:
        with LocalCluster(n_workers=n_workers, **settings) as workers, Client(workers) as client:
            yield client
    finally:
        os.environ.clear()
        os.environ.update(environment)


def on_workers(X, y, n_chunks=2):
    """Return arrays as dask arrays in the memory of the workers, one chunk each."""
    import dask.array as da
    from distributed import wait

    chunk = -(-len(X) // n_chunks)
    arrays = [da.from_array(array, (chunk, *array.shape[1:])).persist() for array in (X, y)]
    wait(arrays)
    return arrays

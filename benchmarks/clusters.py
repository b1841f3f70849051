"""The case of a cluster: two workers of one thread each, beside one process of one thread.

Fashion-MNIST lies in the workers' memory when the clock starts. A whole fit with the defaults
is measured, then what it takes beside computing: bytes sent in an epoch, memory of the client, and
rounds of training on so few rows that nothing but sending and waiting is left, for networks of
several sizes.
"""

import gc
import os
from contextlib import contextmanager
from statistics import median
from time import sleep

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import data
from benchmarks.measure import SKMLP, Quantity, at_least, interleave, seconds, within
from benchmarks.memory import resident
from skmlp import SoftmaxMLPClassifier

__all__ = ["ONE", "cluster", "local_cluster"]

ONE, N_WORKERS, TARGET = "one process", 2, 0.65
STATE = "2 x workers x state"  # parameters and Adam's two arrays, to every worker and back


def cluster(options):
    """Two workers against one process."""
    with local_cluster(N_WORKERS):
        return [*_fits(options), _bytes(options), _memory(options), *_rounds(options)]


@contextmanager
def local_cluster(n_workers, **settings):
    """Start workers of one thread each; yields the client.

    Dask tells them how many threads BLAS may have by the environment of this process, and does
    not take that back.
    """
    # Here, so that other cases run without Dask.
    from distributed import Client, LocalCluster

    environment = dict(os.environ)
    settings = {"threads_per_worker": 1, "dashboard_address": ":0"} | settings
    try:
        with LocalCluster(n_workers=n_workers, **settings) as workers, Client(workers) as client:
            yield client
    finally:
        os.environ.clear()
        os.environ.update(environment)


def _images(options, subset="train"):
    return data.pixels(options.rows(60_000), subset)


def _on_workers(X, y, n_chunks=N_WORKERS):
    """Return arrays as dask arrays in the memory of the workers, one chunk each."""
    import dask.array as da
    from distributed import wait

    chunk = -(-len(X) // n_chunks)
    arrays = da.from_array(X, chunks=(chunk, X.shape[1])), da.from_array(y, chunks=chunk)
    arrays = [array.persist() for array in arrays]
    wait(arrays)
    return arrays


def _fits(options):
    """Seconds and accuracies of whole fits, a new seed each turn."""
    from skmlp.dask import DaskSoftmaxMLPClassifier

    X, y = _images(options)
    X_test, y_test = _images(options, "test")
    lying = _on_workers(X, y)
    epochs = 2 if options.tiny else "auto"
    scores, shapes = {SKMLP: [], ONE: []}, {}

    def measured(name, make, *rows):
        clf = make(epochs=epochs, random_state=len(scores[name]))
        with threadpool_limits(1, "blas"):
            took = seconds(clf.fit, *rows)
        scores[name].append(float(np.mean(clf.predict(X_test) == y_test)))
        shapes.update(n_iter=clf.n_iter_, n_params=clf.theta_.size)
        return took

    turns = interleave(
        {
            SKMLP: lambda: measured(SKMLP, DaskSoftmaxMLPClassifier, *lying),
            ONE: lambda: measured(ONE, SoftmaxMLPClassifier, X, y),
        },
        options.turns_or(5),
    )
    scores = {name: values[1:] for name, values in scores.items()}  # without the turn to warm up
    details = {"rows": len(X), "workers": N_WORKERS, **shapes}
    least = round(median(scores[ONE]) - 0.005, 4)
    return [
        Quantity("whole fit", "s", turns, (within(ONE, TARGET),), details),
        Quantity("accuracy", "accuracy", scores, (at_least(least),)),
    ]


def _bytes(options):
    """Megabytes that an epoch sends, of parameters and everything else: two fits apart."""
    import psutil

    from skmlp.dask import DaskSoftmaxMLPClassifier

    lying = _on_workers(*_images(options))
    interface = next(name for name in psutil.net_io_counters(pernic=True) if name.startswith("lo"))

    def sent(epochs):
        sleep(0.2)  # for what is still on its way
        before = psutil.net_io_counters(pernic=True)[interface].bytes_sent
        clf = DaskSoftmaxMLPClassifier(epochs=epochs, random_state=0).fit(*lying)
        sleep(0.2)
        return psutil.net_io_counters(pernic=True)[interface].bytes_sent - before, clf.theta_.nbytes

    found = []
    for _ in range(options.turns_or(5)):
        (few, _), (many, n_bytes) = sent(1), sent(6)
        found.append((many - few) / 5 / 1e6)
    turns = {SKMLP: found, STATE: [2 * N_WORKERS * 3 * n_bytes / 1e6]}
    return Quantity("sent in an epoch", "MB", turns, (), {"parameters_mb": n_bytes / 1e6})


def _memory(options):
    """Megabytes by which the client grows while it trains on rows it never sees."""
    import dask.array as da

    from skmlp.dask import DaskSoftmaxMLPClassifier

    n = options.rows(1_000_000)
    X = da.random.default_rng(0).standard_normal((n, 100), chunks=(-(-n // 4), 100))
    y = (X[:, 0] > 0).astype(int)
    clf = DaskSoftmaxMLPClassifier(epochs=2, batch_size=1000 if n > 1000 else 10)
    grown = []
    for _ in range(options.turns_or(5)):
        gc.collect()
        before = resident("VmRSS")
        clf.fit(X, y)
        grown.append((resident("VmRSS") - before) / 1e6)
    return Quantity("growth of the client", "MB", {SKMLP: grown}, (), {"rows_mb": X.nbytes / 1e6})


def _rounds(options):
    """Seconds of a round on almost no rows, for networks of several sizes and more shards."""
    from skmlp.dask import DaskSoftmaxMLPClassifier

    quantities = []
    for n_features, units, n_shards in ((10, 100, 2), (10, 100, 16), (784, 100, 2), (784, 1000, 2)):
        X = np.random.default_rng(0).random((64, n_features), np.float32)
        lying = _on_workers(X, np.arange(64) % 2, n_chunks=n_shards)
        clf = DaskSoftmaxMLPClassifier(
            units, n_shards=n_shards, epochs=options.epochs(20), random_state=0
        )
        found = [
            float(np.median(clf.fit(*lying).history_["seconds"]))
            for _ in range(options.turns_or(5))
        ]
        size = clf.theta_.size
        what = f"round, {n_shards} shards, {size:,} parameters"
        details = {"size": size, "shards": n_shards}
        quantities.append(Quantity(what, "s", {SKMLP: found}, (), details))
    return quantities

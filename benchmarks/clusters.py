"""Training on a Dask cluster, and what to do with Adam's arrays between rounds of local training.

The case "dask" compares two workers of one thread each with one process of one thread, on
Fashion-MNIST in the memory of the workers. Besides a whole fit with the defaults, it measures the
bytes sent in an epoch, the memory of the client, and rounds of training on so few rows that only
communication remains, for networks of several sizes.

The experiment "averaging" trains on shards of Fashion-MNIST, with the defaults. After each round
the parameters are averaged; the arrays of Adam are averaged too, or every shard keeps its own, or
starts each round with new ones. The accuracy is that on 12,000 validation images, for three seeds.
The test images are not used.
"""

import copy
import gc
import os
from contextlib import contextmanager
from itertools import product
from statistics import mean, median
from time import sleep

import numpy as np
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from benchmarks import data
from benchmarks.harness import (
    SKMLP,
    Quantity,
    at_least,
    case,
    experiment,
    measured,
    seconds,
    within,
)
from benchmarks.memory import resident
from skmlp import SoftmaxMLPClassifier
from skmlp.core.averaging import average
from skmlp.core.minibatch import MiniBatches, train_epoch
from skmlp.core.network import Workspace
from skmlp.data.dataset import encode
from skmlp.estimators.validation import validate_fit_data
from skmlp.training.config import TrainConfig
from skmlp.training.local import local_trainer

ONE, N_WORKERS, TARGET = "one process", 2, 0.65
STATE = "2 x workers x state"  # parameters and Adam's two arrays, to every worker and back
KINDS = "averaged", "kept", "begun anew"
SETTINGS = [(1, 1), (2, 1), (2, 4), (8, 1), (8, 4)]  # shards, rounds in an epoch


# Two workers and one process


@case("Fashion-MNIST, whole fit, 2 workers of 1 thread beside 1 thread", usual=False)
def dask(options):
    """Compare two workers with one process."""
    with local_cluster(N_WORKERS):
        return [*_fits(options), _sent(options), _client_memory(options), *_rounds(options)]


@contextmanager
def local_cluster(n_workers, **settings):
    """Start workers of one thread each, and yield the client.

    Dask sets the number of BLAS threads of the workers in the environment of this process; it is
    restored here.
    """
    from distributed import Client, LocalCluster  # optional: other cases run without Dask

    environment = dict(os.environ)
    settings = {"threads_per_worker": 1, "dashboard_address": ":0"} | settings
    try:
        with LocalCluster(n_workers=n_workers, **settings) as workers, Client(workers) as client:
            yield client
    finally:
        os.environ.clear()
        os.environ.update(environment)


def _estimator(*args, **params):
    from skmlp.dask import DaskSoftmaxMLPClassifier

    return DaskSoftmaxMLPClassifier(*args, **params)


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
    """Measure seconds and accuracies of whole fits, with a new seed in each turn."""
    X, y = _images(options)
    X_test, y_test = _images(options, "test")
    makers = {SKMLP: (_estimator, _on_workers(X, y)), ONE: (SoftmaxMLPClassifier, (X, y))}
    epochs = 2 if options.tiny else "auto"
    scores, shapes = {name: [] for name in makers}, {}

    def measure(name):
        make, rows = makers[name]
        clf = make(epochs=epochs, random_state=len(scores[name]))
        with threadpool_limits(1, "blas"):
            took = seconds(clf.fit, *rows)
        scores[name].append(float(np.mean(clf.predict(X_test) == y_test)))
        shapes.update(n_iter=clf.n_iter_, n_params=clf.theta_.size)
        return took

    details = {"targets": [within(ONE, TARGET)], "rows": len(X), "workers": N_WORKERS}
    names = {name: name for name in makers}
    fit = measured("whole fit", "s", measure, names, options, **details)
    fit.details |= shapes
    n_turns = len(fit.turns[ONE])
    scores = {name: values[-n_turns:] for name, values in scores.items()}  # without the warm-up
    least = round(median(scores[ONE]) - 0.005, 4)
    return [fit, Quantity("accuracy", "accuracy", scores, (at_least(least),))]


def _sent(options):
    """Measure the megabytes sent in an epoch, by the difference of two fits."""
    import psutil

    rows, found = _on_workers(*_images(options)), []
    interface = next(name for name in psutil.net_io_counters(pernic=True) if name.startswith("lo"))

    def bytes_sent():
        sleep(0.2)  # wait for messages in transit
        return psutil.net_io_counters(pernic=True)[interface].bytes_sent

    for _ in range(options.turns_or(5)):
        sent = {}
        for epochs in (1, 6):
            before = bytes_sent()
            clf = _estimator(epochs=epochs, random_state=0).fit(*rows)
            sent[epochs] = bytes_sent() - before
        found.append((sent[6] - sent[1]) / 5 / 1e6)
    parameters = clf.theta_.nbytes / 1e6
    turns = {SKMLP: found, STATE: [2 * N_WORKERS * 3 * parameters]}
    return Quantity("sent in an epoch", "MB", turns, (), {"parameters_mb": parameters})


def _client_memory(options):
    """Measure by how many megabytes the client grows during a fit on rows of the workers."""
    import dask.array as da

    n = options.rows(1_000_000)
    X = da.random.default_rng(0).standard_normal((n, 100), chunks=(-(-n // 4), 100))
    y = (X[:, 0] > 0).astype(int)
    clf, growth = _estimator(epochs=2, batch_size=1000 if n > 1000 else 10), []
    for _ in range(options.turns_or(5)):
        gc.collect()
        before = resident("VmRSS")
        clf.fit(X, y)
        growth.append((resident("VmRSS") - before) / 1e6)
    return Quantity("growth of the client", "MB", {SKMLP: growth}, (), {"rows_mb": X.nbytes / 1e6})


def _rounds(options):
    """Measure the seconds of a round on 64 rows, by the size of the network and the shards."""
    for n_features, units, n_shards in ((10, 100, 2), (10, 100, 16), (784, 100, 2), (784, 1000, 2)):
        X = np.random.default_rng(0).random((64, n_features), np.float32)
        rows = _on_workers(X, np.arange(64) % 2, n_chunks=n_shards)
        clf = _estimator(units, n_shards=n_shards, epochs=options.epochs(20), random_state=0)
        found = [
            float(np.median(clf.fit(*rows).history_["seconds"])) for _ in range(options.turns_or(5))
        ]
        size = clf.theta_.size
        what = f"round, {n_shards} shards, {size:,} parameters"
        yield Quantity(what, "s", {SKMLP: found}, (), {"size": size, "shards": n_shards})


# Adam's arrays between rounds


@experiment("Fashion-MNIST in shards, accuracy by what is done with Adam's arrays")
def averaging(options):
    """Return the accuracies by the numbers of shards and rounds and by the treatment."""
    X, y = data.pixels(options.rows(60_000))
    X, X_val, y, y_val = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)
    found = []
    for (n_shards, n_rounds), kind in product(SETTINGS, KINDS):
        if n_shards == 1 and kind != "averaged":
            continue  # the same for all kinds
        accuracies = [
            _train_locally((X, y), kind, n_shards, n_rounds, seed).score(X_val, y_val)
            for seed in range(options.turns_or(3))
        ]
        print(n_shards, n_rounds, f"{kind:10} {mean(accuracies):.4f}", flush=True)
        row = {"shards": n_shards, "rounds": n_rounds, "kind": kind, "accuracies": accuracies}
        found.append(row)
    return {"accuracies": found}


def _train_locally(rows, kind, n_shards, n_rounds, seed):
    """Return a classifier trained on shards, with `n_rounds` rounds in an epoch."""
    clf = SoftmaxMLPClassifier(random_state=seed)
    validated, _ = validate_fit_data(clf, *rows)
    config = TrainConfig.from_params(clf.get_params()).resolve(
        n_features=clf.n_features_in_, n_classes=len(clf.classes_), theta_dtype=np.dtype("f4")
    )
    dataset = encode(validated, clf.classes_, config.theta_dtype, clf.label_smoothing)
    trainer = local_trainer(config, clf.classes_, dataset)
    run, optimizer = trainer.run, trainer.run.optimizer
    shards = np.array_split(np.random.default_rng(seed).permutation(len(rows[0])), n_shards)
    theta, states = run.state.theta, [optimizer.init(run.state.theta) for _ in shards]
    for epoch in range(run.config.n_epochs):
        orders = [
            np.random.default_rng([seed, epoch, s]).permutation(shard)
            for s, shard in enumerate(shards)
        ]
        for number in range(n_rounds):
            parts = [np.array_split(order, n_rounds)[number] for order in orders]
            done = epoch * n_rounds + number, run.config.n_epochs * n_rounds
            thetas = [
                _train_round(trainer, theta, state, part, *done)
                for state, part in zip(states, parts, strict=True)
            ]
            theta, mean_state = average(thetas, states, [len(part) for part in parts])
            if kind == "averaged":
                states = [copy.deepcopy(mean_state) for _ in shards]
            elif kind == "begun anew":
                states = [optimizer.init(theta) for _ in shards]
    np.copyto(run.state.theta, theta)
    clf._set_fitted(run.finish())
    return clf


def _train_round(trainer, theta, state, order, number, n_rounds):
    """Return the parameters after a round on a shard; `state` changes in place."""
    run, dataset, theta = trainer.run, trainer.source.dataset, theta.copy()
    batches = MiniBatches(
        dataset.X,
        dataset.Y,
        None,
        batch_size=trainer.source.batches.batch_size,
        n_rows=len(order),
        dtype=theta.dtype,
        draw_order=lambda: order,
        scaling=run.state.scaling,
    )
    train_epoch(
        run.objective,
        run.optimizer,
        state,
        batches,
        Workspace(run.network, theta, batches.batch_size),
        learning_rate=run.config.learning_rate,
        schedule=run.schedule,
        epoch=number,
        epochs=n_rounds,
    )
    return theta

"""Training on a Dask cluster, and what to do with Adam's arrays between rounds of local training.

What is measured is described in docs/dask.rst. Rounds have so few rows that only communication
remains. The test images of Fashion-MNIST are not used by the experiment "averaging".
"""

import copy
import gc
from dataclasses import replace
from itertools import product
from statistics import mean, median
from time import sleep

import numpy as np
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from benchmarks import data
from benchmarks.data import local_cluster, on_workers
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
from skmlp.data.dataset import encode
from skmlp.estimators.validation import validate_fit_data
from skmlp.training.config import TrainConfig
from skmlp.training.local import LocalSource, local_trainer

ONE, N_WORKERS, TARGET = "one process", 2, 0.65
STATE = "2 x workers x state"  # parameters and Adam's two arrays, to every worker and back
KINDS = "averaged", "kept", "begun anew"
SETTINGS = [(1, 1), (2, 1), (2, 4), (8, 1), (8, 4)]  # shards, rounds in an epoch


# Two workers and one process


@case("Fashion-MNIST, whole fit, 2 workers of 1 thread beside 1 thread", usual=False)
def dask(options):
    """Compare two workers with one process."""
    from skmlp.dask import DaskSoftmaxMLPClassifier as estimator

    X, y = data.pixels(options.rows(60_000))
    with local_cluster(N_WORKERS):
        rows = on_workers(X, y)
        fits, sent = _fits(options, X, y, rows, estimator), _sent(options, rows, estimator)
        return [*fits, sent, _client_memory(options, estimator), *_rounds(options, estimator)]


def _fits(options, X, y, rows, estimator):
    """Measure seconds and accuracies of whole fits, with a new seed in each turn."""
    X_test, y_test = data.pixels(options.rows(60_000), "test")
    makers = {SKMLP: (estimator, rows), ONE: (SoftmaxMLPClassifier, (X, y))}
    scores, shapes = {name: [] for name in makers}, {}

    def measure(name):
        make, rows = makers[name]
        clf = make(epochs=2 if options.tiny else "auto", random_state=len(scores[name]))
        with threadpool_limits(1, "blas"):
            took = seconds(clf.fit, *rows)
        scores[name].append(float(np.mean(clf.predict(X_test) == y_test)))
        shapes.update(n_iter=clf.n_iter_, n_params=clf.theta_.size)
        return took

    details = {"targets": [within(ONE, TARGET)], "rows": len(X), "workers": N_WORKERS}
    fit = measured("whole fit", "s", measure, tuple(makers), options, **details)
    fit.details |= shapes
    scores = {name: values[-len(fit.turns[ONE]) :] for name, values in scores.items()}  # no warm-up
    least = round(median(scores[ONE]) - 0.005, 4)
    return [fit, Quantity("accuracy", "accuracy", scores, (at_least(least),))]


def _sent(options, rows, estimator):
    """Measure the megabytes sent in an epoch, by the difference of two fits."""
    import psutil

    interface = next(name for name in psutil.net_io_counters(pernic=True) if name.startswith("lo"))

    def sent(epochs):
        sleep(0.2)  # wait for messages in transit
        before = psutil.net_io_counters(pernic=True)[interface].bytes_sent
        clf = estimator(epochs=epochs, random_state=0).fit(*rows)
        sleep(0.2)
        return psutil.net_io_counters(pernic=True)[interface].bytes_sent - before, clf

    found = []
    for _ in range(options.turns_or(5)):
        (few, _), (many, clf) = sent(1), sent(6)
        found.append((many - few) / 5 / 1e6)
    parameters = clf.theta_.nbytes / 1e6
    turns = {SKMLP: found, STATE: [2 * N_WORKERS * 3 * parameters]}
    return Quantity("sent in an epoch", "MB", turns, (), {"parameters_mb": parameters})


def _client_memory(options, estimator):
    """Measure by how many megabytes the client grows during a fit on rows of the workers."""
    import dask.array as da

    n = options.rows(1_000_000)
    X = da.random.default_rng(0).standard_normal((n, 100), chunks=(-(-n // 4), 100))
    y = (X[:, 0] > 0).astype(int)
    clf, growth = estimator(epochs=2, batch_size=1000 if n > 1000 else 10), []
    for _ in range(options.turns_or(5)):
        gc.collect()
        before = resident("VmRSS")
        clf.fit(X, y)
        growth.append((resident("VmRSS") - before) / 1e6)
    return Quantity("growth of the client", "MB", {SKMLP: growth}, (), {"rows_mb": X.nbytes / 1e6})


def _rounds(options, estimator):
    """Measure the seconds of a round on 64 rows, by the size of the network and the shards."""
    for n_features, units, n_shards in ((10, 100, 2), (10, 100, 16), (784, 100, 2), (784, 1000, 2)):
        X = np.random.default_rng(0).random((64, n_features), np.float32)
        rows = on_workers(X, np.arange(64) % 2, n_chunks=n_shards)
        clf = estimator(units, n_shards=n_shards, epochs=options.epochs(20), random_state=0)
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
            _train_locally(X, y, kind, n_shards, n_rounds, seed).score(X_val, y_val)
            for seed in range(options.turns_or(3))
        ]
        print(n_shards, n_rounds, f"{kind:10} {mean(accuracies):.4f}", flush=True)
        row = {"shards": n_shards, "rounds": n_rounds, "kind": kind, "accuracies": accuracies}
        found.append(row)
    return {"accuracies": found}


def _train_locally(X, y, kind, n_shards, n_rounds, seed):
    """Return a classifier trained on shards, with `n_rounds` rounds in an epoch."""
    clf = SoftmaxMLPClassifier(early_stopping=False, averaging=0.0, random_state=seed)
    rng = np.random.default_rng(seed)
    validated, _ = validate_fit_data(clf, X, y)
    config = replace(
        TrainConfig.from_params(clf.get_params()),
        n_classes=len(clf.classes_),
        theta_dtype=np.dtype("f4"),
    )
    dataset = encode(validated, clf.classes_, config.theta_dtype)
    run = local_trainer(config, clf.classes_, dataset).run
    run.n_epochs *= n_rounds  # a round is an epoch of LocalSource
    theta, shards = run.state.theta, np.array_split(rng.permutation(len(y)), n_shards)
    states = [run.optimizer.init(theta) for _ in shards]
    for number in range(run.n_epochs):
        if number % n_rounds == 0:
            orders = [np.array_split(rng.permutation(shard), n_rounds) for shard in shards]
        parts = [order[number % n_rounds] for order in orders]
        start, thetas = theta.copy(), []
        for part, state in zip(parts, states, strict=True):
            np.copyto(theta, start)
            run.state.optimizer = state
            LocalSource(run, dataset, part, None).run_epoch(number)
            thetas.append(theta.copy())
        mean_theta, mean_state = average(thetas, states, list(map(len, parts)))
        np.copyto(theta, mean_theta)
        if kind == "averaged":
            states = [copy.deepcopy(mean_state) for _ in shards]
        elif kind == "begun anew":
            states = [run.optimizer.init(theta) for _ in shards]
    clf._set_fitted(run.finish())
    return clf

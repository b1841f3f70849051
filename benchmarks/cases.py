"""Cases: training, grid search, prediction, memory, import time, size of a model, disk.

An epoch is the difference of two fits, ``(fit of m epochs - fit of k) / (m - k)``: the checks, the
encoding and the initialization happen in both fits and cancel. A whole fit includes them.
"""

import os
import pickle
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from joblib import cpu_count
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier, HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import data
from benchmarks.harness import (
    LIMIT,
    NOTEBOOK,
    SKLEARN,
    SKMLP,
    TORCH,
    Quantity,
    at_most,
    case,
    faster,
    measured,
    run_python,
    seconds,
    within,
)
from benchmarks.peers import ADAM, ESTIMATORS, GRID, LOGISTIC, Setting, contestants
from skmlp import (
    PopulationGridSearchCV,
    SoftmaxMLPClassifier,
    SoftmaxMLPEnsembleClassifier,
)
from skmlp.data.memmap import block_shuffle

ROWS = 48_000  # training rows of the notebook


# Training


def _epoch(setting, options, few, many, *, rows=None, targets=(), also=()):
    """Measure the seconds of an epoch, by the difference of two fits; on images without rows."""

    def measure(fit):
        return (seconds(fit, many) - seconds(fit, few)) / (many - few)

    X, y = rows or data.images(options.rows(ROWS))
    fits = contestants(setting, X, y, options, also)
    details = {"rows": X.shape[0], "steps": -(-X.shape[0] // setting.batch_size)}
    return measured("epoch", "s", measure, fits, options, targets=targets, **details)


def _whole_fit(setting, X, y, options, epochs, *, targets=()):
    """Measure the seconds of a call of fit."""
    epochs, fits = options.epochs(epochs), contestants(setting, X, y, options)
    details = {"targets": targets, "rows": X.shape[0], "epochs": epochs}
    return measured("whole fit", "s", lambda fit: seconds(fit, epochs), fits, options, **details)


@case("784-100-10 logistic, SGD, batch 256, an epoch")
def notebook(options):
    """Measure the network of the notebook, also as trained by the notebook's own loop."""
    setting = Setting((100,), batch_size=256, **LOGISTIC)
    targets = [faster(SKLEARN, 1.8), faster(TORCH, 1.8), within(LIMIT, 1.4), faster(NOTEBOOK, 8.0)]
    return [_epoch(setting, options, 1, 3, targets=targets, also=[NOTEBOOK])]


@case("784-100-10 relu, Adam, batch 200, an epoch")
def adam(options):
    """Measure the default network, optimizer and batch size of MLPClassifier."""
    targets = faster(SKLEARN, 2.0), faster(TORCH, 2.0), within(LIMIT, 1.6)
    return [_epoch(ADAM, options, 1, 4, targets=targets)]


@case("784-10-10 logistic, SGD, batch 32, an epoch")
def small(options):
    """Measure a network so small that the overhead of calls dominates."""
    setting = Setting((10,), batch_size=32, **LOGISTIC)
    return [_epoch(setting, options, 1, 4, targets=[faster(SKLEARN, 3.5), faster(TORCH, 6.0)])]


@case("784-256-256-10 relu, Adam, batch 128, an epoch")
def deep(options):
    """Measure a network so large that arithmetic dominates."""
    setting = Setting((256, 256), batch_size=128)
    return [_epoch(setting, options, 1, 2, targets=[faster(SKLEARN, 1.5), faster(TORCH, 1.5)])]


@case("2,000 x 20, 32 units, Adam, batch 64, 100 epochs")
def tabular(options):
    """Measure a whole fit on a table of moderate size."""
    X, y = data.tabular(options.rows(2_000))
    setting = Setting((32,), batch_size=64)
    return [_whole_fit(setting, X, y, options, 100, targets=[faster(SKLEARN, 4.0)])]


@case("40-128-128-5 silu, Adam, averaged and validated: the default's network, an epoch")
def default(options):
    """Measure the default network at the batch sizes that "auto" takes for so many rows."""
    quantities = []
    for n_rows, batch_size in ((1_000, 16), (4_000, 64), (16_000, 128), (16_000, 256)):
        rows = data.tabular(options.rows(n_rows), n_features=40, n_classes=5)
        setting = Setting((128, 128), "silu", learning_rate=0.01, averaging=1.0)
        setting, targets = replace(setting, batch_size=batch_size), [faster(TORCH, 1.8)]
        epoch = _epoch(setting, options, 2, 12, rows=rows, targets=targets)
        quantities.append(replace(epoch, what=f"epoch, batches of {batch_size}"))
    return quantities


@case("150 x 4, 100 units, Adam, one batch, 200 epochs")
def iris(options):
    """Measure a whole fit on a very small table, with all rows in one batch."""
    X, y = load_iris(return_X_y=True)
    setting, X = replace(ADAM, batch_size=len(X)), X.astype(np.float32)
    return [_whole_fit(setting, X, y, options, 200, targets=[faster(SKLEARN, 4.0)])]


@case("adam in float64, an epoch")
def float64(options):
    """Measure the case "adam" in double precision."""
    rows = data.images(options.rows(ROWS), dtype=np.float64)
    return [_epoch(ADAM, options, 1, 3, rows=rows, targets=[faster(SKLEARN, 1.3)])]


@case("10,000 x 20,000 CSR, 0.5 % dense, 5 classes, Adam, an epoch")
def sparse(options):
    """Measure sparse rows, as in text classification."""
    rows = data.sparse(options.rows(10_000), 400 if options.tiny else 20_000)
    return [_epoch(ADAM, options, 1, 2, rows=rows, targets=[faster(SKLEARN, 2.0)])]


@case("a step over the width of the layer (minutes)", usual=False)
def width(options):
    """Measure a step of the case "adam" for several widths of the hidden layer."""
    rows, quantities = data.images(options.rows(10_000)), []
    for units in [16] if options.tiny else [16, 32, 64, 128, 256, 512, 1024]:
        epoch = _epoch(replace(ADAM, units=(units,)), options, 1, 3, rows=rows)
        steps = epoch.details["steps"]
        turns = {name: [value / steps for value in values] for name, values in epoch.turns.items()}
        details = epoch.details | {"units": units}
        quantities.append(Quantity(f"step, {units} units", "s", turns, (), details))
    return quantities


# Grid searches: the same candidates, splits, batches and epochs for all contestants. The best
# candidate is not fitted again, and there are as many jobs as processors.

ONE_BY_ONE = "skmlp, GridSearchCV"


def _search(load, n_rows, setting, epochs, bound, options, *, splits=5, grid=GRID):
    """Measure the seconds of a grid search."""
    (X, y), epochs = load(options.rows(n_rows)), options.epochs(epochs)
    rest = {"cv": splits, "refit": False, "n_jobs": cpu_count()}
    if options.tiny:
        setting, grid = replace(setting, batch_size=32), {k: v[:1] for k, v in grid.items()}
    rates, penalties, decays = grid.values()
    alphas = [l2 * setting.batch_size for l2 in penalties]  # which are divided by the batch size
    sklearn_grid = {"learning_rate_init": rates, "alpha": alphas, "beta_1": decays}
    net, mlp = (make(setting, epochs) for make in ESTIMATORS.values())
    searches = {
        SKMLP: PopulationGridSearchCV(net, grid, **rest),
        SKLEARN: GridSearchCV(mlp, sklearn_grid, **rest),
        ONE_BY_ONE: GridSearchCV(net, grid, **rest),
    }

    def measure(search):
        os.environ.setdefault("PYTHONWARNINGS", "ignore:Stochastic Optimizer")  # for the jobs
        with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
            return seconds(search.fit, X, y)

    details = {"rows": len(X), "epochs": epochs, "splits": splits, "jobs": rest["n_jobs"]}
    details["targets"] = faster(SKLEARN, bound), faster(ONE_BY_ONE, 1)
    return [measured("search", "s", measure, searches, options, warm_up=False, **details)]


# By name the description, and arguments of `_search`. In the first the overhead of calls dominates,
# in the last arithmetic.
SEARCHES = {
    "search_small": (
        "135 fits: 1,000 x 20, 16 units, batch 32, 50 epochs",
        partial(_search, data.tabular, 1_000, Setting((16,), batch_size=32), 50, 15.0),
    ),
    "search_medium": (
        "135 fits: 1,000 x 20, 32 units, batch 128, 50 epochs",
        partial(_search, data.tabular, 1_000, Setting((32,), batch_size=128), 50, 8.0),
    ),
    "search_large": (
        "135 fits: 5,000 x 50, 64 units, batch 128, 20 epochs",
        partial(_search, partial(data.tabular, n_features=50, n_classes=5), 5_000,
                Setting((64,), batch_size=128), 20, 4.0),
    ),
    "search_images": (
        "27 fits: 10,000 x 784, 100 units, batch 256, 5 epochs",
        partial(_search, data.images, 10_000, Setting((100,), batch_size=256), 5, 1.5, splits=3,
                grid=GRID | {"beta_1": (0.9,)}),
    ),
}  # fmt: skip
for name, (work, measure) in SEARCHES.items():
    case(work, name=name, usual=False)(measure)

# Ensembles

ENSEMBLE, BAGGING = "ensemble of 8", "BaggingClassifier"
HGB = "HistGradientBoosting"
PLAIN_NET = {
    "units": 100, "activation": "relu", "epochs": 40, "n_bins": None, "dropout": 0.0, "l2": 0.0,
    "early_stopping": False, "averaging": 0.0,
}  # fmt: skip


def _ensemble(params, n_rows, n_features, bound, options):
    """Fit one network and an ensemble of eight, and predict with both."""
    X, y = data.tabular(options.rows(n_rows), n_features=n_features)
    net = SoftmaxMLPClassifier(**params, random_state=0)
    if options.tiny:
        net.set_params(epochs=2)
    models = {SKMLP: net, ENSEMBLE: SoftmaxMLPEnsembleClassifier(net, random_state=0)}
    targets = [within(SKMLP, bound, of=ENSEMBLE)]
    yield measured("whole fit", "s", lambda m: seconds(m.fit, X, y), models, options,
                   turns=5, targets=targets)  # fmt: skip
    many = np.resize(X, (options.rows(60_000), n_features))
    for what, rows, calls, most in (("one row", X[:1], 200, 1.6), ("60,000 rows", many, 1, 7.0)):

        def predict(model, rows=rows, calls=calls):
            return seconds(lambda: [model.predict_proba(rows) for _ in range(calls)]) / calls

        targets = [within(SKMLP, most, of=ENSEMBLE)]
        yield measured(what, "s", predict, models, options, targets=targets)


def _bagging(options):
    """Fit eight networks with the defaults of both packages, on two processors."""
    X, y = data.tabular(options.rows(6_000), n_features=20)
    n_train = 2 * len(X) // 3
    params = {"max_iter": 2, "tol": 0.0, "n_iter_no_change": 1} if options.tiny else {}
    n_jobs = 1 if options.tiny else 2  # other processes do not know of ignored warnings
    nets = BaggingClassifier(MLPClassifier(**params), 8, n_jobs=n_jobs, random_state=0)
    bagging = make_pipeline(StandardScaler(), nets)
    net = SoftmaxMLPClassifier(epochs=options.epochs(100))
    ensemble = SoftmaxMLPEnsembleClassifier(net, n_jobs=n_jobs, random_state=0)
    models = {SKMLP: ensemble, BAGGING: bagging}

    def fit(model):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return seconds(model.fit, X[:n_train], y[:n_train])

    yield measured("whole fit", "s", fit, models, options,
                   turns=3, targets=[faster(BAGGING, 4.0)])  # fmt: skip
    scores = {name: [model.score(X[n_train:], y[n_train:])] for name, model in models.items()}
    yield Quantity("test accuracy", "accuracy", scores)


ENSEMBLES = {
    "ensemble_small": (
        "8 members: 800 x 10, 100 units, 40 epochs",
        partial(_ensemble, PLAIN_NET, 800, 10, 3.0),
    ),
    "ensemble_medium": (
        "8 members: 4,000 x 20, 100 units, 40 epochs",
        partial(_ensemble, PLAIN_NET, 4_000, 20, 3.0),
    ),
    "ensemble_default": (
        "8 members: 10,000 x 20, the default", partial(_ensemble, {}, 10_000, 20, 6.8),
    ),
    "ensemble_bagging": ("8 members: 4,000 x 20, shipped defaults", _bagging),
}  # fmt: skip
for name, (work, measure) in ENSEMBLES.items():
    case(work, name=name, usual=False)(measure)

# The default, over the number of rows

LARGE = 100_000  # rows, for which MLPClassifier takes too long


@case("the default's whole fit on more and more rows of 20 columns (minutes)", usual=False)
def rows(options):
    """Fit with each package's defaults; MLPClassifier does not take part in the largest fit."""
    for n in [300] if options.tiny else [1_000, 10_000, LARGE]:
        X, y = data.tabular(n, n_features=20)
        X = X.astype(np.float64)  # as most data are
        epochs = 2 if options.tiny else "auto"
        models = {
            SKMLP: SoftmaxMLPClassifier(epochs=epochs, random_state=0),
            "skmlp, float32": SoftmaxMLPClassifier(epochs=epochs, dtype="float32", random_state=0),
            HGB: HistGradientBoostingClassifier(random_state=0),
        }
        if n < LARGE:
            mlp = MLPClassifier(random_state=0, **{"max_iter": 2} if options.tiny else {})
            models[SKLEARN] = make_pipeline(StandardScaler(), mlp)

        def fit(model, X=X, y=y):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                return seconds(model.fit, X, y)

        yield measured(f"whole fit, {n:,} rows", "s", fit, models, options,
                       turns=5 if n < LARGE else 3, warm_up=n < LARGE)  # fmt: skip


# Prediction, memory, import time, size of a model


def _memory(method, X, y, options, targets):
    """Measure the peak memory of a method beyond its data, each time in a new process."""
    with TemporaryDirectory() as folder:
        np.save(Path(folder, "X.npy"), X)
        np.save(Path(folder, "y.npy"), y)

        def measure(library):
            return float(run_python("-m", "benchmarks.memory", library, method, folder))

        details = {"turns": 3, "warm_up": False, "targets": targets, "rows": len(X)}
        what = "peak memory over the data"
        return measured(what, "MB", measure, tuple(ESTIMATORS), options, **details)


def _fitted(options):
    """Return the fitted models of both libraries for 784-100-10 in float32."""
    X, y = data.images(options.rows(2_000))
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        return {library: make(ADAM, 2).fit(X, y) for library, make in ESTIMATORS.items()}


@case("fit on 60,000 x 784 uint8, memory")
def pixels(options):
    """Measure the memory of training on uint8 images; a copy as float64 takes 8 times the data."""
    X, y = data.pixels(options.rows(60_000))
    return [_memory("fit", X, y, options, [at_most(30.0)])]


@case("predict_proba of one row")
def one_row(options):
    """Measure the latency of predict_proba for one row, including the input checks."""
    calls, (X, _) = 2 if options.tiny else 500, data.images(1)

    def measure(clf):
        return seconds(lambda: [clf.predict_proba(X) for _ in range(calls)]) / calls

    details = {"turns": 11, "targets": [faster(SKLEARN, 2.0)], "calls": calls}
    return [measured("call", "s", measure, _fitted(options), options, **details)]


@case("predict_proba of 60,000 rows, time and memory")
def many_rows(options):
    """Measure time and memory of predict_proba; the result itself takes 2.4 MB."""
    (X, y), models = data.images(options.rows(60_000)), _fitted(options)
    details = {"targets": [faster(SKLEARN, 1.5)], "rows": len(X)}
    return [
        measured("call", "s", lambda m: seconds(m.predict_proba, X), models, options, **details),
        _memory("predict_proba", X, y, options, [at_most(10.0)]),
    ]


@case("python -c 'import skmlp'")
def import_(options):
    """Measure a new Python process that imports the package; its own start-up time is included."""
    peer = "sklearn.neural_network"
    code = {module: f"import {module}" for module in (SKMLP, peer)}
    details = {"turns": 11, "targets": [within(peer, 1.1)]}
    return [
        measured("import", "s", lambda c: seconds(run_python, "-c", c), code, options, **details)
    ]


@case("bytes of a fitted model over those of its parameters")
def pickle_(options):
    """Measure the size of a pickled model relative to that of its parameters."""
    turns = {}
    for library, clf in _fitted(options).items():
        parameters = sum(array.nbytes for array in [*clf.coefs_, *clf.intercepts_])
        turns[library] = [len(pickle.dumps(clf)) / parameters]
    return [Quantity("pickle", "x parameters", turns, [at_most(1.1)])]


# Reading mini-batches from a file

ROW_ORDERS = {
    SKMLP: block_shuffle,  # blocks in random order
    "as written": lambda rng, X, rows: rows,
    "random": lambda rng, X, rows: rng.permutation(rows),
}


@case("mini-batches of a memory-mapped file of 2 GB, by the order of the rows", usual=False)
def disk(options):
    """Measure the time and the bytes read for a row of a memory-mapped file.

    The file is written to the folder for temporary files (environment variable TMPDIR), which must
    be on a disk. The figures are meaningful only if the file does not fit into the page cache::

        systemd-run --scope -p MemoryMax=500M python -m benchmarks disk

    Each turn starts with an empty page cache and ends after an epoch or a minute.
    """
    n_rows, bytes_read = options.rows(2 * 10**9 // 784), {name: [] for name in ROW_ORDERS}
    with TemporaryDirectory() as folder:
        path, rng = Path(folder, "X.npy"), np.random.RandomState(0)
        X = np.lib.format.open_memmap(path, "w+", np.uint8, (n_rows, 784))
        for start in range(0, n_rows, 2**14):
            rows = X[start : start + 2**14]
            rows[:] = rng.randint(0, 256, rows.shape, np.uint8)
        X.flush()
        del X, rows  # the page cache keeps pages that are mapped

        def measure(name):
            X, rng = np.load(path, mmap_mode="r"), np.random.RandomState(len(bytes_read[name]))
            order = ROW_ORDERS[name](rng, X, np.arange(n_rows))
            took, n_done, n_read = _read_batches(path, X, order)
            bytes_read[name].append(n_read / (n_done * X.shape[1]))
            return took / n_done

        details = {"turns": 3, "warm_up": False, "rows": n_rows}
        time = measured("row", "s", measure, tuple(ROW_ORDERS), options, **details)
    return [time, Quantity("bytes read over bytes used", "x", bytes_read)]


def _read_batches(path, X, order, *, batch_size=128, most_seconds=60.0):
    """Gather batches of an uncached file, mapped as X; return seconds, rows and bytes read."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    batch, before, n_done = np.empty((batch_size, X.shape[1]), X.dtype), _bytes_read(), 0
    started = perf_counter()
    while n_done < len(order) and perf_counter() - started < most_seconds:
        rows = order[n_done : n_done + batch_size]
        X.take(rows, axis=0, out=batch[: len(rows)], mode="clip")
        n_done += len(rows)
    return perf_counter() - started, n_done, _bytes_read() - before


def _bytes_read():
    """Return the number of bytes that this process has read from disks."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("read_bytes")))

"""``python -m benchmarks.paired OLD NEW [CASE ...]``: compare the speed of two commits.

Two processes, one with the skmlp of each commit, take turns at what skmlp does in the cases of
``python -m benchmarks``, with random pixels as images. A turn is repeated for a second, and its
median counts. Printed are the medians of the turns, the median of their ratios new/old, and the
interval that contains the true median ratio with 95 % confidence by the sign test (with fewer than
6 turns, the range of the ratios). On a machine with other work, OPENBLAS_NUM_THREADS=1 in the
environment makes the turns far more alike.
"""

import argparse
import gc
import subprocess
import sys
import tempfile
import warnings
from contextlib import closing
from itertools import groupby
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from joblib import cpu_count
from scipy.stats import binom
from sklearn.datasets import load_iris, make_classification
from threadpoolctl import threadpool_limits

from benchmarks.same_results import check_package, start, unpack
from skmlp import PopulationGridSearchCV, SoftmaxMLPClassifier

__all__ = ["CASES", "interval", "main", "work"]

SLOWER, LEAST_SECONDS = 1.03, 1.0
WORK = "import sys; from benchmarks.paired import work; work(sys.argv[1])"
GRID = {"learning_rate": (0.001, 0.003, 0.01), "l2": (1e-5, 1e-4, 1e-3), "beta_1": (0.8, 0.9, 0.95)}
SMALL = {"activation": "logistic", "solver": "sgd", "learning_rate": 0.1, "batch_size": 32}


def _network(*units, **params):
    plain = {"learning_rate": 0.001, "schedule": "constant", "standardize": False, "l2": 0.0}
    return SoftmaxMLPClassifier(units, **plain | {"momentum": 0.0, "random_state": 0} | params)


def _float32(X, y, divisor=1):
    return X.astype(np.float32) / np.float32(divisor), y


def _table(n_rows):
    return _float32(*make_classification(n_rows, n_informative=10, n_classes=3, random_state=0))


def _pixels(n_rows):
    X = np.random.default_rng(0).integers(256, size=(n_rows, 784), dtype=np.uint8)
    return X, X[:, :10].argmax(axis=1)


def _seconds(function, *args):
    started = perf_counter()
    function(*args)
    return perf_counter() - started


def _fits(model, X, y):
    while True:
        yield _seconds(model.fit, X, y)


def _epochs(*units, **params):
    """Yield the seconds of an epoch, by the difference of two fits."""
    data = _float32(*_pixels(48_000), 255)
    few, many = (_network(*units, epochs=epochs, **params) for epochs in (1, 4))
    while True:
        yield (_seconds(many.fit, *data) - _seconds(few.fit, *data)) / 3


def _one_row():
    X, y = _float32(*_pixels(2000), 255)
    model = _network(100, batch_size=200, epochs=2).fit(X, y)
    while True:
        yield _seconds(lambda: [model.predict_proba(X[:1]) for _ in range(500)]) / 500


def _search(network):
    search = PopulationGridSearchCV(network, GRID, cv=5, refit=False, n_jobs=cpu_count())
    return _fits(search, *_table(1000))


def _dask():
    import dask.array as da  # for this case only
    from distributed import Client, LocalCluster, wait

    from skmlp.dask import DaskSoftmaxMLPClassifier

    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**settings) as cluster, Client(cluster), threadpool_limits(1, "blas"):
        chunks = [da.from_array(a, (30_000, *a.shape[1:])).persist() for a in _pixels(60_000)]
        wait(chunks)
        yield from _fits(DaskSoftmaxMLPClassifier(random_state=0), *chunks)


CASES = {  # functions that return an iterator of seconds
    "adam": lambda: _epochs(100, batch_size=200),
    "small": lambda: _epochs(10, **SMALL),
    "tabular": lambda: _fits(_network(32, batch_size=64, epochs=100), *_table(2000)),
    "iris": lambda: _fits(
        _network(100, batch_size=150, epochs=200), *_float32(*load_iris(return_X_y=True))
    ),
    "one_row": _one_row,
    "search_small": lambda: _search(_network(16, batch_size=32, epochs=50)),
    "dask": _dask,
}


def work(folder):
    """Read names of cases, a line for each turn, and print the seconds of the turn."""
    check_package(folder)
    warnings.simplefilter("ignore")  # of Dask, that rows are sent
    for name, lines in groupby(sys.stdin):
        with closing(CASES[name.strip()]()) as case:
            for _ in lines:
                gc.collect()
                started, found = perf_counter(), []
                while perf_counter() < started + LEAST_SECONDS:
                    found.append(next(case))
                print(median(found), flush=True)


def _turn(worker, name):
    print(name, file=worker.stdin, flush=True)
    answer = worker.stdout.readline()
    if not answer:
        sys.exit(f"a process ended in the case {name}")
    return float(answer)


def interval(ratios):
    """Return the two ratios between which their true median lies with 95 % confidence."""
    place = max(int(binom.ppf(0.025, len(ratios), 0.5)), 1)
    return sorted(ratios)[place - 1], sorted(ratios)[-place]


def main(argv=None):
    """Compare two commits, and print a line for each case.

    Returns
    -------
    code : int
        1 if the whole interval of a case lies above 1.03, otherwise 0.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paired")
    parser.add_argument("old", metavar="OLD", help="a commit")
    parser.add_argument("new", metavar="NEW", help="another, or . for the working tree")
    parser.add_argument("cases", metavar="CASE", nargs="*", help=f"of {', '.join(CASES)}")
    parser.add_argument("--turns", type=int, default=15, help="after one to warm up; default: 15")
    args = parser.parse_intermixed_args(argv)
    if unknown := set(args.cases) - set(CASES):
        parser.error(f"no such case: {', '.join(unknown)}")
    slower, row = False, "{:13}{:>10}{:>10}{:>8}  {}".format
    print(row("case", "old, s", "new, s", "ratio", "95 % interval"))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with tempfile.TemporaryDirectory() as folder:
        sides = [unpack(getattr(args, side), Path(folder, side)) for side in ("old", "new")]
        workers = [start(side, WORK, side, **pipes) for side in sides]
        for name in args.cases or CASES:
            turns = []
            for i in range(args.turns + 1):
                order = workers[:: 1 if i % 2 else -1]
                seconds = {worker: _turn(worker, name) for worker in order}
                turns.append([seconds[worker] for worker in workers])
            old, new = zip(*turns[1:], strict=True)
            ratios = [b / a for a, b in zip(old, new, strict=True)]
            low, high = interval(ratios)
            flagged = low > SLOWER and args.turns >= 6  # fewer turns prove nothing
            slower |= flagged
            bounds = f"{low:.3f} to {high:.3f}" + "  SLOWER" * flagged
            times = (f"{median(side):.3g}" for side in (old, new))
            print(row(name, *times, f"{median(ratios):.3f}", bounds), flush=True)
        for worker in workers:
            worker.communicate()
    return int(slower)


if __name__ == "__main__":
    sys.exit(main())

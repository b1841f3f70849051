"""``python -m benchmarks.paired OLD NEW [CASE ...]``: compare the speed of two commits.

Two processes, one with the skmlp of each commit, take turns at what skmlp does in the cases of
``python -m benchmarks``. A turn is repeated for a second, and its median counts. Printed are the
medians of the turns, the median of their ratios new/old, and the interval that contains the true
median ratio with 95 % confidence by the sign test (with fewer than 6 turns, the range of the
ratios). On a machine with other work, OPENBLAS_NUM_THREADS=1 makes the turns far more alike.
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
from time import perf_counter

import numpy as np
from joblib import cpu_count
from scipy.stats import binom
from sklearn.datasets import load_iris
from threadpoolctl import threadpool_limits

from benchmarks import data
from benchmarks.harness import SKMLP, seconds
from benchmarks.peers import ADAM, ESTIMATORS, GRID, LOGISTIC, Setting
from benchmarks.same_results import start, unpack
from skmlp import PopulationGridSearchCV, SoftmaxMLPClassifier
from skmlp.dask import DaskSoftmaxMLPClassifier

SLOWER, LEAST_SECONDS, IRIS = 1.03, 1.0, load_iris(return_X_y=True)


def _fits(model, X, y):
    while True:
        yield seconds(model.fit, X, y)


def _network_fits(setting, epochs, X, y):
    return _fits(ESTIMATORS[SKMLP](setting, epochs), X.astype(np.float32), y)


def _epochs(setting):
    few, many = (_network_fits(setting, epochs, *data.images(48_000)) for epochs in (1, 4))
    while True:
        yield (next(many) - next(few)) / 3


def _stream():
    X, y = data.sparse(7200, 2**14)
    parts = [slice(i, i + 120) for i in range(0, len(y), 120)]

    def train():
        model = SoftmaxMLPClassifier(dtype="float64", random_state=0)
        for part in parts:
            model.partial_fit(X[part], y[part], range(5))

    while True:
        yield seconds(train)


def _sparse():
    return _fits(SoftmaxMLPClassifier(epochs=1, random_state=0), *data.sparse(5000, 20_000))


def _one_row():
    X, y = data.images(2000)
    model = ESTIMATORS[SKMLP](ADAM, 2).fit(X, y)
    while True:
        yield seconds(lambda: [model.predict_proba(X[:1]) for _ in range(500)]) / 500


def _search():
    network = ESTIMATORS[SKMLP](Setting((16,), batch_size=32), 50)
    search = PopulationGridSearchCV(network, GRID, cv=5, refit=False, n_jobs=cpu_count())
    return _fits(search, *data.tabular(1000))


def _dask():
    with data.local_cluster(2), threadpool_limits(1, "blas"):
        rows = data.on_workers(*data.pixels(60_000))
        yield from _fits(DaskSoftmaxMLPClassifier(random_state=0), *rows)


CASES = {  # functions that return an iterator of seconds
    "adam": lambda: _epochs(ADAM),
    "small": lambda: _epochs(Setting((10,), batch_size=32, **LOGISTIC)),
    "tabular": lambda: _network_fits(Setting((32,), batch_size=64), 100, *data.tabular(2000)),
    "iris": lambda: _network_fits(Setting((100,), batch_size=150), 200, *IRIS),
    "sparse": _sparse,
    "stream": _stream,
    "one_row": _one_row,
    "search_small": _search,
    "dask": _dask,
}  # fmt: skip


def work():
    """Read names of cases, a line for each turn, and print the seconds of the turn."""
    warnings.simplefilter("ignore")  # of Dask, that rows are sent
    for name, lines in groupby(sys.stdin):
        with closing(CASES[name.strip()]()) as case:
            for _ in lines:
                gc.collect()
                started, found = perf_counter(), []
                while perf_counter() < started + LEAST_SECONDS:
                    found.append(next(case))
                print(np.median(found), flush=True)


def _turns(workers, name, n_turns):
    """Return the seconds of a case in each turn of both workers, after one to warm up."""
    found = np.empty((n_turns + 1, 2))
    for i, turn in enumerate(found):
        for side in (0, 1) if i % 2 else (1, 0):
            print(name, file=workers[side].stdin, flush=True)
            turn[side] = workers[side].stdout.readline() or sys.exit(f"{name}: a process ended")
    return found[1:].T


def main(argv=None):
    """Compare two commits; return 1 if the whole interval of a case is above 1.03, otherwise 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paired")
    parser.add_argument("old", metavar="OLD", help="a commit")
    parser.add_argument("new", metavar="NEW", help="another, or . for the working tree")
    parser.add_argument("cases", metavar="CASE", nargs="*", help=f"of {', '.join(CASES)}")
    parser.add_argument("--turns", type=int, default=15, help="after one to warm up; default: 15")
    args = parser.parse_intermixed_args(argv)
    if unknown := set(args.cases) - set(CASES):
        parser.error(f"no such case: {', '.join(unknown)}")
    code, row = 0, "{:13}{:>10}{:>10}{:>8}  {}".format
    print(row("case", "old, s", "new, s", "ratio", "95 % interval"))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    place = max(int(binom.ppf(0.025, args.turns, 0.5)), 1)  # of the bounds among the ratios
    with tempfile.TemporaryDirectory() as folder:
        sides = [unpack(getattr(args, side), Path(folder, side)) for side in ("old", "new")]
        workers = [start(side, "paired", "work", **pipes) for side in sides]
        for name in args.cases or CASES:
            old, new = _turns(workers, name, args.turns)
            low, high = np.sort(new / old)[[place - 1, -place]]
            slower = low > SLOWER and args.turns >= 6  # fewer turns prove nothing
            code = 1 if slower else code
            bounds = f"{low:.3f} to {high:.3f}{'  SLOWER' if slower else ''}"
            medians = (f"{np.median(side):.3g}" for side in (old, new))
            print(row(name, *medians, f"{np.median(new / old):.3f}", bounds), flush=True)
        for worker in workers:
            worker.communicate()
    return code


if __name__ == "__main__":
    sys.exit(main())

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
from statistics import median
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
from skmlp import PopulationGridSearchCV

SLOWER, LEAST_SECONDS = 1.03, 1.0


def _fits(model, X, y):
    while True:
        yield seconds(model.fit, X, y)


def _network_fits(setting, epochs, X, y):
    return _fits(ESTIMATORS[SKMLP](setting, epochs), X.astype(np.float32), y)


def _epochs(setting):
    """Yield the seconds of an epoch, by the difference of two fits."""
    X, y = data.images(48_000)
    few, many = (_network_fits(setting, epochs, X, y) for epochs in (1, 4))
    while True:
        yield (next(many) - next(few)) / 3


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
    import dask.array as da  # for this case only
    from distributed import Client, LocalCluster, wait

    from skmlp.dask import DaskSoftmaxMLPClassifier

    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**settings) as cluster, Client(cluster), threadpool_limits(1, "blas"):
        chunks = [da.from_array(a, (30_000, *a.shape[1:])).persist() for a in data.pixels(60_000)]
        wait(chunks)
        yield from _fits(DaskSoftmaxMLPClassifier(random_state=0), *chunks)


CASES = {  # functions that return an iterator of seconds
    "adam": lambda: _epochs(ADAM),
    "small": lambda: _epochs(Setting((10,), batch_size=32, **LOGISTIC)),
    "tabular": lambda: _network_fits(Setting((32,), batch_size=64), 100, *data.tabular(2000)),
    "iris": lambda: _network_fits(
        Setting((100,), batch_size=150), 200, *load_iris(return_X_y=True)
    ),
    "one_row": _one_row,
    "search_small": _search,
    "dask": _dask,
}


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
                print(median(found), flush=True)


def _turn(worker, name):
    print(name, file=worker.stdin, flush=True)
    if answer := worker.stdout.readline():
        return float(answer)
    sys.exit(f"a process ended in the case {name}")


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
        workers = [start(side, "paired", "work", **pipes) for side in sides]
        for name in args.cases or CASES:
            turns = []
            for i in range(args.turns + 1):
                order = workers[:: 1 if i % 2 else -1]
                seconds_of = {worker: _turn(worker, name) for worker in order}
                turns.append([seconds_of[worker] for worker in workers])
            old, new = np.array(turns[1:]).T
            low, high = interval(new / old)
            flag = "  SLOWER" if low > SLOWER and args.turns >= 6 else ""  # fewer prove nothing
            slower = slower or bool(flag)
            bounds = f"{low:.3f} to {high:.3f}{flag}"
            times = (f"{np.median(side):.3g}" for side in (old, new))
            print(row(name, *times, f"{np.median(new / old):.3f}", bounds), flush=True)
        for worker in workers:
            worker.communicate()
    return int(slower)


if __name__ == "__main__":
    sys.exit(main())

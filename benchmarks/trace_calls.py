"""``python -m benchmarks.trace_calls``: through how many functions and files of skmlp a call goes.

Each call is traced in a new process, where nothing is cached yet. Functions are taken in the order
of their first calls; a change is a function in another file than the one before, a re-entry a
change to a file that has been there before.
"""

import ast
import sys
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import dask
import dask.array as da
from sklearn.datasets import load_iris

import skmlp
from skmlp import PopulationGridSearchCV, SoftmaxMLPClassifier

PACKAGE = Path(skmlp.__file__).parent
IRIS = load_iris(return_X_y=True)


def _fit(data=IRIS, make=SoftmaxMLPClassifier, **params):
    return make(epochs=2, random_state=0, **params).fit(*data)


def _search(**params):
    network = SoftmaxMLPClassifier(4, **params)
    return PopulationGridSearchCV(network, {"l2": [0, 1e-3]}, cv=3)


def _dask_fit(solver):
    from skmlp.dask import DaskSoftmaxMLPClassifier  # for two of the calls only

    dask.config.set(scheduler="synchronous")  # in the thread that is traced
    data = [da.from_array(array, chunks=(75, *array.shape[1:])) for array in IRIS]
    return partial(_fit, data, DaskSoftmaxMLPClassifier, n_shards=2, solver=solver)


CALLS = {  # functions that prepare a call and return it
    "fit": lambda: _fit,
    "fit, early stopping": lambda: partial(_fit, early_stopping=True),
    "predict_proba": lambda: partial(_fit().predict_proba, IRIS[0]),
    "PopulationGridSearchCV": lambda: partial(_fit, make=_search),
    "Dask, adam": lambda: _dask_fit("adam"),
    "Dask, lbfgs": lambda: _dask_fit("lbfgs"),
}


def trace(name):
    """Return the numbers of functions, files, changes and re-entries of a call."""
    call, called = CALLS[name](), {}

    def profile(frame, event, arg):
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(str(PACKAGE)):
            called.setdefault((code.co_filename, code.co_qualname))

    sys.setprofile(profile)
    call()
    sys.setprofile(None)
    files = [file for file, _ in called]
    n_files, n_changes = len(set(files)), sum(a != b for a, b in pairwise(files))
    return len(files), n_files, n_changes, n_changes + 1 - n_files


def code_lines(path):
    """Return how many lines of a file are not empty, comments or docstrings."""
    source = path.read_text(encoding="utf-8")
    lines = enumerate(map(str.strip, source.splitlines()), 1)
    code = {number for number, line in lines if line and not line.startswith("#")}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str):
            code -= set(range(node.lineno, node.end_lineno + 1))
    return len(code)


def main():
    """Print a table of the calls, and how much code skmlp has."""
    row = "{:24}{:>9}{:>7}{:>9}{:>12}".format
    print(row("call", "functions", "files", "changes", "re-entries"))
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for name, numbers in zip(CALLS, pool.imap(trace, CALLS), strict=True):
            print(row(name, *numbers))
    files = list(PACKAGE.rglob("*.py"))
    print(f"{sum(map(code_lines, files)):,} lines of code in {len(files)} files")


if __name__ == "__main__":
    main()

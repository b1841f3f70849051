"""Cases of what a user pays besides time: memory, the import, the size of a fitted model."""

import pickle
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from benchmarks import data
from benchmarks.measure import (
    SKLEARN,
    SKMLP,
    Quantity,
    at_most,
    faster,
    interleave,
    seconds,
    within,
)
from benchmarks.peers import Setting, mlp_classifier, ours

__all__ = ["importing", "many_rows", "one_row", "pickled", "pixels"]

MAKERS = {SKMLP: ours, SKLEARN: mlp_classifier}
SETTING = Setting((100,))


def _python(*args):
    """Run Python anew, where it finds these files, and return what it printed."""
    root = Path(__file__).parents[1]
    run = subprocess.run([sys.executable, *args], cwd=root, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(run.stderr.strip().rpartition("\n")[2])
    return run.stdout


def _memory(action, X, y, options, targets):
    """Peak memory of an action over what there was before, each time in a new process."""
    with TemporaryDirectory() as folder:
        np.save(Path(folder, "X.npy"), X)
        np.save(Path(folder, "y.npy"), y)

        def measure(library):
            return float(_python("-m", "benchmarks.memory", library, action, folder))

        measures = {library: partial(measure, library) for library in MAKERS}
        turns = interleave(measures, options.turns_or(3), warm_up=False)
    return Quantity("peak memory over the data", "MB", turns, targets, {"rows": len(X)})


def _fitted(options):
    """Return both libraries' fitted models of 784-100-10 in float32."""
    X, y = data.images(options.rows(2_000))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return {library: make(SETTING, 2).fit(X, y) for library, make in MAKERS.items()}


def pixels(options):
    """Training on images as they were fetched: whoever copies them to floats needs 8 times."""
    X, y = data.pixels(options.rows(60_000))
    return [_memory("fit", X, y, options, [at_most(30.0)])]


def one_row(options):
    """predict_proba of one row: what a service pays by request, checks included."""
    calls = 2 if options.tiny else 500
    X, _ = data.images(1)

    def measure(clf):
        return seconds(lambda: [clf.predict_proba(X) for _ in range(calls)]) / calls

    measures = {library: partial(measure, clf) for library, clf in _fitted(options).items()}
    turns = interleave(measures, options.turns_or(11))
    return [Quantity("call", "s", turns, [faster(SKLEARN, 2.0)], {"calls": calls})]


def many_rows(options):
    """predict_proba of very many rows: time, and memory besides data, which is to be bounded.

    Of the memory, 2.4 MB are the probabilities themselves.
    """
    X, y = data.images(options.rows(60_000))
    models = _fitted(options)
    measures = {library: partial(seconds, clf.predict_proba, X) for library, clf in models.items()}
    turns = interleave(measures, options.turns_or(5))
    return [
        Quantity("call", "s", turns, [faster(SKLEARN, 1.5)], {"rows": len(X)}),
        _memory("predict_proba", X, y, options, [at_most(10.0)]),
    ]


def importing(options):
    """A new Python that imports the package and ends; both figures contain Python's own start."""
    modules = {SKMLP: "skmlp", "sklearn.neural_network": "sklearn.neural_network"}
    measures = {
        name: partial(seconds, _python, "-c", f"import {module}")
        for name, module in modules.items()
    }
    turns = interleave(measures, options.turns_or(11), warm_up=not options.tiny)
    return [Quantity("import", "s", turns, [within("sklearn.neural_network", 1.1)])]


def pickled(options):
    """Bytes of a pickled fitted model over the bytes of its parameters."""
    turns = {}
    for library, clf in _fitted(options).items():
        parameters = sum(array.nbytes for array in [*clf.coefs_, *clf.intercepts_])
        turns[library] = [len(pickle.dumps(clf)) / parameters]
    return [Quantity("pickle", "x parameters", turns, [at_most(1.1)])]

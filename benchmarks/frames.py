"""Cases of data frames: categories as rows of weights beside one-hot columns.

``python -m benchmarks.frames {frame,one-hot} LEVELS`` prints by how many MB a fit on 50,000 rows
raises the peak memory; see `benchmarks.memory`.
"""

import sys
from functools import partial

import numpy as np

from benchmarks.harness import SKMLP, at_most, case, faster, measured, run_python, seconds
from benchmarks.memory import resident
from skmlp import SoftmaxMLPClassifier

ROWS, NUMBERS, CATEGORIES = 50_000, 10, 10
ONE_HOT = "one-hot float32"
NET = {
    "units": 100, "n_bins": None, "early_stopping": False, "min_frequency": 1, "dtype": "float32",
    "random_state": 0,
}  # fmt: skip


def rows(n_rows, n_levels):
    """Return numbers (n_rows, 10), categories as integers (n_rows, 10), and labels."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(n_rows, NUMBERS)).astype(np.float32)
    categories = rng.integers(0, n_levels, (n_rows, CATEGORIES))
    y = (numbers[:, 0] + categories[:, 0] % 2 + rng.normal(size=n_rows) > 0.5).astype(int)
    return numbers, categories, y


def frame(numbers, categories):
    """Return a data frame of ten numbers and ten categories."""
    import pandas as pd

    columns = {f"number{j}": numbers[:, j] for j in range(NUMBERS)}
    for j in range(CATEGORIES):
        columns[f"category{j}"] = pd.Categorical([f"level {c}" for c in categories[:, j]])
    return pd.DataFrame(columns)


def one_hot(numbers, categories):
    """Return an array of ten numbers and the one-hot columns of ten categories."""
    n_rows, n_levels = len(categories), categories.max(initial=0) + 1
    X = np.zeros((n_rows, NUMBERS + CATEGORIES * n_levels), np.float32)
    X[:, :NUMBERS] = numbers
    X[np.arange(n_rows)[:, None], NUMBERS + np.arange(CATEGORIES) * n_levels + categories] = 1.0
    return X


def _epoch(n_levels, bound, options):
    """Measure an epoch of one hidden layer of 100, and the memory of a fit."""
    numbers, categories, y = rows(options.rows(ROWS), n_levels)
    tables = {SKMLP: frame(numbers, categories), ONE_HOT: one_hot(numbers, categories)}

    def measure(X, batch_size):
        few, many = (1, 2) if options.tiny else (1, 3)
        nets = [SoftmaxMLPClassifier(**NET, epochs=m, batch_size=batch_size) for m in (few, many)]
        return (seconds(nets[1].fit, X, y) - seconds(nets[0].fit, X, y)) / (many - few)

    for batch_size in ("auto",) if options.tiny else ("auto", 512):
        targets = [faster(ONE_HOT, bound)] if batch_size == "auto" else []
        yield measured(f"epoch, batches of {128 if batch_size == 'auto' else batch_size}", "s",
                       partial(measure, batch_size=batch_size), tables, options,
                       targets=targets)  # fmt: skip
    if not options.tiny:
        kinds = {SKMLP: "frame", ONE_HOT: "one-hot"}

        def memory(kind):
            return float(run_python("-m", "benchmarks.frames", kind, str(n_levels)))

        yield measured("peak memory over the frame", "MB", memory, kinds, options,
                       turns=3, warm_up=False, targets=[faster(ONE_HOT, 5.0)])  # fmt: skip


def _one_row(options):
    """Measure predict_proba of a frame of one row, in the kinds of frames."""
    import polars as pl

    numbers, categories, y = rows(options.rows(5_000), 20)
    X, calls = frame(numbers, categories), 2 if options.tiny else 200
    strings = X.astype({f"category{j}": str for j in range(CATEGORIES)})
    clf, models = SoftmaxMLPClassifier(**NET, epochs=1).fit(X, y), {}
    one = strings[:1]
    for name, row in (
        (SKMLP, one), ("skmlp, category", X[:1]), ("skmlp, polars", pl.from_pandas(one)),
    ):  # fmt: skip
        models[name] = partial(clf.predict_proba, row)

    def measure(predict):
        return 1e3 * seconds(lambda: [predict() for _ in range(calls)]) / calls

    yield measured("call", "ms", measure, models, options, turns=11, targets=[at_most(1.0)])


case("50,000 rows of 10 numbers and 10 categories of 20 levels", name="frames_20", usual=False)(
    partial(_epoch, 20, 1.3)
)
case("50,000 rows of 10 numbers and 10 categories of 500 levels", name="frames_500", usual=False)(
    partial(_epoch, 500, 5.0)
)
case("predict_proba of a frame of one row", name="frames_row", usual=False)(_one_row)


def main(kind, n_levels):
    """Print the increase of the peak memory by a fit on a frame that exists, in MB."""
    few, many = rows(500, int(n_levels)), rows(ROWS, int(n_levels))
    table, clf = frame(*many[:2]), SoftmaxMLPClassifier(**NET, epochs=1)

    def fit(X, numbers, categories, y):
        clf.fit(X if kind == "frame" else one_hot(numbers, categories), y)

    fit(frame(*few[:2]), *few)
    before = resident("VmRSS")
    fit(table, *many)
    print((resident("VmHWM") - before) / 1e6)


if __name__ == "__main__":
    main(*sys.argv[1:])

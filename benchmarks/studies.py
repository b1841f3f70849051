"""Experiments on many tables: the defaults beside MLPClassifier, a larger setting beside RealMLP.

docs/benchmarks.rst describes both. The contestants are trained in interleaved turns on the same
rows with the same seed; the time is that of the whole fit, including preprocessing. `cpu_seconds`,
the time of the process, depend less on other load than `seconds`, the wall time.

The standard error of a difference is that of the difference in correctness between two contestants
(averaged over seeds), over the scored rows. A contestant *ties* if it is behind by no more than
that.
"""

import json
import logging
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from time import perf_counter, process_time

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks import tables
from benchmarks.formatting import with_error
from benchmarks.harness import experiment
from skmlp import SoftmaxMLPClassifier

LARGE = 2000  # rows from which on a fifth is large enough to score
SHARE = 0.1  # of the other contestant's time
OURS, OURS_SCALED, THEIRS, THEIRS_SCALED = "skmlp", "skmlp, scaled", "sklearn", "sklearn, scaled"
LARGER_OURS, LARGER_THEIRS = "skmlp, larger", "RealMLP"
LARGER = {
    "units": (256, 256, 256),
    "activation": "silu",
    "dropout": 0.2,
    "label_smoothing": 0.05,
    "l2": 0.001,
    "learning_rate": 0.003,
    "batch_size": 32,
    "epochs": 20,
    "dtype": "float32",
}


@dataclass(frozen=True)
class Study:
    """A comparison on many tables."""

    contestants: Callable  # of a seed; returns estimators by name
    pairs: tuple  # the pairs of contestants to compare, skmlp first
    names: tuple  # of the tables
    n_seeds: int = 3  # at most

    def splits(self, y):
        """Return the splits of a table."""
        return [split for split in evaluation_splits(y) if split[0] < self.n_seeds]

    def compare(self, name):
        """Return the means of each contestant on a table, and the differences of the pairs."""
        X, y = tables.load(name)
        names, n_scored = list(self.contestants(0)), np.zeros(len(y))
        correct = {contestant: np.zeros(len(y)) for contestant in names}
        results = {contestant: [] for contestant in names}
        with threadpool_limits(1):
            for turn, (seed, train, test) in enumerate(self.splits(y)):
                n_scored[test] += 1
                estimators, first = self.contestants(seed), turn % len(names)
                for contestant in names[first:] + names[:first]:
                    figures, rows = measure(estimators[contestant], X, y, train, test)
                    correct[contestant][test] += rows
                    results[contestant].append(figures)
        rows, differences = n_scored > 0, {}
        for a, b in self.pairs:
            values = (correct[a] - correct[b])[rows] / n_scored[rows]
            error = float(values.std(ddof=1) / len(values) ** 0.5)
            differences[f"{a} - {b}"] = {"accuracy": float(values.mean()), "error": error}
        return {
            "table": name,
            "shape": X.shape,
            "classes": int(y.max()) + 1,
            "trained_on": len(train),
            "figures": {contestant: _figures(results[contestant]) for contestant in names},
            "differences": differences,
        }

    def compare_all(self, options):
        """Return the comparisons on all tables and their summary, and print them."""
        names, missing = tables.available(options.tables or self.names)
        found = []
        print(*missing, f"{'table':17} {'contestant':16} accuracy  log-loss   seconds   difference",
              sep="\n")  # fmt: skip
        with ProcessPoolExecutor(options.jobs) as pool:
            for comparison in pool.map(self.compare, names):
                found.append(comparison)
                print(*lines(comparison), sep="\n", flush=True)
        means = summary(found, self.pairs)
        print(json.dumps(means, indent=1))
        return {"comparisons": found, "summary": means, "notes": missing}


def evaluation_splits(y):
    """Return (seed, training rows, test rows); all test rows are scored equally often."""
    if len(y) >= LARGE:
        rows = train_test_split(np.arange(len(y)), test_size=0.2, stratify=y, random_state=0)
        return [(seed, *rows) for seed in range(3 if len(y) < 50_000 else 1)]
    return [
        (seed, train, test)
        for seed in range(2)
        for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(y, y)
    ]


def measure(clf, X, y, train, test):
    """Return the figures of one fit, and which of the test rows are classified correctly."""
    started = perf_counter(), process_time()
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        clf.fit(X[train], y[train])
    seconds, cpu_seconds = perf_counter() - started[0], process_time() - started[1]
    proba = clf.predict_proba(X[test])
    correct = proba.argmax(axis=1) == y[test]
    loss = float(log_loss(y[test], proba, labels=np.arange(y.max() + 1)))
    times = {"seconds": seconds, "cpu_seconds": cpu_seconds}
    return times | {"accuracy": float(correct.mean()), "log_loss": loss}, correct


def _figures(results):
    """Return mean accuracy and log-loss, median seconds of both kinds, and all values."""
    frame = pd.DataFrame(results)
    means = frame[["accuracy", "log_loss"]].mean().to_dict()
    return (
        means
        | frame[["seconds", "cpu_seconds"]].median().to_dict()
        | {"turns": frame.to_dict("list")}
    )


def summary(comparisons, pairs):
    """Return for each pair the numbers of wins and ties, means over tables, and shares of time."""
    return {f"{a} - {b}": _summary(comparisons, a, b) for a, b in pairs}


def _summary(comparisons, a, b):
    ours, theirs = (pd.DataFrame([c["figures"][name] for c in comparisons]) for name in (a, b))
    difference = pd.DataFrame([c["differences"][f"{a} - {b}"] for c in comparisons])
    share = ours["cpu_seconds"] / theirs["cpu_seconds"]
    return {
        "tables": len(comparisons),
        "more_accurate": int((difference["accuracy"] > 0).sum()),
        "at_least_ties": int((difference["accuracy"] >= -difference["error"]).sum()),
        "wins": int((difference["accuracy"] > difference["error"]).sum()),
        "error": float((difference["error"] ** 2).sum() ** 0.5 / len(difference)),  # of the mean
        "lower_log_loss": int((ours["log_loss"] < theirs["log_loss"]).sum()),
        "faster": int((ours["seconds"] < theirs["seconds"]).sum()),
        "speed": float(np.exp(np.log(theirs["seconds"] / ours["seconds"]).mean())),
        "mean_accuracy": [float(side["accuracy"].mean()) for side in (ours, theirs)],
        "mean_log_loss": [float(side["log_loss"].mean()) for side in (ours, theirs)],
        "share": float(np.exp(np.log(share).mean())),
        "largest_share": float(share.max()),
        "within_share": int((share <= SHARE).sum()),
    }


def lines(comparison):
    """Return the lines that show a comparison in the terminal, one per contestant."""
    made = []
    for contestant, figures in comparison["figures"].items():
        name, note = "" if made else comparison["table"], ""
        for pair, difference in comparison["differences"].items():
            if pair.startswith(f"{contestant} - "):
                note = with_error(*difference.values(), sign="+")
        figures = "{accuracy:8.4f} {log_loss:9.4f} {seconds:9.3f}".format(**figures)
        made.append(f"{name:17} {contestant:16} {figures}   {note}".rstrip())
    return made


# The defaults and MLPClassifier, on X as it is and after StandardScaler


def _default_contestants(seed, **params):
    ours = SoftmaxMLPClassifier(random_state=seed, **params)
    mlp = MLPClassifier(random_state=seed)
    scaled = [make_pipeline(StandardScaler(), clone(clf)) for clf in (ours, mlp)]
    return {OURS: ours, THEIRS: mlp, OURS_SCALED: scaled[0], THEIRS_SCALED: scaled[1]}


DEFAULTS = Study(_default_contestants, ((OURS, THEIRS), (OURS_SCALED, THEIRS_SCALED)), tables.NAMES)
experiment("on many tables: the defaults beside MLPClassifier (ten minutes)", name="defaults")(
    DEFAULTS.compare_all
)

# A larger setting and RealMLP


def real_mlp(seed):
    """Return RealMLP with its defaults, in one thread and without log messages."""
    try:
        import torch
        from pytabkit import RealMLP_TD_S_Classifier
    except ImportError:
        raise ImportError(
            "RealMLP is in the package pytabkit, which is not installed: pip install pytabkit (it "
            "needs PyTorch, which includes CUDA unless its CPU build is installed first)"
        ) from None
    torch.set_num_threads(1)
    for name in ("lightning", "pytorch_lightning", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return RealMLP_TD_S_Classifier(device="cpu", n_threads=1, random_state=seed)


def _realmlp_contestants(seed):
    return {
        LARGER_OURS: SoftmaxMLPClassifier(**LARGER, random_state=seed),
        LARGER_THEIRS: real_mlp(seed),
        OURS: SoftmaxMLPClassifier(random_state=seed),
    }


REALMLP = Study(
    _realmlp_contestants,
    ((LARGER_OURS, LARGER_THEIRS), (OURS, LARGER_THEIRS)),
    tuple(name for name in tables.NAMES if name != "fashion"),
    n_seeds=1,
)
experiment("on many tables: a larger setting beside RealMLP (half an hour)", name="realmlp")(
    REALMLP.compare_all
)

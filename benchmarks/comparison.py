"""Compare estimators on many tables, and search settings of SoftmaxMLPClassifier on them.

A *comparison* trains on the development part of a table, four fifths, and scores the remaining
fifth, which no choice has used. A table of fewer than 2,000 rows, where a fifth is too small, is
scored by five-fold cross-validation of all rows. The contestants are trained in interleaved turns
on the same rows with the same seed, in one thread; the time is that of the whole fit, including
preprocessing. `cpu_seconds`, the time of the process, depend less on other load than `seconds`,
the wall time.

The standard error of a difference is that of the difference in correctness between two contestants
(averaged over seeds), over the scored rows. A contestant *ties* if it is behind by no more than
that.

A *search* trains every setting on three quarters of the development part and scores the remaining
quarter.
"""

import json
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from time import perf_counter, process_time

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, train_test_split
from threadpoolctl import threadpool_limits

from benchmarks import tables
from benchmarks.formatting import with_error

LARGE = 2000  # rows from which on a fifth is large enough to score
SHARE = 0.1  # of the other contestant's time


@dataclass(frozen=True)
class Study:
    """A comparison on many tables, and the search that precedes it.

    Parameters
    ----------
    contestants : callable (seed) -> dict of str to estimator
    pairs : sequence of (str, str)
        The pairs of contestants to compare, skmlp first.
    candidates : callable (seed, n_rows) -> list of (setting, estimator)
        What the search trains. Settings are dicts; a name in place of a setting marks a peer.
    names : sequence of str
        The tables of the comparison.
    searched : sequence of str
        The tables of the search.
    n_splits : int
        Number of splits of the search for a table of fewer than 6,000 rows; others have one.
    n_seeds : int or None, default=None
        Number of seeds of the comparison; None means all seeds of `evaluation_splits`.
    """

    contestants: Callable
    pairs: tuple
    candidates: Callable
    names: tuple
    searched: tuple
    n_splits: int
    n_seeds: int | None = None

    def splits(self, y):
        """Return the splits of a comparison."""
        return [s for s in evaluation_splits(y) if self.n_seeds is None or s[0] < self.n_seeds]

    def compare(self, name):
        """Return the means of each contestant on a table, and the differences of the pairs."""
        X, y = tables.load(name)
        names = list(self.contestants(0))
        correct = {contestant: np.zeros(len(y)) for contestant in names}
        results, n_scored = {contestant: [] for contestant in names}, np.zeros(len(y))
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
        found, notes = [], []
        print(f"{'table':17} {'contestant':16} accuracy  log-loss   seconds   difference")
        for comparison in _on_tables(self.compare, self.names, options, notes):
            found.append(comparison)
            print(*lines(comparison), sep="\n", flush=True)
        means = summary(found, self.pairs)
        print(json.dumps(means, indent=1))
        return {"comparisons": found, "summary": means, "notes": notes}

    def records(self, name):
        """Return the records of the search on a table, one per split and candidate."""
        X, y = tables.load(name)
        with threadpool_limits(1):
            return [
                {"table": name, "seed": seed, "setting": setting}
                | measure(clf, X, y, train, test)[0]
                for seed, train, test in tuning_splits(y, self.n_splits)
                for setting, clf in self.candidates(seed, len(train))
            ]

    def search_all(self, options):
        """Return the ranking of all settings and the records behind it, and print the ranking."""
        notes = []
        found = _on_tables(self.records, self.searched, options, notes)
        records = [record for of_table in found for record in of_table]
        ranked = ranking(records)
        print(pd.DataFrame(ranked).to_string(max_colwidth=None))
        return {"ranking": ranked, "records": records, "notes": notes}


def _on_tables(function, names, options, notes):
    """Yield the results of a function for the available tables; add a note for each missing one."""
    names, missing = tables.available(options.tables or names)
    notes += missing
    print(*missing, sep="\n")
    with ProcessPoolExecutor(options.jobs) as pool:
        for name, found in zip(names, pool.map(function, names), strict=True):
            print(name, file=sys.stderr, flush=True)
            yield found


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


# Splits


def development(y):
    """Return the development rows and the held-out rows."""
    rows = np.arange(len(y))
    return train_test_split(rows, test_size=0.2, stratify=y, random_state=0)


def tuning_splits(y, n_splits):
    """Yield (seed, training rows, validation rows), all from the development part."""
    rows, _ = development(y)
    for seed in range(1 if len(y) >= 6000 else n_splits):
        train, test = train_test_split(rows, test_size=0.25, stratify=y[rows], random_state=seed)
        yield seed, train, test


def evaluation_splits(y):
    """Return (seed, training rows, test rows); all test rows are scored equally often."""
    if len(y) >= LARGE:
        train, test = development(y)
        return [(seed, train, test) for seed in range(3 if len(y) < 50_000 else 1)]
    return [
        (seed, train, test)
        for seed in range(2)
        for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(y, y)
    ]


# Results


def ranking(records):
    """Return the settings, best first.

    Each has its mean accuracy and log-loss over tables, and the means of their ranks among all
    settings. The order is that of the sum of both ranks. Where a peer was trained, the share of
    its time is the geometric mean over tables.
    """
    frame = pd.DataFrame(records)
    is_setting = frame["setting"].map(lambda setting: isinstance(setting, dict))
    settings = frame[is_setting].assign(setting=frame["setting"][is_setting].map(json.dumps))
    means = settings.groupby(["setting", "table"])[["accuracy", "log_loss"]].mean().unstack()
    ranked = pd.DataFrame({
        "accuracy": means["accuracy"].mean(axis=1),
        "log_loss": means["log_loss"].mean(axis=1),
        "accuracy_rank": means["accuracy"].rank(ascending=False).mean(axis=1),
        "log_loss_rank": means["log_loss"].rank().mean(axis=1),
    })  # fmt: skip
    if "cpu_seconds" in frame:
        peer = frame[~is_setting].groupby("table")["cpu_seconds"].min()
        share = np.log(settings["cpu_seconds"] / settings["table"].map(peer))
        ranked["share"] = np.exp(share.groupby(settings["setting"]).mean())
    order = (ranked["accuracy_rank"] + ranked["log_loss_rank"]).sort_values(kind="stable").index
    rows = ranked.loc[order].to_dict("index").items()
    return [{"setting": json.loads(setting)} | row for setting, row in rows]


def _figures(results):
    """Return mean accuracy and log-loss, median seconds of both kinds, and all values."""
    turns = {key: [result[key] for result in results] for key in results[0]}
    means = {key: float(np.mean(turns[key])) for key in ("accuracy", "log_loss")}
    medians = {key: float(np.median(turns[key])) for key in ("seconds", "cpu_seconds")}
    return means | medians | {"turns": turns}


def summary(comparisons, pairs):
    """Return for each pair the numbers of wins and ties, means over tables, and shares of time."""
    return {f"{a} - {b}": _summary(comparisons, a, b) for a, b in pairs}


def _summary(comparisons, a, b):
    columns = "accuracy", "log_loss", "seconds", "cpu_seconds"
    ours, theirs = (
        pd.DataFrame([comparison["figures"][name] for comparison in comparisons])[[*columns]]
        for name in (a, b)
    )
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

"""The defaults of SoftmaxMLPClassifier: how they were found, and how they do.

``python -m benchmarks.defaults search`` trains settings for several numbers of epochs on three
quarters of a development part, which is four fifths of a table, and judges them by the remaining
quarter: the other fifth is not touched. It then tells how well rules for epochs="auto" would have
done, by the loss and the errors that they have over those of the best setting of each table.

``python -m benchmarks.defaults table`` compares the defaults that the estimator has now with those
of MLPClassifier, both on X as it is and after StandardScaler. A table of at least 2,000 rows is
trained on its development part and judged by the fifth that no choice has seen, with three seeds;
a smaller one, whose fifth would say little, by five-fold cross-validation over all of it. The four
contestants take turns on the same rows with the same seed, in one thread, and seconds are those
of the whole fit, that of the scaler included. They get no more than that from each other: neither
is told about the data.

The standard error is that of the difference: over the rows judged, of the difference between two
contestants in being right (averaged over seeds). So "ties" means that such rows, drawn again,
could as well have told the opposite.
"""

import argparse
import json
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from scipy.stats import rankdata
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks import report, tables
from skmlp import SoftmaxMLPClassifier

__all__ = [
    "arguments", "compare", "compared", "each", "in_turns", "main", "measure", "parts",
    "ranking", "records_of", "run", "search", "searched", "settings", "summary", "tuning_splits",
]  # fmt: skip

LARGE = 2000  # rows from which on a fifth of them judges well enough
SPLITS = 3  # to choose by, of a table of fewer than 6,000 rows; of others there is one
SEARCHED = tuple(name for name in tables.NAMES if name != "fashion")
# What the search starts from, and what it changes of that. "epochs" are so many passes, but they
# make at least 100 steps and at most "steps" (in no fewer than 5 passes).
BASE = {
    "standardize": True, "schedule": "one_cycle", "learning_rate": 0.01, "batch_size": 128,
    "l2": 3e-4, "dropout": 0.0, "label_smoothing": 0.01, "epochs": 40, "steps": 4000,
}  # fmt: skip
RATES = [
    ("constant", 0.001), ("constant", 0.003), ("cosine", 0.003), ("cosine", 0.01),
    ("one_cycle", 0.003), ("one_cycle", 0.01), ("one_cycle", 0.03),
]  # fmt: skip
COARSE = [
    {"standardize": standardize, "schedule": schedule, "learning_rate": rate, "epochs": epochs}
    for standardize, (schedule, rate), epochs in product([True, False], RATES, [20, 40, 80])
]
FINE = [
    {"learning_rate": rate, "l2": l2, "label_smoothing": smoothing}
    for rate, l2, smoothing in product(
        [0.005, 0.01, 0.02], [0.0, 3e-4, 5e-4, 1e-3, 3e-3], [0.0, 0.01, 0.02]
    )
]
OTHERS = [
    *({"epochs": epochs} for epochs in (30, 50)),
    *({"steps": steps} for steps in (2000, 8000)),
    *({"batch_size": size} for size in (64, 256)),
    *({"dropout": rate} for rate in (0.1, 0.3)),
]
OURS, OURS_SCALED, THEIRS, THEIRS_SCALED = "skmlp", "skmlp, scaled", "sklearn", "sklearn, scaled"
PAIRS = (OURS, THEIRS), (OURS_SCALED, THEIRS_SCALED)


def development(y):
    """Return the rows to choose by and the rows to judge the choice by."""
    rows = np.arange(len(y))
    return train_test_split(rows, test_size=0.2, stratify=y, random_state=0)


def measure(clf, X, y, train, test):
    """Return what one fit gave: seconds, accuracy, log-loss and which rows were right.

    Beside seconds by the clock there are those of this process alone, whatever else is running.
    """
    started = perf_counter(), process_time()
    with warnings.catch_warnings():  # MLPClassifier's, that 200 epochs were too few
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf.fit(X[train], y[train])
    took = perf_counter() - started[0], process_time() - started[1]
    proba = clf.predict_proba(X[test])
    right = proba.argmax(axis=1) == y[test]
    return {
        "seconds": took[0],
        "cpu_seconds": took[1],
        "accuracy": float(right.mean()),
        "log_loss": float(log_loss(y[test], proba, labels=np.arange(y.max() + 1))),
        "right": right,
    }


# The search


def settings():
    """Return the settings that are tried, none of them twice."""
    made = [BASE | change for change in [*COARSE, *FINE, *OTHERS]]
    return [setting for i, setting in enumerate(made) if setting not in made[:i]]


def parameters(setting, n_rows):
    """Return the estimator's parameters of a setting for so many training rows."""
    a_pass = -(-n_rows // setting["batch_size"])
    epochs = round(min(max(setting["epochs"], 100 / a_pass), setting["steps"] / a_pass))
    others = {name: value for name, value in setting.items() if name != "steps"}
    return others | {"batch_size": min(setting["batch_size"], n_rows), "epochs": max(epochs, 5)}


def tuning_splits(y, splits=SPLITS):
    """Yield (seed, rows to train on, rows to judge by), all from the development part."""
    rows, _ = development(y)
    for seed in range(1 if len(y) >= 6000 else splits):
        train, test = train_test_split(rows, test_size=0.25, stratify=y[rows], random_state=seed)
        yield seed, train, test


def _tried(seed, n_rows):
    """Return (setting, estimator) for each setting, and both MLPClassifiers."""
    theirs = MLPClassifier(random_state=seed)
    return [
        (THEIRS, theirs),
        (THEIRS_SCALED, make_pipeline(StandardScaler(), theirs)),
        *(
            (setting, SoftmaxMLPClassifier(**parameters(setting, n_rows), random_state=seed))
            for setting in settings()
        ),
    ]


def records_of(name, tried=_tried, splits=SPLITS):
    """Return a record for each split of a table and each of those who are tried on it."""
    X, y = tables.load(name)
    records = []
    with threadpool_limits(1):
        for seed, train, test in tuning_splits(y, splits):
            for setting, clf in tried(seed, len(train)):
                found = measure(clf, X, y, train, test)
                del found["right"]
                records.append({"table": name, "seed": seed, "setting": setting} | found)
    return records


def search(names=SEARCHED, jobs=1):
    """Return the records of all tables."""
    return [record for found in each(records_of, names, jobs) for record in found]


def ranking(records):
    """Return the settings, best first, with what they lose.

    Each gets its mean accuracy and log-loss over tables, and the means of their ranks among all
    settings; the order is that of the two ranks together.
    """
    kept = [record for record in records if isinstance(record["setting"], dict)]
    names = sorted({record["table"] for record in kept})
    words = sorted({json.dumps(record["setting"]) for record in kept})
    figures = np.zeros((2, len(words), len(names)))
    counts = np.zeros((len(words), len(names)))
    for record in kept:
        at = words.index(json.dumps(record["setting"])), names.index(record["table"])
        figures[(slice(None), *at)] += record["accuracy"], record["log_loss"]
        counts[at] += 1
    accuracies, losses = figures / counts
    ranks = [rankdata(values, axis=0).mean(axis=1) for values in (-accuracies, losses)]
    rows = zip(words, accuracies.mean(axis=1), losses.mean(axis=1), *ranks, strict=True)
    keys = "setting", "accuracy", "log_loss", "accuracy_rank", "log_loss_rank"
    ranked = [dict(zip(keys, map(_plain, row), strict=True)) for row in rows]
    return sorted(ranked, key=lambda row: row["accuracy_rank"] + row["log_loss_rank"])


def _plain(value):
    """Return a number or the words of a setting as JSON has them."""
    return json.loads(value) if isinstance(value, str) else float(value)


def each(function, names, jobs):
    """Yield what a function gives for tables, in their order, and say how far it is."""
    with ProcessPoolExecutor(jobs) as pool:
        for name, found in zip(names, pool.map(function, names), strict=True):
            print(name, file=sys.stderr, flush=True)
            yield found


# The comparison


def contestants(seed, ours=SoftmaxMLPClassifier):
    """Return those who take turns."""
    return {
        OURS: ours(random_state=seed),
        THEIRS: MLPClassifier(random_state=seed),
        OURS_SCALED: make_pipeline(StandardScaler(), ours(random_state=seed)),
        THEIRS_SCALED: make_pipeline(StandardScaler(), MLPClassifier(random_state=seed)),
    }


def parts(y):
    """Return (seed, rows to train on, rows to judge by); all rows are judged equally often."""
    if len(y) >= LARGE:
        train, test = development(y)
        return [(seed, train, test) for seed in range(3 if len(y) < 50_000 else 1)]
    return [
        (seed, train, test)
        for seed in range(2)
        for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(y, y)
    ]


def compare(name, ours=SoftmaxMLPClassifier):
    """Return what a table says: for each contestant its means, for each pair the difference.

    Parameters
    ----------
    name : str
        A table.
    ours : callable, default=SoftmaxMLPClassifier
        What makes the estimator that competes, of its random_state.
    """
    return in_turns(name, partial(contestants, ours=ours), PAIRS)


def in_turns(name, contestants, pairs, parts=parts):
    """Return what a table says about those whom `contestants` makes, of a seed."""
    X, y = tables.load(name)
    right = {who: np.zeros(len(y)) for who in contestants(0)}
    found = {who: [] for who in right}
    judged = np.zeros(len(y))
    with threadpool_limits(1):
        for turn, (seed, train, test) in enumerate(parts(y)):
            judged[test] += 1
            order = list(contestants(seed).items())
            first = turn % len(order)
            for who, clf in order[first:] + order[:first]:
                result = measure(clf, X, y, train, test)
                right[who][test] += result.pop("right")
                found[who].append(result)
    rows = judged > 0
    return {
        "table": name,
        "shape": X.shape,
        "classes": int(y.max()) + 1,
        "trained_on": len(train),
        "figures": {who: _figures(results) for who, results in found.items()},
        "differences": {
            f"{a} - {b}": _difference((right[a] - right[b])[rows] / judged[rows]) for a, b in pairs
        },
    }


def _figures(results):
    """Return mean accuracy and log-loss, median seconds of both kinds, and all of each."""
    turns = {key: [result[key] for result in results] for key in results[0]}
    return {
        "accuracy": float(np.mean(turns["accuracy"])),
        "log_loss": float(np.mean(turns["log_loss"])),
        "seconds": float(np.median(turns["seconds"])),
        "cpu_seconds": float(np.median(turns["cpu_seconds"])),
        "turns": turns,
    }


def _difference(rows):
    """Return the mean of a difference over rows, and its standard error."""
    return {"accuracy": float(rows.mean()), "error": float(rows.std(ddof=1) / len(rows) ** 0.5)}


def summary(comparisons, pairs=PAIRS):
    """Return for each pair how many tables are won or tied, and the means over tables."""
    return {f"{a} - {b}": _summary(comparisons, a, b) for a, b in pairs}


def _summary(comparisons, a, b):
    differences = [c["differences"][f"{a} - {b}"] for c in comparisons]
    ours, theirs = ([c["figures"][who] for c in comparisons] for who in (a, b))
    pairs = list(zip(ours, theirs, strict=True))
    return {
        "tables": len(comparisons),
        "more_accurate": sum(d["accuracy"] > 0 for d in differences),
        "at_least_ties": sum(d["accuracy"] >= -d["error"] for d in differences),
        "lower_log_loss": sum(x["log_loss"] < y["log_loss"] for x, y in pairs),
        "faster": sum(x["seconds"] < y["seconds"] for x, y in pairs),
        "speed": float(np.exp(np.mean([np.log(y["seconds"] / x["seconds"]) for x, y in pairs]))),
        **{
            f"mean_{key}": [float(np.mean([figures[key] for figures in side])) for side in pair]
            for pair in [(ours, theirs)]
            for key in ("accuracy", "log_loss")
        },
    }


def lines(comparison):
    """Return a comparison in print, a line for each contestant."""
    made = []
    for who, figures in comparison["figures"].items():
        name = "" if made else comparison["table"]
        note = ""
        for pair, difference in comparison["differences"].items():
            if pair.startswith(f"{who} - "):
                note = "{accuracy:+.4f} ± {error:.4f}".format(**difference)
        figures = "{accuracy:8.4f} {log_loss:9.4f} {seconds:9.3f}".format(**figures)
        made.append(f"{name:17} {who:16} {figures}   {note}".rstrip())
    return made


def compared(names, jobs, compare=compare, summary=summary):
    """Return all comparisons and their summary, and print them as they come."""
    found = []
    print(f"{'table':17} {'contestant':16} accuracy  log-loss   seconds   difference")
    for comparison in each(compare, names, jobs):
        found.append(comparison)
        print(*lines(comparison), sep="\n", flush=True)
    means = summary(found)
    print(json.dumps(means, indent=1))
    return {"comparisons": found, "summary": means}


def searched(names, jobs, search=search, ranking=ranking):
    """Return the ranking of all settings and the records behind it, and print it."""
    records = search(names, jobs)
    ranked = ranking(records)
    print("accuracy (rank)  log-loss (rank)  setting")
    for row in ranked:
        share = f"{row['share']:.3f}  " if "share" in row else ""
        print("{accuracy:.4f} ({accuracy_rank:4.1f})    {log_loss:.4f} ({log_loss_rank:4.1f})"
              "    {share}{setting}".format(**row | {"share": share}))  # fmt: skip
    return {"ranking": ranked, "records": records}


def main(argv=None):
    """Do what the arguments say.

    Returns
    -------
    code : int
        0.
    """
    args = arguments(
        argv,
        "python -m benchmarks.defaults",
        "Search the defaults of SoftmaxMLPClassifier (half an hour), or compare them with those of "
        "MLPClassifier (ten minutes).",
    )
    run(args, {"search": (searched, SEARCHED), "table": (compared, tables.NAMES)})
    return 0


def run(args, verbs):
    """Do what is asked for, with all tables unless some are named, and write the JSON."""
    do, all_names = verbs[args.what]
    names, notes = tables.available(args.tables or all_names)
    found = report.environment() | {"notes": notes}
    print(*report.environment_lines(found), *notes, "", sep="\n")
    found |= do(names, args.jobs)
    if args.json is not None:
        args.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


def arguments(argv, prog, description):
    """Return the arguments; exit unless they can be meant."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    add = parser.add_argument
    add("what", choices=["search", "table"])
    add("tables", nargs="*", metavar="TABLE", help=f"instead of all: {', '.join(tables.NAMES)}")
    add("--jobs", type=int, default=1, metavar="N", help="how many processes, of a thread each")
    add("--json", type=Path, metavar="PATH", help="where to write all figures")
    args = parser.parse_args(argv)
    unknown = [name for name in args.tables if name not in tables.NAMES]
    if unknown:
        parser.error(f"no such table: {', '.join(unknown)}")
    return args


if __name__ == "__main__":
    sys.exit(main())

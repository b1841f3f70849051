"""A larger setting of SoftmaxMLPClassifier beside RealMLP, a strong network for tables.

``RealMLP_TD_S_Classifier`` of the package pytabkit ("Better by Default", Holzmüller, Grinsztajn &
Steinwart 2024, arXiv:2407.04491) has three layers of 256 units, as `LARGER` has. It trains in
PyTorch for 256 epochs, on four fifths of the rows, and keeps the epoch that is best on the rest::

    pip install pytabkit

``python -m benchmarks.realmlp search`` is how `LARGER` was found: settings are trained on three
quarters of a development part and judged by the remaining quarter, as those of benchmarks.defaults
are. RealMLP runs once on each table, but only to tell what share of its time a setting takes.

``python -m benchmarks.realmlp table`` compares. A table of at least 2,000 rows is trained on its
development part and judged by the fifth that no choice has seen; a smaller one by five-fold
cross-validation over all of it. There is one seed, and the 60,000 images are left out unless they
are named, since RealMLP takes its time. The contestants take turns on the same rows with the same
seed, in one thread on a CPU, and are told nothing about the data. The seconds are those of the
whole fit. `cpu_seconds` are those of the process alone, which other work on the machine changes
little; the share of RealMLP's time is the share of these.
"""

import json
import logging
import sys
from functools import partial

import numpy as np

from benchmarks import defaults
from skmlp import SoftmaxMLPClassifier

__all__ = ["LARGER", "compare", "main", "search", "settings", "summary"]

# What the search starts from, and what it changes of that. Trials on the same splits had left no
# more of it: with relu three layers were less accurate, two layers for 40 epochs were no better,
# and neither quantiles nor clipped columns in front helped.
BASE = {
    "units": (256, 256, 256), "activation": "silu", "dropout": 0.2, "l2": 1e-3,
    "label_smoothing": 0.05, "learning_rate": 0.003, "schedule": "one_cycle", "beta_2": 0.999,
    "batch_size": 32, "epochs": 20, "dtype": "float32",
}  # fmt: skip
CHANGES = [
    {},
    {"epochs": 15},
    {"l2": 3e-4},
    *({"label_smoothing": share} for share in (0.01, 0.03)),
    {"label_smoothing": 0.01, "l2": 3e-4},
    {"dropout": 0.1},
    {"learning_rate": 0.002},
    {"schedule": "cosine"},
    {"beta_2": 0.95},
    {"activation": "gelu"},
    {"batch_size": "auto", "epochs": 25, "learning_rate": 0.005},
]
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
COMPARED = defaults.SEARCHED  # all but the 60,000 images
SPLITS = 8  # of a small table: a quarter of its development part is a few dozen rows
SHARE = 0.1  # of RealMLP's time, which a larger setting may take
DEFAULT, OURS, THEIRS = "skmlp", "skmlp, larger", "RealMLP"
PAIRS = (OURS, THEIRS), (DEFAULT, THEIRS)
MISSING = """\
RealMLP is in the package pytabkit, which is not installed: pip install pytabkit
(it needs PyTorch, which comes with CUDA unless its CPU build is installed first)"""


# The search


def settings():
    """Return the settings that are tried."""
    return [BASE | change for change in CHANGES]


def _tried(seed, n_rows):
    """Return (setting, estimator) for each setting, and RealMLP once, for its time."""
    tried = [(THEIRS, theirs(seed))] if seed == 0 else []
    made = [(s, SoftmaxMLPClassifier(**s, random_state=seed)) for s in settings()]
    return [*tried, *made]


def search(names=COMPARED, jobs=1):
    """Return the records of all tables."""
    found = defaults.each(partial(defaults.records_of, tried=_tried, splits=SPLITS), names, jobs)
    return [record for records in found for record in records]


def ranking(records):
    """Return the settings, best first, with what they lose and what share of time they take."""
    shares = _shares(records)
    ranked = defaults.ranking(records)
    return [row | {"share": shares[json.dumps(row["setting"])]} for row in ranked]


def _shares(records):
    """Return the geometric mean over tables of the share of RealMLP's time, by setting."""
    logs = {}
    whole = {r["table"]: r["cpu_seconds"] for r in records if r["setting"] == THEIRS}
    for r in records:
        share = r["cpu_seconds"] / whole[r["table"]]
        logs.setdefault(json.dumps(r["setting"]), []).append(np.log(share))
    return {setting: float(np.exp(np.mean(values))) for setting, values in logs.items()}


# The comparison


def theirs(seed):
    """Return RealMLP as it comes, in one thread and silent.

    Raises
    ------
    ImportError
        If pytabkit is missing.
    """
    try:
        import torch
        from pytabkit import RealMLP_TD_S_Classifier
    except ImportError:
        raise ImportError(MISSING) from None
    torch.set_num_threads(1)
    for name in ("lightning", "pytorch_lightning", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return RealMLP_TD_S_Classifier(device="cpu", n_threads=1, random_state=seed)


def contestants(seed, theirs=theirs):
    """Return those who take turns."""
    return {
        OURS: SoftmaxMLPClassifier(**LARGER, random_state=seed),
        THEIRS: theirs(seed),
        DEFAULT: SoftmaxMLPClassifier(random_state=seed),
    }


def parts(y):
    """Return the (seed, rows to train on, rows to judge by) of benchmarks.defaults' first seed."""
    return [part for part in defaults.parts(y) if part[0] == 0]


def compare(name, theirs=theirs):
    """Return what a table says: for each contestant its means, for each pair the difference.

    Parameters
    ----------
    name : str
        A table.
    theirs : callable, default=theirs
        What makes RealMLP, or whoever takes its place, of its random_state.
    """
    return defaults.in_turns(name, partial(contestants, theirs=theirs), PAIRS, parts)


def summary(comparisons):
    """Return for each pair how many tables are won or tied, means and shares of time."""
    found = defaults.summary(comparisons, PAIRS)
    for a, b in PAIRS:
        found[f"{a} - {b}"] |= _times(comparisons, a, b) | _differences(comparisons, f"{a} - {b}")
    return found


def share(comparison, a=OURS, b=THEIRS):
    """Return which share of one contestant's time another takes on a table."""
    return np.divide(*(comparison["figures"][who]["cpu_seconds"] for who in (a, b)))


def _times(comparisons, a, b):
    shares = np.array([share(comparison, a, b) for comparison in comparisons])
    return {
        "share": float(np.exp(np.log(shares).mean())),
        "largest_share": float(shares.max()),
        "within_share": int((shares <= SHARE).sum()),
    }


def _differences(comparisons, pair):
    found = [comparison["differences"][pair] for comparison in comparisons]
    errors = np.array([difference["error"] for difference in found])
    return {
        "wins": sum(difference["accuracy"] > difference["error"] for difference in found),
        "error": float((errors**2).sum() ** 0.5 / len(errors)),  # of the mean over tables
    }


def main(argv=None):
    """Do what the arguments say.

    Returns
    -------
    code : int
        0, or 1 without pytabkit.
    """
    args = defaults.arguments(
        argv,
        "python -m benchmarks.realmlp",
        "Search a larger setting of SoftmaxMLPClassifier (an hour), or compare it with "
        "RealMLP (half an hour).",
    )
    try:
        theirs(0)
    except ImportError as error:
        print(error, file=sys.stderr)
        return 1
    searched = partial(defaults.searched, search=search, ranking=ranking)
    compared = partial(defaults.compared, compare=compare, summary=summary)
    defaults.run(args, {"search": (searched, COMPARED), "table": (compared, COMPARED)})
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The README's table: skmlp beside MLPClassifier and PyTorch, made of docs/benchmarks/*.json.

``python -m benchmarks.page`` writes it between two comments in README.md.
"""

from pathlib import Path
from statistics import median

from benchmarks.many_tables import RAW, SCALED
from benchmarks.measure import SKLEARN, SKMLP, TORCH
from benchmarks.printing import TIMES, amount, by_column

__all__ = ["README", "updated", "write"]

README = Path(__file__).parents[1] / "README.md"
CONTESTANTS = SKMLP, SKLEARN, TORCH
START, END = "<!-- made by python -m benchmarks.page -->\n", "<!-- until here -->\n"

# Where a figure is: the file, the case, what was measured; and what the README calls it.
ROWS = [
    ("speed", "adam", "epoch", "an epoch: 48,000 images, 100 units, batches of 200"),
    ("speed", "deep", "epoch", "an epoch: the same, two layers of 256, batches of 128"),
    ("speed", "float64", "epoch", "an epoch: the first in double precision"),
    ("speed", "tabular", "whole fit", f"100 epochs: table of 2,000 {TIMES} 20, 32 units"),
    ("speed", "sparse", "epoch", f"an epoch: sparse rows, 10,000 {TIMES} 20,000"),
    ("speed", "pixels", "peak memory over the data", "memory to fit 60,000 uint8 images"),
    ("speed", "import", "import", "import"),
    ("searches", "search_medium", "search", "a grid search of 135 fits, 1,000 rows"),
    ("searches", "search_images", "search", "one of 27 fits, 10,000 images"),
    ("curves", "accuracy", "whole fit", "Fashion-MNIST with defaults, 60,000 images"),
    ("curves", "accuracy", "test accuracy", "its test accuracy"),
]
TABLES = {RAW: "accuracy with defaults, mean of {} tables", SCALED: "the same after StandardScaler"}


def write(found, path=README):
    """Write the table into the README, and return the path."""
    readme = updated(path.read_text(encoding="utf-8"), found)
    path.write_text(readme, encoding="utf-8", newline="\n")
    return path


def updated(readme, found):
    """Return the README's text with the table that was measured."""
    before, rest = readme.split(START)
    _, after = rest.split(END)
    return f"{before}{START}\n{_table(found)}\n{END}{after}"


def _table(found):
    """Return the table and where it was measured, in Markdown."""
    rows = [["", *CONTESTANTS], ["---", *["---:"] * len(CONTESTANTS)], *_rows(found)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{table}\n\n{_measured(found)}\n"


def _rows(found):
    """Rows: what was measured, and a cell for each contestant."""
    for source, name, what, title in ROWS:
        for case in found.get(source, {}).get("cases", []):
            for quantity in case.get("quantities", []):
                if (case["name"], quantity["what"]) == (name, what):
                    yield [title, *_cells(quantity)]
    for pair, title in TABLES.items():
        if summary := found.get("defaults", {}).get("summary", {}).get(pair):
            ours, theirs = summary["mean_accuracy"]
            turns = {SKMLP: [ours], SKLEARN: [theirs]}
            yield [title.format(summary["tables"]), *_marked(turns, "accuracy")]


def _cells(quantity):
    """Return what each contestant took, those who did best in bold."""
    figures = by_column(quantity)
    return _marked({n: figures[n]["turns"] for n in CONTESTANTS if n in figures}, quantity["unit"])


def _marked(turns, unit):
    """Return cells, in bold the best median and those that are within the best one's turns."""
    medians = {name: median(values) for name, values in turns.items()}
    best = (max if unit == "accuracy" else min)(medians, key=medians.get)
    low, high = min(turns[best]), max(turns[best])
    cells = {name: amount(value, unit) for name, value in medians.items()}
    cells |= {name: f"**{cells[name]}**" for name in turns if low <= medians[name] <= high}
    return [cells.get(name, "") for name in CONTESTANTS]


def _measured(found):
    """Return a paragraph on when, where and how."""
    run = found["speed"]
    versions = ", ".join(f"{name} {version}" for name, version in _versions(run))
    threads = max(pool["num_threads"] for pool in run["threads"])
    return (
        f"Measured {run['date'][:10]} on {run['cpu']} with {run['cpus']} CPUs and as many as "
        f"{threads} threads, with {versions}. Figures are medians of turns, which all take one "
        "after another; in bold are the best, and those that lie within the turns of the best."
    )


def _versions(run):
    yield "Python", run["python"]
    yield from ((name, v) for name, v in run["versions"].items() if v and name != SKMLP)

"""``python -m benchmarks.page``: the tables, plots and text of the documentation, from JSON.

The folder docs/benchmarks holds the JSON files of `SOURCES`, of which only speed.json is required;
docs/benchmarks.rst lists the commands that write them. This command writes

- .csv files, which the pages show as tables, and .svg files, the plots;
- .txt files, the parts of the pages that depend on what was measured;
- the table in README.md, between two comments.

So no figure is written by hand. ``--picture`` draws the picture of README.md as well.
"""

import argparse
import csv
import io
import json
import re
import sys
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks import plots, sections
from benchmarks.formatting import (
    TIMES,
    amount,
    percent,
    quotient,
    spread,
    target_text,
    target_value,
    times,
)
from benchmarks.harness import LIMIT, SKLEARN, SKMLP, TORCH

ROOT = Path(__file__).parents[1]
FOLDER, README = ROOT / "docs" / "benchmarks", ROOT / "README.md"
# JSON files by name, and the heads of their columns in the tables of environments.
SOURCES = {
    "speed": "cases", "searches": "searches", "curves": "plots", "defaults": "defaults",
    "realmlp": "larger", "steps": "steps", "dask": "cluster", "averaging": "averaging",
}  # fmt: skip
CLUSTER = "dask", "averaging"  # the files shown on the page on Dask
# The tables of each part; a plot of the same name comes first.
PARTS = {
    "accuracy": ["accuracy"],
    "width": ["width"],
    "steps": ["steps"],
    "searches": ["search_ratios", "search_figures"],
    "defaults": ["defaults", "defaults_raw", "defaults_scaled"],
    "realmlp": ["realmlp", "realmlp_tables"],
    "cluster": ["cluster_environment", "cluster_figures"],
    "cluster_model": ["cluster_constants", "cluster_model"],
    "averaging": ["averaging"],
    "missed": ["missed"],
}
TITLES = {"defaults_raw": "X as it is", "defaults_scaled": "X after StandardScaler"}
SAME_COLUMN = {"sklearn.neural_network": SKLEARN}  # contestants shown in the column of another


def main(argv=None):
    """Write the files of docs/benchmarks.rst and the table of README.md, and print their names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=main.__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="folder of the JSON")
    parser.add_argument("--picture", action="store_true", help="train, draw README.md's picture")
    args = parser.parse_args(argv)
    print(*write(args.folder), sep="\n")
    if args.folder == FOLDER:  # README.md has the project's own figures only
        print(write_readme(read()))
    if args.picture:
        print(plots.draw_picture())
    return 0


def write(folder=FOLDER):
    """Write tables, parts and plots to the folder of the JSON files; return their names."""
    found = read(folder)
    made = texts(found)
    for name, text in made.items():
        Path(folder, name).write_text(text, encoding="utf-8", newline="\n")
    return [*made, *plots.draw(_succeeded(found, "curves") | _succeeded(found, "steps"), folder)]


def read(folder=FOLDER):
    """Return the contents of the JSON files by name."""
    paths = {name: Path(folder, f"{name}.json") for name in SOURCES}
    return {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, path in paths.items()
        if path.exists() or name == "speed"
    }


def texts(found):
    """Return the contents of all files except the plots, by name."""
    made = {f"{name}.csv": _csv(rows) for name, rows in _tables(found).items() if len(rows) > 1}
    parts = {}
    for name, tables in PARTS.items():
        there = [_shown(table) for table in tables if f"{table}.csv" in made]
        figure = plots.directive(name) if there and name in plots.PLOTS else ""
        parts[name] = figure + "\n".join(there)
    parts["missed"] = parts["missed"] or "Every target is met.\n"
    parts["steps_notes"] = sections.steps_notes(_succeeded(found, "steps"))
    not_measured = "*Not measured yet.*\n"
    return made | {f"{name}.txt": part or not_measured for name, part in parts.items()}


def _tables(found):
    """Return the rows of all tables, by name."""
    speed, searches, cluster = (_cases(found, name) for name in ("speed", "searches", "dask"))
    curves = _succeeded(found, "curves")
    verdicts = [
        *(v for case in [*speed, *searches, *curves.values(), *cluster] for v in _verdicts(case)),
        *(Verdict(*verdict) for verdict in sections.study_verdicts(found)),
    ]
    return {
        "environment": _environment({n: run for n, run in found.items() if n not in CLUSTER}),
        "cluster_environment": _environment({n: found[n] for n in CLUSTER if n in found}),
        "ratios": _ratios(speed),
        "figures": _figures(speed),
        "search_ratios": _ratios(searches),
        "search_figures": _figures(searches),
        "cluster_figures": [row[1:] for row in _figures(cluster)],
        **{name: [row[1:] for row in _figures([case])] for name, case in curves.items()},
        "targets": [
            ["case", "measured", "target", "found", "verdict"],
            *([*verdict[:4], "met" if verdict.met else "missed"] for verdict in verdicts),
        ],
        "missed": [
            ["case", "target", "found", "missed by", "at the limit"],
            *([v.case, *v[2:4], v.missed_by, v.at_limit] for v in verdicts if not v.met),
        ],
        **sections.study_tables(found),
        **sections.steps_tables(_succeeded(found, "steps")),
        **sections.cluster_tables(_succeeded(found, "dask"), found.get("averaging", {})),
    }


def _cases(found, name):
    """Return the cases of a file, which may be missing."""
    return found.get(name, {}).get("cases", [])


def _succeeded(found, name):
    """Return the cases of a file by name, without those that failed."""
    return {case["name"]: case for case in _cases(found, name) if "quantities" in case}


def _csv(rows):
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def _shown(table):
    """Return the directive that shows a table."""
    title = f".. csv-table:: {TITLES.get(table, '')}".rstrip()
    return f"{title}\n   :file: {table}.csv\n   :header-rows: 1\n"


def _rst(text):
    """Escape markup; options are code, so that both of their dashes are kept."""
    return re.sub(r"(?<!\S)(--[\w-]+)", r"`\1`", re.sub(r"([\\*`|_])", r"\\\1", text))


# Tables of cases


def _environment(found):
    """Rows: date, machine and versions, with a column for each run."""
    described = []
    for run in found.values():
        threads = dict.fromkeys(f"{p['internal_api']} {p['num_threads']}" for p in run["threads"])
        described.append({
            "date": run["date"][:10],
            "processor": run["cpu"],
            "CPUs": str(run["cpus"]),
            "threads": ", ".join(threads),
            "Python": run["python"],
            **{name: version for name, version in run["versions"].items() if version},
            "notes": _rst("; ".join(run["notes"])),
        })  # fmt: skip
    heads = dict.fromkeys(key for run in described for key in run)
    rows = [[head, *(run.get(head, "") for run in described)] for head in heads]
    return [["", *(SOURCES[name] for name in found)], *rows] if found else []


def _by_column(quantity):
    """Return the figures of a quantity by the heads of their columns."""
    return {SAME_COLUMN.get(name, name): figure for name, figure in quantity["figures"].items()}


def _quantities(cases):
    """Return (case, name of the case if the quantity is its first, quantity)."""
    return [
        (case, "" if i else case["name"], quantity)
        for case in cases
        for i, quantity in enumerate(case.get("quantities", []))
    ]


def _contestants(cases):
    """Return the contestants in the order in which they first occur."""
    return list(dict.fromkeys(name for *_, q in _quantities(cases) for name in _by_column(q)))


def _ratios(cases):
    """Rows: the figures of the peers over those of skmlp."""
    peers = [name for name in _contestants(cases) if name != SKMLP]
    rows = [["case", "measured", *peers, "work"]]
    for case, name, quantity in _quantities(cases):
        medians = {column: figure["median"] for column, figure in _by_column(quantity).items()}
        ratios = [quotient(medians.get(peer), medians[SKMLP]) for peer in peers]
        rows.append([name, quantity["what"], *ratios, case["work"] if name else ""])
    return rows


def _figures(cases):
    """Rows: median and spread of every contestant, and the number of turns."""
    names = _contestants(cases)
    rows = [["case", "measured", *names, "turns"]]
    for _, name, quantity in _quantities(cases):
        cells = {
            column: amount(figure["median"], quantity["unit"]) + spread(figure["turns"])
            for column, figure in _by_column(quantity).items()
        }
        n_turns = max(len(figure["turns"]) for figure in quantity["figures"].values())
        rows.append([name, quantity["what"], *(cells.get(n, "") for n in names), str(n_turns)])
    failed = [[case["name"], _rst(case["error"])] for case in cases if "error" in case]
    return rows + [row + [""] * (len(names) + 1) for row in failed]


class Verdict(NamedTuple):
    """A target and whether it is met, as text."""

    case: str
    measured: str
    target: str
    found: str
    met: bool
    missed_by: str
    at_limit: str = ""


def _verdicts(case):
    """Return the verdicts on the targets of a case."""
    made = []
    for _, _, quantity in _quantities([case]):
        unit, figures = quantity["unit"], quantity["figures"]
        for target in quantity["targets"]:
            # How many times as fast as the peer the matrix products alone are.
            at_limit = ""
            if target["kind"] == "faster" and LIMIT in figures:
                at_limit = times(figures[target["against"]]["median"], figures[LIMIT]["median"])
            found = target_text(target, unit), target_value(target, unit)
            missed_by = percent(target["missed_by"])
            made.append(
                Verdict(case["name"], quantity["what"], *found, target["met"], missed_by, at_limit)
            )
    return made


# README.md

CONTESTANTS = SKMLP, SKLEARN, TORCH
START, END = "<!-- made by python -m benchmarks.page -->\n", "<!-- until here -->\n"
# JSON file, case, quantity, and the text of the row.
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
STUDIES = {
    sections.RAW: "accuracy with defaults, mean of {} tables",
    sections.SCALED: "the same after StandardScaler",
}


def write_readme(found, path=README):
    """Write the table into README.md, and return the path."""
    text = updated_readme(path.read_text(encoding="utf-8"), found)
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def updated_readme(text, found):
    """Return the text of README.md with the table and a note on the run."""
    before, rest = text.split(START)
    after = rest.split(END)[1]
    rows = [["", *CONTESTANTS], ["---", *["---:"] * len(CONTESTANTS)], *_readme_rows(found)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    run = found["speed"]
    versions = {"Python": run["python"]} | run["versions"] | {SKMLP: None}
    libraries = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    threads = max(pool["num_threads"] for pool in run["threads"])
    note = (
        f"Measured {run['date'][:10]} on {run['cpu']} with {run['cpus']} CPUs and as many as "
        f"{threads} threads, with {libraries}. Figures are medians of turns, which all take one "
        "after another; in bold are the best, and those that lie within the turns of the best."
    )
    return f"{before}{START}\n{table}\n\n{note}\n\n{END}{after}"


def _readme_rows(found):
    for source, name, what, title in ROWS:
        for case, _, quantity in _quantities(_cases(found, source)):
            if (case["name"], quantity["what"]) == (name, what):
                turns = {n: figure["turns"] for n, figure in _by_column(quantity).items()}
                yield [title, *_marked(turns, quantity["unit"])]
    for pair, title in STUDIES.items():
        if summary := found.get("defaults", {}).get("summary", {}).get(pair):
            accuracies = zip((SKMLP, SKLEARN), summary["mean_accuracy"], strict=True)
            turns = {name: [accuracy] for name, accuracy in accuracies}
            yield [title.format(summary["tables"]), *_marked(turns, "accuracy")]


def _marked(turns, unit):
    """Return cells; the best median and those within the range of its turns are bold."""
    medians = {name: median(turns[name]) for name in CONTESTANTS if name in turns}
    best = (max if unit == "accuracy" else min)(medians, key=medians.get)
    low, high = min(turns[best]), max(turns[best])
    cells = {name: amount(value, unit) for name, value in medians.items()}
    cells |= {name: f"**{cells[name]}**" for name in cells if low <= medians[name] <= high}
    return [cells.get(name, "") for name in CONTESTANTS]


if __name__ == "__main__":
    sys.exit(main())

"""``python -m benchmarks.page``: the tables, plots and text of the documentation, from JSON.

The folder docs/benchmarks holds the JSON files of `SOURCES`, of which only speed.json is required;
docs/benchmarks.rst lists the commands that write them. This command writes .csv files, which the
pages show as tables, .svg files, the plots, .txt files, the parts of the pages that depend on what
was measured, and the table in README.md, between two comments.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from statistics import median

import pandas as pd

from benchmarks import formatting as fmt
from benchmarks import plots, sections
from benchmarks.formatting import TIMES
from benchmarks.harness import LIMIT, SKLEARN, SKMLP, TORCH

ROOT = Path(__file__).parents[1]
FOLDER, README = ROOT / "docs" / "benchmarks", ROOT / "README.md"
# JSON files by name, and the heads of their columns in the tables of environments.
SOURCES = {
    "speed": "cases", "searches": "searches", "tables": "tables", "rows": "rows",
    "curves": "plots", "steps": "steps",
    "dask": "cluster", "averaging": "averaging",
}  # fmt: skip
CLUSTER = "dask", "averaging"  # the files shown on the page on Dask
# The tables of each part; a plot of the same name comes first.
PARTS = {name: [name] for name in ("accuracy", "width", "steps", "averaging", "missed")} | {
    "searches": ["search_ratios", "search_figures"],
    "tables": ["table_ratios", "table_figures"],
    "rows": ["rows"],
    "cluster": ["cluster_environment", "cluster_figures"],
    "cluster_model": ["cluster_constants", "cluster_model"],
}
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
    there = [name for name, path in paths.items() if path.exists() or name == "speed"]
    return {name: json.loads(paths[name].read_text(encoding="utf-8")) for name in there}


def texts(found):
    """Return the contents of all files except the plots, by name."""
    tables = {name: table for name, table in _tables(found).items() if len(table)}
    made = {
        f"{name}.csv": table.to_csv(index=False, lineterminator="\n")
        for name, table in tables.items()
    }
    parts = {}
    for part, names in PARTS.items():
        there = [name for name in names if name in tables]
        figure = plots.directive(part) if there and part in plots.PLOTS else ""
        directives = [
            f".. csv-table::\n   :file: {name}.csv\n   :header-rows: 1\n" for name in there
        ]
        parts[part] = figure + "\n".join(directives)
    parts["missed"] = parts["missed"] or "Every target is met.\n"
    parts["steps_notes"] = sections.steps_notes(_succeeded(found, "steps"))
    not_measured = "*Not measured yet.*\n"
    return made | {f"{name}.txt": text or not_measured for name, text in parts.items()}


def _tables(found):
    """Return all tables by name."""
    speed, searches, tables, rows, cluster = (
        _cases(found, name) for name in ("speed", "searches", "tables", "rows", "dask")
    )
    curves = _succeeded(found, "curves")
    verdicts = pd.DataFrame(
        _verdicts([*speed, *searches, *tables, *curves.values(), *cluster]), columns=VERDICT
    )
    return {
        "environment": _environment({n: run for n, run in found.items() if n not in CLUSTER}),
        "cluster_environment": _environment({n: found[n] for n in CLUSTER if n in found}),
        "ratios": _ratios(speed),
        "figures": _figures(speed),
        "search_ratios": _ratios(searches),
        "search_figures": _figures(searches),
        "table_ratios": _ratios(tables),
        "table_figures": _figures(tables),
        "rows": _figures(rows).drop(columns="case"),
        "cluster_figures": _figures(cluster).drop(columns="case"),
        **{name: _figures([case]).drop(columns="case") for name, case in curves.items()},
        "targets": verdicts[VERDICT[:5]],
        "missed": verdicts.loc[verdicts["verdict"] == "missed", MISSED],
        **sections.steps_tables(_succeeded(found, "steps")),
        **sections.cluster_tables(_succeeded(found, "dask")),
        **sections.averaging_tables(found.get("averaging", {})),
    }


def _cases(found, name):
    """Return the cases of a file, which may be missing."""
    return found.get(name, {}).get("cases", [])


def _succeeded(found, name):
    """Return the cases of a file by name, without those that failed."""
    return {case["name"]: case for case in _cases(found, name) if "quantities" in case}


def _rst(text):
    """Escape markup; options are code, so that both of their dashes are kept."""
    return re.sub(r"(?<!\S)(--[\w-]+)", r"`\1`", re.sub(r"([\\*`|_])", r"\\\1", text))


# Tables of cases


def _environment(found):
    """Return date, machine and versions, with a column for each run."""
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
    frame = pd.DataFrame(described, index=[SOURCES[name] for name in found])
    return frame.T.rename_axis("").reset_index()


def _by_column(quantity):
    """Return the figures of a quantity by the heads of their columns."""
    return {SAME_COLUMN.get(name, name): figure for name, figure in quantity["figures"].items()}


def _quantities(cases):
    """Return (case, its name for the first of its quantities, quantity)."""
    return [
        (case, "" if i else case["name"], quantity)
        for case in cases
        for i, quantity in enumerate(case.get("quantities", []))
    ]


def _table(rows, last):
    """Return a table of rows, which may lack cells; a contestant has a column if a row has it."""
    heads = dict.fromkeys(["case", "measured", *(head for row in rows for head in row)])
    return pd.DataFrame(rows, columns=[*(head for head in heads if head != last), last])


def _ratios(cases):
    """Return the figures of the peers over those of skmlp."""
    rows = []
    for case, name, quantity in _quantities(cases):
        medians = {column: figure["median"] for column, figure in _by_column(quantity).items()}
        own = medians.pop(SKMLP)
        ratios = {peer: fmt.quotient(value, own) for peer, value in medians.items()}
        row = {"case": name, "measured": quantity["what"], "work": case["work"] if name else ""}
        rows.append(row | ratios)
    return _table(rows, "work")


def _figures(cases):
    """Return median and spread of every contestant, and the number of turns."""
    rows = []
    for _, name, quantity in _quantities(cases):
        row, figures = {"case": name, "measured": quantity["what"]}, _by_column(quantity)
        for column, f in figures.items():
            row[column] = fmt.amount(f["median"], quantity["unit"]) + fmt.spread(f["turns"])
        row["turns"] = max(len(figure["turns"]) for figure in figures.values())
        rows.append(row)
    errors = {case["name"]: case["error"] for case in cases if "error" in case}
    rows += [{"case": name, "measured": _rst(error)} for name, error in errors.items()]
    return _table(rows, "turns").astype({"turns": "Int64"})


VERDICT = ["case", "measured", "target", "found", "verdict", "missed by", "at the limit"]
MISSED = ["case", "target", "found", "missed by", "at the limit"]


def _verdicts(cases):
    """Return the cells of `VERDICT` for each target of the cases."""
    rows = []
    for case, _, quantity in _quantities(cases):
        unit, figures = quantity["unit"], quantity["figures"]
        for target in quantity["targets"]:
            at_limit = ""  # how many times as fast as the peer the matrix products alone are
            if target["kind"] == "faster" and LIMIT in figures:
                at_limit = fmt.times(figures[target["against"]]["median"], figures[LIMIT]["median"])
            rows.append([
                case["name"], quantity["what"], fmt.target_text(target, unit),
                fmt.target_value(target, unit), "met" if target["met"] else "missed",
                fmt.percent(target["missed_by"]), at_limit,
            ])  # fmt: skip
    return rows


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
]


def write_readme(found, path=README):
    """Write the table into README.md, and return the path."""
    text = updated_readme(path.read_text(encoding="utf-8"), found)
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def updated_readme(text, found):
    """Return the text of README.md with the table and a note on the run."""
    table = markdown_table([["", *CONTESTANTS], *_readme_rows(found)])
    run = found["speed"]
    versions = {"Python": run["python"]} | run["versions"] | {SKMLP: None}
    libraries = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    threads = max(pool["num_threads"] for pool in run["threads"])
    note = (
        f"Measured {run['date'][:10]} on {run['cpu']} with {run['cpus']} CPUs and up to "
        f"{threads} threads, with {libraries}. Figures are medians over interleaved turns. Bold "
        "figures are the best, or within the range of the best."
    )
    return with_block(text, START, f"{table}\n\n{note}\n")


def markdown_table(rows):
    """Return rows of cells, the first of which is the heading, as a table of Markdown."""
    heading, *rows = rows
    lines = [heading, ["---", *["---:"] * (len(heading) - 1)], *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def with_block(text, start, block):
    """Return the text of README.md with other lines between a comment and the next END."""
    before, rest = text.split(start)
    after = rest.split(END, 1)[1]
    return f"{before}{start}\n{block}\n{END}{after}"


def _readme_rows(found):
    for source, name, what, title in ROWS:
        for case, _, quantity in _quantities(_cases(found, source)):
            if (case["name"], quantity["what"]) == (name, what):
                turns = {n: figure["turns"] for n, figure in _by_column(quantity).items()}
                yield [title, *_marked(turns, quantity["unit"])]


def _marked(turns, unit):
    """Return cells; the least median and those within the range of its turns are bold."""
    medians = {name: median(turns[name]) for name in CONTESTANTS if name in turns}
    best = min(medians, key=medians.get)
    low, high = min(turns[best]), max(turns[best])
    cells = {name: fmt.amount(value, unit) for name, value in medians.items()}
    cells |= {name: f"**{cells[name]}**" for name in cells if low <= medians[name] <= high}
    return [cells.get(name, "") for name in CONTESTANTS]


if __name__ == "__main__":
    sys.exit(main())

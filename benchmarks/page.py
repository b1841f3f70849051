"""``python -m benchmarks.page``: the tables and plots of docs/benchmarks.rst, made of JSON.

It reads in docs/benchmarks

- speed.json, which ``python -m benchmarks --json`` writes,
- searches.json, of ``python -m benchmarks search_small ... --json``, if it is there,
- curves.json, of ``python -m benchmarks accuracy width --json``, if it is there,
- defaults.json, of ``python -m benchmarks.defaults table --json``, if it is there,
- realmlp.json, of ``python -m benchmarks.realmlp table --json``, if it is there,
- steps.json, of ``python -m benchmarks steps --json``, if it is there,
- dask.json, of ``python -m benchmarks dask --json``, if it is there,
- averaging.json, of ``python -m benchmarks.averaging --json``, if it is there,

and writes beside them .csv, which the page shows as tables, .svg, and .txt: the parts of the page
that depend on what was measured. The README's table is made as well. So no figure is written by
hand.
"""

import argparse
import csv
import io
import json
import re
import sys
from pathlib import Path

from benchmarks import cluster_page, many_tables, plots, readme, steps_page
from benchmarks.measure import LIMIT, SKMLP
from benchmarks.plots import PLOTS
from benchmarks.printing import (
    SPACE,
    TIMES,
    Verdict,
    amount,
    by_column,
    percent,
    quotient,
    spread,
    table,
    times,
)

__all__ = ["FOLDER", "main", "read", "texts", "write"]

FOLDER = Path(__file__).parents[1] / "docs" / "benchmarks"
SOURCES = {
    "speed": "cases", "searches": "searches", "curves": "plots", "defaults": "defaults",
    "realmlp": "larger", "steps": "steps", "dask": "cluster", "averaging": "averaging",
}  # fmt: skip
CLUSTER = "dask", "averaging"  # which are shown on a page of their own


def main(argv=None):
    """Write what docs/benchmarks.rst shows, and the README's table; print which files these are."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=main.__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="where the JSON is")
    folder = parser.parse_args(argv).folder
    print(*write(folder), sep="\n")
    if folder == FOLDER:  # figures of elsewhere are not the project's
        print(readme.write(read(folder)))
    return 0


def write(folder=FOLDER):
    """Write tables, parts of the page and plots beside the JSON, and return their names."""
    found = read(folder)
    made = texts(found)
    for name, text in made.items():
        Path(folder, name).write_text(text, encoding="utf-8", newline="\n")
    return [*made, *plots.draw(_curves(found) | steps_page.case_of(found), folder)]


def read(folder=FOLDER):
    """Return what was measured, by the names of the files without their suffix."""
    paths = {name: Path(folder, f"{name}.json") for name in SOURCES}
    return {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, path in paths.items()
        if path.exists() or name == "speed"
    }


def texts(found):
    """Return all files but the plots, as text by name."""
    speed, curves = found["speed"]["cases"], _curves(found)
    searches = found.get("searches", {}).get("cases", [])
    cluster = found.get("dask", {}).get("cases", [])
    judged = [*speed, *searches, *curves.values(), *cluster]
    targets = [verdict for case in judged for verdict in _verdicts(case)]
    targets += many_tables.verdicts(found)
    tables = {
        "environment": _environment({n: run for n, run in found.items() if n not in CLUSTER}),
        "cluster_environment": _environment({n: run for n, run in found.items() if n in CLUSTER}),
        "ratios": _ratios(speed),
        "figures": _figures(speed),
        "search_ratios": _ratios(searches),
        "search_figures": _figures(searches),
        "cluster_figures": [row[1:] for row in _figures(cluster)],
        "targets": [TARGETS, *map(_target_row, targets)],
        "missed": [MISSED, *(_missed_row(verdict) for verdict in targets if not verdict.met)],
        **{name: [row[1:] for row in _figures([case])] for name, case in curves.items()},
        **many_tables.tables(found),
        **steps_page.tables(found),
        **cluster_page.tables(found),
    }
    tables = {f"{name}.csv": _csv(rows) for name, rows in tables.items() if len(rows) > 1}
    return tables | _parts(tables, found)


def _curves(found):
    """Return the cases that are drawn, by name, without those that failed."""
    cases = found.get("curves", {}).get("cases", [])
    return {case["name"]: case for case in cases if "quantities" in case}


def _csv(rows):
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def _rst(text):
    """Return words that the page shows as they are: no markup, options with both their dashes."""
    return re.sub(r"(?<!\S)(--[\w-]+)", r"`\1`", re.sub(r"([\\*`|_])", r"\\\1", text))


# The cases


def _environment(found):
    """Rows: what figures depend on, with a column for each run."""
    rows = [["", *(SOURCES[name] for name in found)]]
    described = [_described(run) for run in found.values()]
    for what in dict.fromkeys(key for run in described for key in run):
        rows.append([what, *(run.get(what, "") for run in described)])
    return rows


def _described(run):
    threads = dict.fromkeys(f"{p['internal_api']} {p['num_threads']}" for p in run["threads"])
    return {
        "date": run["date"][:10],
        "processor": run["cpu"],
        "CPUs": str(run["cpus"]),
        "threads": ", ".join(threads),
        "Python": run["python"],
        **{name: version for name, version in run["versions"].items() if version},
        "notes": _rst("; ".join(run["notes"])),
    }


def _contestants(cases):
    """Return the names that head the columns, in the order in which they come."""
    quantities = [quantity for case in cases for quantity in case.get("quantities", [])]
    return list(dict.fromkeys(name for quantity in quantities for name in by_column(quantity)))


def _ratios(cases):
    """Rows: how many times what skmlp takes the others take."""
    peers = [name for name in _contestants(cases) if name != SKMLP]
    rows = [["case", "measured", *peers, "work"]]
    for case in cases:
        for i, quantity in enumerate(case.get("quantities", [])):
            medians = {name: f["median"] for name, f in by_column(quantity).items()}
            ratios = [quotient(medians.get(peer), medians[SKMLP]) for peer in peers]
            name, work = ("", "") if i else (case["name"], case["work"])
            rows.append([name, quantity["what"], *ratios, work])
    return rows


def _figures(cases):
    """Rows: median and spread of every contestant."""
    names = _contestants(cases)
    rows = [["case", "measured", *names, "turns"]]
    for case in cases:
        for i, quantity in enumerate(case.get("quantities", [])):
            rows.append(["" if i else case["name"], quantity["what"], *_cells(quantity, names)])
        if "error" in case:
            rows.append([case["name"], _rst(case["error"]), *([""] * len(names)), ""])
    return rows


def _cells(quantity, names):
    """Return a cell for each contestant, and the number of turns."""
    figures, cells = by_column(quantity), []
    for name in names:
        figure = figures.get(name)
        cell = figure and amount(figure["median"], quantity["unit"]) + spread(figure["turns"])
        cells.append(cell or "")
    return [*cells, str(max(len(figure["turns"]) for figure in figures.values()))]


# The targets

TARGETS = ["case", "measured", "target", "found", "verdict"]
MISSED = ["case", "target", "found", "missed by", "at the limit"]


def _target_row(verdict):
    outcome = "met" if verdict.met else "missed"
    return [verdict.case, verdict.measured, verdict.target, verdict.found, outcome]


def _missed_row(verdict):
    return [verdict.case, verdict.target, verdict.found, verdict.missed_by, verdict.at_limit]


def _verdicts(case):
    """Return what became of a case's targets."""
    return [
        Verdict(
            case["name"], quantity["what"], _aim(target, quantity["unit"]),
            _value(target, quantity["unit"]), target["met"], percent(target["missed_by"]),
            _at_limit(target, quantity["figures"]),
        )
        for quantity in case.get("quantities", [])
        for target in quantity["targets"]
    ]  # fmt: skip


def _value(target, unit):
    """Return what is compared with the bound."""
    if target["against"] is None:
        return amount(target["value"], unit)
    return times(target["value"], 1.0)


def _aim(target, unit):
    """Return what is aimed at, in words."""
    sign = "≥" if target["kind"] in ("faster", "at least") else "≤"
    if target["against"] is None:
        aim = f"{target['bound']:g}" + ("" if unit == "accuracy" else SPACE + unit)
    else:
        aim = f"{target['bound']:g}{SPACE}{TIMES} "
        aim += {"s": "as fast as ", "accuracy": ""}.get(unit, "as small as ") * (sign == "≥")
        aim += target["against"]
    who = "" if target["of"] == SKMLP else f"{target['of']}: "
    return f"{who}{sign}{SPACE}{aim}"


def _at_limit(target, figures):
    """Return by how much the matrix products alone are faster than the peer of a target."""
    if target["kind"] != "faster" or LIMIT not in figures:
        return ""
    return times(figures[target["against"]]["median"], figures[LIMIT]["median"])


# The parts of the page that depend on what was measured


def _parts(tables, found):
    """Return what the page includes, by names of files: tables that are there, or a sentence."""
    parts = {}
    for name, (alt, caption) in PLOTS.items():
        figure = f".. figure:: /benchmarks/{name}.svg\n   :alt: {alt}\n\n   {caption}\n\n"
        parts[name] = figure + table(name) if f"{name}.csv" in tables else ""
    measured = "search_ratios.csv" in tables
    parts["searches"] = table("search_ratios") + "\n" + table("search_figures") if measured else ""
    parts |= many_tables.parts(tables) | steps_page.parts(found) | cluster_page.parts(tables)
    parts = {name: part or "*Not measured yet.*\n" for name, part in parts.items()}
    parts["missed"] = table("missed") if "missed.csv" in tables else "Every target is met.\n"
    return {f"{name}.txt": part for name, part in parts.items()}


if __name__ == "__main__":
    sys.exit(main())

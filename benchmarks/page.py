"""``python -m benchmarks.page``: the tables and plots of docs/benchmarks.rst, made of JSON.

It reads in docs/benchmarks

- speed.json, which ``python -m benchmarks --json`` writes,
- curves.json, of ``python -m benchmarks accuracy width --json``, if it is there,
- defaults.json, of ``python -m benchmarks.defaults table --json``, if it is there,

and writes beside them .csv, which the page shows as tables, .svg, and .txt: the parts of the page
that depend on what was measured. So no figure of the page is written by hand.
"""

import argparse
import csv
import io
import json
import re
import sys
from math import isfinite
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.accuracy import BEST
from benchmarks.measure import COMPILED, LIMIT, SKLEARN, SKMLP, TORCH

__all__ = ["FOLDER", "draw", "main", "read", "texts", "write"]

FOLDER = Path(__file__).parents[1] / "docs" / "benchmarks"
SOURCES = {"speed": "cases", "curves": "plots", "defaults": "defaults"}
SAME_COLUMN = {"sklearn.neural_network": SKLEARN}  # its import stands for the class in it
OURS = SKMLP, BEST
SPACE, TIMES = "\N{NO-BREAK SPACE}", "\N{MULTIPLICATION SIGN}"

# Colours of Okabe & Ito, which all kinds of colour vision tell apart.
COLOURS = {
    SKMLP: "#0072B2", BEST: "#009E73", SKLEARN: "#D55E00", TORCH: "#CC79A7", COMPILED: "#E69F00",
    LIMIT: "0.3",
}  # fmt: skip


def main(argv=None):
    """Write what docs/benchmarks.rst shows, and print which files these are."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=main.__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="where the JSON is")
    print(*write(parser.parse_args(argv).folder), sep="\n")
    return 0


def write(folder=FOLDER):
    """Write tables, parts of the page and plots beside the JSON, and return their names."""
    found = read(folder)
    made = texts(found)
    for name, text in made.items():
        Path(folder, name).write_text(text, encoding="utf-8", newline="\n")
    return [*made, *draw(found, folder)]


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
    targets = [verdict for case in [*speed, *curves.values()] for verdict in _verdicts(case)]
    targets += _verdicts_on_defaults(found)
    tables = {
        "environment": _environment(found),
        "ratios": _ratios(speed),
        "figures": _figures(speed),
        "targets": [TARGETS, *map(_target_row, targets)],
        "missed": [MISSED, *(_missed_row(verdict) for verdict in targets if not verdict.met)],
        **{name: [row[1:] for row in _figures([case])] for name, case in curves.items()},
        **_defaults(found),
    }
    tables = {f"{name}.csv": _csv(rows) for name, rows in tables.items() if len(rows) > 1}
    return tables | _parts(tables)


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


# Numbers in print


def _significant(value):
    """Return a number with three significant digits."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")


def _amount(value, unit):
    """Return a figure with its unit."""
    if value is None:
        return "never"
    if unit == "accuracy":
        return f"{value:.4f}"
    if unit == "s":
        for factor, small in ((1.0, "s"), (1e3, "ms"), (1e6, "\N{MICRO SIGN}s")):
            if abs(value) * factor >= 1.0:
                value, unit = value * factor, small
                break
    return f"{_significant(value)}{SPACE}{unit}"


def _percent(share):
    return "" if share is None else f"{100.0 * share:.1f}{SPACE}%"


def _spread(turns):
    """Return half the range of the turns, relative to the middle."""
    if len(turns) < 2 or None in turns or min(turns) + max(turns) <= 0:
        return ""
    low, high = min(turns), max(turns)
    return f" ±{SPACE}{100.0 * (high - low) / (high + low):.0f}{SPACE}%"


def _quotient(a, b):
    """Return a / b in print, or nothing where that is no number."""
    return _significant(a / b) if a and b and isfinite(a / b) else ""


def _times(a, b):
    """Return a / b as a multiple."""
    quotient = _quotient(a, b)
    return quotient and f"{quotient}{SPACE}{TIMES}"


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
    return list(dict.fromkeys(name for quantity in quantities for name in _by_column(quantity)))


def _by_column(quantity):
    """Return the figures of a quantity by the heads of their columns."""
    return {SAME_COLUMN.get(name, name): figure for name, figure in quantity["figures"].items()}


def _ratios(cases):
    """Rows: how many times what skmlp takes the others take."""
    peers = [name for name in _contestants(cases) if name != SKMLP]
    rows = [["case", "measured", *peers, "work"]]
    for case in cases:
        for i, quantity in enumerate(case.get("quantities", [])):
            medians = {name: f["median"] for name, f in _by_column(quantity).items()}
            ratios = [_quotient(medians.get(peer), medians[SKMLP]) for peer in peers]
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
    figures, cells = _by_column(quantity), []
    for name in names:
        figure = figures.get(name)
        amount = figure and _amount(figure["median"], quantity["unit"]) + _spread(figure["turns"])
        cells.append(amount or "")
    return [*cells, str(max(len(figure["turns"]) for figure in figures.values()))]


# The targets

TARGETS = ["case", "measured", "target", "found", "verdict"]
MISSED = ["case", "target", "found", "missed by", "at the limit"]


class Verdict(NamedTuple):
    """A target and what became of it, in print."""

    case: str
    measured: str
    target: str
    found: str
    met: bool
    missed_by: str
    at_limit: str = ""


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
            _value(target, quantity["unit"]), target["met"], _percent(target["missed_by"]),
            _at_limit(target, quantity["figures"]),
        )
        for quantity in case.get("quantities", [])
        for target in quantity["targets"]
    ]  # fmt: skip


def _value(target, unit):
    """Return what is compared with the bound."""
    if target["against"] is None:
        return _amount(target["value"], unit)
    return _times(target["value"], 1.0)


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
    return _times(figures[target["against"]]["median"], figures[LIMIT]["median"])


# The defaults


def _kind(pair):
    return "scaled" if "scaled" in pair else "raw"


def _defaults(found):
    """Return the rows of the tables on defaults: one for each kind of X, and a summary."""
    if "defaults" not in found:
        return {}
    comparisons, summary = found["defaults"]["comparisons"], found["defaults"]["summary"]
    tables = {f"defaults_{_kind(pair)}": _comparison_rows(comparisons, pair) for pair in summary}
    return tables | {"defaults": _summary_rows(summary)}


def _comparison_rows(comparisons, pair):
    """Rows: what the defaults of both gave on each table."""
    rows = [["table", "X", "classes", "accuracy", "difference", "skmlp", "log-loss", "time"]]
    for found in comparisons:
        sides = [found["figures"][who] for who in pair.split(" - ")]
        difference, error = (found["differences"][pair][key] for key in ("accuracy", "error"))
        verdict = "wins" if difference > error else "ties" if difference >= -error else "loses"
        rows.append([
            found["table"],
            f"{SPACE}{TIMES} ".join(map(str, found["shape"])),
            str(found["classes"]),
            _both(f"{side['accuracy']:.4f}" for side in sides),
            f"{difference:+.4f} ±{SPACE}{error:.4f}",
            verdict,
            _both(f"{side['log_loss']:.3f}" for side in sides),
            _both(_amount(side["seconds"], "s") for side in sides),
        ])  # fmt: skip
    return rows


def _both(cells):
    """Return what skmlp gave and what MLPClassifier gave as one cell."""
    return f"{SPACE}/ ".join(cells)


def _summary_rows(summary):
    """Rows: counts and means over the tables, with a column for each kind of X."""
    heads = {"raw": "X as it is", "scaled": "after StandardScaler"}
    sides = [{
        "tables": f"{s['tables']}",
        "skmlp wins or ties": f"{s['at_least_ties']}",
        "skmlp is more accurate": f"{s['more_accurate']}",
        "mean accuracy of skmlp": f"{s['mean_accuracy'][0]:.4f}",
        f"mean accuracy of {SKLEARN}": f"{s['mean_accuracy'][1]:.4f}",
        "skmlp has the lower log-loss": f"{s['lower_log_loss']}",
        "mean log-loss of skmlp": f"{s['mean_log_loss'][0]:.3f}",
        f"mean log-loss of {SKLEARN}": f"{s['mean_log_loss'][1]:.3f}",
        "skmlp takes less time": f"{s['faster']}",
        f"times as fast as {SKLEARN}, geometric mean": _significant(s["speed"]),
    } for s in summary.values()]  # fmt: skip
    rows = [["", *(heads[_kind(pair)] for pair in summary)]]
    return rows + [[what, *(side[what] for side in sides)] for what in sides[0]]


def _verdicts_on_defaults(found):
    """Return what became of the targets that the defaults have over all tables."""
    verdicts = []
    for pair, s in found.get("defaults", {}).get("summary", {}).items():
        ties, faster = s["at_least_ties"] / s["tables"], s["faster"] / s["tables"]
        ours, theirs = s["mean_log_loss"]
        losses = f"{ours:.3f} against {theirs:.3f}"
        aims = [
            ("accuracy", f"wins or ties on ≥{SPACE}90{SPACE}%", _percent(ties), 1.0 - ties / 0.9),
            ("log-loss", f"mean below that of {SKLEARN}", losses, ours / theirs - 1.0),
            ("time", f"less than {SKLEARN} on all", f"on {_percent(faster)}", 1.0 - faster),
        ]
        for *words, short in aims:
            name = f"defaults, {_kind(pair)}"
            verdicts.append(Verdict(name, *words, short <= 0.0, _percent(short)))
    return verdicts


# The parts of the page that depend on what was measured

PLOTS = {
    "accuracy": (
        "Share of test images told apart over the seconds of training, a curve for each "
        "contestant, with a level line where MLPClassifier ends.",
        "Test accuracy after each epoch, over seconds of training. The level line is where "
        "MLPClassifier ends.",
    ),
    "width": (
        "Time of a training step over the units of the hidden layer, a curve for each contestant, "
        "above the region that the matrix products alone already take.",
        "Time of a step, over the units of the hidden layer; bands reach from the fastest turn to "
        "the slowest. Nothing that trains this network can be in the grey: its matrix products "
        "alone take longer.",
    ),
}


def _parts(tables):
    """Return what the page includes, by names of files: tables that are there, or a sentence."""
    parts = {}
    for name, (alt, caption) in PLOTS.items():
        figure = f".. figure:: /benchmarks/{name}.svg\n   :alt: {alt}\n\n   {caption}\n\n"
        parts[name] = figure + _table(name) if f"{name}.csv" in tables else ""
    kinds = {"defaults_raw": "X as it is", "defaults_scaled": "X after StandardScaler"}
    parts["defaults"] = ""
    if "defaults.csv" in tables:
        details = [_table(name, title) for name, title in kinds.items() if f"{name}.csv" in tables]
        parts["defaults"] = "\n".join([_table("defaults"), *details])
    parts = {name: part or "*Not measured yet.*\n" for name, part in parts.items()}
    parts["missed"] = _table("missed") if "missed.csv" in tables else "Every target is met.\n"
    return {f"{name}.txt": part for name, part in parts.items()}


def _table(name, title=""):
    return f".. csv-table:: {title}".rstrip() + f"\n   :file: {name}.csv\n   :header-rows: 1\n"


# The plots


def draw(found, folder):
    """Draw what was measured of the two plots, and return the names of the files."""
    names = []
    for name, case in _curves(found).items():
        if name in PLOTS:
            _save({"accuracy": _draw_accuracy, "width": _draw_width}[name], case, folder, name)
            names.append(f"{name}.svg")
    return names


def _save(drawn, case, folder, name):
    """Write a plot, the same bytes for the same numbers."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    style = {
        "font.size": 11, "xtick.labelsize": 10, "ytick.labelsize": 10, "svg.hashsalt": "skmlp",
        "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3,
    }  # fmt: skip
    with rc_context(style):
        figure = Figure(figsize=(5.6, 4.2), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)  # white around, on dark pages
        drawn(figure.add_subplot(), case["quantities"])
        figure.savefig(Path(folder, f"{name}.svg"), metadata={"Date": None})


def _plain(axis):
    """Write numbers on a logarithmic axis as numbers, not as powers."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _draw_accuracy(ax, quantities):
    """Draw the accuracy of every contestant after each epoch, over the seconds till then."""
    turns = next(q["details"]["curves"] for q in quantities if "curves" in q["details"])
    ends = {name: points[-1] for name, points in turns[0].items()}
    for i, curves in enumerate(turns):
        for name, points in curves.items():
            style = {"color": COLOURS[name], "linewidth": 1.5, "alpha": 0.3 if i else 1.0}
            ax.plot(*zip(*points, strict=True), **style, zorder=3 if name in OURS else 2)
    end = median(curves[SKLEARN][-1][1] for curves in turns)
    ax.axhline(end, color=COLOURS[SKLEARN], linewidth=1.0, linestyle=(0, (4, 3)))
    best = max(accuracy for curves in turns for points in curves.values() for _, accuracy in points)
    bottom = min(end - 0.06, *(accuracy - 0.02 for _, accuracy in ends.values()))
    ax.set(xscale="log", ylim=(bottom, best + 0.005))
    ax.set(xlabel="seconds of training", ylabel="test accuracy")
    ax.text(
        0.01,
        end,
        f"where {SKLEARN} ends",
        va="bottom",
        fontsize=10,
        transform=ax.get_yaxis_transform(),
    )
    _plain(ax.xaxis)
    _label(ax, ends)


def _draw_width(ax, quantities):
    """Draw the time of a step over the width of the layer, and the limit."""
    from matplotlib.ticker import NullLocator

    units = [quantity["details"]["units"] for quantity in quantities]
    ends = {}
    for name in quantities[0]["figures"]:
        turns = [[1e3 * value for value in q["figures"][name]["turns"]] for q in quantities]
        medians, style = list(map(median, turns)), {"color": COLOURS[name]}
        dashes = "--" if name == LIMIT else "-"
        ax.plot(units, medians, dashes, marker="o", markersize=4, linewidth=1.5, **style)
        ax.fill_between(units, list(map(min, turns)), list(map(max, turns)), alpha=0.15, **style)
        ends[name] = units[-1], medians[-1]
    ax.set(xscale="log", yscale="log", xticks=units)
    ax.set(xlabel="units of the hidden layer", ylabel="milliseconds of a step")
    ax.xaxis.set_minor_locator(NullLocator())
    _plain(ax.xaxis)
    _plain(ax.yaxis)
    bottom = ax.get_ylim()[0]
    limits = [1e3 * quantity["figures"][LIMIT]["median"] for quantity in quantities]
    ax.fill_between(units, limits, bottom, color="0.9", zorder=0)
    ax.set_ylim(bottom=bottom)
    _label(ax, ends)


def _label(ax, ends):
    """Write the names of curves beside the axes, each with a line to where its curve ends."""
    ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim())
    to_axes = ax.transScale + ax.transLimits
    heights = {name: float(to_axes.transform(end)[1]) for name, end in ends.items()}
    for name, height in _apart(heights, 0.065).items():
        line = {"arrowstyle": "-", "color": COLOURS[name], "linewidth": 1.0, "shrinkA": 1}
        ax.annotate(
            name, ends[name], (1.04, height), textcoords="axes fraction", va="center",
            arrowprops=line | {"shrinkB": 2, "linestyle": ":"}, annotation_clip=False,
        )  # fmt: skip


def _apart(heights, gap):
    """Move heights between 0 and 1 until no two are closer than the gap; keep their order."""
    placed, below = {}, -gap
    for name in sorted(heights, key=heights.get):
        below = placed[name] = max(heights[name], below + gap)
    above = 1.0 + gap
    for name in reversed(placed):
        above = placed[name] = min(placed[name], above - gap)
    return placed


if __name__ == "__main__":
    sys.exit(main())

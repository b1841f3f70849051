"""The plots of docs/benchmarks.rst."""

from pathlib import Path
from statistics import mean, median

from benchmarks.accuracy import BEST
from benchmarks.measure import COMPILED, LIMIT, SKLEARN, SKMLP, TORCH
from benchmarks.steps import TRAINED_ON

__all__ = ["PLOTS", "draw"]

OURS = SKMLP, BEST

# Colours of Okabe & Ito, which all kinds of colour vision tell apart.
COLOURS = {
    SKMLP: "#0072B2", BEST: "#009E73", SKLEARN: "#D55E00", TORCH: "#CC79A7", COMPILED: "#E69F00",
    LIMIT: "0.3",
}  # fmt: skip


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
    "steps": (
        "Accuracy on the validation images and on images trained on, step by step, a dot for each "
        "training.",
        "Accuracy on the images set aside and on images trained on, a dot for each seed.",
    ),
}


def draw(curves, folder):
    """Draw the cases that are plots, by name, and return the names of the files."""
    names = []
    for name, case in curves.items():
        if name in PLOTS:
            _save(DRAWN[name], case, folder, name)
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


def _draw_steps(ax, quantities):
    """Draw the accuracies of each step's trainings, downwards, and what training images give."""
    found = [q["figures"] for q in quantities if TRAINED_ON in q["figures"]]
    names = [q["what"] for q in quantities if TRAINED_ON in q["figures"]]
    for name, label, style in [
        (SKMLP, "validation images", {"color": COLOURS[SKMLP], "zorder": 3}),
        (TRAINED_ON, "images trained on", {"color": "0.4", "markerfacecolor": "none"}),
    ]:
        turns = [figures[name]["turns"] for figures in found]
        ax.plot([mean(values) for values in turns], range(len(names)), linewidth=1.0, **style)
        for row, values in enumerate(turns):
            label = None if row else label
            ax.plot(values, [row] * len(values), "o", markersize=5, label=label, **style)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlabel("accuracy")
    ax.locator_params(axis="x", nbins=5)
    ax.legend(frameon=False, loc="upper right", fontsize=10)


DRAWN = {"accuracy": _draw_accuracy, "width": _draw_width, "steps": _draw_steps}


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

"""The plots of docs/benchmarks.rst and the picture of README.md."""

from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from statistics import mean, median

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator
from PIL import Image

from benchmarks import data
from benchmarks.accuracy import BEST, TRAINED_ON
from benchmarks.harness import LIMIT, SKLEARN, SKMLP, TORCH
from skmlp import SoftmaxMLPClassifier
from skmlp.datasets import load_fashion_mnist_sample
from skmlp.plotting import ImageGridDisplay

# Colours of Okabe & Ito, which can be told apart with all kinds of colour vision.
COLOURS = {
    SKMLP: "#0072B2", BEST: "#009E73", SKLEARN: "#D55E00", TORCH: "#CC79A7", LIMIT: "0.3",
}  # fmt: skip
# By case: the alternative text and the caption.
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
PICTURE = Path(__file__).parents[1] / "docs" / "_static" / "fashion_mnist.png"


def directive(name):
    """Return the directive that shows a plot."""
    alt, caption = PLOTS[name]
    return f".. figure:: /benchmarks/{name}.svg\n   :alt: {alt}\n\n   {caption}\n\n"


def draw(cases, folder):
    """Draw those of the cases that have plots; return the names of the files."""
    drawing = {"accuracy": _draw_accuracy, "width": _draw_width, "steps": _draw_steps}
    names = [name for name in cases if name in drawing]
    for name in names:
        with new_figure(Path(folder, f"{name}.svg")) as figure:
            drawing[name](figure.add_subplot(), cases[name]["quantities"])
    return [f"{name}.svg" for name in names]


@contextmanager
def new_figure(path, size=(5.6, 4.2), description=None):
    """Give a figure in the style of the pages, and save it when it has been drawn.

    The description, a text of what is drawn, is part of the file's metadata.
    """
    style = {
        "font.size": 11, "xtick.labelsize": 10, "ytick.labelsize": 10,
        "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3,
        "svg.hashsalt": "skmlp",  # the same bytes for the same figures
    }  # fmt: skip
    with rc_context(style):
        figure = Figure(figsize=size, layout="constrained")
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)  # margins on dark pages
        yield figure
        figure.savefig(path, metadata={"Date": None, "Description": description})


def _draw_accuracy(ax, quantities):
    """Draw the accuracy of every contestant over the seconds of training."""
    turns = next(q["details"]["curves"] for q in quantities if "curves" in q["details"])
    ends = {name: points[-1] for name, points in turns[0].items()}
    for i, curves in enumerate(turns):
        for name, points in curves.items():
            style = {"color": COLOURS[name], "linewidth": 1.5, "alpha": 0.3 if i else 1.0}
            zorder = 3 if name in (SKMLP, BEST) else 2
            ax.plot(*zip(*points, strict=True), **style, zorder=zorder)
    end = median(curves[SKLEARN][-1][1] for curves in turns)
    ax.axhline(end, color=COLOURS[SKLEARN], linewidth=1.0, linestyle=(0, (4, 3)))
    best = max(accuracy for curves in turns for points in curves.values() for _, accuracy in points)
    bottom = min(end - 0.06, *(accuracy - 0.02 for _, accuracy in ends.values()))
    ax.set(xscale="log", ylim=(bottom, best + 0.005))
    ax.set(xlabel="seconds of training", ylabel="test accuracy")
    text = {"va": "bottom", "fontsize": 10, "transform": ax.get_yaxis_transform()}
    ax.text(0.01, end, f"where {SKLEARN} ends", **text)
    plain_numbers(ax.xaxis)
    label(ax, ends)


def _draw_width(ax, quantities):
    """Draw the time of a step over the width of the layer, and the limit."""
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
    plain_numbers(ax.xaxis)
    plain_numbers(ax.yaxis)
    bottom = ax.get_ylim()[0]
    limits = [1e3 * quantity["figures"][LIMIT]["median"] for quantity in quantities]
    ax.fill_between(units, limits, bottom, color="0.9", zorder=0)
    ax.set_ylim(bottom=bottom)
    label(ax, ends)


def _draw_steps(ax, quantities):
    """Draw the accuracies of each step, one below the other, by seed and their mean."""
    shown = [q for q in quantities if TRAINED_ON in q["figures"]]
    for name, label, style in [
        (SKMLP, "validation images", {"color": COLOURS[SKMLP], "zorder": 3}),
        (TRAINED_ON, "images trained on", {"color": "0.4", "markerfacecolor": "none"}),
    ]:
        turns = [quantity["figures"][name]["turns"] for quantity in shown]
        ax.plot([mean(values) for values in turns], range(len(shown)), linewidth=1.0, **style)
        for row, values in enumerate(turns):
            label = None if row else label
            ax.plot(values, [row] * len(values), "o", markersize=5, label=label, **style)
    ax.set_yticks(range(len(shown)), [quantity["what"] for quantity in shown])
    ax.invert_yaxis()
    ax.set_xlabel("accuracy")
    ax.locator_params(axis="x", nbins=5)
    ax.legend(frameon=False, loc="upper right", fontsize=10)


def plain_numbers(axis):
    """Label a logarithmic axis with numbers instead of powers."""
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def label(ax, ends, colours=COLOURS, gap=0.065):
    """Write the names of the curves beside the axes, each with a line to the end of its curve."""
    ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim())
    to_axes = ax.transScale + ax.transLimits
    heights = {name: float(to_axes.transform(end)[1]) for name, end in ends.items()}
    for name, height in _apart(heights, gap).items():
        line = {"arrowstyle": "-", "color": colours[name], "linewidth": 1.0, "shrinkA": 1}
        ax.annotate(
            name, ends[name], (1.04, height), textcoords="axes fraction", va="center",
            arrowprops=line | {"shrinkB": 2, "linestyle": ":"}, annotation_clip=False,
        )  # fmt: skip


def _apart(heights, gap):
    """Move heights in [0, 1] until no two are closer than the gap; their order is kept."""
    placed, below = {}, -gap
    for name in sorted(heights, key=heights.get):
        below = placed[name] = max(heights[name], below + gap)
    above = 1.0 + gap
    for name in reversed(placed):
        above = placed[name] = min(placed[name], above - gap)
    return placed


def draw_picture(path=PICTURE, n_rows=60_000, *, n_columns=10):
    """Draw the picture of README.md from a training on n_rows images; return its path.

    It shows the first test image of each class with its predicted label, and the first-layer
    weights of largest norm.
    """
    # Without standardization: it gives huge weights to pixels that are almost always 0.
    clf = SoftmaxMLPClassifier(
        64, standardize=False, l2=(1e-3, 0.0), dropout=(0.1, 0.3), epochs=12, random_state=0
    )
    clf.fit(*data.images(n_rows))
    X, y = data.images(1_000, "test")
    X = X[np.unique(y, return_index=True)[1]]
    names = load_fashion_mnist_sample("test").target_names
    titles = [names[k] for k in clf.predict(X)]
    figure = Figure(figsize=(8, 4.4), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1.45, 3))
    heading = "Test images with their predicted labels"
    images = ImageGridDisplay(X.reshape(-1, 28, 28), titles=titles, heading=heading)
    images.plot(above, n_columns=n_columns)
    ImageGridDisplay.from_weights(clf, max_images=3 * n_columns, figure=below, n_columns=n_columns)
    for ax in below.axes:
        ax.set_title("")
    below.suptitle("First-layer weights: red positive, blue negative", fontsize=12)
    drawn = BytesIO()
    figure.savefig(drawn, dpi=120)
    few_colours = Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few_colours.save(path, optimize=True)
    return path

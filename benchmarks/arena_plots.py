"""The plots of docs/arena.rst."""

from pathlib import Path

import numpy as np

from benchmarks import arena_results, plots
from benchmarks.harness import SKMLP

OTHERS = "0.35"
# Where a label may stand beside its point, in points: offsets and alignments, the best first.
PLACES = [
    ((7, 0), "left", "center"), ((-7, 0), "right", "center"), ((0, 8), "center", "bottom"),
    ((0, -8), "center", "top"), ((6, 6), "left", "bottom"), ((6, -6), "left", "top"),
    ((-6, 6), "right", "bottom"), ((-6, -6), "right", "top"), ((0, 22), "center", "bottom"),
    ((0, -22), "center", "top"), ((14, 20), "left", "bottom"), ((14, -20), "left", "top"),
    ((-14, 20), "right", "bottom"), ((-14, -20), "right", "top"),
]  # fmt: skip


def draw(results, folder):
    """Draw the plots of which there are results; return the names of the files."""
    group, drawn = arena_results.on_unseen(results), []
    if len(group.rows):
        drawn.append("arena.svg")
        full, fewer = arena_results.points(group)
        text = described(full | fewer)
        with plots.new_figure(Path(folder, drawn[-1]), (5.6, 4.6), text) as figure:
            draw_means(figure.add_subplot(), full, fewer)
    curves = arena_results.curve_rows(results, everywhere=True)
    if len(curves):
        drawn.append("arena_curves.svg")
        with plots.new_figure(Path(folder, drawn[-1]), (5.6, 6.6)) as figure:
            draw_curves(figure.subplots(2, 1, sharex=True), curves)
    return drawn


def described(points):
    """Return the points (seconds, accuracy) of contestants as a text."""
    return "; ".join(f"{name}: {100 * y:.2f} %, {x:.3g} s" for name, (x, y) in points.items())


def colour(name):
    """Return the colour of a contestant."""
    if arena_results.is_ours(name):
        return plots.COLOURS[SKMLP]
    return plots.COLOURS.get(name, OTHERS)


def pareto(points):
    """Return the points than which none is both faster and more accurate, the fastest first."""
    front, best = [], -np.inf
    for seconds, accuracy in sorted(points, key=lambda p: (p[0], -p[1])):
        if accuracy > best:
            front.append((seconds, accuracy))
            best = accuracy
    return front


def draw_means(ax, full, fewer):
    """Draw accuracy over seconds, with the front of those that have all tables."""
    full, fewer = (
        {name: (seconds, 100 * accuracy) for name, (seconds, accuracy) in found.items()}
        for found in (full, fewer)
    )
    front = pareto(full.values())
    ax.plot(*zip(*front, strict=True), color="0.5", linewidth=1.0, zorder=1)
    for found, hollow in ((full, False), (fewer, True)):
        for name, point in found.items():
            ours = arena_results.is_ours(name)
            style = {"color": colour(name), "markersize": 9 if ours else 6, "zorder": 3 + ours}
            ax.plot(*point, "D" if ours else "o", **style, markerfacecolor="w" if hollow else None)
    ax.set(xscale="log", xlabel="CPU time of a fit, s", ylabel="accuracy, %")
    ax.margins(0.12, 0.1)
    ax.autoscale_view()
    low, high = ax.get_xlim()
    ticks = [k * 10.0**n for n in range(-4, 5) for k in (1, 3)]
    ax.set_xticks([tick for tick in ticks if low <= tick <= high], minor=False)
    plots.plain_numbers(ax.xaxis)
    ax.set(xlim=(low, high), ylim=ax.get_ylim())
    ax.figure.draw_without_rendering()
    _name_points(ax, full | fewer)


def _name_points(ax, points):
    """Write the names beside the points where they hide nothing, the most crowded last."""
    scale = ax.figure.dpi / 72
    at = {name: ax.transData.transform(point) for name, point in points.items()}
    taken = [(x - 5 * scale, y - 5 * scale, x + 5 * scale, y + 5 * scale) for x, y in at.values()]
    inside = ax.get_window_extent()
    for name in sorted(at, key=lambda n: (not arena_results.is_ours(n), -at[n][0])):
        costs = []
        for i, (offset, ha, va) in enumerate(PLACES):
            text = _name(ax, name, points[name], offset, ha, va)
            box = text.get_window_extent().extents
            text.remove()
            outside = box[0] < inside.x0 or box[2] > inside.x1 + 30 * scale
            outside |= box[1] < inside.y0 or box[3] > inside.y1
            costs.append((sum(_overlap(box, other) for other in taken) + 1e6 * outside, i, box))
        _, i, box = min(costs)
        _name(ax, name, points[name], *PLACES[i])
        taken.append(box)


def _name(ax, name, point, offset, ha, va):
    far = max(map(abs, offset)) > 12
    line = {"arrowstyle": "-", "color": "0.6", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 4}
    ours = arena_results.is_ours(name)
    if ours:  # the point is larger
        offset = tuple(1.4 * x for x in offset)
    return ax.annotate(
        name, point, offset, textcoords="offset points", ha=ha, va=va, fontsize=10,
        color=colour(name), fontweight="bold" if ours else "normal", zorder=5,
        arrowprops=line if far else None,
    )  # fmt: skip


def _overlap(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0.0) * max(height, 0.0)


def draw_curves(axes, rows):
    """Draw accuracy and log-loss over the number of rows, one below the other."""
    panels = ("accuracy", "accuracy, %", 100), ("log_loss", "log-loss", 1)
    for ax, (metric, title, factor) in zip(axes, panels, strict=True):
        found, ends = factor * arena_results.curve_means(rows, metric), {}
        for name, values in found.items():
            style = {"color": colour(name), "zorder": 2 + arena_results.is_ours(name)}
            ax.plot(values.index, values, "o-", linewidth=1.5, markersize=4, **style)
            ends[name] = values.index[-1], values.iloc[-1]
        ax.set(xscale="log", xticks=found.index, ylabel=title)
        ax.minorticks_off()
        plots.plain_numbers(ax.xaxis)
        plots.label(ax, ends, {name: colour(name) for name in ends}, gap=0.09)
    axes[-1].set_xlabel("training rows")

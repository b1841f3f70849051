"""The figures of a training: loss curves, confusion matrix, reliability, importance of columns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix

from skmlp._errors import printable
from skmlp.cli.evaluation import Importances, Predictions, reliability
from skmlp.plotting import LossCurveDisplay
from skmlp.plotting.loss_curve import pyplot

__all__ = ["Figure", "draw_figures"]

SIZE, DPI, TEXT = (4.6, 3.9), 150, 11  # text stays legible where a figure is 350 pixels wide
MAX_BARS, MAX_NUMBERED, MAX_NAMED = 20, 12, 30  # bars; classes with numbers, with names
MAX_CHARACTERS = 18
# Colours of the palette of Okabe & Ito.
_BLUE, _ORANGE = "#0072B2", "#D55E00"
_LIGHT = {"figure.facecolor": "white", "axes.facecolor": "white"}
_DARK = {
    "figure.facecolor": "#1b1e23",
    "axes.facecolor": "#1b1e23",
    **dict.fromkeys(["text.color", "axes.labelcolor", "xtick.color", "ytick.color"], "#d7dae0"),
    "axes.edgecolor": "#8b919c",
    "legend.facecolor": "#1b1e23",
    "legend.edgecolor": "#8b919c",
}


@dataclass(frozen=True)
class Figure:
    """A figure as PNG files, on a light and on a dark ground.

    Attributes
    ----------
    title : str
    caption : str
    light, dark : bytes
    """

    title: str
    caption: str
    light: bytes
    dark: bytes


def draw_figures(model: Any, judged: Predictions, found: Importances) -> dict[str, Figure]:
    """Return the figures of a fitted classifier, by the name of their file.

    Parameters
    ----------
    model : SoftmaxMLPClassifier or SoftmaxMLPEnsembleClassifier
    judged : Predictions
    found : Importances

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    n_bars = min(len(found.names), MAX_BARS)
    of_which = "" if n_bars == len(found.names) else f" The first {n_bars} of {len(found.names)}."
    binary = len(judged.classes) == 2
    of_what = f"a row is of class {judged.classes[1]}" if binary else "the predicted class is right"
    return {
        "loss_curve": _figure(
            "Loss curves",
            "The loss in each epoch, on the training rows and, where some of them are set aside "
            "for early stopping, on these.",
            lambda figure: _draw_loss(figure, model),
        ),
        "confusion_matrix": _figure(
            "Confusion matrix",
            "Held-out rows by true and predicted class. The colour is the share of the true class.",
            lambda figure: _draw_confusion(figure, judged),
        ),
        "reliability": _figure(
            "Reliability diagram",
            f"How often {of_what}, by the predicted probability, with standard errors. "
            "On the diagonal, probabilities are frequencies.",
            lambda figure: _draw_reliability(figure, judged),
        ),
        "importance": _figure(
            "Importance of the columns",
            "How much the log-loss increases where the values of a column are shuffled, with the "
            f"standard deviation of five times, on {found.n_rows:,} held-out rows.{of_which} "
            "Columns that say the same share their importance.",
            lambda figure: _draw_importance(figure, found),
            size=(4.6, max(1.6, 0.9 + 0.25 * n_bars)),
        ),
    }


def _figure(
    title: str, caption: str, draw: Callable[[Any], None], *, size: tuple[float, float] = SIZE
) -> Figure:
    light, dark = (_png(draw, size, colours) for colours in (_LIGHT, _DARK))
    return Figure(title, caption, light, dark)


def _png(
    draw: Callable[[Any], None], size: tuple[float, float], colours: Mapping[str, Any]
) -> bytes:
    """Return a PNG file of what draw(figure) draws."""
    plt, file = pyplot(), BytesIO()
    # Names of columns and classes may hold dollar signs, which are no formulas.
    with plt.rc_context({**colours, "text.parse_math": False, "font.size": TEXT}):
        figure = plt.figure(figsize=size, layout="constrained")
        try:
            draw(figure)
            figure.savefig(file, format="png", dpi=DPI)
        finally:
            plt.close(figure)
    return file.getvalue()


def _draw_loss(figure: Any, model: Any) -> None:
    """Draw the loss curves, of an ensemble those of all members."""
    ax = figure.add_subplot()
    members = getattr(model, "estimators_", None)
    if members is None:
        LossCurveDisplay.from_estimator(model, ax=ax)
        return
    for member in members:
        LossCurveDisplay(history=member.history_).plot(ax, line_kw={"alpha": 0.7})
    by_label = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    ax.legend(by_label.values(), by_label)


def _draw_confusion(figure: Any, judged: Predictions) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    ax, n = figure.add_subplot(), len(judged.classes)
    counts = confusion_matrix(judged.y, judged.labels, labels=judged.classes)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    colours = LinearSegmentedColormap.from_list("shares", [ax.get_facecolor(), _BLUE])
    ax.imshow(shares, cmap=colours, vmin=0, vmax=1)
    if n <= MAX_NUMBERED:
        style = {"ha": "center", "va": "center", "fontsize": TEXT - 1}
        for (i, j), count in np.ndenumerate(counts):
            colour = {"color": "white"} if shares[i, j] > 0.5 else {}
            ax.text(j, i, f"{count:,}", alpha=1 if count else 0.3, **style, **colour)
    if n <= MAX_NAMED:
        names = [_short(label) for label in judged.classes]
        is_long = max(map(len, names)) * n > 40
        ax.set_xticks(range(n), names, rotation=45 if is_long else 0, ha="center")
        if is_long:
            for label in ax.get_xticklabels():
                label.set(ha="right", rotation_mode="anchor")
        ax.set_yticks(range(n), names)
    ax.set(xlabel="predicted", ylabel="true")


def _draw_reliability(figure: Any, judged: Predictions) -> None:
    """Draw frequency against probability, and below how many rows there are."""
    bins = reliability(judged)
    ax, below = figure.subplots(2, sharex=True, height_ratios=[3, 1])
    ax.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle=":")
    ax.errorbar(
        bins.predicted, bins.observed, bins.error, color=_BLUE, marker="o", markersize=4, capsize=2
    )
    ax.set(ylabel="frequency", ylim=(-0.03, 1.03))
    width = 0.1
    below.bar((bins.index + 0.5) * width, bins.n_rows, width * 0.9, color=_BLUE)
    below.set(xlabel="predicted probability", ylabel="rows", xlim=(-0.02, 1.02))
    for each in (ax, below):
        each.spines[["top", "right"]].set_visible(False)


def _draw_importance(figure: Any, found: Importances) -> None:
    ax, n = figure.add_subplot(), min(len(found.names), MAX_BARS)
    names = [_short(name) for name in found.names[:n]]
    error_kw = {"ecolor": _ORANGE, "capsize": 2, "elinewidth": 1.2}
    ax.barh(range(n), found.mean[:n], xerr=found.std[:n], color=_BLUE, error_kw=error_kw)
    ax.set_yticks(range(n), names)
    ax.set_ylim(n - 0.4, -0.6)
    ax.axvline(0, color="0.6", linewidth=0.8)
    ax.set(xlabel="increase of the log-loss")
    ax.spines[["top", "right"]].set_visible(False)


def _short(name: Any) -> str:
    text = printable(str(name))
    return text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 1]}…"

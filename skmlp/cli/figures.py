"""The figures of a training: loss curves, confusion matrix, reliability, importance of columns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from skmlp.cli.evaluation import Importances, Predictions
from skmlp.plotting import ConfusionDisplay, LossCurveDisplay, ReliabilityDisplay
from skmlp.plotting.style import BLUE, ORANGE, REFERENCE, clean, name_of, pyplot

__all__ = ["Figure", "draw_figures"]

SIZE, DPI, TEXT = (4.6, 3.9), 150, 11  # text stays legible where a figure is 350 pixels wide
MAX_BARS, MAX_CLASSES = 20, 500  # a matrix of more classes has no pixel for each
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
    of_what = "the predicted class is right"
    if len(judged.classes) == 2:
        of_what = f"a row is of class {name_of(judged.classes[1])}"
    figures = {
        "loss_curve": _figure(
            "Loss curves",
            "The loss in each epoch on the training rows and, with early stopping, on the "
            "validation rows.",
            lambda figure: _draw_loss(figure, model),
        )
    }
    if len(judged.classes) <= MAX_CLASSES:
        figures["confusion_matrix"] = _figure(
            "Confusion matrix",
            "Held-out rows by true and predicted class. The colour is the share in the true class.",
            lambda figure: _draw_confusion(figure, judged),
        )
    return figures | {
        "reliability": _figure(
            "Reliability diagram",
            f"How often {of_what}, by the predicted probability, with standard errors. "
            "On the diagonal, probabilities equal frequencies.",
            lambda figure: _draw_reliability(figure, judged),
        ),
        "importance": _figure(
            "Importance of the columns",
            "How much the log-loss increases if the values of a column are shuffled: mean and "
            f"standard deviation of five repeats on {found.n_rows:,} held-out rows.{of_which} "
            "Correlated columns share their importance.",
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
    ConfusionDisplay.from_predictions(
        judged.y, judged.labels, labels=judged.classes, ax=figure.add_subplot()
    )


def _draw_reliability(figure: Any, judged: Predictions) -> None:
    """Draw the reliability of the second of two classes, or of the predicted one."""
    ReliabilityDisplay.from_predictions(
        judged.y,
        judged.proba,
        labels=judged.classes,
        pos_label=judged.classes[1] if len(judged.classes) == 2 else None,
        sample_weight=judged.sample_weight,
        ax=figure.add_subplot(),
    )


def _draw_importance(figure: Any, found: Importances) -> None:
    ax, n = figure.add_subplot(), min(len(found.names), MAX_BARS)
    names = [name_of(name) for name in found.names[:n]]
    error_kw = {"ecolor": ORANGE, "capsize": 2, "elinewidth": 1.2}
    ax.barh(range(n), found.mean[:n], xerr=found.std[:n], color=BLUE, error_kw=error_kw)
    ax.set_yticks(range(n), names)
    ax.set_ylim(n - 0.4, -0.6)
    ax.axvline(0, **REFERENCE)
    ax.set(xlabel="increase of the log-loss")
    clean(ax, grid="x")

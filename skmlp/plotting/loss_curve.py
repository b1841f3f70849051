"""LossCurveDisplay: training and validation loss, with the interface of scikit-learn's displays."""

from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skmlp.plotting.style import BLUE, ORANGE, REFERENCE, clean, pyplot

__all__ = ["LossCurveDisplay", "fitted_with"]

_LOSSES = {
    "loss": {"label": "training", "color": BLUE, "linestyle": "-"},
    "validation_loss": {"label": "validation", "color": ORANGE, "linestyle": "--"},
}


class LossCurveDisplay:
    """Training and validation loss of each epoch.

    Use `from_estimator` to create a display. All parameters are stored as attributes.

    Parameters
    ----------
    history : dict of str to list of float
        `history_` of a :class:`~skmlp.SoftmaxMLPClassifier`. "loss" and, if present,
        "validation_loss" are plotted.
    best_epoch : int, default=None
        Index in these lists of the epoch whose parameters were kept.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure that holds the axes.
    lines_ : list of matplotlib Line2D
        The training curve and, if there is one, the validation curve.
    best_epoch_line_ : matplotlib Line2D or None
        The vertical line at the best epoch, if there is one.

    Notes
    -----
    The training loss is the objective, including penalties, averaged over the batches of an
    epoch; the validation loss is the cross-entropy alone, after the epoch. Therefore the
    training loss can exceed the validation loss, with strong penalties or in the first epochs.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skmlp import LossCurveDisplay
    >>> history = {"loss": [0.9, 0.5, 0.4], "validation_loss": [0.6, 0.5, 0.5]}
    >>> display = LossCurveDisplay(history=history).plot()
    >>> [line.get_label() for line in display.lines_]
    ['training', 'validation']
    >>> plt.close(display.figure_)
    """

    def __init__(self, *, history: dict[str, list[float]], best_epoch: int | None = None) -> None:
        self.history = history
        self.best_epoch = best_epoch

    def plot(self, ax: Any = None, *, line_kw: Any = None) -> "LossCurveDisplay":
        """Plot the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on. If None, a new figure is created.
        line_kw : dict, default=None
            Keyword arguments for matplotlib's `plot`, for all curves.

        Returns
        -------
        display : LossCurveDisplay
            This display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        plt = pyplot()
        from matplotlib.cbook import normalize_kwargs
        from matplotlib.lines import Line2D
        from matplotlib.ticker import MaxNLocator

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        line_kw = normalize_kwargs(line_kw or {}, Line2D)
        self.lines_ = []
        for name, style in _LOSSES.items():
            if name in self.history:
                losses = self.history[name]
                # A line of one point is invisible.
                style = {**style, "marker": "o" if len(losses) == 1 else "", **line_kw}
                self.lines_ += ax.plot(range(1, len(losses) + 1), losses, **style)
        self.best_epoch_line_ = None
        if self.best_epoch is not None:
            x = self.best_epoch + 1
            self.best_epoch_line_ = ax.axvline(x, label="best epoch", **REFERENCE)
        ax.set(xlabel="epoch", ylabel="loss")
        ax.margins(x=0.02)  # with the default 0.05, an epoch 0 can be visible
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        clean(ax)
        if not self.history["loss"]:
            ax.text(0.5, 0.5, "no epoch was completed", ha="center", transform=ax.transAxes)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, ax: Any = None, line_kw: Any = None
    ) -> "LossCurveDisplay":
        """Plot the loss curves of a fitted estimator.

        After early stopping, the epoch whose parameters were kept is marked.

        Parameters
        ----------
        estimator : SoftmaxMLPClassifier or Pipeline
            Fitted; of a Pipeline, the last step is used.
        ax : matplotlib Axes, default=None
            Axes to plot on. If None, a new figure is created.
        line_kw : dict, default=None
            Keyword arguments for matplotlib's `plot`, for all curves.

        Returns
        -------
        display : LossCurveDisplay
            With the curves plotted.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it has no `history_`.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from sklearn.datasets import load_iris
        >>> from skmlp import LossCurveDisplay, SoftmaxMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = SoftmaxMLPClassifier(units=10, epochs=20, random_state=0).fit(X, y)
        >>> display = LossCurveDisplay.from_estimator(clf)
        >>> display.ax_.get_xlabel()
        'epoch'
        >>> plt.close(display.figure_)
        """
        estimator = fitted_with("history_", estimator)
        best_epoch = getattr(estimator, "best_epoch_", None)
        display = cls(history=estimator.history_, best_epoch=best_epoch)
        return display.plot(ax, line_kw=line_kw)


def fitted_with(name: str, estimator: Any) -> Any:
    """Return the fitted estimator, or the last step of a Pipeline; raise without the attribute."""
    if isinstance(estimator, Pipeline):
        estimator = estimator[-1]
    check_is_fitted(estimator)
    if not hasattr(estimator, name):
        raise TypeError(
            f"estimator must have the attribute {name}, got {type(estimator).__name__}."
        )
    return estimator

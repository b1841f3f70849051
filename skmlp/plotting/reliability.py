"""ReliabilityDisplay: how often predictions are right, by their probability."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from skmlp._errors import check_integer, invalid
from skmlp.data.checks import check_label_values, check_weights
from skmlp.plotting.style import MARKERS, PALETTE, PLAIN, REFERENCE, clean, name_of, pyplot

__all__ = ["ReliabilityBins", "ReliabilityDisplay", "reliability_bins"]

_SIZE = (4.6, 4.4)  # inches
_ROUNDING = 1e-5  # of probabilities that are divided by their sum, in single precision


class ReliabilityBins(NamedTuple):
    """Rows in bins of similar probability; bins without rows are left out.

    Attributes
    ----------
    left, right : ndarray of shape (n_bins,)
        The edges.
    prob_pred : ndarray of shape (n_bins,)
        The mean probability.
    prob_true : ndarray of shape (n_bins,)
        How often the predictions are right.
    error : ndarray of shape (n_bins,)
        Its standard error.
    weight : ndarray of shape (n_bins,)
        The number of rows, or the sum of their weights.
    """

    left: np.ndarray
    right: np.ndarray
    prob_pred: np.ndarray
    prob_true: np.ndarray
    error: np.ndarray
    weight: np.ndarray

    @property
    def calibration_error(self) -> float:
        """The mean over rows of how far frequency and mean probability of their bins differ."""
        return float(np.average(np.abs(self.prob_true - self.prob_pred), weights=self.weight))


def reliability_bins(
    proba: Any,
    correct: Any,
    *,
    sample_weight: Any = None,
    n_bins: int = 15,
    strategy: str = "uniform",
) -> ReliabilityBins:
    """Return rows in bins of similar probability, as `sklearn.calibration.calibration_curve`.

    Parameters
    ----------
    proba : array-like of shape (n,)
        Probabilities of the predictions.
    correct : array-like of bool of shape (n,)
        Whether they are right.
    sample_weight : array-like of shape (n,), default=None
    n_bins : int, default=15
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or with equal numbers of rows.
    """
    p, correct = np.asarray(proba, np.float64), np.asarray(correct, bool)
    w = np.ones(len(p)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    edges = np.linspace(0, 1, n_bins + 1)
    if strategy == "quantile":
        edges = np.percentile(p, 100 * edges)
    bin_of_row = np.searchsorted(edges[1:-1], p)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(bin_of_row, values, minlength=n_bins)

    weight = total(w)
    shown = weight > 0
    weight, squares = weight[shown], total(w**2)[shown]
    prob_pred, prob_true = total(w * p)[shown] / weight, total(w * correct)[shown] / weight
    # Of the Agresti-Coull interval, so that it is not 0 where all rows are right.
    n = weight**2 / squares  # rows of equal weight that are as exact
    smoothed = (prob_true * n + 2) / (n + 4)
    error = np.sqrt(smoothed * (1 - smoothed) / (n + 4))
    return ReliabilityBins(edges[:-1][shown], edges[1:][shown], prob_pred, prob_true, error, weight)


class ReliabilityDisplay:
    """How often predictions are right, by their probability: a reliability diagram.

    Use `from_estimator` or `from_predictions` to create a display. All parameters are stored as
    attributes.

    Parameters
    ----------
    prob_true : array-like of shape (n_bins,)
        How often the predictions in each bin are right.
    prob_pred : array-like of shape (n_bins,)
        Their mean probability.
    error : array-like of shape (n_bins,), default=None
        The standard error of `prob_true`.
    bins : tuple (left, right, weight) of array-like of shape (n_bins,), default=None
        The edges of each bin, and the number of rows or the sum of their weights.
    calibration_error : float, default=None
        The mean over rows of how far `prob_true` and `prob_pred` of their bins differ: the
        expected calibration error, ECE.
    estimator_name : str, default=None
        Name in the legend.
    pos_label : int, float, bool or str, default=None
        The class whose probability is shown; None for the predicted class of each row.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the diagram.
    ax_counts_ : matplotlib Axes or None
        Axes below, with the number of rows in each bin.
    figure_ : matplotlib Figure
        Figure that holds the axes.
    line_ : matplotlib Line2D
        The curve.

    See Also
    --------
    sklearn.calibration.CalibrationDisplay : For two classes.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skmlp.plotting import ReliabilityDisplay
    >>> y_true = [0, 0, 1, 1, 2, 2]
    >>> y_proba = [[0.9, 0.1, 0], [0.4, 0.6, 0], [0, 0.9, 0.1], [0, 0.6, 0.4], [0, 0.4, 0.6],
    ...            [0.05, 0.05, 0.9]]
    >>> display = ReliabilityDisplay.from_predictions(y_true, y_proba, n_bins=5)
    >>> display.prob_pred.round(2), display.prob_true.round(2)
    (array([0.6, 0.9]), array([0.67, 1.  ]))
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        prob_true: Any,
        prob_pred: Any,
        *,
        error: Any = None,
        bins: Any = None,
        calibration_error: float | None = None,
        estimator_name: str | None = None,
        pos_label: Any = None,
    ) -> None:
        self.prob_true = prob_true
        self.prob_pred = prob_pred
        self.error = error
        self.bins = bins
        self.calibration_error = calibration_error
        self.estimator_name = estimator_name
        self.pos_label = pos_label

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | None = None,
        ref_line: bool = True,
        counts: bool = True,
        line_kw: Any = None,
    ) -> "ReliabilityDisplay":
        """Plot the curve, with standard errors, and below it the number of rows in each bin.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on. If None, a new figure is created.
        name : str, default=None
            Name in the legend. If None, `estimator_name`.
        ref_line : bool, default=True
            Whether to plot the diagonal, where probabilities are frequencies.
        counts : bool, default=True
            Whether to plot the numbers of rows. Set it to False for further curves on the same
            axes.
        line_kw : dict, default=None
            Keyword arguments for matplotlib's `errorbar`.

        Returns
        -------
        display : ReliabilityDisplay
            This display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        plt = pyplot()
        from matplotlib.cbook import normalize_kwargs
        from matplotlib.lines import Line2D

        if ax is None:
            _, ax = plt.subplots(figsize=_SIZE, layout="constrained")
        clean(ax)
        if ref_line:
            ax.plot([0, 1], [0, 1], **REFERENCE)
        k = len(ax.containers) % len(PALETTE)  # the number of curves there are
        style = {
            "color": PALETTE[k],
            "marker": MARKERS[k],
            "markersize": 4,
            "capsize": 2,
            "elinewidth": 0.8,
            "label": self._label(name),
        }
        style |= normalize_kwargs(line_kw or {}, Line2D)
        self.line_ = ax.errorbar(self.prob_pred, self.prob_true, self.error, **style)[0]
        xlabel, ylabel = "predicted probability", "accuracy"
        if self.pos_label is not None:
            xlabel, ylabel = f"probability of {name_of(self.pos_label)}", "frequency"
        ax.set_ylabel(ylabel)
        if not ax.child_axes:  # which have the label of an earlier curve
            ax.set_xlabel(xlabel, **PLAIN)
        ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        self.ax_counts_ = None
        if counts and self.bins is not None:
            self.ax_counts_ = self._plot_counts(ax, self.line_.get_color())
        if ax.get_legend_handles_labels()[1]:
            for text in ax.legend(loc="best", fontsize="small").get_texts():
                text.set_parse_math(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _label(self, name: str | None) -> str:
        """Return the text of the legend."""
        name = self.estimator_name if name is None else name
        error = "" if self.calibration_error is None else f"ECE = {self.calibration_error:.3f}"
        return f"{name} ({error})" if name and error else name or error or "_"

    def _plot_counts(self, ax: Any, color: Any) -> Any:
        """Plot the numbers of rows below the axes, and return their axes."""
        from matplotlib.ticker import MaxNLocator

        left, right, weight = map(np.asarray, self.bins)
        below = ax.inset_axes([0, -0.28, 1, 0.22], sharex=ax)
        below.bar(left, weight, right - left, align="edge", color=color, alpha=0.7)
        below.set_xlabel(ax.get_xlabel(), **PLAIN)
        below.set_ylabel("rows" if (weight == np.round(weight)).all() else "weight")
        below.yaxis.set_major_locator(MaxNLocator(2, integer=True))
        clean(below)
        ax.set_xlabel("")
        ax.tick_params(axis="x", labelbottom=False)
        return below

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        pos_label: Any = None,
        sample_weight: Any = None,
        n_bins: int = 15,
        strategy: str = "uniform",
        name: str | None = None,
        ax: Any = None,
        ref_line: bool = True,
        counts: bool = True,
        line_kw: Any = None,
    ) -> "ReliabilityDisplay":
        """Plot the reliability of a fitted classifier on rows that it has not seen.

        Parameters
        ----------
        estimator : classifier or Pipeline
            Fitted, with `predict_proba` and `classes_`.
        X : array-like, sparse matrix or data frame of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,)
            Their labels.
        pos_label : int, float, bool or str, default=None
            The class whose probability is compared with its frequency. If None, the probability
            of the predicted class is compared with the accuracy.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        n_bins : int, default=15
            Number of bins; those without rows are not shown.
        strategy : {"uniform", "quantile"}, default="uniform"
            Bins of equal width, or with equal numbers of rows.
        name : str, default=None
            Name in the legend. If None, the name of the estimator's class.
        ax : matplotlib Axes, default=None
            Axes to plot on. If None, a new figure is created.
        ref_line : bool, default=True
            Whether to plot the diagonal.
        counts : bool, default=True
            Whether to plot the number of rows in each bin.
        line_kw : dict, default=None
            Keyword arguments for matplotlib's `errorbar`.

        Returns
        -------
        display : ReliabilityDisplay
            With the curve plotted.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it has no `predict_proba`.
        ValueError
            As `from_predictions`.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from sklearn.datasets import load_digits
        >>> from skmlp import SoftmaxMLPClassifier
        >>> from skmlp.plotting import ReliabilityDisplay
        >>> X, y = load_digits(return_X_y=True)
        >>> clf = SoftmaxMLPClassifier(random_state=0).fit(X[:1000], y[:1000])
        >>> display = ReliabilityDisplay.from_estimator(clf, X[1000:], y[1000:])
        >>> display.calibration_error < 0.1
        True
        >>> plt.close(display.figure_)
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "predict_proba"):
            raise TypeError(f"estimator must have predict_proba, got {type(estimator).__name__}.")
        return cls.from_predictions(
            y,
            estimator.predict_proba(X),
            labels=estimator.classes_,
            pos_label=pos_label,
            sample_weight=sample_weight,
            n_bins=n_bins,
            strategy=strategy,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
            ref_line=ref_line,
            counts=counts,
            line_kw=line_kw,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_proba: Any,
        *,
        labels: Any = None,
        pos_label: Any = None,
        sample_weight: Any = None,
        n_bins: int = 15,
        strategy: str = "uniform",
        name: str | None = None,
        ax: Any = None,
        ref_line: bool = True,
        counts: bool = True,
        line_kw: Any = None,
    ) -> "ReliabilityDisplay":
        """Plot the reliability of predicted probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            The true labels.
        y_proba : array-like of shape (n_samples, n_classes)
            The probabilities from `predict_proba`.
        labels : array-like of shape (n_classes,), default=None
            The class of each column. If None, the labels in `y_true`, sorted.
        pos_label : int, float, bool or str, default=None
            The class whose probability is compared with its frequency. If None, the probability
            of the predicted class is compared with the accuracy.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        n_bins : int, default=15
            Number of bins; those without rows are not shown.
        strategy : {"uniform", "quantile"}, default="uniform"
            Bins of equal width, or with equal numbers of rows.
        name : str, default=None
            Name in the legend.
        ax : matplotlib Axes, default=None
            Axes to plot on. If None, a new figure is created.
        ref_line : bool, default=True
            Whether to plot the diagonal.
        counts : bool, default=True
            Whether to plot the number of rows in each bin.
        line_kw : dict, default=None
            Keyword arguments for matplotlib's `errorbar`.

        Returns
        -------
        display : ReliabilityDisplay
            With the curve plotted.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If lengths differ, if labels are missing or of mixed kinds, if the labels are not as
            many as the columns of `y_proba`, for probabilities outside [0, 1], weights that are
            negative or all 0, or if `pos_label`, `n_bins` or `strategy` is none of those accepted.
        """
        pyplot()
        check_label_values(y_true, "y_true")
        y_true, y_proba = column_or_1d(y_true), check_array(y_proba)
        labels = np.unique(y_true) if labels is None else column_or_1d(labels)
        check_consistent_length(y_true, y_proba)
        w = check_weights(sample_weight, y_true, "sample_weight")
        if len(labels) != y_proba.shape[1]:
            raise ValueError(
                f"labels must have {y_proba.shape[1]} entries, one for each column of y_proba, "
                f"got {len(labels)}."
            )
        if y_proba.min() < -_ROUNDING or y_proba.max() > 1 + _ROUNDING:
            raise ValueError("y_proba must be in [0, 1].")
        check_integer("n_bins", n_bins, 1, "an integer >= 1")
        if strategy not in ("uniform", "quantile"):
            raise invalid("strategy", strategy, "'uniform' or 'quantile'")
        if pos_label is None:
            p, correct = y_proba.max(axis=1), labels[y_proba.argmax(axis=1)] == y_true
        elif pos_label in labels.tolist():
            p, correct = y_proba[:, labels.tolist().index(pos_label)], y_true == pos_label
        else:
            raise invalid("pos_label", pos_label, "one of the labels, or None")
        found = reliability_bins(p, correct, sample_weight=w, n_bins=n_bins, strategy=strategy)
        display = cls(
            found.prob_true,
            found.prob_pred,
            error=found.error,
            bins=(found.left, found.right, found.weight),
            calibration_error=found.calibration_error,
            estimator_name=name,
            pos_label=pos_label,
        )
        return display.plot(ax, ref_line=ref_line, counts=counts, line_kw=line_kw)

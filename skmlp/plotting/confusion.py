"""ConfusionDisplay: a confusion matrix whose colours are shares of the true classes."""

from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_is_fitted

from skmlp.data.checks import check_label_values
from skmlp.plotting.style import BLUE, PLAIN, name_of, pyplot

__all__ = ["ConfusionDisplay"]

_LEAST_TEXT = 5.0  # font size in points
_GLYPH = 0.62  # width of a digit, as a fraction of the font size
_CELL, _LEAST_SIDE, _MOST_SIDE = 0.4, 4.6, 11.0  # inches: of a class, of a new figure


class ConfusionDisplay:
    """A confusion matrix: numbers are of rows, colours are shares of the true class.

    In scikit-learn's `ConfusionMatrixDisplay`, colours are of the numbers, so that errors of rare
    classes cannot be seen, or numbers are shares. Text is as small as the number of classes
    demands, and left out where it would not be legible.

    Use `from_estimator` or `from_predictions` to create a display. All parameters are stored as
    attributes.

    Parameters
    ----------
    confusion_matrix : array-like of shape (n_classes, n_classes)
        Rows of the matrix are true classes, columns are predicted ones.
    display_labels : sequence, default=None
        The names of the classes. If None, 0 to n_classes - 1.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the matrix.
    figure_ : matplotlib Figure
        Figure that holds the axes.
    im_ : matplotlib AxesImage
        The colours.
    text_ : ndarray of matplotlib Text of shape (n_classes, n_classes), or None
        The numbers; None where they would not be legible.

    See Also
    --------
    sklearn.metrics.ConfusionMatrixDisplay : Scikit-learn's display.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skmlp.plotting import ConfusionDisplay
    >>> display = ConfusionDisplay.from_predictions(["a", "a", "b", "b"], ["a", "b", "b", "b"])
    >>> display.confusion_matrix
    array([[1, 1],
           [0, 2]])
    >>> display.text_[0, 1].get_text()
    '1'
    >>> plt.close(display.figure_)
    """

    def __init__(self, confusion_matrix: Any, *, display_labels: Any = None) -> None:
        self.confusion_matrix = np.asarray(confusion_matrix)
        shape = self.confusion_matrix.shape
        if len(shape) != 2 or shape[0] != shape[1]:
            raise ValueError(f"confusion_matrix must be a square matrix, got the shape {shape}.")
        self.display_labels = range(shape[0]) if display_labels is None else display_labels
        if len(self.display_labels) != shape[0]:
            raise ValueError(
                f"display_labels must have {shape[0]} entries, one for each class, got "
                f"{len(self.display_labels)}."
            )

    def plot(self, ax: Any = None, *, im_kw: Any = None) -> "ConfusionDisplay":
        """Plot the matrix.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on. If None, a new figure is created, the larger the more classes there
            are.
        im_kw : dict, default=None
            Keyword arguments for matplotlib's `imshow`. By default, the colours go from that of
            the axes, where no row of the true class is, to blue, where all are.

        Returns
        -------
        display : ConfusionDisplay
            This display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        plt = pyplot()
        from matplotlib.colors import LinearSegmentedColormap

        n = len(self.confusion_matrix)
        if ax is None:
            side = min(max(_LEAST_SIDE, _CELL * n + 1.5), _MOST_SIDE)
            _, ax = plt.subplots(figsize=(side, 0.9 * side), layout="constrained")
        totals = self.confusion_matrix.sum(axis=1, keepdims=True)
        shares = self.confusion_matrix / np.where(totals > 0, totals, 1)
        colours = LinearSegmentedColormap.from_list("shares", [ax.get_facecolor(), BLUE])
        self.im_ = ax.imshow(shares, **{"cmap": colours, "vmin": 0, "vmax": 1, **(im_kw or {})})
        ax.set(xlabel="predicted", ylabel="true")
        self._write_names(ax)
        ax.figure.canvas.figure.draw_without_rendering()  # so that the size of a cell is known
        self.text_ = self._write_numbers(ax, shares)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _write_names(self, ax: Any) -> None:
        """Write the names of the classes, in an angle if they are long."""
        cell = _points_of_cell(ax)
        size = min(_text_size(), 0.9 * cell)
        names = [name_of(label) for label in self.display_labels] if size >= _LEAST_TEXT else []
        is_long = max(map(len, names), default=0) * _GLYPH * size > 0.9 * cell
        ticks = range(len(names))
        rotated = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if is_long else {}
        ax.set_xticks(ticks, names, fontsize=size, **PLAIN, **rotated)
        ax.set_yticks(ticks, names, fontsize=size, **PLAIN)
        ax.tick_params(length=0)

    def _write_numbers(self, ax: Any, shares: np.ndarray) -> np.ndarray | None:
        """Write the numbers if they fit into the cells."""
        texts = np.vectorize(_number, otypes=[object])(self.confusion_matrix)
        cell, longest = _points_of_cell(ax), max(map(len, texts.flat), default=1)
        size = min(_text_size(), 0.55 * cell, 0.9 * cell / (_GLYPH * longest))
        if size < _LEAST_TEXT:
            return None
        for (i, j), text in np.ndenumerate(texts):
            colour = _legible_on(self.im_.cmap(self.im_.norm(shares[i, j])))
            alpha = 1 if self.confusion_matrix[i, j] else 0.35
            texts[i, j] = ax.text(
                j, i, text, ha="center", va="center", fontsize=size, color=colour, alpha=alpha
            )
        return texts

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        display_labels: Any = None,
        ax: Any = None,
        im_kw: Any = None,
    ) -> "ConfusionDisplay":
        """Plot the confusion matrix of a fitted classifier on rows that it has not seen.

        Parameters
        ----------
        estimator : classifier or Pipeline
            Fitted, with `classes_`.
        X : array-like, sparse matrix or data frame of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; numbers are then sums of weights.
        display_labels : sequence of shape (n_classes,), default=None
            The names of the classes. If None, the labels.
        ax : matplotlib Axes, default=None
            Axes to plot on. If None, a new figure is created.
        im_kw : dict, default=None
            Keyword arguments for matplotlib's `imshow`.

        Returns
        -------
        display : ConfusionDisplay
            With the matrix plotted.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If the estimator is not fitted.
        ValueError
            As `from_predictions`.
        """
        check_is_fitted(estimator)
        return cls.from_predictions(
            y,
            estimator.predict(X),
            labels=estimator.classes_,
            sample_weight=sample_weight,
            display_labels=display_labels,
            ax=ax,
            im_kw=im_kw,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        labels: Any = None,
        sample_weight: Any = None,
        display_labels: Any = None,
        ax: Any = None,
        im_kw: Any = None,
    ) -> "ConfusionDisplay":
        """Plot the confusion matrix of predicted labels.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            The true labels.
        y_pred : array-like of shape (n_samples,)
            The predicted labels.
        labels : array-like of shape (n_classes,), default=None
            The classes, in their order. If None, all in `y_true` and `y_pred`, sorted.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; numbers are then sums of weights.
        display_labels : sequence of shape (n_classes,), default=None
            The names of the classes. If None, the labels.
        ax : matplotlib Axes, default=None
            Axes to plot on. If None, a new figure is created.
        im_kw : dict, default=None
            Keyword arguments for matplotlib's `imshow`.

        Returns
        -------
        display : ConfusionDisplay
            With the matrix plotted.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If lengths differ, if labels are missing or of mixed kinds, or if `display_labels` has
            not a name for each class.
        """
        pyplot()
        check_label_values(y_true, "y_true")
        if labels is None:
            labels = unique_labels(y_true, y_pred)
        counts = confusion_matrix(y_true, y_pred, labels=labels, sample_weight=sample_weight)
        names = labels if display_labels is None else display_labels
        return cls(counts, display_labels=names).plot(ax, im_kw=im_kw)


def _points_of_cell(ax: Any) -> float:
    """Return the side of a cell of the matrix, in points."""
    box, (n, _) = ax.get_window_extent(), ax.images[-1].get_size()
    return 72 / ax.figure.dpi * min(box.width, box.height) / n


def _text_size() -> float:
    from matplotlib import rcParams

    return float(rcParams["font.size"])


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int | np.integer) else f"{value:.3g}"


def _legible_on(colour: Any) -> str:
    """Return black or white, whichever has more contrast on a colour."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    luminance = float(np.dot(linear, [0.2126, 0.7152, 0.0722]))  # as in WCAG 2
    return "black" if luminance > 0.179 else "white"

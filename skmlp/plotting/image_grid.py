"""ImageGridDisplay: misclassified images, or first-layer weights, as a grid of images."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import ceil, isqrt, prod, sqrt
from typing import Any

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d

from skmlp._errors import check_integer, invalid, printable
from skmlp.plotting.loss_curve import fitted_with
from skmlp.plotting.style import PLAIN, pyplot

__all__ = ["ImageGridDisplay"]

_TITLE_SIZE, _HEADING_SIZE = 10, 12  # font sizes in points
_LINE_HEIGHT, _MIN_WIDTH = 0.18, 1.4  # inches: of a line of text, of an image


class ImageGridDisplay:
    """Images in a grid, each with a title.

    All parameters are stored as attributes.

    Parameters
    ----------
    images : array-like of shape (n, height, width)
        The images; n may be 0.
    titles : sequence of str, default=None
        The title of each image.
    heading : str, default=None
        The title of the figure.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Figure with the grid.
    axes_ : ndarray of matplotlib Axes, of shape (n_rows, n_columns)
        The axes, in row-major order; those after the last image are empty.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from skmlp.plotting import ImageGridDisplay
    >>> images = load_digits().images[:8]
    >>> display = ImageGridDisplay(images, titles=range(8)).plot(n_columns=4)
    >>> display.axes_.shape
    (2, 4)
    >>> plt.close(display.figure_)
    """

    def __init__(self, images: Any, *, titles: Any = None, heading: str | None = None) -> None:
        self.images = np.asarray(images)
        self.titles = None if titles is None else [str(title) for title in titles]
        self.heading = heading
        if self.images.ndim != 3:
            raise ValueError(
                f"images must be of shape (n, height, width), got {self.images.shape}."
            )
        if self.titles is not None and len(self.titles) != len(self.images):
            raise ValueError(
                f"titles must have {len(self.images)} entries, one for each image, got "
                f"{len(self.titles)}."
            )

    def plot(
        self, figure: Any = None, *, n_columns: int | None = None, image_kw: Any = None
    ) -> "ImageGridDisplay":
        """Plot the images.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, default=None
            Figure to plot on. If None, a new one is created, large enough for the titles.
        n_columns : int, default=None
            Number of images in a row. If None, the grid is about square.
        image_kw : dict, default=None
            Keyword arguments for matplotlib's `imshow`. By default, the largest value of all
            images is black and the smallest is white.

        Returns
        -------
        display : ImageGridDisplay
            This display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `n_columns` is not an integer >= 1.
        """
        plt = pyplot()
        if n_columns is not None:
            check_integer("n_columns", n_columns, 1, "an integer >= 1")
        n_images = len(self.images)
        n_columns = max(1, min(n_columns or ceil(sqrt(n_images)), n_images))
        n_rows = max(1, ceil(n_images / n_columns))
        if figure is None:
            size = self._figure_size(n_rows, n_columns)
            figure = plt.figure(figsize=size, layout="constrained")
        if self.heading:
            figure.suptitle(_plain(self.heading), fontsize=_HEADING_SIZE, **PLAIN)
        self.figure_ = figure
        self.axes_ = figure.subplots(n_rows, n_columns, squeeze=False)
        for ax in self.axes_.flat:
            ax.set_axis_off()
        image_kw = {"cmap": "gray_r", **(image_kw or {})}
        if n_images and "norm" not in image_kw:  # imshow accepts either norm or vmin and vmax
            image_kw = {"vmin": self.images.min(), "vmax": self.images.max(), **image_kw}
        titles = [""] * n_images if self.titles is None else self.titles
        for ax, image, title in zip(self.axes_.flat, self.images, titles, strict=False):
            ax.imshow(image, **image_kw)
            ax.set_title(_plain(title), fontsize=_TITLE_SIZE, **PLAIN)
        return self

    def _figure_size(self, n_rows: int, n_columns: int) -> tuple[float, float]:
        """Return the size in inches of a figure in which titles do not overlap."""
        _, height, width = self.images.shape
        titles, heading = self.titles or [], self.heading or ""
        cell_width = max(_MIN_WIDTH, _text_width(titles, _TITLE_SIZE))
        n_lines = max((title.count("\n") + 1 for title in titles), default=0)
        cell_height = _MIN_WIDTH * height / width + n_lines * _LINE_HEIGHT + 0.1
        n_lines = heading.count("\n") + 1 if heading else 0
        return (
            max(n_columns * cell_width, _text_width([heading], _HEADING_SIZE)),
            n_rows * cell_height + n_lines * 1.2 * _LINE_HEIGHT + 0.1,
        )

    @classmethod
    def from_predictions(
        cls,
        X: Any,
        y_true: Any,
        y_pred: Any,
        *,
        target_names: Any = None,
        proba: Any = None,
        image_shape: tuple[int, int] | None = None,
        max_images: int = 25,
        figure: Any = None,
        n_columns: int | None = None,
        image_kw: Any = None,
    ) -> "ImageGridDisplay":
        """Plot the misclassified images, in order of decreasing confidence.

        Parameters
        ----------
        X : array-like of shape (n, n_pixels)
            One image per row.
        y_true : array-like of shape (n,)
            The true labels.
        y_pred : array-like of shape (n,)
            The predicted labels.
        target_names : sequence of str or dict, default=None
            Names of the labels: ``target_names[label]``.
        proba : array-like of shape (n, n_classes), default=None
            The probabilities from `predict_proba`. The largest one of a row is the confidence
            of its prediction. If None, the images are in the order of the rows.
        image_shape : tuple of int (height, width), default=None
            If None, images are square.
        max_images : int, default=25
            Maximum number of images.
        figure : matplotlib Figure or SubFigure, default=None
            Figure to plot on. If None, a new one is created, large enough for the titles.
        n_columns : int, default=None
            Number of images in a row. If None, the grid is about square.
        image_kw : dict, default=None
            Keyword arguments for matplotlib's `imshow`.

        Returns
        -------
        display : ImageGridDisplay
            With the images plotted. If all predictions are correct, it has no images and its
            heading says so.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If lengths differ, if `target_names` has no name for a label, if the number of
            columns does not match `image_shape`, or if `max_images` or `n_columns` is not an
            integer >= 1.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from sklearn.datasets import load_digits
        >>> from skmlp import SoftmaxMLPClassifier
        >>> from skmlp.plotting import ImageGridDisplay
        >>> X, y = load_digits(return_X_y=True)
        >>> clf = SoftmaxMLPClassifier(units=(), epochs=3, random_state=0).fit(X, y)
        >>> display = ImageGridDisplay.from_predictions(
        ...     X, y, clf.predict(X), proba=clf.predict_proba(X), max_images=6
        ... )
        >>> display.images.shape
        (6, 8, 8)
        >>> plt.close(display.figure_)
        """
        check_integer("max_images", max_images, 1, "an integer >= 1")
        X, y_true, y_pred = check_array(X), column_or_1d(y_true), column_or_1d(y_pred)
        check_consistent_length(X, y_true, y_pred, proba)
        wrong = np.flatnonzero(y_true != y_pred)
        confidence = None if proba is None else np.max(check_array(proba), axis=1)
        if confidence is not None:
            wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]
        shown = wrong[:max_images]
        name = partial(_label_name, target_names)
        titles = [f"{name(y_true[i])}\n→ {name(y_pred[i])}" for i in shown]
        if confidence is not None:
            percent = np.minimum(100 * confidence[shown], 99.9)  # never rounded up to 100
            titles = [f"{title} {p:.1f} %" for title, p in zip(titles, percent, strict=True)]
        images = X[shown].reshape(-1, *_image_shape(image_shape, X.shape[1]))
        heading = _predictions_heading(len(shown), len(wrong), len(X), proba is not None)
        display = cls(images, titles=titles, heading=heading)
        return display.plot(figure, n_columns=n_columns, image_kw=image_kw)

    @classmethod
    def from_weights(
        cls,
        estimator: Any,
        *,
        image_shape: tuple[int, int] | None = None,
        max_images: int = 25,
        figure: Any = None,
        n_columns: int | None = None,
        image_kw: Any = None,
    ) -> "ImageGridDisplay":
        """Plot the weights of the first layer, one image for each hidden unit.

        Positive weights are red, negative ones are blue and 0 is white. All images have the
        same color scale. It is clipped at the 99th percentile of the absolute weights, because
        weights of pixels that are almost always 0 can be very large. If there are more than
        `max_images` units, those with the largest norms are plotted, in decreasing order.
        Without hidden layers, there is one image for each class.

        Parameters
        ----------
        estimator : SoftmaxMLPClassifier or Pipeline
            Fitted; of a Pipeline, the last step is used. Also any other estimator whose
            `coefs_` is a list of arrays, such as MLPClassifier.
        image_shape : tuple of int (height, width), default=None
            If None, images are square.
        max_images : int, default=25
            Maximum number of images.
        figure : matplotlib Figure or SubFigure, default=None
            Figure to plot on. If None, a new one is created, large enough for the titles.
        n_columns : int, default=None
            Number of images in a row. If None, the grid is about square.
        image_kw : dict, default=None
            Keyword arguments for matplotlib's `imshow`.

        Returns
        -------
        display : ImageGridDisplay
            With the images plotted.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it has no `coefs_`.
        ValueError
            If the number of features does not match `image_shape`, or if `max_images` or
            `n_columns` is not an integer >= 1.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from sklearn.datasets import load_digits
        >>> from skmlp import SoftmaxMLPClassifier
        >>> from skmlp.plotting import ImageGridDisplay
        >>> X, y = load_digits(return_X_y=True)
        >>> clf = SoftmaxMLPClassifier(units=16, epochs=3, random_state=0).fit(X, y)
        >>> display = ImageGridDisplay.from_weights(clf, max_images=6)
        >>> display.images.shape
        (6, 8, 8)
        >>> plt.close(display.figure_)
        """
        check_integer("max_images", max_images, 1, "an integer >= 1")
        estimator = fitted_with("coefs_", estimator)
        W = np.asarray(estimator.coefs_[0])
        W = W[: getattr(estimator, "n_features_in_", len(W))]  # without those of `n_bins`
        norms = np.linalg.norm(W, axis=0)
        shown = np.argsort(-norms, kind="stable")[:max_images]
        if len(shown) == len(norms):
            shown = np.sort(shown)
        images = W.T[shown].reshape(-1, *_image_shape(image_shape, len(W)))
        kind, names = _first_layer_outputs(estimator)
        heading = _weights_heading(len(shown), kind, norms)
        weights = np.abs(images[images != 0])
        limit = float(np.quantile(weights, 0.99)) if weights.size else 1.0
        image_kw = dict(image_kw or {})
        if not image_kw.keys() & {"cmap", "norm", "vmin", "vmax"}:
            heading += f"\nblue: -{limit:.2g} or less, white: 0, red: {limit:.2g} or more"
        if "norm" not in image_kw:
            image_kw = {"vmin": -limit, "vmax": limit, **image_kw}
        display = cls(images, titles=[names[i] for i in shown], heading=heading)
        return display.plot(figure, n_columns=n_columns, image_kw={"cmap": "RdBu_r", **image_kw})


def _plain(text: str) -> str:
    """Return a text without characters that cannot be drawn, but line breaks."""
    return "\n".join(map(printable, text.split("\n")))


def _text_width(texts: Sequence[str], size: float) -> float:
    """Return the width in inches of the widest line, plus a margin."""
    from matplotlib import rc_context
    from matplotlib.textpath import TextPath

    lines = [line for text in texts for line in _plain(text).split("\n") if line.strip()]
    with rc_context({"text.parse_math": False}):
        widths = [TextPath((0, 0), line, size=size).get_extents().width for line in lines]
    # On screen, glyphs are aligned to pixels, which makes text up to 5 % wider.
    return 1.05 * max(widths, default=0) / 72 + 0.2


def _label_name(target_names: Any, label: Any) -> str:
    """Return the name of a label, in one line."""
    if target_names is None:
        return printable(str(label))
    # A dict, since the label -1 is not the last item of a sequence.
    is_dict = isinstance(target_names, Mapping)
    names = target_names if is_dict else dict(enumerate(target_names))
    if label not in names:
        raise ValueError(f"target_names must have a name for each label, got none for {label}.")
    return printable(str(names[label]))


def _image_shape(image_shape: Any, n_pixels: int) -> tuple[int, ...]:
    """Return the (height, width) of images with that many pixels."""
    shape = (isqrt(n_pixels),) * 2 if image_shape is None else tuple(image_shape)
    if len(shape) != 2 or prod(shape) != n_pixels:
        accepted = f"(height, width) of {n_pixels} pixels in all, the columns of X, or None for"
        raise invalid("image_shape", image_shape, f"{accepted} square images")
    return shape


def _predictions_heading(n_shown: int, n_wrong: int, n: int, by_confidence: bool) -> str:
    """Return the number of misclassified images, and which of them are plotted."""
    if not n_wrong:
        return f"Nothing misclassified: all {n:,} predictions are right"
    which = f"; the {n_shown} most confident" if by_confidence else f"; the first {n_shown}"
    return f"{n_wrong:,} of {n:,} misclassified{which * (n_shown < n_wrong)} (true → predicted)"


def _first_layer_outputs(estimator: Any) -> tuple[tuple[str, str], list[str]]:
    """Return the (singular, plural) term for columns of ``coefs_[0]``, and their names."""
    n = estimator.coefs_[0].shape[1]
    if len(estimator.coefs_) > 1:
        return ("hidden unit", "hidden units"), [f"unit {i}" for i in range(n)]
    # For two classes, MLPClassifier has one output, for the second class.
    labels = [str(label) for label in getattr(estimator, "classes_", range(n))][-n:]
    return ("class", "classes") if hasattr(estimator, "classes_") else ("output", "outputs"), labels


def _weights_heading(n_shown: int, kind: tuple[str, str], norms: np.ndarray) -> str:
    """Return the number of units, how many have only zero weights, and which are plotted."""
    heading = f"First-layer weights of {len(norms):,} {kind[len(norms) != 1]}"
    n_zero = np.sum(norms == 0)
    if n_zero:
        heading += f", {n_zero:,} of them all zero"
    if n_shown < len(norms):
        heading += f"; the {n_shown:,} of largest norm"
    return heading

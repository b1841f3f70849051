"""Images in a grid, in the manner of scikit-learn's displays."""

from collections.abc import Mapping
from math import ceil, isqrt, prod, sqrt
from numbers import Integral

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d

from skmlp._errors import invalid
from skmlp.plotting.loss_curve import fitted_with, pyplot

__all__ = ["ImageGridDisplay"]

_TITLE, _HEADING = 10, 12  # points
_LINE, _IMAGE = 0.18, 1.4  # inches: the height of a line, the least width of an image


class ImageGridDisplay:
    """Images in a grid, each with a title.

    All parameters are stored as attributes.

    Parameters
    ----------
    images : array-like of shape (n, height, width)
        The images. There may be none.
    titles : sequence of str, default=None
        A title for each.
    heading : str, default=None
        A title for all of them.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Figure with the grid.
    axes_ : ndarray of matplotlib Axes, of shape (n_rows, n_columns)
        The axes, row by row; those after the last image are empty.

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

    def __init__(self, images, *, titles=None, heading=None):
        self.images = np.asarray(images)
        self.titles = None if titles is None else [str(title) for title in titles]
        self.heading = heading
        if self.images.ndim != 3:
            raise ValueError(
                f"images must be of shape (n, height, width), got {self.images.shape}."
            )
        if self.titles is not None and len(self.titles) != len(self.images):
            raise ValueError(
                f"titles must be one for each of {len(self.images)} images, got {len(self.titles)}."
            )

    def plot(self, figure=None, *, n_columns=None, image_kw=None):
        """Draw the grid.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, default=None
            Figure to draw on; by default a new one, large enough for all the titles.
        n_columns : int, default=None
            Images in a row; by default as many as make the grid a square.
        image_kw : dict, default=None
            Keyword arguments for matplotlib's `imshow`. By default, black is the largest
            value of all the images and white the smallest.

        Returns
        -------
        display : ImageGridDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `n_columns` is not an integer >= 1.
        """
        plt = pyplot()
        if n_columns is not None:
            _check_count("n_columns", n_columns)
        n_images = len(self.images)
        n_columns = max(1, min(n_columns or ceil(sqrt(n_images)), n_images))
        n_rows = max(1, ceil(n_images / n_columns))
        if figure is None:
            figure = plt.figure(figsize=self._size(n_rows, n_columns), layout="constrained")
        if self.heading:
            figure.suptitle(self.heading, fontsize=_HEADING)
        self.figure_ = figure
        self.axes_ = figure.subplots(n_rows, n_columns, squeeze=False)
        for ax in self.axes_.flat:
            ax.set_axis_off()
        self._draw_images(image_kw or {})
        return self

    def _draw_images(self, image_kw):
        """Fill the axes, with one scale, a grey one by default, for all the images."""
        titles = [""] * len(self.images) if self.titles is None else self.titles
        if len(self.images):
            scale = {"vmin": self.images.min(), "vmax": self.images.max()}
            if "norm" in image_kw:
                scale = {}  # matplotlib takes one or the other
            image_kw = {"cmap": "gray_r", **scale, **image_kw}
        for ax, image, title in zip(self.axes_.flat, self.images, titles, strict=False):
            ax.imshow(image, **image_kw)
            ax.set_title(title, fontsize=_TITLE)

    def _size(self, n_rows, n_columns):
        """Return the inches of a figure in which no title meets the next one."""
        _, height, width = self.images.shape
        titles, heading = self.titles or [], self.heading or ""
        cell = max(_IMAGE, _text_width(titles, _TITLE))
        n_lines = max((title.count("\n") + 1 for title in titles), default=0)
        cell_height = _IMAGE * height / width + n_lines * _LINE + 0.1
        n_lines = heading.count("\n") + 1 if heading else 0
        return (
            max(n_columns * cell, _text_width([heading], _HEADING)),
            n_rows * cell_height + n_lines * 1.2 * _LINE + 0.1,
        )

    @classmethod
    def from_predictions(
        cls,
        X,
        y_true,
        y_pred,
        *,
        target_names=None,
        proba=None,
        image_shape=None,
        max_images=25,
        figure=None,
        n_columns=None,
        image_kw=None,
    ):
        """Draw the rows that were predicted wrongly, the surest first.

        Parameters
        ----------
        X : array-like of shape (n, n_pixels)
            Images, one a row.
        y_true : array-like of shape (n,)
            Their labels.
        y_pred : array-like of shape (n,)
            The predictions.
        target_names : sequence of str or dict, default=None
            What to call the labels: ``target_names[label]``.
        proba : array-like of shape (n, n_classes), default=None
            The probabilities, as predict_proba returns them. The largest of a row is how
            sure its prediction was. Without, the rows are shown in their order.
        image_shape : tuple of int (height, width), default=None
            By default, images are square.
        max_images : int, default=25
            How many to show at most.
        figure : matplotlib Figure or SubFigure, default=None
            Figure to draw on; by default a new one, large enough for all the titles.
        n_columns : int, default=None
            Images in a row; by default as many as make the grid a square.
        image_kw : dict, default=None
            Keyword arguments for matplotlib's `imshow`.

        Returns
        -------
        display : ImageGridDisplay
            With the grid drawn. Without a wrong prediction it says so and has no images.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the lengths differ, if `target_names` lacks a label, if the rows do not make
            images of `image_shape`, or if a number of images is not an integer >= 1.

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
        _check_count("max_images", max_images)
        X, y_true, y_pred = check_array(X), column_or_1d(y_true), column_or_1d(y_pred)
        check_consistent_length(X, y_true, y_pred, proba)
        wrong = np.flatnonzero(y_true != y_pred)
        sure = None if proba is None else np.max(check_array(proba), axis=1)
        if sure is not None:
            wrong = wrong[np.argsort(-sure[wrong], kind="stable")]
        shown = wrong[:max_images]
        names = _namer(target_names)
        titles = [f"{names(y_true[i])}\n→ {names(y_pred[i])}" for i in shown]
        if sure is not None:
            titles = [f"{t} {_percent(sure[i])}" for t, i in zip(titles, shown, strict=True)]
        images = X[shown].reshape(-1, *_image_shape(image_shape, X.shape[1]))
        heading = _heading(len(shown), len(wrong), len(X), sure is not None)
        display = cls(images, titles=titles, heading=heading)
        return display.plot(figure, n_columns=n_columns, image_kw=image_kw)

    @classmethod
    def from_weights(
        cls,
        estimator,
        *,
        image_shape=None,
        max_images=25,
        figure=None,
        n_columns=None,
        image_kw=None,
    ):
        """Draw the weights of the first layer: what in an image excites a unit.

        Red pixels have positive weights and blue ones negative; white is 0. All images have
        the same scale, on which the hundredth part of the weights that is largest has the
        darkest colours: a pixel that is rarely other than 0 can have a huge weight. If there
        are more than `max_images`, those of largest norm are shown, the largest first. A
        network without hidden layers has an image for each class.

        Parameters
        ----------
        estimator : SoftmaxMLPClassifier or Pipeline
            Fitted; of a Pipeline, the last step is meant. Any estimator will do whose
            `coefs_` is a list of arrays, such as MLPClassifier.
        image_shape : tuple of int (height, width), default=None
            By default, images are square.
        max_images : int, default=25
            How many to show at most.
        figure : matplotlib Figure or SubFigure, default=None
            Figure to draw on; by default a new one, large enough for all the titles.
        n_columns : int, default=None
            Images in a row; by default as many as make the grid a square.
        image_kw : dict, default=None
            Keyword arguments for matplotlib's `imshow`.

        Returns
        -------
        display : ImageGridDisplay
            With the grid drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it has no `coefs_`.
        ValueError
            If the features do not make images of `image_shape`, or if a number of images is
            not an integer >= 1.

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
        _check_count("max_images", max_images)
        estimator = fitted_with("coefs_", estimator)
        W = np.asarray(estimator.coefs_[0])
        norms = np.linalg.norm(W, axis=0)
        shown = np.argsort(-norms, kind="stable")[:max_images]
        if len(shown) == len(norms):
            shown = np.sort(shown)
        images = W.T[shown].reshape(-1, *_image_shape(image_shape, len(W)))
        kind, names = _what_first_layer_feeds(estimator)
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


def _text_width(texts, size):
    """Return the width in inches of the widest of all their lines, and some margin."""
    from matplotlib.textpath import TextPath

    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    widths = (TextPath((0, 0), line, size=size).get_extents().width for line in lines)
    # On screen, letters are moved to whole pixels, which takes up to 5 % more.
    return 1.05 * max(widths, default=0) / 72 + 0.2


def _check_count(name, value):
    """Raise unless the value is a number of images."""
    if not isinstance(value, Integral) or value < 1:
        raise invalid(name, value, "an integer >= 1")


def _namer(target_names):
    """Return the function label -> name."""
    if target_names is None:
        return str
    # A dict, so that the label -1 is not taken for the last of a sequence.
    many = isinstance(target_names, Mapping)
    names = target_names if many else dict(enumerate(target_names))

    def name(label):
        if label not in names:
            raise ValueError(f"target_names must have a name for each label, got none for {label}.")
        return names[label]

    return name


def _image_shape(image_shape, n_pixels):
    """Return the (height, width) of rows of that many pixels."""
    shape = (isqrt(n_pixels),) * 2 if image_shape is None else tuple(image_shape)
    if len(shape) != 2 or prod(shape) != n_pixels:
        accepted = f"(height, width) of {n_pixels} pixels in all, the columns of X, or None for"
        raise invalid("image_shape", image_shape, f"{accepted} square images")
    return shape


def _percent(share):
    """Return a probability in per cent, never rounded up to 100."""
    return f"{min(100 * share, 99.9):.1f} %"


def _heading(n_shown, n_wrong, n, ordered):
    """Say what part of all the rows a grid of wrong predictions shows, and how."""
    if not n_wrong:
        return f"Nothing misclassified: all {n:,} predictions are right"
    which = f"; the {n_shown} surest" if ordered else f"; the first {n_shown}"
    return f"{n_wrong:,} of {n:,} misclassified{which * (n_shown < n_wrong)} (true → predicted)"


def _what_first_layer_feeds(estimator):
    """Return what the columns of ``coefs_[0]`` belong to, and the name of each."""
    n = estimator.coefs_[0].shape[1]
    if len(estimator.coefs_) > 1:
        return ("hidden unit", "hidden units"), [f"unit {i}" for i in range(n)]
    # Of two classes, scikit-learn's MLPClassifier has only one output, for the second.
    labels = [str(label) for label in getattr(estimator, "classes_", range(n))][-n:]
    return ("class", "classes") if hasattr(estimator, "classes_") else ("output", "outputs"), labels


def _weights_heading(n_shown, kind, norms):
    """Say what part of the first layer's units a grid shows, and how many have no weight left."""
    heading = f"First-layer weights of {len(norms):,} {kind[len(norms) != 1]}"
    n_zero = np.sum(norms == 0)
    if n_zero:
        heading += f", {n_zero:,} of them all zero"
    if n_shown < len(norms):
        heading += f"; the {n_shown:,} of largest norm"
    return heading

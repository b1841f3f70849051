"""ConfusionDisplay."""

import sys
from itertools import pairwise

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix

from skmlp.plotting import ConfusionDisplay

pytestmark = pytest.mark.usefixtures("no_figure_left_open")


def draw(rng, n_classes, n=500):
    y = rng.randint(n_classes, size=n)
    return y, np.where(rng.rand(n) < 0.7, y, rng.randint(n_classes, size=n))


def names(ax):
    return [text.get_text() for text in ax.get_xticklabels()]


def assert_numbers_fit(display):
    """Check that each number is within its cell, and no name is cut off or covers another."""
    figure, ax = display.figure_, display.ax_
    figure.canvas.draw()
    n = len(display.confusion_matrix)
    side = ax.get_window_extent().width / n
    for text in [] if display.text_ is None else display.text_.flat:
        assert text.get_window_extent().width <= side
        assert text.get_window_extent().height <= side
    width, height = figure.canvas.get_width_height()
    for label in (*ax.get_xticklabels(), *ax.get_yticklabels(), ax.xaxis.label, ax.yaxis.label):
        box = label.get_window_extent()
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= width
        assert box.y1 <= height
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert not any(a.overlaps(b) for a, b in pairwise(boxes))


@pytest.mark.parametrize("sample_weight", [None, "random"])
def test_numbers_are_those_of_sklearn(sample_weight, rng):
    y, predicted = draw(rng, 4)
    w = None if sample_weight is None else rng.rand(len(y))
    display = ConfusionDisplay.from_predictions(y, predicted, sample_weight=w)
    expected = confusion_matrix(y, predicted, sample_weight=w)
    np.testing.assert_array_equal(display.confusion_matrix, expected)
    np.testing.assert_allclose(
        display.im_.get_array(),
        confusion_matrix(y, predicted, sample_weight=w, normalize="true"),
    )
    shown = [[float(text.get_text()) for text in row] for row in display.text_]
    np.testing.assert_allclose(shown, expected, rtol=5e-3)
    assert names(display.ax_) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("n_classes", [2, pytest.param(10, marks=pytest.mark.slow), 30])
@pytest.mark.parametrize("length", [1, 18])
def test_up_to_thirty_classes_are_legible(n_classes, length, rng):
    y, predicted = draw(rng, n_classes, 20_000)
    labels = [f"{k:w>{length}}" for k in range(n_classes)]
    display = ConfusionDisplay.from_predictions(y, predicted, display_labels=labels)
    assert display.text_ is not None
    assert names(display.ax_) == labels
    assert_numbers_fit(display)


def test_many_classes_and_small_axes(rng):
    display = ConfusionDisplay.from_predictions(*draw(rng, 300, 20_000))
    assert display.text_ is None
    assert names(display.ax_) == []
    figure, axes = plt.subplots(1, 4, figsize=(6, 2), layout="constrained")
    display = ConfusionDisplay.from_predictions(*draw(rng, 10, 20_000), ax=axes[1])
    assert display.figure_ is figure
    assert_numbers_fit(display)
    subfigure = plt.figure(figsize=(8, 4)).subfigures(1, 2)[1]
    display = ConfusionDisplay.from_predictions(*draw(rng, 3), ax=subfigure.add_subplot())
    assert display.text_ is not None


def test_classes_without_rows():
    display = ConfusionDisplay.from_predictions(["a", "a"], ["a", "c"], labels=["a", "b", "c"])
    np.testing.assert_array_equal(display.im_.get_array(), [[0.5, 0, 0.5], [0] * 3, [0] * 3])
    assert names(display.ax_) == ["a", "b", "c"]


def test_numbers_have_contrast_with_the_colours(rng):
    """By the formula of WCAG 2, on light and dark grounds."""

    def luminance(colour):
        c = np.array(mpl.colors.to_rgb(colour))
        return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [
            0.2126,
            0.7152,
            0.0722,
        ]

    matrix = 100 * np.eye(11, dtype=int)
    matrix[:, 0] = 10 * np.arange(11)
    for style in ("default", "dark_background"):
        with plt.style.context(style):
            display = ConfusionDisplay(matrix).plot()
        shares = display.im_.get_array()
        for (i, j), text in np.ndenumerate(display.text_):
            ground = luminance(display.im_.cmap(display.im_.norm(shares[i, j]))[:3])
            bright, dim = sorted([luminance(text.get_color()), ground], reverse=True)
            assert (bright + 0.05) / (dim + 0.05) > 4.5


@pytest.mark.parametrize("labels", [["a$b$", "$x_1$"], ["\ud800", "n\n"], ["w" * 200, "m" * 200]])
def test_names_are_shown_as_they_are(labels):
    display = ConfusionDisplay([[3, 1], [0, 2]], display_labels=labels).plot()
    ticks = [*display.ax_.get_xticklabels(), *display.ax_.get_yticklabels()]
    assert not any(text.get_parse_math() for text in ticks)
    if "$" in labels[0]:
        assert names(display.ax_) == labels
    assert max(map(len, names(display.ax_))) <= 18
    assert_numbers_fit(display)


def test_from_estimator(iris):
    X, y = iris
    clf = LogisticRegression()
    with pytest.raises(NotFittedError):
        ConfusionDisplay.from_estimator(clf, X, y)
    clf.fit(X, y)
    display = ConfusionDisplay.from_estimator(
        clf, X[y != 1], y[y != 1], display_labels=["setosa", "versicolor", "virginica"]
    )
    assert display.confusion_matrix.shape == (3, 3)
    assert names(display.ax_) == ["setosa", "versicolor", "virginica"]


def test_image_kw_and_settings():
    before = dict(mpl.rcParams)
    display = ConfusionDisplay(np.eye(2)).plot(im_kw={"cmap": "Greens", "vmax": 2})
    assert display.im_.get_cmap().name == "Greens"
    assert display.im_.get_clim() == (0, 2)
    assert dict(mpl.rcParams) == before


def test_invalid_arguments():
    with pytest.raises(ValueError, match=r"square matrix, got the shape \(2, 3\)"):
        ConfusionDisplay(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="display_labels must have 2 entries"):
        ConfusionDisplay(np.eye(2), display_labels=["a"])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ConfusionDisplay.from_predictions([0, 1], [0])
    with pytest.raises(ValueError, match="y_true contains NaN or None: 1 of 2 labels are missing"):
        ConfusionDisplay.from_predictions(["a", None], ["a", "b"])


def test_without_matplotlib_raises(monkeypatch):
    for name in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'pip install "skmlp\[plot\]"'):
        ConfusionDisplay.from_predictions([0, 1], [0, 1])

import re
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skmlp import SoftmaxMLPClassifier
from skmlp.display import LossCurveDisplay
from skmlp.images import ImageGridDisplay

HISTORY = {"loss": [0.9, 0.5, 0.4, 0.35], "validation_loss": [0.6, 0.5, 0.45, 0.5]}


@pytest.fixture(autouse=True)
def _no_figure_left_open():
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


@pytest.fixture
def without_matplotlib(monkeypatch):
    for name in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, name, None)


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def titles(display):
    return [ax.get_title() for ax in display.axes_.flat]


def heading(display):
    return display.figure_.get_suptitle()


def texts_on_paper(figure):
    """The texts of a figure and the pixels they cover."""
    figure.canvas.draw()
    texts = [figure._suptitle] if figure.get_suptitle() else []
    for ax in figure.axes:
        texts.append(ax.title)
        if ax.axison:
            texts += [ax.xaxis.label, ax.yaxis.label, *ax.get_legend().get_texts()]
            left, right = ax.get_xlim()
            bottom, top = ax.get_ylim()
            texts += [t for t in ax.get_xticklabels() if left <= t.get_position()[0] <= right]
            texts += [t for t in ax.get_yticklabels() if bottom <= t.get_position()[1] <= top]
    return [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]


def assert_legible(figure):
    """No text is cut off by the figure's edge, and none covers another."""
    width, height = figure.canvas.get_width_height()
    boxes = texts_on_paper(figure)
    assert boxes
    for text, box in boxes:
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
        assert inside, f"{text!r} is cut"
    for i, (text, box) in enumerate(boxes):
        for other, other_box in boxes[:i]:
            assert not box.overlaps(other_box), f"{text!r} covers {other!r}"


# LossCurveDisplay


def test_both_curves_over_epochs_from_one():
    display = LossCurveDisplay(history=HISTORY)
    assert display.plot() is display
    training, validation = display.lines_
    np.testing.assert_array_equal(training.get_xdata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(training.get_ydata(), HISTORY["loss"])
    np.testing.assert_array_equal(validation.get_xdata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(validation.get_ydata(), HISTORY["validation_loss"])
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("epoch", "loss")
    assert legend(display.ax_) == ["training", "validation"]
    assert display.figure_ is display.ax_.figure
    assert training.get_color() != validation.get_color()
    assert training.get_linestyle() != validation.get_linestyle()


def test_without_validation():
    display = LossCurveDisplay(history={"loss": HISTORY["loss"]}).plot()
    assert len(display.lines_) == 1
    assert legend(display.ax_) == ["training"]


@pytest.mark.parametrize("n_epochs", [1, 2, 3, 7, 40])
def test_ticks_are_epochs(n_epochs):
    display = LossCurveDisplay(history={"loss": [1 / n for n in range(1, n_epochs + 1)]}).plot()
    left, right = display.ax_.get_xlim()
    ticks = [tick for tick in display.ax_.get_xticks() if left <= tick <= right]
    assert ticks
    assert all(tick == round(tick) and 1 <= tick <= n_epochs for tick in ticks)


def test_a_single_epoch_is_a_visible_point():
    display = LossCurveDisplay(history={"loss": [0.5], "validation_loss": [0.4]}).plot()
    assert [line.get_marker() for line in display.lines_] == ["o", "o"]
    assert LossCurveDisplay(history=HISTORY).plot().lines_[0].get_marker() == ""


def test_no_epoch_at_all_is_said():
    display = LossCurveDisplay(history={"loss": [], "validation_loss": []}).plot()
    assert [text.get_text() for text in display.ax_.texts] == ["no epoch was completed"]


def test_draws_on_given_axes_and_opens_no_figure():
    ax = Figure().subplots()
    display = LossCurveDisplay(history=HISTORY).plot(ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert plt.get_fignums() == []


def test_line_kw_for_all_curves_and_under_any_alias():
    display = LossCurveDisplay(history=HISTORY).plot(line_kw={"lw": 3, "ls": ":"})
    for line in display.lines_:
        assert line.get_linewidth() == 3
        assert line.get_linestyle() == ":"


def test_no_text_is_cut_or_covers_another():
    display = LossCurveDisplay(history=HISTORY).plot()
    assert_legible(display.figure_)


def test_from_estimator(digits):
    X, y = digits
    clf = SoftmaxMLPClassifier(units=5, epochs=3, random_state=0)
    clf.fit(X[:200], y[:200], X_val=X[200:300], y_val=y[200:300])
    ax = Figure().subplots()
    display = LossCurveDisplay.from_estimator(clf, ax=ax, line_kw={"alpha": 0.5})
    assert display.ax_ is ax
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), clf.loss_curve_)
    np.testing.assert_array_equal(display.lines_[1].get_ydata(), clf.validation_loss_curve_)
    assert display.lines_[1].get_alpha() == 0.5


def test_from_pipeline(digits):
    X, y = digits
    clf = SoftmaxMLPClassifier(units=5, epochs=2, random_state=0)
    pipeline = make_pipeline(MinMaxScaler(), clf).fit(X[:200], y[:200])
    display = LossCurveDisplay.from_estimator(pipeline)
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), pipeline[-1].loss_curve_)


@pytest.mark.parametrize(
    "estimator", [SoftmaxMLPClassifier(), make_pipeline(MinMaxScaler(), SoftmaxMLPClassifier())]
)
def test_from_unfitted(estimator):
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(estimator)


def test_from_estimator_without_history(digits):
    X, y = digits
    other = LogisticRegression(C=0.01, max_iter=1000).fit(X[:100] / 16, y[:100])
    with pytest.raises(TypeError, match=r"history_, got LogisticRegression"):
        LossCurveDisplay.from_estimator(other)


@pytest.mark.usefixtures("without_matplotlib")
@pytest.mark.parametrize(
    "draw",
    [
        lambda: LossCurveDisplay(history=HISTORY).plot(),
        lambda: ImageGridDisplay(np.zeros((2, 3, 3))).plot(),
        lambda: ImageGridDisplay.from_predictions(np.zeros((2, 4)), [0, 1], [1, 1]),
    ],
)
def test_without_matplotlib_the_error_says_how_to_get_it(draw):
    with pytest.raises(ImportError, match=r'pip install "skmlp\[plot\]"'):
        draw()


# ImageGridDisplay


def test_grid_of_images():
    images = np.arange(7 * 12).reshape(7, 3, 4)
    display = ImageGridDisplay(images, titles=list("abcdefg"), heading="Letters")
    assert display.plot() is display
    assert display.axes_.shape == (3, 3)
    assert titles(display) == [*"abcdefg", "", ""]
    assert heading(display) == "Letters"
    for ax, image in zip(display.axes_.flat, images, strict=False):
        np.testing.assert_array_equal(ax.images[0].get_array(), image)
        assert ax.images[0].get_clim() == (0, 83)  # one grey scale for all
    assert not any(ax.images for ax in display.axes_.flat[7:])
    assert not any(ax.axison for ax in display.axes_.flat)


def test_columns_figure_and_image_kw():
    figure = Figure()
    display = ImageGridDisplay(np.zeros((5, 2, 2))).plot(
        figure, n_columns=2, image_kw={"cmap": "RdBu", "vmin": -1, "vmax": 1}
    )
    assert display.figure_ is figure
    assert display.axes_.shape == (3, 2)
    assert display.axes_[0, 0].images[0].get_cmap().name == "RdBu"
    assert display.axes_[0, 0].images[0].get_clim() == (-1, 1)
    assert plt.get_fignums() == []


def test_more_columns_than_images():
    assert ImageGridDisplay(np.zeros((2, 3, 3))).plot(n_columns=9).axes_.shape == (1, 2)


@pytest.mark.parametrize("length", [1, 40])
@pytest.mark.parametrize("shape", [(28, 28), (8, 24), (30, 10)])
@pytest.mark.parametrize("n", [1, 6])
def test_titles_of_any_length_are_legible(n, shape, length):
    title = f"{'m' * length}\n→ {'w' * length}"
    display = ImageGridDisplay(np.zeros((n, *shape)), titles=[title] * n, heading="wm" * 15).plot()
    assert_legible(display.figure_)
    sizes = [ax.get_window_extent() for ax in display.axes_.flat]
    assert min(min(size.width, size.height) for size in sizes) > 30  # room for the image


@pytest.mark.parametrize("shape", [(4,), (2, 4), (2, 4, 4, 3)])
def test_images_of_wrong_shape(shape):
    with pytest.raises(ValueError, match=r"images must be of shape .*" + re.escape(str(shape))):
        ImageGridDisplay(np.zeros(shape))


def test_titles_of_wrong_length():
    with pytest.raises(ValueError, match="one for each of 2 images, got 3"):
        ImageGridDisplay(np.zeros((2, 4, 4)), titles="abc")


@pytest.mark.parametrize("n_columns", [0, -1, 1.5, "2"])
def test_wrong_n_columns(n_columns):
    with pytest.raises(ValueError, match=r"n_columns must be an integer >= 1, got"):
        ImageGridDisplay(np.zeros((2, 4, 4))).plot(n_columns=n_columns)


# from_predictions

X = np.arange(6 * 4).reshape(6, 4)
Y_TRUE = np.array([0, 1, 2, 0, 1, 2])
Y_PRED = np.array([0, 2, 2, 1, 0, 1])  # 1, 3, 4 and 5 are wrong
PROBA = np.array(
    [
        [0.9, 0.1, 0.0],
        [0.3, 0.2, 0.5],
        [0.0, 0.0, 1.0],
        [0.0, 0.99999, 0.00001],
        [0.5, 0.3, 0.2],
        [0.01, 0.973, 0.017],
    ]
)


def test_surest_errors_first_and_only_errors():
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, proba=PROBA)
    np.testing.assert_array_equal(display.images.reshape(-1, 4), X[[3, 5, 1, 4]])
    assert titles(display) == ["0\n→ 1 99.9 %", "2\n→ 1 97.3 %", "1\n→ 2 50.0 %", "1\n→ 0 50.0 %"]
    assert heading(display) == "4 of 6 misclassified (true → predicted)"


def test_without_proba_in_their_order():
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED)
    np.testing.assert_array_equal(display.images.reshape(-1, 4), X[[1, 3, 4, 5]])
    assert titles(display)[0] == "1\n→ 2"


@pytest.mark.parametrize(("proba", "which"), [(PROBA, "2 surest"), (None, "first 2")])
def test_max_images(proba, which):
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, proba=proba, max_images=2)
    assert len(display.images) == 2
    assert heading(display) == f"4 of 6 misclassified; the {which} (true → predicted)"


@pytest.mark.parametrize("proba", [PROBA, None])
def test_nothing_misclassified_is_said(proba):
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_TRUE, proba=proba)
    assert display.images.shape == (0, 2, 2)
    assert heading(display) == "Nothing misclassified: all 6 predictions are right"
    assert_legible(display.figure_)


@pytest.mark.parametrize(
    "target_names", [["T-shirt", "Dress", "Bag"], {0: "T-shirt", 1: "Dress", 2: "Bag"}]
)
def test_target_names(target_names):
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, target_names=target_names)
    assert titles(display) == [
        "Dress\n→ Bag",
        "T-shirt\n→ Dress",
        "Dress\n→ T-shirt",
        "Bag\n→ Dress",
    ]


def test_labels_that_are_names():
    names = np.array(["T-shirt", "Dress", "Bag"])
    display = ImageGridDisplay.from_predictions(X, names[Y_TRUE], names[Y_PRED])
    assert titles(display)[0] == "Dress\n→ Bag"
    short = {"Dress": "D", "Bag": "B", "T-shirt": "T"}
    display = ImageGridDisplay.from_predictions(X, names[Y_TRUE], names[Y_PRED], target_names=short)
    assert titles(display)[0] == "D\n→ B"


def test_labels_without_a_name():
    with pytest.raises(ValueError, match=r"target_names must have a name .* none for 2"):
        ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, target_names=["a", "b"])
    with pytest.raises(ValueError, match="none for -1"):  # not the last of the names
        ImageGridDisplay.from_predictions(X[:1], [-1], [1], target_names=["a", "b"])


def test_image_shape():
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, image_shape=(1, 4))
    assert display.images.shape == (4, 1, 4)


@pytest.mark.parametrize("image_shape", [(2, 3), (4,), (1, 2, 2)])
def test_wrong_image_shape(image_shape):
    with pytest.raises(ValueError, match=r"image_shape must be .* 4 pixels in all"):
        ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, image_shape=image_shape)


def test_rows_that_are_no_square():
    with pytest.raises(ValueError, match=r"image_shape must be .* 3 pixels in all.* got None"):
        ImageGridDisplay.from_predictions(X[:, :3], Y_TRUE, Y_PRED)


@pytest.mark.parametrize(
    "rows",
    [
        (X[:5], Y_TRUE, Y_PRED, PROBA),
        (X, Y_TRUE[:5], Y_PRED, PROBA),
        (X, Y_TRUE, Y_PRED, PROBA[1:]),
    ],
)
def test_lengths_that_differ(rows):
    *rows, proba = rows
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ImageGridDisplay.from_predictions(*rows, proba=proba)


def test_wrong_max_images():
    with pytest.raises(ValueError, match="max_images must be an integer >= 1, got 0"):
        ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, max_images=0)


def test_a_data_frame():
    pd = pytest.importorskip("pandas")
    display = ImageGridDisplay.from_predictions(
        pd.DataFrame(X), pd.Series(Y_TRUE), Y_PRED, proba=pd.DataFrame(PROBA)
    )
    np.testing.assert_array_equal(display.images[0].ravel(), X[3])


def test_figure_and_grid_are_passed_on():
    figure = Figure()
    display = ImageGridDisplay.from_predictions(
        X, Y_TRUE, Y_PRED, figure=figure, n_columns=4, image_kw={"cmap": "gray"}
    )
    assert display.figure_ is figure
    assert display.axes_.shape == (1, 4)
    assert display.axes_[0, 0].images[0].get_cmap().name == "gray"


def test_fashion_titles_are_legible():
    names = ["Ankle boot", "T-shirt/top"]
    display = ImageGridDisplay.from_predictions(
        np.zeros((9, 784)),
        np.arange(9) % 2,
        1 - np.arange(9) % 2,
        target_names=names,
        proba=np.full((9, 2), 0.5),
    )
    assert_legible(display.figure_)

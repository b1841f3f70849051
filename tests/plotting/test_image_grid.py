"""ImageGridDisplay."""

import re
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skmlp import SoftmaxMLPClassifier
from skmlp.plotting.image_grid import ImageGridDisplay
from tests.plotting.legible import assert_legible

pytestmark = pytest.mark.usefixtures("no_figure_left_open")


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300] / 16, y[:300]


def titles(display):
    return [ax.get_title() for ax in display.axes_.flat]


def heading(display):
    return display.figure_.get_suptitle()


def limits(display):
    return {ax.images[0].get_clim() for ax in display.axes_.flat if ax.images}


@pytest.mark.parametrize(
    "draw",
    [
        lambda: ImageGridDisplay(np.zeros((2, 3, 3))).plot(),
        lambda: ImageGridDisplay.from_predictions(np.zeros((2, 4)), [0, 1], [1, 1]),
        lambda: ImageGridDisplay.from_weights(fitted_with([np.zeros((4, 3))])),
    ],
)
def test_without_matplotlib_raises(draw, monkeypatch):
    for name in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'pip install "skmlp\[plot\]"'):
        draw()


def test_grid_of_images():
    images = np.arange(7 * 12).reshape(7, 3, 4)
    display = ImageGridDisplay(images, titles=list("abcdefg"), heading="Letters")
    assert display.plot() is display
    assert display.axes_.shape == (3, 3)
    assert titles(display) == [*"abcdefg", "", ""]
    assert heading(display) == "Letters"
    for ax, image in zip(display.axes_.flat, images, strict=False):
        np.testing.assert_array_equal(ax.images[0].get_array(), image)
        assert ax.images[0].get_clim() == (0, 83)  # the same grey scale for all
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


def test_norm_in_image_kw():
    display = ImageGridDisplay(np.eye(2)[None]).plot(image_kw={"norm": plt.Normalize(0, 3)})
    assert limits(display) == {(0, 3)}


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


def test_names_are_shown_as_they_are():
    names = ["$a_b$", "\\$x^2$", "line\nbreak \ud800"]
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, target_names=names)
    assert titles(display)[:2] == ["\\$x^2$\n→ line break  ", "$a_b$\n→ \\$x^2$"]
    assert not any(ax.title.get_parse_math() for ax in display.axes_.flat)
    assert not ImageGridDisplay(X[None], heading="$x$").plot().figure_._suptitle.get_parse_math()
    assert_legible(display.figure_)


@pytest.mark.parametrize("shape", [(4,), (2, 4), (2, 4, 4, 3)])
def test_images_of_wrong_shape(shape):
    with pytest.raises(ValueError, match=r"images must be of shape .*" + re.escape(str(shape))):
        ImageGridDisplay(np.zeros(shape))


def test_titles_of_wrong_length():
    with pytest.raises(ValueError, match="2 entries, one for each image, got 3"):
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


def test_misclassified_images_are_sorted_by_confidence():
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, proba=PROBA)
    np.testing.assert_array_equal(display.images.reshape(-1, 4), X[[3, 5, 1, 4]])
    assert titles(display) == ["0\n→ 1 99.9 %", "2\n→ 1 97.3 %", "1\n→ 2 50.0 %", "1\n→ 0 50.0 %"]
    assert heading(display) == "4 of 6 misclassified (true → predicted)"


def test_without_proba_order_is_kept():
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED)
    np.testing.assert_array_equal(display.images.reshape(-1, 4), X[[1, 3, 4, 5]])
    assert titles(display)[0] == "1\n→ 2"


@pytest.mark.parametrize(("proba", "which"), [(PROBA, "2 most confident"), (None, "first 2")])
def test_max_images(proba, which):
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, proba=proba, max_images=2)
    assert len(display.images) == 2
    assert heading(display) == f"4 of 6 misclassified; the {which} (true → predicted)"


@pytest.mark.parametrize("proba", [PROBA, None])
def test_nothing_misclassified(proba):
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


def test_string_labels():
    names = np.array(["T-shirt", "Dress", "Bag"])
    display = ImageGridDisplay.from_predictions(X, names[Y_TRUE], names[Y_PRED])
    assert titles(display)[0] == "Dress\n→ Bag"
    short = {"Dress": "D", "Bag": "B", "T-shirt": "T"}
    display = ImageGridDisplay.from_predictions(X, names[Y_TRUE], names[Y_PRED], target_names=short)
    assert titles(display)[0] == "D\n→ B"


def test_labels_without_target_name_raise():
    with pytest.raises(ValueError, match=r"target_names must have a name .* none for 2"):
        ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, target_names=["a", "b"])
    with pytest.raises(ValueError, match="none for -1"):  # negative labels are no indices
        ImageGridDisplay.from_predictions(X[:1], [-1], [1], target_names=["a", "b"])


def test_image_shape():
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, image_shape=(1, 4))
    assert display.images.shape == (4, 1, 4)


@pytest.mark.parametrize("image_shape", [(2, 3), (4,), (1, 2, 2)])
def test_wrong_image_shape(image_shape):
    with pytest.raises(ValueError, match=r"image_shape must be .* 4 pixels in all"):
        ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, image_shape=image_shape)


def test_non_square_rows_need_image_shape():
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
def test_inconsistent_lengths_raise(rows):
    *rows, proba = rows
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ImageGridDisplay.from_predictions(*rows, proba=proba)


def test_wrong_max_images():
    with pytest.raises(ValueError, match="max_images must be an integer >= 1, got 0"):
        ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, max_images=0)


def test_data_frame():
    pd = pytest.importorskip("pandas")
    display = ImageGridDisplay.from_predictions(
        pd.DataFrame(X), pd.Series(Y_TRUE), Y_PRED, proba=pd.DataFrame(PROBA)
    )
    np.testing.assert_array_equal(display.images[0].ravel(), X[3])


def test_from_predictions_passes_plot_arguments():
    figure = Figure()
    display = ImageGridDisplay.from_predictions(
        X, Y_TRUE, Y_PRED, figure=figure, n_columns=4, image_kw={"cmap": "gray"}
    )
    assert display.figure_ is figure
    assert display.axes_.shape == (1, 4)
    assert display.axes_[0, 0].images[0].get_cmap().name == "gray"


def test_fashion_mnist_titles_are_legible():
    names = ["Ankle boot", "T-shirt/top"]
    display = ImageGridDisplay.from_predictions(
        np.zeros((9, 784)),
        np.arange(9) % 2,
        1 - np.arange(9) % 2,
        target_names=names,
        proba=np.full((9, 2), 0.5),
    )
    assert_legible(display.figure_)


# from_weights


class FittedLike(SoftmaxMLPClassifier):
    """A fitted classifier with given weights."""

    coefs_ = None


def fitted_with(coefs, classes=None):
    clf = FittedLike()
    clf.coefs_ = coefs
    if classes is not None:
        clf.classes_ = np.asarray(classes)
    return clf


def test_one_image_per_hidden_unit(digits):
    clf = SoftmaxMLPClassifier(units=(6, 5), epochs=2, random_state=0).fit(*digits)
    display = ImageGridDisplay.from_weights(clf)
    np.testing.assert_array_equal(display.images, clf.coefs_[0].T.reshape(6, 8, 8))
    assert titles(display) == [f"unit {i}" for i in range(6)]
    assert heading(display).startswith("First-layer weights of 6 hidden units\nblue: -")
    assert_legible(display.figure_)


def test_one_image_per_class_without_hidden_layers(digits):
    X, y = digits
    names = np.array([f"digit {label}" for label in range(10)])
    clf = SoftmaxMLPClassifier(units=(), epochs=2, random_state=0).fit(X, names[y])
    display = ImageGridDisplay.from_weights(clf)
    np.testing.assert_array_equal(display.images, clf.coefs_[0].T.reshape(10, 8, 8))
    assert titles(display)[:10] == names.tolist()
    assert heading(display).startswith("First-layer weights of 10 classes\n")
    assert_legible(display.figure_)


def test_color_scale_is_symmetric_and_robust(rng):
    W = rng.uniform(-1, 1, size=(100, 10))
    W[0, 0] = -1e6
    display = ImageGridDisplay.from_weights(fitted_with([W, W.T]))
    ((low, high),) = limits(display)
    assert low == -high
    assert 0.95 < high < 1
    assert heading(display).endswith(
        f"\nblue: -{high:.2g} or less, white: 0, red: {high:.2g} or more"
    )
    image = display.axes_[0, 0].images[0]
    shades = image.cmap(image.norm([-2 * high, 0, 2 * high]))[:, :3]
    blue, white, red = shades
    assert blue[2] > 2 * blue[0]
    assert red[0] > 2 * red[2]
    assert white.min() > 0.95


@pytest.mark.parametrize(
    "image_kw", [{"vmin": 0, "vmax": 3}, {"cmap": "PuOr", "vmax": 3}, {"norm": plt.Normalize(0, 3)}]
)
def test_image_kw_overrides_the_color_scale(image_kw):
    display = ImageGridDisplay.from_weights(fitted_with([np.eye(4), np.eye(4)]), image_kw=image_kw)
    ((_, high),) = limits(display)
    assert high == 3
    assert display.axes_[0, 0].images[0].get_cmap().name == image_kw.get("cmap", "RdBu_r")
    assert heading(display) == "First-layer weights of 4 hidden units"


def test_units_of_largest_norm_are_shown():
    W = np.ones((4, 1)) * [3.0, -5.0, 1.0, 5.0, 0.0, 4.0, 0.0]
    display = ImageGridDisplay.from_weights(fitted_with([W, W.T]), max_images=3)
    assert titles(display)[:3] == ["unit 1", "unit 3", "unit 5"]
    np.testing.assert_array_equal(display.images[:, 0, 0], [-5, 5, 4])
    text = "First-layer weights of 7 hidden units, 2 of them all zero; the 3 of largest norm\n"
    assert heading(display).startswith(text)
    assert_legible(display.figure_)


def test_order_of_units_is_kept_if_all_are_shown():
    W = np.ones((4, 1)) * [3.0, -5.0, 1.0]
    display = ImageGridDisplay.from_weights(fitted_with([W, W.T]), max_images=3)
    np.testing.assert_array_equal(display.images[:, 0, 0], [3, -5, 1])


def test_zero_units_are_counted(digits):
    params = {"activation": "relu", "batch_size": 128, "epochs": 20, "learning_rate": 0.02}
    clf = SoftmaxMLPClassifier(units=8, l1=0.05, early_stopping=False, random_state=0, **params)
    clf.fit(*digits)
    n_zero = np.sum(~clf.coefs_[0].any(axis=0))
    assert 0 < n_zero < 8
    display = ImageGridDisplay.from_weights(clf)
    assert f"8 hidden units, {n_zero} of them all zero" in heading(display)
    assert_legible(display.figure_)


@pytest.mark.filterwarnings("error")
def test_all_zero_weights():
    display = ImageGridDisplay.from_weights(fitted_with([np.zeros((4, 3)), np.zeros((3, 2))]))
    assert limits(display) == {(-1, 1)}
    assert heading(display).startswith("First-layer weights of 3 hidden units, 3 of them all zero")
    display.figure_.canvas.draw()


def test_weights_of_the_last_pipeline_step(digits):
    pipeline = make_pipeline(MinMaxScaler(), SoftmaxMLPClassifier(units=3, epochs=1)).fit(*digits)
    display = ImageGridDisplay.from_weights(pipeline)
    np.testing.assert_array_equal(display.images, pipeline[-1].coefs_[0].T.reshape(3, 8, 8))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("mlp", "n_classes", "text", "named"),
    [
        (
            MLPClassifier(4, max_iter=1),
            10,
            "4 hidden units",
            ["unit 0", "unit 1", "unit 2", "unit 3"],
        ),
        (MLPClassifier((), max_iter=1), 10, "10 classes", list("0123456789")),
        (MLPClassifier((), max_iter=1), 2, "1 class", ["1"]),
        (MLPRegressor(hidden_layer_sizes=1, max_iter=1), 10, "1 hidden unit", ["unit 0"]),
        (MLPRegressor(hidden_layer_sizes=(), max_iter=1), 10, "1 output", ["0"]),
    ],
)
def test_weights_of_scikit_learn_networks(digits, mlp, n_classes, text, named):
    X, y = digits
    mlp.fit(X[y < n_classes], y[y < n_classes])
    display = ImageGridDisplay.from_weights(mlp)
    assert [title for title in titles(display) if title] == named
    assert heading(display).startswith(f"First-layer weights of {text}\n")


def test_from_weights_passes_plot_arguments(digits):
    X, y = digits
    clf = SoftmaxMLPClassifier(units=3, epochs=1).fit(X[:, :24], y)
    figure = Figure()
    display = ImageGridDisplay.from_weights(clf, image_shape=(4, 6), figure=figure, n_columns=3)
    assert display.figure_ is figure
    assert display.axes_.shape == (1, 3)
    assert display.images.shape == (3, 4, 6)
    with pytest.raises(ValueError, match=r"image_shape must be .* 24 pixels in all.* got None"):
        ImageGridDisplay.from_weights(clf)


def test_wrong_max_images_of_weights():
    with pytest.raises(ValueError, match="max_images must be an integer >= 1, got 0"):
        ImageGridDisplay.from_weights(fitted_with([np.eye(4)]), max_images=0)


@pytest.mark.parametrize(
    "estimator", [SoftmaxMLPClassifier(), make_pipeline(MinMaxScaler(), SoftmaxMLPClassifier())]
)
def test_weights_of_unfitted_estimator_raise(estimator):
    with pytest.raises(NotFittedError):
        ImageGridDisplay.from_weights(estimator)


def test_estimator_without_coefs_raises(digits):
    other = LogisticRegression(C=0.01, max_iter=1000).fit(*digits)
    with pytest.raises(TypeError, match=r"the attribute coefs_, got LogisticRegression"):
        ImageGridDisplay.from_weights(other)

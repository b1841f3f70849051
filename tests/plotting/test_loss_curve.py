import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import sklearn
from matplotlib.figure import Figure
from sklearn import config_context
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skmlp import SoftmaxMLPClassifier
from skmlp.plotting.loss_curve import LossCurveDisplay

sklearn_version = tuple(int(part) for part in sklearn.__version__.split(".")[:2])

HISTORY = {"loss": [0.9, 0.5, 0.4, 0.35], "validation_loss": [0.6, 0.5, 0.45, 0.5]}


pytestmark = pytest.mark.usefixtures("no_figure_left_open")


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


@pytest.fixture
def without_matplotlib(monkeypatch):
    for name in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, name, None)


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


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


@pytest.mark.parametrize("best_epoch", [None, 0, 2])
def test_no_text_is_cut_or_covers_another(best_epoch):
    display = LossCurveDisplay(history=HISTORY, best_epoch=best_epoch).plot()
    assert_legible(display.figure_)


def test_the_best_epoch_is_marked():
    display = LossCurveDisplay(history=HISTORY, best_epoch=2).plot(line_kw={"lw": 3})
    assert legend(display.ax_) == ["training", "validation", "best epoch"]
    np.testing.assert_array_equal(display.best_epoch_line_.get_xdata(), [3, 3])  # from one
    assert display.best_epoch_line_.get_linewidth() < 1  # no curve, and thinner than one
    assert len(display.lines_) == 2


def test_no_best_epoch_no_mark():
    display = LossCurveDisplay(history=HISTORY).plot()
    assert display.best_epoch_line_ is None
    assert len(display.ax_.lines) == 2


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


def test_from_estimator_stopped_early(digits):
    X, y = digits
    clf = SoftmaxMLPClassifier(
        units=20, epochs=200, learning_rate=0.02, early_stopping=True, n_iter_no_change=3,
        random_state=0,
    )  # fmt: skip
    clf.fit(X[:300], y[:300])
    assert clf.best_epoch_ < clf.n_iter_ - 1
    display = LossCurveDisplay.from_estimator(clf)
    assert display.best_epoch == clf.best_epoch_
    assert_legible(display.figure_)


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
def test_without_matplotlib_the_error_says_how_to_get_it():
    with pytest.raises(ImportError, match=r'pip install "skmlp\[plot\]"'):
        LossCurveDisplay(history=HISTORY).plot()


# In a notebook

# Before 1.7, scikit-learn's HTML had only the parameters that were changed.
ALL_PARAMETERS = {} if sklearn_version >= (1, 7) else {"print_changed_only": False}


def in_notebook(estimator):
    """The HTML and the text that a notebook shows."""
    html, bundle = estimator._repr_html_(), estimator._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    for name in ("sk-top-container", "SoftmaxMLPClassifier"):
        assert name in html
        assert name in bundle["text/html"]
    return html, bundle["text/plain"]


def fit_if(fitted, estimator, digits):
    X, y = digits
    return (
        estimator.fit(pd.DataFrame(X[:100]).add_prefix("pixel"), y[:100]) if fitted else estimator
    )


@pytest.mark.parametrize("fitted", [False, True])
def test_a_notebook_shows_every_parameter(fitted, digits):
    clf = fit_if(fitted, SoftmaxMLPClassifier(units=(30, 7), epochs=2, l2=0.125), digits)
    with config_context(**ALL_PARAMETERS):
        html, _ = in_notebook(clf)
    for name in clf.get_params():
        assert name in html
    for value in ("(30, 7)", "0.125"):
        assert value in html
    assert f"<span>{'Fitted' if fitted else 'Not fitted'}</span>" in html
    if fitted and sklearn_version >= (1, 9):
        for name in ("coefs_", "history_", "stop_reason_", "feature_names_in_"):
            assert name in html


@pytest.mark.parametrize("fitted", [False, True])
def test_a_notebook_shows_every_parameter_of_a_step(fitted, digits):
    clf = SoftmaxMLPClassifier(epochs=2)
    pipeline = fit_if(fitted, make_pipeline(MinMaxScaler(), clf), digits)
    with config_context(**ALL_PARAMETERS):
        html, _ = in_notebook(pipeline)
    for name in clf.get_params():
        assert name in html


def test_the_text_shows_only_parameters_that_were_changed(digits):
    text = "SoftmaxMLPClassifier(epochs=2, solver='sgd', units=(3,))"
    clf = SoftmaxMLPClassifier((3,), epochs=2, solver="sgd", l1=0.0)
    assert repr(clf) == text
    assert in_notebook(fit_if(True, clf, digits))[1] == text
    assert repr(SoftmaxMLPClassifier()) == "SoftmaxMLPClassifier()"

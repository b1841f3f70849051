"""LossCurveDisplay."""

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
from skmlp.plotting.loss_curve import LossCurveDisplay
from tests.plotting.legible import assert_legible

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


def test_training_and_validation_curves():
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


def test_single_epoch_has_a_marker():
    display = LossCurveDisplay(history={"loss": [0.5], "validation_loss": [0.4]}).plot()
    assert [line.get_marker() for line in display.lines_] == ["o", "o"]
    assert LossCurveDisplay(history=HISTORY).plot().lines_[0].get_marker() == ""


def test_no_completed_epoch():
    display = LossCurveDisplay(history={"loss": [], "validation_loss": []}).plot()
    assert [text.get_text() for text in display.ax_.texts] == ["no epoch was completed"]


def test_given_axes():
    ax = Figure().subplots()
    display = LossCurveDisplay(history=HISTORY).plot(ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert plt.get_fignums() == []


def test_line_kw():
    display = LossCurveDisplay(history=HISTORY).plot(line_kw={"lw": 3, "ls": ":"})
    for line in display.lines_:
        assert line.get_linewidth() == 3
        assert line.get_linestyle() == ":"


@pytest.mark.parametrize("best_epoch", [None, 0, 2])
def test_texts_are_legible(best_epoch):
    display = LossCurveDisplay(history=HISTORY, best_epoch=best_epoch).plot()
    assert_legible(display.figure_)


def test_best_epoch_is_marked():
    display = LossCurveDisplay(history=HISTORY, best_epoch=2).plot(line_kw={"lw": 3})
    assert legend(display.ax_) == ["training", "validation", "best epoch"]
    np.testing.assert_array_equal(display.best_epoch_line_.get_xdata(), [3, 3])  # from 1
    assert display.best_epoch_line_.get_linewidth() < 1  # thinner than the curves
    assert len(display.lines_) == 2


def test_without_best_epoch():
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
def test_from_unfitted_estimator(estimator):
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(estimator)


def test_from_estimator_without_history(digits):
    X, y = digits
    other = LogisticRegression(C=0.01, max_iter=1000).fit(X[:100] / 16, y[:100])
    with pytest.raises(TypeError, match=r"history_, got LogisticRegression"):
        LossCurveDisplay.from_estimator(other)


@pytest.mark.usefixtures("without_matplotlib")
def test_without_matplotlib_raises():
    with pytest.raises(ImportError, match=r'pip install "skmlp\[plot\]"'):
        LossCurveDisplay(history=HISTORY).plot()

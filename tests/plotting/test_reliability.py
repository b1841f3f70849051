"""ReliabilityDisplay."""

import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skmlp import SoftmaxMLPClassifier
from skmlp.plotting import ReliabilityDisplay
from tests.plotting.legible import assert_legible

pytestmark = pytest.mark.usefixtures("no_figure_left_open")


def draw(rng, n=400, n_classes=3):
    """Return labels and probabilities that have ties and lie on edges of bins."""
    proba = rng.dirichlet(np.ones(n_classes), n)
    proba[: n // 2] = proba[: n // 2].round(1)
    proba[:, -1] = 1 - proba[:, :-1].sum(axis=1)
    return rng.randint(n_classes, size=n), proba.clip(0, 1)


def legend(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
@pytest.mark.parametrize("n_bins", [1, 5, 10])
def test_points_are_those_of_sklearn(strategy, n_bins, rng):
    y, proba = draw(rng, n_classes=2)
    for label in (0, 1):
        display = ReliabilityDisplay.from_predictions(
            y, proba, pos_label=label, n_bins=n_bins, strategy=strategy
        )
        prob_true, prob_pred = calibration_curve(
            y == label, proba[:, label], n_bins=n_bins, strategy=strategy
        )
        np.testing.assert_allclose(display.prob_true, prob_true)
        np.testing.assert_allclose(display.prob_pred, prob_pred)
        np.testing.assert_allclose(display.line_.get_xdata(), prob_pred)
        np.testing.assert_allclose(display.line_.get_ydata(), prob_true)
        plt.close(display.figure_)


def test_calibration_error_by_brute_force(rng):
    y, proba = draw(rng)
    w = rng.randint(1, 4, len(y)).astype(float)
    display = ReliabilityDisplay.from_predictions(y, proba, sample_weight=w, n_bins=7)
    total = 0.0
    for b in range(7):
        lower, upper = b / 7, (b + 1) / 7
        rows = [
            i
            for i, row in enumerate(proba)
            if lower < max(row) <= upper or (b == 0 and max(row) == 0)
        ]
        if rows:
            confidence = sum(w[i] * max(proba[i]) for i in rows)
            right = sum(w[i] for i in rows if np.argmax(proba[i]) == y[i])
            total += abs(right - confidence)
    assert display.calibration_error == pytest.approx(total / w.sum())


def test_a_weight_of_two_is_a_row_twice(rng):
    y, proba = draw(rng)
    w = rng.randint(0, 3, len(y))
    weighted = ReliabilityDisplay.from_predictions(y, proba, sample_weight=w)
    rows = np.repeat(np.arange(len(y)), w)
    repeated = ReliabilityDisplay.from_predictions(y[rows], proba[rows])
    assert weighted.calibration_error == pytest.approx(repeated.calibration_error)
    for name in ("prob_true", "prob_pred"):
        np.testing.assert_allclose(getattr(weighted, name), getattr(repeated, name))
    np.testing.assert_array_equal(weighted.bins[2], repeated.bins[2])
    assert (weighted.error >= repeated.error).all()  # as there are fewer rows


def test_calibrated_probabilities_are_near_the_diagonal(rng):
    proba = rng.dirichlet(np.ones(4), 40_000)
    y = (rng.rand(40_000, 1) > proba.cumsum(axis=1)).sum(axis=1).clip(0, 3)
    display = ReliabilityDisplay.from_predictions(y, proba)
    assert display.calibration_error < 0.01
    deviation = np.abs(display.prob_true - display.prob_pred) / display.error
    assert (deviation < 4).all()
    assert np.mean(deviation < 1) > 0.3


def test_counts(rng):
    y, proba = draw(rng)
    display = ReliabilityDisplay.from_predictions(y, proba)
    left, right, weight = display.bins
    assert weight.sum() == len(y)
    bars = display.ax_counts_.patches
    assert [bar.get_height() for bar in bars] == weight.tolist()
    np.testing.assert_allclose([bar.get_x() for bar in bars], left)
    np.testing.assert_allclose([bar.get_width() for bar in bars], right - left)
    assert display.ax_counts_.get_ylabel() == "rows"
    weighted = ReliabilityDisplay.from_predictions(y, proba, sample_weight=np.full(len(y), 0.3))
    assert weighted.ax_counts_.get_ylabel() == "weight"
    np.testing.assert_allclose(weighted.error, display.error)  # of as many rows


def test_curves_on_the_same_axes(rng):
    y, proba = draw(rng)
    first = ReliabilityDisplay.from_predictions(y, proba, name="one")
    second = ReliabilityDisplay.from_predictions(
        y, proba, name="two", ax=first.ax_, counts=False, ref_line=False
    )
    assert second.ax_ is first.ax_
    assert second.ax_counts_ is None
    assert first.line_.get_color() != second.line_.get_color()
    error = f"(ECE = {first.calibration_error:.3f})"
    assert legend(second) == [f"one {error}", f"two {error}"]
    assert first.ax_.get_xlabel() == ""
    assert first.ax_counts_.get_xlabel() == "predicted probability"


def test_plot_of_given_points():
    display = ReliabilityDisplay([0.5, 1.0], [0.4, 0.9])
    assert display.plot(line_kw={"c": "k", "lw": 3}) is display
    assert display.line_.get_color() == "k"
    assert display.line_.get_linewidth() == 3
    assert display.ax_counts_ is None
    assert display.ax_.get_legend() is None
    assert display.plot(name="again").ax_.get_legend() is not None


@pytest.mark.parametrize("labels", [["a$b$", "$x_1$"], ["\ud800", "n\n"], ["w" * 200, "m" * 200]])
def test_names_are_shown_as_they_are(labels, rng):
    y, proba = draw(rng, n_classes=2)
    display = ReliabilityDisplay.from_predictions(
        np.array(labels)[y], proba, labels=labels, pos_label=labels[1], name="$name$"
    )
    texts = [display.ax_counts_.xaxis.label, *display.ax_.get_legend().get_texts()]
    assert not any(text.get_parse_math() for text in texts)
    assert_legible(display.figure_)


def test_from_estimator():
    X, y = load_digits(return_X_y=True)
    names = np.array([f"digit {k}" for k in range(10)])[y]
    clf = make_pipeline(StandardScaler(), SoftmaxMLPClassifier(8, epochs=5, random_state=0))
    with pytest.raises(NotFittedError):
        ReliabilityDisplay.from_estimator(clf, X, names)
    clf.fit(X, names)
    rows = names != "digit 3"  # a class without test rows has a column of probabilities
    display = ReliabilityDisplay.from_estimator(clf, X[rows], names[rows])
    assert display.estimator_name == "Pipeline"
    accuracy = np.average(display.prob_true, weights=display.bins[2])
    assert accuracy == pytest.approx(clf.score(X[rows], names[rows]))
    assert_legible(display.figure_)
    one = ReliabilityDisplay.from_estimator(clf, X, names, pos_label="digit 3", name="net")
    assert np.average(one.prob_true, weights=one.bins[2]) == pytest.approx(np.mean(y == 3))
    assert one.ax_counts_.get_xlabel() == "probability of digit 3"
    with pytest.raises(TypeError, match="predict_proba, got LinearSVC"):
        ReliabilityDisplay.from_estimator(LinearSVC().fit(X[:50], y[:50]), X, y)


def test_any_classifier(iris):
    X, y = iris
    clf = LogisticRegression().fit(X, y)
    assert ReliabilityDisplay.from_estimator(clf, X, y).calibration_error < 0.1


def test_settings_of_matplotlib_stay(rng):
    before = dict(mpl.rcParams)
    y, proba = draw(rng)
    ReliabilityDisplay.from_predictions(y, proba)
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": [0, 1]}, "labels must have 3 entries, one for each column of y_proba, got 2"),
        ({"pos_label": 7}, "pos_label must be one of the labels, or None, got 7"),
        ({"y_true": ["a", None, "b"]}, "y_true contains NaN or None: 1 of 3 labels are missing"),
        ({"n_bins": 0}, "n_bins must be an integer >= 1, got 0"),
        ({"strategy": "equal"}, "strategy must be 'uniform' or 'quantile', got 'equal'"),
        ({"sample_weight": [1, 1]}, "inconsistent numbers of samples"),
        ({"sample_weight": [0, 0, 0]}, "sample_weight: every weight is zero"),
        ({"sample_weight": [1, -1, 1]}, "sample_weight must not be negative, got -1"),
        ({"sample_weight": [1, np.nan, 1]}, "Input sample_weight contains NaN"),
        ({"sample_weight": np.ones((3, 2))}, "sample_weight must be 1-dimensional"),
        ({"y_proba": np.eye(3) * 2}, r"y_proba must be in \[0, 1\]"),
        ({"y_proba": [0.5, 0.5, 0.5]}, "Expected 2D array"),
    ],
)
def test_invalid_arguments(changes, message):
    given = {"y_true": [0, 1, 2], "y_proba": np.eye(3)} | changes
    with pytest.raises(ValueError, match=message):
        ReliabilityDisplay.from_predictions(**given)
    assert plt.get_fignums() == []


def test_without_matplotlib_raises(monkeypatch):
    for name in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'pip install "skmlp\[plot\]"'):
        ReliabilityDisplay.from_predictions([0, 1], np.eye(2))

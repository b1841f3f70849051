"""Cases of accuracy on Fashion-MNIST: over the seconds of training, and step by step.

"accuracy" trains on the 60,000 training images and classifies the test images after each epoch,
outside of the measured time; they select nothing (see docs/benchmarks.rst).

"steps" starts with the network of the notebook. Each step keeps the earlier changes and makes one
more. Every network trains 40 epochs with batches of 256 rows, on the notebook's split: 48,000
images to train and 12,000 to validate. A number that a step needs, such as the learning rate of
Adam, is the best of several on the validation images, by one training each with a seed that is
not used again. The test images are used once, by the networks of the last step.
"""

import warnings
from time import perf_counter

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from benchmarks import data
from benchmarks.harness import SKLEARN, SKMLP, TORCH, Quantity, at_least, case, faster
from benchmarks.peers import Setting
from skmlp import SoftmaxMLPClassifier
from skmlp.cli.fashion_mnist import RECIPES

BEST = "skmlp, best"
LEVELS = 0.85, 0.87, 0.88, 0.8886, 0.89, 0.90, 0.91
TRAINED_ON, TEST = "on images trained on", "test images"
SELECTION_SEED = 1000


# Accuracy over the seconds of training


class _Curve:
    """(seconds, accuracy) after each epoch, without the time to compute the accuracy."""

    def __init__(self, test):
        self.X, self.y = test
        self.points, self._idle, self._started = [], 0.0, perf_counter()

    def add(self, predict):
        now = perf_counter()
        accuracy = float(np.mean(predict(self.X) == self.y))
        self.points.append((now - self._started - self._idle, accuracy))
        self._idle += perf_counter() - now


class _RecordingMLPClassifier(MLPClassifier):
    """MLPClassifier with a callback after each epoch, for which it has no public interface."""

    def _update_no_improvement_count(self, *args):
        super()._update_no_improvement_count(*args)
        self._on_epoch(self.predict)


def _train_skmlp(clf, train, test):
    """Return the seconds and accuracies after each epoch of a fit; the last are those of `clf`.

    `history_` has the seconds of the epochs; the rest of the first fit is before them. The fit that
    is validated on the test images takes no part of them into account: it does not stop early, even
    if `clf` does.
    """
    started = perf_counter()
    whole = clone(clf).fit(*train)
    took = perf_counter() - started
    validated = clone(clf).set_params(scoring="accuracy", early_stopping=False)
    validated.fit(*train, X_val=test[0], y_val=test[1])
    times = took - sum(whole.history_["seconds"]) + np.cumsum(validated.history_["seconds"])
    points = list(zip(times.tolist(), validated.history_["validation_score"], strict=True))
    return [*(point for point in points[:-1] if point[0] < took), (took, whole.score(*test))]


def _curves(options, seed):
    """Return the points of every contestant, trained one after another."""
    train = data.images(options.rows(60_000))
    test = data.images(options.rows(10_000), "test")
    given, curves = {"random_state": seed} | ({"epochs": 2} if options.tiny else {}), {}
    for name, params in ((SKMLP, {}), (BEST, RECIPES["best"])):
        curves[name] = _train_skmlp(SoftmaxMLPClassifier(**params | given), train, test)
    clf = _RecordingMLPClassifier(random_state=seed, max_iter=options.epochs(200))
    curve = _Curve(test)
    clf._on_epoch, curves[SKLEARN] = curve.add, curve.points
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        clf.fit(*train)
    if options.torch:
        from benchmarks import torch_peer

        # alpha=1e-4, which MLPClassifier divides by the rows of a batch.
        fit = torch_peer.trainer(Setting((100,), l2=1e-4 / 200), *train)
        fit(1)  # without the one-time costs of PyTorch
        curve = _Curve(test)
        fit(len(curves[SKLEARN]), curve.add)
        curves[TORCH] = curve.points
    return curves


@case("Fashion-MNIST, seconds to an accuracy (half an hour)", usual=False)
def accuracy(options):
    """Measure whole fits, their test accuracy, and the time to levels of accuracy."""
    results = [_curves(options, seed) for seed in range(options.turns_or(3))]

    def quantity(what, unit, value, targets=(), **details):
        turns = {name: [value(result[name]) for result in results] for name in results[0]}
        return Quantity(what, unit, turns, targets, details)

    fits = [faster(SKLEARN, 12.0), faster(SKLEARN, 1.0, of=BEST)]
    scores = [at_least(0.8886), at_least(0.910, of=BEST)]
    quantities = [
        quantity("whole fit", "s", lambda points: points[-1][0], fits, curves=results),
        quantity("test accuracy", "accuracy", lambda points: points[-1][1], scores),
    ]
    for level in LEVELS:

        def time_to(points, level=level):
            return next((seconds for seconds, accuracy in points if accuracy >= level), np.inf)

        quantities.append(quantity(f"to {level}", "s", time_to))
    return quantities


# Accuracy step by step


STEPS = {  # by name the parameters, and by parameter the values of which the best is selected
    "the notebook's network": ({}, {}),
    "initialization": ({"init": "auto"}, {}),
    "activation": ({"activation": "relu"}, {}),
    "standardized pixels": ({"standardize": True}, {}),
    "Adam": ({"solver": "adam"}, {"learning_rate": [0.0003, 0.001, 0.003]}),
    "schedule": ({"schedule": "one_cycle"}, {"learning_rate": [0.001, 0.003, 0.01]}),
    "width and depth": ({"units": (512, 256)}, {}),
    "dropout": ({}, {"dropout": [0.2, (0.1, 0.2, 0.2)]}),
    "silu, smoothing, l1": (
        {"activation": "silu", "label_smoothing": 0.05, "l1": (1e-5, 0.0, 0.0)}, {},
    ),
}  # fmt: skip


@case("Fashion-MNIST, from the notebook on (half an hour)", usual=False)
def steps(options):
    """Measure the accuracy of each step by seed, and that of the last on the test images."""
    X, y = data.images(options.rows(60_000))
    X, X_val, y, y_val = train_test_split(X, y, stratify=y, test_size=0.2, random_state=42)
    few = {"epochs": 2, "batch_size": 64} if options.tiny else {}
    settings, quantities = RECIPES["notebook"] | few, []

    def fit(settings, seed):
        clf = SoftmaxMLPClassifier(**settings, scoring="accuracy", random_state=seed)
        return clf.fit(X, y, X_val=X_val, y_val=y_val)

    def last(clf, score="validation_score"):
        return clf.history_[score][-1]

    for step, (changes, candidates) in STEPS.items():
        settings |= changes
        tried = {}
        for name, values in candidates.items():
            tried[name] = [[v, last(fit(settings | {name: v}, SELECTION_SEED))] for v in values]
            changes = changes | {name: max(tried[name], key=lambda pair: pair[1])[0]}
        settings |= changes
        clfs = [fit(settings, seed) for seed in range(options.turns_or(3))]
        turns = {SKMLP: list(map(last, clfs)), TRAINED_ON: [last(clf, "score") for clf in clfs]}
        details = {"changes": changes, "tried": tried}
        quantities.append(Quantity(step, "accuracy", turns, (), details))
    test = data.images(options.rows(10_000), "test")
    return [*quantities, Quantity(TEST, "accuracy", {SKMLP: [clf.score(*test) for clf in clfs]})]

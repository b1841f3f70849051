"""Cases of accuracy on Fashion-MNIST: over the seconds of training, and step by step.

"accuracy" trains on the 60,000 training images and classifies the 10,000 test images after each
epoch, outside of the measured time. The test images select nothing, neither an epoch nor a
parameter. The contestants are

- SoftmaxMLPClassifier(), a whole fit with the defaults;
- the recipe "best" of ``python -m skmlp``, a whole fit;
- MLPClassifier(), which trains until it stops by itself;
- PyTorch: the network, optimizer and batches of MLPClassifier, for the same number of epochs.

"steps" starts with the network of the notebook. Each step keeps the earlier changes and makes one
more. The training images are split as in the notebook: 48,000 to train and 12,000 to validate,
stratified. Every network trains 40 epochs with batches of 256 rows. A number that a step needs,
such as the learning rate of Adam, is the best of several on the validation images, by one training
each with a seed that is not used again. The test images are used once, by the networks of the
last step.
"""

import warnings
from time import perf_counter
from typing import NamedTuple

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


def _train_mlp_classifier(train, test, seed, max_iter):
    clf = _RecordingMLPClassifier(random_state=seed, max_iter=max_iter)
    curve = _Curve(test)
    clf._on_epoch = curve.add
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        clf.fit(*train)
    return curve.points


def _train_torch(train, test, epochs):
    from benchmarks import torch_peer

    # alpha=1e-4, which MLPClassifier divides by the rows of a batch.
    fit = torch_peer.trainer(Setting((100,), batch_size=200, l2=1e-4 / 200), *train)
    fit(1)  # without the one-time costs of PyTorch
    curve = _Curve(test)
    fit(epochs, curve.add)
    return curve.points


def _train_skmlp(clf, train, test):
    """Return the seconds of one fit with the accuracies of an equal fit that is validated.

    `history_` has the seconds of the epochs; the rest of the first fit is before them.
    """
    started = perf_counter()
    whole = clone(clf).fit(*train)
    before = perf_counter() - started - sum(whole.history_["seconds"])
    validated = clone(clf).set_params(scoring="accuracy").fit(*train, X_val=test[0], y_val=test[1])
    times = before + np.cumsum(whole.history_["seconds"])
    return list(zip(times.tolist(), validated.history_["validation_score"], strict=True))


def _curves(options, seed):
    """Return the points of every contestant, trained one after another."""
    train = data.images(options.rows(60_000))
    test = data.images(options.rows(10_000), "test")
    few = {"epochs": 2} if options.tiny else {}
    default = SoftmaxMLPClassifier(random_state=seed, **few)
    best = SoftmaxMLPClassifier(**RECIPES["best"] | few, random_state=seed)
    curves = {
        name: _train_skmlp(clf, train, test) for name, clf in ((SKMLP, default), (BEST, best))
    }
    curves[SKLEARN] = _train_mlp_classifier(train, test, seed, max_iter=options.epochs(200))
    if options.torch:
        curves[TORCH] = _train_torch(train, test, len(curves[SKLEARN]))
    return curves


def _time_to(level, points):
    """Return the seconds until the first epoch that reaches a level, or infinity."""
    return next((seconds for seconds, accuracy in points if accuracy >= level), np.inf)


@case("Fashion-MNIST, seconds to an accuracy (half an hour)", usual=False)
def accuracy(options):
    """Measure whole fits, their test accuracy, and the time to levels of accuracy."""
    results = [_curves(options, seed) for seed in range(options.turns_or(3))]

    def quantity(what, unit, value, targets=(), **details):
        turns = {name: [value(result[name]) for result in results] for name in results[0]}
        return Quantity(what, unit, turns, targets, details)

    fits = [faster(SKLEARN, 12.0), faster(SKLEARN, 1.0, of=BEST)]
    scores = [at_least(0.8886), at_least(0.910, of=BEST)]
    return [
        quantity("whole fit", "s", lambda points: points[-1][0], fits, curves=results),
        quantity("test accuracy", "accuracy", lambda points: points[-1][1], scores),
        *(
            quantity(f"to {level}", "s", lambda points, level=level: _time_to(level, points))
            for level in LEVELS
        ),
    ]


# Accuracy step by step


class _Step(NamedTuple):
    """A name, parameters, and by parameter the values of which the best is selected."""

    name: str
    changes: dict
    tried: dict = {}  # noqa: RUF012, it is not modified


STEPS = [
    _Step("the notebook's network", {}),
    _Step("initialization", {"init": "auto"}),
    _Step("activation", {"activation": "relu"}),
    _Step("standardized pixels", {"standardize": True}),
    _Step("Adam", {"solver": "adam"}, {"learning_rate": [0.0003, 0.001, 0.003]}),
    _Step("schedule", {"schedule": "one_cycle"}, {"learning_rate": [0.001, 0.003, 0.01]}),
    _Step("width and depth", {"units": (512, 256)}),
    _Step("dropout", {}, {"dropout": [0.2, (0.1, 0.2, 0.2)]}),
    _Step(
        "silu, smoothing, l1",
        {"activation": "silu", "label_smoothing": 0.05, "l1": (1e-5, 0.0, 0.0)},
    ),
]


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

    for step in STEPS:
        settings |= step.changes
        changes, tried = dict(step.changes), {}
        for name, values in step.tried.items():
            tried[name] = [[v, last(fit(settings | {name: v}, SELECTION_SEED))] for v in values]
            changes[name] = max(tried[name], key=lambda pair: pair[1])[0]
        settings |= changes
        clfs = [fit(settings, seed) for seed in range(options.turns_or(3))]
        turns = {SKMLP: list(map(last, clfs)), TRAINED_ON: [last(clf, "score") for clf in clfs]}
        details = {"changes": changes, "tried": tried}
        quantities.append(Quantity(step.name, "accuracy", turns, (), details))
    test = data.images(options.rows(10_000), "test")
    return [*quantities, Quantity(TEST, "accuracy", {SKMLP: [clf.score(*test) for clf in clfs]})]

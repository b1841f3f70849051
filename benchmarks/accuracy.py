"""Case "accuracy": seconds of training until images never seen are told apart well enough.

All train on the 60,000 training images of Fashion-MNIST, pixels / 255 in float32. After each
epoch the 10,000 test images are classified while the clock stands still. Nothing is chosen by
them, neither an epoch nor a setting: they only tell how far each one has come.

- MLPClassifier(): its defaults, until it stops by itself.
- SoftmaxMLPClassifier(): its defaults, the whole fit.
- the recipe "best" of ``python -m skmlp``, the whole fit.
- PyTorch: MLPClassifier's network, optimizer and batches, for as many epochs as it took.

One turn is one training each, one after another; turn k has the seed k. A level counts as
reached at the first epoch that has it, even if later ones fall below again.
"""

import warnings
from time import perf_counter

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks import data
from benchmarks.measure import SKLEARN, SKMLP, TORCH, Quantity, at_least, faster
from benchmarks.peers import Setting
from skmlp import SoftmaxMLPClassifier
from skmlp.cli.fashion_mnist import RECIPES

__all__ = ["accuracy"]

BEST = "skmlp, best"
LEVELS = 0.85, 0.87, 0.88, 0.8886, 0.89, 0.90, 0.91


class _Curve:
    """(seconds, accuracy) after each epoch; the clock stands while accuracy is computed."""

    def __init__(self, test):
        self.X, self.y = test
        self.points, self._idle, self._started = [], 0.0, perf_counter()

    def add(self, predict):
        now = perf_counter()
        accuracy = float(np.mean(predict(self.X) == self.y))
        self.points.append((now - self._started - self._idle, accuracy))
        self._idle += perf_counter() - now


class _WatchedMLPClassifier(MLPClassifier):
    """MLPClassifier that tells after each epoch; it has no public way to do so."""

    def _update_no_improvement_count(self, *args):
        super()._update_no_improvement_count(*args)
        self._watch(self.predict)


def _train_mlp(train, test, seed, max_iter):
    clf = _WatchedMLPClassifier(random_state=seed, max_iter=max_iter)
    curve = _Curve(test)
    clf._watch = curve.add
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf.fit(*train)
    return curve.points


def _train_torch(train, test, epochs):
    from benchmarks import torch_peer

    # alpha=1e-4, which MLPClassifier divides by the rows of a batch.
    fit = torch_peer.trainer(Setting((100,), batch_size=200, l2=1e-4 / 200), *train)
    fit(1)  # some seconds of PyTorch's are only spent once
    curve = _Curve(test)
    fit(epochs, curve.add)
    return curve.points


def _train_ours(clf, train, test):
    """Return the seconds of one fit with the accuracies of an equal one that is validated.

    History has the seconds of the steps alone. What else the first fit took came before them.
    """
    started = perf_counter()
    whole = clone(clf).fit(*train)
    before = perf_counter() - started - sum(whole.history_["seconds"])
    watched = clone(clf).set_params(scoring="accuracy").fit(*train, X_val=test[0], y_val=test[1])
    times = before + np.cumsum(whole.history_["seconds"])
    return list(zip(times.tolist(), watched.history_["validation_score"], strict=True))


def _turn(options, seed):
    """Return the points of every contestant, by name."""
    train = data.images(options.rows(60_000))
    test = data.images(options.rows(10_000), "test")
    few = {"epochs": 2} if options.tiny else {}
    curves = {SKMLP: _train_ours(SoftmaxMLPClassifier(random_state=seed, **few), train, test)}
    if "best" in RECIPES:
        best = SoftmaxMLPClassifier(**RECIPES["best"] | few, random_state=seed)
        curves[BEST] = _train_ours(best, train, test)
    curves[SKLEARN] = _train_mlp(train, test, seed, max_iter=options.epochs(200))
    if options.torch:
        curves[TORCH] = _train_torch(train, test, len(curves[SKLEARN]))
    return curves


def _time_to(level, points):
    """Return the seconds at which a curve first reaches a level, or infinity."""
    return next((seconds for seconds, accuracy in points if accuracy >= level), np.inf)


def accuracy(options):
    """Return the quantities of this case: whole fits, their accuracy, and times to levels."""
    results = [_turn(options, seed) for seed in range(options.turns_or(3))]

    def gather(what, unit, value, targets=(), **details):
        turns = {name: [value(result[name]) for result in results] for name in results[0]}
        return Quantity(what, unit, turns, targets, details)

    fits = [faster(SKLEARN, 12.0), faster(SKLEARN, 1.0, of=BEST)]
    scores = [at_least(0.8886), at_least(0.910, of=BEST)]
    return [
        gather("whole fit", "s", lambda points: points[-1][0], fits, curves=results),
        gather("test accuracy", "accuracy", lambda points: points[-1][1], scores),
        *(
            gather(f"to {level}", "s", lambda points, level=level: _time_to(level, points))
            for level in LEVELS
        ),
    ]

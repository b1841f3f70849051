"""Case "steps": from the notebook's network to one that is right nine times in ten.

Each step keeps what the steps before it changed and changes one thing more. The images are the
60,000 training images of Fashion-MNIST, in the notebook's split: 48,000 to train on and 12,000 to
judge by, stratified. Every network trains 40 epochs of batches of 256 rows, as the notebook's.

A number that a step needs, such as Adam's rate, is the best on the validation images of those that
are tried, by one training each whose seed is not used again. The turns are trainings with the
seeds 0, 1, 2. The 10,000 test images are looked at once, after the last step, by its networks.
"""

from typing import NamedTuple

from sklearn.model_selection import train_test_split

from benchmarks import data
from benchmarks.measure import SKMLP, Quantity
from skmlp import SoftmaxMLPClassifier
from skmlp.cli.fashion_mnist import RECIPES

__all__ = ["STEPS", "TEST", "TRAINED_ON", "Step", "steps"]

TRAINED_ON, TEST = "on images trained on", "test images"
CHOOSING = 1000  # the seed of the trainings that choose


class Step(NamedTuple):
    """A name, what changes, and the numbers to choose one of, by the name of their parameter."""

    name: str
    changes: dict
    tried: dict = {}  # noqa: RUF012, a default that nobody changes


STEPS = [
    Step("the notebook's network", {}),
    Step("initialization", {"init": "auto"}),
    Step("activation", {"activation": "relu"}),
    Step("standardized pixels", {"standardize": True}),
    Step("Adam", {"solver": "adam"}, {"learning_rate": [0.0003, 0.001, 0.003]}),
    Step("schedule", {"schedule": "one_cycle"}, {"learning_rate": [0.001, 0.003, 0.01]}),
    Step("width and depth", {"units": (512, 256)}),
    Step("dropout", {}, {"dropout": [0.2, (0.1, 0.2, 0.2)]}),
    Step(
        "silu, smoothing, l1",
        {"activation": "silu", "label_smoothing": 0.05, "l1": (1e-5, 0.0, 0.0)},
    ),
]


def steps(options):
    """Return a quantity for each step, its accuracy by seed, and one for the test images."""
    X, y = data.images(options.rows(60_000))
    X, X_val, y, y_val = train_test_split(X, y, stratify=y, test_size=0.2, random_state=42)
    few = {"epochs": 2, "batch_size": 64} if options.tiny else {}
    settings, quantities = RECIPES["notebook"] | few, []

    def fit(settings, seed):
        clf = SoftmaxMLPClassifier(**settings, scoring="accuracy", random_state=seed)
        return clf.fit(X, y, X_val=X_val, y_val=y_val)

    for step in STEPS:
        settings |= step.changes
        changes, tried = dict(step.changes), {}
        for name, values in step.tried.items():
            fits = [fit(settings | {name: value}, CHOOSING) for value in values]
            tried[name] = [[v, _last(clf)] for v, clf in zip(values, fits, strict=True)]
            changes[name] = max(tried[name], key=lambda pair: pair[1])[0]
        settings |= changes
        clfs = [fit(settings, seed) for seed in range(options.turns_or(3))]
        quantities.append(_quantity(step.name, clfs, changes, tried))
    test = data.images(options.rows(10_000), "test")
    return [*quantities, Quantity(TEST, "accuracy", {SKMLP: [clf.score(*test) for clf in clfs]})]


def _last(clf):
    """Return the accuracy on the validation images after the last epoch."""
    return clf.history_["validation_score"][-1]


def _quantity(name, clfs, changes, tried):
    """Return what a step came to."""
    turns = {SKMLP: list(map(_last, clfs)), TRAINED_ON: [clf.history_["score"][-1] for clf in clfs]}
    return Quantity(name, "accuracy", turns, (), {"changes": changes, "tried": tried})

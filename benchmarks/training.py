"""Cases of training: how long an epoch takes, or a whole fit.

An epoch is the difference of two fits, ``(fit of m epochs - fit of k) / (m - k)``: what an
epoch more costs, which is what counts in a long training. Checks, encoding and initial weights
happen in both fits and cancel. A whole fit has them in: it is what a call takes.
"""

from dataclasses import replace

import numpy as np

from benchmarks import data
from benchmarks.measure import (
    LIMIT,
    NOTEBOOK,
    SKLEARN,
    TORCH,
    Quantity,
    faster,
    interleave,
    seconds,
    within,
)
from benchmarks.peers import Setting, contestants

__all__ = [
    "adam", "deep", "float64", "iris", "notebook", "small", "sparse", "tabular", "width",
]  # fmt: skip

ROWS = 48_000  # that the notebook trains on
ADAM = Setting((100,))
DEFAULT_ROWS = 200  # in a batch of MLPClassifier


def _epochs(setting, X, y, options, few, many, *, targets=(), also=()):
    """Seconds of an epoch, by the difference of two fits."""

    def measure(fit):
        return (seconds(fit, many) - seconds(fit, few)) / (many - few)

    fits = contestants(setting, X, y, options, also)
    measures = {name: (lambda fit=fit: measure(fit)) for name, fit in fits.items()}
    turns = interleave(measures, options.turns_or(5), warm_up=not options.tiny)
    details = {"rows": X.shape[0], "steps": -(-X.shape[0] // setting.batch_size)}
    return Quantity("epoch", "s", turns, targets, details)


def _whole_fit(setting, X, y, options, epochs, *, targets=()):
    """Seconds of a call of fit."""
    epochs = options.epochs(epochs)
    fits = contestants(setting, X, y, options)
    measures = {name: (lambda fit=fit: seconds(fit, epochs)) for name, fit in fits.items()}
    turns = interleave(measures, options.turns_or(5), warm_up=not options.tiny)
    return Quantity("whole fit", "s", turns, targets, {"rows": X.shape[0], "epochs": epochs})


def notebook(options):
    """The notebook's network and training, beside its own loop too."""
    setting = Setting((100,), "logistic", "sgd", learning_rate=0.1, batch_size=256)
    targets = (
        faster(SKLEARN, 1.8), faster(TORCH, 1.8), within(LIMIT, 1.4), faster(NOTEBOOK, 8.0),
    )  # fmt: skip
    X, y = data.images(options.rows(ROWS))
    return [_epochs(setting, X, y, options, 1, 3, targets=targets, also=[NOTEBOOK])]


def adam(options):
    """MLPClassifier's default network, optimizer and batches."""
    X, y = data.images(options.rows(ROWS))
    targets = faster(SKLEARN, 2.0), faster(TORCH, 2.0), within(LIMIT, 1.6)
    return [_epochs(ADAM, X, y, options, 1, 4, targets=targets)]


def small(options):
    """A network so small that calls cost more than numbers."""
    setting = Setting((10,), "logistic", "sgd", learning_rate=0.1, batch_size=32)
    X, y = data.images(options.rows(ROWS))
    targets = faster(SKLEARN, 3.5), faster(TORCH, 6.0)
    return [_epochs(setting, X, y, options, 1, 4, targets=targets)]


def deep(options):
    """A network so large that numbers cost more than calls."""
    setting = Setting((256, 256), batch_size=128)
    X, y = data.images(options.rows(ROWS))
    targets = faster(SKLEARN, 1.5), faster(TORCH, 1.5)
    return [_epochs(setting, X, y, options, 1, 2, targets=targets)]


def tabular(options):
    """A table of the size that people have."""
    setting = Setting((32,), batch_size=64)
    X, y = data.tabular(options.rows(2_000))
    return [_whole_fit(setting, X, y, options, 100, targets=[faster(SKLEARN, 4.0)])]


def iris(options):
    """The smallest there is, as MLPClassifier() does it: all rows in one batch."""
    X, y = data.iris()
    setting = replace(ADAM, batch_size=min(DEFAULT_ROWS, len(X)))
    return [_whole_fit(setting, X, y, options, 200, targets=[faster(SKLEARN, 4.0)])]


def float64(options):
    """The adam case in double precision."""
    X, y = data.images(options.rows(ROWS), dtype=np.float64)
    return [_epochs(ADAM, X, y, options, 1, 3, targets=[faster(SKLEARN, 1.3)])]


def sparse(options):
    """Sparse rows, as texts give them; PyTorch has no fast way of its own for these."""
    X, y = data.sparse(options.rows(10_000), 400 if options.tiny else 20_000)
    return [_epochs(ADAM, X, y, options, 1, 2, targets=[faster(SKLEARN, 2.0)])]


def width(options):
    """Seconds of a step of the adam case, over the units of its hidden layer."""
    X, y = data.images(options.rows(10_000))
    return [
        _step(units, _epochs(replace(ADAM, units=(units,)), X, y, options, 1, 3))
        for units in ([16] if options.tiny else [16, 32, 64, 128, 256, 512, 1024])
    ]


def _step(units, epoch):
    """Return a step's quantity, of an epoch's."""
    steps = epoch.details["steps"]
    turns = {name: [value / steps for value in values] for name, values in epoch.turns.items()}
    return Quantity(f"step, {units} units", "s", turns, (), epoch.details | {"units": units})

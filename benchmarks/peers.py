"""The contestants of the training cases.

docs/benchmarks.rst describes what is the same for all. Three differences remain: the
implementation; the two estimators check their input, encode the labels and reject non-finite
values; and MLPClassifier always computes an l2 penalty, even if it is 0.
"""

import warnings
from collections import deque
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks.harness import LIMIT, NOTEBOOK, SKLEARN, SKMLP, TORCH
from skmlp import SoftmaxMLPClassifier
from tests import notebook_loop


@dataclass(frozen=True)
class Setting:
    """A network and its training; "sgd" has no momentum.

    With `averaging`, as of SoftmaxMLPClassifier, a tenth of the rows is set aside, on which the
    averaged network is evaluated after each epoch.
    """

    units: tuple[int, ...]
    activation: str = "relu"
    solver: str = "adam"
    learning_rate: float = 0.001
    batch_size: int = 200
    l2: float = 0.0
    averaging: float = 0.0


ADAM = Setting((100,))
LOGISTIC = {"activation": "logistic", "solver": "sgd", "learning_rate": 0.1}
GRID = {"learning_rate": (0.001, 0.003, 0.01), "l2": (1e-5, 1e-4, 1e-3), "beta_1": (0.8, 0.9, 0.95)}


def _skmlp(setting, epochs):
    return SoftmaxMLPClassifier(
        **asdict(setting), momentum=0.0, schedule="constant", standardize=False, n_bins=None,
        dropout=0.0, label_smoothing=0.0, early_stopping=bool(setting.averaging),
        n_iter_no_change=np.inf,
        calibration=None, epochs=epochs, random_state=0,
    )  # fmt: skip


def _mlp_classifier(setting, epochs):
    return MLPClassifier(
        setting.units, activation=setting.activation, solver=setting.solver, momentum=0.0,
        nesterovs_momentum=False, learning_rate_init=setting.learning_rate,
        batch_size=setting.batch_size, alpha=setting.l2 * setting.batch_size,  # which divides it
        max_iter=epochs, tol=0.0, n_iter_no_change=np.inf, random_state=0,
    )  # fmt: skip


MLP_ACTIVATIONS = {"identity", "logistic", "tanh", "relu"}
ESTIMATORS = {SKMLP: _skmlp, SKLEARN: _mlp_classifier}


def _fit_of(make, setting, X, y):
    """Return the fit of an estimator as a function of the number of epochs."""

    def fit(epochs):
        with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
            return make(setting, epochs).fit(X, y)

    return fit


def _notebook(setting, X, y):
    """Return the training loop of the notebook, in float64; only for logistic units and SGD."""
    loop = partial(
        notebook_loop.steps, X.astype(np.float64), np.eye(y.max() + 1)[y], units=setting.units[0],
        batch_size=setting.batch_size, learning_rate=setting.learning_rate, seed=0, corrected=True,
    )  # fmt: skip
    return lambda epochs: deque(loop(epochs=epochs), maxlen=0)


def _limit(setting, X, y):
    """Return a lower bound of training: the matrix products of its steps and nothing else.

    These are ``A W`` forward, ``A^T delta`` backward and, except for the first layer,
    ``delta W^T``, with preallocated output. The batch is always the same, so that it is in the
    processor's cache, as gathered rows are.
    """
    sizes = (X.shape[1], *setting.units, int(y.max()) + 1)
    full, rest = divmod(len(X), setting.batch_size)
    step = _products(sizes, setting.batch_size, X.dtype)
    steps = [step] * full + ([_products(sizes, rest, X.dtype)] if rest else [])

    def fit(epochs):
        for _ in range(epochs):
            for products in steps:
                for A, B, out in products:
                    np.matmul(A, B, out=out)

    return fit


def _products(sizes, n_rows, dtype):
    """Return (A, B, out) of each matrix product of a step."""
    rng, triples = np.random.RandomState(0), []

    def array(*shape):
        return rng.normal(size=shape).astype(dtype)

    for fan_in, fan_out in pairwise(sizes):
        A, W, delta = array(n_rows, fan_in), array(fan_in, fan_out), array(n_rows, fan_out)
        triples.append((A, W, array(n_rows, fan_out)))
        triples.append((A.T, delta, array(fan_in, fan_out)))
        triples.append((delta, W.T, array(n_rows, fan_in)))
    del triples[2]  # the input has no gradient
    return triples


def contestants(setting, X, y, options, also=()):
    """Return the training functions of all contestants, and of the limit, by name.

    Each takes the number of epochs. The notebook's loop is included if `also` contains NOTEBOOK;
    for sparse X there are only the two estimators.
    """
    fits = {
        name: _fit_of(make, setting, X, y)
        for name, make in ESTIMATORS.items()
        if setting.activation in MLP_ACTIVATIONS or name == SKMLP
    }
    if not isinstance(X, np.ndarray):
        return fits
    if options.torch:
        from benchmarks import torch_peer

        fits[TORCH] = torch_peer.trainer(setting, X, y)
    if NOTEBOOK in also:
        fits[NOTEBOOK] = _notebook(setting, X, y)
    fits[LIMIT] = _limit(setting, X, y)
    return fits

"""The contestants of training. All do the same work on the same arrays.

The same layers, batches, epochs, step size, precision and order (new in each epoch), no early
stopping, and all keep the loss of each epoch. Three things differ, and are meant to: how they
do it; that the two estimators check their input, encode the labels and refuse what is not
finite, which PyTorch's loop is spared; and that MLPClassifier always computes an l2 penalty,
be it 0. Every one may use as many threads as NumPy's BLAS does.
"""

import warnings
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_info

from benchmarks.measure import COMPILED, LIMIT, NOTEBOOK, SKLEARN, SKMLP, TORCH
from skmlp import SoftmaxMLPClassifier
from tests import notebook_loop

__all__ = ["Setting", "blas_threads", "contestants", "mlp_classifier", "notebook", "ours"]


@dataclass(frozen=True)
class Setting:
    """A network and how it is trained; sgd is without momentum."""

    units: tuple[int, ...]
    activation: str = "relu"
    solver: str = "adam"
    learning_rate: float = 0.001
    batch_size: int = 200
    l2: float = 0.0


def blas_threads():
    """Return how many threads matrix products use, or None if that cannot be told."""
    counts = [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"]
    return max(counts, default=None)


def ours(setting, epochs):
    """Return the SoftmaxMLPClassifier of a setting."""
    return SoftmaxMLPClassifier(
        setting.units, activation=setting.activation, solver=setting.solver, momentum=0.0,
        learning_rate=setting.learning_rate, schedule="constant", batch_size=setting.batch_size,
        l2=setting.l2, standardize=False, early_stopping=False, epochs=epochs, random_state=0,
    )  # fmt: skip


def mlp_classifier(setting, epochs):
    """Return the MLPClassifier of a setting, which never stops early.

    Its alpha is divided by the rows of each batch.
    """
    return MLPClassifier(
        setting.units, activation=setting.activation, solver=setting.solver, momentum=0.0,
        nesterovs_momentum=False, learning_rate_init=setting.learning_rate,
        batch_size=setting.batch_size, alpha=setting.l2 * setting.batch_size, max_iter=epochs,
        tol=0.0, n_iter_no_change=np.inf, random_state=0,
    )  # fmt: skip


def _fits(make, setting, X, y):
    """Return the fit of an estimator as a function of the number of epochs."""

    def fit(epochs):
        with warnings.catch_warnings():  # MLPClassifier's, that it did what it was asked for
            warnings.simplefilter("ignore", ConvergenceWarning)
            return make(setting, epochs).fit(X, y)

    return fit


def notebook(setting, X, y):
    """Return the notebook's own loop, in float64 as it is there; for logistic sgd only."""
    X, Y = X.astype(np.float64), np.eye(y.max() + 1)[y]
    (units,) = setting.units
    fixed = {"units": units, "batch_size": setting.batch_size, "seed": 0, "mended": True}

    def fit(epochs):
        for _ in notebook_loop.steps(
            X, Y, learning_rate=setting.learning_rate, epochs=epochs, **fixed
        ):
            pass

    return fit


def limit(setting, X, y):
    """Return what no training can undercut: the matrix products of its steps, nothing else.

    Forward ``A W``, backward ``A^T delta`` and, but for the first layer, ``delta W^T``, all
    into memory that is there already. The batch is always the same one, so that it lies in
    the processor's cache, as gathered rows do.
    """
    sizes = (X.shape[1], *setting.units, int(y.max()) + 1)
    full, rest = divmod(len(X), setting.batch_size)
    whole = _products(sizes, setting.batch_size, X.dtype)
    short = _products(sizes, rest, X.dtype) if rest else []

    def fit(epochs):
        for _ in range(epochs):
            for _ in range(full):
                for A, B, out in whole:
                    np.matmul(A, B, out=out)
            for A, B, out in short:
                np.matmul(A, B, out=out)

    return fit


def _products(sizes, n_rows, dtype):
    """Return (A, B, out) of each matrix product of a step."""
    rng = np.random.RandomState(0)

    def array(*shape):
        return rng.normal(size=shape).astype(dtype)

    triples = []
    for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        A, W, delta = array(n_rows, fan_in), array(fan_in, fan_out), array(n_rows, fan_out)
        triples.append((A, W, array(n_rows, fan_out)))
        triples.append((A.T, delta, array(fan_in, fan_out)))
        if layer > 0:
            triples.append((delta, W.T, array(n_rows, fan_in)))
    return triples


def contestants(setting, X, y, options, also=()):
    """Return those who train, and the limit: functions of the number of epochs, by name.

    ``also`` may hold NOTEBOOK. Of sparse X there are only the two estimators.
    """
    fits = {
        SKMLP: _fits(ours, setting, X, y),
        SKLEARN: _fits(mlp_classifier, setting, X, y),
    }
    if not isinstance(X, np.ndarray):
        return fits
    if options.torch:
        from benchmarks import torch_peer

        fits[TORCH] = torch_peer.trainer(setting, X, y)
        if options.compiled:
            fits[COMPILED] = torch_peer.trainer(setting, X, y, compiled=True)
    if NOTEBOOK in also:
        fits[NOTEBOOK] = notebook(setting, X, y)
    fits[LIMIT] = limit(setting, X, y)
    return fits

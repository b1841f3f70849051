"""The constructor's words: checked, and turned into the objects of the core.

This is the one place that knows which strings there are.
"""

import warnings
from collections.abc import Sequence
from functools import lru_cache
from math import isfinite
from numbers import Integral, Real

import numpy as np

from skmlp.core.activations import ACTIVATIONS
from skmlp.core.initializers import INITIALIZERS
from skmlp.core.network import Network
from skmlp.core.objective import Objective
from skmlp.core.optimizers import SGD, Adam
from skmlp.core.penalties import Penalty
from skmlp.core.schedules import SCHEDULES, of_fraction
from skmlp.errors import invalid

__all__ = [
    "build_initializers",
    "build_network",
    "build_objective",
    "build_optimizer",
    "build_schedule",
    "check_parameters",
    "network_description",
    "rows_per_batch",
    "working_dtype",
]

AUTO_BATCH_SIZE = 128
SOLVERS = ("sgd", "adam")
DTYPES = ("auto", "float32", "float64")
# ReLU and its smooth relatives pass half of the variance on, which He's scale makes up for.
HE_ACTIVATIONS = {"relu", "leaky_relu", "elu", "silu", "gelu"}


def check_parameters(estimator):
    """Raise ValueError for a constructor parameter that cannot be meant.

    Raises
    ------
    ValueError
        Naming the parameter, the value given and what is accepted.
    """
    p = estimator.get_params(deep=False)
    units = hidden_units(p["units"])
    hidden_activations(p["activation"], len(units))
    _one_of("init", p["init"], ("auto", *INITIALIZERS))
    _one_of("solver", p["solver"], SOLVERS)
    _one_of("dtype", p["dtype"], DTYPES)
    if not callable(p["schedule"]):
        _one_of("schedule", p["schedule"], SCHEDULES, "a callable fraction -> factor")
    if not (isinstance(p["batch_size"], str) and p["batch_size"] == "auto"):
        _integer("batch_size", p["batch_size"], 1, "'auto' or an integer >= 1")
    _integer("epochs", p["epochs"], 1, "an integer >= 1")
    for name in ("shuffle", "nesterovs_momentum"):
        if not _is_bool(p[name]):
            raise invalid(name, p[name], "True or False")
    if not _is_bool(p["verbose"]):
        _integer("verbose", p["verbose"], 0, "a bool or an integer >= 0")
    for name in ("l1", "l2"):
        _number(name, p[name], lambda v: v >= 0, "a finite number >= 0")
    for name in ("learning_rate", "epsilon"):
        _number(name, p[name], lambda v: v > 0, "a finite number > 0")
    for name in ("momentum", "beta_1", "beta_2"):
        _number(name, p[name], lambda v: 0 <= v < 1, "a number in [0, 1)")


@lru_cache
def build_network(layer_sizes, activations):
    """Return the Network with these sizes and names of hidden activations.

    Cached, because a fitted estimator asks for it at every prediction.
    """
    return Network(layer_sizes, tuple(ACTIVATIONS[name] for name in activations))


def network_description(estimator, n_features, n_classes):
    """Return what `build_network` takes: (layer_sizes, activations)."""
    units = hidden_units(estimator.units)
    layer_sizes = (n_features, *units, n_classes)
    return layer_sizes, hidden_activations(estimator.activation, len(units))


def build_objective(estimator, network):
    """Return the Objective for a network with the estimator's penalties."""
    l1, l2 = float(estimator.l1), float(estimator.l2)
    return Objective(network, Penalty(network.n_weights, l1, l2))


def build_initializers(estimator, activations):
    """Return a function (rng, fan_in, fan_out) -> W for each layer."""
    if estimator.init != "auto":
        return [INITIALIZERS[estimator.init]] * (len(activations) + 1)
    return [
        INITIALIZERS["he_normal" if name in HE_ACTIVATIONS else "glorot_uniform"]
        for name in (*activations, "softmax")
    ]


def build_optimizer(estimator):
    """Return SGD or Adam with the estimator's hyper-parameters."""
    e = estimator
    if e.solver == "sgd":
        return SGD(float(e.momentum), bool(e.nesterovs_momentum))
    return Adam(float(e.beta_1), float(e.beta_2), float(e.epsilon))


def build_schedule(estimator):
    """Return the schedule (step, fraction) -> factor."""
    if callable(estimator.schedule):
        return of_fraction(estimator.schedule)
    return SCHEDULES[estimator.schedule]


def rows_per_batch(estimator, n_rows):
    """Return the batch size, which MiniBatches clips; warn if the one given is too large."""
    if estimator.batch_size == "auto":
        return AUTO_BATCH_SIZE
    if estimator.batch_size > n_rows:
        warnings.warn(
            f"batch_size={estimator.batch_size} is larger than the number of rows to "
            f"train on: it is clipped to {n_rows}.",
            UserWarning,
            stacklevel=5,
        )
    return int(estimator.batch_size)


def working_dtype(estimator, X):
    """Return the dtype of theta_ for training data X: float32 or float64.

    float64 (and wider) stays float64; float32 stays float32; integers (up to 2^24 exactly),
    bools and float16 train in float32.
    """
    if estimator.dtype != "auto":
        return np.dtype(estimator.dtype)
    wide = X.dtype.kind == "f" and X.dtype.itemsize >= 8
    return np.dtype(np.float64 if wide else np.float32)


def hidden_units(units):
    """Return units as a tuple; None, which is what OpenML makes of (), as ()."""
    if units is None:
        return ()
    sizes = tuple(units) if _is_sequence(units) else (units,)
    for size in sizes:
        _integer("units", size, 1, "an integer >= 1 or a sequence of them", given=units)
    return tuple(int(size) for size in sizes)


def hidden_activations(activation, n_hidden):
    """Return the name of each hidden layer's activation."""
    if isinstance(activation, str):
        _one_of("activation", activation, ACTIVATIONS)
        return (activation,) * n_hidden
    accepted = f"one of {list(ACTIVATIONS)} or a sequence of {n_hidden}, one for each"
    accepted += " hidden layer"
    names = tuple(activation) if _is_sequence(activation) else (activation,)
    known = all(isinstance(name, str) and name in ACTIVATIONS for name in names)
    if not known or len(names) != n_hidden:
        raise invalid("activation", activation, accepted)
    return names


def _is_sequence(value):
    """Whether the value has an order and can be read twice; a string is one word."""
    if isinstance(value, np.ndarray):
        return value.ndim == 1
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _one_of(name, value, names, otherwise=None):
    if not isinstance(value, str) or value not in names:
        accepted = f"one of {list(names)}" + (f" or {otherwise}" if otherwise else "")
        raise invalid(name, value, accepted)


def _is_bool(value):
    return isinstance(value, bool | np.bool_)


def _integer(name, value, least, accepted, *, given=None):
    if not isinstance(value, Integral) or _is_bool(value) or value < least:
        raise invalid(name, value if given is None else given, accepted)


def _number(name, value, holds, accepted):
    try:
        is_number = isinstance(value, Real) and not _is_bool(value) and isfinite(value)
    except OverflowError:  # of an integer that no float can hold
        is_number = False
    if not is_number or not holds(value):
        raise invalid(name, value, accepted)

"""The constructor's words: checked, and turned into the objects of the core.

This is the one place that knows which strings there are.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import inf, isfinite, prod
from numbers import Integral, Real

import numpy as np
from sklearn.metrics import get_scorer_names

from skmlp.core.activations import ACTIVATIONS
from skmlp.core.dropout import Dropout
from skmlp.core.initializers import INITIALIZERS
from skmlp.core.network import Network
from skmlp.core.objective import Objective
from skmlp.core.optimizers import SGD, Adam
from skmlp.core.penalties import Penalty
from skmlp.core.schedules import CYCLIC, SCHEDULES, Adaptive, of_fraction
from skmlp.errors import invalid, warn_user

__all__ = [
    "batch_size",
    "build_dropout",
    "build_initializers",
    "build_network",
    "build_objective",
    "build_optimizer",
    "build_schedule",
    "check_parameters",
    "layer_dropout",
    "network_description",
    "number_of_epochs",
    "rows_per_batch",
    "watches_loss",
    "working_dtype",
]

AUTO_BATCH_SIZE = 128
LEAST_EPOCHS, AUTO_EPOCHS, AUTO_STEPS, AUTO_ITERATIONS = 5, 40, (100, 4000), 200
SOLVERS = ("sgd", "adam", "lbfgs")
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
        names = (*SCHEDULES, "adaptive")
        _one_of("schedule", p["schedule"], names, "a callable fraction -> factor")
    if not callable(p["scoring"]):
        names = ("loss", *get_scorer_names())
        _one_of("scoring", p["scoring"], names, "a callable (estimator, X, y) -> score")
    for name in ("batch_size", "epochs"):
        if not (isinstance(p[name], str) and p[name] == "auto"):
            _integer(name, p[name], 1, "'auto' or an integer >= 1")
    for name in ("shuffle", "nesterovs_momentum", "standardize", "early_stopping", "warm_start"):
        if not _is_bool(p[name]):
            raise invalid(name, p[name], "True or False")
    if not _is_bool(p["verbose"]):
        _integer("verbose", p["verbose"], 0, "a bool or an integer >= 0")
    for name in ("l1", "l2"):
        _layer_numbers(name, p[name], len(units), lambda v: v >= 0, "a finite number >= 0")
    in_unit = lambda v: 0 <= v < 1  # noqa: E731
    _layer_numbers("dropout", p["dropout"], len(units), in_unit, "a number in [0, 1)")
    for name in ("learning_rate", "epsilon"):
        _number(name, p[name], lambda v: v > 0, "a finite number > 0")
    for name in ("momentum", "beta_1", "beta_2", "label_smoothing"):
        _number(name, p[name], in_unit, "a number in [0, 1)")
    _number("tol", p["tol"], lambda v: v >= 0, "a finite number >= 0")
    _check_stopping(p)
    _check_class_weight(p["class_weight"])
    if p["solver"] == "lbfgs" and any(layer_dropout(p["dropout"], len(units))):
        raise ValueError(
            f"dropout={p['dropout']!r} and solver='lbfgs' exclude each other: L-BFGS needs an "
            "objective that is not random. Use solver='adam' or 'sgd', or dropout=0."
        )


def _check_stopping(p):
    """Check the parameters of early stopping that are no plain numbers."""
    patience = p["n_iter_no_change"]
    if not (isinstance(patience, Real) and patience == inf):
        _integer("n_iter_no_change", patience, 1, "an integer >= 1 or numpy.inf")
    fraction, accepted = p["validation_fraction"], "a number in (0, 1), an integer >= 1 or None"
    if isinstance(fraction, Integral):
        _integer("validation_fraction", fraction, 1, accepted)
    elif fraction is not None:
        _number("validation_fraction", fraction, lambda v: 0 < v < 1, accepted)


def _check_class_weight(class_weight):
    """Check what can be checked without knowing the classes."""
    if class_weight is None or (isinstance(class_weight, str) and class_weight == "balanced"):
        return
    if not isinstance(class_weight, Mapping):
        accepted = "None, 'balanced' or a dict from classes to weights"
        raise invalid("class_weight", class_weight, accepted)
    accepted = "a dict whose weights are finite numbers >= 0"
    for weight in class_weight.values():
        _number("class_weight", weight, lambda v: v >= 0, accepted, given=class_weight)


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


def build_objective(estimator, network, dtype):
    """Return the Objective for a network with the estimator's penalties."""
    l1, l2 = (_penalty_strength(value, network, dtype) for value in (estimator.l1, estimator.l2))
    return Objective(network, Penalty(network.n_weights, l1, l2))


def _penalty_strength(value, network, dtype):
    """Return one float for all weights or, for different layers, a vector (n_weights,)."""
    values = _layer_values(value, len(network.weight_shapes))
    if len(set(values)) == 1:
        return values[0]
    return np.repeat(np.array(values, dtype), [prod(shape) for shape in network.weight_shapes])


def layer_dropout(dropout, n_hidden):
    """Return the dropout rate in front of each layer; one number is for hidden layers."""
    if _is_sequence(dropout):
        return _layer_values(dropout, n_hidden + 1)
    return (0.0, *_layer_values(dropout, n_hidden))


def build_dropout(estimator, network, rng):
    """Return the Dropout that draws from a NumPy Generator, or None without dropout."""
    rates = layer_dropout(estimator.dropout, len(network.activations))
    if not any(rates):
        return None
    rngs = np.empty((), object)
    rngs[()] = rng
    return Dropout(rates, rngs)


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


def build_schedule(estimator, in_cycle=True):
    """Return the schedule (step, fraction) -> factor; outside of a cycle, 1 for cyclic ones."""
    if not in_cycle and (callable(estimator.schedule) or estimator.schedule in CYCLIC):
        return SCHEDULES["constant"]
    if callable(estimator.schedule):
        return of_fraction(estimator.schedule)
    if estimator.schedule == "adaptive":
        return Adaptive()
    return SCHEDULES[estimator.schedule]


def batch_size(estimator):
    """Return the batch size that is asked for, whatever the number of rows."""
    return AUTO_BATCH_SIZE if estimator.batch_size == "auto" else int(estimator.batch_size)


def rows_per_batch(estimator, n_rows):
    """Return the batch size, which MiniBatches clips; warn if the one given is too large."""
    if estimator.batch_size != "auto" and estimator.batch_size > n_rows:
        warn_user(
            f"batch_size={estimator.batch_size} is larger than the number of rows to "
            f"train on: it is clipped to {n_rows}."
        )
    return batch_size(estimator)


def watches_loss(estimator):
    """Whether `scoring` is the loss, and no scorer of scikit-learn's."""
    return isinstance(estimator.scoring, str) and estimator.scoring == "loss"


def number_of_epochs(estimator, n_rows):
    """Return the epochs of a call of fit.

    A number of epochs alone cannot be right for few rows and for many: a hundred rows make
    one step an epoch, a hundred thousand make hundreds. "auto" is 40 epochs, more if these
    have less than 100 steps, and fewer, but 5, if they have more than 4,000.
    """
    if estimator.epochs != "auto":
        return int(estimator.epochs)
    if estimator.solver == "lbfgs":
        return AUTO_ITERATIONS
    steps = -(-n_rows // batch_size(estimator))  # an epoch's
    fewest, most = AUTO_STEPS
    return max(LEAST_EPOCHS, round(min(max(AUTO_EPOCHS, fewest / steps), most / steps)))


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
    """Return the name of each hidden layer's activation; None is () again."""
    if isinstance(activation, str):
        _one_of("activation", activation, ACTIVATIONS)
        return (activation,) * n_hidden
    accepted = f"one of {list(ACTIVATIONS)} or a sequence of {n_hidden}, one for each"
    accepted += " hidden layer"
    activations = () if activation is None else activation
    names = tuple(activations) if _is_sequence(activations) else (activations,)
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


def _number(name, value, holds, accepted, *, given=None):
    try:
        is_number = isinstance(value, Real) and not _is_bool(value) and isfinite(value)
    except OverflowError:  # of an integer that no float can hold
        is_number = False
    if not is_number or not holds(value):
        raise invalid(name, value if given is None else given, accepted)


def _layer_numbers(name, value, n_hidden, holds, accepted):
    """Check a number, or one for each of n_hidden + 1 layers."""
    if not _is_sequence(value):
        _number(name, value, holds, f"{accepted}, or one for each of {n_hidden + 1} layers")
        return
    accepted = f"{n_hidden + 1} numbers, one for each layer, each {accepted}"
    if len(value) != n_hidden + 1:
        raise invalid(name, value, accepted)
    for number in value:
        _number(name, number, holds, accepted, given=value)


def _layer_values(value, n_layers):
    """Return floats, one for each layer."""
    return tuple(map(float, value)) if _is_sequence(value) else (float(value),) * n_layers

"""Checks of the constructor parameters that training depends on.

Each error names the parameter, the value given and what is accepted. What depends on the
data, such as the classes in ``class_weight``, is checked when the data are known.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from inspect import signature
from math import inf, isfinite
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.metrics import get_scorer_names

from skmlp._errors import check_integer, invalid, short_repr
from skmlp.core.activations import ACTIVATIONS
from skmlp.core.initializers import INITIALIZERS
from skmlp.core.schedules import SCHEDULES

__all__ = ["LayerParameters", "check_parameters", "is_auto", "uses_all_rows"]

DTYPES = ("auto", "float32", "float64")
FULL_BATCH_SOLVERS = ("lbfgs",)


class LayerParameters(NamedTuple):
    """The parameters that may be given by layer, for each layer.

    Attributes
    ----------
    units : tuple of int
        Sizes of the hidden layers.
    activations : tuple of str
        Of the hidden layers.
    l1, l2, dropout : tuple of float
        Of all layers, the output layer included; dropout acts on a layer's input. "auto" is 0
        until the number of rows is known.
    """

    units: tuple[int, ...]
    activations: tuple[str, ...]
    l1: tuple[float, ...]
    l2: tuple[float, ...]
    dropout: tuple[float, ...]


def check_parameters(p: Mapping[str, Any], optimizers: Collection[str]) -> LayerParameters:
    """Check the parameters p of the constructor; return those that may be given by layer.

    Parameters
    ----------
    p : mapping of str to object
    optimizers : collection of str
        The names of the solvers that train by mini-batches.

    Raises
    ------
    ValueError
        For an invalid value.
    """
    _one_of("solver", p["solver"], (*optimizers, *FULL_BATCH_SOLVERS))
    units = _hidden_units(p["units"])
    activations = _hidden_activations(p["activation"], len(units))
    _check_names(p)
    _check_integers(p)
    _check_flags(p)
    _layer_numbers("l1", p["l1"], len(units), _at_least_0, "a finite number >= 0")
    _layer_numbers("l2", p["l2"], len(units), _at_least_0, "a finite number >= 0", auto=True)
    _layer_numbers("dropout", p["dropout"], len(units), _in_unit, "a number in [0, 1)", auto=True)
    _check_numbers(p)
    _check_stopping(p)
    _check_class_weight(p["class_weight"])
    given = (0.0 if is_auto(p[name]) else p[name] for name in ("l1", "l2", "dropout"))
    l1, l2, dropout = (_layer_values(value, len(units) + 1) for value in given)
    if not _is_sequence(p["dropout"]):  # one rate is for the outputs of hidden layers
        dropout = (0.0, *dropout[1:])
    if any(dropout) and uses_all_rows(p["solver"]):
        raise ValueError(
            f"dropout={short_repr(p['dropout'])} and solver={p['solver']!r} exclude each other: "
            "L-BFGS needs an objective that is not random. Use solver='adam' or 'sgd', or "
            "dropout=0."
        )
    return LayerParameters(units, activations, l1, l2, dropout)


def uses_all_rows(solver: str) -> bool:
    """Whether the solver computes the objective over all rows at once, as L-BFGS does."""
    return solver in FULL_BATCH_SOLVERS


def is_auto(value: Any) -> bool:
    """Whether a parameter is "auto"."""
    return isinstance(value, str) and value == "auto"


def _check_names(p: Mapping[str, Any]) -> None:
    """Check the parameters that are names, or callables in their place."""
    _one_of("init", p["init"], ("auto", *INITIALIZERS))
    _one_of("dtype", p["dtype"], DTYPES)
    if not callable(p["schedule"]):
        names = (*SCHEDULES, "adaptive")
        _one_of("schedule", p["schedule"], names, "a callable fraction -> factor")
    _check_scoring(p["scoring"])
    if p["calibration"] is not None:
        _one_of("calibration", p["calibration"], ("temperature",), "None")


def _check_integers(p: Mapping[str, Any]) -> None:
    """Check the parameters that are counts."""
    for name in ("batch_size", "epochs"):
        if not is_auto(p[name]):
            check_integer(name, p[name], 1, "'auto' or an integer >= 1")
    if p["n_bins"] is not None and not is_auto(p["n_bins"]):
        check_integer("n_bins", p["n_bins"], 2, "'auto', an integer >= 2 or None")
    _check_min_frequency(p["min_frequency"])
    if not _is_bool(p["verbose"]):
        check_integer("verbose", p["verbose"], 0, "a bool or an integer >= 0")


def _check_flags(p: Mapping[str, Any]) -> None:
    """Check the parameters that are True or False."""
    for name in ("shuffle", "nesterovs_momentum", "standardize", "warm_start"):
        if not _is_bool(p[name]):
            raise invalid(name, p[name], "True or False")
    if not _is_bool(p["early_stopping"]) and not is_auto(p["early_stopping"]):
        raise invalid("early_stopping", p["early_stopping"], "'auto', True or False")


def _check_numbers(p: Mapping[str, Any]) -> None:
    """Check the parameters that are real numbers, the same for all layers."""
    for name in ("learning_rate", "epsilon"):
        _number(name, p[name], lambda v: v > 0, "a finite number > 0")
    for name in ("momentum", "beta_1", "beta_2", "label_smoothing"):
        _number(name, p[name], _in_unit, "a number in [0, 1)")
    for name in ("tol", "averaging"):
        _number(name, p[name], _at_least_0, "a finite number >= 0")


def _at_least_0(value: Any) -> bool:
    return bool(value >= 0)


def _in_unit(value: Any) -> bool:
    return bool(0 <= value < 1)


def _check_min_frequency(value: Any) -> None:
    """Raise unless this is None, an integer >= 1 or a fraction in (0, 1)."""
    accepted = "an integer >= 1, a number in (0, 1) or None"
    if value is None:
        return
    if isinstance(value, Integral) or not isinstance(value, Real):
        check_integer("min_frequency", value, 1, accepted)
    elif not 0.0 < float(value) < 1.0:
        raise invalid("min_frequency", value, accepted)


def _check_scoring(scoring: Any) -> None:
    """Raise unless scoring names a scorer or can be called as one, which a metric cannot."""
    accepted = "a callable (estimator, X, y) -> score"
    if not callable(scoring):
        _one_of("scoring", scoring, ("loss", *get_scorer_names()), accepted)
        return
    if not (_takes_arguments(scoring) or _takes_arguments(scoring, sample_weight=None)):
        accepted += ": of a metric (y_true, y_pred), sklearn.metrics.make_scorer makes one"
        raise invalid("scoring", scoring, accepted)


def _takes_arguments(scoring: Callable[..., Any], **weights: Any) -> bool:
    """Whether a callable takes (estimator, X, y) and the weights, as far as its signature tells."""
    try:
        signature(scoring).bind(None, None, None, **weights)
    except TypeError:
        return False
    except ValueError:  # it has no signature
        return True
    return True


def _check_stopping(p: Mapping[str, Any]) -> None:
    """Check the parameters of early stopping that are not plain numbers."""
    patience = p["n_iter_no_change"]
    if not (isinstance(patience, Real) and patience == inf):
        check_integer("n_iter_no_change", patience, 1, "an integer >= 1 or numpy.inf")
    fraction, accepted = p["validation_fraction"], "a number in (0, 1), an integer >= 1 or None"
    if isinstance(fraction, Integral):
        check_integer("validation_fraction", fraction, 1, accepted)
    elif fraction is not None:
        _number("validation_fraction", fraction, lambda v: 0 < v < 1, accepted)


def _check_class_weight(class_weight: Any) -> None:
    """Check what can be checked without knowing the classes."""
    if class_weight is None or (isinstance(class_weight, str) and class_weight == "balanced"):
        return
    if not isinstance(class_weight, Mapping):
        accepted = "None, 'balanced' or a dict from classes to weights"
        raise invalid("class_weight", class_weight, accepted)
    accepted = "a dict whose weights are finite numbers >= 0"
    for weight in class_weight.values():
        _number("class_weight", weight, _at_least_0, accepted, given=class_weight)


def _hidden_units(units: Any) -> tuple[int, ...]:
    """Return units as a tuple; None, by which OpenML encodes (), as ()."""
    if units is None:
        return ()
    sizes = tuple(units) if _is_sequence(units) else (units,)
    for size in sizes:
        check_integer("units", size, 1, "an integer >= 1 or a sequence of them", given=units)
    return tuple(int(size) for size in sizes)


def _hidden_activations(activation: Any, n_hidden: int) -> tuple[str, ...]:
    """Return the name of each hidden layer's activation; None is () as well."""
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


def _is_sequence(value: Any) -> bool:
    """Whether the value is an ordered collection; a string counts as a scalar."""
    if isinstance(value, np.ndarray):
        return value.ndim == 1
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _one_of(name: str, value: Any, names: Collection[str], otherwise: str | None = None) -> None:
    """Raise unless the value is one of these names."""
    if not isinstance(value, str) or value not in names:
        accepted = f"one of {list(names)}" + (f" or {otherwise}" if otherwise else "")
        raise invalid(name, value, accepted)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


def _number(
    name: str,
    value: Any,
    holds: Callable[[Any], bool],
    accepted: str,
    *,
    given: Any = None,
) -> None:
    try:
        is_number = isinstance(value, Real) and not _is_bool(value) and isfinite(value)
    except OverflowError:  # an integer larger than any float
        is_number = False
    if not is_number or not holds(value):
        raise invalid(name, value if given is None else given, accepted)


def _layer_numbers(
    name: str,
    value: Any,
    n_hidden: int,
    holds: Callable[[Any], bool],
    accepted: str,
    *,
    auto: bool = False,
) -> None:
    """Check a number, one for each of n_hidden + 1 layers, or where it is accepted "auto"."""
    if auto and is_auto(value):
        return
    if not _is_sequence(value):
        otherwise = f"{accepted}, or one for each of {n_hidden + 1} layers"
        _number(name, value, holds, f"'auto', {otherwise}" if auto else otherwise)
        return
    accepted = f"{n_hidden + 1} numbers, one for each layer, each {accepted}"
    if len(value) != n_hidden + 1:
        raise invalid(name, value, accepted)
    for number in value:
        _number(name, number, holds, accepted, given=value)


def _layer_values(value: Any, n_layers: int) -> tuple[float, ...]:
    """Return floats, one for each layer."""
    return tuple(map(float, value)) if _is_sequence(value) else (float(value),) * n_layers

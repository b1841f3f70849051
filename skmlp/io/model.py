"""Model files: a fitted network, its parameters and its labels.

Members of the archive:

=============  ====================================================================
header.npy     JSON text as bytes: format version, constructor parameters, layer sizes,
               names of activations, feature names, history, stop reason, best epoch
theta.npy      all parameters of the network, float32 or float64
classes.npy    the labels, sorted
weights.npy    the weight of each class
mean.npy       the means of standardized columns, if they were centred
scale.npy      the scales of standardized columns, if there are any
bin_...npy     column, left and right edge of the bins of numeric columns, if there are any
column_...npy  the statistics that they are made of, for a later partial_fit; the header has
               the number of rows and the sum of their weights
=============  ====================================================================
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from skmlp.core.encoding import PiecewiseLinear
from skmlp.io._npz import (
    BINS,
    MOMENTS,
    check_history,
    encoding_arrays,
    from_plain,
    moments_arrays,
    plain_labels,
    read_archive,
    restore_encoding,
    restore_moments,
    restore_scaling,
    scaling_arrays,
    to_plain,
    write_archive,
)
from skmlp.training.config import Architecture, build_network
from skmlp.training.state import FitResult

__all__ = ["ModelFile", "read_model", "write_model"]

Made = TypeVar("Made")
FORMAT = 1
REQUIRED = {"theta", "classes"}
OPTIONAL = {"weights", "mean", "scale", *MOMENTS, *BINS}


@dataclass(frozen=True)
class ModelFile:
    """What a model file holds.

    Attributes
    ----------
    params : dict of str to object
        Constructor parameters.
    feature_names : list of str
        Empty without names.
    classes : ndarray of shape (n_classes,)
    result : FitResult
        Without a state to continue from.
    """

    params: Mapping[str, Any]
    feature_names: list[str]
    classes: np.ndarray
    result: FitResult


def write_model(path: str | bytes | os.PathLike[str], model: ModelFile) -> None:
    """Write a model file, atomically.

    Raises
    ------
    ValueError
        If a parameter or the labels cannot be written without pickle.
    OSError
        If the file cannot be written.
    """
    result = model.result
    layer_sizes, activations = result.architecture
    names = list(map(str, model.feature_names))
    _check_names(names, layer_sizes[0])
    header = {
        "format": FORMAT,
        "params": {name: to_plain(name, value) for name, value in model.params.items()},
        "layer_sizes": layer_sizes,
        "activations": activations,
        "feature_names": names,
        "history": result.history,
        "stop_reason": result.stop_reason,
        "best_epoch": result.best_epoch,
        "temperature": result.temperature,
        "rows": None if result.moments is None else [result.moments.n, result.moments.weight],
    }
    arrays = {
        "theta": result.theta,
        "classes": plain_labels(model.classes),
        "weights": result.class_weight,
        **scaling_arrays(result.scaling),
        **moments_arrays(result.moments),
        **encoding_arrays(result.encoding),
    }
    write_archive(path, header, arrays)


def read_model(path: str | bytes | os.PathLike[str], make: Callable[[ModelFile], Made]) -> Made:
    """Return ``make(contents)`` of a model file.

    Everything in the file is checked but the constructor parameters, which are for make to
    check; its errors count as defects of the file.

    Raises
    ------
    ValueError
        Saying what is wrong, if the file is damaged or no model file.
    OSError
        If the file cannot be read.
    """

    def restore(header: dict[str, Any], **arrays: np.ndarray) -> Made:
        return make(_restore(header, **arrays))

    return read_archive(path, "model", FORMAT, REQUIRED, OPTIONAL.__contains__, restore)


def _restore(
    header: dict[str, Any],
    theta: np.ndarray,
    classes: np.ndarray,
    weights: np.ndarray | None = None,
    mean: np.ndarray | None = None,
    scale: np.ndarray | None = None,
    **others: np.ndarray,
) -> ModelFile:
    """Return the contents of a file, after checks."""
    params = {name: from_plain(value) for name, value in header["params"].items()}
    architecture = tuple(header["layer_sizes"]), tuple(header["activations"])
    bins = {name: others.pop(name) for name in BINS if name in others}
    encoding = restore_encoding(bins, header["layer_sizes"][0])
    _check_arrays(architecture, encoding, theta, classes)
    _check_class_weight(weights, len(classes))
    check_history(header["history"], header["stop_reason"], header.get("best_epoch"))
    n_features, names = architecture[0][0], header["feature_names"]
    _check_names(names, n_features)
    result = FitResult(
        architecture,
        theta,
        header["history"],
        header["stop_reason"],
        header.get("best_epoch"),
        weights,
        restore_scaling(mean, scale, n_features, theta.dtype),
        restore_moments(header.get("rows"), others, n_features),
        encoding,
        temperature=_temperature(header),
    )
    return ModelFile(params, names, classes, result)


def _check_names(names: Any, n_features: int) -> None:
    """Raise unless there are no names, or as many different strings as features."""
    if type(names) is not list or not all(type(name) is str for name in names):
        raise ValueError(f"its feature names are not a list of strings: {names!r}")
    if names and len(set(names)) != n_features:
        raise ValueError(f"{len(set(names))} different names do not fit {n_features} features")


def _check_arrays(
    architecture: Architecture,
    encoding: PiecewiseLinear | None,
    theta: np.ndarray,
    classes: np.ndarray,
) -> None:
    """Raise unless network, parameters and labels fit together."""
    layer_sizes, activations = architecture
    if not all(type(size) is int and size > 0 for size in layer_sizes):
        raise ValueError(f"its layer sizes are {layer_sizes}")
    if len(activations) != len(layer_sizes) - 2:
        raise ValueError(f"activations {activations} do not fit layers {layer_sizes}")
    if len(theta) != build_network(*architecture, encoding).n_params:
        raise ValueError(f"{len(theta)} parameters do not fit layers {layer_sizes}")
    if theta.dtype not in (np.float32, np.float64) or not np.isfinite(theta).all():
        raise ValueError("its parameters are not all finite float32 or float64 numbers")
    if len(classes) != layer_sizes[-1] or (classes[:-1] >= classes[1:]).any():
        raise ValueError("its labels are not sorted, or not as many as its outputs")


def _temperature(header: Mapping[str, Any]) -> float:
    """Return the temperature; files of skmlp 0.1.0 have none."""
    temperature = header.get("temperature", 1.0)
    if type(temperature) is not float or not 0.0 < temperature < np.inf:
        raise ValueError(f"its temperature is {temperature!r}")
    return temperature


def _check_class_weight(weights: np.ndarray | None, n_classes: int) -> None:
    """Raise unless the class weights are as many as the classes, finite and not negative."""
    if weights is None:
        return
    if weights.shape != (n_classes,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"its class weights are {weights}")

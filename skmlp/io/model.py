"""Model files: a fitted network or an ensemble, its parameters and its labels.

Members of the archive of a network:

=============  ====================================================================
header.npy     JSON text as bytes: format version, constructor parameters, layer sizes,
               names of activations, feature names, categories, history, stop reason, best
               epoch
theta.npy      all parameters of the network, float32 or float64
classes.npy    the labels, sorted
weights.npy    the weight of each class
mean.npy       the means of standardized columns, if they were centred
scale.npy      the scales of standardized columns, if there are any
centre.npy     what replaces gaps in numeric columns; gaps.npy, which have an indicator
row_of_code    and first_code.npy, the levels of categorical columns, if there are any
bin_...npy     column, left and right edge of the bins of numeric columns, if there are any
column_...npy  the statistics that they are made of, for a later partial_fit; the header has
               the number of rows and the sum of their weights
=============  ====================================================================

The archive of an ensemble has these of each member, with its number in the name, as in
``theta.0.npy``. Its header has those of the members, the constructor parameters of the ensemble and
of its estimator, the temperature, and the out-of-fold score and loss.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from skmlp.core.encoding import Encoding
from skmlp.io._columns import (
    ENCODING,
    MOMENTS,
    categories_to_plain,
    encoding_arrays,
    moments_arrays,
    restore_categories,
    restore_encoding,
    restore_moments,
    restore_scaling,
    row_statistics,
    scaling_arrays,
)
from skmlp.io._npz import (
    check_history,
    from_plain,
    plain_labels,
    read_archive,
    to_plain,
    write_archive,
)
from skmlp.training.config import Architecture, build_network
from skmlp.training.state import FitResult

__all__ = [
    "EnsembleFile",
    "ModelFile",
    "n_features_of",
    "read_model",
    "write_ensemble",
    "write_model",
]

Made = TypeVar("Made")
FORMAT, ENSEMBLE_FORMAT = 1, "ensemble 1"
REQUIRED = {"theta", "classes"}
KNOWN = REQUIRED | {"weights", "mean", "scale", *MOMENTS, *ENCODING}


@dataclass(frozen=True)
class ModelFile:
    """What a model file holds.

    Attributes
    ----------
    params : dict of str to object
        Constructor parameters.
    feature_names : list of str
        Empty without names.
    categories : list of ndarray or None
        Those of each column; None for numeric ones.
    classes : ndarray of shape (n_classes,)
    result : FitResult
        Without a state to continue from.
    """

    params: Mapping[str, Any]
    feature_names: list[str]
    categories: list[np.ndarray | None]
    classes: np.ndarray
    result: FitResult


@dataclass(frozen=True)
class EnsembleFile:
    """What the file of an ensemble holds.

    Attributes
    ----------
    params : dict of str to object
        Constructor parameters but the estimator.
    estimator_params : dict of str to object or None
        Those of the estimator, if there is one.
    members : list of ModelFile
        Of one kind.
    temperature : float
    out_of_fold : tuple of float or None
        Score and loss.
    """

    params: Mapping[str, Any]
    estimator_params: Mapping[str, Any] | None
    members: list[ModelFile]
    temperature: float
    out_of_fold: tuple[float, float] | None


def write_model(path: str | bytes | os.PathLike[str], model: ModelFile) -> None:
    """Write a model file, atomically.

    Raises
    ------
    ValueError
        If a parameter or the labels cannot be written without pickle.
    OSError
        If the file cannot be written.
    """
    header, arrays = _contents(model)
    write_archive(path, {"format": FORMAT, **header}, arrays)


def write_ensemble(path: str | bytes | os.PathLike[str], ensemble: EnsembleFile) -> None:
    """Write an ensemble to a model file, atomically; errors are those of `write_model`."""
    headers: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray | None] = {}
    for i, member in enumerate(ensemble.members):
        header, of_member = _contents(member)
        headers.append(header)
        arrays |= {f"{name}.{i}": array for name, array in of_member.items()}
    params = [ensemble.params, ensemble.estimator_params]
    plain = [None if p is None else _plain_parameters(p) for p in params]
    header = {
        "format": ENSEMBLE_FORMAT,
        "params": plain[0],
        "estimator": plain[1],
        "temperature": ensemble.temperature,
        "out_of_fold": ensemble.out_of_fold,
        "members": headers,
    }
    write_archive(path, header, arrays)


def _plain_parameters(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: to_plain(name, value) for name, value in params.items()}


def _contents(model: ModelFile) -> tuple[dict[str, Any], dict[str, np.ndarray | None]]:
    """Return the header, without the format, and the arrays by which a file holds a network."""
    result = model.result
    layer_sizes, activations = result.architecture
    names = list(map(str, model.feature_names))
    _check_names(names, n_features_of(result.architecture, result.encoding))
    header = {
        "params": _plain_parameters(model.params),
        "layer_sizes": layer_sizes,
        "activations": activations,
        "feature_names": names,
        "categories": categories_to_plain(model.categories),
        "history": result.history,
        "stop_reason": result.stop_reason,
        "best_epoch": result.best_epoch,
        "temperature": result.temperature,
        "rows": row_statistics(result.moments),
    }
    arrays = {
        "theta": result.theta,
        "classes": plain_labels(model.classes),
        "weights": result.class_weight,
        **scaling_arrays(result.scaling),
        **moments_arrays(result.moments),
        **encoding_arrays(result.encoding),
    }
    return header, arrays


def read_model(
    path: str | bytes | os.PathLike[str], make: Callable[[ModelFile | EnsembleFile], Made]
) -> Made:
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
        is_ensemble = header["format"] == ENSEMBLE_FORMAT
        return make((_restore_ensemble if is_ensemble else _restore_model)(header, arrays))

    def is_known(name: str) -> bool:
        kind, _, number = name.partition(".")
        return kind in KNOWN and (number.isdecimal() or kind == name)

    return read_archive(path, "model", [FORMAT, ENSEMBLE_FORMAT], set(), is_known, restore)


def _restore_model(header: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> ModelFile:
    """Return a network of a file, after checks that it has its arrays and no others."""
    if not REQUIRED <= arrays.keys() <= KNOWN:
        raise ValueError(f"it must hold {sorted(REQUIRED)}, and besides them only known arrays")
    return _restore(header, **arrays)


def _restore_ensemble(header: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> EnsembleFile:
    """Return an ensemble of a file, after checks of it and of its members."""
    by_member: list[dict[str, np.ndarray]] = [{} for _ in header["members"]]
    for name, array in arrays.items():
        kind, _, number = name.partition(".")
        if not number or int(number) >= len(by_member):
            raise ValueError(f"it has {len(by_member)} members, and an array {name}")
        by_member[int(number)][kind] = array
    pairs = zip(header["members"], by_member, strict=True)
    members = [_restore_model(of_member, its_arrays) for of_member, its_arrays in pairs]
    if not members:
        raise ValueError("it has no members")
    kinds = [
        (m.result.architecture, m.result.theta.dtype, len(m.result.theta), m.classes.tolist())
        for m in members
    ]
    if any(kind != kinds[0] for kind in kinds):
        raise ValueError("its members are not of one kind")
    out_of_fold = header["out_of_fold"]
    if out_of_fold is not None:
        score, loss = out_of_fold
        if type(score) is not float or type(loss) is not float:
            raise ValueError(f"its out-of-fold score and loss are {out_of_fold}")
        out_of_fold = score, loss
    params = [header["params"], header["estimator"]]
    plain = [None if p is None else {name: from_plain(v) for name, v in p.items()} for p in params]
    return EnsembleFile(plain[0] or {}, plain[1], members, _temperature(header), out_of_fold)


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
    encoding = restore_encoding(others, header["layer_sizes"][0], mean)
    categories = restore_categories(header.get("categories"), encoding)
    _check_arrays(architecture, encoding, theta, classes)
    _check_class_weight(weights, len(classes))
    check_history(header["history"], header["stop_reason"], header.get("best_epoch"))
    n_columns, names = architecture[0][0], header["feature_names"]
    _check_names(names, n_features_of(architecture, encoding))
    result = FitResult(
        architecture,
        theta,
        header["history"],
        header["stop_reason"],
        header.get("best_epoch"),
        weights,
        restore_scaling(mean, scale, n_columns, theta.dtype),
        restore_moments(header.get("rows"), others, n_columns),
        encoding,
        temperature=_temperature(header),
    )
    return ModelFile(params, names, categories, classes, result)


def n_features_of(architecture: Architecture, encoding: Encoding | None) -> int:
    """Return the number of columns of the rows that a network takes."""
    if encoding is None:
        return architecture[0][0]
    return encoding.n_numeric + encoding.n_categorical


def _check_names(names: Any, n_features: int) -> None:
    """Raise unless there are no names, or as many different strings as features."""
    if type(names) is not list or not all(type(name) is str for name in names):
        raise ValueError(f"its feature names are not a list of strings: {names!r}")
    if names and not len(names) == len(set(names)) == n_features:
        raise ValueError(
            f"{len(names)} names, of which {len(set(names))} are different, do not fit "
            f"{n_features} features"
        )


def _check_arrays(
    architecture: Architecture,
    encoding: Encoding | None,
    theta: np.ndarray,
    classes: np.ndarray,
) -> None:
    """Raise unless network, parameters and labels fit together."""
    layer_sizes, activations = architecture
    if not all(type(size) is int and size > 0 for size in layer_sizes):
        raise ValueError(f"its layer sizes are {layer_sizes}")
    if encoding is not None and encoding.n_columns != layer_sizes[0]:
        raise ValueError(f"its columns and categories do not fit {layer_sizes[0]} inputs")
    if len(activations) != len(layer_sizes) - 2:
        raise ValueError(f"activations {activations} do not fit layers {layer_sizes}")
    if len(theta) != build_network(*architecture, encoding).n_params:
        raise ValueError(f"{len(theta)} parameters do not fit layers {layer_sizes}")
    if theta.dtype not in (np.float32, np.float64) or not np.isfinite(theta).all():
        raise ValueError("its parameters are not all finite float32 or float64 numbers")
    if len(classes) != layer_sizes[-1] or (classes[:-1] >= classes[1:]).any():
        raise ValueError("its labels are not sorted, or not as many as its outputs")


def _temperature(header: Mapping[str, Any]) -> float:
    """Return the temperature; files of earlier versions have none."""
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

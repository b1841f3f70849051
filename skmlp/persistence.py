"""Models as files that carry no code: an .npz archive of arrays and a JSON header.

Members of the archive, none of them compressed or pickled:

=============  ====================================================================
header.npy     JSON text as bytes: format version, constructor parameters, layer sizes,
               names of activations, feature names, history, stop reason, best epoch
theta.npy      all parameters of the network, float32 or float64
classes.npy    the labels, sorted
weights.npy    the weight of each class
mean.npy       the means of standardized columns, if they were centred
scale.npy      the scales of standardized columns, if there are any
=============  ====================================================================
"""

import io
import json
import os
import zipfile
from collections.abc import Mapping
from math import prod

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skmlp.classifier import SoftmaxMLPClassifier
from skmlp.core.scaling import Scaling
from skmlp.files import write_atomically
from skmlp.fitting import Outcome
from skmlp.inputs import set_classes
from skmlp.parameters import build_network, check_parameters

__all__ = ["load", "save"]

FORMAT = 1
MEMBERS = {"header.npy", "theta.npy", "classes.npy"}
OPTIONAL = {"weights.npy", "mean.npy", "scale.npy"}


def save(clf, path):
    """Write a fitted classifier to a file, at exactly that path.

    The file is written beside the path and then moved there, so that an error leaves what
    was there before.

    Parameters
    ----------
    clf : SoftmaxMLPClassifier
        Fitted.
    path : str or path-like
        Where to, usually ``something.npz``.

    Raises
    ------
    TypeError
        If clf is not a SoftmaxMLPClassifier. Pipelines have no such file; pickle or skops
        keep them.
    ValueError
        If a constructor parameter (a function as `schedule`, a RandomState) or the labels
        cannot be written without pickle.

    See Also
    --------
    load : Read it again.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from sklearn.datasets import load_iris
    >>> from skmlp import SoftmaxMLPClassifier, load, save
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = SoftmaxMLPClassifier(random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "iris.npz")
    ...     save(clf, path)
    ...     (load(path).predict_proba(X) == clf.predict_proba(X)).all()
    np.True_
    """
    if not isinstance(clf, SoftmaxMLPClassifier):
        raise TypeError(f"clf must be a SoftmaxMLPClassifier, got {type(clf).__name__}.")
    check_is_fitted(clf)
    header = {
        "format": FORMAT,
        "params": {name: _plain(name, value) for name, value in clf.get_params().items()},
        "layer_sizes": clf._layer_sizes,
        "activations": clf._activations,
        "feature_names": list(getattr(clf, "feature_names_in_", [])),
        "history": clf.history_,
        "stop_reason": clf.stop_reason_,
        "best_epoch": clf.best_epoch_,
    }
    scaling = clf._scaling
    arrays = {
        "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
        "theta": clf.theta_,
        "classes": _plain_labels(clf.classes_),
        "weights": clf.class_weight_,
        "mean": None if scaling is None else scaling.mean,
        "scale": None if scaling is None else scaling.scale,
    }
    arrays = {name: array for name, array in arrays.items() if array is not None}
    write_atomically(path, lambda file: np.savez(file, **arrays))


def load(path):
    """Read a classifier that `save` wrote.

    Everything in the file is checked, nothing in it is executed, and memory use is bounded
    by a small multiple of the file's length.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    clf : SoftmaxMLPClassifier
        Fitted; it predicts what the saved one predicted, bit for bit. Trained on by
        partial_fit or a warm start, it begins with a new optimizer state.

    Raises
    ------
    ValueError
        Saying what is wrong, if the file is damaged or not a model of this format.
    OSError
        If the file cannot be read.
    """
    with open(path, "rb") as file:
        content = file.read()
    try:
        return _decode(content)
    except Exception as error:
        raise ValueError(f"{os.fspath(path)!r} is not a sound model of skmlp: {error}") from error


def _plain(name, value):
    """Return a constructor parameter as JSON has it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(name, item) for item in value]
    if isinstance(value, Mapping):  # whose keys JSON would make strings
        return {"items": [[_plain(name, key), _plain(name, v)] for key, v in value.items()]}
    if value is None or isinstance(value, str | int | float):
        return value
    raise ValueError(
        f"{name}={value!r} cannot be saved without pickle. It is not needed to predict: "
        f"clf.set_params({name}=...) to a plain value before saving."
    )


def _plain_labels(classes):
    """Return labels in a dtype that needs no pickle: object arrays of str become str."""
    if classes.dtype.kind == "O" and all(isinstance(label, str) for label in classes):
        return classes.astype(str)
    if classes.dtype.kind not in "biufU":
        raise ValueError(
            f"Labels of dtype {classes.dtype} cannot be saved without pickle: train on "
            "strings, numbers or bools."
        )
    return classes


def _decode(content):
    """Return the classifier in the content of a file."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        names = {m.filename for m in members}
        if len(members) != len(names) or not MEMBERS <= names <= MEMBERS | OPTIONAL:
            raise ValueError(f"it must hold {sorted(MEMBERS)}, and no more than {sorted(OPTIONAL)}")
        if any(m.compress_type != zipfile.ZIP_STORED for m in members):
            raise ValueError("its members must not be compressed")
        kinds = {"header": "u", "classes": "biufU"}
        arrays = {
            name: _decode_array(archive.read(f"{name}.npy"), kinds.get(name, "f"))
            for name in (member.removesuffix(".npy") for member in names)
        }
    header = json.loads(arrays.pop("header").tobytes())
    if header["format"] != FORMAT:
        raise ValueError(f"format {header['format']} is unknown, this version reads {FORMAT}")
    return _restore(header, **arrays)


def _decode_array(member, kinds):
    """Return the 1-d array in a .npy member, having compared its sizes before making it."""
    stream = io.BytesIO(member)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("an array is of an unknown .npy version")
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.kind not in kinds or dtype.hasobject or len(shape) != 1:
        raise ValueError(f"an array has dtype {dtype} and shape {shape}")
    if prod(shape) * dtype.itemsize != len(member) - stream.tell():
        raise ValueError(f"an array is not as long as its shape {shape} says")
    return np.frombuffer(member, dtype, offset=stream.tell()).copy()


def _restore(header, theta, classes, weights=None, mean=None, scale=None):
    """Return a fitted classifier made of a file's parts."""
    params = {name: _parameter(value) for name, value in header["params"].items()}
    clf = SoftmaxMLPClassifier(**params)
    check_parameters(clf)
    description = tuple(header["layer_sizes"]), tuple(header["activations"])
    _check_numbers(description, theta, classes)
    _check_class_weight(weights, len(classes))
    _check_history(header["history"], header["stop_reason"], header.get("best_epoch"))
    n_features, feature_names = description[0][0], header["feature_names"]
    if feature_names:
        if len(feature_names) != n_features:
            raise ValueError(f"{len(feature_names)} names do not fit {n_features} features")
        clf.feature_names_in_ = np.array([str(name) for name in feature_names], object)
    clf.n_features_in_ = n_features
    set_classes(clf, classes)
    outcome = Outcome(
        description,
        theta,
        header["history"],
        header["stop_reason"],
        header.get("best_epoch"),
        weights,
        _scaling(mean, scale, n_features, theta.dtype),
    )
    clf._keep(outcome)
    return clf


def _parameter(value):
    """Return a constructor parameter as it was before `_plain`."""
    if isinstance(value, dict):
        return dict(value["items"])
    return tuple(value) if isinstance(value, list) else value


def _scaling(mean, scale, n_features, dtype):
    """Return the Scaling of two arrays, or None if there is none."""
    if mean is None and scale is None:
        return None
    for array in (scale,) if mean is None else (mean, scale):
        if array is None or array.shape != (n_features,) or array.dtype != dtype:
            raise ValueError("its means and scales do not fit its features")
        if not np.isfinite(array).all():
            raise ValueError("its means and scales are not all finite")
    if (scale <= 0).any():
        raise ValueError("its scales are not all positive")
    return Scaling(mean, scale)


def _check_numbers(description, theta, classes):
    """Raise unless network, parameters and labels fit together."""
    layer_sizes, activations = description
    if not all(type(size) is int and size > 0 for size in layer_sizes):
        raise ValueError(f"its layer sizes are {layer_sizes}")
    if len(activations) != len(layer_sizes) - 2:
        raise ValueError(f"activations {activations} do not fit layers {layer_sizes}")
    if len(theta) != build_network(*description).n_params:
        raise ValueError(f"{len(theta)} parameters do not fit layers {layer_sizes}")
    if theta.dtype not in (np.float32, np.float64) or not np.isfinite(theta).all():
        raise ValueError("its parameters are not all finite float32 or float64 numbers")
    if len(classes) != layer_sizes[-1] or (classes[:-1] >= classes[1:]).any():
        raise ValueError("its labels are not sorted, or not as many as its outputs")


def _check_class_weight(weights, n_classes):
    """Raise unless the weights of the classes are as many, finite and not negative."""
    if weights is None:
        return
    if weights.shape != (n_classes,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"its class weights are {weights}")


def _check_history(history, stop_reason, best_epoch):
    """Raise unless the history is a dict of equally long lists of float."""
    lengths = {len(values) for values in history.values()}
    numbers = all(type(value) is float for values in history.values() for value in values)
    if "loss" not in history or len(lengths) != 1 or not numbers:
        raise ValueError("its history is damaged")
    if type(stop_reason) is not str:
        raise ValueError(f"its stop reason is {stop_reason!r}")
    is_epoch = type(best_epoch) is int and 0 <= best_epoch < len(history["loss"])
    if best_epoch is not None and not is_epoch:
        raise ValueError(f"its best epoch is {best_epoch!r}")

"""Models as files that carry no code.

Members of the archive:

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

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skmlp.archive import (
    check_history,
    parameter,
    plain,
    plain_labels,
    read_archive,
    scaling_of,
    write_archive,
)
from skmlp.classifier import SoftmaxMLPClassifier
from skmlp.inputs import set_classes
from skmlp.parameters import build_network, check_parameters
from skmlp.progress import Outcome

__all__ = ["load", "save"]

FORMAT = 1
REQUIRED = {"theta", "classes"}
OPTIONAL = {"weights", "mean", "scale"}


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
    if own := clf.get_params().keys() - SoftmaxMLPClassifier().get_params().keys():
        raise TypeError(
            f"{type(clf).__name__} has parameters of its own, which the file cannot hold: "
            f"{sorted(own)}. Save to_local() of a DaskSoftmaxMLPClassifier."
        )
    check_is_fitted(clf)
    header = {
        "format": FORMAT,
        "params": {name: plain(name, value) for name, value in clf.get_params().items()},
        "layer_sizes": clf._layer_sizes,
        "activations": clf._activations,
        "feature_names": list(getattr(clf, "feature_names_in_", [])),
        "history": clf.history_,
        "stop_reason": clf.stop_reason_,
        "best_epoch": clf.best_epoch_,
    }
    mean, scale = clf._mean_and_scale or (None, None)
    arrays = {
        "theta": clf.theta_,
        "classes": plain_labels(clf.classes_),
        "weights": clf.class_weight_,
        "mean": mean,
        "scale": scale,
    }
    write_archive(path, header, arrays)


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

    See Also
    --------
    save : Writes it. The example there reads it too.

    Examples
    --------
    A file that was cut off:

    >>> import tempfile, pathlib
    >>> from skmlp import load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "cut_off.npz")
    ...     _ = path.write_bytes(b"PK")
    ...     load(path)
    Traceback (most recent call last):
    ValueError: '...cut_off.npz' is not a sound model of skmlp: File is not a zip file
    """
    return read_archive(path, "model", FORMAT, REQUIRED, OPTIONAL, _restore)


def _restore(header, theta, classes, weights=None, mean=None, scale=None):
    """Return a fitted classifier made of a file's parts."""
    params = {name: parameter(value) for name, value in header["params"].items()}
    clf = SoftmaxMLPClassifier(**params)
    check_parameters(clf)
    description = tuple(header["layer_sizes"]), tuple(header["activations"])
    _check_numbers(description, theta, classes)
    _check_class_weight(weights, len(classes))
    check_history(header["history"], header["stop_reason"], header.get("best_epoch"))
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
        scaling_of(mean, scale, n_features, theta.dtype),
    )
    clf._keep(outcome)
    return clf


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

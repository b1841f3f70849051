"""save and load: fitted classifiers in files without executable code."""

import os
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skmlp.estimators.classifier import SoftmaxMLPClassifier
from skmlp.estimators.ensemble import SoftmaxMLPEnsembleClassifier
from skmlp.estimators.validation import set_classes
from skmlp.io.model import (
    EnsembleFile,
    ModelFile,
    n_features_of,
    read_model,
    write_ensemble,
    write_model,
)
from skmlp.training.config import TrainConfig

__all__ = ["load", "save"]


def save(
    clf: SoftmaxMLPClassifier | SoftmaxMLPEnsembleClassifier,
    path: str | bytes | os.PathLike[str],
) -> None:
    """Write a fitted classifier or ensemble to a file.

    The write is atomic: if it fails or the process is killed, an existing file at this path is
    unchanged. The new file has the permissions of the file that it replaces and, if allowed, its
    owner. Other hard links to the old file keep the old content. If the path is a symbolic link,
    its target is replaced. Temporary files of killed writers of this path are removed.

    Parameters
    ----------
    clf : SoftmaxMLPClassifier or SoftmaxMLPEnsembleClassifier
        Fitted. The file of an ensemble has `oof_score_` and `oof_loss_`, but not `oof_proba_`.
    path : str, bytes or path-like
        Path of the file, usually with the suffix ".npz"; no suffix is added.

    Raises
    ------
    TypeError
        If clf is neither. Use joblib or skops for pipelines.
    ValueError
        If a constructor parameter (such as a function as `schedule`, or a RandomState) or the
        labels cannot be written without pickle, or two features have the same name.
    OSError
        If the file cannot be written, or the path is that of a folder, a FIFO or a device.

    See Also
    --------
    load : Read the file.

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
    if isinstance(clf, SoftmaxMLPEnsembleClassifier):
        write_ensemble(path, _ensemble_file(clf._snapshot()))
        return
    if not isinstance(clf, SoftmaxMLPClassifier):
        raise TypeError(
            "clf must be a SoftmaxMLPClassifier or SoftmaxMLPEnsembleClassifier, got "
            f"{type(clf).__name__}. Of a Pipeline, save the last step, as clf[-1], and of a search "
            "best_estimator_. For a whole pipeline, use joblib or skops."
        )
    if own := clf.get_params().keys() - SoftmaxMLPClassifier().get_params().keys():
        raise TypeError(
            f"{type(clf).__name__} has further parameters, which the file cannot hold: "
            f"{sorted(own)}. Save to_local() of a DaskSoftmaxMLPClassifier."
        )
    write_model(path, _model_file(clf._snapshot()))


def _model_file(clf: SoftmaxMLPClassifier) -> ModelFile:
    """Return what the file of a fitted classifier holds."""
    check_is_fitted(clf)
    names = list(getattr(clf, "feature_names_in_", []))
    return ModelFile(clf.get_params(), names, clf._column_categories, clf.classes_, clf._result())


def _ensemble_file(ensemble: SoftmaxMLPEnsembleClassifier) -> EnsembleFile:
    """Return what the file of a fitted ensemble holds."""
    check_is_fitted(ensemble)
    params, base = ensemble.get_params(deep=False), ensemble.estimator
    del params["estimator"]
    return EnsembleFile(
        params,
        None if base is None else base.get_params(),
        [_model_file(member) for member in ensemble.estimators_],
        ensemble.temperature_,
        (ensemble.oof_score_, ensemble.oof_loss_) if hasattr(ensemble, "oof_score_") else None,
    )


def load(path: str | bytes | os.PathLike[str]) -> Any:
    """Read a classifier or an ensemble from a file written by `save`.

    Everything in the file is checked, no code in it is executed, and memory use is at most a
    small multiple of the file size.

    Parameters
    ----------
    path : str, bytes or path-like
        The file.

    Returns
    -------
    clf : SoftmaxMLPClassifier or SoftmaxMLPEnsembleClassifier
        Fitted; its predictions equal those of the saved classifier bit for bit. partial_fit and
        warm starts continue with a new optimizer state.

    Raises
    ------
    ValueError
        If the file is damaged or not a model file; the message has the reason.
    OSError
        If the file cannot be read, or the path is that of a folder, a FIFO or a device.
    MemoryError
        If there is not enough memory; the file may be intact.

    See Also
    --------
    save : Write the file; its example also reads it.

    Examples
    --------
    A truncated file:

    >>> import tempfile, pathlib
    >>> from skmlp import load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "truncated.npz")
    ...     _ = path.write_bytes(b"PK")
    ...     load(path)
    Traceback (most recent call last):
    ValueError: '...truncated.npz' is not a valid skmlp model file: File is not a zip file
    """
    return read_model(path, _restored)


def _restored(
    contents: ModelFile | EnsembleFile,
) -> SoftmaxMLPClassifier | SoftmaxMLPEnsembleClassifier:
    """Return the fitted estimator that a file describes."""
    if isinstance(contents, ModelFile):
        return _restored_classifier(contents)
    members, params = [_restored_classifier(m) for m in contents.members], contents.estimator_params
    ensemble = SoftmaxMLPEnsembleClassifier.from_estimators(members)
    ensemble.set_params(**contents.params)
    ensemble.estimator = None if params is None else SoftmaxMLPClassifier(**params)
    ensemble.temperature_ = contents.temperature
    if contents.out_of_fold is not None:
        ensemble.oof_score_, ensemble.oof_loss_ = contents.out_of_fold
    return ensemble


def _restored_classifier(model: ModelFile) -> SoftmaxMLPClassifier:
    """Return the fitted classifier that a file describes."""
    clf: Any = SoftmaxMLPClassifier(**model.params)
    TrainConfig.from_params(clf.get_params(deep=False))
    if model.feature_names:
        clf.feature_names_in_ = np.array(model.feature_names, object)
    clf.n_features_in_ = n_features_of(model.result.architecture, model.result.encoding)
    clf._categories = model.categories if any(c is not None for c in model.categories) else []
    set_classes(clf, model.classes)
    clf._set_fitted(model.result)
    return clf

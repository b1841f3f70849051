"""Conversion to and from scikit-learn's MLPClassifier, with the same probabilities.

A network with missing values or categories becomes a pipeline of a ColumnTransformer and an
MLPClassifier, and an ensemble becomes a soft VotingClassifier.

For two classes, MLPClassifier has one output z, and the probability of the second class is its
logistic function. The softmax of two logits z0, z1 is the same for ``z = z1 - z0``.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np
from sklearn.ensemble import VotingClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from skmlp._errors import invalid, short_repr
from skmlp._sklearn_compat import mlp_private_attributes
from skmlp.core.encoding import Encoding
from skmlp.estimators.column_transformer import fitted_column_transformer
from skmlp.estimators.validation import set_classes
from skmlp.training.parameters import is_auto, uses_all_rows
from skmlp.training.state import FitResult

__all__ = ["from_mlpclassifier", "to_mlpclassifier", "to_votingclassifier"]

SHARED_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
SHARED_SCHEDULES = ("constant", "invscaling", "adaptive")
SKLEARN_AUTO_BATCH_SIZE = 200
# Parameters with the same meaning: name in SoftmaxMLPClassifier -> name in MLPClassifier.
COUNTERPARTS = {"epochs": "max_iter", "learning_rate": "learning_rate_init"} | {
    name: name
    for name in (
        "solver", "momentum", "nesterovs_momentum", "beta_1", "beta_2", "epsilon", "shuffle",
        "early_stopping", "n_iter_no_change", "tol", "warm_start", "random_state", "verbose",
    )
}  # fmt: skip


def to_mlpclassifier(clf: Any) -> MLPClassifier | Pipeline:
    """Return a fitted MLPClassifier with the same probabilities.

    If the network was trained with missing values or categories, it is a pipeline of a
    ColumnTransformer and an MLPClassifier, for such rows.

    Its parameters give the most similar training in scikit-learn: ``alpha = l2 * batch_size``
    is the equivalent penalty, where a batch of "auto" has 200 rows. `early_stopping` is True if it
    was used in fit. A parameter without a counterpart (such as different l2 for different layers,
    ``l2="auto"``, or a cyclic schedule) is scikit-learn's default.

    Parameters
    ----------
    clf : SoftmaxMLPClassifier
        Fitted.

    Returns
    -------
    mlp : sklearn.neural_network.MLPClassifier or sklearn.pipeline.Pipeline
        Fitted; its arrays are copies. Its ``t_``, the number of rows seen, is 0.

    Raises
    ------
    NotFittedError
        If clf is not fitted.
    ValueError
        If MLPClassifier does not support the network: for the hidden activations "leaky_relu",
        "elu", "silu" and "gelu", different ones for different layers, bins of `n_bins`, or a
        single class.
    """
    check_is_fitted(clf)
    activation = _shared_activation(clf._activations)
    encoding = clf._network.encoding
    if encoding is not None and encoding.bins is not None:
        raise ValueError(
            f"MLPClassifier has no bins, but the network has some by n_bins={clf.n_bins!r}. "
            "Train with n_bins=None, or import skmlp.onnx and convert the SoftmaxMLPClassifier "
            "itself to ONNX."
        )
    if len(clf.classes_) == 1:
        raise ValueError(
            f"MLPClassifier needs two classes or more, got {short_repr(clf.classes_.tolist())}. "
            "Train on rows of another class as well."
        )
    mlp = MLPClassifier(**_sklearn_params(clf, activation))
    vars(mlp).update(_training_attributes(clf))
    if encoding is None or encoding.is_plain:
        layers = clf.coefs_, clf.intercepts_
        vars(mlp).update(_sklearn_attributes(clf, *layers), **_feature_attributes(clf))
        return mlp
    transformer, rows = fitted_column_transformer(clf)
    coefs, intercepts = _layers_behind(clf, encoding, rows)
    vars(mlp).update(_sklearn_attributes(clf, coefs, intercepts), n_features_in_=len(rows))
    return Pipeline([("columns", transformer), ("mlp", mlp)])


def to_votingclassifier(ensemble: Any) -> VotingClassifier:
    """Return a fitted soft VotingClassifier of MLPClassifiers with the same probabilities.

    Its members are pipelines if `to_mlpclassifier` returns some.

    Parameters
    ----------
    ensemble : SoftmaxMLPEnsembleClassifier
        Fitted.

    Returns
    -------
    voting : sklearn.ensemble.VotingClassifier
        Fitted. Its members' classes are 0 .. n_classes - 1, as after its own fit.

    Raises
    ------
    NotFittedError
        If the ensemble is not fitted.
    ValueError
        As `to_mlpclassifier`.
    """
    members = []
    for member in ensemble.estimators_:
        set_classes(member, np.arange(len(member.classes_)))
        members.append(to_mlpclassifier(member))
    named = [(f"mlp{i}", mlp) for i, mlp in enumerate(members)]
    voting = VotingClassifier(named, voting="soft", n_jobs=ensemble.n_jobs)
    voting.estimators_, voting.named_estimators_ = members, Bunch(**dict(named))
    voting.le_ = LabelEncoder().fit(ensemble.classes_)
    voting.classes_ = voting.le_.classes_
    if hasattr(ensemble, "feature_names_in_"):
        voting.feature_names_in_ = ensemble.feature_names_in_.copy()
    return voting


def from_mlpclassifier(cls: Any, mlp: Any) -> Any:
    """Return a fitted classifier with the probabilities of an MLPClassifier.

    Its parameters give the most similar training: ``l2 = alpha / batch_size``, where "auto" is
    200 rows. Parameters without a counterpart (power_t, max_fun) are dropped.

    Parameters
    ----------
    cls : type
        SoftmaxMLPClassifier or a subclass.
    mlp : sklearn.neural_network.MLPClassifier
        Fitted, with one label per row.

    Returns
    -------
    clf : cls
        Fitted; its arrays are copies. With ``solver="lbfgs"``, MLPClassifier has no loss curve:
        `history_` is NaN for all but the last iteration.

    Raises
    ------
    TypeError
        If mlp is not an MLPClassifier.
    NotFittedError
        If mlp is not fitted.
    ValueError
        If it was fitted with several labels per row, or on a single class.
    """
    if not isinstance(mlp, MLPClassifier):
        raise TypeError(f"mlp must be an MLPClassifier, got {type(mlp).__name__}.")
    check_is_fitted(mlp)
    _check_single_label(mlp)
    layers = [mlp.coefs_, mlp.intercepts_]
    if mlp.n_outputs_ == 1:
        layers = [[*a[:-1], np.concatenate([-a[-1] / 2, a[-1] / 2], axis=-1)] for a in layers]
    n_classes, units = len(mlp.classes_), tuple(len(b) for b in mlp.intercepts_[:-1])
    architecture = (mlp.n_features_in_, *units, n_classes), (mlp.activation,) * len(units)
    clf = cls(units, **_params(mlp))
    vars(clf).update(_feature_attributes(mlp))
    set_classes(clf, mlp.classes_)
    history = _history(mlp)
    theta = np.concatenate([array.ravel() for arrays in layers for array in arrays])
    best_epoch = _best_epoch(mlp, history)
    clf._set_fitted(FitResult(architecture, theta, history, _stop_reason(mlp), best_epoch))
    return clf


def _shared_activation(activations: tuple[str, ...]) -> str:
    """Return the activation of all hidden layers; raise if MLPClassifier does not support it."""
    names = set(activations) or {"relu"}
    if len(names) > 1 or not names <= set(SHARED_ACTIVATIONS):
        got = names.pop() if len(names) == 1 else activations
        accepted = f"one of {list(SHARED_ACTIVATIONS)}, the same for all hidden layers, for a "
        error = invalid("activation", got, accepted + "conversion to MLPClassifier")
        raise ValueError(
            f"{error} For ONNX, import skmlp.onnx and convert the SoftmaxMLPClassifier itself."
        )
    return names.pop()


def _sklearn_params(clf: Any, activation: str) -> dict[str, Any]:
    """Return the parameters of MLPClassifier; layer sizes are those of the fitted network."""
    params = _renamed(clf, COUNTERPARTS) | {"activation": activation, "batch_size": clf.batch_size}
    if is_auto(clf.early_stopping):
        params["early_stopping"] = clf.best_epoch_ is not None
    params["hidden_layer_sizes"] = clf._layer_sizes[1:-1]
    if clf.epochs == "auto":
        del params["max_iter"]
    if clf.schedule in SHARED_SCHEDULES:
        params["learning_rate"] = clf.schedule
    strengths = np.unique(clf.l2)
    if not is_auto(clf.l2) and len(strengths) == 1:
        params["alpha"] = float(strengths[0]) * _batch_rows(clf)
    if clf.validation_fraction is not None and clf.validation_fraction < 1:
        params["validation_fraction"] = clf.validation_fraction
    return params


def _params(mlp: MLPClassifier) -> dict[str, Any]:
    """Return the parameters, without units, most similar to those of an MLPClassifier."""
    return {
        **_renamed(mlp, {theirs: ours for ours, theirs in COUNTERPARTS.items()}),
        "activation": mlp.activation,
        "l2": mlp.alpha / _batch_rows(mlp),
        "batch_size": mlp.batch_size,
        # MLPClassifier uses learning_rate with sgd only.
        "schedule": mlp.learning_rate if mlp.solver == "sgd" else "constant",
        "validation_fraction": mlp.validation_fraction,
        "scoring": "accuracy",  # monitored by MLPClassifier's early stopping
        "standardize": False,
        "n_bins": None,
        "label_smoothing": 0.0,
        "dropout": 0.0,
        "averaging": 0.0,
        "calibration": None,
    }


def _batch_rows(estimator: Any) -> int:
    """Return the batch size of either estimator; that of "auto" as in scikit-learn."""
    auto, rows = is_auto(estimator.batch_size), estimator.batch_size
    return SKLEARN_AUTO_BATCH_SIZE if auto else int(rows)


def _renamed(estimator: Any, names: Mapping[str, str]) -> dict[str, Any]:
    """Return copies of parameters (a RandomState is not shared) under their new names."""
    return {new: deepcopy(getattr(estimator, old)) for old, new in names.items()}


def _feature_attributes(estimator: Any) -> dict[str, Any]:
    """Return the number of features and, if present, their names."""
    attributes = {"n_features_in_": estimator.n_features_in_}
    if hasattr(estimator, "feature_names_in_"):
        attributes["feature_names_in_"] = estimator.feature_names_in_.copy()
    return attributes


def _layers_behind(
    clf: Any, encoding: Encoding, rows: np.ndarray
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return weights and biases behind a ColumnTransformer, which standardizes the numbers.

    Its outputs have these rows of the first layer.
    """
    theta = clf.theta_
    if clf._scaling is not None:
        scaling = clf._scaling.part(slice(encoding.n_dense))
        theta = scaling.unfold(clf._network, theta.astype(np.float64)).astype(theta.dtype)
    (W, *weights), biases = clf._network.views(theta)
    return [W[rows], *weights], [b[0] for b in biases]


def _sklearn_attributes(clf: Any, coefs: Any, intercepts: Any) -> dict[str, Any]:
    """Return the attributes of an MLPClassifier that predictions need, with copies of arrays."""
    binarizer, is_binary = deepcopy(clf.label_binarizer_), len(clf.classes_) == 2
    coefs, intercepts = ([a.copy() for a in arrays] for arrays in (coefs, intercepts))
    if is_binary:
        for arrays in (coefs, intercepts):
            arrays[-1] = arrays[-1][..., 1:] - arrays[-1][..., :1]
    return {
        **mlp_private_attributes(binarizer, coefs, intercepts),
        "classes_": binarizer.classes_,
        "coefs_": coefs,
        "intercepts_": intercepts,
        "n_layers_": len(clf._layer_sizes),
        "n_outputs_": 1 if is_binary else len(clf.classes_),
        "out_activation_": "logistic" if is_binary else "softmax",
    }


def _training_attributes(clf: Any) -> dict[str, Any]:
    """Return the attributes of an MLPClassifier that describe its training."""
    losses, scores, best_score = clf.history_["loss"], None, None
    best_loss: Any = float(np.fmin.reduce(losses, initial=np.inf))  # without NaN
    if clf.best_epoch_ is not None:  # MLPClassifier keeps either the best score or the best loss
        scores, best_loss = list(clf.history_.get("validation_score", [])), None
        best_score = -np.inf if clf.best_validation_score_ is None else clf.best_validation_score_
    return {
        "n_iter_": clf.n_iter_,
        "t_": 0,  # the number of rows seen is not stored
        "loss_": clf.loss_,
        "loss_curve_": list(losses),
        "best_loss_": best_loss,
        "validation_scores_": scores,
        "best_validation_score_": best_score,
    }


def _check_single_label(mlp: MLPClassifier) -> None:
    """Raise for a single class or for multilabel targets."""
    if len(mlp.classes_) == 1:
        raise ValueError(
            f"mlp must have two classes or more, got {short_repr(mlp.classes_.tolist())}. Train a "
            "SoftmaxMLPClassifier on these rows instead, which accepts a single class."
        )
    if mlp.out_activation_ == "logistic" and mlp.n_outputs_ > 1:
        raise ValueError(
            f"mlp must have one label per row, got one with {mlp.n_outputs_} (multilabel). Train "
            "MultiOutputClassifier(SoftmaxMLPClassifier()) of sklearn.multioutput instead."
        )


def _history(mlp: MLPClassifier) -> dict[str, list[float]]:
    """Return the loss and score curves of an MLPClassifier."""
    if not hasattr(mlp, "loss_curve_"):  # lbfgs
        return {"loss": [np.nan] * (mlp.n_iter_ - 1) + [float(mlp.loss_)]}
    history = {"loss": [float(loss) for loss in mlp.loss_curve_]}
    scores = [float(score) for score in getattr(mlp, "validation_scores_", None) or []]
    # After Ctrl-C, the last epoch may have no score.
    if scores and len(scores) == len(history["loss"]):
        history["validation_score"] = scores
    return history


def _best_epoch(mlp: MLPClassifier, history: dict[str, list[float]]) -> int | None:
    """Return the epoch whose parameters early stopping kept, or None."""
    scores = history.get("validation_score", [])
    best = getattr(mlp, "best_validation_score_", None)
    return scores.index(best) if best in scores else None


def _stop_reason(mlp: MLPClassifier) -> str:
    """Return why training stopped, derived from the number of epochs."""
    # A single epoch is from partial_fit: early stopping of scikit-learn needs more than one.
    if mlp.n_iter_ >= mlp.max_iter or (not uses_all_rows(mlp.solver) and mlp.n_iter_ == 1):
        return "epochs"
    return "converged" if uses_all_rows(mlp.solver) else "early_stopping"

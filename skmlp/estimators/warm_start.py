"""Continuing training: warm starts, partial_fit, and the attributes kept after an error."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.utils import check_array

from skmlp._errors import invalid, short_repr
from skmlp._sklearn_compat import CALLBACK_STATE
from skmlp.core.encoding import Encoding
from skmlp.data.checks import check_label_values, check_targets
from skmlp.estimators.predict import BEFORE_FIT
from skmlp.estimators.validation import set_classes
from skmlp.training.config import TrainConfig
from skmlp.training.parameters import is_auto, uses_all_rows
from skmlp.training.state import TrainState

__all__ = [
    "check_partial_fit_parameters",
    "resume_state",
    "set_or_check_classes",
    "supports_partial_fit",
    "thetas_to_continue",
    "unchanged_on_error",
]


def supports_partial_fit(estimator: Any) -> bool:
    """Return True, or raise AttributeError if the solver needs all rows at once."""
    if uses_all_rows(estimator.solver):
        raise AttributeError(
            f"partial_fit is not available with solver={estimator.solver!r}, which needs all "
            "rows at once."
        )
    return True


def check_partial_fit_parameters(estimator: Any) -> None:
    """Raise if a parameter needs all rows at once, unlike partial_fit."""
    if estimator.early_stopping and not is_auto(estimator.early_stopping):
        raise ValueError(
            "partial_fit does not support early_stopping=True: it trains for one epoch, and the "
            "caller decides when to stop."
        )
    if isinstance(estimator.class_weight, str):
        raise ValueError(
            "class_weight='balanced' is not supported for partial_fit, which never sees all "
            "rows. Use compute_class_weight('balanced', classes=classes, y=y) on rows like "
            "all of them and give the weights as a dict."
        )


def set_or_check_classes(estimator: Any, classes: Any, *, continues: bool) -> None:
    """Set the classes in the first call of partial_fit, compare them in later ones."""
    if classes is None and not continues:
        raise ValueError("classes must be passed on the first call to partial_fit.")
    if classes is None:
        return
    labels = _checked_classes(classes)
    if not continues:
        set_classes(estimator, labels)
    elif np.unique(labels).tolist() != estimator.classes_.tolist():
        raise ValueError(
            f"`classes={short_repr(classes)}` is not the same as on last call to partial_fit, was: "
            f"{short_repr(estimator.classes_)}."
        )


def _checked_classes(classes: Any) -> np.ndarray:
    """Return classes as an array of valid labels."""
    check_label_values(classes, "classes", of_rows=False)
    classes = np.asarray(classes)
    if classes.ndim != 1 or not len(classes):
        raise invalid("classes", classes, "a list of one label or more")
    classes = check_array(classes, ensure_2d=False, dtype=None, input_name="classes")
    try:
        check_targets(classes, "classes")
    except ValueError as error:
        raise ValueError(f"classes: {error}") from error
    return classes


def resume_state(estimator: Any, config: TrainConfig) -> tuple[TrainState, dict[str, list[float]]]:
    """Return the state and the history to continue from.

    Without ``warm_start``, fit keeps no state, so that the estimator's pickle is small; then
    training continues from its parameters, with a new optimizer state.
    """
    architecture = estimator._layer_sizes, estimator._activations
    config.check_continues(architecture, estimator.theta_.dtype)
    state = estimator._train_state
    if state is None:
        theta, scaling = estimator.theta_.copy(), estimator._scaling
        if scaling is not None:
            theta = scaling.unfold(estimator._network, theta)
        state = TrainState(
            theta,
            scaling=scaling,
            moments=estimator._column_moments,
            encoding=estimator._network.encoding,
        )
        if state.encoding is None:  # of a version without gaps and categories, or of MLPClassifier
            centre = None if scaling is None else scaling.mean
            n_columns = architecture[0][0]
            state.encoding = Encoding.of_numbers(np.zeros(n_columns) if centre is None else centre)
    return state, estimator.history_


def thetas_to_continue(ensemble: Any, config: TrainConfig) -> np.ndarray:
    """Return the parameters of an ensemble's members, without the ensemble's temperature.

    Raises
    ------
    ValueError
        If no members can be added, since there are to be fewer, or others than these.
    """
    n, thetas = len(ensemble._members), ensemble.theta_
    if ensemble.n_estimators < n:
        raise ValueError(
            f"n_estimators={ensemble.n_estimators} must be at least {n}, the number of members, "
            "when warm_start=True."
        )
    architecture = ensemble._network.layer_sizes, ensemble._members[0][1]["_activations"]
    config.check_continues(architecture, thetas.dtype)
    if ensemble._prior is None:
        return thetas
    return ensemble._with_temperature(1.0 / ensemble.temperature_)


@contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Restore the estimator's attributes if the block raises.

    After Ctrl-C, fitted attributes that the block has set are kept; so is, after any error, what
    scikit-learn's `with_callbacks` needs to tear callbacks down. In the block, predictions in
    other threads use the attributes before it.
    """
    before = vars(estimator).copy()
    before.pop(BEFORE_FIT, None)
    vars(estimator)[BEFORE_FIT] = before
    end = vars(estimator).pop  # one call, so that Ctrl-C finds no place before it
    try:
        yield
    except BaseException as error:
        is_fitted = vars(estimator).get("theta_") is not before.get("theta_")
        if isinstance(error, KeyboardInterrupt) and is_fitted:
            raise
        now = vars(estimator)
        # At once: a second Ctrl-C must not find it half restored.
        estimator.__dict__ = before | {name: now[name] for name in CALLBACK_STATE if name in now}
        raise
    finally:
        end(BEFORE_FIT, None)

"""Going on with a network: what has to agree with it, and where its training stands."""

from contextlib import contextmanager

import numpy as np
from sklearn.utils import check_array

from skmlp.callbacks import CALLBACK_STATE
from skmlp.core.scaling import Scaling
from skmlp.errors import invalid
from skmlp.inputs import check_targets, set_classes
from skmlp.parameters import network_description
from skmlp.progress import Progress

__all__ = [
    "check_can_continue",
    "past_of",
    "settle_classes",
    "unchanged_on_error",
    "works_step_by_step",
]


def works_step_by_step(estimator):
    """Whether there is a partial_fit, or else say why not."""
    if estimator.solver == "lbfgs":
        raise AttributeError(
            "partial_fit is not available with solver='lbfgs', which needs all rows at once."
        )
    return True


def check_can_continue(estimator):
    """Raise if a parameter needs all rows, which partial_fit never sees."""
    if estimator.early_stopping:
        raise ValueError(
            "partial_fit does not support early_stopping=True: an epoch at a time, it is the "
            "caller who stops."
        )
    if isinstance(estimator.class_weight, str):
        raise ValueError(
            "class_weight='balanced' is not supported for partial_fit, which never sees all "
            "rows. Use compute_class_weight('balanced', classes=classes, y=y) on rows like "
            "all of them and give the weights as a dict."
        )


def settle_classes(estimator, classes, goes_on):
    """Set the classes in the first call of partial_fit, compare them in later ones."""
    if classes is None and not goes_on:
        raise ValueError("classes must be passed on the first call to partial_fit.")
    if classes is None:
        return
    labels = _checked_classes(classes)
    if not goes_on:
        set_classes(estimator, labels)
    elif np.unique(labels).tolist() != estimator.classes_.tolist():
        raise ValueError(
            f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
            f"{estimator.classes_!r}."
        )


def _checked_classes(classes):
    """Return classes as an array of labels that y can have."""
    classes = np.asarray(classes)
    if classes.ndim != 1 or not len(classes):
        raise invalid("classes", classes, "a list of one label or more")
    classes = check_array(classes, ensure_2d=False, dtype=None, input_name="classes")
    try:
        check_targets(classes, "classes")
    except ValueError as error:
        raise ValueError(f"classes: {error}") from error
    return classes


def past_of(estimator):
    """Return what a Training needs to go on: where it stands, and the history.

    A plain fit keeps no progress, so that its pickle is small; going on from its parameters,
    the optimizer starts afresh.
    """
    _check_same_network(estimator)
    start = estimator._progress
    if start is None:
        theta, scaling = estimator.theta_.copy(), None
        if estimator._mean_and_scale is not None:
            scaling = Scaling(*estimator._mean_and_scale)
            theta = scaling.unfold(estimator._network, theta)
        start = Progress(theta, scaling=scaling)
    return {"start": start, "history": estimator.history_}


def _check_same_network(estimator):
    """Raise unless the parameters describe the network there is, in its dtype."""
    sizes, activations = estimator._layer_sizes, estimator._activations
    description = network_description(estimator, sizes[0], sizes[-1])
    if description != (sizes, activations):
        raise ValueError(
            f"units={estimator.units!r} and activation={estimator.activation!r} describe "
            f"another network than the one to go on with, which has layers {sizes} and "
            f"activations {activations}. Set warm_start=False and call fit to start anew."
        )
    if estimator.dtype not in ("auto", estimator.theta_.dtype.name):
        accepted = f"'auto' or {estimator.theta_.dtype.name!r} to go on with training"
        raise invalid("dtype", estimator.dtype, accepted)


@contextmanager
def unchanged_on_error(estimator):
    """Give the estimator its attributes back if the block raises.

    What `with_callbacks` needs to tear callbacks down it keeps.
    """
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        now = vars(estimator).copy()
        vars(estimator).clear()
        vars(estimator).update(before)
        vars(estimator).update({name: now[name] for name in CALLBACK_STATE if name in now})
        raise

"""From a checked estimator and encoded rows to trained parameters."""

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from skmlp.core.initializers import initial_theta
from skmlp.core.training import MiniBatches, train
from skmlp.inputs import with_mean_1
from skmlp.monitor import EpochMonitor
from skmlp.parameters import (
    build_initializers,
    build_network,
    build_objective,
    build_optimizer,
    build_schedule,
    network_description,
    rows_per_batch,
)

__all__ = ["Outcome", "fit_network"]


class Outcome(NamedTuple):
    """What training leaves.

    Attributes
    ----------
    description : tuple
        (layer_sizes, activations), what `build_network` takes.
    theta : ndarray of shape (n_params,)
    history : dict of str to list of float
    stop_reason : str
    """

    description: tuple
    theta: np.ndarray
    history: dict
    stop_reason: str


def fit_network(estimator, rows, validation):
    """Train a new network.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier
        Whose constructor parameters have been checked.
    rows : Encoded
        The training set.
    validation : Encoded or None

    Returns
    -------
    outcome : Outcome
    """
    dtype = rows.Y.dtype
    description = network_description(estimator, rows.X.shape[1], rows.Y.shape[1])
    network = build_network(*description)
    rng = check_random_state(estimator.random_state)
    initializers = build_initializers(estimator, description[1])
    theta = initial_theta(network, initializers, rng, dtype)
    optimizer = build_optimizer(estimator)
    state = optimizer.init(theta)
    monitor = EpochMonitor(estimator, network, theta, rows.X, validation)
    stop_reason = "epochs"
    try:
        train(
            build_objective(estimator, network),
            optimizer,
            theta,
            state,
            _batches(estimator, rows, rng),
            learning_rate=float(estimator.learning_rate),
            schedule=build_schedule(estimator),
            epochs=estimator.epochs,
            on_epoch_end=monitor,
        )
    except KeyboardInterrupt:
        if state["step"] == 0:
            raise  # nothing was learnt that could be kept
        monitor.check_finite()
        warnings.warn("Training interrupted by user.", UserWarning, stacklevel=3)
        stop_reason = "interrupted"
    return Outcome(description, theta, monitor.history, stop_reason)


def _batches(estimator, rows, rng):
    """Return the mini-batches of a training set; rows of weight 0 are in none."""
    X, Y, w = rows
    used = np.arange(len(X))
    if w is not None:
        used = np.flatnonzero(w)
        w = with_mean_1(w, used).astype(Y.dtype)
    return MiniBatches(
        X,
        Y,
        w,
        batch_size=rows_per_batch(estimator, len(used)),
        n_rows=len(used),
        dtype=Y.dtype,
        draw_order=lambda: rng.permutation(used) if estimator.shuffle else used,
    )

"""Predictions of an ensemble's training rows by the members that left them out.

They are evaluated like those of new rows, and the ensemble is calibrated by them.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from skmlp.core.losses import log_softmax
from skmlp.core.mixture import log_mean_proba, mixture_inverse_temperature
from skmlp.core.network import Network
from skmlp.data.dataset import Dataset
from skmlp.data.weights import (
    class_frequencies,
    class_totals,
    class_weights,
    normalize_weights,
    positive_frequencies,
    rescale_for_sum,
    row_weights,
)
from skmlp.estimators.folds import Folds
from skmlp.training.config import TrainConfig
from skmlp.training.inference import finite_outputs

__all__ = [
    "OutOfFold",
    "evaluate_out_of_fold",
    "find_temperature",
    "loss_weights",
    "out_of_fold_logits",
]


class OutOfFold(NamedTuple):
    """The mean of the members' out-of-fold predictions, evaluated.

    Attributes
    ----------
    proba : ndarray of shape (n_samples, n_classes)
    score, loss : float
        Accuracy and cross-entropy, weighted.
    """

    proba: np.ndarray
    score: float
    loss: float


def out_of_fold_logits(
    networks: Sequence[Network],
    thetas: np.ndarray,
    dataset: Dataset,
    repeats: Sequence[Folds],
) -> np.ndarray:
    """Return the logits of each row by the member that left it out, for each complete repeat.

    Returns
    -------
    logits : ndarray of shape (n_repeats, n_samples, n_classes)
    """
    k = len(repeats[0])
    logits = np.empty((len(thetas) // k, *dataset.Y.shape), thetas.dtype)
    for i in range(len(logits) * k):
        fold = repeats[i // k][i % k]
        logits[i // k, fold] = finite_outputs(networks[i], thetas[i], dataset.X[fold])
    return logits


def loss_weights(config: TrainConfig, classes: np.ndarray, dataset: Dataset) -> np.ndarray | None:
    """Return the weights of the rows in the loss, of mean 1: sample times class weights."""
    totals = partial(class_totals, dataset.y_encoded, dataset.sample_weight, len(classes))
    weights = class_weights(config.class_weight, classes, totals)
    w, _ = row_weights(dataset, None if config.class_weight is None else weights)
    return None if w is None else normalize_weights(w)


def evaluate_out_of_fold(logits: np.ndarray, dataset: Dataset, w: np.ndarray | None) -> OutOfFold:
    """Evaluate out-of-fold predictions; w are the weights of the rows in the loss."""
    log_proba = log_mean_proba(log_softmax(logits))
    true_class = dataset.y_encoded[:, None].astype(np.intp)
    losses = -np.take_along_axis(log_proba, true_class, 1)[:, 0]
    correct, counts = log_proba.argmax(axis=1) == dataset.y_encoded, dataset.sample_weight
    counts = None if counts is None else rescale_for_sum(counts)
    return OutOfFold(
        np.exp(log_proba),
        score=float(np.average(correct, weights=counts)),
        loss=float(np.average(losses, weights=w)),
    )


def find_temperature(
    logits: np.ndarray, dataset: Dataset, w: np.ndarray | None, n_members: int
) -> tuple[float, np.ndarray]:
    """Return the temperature that minimises the out-of-fold cross-entropy of all members' mean.

    Returns
    -------
    temperature : float
    prior : ndarray of shape (n_classes,)
        The class frequencies that it is relative to.
    """
    every = np.arange(len(dataset.y_encoded))
    prior = positive_frequencies(class_frequencies(dataset, w, every), len(every))
    Y = dataset.Y[:].toarray().astype(np.float64)
    inverse = mixture_inverse_temperature(logits.astype(np.float64), Y, w, prior, n_members)
    return 1.0 / inverse, prior

"""Rows that training is judged by: set aside, and scored after each epoch."""

from math import ceil
from numbers import Integral

import numpy as np
from sklearn import config_context
from sklearn.metrics import get_scorer
from sklearn.model_selection import train_test_split
from sklearn.utils import resample

from skmlp.core.labels import one_hot_rows
from skmlp.core.losses import softmax_cross_entropy
from skmlp.inputs import largest_magnitude, summable, with_mean_1
from skmlp.prediction import finite_chunks

__all__ = ["MOST_TRAINING_ROWS", "JudgedRows", "n_to_set_aside", "sample", "set_aside"]

MOST_TRAINING_ROWS = 10_000  # scored after each epoch, as HistGradientBoostingClassifier does
MOST_STRATIFIED = 1_000_000  # to draw these from, at random


def n_to_set_aside(fraction, n_rows, n_classes):
    """Return how many of n_rows a share or number of them is, at least one of each class."""
    n = fraction if isinstance(fraction, Integral) else ceil(fraction * n_rows)
    return max(int(n), n_classes, 2)


def set_aside(estimator, rows, used, seed):
    """Split the used rows of a training set, stratified: to train on and to validate on.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier
        Whose `validation_fraction` is meant.
    rows : Encoded
    used : ndarray of int
        Numbers of the rows.
    seed : int

    Returns
    -------
    train, validation : ndarray of int
        Numbers of rows, in ascending order.
    """
    fraction, n_classes = estimator.validation_fraction, len(np.unique(rows.y[used]))
    n_rows = n_to_set_aside(fraction, len(used), n_classes)
    if len(used) - n_rows < n_classes:
        raise ValueError(
            f"The validation set is too small. Increase 'validation_fraction' or the size of your "
            f"dataset: {len(used)} rows of {n_classes} classes cannot be split by "
            f"validation_fraction={fraction!r} into two sets that have every class."
        )
    try:
        parts = train_test_split(used, test_size=n_rows, stratify=rows.y[used], random_state=seed)
    except ValueError as error:
        raise ValueError(
            f"early_stopping=True cannot set validation_fraction={fraction!r} of the rows aside: "
            f"{error} Give X_val and y_val, or set validation_fraction=None."
        ) from error
    return [np.sort(part) for part in parts]


def sample(rows, used, most=MOST_TRAINING_ROWS):
    """Return the used rows of a training set, or 10,000 of them, always the same ones."""
    if len(used) > MOST_STRATIFIED:  # which takes 60 bytes of memory a row
        thinned = np.random.RandomState(0).randint(len(used), size=MOST_STRATIFIED)
        used = used[np.unique(thinned)]
    if len(used) > most:
        y = rows.y[used]
        used = resample(used, replace=False, n_samples=most, stratify=y, random_state=0)
        used.sort()
    return rows if len(used) == rows.X.shape[0] else rows.take(used)


class JudgedRows:
    """Rows whose loss and score are computed after each epoch.

    Parameters
    ----------
    rows : Encoded
    class_weight : ndarray of shape (n_classes,)
        Weights in the loss, as in training; scores have sample weights alone.
    scoring : str or callable
        What scikit-learn makes a scorer of, or "loss".
    name : str
        What messages call X.
    """

    def __init__(self, rows, class_weight, scoring, name):
        self.rows, self.scoring, self.name = rows, scoring, name
        self._w = None
        if rows.w is not None or np.ptp(class_weight) > 0:
            w = class_weight[rows.codes] * (1.0 if rows.w is None else rows.w)
            if not w.any():
                raise ValueError(f"class_weight gives every row of {name} the weight zero.")
            self._w = with_mean_1(w)
        self._sample_weight = None if rows.w is None else summable(rows.w)
        # Rows to train on are smoothed, and some of them may have been set aside.
        self._Y = rows.once("Y", lambda: one_hot_rows(rows.codes, rows.Y.shape[1], rows.Y.dtype))

    def loss_and_accuracy(self, network, theta):
        """Return cross-entropy, without penalty or smoothing, and accuracy."""
        rows, loss = self.rows, 0.0
        correct = np.empty(len(rows.codes), bool)
        for chunk, logits in finite_chunks(network, theta, rows.X, name=self.name):
            correct[chunk] = logits.argmax(axis=-1) == rows.codes[chunk]
            w = None if self._w is None else self._w[chunk]
            Y, share = self._Y[chunk].toarray(), len(logits) / len(correct)
            with np.errstate(all="ignore"):
                loss += share * softmax_cross_entropy(logits, Y, w, out=logits)[0]
        if not np.isfinite(loss):
            raise ValueError(
                f"The loss on {self.name} is {loss:g}: its largest number is "
                f"{largest_magnitude(rows.X):g}, far from what the network was trained on."
            )
        return float(loss), float(np.average(correct, weights=self._sample_weight))

    def score(self, model):
        """Return the score of a fitted estimator."""
        X, y, w = self.rows.X, self.rows.y, self._sample_weight
        weights = {} if w is None else {"sample_weight": w}
        try:
            with config_context(assume_finite=True):  # all of it was checked once
                score = get_scorer(self.scoring)(model, X, y, **weights)
        except TypeError as error:
            if "sample_weight" not in str(error):
                raise
            raise TypeError(
                f"scoring={self.scoring!r} takes no sample_weight, and fit was given some: {error}"
            ) from error
        if not isinstance(score, float | int | np.number) or not np.isfinite(score):
            raise ValueError(
                f"scoring={self.scoring!r} must give a finite number, got {score!r} on {self.name}."
            )
        return float(score)

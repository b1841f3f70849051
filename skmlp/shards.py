"""One part of the rows, and what is done where it lies.

Everything here works on one *shard* in one memory and gives back another shard or something
small: facts, losses, gradients, parameters. No function changes its arguments and every random
number comes of seeds that are passed in, so a shard that is lost with its machine can be made
again and answers as before.
"""

import copy
from dataclasses import dataclass, replace
from math import ceil
from typing import NamedTuple

import numpy as np
from sklearn.utils import column_or_1d

from skmlp.blocks import check_block, check_same_kind, n_bytes
from skmlp.core.lbfgs import AllRows
from skmlp.core.scaling import Scaling
from skmlp.core.training import MiniBatches, train
from skmlp.disk import permutation
from skmlp.fitting import FULL_BATCH_ROWS, over_mean, row_weights
from skmlp.inputs import (
    Encoded,
    check_targets,
    check_weights,
    encode,
    mean_weight,
    with_mean_1,
)
from skmlp.parameters import batch_size, build_dropout, build_objective, build_optimizer
from skmlp.prediction import finite_logits
from skmlp.standardization import Moments, column_moments
from skmlp.validation import MOST_TRAINING_ROWS, JudgedRows, n_to_set_aside, sample, set_aside

__all__ = ["Common", "Round", "Shard", "Use", "count_correct", "to_train", "to_validate"]


class Use(NamedTuple):
    """What is done with a shard's rows.

    Attributes
    ----------
    n_rows : int
        To train on.
    mean_weight : float
        Their mean weight, of sample and class.
    score_weight : float
        The sum of their sample weights; without weights, n_rows.
    moments : Moments or None
        Of their columns, if they are to be standardized.
    validation_weight : tuple of float
        Of the rows to validate on: the sum of their weights in the loss, and in the score.
    """

    n_rows: int
    mean_weight: float
    score_weight: float
    moments: Moments | None
    validation_weight: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Common:
    """What all shards of a training have in common.

    Attributes
    ----------
    estimator : SoftmaxMLPClassifier
        Its parameters and classes.
    class_weight : ndarray of shape (n_classes,)
    dtype : dtype
        Of the parameters.
    split_seed : int or None
        For the rows to set aside; None sets none aside.
    learns_scaling : bool
    """

    estimator: object
    class_weight: np.ndarray
    dtype: np.dtype
    split_seed: int | None
    learns_scaling: bool


@dataclass(frozen=True, eq=False)
class Round:
    """Where local training starts, on every shard.

    Attributes
    ----------
    network : Network
    theta : ndarray of shape (n_params,)
    optimizer : dict
    schedule : callable (step, fraction) -> factor
    number, n_rounds, per_epoch : int
        Which round of how many in this call, and how many make an epoch.
    seed : int
    """

    network: object
    theta: np.ndarray
    optimizer: dict
    schedule: object
    number: int
    n_rounds: int
    per_epoch: int
    seed: int


def to_train(checked, common):
    """Return the Shard to train on."""
    e = common.estimator
    rows = encode(checked.rows, e.classes_, common.dtype, float(e.label_smoothing))
    w, used = row_weights(e, common.class_weight, rows)
    held_out = moments = None
    if common.split_seed is not None:
        used, kept = _set_aside(e, rows, used, common.split_seed)
        held_out = rows.take(kept) if len(kept) else None
    if common.learns_scaling and len(used):
        w_of_rows = None if rows.w is None else with_mean_1(rows.w, used)
        moments = column_moments(rows.X, w_of_rows, used)
    return Shard(common, checked.number, rows, used, w, held_out, moments)


def to_validate(checked, common):
    """Return the Shard to validate on, without rows to train on."""
    rows = encode(checked.rows, common.estimator.classes_, common.dtype)
    return Shard(common, checked.number, rows, np.arange(0), None, rows, None)


def _set_aside(estimator, rows, used, seed):
    """Split the used rows as `set_aside` does, or less strictly where a shard is too small.

    A row that is alone in its class stays to train on; of a shard without enough rows,
    nothing is set aside.
    """
    counts = np.bincount(rows.codes[used], minlength=len(estimator.classes_))
    alone = counts[rows.codes[used]] == 1
    many, n_classes = used[~alone], int((counts > 1).sum())
    n_aside = n_to_set_aside(estimator.validation_fraction, len(many), n_classes)
    if len(many) - n_aside < n_classes or not len(many):
        return used, used[:0]
    to_train, held_out = set_aside(estimator, rows, many, seed)
    return np.union1d(to_train, used[alone]), held_out


@dataclass(frozen=True, eq=False)
class Shard:
    """Rows in the core's terms.

    Attributes
    ----------
    common : Common
    number : int
        The shard's own.
    rows : Encoded
    used : ndarray of int
        Numbers of the rows to train on.
    w : ndarray of shape (n,) or None
        Their weights, sample weight times class weight; when settled, over the mean of all
        shards and in the dtype of the parameters.
    held_out : Encoded or None
        Rows to validate on.
    moments : Moments or None
    scaling : Scaling or None
    share : float
        Of the rows to train on, among those of all shards; when settled.
    """

    common: Common
    number: int
    rows: Encoded
    used: np.ndarray
    w: np.ndarray | None
    held_out: Encoded | None
    moments: Moments | None
    scaling: Scaling | None = None
    share: float = 1.0

    def __sizeof__(self):
        """Return the bytes that it takes, by which Dask decides where to work."""
        return n_bytes(self.rows.X, self.rows.codes, self.rows.y, self.w)

    def use(self):
        """Return what is done with the rows: Use."""
        used, rows, held_out = self.used, self.rows, self.held_out
        mean = 1.0 if self.w is None or not len(used) else float(mean_weight(self.w[used]))
        total = float(len(used) if rows.w is None else rows.w[used].sum())
        totals = 0.0, 0.0
        if held_out is not None:
            w = np.ones(len(held_out.codes)) if held_out.w is None else held_out.w
            totals = float(self.common.class_weight[held_out.codes] @ w), float(w.sum())
        return Use(len(used), mean, total, self.moments, totals)

    def settled(self, scaling, mean, n_rows):
        """Return the Shard to train on, given Scaling, mean weight and number of all rows."""
        w = over_mean(self.w, mean, len(self.rows.codes), self.common.dtype)
        return replace(self, w=w, scaling=scaling, share=len(self.used) / n_rows)

    def train(self, start):
        """Train from a Round's start; return (theta, optimizer, loss, learning_rate)."""
        e, records = self.common.estimator, []
        theta, optimizer = start.theta.copy(), copy.deepcopy(start.optimizer)
        train(
            build_objective(e, start.network, theta.dtype),
            build_optimizer(e),
            theta,
            optimizer,
            self._batches(self._order(start), batch_size(e)),
            learning_rate=float(e.learning_rate),
            schedule=start.schedule,
            epochs=start.n_rounds,  # for the core, a round is an epoch
            first_epoch=start.number,
            dropout=build_dropout(e, start.network, self._rng(start, 1, start.number)),
            on_epoch_end=lambda record: records.append(record) or True,
        )
        return theta, optimizer, records[0].loss, records[0].learning_rate

    def _order(self, start):
        """Return the rows of the round: a part of the epoch's order."""
        epoch, part = divmod(start.number, start.per_epoch)
        order = self.used
        if self.common.estimator.shuffle:
            order = permutation(self._rng(start, 0, epoch), self.rows.X, order)
        return np.array_split(order, start.per_epoch)[part]

    def _rng(self, start, purpose, time):
        return np.random.default_rng([purpose, start.seed, self.number, time])

    def _batches(self, order, n_rows):
        return MiniBatches(
            self.rows.X,
            self.rows.Y,
            self.w,
            batch_size=n_rows,
            n_rows=len(order),
            dtype=self.common.dtype,
            draw_order=lambda: order,
            scaling=self.scaling,
        )

    def value_and_grad(self, objective, theta):
        """Value and gradient of the objective over the shard's rows, as `AllRows` has them."""
        rows = AllRows(self._batches(self.used, FULL_BATCH_ROWS))
        return rows.value_and_grad(objective, theta.copy())  # what is sent may be unaligned

    def judge(self, network, theta, *, validation):
        """Return loss and accuracy on the rows to validate on, or on a sample of the others."""
        rows = self._judged(validation)
        name = "the validation rows" if validation else "X"
        weight = self.common.class_weight
        if not weight[rows.codes].any():  # nothing of it counts in the loss
            weight = np.ones(len(weight))
        judged = rows.once(name, lambda: JudgedRows(rows, weight, "loss", name))
        return judged.loss_and_accuracy(network, theta.copy())

    def logits(self, network, theta, *, validation):
        """Return the logits of the rows that `judge` takes, for scorers."""
        return finite_logits(network, theta.copy(), self._judged(validation).X)

    def labels(self, *, validation):
        """Return labels and sample weights or None of the rows that `judge` takes."""
        rows = self._judged(validation)
        return rows.y, rows.w

    def _judged(self, validation):
        if validation:
            return self.held_out
        most = max(ceil(self.share * MOST_TRAINING_ROWS), 1)
        return self.rows.once("sample", lambda: sample(self.rows, self.used, most))


def count_correct(blocks, number, model):
    """Return the weight of rows that a fitted estimator is right about, and of all rows."""
    correct = total = 0.0
    for X, y, w in blocks:
        check_block(X, y, w)
        if X.shape[0]:
            y = column_or_1d(y)
            check_targets(y)
            check_same_kind(model.classes_, y)
            w = check_weights(w, X, "sample_weight", may_all_be_zero=True)
            right = model.predict(X) == y
            correct += float(right.sum() if w is None else w[right].sum())
            total += float(len(right) if w is None else w.sum())
    return correct, total

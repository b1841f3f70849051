"""One call of fit on rows that lie in shards, on this machine or on many.

The shards are asked, never seen: what crosses to this side are facts, sums, parameters and
gradients, whose size does not depend on the number of rows. Only a scorer of scikit-learn's
needs more: the logits of the rows that it judges.
"""

from dataclasses import replace
from numbers import Integral
from time import perf_counter
from typing import Protocol

import numpy as np

from skmlp.classifier import SoftmaxMLPClassifier
from skmlp.core.averaging import average
from skmlp.core.training import EpochRecord
from skmlp.errors import warn_user
from skmlp.fitting import BaseTraining, check_any_used
from skmlp.inputs import Rows, balanced_weights, class_weights, encode
from skmlp.parameters import number_of_epochs, rows_per_batch, watches_loss
from skmlp.shards import Common, Round, Shard, to_train, to_validate
from skmlp.standardization import merged_moments, scaling_of
from skmlp.validation import JudgedRows

__all__ = ["Parts", "ShardedTraining"]

FAR_APART = 0.5  # between the class frequencies of a shard and of all


class Parts(Protocol):
    """Objects that lie somewhere, to be asked and transformed there."""

    def __len__(self):
        """How many there are."""

    def ask(self, method, *args, **kwargs):
        """Return ``method(part, *args, **kwargs)`` of each, in order."""

    def transform(self, method, *args, **kwargs):
        """Return Parts of what the method returns, which stay where they are."""

    def where(self, chosen):
        """Return the Parts that an array of bool chooses."""


class ShardedTraining(BaseTraining):
    """One call of fit on rows in shards.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier
        Whose parameters have been checked and whose classes are known.
    known : KnownRows
        To train on.
    validation : KnownRows, default=None
        To validate on.
    dtype : dtype
        Of the parameters.
    rounds_per_epoch : int, default=1
        How often in an epoch the shards' parameters are averaged.
    start, history
        As for `Training`.
    """

    def __init__(
        self, estimator, known, validation=None, *,
        dtype, rounds_per_epoch=1, start=None, history=None,
    ):  # fmt: skip
        super().__init__(estimator, known.facts[0].n_features, dtype, start)
        self._per_epoch = rounds_per_epoch
        sums = known.class_weights_by_shard(estimator.classes_)
        self.class_weight = _class_weights(estimator, sums.sum(axis=0))
        common = self._common(known, sets_aside=validation is None)
        shards = known.take_parts().transform(to_train, common)
        uses = shards.ask(Shard.use)
        shards, uses = self._settle(shards, uses, known, is_new=start is None)
        if estimator.solver != "lbfgs":
            _check_rounds(rounds_per_epoch, min(self._n_rows))
            rows_per_batch(estimator, min(self._n_rows) // rounds_per_epoch)  # for its warning
            _warn_if_far_apart(sums)
        self._seed = self._draw_seed()
        self.schedule = self._schedule(in_cycle=True)
        if validation is not None:
            held_out = validation.take_parts().transform(to_validate, common)
            validation = JudgedShards(held_out, held_out.ask(Shard.use), estimator, "X_val")
        elif common.split_seed is not None:
            _check_any_set_aside(estimator, uses)
            validation = JudgedShards(shards, uses, estimator, "the rows set aside from X")
        training = None
        if self._judges_training(validation):
            training = JudgedShards(shards, uses, estimator, "X", validation=False)
        self.monitor = self._watch(
            lambda: known.largest, training, validation, history or {}, in_cycle=True
        )
        self._prepare_solver()

    def release(self):
        """Hold no shard any longer: reference cycles would, until they are collected."""
        self._shards = self.monitor.training = self.monitor.validation = None

    def _common(self, known, *, sets_aside):
        """Return what all shards have to know."""
        e, p = self.estimator, self.progress
        sets_aside &= e.early_stopping and e.validation_fraction is not None
        seed = self._split_seed() if sets_aside else None
        learns_scaling = e.standardize and p.scaling is None
        bare = _bare_copy(e, known.n_rows)
        return Common(bare, self.class_weight, p.theta.dtype, seed, learns_scaling)

    def _settle(self, shards, uses, known, *, is_new):
        """Give the shards what depends on all of them: means and scales, the mean weight.

        Returns those with rows to train on, and their uses.
        """
        e, p = self.estimator, self.progress
        n_rows = np.array([use.n_rows for use in uses])
        total = int(n_rows.sum())
        check_any_used(e, total)
        self.epochs = number_of_epochs(e, total)
        largest, centred = (lambda: known.largest), not known.facts[0].is_sparse
        moments = [use.moments for use in uses if use.n_rows]
        weights = [use.score_weight for use in uses if use.n_rows]
        self._standardize(
            lambda: scaling_of(
                merged_moments(moments, weights), p.theta.dtype, centred=centred, largest=largest
            ),
            is_new=is_new,
        )
        shares = n_rows / total  # whose products with the means cannot overflow
        mean = float(shares @ [use.mean_weight for use in uses])
        self._take_mean(mean, total, afresh=True)
        self._n_rows = n_rows[n_rows > 0]
        self._shards = shards.where(n_rows > 0).transform(
            Shard.settled, p.scaling, p.mean_weight, total
        )
        return self._shards, [use for use in uses if use.n_rows]

    def value_and_grad(self, objective, theta):
        """Value and gradient of the objective over all shards, as `AllRows` has them."""
        value, grad = 0.0, np.zeros(theta.shape)
        parts = self._shards.ask(Shard.value_and_grad, objective, theta)
        for n_rows, (part, part_grad) in zip(self._n_rows, parts, strict=True):
            share = n_rows / self._n_rows.sum()
            value += share * part
            grad += share * part_grad
        return value, grad

    def _all_rows(self):
        return self

    def _train(self, on_epoch_end):
        for epoch in range(self.n_done, self.epochs):
            if on_epoch_end(self._epoch(epoch)):
                break

    def _epoch(self, epoch):
        """Train for the rounds of an epoch; return its EpochRecord."""
        started, losses = perf_counter(), []
        for number in range(epoch * self._per_epoch, (epoch + 1) * self._per_epoch):
            loss, rate = self._round(number)
            losses.append(loss)
        return EpochRecord(float(np.mean(losses)), rate, perf_counter() - started)

    def _round(self, number):
        """Train every shard from the present parameters and average; return loss and rate."""
        p, per_epoch = self.progress, self._per_epoch
        n_rounds = self.epochs * per_epoch
        start = Round(
            self.network, p.theta, p.optimizer, self.schedule, number, n_rounds, per_epoch,
            self._seed,
        )  # fmt: skip
        ends = self._shards.ask(Shard.train, start)
        thetas, optimizers, losses, rates = zip(*ends, strict=True)
        theta, p.optimizer = average(thetas, optimizers, self._n_rows)
        np.copyto(p.theta, theta)
        return np.average(losses, weights=self._n_rows), rates[0]


class JudgedShards:
    """Rows in shards whose loss and score are computed after each epoch: see `JudgedRows`.

    Parameters
    ----------
    shards : Parts of Shard
    uses : list of Use
    estimator : SoftmaxMLPClassifier
    name : str
        What messages call X.
    validation : bool, default=True
        Whether the rows to validate on are meant, or a sample of those to train on.
    """

    def __init__(self, shards, uses, estimator, name, *, validation=True):
        self._which, self._estimator = {"validation": validation}, estimator
        weights = [
            use.validation_weight
            if validation
            else (use.n_rows * use.mean_weight, use.score_weight)
            for use in uses
        ]
        weights = np.array(weights)
        chosen = weights[:, 1] > 0
        if not weights[:, 0].any():
            raise ValueError(f"class_weight gives every row of {name} the weight zero.")
        self._shards, (self._in_loss, self._in_score) = shards.where(chosen), weights[chosen].T
        if not watches_loss(estimator):
            self._gathered = self._gather_labels(name)

    def _gather_labels(self, name):
        """Return JudgedRows of the labels and weights, whose X will be the logits."""
        e = self._estimator
        labels, weights = zip(*self._shards.ask(Shard.labels, **self._which), strict=True)
        y = np.concatenate(labels)
        w = None if weights[0] is None else np.concatenate(weights)
        rows = encode(Rows(np.empty((len(y), 0)), y, w), e.classes_, np.dtype(np.float64))
        return JudgedRows(rows, np.ones(len(e.classes_)), e.scoring, name)

    def loss_and_accuracy(self, network, theta):
        """Return cross-entropy, without penalty or smoothing, and accuracy."""
        pairs = self._shards.ask(Shard.judge, network, theta, **self._which)
        losses, accuracies = zip(*pairs, strict=True)
        loss = np.average(losses, weights=self._in_loss)
        return float(loss), float(np.average(accuracies, weights=self._in_score))

    def score(self, model):
        """Return the score of a fitted estimator, whose logits of the rows are gathered."""
        logits = self._shards.ask(Shard.logits, model._network, model.theta_, **self._which)
        judged = self._gathered
        judged.rows = replace(judged.rows, X=np.concatenate(logits))
        return judged.score(_reader(model))


def _reader(model):
    """Return a fitted estimator that takes the logits of another for X, and passes them on."""
    reader, k = SoftmaxMLPClassifier(), len(model.classes_)
    vars(reader).update(vars(model))
    reader._layer_sizes, reader._activations, reader.n_features_in_ = (k, k), (), k
    reader.theta_ = np.append(np.eye(k), np.zeros(k)).astype(model.theta_.dtype)
    return reader


def _class_weights(estimator, sums):
    """Return the weight of each class, for the sums of all sample weights in each."""
    if isinstance(estimator.class_weight, str):
        return balanced_weights(sums)
    return class_weights(estimator.class_weight, None, estimator.classes_)


def _bare_copy(estimator, n_rows):
    """Return what shards need of an estimator: most of its parameters, and its classes."""
    names = SoftmaxMLPClassifier._get_param_names()
    params = {name: getattr(estimator, name) for name in names}
    # What the shards never use may be what cannot be sent.
    params |= {"random_state": None, "scoring": "loss", "schedule": "constant"}
    fraction = estimator.validation_fraction
    if isinstance(fraction, Integral):  # of all rows
        if estimator.early_stopping and fraction >= n_rows:
            raise ValueError(
                f"validation_fraction={fraction!r} must be less than the number of rows, {n_rows}."
            )
        params["validation_fraction"] = min(fraction / n_rows, 0.999)
    bare = SoftmaxMLPClassifier(**params)
    bare.classes_ = estimator.classes_
    return bare


def _check_any_set_aside(estimator, uses):
    if not any(use.validation_weight[1] for use in uses):
        raise ValueError(
            "The validation set is too small. No shard has enough rows for "
            f"validation_fraction={estimator.validation_fraction!r} to set some aside, one of each "
            "class: increase it, lower n_shards or give X_val."
        )


def _check_rounds(rounds_per_epoch, fewest_rows):
    if rounds_per_epoch > fewest_rows:
        raise ValueError(
            f"rounds_per_epoch={rounds_per_epoch!r} is more than the rows of a shard: one has "
            f"{fewest_rows}. Lower it, or n_shards."
        )


def _warn_if_far_apart(sums):
    """Warn if the class frequencies of a shard are far from those of all rows."""
    totals = sums.sum(axis=1, keepdims=True)
    sums, totals = sums[totals[:, 0] > 0], totals[totals[:, 0] > 0]
    apart = np.abs(sums / totals - sums.sum(axis=0) / totals.sum()).sum(axis=1) / 2
    if apart.max() > FAR_APART:
        warn_user(
            f"Shard {int(apart.argmax())} of {len(sums)} has other classes than the whole: trained "
            "apart on such rows, networks do not average well. Shuffle the rows before they are "
            "cut into partitions, or use solver='lbfgs', which does not mind."
        )

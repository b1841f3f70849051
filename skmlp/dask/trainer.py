"""Training on shards: the preparation of a call of fit, rounds of local training, evaluation.

This runs in the process that calls fit and never receives rows: what the shards return are
summaries, sums, parameters and gradients, whose size does not depend on the number of rows.
Only a scorer of scikit-learn needs more: the logits of the rows that it scores.
"""

from collections.abc import Sequence
from functools import partial
from numbers import Integral
from time import perf_counter
from typing import Any

import numpy as np

from skmlp._errors import warn_user
from skmlp.core.averaging import average
from skmlp.core.minibatch import EpochRecord
from skmlp.core.network import Network
from skmlp.core.objective import Objective
from skmlp.dask._cluster import Executor
from skmlp.dask.input import ShardStats
from skmlp.dask.shard import (
    RoundSpec,
    Shard,
    ShardConfig,
    ShardPlan,
    training_shard,
    validation_shard,
)
from skmlp.data.dataset import Dataset, encode
from skmlp.data.moments import merge_moments, scaling_from_moments
from skmlp.data.validation import ValidatedRows
from skmlp.data.weights import class_weights
from skmlp.training.config import TrainConfig
from skmlp.training.evaluation import Evaluator, LocalEvaluationSet, MakeEstimator
from skmlp.training.history import History
from skmlp.training.local import check_any_rows
from skmlp.training.run import TrainingRun
from skmlp.training.state import FitResult, TrainState
from skmlp.training.trainer import Trainer

__all__ = ["ShardedEvaluationSet", "ShardedSource", "sharded_trainer"]

MAX_CLASS_DISTANCE = 0.5  # total variation between the classes of a shard and of all rows


class ShardedSource:
    """Rows in shards, for the training of one network.

    In an epoch of mini-batches there are rounds: each shard is trained apart from the present
    parameters, then parameters and optimizer states are averaged (see `core.averaging`).

    Parameters
    ----------
    run : TrainingRun
    shards : Executor of Shard
    n_rows : ndarray of int of shape (n_shards,)
        Rows to train on of each.
    rounds_per_epoch : int
    seed : int
    """

    def __init__(
        self,
        run: TrainingRun,
        shards: Executor,
        n_rows: np.ndarray,
        rounds_per_epoch: int,
        seed: int,
    ) -> None:
        self._run, self._shards, self._n_rows = run, shards, n_rows
        self._per_epoch, self._seed = rounds_per_epoch, seed

    def run_epoch(self, epoch: int) -> list[EpochRecord]:
        """Train for the rounds of one epoch."""
        started, losses = perf_counter(), []
        for number in range(epoch * self._per_epoch, (epoch + 1) * self._per_epoch):
            loss, rate = self._run_round(number)
            losses.append(loss)
        return [EpochRecord(float(np.mean(losses)), rate, perf_counter() - started)]

    def _run_round(self, number: int) -> tuple[float, float]:
        """Train every shard from the present parameters and average; return loss and rate."""
        run, state = self._run, self._run.state
        n_rounds = run.n_epochs * self._per_epoch
        start = RoundSpec(
            state.theta, state.optimizer, run.schedule, number, n_rounds, self._per_epoch,
            self._seed,
        )  # fmt: skip
        ends = self._shards.map(Shard.train_round, start)
        thetas, optimizers, losses, rates = zip(*ends, strict=True)
        theta, state.optimizer = average(thetas, optimizers, self._n_rows)
        np.copyto(state.theta, theta)
        return np.average(losses, weights=self._n_rows), rates[0]

    def value_and_grad(self, objective: Objective, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective over all shards and its gradient, as `AllRows` does."""
        value, grad = 0.0, np.zeros(theta.shape)
        parts = self._shards.map(Shard.value_and_grad, objective, theta)
        for n_rows, (part, part_grad) in zip(self._n_rows, parts, strict=True):
            share = n_rows / self._n_rows.sum()
            value += share * part
            grad += share * part_grad
        return value, grad

    def keep(self, runs: Sequence[TrainingRun]) -> None:
        """Do nothing: a single run stops with its source."""


def sharded_trainer(
    config: TrainConfig,
    classes: np.ndarray,
    stats: ShardStats,
    validation: ShardStats | None,
    *,
    rounds_per_epoch: int,
    start: TrainState | None,
    history: dict[str, list[float]] | None,
    make_estimator: MakeEstimator,
) -> Trainer:
    """Prepare a call of fit on shards.

    Parameters
    ----------
    config : TrainConfig
        Resolved but for the number of rows.
    classes : ndarray of shape (n_classes,)
    stats : ShardStats
        To train on.
    validation : ShardStats or None
        To validate on. Without, early stopping sets a part of each shard aside.
    rounds_per_epoch : int
        How often in an epoch the shards' parameters are averaged.
    start, history, make_estimator
        As of `local_trainer`.
    """
    state = TrainState.begin(config, start)
    totals = stats.class_totals_by_shard(classes)
    class_weight = class_weights(config.class_weight, classes, lambda: totals.sum(axis=0))
    common = _shard_config(config, classes, class_weight, state, stats, validation)
    shards = stats.take_shards().transform(training_shard, common)
    plans = shards.map(Shard.plan)
    n_rows = np.array([plan.n_rows for plan in plans])
    check_any_rows(config, int(n_rows.sum()))
    config = config.resolve(n_rows=int(n_rows.sum()))
    plans = [plan for plan in plans if plan.n_rows]
    _set_global_stats(config, state, stats, plans, is_new=start is None)
    shards = shards.filter(n_rows > 0).transform(
        Shard.with_global_stats, state.scaling, state.mean_weight, config.n_rows
    )
    n_rows = n_rows[n_rows > 0]
    if not config.full_batch:
        _check_rounds(rounds_per_epoch, min(n_rows))
        config.rows_per_batch(min(n_rows) // rounds_per_epoch)  # for its warning
        _warn_of_different_classes(totals)
    seed = state.draw_seed()
    validation_set = None
    if validation is not None:
        held_out = validation.take_shards().transform(validation_shard, common)
        validation_set = ShardedEvaluationSet(
            held_out, held_out.map(Shard.plan), config, classes, "X_val"
        )
    elif common.split_seed is not None:
        _check_any_set_aside(config, plans)
        validation_set = ShardedEvaluationSet(
            shards, plans, config, classes, "the rows set aside from X"
        )
    evaluator = Evaluator.create(
        config,
        lambda: ShardedEvaluationSet(shards, plans, config, classes, "X", validation=False),
        validation_set,
        make_estimator,
    )
    largest = partial(getattr, stats, "max_abs")
    run = TrainingRun(config, state, History(history), class_weight, evaluator, largest)
    return Trainer(ShardedSource(run, shards, n_rows, rounds_per_epoch, seed), [run])


def _shard_config(
    config: TrainConfig,
    classes: np.ndarray,
    class_weight: np.ndarray,
    state: TrainState,
    stats: ShardStats,
    validation: ShardStats | None,
) -> ShardConfig:
    """Return what all shards have to know."""
    fraction = config.validation_fraction
    splits = validation is None and config.early_stopping and fraction is not None
    seed = state.get_split_seed() if splits else None
    if isinstance(fraction, Integral):  # of all rows
        if config.early_stopping and fraction >= stats.n_rows:
            raise ValueError(
                f"validation_fraction={fraction!r} must be less than the number of rows, "
                f"{stats.n_rows}."
            )
        fraction = min(fraction / stats.n_rows, 0.999)
    # What the shards do not use may be impossible to send.
    config = config.resolve(
        random_state=None, scoring="loss", schedule="constant", validation_fraction=fraction
    )
    needs_moments = config.standardize and state.scaling is None
    return ShardConfig(config, classes, class_weight, seed, needs_moments)


def _set_global_stats(
    config: TrainConfig,
    state: TrainState,
    stats: ShardStats,
    plans: Sequence[ShardPlan],
    *,
    is_new: bool,
) -> None:
    """Set the scaling and the mean weight of all rows."""
    moments, weights = [plan.moments for plan in plans], [plan.score_weight for plan in plans]
    state.set_scaling(
        config,
        lambda: scaling_from_moments(
            merge_moments(moments, weights),
            config.theta_dtype,
            centred=not stats.summaries[0].is_sparse,
            largest=lambda: stats.max_abs,
        ),
        is_new=is_new,
    )
    shares = np.array([plan.n_rows for plan in plans]) / config.n_rows
    mean = float(shares @ [plan.mean_weight for plan in plans])  # a sum might overflow
    state.update_mean_weight(mean, config.n_rows, restart=True)


class ShardedEvaluationSet:
    """Rows in shards that are evaluated after each epoch: see `LocalEvaluationSet`.

    Parameters
    ----------
    shards : Executor of Shard
    plans : list of ShardPlan
    config : TrainConfig
    classes : ndarray of shape (n_classes,)
    name : str
        What messages call the rows.
    validation : bool, default=True
        Whether these are the rows to validate on, or a sample of those to train on.
    """

    def __init__(
        self,
        shards: Executor,
        plans: Sequence[ShardPlan],
        config: TrainConfig,
        classes: np.ndarray,
        name: str,
        *,
        validation: bool = True,
    ) -> None:
        self._which, self._config, self._classes = {"validation": validation}, config, classes
        self._name = name
        weights = np.array(
            [
                plan.validation_weight
                if validation
                else (plan.n_rows * plan.mean_weight, plan.score_weight)
                for plan in plans
            ]
        )
        chosen = weights[:, 1] > 0
        if not weights[:, 0].any():
            raise ValueError(f"class_weight gives every row of {name} the weight zero.")
        self._shards = shards.filter(chosen)
        self._loss_weights, self._score_weights = weights[chosen].T
        self._labels = None if config.monitors_loss else self._gather_labels()

    def _gather_labels(self) -> Dataset:
        """Return labels and weights of the rows, as a Dataset without columns."""
        labels, weights = zip(*self._shards.map(Shard.labels, **self._which), strict=True)
        y = np.concatenate(labels)
        w = None if weights[0] is None else np.concatenate(weights)
        rows = ValidatedRows(np.empty((len(y), 0)), y, w)
        return encode(rows, self._classes, np.dtype(np.float64))

    def loss_and_accuracy(self, network: Network, theta: np.ndarray) -> tuple[float, float]:
        """Return the cross-entropy, without penalty and smoothing, and the accuracy."""
        pairs = self._shards.map(Shard.evaluate, network, theta, **self._which)
        losses, accuracies = zip(*pairs, strict=True)
        loss = np.average(losses, weights=self._loss_weights)
        return float(loss), float(np.average(accuracies, weights=self._score_weights))

    def scored_result(self, result: FitResult) -> FitResult:
        """Return a network that takes the logits of a result for X, and returns them."""
        n_classes = len(self._classes)
        theta = np.append(np.eye(n_classes), np.zeros(n_classes)).astype(result.theta.dtype)
        architecture = (n_classes, n_classes), ()
        return result._replace(architecture=architecture, theta=theta, scaling=None)

    def score(self, result: FitResult, estimator: Any) -> float:
        """Return the score of the estimator, which takes the logits of the rows."""
        network = self._config.network
        logits = self._shards.map(Shard.logits, network, result.theta, **self._which)
        labels = self._labels
        rows = Dataset(
            np.concatenate(logits), labels.y, labels.y_encoded, labels.Y, labels.sample_weight
        )
        ones = np.ones(len(self._classes))
        evaluation = LocalEvaluationSet(rows, ones, self._config.scoring, self._name)
        return evaluation.score(result, estimator)


def _check_any_set_aside(config: TrainConfig, plans: Sequence[ShardPlan]) -> None:
    if not any(plan.validation_weight[1] for plan in plans):
        raise ValueError(
            "The validation set is too small. No shard has enough rows for "
            f"validation_fraction={config.validation_fraction!r} to set some aside, one of each "
            "class: increase it, lower n_shards or give X_val."
        )


def _check_rounds(rounds_per_epoch: int, fewest_rows: int) -> None:
    if rounds_per_epoch > fewest_rows:
        raise ValueError(
            f"rounds_per_epoch={rounds_per_epoch!r} is more than the rows of a shard: one has "
            f"{fewest_rows}. Lower it, or n_shards."
        )


def _warn_of_different_classes(totals: np.ndarray) -> None:
    """Warn if the class frequencies of a shard are far from those of all rows."""
    sums = totals.sum(axis=1, keepdims=True)
    totals, sums = totals[sums[:, 0] > 0], sums[sums[:, 0] > 0]
    distance = np.abs(totals / sums - totals.sum(axis=0) / sums.sum()).sum(axis=1) / 2
    if distance.max() > MAX_CLASS_DISTANCE:
        warn_user(
            f"Shard {int(distance.argmax())} of {len(totals)} has other classes than the whole: "
            "networks that are trained apart on such rows do not average well. Shuffle the rows "
            "before they are cut into partitions, or use solver='lbfgs', which is not affected."
        )

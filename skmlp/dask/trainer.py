"""Training on shards: preparation of a call of fit, rounds of local training, evaluation.

This code runs in the process that calls fit. The shards return summaries, sums, parameters and
gradients, whose size does not depend on the number of rows; only for a scikit-learn scorer do
they also return the labels and logits of the scored rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral
from time import perf_counter
from typing import Any

import numpy as np

from skmlp._errors import warn_user
from skmlp.core.averaging import average
from skmlp.core.encoding import Encoding
from skmlp.core.minibatch import EpochRecord
from skmlp.core.network import Network
from skmlp.core.objective import Objective
from skmlp.core.scaling import Scaling
from skmlp.core.temperature import find_inverse_temperature
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
from skmlp.data.bins import SAMPLE_ROWS, BinRule, merge_samples
from skmlp.data.layout import complete_layout, levels_of_counts
from skmlp.data.moments import Moments, has_gaps, merge_moments
from skmlp.data.scales import scaling_from_moments
from skmlp.data.weights import class_weights, rescale_for_sum
from skmlp.training.config import TrainConfig
from skmlp.training.evaluation import Evaluator, MakeEstimator, score_rows
from skmlp.training.local import check_any_rows
from skmlp.training.parameters import is_auto
from skmlp.training.state import FitResult, TrainState, draw_seed
from skmlp.training.trainer import Trainer, TrainingRun

__all__ = ["ShardedEvaluationSet", "ShardedSource", "sharded_trainer"]

MAX_CLASS_DISTANCE = 0.5  # total variation distance of class frequencies, shard to all rows
# Parameters that shards do not use: a callable or a RandomState may not be picklable.
UNUSED_BY_SHARDS: dict[str, Any] = {"random_state": None, "scoring": "loss", "schedule": "constant"}
Plans = Sequence[ShardPlan]


class ShardedSource:
    """Rows in shards, for the training of one network.

    An epoch of mini-batches consists of rounds. In a round, every shard trains a copy of the
    network on its own rows; then parameters and optimizer states are averaged (see
    `core.averaging`).

    Parameters
    ----------
    run : TrainingRun
    shards : Executor of Shard
    n_rows : ndarray of int of shape (n_shards,)
        Number of training rows of each shard.
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
        started, first = perf_counter(), epoch * self._per_epoch
        with np.errstate(all="ignore"):  # the record is checked instead, as in train_epoch
            rounds = [self._run_round(number) for number in range(first, first + self._per_epoch)]
            losses, rates = zip(*rounds, strict=True)
            loss = float(np.mean(losses))
        return [EpochRecord(loss, rates[-1], perf_counter() - started)]

    def _run_round(self, number: int) -> tuple[float, float]:
        """Train all shards for one round and average them; return loss and learning rate."""
        run, per_epoch = self._run, self._per_epoch
        state, n_rounds = run.state, run.n_epochs * per_epoch
        start = RoundSpec(
            state.theta, state.optimizer, run.schedule, number, n_rounds, per_epoch, self._seed
        )
        ends = self._shards.map(Shard.train_round, start)
        thetas, optimizers, losses, rates = zip(*ends, strict=True)
        theta, state.optimizer = average(thetas, optimizers, self._n_rows.tolist())
        np.copyto(state.theta, theta)
        return np.average(losses, weights=self._n_rows), rates[0]

    def value_and_grad(self, objective: Objective, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective over all shards and its gradient."""
        value, grad = 0.0, np.zeros(theta.shape)
        parts = self._shards.map(Shard.value_and_grad, objective, theta)
        for n_rows, (part, part_grad) in zip(self._n_rows, parts, strict=True):
            share = n_rows / self._n_rows.sum()
            value += share * part
            grad += share * part_grad
        return value, grad

    def restrict(self, runs: Sequence[TrainingRun]) -> None:
        """Do nothing: there is only one run."""


@dataclass(frozen=True, eq=False)
class ShardedColumns:
    """`ColumnStatistics` of rows in shards, merged from those of each shard.

    Parameters
    ----------
    stats : ShardStats
    plans : list of ShardPlan
        Also of shards all of whose rows are set aside; their gaps and categories count.
    shards : Executor of Shard
        Those with rows to train on.
    """

    stats: ShardStats
    plans: Plans
    shards: Executor

    def layout(self, min_frequency: float | None) -> Encoding:
        """Return gaps and levels, as `find_layout`."""
        gaps = np.unique(np.concatenate([plan.gaps for plan in self.plans]))
        code_counts = zip(*(plan.code_counts for plan in self.plans), strict=True)
        counts = [np.sum(of_column, axis=0) for of_column in code_counts]
        levels = levels_of_counts(counts, min_frequency) if counts else None
        return Encoding(np.zeros(self.stats.n_numeric), gaps, levels)

    def moments(self, layout: Encoding) -> Moments:
        """Return the Moments of the rows to train on."""
        return merge_moments(self.shards.map(Shard.moments, layout))

    def encoding(self, layout: Encoding, moments: Moments, rule: BinRule | None) -> Encoding:
        """Return a layout with centre and, with a rule, bins of samples of the shards."""
        samples = [plan.sample for plan in self.plans if plan.sample is not None]
        return complete_layout(layout, moments, rule, partial(merge_samples, samples))

    def scaling(self, moments: Moments, dtype: np.dtype) -> Scaling:
        """Return the `scaling_from_moments`."""
        return scaling_from_moments(moments, dtype, lambda: self.stats.max_abs)


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
        Training set.
    validation : ShardStats or None
        Validation set; if None, early stopping sets aside a part of each shard.
    rounds_per_epoch : int
        How often the shards' parameters are averaged in an epoch.
    start, history, make_estimator
        As in `local_trainer`.
    """
    state = TrainState.begin(config, start)
    totals = stats.class_totals_by_shard(classes)
    class_weight = class_weights(config.class_weight, classes, lambda: totals.sum(axis=0))
    common = _shard_config(config, classes, class_weight, state, stats, validation)
    shards = stats.take_shards().transform(training_shard, common)
    plans = shards.map(Shard.plan)
    n_rows = np.array([plan.n_rows for plan in plans])
    check_any_rows(config, int(n_rows.sum()))
    n_set_aside = sum(plan.n_validation for plan in plans)
    validated = validation is not None or n_set_aside > 0
    config = config.resolve_rows(int(n_rows.sum()), n_set_aside, validated)
    columns = ShardedColumns(stats, plans, shards.filter(n_rows > 0))
    plans, shards = [plan for plan in plans if plan.n_rows], columns.shards
    config = state.set_columns(config, columns)
    _update_weights(config, state, plans)
    shards = shards.transform(
        Shard.with_global_stats,
        replace(config, **UNUSED_BY_SHARDS),
        state.scaling,
        has_gaps(state.moments),
        state.mean_weight,
        state.prior,
    )
    n_rows = n_rows[n_rows > 0]
    if not config.full_batch:
        _check_rounds(config, rounds_per_epoch, n_rows.min())
        _warn_if_classes_differ(totals)
    seed = draw_seed(state.rng)
    evaluator = _evaluator(config, common, shards, plans, validation, make_estimator)
    largest = partial(getattr, stats, "max_abs")
    run = TrainingRun(config, state, history, class_weight, evaluator, largest)
    return Trainer(ShardedSource(run, shards, n_rows, rounds_per_epoch, seed), [run])


def _shard_config(
    config: TrainConfig,
    classes: np.ndarray,
    class_weight: np.ndarray,
    state: TrainState,
    stats: ShardStats,
    validation: ShardStats | None,
) -> ShardConfig:
    """Return the settings that are the same for all shards."""
    splits = validation is None and config.sets_rows_aside(stats.n_rows)
    fraction: Any = config.part_to_set_aside(stats.n_rows) if splits else None
    seed = state.get_split_seed() if splits else None
    is_count = isinstance(fraction, Integral)  # a number of rows of all shards
    if is_count:
        if not is_auto(config.early_stopping) and fraction >= stats.n_rows:
            raise ValueError(
                f"validation_fraction={fraction!r} must be less than the number of rows, "
                f"{stats.n_rows}."
            )
        fraction = min(fraction / stats.n_rows, 0.999)
    # Before some are set aside, there are at least as many rows, and so bins, as in training.
    rule = replace(config, n_rows=stats.n_rows, n_given=stats.n_rows).bin_rule
    has_bins = state.theta is None and rule.allows_bins
    config = replace(config, **UNUSED_BY_SHARDS, validation_fraction=fraction)
    return ShardConfig(
        config,
        classes,
        class_weight,
        seed,
        -(-SAMPLE_ROWS // len(stats.summaries)) if has_bins else 0,
    )


def _update_weights(config: TrainConfig, state: TrainState, plans: Plans) -> None:
    """Set mean weight and class frequencies of all rows to train on."""
    shares = np.array([plan.n_rows for plan in plans]) / config.n_rows
    means = np.array([plan.mean_weight for plan in plans])
    mean = float(shares @ means)  # a sum might overflow
    frequencies = (shares * (means / mean)) @ [plan.class_frequencies for plan in plans]
    state.update_weights(mean, config.n_rows, frequencies, restart=True)


def _evaluator(
    config: TrainConfig,
    common: ShardConfig,
    shards: Executor,
    plans: Plans,
    validation: ShardStats | None,
    make_estimator: MakeEstimator,
) -> Evaluator | None:
    """Return the evaluator of training and validation rows, if any."""
    classes, validation_set = common.classes, None
    if validation is not None:
        held_out = validation.take_shards().transform(validation_shard, common)
        held_out_plans = held_out.map(Shard.plan)
        validation_set = ShardedEvaluationSet(held_out, held_out_plans, config, classes, "X_val")
    elif common.split_seed is not None and config.early_stopping:
        if not any(plan.validation_weight[1] for plan in plans):
            raise ValueError(
                "The validation set is too small. No shard has enough rows for "
                f"validation_fraction={config.validation_fraction!r} to set some aside, one of "
                "each class: increase it, lower n_shards or give X_val."
            )
        name = "the rows set aside from X"
        validation_set = ShardedEvaluationSet(shards, plans, config, classes, name)
    return Evaluator.create(
        config,
        lambda: ShardedEvaluationSet(shards, plans, config, classes, "X", validation=False),
        validation_set,
        make_estimator,
    )


class ShardedEvaluationSet:
    """Rows in shards that are evaluated after each epoch, like `LocalEvaluationSet`.

    Parameters
    ----------
    shards : Executor of Shard
    plans : list of ShardPlan
    config : TrainConfig
    classes : ndarray of shape (n_classes,)
    name : str
        Name of the rows in messages.
    validation : bool, default=True
        Whether to evaluate the validation rows or a sample of the training rows.
    """

    def __init__(
        self,
        shards: Executor,
        plans: Plans,
        config: TrainConfig,
        classes: np.ndarray,
        name: str,
        *,
        validation: bool = True,
    ) -> None:
        self._options, self._config, self._classes = {"validation": validation}, config, classes
        self._name = name
        if validation:
            weights = np.array([plan.validation_weight for plan in plans])
        else:
            weights = np.array([(p.n_rows * p.mean_weight, p.score_weight) for p in plans])
        if not weights[:, 0].any():
            raise ValueError(f"class_weight gives every row of {name} the weight zero.")
        has_weight = weights[:, 1] > 0
        self._shards = shards.filter(has_weight)
        self._loss_weights, self._score_weights = weights[has_weight].T
        self._n_validation = sum(plan.n_validation for plan in plans)
        self._labels = (None, None) if config.monitors_loss else self._gather_labels()

    def _gather_labels(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Return labels and sample weights of the rows."""
        labels, weights = zip(*self._shards.map(Shard.labels, **self._options), strict=True)
        w = None if weights[0] is None else rescale_for_sum(np.concatenate(weights))
        return np.concatenate(labels), w

    def loss_and_accuracy(self, network: Network, theta: np.ndarray) -> tuple[float, float]:
        """Return the cross-entropy, without penalty and smoothing, and the accuracy."""
        pairs = self._shards.map(Shard.evaluate, network, theta, **self._options)
        losses, accuracies = zip(*pairs, strict=True)
        loss = np.average(losses, weights=self._loss_weights)
        return float(loss), float(np.average(accuracies, weights=self._score_weights))

    def inverse_temperature(self, network: Network, theta: np.ndarray, q: np.ndarray) -> float:
        """Return the inverse temperature, given class frequencies q: see `core.temperature`."""

        def derivative(b: float) -> float:
            method, n = Shard.temperature_derivative, self._n_validation
            parts = self._shards.map(method, network, theta, q, b, n)
            return float(np.average(parts, weights=self._loss_weights))

        return find_inverse_temperature(derivative)

    def scored_result(self, result: FitResult) -> FitResult:
        """Return an identity network: the estimator's input for scoring are logits, not X."""
        n_classes = len(self._classes)
        theta = np.append(np.eye(n_classes), np.zeros(n_classes)).astype(result.theta.dtype)
        architecture = (n_classes, n_classes), ()
        return result._replace(architecture=architecture, theta=theta, scaling=None, encoding=None)

    def score(self, result: FitResult, estimator: Any) -> float:
        """Return the score of the estimator made of `scored_result`, on the rows' logits."""
        network = self._config.network
        logits = self._shards.map(Shard.logits, network, result.theta, **self._options)
        scoring, X = self._config.scoring, np.concatenate(logits)
        return score_rows(scoring, estimator, X, *self._labels, self._name)


def _check_rounds(config: TrainConfig, rounds_per_epoch: int, fewest_rows: int) -> None:
    """Raise if a shard has fewer rows than rounds; warn if a batch has more rows than a round."""
    if rounds_per_epoch > fewest_rows:
        raise ValueError(
            f"rounds_per_epoch={rounds_per_epoch!r} is more than the rows of a shard: one has "
            f"{fewest_rows}. Lower it, or n_shards."
        )
    config.warn_if_clipped(fewest_rows // rounds_per_epoch)


def _warn_if_classes_differ(totals: np.ndarray) -> None:
    """Warn if the class frequencies of a shard are far from those of all rows."""
    sums = totals.sum(axis=1, keepdims=True)
    totals, sums = totals[sums[:, 0] > 0], sums[sums[:, 0] > 0]
    distance = np.abs(totals / sums - totals.sum(axis=0) / sums.sum()).sum(axis=1) / 2
    if distance.max() > MAX_CLASS_DISTANCE:
        warn_user(
            f"The class frequencies of shard {int(distance.argmax())} of {len(totals)} differ from "
            "those of all rows. Averaging networks that are trained on such shards gives poor "
            "results. Shuffle the rows before partitioning, or use solver='lbfgs', which is not "
            "affected."
        )

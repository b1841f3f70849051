"""One shard of the rows, and the computations on its worker.

Functions take a shard and return another shard or a small result: summaries, losses, gradients,
parameters. They do not modify their arguments, and random numbers come from a seed that is
passed in, so that a shard that is lost with its worker is recomputed with the same results.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import column_or_1d

from skmlp.core.encoding import Encoding
from skmlp.core.lbfgs import value_and_grad_over
from skmlp.core.levels import numbers_of
from skmlp.core.minibatch import MiniBatches, train_epoch
from skmlp.core.network import Network, Workspace
from skmlp.core.objective import Objective
from skmlp.core.scaling import Scaling
from skmlp.core.schedules import Schedule
from skmlp.dask.input import Block, ValidatedShard, check_block, check_same_kind, n_bytes
from skmlp.data.bins import RowSample, sample_rows
from skmlp.data.checks import check_label_values, check_targets, check_weights
from skmlp.data.dataset import Dataset, encode
from skmlp.data.layout import columns_with_gaps, count_codes, is_fraction
from skmlp.data.memmap import block_shuffle
from skmlp.data.moments import Moments, column_moments
from skmlp.data.splitting import MAX_SCORED_ROWS, split_if_possible, stratified_sample
from skmlp.data.weights import class_frequencies, divide_by_mean, mean_weight, row_weights
from skmlp.training.config import TrainConfig
from skmlp.training.evaluation import LocalEvaluationSet
from skmlp.training.inference import finite_outputs
from skmlp.training.local import FULL_BATCH_ROWS

__all__ = [
    "RoundSpec",
    "Shard",
    "ShardConfig",
    "ShardPlan",
    "count_correct",
    "training_shard",
    "validation_shard",
]


class ShardPlan(NamedTuple):
    """Numbers and weights of a shard's training and validation rows.

    Attributes
    ----------
    n_rows : int
        Number of training rows.
    mean_weight : float
        Their mean weight, sample weight times class weight.
    class_frequencies : ndarray of shape (n_classes,) or None
        Their class frequencies, weighted by the same weights. None if there are no rows.
    score_weight : float
        The sum of their sample weights; without weights, n_rows.
    gaps : ndarray of int
        Numeric columns with a gap in a row that is trained on or set aside.
    code_counts : list of ndarray
        How often each code occurs in these rows, weighted if `min_frequency` is a fraction.
    sample : RowSample or None
        Some of them, if the columns have bins.
    validation_weight : tuple of float
        The sums of the validation rows' weights in the loss and in the score.
    n_validation : int
        Their number.
    """

    n_rows: int
    mean_weight: float
    class_frequencies: np.ndarray | None
    score_weight: float
    gaps: np.ndarray
    code_counts: list[np.ndarray]
    sample: RowSample | None
    validation_weight: tuple[float, float]
    n_validation: int


@dataclass(frozen=True, eq=False)
class ShardConfig:
    """Settings that are the same for all shards.

    Attributes
    ----------
    config : TrainConfig
    classes : ndarray of shape (n_classes,)
    class_weight : ndarray of shape (n_classes,)
    split_seed : int or None
        Seed of the validation split; None for no split.
    n_sampled : int
        Rows that the bins of the columns are made of; 0 if there are none.
    """

    config: TrainConfig
    classes: np.ndarray
    class_weight: np.ndarray
    split_seed: int | None
    n_sampled: int


@dataclass(frozen=True, eq=False)
class RoundSpec:
    """The start of a round of local training, the same for every shard.

    Attributes
    ----------
    theta : ndarray of shape (n_params,)
    optimizer : dict
        The optimizer's state.
    schedule : callable (step, fraction) -> factor
    number, n_rounds, per_epoch : int
        Index of the round, number of rounds in this call of fit, and in an epoch.
    seed : int
    """

    theta: np.ndarray
    optimizer: dict[str, Any]
    schedule: Schedule
    number: int
    n_rounds: int
    per_epoch: int
    seed: int


def training_shard(shard: ValidatedShard, common: ShardConfig) -> "Shard":
    """Encode a shard for training, and split off its validation rows."""
    config = common.config
    dataset = encode(shard.rows, common.classes, config.theta_dtype)
    class_weight = None if config.class_weight is None else common.class_weight
    w, row_indices = row_weights(dataset, class_weight)
    held_out, counts = None, _count_gaps_and_codes(dataset, row_indices, config.level_rule)
    if common.split_seed is not None:
        fraction = config.validation_fraction
        row_indices, validation = split_if_possible(
            fraction, dataset, row_indices, common.split_seed
        )
        held_out = dataset.take(validation) if len(validation) else None
    return Shard(common, shard.number, dataset, row_indices, w, held_out, *counts)


def _count_gaps_and_codes(
    dataset: Dataset, rows: np.ndarray, min_frequency: float | None
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the columns with gaps in some rows, and how often each code occurs in them."""
    X, w = dataset.X, dataset.sample_weight
    numbers = numbers_of(X)
    gaps = columns_with_gaps(numbers, rows) if len(rows) else np.zeros(0, np.intp)
    if w is None or not is_fraction(min_frequency) or not len(rows):
        return gaps, count_codes(X, None, rows)
    total = w[rows].sum()
    return gaps, [total * shares for shares in count_codes(X, w, rows)]


def validation_shard(shard: ValidatedShard, common: ShardConfig) -> "Shard":
    """Encode a shard of a validation set; it has no training rows."""
    dataset = encode(shard.rows, common.classes, common.config.theta_dtype)
    return Shard(common, shard.number, dataset, np.arange(0), None, dataset)


@dataclass(frozen=True, eq=False)
class Shard:
    """Encoded rows of one worker.

    Attributes
    ----------
    common : ShardConfig
    number : int
        The shard's index.
    dataset : Dataset
    row_indices : ndarray of int
        The training rows.
    w : ndarray of shape (n,) or None
        Row weights, sample weight times class weight; after `with_global_stats`, divided by the
        mean over all shards and in the dtype of the parameters.
    held_out : Dataset or None
        The validation rows.
    gaps, code_counts
        As in ShardPlan.
    scaling : Scaling or None
    has_gaps : bool
        Whether a value may be missing in a row.
    share : float
        After `with_global_stats`, the share of the training rows of all shards.
    prior : ndarray of shape (n_classes,) or None
        After `with_global_stats`, the class frequencies of the training rows of all shards.
    """

    common: ShardConfig
    number: int
    dataset: Dataset
    row_indices: np.ndarray
    w: np.ndarray | None
    held_out: Dataset | None
    gaps: np.ndarray = field(default_factory=partial(np.zeros, 0, np.intp))
    code_counts: list[np.ndarray] = field(default_factory=list)
    scaling: Scaling | None = None
    has_gaps: bool = True
    share: float = 1.0
    prior: np.ndarray | None = None

    def __sizeof__(self) -> int:
        """Return the number of bytes, which Dask uses for scheduling."""
        return n_bytes(self.dataset.X, self.dataset.y_encoded, self.dataset.y, self.w)

    def plan(self) -> ShardPlan:
        """Return numbers and weights of the training and validation rows."""
        rows, w, held_out = self.row_indices, self.w, self.held_out
        sample_weight = self.dataset.sample_weight
        mean = 1.0 if w is None or not len(rows) else float(mean_weight(w[rows]))
        frequencies = class_frequencies(self.dataset, w, rows) if len(rows) else None
        total = float(len(rows) if sample_weight is None else sample_weight[rows].sum())
        totals, n_held_out = (0.0, 0.0), 0
        if held_out is not None:
            n_held_out = len(held_out.y_encoded)
            v = held_out.sample_weight
            v = np.ones(len(held_out.y_encoded)) if v is None else v
            totals = float(self.common.class_weight[held_out.y_encoded] @ v), float(v.sum())
        sample, n_sampled = None, self.common.n_sampled
        if n_sampled and len(rows):
            sample = sample_rows(self.dataset.X, sample_weight, rows, n_sampled)
        return ShardPlan(
            len(rows),
            mean,
            frequencies,
            total,
            self.gaps,
            self.code_counts,
            sample,
            totals,
            n_held_out,
        )

    def moments(self, layout: Encoding) -> Moments:
        """Return the Moments of the training rows, by the gaps and levels of a layout."""
        return column_moments(self.dataset.X, self.dataset.sample_weight, self.row_indices, layout)

    def with_global_stats(
        self,
        config: TrainConfig,
        scaling: Scaling | None,
        has_gaps: bool,
        mean: float,
        prior: np.ndarray,
    ) -> "Shard":
        """Return the shard with what is known of the rows of all shards.

        These are encoding, scaling, mean weight, prior, their number, and what depends on it.
        """
        n_here = len(self.dataset.y_encoded)
        w = divide_by_mean(self.w, mean, n_here, config.theta_dtype)
        share = len(self.row_indices) / config.n_rows
        common = replace(
            self.common,
            config=replace(
                self.common.config,
                layers=config.layers,
                n_given=config.n_given,
                encoding=config.encoding,
            ),
        )
        return replace(
            self,
            common=common,
            w=w,
            scaling=scaling,
            has_gaps=has_gaps,
            share=share,
            prior=prior,
        )

    def train_round(self, start: RoundSpec) -> tuple[np.ndarray, dict[str, Any], Any, Any]:
        """Train for one round; return theta, the optimizer's state, loss and learning rate."""
        config = replace(self.common.config, n_rows=len(self.row_indices))
        theta, optimizer = start.theta.copy(), copy.deepcopy(start.optimizer)
        batches = self._batches(self._order(start), config.requested_batch_size(config.n_rows))
        dropout = config.make_dropout(self._rng(start, 1, start.number))
        dropped = () if dropout is None else dropout.layers
        record = train_epoch(
            config.make_objective(),
            config.make_optimizer(),
            optimizer,
            batches,
            Workspace(config.network, theta, batches.batch_size, dropped_layers=dropped),
            learning_rate=float(config.learning_rate),
            schedule=start.schedule,
            epoch=start.number,  # a round is an epoch of train_epoch
            epochs=start.n_rounds,
            dropout=dropout,
        )
        return theta, optimizer, record.loss, record.learning_rate

    def _order(self, start: RoundSpec) -> np.ndarray:
        """Return the row indices of the round: one part of the epoch's order."""
        epoch, part = divmod(start.number, start.per_epoch)
        order = self.row_indices
        if self.common.config.shuffle:
            order = block_shuffle(self._rng(start, 0, epoch), self.dataset.X, order)
        return np.array_split(order, start.per_epoch)[part]

    def _rng(self, start: RoundSpec, purpose: int, index: int) -> np.random.Generator:
        return np.random.default_rng([purpose, start.seed, self.number, index])

    def _batches(self, order: np.ndarray, batch_size: int) -> MiniBatches:
        smoothing = float(self.common.config.label_smoothing)
        return MiniBatches(
            self.dataset.X,
            self.dataset.smoothed_targets(smoothing, self.prior),
            self.w,
            batch_size=batch_size,
            n_rows=len(order),
            dtype=self.common.config.theta_dtype,
            draw_order=lambda: order,
            scaling=self.scaling,
            encoding=self.common.config.encoding,
            has_gaps=self.has_gaps,
        )

    def value_and_grad(self, objective: Objective, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective over the shard's rows and its gradient."""
        batches = self._batches(self.row_indices, FULL_BATCH_ROWS)
        return value_and_grad_over(batches, objective, theta.copy())  # aligned

    def evaluate(
        self, network: Network, theta: np.ndarray, *, validation: bool
    ) -> tuple[float, float]:
        """Return loss and accuracy on the validation rows, or on a sample of the training rows."""
        return self._evaluation_set(validation).loss_and_accuracy(network, theta.copy())

    def temperature_derivative(
        self, network: Network, theta: np.ndarray, q: np.ndarray, b: float, n: int
    ) -> float:
        """Return `LocalEvaluationSet.temperature_derivative` of the validation rows."""
        rows = self._evaluation_set(validation=True)
        return rows.temperature_derivative(network, theta.copy(), q, n)(b)

    def _evaluation_set(self, validation: bool) -> LocalEvaluationSet:
        """Return the validation rows, or a sample of the training rows, to be evaluated."""
        dataset = self._evaluated(validation)
        name = "the validation rows" if validation else "X"
        weight = self.common.class_weight
        if not weight[dataset.y_encoded].any():  # the loss of this shard has weight 0
            weight = np.ones(len(weight))
        rows: LocalEvaluationSet = dataset.cached(
            name, lambda: LocalEvaluationSet(dataset, weight, "loss", name)
        )
        return rows

    def logits(self, network: Network, theta: np.ndarray, *, validation: bool) -> np.ndarray:
        """Return the logits of the rows of `evaluate`, for scorers."""
        return finite_outputs(network, theta.copy(), self._evaluated(validation).X)

    def labels(self, *, validation: bool) -> tuple[np.ndarray, np.ndarray | None]:
        """Return labels and sample weights or None of the rows of `evaluate`."""
        dataset = self._evaluated(validation)
        return dataset.y, dataset.sample_weight

    def _evaluated(self, validation: bool) -> Any:
        if validation:
            return self.held_out
        n_rows = max(ceil(self.share * MAX_SCORED_ROWS), 1)
        sample = partial(stratified_sample, self.dataset, self.row_indices, n_rows)
        return self.dataset.cached("sample", sample)


def count_correct(blocks: Sequence[Block], number: int, model: Any) -> tuple[float, float]:
    """Return the total weight of the rows that a model predicts correctly, and of all rows."""
    correct = total = 0.0
    for X, y, w in blocks:
        check_block(X, y, w)
        if X.shape[0]:
            check_label_values(y, is_part=True)
            y = column_or_1d(y)
            check_targets(y)
            check_same_kind(model.classes_, y)
            w = check_weights(w, X, "sample_weight", may_all_be_zero=True)
            right = model.predict(X) == y
            correct += float(right.sum() if w is None else w[right].sum())
            total += float(len(right) if w is None else w.sum())
    return correct, total

"""One shard of the rows, and the work that is done on its worker.

Each function takes a *shard*, in one memory, and returns another shard or something small:
summaries, losses, gradients, parameters. No function changes its arguments, and every random
number comes from a seed that is passed in, so that a shard that is lost with its worker can be
recomputed with the same results.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import column_or_1d

from skmlp.core.lbfgs import AllRows
from skmlp.core.minibatch import MiniBatches, train_epoch
from skmlp.core.network import Network, Workspace
from skmlp.core.objective import Objective
from skmlp.core.scaling import Scaling
from skmlp.core.schedules import Schedule
from skmlp.dask.input import ValidatedShard, check_block, check_same_kind, n_bytes
from skmlp.data.dataset import Dataset, encode
from skmlp.data.memmap import block_shuffle
from skmlp.data.moments import Moments, column_moments
from skmlp.data.splitting import MAX_SCORED_ROWS, split_rows, stratified_sample, validation_size
from skmlp.data.validation import check_targets, check_weights
from skmlp.data.weights import divide_by_mean, mean_weight, normalize_weights, row_weights
from skmlp.training.config import TrainConfig, requested_batch_size
from skmlp.training.evaluation import LocalEvaluationSet
from skmlp.training.inference import finite_logits
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
    """How a shard's rows are used.

    Attributes
    ----------
    n_rows : int
        Rows to train on.
    mean_weight : float
        Their mean weight, sample weight times class weight.
    score_weight : float
        The sum of their sample weights; without weights, n_rows.
    moments : Moments or None
        Of their columns, if they are to be standardized.
    validation_weight : tuple of float
        Of the rows to validate on: the sums of their weights in the loss, and in the score.
    """

    n_rows: int
    mean_weight: float
    score_weight: float
    moments: Moments | None
    validation_weight: tuple[float, float]


@dataclass(frozen=True, eq=False)
class ShardConfig:
    """What all shards of a training have in common.

    Attributes
    ----------
    config : TrainConfig
    classes : ndarray of shape (n_classes,)
    class_weight : ndarray of shape (n_classes,)
    split_seed : int or None
        Of the rows to set aside; None sets none aside.
    needs_moments : bool
        Whether the moments of the columns are to be computed.
    """

    config: TrainConfig
    classes: np.ndarray
    class_weight: np.ndarray
    split_seed: int | None
    needs_moments: bool


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
        Index of the round, number of rounds in this call, and in an epoch.
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
    """Return the Shard to train on."""
    config = common.config
    dtype, smoothing = config.theta_dtype, float(config.label_smoothing)
    dataset = encode(shard.rows, common.classes, dtype, smoothing)
    weighted = config.class_weight is not None
    w, row_indices = row_weights(dataset, common.class_weight if weighted else None)
    held_out = moments = None
    if common.split_seed is not None:
        row_indices, kept = _split(dataset, row_indices, common)
        held_out = dataset.take(kept) if len(kept) else None
    if common.needs_moments and len(row_indices):
        weights = dataset.sample_weight
        weights = None if weights is None else normalize_weights(weights, row_indices)
        moments = column_moments(dataset.X, weights, row_indices)
    return Shard(common, shard.number, dataset, row_indices, w, held_out, moments)


def validation_shard(shard: ValidatedShard, common: ShardConfig) -> "Shard":
    """Return the Shard to validate on, without rows to train on."""
    dataset = encode(shard.rows, common.classes, common.config.theta_dtype)
    return Shard(common, shard.number, dataset, np.arange(0), None, dataset, None)


def _split(
    dataset: Dataset, row_indices: np.ndarray, common: ShardConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Split rows as `split_rows` does, or less strictly where a shard is too small.

    The only row of a class is trained on. Of a shard with too few rows, none are set aside.
    """
    fraction = common.config.validation_fraction
    labels = dataset.y_encoded[row_indices]
    counts = np.bincount(labels, minlength=len(common.classes))
    single = counts[labels] == 1
    others, n_classes = row_indices[~single], int((counts > 1).sum())
    n_validation = validation_size(fraction, len(others), n_classes)
    if len(others) - n_validation < n_classes or not len(others):
        return row_indices, row_indices[:0]
    train, held_out = split_rows(fraction, dataset, others, common.split_seed)
    return np.union1d(train, row_indices[single]), held_out


@dataclass(frozen=True, eq=False)
class Shard:
    """Rows of one worker, as the core takes them.

    Attributes
    ----------
    common : ShardConfig
    number : int
        The shard's index.
    dataset : Dataset
    row_indices : ndarray of int
        The rows to train on.
    w : ndarray of shape (n,) or None
        Row weights, sample weight times class weight; after `with_global_stats`, over the mean
        of all shards and in the dtype of the parameters.
    held_out : Dataset or None
        Rows to validate on.
    moments : Moments or None
    scaling : Scaling or None
    share : float
        Of the rows to train on among those of all shards, after `with_global_stats`.
    """

    common: ShardConfig
    number: int
    dataset: Dataset
    row_indices: np.ndarray
    w: np.ndarray | None
    held_out: Dataset | None
    moments: Moments | None
    scaling: Scaling | None = None
    share: float = 1.0

    def __sizeof__(self) -> int:
        """Return the memory that it takes, by which Dask schedules work."""
        return n_bytes(self.dataset.X, self.dataset.y_encoded, self.dataset.y, self.w)

    def plan(self) -> ShardPlan:
        """Return how the rows are used."""
        rows, w, held_out = self.row_indices, self.w, self.held_out
        sample_weight = self.dataset.sample_weight
        mean = 1.0 if w is None or not len(rows) else float(mean_weight(w[rows]))
        total = float(len(rows) if sample_weight is None else sample_weight[rows].sum())
        totals = 0.0, 0.0
        if held_out is not None:
            v = held_out.sample_weight
            v = np.ones(len(held_out.y_encoded)) if v is None else v
            totals = float(self.common.class_weight[held_out.y_encoded] @ v), float(v.sum())
        return ShardPlan(len(rows), mean, total, self.moments, totals)

    def with_global_stats(self, scaling: Scaling | None, mean: float, n_rows: int) -> "Shard":
        """Return the shard to train on, given scaling, mean weight and number of all rows."""
        dtype, n_here = self.common.config.theta_dtype, len(self.dataset.y_encoded)
        w = divide_by_mean(self.w, mean, n_here, dtype)
        return replace(self, w=w, scaling=scaling, share=len(self.row_indices) / n_rows)

    def train_round(self, start: RoundSpec) -> tuple[np.ndarray, dict[str, Any], float, float]:
        """Train for a round; return theta, the optimizer's state, loss and learning rate."""
        config = self.common.config
        theta, optimizer = start.theta.copy(), copy.deepcopy(start.optimizer)
        batches = self._batches(self._order(start), requested_batch_size(config.batch_size))
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
            epoch=start.number,  # a round of these rows is an epoch of the core
            epochs=start.n_rounds,
            dropout=dropout,
        )
        return theta, optimizer, record.loss, record.learning_rate

    def _order(self, start: RoundSpec) -> np.ndarray:
        """Return the rows of the round: a part of the epoch's order."""
        epoch, part = divmod(start.number, start.per_epoch)
        order = self.row_indices
        if self.common.config.shuffle:
            order = block_shuffle(self._rng(start, 0, epoch), self.dataset.X, order)
        return np.array_split(order, start.per_epoch)[part]

    def _rng(self, start: RoundSpec, purpose: int, time: int) -> np.random.Generator:
        return np.random.default_rng([purpose, start.seed, self.number, time])

    def _batches(self, order: np.ndarray, batch_size: int) -> MiniBatches:
        return MiniBatches(
            self.dataset.X,
            self.dataset.Y,
            self.w,
            batch_size=batch_size,
            n_rows=len(order),
            dtype=self.common.config.theta_dtype,
            draw_order=lambda: order,
            scaling=self.scaling,
        )

    def value_and_grad(self, objective: Objective, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective over the shard's rows and its gradient, as `AllRows` does."""
        rows = AllRows(self._batches(self.row_indices, FULL_BATCH_ROWS))
        return rows.value_and_grad(objective, theta.copy())  # deserialized, it may be unaligned

    def evaluate(
        self, network: Network, theta: np.ndarray, *, validation: bool
    ) -> tuple[float, float]:
        """Return loss and accuracy on the rows to validate on, or on a sample of the others."""
        dataset = self._evaluated(validation)
        name = "the validation rows" if validation else "X"
        weight = self.common.class_weight
        if not weight[dataset.y_encoded].any():  # the loss has no weight among all shards
            weight = np.ones(len(weight))
        rows = dataset.cached(name, lambda: LocalEvaluationSet(dataset, weight, "loss", name))
        return rows.loss_and_accuracy(network, theta.copy())

    def logits(self, network: Network, theta: np.ndarray, *, validation: bool) -> np.ndarray:
        """Return the logits of the rows of `evaluate`, for scorers."""
        return finite_logits(network, theta.copy(), self._evaluated(validation).X)

    def labels(self, *, validation: bool) -> tuple[np.ndarray, np.ndarray | None]:
        """Return labels and sample weights or None of the rows of `evaluate`."""
        dataset = self._evaluated(validation)
        return dataset.y, dataset.sample_weight

    def _evaluated(self, validation: bool) -> Dataset:
        if validation:
            return self.held_out
        most = max(ceil(self.share * MAX_SCORED_ROWS), 1)
        return self.dataset.cached(
            "sample", lambda: stratified_sample(self.dataset, self.row_indices, most)
        )


def count_correct(
    blocks: Sequence[tuple[Any, Any, Any]], number: int, model: Any
) -> tuple[float, float]:
    """Return the weight of the rows that a fitted estimator predicts correctly, and of all."""
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

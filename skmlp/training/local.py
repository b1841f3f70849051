"""Training on rows in memory: the preparation of a call of fit, and its mini-batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from skmlp._errors import short_repr
from skmlp.core.encoding import Encoding
from skmlp.core.lbfgs import value_and_grad_over
from skmlp.core.minibatch import EpochRecord, MiniBatches, train_epoch
from skmlp.core.network import Workspace
from skmlp.core.objective import Objective
from skmlp.core.scaling import Scaling
from skmlp.data.bins import BinRule, sample_rows
from skmlp.data.checks import max_abs
from skmlp.data.dataset import Dataset, hash_indices
from skmlp.data.layout import complete_layout, find_layout
from skmlp.data.memmap import block_shuffle
from skmlp.data.moments import Moments, column_moments, has_gaps
from skmlp.data.scales import scaling_from_moments
from skmlp.data.splitting import (
    MAX_SCORED_ROWS,
    split_if_possible,
    split_rows,
    stratified_sample,
)
from skmlp.data.weights import (
    class_frequencies,
    class_totals,
    class_weights,
    divide_by_mean,
    mean_weight,
    row_weights,
)
from skmlp.training.config import TrainConfig
from skmlp.training.evaluation import Evaluator, LocalEvaluationSet, MakeEstimator
from skmlp.training.parameters import is_auto
from skmlp.training.state import TrainState
from skmlp.training.trainer import Trainer, TrainingRun

__all__ = ["FULL_BATCH_ROWS", "LocalSource", "check_any_rows", "local_trainer"]

MIN_SCORED_ROWS = 1000  # training rows scored in an epoch, if there are so many
FULL_BATCH_ROWS = 4096  # rows computed at once in a pass of L-BFGS over all rows


class LocalSource:
    """Rows in memory, for the training of one network.

    Parameters
    ----------
    run : TrainingRun
    dataset : Dataset
    row_indices : ndarray of int
        The rows to train on.
    w : ndarray of shape (n,) or None
        Row weights, of mean 1 over the rows to train on.

    Attributes
    ----------
    targets : OneHotTargets
        The smoothed targets of all rows of the dataset.
    batches : MiniBatches
    """

    def __init__(
        self, run: TrainingRun, dataset: Dataset, row_indices: np.ndarray, w: np.ndarray | None
    ) -> None:
        self.dataset, self.row_indices, self.w = dataset, row_indices, w
        self._run, config = run, run.config
        prior = None if config.smoothing_prior == "uniform" else run.state.prior
        self.targets = dataset.smoothed_targets(float(config.label_smoothing), prior)
        if config.full_batch:
            batch_size, draw_order = FULL_BATCH_ROWS, partial(np.asarray, row_indices)
        else:
            config.warn_if_clipped(len(row_indices))
            batch_size = config.requested_batch_size(len(row_indices))
            shuffled = partial(block_shuffle, run.state.rng, dataset.X)
            draw_order = partial(shuffled if config.shuffle else np.asarray, row_indices)
        self.batches = MiniBatches(
            dataset.X,
            self.targets,
            w,
            batch_size=batch_size,
            n_rows=len(row_indices),
            dtype=self.targets.dtype,
            draw_order=draw_order,
            scaling=run.state.scaling,
            encoding=run.state.encoding,
            has_gaps=has_gaps(run.state.moments),
        )
        self._learning_rate = float(config.learning_rate)
        self._work: Workspace | None = None

    def run_epoch(self, epoch: int) -> list[EpochRecord]:
        """Train for one epoch by mini-batches."""
        run = self._run
        assert run.optimizer is not None, "L-BFGS has no epochs of mini-batches"
        if self._work is None:  # made late, since many runs may wait for their turn
            dropped = () if run.dropout is None else run.dropout.layers
            self._work = Workspace(
                run.network, run.state.theta, self.batches.batch_size, dropped_layers=dropped
            )
        record = train_epoch(
            run.objective,
            run.optimizer,
            run.state.optimizer,
            self.batches,
            self._work,
            learning_rate=self._learning_rate,
            schedule=run.schedule,
            epoch=epoch,
            epochs=run.n_epochs,
            dropout=run.dropout,
        )
        return [record]

    def value_and_grad(self, objective: Objective, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective over all rows and its gradient."""
        if self._work is None or self._work.theta is not theta:
            self._work = Workspace(objective.network, theta, self.batches.batch_size)
        return value_and_grad_over(self.batches, objective, theta, self._work)

    def restrict(self, runs: Sequence[TrainingRun]) -> None:
        """Do nothing: a single run stops with its source."""


@dataclass(frozen=True, eq=False)
class LocalColumns:
    """`ColumnStatistics` of rows in memory, computed once for all networks with these rows.

    Parameters
    ----------
    dataset : Dataset
    rows : ndarray of int
        The rows to train on.
    layout_rows : ndarray of int
        Those whose gaps and categories count.
    """

    dataset: Dataset
    rows: np.ndarray
    layout_rows: np.ndarray

    def layout(self, min_frequency: float | None) -> Encoding:
        """Return gaps and levels, as `find_layout`."""
        find = partial(find_layout, *self._weighted, self.layout_rows, min_frequency)
        return self.dataset.cached(("layout", hash_indices(self.layout_rows), min_frequency), find)

    def moments(self, layout: Encoding) -> Moments:
        """Return the `column_moments`; of a layout, gaps and levels count, not centre and bins."""
        key = "moments", hash_indices(self.rows)
        compute = partial(column_moments, *self._weighted, self.rows, layout)
        return self.dataset.cached(key, compute, layout.gaps, layout.levels)

    def encoding(self, layout: Encoding, moments: Moments, rule: BinRule | None) -> Encoding:
        """Return a layout with centre and, with a rule, bins of the rows."""
        sample = partial(sample_rows, *self._weighted, self.rows)
        complete = partial(complete_layout, layout, moments, rule, sample)
        return self.dataset.cached(("encoding", rule), complete, layout, moments)

    def scaling(self, moments: Moments, dtype: np.dtype) -> Scaling:
        """Return the `scaling_from_moments`."""
        largest = partial(max_abs, self.dataset.X)
        make = partial(scaling_from_moments, moments, dtype, largest)
        return self.dataset.cached(("scaling", dtype), make, moments)

    @property
    def _weighted(self) -> tuple[Any, np.ndarray | None]:
        return self.dataset.X, self.dataset.sample_weight


def local_trainer(
    config: TrainConfig,
    classes: np.ndarray,
    dataset: Dataset,
    validation: Dataset | None = None,
    *,
    rows: np.ndarray | None = None,
    layout_rows: np.ndarray | None = None,
    start: TrainState | None = None,
    history: dict[str, list[float]] | None = None,
    make_estimator: MakeEstimator | None = None,
) -> "Trainer[LocalSource]":
    """Prepare a call of fit or partial_fit on rows in memory.

    Parameters
    ----------
    config : TrainConfig
        Resolved but for the number of rows.
    classes : ndarray of shape (n_classes,)
        The labels, which `class_weight` may name.
    dataset : Dataset
        The training set.
    validation : Dataset, default=None
        Rows to validate on. Without, early stopping sets some of the training rows aside.
    rows : ndarray of int, default=None
        Those of the training set that count, in ascending order; None for all.
    layout_rows : ndarray of int, default=None
        Those whose gaps and categories count; None for the training rows, with those set aside.
    start : TrainState, default=None
        Where to continue; it is copied. None starts with a new network.
    history : dict of str to list of float, default=None
        Of earlier calls.
    make_estimator : callable (FitResult) -> fitted estimator, default=None
        For scorers of scikit-learn; needed if one is used.
    """
    state = TrainState.begin(config, start)
    totals = partial(_class_totals, dataset, rows, len(classes))
    class_weight = class_weights(config.class_weight, classes, totals)
    w, row_indices = row_weights(dataset, None if config.class_weight is None else class_weight)
    if rows is not None:
        row_indices = np.intersect1d(row_indices, rows, assume_unique=True)
    check_any_rows(config, len(row_indices))
    layout_rows = row_indices if layout_rows is None else layout_rows
    name, n_set_aside = "X_val", 0
    if validation is None:
        name = "the rows set aside from X"
        row_indices, held_out = _set_aside(config, dataset, row_indices, state)
        n_set_aside = len(held_out)
        validation = dataset.take(held_out) if n_set_aside else None
    config = config.resolve_rows(
        len(row_indices),
        n_set_aside,
        validation is not None,
        partial(dataset.count_distinct, row_indices),
    )
    config = state.set_columns(config, LocalColumns(dataset, row_indices, layout_rows))
    w = _with_mean_1(config, state, dataset, row_indices, w)
    evaluation_set = partial(LocalEvaluationSet, class_weight=class_weight, scoring=config.scoring)
    evaluator = Evaluator.create(
        config,
        lambda: evaluation_set(_scored_rows(dataset, row_indices, validation), name="X"),
        None if validation is None else evaluation_set(validation, name=name),
        make_estimator,
    )
    largest = partial(max_abs, dataset.X)
    run = TrainingRun(config, state, history, class_weight, evaluator, largest)
    return Trainer(LocalSource(run, dataset, row_indices, w), [run])


def _class_totals(dataset: Dataset, rows: np.ndarray | None, n_classes: int) -> np.ndarray:
    """Return the sum of the sample weights of each class in some of the rows."""
    codes, w = dataset.y_encoded, dataset.sample_weight
    if rows is not None:
        codes, w = codes[rows], None if w is None else w[rows]
    return class_totals(codes, w, n_classes)


def _set_aside(
    config: TrainConfig, dataset: Dataset, row_indices: np.ndarray, state: TrainState
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to train on, and those that early stopping sets aside."""
    if not config.sets_rows_aside(len(row_indices)):
        return row_indices, row_indices[:0]
    split = split_if_possible if is_auto(config.early_stopping) else split_rows
    part = config.part_to_set_aside(len(row_indices))
    return split(part, dataset, row_indices, state.get_split_seed())


def _with_mean_1(
    config: TrainConfig,
    state: TrainState,
    dataset: Dataset,
    row_indices: np.ndarray,
    w: np.ndarray | None,
) -> np.ndarray | None:
    """Add the rows to the state's mean weight and class frequencies; return w over that mean."""
    mean = 1.0 if w is None else mean_weight(w[row_indices])
    frequencies = class_frequencies(dataset, w, row_indices)
    state.update_weights(mean, len(row_indices), frequencies, restart=config.cyclic)
    return divide_by_mean(w, state.mean_weight, row_indices.max() + 1, config.theta_dtype)


def _scored_rows(dataset: Dataset, row_indices: np.ndarray, validation: Dataset | None) -> Dataset:
    """Return the training rows to score in each epoch, about as many as validation rows."""
    n_rows = MAX_SCORED_ROWS
    if validation is not None:
        n_rows = min(max(len(validation.y_encoded), MIN_SCORED_ROWS), MAX_SCORED_ROWS)
    return stratified_sample(dataset, row_indices, n_rows)


def check_any_rows(config: TrainConfig, n_rows: int) -> None:
    """Raise if class weights have left no row to train on."""
    if not n_rows:
        raise ValueError(
            f"class_weight={short_repr(config.class_weight)} gives every row the weight zero."
        )

"""TrainState: what changes while a network trains. FitResult: what a call of fit returns."""

import copy
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
from sklearn.utils import check_random_state

from skmlp._errors import short_repr
from skmlp.core.encoding import Encoding
from skmlp.core.initializers import draw_rows, initial_theta
from skmlp.core.moving_average import AVERAGE, AveragedOptimizer
from skmlp.core.optimizers import Optimizer
from skmlp.core.patience import Patience
from skmlp.core.scaling import Scaling
from skmlp.core.schedules import Adaptive, Schedule
from skmlp.data.bins import BinRule
from skmlp.data.moments import Moments, merge_moments
from skmlp.data.weights import positive_frequencies
from skmlp.training.config import Architecture, TrainConfig

__all__ = ["ColumnStatistics", "FitResult", "TrainState", "draw_seed"]

# The statistics of a column are reliable if so many rows differ from its most frequent value.
# Streams whose rows are sorted ask for a small number, those with a column that varies late for a
# large one: of 100, 300, 1000, 3000 and infinity this loses least against scaling beforehand.
RELIABLE_ROWS = 300


class ColumnStatistics(Protocol):
    """What `TrainState.set_columns` asks of the rows of a call: statistics of their columns."""

    def layout(self, min_frequency: float | None) -> Encoding:
        """Return gaps and levels, as `find_layout`."""

    def moments(self, layout: Encoding) -> Moments:
        """Return the Moments of the rows to train on, as `column_moments`."""

    def encoding(self, layout: Encoding, moments: Moments, rule: BinRule | None) -> Encoding:
        """Return a layout with centre and, with a rule, new bins, as `complete_layout`."""

    def scaling(self, moments: Moments, dtype: np.dtype) -> Scaling:
        """Return the Scaling by Moments, as `scaling_from_moments`."""


@dataclass
class TrainState:
    """Parameters, optimizer state and random streams: all that is needed to continue bit for bit.

    Attributes
    ----------
    theta : ndarray of shape (n_params,)
        As trained: with standardized features, before the scaling is folded in.
    rng : RandomState
        For initial weights, the split and the order of the rows; by default made of
        `random_state` when training begins.
    init_rng : RandomState or None
        For the initial weights and the seed of dropout instead of rng, so that networks with the
        same rng, and so the same order of the rows, differ.
    scaling : Scaling or None
        Of standardized features.
    moments : Moments or None
        What scaling and centre are made of; None after reading a file, which has the scaling alone.
    encoding : Encoding or None
        Of the rows before they are standardized; but for the centre, that of the first call.
    optimizer : dict
        The optimizer's state; empty for L-BFGS.
    mean_weight, n_weighted : float, int
        The mean weight of so many rows: of all calls of partial_fit, or of the last fit.
    prior : ndarray of shape (n_classes,) or None
        The class frequencies of these rows, weighted. None if the state was pickled by a
        version that did not store them.
    split_seed : int or None
        Of the rows that early stopping sets aside.
    dropout_rng : numpy.random.Generator or None
    schedule : Adaptive or None
    patience : Patience or None
        Of the adaptive schedule.
    """

    theta: np.ndarray = None  # type: ignore[assignment]  # until `set_columns`
    rng: np.random.RandomState = None  # type: ignore[assignment]  # until `begin`
    init_rng: np.random.RandomState | None = None
    scaling: Scaling | None = None
    moments: Moments | None = None
    encoding: Encoding | None = None
    optimizer: dict[str, Any] = field(default_factory=dict)
    mean_weight: float = 0.0
    n_weighted: int = 0
    prior: np.ndarray | None = None
    split_seed: int | None = None
    dropout_rng: np.random.Generator | None = None
    schedule: Adaptive | None = None
    patience: Patience | None = None

    @classmethod
    def begin(cls, config: TrainConfig, start: "TrainState | None" = None) -> "TrainState":
        """Return a copy of start, or the state of a new network, whose weights are yet to come.

        A start without random stream and parameters is that of a new network as well.
        """
        start = cls() if start is None else start
        unchanged = {id(part): part for part in (start.scaling, start.moments, start.encoding)}
        state = copy.deepcopy(start, unchanged)
        if state.rng is None:
            state.rng = check_random_state(config.random_state)
        return state

    def set_columns(self, config: TrainConfig, columns: ColumnStatistics) -> TrainConfig:
        """Choose the encoding of a new network, update scaling and centre; return a configuration.

        theta is expressed in the features that are trained on: standardized or as they come. The
        weights of a new network are drawn here, since columns without spread do not count in
        their distribution.
        """
        before = self.moments
        config = self._set_encoding(config, columns)
        if not config.standardize:
            if self.scaling is not None:
                self.theta, self.optimizer = self.folded_theta(config), {}
                self.scaling = None
        # The scaling of a file is kept: the moments that it is of are not known.
        elif self.moments is not None and (self.scaling is None or before is not None):
            self._standardize(config, columns.scaling(self.moments, config.theta_dtype), before)
        if self.theta is None:
            self.theta = self._initial_theta(config)
        return config

    def _set_encoding(self, config: TrainConfig, columns: ColumnStatistics) -> TrainConfig:
        """Set moments and encoding: of the rows of a call in fit, of all rows in partial_fit."""
        layout, rule = self.encoding, None
        if layout is None:
            rule = config.bin_rule if self.theta is None else None
            layout = columns.layout(config.level_rule)
        if self.moments is None and self.scaling is not None and not config.cyclic:
            self.encoding = layout  # of a file, which has no moments to merge those of a call with
        else:
            moments, before = columns.moments(layout), self.moments
            if before is not None and not config.cyclic:
                moments = merge_moments([before, moments])
            self.moments = moments
            self.encoding = columns.encoding(layout, moments, rule)
        return replace(config, encoding=self.encoding)

    def _initial_theta(self, config: TrainConfig) -> np.ndarray:
        """Draw the parameters of a new network."""
        initializers, network = config.make_initializers(), config.network
        if network.n_params > np.iinfo(np.intp).max // config.theta_dtype.itemsize:
            raise ValueError(
                f"units={short_repr(config.units)} need more memory than any computer has."
            )
        has_spread = None if self.scaling is None else self.scaling.has_spread
        rng = self.init_rng or self.rng
        return initial_theta(network, initializers, rng, config.theta_dtype, has_spread)

    def _standardize(self, config: TrainConfig, new: Scaling, before: Moments | None) -> None:
        """Scale by the present moments, given those before this call."""
        if self.scaling is None:
            self.scaling = new
            if self.theta is not None:
                self.theta = new.unfold(config.network, self.averaged_theta)
                self.optimizer = {}
        elif not new.is_near(self.scaling):
            assert before is not None, "a scaling without moments is kept"
            self._change_scaling(config, new, before)

    def _change_scaling(self, config: TrainConfig, new: Scaling, before: Moments) -> None:
        """Replace the scaling, whose statistics are those of before.

        The network's function is kept; but in a stream, only in columns with reliable
        statistics. In others it is the weights of standardized columns that are kept: if a
        column has been seen in two rows, its scale may change by orders of magnitude, and its
        weights would with it. Columns that begin to vary get initial weights.
        """
        old, network, optimizer = self.scaling, config.network, config.make_optimizer()
        assert old is not None
        reliable = config.cyclic | (before.n * (1.0 - before.shares[0]) >= RELIABLE_ROWS)
        if reliable.any():
            for theta in self.thetas():
                old.refold(network, theta, new, reliable)
            for name, power in () if optimizer is None else optimizer.powers.items():
                if name in self.optimizer:
                    old.refold_gradient(network, self.optimizer[name], new, reliable, power)
        begins = new.has_spread & ~old.has_spread
        if begins.any():
            initializer, n_features = config.make_initializers()[0], len(begins)
            n_columns = int(new.has_spread.sum()) + network.n_inputs - n_features
            for theta in self.thetas():
                W = network.views(theta)[0][0][:n_features]
                # From a copy, so that a column that varies late changes no other random number.
                draw_rows(W, initializer, copy.deepcopy(self.rng), begins, n_columns)
        self.scaling = new

    def update_weights(
        self, mean: float, n_rows: int, frequencies: np.ndarray, *, restart: bool
    ) -> None:
        """Merge mean weight and class frequencies of n_rows; in partial_fit, with earlier calls'.

        Divided by the mean of each call, calls of light rows would count as much as calls of
        heavy ones.
        """
        if restart:
            self.mean_weight, self.n_weighted, self.prior = 0.0, 0, None
        self.n_weighted += n_rows
        share = n_rows / self.n_weighted
        self.mean_weight += (mean - self.mean_weight) * share
        share = min(share * (mean / self.mean_weight), 1.0)  # of the weight; sums might overflow
        prior = frequencies if self.prior is None else self.prior
        self.prior = prior + (frequencies - prior) * share

    def positive_prior(self) -> np.ndarray:
        """Return the `positive_frequencies` of the classes."""
        assert self.prior is not None, "set by update_weights"
        return positive_frequencies(self.prior, self.n_weighted)

    def continue_with(
        self, config: TrainConfig, optimizer: Optimizer | None, schedule: Schedule
    ) -> None:
        """Keep what an earlier call left if it is of the same kind, else begin anew.

        This is the optimizer's state, the random stream of dropout, and the factor and the patience
        of the adaptive schedule.
        """
        if self.dropout_rng is None and any(config.layers.dropout):
            self.dropout_rng = np.random.default_rng(draw_seed(self.init_rng or self.rng))
        if not isinstance(schedule, Adaptive):
            self.schedule = self.patience = None
        elif self.patience is None:
            self.schedule = schedule
            self.patience = Patience(config.n_iter_no_change, config.tol)
        else:
            self.patience.n_epochs, self.patience.tol = config.n_iter_no_change, config.tol
        averages = isinstance(optimizer, AveragedOptimizer)
        if not averages and AVERAGE in self.optimizer:
            self.theta = self.optimizer.pop(AVERAGE)
        if optimizer is None:
            self.optimizer = {}  # out of date after L-BFGS
            return
        if averages and self.optimizer:
            self.optimizer.setdefault(AVERAGE, self.theta.copy())
        if self.optimizer.keys() != optimizer.init(self.theta[:0]).keys():
            self.optimizer = optimizer.init(self.theta)

    def thetas(self) -> list[np.ndarray]:
        """Return the parameters and, if there is one, their average."""
        return [self.theta, *([self.optimizer[AVERAGE]] if AVERAGE in self.optimizer else [])]

    @property
    def averaged_theta(self) -> np.ndarray:
        """The average of the parameters or, without averaging, the parameters."""
        averaged: np.ndarray = self.optimizer.get(AVERAGE, self.theta)
        return averaged

    def get_split_seed(self) -> int:
        """Return the seed of the split, drawn in the first call only.

        Warm starts reuse the split so that validation rows are never trained on.
        """
        if self.split_seed is None:
            self.split_seed = draw_seed(self.rng)
        return self.split_seed

    def folded_theta(self, config: TrainConfig) -> np.ndarray:
        """Return the averaged parameters, to act on rows as they come; without scaling, no copy."""
        if self.scaling is None:
            return self.averaged_theta
        return self.scaling.fold(config.network, self.averaged_theta)


def draw_seed(rng: np.random.RandomState) -> int:
    """Draw a seed of another random stream."""
    return int(rng.randint(np.iinfo(np.int32).max))


class FitResult(NamedTuple):
    """What a call of fit returns.

    Attributes
    ----------
    architecture : tuple
        (layer_sizes, activations), what `build_network` takes.
    theta : ndarray of shape (n_params,)
        Parameters that act on rows as they come, with the temperature.
    history : dict of str to list of float
    stop_reason : str
    best_epoch : int or None
    class_weight : ndarray of shape (n_classes,) or None
    scaling : Scaling or None
    moments : Moments or None
        Of the columns, for a later partial_fit.
    encoding : Encoding or None
    state : TrainState or None
    temperature : float
        See `core.temperature`.
    """

    architecture: Architecture
    theta: np.ndarray
    history: dict[str, list[float]]
    stop_reason: str
    best_epoch: int | None = None
    class_weight: np.ndarray | None = None
    scaling: Scaling | None = None
    moments: Moments | None = None
    encoding: Encoding | None = None
    state: TrainState | None = None
    temperature: float = 1.0

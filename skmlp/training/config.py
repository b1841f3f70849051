"""TrainConfig: the validated parameters of a training, and the core objects made of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from math import exp, log2, prod
from typing import Any

import numpy as np

from skmlp._errors import invalid, short_repr, warn_user
from skmlp.core.activations import ACTIVATIONS
from skmlp.core.dropout import Dropout
from skmlp.core.encoding import Encoding
from skmlp.core.initializers import INITIALIZERS, Initializer
from skmlp.core.moving_average import AveragedOptimizer
from skmlp.core.network import Network
from skmlp.core.objective import Objective
from skmlp.core.optimizers import SGD, Adam, Optimizer
from skmlp.core.penalties import Penalty
from skmlp.core.schedules import CYCLIC, SCHEDULES, Adaptive, Schedule, fraction_schedule
from skmlp.data.bins import BinRule
from skmlp.training.parameters import LayerParameters, check_parameters, is_auto, uses_all_rows

__all__ = [
    "OPTIMIZERS",
    "Architecture",
    "TrainConfig",
    "build_network",
]

Architecture = tuple[tuple[int, ...], tuple[str, ...]]

# The values of "auto". The number of rows is few below MANY_ROWS, very few below MIN_SPLIT_ROWS.
MIN_SPLIT_ROWS, MANY_ROWS = 300, 1500
MAX_AUTO_ROWS = 10_000  # that early stopping sets aside
AUTO_BATCHES, AUTO_BATCH_SIZES = 64, (16, 128)  # in an epoch; the smallest and the largest batch
VERY_FEW_ROWS_BATCH = 64
AUTO_EPOCHS, MIN_AUTO_EPOCHS, AUTO_STEPS = 100, 5, 10_000  # as many steps at most
AUTO_ITERATIONS = 200  # of L-BFGS
FEW_ROWS_DROPOUT, VERY_FEW_ROWS_DROPOUT = (0.0, 0.3), (0.2, 0.5)  # of X, of hidden layers' outputs
MIN_DROPPED_UNITS = 50  # in every hidden layer; narrow layers are limited by their width
VERY_FEW_ROWS_L2 = 0.5  # l2 times the number of rows
MAX_AUTO_BINS, MIN_AUTO_BINS = 16, 3  # of a numeric column
ROWS_PER_BIN, MAX_ALL_BINS = 20, 512  # of all columns together

# relu and its relatives halve the variance, for which He's scale compensates. silu and gelu do so
# as well, but train better from smaller weights, those of the output layer included.
HE_ACTIVATIONS, LECUN_ACTIVATIONS = {"relu", "leaky_relu", "elu"}, {"silu", "gelu"}

# The solvers that train by mini-batches: a function TrainConfig -> optimizer by name.
OPTIMIZERS: dict[str, Callable[["TrainConfig"], Optimizer]] = {
    "sgd": lambda config: SGD(float(config.momentum), bool(config.nesterovs_momentum)),
    "adam": lambda config: Adam(float(config.beta_1), float(config.beta_2), float(config.epsilon)),
}


@dataclass(frozen=True, eq=False)
class TrainConfig:
    """What training has to know of the estimator's parameters and of the data's shape.

    The parameters have the names, and are kept as the values, that the estimator was given,
    so that messages can quote them; they are validated by `from_params`. What depends on the
    data is filled in, by `dataclasses.replace`, as soon as it is known. Properties and methods
    turn both into what the core takes.

    Attributes
    ----------
    units, activation, ..., verbose
        As in SoftmaxMLPClassifier.
    layers : LayerParameters
        Those that may be given by layer, for each layer.
    n_classes : int
        Size of the output layer.
    theta_dtype : dtype
        Of the parameters and of all computation.
    n_rows, n_given : int
        Rows to train on; and with those that early stopping sets aside.
    encoding : Encoding or None
        Of the rows; None until it is known.
    cyclic : bool
        Whether the schedule may run a cycle over the epochs of this call; not in partial_fit.
    smoothing_prior : {"frequencies", "uniform"}
        The prior of label smoothing. It is uniform in trainings that an earlier version began.
    """

    units: Any
    activation: Any
    init: str
    standardize: bool
    n_bins: Any
    min_frequency: Any
    l1: Any
    l2: Any
    dropout: Any
    label_smoothing: float
    class_weight: Any
    solver: str
    learning_rate: float
    schedule: Any
    momentum: float
    nesterovs_momentum: bool
    beta_1: float
    beta_2: float
    epsilon: float
    batch_size: Any
    epochs: Any
    shuffle: bool
    early_stopping: Any
    scoring: Any
    validation_fraction: Any
    n_iter_no_change: float
    tol: float
    averaging: float
    calibration: str | None
    dtype: str
    random_state: Any
    verbose: int
    layers: LayerParameters
    n_classes: int = 0
    theta_dtype: np.dtype = None  # type: ignore[assignment]  # until it is known
    n_rows: int = 0
    n_given: int = 0
    encoding: Encoding | None = None
    cyclic: bool = True
    smoothing_prior: str = "frequencies"

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "TrainConfig":
        """Return the configuration of constructor parameters.

        Parameters
        ----------
        params : mapping of str to object
            As of ``get_params(deep=False)``; parameters that training does not depend on are
            left out.

        Raises
        ------
        ValueError
            For an invalid parameter; it names the parameter, the value and what is accepted.
        """
        given = {f.name: params[f.name] for f in fields(cls) if f.name in params}
        return cls(**given, layers=check_parameters(params, OPTIMIZERS))

    @property
    def full_batch(self) -> bool:
        """Whether training is by L-BFGS over all rows at once, not by mini-batches."""
        return uses_all_rows(self.solver)

    @property
    def fits_by_batches(self) -> bool:
        """Whether this is a fit by mini-batches, not L-BFGS and not partial_fit."""
        return self.cyclic and not self.full_batch

    def sets_rows_aside(self, n_rows: int) -> bool:
        """Whether early stopping sets some of n_rows aside, given no validation set.

        Where `early_stopping` is "auto", it does not in partial_fit, with L-BFGS, and where the
        rows are so few that those set aside would cost more than they tell.
        """
        stops = self.early_stopping
        if is_auto(stops):
            stops = self.fits_by_batches and n_rows >= MIN_SPLIT_ROWS
        return bool(stops) and self.validation_fraction is not None

    def part_to_set_aside(self, n_rows: int) -> float:
        """Return `validation_fraction`; where `early_stopping` is "auto", 10,000 rows at most."""
        fraction = self.validation_fraction
        if is_auto(self.early_stopping) and fraction < 1 and fraction * n_rows > MAX_AUTO_ROWS:
            return MAX_AUTO_ROWS
        return float(fraction) if fraction < 1 else int(fraction)

    def resolve_rows(
        self,
        n_rows: int,
        n_set_aside: int,
        validated: bool,
        count_distinct: Callable[[], int] | None = None,
    ) -> "TrainConfig":
        """Return the configuration for n_rows to train on, with "auto" decided.

        Early stopping is on if there are validation rows. Few rows are trained on with dropout of
        wide layers, and very few with a penalty, by the number of rows that differ
        (`count_distinct`), so that a row of weight 2 is a row twice. None of it is used in
        partial_fit and with L-BFGS.
        """
        config = replace(self, n_rows=n_rows, n_given=n_rows + n_set_aside)
        if is_auto(self.early_stopping):
            config = replace(config, early_stopping=validated and self.fits_by_batches)
        if not self.fits_by_batches:
            return config
        layers, very_few = self.layers, config.has_very_few_rows
        is_wide = min(layers.units, default=0) >= MIN_DROPPED_UNITS
        if is_auto(self.dropout) and config.n_given < MANY_ROWS and is_wide:
            of_X, of_hidden = VERY_FEW_ROWS_DROPOUT if very_few else FEW_ROWS_DROPOUT
            layers = layers._replace(dropout=(of_X, *[of_hidden] * len(layers.units)))
        if is_auto(self.l2) and very_few:
            n_distinct = n_rows if count_distinct is None else count_distinct()
            layers = layers._replace(l2=(VERY_FEW_ROWS_L2 / n_distinct,) * len(layers.l2))
        return replace(config, layers=layers)

    @property
    def bin_rule(self) -> BinRule:
        """How many bins a numeric column gets.

        "auto" has none in partial_fit, with L-BFGS, without hidden layers (which is softmax
        regression) and with very few rows.
        """
        if not is_auto(self.n_bins):
            return BinRule(int(self.n_bins or 0))
        if not (self.fits_by_batches and self.layers.units) or self.has_very_few_rows:
            return BinRule(0)
        of_all = min(self.n_rows // ROWS_PER_BIN, MAX_ALL_BINS)
        return BinRule(MAX_AUTO_BINS, MIN_AUTO_BINS, of_all)

    @property
    def level_rule(self) -> float | None:
        """How often a category must occur to have a level of its own; None in partial_fit.

        The first call of partial_fit does not tell how often a category will occur.
        """
        if not self.cyclic:
            return None
        return 1 if self.min_frequency is None else self.min_frequency

    @property
    def monitors_loss(self) -> bool:
        """Whether early stopping watches the loss, not a score of scikit-learn's scorers."""
        return isinstance(self.scoring, str) and self.scoring == "loss"

    @property
    def architecture(self) -> Architecture:
        """What `build_network` takes: (layer_sizes, names of hidden activations)."""
        n_columns = 0 if self.encoding is None else self.encoding.n_columns
        return (n_columns, *self.layers.units, self.n_classes), self.layers.activations

    @cached_property
    def network(self) -> Network:
        """The network's shapes."""
        return build_network(*self.architecture, self.encoding)

    @property
    def n_epochs(self) -> int:
        """Epochs of a call of fit.

        "auto" is 100 epochs; fewer, but at least 5, if they have more than 10,000 steps.
        """
        if not is_auto(self.epochs):
            return int(self.epochs)
        if self.full_batch:
            return AUTO_ITERATIONS
        return max(MIN_AUTO_EPOCHS, round(min(AUTO_EPOCHS, AUTO_STEPS / self.steps_per_epoch)))

    @property
    def has_very_few_rows(self) -> bool:
        """Whether there are too few rows for early_stopping="auto" to set some aside."""
        return max(self.n_given, self.n_rows) < MIN_SPLIT_ROWS

    @property
    def steps_per_epoch(self) -> int:
        """Mini-batches of the rows, at least one."""
        return max(-(-self.n_rows // self.requested_batch_size(self.n_rows)), 1)

    @property
    def averages(self) -> bool:
        """Whether the moving average of the parameters is the result; not in partial_fit."""
        return float(self.averaging) > 0.0 and self.fits_by_batches

    def warn_if_clipped(self, n_rows: int) -> None:
        """Warn if the batch size is more than n_rows, to which MiniBatches clips it."""
        if not is_auto(self.batch_size) and self.batch_size > n_rows:
            warn_user(
                f"batch_size={self.batch_size} is larger than the number of rows to train on: it "
                f"is clipped to {n_rows}."
            )

    def requested_batch_size(self, n_rows: int) -> int:
        """Return the batch size that the parameter asks for; it may be more than n_rows.

        "auto" is a power of two near a 64th of the rows, and 64 for very few; in partial_fit,
        whose calls have few rows, it is the largest.
        """
        if not is_auto(self.batch_size):
            return int(self.batch_size)
        fewest, most = AUTO_BATCH_SIZES
        if not self.cyclic:
            return most
        if self.has_very_few_rows:
            return VERY_FEW_ROWS_BATCH
        return int(min(max(2 ** round(log2(n_rows / AUTO_BATCHES)), fewest), most))

    def requested_dtype(self, auto: Callable[[], np.dtype]) -> np.dtype:
        """Return the dtype of theta that the parameter asks for; ``auto()`` is that of the data."""
        return auto() if self.dtype == "auto" else np.dtype(self.dtype)

    def make_initializers(self) -> list[Initializer]:
        """Return the initializer of each layer."""
        activations = self.layers.activations
        if self.init != "auto":
            return [INITIALIZERS[self.init]] * (len(activations) + 1)
        names = [_auto_initializer(activation) for activation in activations]
        of_output = "lecun_normal" if names[-1:] == ["lecun_normal"] else "glorot_uniform"
        return [INITIALIZERS[name] for name in (*names, of_output)]

    def make_objective(self) -> Objective:
        """Return the objective: the loss of the network, and the penalties."""
        network = self.network
        l1, l2 = map(self._penalty_strength, (self.layers.l1, self.layers.l2))
        return Objective(network, Penalty(network.n_weights, l1, l2))

    def _penalty_strength(self, values: tuple[float, ...]) -> float | np.ndarray:
        """Return one float for all weights or, if layers differ, a vector (n_weights,)."""
        shapes = self.network.weight_shapes
        if len(set(values)) == 1:
            return values[0]
        return np.repeat(np.array(values, self.theta_dtype), [prod(shape) for shape in shapes])

    def make_optimizer(self) -> Optimizer | None:
        """Return the optimizer with its hyper-parameters; None for L-BFGS."""
        if self.full_batch:
            return None
        optimizer = OPTIMIZERS[self.solver](self)
        if not self.averages:
            return optimizer
        n_steps = float(self.averaging) * self.steps_per_epoch
        return AveragedOptimizer(optimizer, exp(-1.0 / n_steps))

    def make_schedule(self) -> Schedule:
        """Return the schedule (step, fraction) -> factor; outside of a cycle, 1 for cyclic ones."""
        if not self.cyclic and (callable(self.schedule) or self.schedule in CYCLIC):
            return SCHEDULES["constant"]
        if callable(self.schedule):
            return fraction_schedule(self.schedule)
        if self.schedule == "adaptive":
            return Adaptive()
        return SCHEDULES[self.schedule]

    def make_dropout(self, rng: np.random.Generator | None) -> Dropout | None:
        """Return the dropout that draws from rng; None without dropout."""
        if not any(self.layers.dropout):
            return None
        rngs = np.empty((), object)
        rngs[()] = rng
        # With very few rows, all rows are a batch: sample weights keep their meaning.
        return Dropout(self.layers.dropout, rngs, is_auto(self.dropout) and self.has_very_few_rows)

    def check_continues(self, architecture: Architecture, dtype: np.dtype) -> None:
        """Raise unless this is the configuration of an existing network.

        Parameters
        ----------
        architecture : tuple
            (layer_sizes, activations) of the network.
        dtype : dtype
            Of its parameters.
        """
        sizes, activations = architecture
        if (self.layers.units, self.layers.activations) != (sizes[1:-1], activations):
            raise ValueError(
                f"units={short_repr(self.units)} and activation={short_repr(self.activation)} "
                "describe another network than the existing one, which has layers "
                f"{short_repr(sizes)} and activations {short_repr(activations)}. Set "
                "warm_start=False and call fit to train a new network."
            )
        if self.dtype not in ("auto", dtype.name):
            accepted = f"'auto' or {dtype.name!r} to continue training"
            raise invalid("dtype", self.dtype, accepted)


def _auto_initializer(activation: str) -> str:
    """Return the name of the distribution of the weights before an activation."""
    if activation in HE_ACTIVATIONS:
        return "he_normal"
    return "lecun_normal" if activation in LECUN_ACTIVATIONS else "glorot_uniform"


def build_network(
    layer_sizes: tuple[int, ...],
    activations: tuple[str, ...],
    encoding: Encoding | None = None,
) -> Network:
    """Return the Network with these sizes, names of hidden activations and encoding of its rows."""
    return Network(layer_sizes, tuple(ACTIVATIONS[name] for name in activations), encoding)

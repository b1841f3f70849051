"""TrainState: what changes while a network trains. FitResult: what a call of fit returns."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from skmlp.core.initializers import initial_theta
from skmlp.core.optimizers import Optimizer
from skmlp.core.patience import Patience
from skmlp.core.scaling import Scaling
from skmlp.core.schedules import Adaptive, Schedule
from skmlp.training.config import Architecture, TrainConfig

__all__ = ["FitResult", "TrainState"]


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
    scaling : Scaling or None
        Of standardized features.
    optimizer : dict
        The optimizer's state; empty for L-BFGS.
    mean_weight, n_weighted : float, int
        The mean weight of so many rows: of all calls of partial_fit, or of the last fit.
    split_seed : int or None
        Of the rows that early stopping sets aside.
    dropout_rng : numpy.random.Generator or None
    schedule : Adaptive or None
    patience : Patience or None
        Of the adaptive schedule.
    """

    theta: np.ndarray = None  # type: ignore[assignment]  # until `set_scaling`
    rng: np.random.RandomState = None  # type: ignore[assignment]  # until `begin`
    scaling: Scaling | None = None
    optimizer: dict[str, Any] = field(default_factory=dict)
    mean_weight: float = 0.0
    n_weighted: int = 0
    split_seed: int | None = None
    dropout_rng: np.random.Generator | None = None
    schedule: Adaptive | None = None
    patience: Patience | None = None

    @classmethod
    def begin(cls, config: TrainConfig, start: "TrainState | None" = None) -> "TrainState":
        """Return a copy of start, or the state of a new network, whose weights are yet to come."""
        if start is not None:
            state = copy.deepcopy(start)
            if state.rng is None:
                state.rng = check_random_state(config.random_state)
            return state
        if config.network.n_params > np.iinfo(np.intp).max // config.theta_dtype.itemsize:
            raise ValueError(f"units={config.units!r} make a network that no memory can hold.")
        return cls(rng=check_random_state(config.random_state))

    def set_scaling(self, config: TrainConfig, compute: Callable[[], Scaling]) -> None:
        """Express theta in the features that are trained on: standardized or as they come.

        The weights of a new network are drawn here, since columns without spread do not count
        in their distribution.

        Parameters
        ----------
        config : TrainConfig
        compute : callable () -> Scaling
            Returns the scaling of the training rows.
        """
        if config.standardize and self.scaling is None:
            self.scaling = compute()
            if self.theta is not None:
                self.theta = self.scaling.unfold(config.network, self.theta)
                self.optimizer = {}
        elif self.scaling is not None and not config.standardize:
            self.theta, self.optimizer = self.scaling.fold(config.network, self.theta), {}
            self.scaling = None
        if self.theta is None:
            self.theta = initial_theta(
                config.network,
                config.make_initializers(),
                self.rng,
                config.theta_dtype,
                None if self.scaling is None else self.scaling.has_spread,
            )

    def update_mean_weight(self, mean: float, n_rows: int, *, restart: bool) -> None:
        """Merge the mean weight of n_rows; in partial_fit, with that of all earlier calls.

        Divided by the mean of each call, calls of light rows would count as much as calls of
        heavy ones.
        """
        if restart:
            self.mean_weight, self.n_weighted = 0.0, 0
        self.n_weighted += n_rows
        self.mean_weight += (mean - self.mean_weight) * (n_rows / self.n_weighted)

    def continue_with(
        self, config: TrainConfig, optimizer: Optimizer | None, schedule: Schedule
    ) -> None:
        """Keep what an earlier call left if it is of the same kind, else begin anew.

        This is the optimizer's state, and the factor and the patience of the adaptive schedule.
        """
        if not isinstance(schedule, Adaptive):
            self.schedule = self.patience = None
        elif self.patience is None:
            self.schedule = schedule
            self.patience = Patience(config.n_iter_no_change, config.tol)
        else:
            self.patience.n_epochs, self.patience.tol = config.n_iter_no_change, config.tol
        if optimizer is None:
            self.optimizer = {}  # out of date after L-BFGS
            return
        fresh = optimizer.init(self.theta)
        if self.optimizer.keys() != fresh.keys():
            self.optimizer = fresh
        if self.dropout_rng is None and any(config.layers.dropout):
            self.dropout_rng = np.random.default_rng(self.draw_seed())

    def draw_seed(self) -> int:
        """Draw a seed from the random stream."""
        return int(self.rng.randint(np.iinfo(np.int32).max))

    def get_split_seed(self) -> int:
        """Return the seed of the split, drawn in the first call only.

        Warm starts reuse the split so that validation rows are never trained on.
        """
        if self.split_seed is None:
            self.split_seed = self.draw_seed()
        return self.split_seed

    def folded_theta(self, config: TrainConfig) -> np.ndarray:
        """Return the parameters that act on rows as they come; without scaling, no copy."""
        if self.scaling is None:
            return self.theta
        return self.scaling.fold(config.network, self.theta)


class FitResult(NamedTuple):
    """What a call of fit returns.

    Attributes
    ----------
    architecture : tuple
        (layer_sizes, activations), what `build_network` takes.
    theta : ndarray of shape (n_params,)
        Parameters that act on rows as they come.
    history : dict of str to list of float
    stop_reason : str
    best_epoch : int or None
    class_weight : ndarray of shape (n_classes,) or None
    scaling : Scaling or None
    state : TrainState or None
    """

    architecture: Architecture
    theta: np.ndarray
    history: dict[str, list[float]]
    stop_reason: str
    best_epoch: int | None = None
    class_weight: np.ndarray | None = None
    scaling: Scaling | None = None
    state: TrainState | None = None

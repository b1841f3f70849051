"""Where training stands, and what it leaves."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from skmlp.core.scaling import Scaling
from skmlp.core.stopping import Patience

__all__ = ["Outcome", "Progress"]


@dataclass
class Progress:
    """Where training stands: all that is needed to go on bit for bit.

    Attributes
    ----------
    theta : ndarray of shape (n_params,)
        As trained: with standardized features, before they are folded in. None is to be
        drawn.
    rng : RandomState, default=None
        For initial weights, the split and the order of the rows. None is to be made of
        `random_state`.
    scaling : Scaling or None
        Of standardized features.
    optimizer : dict
        The optimizer's state.
    mean_weight, n_weighted : float, int
        The mean weight of so many rows of the calls of partial_fit, or of the last fit.
    split_seed : int or None
        Of the rows that early stopping sets aside.
    dropout_rng : numpy.random.Generator or None
    schedule : Adaptive or None
    patience : Patience or None
        Of the adaptive schedule.
    """

    theta: np.ndarray | None = None
    rng: np.random.RandomState | None = None
    scaling: Scaling | None = None
    optimizer: dict = field(default_factory=dict)
    mean_weight: float = 0.0
    n_weighted: int = 0
    split_seed: int | None = None
    dropout_rng: np.random.Generator | None = None
    schedule: object = None
    patience: Patience | None = None


class Outcome(NamedTuple):
    """What training leaves.

    Attributes
    ----------
    description : tuple
        (layer_sizes, activations), what `build_network` takes.
    theta : ndarray of shape (n_params,)
        Parameters that act on rows as they come.
    history : dict of str to list of float
    stop_reason : str
    best_epoch : int or None
    class_weight : ndarray of shape (n_classes,) or None
    scaling : Scaling or None
    progress : Progress or None
    """

    description: tuple
    theta: np.ndarray
    history: dict
    stop_reason: str
    best_epoch: int | None = None
    class_weight: np.ndarray | None = None
    scaling: Scaling | None = None
    progress: Progress | None = None

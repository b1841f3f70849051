"""Initial parameters: random weights by layer, biases zero.

=================  ===========================================  =====================
name               weight distribution                          source
=================  ===========================================  =====================
glorot_uniform     U(-r, r), r = sqrt(6 / (fan_in + fan_out))   Glorot & Bengio 2010
he_normal          N(0, 2 / fan_in)                             He et al. 2015
lecun_normal       N(0, 1 / fan_in)                             LeCun et al. 1998
standard_normal    N(0, 1)                                      the tutorial notebook
=================  ===========================================  =====================

Numbers are drawn in double precision for every dtype, W1 first, so that a seed gives the
same network in float32 and float64.
"""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike

from skmlp.core.network import Network

__all__ = [
    "INITIALIZERS",
    "Initializer",
    "RandomGenerator",
    "draw_rows",
    "initial_theta",
]

RandomGenerator = np.random.RandomState | np.random.Generator


class Initializer(Protocol):
    """A distribution of the weights of a layer."""

    def __call__(
        self, rng: RandomGenerator, fan_in: int, fan_out: int, n_rows: int | None = None
    ) -> np.ndarray:
        """Return weights (n_rows, fan_out) of a layer with fan_in inputs; of all by default."""


def _glorot_uniform(
    rng: RandomGenerator, fan_in: int, fan_out: int, n_rows: int | None = None
) -> np.ndarray:
    r = sqrt(6.0 / (fan_in + fan_out))
    return rng.uniform(-r, r, size=(n_rows or fan_in, fan_out))


def _normal(deviation: Callable[[int], float]) -> Initializer:
    """Return a normal distribution, given its standard deviation as a function of fan_in."""

    def draw(
        rng: RandomGenerator, fan_in: int, fan_out: int, n_rows: int | None = None
    ) -> np.ndarray:
        return rng.normal(0.0, deviation(fan_in), size=(n_rows or fan_in, fan_out))

    return draw


INITIALIZERS: dict[str, Initializer] = {
    "glorot_uniform": _glorot_uniform,
    "he_normal": _normal(lambda fan_in: sqrt(2.0 / fan_in)),
    "lecun_normal": _normal(lambda fan_in: sqrt(1.0 / fan_in)),
    "standard_normal": _normal(lambda fan_in: 1.0),
}


def initial_theta(
    network: Network,
    initializers: Sequence[Initializer],
    rng: RandomGenerator,
    dtype: DTypeLike,
    has_spread: np.ndarray | None = None,
) -> np.ndarray:
    """Return theta (n_params,), the weights of layer l drawn by initializers[l].

    With has_spread, a mask (n_features,) of the columns that vary, the weights of the others are
    0, and these columns neither count in the fan-in of the first layer nor use numbers of rng.
    The features of an encoding vary.
    """
    theta = np.zeros(network.n_params, dtype)
    weights, _ = network.views(theta)
    varies = np.ones(network.n_inputs, bool)
    if has_spread is not None:
        varies[: len(has_spread)] = has_spread
    draw_rows(weights[0], initializers[0], rng, varies, int(varies.sum()))
    for W, initializer in zip(weights[1:], initializers[1:], strict=True):
        W[...] = initializer(rng, *W.shape)
    return theta


def draw_rows(
    W: np.ndarray, initializer: Initializer, rng: RandomGenerator, rows: np.ndarray, fan_in: int
) -> None:
    """Draw the weights of some of the inputs of a layer, in place.

    Parameters
    ----------
    W : ndarray of shape (n_inputs, fan_out)
    initializer : Initializer
    rng : RandomState or Generator
    rows : ndarray of bool of shape (n_inputs,)
    fan_in : int
        The number of inputs that count in the distribution, at least that of the rows.
    """
    if rows.any():
        W[rows] = initializer(rng, fan_in, W.shape[1], int(rows.sum()))

"""Initial parameters: random weights by layer, biases zero.

=================  ===========================================  =====================
name               weight distribution                          source
=================  ===========================================  =====================
glorot_uniform     U(-r, r), r = sqrt(6 / (fan_in + fan_out))   Glorot & Bengio 2010
he_normal          N(0, 2 / fan_in)                             He et al. 2015
lecun_normal       N(0, 1 / fan_in)                             LeCun et al. 1998
standard_normal    N(0, 1)                                      the tutorial
=================  ===========================================  =====================

Numbers are drawn in double precision for every dtype, W1 first, so that a seed gives the
same network in float32 and float64.
"""

import copy
from collections.abc import Callable, Sequence
from math import sqrt

import numpy as np
from numpy.typing import DTypeLike

from skmlp.core.network import Network

__all__ = [
    "INITIALIZERS",
    "Initializer",
    "RandomGenerator",
    "draw_rows_without_spread",
    "initial_theta",
]

RandomGenerator = np.random.RandomState | np.random.Generator
Initializer = Callable[[RandomGenerator, int, int], np.ndarray]


def _glorot_uniform(rng: RandomGenerator, fan_in: int, fan_out: int) -> np.ndarray:
    r = sqrt(6.0 / (fan_in + fan_out))
    return rng.uniform(-r, r, size=(fan_in, fan_out))


def _he_normal(rng: RandomGenerator, fan_in: int, fan_out: int) -> np.ndarray:
    return rng.normal(0.0, sqrt(2.0 / fan_in), size=(fan_in, fan_out))


def _lecun_normal(rng: RandomGenerator, fan_in: int, fan_out: int) -> np.ndarray:
    return rng.normal(0.0, sqrt(1.0 / fan_in), size=(fan_in, fan_out))


def _standard_normal(rng: RandomGenerator, fan_in: int, fan_out: int) -> np.ndarray:
    return rng.normal(0.0, 1.0, size=(fan_in, fan_out))


INITIALIZERS: dict[str, Initializer] = {
    "glorot_uniform": _glorot_uniform,
    "he_normal": _he_normal,
    "lecun_normal": _lecun_normal,
    "standard_normal": _standard_normal,
}


def initial_theta(
    network: Network,
    initializers: Sequence[Initializer],
    rng: RandomGenerator,
    dtype: DTypeLike,
    has_spread: np.ndarray | None = None,
) -> np.ndarray:
    """Return theta (n_params,), the weights of layer l drawn by initializers[l].

    With has_spread, a mask (n_features,) of the columns that vary, the others neither count in
    the fan-in of the first layer nor use numbers of rng: their weights are those of
    `draw_rows_without_spread`.
    """
    theta = np.zeros(network.n_params, dtype)
    weights, _ = network.views(theta)
    if has_spread is None:
        has_spread = np.ones(len(weights[0]), bool)
    for layer, (W, initializer) in enumerate(zip(weights, initializers, strict=True)):
        rows = has_spread if layer == 0 else np.ones(len(W), bool)
        if rows.any():
            W[rows] = initializer(rng, int(rows.sum()), W.shape[1])
    draw_rows_without_spread(weights[0], initializers[0], rng, has_spread)
    return theta


def draw_rows_without_spread(
    W: np.ndarray, initializer: Initializer, rng: RandomGenerator, has_spread: np.ndarray
) -> None:
    """Draw the rows of W (n_features, fan_out) of columns that do not vary, in place.

    They have the distribution of the others, and act when the column begins to vary. They are
    drawn from a copy of rng, so that such a column changes nothing else.
    """
    n_spread, n_others = int(has_spread.sum()), int((~has_spread).sum())
    if n_others:
        fan_in, rng = max(1, n_spread), copy.deepcopy(rng)
        n_draws = -(-n_others // fan_in)
        drawn = [initializer(rng, fan_in, W.shape[1]) for _ in range(n_draws)]
        W[~has_spread] = np.concatenate(drawn)[:n_others]

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

from collections.abc import Callable, Sequence
from math import sqrt

import numpy as np
from numpy.typing import DTypeLike

from skmlp.core.network import Network

__all__ = ["INITIALIZERS", "Initializer", "RandomGenerator", "initial_theta"]

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
    network: Network, initializers: Sequence[Initializer], rng: RandomGenerator, dtype: DTypeLike
) -> np.ndarray:
    """Return theta (n_params,), the weights of layer l drawn by initializers[l]."""
    theta = np.zeros(network.n_params, dtype)
    weights, _ = network.views(theta)
    for W, initializer in zip(weights, initializers, strict=True):
        W[...] = initializer(rng, *W.shape)
    return theta

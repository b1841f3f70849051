"""Activation functions: each f next to its derivative f'.

The forward pass of a hidden layer computes ``A = f(Z)``, the backward pass turns ``dJ/dA``
into ``delta = dJ/dZ = dJ/dA * f'(Z)``. Both work in place: ``forward(Z, A)`` writes f(Z) to A,
``backward(delta, Z, A)`` multiplies delta by f'(Z) and may use Z and A, which are not needed
afterwards, as scratch. Z and A are the same array unless ``keeps_Z`` is true; even then,
forward may replace Z by an intermediate result that backward needs.
"""

from collections.abc import Callable
from functools import lru_cache
from math import pi, sqrt
from typing import NamedTuple

import numpy as np

__all__ = ["ACTIVATIONS", "Activation"]


class Activation(NamedTuple):
    """An activation function and its derivative.

    Attributes
    ----------
    forward : callable (Z, A) -> None
        Writes f(Z) to A.
    backward : callable (delta, Z, A) -> None
        Multiplies delta by f'(Z).
    keeps_Z : bool
        Whether Z and A have to be two arrays.
    """

    forward: Callable[[np.ndarray, np.ndarray], None]
    backward: Callable[[np.ndarray, np.ndarray, np.ndarray], None]
    keeps_Z: bool = False


@lru_cache
def _zeros(n: int, dtype: np.dtype) -> np.ndarray:
    """Return a cached row of n zeros.

    np.maximum and np.minimum are three times as fast with a row as with a scalar.
    """
    zeros = np.zeros(n, dtype)
    zeros.flags.writeable = False
    return zeros


def _identity(Z: np.ndarray, A: np.ndarray) -> None:
    """f(z) = z."""


def _identity_backward(delta: np.ndarray, Z: np.ndarray, A: np.ndarray) -> None:
    """f'(z) = 1."""


def _logistic(Z: np.ndarray, A: np.ndarray) -> None:
    """f(z) = 1 / (1 + exp(-z)).

    Where exp overflows, f is 0, the correct limit; ``(1 + tanh(z/2)) / 2`` does not overflow
    but takes twice as long.
    """
    np.negative(Z, out=A)
    np.exp(A, out=A)
    A += 1.0
    np.reciprocal(A, out=A)


def _logistic_backward(delta: np.ndarray, Z: np.ndarray, A: np.ndarray) -> None:
    """f' = A (1 - A)."""
    delta *= A
    np.subtract(1.0, A, out=A)
    delta *= A


def _tanh(Z: np.ndarray, A: np.ndarray) -> None:
    """f(z) = tanh(z)."""
    np.tanh(Z, out=A)


def _tanh_backward(delta: np.ndarray, Z: np.ndarray, A: np.ndarray) -> None:
    """f' = 1 - A^2."""
    A *= A
    np.subtract(1.0, A, out=A)
    delta *= A


def _relu(Z: np.ndarray, A: np.ndarray) -> None:
    """f(z) = max(z, 0)."""
    np.maximum(Z, _zeros(Z.shape[-1], Z.dtype), out=A)


def _relu_backward(delta: np.ndarray, Z: np.ndarray, A: np.ndarray) -> None:
    """f' = 1 where A > 0, else 0 (also at z = 0)."""
    np.greater(A, 0.0, out=A)
    delta *= A


LEAKY_SLOPE = 0.01


def _leaky_relu(Z: np.ndarray, A: np.ndarray) -> None:
    """f(z) = z if z > 0 else 0.01 z = max(z, 0.01 z) (Maas et al. 2013)."""
    np.multiply(Z, LEAKY_SLOPE, out=A)
    np.maximum(Z, A, out=A)


def _leaky_relu_backward(delta: np.ndarray, Z: np.ndarray, A: np.ndarray) -> None:
    """f' = 1 if z > 0 else 0.01."""
    np.greater(Z, 0.0, out=Z)
    Z *= 1.0 - LEAKY_SLOPE
    Z += LEAKY_SLOPE
    delta *= Z


def _elu(Z: np.ndarray, A: np.ndarray) -> None:
    """f(z) = max(z, 0) + exp(min(z, 0)) - 1 (Clevert et al. 2016, arXiv:1511.07289)."""
    zeros = _zeros(Z.shape[-1], Z.dtype)
    np.minimum(Z, zeros, out=A)
    np.exp(A, out=A)
    A -= 1.0
    np.maximum(Z, zeros, out=Z)
    A += Z


def _elu_backward(delta: np.ndarray, Z: np.ndarray, A: np.ndarray) -> None:
    """f' = 1 if A > 0 else A + 1."""
    np.minimum(A, _zeros(A.shape[-1], A.dtype), out=A)
    A += 1.0
    delta *= A


def _silu(Z: np.ndarray, A: np.ndarray) -> None:
    """f(z) = z s(z), s the logistic function (Elfwing et al. 2018, arXiv:1702.03118).

    Z is replaced by s, which backward needs.
    """
    np.copyto(A, Z)
    _logistic(Z, Z)
    A *= Z


def _silu_backward(delta: np.ndarray, Z: np.ndarray, A: np.ndarray) -> None:
    """f' = s + A (1 - s) = 1 - (1 - s) (1 - A)."""
    np.subtract(1.0, Z, out=Z)
    np.subtract(1.0, A, out=A)
    Z *= A
    np.subtract(1.0, Z, out=Z)
    delta *= Z


GELU_SCALE, GELU_CUBIC = sqrt(2.0 / pi), 0.044715


def _gelu_argument(Z: np.ndarray, A: np.ndarray) -> None:
    """A = u(z) = c (z + 0.044715 z^3), c = sqrt(2 / pi)."""
    np.multiply(Z, Z, out=A)
    A *= GELU_SCALE * GELU_CUBIC
    A += GELU_SCALE
    A *= Z


def _gelu(Z: np.ndarray, A: np.ndarray) -> None:
    """f(z) = z (1 + tanh u) / 2, the tanh form of Hendrycks & Gimpel, arXiv:1606.08415."""
    _gelu_argument(Z, A)
    np.tanh(A, out=A)
    A += 1.0
    A *= Z
    A *= 0.5


def _gelu_backward(delta: np.ndarray, Z: np.ndarray, A: np.ndarray) -> None:
    """f' = (1 + t) (1/2 + (1 - t) z u'/2), t = tanh u; since z u' = 3 u - 2 c z."""
    _gelu_argument(Z, A)
    Z *= -GELU_SCALE / 1.5
    Z += A
    Z *= 1.5
    np.tanh(A, out=A)
    np.subtract(1.0, A, out=A)
    Z *= A
    Z += 0.5
    np.subtract(2.0, A, out=A)
    Z *= A
    delta *= Z


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(_identity, _identity_backward),
    "logistic": Activation(_logistic, _logistic_backward),
    "tanh": Activation(_tanh, _tanh_backward),
    "relu": Activation(_relu, _relu_backward),
    "leaky_relu": Activation(_leaky_relu, _leaky_relu_backward, keeps_Z=True),
    "elu": Activation(_elu, _elu_backward, keeps_Z=True),
    "silu": Activation(_silu, _silu_backward, keeps_Z=True),
    "gelu": Activation(_gelu, _gelu_backward, keeps_Z=True),
}

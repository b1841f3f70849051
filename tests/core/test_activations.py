"""Activations and their derivatives."""

import numpy as np
import pytest
from scipy import special

from skmlp.core.activations import ACTIVATIONS

Z = np.concatenate([np.linspace(-8, 8, 65), [-1e-3, 1e-3]])

BY_SCIPY = {
    "identity": lambda z: z,
    "logistic": special.expit,
    "tanh": np.tanh,
    "relu": lambda z: np.where(z > 0, z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, special.expm1(np.minimum(z, 0))),
    "silu": lambda z: z * special.expit(z),
    "gelu": lambda z: z * special.ndtr(z),
}


def apply(name, z):
    """Return f(z) and f'(z), computed by the in-place functions of the core."""
    f = ACTIVATIONS[name]
    Z = np.array(z, copy=True)
    A = np.empty_like(Z) if f.keeps_Z else Z
    f.forward(Z, A)
    value, slope = A.copy(), np.ones_like(Z)
    f.backward(slope, Z, A)
    return value, slope


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_value_equals_scipy(name):
    # The tanh form of gelu differs from z Phi(z) by up to 5e-4 (Hendrycks & Gimpel).
    atol = 1e-3 if name == "gelu" else 1e-15
    np.testing.assert_allclose(apply(name, Z)[0], BY_SCIPY[name](Z), rtol=1e-12, atol=atol)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slope_equals_central_differences(name):
    z, h = Z[Z != 0], 1e-5  # relu and similar functions have no derivative at 0
    numeric = (apply(name, z + h)[0] - apply(name, z - h)[0]) / (2 * h)
    np.testing.assert_allclose(apply(name, z)[1], numeric, atol=1e-9)


def test_relu_has_slope_0_at_0():
    assert apply("relu", np.zeros(1))[1] == 0


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_arguments_give_finite_values(name, dtype):
    huge = np.array([-1e4, -100, 0, 100, 1e4], dtype)
    with np.errstate(over="ignore", invalid="raise"):  # exp may overflow in intermediate results
        value, slope = apply(name, huge)
    assert value.dtype == slope.dtype == dtype
    np.testing.assert_allclose(value, BY_SCIPY[name](huge), rtol=1e-6, atol=1e-6)
    assert np.isfinite(slope).all()

"""L1 and L2 penalties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from skmlp.core.penalties import Penalty

floats = st.floats(-5, 5)
strengths = st.floats(0, 2)


def test_value_and_gradient():
    theta, grad = np.array([1.0, -2.0, 3.0, 100.0]), np.zeros(4)
    value = Penalty(n_weights=3, l1=0.5, l2=0.1).add_gradient(theta, grad, np.empty(4))
    assert value == pytest.approx(0.5 * 6 + 0.05 * 14)
    np.testing.assert_allclose(grad, [0.1, -0.2, 0.3, 0])  # without l1


def test_strengths_are_0_by_default():
    theta, grad = np.array([1.0, -2.0, 3.0]), np.zeros(3)
    penalty = Penalty(n_weights=2)
    assert penalty.add_gradient(theta, grad, np.empty(3)) == 0
    assert not grad.any()
    assert not penalty.has_l1
    assert not penalty.has_l2


@given(floats, strengths, st.floats(0.01, 2))
def test_prox_l1_minimizes_the_proximal_objective(weight, l1, step_size):
    def moreau(w):
        return 0.5 * (w - weight) ** 2 + step_size * l1 * abs(w)

    theta, out = np.array([weight, 7.0]), np.empty(2)
    Penalty(n_weights=1, l1=l1).prox_l1(theta, step_size, out)
    assert moreau(theta[0]) <= minimize_scalar(moreau, bounds=(-6, 6)).fun + 1e-9
    assert theta[1] == 7
    np.testing.assert_allclose(theta + out, [weight, 7])


def test_prox_l1_gives_exact_zeros():
    theta = np.array([0.3, -0.3, 0.5, -0.5])
    Penalty(n_weights=4, l1=0.4).prox_l1(theta, 1.0, np.empty(4))
    np.testing.assert_allclose(theta, [0, 0, 0.1, -0.1])
    assert (theta[:2] == 0).all()


def test_strengths_per_network_and_steps_per_weight(rng):
    theta, step_size = rng.randn(6, 5), rng.rand(6, 5)
    l1, l2 = rng.rand(6, 1), rng.rand(6, 1)
    grad, shrunk, out = np.zeros((6, 5)), theta.copy(), np.empty((6, 5))
    values = Penalty(4, l1, l2).add_gradient(theta, grad, out)
    Penalty(4, l1, l2).prox_l1(shrunk, step_size.copy(), out)
    for i in range(6):
        solo, solo_grad, solo_theta = Penalty(4, l1[i, 0], l2[i, 0]), np.zeros(5), theta[i].copy()
        assert values[i] == pytest.approx(solo.add_gradient(theta[i], solo_grad, out[i]))
        solo.prox_l1(solo_theta, step_size[i], np.empty(5))
        np.testing.assert_allclose(grad[i], solo_grad)
        np.testing.assert_allclose(shrunk[i], solo_theta)


@pytest.mark.parametrize("lead", [(), (6,)])
@pytest.mark.parametrize("l1", ["none", "one", "each weight", "each network"])
@pytest.mark.parametrize("l2", ["none", "one", "each weight", "each network"])
def test_strengths_of_any_shape(rng, lead, l1, l2):
    shapes = {"none": None, "one": (), "each weight": (4,), "each network": (*lead, 1)}
    l1, l2 = (0.0 if shapes[of] is None else 0.1 + rng.rand(*shapes[of]) for of in (l1, l2))
    theta, grad = rng.randn(*lead, 7), np.zeros((*lead, 7))
    W = theta[..., :4]
    value = Penalty(n_weights=4, l1=l1, l2=l2).add_gradient(theta, grad, np.empty_like(theta))
    expected = (l1 * np.abs(W) + 0.5 * l2 * W**2).sum(axis=-1)
    np.testing.assert_allclose(value, expected, atol=1e-14)
    np.testing.assert_allclose(grad[..., :4], l2 * W)
    assert not grad[..., 4:].any()

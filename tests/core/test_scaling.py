"""Standardization of columns, and its folding into the first layer."""

import numpy as np
import pytest

from skmlp.core.scaling import Scaling
from tests.core.problems import network, objective, one_hot, outputs


@pytest.mark.parametrize("centred", [True, False])
def test_folded_network_equals_scaled_rows(rng, centred):
    net, X = network(4, 5, 3), rng.randn(10, 4) * 7 + 3
    scaling = Scaling(rng.rand(4) if centred else None, 0.5 + rng.rand(4))
    theta, scaled = rng.randn(net.n_params), np.empty_like(X)
    scaling.apply(X, scaled)
    folded = scaling.fold(net, theta)
    np.testing.assert_allclose(outputs(net, folded, X), outputs(net, theta, scaled), atol=1e-12)
    np.testing.assert_allclose(scaling.unfold(net, folded), theta, atol=1e-13)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, bool])
@pytest.mark.parametrize("centred", [False, True])
def test_integers_are_scaled_to_floats(kind, centred):
    X, out = np.arange(6).reshape(3, 2).astype(kind), np.empty((3, 2), np.float32)
    mean = np.array([0.5, 1.5], np.float32) if centred else None
    scaled = Scaling(mean, np.array([2.0, 4.0], np.float32)).apply(X, out)
    assert scaled is out
    expected = (X.astype(float) - ([0.5, 1.5] if centred else 0)) / [2, 4]
    np.testing.assert_allclose(out, expected, rtol=1e-6)


def test_column_without_spread_has_no_influence(rng):
    net, scaling = network(3, 5, 2), Scaling(rng.randn(3), np.array([2.0, 0.0, 0.5]))
    theta, X = rng.randn(net.n_params), rng.randn(10, 3)
    folded, moved = scaling.fold(net, theta), X + [0, 1e6, 0]
    assert not net.views(folded)[0][0][1].any()
    np.testing.assert_array_equal(outputs(net, folded, X), outputs(net, folded, moved))
    scaled = scaling.apply(X, np.empty_like(X))
    np.testing.assert_allclose(outputs(net, folded, X), outputs(net, theta, scaled), atol=1e-12)


@pytest.fixture
def scalings(rng):
    """Two scalings; one column has no spread in the first, another none in the second."""
    old = Scaling(rng.randn(5), np.array([1.0, 2.0, 0.0, 0.3, 4.0]))
    return old, Scaling(old.mean + rng.randn(5), np.array([1.5, 1.0, 2.0, 0.0, 5.0]))


def test_refold_keeps_the_function(rng, scalings):
    net, (old, new) = network(5, 4, 3), scalings
    theta, keep = rng.randn(net.n_params), np.array([True, True, False, True, True])
    moved = theta.copy()
    old.refold(net, moved, new, keep)
    X = rng.randn(20, 5)
    X[:, 3] = new.mean[3]  # the column without spread in the new scaling
    scaled = [s.apply(X, np.empty_like(X)) for s in (old, new)]
    scaled[1][:, 2] = 0  # that without spread in the old one
    np.testing.assert_allclose(
        outputs(net, moved, scaled[1]), outputs(net, theta, scaled[0]), atol=1e-12
    )
    W, moved_W = net.views(theta)[0][0], net.views(moved)[0][0]
    np.testing.assert_array_equal(moved_W[2], W[2])
    assert not moved_W[3].any()


def test_refolded_gradient_is_the_gradient_in_the_new_units(rng, scalings):
    net, (old, new), J = network(5, 4, 3), scalings, objective(network(5, 4, 3))
    theta, keep = rng.randn(net.n_params), np.array([True, True, False, False, True])
    X, Y = rng.randn(20, 5), one_hot(np.arange(20) % 3, 3)
    moved, scaled = theta.copy(), [s.apply(X, np.empty_like(X)) for s in (old, new)]
    for rows in scaled:
        rows[:, ~keep] = 0
    old.refold(net, moved, new, keep)
    grad = J.value_and_grad(theta, scaled[0], Y)[1].copy()
    old.refold_gradient(net, grad, new, keep)
    np.testing.assert_allclose(grad, J.value_and_grad(moved, scaled[1], Y)[1], atol=1e-12)


def test_refolded_squares_of_gradients(rng, scalings):
    """Without the product of both terms, which has mean 0 for independent gradients."""
    net, (old, new) = network(5, 4), scalings
    keep = np.array([True, True, False, False, True])
    grads = rng.randn(20_000, net.n_params)
    squares = (grads**2).mean(axis=0)
    for grad in grads:
        old.refold_gradient(net, grad, new, keep)
    old.refold_gradient(net, squares, new, keep, power=2)
    np.testing.assert_allclose(squares, (grads**2).mean(axis=0), rtol=0.1)


def test_near_scalings():
    scaling = Scaling(np.array([1e6, 0.0]), np.array([1.0, 0.0]))
    assert scaling.is_near(Scaling(np.array([1e6 + 5e-10, 0.0]), np.array([1.0, 0.0])))
    assert not scaling.is_near(Scaling(np.array([1e6 + 5e-9, 0.0]), np.array([1.0, 0.0])))
    assert not scaling.is_near(Scaling(np.array([1e6, 0.0]), np.array([1.0 + 1e-8, 0.0])))
    assert not scaling.is_near(Scaling(np.array([1e6, 0.0]), np.array([1.0, 1e-8])))


def test_fold_accumulates_in_float64():
    """mean W = 1e8 + 1 - 1e8 is 1 in float64, and 0 in float32."""
    net = network(3, 1)
    theta = np.array([1, 1, 1, 0], np.float32)
    scaling = Scaling(np.array([1e8, 1, -1e8], np.float32), np.ones(3, np.float32))
    assert scaling.fold(net, theta)[-1] == -1
    assert scaling.unfold(net, theta)[-1] == 1

"""Initial weights."""

import numpy as np
import pytest
from scipy import stats

from skmlp.core.initializers import INITIALIZERS, initial_theta
from tests.core.problems import network

FAN_IN, FAN_OUT = 300, 200
RADIUS = (6 / (FAN_IN + FAN_OUT)) ** 0.5
DISTRIBUTIONS = {
    "glorot_uniform": stats.uniform(-RADIUS, 2 * RADIUS),
    "he_normal": stats.norm(0, (2 / FAN_IN) ** 0.5),
    "lecun_normal": stats.norm(0, (1 / FAN_IN) ** 0.5),
    "standard_normal": stats.norm(0, 1),
}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_distribution_of_weights(name, rng):
    W = INITIALIZERS[name](rng, FAN_IN, FAN_OUT)
    assert W.shape == (FAN_IN, FAN_OUT)
    assert stats.kstest(W.ravel(), DISTRIBUTIONS[name].cdf).pvalue > 0.01


def test_initial_theta_layout():
    net = network(5, 4, 3)
    order = [INITIALIZERS["he_normal"], INITIALIZERS["standard_normal"]]
    theta = initial_theta(net, order, np.random.RandomState(3), np.float64)
    rng = np.random.RandomState(3)
    weights, biases = net.views(theta)
    np.testing.assert_array_equal(weights[0], rng.normal(0, (2 / 5) ** 0.5, (5, 4)))
    np.testing.assert_array_equal(weights[1], rng.normal(0, 1, (4, 3)))
    assert not any(b.any() for b in biases)


def test_same_seed_in_float32_and_float64():
    net, order = network(5, 4, 3), [INITIALIZERS["glorot_uniform"]] * 2
    double = initial_theta(net, order, np.random.RandomState(3), np.float64)
    single = initial_theta(net, order, np.random.RandomState(3), np.float32)
    np.testing.assert_array_equal(single, double.astype(np.float32))


def test_wrong_number_of_initializers_raises(rng):
    net = network(3, 4, 2)
    for n in (1, 3):
        with pytest.raises(ValueError, match="zip"):
            initial_theta(net, [INITIALIZERS["he_normal"]] * n, rng, np.float64)

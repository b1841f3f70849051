"""The moving average of the parameters, against the sum that it stands for."""

import numpy as np
import pytest

from skmlp.core.moving_average import AVERAGE, AveragedOptimizer
from skmlp.core.optimizers import SGD, Adam
from skmlp.core.penalties import Penalty

N_STEPS = 60


def trajectory(optimizer, theta, rng, prox_l1=None):
    """Take random steps; return theta after each, the starting point included, and the state."""
    state, path = optimizer.init(theta), [theta.copy()]
    for _ in range(N_STEPS):
        grad = rng.randn(*theta.shape).astype(theta.dtype)
        optimizer.step(theta, grad, state, 0.1, prox_l1, np.empty_like(theta))
        path.append(theta.copy())
    return np.array(path), state


@pytest.mark.parametrize("inner", [SGD(0.9), Adam()], ids=repr)
@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99])
def test_average_is_a_weighted_mean_of_all_steps(rng, inner, decay):
    path, state = trajectory(AveragedOptimizer(inner, decay), rng.randn(5), rng)
    t = np.arange(1, N_STEPS + 1)
    decays = np.minimum(decay, (1 + t) / (10 + t))
    after = np.append(np.cumprod(decays[::-1])[::-1][1:], 1.0)  # product of the later decays
    weights = np.append(np.prod(decays), (1 - decays) * after)
    assert weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(state[AVERAGE], weights @ path, rtol=1e-12)


@pytest.mark.parametrize("inner", [SGD(0.9), Adam()], ids=repr)
def test_steps_are_those_of_the_optimizer(inner):
    theta = np.arange(6.0)
    rngs = np.random.RandomState(0), np.random.RandomState(0)
    averaged, _ = trajectory(AveragedOptimizer(inner, 0.9), theta.copy(), rngs[0])
    alone, _ = trajectory(inner, theta.copy(), rngs[1])
    np.testing.assert_array_equal(averaged, alone)


def test_average_is_zero_where_l1_has_made_weights_zero(rng):
    penalty = Penalty(4, 2.0, 0.0)
    theta = rng.randn(6)
    _, state = trajectory(AveragedOptimizer(SGD(0.0), 0.9), theta, rng, penalty.prox_l1)
    assert (theta[:4] == 0).any()
    assert not state[AVERAGE][theta == 0].any()


def test_networks_have_their_own_decays():
    """Leading axes, in float32."""
    decays = np.array([[0.5], [0.9]])
    theta = np.arange(6, dtype=np.float32).reshape(2, 3)
    rng = np.random.RandomState(0)
    _, state = trajectory(AveragedOptimizer(SGD(0.0), decays), theta.copy(), rng)
    assert state[AVERAGE].dtype == np.float32
    for i, decay in enumerate((0.5, 0.9)):
        rng = np.random.RandomState(0)
        _, alone = trajectory(AveragedOptimizer(SGD(0.0), decay), theta.copy(), rng)
        np.testing.assert_array_equal(state[AVERAGE][i], alone[AVERAGE][i])

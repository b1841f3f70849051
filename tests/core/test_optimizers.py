"""SGD and Adam against the formulas of the papers."""

from dataclasses import asdict

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from skmlp.core.optimizers import SGD, Adam
from skmlp.core.penalties import Penalty

OPTIMIZERS = [
    SGD(0.0),
    SGD(0.9, nesterovs_momentum=False),
    SGD(0.9, nesterovs_momentum=True),
    Adam(),
    Adam(0.5, 0.9, 1e-3),
]


def descend(optimizer, theta, gradient, n_steps, learning_rate, prox_l1=None):
    theta = np.array(theta, dtype=float)
    state = optimizer.init(theta)
    for _ in range(n_steps):
        optimizer.step(theta, gradient(theta), state, learning_rate, prox_l1, np.empty_like(theta))
    return theta, state


@pytest.mark.parametrize("optimizer", [SGD(), Adam()], ids=repr)
def test_defaults_equal_mlpclassifier(optimizer):
    expected = MLPClassifier().get_params()
    assert asdict(optimizer) == {name: expected[name] for name in asdict(optimizer)}


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_sgd_on_a_parabola(momentum, nesterov):
    # On a theta^2 / 2 a step is linear in (theta, v), so t steps are a matrix to the t.
    a, rate = 3.0, 0.1
    to_velocity = np.array([-rate * a, momentum])
    to_theta = np.array([1.0, 0.0]) + (
        momentum * to_velocity - [rate * a, 0] if nesterov else to_velocity
    )
    expected = np.linalg.matrix_power([to_theta, to_velocity], 20) @ [2.0, 0.0]
    sgd = SGD(momentum, nesterovs_momentum=nesterov)
    theta, _ = descend(sgd, [2.0], lambda theta: a * theta, 20, rate)
    assert theta[0] == pytest.approx(expected[0], rel=1e-12)


def test_nesterov_momentum():
    a, rate, mu = 3.0, 0.05, 0.9
    point, velocity = 2.0, 0.0
    for _ in range(20):  # Sutskever et al. 2013, equations 3 and 4
        velocity = mu * velocity - rate * a * (point + mu * velocity)
        point += velocity
    theta, _ = descend(SGD(mu), [2.0], lambda theta: a * theta, 20, rate)
    assert theta[0] == pytest.approx(point + mu * velocity, rel=1e-12)


@pytest.mark.parametrize("hyper", [(0.9, 0.999, 1e-8), (0.5, 0.9, 1e-2), (0.0, 0.9, 1e-8)])
def test_adam_equals_algorithm_1_of_the_paper(hyper):
    beta_1, beta_2, epsilon = hyper
    theta, m, v, rate = 2.0, 0.0, 0.0, 0.1
    for t in range(1, 31):
        g = 3 * theta
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
        theta -= rate * m_hat / (v_hat**0.5 + epsilon)
    ours, state = descend(Adam(*hyper), [2.0], lambda theta: 3 * theta, 30, rate)
    assert ours[0] == pytest.approx(theta, rel=1e-10)
    assert state["step"] == 30
    assert state["m"][0] * (1 - beta_1) == pytest.approx(m, rel=1e-10)
    assert state["v"][0] * (1 - beta_2) == pytest.approx(v, rel=1e-10)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("curvature", [0.5, 4.0])
def test_l1_on_a_parabola(optimizer, curvature):
    # argmin of a (theta - c)^2 / 2 + l1 |theta| is c shifted towards 0 by l1 / a. If the velocity
    # ignored the proximal step, the shift would be a tenth of that.
    centre, l1 = np.array([3.0, -2.0, 0.2, -0.05, 0.0]), 0.4
    expected = np.sign(centre) * np.maximum(np.abs(centre) - l1 / curvature, 0)
    theta, _ = descend(
        optimizer,
        np.ones(5),
        lambda theta: curvature * (theta - centre),
        2000,
        0.02,
        Penalty(n_weights=5, l1=l1).prox_l1,
    )
    np.testing.assert_allclose(theta, expected, atol=1e-6)
    assert (theta[expected == 0] == 0).all()


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_preserved(optimizer, dtype):
    theta = np.ones(3, dtype)
    state = optimizer.init(theta)
    prox_l1 = Penalty(2, l1=0.1).prox_l1
    optimizer.step(theta, np.full(3, 0.5, dtype), state, 0.1, prox_l1, np.empty_like(theta))
    assert theta.dtype == dtype
    assert all(array.dtype == dtype for name, array in state.items() if name != "step")


def test_population_steps_equal_single_steps(rng):
    gradients, start = rng.randn(10, 6, 4), rng.randn(6, 4)
    rates, momenta, l1 = (rng.rand(6, 1) for _ in range(3))
    for build in (
        lambda i: SGD(momenta[i]),
        lambda i: SGD(momenta[i], nesterovs_momentum=False),
        lambda i: Adam(momenta[i], 0.99 * momenta[i], 1e-8),
    ):
        together = start.copy()
        everyone = build(slice(None))
        state = everyone.init(together)
        for grad in gradients:
            prox_l1 = Penalty(3, l1).prox_l1
            everyone.step(together, grad.copy(), state, rates, prox_l1, np.empty_like(together))
        for i in range(6):
            alone, optimizer = start[i].copy(), build(i)
            solo_state = optimizer.init(alone)
            for grad in gradients:
                prox_l1 = Penalty(3, l1[i]).prox_l1
                scratch = np.empty_like(alone)
                optimizer.step(alone, grad[i].copy(), solo_state, rates[i], prox_l1, scratch)
            np.testing.assert_allclose(together[i], alone, rtol=1e-12)


@pytest.mark.parametrize("make", [SGD, Adam])
def test_float64_columns_do_not_promote_float32(make):
    rng = np.random.RandomState(0)
    theta = rng.randn(3, 7).astype(np.float32)
    names = {"momentum": 0.9} if make is SGD else {"beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-7}
    one = make(**names)
    columns = make(**{name: np.full((3, 1), value) for name, value in names.items()})
    thetas, states = [theta.copy(), theta.copy()], [one.init(theta), columns.init(theta)]
    for _ in range(5):
        grad = rng.randn(3, 7).astype(np.float32)
        one.step(thetas[0], grad.copy(), states[0], 0.1)
        columns.step(thetas[1], grad.copy(), states[1], np.full((3, 1), 0.1))
    assert thetas[1].dtype == np.float32
    np.testing.assert_allclose(thetas[1], thetas[0], rtol=1e-5, atol=1e-6)

"""The objective against finite differences and independent implementations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from skmlp.core.activations import ACTIVATIONS
from skmlp.core.network import Network, Workspace
from tests.core.problems import central_differences, data, network, objective, one_hot

seeds = st.integers(0, 2**31)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("penalty", [{}, {"l1": 0.3}, {"l2": 0.2}, {"l1": 0.3, "l2": 0.2}])
@pytest.mark.parametrize("units", [(), (3,), (3, 2)], ids=len)
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_equals_central_differences(rng, activation, penalty, units, weighted):
    net = network(4, *units, 3, activation=activation)
    X, Y = data(rng)
    w = rng.rand(12) if weighted else None
    theta, J = rng.randn(net.n_params), objective(net, **penalty)
    grad = J.value_and_grad(theta, X, Y, w)[1].copy()
    # The gradient excludes l1, which is differentiable here since no weight is 0.
    grad[: net.n_weights] += penalty.get("l1", 0) * np.sign(theta[: net.n_weights])
    numeric = central_differences(lambda t: J.value_and_grad(t, X, Y, w)[0], theta)
    np.testing.assert_allclose(grad, numeric, atol=2e-8)


def test_layers_may_have_different_activations(rng):
    net = Network((4, 5, 3, 3), (ACTIVATIONS["silu"], ACTIVATIONS["relu"]))
    (X, Y), theta, J = data(rng), rng.randn(net.n_params), objective(net)
    numeric = central_differences(lambda t: J.value_and_grad(t, X, Y)[0], theta)
    np.testing.assert_allclose(J.value_and_grad(theta, X, Y)[1], numeric, atol=2e-8)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_is_0_at_the_solution_of_logistic_regression(rng, n_classes, weighted):
    n, l2 = 60, 0.01
    X, y = rng.randn(n, 4), rng.permutation(np.arange(n) % n_classes)
    w = rng.rand(n) + 0.1 if weighted else np.ones(n)
    w /= w.mean()
    # Two classes: scikit-learn's one logit is the difference of the network's two.
    C = (2 if n_classes == 2 else 1) / (n * l2)
    oracle = LogisticRegression(C=C, tol=1e-10, max_iter=10_000).fit(X, y, sample_weight=w)
    coef, intercept = oracle.coef_.T, oracle.intercept_
    if n_classes == 2:
        coef, intercept = np.hstack([-coef, coef]) / 2, np.r_[-intercept, intercept] / 2
    theta = np.concatenate([coef.ravel(), intercept])
    J = objective(network(4, n_classes), l2=l2)
    _, grad = J.value_and_grad(theta, X, one_hot(y, n_classes), w)
    np.testing.assert_allclose(grad, 0, atol=1e-6)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_value_and_gradient_equal_mlpclassifier(rng, activation):
    """A full-batch step of MLPClassifier without momentum is rate times gradient."""
    n, alpha, rate = 30, 0.3, 1e-3
    X, y = rng.randn(n, 4), np.arange(n) % 3
    mlp = MLPClassifier(
        (5, 6),
        activation=activation,
        solver="sgd",
        alpha=alpha,
        batch_size=n,
        learning_rate_init=rate,
        momentum=0,
        nesterovs_momentum=False,
        random_state=0,
    )
    mlp.partial_fit(X, y, classes=[0, 1, 2])

    def flat():
        return np.concatenate([part.ravel() for part in (*mlp.coefs_, *mlp.intercepts_)])

    before = flat()
    mlp.partial_fit(X, y)
    net = network(4, 5, 6, 3, activation=activation)
    J = objective(net, l2=alpha / n)
    value, grad = J.value_and_grad(before, X, one_hot(y, 3))
    assert value == pytest.approx(mlp.loss_, rel=1e-12)
    np.testing.assert_allclose(grad, (before - flat()) / rate, atol=1e-11)


@given(seeds, st.integers(1, 11))
def test_weighted_sum_over_partitions(seed, cut):
    rng = np.random.RandomState(seed)
    net = network(4, 5, 3)
    (X, Y), w, theta = data(rng), rng.rand(12), rng.randn(net.n_params)
    J = objective(net, l1=0.1, l2=0.2)
    parts = [
        (len(X[part]) / 12, *J.value_and_grad(theta, X[part], Y[part], w[part]))
        for part in (slice(cut), slice(cut, None))
    ]
    value, grad = J.value_and_grad(theta, X, Y, w)
    assert sum(share * part for share, part, _ in parts) == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(sum(share * part for share, _, part in parts), grad, atol=1e-14)


@given(seeds)
def test_integer_weights_equal_repeated_rows(seed):
    rng = np.random.RandomState(seed)
    net = network(4, 5, 3)
    (X, Y), theta, J = data(rng), rng.randn(net.n_params), objective(net, l1=0.1, l2=0.2)
    counts = np.r_[rng.randint(0, 4, 11), 1]
    repeated = np.repeat(np.arange(12), counts)
    value, grad = J.value_and_grad(theta, X[repeated], Y[repeated])
    weighted = J.value_and_grad(theta, X, Y, counts / counts.mean())
    assert weighted[0] == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(weighted[1], grad, atol=1e-13)


@given(seeds)
def test_permutation_of_classes(seed):
    rng = np.random.RandomState(seed)
    net = network(4, 5, 3)
    (X, Y), theta, J = data(rng), rng.randn(net.n_params), objective(net, l1=0.1, l2=0.2)
    permutation = rng.permutation(3)

    def permuted(flat):
        (W1, W2), (b1, b2) = net.views(flat)
        parts = W1, W2[:, permutation], b1, b2[:, permutation]
        return np.concatenate([part.ravel() for part in parts])

    value, grad = J.value_and_grad(theta, X, Y)
    swapped = J.value_and_grad(permuted(theta), X, Y[:, permutation])
    assert swapped[0] == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(swapped[1], permuted(grad), atol=1e-13)


@pytest.mark.parametrize("lead", [(6,), (2, 3)])
@pytest.mark.parametrize("shared_rows", [False, True])
def test_population_values_and_gradients_equal_single_ones(rng, lead, shared_rows):
    net = network(4, 5, 3)
    theta = rng.randn(*lead, net.n_params)
    l1, l2 = rng.rand(*lead, 1), rng.rand(*lead, 1)
    sets = [data(rng) for _ in range(6)]
    X = np.array([X for X, _ in sets]).reshape(*lead, 12, 4)
    Y = np.array([Y for _, Y in sets]).reshape(*lead, 12, 3)
    if shared_rows:
        X, Y = sets[0]
    w = rng.rand(*lead, 12)
    values, grads = objective(net, l1, l2).value_and_grad(theta, X, Y, w)
    assert values.shape == lead
    for i in np.ndindex(lead):
        J = objective(net, l1[i], l2[i])
        Xi, Yi = (X, Y) if shared_rows else (X[i], Y[i])
        value, grad = J.value_and_grad(theta[i], Xi, Yi, w[i])
        assert values[i] == pytest.approx(value, rel=1e-12)
        np.testing.assert_allclose(grads[i], grad, atol=1e-13)


def test_workspace_with_another_theta_raises(rng):
    net, (X, Y) = network(4, 5, 3), data(rng)
    theta, J = rng.randn(net.n_params), objective(net)
    work = Workspace(net, theta, 12)
    theta += 1  # in place
    assert J.value_and_grad(theta, X, Y, work=work)[0] == J.value_and_grad(theta, X, Y)[0]
    with pytest.raises(ValueError, match="made for another theta"):
        J.value_and_grad(theta.copy(), X, Y, work=work)


def test_float32_stays_float32(rng):
    net = network(4, 5, 3)
    X, Y = (array.astype(np.float32) for array in data(rng))
    theta, w = rng.randn(net.n_params).astype(np.float32), np.ones(12, np.float32)
    J = objective(net, l1=0.1, l2=0.1)
    value, grad = J.value_and_grad(theta, X, Y, w)
    assert grad.dtype == np.float32
    double = J.value_and_grad(theta.astype(float), X.astype(float), Y, w)
    assert value == pytest.approx(double[0], rel=1e-6)
    np.testing.assert_allclose(grad, double[1], atol=1e-6)

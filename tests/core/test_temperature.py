"""The temperature, against a general minimizer and scikit-learn's temperature scaling."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize_scalar
from scipy.special import log_softmax, softmax

from skmlp.core.temperature import (
    find_inverse_temperature,
    inverse_temperature_derivative,
    with_temperature,
)
from tests.core.problems import network, one_hot, outputs


def loss(b, logits, Y, w, q):
    """The weighted cross-entropy of the n rows and one more that is spread over the classes."""
    n, log_q = len(Y), np.log(q)
    targets = (n * Y + q) / (n + 1)
    rows = -(targets * log_softmax(log_q + b * (logits - log_q), axis=1)).sum(axis=1)
    return np.average(rows, weights=w)


def held_out(rng, n=80, n_classes=4, weighted=False):
    """Logits of a network that is too confident, and labels of the true distribution."""
    q = rng.dirichlet(np.full(n_classes, 2.0))
    evidence = rng.randn(n, n_classes)
    y = [rng.choice(n_classes, p=p) for p in softmax(np.log(q) + evidence, axis=1)]
    w = rng.exponential(size=n) if weighted else np.ones(n)
    return np.log(q) + 3 * evidence, one_hot(np.array(y), n_classes), w / w.mean(), q


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("b", [0.3, 1.0, 2.0])
def test_derivative(rng, weighted, b):
    data = held_out(rng, weighted=weighted)
    expected = approx_fprime([b], lambda x: loss(x[0], *data), 1e-7)[0]
    found = inverse_temperature_derivative(*data, b, len(data[1]))
    assert found == pytest.approx(expected, abs=1e-5)


def test_derivative_of_parts(rng):
    logits, Y, w, q = held_out(rng, weighted=True)
    whole = inverse_temperature_derivative(logits, Y, w, q, 0.7, 80)
    parts = []
    for rows in (slice(30), slice(30, 80)):
        share, weights = w[rows].sum() / w.sum(), w[rows] / w[rows].mean()
        part = inverse_temperature_derivative(logits[rows], Y[rows], weights, q, 0.7, 80)
        parts.append(share * part)
    assert sum(parts) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_minimum(rng, weighted):
    data = held_out(rng, n=2000, weighted=weighted)
    found = find_inverse_temperature(lambda b: inverse_temperature_derivative(*data, b, 2000))
    expected = minimize_scalar(loss, bounds=(0.2, 5), args=data, method="bounded").x
    assert found == pytest.approx(expected, abs=1e-3)
    assert found == pytest.approx(1 / 3, abs=0.05)  # the factor of the evidence


def test_range():
    assert find_inverse_temperature(lambda b: b) == 0.2
    assert find_inverse_temperature(lambda b: b - 9) == 5.0
    assert find_inverse_temperature(lambda b: b - 0.7) == pytest.approx(0.7, abs=1e-4)


def test_few_rows_without_errors_do_not_ask_for_certainty():
    """Without Platt's targets the loss would fall for ever."""
    Y = np.eye(3)[np.arange(12) % 3]
    q = np.full(3, 1 / 3)
    b = find_inverse_temperature(lambda b: inverse_temperature_derivative(Y, Y, None, q, b, 12))
    certainty = softmax(b * Y[0])[0]
    assert certainty == pytest.approx((12 + 1 / 3) / 13, abs=1e-3)


def test_equal_classes_are_divided_by_the_temperature(rng):
    """As in Guo et al. 2017; other frequencies are what probabilities move towards."""
    net = network(4, 6, 3)
    theta, X = rng.randn(net.n_params), rng.randn(20, 4)
    before = outputs(net, theta, X)
    after = outputs(net, with_temperature(net, theta, np.full(3, 1 / 3), 0.5), X)
    np.testing.assert_allclose(softmax(after, 1), softmax(before / 2, 1), rtol=1e-12)
    q = np.array([0.9, 0.09, 0.01])
    after = outputs(net, with_temperature(net, theta, q, 1e-9), X)
    np.testing.assert_allclose(softmax(after, 1), np.tile(q, (20, 1)), rtol=1e-6)

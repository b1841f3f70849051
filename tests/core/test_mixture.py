"""The mean of probabilities: its entropy, and its temperature."""

import numpy as np
import pytest
from scipy.special import log_softmax, logsumexp, softmax
from scipy.stats import entropy

from skmlp.core.mixture import (
    decompose_uncertainty,
    log_mean_proba,
    mixture_derivative,
    mixture_inverse_temperature,
)
from skmlp.core.temperature import find_inverse_temperature, inverse_temperature_derivative


def test_mean_of_probabilities_that_underflow(rng):
    logits = rng.randn(3, 5, 4)
    np.testing.assert_allclose(
        log_mean_proba(log_softmax(logits, axis=-1)), np.log(softmax(logits, axis=-1).mean(axis=0))
    )
    far = log_softmax(logits * 1e4, axis=-1)
    np.testing.assert_allclose(log_mean_proba(far), logsumexp(far, axis=0) - np.log(3), rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-3, 1, 1e3])
def test_uncertainty(rng, scale):
    log_proba = log_softmax(scale * rng.randn(4, 30, 3), axis=-1)
    total, data, model = decompose_uncertainty(log_proba)
    proba = np.exp(log_proba)
    np.testing.assert_allclose(total, entropy(proba.mean(axis=0), axis=-1), atol=1e-12)
    np.testing.assert_allclose(data, entropy(proba, axis=-1).mean(axis=0), atol=1e-12)
    mean = proba.mean(axis=0)
    with np.errstate(all="ignore"):  # Kullback-Leibler divergence from the mean
        terms = np.where(proba > 0, proba * (log_proba - np.log(mean)), 0)
    np.testing.assert_allclose(model, terms.sum(axis=-1).mean(axis=0), atol=1e-12)


@pytest.mark.parametrize("n_members", [1, 2, 5])
@pytest.mark.parametrize("weighted", [False, True])
def test_derivative_is_that_of_finite_differences(rng, n_members, weighted):
    logits, y = 2 * rng.randn(n_members, 40, 3), rng.randint(0, 3, 40)
    w, q = rng.rand(40) if weighted else None, np.array([0.2, 0.3, 0.5])
    targets = (40 * np.eye(3)[y] + q) / 41

    def loss(b):
        each = log_softmax(np.log(q) + b * (logits - np.log(q)), axis=-1)
        losses = -(targets * (logsumexp(each, axis=0) - np.log(n_members))).sum(axis=1)
        return (losses if w is None else w * losses).mean()

    for b in (0.3, 1.0, 2.0):
        expected = (loss(b + 1e-5) - loss(b - 1e-5)) / 2e-5
        found = mixture_derivative(logits, np.eye(3)[y], w, q, b)
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)
        if n_members == 1:
            single = inverse_temperature_derivative(logits[0], np.eye(3)[y], w, q, b, 40)
            assert found == pytest.approx(single, rel=1e-12)


def noisy_members(rng, n_members, n=20_000):
    """Return labels, and the logits of members that are the true ones plus noise of their own."""
    true = 2.0 * rng.randn(n, 2)
    y = (rng.rand(n) < softmax(true, axis=1)[:, 1]).astype(int)
    return 1.3 * (true + 0.7 * rng.randn(n_members, n, 2)), y


@pytest.mark.parametrize("n_known", [2, 3])
@pytest.mark.parametrize("n_members", [4, 16])
def test_temperature_of_more_members_than_are_known(rng, n_known, n_members):
    logits, y = noisy_members(rng, n_members)
    Y, q = np.eye(2)[y], np.full(2, 0.5)

    def best(some):
        return find_inverse_temperature(lambda b: mixture_derivative(some, Y, None, q, b))

    of_all = best(logits)
    found = mixture_inverse_temperature(logits[:n_known], Y, None, q, n_members)
    nearest = min(abs(best(logits[:n_known]) - of_all), abs(best(logits[:1]) - of_all))
    assert abs(found - of_all) < 0.8 * nearest
    assert mixture_inverse_temperature(logits[:1], Y, None, q, n_members) == best(logits[:1])
    same = mixture_inverse_temperature(logits, Y, None, q, n_members)
    assert same == pytest.approx(of_all, abs=1e-9)

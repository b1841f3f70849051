"""Softmax cross-entropy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special
from sklearn.metrics import log_loss

from skmlp.core.losses import log_softmax, softmax_cross_entropy
from tests.core.problems import central_differences, data, one_hot

logit_arrays = arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(1, 5)),
    elements=st.floats(-1e3, 1e3),
)


@given(logit_arrays)
def test_softmax_rows_sum_to_1(logits):
    np.testing.assert_allclose(np.exp(log_softmax(logits)).sum(axis=1), 1, rtol=1e-12)


@given(logit_arrays, st.floats(-1e3, 1e3))
def test_shift_invariance(logits, shift):
    Y = one_hot(np.zeros(len(logits), int), logits.shape[1])
    np.testing.assert_allclose(log_softmax(logits + shift), log_softmax(logits), atol=1e-9)
    for shifted, plain in zip(
        softmax_cross_entropy(logits + shift, Y), softmax_cross_entropy(logits, Y), strict=True
    ):
        np.testing.assert_allclose(shifted, plain, atol=1e-9)


@given(logit_arrays)
def test_log_softmax_equals_scipy(logits):
    np.testing.assert_allclose(log_softmax(logits), special.log_softmax(logits, axis=1))


@pytest.mark.parametrize("weighted", [False, True])
def test_loss_equals_scikit_learn(rng, weighted):
    logits, (_, Y) = 3 * rng.randn(12, 3), data(rng)
    w = rng.rand(12) + 0.5 if weighted else None
    if weighted:
        w /= w.mean()
    expected = log_loss(Y, special.softmax(logits, axis=1), sample_weight=w)
    assert softmax_cross_entropy(logits, Y, w)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smooth", [False, True])
def test_gradient_equals_central_differences(rng, weighted, smooth):
    logits, (_, Y) = rng.randn(12, 3), data(rng)
    w = rng.rand(12) if weighted else None
    Y = 0.9 * Y + 0.1 / 3 if smooth else Y

    def value(flat):
        return softmax_cross_entropy(flat.reshape(12, 3), Y, w)[0]

    delta = softmax_cross_entropy(logits, Y, w)[1]
    np.testing.assert_allclose(delta.ravel(), central_differences(value, logits.ravel()), atol=1e-9)


def test_gradient_in_place_of_the_logits(rng):
    logits, (_, Y) = rng.randn(12, 3), data(rng)
    loss, delta = softmax_cross_entropy(logits, Y)
    in_place = logits.copy()
    same_loss, same_delta = softmax_cross_entropy(in_place, Y, out=in_place)
    assert same_delta is in_place
    assert same_loss == loss
    assert (same_delta == delta).all()


def test_large_float32_logits():
    logits = np.array([[1e4, 0.0, -1e4]], np.float32)
    with np.errstate(all="raise", under="ignore"):
        loss, delta = softmax_cross_entropy(logits, np.float32([[0, 0, 1]]))
    assert delta.dtype == np.float32
    assert loss == 2e4  # a clipped logarithm would give 16 or 23
    np.testing.assert_array_equal(delta, [[1, 0, -1]])


@pytest.mark.parametrize("n_classes", [1, 2, 63, 64, 65, 200])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("lead", [(), (3,)])
def test_number_of_classes(rng, n_classes, dtype, lead):
    logits = (10 * rng.randn(*lead, 7, n_classes)).astype(dtype)
    Y = one_hot(rng.randint(0, n_classes, 7), n_classes).astype(dtype)
    expected = special.log_softmax(logits.astype(float), axis=-1)
    np.testing.assert_allclose(log_softmax(logits), expected, rtol=1e-5, atol=1e-5)
    loss, delta = softmax_cross_entropy(logits, Y)
    np.testing.assert_allclose(loss, -(Y * expected).sum(-1).mean(-1), rtol=1e-5)
    np.testing.assert_allclose(delta, (np.exp(expected) - Y) / 7, atol=1e-6)
    assert delta.dtype == dtype

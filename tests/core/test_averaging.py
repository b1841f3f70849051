"""Averages of parameters and optimizer states."""

import numpy as np
import pytest

from skmlp.core.averaging import average


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_average_is_weighted_by_rows(rng, dtype):
    n_rows = [1, 4, 5]
    thetas, first, second = (list(rng.randn(3, 7).astype(dtype)) for _ in range(3))
    states = [
        {"step": step, "first": a, "second": b}
        for step, a, b in zip((3, 4, 5), first, second, strict=True)
    ]
    before = [array.copy() for array in (*thetas, *first, *second)]
    theta, state = average(thetas, states, n_rows)
    assert state["step"] == 4  # 4.4, rounded
    assert type(state["step"]) is int
    assert state.keys() == states[0].keys()
    for mean, arrays in ((theta, thetas), (state["first"], first), (state["second"], second)):
        assert mean.dtype == dtype
        expected = np.average(arrays, axis=0, weights=n_rows)
        np.testing.assert_allclose(mean, expected, rtol=1e-5, atol=1e-6)
    for array, copy in zip((*thetas, *first, *second), before, strict=True):
        np.testing.assert_array_equal(array, copy)

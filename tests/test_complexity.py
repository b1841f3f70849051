"""The figures of docs/complexity.rst: memory in units of the parameters, and of the rows."""

import tracemalloc

import pytest

from skmlp import SoftmaxMLPClassifier

WIDE = {"units": (800, 800), "n_bins": None, "epochs": 2, "batch_size": 20}


def traced(function):
    """Return the peak of the memory during a call, and what it leaves, in bytes."""
    tracemalloc.start()
    try:
        function()
        left, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak, left


@pytest.mark.parametrize(
    ("params", "most"),
    [
        ({"early_stopping": True}, 9.5),
        ({"averaging": 0.0, "early_stopping": False}, 6.5),
        ({"solver": "lbfgs"}, 57.0),
    ],
    ids=["adam", "plain adam", "lbfgs"],
)
def test_arrays_of_parameters(params, most, rng):
    # So few rows that the activations of those that are validated take no memory beside P.
    X, y = rng.random_sample((60, 10)), rng.randint(0, 3, 60)
    clf = SoftmaxMLPClassifier(**WIDE | params, random_state=0)
    clf.fit(X[:50], y[:50])  # what is imported and cached once
    peak, left = traced(lambda: clf.fit(X, y))
    assert 0.7 * most < peak / clf.theta_.nbytes < most
    assert left < 1.1 * clf.theta_.nbytes


def test_what_warm_start_keeps(rng):
    X, y = rng.random_sample((400, 10)), rng.randint(0, 3, 400)
    clf = SoftmaxMLPClassifier(**WIDE, warm_start=True, random_state=0)
    _, left = traced(lambda: clf.fit(X, y))
    assert left / clf.theta_.nbytes == pytest.approx(5.0, abs=0.6)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_rows_are_not_copied(dtype, rng):
    X = (255 * rng.random_sample((60_000, 50))).astype(dtype)
    y = rng.randint(0, 3, len(X))
    clf = SoftmaxMLPClassifier(10, n_bins=None, early_stopping=False, epochs=1, batch_size=1000)
    peak, _ = traced(lambda: clf.fit(X, y))
    assert peak < 30 * len(X) + 2_000_000  # labels, order of the rows; a batch

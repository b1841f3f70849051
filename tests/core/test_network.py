"""Layout of parameters, forward pass, workspaces."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from skmlp.core.network import Workspace
from tests.core.problems import network, outputs


def test_theta_layout():
    net = network(3, 4, 2)
    assert (net.n_weights, net.n_params) == (3 * 4 + 4 * 2, 3 * 4 + 4 * 2 + 4 + 2)
    weights, biases = net.views(np.arange(net.n_params))
    flat = np.concatenate([part.ravel() for part in (*weights, *biases)])
    np.testing.assert_array_equal(flat, np.arange(net.n_params))
    assert [W.shape for W in weights] == [(3, 4), (4, 2)]
    assert [b.shape for b in biases] == [(1, 4), (1, 2)]


@pytest.mark.parametrize("lead", [(), (5,), (2, 3)])
def test_views_write_through(lead):
    net = network(3, 4, 2)
    theta = np.zeros((*lead, net.n_params))
    for part in (*net.views(theta)[0], *net.views(theta)[1]):
        part += 1
    assert (theta == 1).all()


def test_forward(rng):
    net = network(3, 4, 2, activation="tanh")
    theta, X = rng.randn(net.n_params), rng.randn(5, 3)
    (W1, W2), (b1, b2) = net.views(theta)
    expected = np.tanh(X @ W1 + b1) @ W2 + b2
    np.testing.assert_allclose(net.forward(X, Workspace(net, theta, 5)), expected, rtol=1e-14)


@pytest.mark.parametrize("chunk_rows", [0, 1, 2, 5, 7, 100])
@pytest.mark.parametrize("lead", [(), (2, 3)])
@pytest.mark.parametrize("activation", ["relu", "silu"])
def test_logits_do_not_depend_on_chunks(rng, chunk_rows, lead, activation):
    net = network(3, 4, 2, activation=activation)
    theta, X = rng.randn(*lead, net.n_params), rng.randn(7, 3)
    expected = outputs(net, theta, X)
    assert expected.shape == (*lead, 7, 2)
    bytes_per_row = 2 * (3 + 4 + 2) * 8 * (theta.size // net.n_params)
    chunked = outputs(net, theta, X, max_bytes=chunk_rows * bytes_per_row)
    np.testing.assert_allclose(chunked, expected, rtol=1e-12)


def test_logits_cast_integers_to_the_dtype_of_theta(rng):
    net = network(3, 4, 2)
    theta = rng.randn(net.n_params).astype(np.float32)
    X = rng.randint(0, 255, (7, 3)).astype(np.uint8)
    logits = outputs(net, theta, X)
    assert logits.dtype == np.float32
    np.testing.assert_array_equal(logits, outputs(net, theta, X.astype(np.float32)))


def test_workspace_head_shares_memory(rng):
    net = network(3, 4, 2, activation="gelu")
    work = Workspace(net, rng.randn(net.n_params), 7)
    head = work.head(2)
    assert work.head(7) is work
    assert work.head(2) is head
    assert head.grad is work.grad
    for name in ("Z", "A", "delta"):
        for short, long in zip(getattr(head, name), getattr(work, name), strict=True):
            assert short.shape == (2, long.shape[1])
            assert np.shares_memory(short, long)


@pytest.mark.parametrize("lead", [(), (3,)])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_outputs_respect_max_bytes(rng, lead, container):
    """In addition to the outputs; sparse rows are not converted to dense ones."""
    net, n, most = network(200, 30, 30, 2), 5_000, 2**20
    if lead and container is not np.asarray:
        pytest.skip("sparse rows are for one network")
    X = (rng.rand(n, 200) < 0.02).astype(np.float32)
    theta = rng.randn(*lead, net.n_params).astype(np.float32)
    rows = container(X)
    expected = outputs(net, theta, X)
    tracemalloc.start()
    found = outputs(net, theta, rows, max_bytes=most)
    _, used = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3)
    assert 0.1 * most < used - found.nbytes < 1.2 * most


def test_outputs_are_computed_one_row_at_a_time_for_tiny_max_bytes(rng):
    net = network(4, 5, 3)
    theta, X = rng.randn(net.n_params), rng.randn(7, 4)
    sizes = []

    class Watched(np.ndarray):
        def __array_finalize__(self, other):
            if self.ndim == 2 and self.shape[1] == 4:
                sizes.append(len(self))

    np.testing.assert_allclose(
        outputs(net, theta, X.view(Watched), max_bytes=1), outputs(net, theta, X)
    )
    assert min(sizes) == 1

"""Batches, sparse rows and scaling of features."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from skmlp.core.design import (
    CentredMatrix,
    apply_mask,
    batch_reader,
    matmul,
    matmul_transposed,
    slice_rows,
)
from skmlp.core.network import Workspace
from skmlp.core.scaling import Scaling
from tests.core.problems import network, objective, one_hot, outputs


@pytest.fixture
def sparse_X(rng):
    return sparse.csr_array(np.where(rng.rand(12, 4) < 0.5, rng.randn(12, 4), 0))


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("units", [(), (5,)], ids=len)
def test_sparse_value_and_gradient_equal_dense(rng, sparse_X, container, units):
    net, Y = network(4, *units, 3), one_hot(np.arange(12) % 3, 3)
    theta, J = rng.randn(net.n_params), objective(net, l1=0.1, l2=0.1)
    value, grad = J.value_and_grad(theta, sparse_X.toarray(), Y)
    sparse_value, sparse_grad = J.value_and_grad(theta, container(sparse_X), Y)
    assert sparse_value == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(sparse_grad, grad, atol=1e-14)
    np.testing.assert_allclose(
        outputs(net, theta, container(sparse_X), max_bytes=300),
        outputs(net, theta, sparse_X.toarray()),
        atol=1e-14,
    )


@pytest.mark.parametrize("given", [np.uint8, np.int64, np.float32, np.float64, bool])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scaled", [False, True])
def test_batch_dtype_and_scaling(rng, given, dtype, scaled):
    X, rows = (rng.rand(9, 3) * 5).astype(given), np.array([4, 4, 0, 8])
    mean, scale = rng.rand(3), 0.5 + rng.rand(3)
    scaling = Scaling(mean.astype(dtype), scale.astype(dtype)) if scaled else None
    expected = (X[rows].astype(float) - mean) / scale if scaled else X[rows].astype(float)
    gathered = batch_reader(X, 4, np.dtype(dtype), scaling)(rows)
    assert gathered.dtype == dtype
    np.testing.assert_allclose(gathered, expected, rtol=1e-5, atol=1e-6)
    if scaled:
        scaling, expected = Scaling(None, scaling.scale), X[rows].astype(float) / scale
    for matrix in (sparse.csr_array(X), sparse.csr_matrix(X)):
        gathered = batch_reader(matrix, 4, np.dtype(dtype), scaling)(rows)
        assert gathered.dtype == dtype
        np.testing.assert_allclose(gathered.toarray(), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(X, matrix.toarray())  # X was not modified


def test_large_columns_are_centred_before_the_cast():
    X = 1e9 + np.arange(4.0)[:, None]
    scaling = Scaling(np.float32([1e9]), np.float32([1.0]))
    gathered = batch_reader(X, 4, np.dtype(np.float32), scaling)(np.arange(4))
    np.testing.assert_array_equal(gathered[:, 0], [0, 1, 2, 3])


def test_rows_of_the_same_dtype_are_not_copied(rng):
    X = rng.rand(6, 2)
    assert np.shares_memory(slice_rows(X, slice(1, 3), np.dtype(float)), X)
    assert slice_rows(X, slice(1, 3), np.dtype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("centred", [True, False])
def test_folded_network_equals_scaled_rows(rng, centred):
    net, X = network(4, 5, 3), rng.randn(10, 4) * 7 + 3
    scaling = Scaling(rng.rand(4) if centred else None, 0.5 + rng.rand(4))
    theta, scaled = rng.randn(net.n_params), np.empty_like(X)
    scaling.apply(X, scaled)
    folded = scaling.fold(net, theta)
    np.testing.assert_allclose(outputs(net, folded, X), outputs(net, theta, scaled), atol=1e-12)
    np.testing.assert_allclose(scaling.unfold(net, folded), theta, atol=1e-13)


def test_workspace_head_with_sparse_rows(rng, sparse_X):
    net, Y = network(4, 5, 3), one_hot(np.arange(12) % 3, 3)
    theta, J = rng.randn(net.n_params), objective(net)
    work = Workspace(net, theta, 12)
    expected = J.value_and_grad(theta, sparse_X[:5], Y[:5])[0]
    assert J.value_and_grad(theta, sparse_X[:5], Y[:5], work=work.head(5))[0] == expected


@pytest.mark.parametrize("given", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("centred", [False, True, None])
def test_sparse_batches_equal_dense_batches(rng, given, dtype, centred):
    X = (rng.rand(9, 3) * 5 * (rng.rand(9, 3) < 0.5)).astype(given)
    rows, mean, scale = np.array([4, 4, 0, 8]), rng.rand(3), 0.5 + rng.rand(3)
    scaling, expected = None, X[rows].astype(float)
    if centred is not None:
        scaling = Scaling(mean.astype(dtype) if centred else None, scale.astype(dtype))
        expected = (expected - mean * centred) / scale
    gathered = batch_reader(sparse.csr_array(X), 4, dtype, scaling)(rows)
    assert gathered.dtype == dtype
    assert isinstance(gathered, CentredMatrix) == bool(centred)
    np.testing.assert_allclose(gathered.toarray(), expected, rtol=1e-6, atol=1e-6)
    assert X.dtype == given
    assert slice_rows(sparse.csr_array(X), slice(2, 5), np.dtype(dtype)).dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products_with_centred_rows_equal_dense_products(rng, sparse_X, dtype):
    mean, scale = rng.randn(4).astype(dtype), np.array([1, 0, 2, 0.5], dtype)
    rows = batch_reader(sparse_X, 12, dtype, Scaling(mean, scale))(np.arange(12))
    standardized = (sparse_X.toarray() - mean) * [1, 0, 0.5, 2]
    W, delta = rng.randn(4, 3).astype(dtype), rng.randn(12, 3).astype(dtype)
    forward, backward = np.empty((12, 3), dtype), np.empty((4, 3), dtype)
    matmul(rows, W, out=forward)
    matmul_transposed(rows, delta, out=backward)
    np.testing.assert_allclose(forward, standardized @ W, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(backward, standardized.T @ delta, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("with_zeros", [False, True])
def test_sparse_column_far_from_zero_keeps_its_digits(rng, with_zeros):
    """In float32, x / scale - mean / scale would be wrong by 0.1 here."""
    X = np.column_stack([1.7e9 + 1000 * rng.rand(50), rng.rand(50) < 0.3, 5e8 + rng.randn(50)])
    mean, scale = X.mean(axis=0), X.std(axis=0)
    if with_zeros:
        X[[3, 7], 0] = X[7, 2] = 0
    scaling = Scaling(mean.astype(np.float32), scale.astype(np.float32))
    gathered = batch_reader(sparse.csr_array(X), 50, np.float32, scaling)(np.arange(50))
    expected = scaling.apply(X, np.empty_like(X))
    np.testing.assert_allclose(gathered.toarray(), expected, rtol=1e-5, atol=1e-5)


def test_sparse_rows_of_the_same_dtype_are_not_copied(sparse_X):
    class Watched(sparse.csr_array):
        def astype(self, dtype, casting="unsafe", copy=True):
            assert not copy
            return super().astype(dtype, casting=casting, copy=copy)

    X = Watched(sparse_X)
    batch_reader(X, 4, np.float64)(np.arange(4))
    batch_reader(X, 4, np.float64, Scaling(None, np.ones(4)))(np.arange(4))
    assert slice_rows(X, slice(0, 4), np.dtype(np.float64)).shape == (4, 4)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, bool])
@pytest.mark.parametrize("centred", [False, True])
def test_integers_are_scaled_to_floats(kind, centred):
    X, out = np.arange(6).reshape(3, 2).astype(kind), np.empty((3, 2), np.float32)
    mean = np.array([0.5, 1.5], np.float32) if centred else None
    scaled = Scaling(mean, np.array([2.0, 4.0], np.float32)).apply(X, out)
    assert scaled is out
    expected = (X.astype(float) - ([0.5, 1.5] if centred else 0)) / [2, 4]
    np.testing.assert_allclose(out, expected, rtol=1e-6)


def test_column_without_spread_has_no_influence(rng):
    net, scaling = network(3, 5, 2), Scaling(rng.randn(3), np.array([2.0, 0.0, 0.5]))
    theta, X = rng.randn(net.n_params), rng.randn(10, 3)
    folded, moved = scaling.fold(net, theta), X + [0, 1e6, 0]
    assert not net.views(folded)[0][0][1].any()
    np.testing.assert_array_equal(outputs(net, folded, X), outputs(net, folded, moved))
    scaled = scaling.apply(X, np.empty_like(X))
    np.testing.assert_allclose(outputs(net, folded, X), outputs(net, theta, scaled), atol=1e-12)


@pytest.fixture
def scalings(rng):
    """Two scalings; one column has no spread in the first, another none in the second."""
    old = Scaling(rng.randn(5), np.array([1.0, 2.0, 0.0, 0.3, 4.0]))
    return old, Scaling(old.mean + rng.randn(5), np.array([1.5, 1.0, 2.0, 0.0, 5.0]))


def test_refold_keeps_the_function(rng, scalings):
    net, (old, new) = network(5, 4, 3), scalings
    theta, keep = rng.randn(net.n_params), np.array([True, True, False, True, True])
    moved = theta.copy()
    old.refold(net, moved, new, keep)
    X = rng.randn(20, 5)
    X[:, 3] = new.mean[3]  # the column without spread in the new scaling
    scaled = [s.apply(X, np.empty_like(X)) for s in (old, new)]
    scaled[1][:, 2] = 0  # that without spread in the old one
    np.testing.assert_allclose(
        outputs(net, moved, scaled[1]), outputs(net, theta, scaled[0]), atol=1e-12
    )
    W, moved_W = net.views(theta)[0][0], net.views(moved)[0][0]
    np.testing.assert_array_equal(moved_W[2], W[2])
    assert not moved_W[3].any()


def test_refolded_gradient_is_the_gradient_in_the_new_units(rng, scalings):
    net, (old, new), J = network(5, 4, 3), scalings, objective(network(5, 4, 3))
    theta, keep = rng.randn(net.n_params), np.array([True, True, False, False, True])
    X, Y = rng.randn(20, 5), one_hot(np.arange(20) % 3, 3)
    moved, scaled = theta.copy(), [s.apply(X, np.empty_like(X)) for s in (old, new)]
    for rows in scaled:
        rows[:, ~keep] = 0
    old.refold(net, moved, new, keep)
    grad = J.value_and_grad(theta, scaled[0], Y)[1].copy()
    old.refold_gradient(net, grad, new, keep)
    np.testing.assert_allclose(grad, J.value_and_grad(moved, scaled[1], Y)[1], atol=1e-12)


def test_refolded_squares_of_gradients(rng, scalings):
    """Without the product of both terms, which has mean 0 for independent gradients."""
    net, (old, new) = network(5, 4), scalings
    keep = np.array([True, True, False, False, True])
    grads = rng.randn(20_000, net.n_params)
    squares = (grads**2).mean(axis=0)
    for grad in grads:
        old.refold_gradient(net, grad, new, keep)
    old.refold_gradient(net, squares, new, keep, power=2)
    np.testing.assert_allclose(squares, (grads**2).mean(axis=0), rtol=0.1)


def test_near_scalings():
    scaling = Scaling(np.array([1e6, 0.0]), np.array([1.0, 0.0]))
    assert scaling.is_near(Scaling(np.array([1e6 + 5e-10, 0.0]), np.array([1.0, 0.0])))
    assert not scaling.is_near(Scaling(np.array([1e6 + 5e-9, 0.0]), np.array([1.0, 0.0])))
    assert not scaling.is_near(Scaling(np.array([1e6, 0.0]), np.array([1.0 + 1e-8, 0.0])))
    assert not scaling.is_near(Scaling(np.array([1e6, 0.0]), np.array([1.0, 1e-8])))


def test_fold_accumulates_in_float64():
    """mean W = 1e8 + 1 - 1e8 is 1 in float64, and 0 in float32."""
    net = network(3, 1)
    theta = np.array([1, 1, 1, 0], np.float32)
    scaling = Scaling(np.array([1e8, 1, -1e8], np.float32), np.ones(3, np.float32))
    assert scaling.fold(net, theta)[-1] == -1
    assert scaling.unfold(net, theta)[-1] == 1


def test_apply_mask_writes_to_out(rng, sparse_X):
    A, mask = rng.randn(3, 4), rng.rand(3, 4)
    out = np.empty_like(A)
    assert apply_mask(A, mask, out) is out
    np.testing.assert_array_equal(out, A * mask)
    masks = np.arange(60.0).reshape(5, 12)
    result = apply_mask(sparse_X, masks, None)
    np.testing.assert_array_equal(result.data, sparse_X.data * masks.ravel()[: sparse_X.nnz])


def test_unaligned_rows_are_read_without_copying_X():
    """Memory maps and deserialized arrays may be unaligned; `take` copies X in each call."""
    X = np.arange(4e5, dtype=np.float32).reshape(-1, 100)
    memory = np.empty(X.nbytes + 1, np.uint8)
    unaligned = memory[1:].view(np.float32).reshape(X.shape)
    unaligned[...] = X
    assert not unaligned.flags.aligned
    gather, rows = batch_reader(unaligned, 10, np.float32), np.array([3999, 0, 7])
    tracemalloc.start()
    try:
        np.testing.assert_array_equal(gather(rows), X[rows])
        assert tracemalloc.get_traced_memory()[1] < X.nbytes / 10
    finally:
        tracemalloc.stop()

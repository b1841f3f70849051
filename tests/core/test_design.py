"""Products and masks of sparse rows, against those of dense rows."""

import numpy as np
import pytest
from scipy import sparse

from skmlp.core.batch_reader import batch_reader
from skmlp.core.design import apply_mask, matmul, matmul_transposed
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


def test_workspace_head_with_sparse_rows(rng, sparse_X):
    net, Y = network(4, 5, 3), one_hot(np.arange(12) % 3, 3)
    theta, J = rng.randn(net.n_params), objective(net)
    work = Workspace(net, theta, 12)
    expected = J.value_and_grad(theta, sparse_X[:5], Y[:5])[0]
    assert J.value_and_grad(theta, sparse_X[:5], Y[:5], work=work.head(5))[0] == expected


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


def test_apply_mask_writes_to_out(rng, sparse_X):
    A, mask = rng.randn(3, 4), rng.rand(3, 4)
    out = np.empty_like(A)
    assert apply_mask(A, mask, out) is out
    np.testing.assert_array_equal(out, A * mask)
    masks = np.arange(60.0).reshape(5, 12)
    result = apply_mask(sparse_X, masks, None)
    np.testing.assert_array_equal(result.data, sparse_X.data * masks.ravel()[: sparse_X.nnz])

import numpy as np
import pytest
from scipy import sparse

from skmlp.core.features import gatherer, rows_of
from skmlp.core.network import Workspace
from skmlp.core.scaling import Scaling
from tests.core.problems import network, objective, one_hot


@pytest.fixture
def sparse_X(rng):
    return sparse.csr_array(np.where(rng.rand(12, 4) < 0.5, rng.randn(12, 4), 0))


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("units", [(), (5,)], ids=len)
def test_a_sparse_x_has_the_value_and_gradient_of_the_dense_one(rng, sparse_X, container, units):
    net, Y = network(4, *units, 3), one_hot(np.arange(12) % 3, 3)
    theta, J = rng.randn(net.n_params), objective(net, l1=0.1, l2=0.1)
    value, grad = J.value_and_grad(theta, sparse_X.toarray(), Y)
    sparse_value, sparse_grad = J.value_and_grad(theta, container(sparse_X), Y)
    assert sparse_value == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(sparse_grad, grad, atol=1e-14)
    np.testing.assert_allclose(
        net.outputs(theta, container(sparse_X), max_bytes=300),
        net.outputs(theta, sparse_X.toarray()),
        atol=1e-14,
    )


@pytest.mark.parametrize("given", [np.uint8, np.int64, np.float32, np.float64, bool])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scaled", [False, True])
def test_rows_are_gathered_in_the_dtype_and_scaled(rng, given, dtype, scaled):
    X, rows = (rng.rand(9, 3) * 5).astype(given), np.array([4, 4, 0, 8])
    mean, scale = rng.rand(3), 0.5 + rng.rand(3)
    scaling = Scaling(mean.astype(dtype), scale.astype(dtype)) if scaled else None
    expected = (X[rows].astype(float) - mean) / scale if scaled else X[rows].astype(float)
    gathered = gatherer(X, (4,), np.dtype(dtype), scaling)(rows)
    assert gathered.dtype == dtype
    np.testing.assert_allclose(gathered, expected, rtol=1e-5, atol=1e-6)
    if scaled:
        scaling, expected = Scaling(None, scaling.scale), X[rows].astype(float) / scale
    for matrix in (sparse.csr_array(X), sparse.csr_matrix(X)):
        gathered = gatherer(matrix, (4,), np.dtype(dtype), scaling)(rows)
        assert gathered.dtype == dtype
        np.testing.assert_allclose(gathered.toarray(), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(X, matrix.toarray())  # X itself was not scaled


def test_a_column_far_from_0_is_centred_before_it_is_cast():
    X = 1e9 + np.arange(4.0)[:, None]
    scaling = Scaling(np.float32([1e9]), np.float32([1.0]))
    gathered = gatherer(X, (4,), np.dtype(np.float32), scaling)(np.arange(4))
    np.testing.assert_array_equal(gathered[:, 0], [0, 1, 2, 3])


def test_rows_in_the_right_dtype_are_not_copied(rng):
    X = rng.rand(6, 2)
    assert np.shares_memory(rows_of(X, slice(1, 3), np.dtype(float)), X)
    assert rows_of(X, slice(1, 3), np.dtype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("centred", [True, False])
def test_a_folded_network_does_to_x_what_it_did_to_scaled_x(rng, centred):
    net, X = network(4, 5, 3), rng.randn(10, 4) * 7 + 3
    scaling = Scaling(rng.rand(4) if centred else None, 0.5 + rng.rand(4))
    theta, scaled = rng.randn(net.n_params), np.empty_like(X)
    scaling.apply(X, scaled)
    folded = scaling.fold(net, theta)
    np.testing.assert_allclose(net.outputs(folded, X), net.outputs(theta, scaled), atol=1e-12)
    np.testing.assert_allclose(scaling.unfold(net, folded), theta, atol=1e-13)


def test_the_work_on_sparse_rows_may_be_shorter(rng, sparse_X):
    net, Y = network(4, 5, 3), one_hot(np.arange(12) % 3, 3)
    theta, J = rng.randn(net.n_params), objective(net)
    work = Workspace(net, theta, 12)
    expected = J.value_and_grad(theta, sparse_X[:5], Y[:5])[0]
    assert J.value_and_grad(theta, sparse_X[:5], Y[:5], work=work.head(5))[0] == expected

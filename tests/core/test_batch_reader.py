"""Rows of X as a batch: dtypes, standardization, and what is not copied."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from skmlp.core.batch_reader import batch_reader, slice_rows
from skmlp.core.design import CentredMatrix
from skmlp.core.scaling import Scaling


@pytest.fixture
def sparse_X(rng):
    return sparse.csr_array(np.where(rng.rand(12, 4) < 0.5, rng.randn(12, 4), 0))


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

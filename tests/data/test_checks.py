"""Checks of X: what is changed in it."""

import numpy as np
import pytest
from scipy import sparse

from skmlp.data.checks import _with_indices_of


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csr_matrix])
def test_indices_of_64_bits_are_shortened_where_python_has_32(kind):
    X = kind(np.eye(4, 6) * 3.0)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    assert _with_indices_of(np.dtype(np.int64), X) is X
    short = _with_indices_of(np.dtype(np.int32), X)
    assert type(short) is kind
    assert short.indices.dtype == short.indptr.dtype == np.int32
    np.testing.assert_array_equal(short.toarray(), X.toarray())
    assert np.shares_memory(short.data, X.data)
    assert X.indices.dtype == np.int64

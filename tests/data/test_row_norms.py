"""Rows that were divided by their norms have one scale; other rows have scales by column."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.preprocessing import OneHotEncoder, normalize

from skmlp.data.moments import column_moments, merge_moments
from skmlp.data.scales import scaling_from_moments
from tests.data.test_moments import SEEDS, expected_scale, scale_of


def texts(rng, n=300, words=40):
    """Return rows of counts of words, sparse, of different lengths; one of them is empty."""
    X = rng.poisson(0.3 / np.arange(1, words + 1) ** 0.5, (n, words)).astype(float)
    X[7] = 0.0
    X[8, :2] = 1.0, 2.0
    return sparse.csr_array(X)


@given(seed=SEEDS, size=st.sampled_from([7, 60, 300]), container=st.sampled_from(["csr", "dense"]))
def test_normalized_rows_have_one_scale(seed, size, container):
    rng = np.random.RandomState(seed)
    rows, constant = normalize(texts(rng)).toarray(), rng.choice([0.0, -0.7, 5.0])
    if constant:
        rows = rows[rows.any(axis=1)]
    X = sparse.csr_array(np.insert(rows, 3, constant, axis=1)) * 3.0
    X = X if container == "csr" else X.toarray()
    n = X.shape[0]
    parts = [column_moments(X, None, np.arange(i, min(i + size, n))) for i in range(0, n, size)]
    moments = merge_moments(parts)
    scale = scaling_from_moments(moments, np.dtype("f8"), lambda: 0.0).scale
    varies = np.ptp(X if container == "dense" else X.toarray(), axis=0) > 0
    np.testing.assert_allclose(scale, np.where(varies, 3.0, 0.0), rtol=1e-9)
    in_float32 = scale_of(X.astype(np.float32), dtype="f4")
    np.testing.assert_allclose(in_float32, scale, rtol=1e-5)


def test_rows_of_another_kind_have_scales_by_column(rng):
    rows = texts(rng)
    longer = normalize(rows.toarray())
    longer[9] *= 1.001
    categories = rng.randint(0, 9, (300, 4))
    for X in (
        rows.toarray(),
        longer,
        np.column_stack([normalize(rows.toarray()), rng.normal(size=300)]),
        normalize(rng.normal(size=(300, 6))),  # of a common norm, as embeddings
        rng.choice([-1.0, 1.0], (300, 6)),
        OneHotEncoder(sparse_output=False).fit_transform(categories),
        np.column_stack([rows.toarray(), np.full(300, 1e9)]),
        np.column_stack([rows.toarray(), 1e9 + rng.randint(-50, 50, 300)]),
        np.column_stack([rows.toarray(), np.full(300, 1e12)]),
    ):
        for data in (X, sparse.csr_array(X)):
            np.testing.assert_allclose(scale_of(data), expected_scale(X), rtol=1e-6)

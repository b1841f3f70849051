"""Bins of columns, against numpy.quantile."""

import numpy as np
import pytest
from scipy import sparse

from skmlp.data.bins import (
    SAMPLE_ROWS,
    BinRule,
    find_bins,
    merge_samples,
    sample_rows,
)


def bins_of(X, n_bins, w=None, rows=None):
    rule = n_bins if isinstance(n_bins, BinRule) else BinRule(n_bins)
    return find_bins(sample_rows(X, w, np.arange(X.shape[0]) if rows is None else rows), rule)


def edges_of(encoding, column):
    of_column = encoding.columns == column
    left, right = encoding.left[of_column], encoding.right[of_column]
    np.testing.assert_array_equal(left[1:], right[:-1])
    return np.append(left, right[-1])


@pytest.mark.parametrize("n", [40, 1001])
@pytest.mark.parametrize("n_bins", [2, 5, 16])
@pytest.mark.parametrize("weighted", [False, True])
def test_edges_are_quantiles(rng, n, n_bins, weighted):
    X = np.column_stack([rng.randn(n), rng.poisson(3, n), rng.lognormal(size=n)])
    w = rng.randint(1, 4, n).astype(float) if weighted else None
    encoding = bins_of(X, n_bins, w)
    for j in range(3):
        q = np.linspace(0, 1, n_bins + 1) * (1 - 1e-12)  # not above i / n_bins
        expected = np.unique(np.quantile(X[:, j], q, method="inverted_cdf", weights=w))
        np.testing.assert_array_equal(edges_of(encoding, j), expected)


def test_a_row_of_weight_2_is_a_row_twice(rng):
    X, w = rng.randn(90, 2), rng.randint(1, 4, 90)
    twice = bins_of(np.repeat(X, w, axis=0), 7)
    for factor in (1.0, 1 / 3, 1e-200):
        weighted = bins_of(X, 7, w * factor)
        np.testing.assert_array_equal(weighted.left, twice.left)
        np.testing.assert_array_equal(weighted.right, twice.right)


@pytest.mark.parametrize("n_bins", [50, 51, 10**6, 2**62, 10**400])
def test_no_more_bins_than_values(rng, n_bins):
    X = rng.randn(50, 1)
    np.testing.assert_array_equal(edges_of(bins_of(X, n_bins), 0), np.sort(X[:, 0]))


def test_rows_that_are_not_trained_on_do_not_count(rng):
    X, rows = rng.randn(100, 2), np.arange(0, 100, 3)
    some = bins_of(X, 4, rows=rows)
    np.testing.assert_array_equal(some.left, bins_of(X[rows], 4).left)


def test_columns_without_bins(rng):
    n = 200
    constant, binary, huge = (
        np.full(n, 3.0),
        rng.randint(0, 2, n),
        rng.choice([-1e308, 0, 1e308], n),
    )
    rare = np.zeros(n)  # three values, two of them in so few rows that there is one bin
    rare[:2] = 1, 2
    numeric = rng.randn(n)
    X = np.column_stack([constant, binary, huge, rare, numeric])
    assert set(bins_of(X, 5).columns) == {2, 4}
    assert np.isfinite(bins_of(X, 5).right - bins_of(X, 5).left).all()
    assert bins_of(X[:, :2], 5) is None
    assert bins_of(X, BinRule(0)) is None


@pytest.mark.parametrize(
    ("n_numeric", "expected"), [(1, 16), (4, 16), (5, 15), (20, 3), (26, 3), (27, 0)]
)
def test_bins_by_number_of_numeric_columns(rng, n_numeric, expected):
    rule = BinRule(16, 3, 78)
    X = np.column_stack([rng.randn(300, n_numeric), rng.randint(0, 2, (300, 40))])
    encoding = bins_of(X, rule)
    assert (0 if encoding is None else encoding.n_bins) == expected * n_numeric


def test_equal_edges_count_once(rng):
    """The limit is on the bins that there are: columns of many zeros leave theirs to the others."""
    n, rule = 1000, BinRule(16, 3, 60)
    counts = np.where(rng.rand(n, 20) < 0.7, 0, rng.poisson(5, (n, 20)) + 1)
    X = np.column_stack([rng.randn(n, 3), counts])
    numbers = {k: 0 if (found := bins_of(X, k)) is None else found.n_bins for k in range(3, 17)}
    assert numbers[3] < 60 < numbers[16]
    most = max(k for k, n_bins in numbers.items() if n_bins <= 60)
    np.testing.assert_array_equal(bins_of(X, rule).left, bins_of(X, most).left)
    assert bins_of(np.column_stack([X, np.roll(counts, 1, axis=0)]), BinRule(16, 3, 60)) is None


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csr_matrix])
def test_sparse_rows(rng, container):
    X = np.where(rng.rand(300, 5) < 0.4, rng.randn(300, 5), 0)
    X[:, 1] = X[:, 1] > 0
    w, rows = rng.rand(300), np.arange(10, 290)
    dense, found = bins_of(X, 6, w, rows), bins_of(container(X), 6, w, rows)
    for name in ("columns", "left", "right"):
        np.testing.assert_array_equal(getattr(found, name), getattr(dense, name))


@pytest.mark.parametrize("as_matrix", [np.asarray, sparse.csr_array])
def test_samples_of_parts(rng, as_matrix):
    X, w = rng.randn(600, 2), rng.rand(600)
    parts = [
        sample_rows(as_matrix(X[part]), w[part], np.arange(200))
        for part in (slice(200), slice(200, 400), slice(400, 600))
    ]
    merged = find_bins(merge_samples(parts), BinRule(8))
    np.testing.assert_array_equal(merged.left, bins_of(X, 8, w).left)


def test_samples_of_many_rows(rng):
    """A sample of a part counts as much as its rows."""
    X = np.concatenate([rng.uniform(0, 1, (4 * SAMPLE_ROWS, 1)), rng.uniform(1, 2, (1000, 1))])
    parts = [sample_rows(X[: 4 * SAMPLE_ROWS], None, np.arange(4 * SAMPLE_ROWS))]
    parts.append(sample_rows(X[4 * SAMPLE_ROWS :], None, np.arange(1000)))
    assert parts[0].X.shape == (SAMPLE_ROWS, 1)
    edges = edges_of(find_bins(merge_samples(parts), BinRule(8)), 0)
    np.testing.assert_allclose(edges, np.quantile(X, np.linspace(0, 1, 9)), atol=0.03)


def test_centres_that_are_values_but_for_rounding():
    x = np.tile([0.0, 2.0, 3.0, np.nan], 10)[:, None]
    sample = sample_rows(x, None, np.arange(40))
    for centre in (2.0, np.nextafter(2.0, 3.0), np.nextafter(2.0, 0.0)):
        encoding = find_bins(sample, BinRule(8), np.array([centre]))
        np.testing.assert_allclose(edges_of(encoding, 0), [0.0, 2.0, 3.0])

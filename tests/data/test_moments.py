"""Statistics of columns, and the scaling made of them."""

import functools
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from skmlp.data.moments import Moments, column_moments, merge_moments
from skmlp.data.scales import scaling_from_moments, working_dtype

SEEDS = st.integers(0, 2**32 - 1)


def scale_of(X, w=None, dtype="f8"):
    moments = column_moments(X, w, np.arange(X.shape[0]))
    return scaling_from_moments(moments, np.dtype(dtype), lambda: 0.0).scale


def expected_scale(X, w=None):
    """The rule, column by column."""
    w, scales = np.ones(len(X)) if w is None else w, []
    for x in X.T:
        mean = np.average(x, weights=w)
        scale = np.sqrt(np.average((x - mean) ** 2, weights=w))
        for v in np.unique(x):
            differs = x != v
            if differs.any() and w[~differs].sum() >= w.sum() / 2:
                r2 = np.average((x[differs] - v) ** 2, weights=w[differs])
                scale = max(scale, np.sqrt(r2))
        scales.append(scale if np.ptp(x) else 0.0)
    return scales


def columns(rng, n):
    """Columns of all kinds: dense, binary, rare, counts, constant, mostly one value."""
    spread = rng.randn(n)
    return np.column_stack(
        [
            spread,
            spread * 1e-3 + 5,
            rng.rand(n) < 0.01 + 0.5 * rng.rand(),
            np.arange(n) % 2,
            rng.poisson(0.2, n),
            np.full(n, 7.5),
            np.where(rng.rand(n) < 0.6, -3.25, spread),
            np.where(rng.rand(n) < 0.4, 1.0, spread),
        ]
    )


@given(seed=SEEDS, n=st.sampled_from([2, 9, 256, 600]), weighted=st.booleans())
def test_scale_is_that_of_the_rule(seed, n, weighted):
    rng = np.random.RandomState(seed)
    X, w = columns(rng, n), rng.randint(1, 4, n) * 1.0 if weighted else None
    expected = expected_scale(X, w)
    np.testing.assert_allclose(scale_of(X, w), expected, rtol=1e-9)
    for container in (sparse.csr_array, sparse.csr_matrix):
        np.testing.assert_allclose(scale_of(container(X), w), expected, rtol=1e-9)


def test_every_binary_column_has_the_distance_of_its_values_as_scale():
    for n_ones in (1, 3, 499, 500, 501, 999):
        x = np.zeros((1000, 1))
        x[:n_ones] = 1
        assert scale_of(x) == pytest.approx(1)
        assert scale_of(x * -40 + 3) == pytest.approx(40)
        assert scale_of(sparse.csr_array(x)) == pytest.approx(1)


@given(seed=SEEDS, weighted=st.booleans())
def test_merged_moments_are_those_of_all_rows(seed, weighted):
    rng = np.random.RandomState(seed)
    X, w = columns(rng, 500), rng.rand(500) if weighted else None
    cuts = np.unique(rng.randint(1, 500, rng.randint(1, 8)))
    whole = column_moments(X, w, np.arange(500))
    for rows in (X, sparse.csr_array(X)):
        parts = np.split(np.arange(500), cuts)
        merged = merge_moments([column_moments(rows, w, part) for part in parts])
        assert merged.n == 500
        assert merged.weight == pytest.approx(whole.weight, rel=1e-12)
        np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(merged.var, whole.var, rtol=1e-12, atol=1e-14)
        # The values of binary columns are counted exactly, however they are cut.
        shares = np.sort(merged.shares[:, 2:4], axis=0)[::-1]
        np.testing.assert_allclose(shares[:2], whole.shares[:2, 2:4], atol=1e-12)
        assert not shares[2:].any()


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("value", [1.0, -30.0])
def test_merged_binary_columns_in_any_order_of_the_rows(rng, container, value):
    """Most parts of sorted rows have one value, or a second one that few rows have."""
    X = np.zeros((3000, 4))
    for column, n_ones in enumerate([1, 1499, 1501, 2999]):
        X[:n_ones, column] = value
    X[1:, 3] = X[:0:-1, 3]
    for cuts in ([1000, 2000], [1499], [1502], [300, 310, 1400]):
        parts = np.split(np.arange(3000), cuts)
        merged = merge_moments([column_moments(container(X), None, part) for part in parts])
        np.testing.assert_allclose(merged.shares.sum(axis=0), 1)
        scale = scaling_from_moments(merged, np.dtype("f8"), lambda: 0.0).scale
        np.testing.assert_allclose(scale, abs(value))


@pytest.mark.parametrize("size", [1, 7, 100])
def test_frequent_value_of_a_stream_is_nearly_exact(rng, size):
    X = np.where(rng.rand(2000) < 0.6, 4.0, rng.randn(2000))[:, None]
    parts = [column_moments(X[i : i + size], None, np.arange(size)) for i in range(0, 1900, size)]
    merged = parts[0]
    for part in parts[1:]:
        merged = merge_moments([merged, part])
    assert merged.values[0] == 4.0
    assert merged.shares[0] == pytest.approx((X[:1900] == 4).mean(), abs=0.02)


def test_merged_moments_equal_standard_scaler():
    X = np.random.RandomState(0).randn(1000, 3) * [1, 1e-3, 0] + [0, 1e5, 7]
    w = np.random.RandomState(1).rand(1000)
    parts = np.split(np.arange(1000), [10, 400])
    for weights in (None, w):
        with np.errstate(all="ignore"):  # variance of the constant column is -1e-17
            whole = StandardScaler().fit(X, sample_weight=weights)
        merged = merge_moments([column_moments(X, weights, part) for part in parts])
        np.testing.assert_allclose(merged.mean, whole.mean_, rtol=1e-12)
        np.testing.assert_allclose(merged.var, whole.var_, rtol=1e-7, atol=1e-20)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the resolution of the second column
            scaling = scaling_from_moments(merged, np.dtype("f8"), lambda: 1e5)
        np.testing.assert_allclose(scaling.scale[:2], whole.scale_[:2], rtol=1e-7)
        assert scaling.scale[2] == 0


def test_sum_of_weights_that_overflows_is_an_error():
    moments = column_moments(np.eye(3), np.full(3, 5e307), np.arange(3))
    with pytest.raises(ValueError, match="The sum of sample_weight overflows"):
        merge_moments([moments, moments])


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint64])
def test_integers_that_float32_does_not_resolve_are_computed_in_float64(rng, kind, container):
    near, wide = rng.randint(-50, 50, 300), rng.randint(0, 10**9, 300)
    assert working_dtype(container((10**9 + near)[:, None].astype(kind))) == np.float64
    assert working_dtype(container(wide[:, None].astype(kind))) == np.float32
    assert working_dtype(container(np.full((300, 1), 10**9, kind))) == np.float32
    assert working_dtype(container(np.abs(near)[:, None].astype(kind))) == np.float32


@pytest.mark.parametrize(
    ("given", "expected"),
    [("f8", "f8"), ("g", "f8"), ("f4", "f4"), ("f2", "f4"), ("u1", "f4"), ("?", "f4")],
)
def test_other_dtypes(given, expected):
    assert working_dtype(np.ones((3, 2), given)) == np.dtype(expected)


@given(seed=SEEDS, as_sparse=st.booleans())
def test_columns_without_gaps_are_present_in_all_rows(seed, as_sparse):
    rng = np.random.RandomState(seed)
    X, w = rng.randn(300, 2), rng.choice([0.1, 1.0, 2.5], 300)
    X[:5, 0] = np.nan
    moments = column_moments(sparse.csr_array(X) if as_sparse else X, w, np.arange(300))
    assert moments.present[0] < 1.0
    assert moments.present[1] == 1.0  # although sums of weights are rounded


def test_means_that_are_values_but_for_rounding():
    x = np.tile([0.0, 1.0, 1.0, 2.0, np.nan, np.nan], 20)[:, None]
    moments = column_moments(x, None, np.arange(len(x)))
    for mean in (1.0, np.nextafter(1.0, 2.0), np.nextafter(1.0, 0.0)):
        close = moments._replace(mean=np.array([mean]))
        scale = scaling_from_moments(close, np.dtype("f8"), lambda: 0.0).scale
        np.testing.assert_allclose(scale, 1.0)  # of the rows that are not 1


@given(seed=SEEDS, weighted=st.booleans(), n=st.sampled_from([2, 40, 5000]))
def test_sparse_columns_with_gaps(seed, weighted, n):
    rng = np.random.RandomState(seed)
    X = rng.randn(n, 12) * (rng.rand(n, 12) < rng.rand(12))
    X[:, 3] = 0.0
    X[:, 4:8] += 3.0
    X[rng.rand(n, 12) < 0.7 * rng.rand(12)] = np.nan
    X[:, 8], X[0, 9] = np.nan, np.nan
    w = rng.choice([0.1, 1.0, 2.5], n) if weighted else None
    dense, of_sparse = (column_moments(A, w, np.arange(n)) for A in (X, sparse.csr_array(X)))
    for name in ("mean", "var", "present"):
        np.testing.assert_allclose(
            getattr(of_sparse, name), getattr(dense, name), rtol=1e-9, atol=1e-12, err_msg=name
        )
    scales = [
        scaling_from_moments(m, np.dtype("f8"), lambda: 0.0).scale for m in (dense, of_sparse)
    ]
    np.testing.assert_allclose(scales[1], scales[0], rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_gaps_in_many_sparse_columns_take_little_memory():
    rng, n = np.random.RandomState(0), 4000
    X = sparse.csr_array(sparse.random(n, 20_000, 5e-4, "csr", random_state=rng))
    X.data[rng.rand(X.nnz) < 0.3] = np.nan
    tracemalloc.start()
    column_moments(X, None, np.arange(n))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2e7  # dense columns with gaps would take 3e8 bytes


def shuffled(rng, n, shares):
    """Return n values, each with about its share of them."""
    return rng.choice(len(shares), n, p=np.array(shares) / np.sum(shares)).astype(float)


def stream_of(kind, rng, n=6000):
    """Return a column in which one value has 60 % of the rows, but not of each part."""
    four = [1, 1, 1, 1]
    if kind == "sorted":
        return np.sort(shuffled(rng, n, [*four, 6]))
    if kind == "sorted, the frequent one in the middle":
        return np.sort(shuffled(rng, n, [1, 1, 6, 1, 1]))
    if kind == "sorted, of many values":
        return np.sort(shuffled(rng, n, [*[0.1] * 40, 6]))
    if kind == "0 is rare at first":
        return np.append(
            shuffled(rng, n * 2 // 5, [0.2, *four]), shuffled(rng, n * 3 // 5, [60, 1, 1])
        )
    if kind == "0 is not the most frequent at first":
        return np.append(shuffled(rng, n // 2, [2, 3, 3, 1, 1]), shuffled(rng, n // 2, [99, 1]))
    spread = np.append(rng.rand(n * 2 // 5) < 0.1, rng.rand(n * 3 // 5) < 0.95)
    return np.where(spread, 0.0, rng.randn(n))


KINDS = (
    "sorted", "sorted, the frequent one in the middle", "sorted, of many values",
    "0 is rare at first", "0 is not the most frequent at first", "0 among numbers",
)  # fmt: skip


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("size", [1, 20, 120])
@pytest.mark.parametrize("kind", KINDS)
def test_scale_of_a_stream_is_nearly_that_of_all_rows(rng, kind, size, container):
    X = stream_of(kind, rng, 600 if size == 1 else 3000)[:, None]
    parts = [column_moments(container(part), None, np.arange(len(part))) for part in cut(X, size)]
    merged = functools.reduce(lambda a, b: merge_moments([a, b]), parts)
    for moments in (merged, merge_moments(parts)):
        scale = scaling_from_moments(moments, np.dtype("f8"), lambda: 0.0).scale
        np.testing.assert_allclose(scale, expected_scale(X), rtol=0.05)


def cut(X, size):
    return [X[i : i + size] for i in range(0, len(X), size)]


@given(seed=SEEDS, n_features=st.sampled_from([1, 2**12]))
def test_merged_shares_have_the_bound_of_misra_and_gries(seed, n_features):
    """Too small by at most a k-th of the rows; exact if there are not more values than k."""
    rng = np.random.RandomState(seed)
    x = np.concatenate([rng.randint(0, rng.randint(1, 60), 40) for _ in range(8)]) * 1.0
    parts = []
    for part in cut(x, 40):  # exact counts
        values, counts = np.unique(part, return_counts=True)
        mean = np.full(n_features, part.mean())
        of_columns = [np.repeat(a[:, None], n_features, axis=1) for a in (values, counts / 40)]
        parts.append(Moments(40, 40.0, mean, np.full(n_features, part.var()), *of_columns))
    merged = functools.reduce(lambda a, b: merge_moments([a, b]), parts)
    k = {1: 16, 2**12: 8}[n_features]
    assert 2 <= len(merged.values) <= k
    true = {v: (x == v).mean() for v in np.unique(x)}
    kept = dict(zip(merged.values[:, 0], merged.shares[:, 0], strict=True))
    assert all(share <= true[v] + 1e-12 for v, share in kept.items() if v == v)
    assert all(share - kept.get(v, 0) <= 1 / k + 1e-12 for v, share in true.items())
    if len(true) <= k:
        np.testing.assert_allclose([kept.get(v) for v in true], list(true.values()))

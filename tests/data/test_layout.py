"""Gaps and levels, against OneHotEncoder and MissingIndicator; moments of columns with gaps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from skmlp.core.levels import Table
from skmlp.data.layout import columns_with_gaps, find_layout
from skmlp.data.moments import column_moments, merge_moments
from skmlp.data.scales import scaling_from_moments


def codes_of(values, categories):
    """Return codes as of `data.tables`: -1 is missing, and others unknown."""
    index = np.searchsorted(categories, values)
    known = np.isin(values, categories)
    return np.where(values == -1, len(categories), np.where(known, index, len(categories) + 1))


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.integers(-1, 7), min_size=1, max_size=60),
    min_frequency=st.sampled_from([1, 2, 5, 0.05, 0.2, 0.5]),
    seen=st.lists(st.integers(-1, 12), min_size=1, max_size=9),
)
def test_levels_are_those_of_the_encoder(values, min_frequency, seen):
    values, seen = np.array(values), np.array(seen)
    categories = np.unique(values[values >= 0])
    n_codes = np.array([len(categories) + 2])
    table = Table(np.zeros((len(values), 0)), codes_of(values, categories)[:, None], n_codes)
    levels = find_layout(table, None, np.arange(len(values)), min_frequency).levels
    # As floats with NaN for missing values, which the encoder puts last as well.
    as_floats, seen_floats = (np.where(v < 0, np.nan, v)[:, None] for v in (values, seen))
    encoder = OneHotEncoder(
        min_frequency=min_frequency, handle_unknown="infrequent_if_exist", sparse_output=False
    )
    encoder.fit(as_floats)
    for rows, codes in (
        (as_floats, table.codes), (seen_floats, codes_of(seen, categories)[:, None])
    ):  # fmt: skip
        expected, rows_of_codes = encoder.transform(rows), levels.rows(codes)[:, 0]
        assert levels.n_levels == expected.shape[1]
        ours = (rows_of_codes[:, None] == np.arange(levels.n_levels)).astype(float)
        np.testing.assert_array_equal(ours, expected)


def test_levels_of_streams():
    codes = np.array([[0], [2], [2]])
    levels = find_layout(
        Table(np.zeros((3, 0)), codes, np.array([5])), None, np.arange(3), None
    ).levels
    assert levels.row_of_code.tolist() == [0, 1, 2, -1, -1]  # no missing value, no unknown one


def test_levels_of_all_rows_have_no_spread():
    w = np.array([1.0, 2, 1, 1, 1, 1, 2, 1])  # whose sums are rounded
    table = Table(np.zeros((8, 0)), np.zeros((8, 1), np.uint8), np.array([3]))
    layout = find_layout(table, w, np.arange(8), 1)
    moments = column_moments(table, w, np.arange(8), layout)
    assert moments.var.tolist() == [0.0]
    assert not scaling_from_moments(moments, np.dtype(float), lambda: 1.0).has_spread.any()


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_columns_with_gaps(rng, container):
    X = rng.normal(size=(60, 6))
    X[rng.rand(60, 6) < 0.02] = np.nan
    rows = np.arange(0, 60, 2)
    expected = MissingIndicator().fit(X[rows]).features_
    assert columns_with_gaps(container(X), rows).tolist() == expected.tolist()
    assert not len(columns_with_gaps(np.nan_to_num(X).astype(np.int8), rows))


def gappy(rng, n):
    X = np.column_stack([
        rng.normal(5, 2, n), rng.poisson(0.3, n), rng.normal(1e6, 1, n), rng.randint(-1, 2, n),
        rng.rand(n) < 0.2, np.full(n, 3.0),
    ]).astype(float)  # fmt: skip
    X[rng.rand(n, 6) < np.array([0.1, 0.3, 0.7, 0.4, 0.2, 0.5])] = np.nan
    return X


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("weighted", [False, True])
def test_scaling_is_that_of_imputed_columns(rng, container, weighted):
    X = gappy(rng, 1000)
    w = rng.randint(0, 4, 1000).astype(float) if weighted else None
    rows = np.arange(1000) if w is None else np.flatnonzero(w)
    layout = find_layout(container(X), w, rows, 1)
    moments = column_moments(container(X), w, rows, layout)
    repeated = X if w is None else np.repeat(X, w.astype(int), axis=0)
    imputer = SimpleImputer(add_indicator=True).fit(repeated)
    np.testing.assert_allclose(moments.mean[:6], imputer.statistics_)
    imputed = imputer.transform(repeated)
    expected = column_moments(imputed, None, np.arange(len(imputed)))
    ours, theirs = (
        scaling_from_moments(m, np.dtype(float), lambda: 1e6) for m in (moments, expected)
    )
    np.testing.assert_allclose(ours.mean, theirs.mean)
    np.testing.assert_allclose(ours.scale, theirs.scale, rtol=1e-6)
    assert ours.scale[5] == 0.0  # constant where it is present


def test_merged_moments_are_those_of_all_rows(rng):
    X = gappy(rng, 900)
    X[:300, 0] = np.nan  # a part without any value
    layout = find_layout(X, None, np.arange(900), 1)
    parts = [column_moments(X, None, np.arange(i, i + 300), layout) for i in (0, 300, 600)]
    merged, whole = merge_moments(parts), column_moments(X, None, np.arange(900), layout)
    for name in ("n", "weight", "mean", "var", "present"):
        np.testing.assert_allclose(getattr(merged, name), getattr(whole, name), atol=1e-12)
    np.testing.assert_allclose(whole.mean[:6], np.nanmean(X, axis=0))
    np.testing.assert_allclose(whole.var[:6], np.nanvar(X, axis=0), rtol=1e-6)

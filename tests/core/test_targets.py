"""One-hot targets stored as a table and codes."""

import numpy as np
import pytest
from sklearn.preprocessing import LabelBinarizer

from skmlp.core.targets import one_hot_targets


@pytest.mark.parametrize("n_classes", [1, 2, 5])
def test_one_hot_targets_are_those_of_label_binarizer(n_classes, rng):
    codes = rng.randint(0, n_classes, 40)
    Y = one_hot_targets(codes, n_classes, np.dtype(np.float32))
    expected = np.eye(n_classes)[codes]
    if n_classes > 2:
        expected = LabelBinarizer().fit(np.arange(n_classes)).transform(codes)
    np.testing.assert_array_equal(Y.toarray(), expected)
    rows = rng.permutation(40)[:7]
    np.testing.assert_array_equal(Y[rows].toarray(), Y.toarray()[rows])
    gather = Y.batch_reader(7)
    np.testing.assert_array_equal(gather(rows), Y.toarray()[rows])
    np.testing.assert_array_equal(gather(rows[:3]), Y.toarray()[rows[:3]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_smoothed_targets_are_those_of_the_formula(dtype, rng):
    codes, unit = rng.randint(0, 4, 30), rng.choice([1e-300, 1.0, 1e300])
    prior = np.array([0.7, 0.0, 0.2, 0.1])
    Y = one_hot_targets(codes, 4, dtype)
    smoothed, one_hot = Y.smooth(0.3, unit * prior), np.eye(4)[codes]
    assert smoothed.toarray().dtype == dtype
    expected = 0.7 * one_hot + 0.3 * prior
    np.testing.assert_allclose(smoothed.toarray(), expected, rtol=4 * np.finfo(dtype).eps)
    uniform = Y.smooth(0.3, None).toarray()
    np.testing.assert_allclose(uniform, 0.7 * one_hot + 0.3 / 4, rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(Y.toarray(), one_hot)


def test_smoothing_copies_no_rows(rng):
    Y = one_hot_targets(rng.randint(0, 3, 1000), 3, np.float32)
    assert Y.smooth(0.1, np.ones(3)).indices is Y.indices
    assert Y.smooth(0.0, np.ones(3)) is Y


def test_target_table_has_no_more_rows_than_distinct_labels():
    Y = one_hot_targets(np.array([7, 99_999, 7]), 100_000, np.dtype(np.float32))
    assert Y.table.shape == (2, 100_000)
    assert Y.toarray().nonzero()[1].tolist() == [7, 99_999, 7]

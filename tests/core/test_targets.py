"""One-hot targets stored as a table and codes."""

import numpy as np
import pytest
from sklearn.preprocessing import LabelBinarizer

from skmlp.core.targets import one_hot_targets


@pytest.mark.parametrize("n_classes", [1, 2, 5])
def test_one_hot_targets_are_those_of_label_binarizer(n_classes, rng):
    codes = rng.randint(0, n_classes, 40)
    Y = one_hot_targets(codes, n_classes, np.dtype(np.float32), 0.1)
    expected = np.eye(n_classes)[codes]
    if n_classes > 2:
        expected = LabelBinarizer().fit(np.arange(n_classes)).transform(codes)
    expected = 0.9 * expected + 0.1 / n_classes
    np.testing.assert_allclose(Y.toarray(), expected, rtol=1e-6)
    rows = rng.permutation(40)[:7]
    np.testing.assert_array_equal(Y[rows].toarray(), Y.toarray()[rows])
    gather = Y.batch_reader((2, 7))
    several = np.stack([rows, rows[::-1]])
    np.testing.assert_array_equal(gather(several), Y.toarray()[several])
    np.testing.assert_array_equal(gather(several[:, :3]), Y.toarray()[several[:, :3]])


def test_target_table_has_no_more_rows_than_distinct_labels():
    Y = one_hot_targets(np.array([7, 99_999, 7]), 100_000, np.dtype(np.float32))
    assert Y.table.shape == (2, 100_000)
    assert Y.toarray().nonzero()[1].tolist() == [7, 99_999, 7]

"""Stratified samples."""

import numpy as np

from skmlp.data import splitting
from skmlp.data.checks import ValidatedRows
from skmlp.data.dataset import encode


def test_stratified_sample_of_many_rows(blobs, monkeypatch):
    X, y = blobs
    rows = encode(ValidatedRows(X, y, None), np.arange(3), np.dtype(np.float32))
    monkeypatch.setattr(splitting, "MAX_STRATIFIED_ROWS", 2000)
    part = splitting.stratified_sample(rows, np.arange(6000), 300)
    again = splitting.stratified_sample(rows, np.arange(6000), 300)
    assert len(part.y) == 300
    np.testing.assert_array_equal(part.X, again.X)
    np.testing.assert_allclose(np.bincount(part.y) / 300, np.bincount(y) / 6000, atol=0.04)

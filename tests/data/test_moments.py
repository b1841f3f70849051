"""Column moments of parts of the rows."""

import warnings

import numpy as np
from sklearn.preprocessing import StandardScaler

from skmlp.data.moments import column_moments, merge_moments, scaling_from_moments


def test_merged_moments_equal_standard_scaler():
    X = np.random.RandomState(0).randn(1000, 3) * [1, 1e-3, 0] + [0, 1e5, 7]
    w = np.random.RandomState(1).rand(1000)
    parts = np.split(np.arange(1000), [10, 400])
    for weights in (None, w):
        with np.errstate(all="ignore"):  # variance of the constant column is -1e-17
            whole = StandardScaler().fit(X, sample_weight=weights)
        merged = merge_moments(
            [column_moments(X, weights, part) for part in parts],
            [len(part) if weights is None else weights[part].sum() for part in parts],
        )
        np.testing.assert_allclose(merged.mean, whole.mean_, rtol=1e-12)
        np.testing.assert_allclose(merged.var, whole.var_, rtol=1e-7, atol=1e-20)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the resolution of the second column
            scaling = scaling_from_moments(
                merged, np.dtype("f8"), centred=True, largest=lambda: 1e5
            )
        np.testing.assert_allclose(scaling.scale, whole.scale_, rtol=1e-7)

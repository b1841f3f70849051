"""The piecewise linear encoding, against interpolation and splines of degree 1."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.preprocessing import SplineTransformer

from skmlp.core.activations import ACTIVATIONS
from skmlp.core.batch_reader import batch_reader, slice_rows
from skmlp.core.design import CentredMatrix
from skmlp.core.encoding import Encoding, PiecewiseLinear
from skmlp.core.network import Network
from skmlp.core.scaling import Scaling

EDGES = {0: [-1.0, 0.5, 2.0], 2: [1.0, 1.5, 4.0, 9.0]}


def bins_of(edges):
    columns = np.repeat(list(edges), [len(e) - 1 for e in edges.values()])
    left, right = (np.concatenate([e[part] for e in edges.values()]) for part in (LEFT, RIGHT))
    return PiecewiseLinear(columns, left, right)


LEFT, RIGHT = slice(None, -1), slice(1, None)
BINS = bins_of(EDGES)
ENCODING = Encoding(np.zeros(3), np.zeros(0, int), bins=BINS)


def features(X, bins=BINS):
    out = np.empty((*X.shape[:-1], bins.n_bins))
    bins.apply(X, out)
    return out


def rows_of(rng, n=50, dtype=float):
    X = rng.normal(2, 4, (n, 3))
    X[rng.rand(n, 3) < 0.3] = 0
    return X.astype(dtype)


@pytest.mark.parametrize("dtype", [float, np.float32, np.int8, np.uint8, bool])
def test_features_are_interpolated(rng, dtype):
    X = rows_of(rng, dtype=dtype)
    bins = zip(BINS.columns, BINS.left, BINS.right, strict=True)
    expected = [np.interp(X[:, j], [left, right], [0.0, 1.0]) for j, left, right in bins]
    np.testing.assert_allclose(features(X), np.transpose(expected), atol=1e-15)


def test_widths_times_features_are_the_clipped_column(rng):
    X = rows_of(rng)
    widths = BINS.right - BINS.left
    for j, edges in EDGES.items():
        of_column = BINS.columns == j
        column = features(X)[:, of_column] @ widths[of_column]
        np.testing.assert_allclose(column, np.clip(X[:, j], edges[0], edges[-1]) - edges[0])


def test_features_span_the_splines_of_degree_1(rng):
    edges = np.array([0.0, 1.0, 1.5, 4.0])
    x = rng.uniform(0, 4, (40, 1))
    splines = SplineTransformer(degree=1, knots=edges[:, None]).fit_transform(x)
    ours = np.hstack([np.ones((40, 1)), features(x, bins_of({0: edges}))])
    assert np.linalg.matrix_rank(ours) == splines.shape[1] == ours.shape[1]
    for a, b in ((ours, splines), (splines, ours)):
        np.testing.assert_allclose(a @ np.linalg.lstsq(a, b)[0], b, atol=1e-12)


def test_narrow_bins_far_from_0_in_float32_networks():
    start = 1.7e9
    bins = PiecewiseLinear(np.array([0]), np.array([start]), np.array([start + 1.0]))
    encoding = Encoding(np.zeros(1), np.zeros(0, int), bins=bins)
    batch = slice_rows(np.array([[start + 0.25]]), slice(None), np.float32, encoding)
    assert batch.dtype == np.float32
    assert batch[0, 1] == 0.25


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scaled", [False, True, "without mean"])
def test_batches(rng, container, dtype, scaled):
    X, scaling = rows_of(rng), None
    mean, scale = np.array([1e3, 0.5, 1.0], dtype), np.array([2.0, 0.0, 3.0], dtype)
    expected = X
    if scaled:
        scaling = Scaling(None if scaled == "without mean" else mean, scale)
        shift = 0.0 if scaled == "without mean" else mean.astype(float)
        expected = (X - shift) * scaling.inverse
    expected = np.hstack([expected, features(X)])
    read = batch_reader(container(X), 20, dtype, scaling, ENCODING)
    for rows in (np.arange(20), np.array([7, 7, 3])):
        batch = read(rows)
        assert batch.dtype == dtype
        assert isinstance(batch, np.ndarray if container is np.asarray else CentredMatrix)
        dense = batch if container is np.asarray else batch.toarray()
        np.testing.assert_allclose(dense, expected[rows], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("lead", [(), (2,)])
def test_networks_encode_chunks(rng, lead):
    net = Network((3, 4, 2), (ACTIVATIONS["tanh"],), ENCODING)
    plain = Network((3 + ENCODING.n_bins, 4, 2), net.activations)
    assert net.n_params == plain.n_params
    theta, X = rng.randn(*lead, net.n_params), rows_of(rng)
    encoded = np.hstack([X, features(X)])

    def outputs(network, X):
        return np.concatenate([A.copy() for _, A in network.chunks(theta, X, max_bytes=400)], -2)

    expected = outputs(plain, encoded)
    np.testing.assert_allclose(outputs(net, X), expected, atol=1e-13)
    if not lead:
        np.testing.assert_allclose(outputs(net, sparse.csr_array(X)), expected, atol=1e-13)


def test_folding_leaves_the_weights_of_bins(rng):
    net = Network((3, 4, 2), (ACTIVATIONS["tanh"],), ENCODING)
    theta, X = rng.randn(net.n_params), rows_of(rng)
    scaling = Scaling(rng.randn(3), 0.5 + rng.rand(3))
    folded = scaling.fold(net, theta)
    np.testing.assert_allclose(scaling.unfold(net, folded), theta, atol=1e-13)
    (W, *_), _ = net.views(folded)
    np.testing.assert_array_equal(W[3:], net.views(theta)[0][0][3:])
    plain = Network((3 + ENCODING.n_bins, 4, 2), net.activations)
    standardized = np.hstack([(X - scaling.mean) / scaling.scale, features(X)])
    (_, expected), (_, logits) = (
        next(plain.chunks(theta, standardized)),
        next(net.chunks(folded, X)),
    )
    np.testing.assert_allclose(logits, expected, atol=1e-12)

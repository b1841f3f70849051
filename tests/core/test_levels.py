"""Categorical columns, against one-hot columns and finite differences."""

import numpy as np
import pytest
from sklearn.preprocessing import OneHotEncoder

from skmlp.core.activations import ACTIVATIONS
from skmlp.core.batch_reader import batch_reader
from skmlp.core.design import MixedMatrix, apply_mask, matmul, matmul_transposed
from skmlp.core.encoding import Encoding, PiecewiseLinear
from skmlp.core.levels import LevelReader, Levels, Table
from skmlp.core.network import Network
from skmlp.core.objective import Objective
from skmlp.core.penalties import Penalty
from skmlp.core.scaling import Scaling

# Two columns of four and six codes: some share a row, some have none.
LEVELS = Levels(np.array([0, 1, 2, -1, 3, 4, 5, 5, 6, 5], np.int32), np.array([0, 4]))
BINS = PiecewiseLinear(np.array([0, 0, 1]), np.array([-1.0, 0, -2]), np.array([0, 1.0, 2]))
ENCODING = Encoding(np.array([0.1, 0.2, 0.3]), np.array([0, 2]), LEVELS, BINS)


def table_of(rng, n=30, dtype=float):
    numbers = rng.normal(size=(n, 3)).astype(dtype)
    numbers[rng.rand(n, 3) < 0.2] = np.nan
    codes = np.stack([rng.randint(0, 4, n), rng.randint(0, 6, n)], 1).astype(np.uint8)
    return Table(numbers, codes, np.array([4, 6]))


def one_hot(codes):
    """Return the one-hot columns by scikit-learn, of the codes that have a row."""
    rows = LEVELS.row_of_code[codes + LEVELS.first_code]
    encoder = OneHotEncoder(
        categories=[range(3), range(3, 7)], handle_unknown="ignore", sparse_output=False
    )
    return encoder.fit(rows).transform(rows)


def columns_of(table):
    """Return the columns that are standardized, and the features of the bins."""
    numbers = np.where(np.isnan(table.numbers), ENCODING.centre, table.numbers)
    bins = np.empty((len(numbers), 3))
    BINS.apply(numbers, bins)
    gaps = np.isnan(table.numbers)[:, ENCODING.gaps]
    return np.hstack([numbers, gaps, one_hot(table.codes)]), bins


def test_sizes():
    assert (LEVELS.n_levels, ENCODING.n_dense, ENCODING.n_columns) == (7, 5, 12)
    assert Encoding.from_arrays(ENCODING.arrays()).arrays().keys() == ENCODING.arrays().keys()


@pytest.mark.parametrize("lead", [(), (2,), (2, 3)])
@pytest.mark.parametrize("with_offset", [False, True])
def test_products(rng, lead, with_offset):
    table = table_of(rng)
    offset = rng.rand(1, 7) if with_offset else None
    rows = LevelReader(LEVELS, float, offset=offset)(table.codes)
    dense = one_hot(table.codes) - (0.0 if offset is None else offset)
    W, delta = rng.randn(*lead, 7, 4), rng.randn(*lead, 30, 4)
    out, grad = np.ones((*lead, 30, 4)), np.full((*lead, 7, 4), np.nan)
    rows.add_product(W, out)
    rows.write_transposed_product(delta, grad)
    np.testing.assert_allclose(out, 1.0 + dense @ W, atol=1e-12)
    np.testing.assert_allclose(grad, dense.T @ delta, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scaled", [False, True, "without mean"])
def test_batches(rng, dtype, scaled):
    table, scaling = table_of(rng), None
    columns, bins = columns_of(table)
    expected = columns
    if scaled:
        mean, scale = columns.mean(axis=0), np.append(columns[:, :5].std(axis=0), np.ones(7))
        scale[6] = 0.0  # without spread
        scaling = Scaling(None if scaled == "without mean" else mean.astype(dtype),
                          scale.astype(dtype))  # fmt: skip
        expected = (columns - (0.0 if scaled == "without mean" else mean)) * scaling.inverse
    read = batch_reader(table, 20, dtype, scaling, ENCODING)
    for rows in (np.arange(20), np.array([7, 7, 3])):
        batch = read(rows)
        assert isinstance(batch, MixedMatrix)
        assert batch.dtype == dtype
        assert batch.shape == (len(rows), 15)
        identity, dense = np.eye(15, dtype=dtype), np.empty((len(rows), 15), dtype)
        matmul(batch, identity, dense)
        np.testing.assert_allclose(dense, np.hstack([expected, bins])[rows], atol=1e-5)
        transposed = np.empty((15, len(rows)), dtype)
        matmul_transposed(batch, np.eye(len(rows), dtype=dtype), transposed)
        np.testing.assert_allclose(transposed, dense.T, atol=1e-6)


def test_masks(rng):
    table = table_of(rng)
    batch = batch_reader(table, 30, float, None, ENCODING)(np.arange(30))
    mask = rng.rand(30, 10)  # five columns, three bins, two categories
    out = np.empty((30, 15))
    matmul(apply_mask(batch, mask, None), np.eye(15), out)
    columns, bins = columns_of(table)
    expected = np.hstack([columns, bins])
    expected[:, :5] *= mask[:, :5]
    expected[:, 12:] *= mask[:, 5:8]
    rows = LEVELS.row_of_code[table.codes + LEVELS.first_code]
    for i, of_row in enumerate(rows):
        for k, level in enumerate(of_row):
            if level >= 0:
                expected[i, 5 + level] = mask[i, 8 + k]
    np.testing.assert_allclose(out, expected)


@pytest.mark.parametrize("lead", [(), (3,)])
def test_gradients_are_finite_differences(rng, lead):
    table = table_of(rng)
    net = Network((12, 5, 3), (ACTIVATIONS["silu"],), ENCODING)
    columns, _ = columns_of(table)
    scaling = Scaling(columns.mean(axis=0), np.ones(12))
    X = batch_reader(table, 30, float, scaling, ENCODING)(np.arange(30))
    Y, theta = np.eye(3)[rng.randint(0, 3, 30)], rng.randn(*lead, net.n_params)
    objective = Objective(net, Penalty(net.n_weights, 0.0, 0.1))
    grad = objective.value_and_grad(theta, X, Y)[1].copy()
    step = 1e-6
    for j in rng.choice(net.n_params, 40, replace=False):
        moved = theta.copy()
        moved[..., j] += step
        above = np.asarray(objective.value_and_grad(moved, X, Y)[0])
        moved[..., j] -= 2 * step
        below = np.asarray(objective.value_and_grad(moved, X, Y)[0])
        np.testing.assert_allclose(grad[..., j], (above - below) / (2 * step), atol=1e-7)


def test_folding(rng):
    table = table_of(rng)
    net = Network((12, 5, 3), (ACTIVATIONS["tanh"],), ENCODING)
    plain = Network((15, 5, 3), net.activations)
    columns, bins = columns_of(table)
    scaling = Scaling(columns.mean(axis=0), np.append(columns[:, :5].std(axis=0), np.ones(7)))
    theta = rng.randn(net.n_params)
    standardized = np.hstack([(columns - scaling.mean) / scaling.scale, bins])
    (_, expected), (_, logits) = (
        next(plain.chunks(theta, standardized)),
        next(net.chunks(scaling.fold(net, theta), table)),
    )
    np.testing.assert_allclose(logits, expected, atol=1e-12)


def test_centres_of_each_network(rng):
    X = rng.normal(size=(20, 3))
    X[rng.rand(20, 3) < 0.3] = np.nan
    centres = rng.normal(size=(2, 1, 3))
    net = Network((3, 4, 2), (ACTIVATIONS["tanh"],), Encoding.of_numbers(centres))
    plain = Network((3, 4, 2), net.activations)
    theta = rng.randn(2, net.n_params)
    logits = np.concatenate([A.copy() for _, A in net.chunks(theta, X)], axis=-2)
    for i in range(2):
        filled = np.where(np.isnan(X), centres[i], X)
        ((_, expected),) = plain.chunks(theta[i], filled)
        np.testing.assert_allclose(logits[i], expected, atol=1e-12)

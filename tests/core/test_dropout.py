"""Dropout masks."""

import numpy as np
import pytest
from scipy import sparse

from skmlp.core.dropout import Dropout
from skmlp.core.network import Workspace
from tests.core.problems import central_differences, data, network, objective


def dropout_of(*rates, seed=0):
    rngs = np.empty((), object)
    rngs[()] = np.random.default_rng(seed)
    return Dropout(rates, rngs)


def rounded(rate):
    return round(rate * 2**16) / 2**16


def drawn(dropout, net, theta, X):
    work = Workspace(net, theta, X.shape[0], dropped_layers=dropout.layers)
    dropout.draw(X, work)
    return work


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_masks_have_mean_1_and_the_given_rate(rate, dtype):
    net, X = network(200, 300, 2), np.ones((500, 200), dtype)
    work = drawn(dropout_of(0.0, rate), net, np.zeros(net.n_params, dtype), X)
    mask = work.masks[1]
    assert work.masks[0] is None
    assert mask.dtype == dtype
    n = mask.size
    assert np.mean(mask == 0) == pytest.approx(rate, abs=5 * np.sqrt(rate * (1 - rate) / n))
    np.testing.assert_allclose(mask[mask != 0], 1 / (1 - rounded(rate)), rtol=1e-6)


@pytest.mark.parametrize("activation", ["logistic", "tanh", "relu", "elu", "gelu"])
@pytest.mark.parametrize("rates", [(0.0, 0.5, 0.5), (0.3, 0.0, 0.5), (0.3, 0.2, 0.1)])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_gradient_with_masks_equals_central_differences(rng, activation, rates, container):
    net = network(4, 4, 3, 3, activation=activation)
    (X, Y), theta, J = data(rng), rng.randn(net.n_params), objective(net, l2=0.1)
    X, dropout = container(X), dropout_of(*rates)
    masks = drawn(dropout, net, theta, X).masks

    def value_and_grad(theta):
        work = Workspace(net, theta, 12, dropped_layers=dropout.layers)
        work.masks = masks
        return J.value_and_grad(theta, X, Y, work=work)

    numeric = central_differences(lambda t: value_and_grad(t)[0], theta)
    np.testing.assert_allclose(value_and_grad(theta)[1], numeric, atol=2e-8)


def test_rate_0(rng):
    net = network(4, 6, 3)
    (X, Y), theta, J = data(rng), rng.randn(net.n_params), objective(net)
    assert dropout_of(0.0, 0.0).layers == []
    rates = np.array([[[0.0]], [[0.0]]]), 0.0  # two networks
    assert Dropout(rates, np.empty(2, object)).layers == []
    work = Workspace(net, theta, 12)
    assert J.value_and_grad(theta, X, Y, work=work)[0] == J.value_and_grad(theta, X, Y)[0]


@pytest.mark.parametrize(("rate", "dropped"), [(1e-9, 0), (1 - 1e-9, 1 - 2**-16)])
def test_rates_close_to_0_and_1(rate, dropped):
    net = network(4, 64, 2)
    work = drawn(dropout_of(0.0, rate), net, np.zeros(net.n_params), np.ones((4096, 4)))
    assert np.mean(work.masks[1] == 0) == pytest.approx(dropped, abs=2e-4)
    assert np.isin(work.masks[1], [0.0, 1 / (1 - dropped)]).all()


def test_population_masks_equal_single_masks(rng):
    net, X = network(4, 6, 3), rng.rand(2, 12, 4)
    rngs = np.empty(2, object)
    rngs[:] = [np.random.default_rng(seed) for seed in (3, 5)]
    rates = 0.0, np.array([0.2, 0.5]).reshape(2, 1, 1)
    together = Dropout(rates, rngs)
    theta = rng.randn(2, net.n_params)
    work = Workspace(net, theta, 20, dropped_layers=together.layers).head(12)
    together.draw(X, work)
    for i, seed in enumerate((3, 5)):
        alone = dropout_of(0.0, rates[1][i, 0, 0], seed=seed)
        masks = drawn(alone, net, theta[i], X[i]).masks
        np.testing.assert_array_equal(work.masks[1][i], masks[1])


def test_stored_entries_of_sparse_x_are_dropped(rng):
    X = sparse.csr_array(np.where(rng.rand(300, 100) < 0.3, rng.rand(300, 100), 0))
    net = network(100, 5, 3)
    work = drawn(dropout_of(0.4, 0.0), net, rng.randn(net.n_params), X)
    before = X.data.copy()
    net.forward(X, work)
    kept = work.inputs[0].data != 0
    assert kept.mean() == pytest.approx(0.6, abs=0.03)
    np.testing.assert_allclose(work.inputs[0].data[kept], before[kept] / (1 - rounded(0.4)))
    np.testing.assert_array_equal(X.data, before)


def test_masks_of_hidden_layers_do_not_depend_on_stored_entries_of_x(rng):
    X = np.zeros((12, 4))
    X[3, 1] = X[7, 2] = 1.0
    net, dropout = network(4, 6, 3), (0.0, 0.5)
    theta = rng.randn(net.n_params)
    of_dense, of_sparse = (
        drawn(dropout_of(*dropout), net, theta, rows).masks[1] for rows in (X, sparse.csr_array(X))
    )
    np.testing.assert_array_equal(of_sparse, of_dense)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_shared_masks_are_those_of_one_row(container):
    """All rows of a batch have the same columns dropped; sparse rows in their stored entries."""
    rates, rngs = (0.3, 0.5), np.empty((), object)
    rngs[()] = np.random.default_rng(0)
    net, rng = network(40, 30, 2), np.random.RandomState(0)
    X = container(rng.randn(12, 40) * (rng.rand(12, 40) < 0.6))
    work = Workspace(net, np.zeros(net.n_params), 12, dropped_layers=[0, 1])
    Dropout(rates, rngs, shared=True).draw(X, work)
    first, second = work.masks
    assert (second == second[0]).all()
    assert set(np.unique(second)) == {0.0, 2.0}
    if sparse.issparse(X):
        by_column = np.full(40, np.nan)
        by_column[X.indices] = first.reshape(-1)[: X.nnz]
        np.testing.assert_array_equal(first.reshape(-1)[: X.nnz], by_column[X.indices])
    else:
        assert (first == first[0]).all()
        by_column = first[0]
    assert set(np.unique(by_column.round(3))) == {0.0, round(1 / 0.7, 3)}

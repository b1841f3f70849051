"""L-BFGS-B against scikit-learn's LogisticRegression, SciPy's BFGS and the KKT conditions."""

import tracemalloc
import warnings
from functools import partial
from time import perf_counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from skmlp.core.lbfgs import minimize_lbfgs, value_and_grad_over
from skmlp.core.minibatch import MiniBatches
from tests.core.problems import network, objective, one_hot

N, D, K = 60, 5, 3


def problem(seed, n_classes=K):
    """Return rows whose labels depend on the first features, with noise."""
    rng = np.random.RandomState(seed)
    X = rng.randn(N, D)
    y = (X[:, :n_classes] + rng.randn(N, n_classes)).argmax(axis=1)
    y[:n_classes] = np.arange(n_classes)
    return X, y


def batches_of(X, Y, w=None, *, batch_size=N, dtype=np.float64):
    return MiniBatches(
        X,
        Y,
        w,
        batch_size=batch_size,
        n_rows=len(X),
        dtype=dtype,
        draw_order=lambda: np.arange(len(X)),
    )


def run(J, theta, batches, *, epochs=10_000, tol=1e-9, stop=lambda record: False):
    records = []

    def on_epoch_end(record):
        records.append(record)
        return stop(record)

    over_rows = partial(value_and_grad_over, batches)
    converged = minimize_lbfgs(
        J, theta, over_rows, epochs=epochs, tol=tol, on_epoch_end=on_epoch_end
    )
    return records, converged


def logits_of_logistic_regression(X, y, w=None, **params):
    """Return the solution of LogisticRegression as weights and biases of a network."""
    oracle = LogisticRegression(tol=1e-12, max_iter=1_000_000, **params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # before 1.8, l1_ratio needs penalty="elasticnet"
        if "l1_ratio" in params and oracle.get_params().get("penalty") == "l2":
            oracle.set_params(penalty="elasticnet")
        oracle.fit(X, y, sample_weight=w)
    coef, intercept = oracle.coef_.T, oracle.intercept_
    if len(intercept) == 1:  # one logit, the difference of the network's two
        coef, intercept = np.hstack([-coef, coef]) / 2, np.r_[-intercept, intercept] / 2
    return coef, intercept


def assert_kkt(J, theta, X, Y, tol):
    """Check that 0 is a subgradient of J at theta within tol."""
    net, l1 = J.network, np.broadcast_to(J.penalty.l1, J.network.n_weights)
    _, grad = J.value_and_grad(theta.astype(float), X, Y)
    g, W, zero = grad[: net.n_weights], theta[: net.n_weights], theta[: net.n_weights] == 0
    assert (np.abs(g[zero]) <= l1[zero] + tol).all()
    assert (np.abs(g + l1 * np.sign(W))[~zero] <= tol).all()
    assert (np.abs(grad[net.n_weights :]) <= tol).all()


# Solutions


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_l2_converges_to_logistic_regression(rng, n_classes, weighted):
    X, y = problem(0, n_classes)
    w, l2 = None, 0.02
    if weighted:
        w = rng.rand(N)
        w /= w.mean()
    C = (2 if n_classes == 2 else 1) / (N * l2)
    coef, intercept = logits_of_logistic_regression(X, y, w, C=C, solver="newton-cg")
    net = network(D, n_classes)
    theta = np.zeros(net.n_params)
    records, converged = run(objective(net, l2=l2), theta, batches_of(X, one_hot(y, n_classes), w))
    (W,), (b,) = net.views(theta)
    np.testing.assert_allclose(W, coef, atol=1e-6)
    np.testing.assert_allclose(b[0] - b.mean(), intercept - intercept.mean(), atol=1e-6)
    assert converged
    losses = [record.loss for record in records]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("l1", [0.005, 0.02, 0.08])
@pytest.mark.parametrize("seed", range(3))
def test_l1_converges_to_logistic_regression_including_zeros(l1, seed):
    X, y = problem(seed)
    coef, intercept = logits_of_logistic_regression(
        X, y, C=1 / (N * l1), l1_ratio=1.0, solver="saga", random_state=0
    )
    net, Y = network(D, K), one_hot(y, K)
    theta, J = np.random.RandomState(seed).randn(net.n_params), objective(net, l1=l1)
    records, converged = run(J, theta, batches_of(X, Y))
    expected = J.value_and_grad(np.r_[coef.ravel(), intercept], X, Y)[0]
    assert converged
    assert records[-1].loss == pytest.approx(expected, abs=1e-10)
    (W,), _ = net.views(theta)
    np.testing.assert_array_equal(W == 0, coef == 0)
    assert (W == 0).any()


@given(
    st.integers(0, 1000),
    st.floats(0.001, 0.1),
    st.sampled_from([1e-3, 1e-5, 1e-8]),
    st.sampled_from([np.float32, np.float64]),
)
# Without a restart, L-BFGS-B stalls on these and reports convergence.
@example(155, 0.02, 1e-4, np.float32)
@example(126, 0.005, 1e-4, np.float32)
@example(39, 0.001, 1e-8, np.float64)
@example(84, 0.001, 1e-8, np.float64)
# On these, it stops with a weight slightly above its bound.
@example(69, 0.02, 3e-3, np.float64)
@example(99, 0.005, 3e-3, np.float32)
def test_l1_converges_to_a_minimum_without_weights_close_to_0(seed, l1, tol, dtype):
    X, y = problem(seed)
    X, Y = X.astype(dtype), one_hot(y, K).astype(dtype)
    net = network(D, K)
    theta, J = np.random.RandomState(seed).randn(net.n_params).astype(dtype), objective(net, l1=l1)
    records, converged = run(J, theta, batches_of(X, Y, dtype=dtype), tol=tol)
    assert converged
    # Gradients smaller than about sqrt(eps) are below the rounding error of the objective.
    assert_kkt(J, theta, X, Y, 1.01 * max(tol, np.finfo(dtype).eps ** 0.5))
    assert records[-1].loss == pytest.approx(J.value_and_grad(theta, X, Y)[0], rel=1e-5)


def test_strengths_per_weight(rng):
    X, y = problem(0)
    net, Y = network(D, 6, K), one_hot(y, K)
    l1 = np.zeros(net.n_weights)
    l1[: D * 6] = 0.01  # the first layer only
    l2 = np.full(net.n_weights, 0.02)
    l2[: D * 3] = 0
    theta, J = rng.randn(net.n_params), objective(net, l1, l2)
    _, converged = run(J, theta, batches_of(X, Y), tol=1e-7)
    assert converged
    assert_kkt(J, theta, X, Y, 1.01e-7)
    (W1, W2), _ = net.views(theta)
    assert (W1 == 0).any()
    assert (W1 != 0).any()
    assert (W2 != 0).all()


def test_all_weights_zero():
    X, y = problem(0)
    net = network(D, K)
    theta = np.ones(net.n_params)
    _, converged = run(objective(net, l1=10.0), theta, batches_of(X, one_hot(y, K)))
    assert converged
    (W,), (b,) = net.views(theta)
    assert (W == 0).all()
    shares = np.exp(b[0]) / np.exp(b[0]).sum()
    np.testing.assert_allclose(shares, np.bincount(y) / N, atol=1e-8)


def test_hidden_layer_converges_to_the_solution_of_bfgs(rng):
    X, y = problem(1)
    net, Y = network(D, 4, K), one_hot(y, K)
    start, J = rng.randn(net.n_params), objective(net, l2=0.05)

    def value_and_grad(theta):
        value, grad = J.value_and_grad(theta, X, Y)
        return value, grad.copy()

    theta = start.copy()
    oracle = minimize(value_and_grad, start, jac=True, method="BFGS", options={"gtol": 1e-7})
    records, converged = run(J, theta, batches_of(X, Y), tol=1e-7)
    assert converged
    assert np.abs(J.value_and_grad(theta, X, Y)[1]).max() <= 1e-7
    assert records[-1].loss == pytest.approx(oracle.fun, rel=1e-9)


def test_iterations_without_l1_equal_scipy(rng):
    X, y = problem(1)
    net, Y = network(D, 4, K), one_hot(y, K)
    start, J = rng.randn(net.n_params), objective(net, l2=0.05)

    def value_and_grad(theta):
        value, grad = J.value_and_grad(theta, X, Y)
        return value, grad.copy()

    options = {"gtol": 1e-7, "ftol": 0.0, "maxiter": 1000, "maxls": 50}
    reference = minimize(value_and_grad, start, jac=True, method="L-BFGS-B", options=options)
    records, _ = run(J, start.copy(), batches_of(X, Y), tol=1e-7)
    assert len(records) == reference.nit


# Batches


@pytest.mark.parametrize("l1", [0.0, 0.01])
def test_batch_size_has_no_effect(rng, l1):
    X, y = (rows[:20] for rows in problem(2))
    net, w = network(D, K), rng.rand(20)
    ends = []
    for batch_size in (20, 7, 1):
        theta, J = np.zeros(net.n_params), objective(net, l1, 0.02)
        run(J, theta, batches_of(X, one_hot(y, K), w / w.mean(), batch_size=batch_size))
        ends.append(theta)
    np.testing.assert_allclose(ends[1], ends[0], atol=1e-6)
    np.testing.assert_allclose(ends[2], ends[0], atol=1e-6)


def test_sum_over_batches_in_float64(rng):
    X, y = problem(3)
    net, Y = network(D, 4, K), one_hot(y, K)
    theta, w, J = rng.randn(net.n_params), rng.rand(N), objective(net, 0.1, 0.2)
    value, grad = value_and_grad_over(batches_of(X, Y, w, batch_size=16), J, theta)
    expected_value, expected_grad = J.value_and_grad(theta, X, Y, w)
    assert value == pytest.approx(expected_value, rel=1e-12)
    np.testing.assert_allclose(grad, expected_grad, atol=1e-14)
    batches = batches_of(X, Y.astype(np.float32), batch_size=16, dtype=np.float32)
    assert value_and_grad_over(batches, J, theta.astype(np.float32))[1].dtype == np.float64


def test_uint8_rows_are_cast_by_batch(rng):
    X = rng.randint(0, 255, (20_000, 50)).astype(np.uint8)  # 1 MB; 4 MB in float32
    Y = one_hot(np.arange(len(X)) % K, K).astype(np.float32)
    net = network(50, K)
    theta = np.zeros(net.n_params, np.float32)
    batches = batches_of(X, Y, batch_size=500, dtype=np.float32)
    tracemalloc.start()
    try:
        run(objective(net), theta, batches, epochs=3)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 500_000  # of which draw_order's row numbers are 160,000


# Reports, stopping and interrupts


def test_every_iteration_is_reported():
    X, y = problem(0)
    net, Y = network(D, 4, K), one_hot(y, K)
    theta, J = np.random.RandomState(0).randn(net.n_params), objective(net, 0.01, 0.01)
    before = theta.copy()

    def compare(record):
        assert record.loss == pytest.approx(J.value_and_grad(theta, X, Y)[0], rel=1e-12)
        assert (theta != before).any()
        before[:] = theta
        assert record.learning_rate is None
        assert record.seconds > 0

    started = perf_counter()
    records, converged = run(J, theta, batches_of(X, Y), epochs=7, stop=compare)
    assert sum(record.seconds for record in records) < perf_counter() - started
    assert len(records) == 7
    assert not converged


def test_epochs_limit_a_restarted_search():
    X, y = problem(155)
    X, Y = X.astype(np.float32), one_hot(y, K).astype(np.float32)
    net = network(D, K)
    start = np.random.RandomState(155).randn(net.n_params).astype(np.float32)
    J, batches = objective(net, 0.02), batches_of(X, Y, dtype=np.float32)
    whole, _ = run(J, start.copy(), batches, tol=1e-4)
    epochs = len(whole) - 1
    records, converged = run(J, start.copy(), batches, tol=1e-4, epochs=epochs)
    assert len(records) == epochs
    assert not converged


@pytest.mark.parametrize("epochs", [10, 3])
def test_on_epoch_end_can_stop_the_search(epochs):
    X, y = problem(0)
    net, Y = network(D, K), one_hot(y, K)
    theta, J = np.zeros(net.n_params), objective(net)
    reports = iter([False, False, True])
    records, converged = run(
        J, theta, batches_of(X, Y), epochs=epochs, stop=lambda record: next(reports)
    )
    assert not converged
    assert len(records) == 3
    assert records[-1].loss == J.value_and_grad(theta, X, Y)[0]


@pytest.mark.parametrize("l1", [0.0, 0.02])
def test_start_at_a_minimum(l1):
    X, y = problem(0)
    net, Y = network(D, K), one_hot(y, K)
    theta, J = np.zeros(net.n_params), objective(net, l1, 0.02)
    first, _ = run(J, theta, batches_of(X, Y))
    end = theta.copy()
    again, converged = run(J, theta, batches_of(X, Y), tol=1e-6)
    assert converged
    np.testing.assert_array_equal(theta, end)
    assert [record.loss for record in again] == pytest.approx([first[-1].loss], rel=1e-12)
    _, converged = run(J, theta, batches_of(X, Y), tol=1e-6, stop=lambda record: True)
    assert not converged  # stopped by on_epoch_end


@pytest.mark.parametrize("where", ["on_epoch_end", "batches"])
def test_interrupt_keeps_the_last_iterate(where):
    X, y = problem(0)
    net, Y = network(D, 4, K), one_hot(y, K)
    theta, J = np.random.RandomState(0).randn(net.n_params), objective(net)
    batches, iterates = batches_of(X, Y, batch_size=16), []
    visit = batches._read_X

    def keep(record):
        iterates.append(theta.copy())
        if where == "on_epoch_end" and len(iterates) == 3:
            raise KeyboardInterrupt

    def gather(rows):
        if where == "batches" and len(iterates) == 3 and rows[0] == 32:
            raise KeyboardInterrupt
        return visit(rows)

    batches._read_X = gather
    with pytest.raises(KeyboardInterrupt):
        run(J, theta, batches, stop=keep)
    assert len(iterates) == 3
    np.testing.assert_array_equal(theta, iterates[-1])


# Precision and overflow


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("l1", [0.0, 0.003])
def test_unreachable_tol(dtype, activation, l1):
    X, y = problem(4)
    X, Y = X.astype(dtype), one_hot(y, K).astype(dtype)
    net = network(D, 4, K, activation=activation)
    theta = np.random.RandomState(0).randn(net.n_params).astype(dtype)
    J = objective(net, l1, 0.01)
    records, converged = run(J, theta, batches_of(X, Y, dtype=dtype), tol=0.0)
    assert converged
    assert theta.dtype == dtype
    assert records[-1].loss < 0.7 * records[0].loss
    assert records[-1].loss == pytest.approx(J.value_and_grad(theta, X, Y)[0], rel=1e-5)


def test_float32_converges_close_to_float64():
    X, y = problem(5)
    net, Y, ends = network(D, K), one_hot(y, K), []
    for dtype in (np.float32, np.float64):
        theta = np.zeros(net.n_params, dtype)
        batches = batches_of(X.astype(dtype), Y.astype(dtype), dtype=dtype)
        _, converged = run(objective(net, l2=0.02), theta, batches, tol=1e-5)
        assert converged
        ends.append(theta)
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-3)


@pytest.mark.parametrize("l1", [0.0, 0.1])
@pytest.mark.parametrize("scale", [1e200, 1e308])
def test_overflow_at_the_start(l1, scale):
    X, y = problem(0)
    net = network(D, 4, K, activation="identity")
    start = scale * np.random.RandomState(0).uniform(0.5, 1, net.n_params)
    theta = start.copy()
    J = objective(net, l1)
    records, converged = run(J, theta, batches_of(X, one_hot(y, K)), epochs=5)
    assert not converged
    assert len(records) == 1
    assert not np.isfinite(records[0].loss)
    np.testing.assert_array_equal(theta, start)


@pytest.mark.parametrize("what", ["value", "grad"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("l1", [0.0, 0.01])
def test_overflow_in_a_step(monkeypatch, what, bad, l1):
    """SciPy reports an infinite value in a step as convergence."""
    X, y = problem(0)
    net, Y = network(D, 4, K), one_hot(y, K)
    theta, J = np.random.RandomState(0).randn(net.n_params), objective(net, l1)
    value_and_grad, calls = type(J).value_and_grad, []

    def overflow_at_the_7th_point(self, *args):
        value, grad = value_and_grad(self, *args)
        calls.append(value)
        if len(calls) == 7:
            value = bad if what == "value" else value
            grad[0] = bad if what == "grad" else grad[0]
        return value, grad

    iterates = []
    monkeypatch.setattr(type(J), "value_and_grad", overflow_at_the_7th_point)
    records, converged = run(
        J, theta, batches_of(X, Y), stop=lambda record: iterates.append(theta.copy())
    )
    assert not converged
    assert len(calls) == 7
    assert np.isfinite([record.loss for record in records[:-1]]).all()
    assert not np.isfinite(records[-1].loss)
    np.testing.assert_array_equal(iterates[-1], iterates[-2])

"""Training by mini-batches."""

import time
import tracemalloc
from functools import partial

import numpy as np
import pytest

from skmlp.core.activations import ACTIVATIONS
from skmlp.core.averaging import average
from skmlp.core.dropout import Dropout
from skmlp.core.initializers import INITIALIZERS, initial_theta
from skmlp.core.minibatch import MiniBatches, train_epoch
from skmlp.core.network import Workspace
from skmlp.core.optimizers import SGD, Adam
from skmlp.core.schedules import SCHEDULES
from skmlp.core.targets import one_hot_targets
from tests.core.problems import network, objective, one_hot

N, D, K = 50, 4, 3
OPTIMIZERS = [SGD(0.0), SGD(0.9), SGD(0.9, nesterovs_momentum=False), Adam()]


@pytest.fixture
def rows(rng):
    return rng.randn(N, D), one_hot(np.arange(N) % K, K)


def batches_of(X, Y, w=None, *, rng, batch_size=16, dtype=np.float64):
    return MiniBatches(
        X,
        Y,
        w,
        batch_size=batch_size,
        n_rows=len(X),
        dtype=dtype,
        draw_order=lambda: rng.permutation(len(X)),
    )


class Population:
    """The batches of several streams with leading axes, one stream for each index of them."""

    def __init__(self, lead, streams):
        self.lead, self.streams = lead, streams
        self.n_rows, self.batch_size = streams[0].n_rows, streams[0].batch_size

    def __len__(self):
        return len(self.streams[0])

    def __iter__(self):
        for batches in zip(*self.streams, strict=True):
            parts = zip(*batches, strict=True)
            yield tuple(None if part[0] is None else self._stack(part) for part in parts)

    def _stack(self, arrays):
        return np.array(arrays).reshape(*self.lead, *arrays[0].shape)


def records_of(
    J, optimizer, theta, state, batches, *, epochs=3, first_epoch=0, dropout=None, **settings
):
    """Train, and yield the record of each epoch."""
    dropped_layers = () if dropout is None else dropout.layers
    work = Workspace(J.network, theta, batches.batch_size, dropped_layers=dropped_layers)
    settings = {"learning_rate": 0.1, "schedule": SCHEDULES["constant"], **settings}
    for epoch in range(first_epoch, epochs):
        yield train_epoch(
            J, optimizer, state, batches, work,
            epoch=epoch, epochs=epochs, dropout=dropout, **settings,
        )  # fmt: skip


def run(J, optimizer, theta, batches, *, state=None, **settings):
    state = optimizer.init(theta) if state is None else state
    return list(records_of(J, optimizer, theta, state, batches, **settings)), state


def test_epoch_visits_every_row_once(rng):
    X = rng.randint(0, 255, (N, D)).astype(np.uint8)
    Y, w = one_hot(np.arange(N) % K, K), rng.rand(N)
    batches = batches_of(X, Y, w, rng=rng, dtype=np.float32)
    for _ in range(2):
        parts = [[part.copy() for part in batch] for batch in batches]
        assert [len(part[0]) for part in parts] == [16, 16, 16, 2]
        assert len(batches) == 4
        X_seen, Y_seen, w_seen = (np.concatenate(column) for column in zip(*parts, strict=True))
        assert X_seen.dtype == np.float32
        order = [np.flatnonzero(w == weight)[0] for weight in w_seen]
        assert sorted(order) == list(range(N))
        np.testing.assert_array_equal(X_seen, X[order])
        np.testing.assert_array_equal(Y_seen, Y[order])


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_population_training_equals_single_training(rows, rng, optimizer):
    """Parameters, row order, row weights, l1, l2 and learning rate differ."""
    X, Y = rows
    net, lead = network(D, 5, K), (2, 3)
    start = rng.randn(*lead, net.n_params)
    l1, l2 = 0.01 * rng.rand(*lead, 1), 0.1 * rng.rand(*lead, 1)
    rates, w = 0.01 + 0.1 * rng.rand(*lead, 1), rng.rand(*lead, N)

    def order_of(i):
        return np.random.RandomState(7 + 3 * i[0] + i[1])

    together = start.copy()
    streams = [batches_of(X, Y, w[i], rng=order_of(i)) for i in np.ndindex(lead)]
    population = Population(lead, streams)
    J = objective(net, l1, l2)
    records, _ = run(J, optimizer, together, population, learning_rate=rates)
    for i in np.ndindex(lead):
        alone = start[i].copy()
        batches = batches_of(X, Y, w[i], rng=order_of(i))
        J = objective(net, l1[i], l2[i])
        solo_records, _ = run(J, optimizer, alone, batches, learning_rate=rates[i][0])
        np.testing.assert_allclose(together[i], alone, rtol=1e-9)
        for record, solo in zip(records, solo_records, strict=True):
            assert record.loss[i] == pytest.approx(solo.loss, rel=1e-9)
            assert record.learning_rate[i] == pytest.approx(solo.learning_rate)


def test_shared_batches(rows, rng):
    X, Y = rows
    net, start = network(D, 5, K), rng.randn(2, 3, network(D, 5, K).n_params)
    together = start.copy()
    streams = [batches_of(X, Y, rng=np.random.RandomState(seed)) for seed in (0, 1)]
    run(objective(net), Adam(), together, Population((2, 1), streams))
    for i in np.ndindex(2, 3):
        alone = start[i].copy()
        batches = batches_of(X, Y, rng=np.random.RandomState(i[0]))
        run(objective(net), Adam(), alone, batches)
        np.testing.assert_allclose(together[i], alone, rtol=1e-9)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("schedule", ["constant", "invscaling"])
def test_2_epochs_plus_3_epochs_equal_5(rows, optimizer, schedule):
    net = network(D, 5, K)
    start = np.random.RandomState(1).randn(net.n_params)
    whole, parts, state = start.copy(), start.copy(), None
    J, settings = objective(net, l1=0.01, l2=0.01), {"schedule": SCHEDULES[schedule]}
    batches = batches_of(*rows, rng=np.random.RandomState(2))
    run(J, optimizer, whole, batches, epochs=5, **settings)
    batches = batches_of(*rows, rng=np.random.RandomState(2))
    for epochs in (2, 3):
        _, state = run(J, optimizer, parts, batches, epochs=epochs, state=state, **settings)
    np.testing.assert_array_equal(parts, whole)


def test_record_is_the_mean_objective(rows, rng):
    X, Y = rows
    net = network(D, 5, K)
    theta, J = rng.randn(net.n_params), objective(net, l2=0.1)
    expected = J.value_and_grad(theta, X, Y)[0]
    # The learning rate is too small to change the parameters.
    records, _ = run(J, SGD(0.0), theta, batches_of(X, Y, rng=rng), learning_rate=1e-300)
    assert [record.loss for record in records] == pytest.approx([expected] * 3, rel=1e-12)
    assert all(record.seconds > 0 for record in records)


def test_schedule_fractions_and_recorded_learning_rate(rows, rng):
    fractions = []

    def schedule(step, fraction):
        fractions.append((step, fraction))
        return 1 - fraction

    net = network(D, K)
    records, _ = run(
        objective(net), SGD(0.0), np.zeros(net.n_params), batches_of(*rows, rng=rng),
        schedule=schedule,
    )  # fmt: skip
    assert fractions == [(i, pytest.approx(i / 12)) for i in range(12)]
    rates = [record.learning_rate for record in records]
    assert rates == pytest.approx([0.1 * (1 - i / 12) for i in (3, 7, 11)])


def test_resume_within_a_cycle(rows):
    net = network(D, 5, K)
    start = np.random.RandomState(1).randn(net.n_params)
    whole, parts, J = start.copy(), start.copy(), objective(net)
    settings = {"epochs": 5, "schedule": SCHEDULES["one_cycle"]}
    run(J, Adam(), whole, batches_of(*rows, rng=np.random.RandomState(2)), **settings)
    batches, state = batches_of(*rows, rng=np.random.RandomState(2)), Adam().init(parts)
    records = records_of(J, Adam(), parts, state, batches, **settings)
    next(records), next(records)
    assert state["step"] == 2 * len(batches)
    run(J, Adam(), parts, batches, state=state, first_epoch=2, **settings)
    np.testing.assert_array_equal(parts, whole)


def test_stop_after_any_epoch(rows, rng):
    net = network(D, K)
    theta, records = np.zeros(net.n_params), []
    state, batches = Adam().init(theta), batches_of(*rows, rng=rng)
    for record in records_of(objective(net), Adam(), theta, state, batches, epochs=100):
        records.append(record)
        if record.loss < 1:
            break
    assert len(records) < 100
    assert records[-1].loss < 1 <= records[-2].loss
    assert state["step"] == 4 * len(records)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("penalty", [{}, {"l2": 0.1}, {"l1": 0.1}], ids=str)
def test_step_allocates_no_arrays(rng, optimizer, penalty, activation):
    X, Y = rng.rand(400, 100).astype(np.float32), one_hot(np.arange(400) % K, K)
    net = network(100, 400, K, activation=activation)
    theta = initial_theta(net, [INITIALIZERS["glorot_uniform"]] * 2, rng, np.float32)
    batches = batches_of(X, Y.astype(np.float32), rng=rng, batch_size=200, dtype=np.float32)
    state, peaks = optimizer.init(theta), []
    tracemalloc.start()
    try:
        for _ in records_of(objective(net, **penalty), optimizer, theta, state, batches, epochs=2):
            peaks.append(tracemalloc.get_traced_memory()[1] - tracemalloc.get_traced_memory()[0])
            tracemalloc.reset_peak()
    finally:
        tracemalloc.stop()
    # theta has 166,412 bytes, a batch and a boolean mask of the hidden layer 80,000
    assert max(peaks[1:]) < 60_000


def test_row_weights_equal_repeated_rows(rows, rng):
    """In a full batch with mean weight 1, weight 2 equals two rows."""
    X, Y = rows
    counts = rng.randint(0, 4, N)
    net = network(D, 5, K)
    theta = 0.3 * rng.randn(net.n_params)
    repeated = theta.copy()
    twice, all_rows = np.repeat(np.arange(N), counts), np.arange(N)
    for at, which, w in (
        (theta, all_rows, counts / counts.mean()),
        (repeated, twice, None),
    ):
        batches = MiniBatches(
            X[which], Y[which], w, batch_size=500, n_rows=len(which), dtype=np.float64,
            draw_order=partial(np.arange, len(which)),
        )  # fmt: skip
        run(objective(net), Adam(), at, batches, epochs=5)
    np.testing.assert_allclose(theta, repeated, atol=1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_strong_l1(rows, optimizer):
    X, Y = rows
    net = network(D, K)
    theta = np.random.RandomState(0).randn(net.n_params)
    batches = batches_of(X, Y, rng=np.random.RandomState(0), batch_size=N)
    run(objective(net, l1=10.0), optimizer, theta, batches, epochs=600, learning_rate=0.05)
    assert (theta[: net.n_weights] == 0).all()
    shares = np.exp(theta[net.n_weights :]) / np.exp(theta[net.n_weights :]).sum()
    np.testing.assert_allclose(shares, Y.mean(axis=0), atol=1e-3)


def test_dropout_of_nearly_all_inputs(rng):
    X, Y = np.abs(rng.randn(400, D)) + 1, one_hot(np.arange(400) % 2, 2)
    X[::2] += 3  # the classes are separable
    net = network(D, 2)
    rates = []
    for rate in (0.0, 1 - 1e-12):
        rngs = np.empty((), object)
        rngs[()] = np.random.default_rng(0)
        theta = np.zeros(net.n_params)
        batches = batches_of(X, Y, rng=np.random.RandomState(0))
        records, _ = run(
            objective(net), SGD(0.0), theta, batches, dropout=Dropout((rate,), rngs), epochs=20
        )
        rates.append(records[-1].loss)
    assert rates[0] < 0.2
    assert rates[1] == pytest.approx(np.log(2), abs=0.01)


def test_recorded_seconds(rows, rng):
    X, Y = rows
    net = network(D, K)
    started = time.perf_counter()
    records, _ = run(objective(net), Adam(), np.zeros(net.n_params), batches_of(X, Y, rng=rng))
    seconds = [record.seconds for record in records]
    assert min(seconds) > 0
    assert sum(seconds) < time.perf_counter() - started


def test_overflow_gives_a_non_finite_loss(rows, rng):
    X, Y = rows
    net = network(D, K)
    batches = batches_of(1e200 * X, Y, rng=rng)
    records, _ = run(objective(net), SGD(0.0), np.ones(net.n_params), batches, learning_rate=1e200)
    assert not np.isfinite(records[-1].loss)


def test_indexed_targets_equal_dense_targets(rows, rng):
    X, Y = rows
    net, codes = network(D, 5, K), np.arange(N) % K
    start, ends = rng.randn(net.n_params), []
    for targets in (Y, one_hot_targets(codes, K, np.float64)):
        theta = start.copy()
        batches = batches_of(X, targets, rng=np.random.RandomState(2))
        run(objective(net), Adam(), theta, batches)
        ends.append(theta)
    np.testing.assert_array_equal(ends[1], ends[0])


class AMSGrad:
    """An optimizer with state arrays that the optimizers of the package do not have."""

    def init(self, theta):
        return {"step": 0} | {name: np.zeros_like(theta) for name in ("mean", "square", "largest")}

    def step(self, theta, grad, state, learning_rate, prox_l1=None, scratch=None):
        state["step"] += 1
        state["mean"] += 0.1 * (grad - state["mean"])
        state["square"] += 0.01 * (grad**2 - state["square"])
        np.maximum(state["largest"], state["square"], out=state["largest"])
        step_size = learning_rate / (np.sqrt(state["largest"]) + 1e-8)
        theta -= step_size * state["mean"]
        if prox_l1 is not None:
            prox_l1(theta, step_size, out=scratch)


def test_optimizer_with_other_state_arrays(rows):
    net, optimizer = network(D, 5, K), AMSGrad()
    start = np.random.RandomState(1).randn(net.n_params)
    whole, parts, state = start.copy(), start.copy(), None
    J = objective(net, l1=0.01, l2=0.01)
    batches = batches_of(*rows, rng=np.random.RandomState(2))
    records, _ = run(J, optimizer, whole, batches, epochs=30)
    assert records[-1].loss < 0.8 * records[0].loss
    assert (whole[: net.n_weights] == 0).any()
    batches = batches_of(*rows, rng=np.random.RandomState(2))
    for epochs in (10, 20):
        _, state = run(J, optimizer, parts, batches, epochs=epochs, state=state)
    np.testing.assert_array_equal(parts, whole)
    # The mean of equal parameters and states.
    average_theta, average_state = average([parts, whole], [state, state], [N, 3 * N])
    np.testing.assert_allclose(average_theta, whole, rtol=1e-15)
    assert average_state.keys() == state.keys()

import time
import tracemalloc
from functools import partial

import numpy as np
import pytest

from skmlp.core.activations import ACTIVATIONS
from skmlp.core.dropout import Dropout
from skmlp.core.initializers import INITIALIZERS, initial_theta
from skmlp.core.optimizers import SGD, Adam
from skmlp.core.schedules import SCHEDULES
from skmlp.core.training import MiniBatches, train
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


def run(J, optimizer, theta, batches, *, epochs=3, state=None, stop=lambda record: False, **kw):
    records = []

    def on_epoch_end(record):
        records.append(record)
        return stop(record)

    state = optimizer.init(theta) if state is None else state
    settings = {"learning_rate": 0.1, "schedule": SCHEDULES["constant"], **kw}
    train(J, optimizer, theta, state, batches, epochs=epochs, on_epoch_end=on_epoch_end, **settings)
    return records, state


def test_an_epoch_visits_every_row_once_and_casts_only_batches(rng):
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
def test_six_networks_at_once_get_what_each_gets_alone(rows, rng, optimizer):
    """Own weights, orders of rows, row weights, l1, l2 and learning rates: rule 2."""
    X, Y = rows
    net, lead = network(D, 5, K), (2, 3)
    start = rng.randn(*lead, net.n_params)
    l1, l2 = 0.01 * rng.rand(*lead, 1), 0.1 * rng.rand(*lead, 1)
    rates, w = 0.01 + 0.1 * rng.rand(*lead, 1), rng.rand(*lead, N)

    def order_of(i):
        return np.random.RandomState(7 + 3 * i[0] + i[1])

    together = start.copy()
    rngs = [order_of(i) for i in np.ndindex(lead)]
    population = MiniBatches(
        X,
        Y,
        w,
        batch_size=16,
        n_rows=N,
        dtype=float,
        draw_order=lambda: np.array([r.permutation(N) for r in rngs]).reshape(*lead, N),
        lead=lead,
    )
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


def test_candidates_of_a_fold_may_share_its_batches(rows, rng):
    X, Y = rows
    net, start = network(D, 5, K), rng.randn(2, 3, network(D, 5, K).n_params)
    together, rngs = start.copy(), [np.random.RandomState(seed) for seed in (0, 1)]
    shared = MiniBatches(
        X,
        Y,
        None,
        batch_size=16,
        n_rows=N,
        dtype=float,
        draw_order=lambda: np.array([r.permutation(N) for r in rngs])[:, None],
        lead=(2, 1),
    )
    run(objective(net), Adam(), together, shared)
    for i in np.ndindex(2, 3):
        alone = start[i].copy()
        batches = batches_of(X, Y, rng=np.random.RandomState(i[0]))
        run(objective(net), Adam(), alone, batches)
        np.testing.assert_allclose(together[i], alone, rtol=1e-9)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("schedule", ["constant", "invscaling"])
def test_2_epochs_and_3_epochs_are_5_bit_for_bit(rows, optimizer, schedule):
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


def test_the_record_is_the_mean_of_the_objective_over_rows(rows, rng):
    X, Y = rows
    net = network(D, 5, K)
    theta, J = rng.randn(net.n_params), objective(net, l2=0.1)
    expected = J.value_and_grad(theta, X, Y)[0]
    # A learning rate that moves nothing leaves all batches at the same parameters.
    records, _ = run(J, SGD(0.0), theta, batches_of(X, Y, rng=rng), learning_rate=1e-300)
    assert [record.loss for record in records] == pytest.approx([expected] * 3, rel=1e-12)
    assert all(record.seconds > 0 for record in records)


def test_a_cycle_spans_the_call_and_the_record_has_its_last_rate(rows, rng):
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


def test_a_training_cut_off_goes_on_inside_its_cycle(rows):
    net = network(D, 5, K)
    start = np.random.RandomState(1).randn(net.n_params)
    whole, parts, J = start.copy(), start.copy(), objective(net)
    settings = {"epochs": 5, "schedule": SCHEDULES["one_cycle"]}
    run(J, Adam(), whole, batches_of(*rows, rng=np.random.RandomState(2)), **settings)
    batches = batches_of(*rows, rng=np.random.RandomState(2))
    counting = iter([False, True])
    _, state = run(J, Adam(), parts, batches, stop=lambda record: next(counting), **settings)
    run(J, Adam(), parts, batches, state=state, first_epoch=2, **settings)
    np.testing.assert_array_equal(parts, whole)


def test_one_set_of_row_weights_serves_a_population(rows, rng):
    X, Y = rows
    w, net = rng.rand(N), network(D, K)
    start = rng.randn(2, net.n_params)
    together, order = start.copy(), np.array([rng.permutation(N) for _ in range(2)])
    population = MiniBatches(
        X, Y, w, batch_size=16, n_rows=N, dtype=float, draw_order=lambda: order, lead=(2,)
    )
    run(objective(net), SGD(), together, population)
    for i in range(2):
        alone = start[i].copy()
        batches = MiniBatches(
            X, Y, w, batch_size=16, n_rows=N, dtype=float, draw_order=lambda i=i: order[i]
        )
        run(objective(net), SGD(), alone, batches)
        np.testing.assert_allclose(together[i], alone, rtol=1e-12)


def test_the_hook_can_stop_the_training(rows, rng):
    net = network(D, K)
    records, state = run(
        objective(net), Adam(), np.zeros(net.n_params), batches_of(*rows, rng=rng),
        epochs=100, stop=lambda record: record.loss < 1,
    )  # fmt: skip
    assert len(records) < 100
    assert records[-1].loss < 1 <= records[-2].loss
    assert state["step"] == 4 * len(records)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("penalty", [{}, {"l2": 0.1}, {"l1": 0.1}], ids=str)
def test_no_step_allocates_anything_of_the_size_of_its_arrays(rng, optimizer, penalty, activation):
    X, Y = rng.rand(600, 300).astype(np.float32), one_hot(np.arange(600) % K, K)
    net = network(300, 400, K, activation=activation)
    theta = initial_theta(net, [INITIALIZERS["glorot_uniform"]] * 2, rng, np.float32)
    batches = batches_of(X, Y.astype(np.float32), rng=rng, batch_size=200, dtype=np.float32)
    peaks = []

    def measure(record):
        peaks.append(tracemalloc.get_traced_memory()[1] - tracemalloc.get_traced_memory()[0])
        tracemalloc.reset_peak()
        return False

    tracemalloc.start()
    try:
        run(objective(net, **penalty), optimizer, theta, batches, stop=measure)
    finally:
        tracemalloc.stop()
    assert max(peaks[1:]) < 60_000  # theta has 486,412 bytes, a mask of a hidden layer 80,000


def test_row_weights_count_rows(rows, rng):
    """In one batch, weight 2 is a row twice; the mean weight is 1."""
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
def test_a_strong_l1_ends_in_zeros_and_a_mean_for_each_class(rows, optimizer):
    X, Y = rows
    net = network(D, K)
    theta = np.random.RandomState(0).randn(net.n_params)
    batches = batches_of(X, Y, rng=np.random.RandomState(0), batch_size=N)
    run(objective(net, l1=10.0), optimizer, theta, batches, epochs=1500, learning_rate=0.05)
    assert (theta[: net.n_weights] == 0).all()
    shares = np.exp(theta[net.n_weights :]) / np.exp(theta[net.n_weights :]).sum()
    np.testing.assert_allclose(shares, Y.mean(axis=0), atol=1e-3)


def test_dropout_trains_on_what_is_left(rng):
    """Inputs dropped nearly always leave the biases alone to learn."""
    X, Y = np.abs(rng.randn(400, D)) + 1, one_hot(np.arange(400) % 2, 2)
    X[::2] += 3  # one look at a row tells its class
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


def test_an_epoch_takes_the_seconds_between_two_looks_at_a_clock(rows, rng):
    X, Y = rows
    net = network(D, K)
    started = time.perf_counter()
    records, _ = run(objective(net), Adam(), np.zeros(net.n_params), batches_of(X, Y, rng=rng))
    seconds = [record.seconds for record in records]
    assert min(seconds) > 0
    assert sum(seconds) < time.perf_counter() - started


def test_numbers_that_overflow_are_told_by_the_record_alone(rows, rng):
    X, Y = rows
    net = network(D, K)
    batches = batches_of(1e200 * X, Y, rng=rng)
    records, _ = run(objective(net), SGD(0.0), np.ones(net.n_params), batches, learning_rate=1e200)
    assert not np.isfinite(records[-1].loss)

"""Networks trained together end where each of them ends alone."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from skmlp import SoftmaxMLPClassifier
from skmlp.fitting import Training
from skmlp.inputs import check_fit_data, encode
from skmlp.parameters import working_dtype
from skmlp.population import Population, Stack, populations

X, y = load_iris(return_X_y=True)


ENCODED = {}


def training(rows=slice(None), **params):
    """Return a training; those on the same rows share them, as in a search."""
    clf = SoftmaxMLPClassifier(
        **{"units": 5, "epochs": 6, "batch_size": 16, "random_state": 0} | params
    )
    checked, _ = check_fit_data(clf, X[rows], y[rows])
    dtype = working_dtype(clf, checked.X)
    key = str(rows), dtype
    if key not in ENCODED:
        ENCODED[key] = encode(checked, clf.classes_, dtype, float(clf.label_smoothing))
    return Training(clf, ENCODED[key])


def assert_as_alone(settings, **tolerance):
    alone = [training(**params).run() for params in settings]
    together = Population([training(**params) for params in settings]).run()
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(other.theta, one.theta, **tolerance)
        assert other.stop_reason == one.stop_reason
        assert other.best_epoch == one.best_epoch
        assert other.history.keys() == one.history.keys()
        for name in one.history.keys() - {"seconds"}:
            np.testing.assert_allclose(other.history[name], one.history[name], **tolerance)
    return together


def test_one_optimizers_numbers():
    adam = [
        {"beta_1": 0.5}, {"beta_2": 0.9}, {"epsilon": 0.1}, {"learning_rate": 0.1}, {"l2": 0.1},
        {"l1": 0.01}, {"l1": [0.1, 0.0]}, {"l2": [0.0, 0.1]},
    ]  # fmt: skip
    assert_as_alone(adam, rtol=1e-9, atol=1e-12)
    sgd = [{"momentum": 0.0}, {"momentum": 0.5}, {"learning_rate": 0.1, "l1": 0.01}]
    for nesterov in (True, False):
        members = [{"solver": "sgd", "nesterovs_momentum": nesterov} | params for params in sgd]
        assert_as_alone(members[1:], rtol=1e-9, atol=1e-12)


def test_in_single_precision():
    members = [
        {"dtype": "float32"} | params
        for params in ({"beta_1": 0.5}, {"l2": 0.1}, {"l1": 0.01}, {"learning_rate": 0.1})
    ]
    together = assert_as_alone(members, rtol=1e-3, atol=1e-4)
    assert {outcome.theta.dtype for outcome in together} == {np.dtype(np.float32)}


def test_streams_side_by_side_and_in_disorder():
    for seeds in ([0, 0, 1, 1], [1, 0, 1, 0, 0], [0, 1, 2], [0]):
        assert_as_alone([{"random_state": seed} for seed in seeds], rtol=1e-9, atol=1e-12)


def test_dropout_draws_for_each_network_what_it_draws_alone():
    members = [{"dropout": rate, "random_state": seed} for rate in (0.1, 0.5) for seed in (0, 1)]
    assert_as_alone(members, rtol=1e-9, atol=1e-12)


def test_each_stops_by_itself():
    members = [
        {"early_stopping": True, "epochs": 50, "n_iter_no_change": n, "learning_rate": rate}
        for n, rate in [(1, 0.3), (2, 0.01), (9, 0.01), (np.inf, 0.1), (1, 1.0)]
    ]
    outcomes = assert_as_alone(members, rtol=1e-6, atol=1e-9)
    assert len({len(outcome.history["loss"]) for outcome in outcomes}) >= 4


def test_each_adaptive_rate_falls_by_itself():
    members = [
        {"schedule": "adaptive", "solver": "sgd", "learning_rate": rate, "n_iter_no_change": n}
        for rate in (0.5, 0.01)
        for n in (1, 3)
    ]
    outcomes = assert_as_alone([m | {"epochs": 20} for m in members], rtol=1e-6, atol=1e-9)
    assert len({outcome.history["learning_rate"][-1] for outcome in outcomes}) >= 3


def test_an_error_ends_its_own_training_alone():
    members = [{"learning_rate": 0.01}, {"learning_rate": 1e308}, {"learning_rate": 0.02}]
    members = [params | {"solver": "sgd"} for params in members]
    first, failed, last = Population([training(**params) for params in members]).run()
    assert "Training diverged in epoch 1" in str(failed)
    assert first.theta.tobytes() == training(**members[0]).run().theta.tobytes()
    assert np.isfinite(last.theta).all()


def test_what_a_warm_start_needs_is_left_as_after_a_single_training():
    for params in ({"dropout": 0.1}, {"solver": "sgd"}, {"schedule": "adaptive"}):
        one = training(**params).run().progress
        other, _ = Population([training(**params), training(**params)]).run()
        other = other.progress
        assert other.optimizer.keys() == one.optimizer.keys()
        for name, value in one.optimizer.items():
            np.testing.assert_allclose(other.optimizer[name], value, rtol=1e-9, atol=1e-12)
        assert other.rng.randint(10**9) == one.rng.randint(10**9)
        assert other.theta.base is None


def test_one_of_a_stream_that_stops_early_keeps_the_random_state_of_its_end():
    params = {"early_stopping": True, "epochs": 30}
    members = [params | {"n_iter_no_change": n, "tol": 0.05} for n in (1, np.inf, 3)]
    alone = [training(**member).run().progress.rng.randint(10**9) for member in members]
    together = Population([training(**member) for member in members]).run()
    assert [outcome.progress.rng.randint(10**9) for outcome in together] == alone


def test_members_of_equal_streams_share_their_batches():
    members = [training() for _ in range(6)]
    stack = Stack(members, [members[0].batches] * 3 + [members[3].batches] * 3)
    assert stack.theta.shape == (2, 3, len(members[0].progress.theta))
    X_batch, Y_batch, w = next(iter(stack.batches))
    assert X_batch.shape == (2, 1, 16, 4)
    assert Y_batch.shape == (2, 1, 16, 3)
    assert w is None


@pytest.mark.parametrize("n_jobs", [1, 2, 5])
def test_who_is_trained_with_whom(n_jobs):
    members = [
        training(rows, **params)
        for rows in (slice(100), slice(50, 150), slice(99))
        for params in ({}, {"l2": 1.0}, {"units": 3}, {"batch_size": 8}, {"epochs": 7})
    ]
    groups = populations(members, n_jobs)
    assert sorted(i for group in groups for i in group) == list(range(15))
    kinds = [
        {(m.description, m.batches.batch_size, m.batches.n_rows, m.epochs) for m in chosen}
        for chosen in ([members[i] for i in group] for group in groups)
    ]
    assert all(len(kind) == 1 for kind in kinds)
    if n_jobs == 1:
        assert sorted(map(len, groups)) == [1, 1, 1, 2, 2, 2, 2, 4]
    assert len(groups[0]) >= len(groups[-1])


def test_memory_is_a_limit():
    members = [training(l2=float(i)) for i in range(10)]
    assert {len(group) for group in populations(members, max_bytes=1)} == {1}
    assert len(populations(members)) == 1

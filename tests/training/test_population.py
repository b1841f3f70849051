"""Networks trained as a population equal networks trained one by one."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_iris

from skmlp import SoftmaxMLPClassifier
from skmlp.data.dataset import encode
from skmlp.estimators.validation import validate_fit_data
from skmlp.training.config import TrainConfig
from skmlp.training.local import local_trainer
from skmlp.training.population import Stack, group_trainers, population_trainer

X, y = load_iris(return_X_y=True)


ENCODED = {}


def trainer(rows=slice(None), **params):
    """Return a trainer; trainers on the same rows share the encoded rows, as in a search."""
    clf = SoftmaxMLPClassifier(
        **{"units": 5, "epochs": 6, "batch_size": 16, "random_state": 0} | params
    )
    validated, _ = validate_fit_data(clf, X[rows], y[rows])
    config = TrainConfig.from_params(clf.get_params())
    dtype = config.requested_dtype(lambda: validated.X.dtype)
    key = str(rows), dtype
    if key not in ENCODED:
        ENCODED[key] = encode(validated, clf.classes_, dtype)
    config = replace(config, n_classes=len(clf.classes_), theta_dtype=dtype)
    return local_trainer(config, clf.classes_, ENCODED[key])


def train_together(settings):
    return population_trainer([trainer(**params) for params in settings]).train_all()


def assert_equals_single_training(settings, **tolerance):
    alone = [trainer(**params).train() for params in settings]
    together = train_together(settings)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(other.theta, one.theta, **tolerance)
        assert other.stop_reason == one.stop_reason
        assert other.best_epoch == one.best_epoch
        assert other.history.keys() == one.history.keys()
        for name in one.history.keys() - {"seconds"}:
            np.testing.assert_allclose(other.history[name], one.history[name], **tolerance)
    return together


def test_optimizer_parameters_per_network():
    adam = [
        {"beta_1": 0.5}, {"beta_2": 0.9}, {"epsilon": 0.1}, {"learning_rate": 0.1}, {"l2": 0.1},
        {"l1": 0.01}, {"l1": [0.1, 0.0]}, {"l2": [0.0, 0.1]},
    ]  # fmt: skip
    assert_equals_single_training(adam, rtol=1e-9, atol=1e-12)
    sgd = [{"momentum": 0.0}, {"momentum": 0.5}, {"learning_rate": 0.1, "l1": 0.01}]
    for nesterov in (True, False):
        members = [{"solver": "sgd", "nesterovs_momentum": nesterov} | params for params in sgd]
        assert_equals_single_training(members[1:], rtol=1e-9, atol=1e-12)


def test_population_in_float32():
    members = [
        {"dtype": "float32"} | params
        for params in ({"beta_1": 0.5}, {"l2": 0.1}, {"l1": 0.01}, {"learning_rate": 0.1})
    ]
    together = assert_equals_single_training(members, rtol=1e-3, atol=1e-4)
    assert {outcome.theta.dtype for outcome in together} == {np.dtype(np.float32)}


def test_random_states_in_any_order():
    for seeds in ([0, 0, 1, 1], [1, 0, 1, 0, 0], [0, 1, 2], [0]):
        assert_equals_single_training(
            [{"random_state": seed} for seed in seeds], rtol=1e-9, atol=1e-12
        )


def test_dropout_masks_are_those_of_single_training():
    members = [{"dropout": rate, "random_state": seed} for rate in (0.1, 0.5) for seed in (0, 1)]
    assert_equals_single_training(members, rtol=1e-9, atol=1e-12)


def test_networks_stop_early_independently():
    members = [
        {"early_stopping": True, "epochs": 50, "n_iter_no_change": n, "learning_rate": rate}
        for n, rate in [(1, 0.3), (2, 0.01), (9, 0.01), (np.inf, 0.1), (1, 1.0)]
    ]
    outcomes = assert_equals_single_training(members, rtol=1e-6, atol=1e-9)
    assert len({len(outcome.history["loss"]) for outcome in outcomes}) >= 3


def test_adaptive_rates_are_independent():
    members = [
        {"schedule": "adaptive", "solver": "sgd", "learning_rate": rate, "n_iter_no_change": n}
        for rate in (0.5, 0.01)
        for n in (1, 3)
    ]
    outcomes = assert_equals_single_training(
        [m | {"epochs": 20} for m in members], rtol=1e-6, atol=1e-9
    )
    assert len({outcome.history["learning_rate"][-1] for outcome in outcomes}) >= 3


IMBALANCED = np.r_[:50, 50:70, 100:105]


def test_networks_with_smoothed_targets():
    """Networks that differ in smoothing or in the prior share rows, but not targets."""
    members = [
        {"rows": IMBALANCED, "label_smoothing": smoothing, "class_weight": class_weight, "l2": l2}
        for smoothing in (0.0, 0.1, 0.3)
        for class_weight in (None, "balanced", {0: 0.2})
        for l2 in (0.0, 0.1)
    ]
    assert_equals_single_training(members, rtol=1e-9, atol=1e-12)
    trainers = [trainer(**member) for member in members]
    assert len({id(member.source.dataset) for member in trainers}) == 1
    assert len({id(member.source.targets) for member in trainers}) == 7  # one without smoothing
    assert len(group_trainers(trainers)) == 1


def test_divergence_of_one_network_does_not_affect_others():
    members = [{"learning_rate": 0.01}, {"learning_rate": 1e308}, {"learning_rate": 0.02}]
    members = [params | {"solver": "sgd"} for params in members]
    first, failed, last = train_together(members)
    assert "Training diverged in epoch 1" in str(failed)
    assert first.theta.tobytes() == trainer(**members[0]).train().theta.tobytes()
    assert np.isfinite(last.theta).all()


def test_divergence_of_one_network_of_a_fit_ends_the_training():
    members = [trainer(learning_rate=rate, solver="sgd") for rate in (0.01, 1e308)]
    with pytest.raises(ValueError, match="Training diverged in epoch 1"):
        population_trainer(members).train_all(of_one_fit=True)
    assert members[0].run.n_done == 1


def test_train_state_is_that_of_single_training():
    for params in ({"dropout": 0.1}, {"solver": "sgd"}, {"schedule": "adaptive"}):
        one = trainer(**params).train().state
        other, _ = train_together([params, params])
        other = other.state
        assert other.optimizer.keys() == one.optimizer.keys()
        for name, value in one.optimizer.items():
            np.testing.assert_allclose(other.optimizer[name], value, rtol=1e-9, atol=1e-12)
        assert other.rng.randint(10**9) == one.rng.randint(10**9)
        assert other.theta.base is None


def test_random_state_after_early_stopping_is_that_of_single_training():
    params = {"early_stopping": True, "epochs": 30}
    members = [params | {"n_iter_no_change": n, "tol": 0.05} for n in (1, np.inf, 3)]
    alone = [trainer(**member).train().state.rng.randint(10**9) for member in members]
    together = train_together(members)
    assert [outcome.state.rng.randint(10**9) for outcome in together] == alone


def test_networks_with_equal_random_states_share_batches():
    members = [trainer() for _ in range(6)]
    streams = [members[0].source.batches] * 3 + [members[3].source.batches] * 3
    n_params = len(members[0].run.state.theta)
    stack = Stack([member.run for member in members], streams)
    assert stack.theta.shape == (2, 3, n_params)
    X_batch, Y_batch, w = next(iter(stack.batches))
    assert X_batch.shape == (2, 1, 16, 4)
    assert Y_batch.shape == (2, 1, 16, 3)
    assert w is None


@pytest.mark.parametrize("n_jobs", [1, 2, 5])
def test_grouping(n_jobs):
    members = [
        trainer(rows, **params)
        for rows in (slice(100), slice(50, 150), slice(99))
        for params in ({}, {"l2": 1.0}, {"units": 3}, {"batch_size": 8}, {"epochs": 7})
    ]
    groups = group_trainers(members, n_jobs)
    assert sorted(i for group in groups for i in group) == list(range(15))
    kinds = [
        {
            (m.run.config.architecture, m.source.batches.batch_size, m.source.batches.n_rows)
            + (m.run.config.n_epochs,)
            for m in chosen
        }
        for chosen in ([members[i] for i in group] for group in groups)
    ]
    assert all(len(kind) == 1 for kind in kinds)
    if n_jobs == 1:
        assert sorted(map(len, groups)) == [1, 1, 1, 2, 2, 2, 2, 4]
    assert len(groups[0]) >= len(groups[-1])


def test_groups_are_limited_by_memory():
    members = [trainer(l2=float(i)) for i in range(10)]
    assert {len(group) for group in group_trainers(members, max_bytes=1)} == {1}
    assert len(group_trainers(members)) == 1

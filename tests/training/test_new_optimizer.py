"""An optimizer with a state array of its own, added as docs/extending.rst says."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from skmlp import PopulationGridSearchCV, SoftmaxMLPClassifier
from skmlp.callbacks import Checkpoint
from skmlp.training.config import OPTIMIZERS
from tests.io.after_checkpoint import crash_after

X, y = load_iris(return_X_y=True)


@dataclass(frozen=True, eq=False)
class AMSGrad:
    """Adam without bias correction, divided by the largest v so far (Reddi et al. 2018)."""

    beta_1: float
    beta_2: float
    powers: ClassVar = {"mean": 1, "var": 2, "var_max": 2}

    def init(self, theta):
        return {"step": 0} | {name: np.zeros_like(theta) for name in ("mean", "var", "var_max")}

    def step(self, theta, grad, state, learning_rate, prox_l1=None, scratch=None):
        state["step"] += 1
        state["mean"] += (1 - self.beta_1) * (grad - state["mean"])
        state["var"] += (1 - self.beta_2) * (grad**2 - state["var"])
        np.maximum(state["var_max"], state["var"], out=state["var_max"])
        theta -= learning_rate * state["mean"] / (np.sqrt(state["var_max"]) + 1e-8)


@pytest.fixture(autouse=True)
def amsgrad(monkeypatch):
    make = lambda config: AMSGrad(float(config.beta_1), float(config.beta_2))  # noqa: E731
    monkeypatch.setitem(OPTIMIZERS, "amsgrad", make)


def net(**params):
    params = {"units": 5, "epochs": 8, "dtype": "float64", "random_state": 0} | params
    return SoftmaxMLPClassifier(**params, solver="amsgrad")


def test_it_trains():
    assert net(epochs=40).fit(X, y).score(X, y) > 0.95


def test_it_continues_bit_for_bit():
    params = {"schedule": "constant", "warm_start": True}
    clf = net(epochs=4, **params).fit(X, y).fit(X, y)
    assert (clf.theta_ == net(epochs=8, **params).fit(X, y).theta_).all()


def test_a_stream_converts_its_arrays():
    rows = np.tile(X, (8, 1)), np.tile(y, 8)
    clf = net().partial_fit(*rows, classes=[0, 1, 2])
    before, proba = clf._train_state.optimizer["var_max"], clf.predict_proba(X)
    clf.set_params(learning_rate=1e-12).partial_fit(rows[0] * 5, rows[1])
    np.testing.assert_allclose(clf.predict_proba(X), proba, atol=1e-8)
    weights = slice(0, clf._network.n_weights)
    assert (clf._train_state.optimizer["var_max"][weights] != before[weights]).any()


def test_a_checkpoint_resumes_bit_for_bit(tmp_path):
    path = tmp_path / "training.npz"
    with crash_after(3):
        net().set_callbacks(Checkpoint(path)).fit(X, y)
    with np.load(path) as file:
        assert {"optimizer_mean", "optimizer_var", "optimizer_var_max"} <= set(file)
    resumed, expected = SoftmaxMLPClassifier.resume(path, X, y), net().fit(X, y)
    assert (resumed.theta_ == expected.theta_).all()
    assert resumed.history_["loss"] == expected.history_["loss"]


def test_a_population_trains_it_as_a_grid_search_does():
    grid = {"beta_1": [0.5, 0.9], "learning_rate": [0.003, 0.01], "l2": [0.0, 1e-2]}
    ours = PopulationGridSearchCV(net(), grid, cv=3, scoring="neg_log_loss").fit(X, y)
    theirs = GridSearchCV(net(), grid, cv=3, scoring="neg_log_loss").fit(X, y)
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], rtol=1e-9
    )

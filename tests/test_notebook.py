"""Comparison with the tutorial notebook: the same results, except for its bias gradient."""

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from skmlp import SoftmaxMLPClassifier
from skmlp.core.initializers import INITIALIZERS, initial_theta
from skmlp.core.minibatch import MiniBatches
from skmlp.core.optimizers import SGD
from skmlp.datasets import fetch_fashion_mnist, load_fashion_mnist_sample
from tests import notebook_loop
from tests.core.problems import network, objective, one_hot
from tests.plain import PLAIN

RECIPE = PLAIN | {
    "units": 100,
    "batch_size": 256,
    "learning_rate": 0.1,
    "solver": "sgd",
    "momentum": 0.0,
    "activation": "logistic",
    "init": "standard_normal",
    "random_state": 42,
}


def flat(weights):
    W1, b1, W2, b2 = weights
    return np.concatenate([part.ravel() for part in (W1, W2, b1, b2)])


@pytest.fixture(scope="module")
def sample():
    X, y = load_fashion_mnist_sample(return_X_y=True)
    return X / 255, y


def notebook_steps(X, y, **changes):
    settings = {"units": 100, "batch_size": 256, "learning_rate": 0.1, "seed": 42, **changes}
    return notebook_loop.steps(X, one_hot(y, 10), **settings)


def test_weights_equal_the_corrected_notebook_in_every_step(sample):
    X, y = sample
    net = network(784, 100, 10, activation="logistic")
    rng = np.random.RandomState(42)
    theta = initial_theta(net, [INITIALIZERS["standard_normal"]] * 2, rng, np.float64)
    J, sgd = objective(net), SGD(momentum=0.0)
    state = sgd.init(theta)
    batches = MiniBatches(
        X,
        one_hot(y, 10),
        None,
        batch_size=256,
        n_rows=len(X),
        dtype=np.float64,
        draw_order=lambda: rng.permutation(len(X)),
    )
    reference = notebook_steps(X, y, epochs=3, corrected=True)
    n_steps = 0
    for _ in range(3):
        for X_batch, Y_batch, _w in batches:
            sgd.step(theta, J.value_and_grad(theta, X_batch, Y_batch)[1], state, 0.1)
            np.testing.assert_allclose(theta, flat(next(reference)), rtol=0, atol=1e-10)
            n_steps += 1
    assert n_steps == 3 * 20
    assert next(reference, None) is None


def test_estimator_equals_the_corrected_notebook(sample):
    X, y = sample
    clf = SoftmaxMLPClassifier(**RECIPE, epochs=3).fit(X, y)
    *_, weights = notebook_steps(X, y, epochs=3, corrected=True)
    np.testing.assert_allclose(clf.theta_, flat(weights), rtol=0, atol=1e-10)
    _, output = notebook_loop.hidden_and_output(X, weights)
    np.testing.assert_allclose(clf.predict_proba(X), output, atol=1e-9)


def test_output_biases_are_trained_unlike_in_the_notebook(sample):
    *_, weights = notebook_steps(*sample, epochs=2, corrected=False)
    assert np.abs(weights[3]).max() < 1e-15
    ours = SoftmaxMLPClassifier(**RECIPE, epochs=2).fit(*sample)
    assert np.abs(ours.intercepts_[1]).max() > 1e-3


def test_softmax_does_not_overflow_unlike_in_the_notebook(sample):
    X, y = sample
    weights = [np.zeros((784, 1)), np.zeros(1), np.full((1, 10), 2000.0), np.zeros(10)]
    with np.errstate(all="ignore"):
        assert np.isnan(notebook_loop.hidden_and_output(X[:1], weights)[1]).all()
    clf = SoftmaxMLPClassifier(units=1, activation="logistic", epochs=1).fit(X[:99], y[:99])
    clf.theta_[:] = flat(weights)
    np.testing.assert_allclose(clf.predict_proba(X[:1]), 0.1)


@pytest.mark.slow
def test_published_accuracy_of_the_notebook_is_reached():
    try:
        X, y = fetch_fashion_mnist(return_X_y=True, download_if_missing=False)
    except OSError as error:
        pytest.skip(f"needs the whole of Fashion-MNIST: {error}")
    X_train, X_val, y_train, y_val = train_test_split(
        X / 255, y, stratify=y, test_size=0.2, random_state=42
    )
    *_, weights = notebook_steps(X_train, y_train, epochs=40, corrected=False)
    _, output = notebook_loop.hidden_and_output(X_val, weights)
    assert (output.argmax(axis=1) == y_val).mean() == 0.8150833333333334
    clf = SoftmaxMLPClassifier(**RECIPE, epochs=40).fit(X_train, y_train)
    assert clf.score(X_val, y_val) == pytest.approx(0.815, abs=0.005)

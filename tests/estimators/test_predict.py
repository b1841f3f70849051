"""Predictions, probabilities and hidden activations."""

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context

from skmlp import SoftmaxMLPClassifier
from tests.plain import PLAIN


def quick(**params):
    return SoftmaxMLPClassifier(**{**PLAIN, "units": 16, "epochs": 5, "random_state": 0, **params})


def test_probabilities_logits_and_labels_agree(digits):
    X_train, X_test, y_train, _ = digits
    clf = quick().fit(X_train, y_train)
    proba, logits = clf.predict_proba(X_test), clf.decision_function(X_test)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(np.exp(clf.predict_log_proba(X_test)), proba)
    np.testing.assert_array_equal(clf.predict(X_test), clf.classes_[logits.argmax(axis=1)])
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(proba, shifted / shifted.sum(axis=1, keepdims=True), rtol=1e-12)


def test_binary_outputs(iris):
    X, y = iris[0][50:], iris[1][50:]
    clf = quick(epochs=30).fit(X, y)
    assert [W.shape for W in clf.coefs_] == [(4, 16), (16, 2)]
    proba, logit = clf.predict_proba(X), clf.decision_function(X)
    assert proba.shape == (100, 2)
    assert logit.shape == (100,)
    np.testing.assert_allclose(proba[:, 1], 1 / (1 + np.exp(-logit)), rtol=1e-9)
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[(logit > 0).astype(int)])


def test_single_class():
    clf = quick().fit(np.eye(3), ["only"] * 3)
    assert clf.predict(np.eye(3)).tolist() == ["only"] * 3
    assert clf.predict_proba(np.eye(3)).tolist() == [[1.0]] * 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_probabilities_are_finite(dtype):
    X = np.array([[-1.0], [1.0]] * 20, dtype)
    clf = quick(units=(), epochs=1).fit(X, X[:, 0] > 0)
    far = np.array([[1e30], [-1e30]], dtype)
    clf.theta_[:] = [-1, 1, 0, 0]
    log_proba = clf.predict_log_proba(far)
    assert log_proba.min() == np.log(np.finfo(dtype).tiny)
    assert (clf.predict_proba(far) > 0).all()


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["a", "b"], dtype="U3"),
        ["cat", "dog", "emu"],
        [10, -3, 7],
        [True, False],
        [1.0, 2.0, 3.0],
        np.array(["x", "y"], dtype=object),
    ],
    ids=str,
)
def test_label_types(labels, rng):
    y = np.asarray(labels)[rng.permutation(np.arange(60) % len(labels))]
    X = np.array([[(np.unique(labels) == label).argmax() * 3.0, 1.0] for label in y])
    clf = quick(epochs=60, learning_rate=0.02).fit(X, y.tolist())
    np.testing.assert_array_equal(clf.classes_, np.unique(labels))
    predicted = clf.predict(X)
    assert predicted.dtype == clf.classes_.dtype
    assert (predicted == y).all()


@pytest.mark.parametrize("working_memory", [1, 1024])
def test_predictions_do_not_depend_on_working_memory(digits, working_memory):
    X_train, X_test, y_train, _ = digits
    clf = quick(units=5000, epochs=1).fit(X_train[:100], y_train[:100])
    expected = clf.predict_proba(X_test)
    with config_context(working_memory=working_memory):
        np.testing.assert_allclose(clf.predict_proba(X_test), expected, rtol=1e-10)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_hidden_activations(digits, container):
    X_train, X_test, y_train, _ = digits
    clf = quick(units=(20, 15), activation=["tanh", "relu"]).fit(X_train, y_train)
    (W1, W2, W3), (b1, b2, b3) = clf.coefs_, clf.intercepts_
    first = np.tanh(X_test @ W1 + b1)
    second = np.maximum(first @ W2 + b2, 0)
    X = container(X_test)
    for layer, expected in ((0, first), (1, second), (-1, second), (-2, first)):
        np.testing.assert_allclose(clf.hidden_activations(X, layer), expected, atol=1e-12)
    np.testing.assert_allclose(clf.hidden_activations(X), second, atol=1e-12)
    np.testing.assert_allclose(clf.decision_function(X), second @ W3 + b3, atol=1e-12)
    with config_context(working_memory=1):
        np.testing.assert_allclose(clf.hidden_activations(X), second, atol=1e-12)
    for layer in (2, -3, 0.5, None):
        with pytest.raises(ValueError, match=r"layer must be an integer from -2 to 1, got"):
            clf.hidden_activations(X, layer)
    with pytest.raises(ValueError, match="needs a hidden layer"):
        quick(units=()).fit(X_train, y_train).hidden_activations(X)

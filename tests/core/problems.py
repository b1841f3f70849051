"""Small random networks and data for the tests of the core."""

import numpy as np

from skmlp.core.activations import ACTIVATIONS
from skmlp.core.network import Network
from skmlp.core.objective import Objective
from skmlp.core.penalties import Penalty


def network(*layer_sizes, activation="tanh"):
    return Network(layer_sizes, (ACTIVATIONS[activation],) * (len(layer_sizes) - 2))


def outputs(net, theta, X, layer=-1, **limits):
    """Return the outputs of a layer for all rows, collected from `Network.chunks`."""
    out = np.empty((*theta.shape[:-1], X.shape[-2], net.layer_sizes[1:][layer]), theta.dtype)
    for chunk, A in net.chunks(theta, X, layer, **limits):
        out[..., chunk, :] = A
    return out


def objective(net, l1=0.0, l2=0.0):
    return Objective(net, Penalty(net.n_weights, l1, l2))


def one_hot(y, n_classes):
    return np.eye(n_classes)[y]


def data(rng, n=12, n_features=4, n_classes=3):
    X = rng.randn(n, n_features)
    y = np.arange(n) % n_classes
    return X, one_hot(rng.permutation(y), n_classes)


def central_differences(function, theta, h=1e-6):
    """Return the numerical gradient of a function at theta."""
    grad = np.empty_like(theta)
    for i in range(len(theta)):
        step = np.zeros_like(theta)
        step[i] = h
        grad[i] = (function(theta + step) - function(theta - step)) / (2 * h)
    return grad

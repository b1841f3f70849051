"""Temperature scaling: one factor on the evidence in the logits, chosen on held-out rows.

The probabilities of a network are too confident, or with label smoothing not confident enough, in
about the same way for all rows. Guo et al. 2017 ("On calibration of modern neural networks",
arXiv:1706.04599) divide the logits z by a temperature T that minimises the cross-entropy on
held-out rows. That moves probabilities towards equal ones, and so those of a rare class far
above its frequency. Here they move towards the class frequencies q instead::

    z <- log q + (z - log q) / T = b z + (1 - b) log q        b = 1 / T

which with classes of equal size is the same, and which acts as a factor on the last weights and
an affine map of the last biases. The loss is convex in b. With u = z - log q, targets y, weights
w of mean 1 and p = softmax(log q + b u), its derivative is::

    d/db sum_i w_i CE_i / n = sum_i w_i (<p_i, u_i> - <y_i, u_i>) / n

and grows with b, so that its root is the minimum. Few rows that are all predicted correctly would
ask for b = infinity. The targets are therefore those of n rows and one more that is spread over
the classes, ``(n y + q) / (n + 1)``, a form of Platt's targets (1999, "Probabilistic outputs for
support vector machines").
"""

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from skmlp.core.losses import log_softmax
from skmlp.core.network import Network

__all__ = ["find_inverse_temperature", "inverse_temperature_derivative", "with_temperature"]

INVERSE_RANGE = 0.2, 5.0
ABSOLUTE_ERROR = 1e-4


def inverse_temperature_derivative(
    logits: np.ndarray, Y: np.ndarray, w: np.ndarray | None, q: np.ndarray, b: float, n: int
) -> float:
    """Return the mean over the rows of the derivative.

    Parameters
    ----------
    logits, Y : ndarray of shape (n_rows, n_classes)
        Y is one-hot.
    w : ndarray of shape (n_rows,) or None
        Weights of mean 1.
    q : ndarray of shape (n_classes,)
        Class frequencies, > 0.
    b : float
        The inverse temperature.
    n : int
        The number of all held-out rows, of which these may be a part.
    """
    log_q = np.log(q)
    U = logits - log_q
    expected = np.vecdot(np.exp(log_softmax(log_q + b * U)), U)
    target = (n * np.vecdot(Y, U) + U @ q) / (n + 1)
    difference = expected - target
    return float((difference if w is None else w * difference).mean())


def find_inverse_temperature(derivative: Callable[[float], float]) -> float:
    """Return the root of an increasing function of b within [1/5, 5], or the end nearest to it."""
    low, high = INVERSE_RANGE
    if derivative(low) >= 0.0:
        return low
    if derivative(high) <= 0.0:
        return high
    return float(brentq(derivative, low, high, xtol=ABSOLUTE_ERROR))


def with_temperature(network: Network, theta: np.ndarray, q: np.ndarray, b: float) -> np.ndarray:
    """Return parameters theta (n_params,) whose logits are those of theta with b applied."""
    theta = theta.copy()
    weights, biases = network.views(theta)
    weights[-1] *= b
    biases[-1] *= b
    biases[-1] += ((1.0 - b) * np.log(q)).astype(theta.dtype)
    return theta

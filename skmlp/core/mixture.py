"""The mean of the probabilities of several networks, its uncertainty and its temperature.

An ensemble of M networks with logits z_m and probabilities ``p_m = softmax(z_m)`` predicts their
mean ``p = mean_m p_m``. With the entropy ``H(p) = - sum_k p_k log p_k``, in nats, the uncertainty
of a row has two parts::

    H(p)  =  mean_m H(p_m)  +  I        total = data + model

The first part is what the members see in the data, where they agree that classes overlap. The
second, the mutual information of class and member, is how much they disagree, as they do on rows
unlike those of training; it is not negative (Depeweg et al. 2018, "Decomposition of uncertainty
in Bayesian deep learning for efficient and risk-sensitive learning", arXiv:1710.07283;
Lakshminarayanan et al. 2017, "Simple and scalable predictive uncertainty estimation using deep
ensembles", arXiv:1612.01474).

The temperature of `core.temperature` is applied to each member, before the mean. With the
inverse temperature b, ``u_m = z_m - log q``, ``p_m = softmax(log q + b u_m)``, targets t and
responsibilities ``r_mk = p_mk / sum_m p_mk``, the cross-entropy of the mean has the derivative::

    d/db (- sum_k t_k log p_k) = - sum_k t_k sum_m r_mk (u_mk - <p_m, u_m>)

which for one member is that of `core.temperature`.

Of each training row, only the R members are known that have left it out, fewer than the M that
predict a new row. A mean of more members is less confident, and asks for a larger b. Measured on
new rows, the best b of a mean of m members is close to ``b_inf - c / m``. Two points of this line
are known, b_1 of single members and b_R, and with them the value for M::

    b_M = b_1 + (b_R - b_1) (1 - 1/M) / (1 - 1/R)

With R = 1 there is b_1 alone, after which the mean is somewhat underconfident.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from skmlp.core.losses import log_softmax
from skmlp.core.temperature import (
    INVERSE_RANGE,
    find_inverse_temperature,
    inverse_temperature_derivative,
)

__all__ = [
    "Uncertainty",
    "decompose_uncertainty",
    "log_mean_proba",
    "mixture_derivative",
    "mixture_inverse_temperature",
]


class Uncertainty(NamedTuple):
    """Entropies of predictions, in nats.

    Attributes
    ----------
    total : ndarray of shape (n,)
        The entropy of the mean of the members' probabilities.
    data : ndarray of shape (n,)
        The mean of their entropies.
    model : ndarray of shape (n,)
        The difference: the mutual information of class and member.
    """

    total: np.ndarray
    data: np.ndarray
    model: np.ndarray


def log_mean_proba(log_proba: np.ndarray) -> np.ndarray:
    """Return the logarithm of the mean of probabilities, given as logarithms (M, ...)."""
    largest = log_proba.max(axis=0)
    with np.errstate(under="ignore"):
        mean = np.exp(log_proba - largest).mean(axis=0)
    log_mean: np.ndarray = np.log(mean) + largest
    return log_mean


def decompose_uncertainty(log_proba: np.ndarray) -> Uncertainty:
    """Return the uncertainty of predictions, given logarithms of probabilities (M, n, K)."""
    total = _entropy(log_mean_proba(log_proba))
    data = _entropy(log_proba).mean(axis=0)
    return Uncertainty(total, data, np.maximum(total - data, 0.0))  # without rounding errors


def _entropy(log_proba: np.ndarray) -> np.ndarray:
    with np.errstate(under="ignore"):
        entropy: np.ndarray = -np.vecdot(np.exp(log_proba), log_proba)
    return entropy


def mixture_derivative(
    logits: np.ndarray, Y: np.ndarray, w: np.ndarray | None, q: np.ndarray, b: float
) -> float:
    """Return the mean over the rows of the derivative by the inverse temperature b.

    Parameters
    ----------
    logits : ndarray of shape (M, n, K)
    Y : ndarray of shape (n, K)
        One-hot rows.
    w : ndarray of shape (n,) or None
        Weights of mean 1.
    q : ndarray of shape (K,)
        Class frequencies, > 0.
    b : float
    """
    n, log_q = len(Y), np.log(q)
    U = logits - log_q
    log_P = log_softmax(log_q + b * U)
    P = np.exp(log_P)
    responsibilities = np.exp(log_P - log_P.max(axis=0))
    responsibilities /= responsibilities.sum(axis=0)
    slopes = (responsibilities * (U - np.vecdot(P, U)[..., None])).sum(axis=0)
    difference = -(n * np.vecdot(Y, slopes) + slopes @ q) / (n + 1)
    return float((difference if w is None else w * difference).mean())


def mixture_inverse_temperature(
    logits: np.ndarray, Y: np.ndarray, w: np.ndarray | None, q: np.ndarray, n_members: int
) -> float:
    """Return the inverse temperature for a mean of n_members.

    Parameters
    ----------
    logits : ndarray of shape (R, n, K)
        Of R members that have not seen the rows.
    Y, w, q
        As in `mixture_derivative`.
    n_members : int
    """
    n_known = len(logits)
    b_known = find_inverse_temperature(partial(mixture_derivative, logits, Y, w, q))
    if n_known == 1:
        return b_known

    def of_single_members(b: float) -> float:
        return sum(inverse_temperature_derivative(z, Y, w, q, b, len(Y)) for z in logits)

    b_single = find_inverse_temperature(of_single_members)
    b = b_single + (b_known - b_single) * (1.0 - 1.0 / n_members) / (1.0 - 1.0 / n_known)
    return float(np.clip(b, *INVERSE_RANGE))

"""Averaging of parameters and optimizer states after local training on several machines.

In a round, every machine k starts from the same parameters and takes mini-batch steps on its
own n_k rows. The next round starts from the mean, weighted by rows::

    theta <- sum_k n_k/n theta_k          n = sum_k n_k

To first order in the learning rate this is a step along the gradient over all n rows, as on
a single machine. The difference is of second order and grows with the number of steps in a
round and with the differences between the machines' rows. Local SGD converges at the rate of
synchronous mini-batches if the rounds are short enough (Stich 2019, "Local SGD converges fast
and communicates little"); weighted by rows it is federated averaging (McMahan et al. 2017,
"Communication-efficient learning of deep networks from decentralized data").

The optimizer's arrays are averaged like theta: they are decaying sums of gradients and of
their squares, and such a sum over all rows is the mean of the sums over the parts.
``state["step"]`` is the rounded mean of the machines' step counts.
"""

from collections.abc import Sequence

import numpy as np

from skmlp.core.optimizers import OptimizerState

__all__ = ["average"]


def average(
    thetas: Sequence[np.ndarray], states: Sequence[OptimizerState], n_rows: Sequence[int]
) -> tuple[np.ndarray, OptimizerState]:
    """Return the mean parameters and the mean optimizer state, weighted by rows.

    Parameters
    ----------
    thetas : sequence of ndarray of shape (n_params,)
    states : sequence of dict
        Optimizer states with the same keys: "step" and any number of arrays like theta.
    n_rows : sequence of int
        How many rows each was trained on, > 0.

    Returns
    -------
    theta : ndarray of shape (n_params,)
    state : dict
    """
    shares = np.asarray(n_rows, np.float64) / sum(n_rows)
    state = {
        name: round(float(shares @ [s[name] for s in states]))
        if name == "step"
        else _mean([s[name] for s in states], shares)
        for name in states[0]
    }
    return _mean(thetas, shares), state


def _mean(arrays: Sequence[np.ndarray], shares: np.ndarray) -> np.ndarray:
    """Return the weighted mean, in the arrays' dtype."""
    mean: np.ndarray = arrays[0] * arrays[0].dtype.type(shares[0])
    for array, share in zip(arrays[1:], shares[1:], strict=True):
        mean += array * array.dtype.type(share)
    return mean

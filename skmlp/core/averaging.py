"""Local training, averaged: how machines that each have some of the rows train one network.

In a round, every machine k starts from the same parameters and takes the mini-batch steps of
its own n_k rows; then all go on from the mean, weighted by rows::

    theta <- sum_k n_k/n theta_k          n = sum_k n_k

To first order in the learning rate that is a step along the gradient over all n rows, as if
there were one machine; what differs is of second order and grows with the steps in a round and
with how much the rows of the machines differ. Local SGD converges at the rate of synchronous
mini-batches if there are not too many steps in a round (Stich 2019, "Local SGD converges fast
and communicates little"); weighted by rows it is federated averaging (McMahan et al. 2017,
"Communication-efficient learning of deep networks from decentralized data").

The optimizer's arrays are averaged like theta: they are decaying sums of gradients and of
their squares, and such a sum over all rows is the mean of the sums over the parts. Of one
machine's steps, ``state["step"]``, the mean is taken too, rounded.
"""

import numpy as np

__all__ = ["average"]


def average(thetas, states, n_rows):
    """Return the parameters and the optimizer state to go on with.

    Parameters
    ----------
    thetas : sequence of ndarray of shape (n_params,)
    states : sequence of dict
        The optimizer's, with the same keys and arrays like theta.
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


def _mean(arrays, shares):
    """Return the weighted mean, in the arrays' dtype."""
    mean = arrays[0] * arrays[0].dtype.type(shares[0])
    for array, share in zip(arrays[1:], shares[1:], strict=True):
        mean += array * array.dtype.type(share)
    return mean

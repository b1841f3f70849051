"""Outputs of checked rows: within scikit-learn's working memory, and finite or an error."""

import numpy as np
from sklearn import get_config

from skmlp.inputs import largest_magnitude

__all__ = ["finite_chunks", "finite_logits", "finite_outputs", "working_memory"]


def working_memory():
    """Return scikit-learn's setting in bytes."""
    return int(get_config()["working_memory"] * 2**20)  # it is in MiB


def finite_logits(network, theta, X, name="X"):
    """Return the logits (n, n_classes) of X (n, n_features), in theta's dtype."""
    return finite_outputs(network, theta, X, -1, name)


def finite_outputs(network, theta, X, layer, name="X"):
    """Return what a layer makes of X (n, n_features): (n, fan_out), in theta's dtype."""
    outputs = np.empty((X.shape[0], network.layer_sizes[1:][layer]), theta.dtype)
    for chunk, part in finite_chunks(network, theta, X, layer, name):
        outputs[chunk] = part
    return outputs


def finite_chunks(network, theta, X, layer=-1, name="X"):
    """Yield slices of the rows and what a layer makes of them, which the next overwrites.

    Raises
    ------
    ValueError
        If X, called by its name, is so large that they overflow.
    """
    chunks = network.chunks(theta, X, layer, working_memory())
    while True:
        with np.errstate(all="ignore"):
            chunk, outputs = next(chunks, (None, None))
        if chunk is None:
            return
        if not np.isfinite(outputs).all():
            raise ValueError(
                f"The network overflows on {name}: its {theta.dtype} parameters cannot be applied "
                f"to numbers as large as {largest_magnitude(X):g}. Scale the features, as those "
                "it was trained on, or train with dtype='float64'."
            )
        yield chunk, outputs

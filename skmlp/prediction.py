"""Outputs of checked rows: within scikit-learn's working memory, and finite or an error."""

import numpy as np
from sklearn import get_config

from skmlp.inputs import largest_magnitude

__all__ = ["finite_logits", "finite_outputs", "working_memory"]


def working_memory():
    """Return scikit-learn's setting in bytes."""
    return int(get_config()["working_memory"] * 2**20)  # it is in MiB


def finite_logits(network, theta, X, name="X"):
    """Return the logits (n, n_classes) of X (n, n_features), in theta's dtype."""
    return finite_outputs(network, theta, X, -1, name)


def finite_outputs(network, theta, X, layer, name="X"):
    """Return what a layer makes of X (n, n_features): (n, fan_out), in theta's dtype.

    Raises
    ------
    ValueError
        If X, called by its name, is so large that they overflow.
    """
    with np.errstate(all="ignore"):
        outputs = network.outputs(theta, X, layer, working_memory())
    if not np.isfinite(outputs).all():
        raise ValueError(
            f"The network overflows on {name}: its {theta.dtype} parameters cannot be applied "
            f"to numbers as large as {largest_magnitude(X):g}. Scale the features, as those it was "
            "trained on, or train with dtype='float64'."
        )
    return outputs

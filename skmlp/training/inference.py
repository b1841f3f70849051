"""Outputs of the network for validated rows, in chunks; overflow is an error."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn import get_config

from skmlp.core.network import Network
from skmlp.data.checks import max_abs

__all__ = ["finite_chunks", "finite_outputs", "working_memory"]


def working_memory() -> int:
    """Return scikit-learn's setting ``working_memory`` in bytes."""
    return int(get_config()["working_memory"] * 2**20)  # it is in MiB


def finite_outputs(
    network: Network, theta: np.ndarray, X: Any, layer: int = -1, name: str = "X"
) -> np.ndarray:
    """Return the outputs of a layer for X (n, n_features): (n, fan_out), in theta's dtype."""
    outputs = np.empty((X.shape[0], network.layer_sizes[1:][layer]), theta.dtype)
    for chunk, part in finite_chunks(network, theta, X, layer, name):
        outputs[chunk] = part
    return outputs


def finite_chunks(
    network: Network, theta: np.ndarray, X: Any, layer: int = -1, name: str = "X"
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield slices of the rows and the outputs of a layer, which the next one overwrites.

    Raises
    ------
    ValueError
        If X, called by its name, is so large that they overflow.
    """
    chunks = network.chunks(theta, X, layer, working_memory())
    while True:
        with np.errstate(all="ignore"):
            item = next(chunks, None)
        if item is None:
            return
        chunk, outputs = item
        if not np.isfinite(outputs).all():
            wider = "" if theta.dtype == np.float64 else ", or train with dtype='float64'"
            raise ValueError(
                f"The network overflows on {name}: its {theta.dtype} parameters cannot be applied "
                f"to numbers as large as {max_abs(X):g}. Scale the features, as those "
                f"it was trained on{wider}."
            )
        yield chunk, outputs

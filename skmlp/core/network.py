"""The network: shapes, views on the flat parameter vector, forward and backward pass.

For layers l = 1 .. L with A_0 = X and f_L the identity::

    Z_l = A_{l-1} W_l + b_l        A_l = f_l(Z_l)        logits = A_L
    delta_l = dJ/dA_l * f_l'(Z_l)  dJ/dA_{l-1} = delta_l W_l^T
    dJ/dW_l = A_{l-1}^T delta_l    dJ/db_l = sum of delta_l over the rows

All parameters are one flat vector ``theta = [W1 | W2 | ... | WL | b1 | ... | bL]``. Every
array may carry further leading axes: theta of shape (..., n_params) is that many networks,
computed by the same lines.
"""

import copy
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import prod

import numpy as np

from skmlp.core.activations import ACTIVATIONS, Activation
from skmlp.core.features import dropped, is_sparse, product, rows_of, transposed_product

__all__ = ["Network", "Workspace"]

MOST_ROWS = 4096  # predicted at once: more would leave the processor's cache and gain nothing


@dataclass(frozen=True)
class Network:
    """A feed-forward network. It owns shapes, never numbers.

    Parameters
    ----------
    layer_sizes : tuple of int
        (n_features, *units, n_classes).
    activations : tuple of Activation
        One for each hidden layer. The output layer is linear: the loss works on logits.
    """

    layer_sizes: tuple[int, ...]
    activations: tuple[Activation, ...]

    @cached_property
    def functions(self):
        """The activation of every layer, the output's included."""
        return (*self.activations, ACTIVATIONS["identity"])

    @cached_property
    def weight_shapes(self):
        """(fan_in, fan_out) of each layer."""
        return list(pairwise(self.layer_sizes))

    @cached_property
    def n_weights(self):
        """How many of the parameters are weights: ``theta[..., :n_weights]``."""
        return sum(fan_in * fan_out for fan_in, fan_out in self.weight_shapes)

    @cached_property
    def n_params(self):
        """Length of theta."""
        return self.n_weights + sum(self.layer_sizes[1:])

    def views(self, theta):
        """Split theta (..., n_params) into views, no copies: a list each of W and b.

        W has shape (..., fan_in, fan_out); b (..., 1, fan_out), a row that adds to Z.
        """
        views, start = [], 0
        bias_shapes = [(1, size) for size in self.layer_sizes[1:]]
        for shape in self.weight_shapes + bias_shapes:
            stop = start + prod(shape)
            views.append(theta[..., start:stop].reshape(theta.shape[:-1] + shape))
            start = stop
        depth = len(self.functions)
        return views[:depth], views[depth:]

    def forward(self, X, work):
        """Return the logits (..., n, n_classes) of X (..., n, n_features), dense or sparse."""
        A = X
        for layer, f in enumerate(self.functions):
            if work.masks is not None and work.masks[layer] is not None:
                A = dropped(A, work.masks[layer], out=work.dropped[layer])
            work.inputs[layer] = A
            Z, A_out = work.Z[layer], work.A[layer]
            product(A, work.weights[layer], out=Z)
            Z += work.biases[layer]
            f.forward(Z, A_out)
            A = A_out
        return A

    def backward(self, work):
        """Fill work.grad, given dJ/dlogits in ``work.delta[-1]``; consumes Z and A."""
        for layer in reversed(range(len(self.functions))):
            delta = work.delta[layer]
            self.functions[layer].backward(delta, work.Z[layer], work.A[layer])
            transposed_product(work.inputs[layer], delta, out=work.weight_grads[layer])
            np.matmul(work.ones, delta, out=work.bias_grads[layer])  # the sum over the rows
            if layer > 0:
                np.matmul(delta, work.weights[layer].mT, out=work.delta[layer - 1])
                if work.masks is not None and work.masks[layer] is not None:
                    work.delta[layer - 1] *= work.masks[layer]

    def chunks(self, theta, X, layer=-1, max_bytes=2**30):
        """Yield a slice of the rows and their A_l (..., n, fan_out), which the next overwrites.

        All layers of a chunk fit into max_bytes, however many rows X has.
        """
        sizes = self.layer_sizes[1:] if is_sparse(X) else self.layer_sizes
        bytes_per_row = 2 * sum(sizes) * prod(theta.shape[:-1]) * theta.itemsize
        n_rows, most = X.shape[-2], min(max_bytes // bytes_per_row, MOST_ROWS)
        chunk_rows = max(1, min(n_rows, most))
        work = Workspace(self, theta, chunk_rows, trains=False)
        for start in range(0, n_rows, chunk_rows):
            chunk = slice(start, start + chunk_rows)
            rows = rows_of(X, chunk, theta.dtype)
            head = work.head(rows.shape[-2])
            self.forward(rows, head)
            yield chunk, head.A[layer]


class Workspace:
    """Everything a step works in besides the data, made once for many steps.

    Parameters
    ----------
    network : Network
    theta : ndarray of shape (..., n_params), C-contiguous
        ``weights`` and ``biases`` are views on it: it may change in place between steps.
    n_rows : int
        Rows of a batch.
    trains : bool, default=True
        Whether to make what backward writes to as well.
    dropped_layers : sequence of int, default=()
        The layers in front of which `Dropout` draws masks.

    Attributes
    ----------
    Z, A, delta : list of ndarray of shape (..., n_rows, fan_out)
        One array for each layer. A is Z where the activation does not need both, and
        the output layer has one array for all three.
    ones : ndarray of shape (1, n_rows)
        Times an array (..., n_rows, fan_out) it is the sum over the rows.
    inputs : list of ndarray of shape (..., n_rows, fan_in)
        What each layer multiplied in the last forward pass.
    masks, dropped : list of ndarray of shape (..., n_rows, fan_in) or None
        What dropout multiplies each layer's input by, and where the product goes; None for
        layers without dropout. ``masks`` is None without any dropout.
    grad, scratch : ndarray of shape (..., n_params)
        The gradient, with the views ``weight_grads`` and ``bias_grads``; and room for
        whoever needs another array like it within a step.
    """

    def __init__(self, network, theta, n_rows, *, trains=True, dropped_layers=()):
        self.theta, self.n_rows = theta, n_rows
        self.weights, self.biases = network.views(theta)
        lead, sizes = theta.shape[:-1], network.layer_sizes[1:]
        self.Z = [np.empty((*lead, n_rows, size), theta.dtype) for size in sizes]
        self.A = [
            np.empty_like(Z) if f.keeps_Z else Z
            for f, Z in zip(network.functions, self.Z, strict=True)
        ]
        self.inputs, self.ones = [None] * len(self.Z), np.ones((1, n_rows), theta.dtype)
        self.masks, self.dropped, self.delta = None, [], []
        if dropped_layers:
            self.masks, self.dropped = (
                [
                    np.empty((*lead, n_rows, size), theta.dtype) if i in dropped_layers else None
                    for i, size in enumerate(network.layer_sizes[:-1])
                ]
                for _ in range(2)
            )
        if trains:
            self.delta = [*(np.empty_like(Z) for Z in self.Z[:-1]), self.Z[-1]]
            self.grad, self.scratch = np.empty_like(theta), np.empty_like(theta)
            self.weight_grads, self.bias_grads = network.views(self.grad)
        self._shorter = None

    def head(self, n_rows):
        """Return a workspace for the first n_rows rows that shares all memory."""
        if n_rows == self.n_rows:
            return self
        if self._shorter is None or self._shorter.n_rows != n_rows:
            self._shorter = copy.copy(self)
            self._shorter.n_rows = n_rows
            for name in ("Z", "A", "delta", "masks", "dropped"):
                arrays = getattr(self, name)
                if arrays is not None:
                    rows = [None if a is None else a[..., :n_rows, :] for a in arrays]
                    setattr(self._shorter, name, rows)
            self._shorter.inputs, self._shorter.ones = self.inputs.copy(), self.ones[:, :n_rows]
        return self._shorter

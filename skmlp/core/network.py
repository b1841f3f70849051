"""The network: shapes, views on the flat parameter vector, forward and backward pass.

For layers l = 1 .. L with A_0 = X and f_L the identity::

    Z_l = A_{l-1} W_l + b_l        A_l = f_l(Z_l)        logits = A_L
    delta_l = dJ/dA_l * f_l'(Z_l)  dJ/dA_{l-1} = delta_l W_l^T
    dJ/dW_l = A_{l-1}^T delta_l    dJ/db_l = sum of delta_l over the rows

All parameters are one flat vector ``theta = [W1 | W2 | ... | WL | b1 | ... | bL]``. All
arrays may have leading axes: theta of shape (..., n_params) holds one network per index of
the leading axes.
"""

import copy
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import prod

import numpy as np

from skmlp.core.activations import ACTIVATIONS, Activation
from skmlp.core.batch_reader import slice_rows
from skmlp.core.design import (
    Matrix,
    RawMatrix,
    apply_mask,
    is_sparse,
    matmul,
    matmul_transposed,
)
from skmlp.core.encoding import Encoding

__all__ = ["Network", "Workspace"]

# Rows of a chunk of a prediction, of all networks together, and of each at least: larger chunks
# exceed the CPU cache, smaller ones have more overhead.
MAX_CHUNK_ROWS, MIN_CHUNK_ROWS = 2048, 256


@dataclass(frozen=True)
class Network:
    """The shapes and activations of a feed-forward network, without its parameters.

    Parameters
    ----------
    layer_sizes : tuple of int
        (n_columns, *units, n_classes), with the columns that take part in standardization: numeric
        ones, indicators of gaps and levels.
    activations : tuple of Activation
        One for each hidden layer. The output layer is linear; its outputs are the logits.
    encoding : Encoding, default=None
        Of the rows; None if the columns are those of the rows and have no gaps.
    """

    layer_sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    encoding: Encoding | None = None

    @cached_property
    def n_inputs(self) -> int:
        """Inputs of the first layer: the columns and the features of their bins."""
        return self.layer_sizes[0] + (0 if self.encoding is None else self.encoding.n_bins)

    @cached_property
    def n_stored(self) -> int:
        """Numbers that hold the inputs of a row, where a categorical column has one."""
        if self.encoding is None:
            return self.n_inputs
        return self.n_inputs - self.encoding.n_levels + self.encoding.n_categorical

    @cached_property
    def layer_activations(self) -> tuple[Activation, ...]:
        """The activation of each layer, including the output layer's identity."""
        return (*self.activations, ACTIVATIONS["identity"])

    @cached_property
    def weight_shapes(self) -> list[tuple[int, int]]:
        """(fan_in, fan_out) of each layer."""
        return list(pairwise((self.n_inputs, *self.layer_sizes[1:])))

    @cached_property
    def n_weights(self) -> int:
        """Number of weights; they are ``theta[..., :n_weights]``."""
        return sum(fan_in * fan_out for fan_in, fan_out in self.weight_shapes)

    @cached_property
    def n_params(self) -> int:
        """Length of theta."""
        return self.n_weights + sum(self.layer_sizes[1:])

    def views(self, theta: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the weights and the biases of all layers as views of theta (..., n_params).

        W has shape (..., fan_in, fan_out); b has shape (..., 1, fan_out), a row added to Z.
        """
        views, start = [], 0
        bias_shapes = [(1, size) for size in self.layer_sizes[1:]]
        for shape in self.weight_shapes + bias_shapes:
            stop = start + prod(shape)
            views.append(theta[..., start:stop].reshape(theta.shape[:-1] + shape))
            start = stop
        depth = len(self.layer_activations)
        return views[:depth], views[depth:]

    def forward(self, X: Matrix, work: "Workspace") -> np.ndarray:
        """Return the logits (..., n, n_classes) of X (..., n, n_inputs)."""
        A: Matrix = X
        for layer, f in enumerate(self.layer_activations):
            mask = work.masks[layer]
            if mask is not None:
                A = apply_mask(A, mask, out=work.masked_inputs[layer])
            work.inputs[layer] = A
            Z, A_out = work.Z[layer], work.A[layer]
            matmul(A, work.weights[layer], out=Z)
            Z += work.biases[layer]
            f.forward(Z, A_out)
            A = A_out
        return work.A[-1]

    def backward(self, work: "Workspace") -> None:
        """Write the gradient to work.grad, given dJ/dlogits in ``work.delta[-1]``.

        Overwrites Z and A.
        """
        for layer in reversed(range(len(self.layer_activations))):
            delta = work.delta[layer]
            self.layer_activations[layer].backward(delta, work.Z[layer], work.A[layer])
            matmul_transposed(work.inputs[layer], delta, out=work.weight_grads[layer])
            np.matmul(work.ones, delta, out=work.bias_grads[layer])  # the sum over the rows
            if layer > 0:
                np.matmul(delta, work.weights[layer].mT, out=work.delta[layer - 1])
                mask = work.masks[layer]
                if mask is not None:
                    work.delta[layer - 1] *= mask

    def chunks(
        self, theta: np.ndarray, X: RawMatrix, layer: int = -1, max_bytes: int = 2**30
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield slices of the rows with their A_l (..., n, fan_out), chunk by chunk.

        X has shape (..., n, n_features), of raw rows, which are encoded here. The array is
        overwritten by the next chunk. A chunk has so many rows that the arrays of all layers fit
        into max_bytes, but at least one.
        """
        sizes = self.layer_sizes[1:] if is_sparse(X) else (self.n_stored, *self.layer_sizes[1:])
        n_networks = prod(theta.shape[:-1])
        bytes_per_row = 2 * sum(sizes) * n_networks * theta.itemsize
        max_rows = max(MAX_CHUNK_ROWS // n_networks, MIN_CHUNK_ROWS)
        max_rows = min(max_bytes // bytes_per_row, max_rows)
        n_rows = X.shape[-2]
        chunk_rows = max(1, min(n_rows, max_rows))
        work = Workspace(self, theta, chunk_rows, backward=False)
        for start in range(0, n_rows, chunk_rows):
            chunk = slice(start, start + chunk_rows)
            rows = slice_rows(X, chunk, theta.dtype, self.encoding)
            head = work.head(rows.shape[-2])
            self.forward(rows, head)
            yield chunk, head.A[layer]


class Workspace:
    """The arrays that a training step writes to, allocated once for many steps.

    Parameters
    ----------
    network : Network
    theta : ndarray of shape (..., n_params), C-contiguous
        ``weights`` and ``biases`` are views of it, so it may change in place between steps.
    n_rows : int
        Rows of a batch.
    backward : bool, default=True
        Whether to allocate the arrays of the backward pass too.
    dropped_layers : collection of int, default=()
        The layers whose input has dropout: `Dropout.layers`.

    Attributes
    ----------
    Z, A, delta : list of ndarray of shape (..., n_rows, fan_out)
        One array for each layer. A is Z where the activation does not need both, and
        the output layer has one array for all three.
    ones : ndarray of shape (1, n_rows)
        Its product with an array (..., n_rows, fan_out) is the sum over the rows.
    inputs : list of ndarray or sparse matrix of shape (..., n_rows, fan_in)
        The input of each layer in the last forward pass, after dropout.
    masks, masked_inputs : list of ndarray of shape (..., n_rows, fan_in) or None
        The dropout mask of each layer's input, and an array for their product; None for
        layers without dropout.
    grad, scratch : ndarray of shape (..., n_params)
        The gradient, with the views ``weight_grads`` and ``bias_grads``; and an array for
        intermediate results of the penalty and the optimizer.
    """

    inputs: list[Matrix]
    delta: list[np.ndarray]
    grad: np.ndarray
    scratch: np.ndarray

    def __init__(
        self,
        network: Network,
        theta: np.ndarray,
        n_rows: int,
        *,
        backward: bool = True,
        dropped_layers: Collection[int] = (),
    ) -> None:
        self.theta, self.n_rows = theta, n_rows
        self.weights, self.biases = network.views(theta)
        lead, sizes = theta.shape[:-1], network.layer_sizes[1:]
        self.Z = [np.empty((*lead, n_rows, size), theta.dtype) for size in sizes]
        self.A = [
            np.empty_like(Z) if f.keeps_Z else Z
            for f, Z in zip(network.layer_activations, self.Z, strict=True)
        ]
        self.inputs = [*self.Z]  # placeholders, set by forward
        self.ones = np.ones((1, n_rows), theta.dtype)
        self.masks: list[np.ndarray | None] = [None] * len(sizes)
        self.masked_inputs = self.masks.copy()
        for i in dropped_layers:
            shape = *lead, n_rows, network.weight_shapes[i][0] if i else network.n_stored
            self.masks[i] = np.empty(shape, theta.dtype)
            self.masked_inputs[i] = np.empty(shape, theta.dtype)
        self.delta = []
        if backward:
            self.delta = [*(np.empty_like(Z) for Z in self.Z[:-1]), self.Z[-1]]
            self.grad, self.scratch = np.empty_like(theta), np.empty_like(theta)
            self.weight_grads, self.bias_grads = network.views(self.grad)
        self._shorter: Workspace | None = None

    def head(self, n_rows: int) -> "Workspace":
        """Return a workspace for the first n_rows rows that shares all memory."""
        if n_rows == self.n_rows:
            return self
        if self._shorter is None or self._shorter.n_rows != n_rows:
            self._shorter = copy.copy(self)
            self._shorter.n_rows = n_rows
            for name in ("Z", "A", "delta", "masks", "masked_inputs"):
                rows = [None if a is None else a[..., :n_rows, :] for a in getattr(self, name)]
                setattr(self._shorter, name, rows)
            self._shorter.inputs = self.inputs.copy()
            self._shorter.ones = self.ones[:, :n_rows]
        return self._shorter

"""The same training in PyTorch on the CPU, written to be fast.

The whole data is one tensor, from which a batch is taken by a slice of a permutation: no
DataLoader, no copies by row. Layers are plain functions on plain tensors, without the calls
that modules add. Adam is the fused one; sgd, without momentum, is faster unfused. Nothing is
read back from a tensor during an epoch. So this is faster than what tutorials show.
"""

from functools import lru_cache
from itertools import pairwise
from math import sqrt

import torch
from torch.nn.functional import cross_entropy, linear

from benchmarks.peers import blas_threads

__all__ = ["trainer", "use_blas_threads", "why_not_compiled"]

ACTIVATIONS = {"relu": torch.relu, "logistic": torch.sigmoid}


def _loss(activation, weights, biases, X, y):
    *hidden, (W, b) = zip(weights, biases, strict=True)
    for W_hidden, b_hidden in hidden:
        X = activation(linear(X, W_hidden, b_hidden))
    return cross_entropy(linear(X, W, b), y)


def _parameters(sizes, dtype):
    """Return weights, uniform as Glorot & Bengio have it, and biases."""
    weights, biases = [], []
    for fan_in, fan_out in pairwise(sizes):
        r = sqrt(6.0 / (fan_in + fan_out))
        W = torch.empty(fan_out, fan_in, dtype=dtype).uniform_(-r, r)
        weights.append(W.requires_grad_())
        biases.append(torch.zeros(fan_out, dtype=dtype, requires_grad=True))
    return weights, biases


def _optimizer(setting, weights, biases):
    """Return the optimizer; only weights decay. Without decay one group is faster."""
    groups = [{"params": weights, "weight_decay": setting.l2}, {"params": biases}]
    params = groups if setting.l2 else [*weights, *biases]
    if setting.solver == "adam":
        return torch.optim.Adam(params, lr=setting.learning_rate, fused=True)
    return torch.optim.SGD(params, lr=setting.learning_rate, foreach=False)


def use_blas_threads():
    """Let PyTorch use as many threads as NumPy's BLAS."""
    threads = blas_threads()
    if threads is not None:
        torch.set_num_threads(threads)


def trainer(setting, X, y, *, compiled=False):
    """Return training as a function of the number of epochs.

    Parameters
    ----------
    setting : Setting
    X : ndarray of shape (n, n_features)
    y : ndarray of int of shape (n,)
        Classes, counted from 0.
    compiled : bool, default=False
        Whether forward and backward pass are compiled, for either shape of batch.

    Returns
    -------
    fit : callable (epochs, on_epoch=None)
        ``on_epoch(predict)`` is called after each epoch with a function that returns the
        classes of an array.
    """
    use_blas_threads()
    data, labels = torch.from_numpy(X), torch.from_numpy(y).long()
    sizes, activation = (
        (X.shape[1], *setting.units, int(y.max()) + 1),
        ACTIVATIONS[setting.activation],
    )
    loss_of = _loss
    if compiled:
        torch.compiler.reset()  # else earlier settings would count as recompilations, and end it
        loss_of = torch.compile(_loss, dynamic=False)

    def fit(epochs, on_epoch=None):
        torch.manual_seed(0)
        weights, biases = _parameters(sizes, data.dtype)
        optimizer = _optimizer(setting, weights, biases)
        history = []
        for _ in range(epochs):
            total = torch.zeros((), dtype=data.dtype)
            for rows in torch.randperm(len(data)).split(setting.batch_size):
                batch, targets = data.index_select(0, rows), labels.index_select(0, rows)
                loss = loss_of(activation, weights, biases, batch, targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total.add_(loss.detach(), alpha=len(rows))
            history.append(total.item() / len(data))
            if on_epoch is not None:
                on_epoch(lambda X: _predict(activation, weights, biases, X))
        return history

    return fit


@torch.no_grad()
def _predict(activation, weights, biases, X):
    """Return the classes of an array."""
    A, last = torch.from_numpy(X), len(weights) - 1
    for layer, (W, b) in enumerate(zip(weights, biases, strict=True)):
        A = linear(A, W, b)
        A = A if layer == last else activation(A)
    return A.argmax(dim=1).numpy()


@lru_cache
def why_not_compiled():
    """Return why torch.compile does not work here, in one line, or None if it does."""
    try:
        torch.compile(torch.sigmoid)(torch.ones(2))
    except Exception as error:  # no compiler, no headers, a Python it does not know
        return f"{type(error).__name__}: {error}".partition("\n")[0]
    return None

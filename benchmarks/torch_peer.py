"""The training of the cases in PyTorch on the CPU, optimized.

The whole data is one tensor, and a batch is selected by a slice of a permutation: there is no
DataLoader and no copy of single rows. Layers are plain functions of plain tensors, without the
calls that modules add. Adam is the fused one; SGD without momentum is faster unfused. Nothing is
read back from a tensor during an epoch.
"""

from itertools import pairwise
from math import exp, sqrt

import torch
from threadpoolctl import threadpool_info
from torch.nn.functional import cross_entropy, linear, silu

ACTIVATIONS = {"relu": torch.relu, "logistic": torch.sigmoid, "silu": silu}


def _logits(activation, weights, biases, X):
    *hidden, (W, b) = zip(weights, biases, strict=True)
    for W_hidden, b_hidden in hidden:
        X = activation(linear(X, W_hidden, b_hidden))
    return linear(X, W, b)


def _parameters(sizes, dtype):
    """Return weights, uniform as by Glorot & Bengio, and biases."""
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


class _Average:
    """The exponential moving average of the parameters; nothing without `averaging`."""

    def __init__(self, setting, params, n_rows):
        self._params, self._average, self._t = params, None, 0
        if setting.averaging:
            steps = setting.averaging * -(-n_rows // setting.batch_size)
            self._decay = exp(-1 / steps)
            self._average = [p.detach().clone() for p in params]

    @torch.no_grad()
    def update(self):
        """Take in the parameters after a step."""
        if self._average is not None:
            self._t += 1
            decay = min(self._decay, (1 + self._t) / (10 + self._t))
            torch._foreach_lerp_(self._average, self._params, 1 - decay)

    @torch.no_grad()
    def evaluate(self, activation, X, y):
        """Return loss and accuracy of the averaged network."""
        depth = len(self._average) // 2
        logits = _logits(activation, self._average[:depth], self._average[depth:], X)
        return cross_entropy(logits, y).item(), (logits.argmax(1) == y).float().mean().item()


def use_blas_threads():
    """Set the number of threads of PyTorch to that of NumPy's BLAS."""
    if counts := [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]:
        torch.set_num_threads(max(counts))


def trainer(setting, X, y):
    """Return training on X and its classes as a function of the number of epochs.

    Its second argument, ``on_epoch(predict)``, is called after each epoch with a function that
    returns the classes of an array.
    """
    use_blas_threads()
    data, labels = torch.from_numpy(X), torch.from_numpy(y).long()
    sizes = (X.shape[1], *setting.units, int(y.max()) + 1)
    activation = ACTIVATIONS[setting.activation]
    n_train = len(data) - len(data) // 10 if setting.averaging else len(data)
    train, held_out = torch.arange(len(data)).split([n_train, len(data) - n_train])

    def fit(epochs, on_epoch=None):
        torch.manual_seed(0)
        weights, biases = _parameters(sizes, data.dtype)
        optimizer = _optimizer(setting, weights, biases)
        average = _Average(setting, [*weights, *biases], len(train))
        history = []

        @torch.no_grad()
        def predict(X):
            logits = _logits(activation, weights, biases, torch.from_numpy(X))
            return logits.argmax(dim=1).numpy()

        for _ in range(epochs):
            total = torch.zeros((), dtype=data.dtype)
            for rows in train[torch.randperm(len(train))].split(setting.batch_size):
                batch, targets = data.index_select(0, rows), labels.index_select(0, rows)
                loss = cross_entropy(_logits(activation, weights, biases, batch), targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                average.update()
                total.add_(loss.detach(), alpha=len(rows))
            history.append(total.item() / len(train))
            if setting.averaging:
                average.evaluate(activation, data[held_out], labels[held_out])
            if on_epoch is not None:
                on_epoch(predict)
        return history

    return fit

r"""
4. The same in skmlp
====================

The package does what the previous pages did, for any number of layers and without allocating arrays
in a step. Its core is in `skmlp/core` and does not depend on scikit-learn. Code below a file name
is read from that file when this page is built.
"""

# %%
# One vector for all parameters
# -----------------------------
#
# By hand, theta was a list of four arrays. In the package it is one flat vector, and the layers are
# *views*: arrays that share its memory. A change of theta changes every layer, so an optimizer
# works on one array and does not depend on layers.
#
# .. literalinclude:: /../skmlp/core/network.py
#    :pyobject: Network.views
#    :caption: skmlp/core/network.py
#
# The figure shows where in theta each view begins, computed from the views' addresses, for 3
# features, layers of 4 and 2 units, and 3 classes:

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skmlp import SoftmaxMLPClassifier
from skmlp.core.activations import ACTIVATIONS
from skmlp.core.initializers import INITIALIZERS, initial_theta
from skmlp.core.losses import softmax_cross_entropy
from skmlp.core.minibatch import MiniBatches, train_epoch
from skmlp.core.network import Network, Workspace
from skmlp.core.objective import Objective
from skmlp.core.optimizers import SGD
from skmlp.core.penalties import Penalty
from skmlp.core.schedules import constant

relu = ACTIVATIONS["relu"]
small = Network((3, 4, 2, 3), (relu, relu))
theta = np.zeros(small.n_params)
weights, biases = small.views(theta)
assert all(np.shares_memory(view, theta) for view in weights + biases)


def start_of(view):
    """Return the index in theta at which a view begins."""
    address = view.__array_interface__["data"][0] - theta.__array_interface__["data"][0]
    return address // theta.itemsize


fig, (strip, matrices) = plt.subplots(
    2, 1, figsize=(8, 3.4), height_ratios=[1, 2.6], layout="constrained"
)
names = [f"W{i}" for i in (1, 2, 3)] + [f"b{i}" for i in (1, 2, 3)]
offset = 0.0
for i, (name, view) in enumerate(zip(names, weights + biases, strict=True)):
    start, (rows, columns) = start_of(view), view.shape
    for ax, where in ((strip, (start, 0)), (matrices, (offset, 0))):
        shape = (1, view.size) if ax is strip else (rows, columns)
        for r, c in np.ndindex(shape):
            corner = (where[0] + c, where[1] - r)
            ax.add_patch(plt.Rectangle(corner, 1, 1, facecolor=f"C{i}", alpha=0.35, edgecolor="w"))
            if ax is matrices:
                number = start + r * columns + c
                ax.text(corner[0] + 0.5, corner[1] + 0.5, number, ha="center", va="center", size=7)
    strip.text(start + view.size / 2, 0.5, name, ha="center", va="center")
    label = f"{name}\n{rows} x {columns}"
    matrices.text(offset + columns / 2, 1.2, label, ha="center", va="bottom", size=9)
    offset += columns + 1.5
strip.axvline(small.n_weights, color="k")
strip.set(xlim=(0, small.n_params), ylim=(0, 1), yticks=[], title="theta")
strip.set_xticks([0, small.n_weights, small.n_params], [0, "n_weights", "n_params"])
matrices.set(xlim=(-0.5, offset), ylim=(-3.2, 3.2), aspect="equal")
matrices.axis("off")
plt.show()

# %%
# The numbers are indices in theta. Weights are left of the black line and biases right of it, so
# the penalties act on one slice, `theta[:n_weights]`.
#
# Forward and backward
# --------------------
#
# The loop over the layers does for each what we did by hand: multiply, add, apply f. The last f is
# the identity, because the loss is computed on logits. `work` holds arrays that are allocated once
# and overwritten in each step; the masks are those of dropout.
#
# .. literalinclude:: /../skmlp/core/network.py
#    :pyobject: Network.forward
#    :caption: skmlp/core/network.py
#
# Backward, the three products of a layer: :math:`A^T \delta` for the weights, the sum over the rows
# for the biases, :math:`\delta W^T` for the previous layer.
#
# .. literalinclude:: /../skmlp/core/network.py
#    :pyobject: Network.backward
#    :caption: skmlp/core/network.py
#
# An activation is two functions side by side. Relu:
#
# .. literalinclude:: /../skmlp/core/activations.py
#    :pyobject: _relu
#    :caption: skmlp/core/activations.py
#
# .. literalinclude:: /../skmlp/core/activations.py
#    :pyobject: _relu_backward
#
# Softmax and cross-entropy are one function, which returns the loss and :math:`(a - y) / n`; the
# subtraction is the line `Z -= Y`. The reason for first subtracting the largest logit is on
# :doc:`the last page <plot_5_stability>`.
#
# .. literalinclude:: /../skmlp/core/losses.py
#    :pyobject: softmax_cross_entropy
#    :caption: skmlp/core/losses.py
#
# The objective
# -------------
#
# Together they make :ref:`the objective <the-objective>`, a function of theta that returns its
# value and its gradient:
#
# .. literalinclude:: /../skmlp/core/objective.py
#    :pyobject: Objective.value_and_grad
#    :caption: skmlp/core/objective.py
#
# Comparison of the gradient derived on the previous page, with l2, and the package's:

X, labels = load_digits(return_X_y=True)
X, Y = X / 16, np.eye(10)[labels]
network = Network((64, 32, 10), (relu,))
objective = Objective(network, Penalty(network.n_weights, l2=1e-3))
he_normal = INITIALIZERS["he_normal"]
start = initial_theta(network, [he_normal] * 2, np.random.default_rng(0), np.float64)
value, grad = objective.value_and_grad(start, X, Y)

(W1, W2), (b1, b2) = network.views(start)
H = np.maximum(X @ W1 + b1, 0)
E = np.exp(H @ W2 + b2)
delta2 = (E / E.sum(axis=1, keepdims=True) - Y) / len(X)
delta1 = (delta2 @ W2.T) * (H > 0)
by_hand = [
    X.T @ delta1 + 1e-3 * W1,
    H.T @ delta2 + 1e-3 * W2,
    delta1.sum(axis=0),
    delta2.sum(axis=0),
]
by_hand = np.concatenate([slope.ravel() for slope in by_hand])
print(f"{network.n_params} slopes, largest difference {np.abs(grad - by_hand).max():.1e}")
assert np.allclose(grad, by_hand, atol=1e-14)

# %%
# `softmax_cross_entropy` returns what the second page derived path by path, a - y for the logits
# [0.5, 0.2, 0.1] and the second class:

loss, delta = softmax_cross_entropy(np.array([[0.5, 0.2, 0.1]]), np.array([[0.0, 1.0, 0.0]]))
print(loss.round(3), delta.round(3))

# %%
# Training
# --------
#
# One epoch of mini-batches:
#
# .. literalinclude:: /../skmlp/core/minibatch.py
#    :pyobject: train_epoch
#    :start-at: theta, started
#    :caption: skmlp/core/minibatch.py
#
# For each batch: the schedule's factor on the learning rate, the gradient, one step of the
# optimizer. The record holds the epoch's mean loss for the history. Below, five epochs are compared
# with plain gradient steps on the same batches; both end at the same theta.

rng = np.random.default_rng(1)
orders = [rng.permutation(len(X)) for _ in range(5)]
batches = MiniBatches(
    X,
    Y,
    None,
    batch_size=128,
    n_rows=len(X),
    dtype=np.float64,
    draw_order=iter(orders).__next__,
)
theta, optimizer = start.copy(), SGD(momentum=0.0)
state, work = optimizer.init(theta), Workspace(network, theta, batches.batch_size)
records = [
    train_epoch(
        objective,
        optimizer,
        state,
        batches,
        work,
        learning_rate=0.1,
        schedule=constant,
        epoch=epoch,
        epochs=5,
    )
    for epoch in range(5)
]

by_hand = start.copy()
for order in orders:
    for first in range(0, len(X), 128):
        rows = order[first : first + 128]
        by_hand -= 0.1 * objective.value_and_grad(by_hand, X[rows], Y[rows])[1]
print("objective:", *(f"{record.loss:.3f}" for record in records))
print(f"largest difference of any parameter: {np.abs(theta - by_hand).max():.1e}")
assert np.allclose(theta, by_hand, atol=1e-12)

# %%
# The estimator
# -------------
#
# :class:`~skmlp.SoftmaxMLPClassifier` validates its input and constructs these objects from its
# parameters. A `Trainer` calls `train_epoch` for each epoch, and the estimator keeps the resulting
# theta. So the core can be used to check the estimator: where L-BFGS has converged, the gradient of
# the objective must be 0, up to `tol`.

clf = SoftmaxMLPClassifier(
    units=(), solver="lbfgs", l2=1e-2, standardize=False, label_smoothing=0.0, tol=1e-6, epochs=1000
).fit(X, labels)
regression = Network((64, 10), ())
_, grad = Objective(regression, Penalty(regression.n_weights, l2=1e-2)).value_and_grad(
    clf.theta_, X, Y
)
print(clf.stop_reason_, f"after {clf.n_iter_} iterations, largest slope {np.abs(grad).max():.1e}")
assert clf.stop_reason_ == "converged"
assert np.abs(grad).max() <= 1e-6

# %%
# :ref:`The architecture <the-architecture>` describes all files of the package.

r"""
3. A hidden layer, mini-batches, penalties
==========================================

Softmax regression has linear decision boundaries: class k has a larger probability than class j
where :math:`z_k - z_j = x \cdot (w_k - w_j) + b_k - b_j > 0`, which is one side of a plane. Many
classes cannot be separated by planes. A hidden layer transforms the features nonlinearly first, and
the last layer has linear boundaries in the transformed features.
"""

# %%
# Forward
# -------
#
# The hidden layer consists of units like those of the output, and each applies a function f, the
# *activation function*, to its sum. Without f the two layers would be equivalent to one, since
# :math:`(X W_1) W_2 = X (W_1 W_2)`. We use :math:`f(z) = \max(z, 0)`, called *relu*:
#
# .. math::
#
#    Z_1 &= X W_1 + b_1, \qquad H = f(Z_1), \\
#    Z_2 &= H W_2 + b_2, \qquad A = \mathrm{softmax}(Z_2).

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression


def softmax(Z):
    E = np.exp(Z)
    return E / E.sum(axis=-1, keepdims=True)


def forward(theta, X):
    W1, b1, W2, b2 = theta
    H = np.maximum(X @ W1 + b1, 0)
    return H, softmax(H @ W2 + b2)


def loss(theta, X, Y):
    _, A = forward(theta, X)
    return -(Y * np.log(A)).sum(axis=1).mean()


# %%
# Backpropagation
# ---------------
#
# The derivatives of the last layer are those of softmax regression, with the rows H instead of X:
#
# .. math::
#
#    \delta_2 = \frac{\partial J}{\partial Z_2} = \frac{A - Y}{n}, \qquad
#    \frac{\partial J}{\partial W_2} = H^T \delta_2, \qquad
#    \frac{\partial J}{\partial b_2} = \sum_r \delta_{2, r} .
#
# One step further back: every logit of row r depends on the hidden value :math:`H_{ri}`, multiplied
# by :math:`W_{2, ik}`. So there is one path through each class, and their sum is again a matrix
# product, this time with the transposed weights:
#
# .. math::
#
#    \frac{\partial J}{\partial H_{ri}} = \sum_k \delta_{2, rk} \, W_{2, ik}
#    \quad\Longrightarrow\quad
#    \frac{\partial J}{\partial H} = \delta_2 W_2^T .
#
# Then multiply by the derivative of f, element by element. The first layer is then like the last
# one:
#
# .. math::
#
#    \delta_1 = \frac{\partial J}{\partial Z_1} = \delta_2 W_2^T \odot f'(Z_1),
#
#    \frac{\partial J}{\partial W_1} = X^T \delta_1, \qquad
#    \frac{\partial J}{\partial b_1} = \sum_r \delta_{1, r} .
#
# With more layers, these three products are repeated. This is backpropagation: the chain rule from
# the loss backwards, in which each :math:`\delta` is computed once and used for all earlier layers.
# For relu, f' is 1 where H > 0 and 0 elsewhere. (At 0 it has no derivative; 0 is used.)


def gradient(theta, X, Y):
    _, _, W2, _ = theta
    H, A = forward(theta, X)
    delta2 = (A - Y) / len(X)
    delta1 = (delta2 @ W2.T) * (H > 0)
    return [X.T @ delta1, delta1.sum(axis=0), H.T @ delta2, delta2.sum(axis=0)]


def initial(n_features, units, n_classes, rng):
    """Return random weights, so that units differ, with the variance that suits relu."""
    W1 = rng.normal(0.0, np.sqrt(2 / n_features), size=(n_features, units))
    W2 = rng.normal(0.0, np.sqrt(2 / units), size=(units, n_classes))
    return [W1, np.zeros(units), W2, np.zeros(n_classes)]


# %%
# Check by finite differences, as before:

rng = np.random.default_rng(0)
X, labels = load_digits(return_X_y=True)
X, Y = X / 16, np.eye(10)[labels]
theta = initial(64, 8, 10, rng)
h, difference = 1e-6, 0.0
for parameter, slope in zip(theta, gradient(theta, X[:50], Y[:50]), strict=True):
    for index in np.ndindex(parameter.shape):
        value, around = parameter[index], []
        for moved in (value + h, value - h):
            parameter[index] = moved
            around.append(loss(theta, X[:50], Y[:50]))
        parameter[index] = value
        difference = max(difference, abs((around[0] - around[1]) / (2 * h) - slope[index]))
print(f"{sum(p.size for p in theta)} parameters, largest difference {difference:.1e}")
assert difference < 1e-8

# %%
# Nonlinear boundaries
# --------------------
#
# Three arms of a spiral, which straight lines cannot separate. On the left softmax regression
# (scikit-learn's, which needs no step size), on the right a hidden layer of 32 units, trained by
# the gradient above:

angle = np.repeat([0, 2, 4], 100) * np.pi / 3 + np.tile(np.linspace(0, 4, 100), 3)
radius = np.tile(np.linspace(0.1, 1, 100), 3)
spiral = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
spiral += rng.normal(0.0, 0.03, spiral.shape)
arms = np.repeat([0, 1, 2], 100)
arms_Y = np.eye(3)[arms]


def descend(theta, X, Y, steps, rate):
    for _ in range(steps):
        for parameter, slope in zip(theta, gradient(theta, X, Y), strict=True):
            parameter -= rate * slope
    return theta


straight = LogisticRegression(C=1e3).fit(spiral, arms)
bent = descend(initial(2, 32, 3, rng), spiral, arms_Y, steps=4000, rate=0.5)
side = np.linspace(-1.2, 1.2, 200)
plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
predictors = {
    "softmax regression": straight.predict,
    "32 hidden units": lambda rows: forward(bent, rows)[1].argmax(axis=1),
}
fig, axes = plt.subplots(1, 2, figsize=(6.5, 3.5), layout="constrained")
for ax, (name, predict) in zip(axes, predictors.items(), strict=True):
    right = (predict(spiral) == arms).mean()
    regions = predict(plane).reshape(200, 200)
    ax.pcolormesh(side, side, regions, cmap="tab10", vmin=0, vmax=9, alpha=0.3, rasterized=True)
    ax.scatter(*spiral.T, c=arms, cmap="tab10", vmin=0, vmax=9, s=8)
    ax.set(title=f"{name}: accuracy {right:.0%}", aspect="equal", xticks=[], yticks=[])
plt.show()
assert (predictors["32 hidden units"](spiral) == arms).mean() > 0.95

# %%
# Mini-batches
# ------------
#
# A step on all rows takes time in proportion to their number. But the loss is a mean, and the mean
# over a few random rows is an unbiased estimate of it at a fraction of the cost. So the rows are
# shuffled and divided into *mini-batches*. Each step uses one of them, and one pass over all of
# them is an *epoch*. With batches of equal size, the mean of an epoch's gradients (at one theta) is
# the gradient over all rows:

order = rng.permutation(1760)
batches = order.reshape(-1, 32)
theta = initial(64, 32, 10, rng)
whole = gradient(theta, X[order], Y[order])[0]
parts = np.array([gradient(theta, X[rows], Y[rows])[0] for rows in batches])
difference = np.abs(parts.mean(axis=0) - whole).max()
print(f"largest difference from the mean of {len(parts)} batches: {difference:.1e}")
print("spread of one entry between batches:", parts.std(axis=0).max().round(3))
assert np.allclose(parts.mean(axis=0), whole, atol=1e-12)

# %%
# After the same number of epochs, with the same rate and initial weights, small batches reach a
# much smaller loss, because they take more steps per epoch: one step with all rows, 15 with 128
# rows, 225 with 8 rows. The disadvantage is noise: near the minimum, small batches fluctuate
# instead of converging. *Schedules*, which lower the rate towards the end, reduce this.

start = initial(64, 32, 10, rng)
fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
final = {}
for size in (len(X), 128, 8):
    theta, curve = [p.copy() for p in start], []
    for _ in range(20):
        curve.append(loss(theta, X, Y))
        order = rng.permutation(len(X))
        for first in range(0, len(X), size):
            rows = order[first : first + size]
            descend(theta, X[rows], Y[rows], steps=1, rate=0.1)
    final[size] = curve[-1]
    ax.plot(curve, label=f"{size} rows a step")
ax.set(xlabel="epochs", ylabel="cross-entropy of all rows", ylim=(0, None))
ax.legend(frameon=False)
plt.show()
assert final[8] < final[128] < final[len(X)]

# %%
# L2: small weights
# -----------------
#
# A network with enough weights can fit every training row, noise included. A *penalty* on the
# weights keeps them small unless larger weights reduce the loss enough. The l2 penalty adds the
# first of these terms to J and the second to its gradient:
#
# .. math:: \frac{l_2}{2} \sum W^2, \qquad l_2 W .
#
# So each step also moves every weight towards 0, in proportion to its size. Biases have no penalty,
# because the position of a boundary does not change its complexity. In softmax regression, the
# weights at the minimum of J are now unique, so we can compare them with another implementation.
# `LogisticRegression` minimises :math:`C \sum_i CE_i + \frac{1}{2} \sum W^2`. Divided by n C, this
# is our J with :math:`l_2 = 1 / (n C)`.


def regression(l2, l1_slope=0.0, l1_prox=0.0, rate=1.0, steps=1500):
    """Softmax regression by steps on all rows."""
    W, b = np.zeros((64, 10)), np.zeros(10)
    for _ in range(steps):
        delta = (softmax(X @ W + b) - Y) / len(X)
        W -= rate * (X.T @ delta + l2 * W + l1_slope * np.sign(W))
        b -= rate * delta.sum(axis=0)
        W -= np.clip(W, -rate * l1_prox, rate * l1_prox)
    return W, b


l2 = 0.01
W, b = regression(l2, steps=6000)
theirs = LogisticRegression(C=1 / (len(X) * l2), solver="newton-cg", tol=1e-8).fit(X, labels)
difference = np.abs(W - theirs.coef_.T).max()
print(f"largest weight {np.abs(W).max():.3f}, largest difference {difference:.1e}")
assert difference < 1e-4

# %%
# L1: weights that are exactly 0
# ------------------------------
#
# The derivative of :math:`l_1 \sum |W|` has the same size for every non-zero weight, however small
# it is, so that weights with little effect on the loss become 0 at the minimum. But the derivative
# of :math:`|W|` jumps at 0 from -1 to 1, and gradient steps alternate between both sides of 0. The
# solution is the *proximal step*: after a step of size s on the smooth part, move every weight
# towards 0 by :math:`s \, l_1` and stop at 0,
#
# .. math:: W \leftarrow \mathrm{sign}(W) \max(|W| - s \, l_1, 0) .
#
# The same penalty by both methods, and the weights that are left. (Three pixels are 0 in every
# image. Their 30 weights start at 0 and their gradient is always 0.)

l1 = 0.002
ways = {
    "no penalty": regression(0.0)[0],
    "l1 by its slope": regression(0.0, l1_slope=l1)[0],
    "l1 by proximal steps": regression(0.0, l1_prox=l1)[0],
}
fig, axes = plt.subplots(1, 3, figsize=(6.5, 3), layout="constrained")
for ax, (name, W) in zip(axes, ways.items(), strict=True):
    zeros = (W == 0).sum()
    print(f"{name:22} {zeros:3d} of 640 weights are 0, {(np.abs(W) < 0.01).sum()} below 0.01")
    top = np.abs(W).max()
    ax.imshow(W[:, 3].reshape(8, 8), cmap="RdBu_r", vmin=-top, vmax=top)
    ax.set(title=name, xlabel=f"{zeros} zeros", xticks=[], yticks=[])
fig.suptitle("Weights of the output for digit 3 (white: zero)")
plt.show()
assert (ways["l1 by proximal steps"] == 0).mean() > 0.3

# %%
# All together
# ------------
#
# A hidden layer of 32 units, mini-batches of 32 rows, l2, and test rows:

train, test = np.split(rng.permutation(len(X)), [1300])
theta = initial(64, 32, 10, rng)
for _ in range(60):
    rng.shuffle(train)
    for first in range(0, len(train), 32):
        rows = train[first : first + 32]
        slopes = gradient(theta, X[rows], Y[rows])
        slopes[0] += 1e-4 * theta[0]
        slopes[2] += 1e-4 * theta[2]
        for parameter, slope in zip(theta, slopes, strict=True):
            parameter -= 0.2 * slope
right = {
    name: (forward(theta, X[rows])[1].argmax(axis=1) == labels[rows]).mean()
    for name, rows in (("training rows", train), ("test rows", test))
}
print(*(f"{name}: accuracy {share:.1%}" for name, share in right.items()), sep="\n")
assert right["test rows"] > 0.95

# %%
# This is a complete neural network. :doc:`The next page shows the same in the package
# <plot_4_core>`, for any number of layers.

r"""
3. A hidden layer, mini-batches, penalties
==========================================

Softmax regression draws straight borders: class k wins over class j where
:math:`z_k - z_j = x \cdot (w_k - w_j) + b_k - b_j > 0`, which is one side of a plane. Many classes
do not lie like that. A hidden layer bends the space first, and the last layer draws its straight
borders in the bent one.
"""

# %%
# Forward
# -------
#
# The hidden layer is a row of neurons like those of the output, and each applies a function f to
# its sum. Without f the two layers would be one, since :math:`(X W_1) W_2 = X (W_1 W_2)`. We take
# :math:`f(z) = \max(z, 0)`, called *relu*:
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
# Backprop
# --------
#
# Of the last layer we know everything. It is softmax regression on the rows H instead of X:
#
# .. math::
#
#    \delta_2 = \frac{\partial J}{\partial Z_2} = \frac{A - Y}{n}, \qquad
#    \frac{\partial J}{\partial W_2} = H^T \delta_2, \qquad
#    \frac{\partial J}{\partial b_2} = \sum_r \delta_{2, r} .
#
# One step further back: the hidden number :math:`H_{ri}` goes into every logit of its row, times
# :math:`W_{2, ik}`. So there is one path through each class, and their sum is again a matrix
# product, this time with the transposed weights. The errors go back along the connections that they
# came from:
#
# .. math::
#
#    \frac{\partial J}{\partial H_{ri}} = \sum_k \delta_{2, rk} \, W_{2, ik}
#    \quad\Longrightarrow\quad
#    \frac{\partial J}{\partial H} = \delta_2 W_2^T .
#
# Then through f, number by number, and we stand in front of a layer that looks like the last one:
#
# .. math::
#
#    \delta_1 = \frac{\partial J}{\partial Z_1} = \delta_2 W_2^T \odot f'(Z_1),
#
#    \frac{\partial J}{\partial W_1} = X^T \delta_1, \qquad
#    \frac{\partial J}{\partial b_1} = \sum_r \delta_{1, r} .
#
# With more layers these three products repeat. That is all of backprop: the chain rule from the
# loss backwards, each :math:`\delta` computed once and used for everything in front of it. For relu
# f' is 1 where H > 0 and 0 elsewhere.


def gradient(theta, X, Y):
    _, _, W2, _ = theta
    H, A = forward(theta, X)
    delta2 = (A - Y) / len(X)
    delta1 = (delta2 @ W2.T) * (H > 0)
    return [X.T @ delta1, delta1.sum(axis=0), H.T @ delta2, delta2.sum(axis=0)]


def initial(n_features, units, n_classes, rng):
    """Random weights, so that neurons differ; of a variance that keeps relu's numbers in scale."""
    W1 = rng.normal(0.0, np.sqrt(2 / n_features), size=(n_features, units))
    W2 = rng.normal(0.0, np.sqrt(2 / units), size=(units, n_classes))
    return [W1, np.zeros(units), W2, np.zeros(n_classes)]


# %%
# Measured as before: move each of the parameters by h to either side.

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
# Bent borders
# ------------
#
# Three arms of a spiral, which no straight lines can part. Softmax regression does what it can
# (scikit-learn's, which needs no step size); beside it a hidden layer of 32 neurons, trained by the
# gradient above:

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
winners = {
    "softmax regression": straight.predict,
    "32 hidden neurons": lambda rows: forward(bent, rows)[1].argmax(axis=1),
}
fig, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for ax, (name, predict) in zip(axes, winners.items(), strict=True):
    right = (predict(spiral) == arms).mean()
    regions = predict(plane).reshape(200, 200)
    ax.pcolormesh(side, side, regions, cmap="tab10", vmin=0, vmax=9, alpha=0.3, rasterized=True)
    ax.scatter(*spiral.T, c=arms, cmap="tab10", vmin=0, vmax=9, s=8)
    ax.set(title=f"{name}: {right:.0%} right", aspect="equal", xticks=[], yticks=[])
plt.show()
assert (winners["32 hidden neurons"](spiral) == arms).mean() > 0.95

# %%
# Mini-batches
# ------------
#
# A step on all rows costs all rows. But the loss is a mean, and the mean of a few rows drawn at
# random is right on average, at a fraction of the price. So shuffle the rows and take them in
# portions: each step sees one *mini-batch*, and when all have had their turn, an *epoch* is over.
# With batches of one size, the mean of an epoch's gradients (at one theta) is the gradient of all
# rows:

order = rng.permutation(1760)
batches = order.reshape(-1, 32)
theta = initial(64, 32, 10, rng)
whole = gradient(theta, X[order], Y[order])[0]
parts = np.array([gradient(theta, X[rows], Y[rows])[0] for rows in batches])
print(
    "largest difference from the mean of", len(parts), "batches:", abs(parts.mean(0) - whole).max()
)
print("spread of one entry between batches:", parts.std(axis=0).max().round(3))
assert np.allclose(parts.mean(axis=0), whole, atol=1e-12)

# %%
# What it is good for: after the same number of passes over the data, at the same rate and from the
# same start, small batches are far ahead, because they have taken more steps: one of all rows, 15
# of 128 rows, 225 of 8 rows in an epoch. The price is noise: near the end small batches hop about
# the lowest point instead of settling there. *Schedules*, which lower the rate towards the end,
# calm them.

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
# A network with enough weights can learn the training rows by heart, noise included. A *penalty* on
# the weights says: large only if it pays. The squared one adds
#
# .. math::
#
#    \frac{l_2}{2} \sum W^2 \quad\text{to } J, \text{ and}\quad l_2 W \quad\text{to its gradient,}
#
# a pull towards 0 in proportion to the weight. Biases go free: where a border lies is no matter of
# complexity. Now J has one lowest point in softmax regression, so there is an outside truth to
# compare with. `LogisticRegression` minimises :math:`C \sum_i CE_i + \frac{1}{2} \sum W^2`; divided
# by n C, that is our J with :math:`l_2 = 1 / (n C)`.


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
# L1: no weights at all
# ---------------------
#
# :math:`l_1 \sum |W|` pulls every weight with the same strength, however small it is, so that those
# that do not earn their keep should become exactly 0. But the slope of :math:`|W|` jumps at 0 from
# -1 to 1, and steps along it jump over 0 and back forever. The remedy is the *proximal step*: after
# a step of size s on the smooth part, shrink every weight by :math:`s \, l_1` and stop at 0,
#
# .. math:: W \leftarrow \mathrm{sign}(W) \max(|W| - s \, l_1, 0) .
#
# The same penalty both ways, and which of the pixels are still looked at. (Three pixels are blank
# in every image. Their 30 weights start at 0 here and no slope ever moves them.)

l1 = 0.002
ways = {
    "no penalty": regression(0.0)[0],
    "l1 by its slope": regression(0.0, l1_slope=l1)[0],
    "l1 by proximal steps": regression(0.0, l1_prox=l1)[0],
}
fig, axes = plt.subplots(1, 3, figsize=(8, 3), layout="constrained")
for ax, (name, W) in zip(axes, ways.items(), strict=True):
    zeros = (W == 0).sum()
    print(f"{name:22} {zeros:3d} of 640 weights are 0, {(np.abs(W) < 0.01).sum()} below 0.01")
    top = np.abs(W).max()
    ax.imshow(W[:, 3].reshape(8, 8), cmap="RdBu_r", vmin=-top, vmax=top)
    ax.set(title=name, xlabel=f"{zeros} zeros", xticks=[], yticks=[])
fig.suptitle("Weights of the neuron for 3 (white: zero)")
plt.show()
assert (ways["l1 by proximal steps"] == 0).mean() > 0.3

# %%
# The whole of it
# ---------------
#
# A hidden layer of 32 neurons, mini-batches of 32, l2, and rows that training has not seen:

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
    for name, rows in (("training rows", train), ("new rows", test))
}
print(*(f"{name}: {share:.1%} right" for name, share in right.items()), sep="\n")
assert right["new rows"] > 0.95

# %%
# You have written a neural network. :ref:`Next, the same in the package
# <sphx_glr_generated_learn_plot_4_core.py>`, where it works for any number of layers.

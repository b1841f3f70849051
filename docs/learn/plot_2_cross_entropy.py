r"""
2. Cross-entropy, and its derivative
====================================

Softmax gives the probabilities :math:`a_1, \dots, a_c`, and the label is a one-hot row
:math:`y_1, \dots, y_c`. Cross-entropy measures the error of the probabilities. Its derivative with
respect to the logits has a very short form: :math:`a - y`.
"""

# %%
# Cross-entropy
# -------------
#
# A good network gives the true class of each row a high probability. The rows are assumed to be
# independent, so the probability of all labels together is the product of these probabilities. Its
# logarithm is a sum, and minus the logarithm is a loss to minimise. One row contributes
#
# .. math:: L = -\sum_{k=1}^{c} y_k \log a_k .
#
# Since y is one-hot, only the true class remains in the sum: :math:`L = -\log a_{true}`. It is 0
# for a probability of 1 and grows without limit as the probability approaches 0. A prediction that
# is certain *and* wrong has a large loss.

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss


def softmax(Z):
    E = np.exp(Z)
    return E / E.sum(axis=-1, keepdims=True)


def cross_entropy(A, Y):
    """Mean over the rows."""
    return -(Y * np.log(A)).sum(axis=-1).mean()


z, y = np.array([0.5, 0.2, 0.1]), np.array([0.0, 1.0, 0.0])
a = softmax(z)
print("a =", a.round(3), " L =", cross_entropy(a, y).round(3), "= -log", a[1].round(3))

# %%
# Why not the squared error, as in regression? Let the true class have the logit z and one other
# class the logit 0. On the far left of the figure, the network is certain and wrong. There the
# derivative of cross-entropy has its largest size, while that of the squared error is almost 0, so
# that the largest errors would be corrected least.

logits = np.linspace(-8, 8, 200)
p = expit(logits)
fig, axes = plt.subplots(1, 2, figsize=(6.5, 2.6), layout="constrained")
axes[0].plot(logits, -np.log(p), label="cross-entropy")
axes[0].plot(logits, 2 * (1 - p) ** 2, label="squared error")
axes[1].plot(logits, 1 - p)
axes[1].plot(logits, 4 * p * (1 - p) ** 2)
axes[0].set(title="loss", xlabel="logit of the true class")
axes[1].set(title="minus the derivative", xlabel="logit of the true class")
axes[0].legend(frameon=False)
plt.show()

# %%
# Two classes: logistic loss
# --------------------------
#
# With two classes, softmax is the logistic function of the difference of the logits,
#
# .. math::
#
#    a_1 &= \frac{e^{z_1}}{e^{z_0} + e^{z_1}} = \frac{1}{1 + e^{-(z_1 - z_0)}}
#    = \sigma(z_1 - z_0), \\
#    a_0 &= 1 - a_1,
#
# and with :math:`y_0 = 1 - y_1` the cross-entropy is the logistic loss:
#
# .. math:: L = -y_0 \log a_0 - y_1 \log a_1 = -(1 - y_1) \log (1 - a_1) - y_1 \log a_1 .
#
# So logistic regression is the special case of two classes. Check on random logits, against
# scikit-learn's loss of the one probability:

rng = np.random.default_rng(0)
Z2, targets = rng.normal(size=(1000, 2)), rng.integers(0, 2, size=1000)
ours = cross_entropy(softmax(Z2), np.eye(2)[targets])
logistic = log_loss(targets, expit(Z2[:, 1] - Z2[:, 0]))
print(f"softmax and cross-entropy {ours:.12f}\nlogistic loss             {logistic:.12f}")
assert np.isclose(ours, logistic, rtol=1e-12)

# %%
# The derivative, step by step
# ----------------------------
#
# How does L depend on one logit :math:`z_j`? *Every* probability depends on it, because it is in
# the denominator of each. So the chain rule has one term, or path, for each of :math:`a_1, \dots,
# a_c`:
#
# .. math::
#
#    \frac{\partial L}{\partial z_j}
#    = \frac{\partial L}{\partial a_1} \frac{\partial a_1}{\partial z_j}
#    + \frac{\partial L}{\partial a_2} \frac{\partial a_2}{\partial z_j}
#    + \dots
#    + \frac{\partial L}{\partial a_c} \frac{\partial a_c}{\partial z_j} .
#
# **The first factor of each path.** Since :math:`L = -y_1 \log a_1 - \dots - y_c \log a_c`,
#
# .. math:: \frac{\partial L}{\partial a_k} = -\frac{y_k}{a_k} .
#
# **The second factor, where k = j.** Write :math:`S = \sum_i e^{z_i}`, so that
# :math:`\partial S / \partial z_j = e^{z_j}`. By the quotient rule
#
# .. math::
#
#    \frac{\partial a_j}{\partial z_j} = \frac{e^{z_j} S - e^{z_j} e^{z_j}}{S^2}
#    = a_j - a_j^2 = a_j (1 - a_j) .
#
# **The second factor, where k is another class.** The numerator :math:`e^{z_k}` is constant:
#
# .. math::
#
#    \frac{\partial a_k}{\partial z_j} = \frac{0 \cdot S - e^{z_k} e^{z_j}}{S^2} = -a_k a_j .
#
# **The sum.** The path through :math:`a_j`, then all others:
#
# .. math::
#
#    \frac{\partial L}{\partial z_j}
#    &= -\frac{y_j}{a_j} \, a_j (1 - a_j) + \sum_{k \ne j} \frac{y_k}{a_k} \, a_k a_j \\
#    &= -y_j + y_j a_j + \sum_{k \ne j} y_k a_j \\
#    &= -y_j + a_j \sum_{k=1}^{c} y_k \\
#    &= a_j - y_j .
#
# The fractions cancel, and the sum of the one-hot row is 1. What remains is the error: the
# predicted probability minus the target. The same with numbers, path by path. The array `da_dz` is
# the Jacobian matrix of softmax:

dL_da = -y / a
da_dz = np.diag(a) - np.outer(a, a)  # row k, column j: da_k / dz_j
paths = dL_da[:, None] * da_dz
print("da_k/dz_j:", *da_dz.round(3), sep="\n  ")
print("paths through a_1, a_2, a_3:", *(paths.round(3) + 0.0), sep="\n  ")
print("their sum:", paths.sum(axis=0).round(3))
print("a - y:    ", (a - y).round(3))
assert np.allclose(paths.sum(axis=0), a - y, rtol=1e-12, atol=1e-15)

# %%
# A step against the gradient raises the logit of the true class, and lowers each other logit in
# proportion to its probability. The sum of the three derivatives is 0, because only differences of
# logits matter.
#
# In matrix form
# --------------
#
# For n rows let X, Z, A, Y be the matrices of all rows and J the mean of their losses. Then
#
# .. math::
#
#    Z = X W + b, \qquad
#    \frac{\partial J}{\partial Z} = \frac{A - Y}{n} =: \delta .
#
# J depends on the weight :math:`W_{ik}` through :math:`Z_{rk}` of every row r, in which it is
# multiplied by :math:`X_{ri}`. The sum of the paths over the rows is a matrix product; the bias is
# multiplied by 1:
#
# .. math::
#
#    \frac{\partial J}{\partial W_{ik}} = \sum_r X_{ri} \, \delta_{rk}
#    \quad\Longrightarrow\quad
#    \frac{\partial J}{\partial W} = X^T \delta, \qquad
#    \frac{\partial J}{\partial b} = \sum_r \delta_r .
#
# The shapes agree: W is (features, classes), and :math:`X^T \delta` is (features, n) times
# (n, classes).

X, labels = load_digits(return_X_y=True)
X, Y = X / 16, np.eye(10)[labels]


def loss(W, b):
    return cross_entropy(softmax(X @ W + b), Y)


def gradient(W, b):
    delta = (softmax(X @ W + b) - Y) / len(X)
    return X.T @ delta, delta.sum(axis=0)


# %%
# Check by finite differences
# ---------------------------
#
# A derivative can be approximated numerically: change one weight by h in both directions and
# compute the difference of the losses,
#
# .. math:: \frac{\partial J}{\partial W_{ik}} \approx \frac{J(W_{ik} + h) - J(W_{ik} - h)}{2 h} .
#
# This needs two losses for each weight and is too slow for training. But it does not use the chain
# rule, so it is an independent check of the derivation. All 640 weights and 10 biases:


def measured(function, parameter, h):
    """Return the slope of function() for each entry of parameter, which is changed in place."""
    slopes = np.empty_like(parameter)
    for index in np.ndindex(parameter.shape):
        value = parameter[index]
        parameter[index] = value + h
        above = function()
        parameter[index] = value - h
        below = function()
        parameter[index] = value
        slopes[index] = (above - below) / (2 * h)
    return slopes


W, b = rng.normal(0.0, 0.1, size=(64, 10)), rng.normal(0.0, 0.1, size=10)
dW, db = gradient(W, b)
error_W = np.abs(measured(lambda: loss(W, b), W, h=1e-5) - dW).max()
error_b = np.abs(measured(lambda: loss(W, b), b, h=1e-5) - db).max()
print(f"largest slope {np.abs(dW).max():.4f}")
print(f"largest difference: weights {error_W:.1e}, biases {error_b:.1e}")
assert max(error_W, error_b) < 1e-9

# %%
# The best h is not the smallest one. The error of the formula decreases with :math:`h^2`, but the
# rounding error of the difference increases with 1 / h. In double precision the best h is near the
# cube root of 1e-16:

steps = np.geomspace(1e-11, 1, 34)
errors = [np.abs(measured(lambda: loss(W, b), b, h) - db).max() for h in steps]
fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.loglog(steps, errors, "o-", markersize=4)
ax.set(xlabel="h", ylabel="largest difference, biases")
plt.show()

# %%
# Gradient descent
# ----------------
#
# The loss increases in the direction of the gradient, so we repeat steps in the opposite direction:

W, b, losses = np.zeros((64, 10)), np.zeros(10), []
for _ in range(300):
    losses.append(loss(W, b))
    dW, db = gradient(W, b)
    W -= 1.0 * dW
    b -= 1.0 * db
accuracy = ((X @ W + b).argmax(axis=1) == labels).mean()
print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}, accuracy {accuracy:.1%}")
assert np.isclose(losses[0], np.log(10))

# %%
# The first loss is log 10 = 2.303, that of ten equal probabilities. If the first loss of a network
# is much larger, check its initial weights.

fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.plot(losses)
ax.axhline(np.log(10), color="0.7", linestyle=":", label="log 10")
ax.set(xlabel="step", ylabel="cross-entropy", ylim=(0, None))
ax.legend(frameon=False)
plt.show()

# %%
# This is softmax regression, a network without a hidden layer. :doc:`The next page adds one
# <plot_3_hidden_layer>`.

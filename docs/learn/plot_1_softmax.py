r"""
1. Several outputs, and softmax
===============================

Logistic regression has one output. The logistic function maps it to a number between 0 and 1, which
is the probability of the second class. For c classes we use c outputs, one for each class. Each has
its own weights and bias, and all have the same input row :math:`x`:

.. math:: z_k = x \cdot w_k + b_k, \qquad k = 1, \dots, c.

The predicted class is that of the largest :math:`z_k`. To measure how certain a prediction is, and
how large its error, we convert the outputs to probabilities.
"""

# %%
# One matrix for all outputs
# --------------------------
#
# The weights of the c outputs are the columns of one matrix W, so one matrix product computes all
# outputs of all rows. Scikit-learn's digits are images of 8 x 8 pixels, that is, 64 features:

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

X, labels = load_digits(return_X_y=True)
X = X / 16  # pixels between 0 and 1
rng = np.random.default_rng(0)
W = rng.normal(0.0, 0.1, size=(64, 10))
b = np.zeros(10)

Z = X @ W + b
print("X", X.shape, " W", W.shape, " Z", Z.shape)

# %%
# A label is one number, but there are ten outputs to compare it with. So each label is converted to
# a row of ten numbers: 1 at its class and 0 elsewhere. Such a row is called *one-hot*,
# and the conversion *one-hot encoding*.

Y = np.eye(10)[labels]
print(labels[:3])
print(Y[:3].astype(int))

# %%
# Why raw outputs cannot be compared
# ----------------------------------
#
# Suppose that a network with three classes has these outputs for two rows:

first = np.array([0.9, 0.8, 0.7])
second = np.array([0.5, 0.2, 0.1])

# %%
# In both rows the first output is the largest. Which prediction is more certain? The largest output
# of the first row is 0.9, that of the second 0.5. But in the first row the other outputs are almost
# as large, while in the second they are much smaller. The size of one output alone has no meaning.
# And the outputs of a row do not add up to 1:

print("sums:", first.sum().round(3), second.sum().round(3))

# %%
# Division by the sum works only if all outputs are positive. But an output may be any real number:

outputs = np.array([1.0, -2.0, 0.5])
print(outputs / outputs.sum())

# %%
# The second "probability" is 4 and the others are negative, because the sum is negative.
#
# Softmax
# -------
#
# So we first make the outputs positive by a function that keeps their order, the exponential.
# *Then* we divide by the sum:
#
# .. math:: a_k = \frac{e^{z_k}}{\sum_{j=1}^{c} e^{z_j}} .
#
# This is softmax. Every :math:`a_k` is positive, their sum is 1, and their order is that of the
# outputs. The :math:`z_k` are called *logits*.


def softmax(Z):
    E = np.exp(Z)
    return E / E.sum(axis=-1, keepdims=True)


answers = {"[0.9, 0.8, 0.7]": first, "[0.5, 0.2, 0.1]": second, "[1, -2, 0.5]": outputs}
for name, z in answers.items():
    print(f"{name:16}", softmax(z).round(3), " sum", softmax(z).sum().round(12))

# %%
# Now they can be compared: the second prediction is more certain, 0.415 against 0.367.

fig, axes = plt.subplots(1, 2, figsize=(6.5, 2.6), layout="constrained")
positions = np.arange(3)
for ax, function, title in zip(
    axes, (lambda z: z, softmax), ("raw outputs", "softmax"), strict=True
):
    for shift, (name, z) in zip((-0.2, 0.2), list(answers.items())[:2], strict=True):
        bars = ax.bar(positions + shift, function(z), width=0.38, label=name)
        ax.bar_label(bars, fmt="%.2f", fontsize=8)
    ax.set(title=title, xlabel="class", xticks=positions, ylim=(0, 1.05))
axes[1].legend(frameon=False)
plt.show()

# %%
# Only differences matter
# -----------------------
#
# If the same number m is added to all logits, softmax does not change, since
# :math:`e^{z+m} = e^m e^z`, and :math:`e^m` cancels:
#
# .. math:: \frac{e^{z_k + m}}{\sum_j e^{z_j + m}} = \frac{e^m e^{z_k}}{e^m \sum_j e^{z_j}} = a_k .

print(softmax(second).round(6), softmax(second + 100).round(6))
assert np.allclose(softmax(second), softmax(second + 100), rtol=1e-12)

# %%
# This explains why the first prediction is less certain. Minus 0.7 it is [0.2, 0.1, 0]; the second
# minus 0.1 is [0.4, 0.1, 0], with a larger difference between the first two. The same property is
# used on :doc:`the last page <plot_5_stability>`, where m is chosen so that no exponential
# overflows.
#
# Multiplication by a factor does change softmax. The larger the differences of the logits, the
# closer the largest probability is to 1; softmax is a *soft* maximum:

factors = np.geomspace(0.1, 100, 200)
fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
for k, curve in enumerate(softmax(factors[:, None] * second).T):
    ax.semilogx(factors, curve, label=f"class {k}, $z$ = {second[k]}")
ax.axvline(1, color="0.8", zorder=0)
ax.set(xlabel="factor on the logits", ylabel="softmax")
ax.legend(frameon=False)
plt.show()

# %%
# Try it: three logits
# --------------------
#
# Move the sliders. Raw outputs may have any sign and any sum. Softmax is positive, its sum is 1,
# and "+1 to all" does not change it. The *temperature* T divides the logits, so 1 / T is the factor
# of the last figure. If T is below 1, the largest probability is closer to 1; if T is above 1, all
# are closer to 1/3. Their order does not change.
#
# .. softmax-figure::
#
# A temperature is also used after training: :class:`~skmlp.SoftmaxMLPClassifier` fits one to
# validation rows, so that its probabilities agree with observed frequencies (`temperature_`).
#
# A network before training
# -------------------------
#
# With small random weights, all ten classes have about the same probability for each digit. The
# accuracy is that of guessing:

A = softmax(Z)
assert np.allclose(A.sum(axis=1), 1)
print("probabilities of the first digit:", A[0].round(2))
print("accuracy:", (A.argmax(axis=1) == labels).mean().round(3))

# %%
# For training we need a number that measures the error, and its derivative with respect to each
# weight: :doc:`cross-entropy and its derivative <plot_2_cross_entropy>`.

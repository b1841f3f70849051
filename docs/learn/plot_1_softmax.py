r"""
1. Several outputs, and softmax
===============================

Logistic regression has one output. Its logistic function squeezes it between 0 and 1, and we read
the result as the probability of "yes". Ten classes need ten answers, so we take ten output neurons,
one for each class. Each has its own weights and its own bias, and all see the same row :math:`x`:

.. math:: z_k = x \cdot w_k + b_k, \qquad k = 1, \dots, c.

The largest :math:`z_k` wins. But how sure is the network, and how wrong was it? For that the
outputs have to become probabilities.
"""

# %%
# One matrix for all neurons
# --------------------------
#
# The weights of the c neurons are the columns of one matrix W, so one product does all neurons for
# all rows. Scikit-learn's digits are images of 8 x 8 pixels, which are 64 features:

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
# A label is one number, but there are ten outputs to compare it with. So the label becomes a row of
# ten numbers as well: 1 at its class and 0 elsewhere, which is called *one-hot*.

Y = np.eye(10)[labels]
print(labels[:3])
print(Y[:3].astype(int))

# %%
# Why raw outputs cannot be compared
# ----------------------------------
#
# Suppose that three neurons answer to two different rows like this:

first = np.array([0.9, 0.8, 0.7])
second = np.array([0.5, 0.2, 0.1])

# %%
# Both times the first class wins. Which answer is the surer one? The first has the larger winner,
# 0.9 against 0.5. But there the others are close behind, while in the second the winner stands
# apart. The size of an output says nothing without the others beside it. They do not add up to 1
# either:

print("sums:", first.sum().round(3), second.sum().round(3))

# %%
# Dividing by the sum would mend that, until an output is negative. Outputs are any real numbers:

outputs = np.array([1.0, -2.0, 0.5])
print(outputs / outputs.sum())

# %%
# The second "probability" is 4 and the others are negative: the sum itself was.
#
# Softmax
# -------
#
# So make the outputs positive first, by a function that keeps their order: the exponential. *Then*
# divide by the sum,
#
# .. math:: a_k = \frac{e^{z_k}}{\sum_{j=1}^{c} e^{z_j}} .
#
# That is softmax. Every :math:`a_k` is positive, they add up to 1, and the largest output stays the
# largest. The :math:`z_k` are called *logits*.


def softmax(Z):
    E = np.exp(Z)
    return E / E.sum(axis=-1, keepdims=True)


answers = {"[0.9, 0.8, 0.7]": first, "[0.5, 0.2, 0.1]": second, "[1, -2, 0.5]": outputs}
for name, z in answers.items():
    print(f"{name:16}", softmax(z).round(3), " sum", softmax(z).sum().round(12))

# %%
# Now they can be compared, and the second answer is the surer one, 0.415 against 0.367:

fig, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
positions = np.arange(3)
for ax, function, title in zip(
    axes, (lambda z: z, softmax), ("raw outputs", "softmax"), strict=True
):
    for shift, (name, z) in zip((-0.2, 0.2), list(answers.items())[:2], strict=True):
        bars = ax.bar(positions + shift, function(z), width=0.38, label=name)
        ax.bar_label(bars, fmt="%.2f", fontsize=8)
    ax.set(title=title, xlabel="class", xticks=positions, ylim=(0, 1.05))
axes[0].legend(frameon=False)
plt.show()

# %%
# Only differences count
# ----------------------
#
# Add the same number m to all logits, and softmax does not change, since :math:`e^{z+m} = e^m e^z`
# and :math:`e^m` cancels:
#
# .. math:: \frac{e^{z_k + m}}{\sum_j e^{z_j + m}} = \frac{e^m e^{z_k}}{e^m \sum_j e^{z_j}} = a_k .

print(softmax(second).round(6), softmax(second + 100).round(6))
assert np.allclose(softmax(second), softmax(second + 100), rtol=1e-12)

# %%
# This is why the first answer is the less sure one: less 0.7, it is [0.2, 0.1, 0], and the second,
# less 0.1, is [0.4, 0.1, 0]. We will need it again: :ref:`the last page
# <sphx_glr_generated_learn_plot_5_stability.py>` chooses m so that no exponential overflows.
#
# Multiplying is another matter. The farther the logits are apart, the more softmax becomes "the
# winner takes all"; it is a *soft* maximum:

factors = np.geomspace(0.1, 100, 200)
fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
for k, curve in enumerate(softmax(factors[:, None] * second).T):
    ax.semilogx(factors, curve, label=f"class {k}, $z$ = {second[k]}")
ax.axvline(1, color="0.8", zorder=0)
ax.set(xlabel="factor on the logits", ylabel="softmax")
ax.legend(frameon=False)
plt.show()

# %%
# A network that knows nothing yet
# --------------------------------
#
# With small random weights all ten classes are about equally likely for each digit, as it should be
# before anything has been learnt. The share of right answers is that of guessing:

A = softmax(Z)
assert np.allclose(A.sum(axis=1), 1)
print("probabilities of the first digit:", A[0].round(2))
print("share of right answers:", (A.argmax(axis=1) == labels).mean().round(3))

# %%
# To learn, the network needs a number that says how wrong it is, and in which direction every
# weight has to go to make it smaller: :ref:`cross-entropy and its derivative
# <sphx_glr_generated_learn_plot_2_cross_entropy.py>`.

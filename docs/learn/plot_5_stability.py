r"""
5. Numerical stability
======================

On a computer, :math:`e^{z}` is infinite from z = 89 on in single precision and from z = 710 on in
double precision, and a probability that is too small becomes 0, whose logarithm is minus infinity.
Both happen in practice. This page compares two widely used remedies.
"""

# %%
# Overflow in softmax
# -------------------
#
# The formula of softmax, with logits as large as those of a badly scaled network:

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import log_softmax as scipy_log_softmax

from skmlp.core.losses import log_softmax, softmax_cross_entropy


def naive_softmax(Z):
    E = np.exp(Z)
    return E / E.sum(axis=-1, keepdims=True)


settings = np.seterr(all="ignore")  # no warnings: the results are printed
for z in ([10.0, 9.0, 8.0], [1000.0, 999.0, 998.0], [-1000.0, -999.0, -998.0]):
    print(z, "->", naive_softmax(np.array(z)))
assert np.isnan(naive_softmax(np.array([1000.0, 999.0]))).all()

# %%
# The first row is correct. In the second, infinity is divided by infinity, in the third 0 by 0. All
# three should be about [0.665, 0.245, 0.090] or the reverse, because only differences matter.
#
# Shifted logits
# --------------
#
# The remedy is to subtract the largest logit m from the row. :doc:`Softmax does not change
# <plot_1_softmax>`. The largest exponential is now :math:`e^0 = 1`, so
# nothing overflows, and the sum is at least 1, so there is no division by 0.


def softmax(Z):
    return naive_softmax(Z - Z.max(axis=-1, keepdims=True))


for z in ([10.0, 9.0, 8.0], [1000.0, 999.0, 998.0], [-1000.0, -999.0, -998.0]):
    print(z, "->", softmax(np.array(z)).round(3))

# %%
# The logarithm of a probability of 0
# -----------------------------------
#
# A probability of :math:`e^{-1000}` is rounded to 0, and its logarithm is minus infinity. So the
# loss of a row with a very large error is infinite, and where y is 0, :math:`0 \cdot \log 0` is
# NaN:

a = softmax(np.array([1000.0, 0.0]))
for y in ([0.0, 1.0], [1.0, 0.0]):
    print("y =", y, " L =", -(np.array(y) * np.log(a)).sum())

# %%
# First remedy: clipping
# ----------------------
#
# A common remedy is to clip probabilities from below before the logarithm, for instance at 1e-7.
# Then every number is finite. But all rows with smaller probabilities have the same loss, 16.1, and
# where the loss is constant, its derivative is 0: the rows with the largest errors are not
# corrected.
#
# Second remedy: log-sum-exp
# --------------------------
#
# Simplify the logarithm before computing it:
#
# .. math::
#
#    -\log a_k &= -\log \frac{e^{z_k}}{\sum_j e^{z_j}} = \log \sum_j e^{z_j} - z_k, \\
#    \log \sum_j e^{z_j} &= m + \log \sum_j e^{z_j - m} .
#
# The formula contains no probability. The sum is between 1 and c, so its logarithm is between 0 and
# log c. The result is accurate for all differences of the logits, without clipping. In single
# precision, for logits [d, 0], where the second class is the true one:

d = np.linspace(0, 150, 601, dtype=np.float32)
Z = np.column_stack([d, np.zeros_like(d)])
losses = {
    "naive": -np.log(naive_softmax(Z)[:, 1]),
    "softmax of shifted logits": -np.log(softmax(Z)[:, 1]),
    "clipped at 1e-7": -np.log(np.clip(softmax(Z)[:, 1], 1e-7, 1)),
    "log-sum-exp": -log_softmax(Z)[:, 1],
}
fig, axes = plt.subplots(1, 2, figsize=(6.5, 3), layout="constrained")
styles = [("C3", 5), ("C1", 3), ("C2", 2), ("C0", 1.5)]
for (name, curve), (color, width) in zip(losses.items(), styles, strict=True):
    finite = np.isfinite(curve)
    axes[0].plot(d[finite], curve[finite], color=color, linewidth=width, label=name)
    slope = np.gradient(curve, d)
    axes[1].plot(d, np.where(np.isfinite(slope), slope, np.nan), color=color, linewidth=width)
    if not finite.all():
        axes[0].plot(d[finite][-1], curve[finite][-1], "x", color=color, markersize=10)
    end = (
        f"infinite or NaN from d = {d[~finite][0]:.1f} on" if not finite.all() else "always finite"
    )
    print(f"{name:26} at d = 50: {curve[200]:6.2f}, {end}")
axes[0].set(title="loss (x: last finite value)", xlabel="d")
axes[1].set(title="slope, by finite differences", xlabel="d", ylim=(-0.1, 1.6))
axes[0].legend(frameon=False, fontsize=8)
plt.show()

# %%
# The logarithm of softmax is inaccurate before the probability becomes 0, because the smallest
# numbers above 0 have only a few significant digits. Only log-sum-exp, which the package uses, has
# the correct slope everywhere. Comparison with SciPy and with the exact value, which for large d is
# d:

np.testing.assert_allclose(log_softmax(Z), scipy_log_softmax(Z, axis=1), rtol=1e-6)
np.testing.assert_allclose(losses["log-sum-exp"][d > 50], d[d > 50], rtol=1e-6)
assert np.ptp(losses["clipped at 1e-7"][d > 20]) == 0

# %%
# Value and gradient from one exponential
# ---------------------------------------
#
# The gradient :math:`a - y` needs softmax, the loss needs the logarithm of the sum, and both use
# the same exponentials of shifted logits. Therefore the package has one function for both, and no
# softmax layer:
#
# .. literalinclude:: /../skmlp/core/losses.py
#    :pyobject: softmax_cross_entropy
#    :start-at: n, n_classes = logits
#    :caption: skmlp/core/losses.py

for z in ([1e4, 0.0], [-1e4, 0.0], [3e38, -3e38]):
    loss, delta = softmax_cross_entropy(np.array([z], np.float32), np.array([[0, 1]], np.float32))
    print(f"{z!s:16} loss {loss:8.5g}  gradient {delta[0]}")
_ = np.seterr(**settings)

# %%
# For a certain and wrong prediction, the loss is the difference of the logits, and the gradient has
# its largest size. For a certain and correct one, both are 0. (In the last row, the difference of
# the logits overflows in single precision, so the loss is infinite; the gradient is still correct.)
#
# Predictions of the package are never minus infinity either: `predict_log_proba` is clipped at the
# logarithm of the smallest normal number, and `predict_proba` is its exponential, so that scores
# such as scikit-learn's `log_loss` are finite.

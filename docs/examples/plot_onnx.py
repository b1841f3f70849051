"""
Exporting to ONNX
=================

To predict in a browser, on a telephone, or in a service written in another language, a network has
to leave Python. The way out is scikit-learn's own network: `to_sklearn` makes one with the same
parameters, and skl2onnx turns it into ONNX, together with the steps in front of it.
"""

# %%
# A network, and the one scikit-learn knows
# -----------------------------------------
#
# Its activation has to be one that `MLPClassifier` has: identity, logistic, tanh or relu. Means and
# scales of the columns are in the first layer already, so there is no scaler to carry along.

from textwrap import fill

import numpy as np
from sklearn.model_selection import train_test_split

from skmlp import SoftmaxMLPClassifier
from skmlp.datasets import load_fashion_mnist_sample

fashion = load_fashion_mnist_sample()
X, y = fashion.data.astype(np.float32), np.array(fashion.target_names)[fashion.target]
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

clf = SoftmaxMLPClassifier(units=50, epochs=10, random_state=0).fit(X_train, y_train)
mlp = clf.to_sklearn()
print(type(mlp).__module__, type(mlp).__name__)
assert np.allclose(mlp.predict_proba(X_test), clf.predict_proba(X_test), atol=1e-6)

# %%
# What it does not have is refused, and why is said:

try:
    SoftmaxMLPClassifier(5, activation="gelu", epochs=1).fit(X[:100], y[:100]).to_sklearn()
except ValueError as error:
    print(fill(str(error), 80))

# %%
# The file
# --------
#
# An example row tells skl2onnx the type and number of the features. `zipmap=False` makes the
# probabilities one array, not a list of dicts.

from skl2onnx import to_onnx

model = to_onnx(mlp, X_train[:1], options={"zipmap": False})
written = model.SerializeToString()  # the bytes of a .onnx file
print(f"{len(written) / 1000:.0f} kB, parameters {clf.theta_.nbytes / 1000:.0f} kB")
print(fill("operations: " + ", ".join(node.op_type for node in model.graph.node), 80))

# %%
# Elsewhere
# ---------
#
# Whatever runs ONNX now gives the same labels and probabilities; here it is onnxruntime, which has
# no idea of scikit-learn.

import onnxruntime

session = onnxruntime.InferenceSession(written)
labels, proba = session.run(None, {session.get_inputs()[0].name: X_test})
difference = np.abs(proba - clf.predict_proba(X_test)).max()
print(f"right: {(labels == y_test).mean():.3f}, here {clf.score(X_test, y_test):.3f}")
print(f"largest difference of a probability: {difference:.0e}")
assert (labels == clf.predict(X_test)).all()
assert difference < 1e-5

# %%
# One row, and what the network makes of it on the other side:

import matplotlib.pyplot as plt

row = 7
fig, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
left.imshow(X_test[row].reshape(28, 28), cmap="gray_r")
left.set_axis_off()
left.set_title(y_test[row])
right.barh(clf.classes_, proba[row])
right.set(xlabel="probability, by onnxruntime", xlim=(0, 1))
plt.show()

# %%
# With steps in front
# -------------------
#
# In a pipeline, exchange the last step and export the whole:

from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

pipeline = make_pipeline(PCA(30, random_state=0), SoftmaxMLPClassifier(50, random_state=0))
pipeline.fit(X_train, y_train)
exported = make_pipeline(pipeline[0], pipeline[-1].to_sklearn())
model = to_onnx(exported, X_train[:1], options={"zipmap": False})
session = onnxruntime.InferenceSession(model.SerializeToString())
labels, proba = session.run(None, {session.get_inputs()[0].name: X_test})
assert (labels == pipeline.predict(X_test)).mean() > 0.999
print("a pipeline agrees too:", np.allclose(proba, pipeline.predict_proba(X_test), atol=1e-3))

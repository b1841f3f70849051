"""
Exporting to ONNX
=================

ONNX is a file format for predictions without Python: in a browser, on a phone, or in a service
written in another language. `to_sklearn` converts the network to scikit-learn's `MLPClassifier`
with the same parameters, and skl2onnx exports that, together with preprocessing steps.
"""

# %%
# Conversion to scikit-learn's network
# ------------------------------------
#
# The activation must be one that `MLPClassifier` has: identity, logistic, tanh or relu. Means and
# scales of the columns are folded into the first layer, so no scaler has to be exported.

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
# For other activations there is an error:

try:
    SoftmaxMLPClassifier(5, activation="gelu", epochs=1).fit(X[:100], y[:100]).to_sklearn()
except ValueError as error:
    print(fill(str(error), 80))

# %%
# The file
# --------
#
# skl2onnx takes the type and number of the features from an example row. With `zipmap=False` the
# probabilities are one array, not a list of dicts.

from skl2onnx import to_onnx

model = to_onnx(mlp, X_train[:1], options={"zipmap": False})
written = model.SerializeToString()  # the bytes of a .onnx file
print(f"{len(written) / 1000:.0f} kB, parameters {clf.theta_.nbytes / 1000:.0f} kB")
print(fill("operations: " + ", ".join(node.op_type for node in model.graph.node), 80))

# %%
# Prediction with onnxruntime
# ---------------------------
#
# Any ONNX runtime gives the same labels and probabilities; here it is onnxruntime, which does not
# use scikit-learn.

import onnxruntime

session = onnxruntime.InferenceSession(written)
labels, proba = session.run(None, {session.get_inputs()[0].name: X_test})
difference = np.abs(proba - clf.predict_proba(X_test)).max()
print(f"accuracy: onnxruntime {(labels == y_test).mean():.3f}, ", end="")
print(f"skmlp {clf.score(X_test, y_test):.3f}")
print(f"largest difference of a probability: {difference:.0e}")
assert (labels == clf.predict(X_test)).all()
assert difference < 1e-5

# %%
# One row and its predicted probabilities:

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
# Pipelines
# ---------
#
# In a pipeline, replace the last step and export the pipeline:

from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

pipeline = make_pipeline(PCA(30, random_state=0), SoftmaxMLPClassifier(50, random_state=0))
pipeline.fit(X_train, y_train)
exported = make_pipeline(pipeline[0], pipeline[-1].to_sklearn())
model = to_onnx(exported, X_train[:1], options={"zipmap": False})
session = onnxruntime.InferenceSession(model.SerializeToString())
labels, proba = session.run(None, {session.get_inputs()[0].name: X_test})
assert (labels == pipeline.predict(X_test)).mean() > 0.999
print(
    "probabilities of the pipeline agree:",
    np.allclose(proba, pipeline.predict_proba(X_test), atol=1e-3),
)

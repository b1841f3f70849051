"""
Exporting to ONNX
=================

ONNX is a file format for predictions without Python: in a browser, on a phone, or in a service
written in another language. With `import skmlp.onnx`, skl2onnx converts `SoftmaxMLPClassifier`,
alone or with the preprocessing steps of a pipeline. It needs the extra ``skmlp[onnx]``, and
onnxruntime to run the model.
"""

# %%
# The file
# --------
#
# skl2onnx takes the type and number of the features from an example row. With `zipmap=False` the
# probabilities are one array, not a list of dicts.

from textwrap import fill

import numpy as np
from skl2onnx import to_onnx
from sklearn.model_selection import train_test_split

import skmlp.onnx  # noqa: F401  registers the converter; there is nothing to call in it
from skmlp import SoftmaxMLPClassifier
from skmlp.datasets import load_fashion_mnist_sample

fashion = load_fashion_mnist_sample()
X, y = fashion.data.astype(np.float32), np.array(fashion.target_names)[fashion.target]
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

clf = SoftmaxMLPClassifier(units=50, activation="silu", epochs=10, random_state=0)
clf.fit(X_train, y_train)
model = to_onnx(clf, X_train[:1], options={"zipmap": False})
written = model.SerializeToString()  # the bytes of a .onnx file
print(f"{len(written) / 1000:.0f} kB, parameters {clf.theta_.nbytes / 1000:.0f} kB")
print(fill("operations: " + ", ".join(node.op_type for node in model.graph.node), 80))

# %%
# Prediction with onnxruntime
# ---------------------------
#
# Any ONNX runtime gives the same labels and probabilities. This example uses onnxruntime, which
# does not need scikit-learn.

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
# A pipeline is exported as a whole:

from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

pipeline = make_pipeline(PCA(30, random_state=0), SoftmaxMLPClassifier(50, random_state=0))
pipeline.fit(X_train, y_train)
model = to_onnx(pipeline, X_train[:1], options={"zipmap": False})
session = onnxruntime.InferenceSession(model.SerializeToString())
labels, proba = session.run(None, {session.get_inputs()[0].name: X_test})
assert (labels == pipeline.predict(X_test)).mean() > 0.999
print(
    "probabilities of the pipeline agree:",
    np.allclose(proba, pipeline.predict_proba(X_test), atol=1e-3),
)

# %%
# For a data frame, skl2onnx takes a type for each column. It does not know the nullable dtypes of
# pandas, such as boolean and Int64. Convert these columns before the export, by
# ``frame["x"].astype(float)``, in which missing values are NaN, or ``astype(bool)``.
#
# Numbers of large offset
# -----------------------
#
# A float32 cannot represent a Unix time to the second. It is not necessary to export the whole
# network in float64: columns may be inputs of different types, and are standardized before they are
# rounded. In this example, the first column is the time in seconds, within one day:

from skl2onnx.common.data_types import FloatTensorType, Int64TensorType

rng = np.random.default_rng(0)
seconds, other = 1_700_000_000 + rng.integers(86_400, size=1000), rng.normal(size=1000)
late = np.where(seconds % 86_400 / 43_200 - 1 + other > 0, "late", "early")
clf = SoftmaxMLPClassifier(20, random_state=0).fit(np.column_stack([seconds, other]), late)

types = [("time", Int64TensorType([None, 1])), ("other", FloatTensorType([None, 1]))]
model = to_onnx(clf, initial_types=types, options={"zipmap": False})
session = onnxruntime.InferenceSession(model.SerializeToString())
rounded = other.astype(np.float32)
_, proba = session.run(None, {"time": seconds[:, None], "other": rounded[:, None]})
expected = clf.predict_proba(np.column_stack([seconds, rounded]))
assert proba.dtype == np.float32
print(f"largest difference of a probability: {np.abs(proba - expected).max():.0e}")

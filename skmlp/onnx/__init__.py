"""Export of networks and ensembles to ONNX by skl2onnx, alone or as a step of a pipeline.

Importing this module registers converters with skl2onnx (``pip install "skmlp[onnx]"``) for
`SoftmaxMLPClassifier` and `SoftmaxMLPEnsembleClassifier`. After that, ``skl2onnx.to_onnx`` and
``convert_sklearn`` accept these like the classifiers of scikit-learn. Without the import, they
raise MissingShapeCalculator. There is nothing to call in this module.

Networks
    All activations, also different ones by layer; any number of hidden layers, including none; any
    number of classes.
Inputs
    Dense float32, float64, int8, int32, int64, uint8 and bool; strings for categories that are
    strings. Several inputs, such as the columns of a data frame, are joined in their order, and
    each may hold one column or several.
Missing values
    NaN in float32 and float64. In strings, "", "nan", "None" and "<NA>" are missing values, unless
    they are categories of the column. onnxruntime converts NaN, None and pandas.NA to the last
    three.
Outputs
    Labels are those of `predict`, as strings or int64; bools are 0 and 1. Probabilities are those
    of `predict_proba` up to rounding, as float64 if the first input is float64 and otherwise as
    float32.
Options
    "zipmap" (True, False or "columns"), "nocl", "output_class_labels" and "raw_scores", as for the
    classifiers of scikit-learn. With "raw_scores", the scores are the logits; for two classes the
    second column is `decision_function`, z1 - z0, and the first is z0 - z1. The dictionaries of
    ``zipmap=True``, the default, exist in ONNX for float32 only: with float64, set it to False or
    "columns".
Opsets
    9 or newer, up to the newest of the installed skl2onnx (22 in skl2onnx 1.20). 7 and 8 are for
    networks without categories that were trained without missing values; they do not support NaN.

Categories are looked up, and one-hot columns are not formed: a model of 20,000 categories is as
fast as one of 20.

Columns that were standardized in training are standardized before the first product, so a large
mean loses no more digits than the dtype of the input. float32 does not resolve Unix times finer
than two minutes, so such columns should be float64 or int64. (`predict` of a network
with float32 parameters rounds such columns more than the ONNX model does.) Unlike `predict`, the
ONNX model raises no error for overflow or for infinite values.

skl2onnx also converts some estimators that contain the classifier. `GridSearchCV`, stacking,
bagging and `CalibratedClassifierCV` with ``method="sigmoid"`` are exact. But skl2onnx 1.20 rounds
the isotonic method to its nearest threshold, and ignores the threshold of
`TunedThresholdClassifierCV`. Export the ``best_estimator_`` of a `PopulationGridSearchCV`, and
``to_local()`` of a `DaskSoftmaxMLPClassifier`.

Examples
--------
>>> import numpy as np
>>> from skl2onnx import to_onnx
>>> from sklearn.datasets import load_iris
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import PolynomialFeatures
>>> import skmlp.onnx
>>> from skmlp import SoftmaxMLPClassifier
>>> X, y = load_iris(return_X_y=True)
>>> clf = SoftmaxMLPClassifier(10, activation="silu", random_state=0)
>>> pipeline = make_pipeline(PolynomialFeatures(2), clf).fit(X, y)
>>> model = to_onnx(pipeline, X[:1].astype(np.float32), options={"zipmap": False})
>>> [output.name for output in model.graph.output]
['label', 'probabilities']

The columns of a data frame are one input each, in their order:

>>> import pandas as pd
>>> from skl2onnx.common.data_types import FloatTensorType, StringTensorType
>>> frame = pd.DataFrame({"colour": ["red", "blue", None] * 50, "size": X[:, 0]})
>>> clf = SoftmaxMLPClassifier(10, random_state=0).fit(frame, y)
>>> types = [("colour", StringTensorType([None, 1])), ("size", FloatTensorType([None, 1]))]
>>> model = to_onnx(clf, initial_types=types, options={"zipmap": False})
>>> [input.name for input in model.graph.input]
['colour', 'size']
"""

try:
    import onnx as _  # noqa: F401  which skl2onnx needs
    from skl2onnx import update_registered_converter
except ImportError as error:
    raise ImportError('skmlp.onnx needs skl2onnx: pip install "skmlp[onnx]".') from error

from skmlp.estimators.classifier import SoftmaxMLPClassifier
from skmlp.estimators.ensemble import SoftmaxMLPEnsembleClassifier
from skmlp.onnx.converters import OPTIONS, convert_classifier, convert_ensemble, set_output_types

__all__: list[str] = []

for kind, converter in (
    (SoftmaxMLPClassifier, convert_classifier),
    (SoftmaxMLPEnsembleClassifier, convert_ensemble),
):
    update_registered_converter(
        kind, f"Skmlp{kind.__name__}", set_output_types, converter, options=OPTIONS
    )

"""Export of networks and ensembles to ONNX by skl2onnx, alone or as a step of a pipeline.

Importing this module registers converters with skl2onnx (``pip install "skmlp[onnx]"``) for
`SoftmaxMLPClassifier` and `SoftmaxMLPEnsembleClassifier`. After that, ``skl2onnx.to_onnx`` and
``convert_sklearn`` accept these as they accept the classifiers of scikit-learn; without it, they
raise MissingShapeCalculator. There is nothing to call in this module.

Networks
    All activations, also different ones by layer; any number of hidden layers, including none; any
    number of classes.
Inputs
    Dense float32, float64, int8, int32, int64, uint8 and bool. Several inputs, such as the columns
    of a dataframe, are joined in their order.
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
    7 or newer, up to the newest of the installed skl2onnx (22 in skl2onnx 1.20).

Columns that were standardized in training are standardized before the first product, so that a
large mean costs no more digits than the dtype of the input does: float32 does not resolve Unix
times finer than two minutes, and such columns should be float64 or int64. (`predict` of a network
with float32 parameters rounds such columns more than the ONNX model does.) Unlike `predict`, the
ONNX model raises no error for overflow or for missing and infinite values.

Of an estimator that contains the classifier, skl2onnx converts what it knows. `GridSearchCV`,
stacking and bagging are exact, and so is `CalibratedClassifierCV` with ``method="sigmoid"``, but
skl2onnx 1.20 rounds the isotonic one to its nearest threshold and ignores the threshold of
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
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

try:
    from onnx import TensorProto
    from skl2onnx import update_registered_converter
    from skl2onnx.common.data_types import (
        BooleanTensorType,
        DoubleTensorType,
        FloatTensorType,
        Int8TensorType,
        Int32TensorType,
        Int64TensorType,
        StringTensorType,
        UInt8TensorType,
    )
    from skl2onnx.common.utils_classifier import get_label_classes
except ImportError as error:
    raise ImportError('skmlp.onnx needs skl2onnx: pip install "skmlp[onnx]".') from error

from skmlp.core.activations import GELU_CUBIC, GELU_SCALE, LEAKY_SLOPE
from skmlp.core.encoding import Encoding, PiecewiseLinear
from skmlp.core.scaling import Scaling
from skmlp.estimators.classifier import SoftmaxMLPClassifier
from skmlp.estimators.ensemble import SoftmaxMLPEnsembleClassifier

__all__: list[str] = []

INPUT_TYPES = [
    BooleanTensorType,
    DoubleTensorType,
    FloatTensorType,
    Int8TensorType,
    Int32TensorType,
    Int64TensorType,
    UInt8TensorType,
]
OPTIONS = {
    "zipmap": [True, False, "columns"],
    "nocl": [True, False],
    "output_class_labels": [False, True],
    "raw_scores": [True, False],
}
FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
FLOAT_DTYPES: dict[type, np.dtype] = {FloatTensorType: FLOAT32, DoubleTensorType: FLOAT64}
TENSOR_TYPES = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int64": TensorProto.INT64,
    "object": TensorProto.STRING,
}


class _Graph:
    """The ONNX graph of a conversion. Arrays in it are called by their names, strings.

    Parameters
    ----------
    scope : skl2onnx Scope
        Makes names that are unique in the model.
    container : skl2onnx ModelComponentContainer
        What nodes and constants are added to.
    """

    def __init__(self, scope: Any, container: Any) -> None:
        self.scope, self.container = scope, container

    def constant(self, value: np.ndarray) -> str:
        """Add an array; return its name."""
        name = self.scope.get_unique_variable_name("constant")
        kind = TENSOR_TYPES[value.dtype.name]
        self.container.add_initializer(name, kind, value.shape, value.ravel())
        return str(name)

    def node(self, op: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node; return the name of its output, a new one by default."""
        output = output or str(self.scope.get_unique_variable_name(op.lower()))
        name = self.scope.get_unique_operator_name(op)
        self.container.add_node(op, list(inputs), output, name=name, **attributes)
        return output

    def cast(self, name: str, before: np.dtype | None, after: np.dtype) -> str:
        """Return the name of an array cast from one dtype (None: any other) to another."""
        if before is not None and before == after:  # NumPy takes None for float64
            return name
        return self.node("Cast", name, to=TENSOR_TYPES[after.name])


class _Rows(NamedTuple):
    """The rows that are given, before they are standardized.

    Attributes
    ----------
    X : str
        Their name (n, n_features).
    dtype : dtype
    features : list of str
        The name of the features of bins (n, n_bins) in the dtype of the network, if there are any.
    """

    X: str
    dtype: np.dtype
    features: list[str]


# The activations in terms of operators that onnxruntime has for float64 as well as for float32,
# which it does not have LeakyRelu and Elu for. Each function gets the dtype of Z.


def _identity(graph: _Graph, Z: str, dtype: np.dtype) -> str:
    """f(z) = z."""
    return Z


def _logistic(graph: _Graph, Z: str, dtype: np.dtype) -> str:
    """f(z) = 1 / (1 + exp(-z))."""
    return graph.node("Sigmoid", Z)


def _tanh(graph: _Graph, Z: str, dtype: np.dtype) -> str:
    """f(z) = tanh(z)."""
    return graph.node("Tanh", Z)


def _relu(graph: _Graph, Z: str, dtype: np.dtype) -> str:
    """f(z) = max(z, 0)."""
    return graph.node("Relu", Z)


def _leaky_relu(graph: _Graph, Z: str, dtype: np.dtype) -> str:
    """f(z) = max(z, 0) + 0.01 min(z, 0)."""
    positive, negative = _split_by_sign(graph, Z)
    slope = graph.constant(np.array(LEAKY_SLOPE, dtype))
    return graph.node("Add", positive, graph.node("Mul", negative, slope))


def _elu(graph: _Graph, Z: str, dtype: np.dtype) -> str:
    """f(z) = max(z, 0) + exp(min(z, 0)) - 1."""
    positive, negative = _split_by_sign(graph, Z)
    one = graph.constant(np.array(1.0, dtype))
    return graph.node("Add", positive, graph.node("Sub", graph.node("Exp", negative), one))


def _silu(graph: _Graph, Z: str, dtype: np.dtype) -> str:
    """f(z) = z s(z), s the logistic function."""
    return _times_logistic(graph, Z, Z, dtype)


def _gelu(graph: _Graph, Z: str, dtype: np.dtype) -> str:
    """f(z) = z (1 + tanh u) / 2 = z s(2u), u = c (z + 0.044715 z^3)."""
    linear = graph.constant(np.array(2.0 * GELU_SCALE, dtype))
    cubic = graph.constant(np.array(2.0 * GELU_SCALE * GELU_CUBIC, dtype))
    factor = graph.node("Mul", graph.node("Mul", Z, Z), cubic)
    factor = graph.node("Add", factor, linear)
    return _times_logistic(graph, Z, graph.node("Mul", Z, factor), dtype)


def _split_by_sign(graph: _Graph, Z: str) -> tuple[str, str]:
    """Return max(z, 0) and min(z, 0)."""
    positive = graph.node("Relu", Z)
    return positive, graph.node("Sub", Z, positive)


def _times_logistic(graph: _Graph, Z: str, V: str, dtype: np.dtype) -> str:
    """Return z s(v) as z / (1 + exp(-v)), which has the correct limit where exp overflows.

    A runtime may compute Sigmoid and Tanh with an absolute error, which z would multiply.
    """
    one = graph.constant(np.array(1.0, dtype))
    denominator = graph.node("Add", graph.node("Exp", graph.node("Neg", V)), one)
    return graph.node("Div", Z, denominator)


ACTIVATION_NODES: dict[str, Callable[[_Graph, str, np.dtype], str]] = {
    "identity": _identity,
    "logistic": _logistic,
    "tanh": _tanh,
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "silu": _silu,
    "gelu": _gelu,
}


def _set_output_types(operator: Any) -> None:
    """Set type and shape of labels and scores: the shape calculator of skl2onnx.

    Raises
    ------
    NotFittedError
        If the classifier is not fitted.
    TypeError
        If an input has a type other than `INPUT_TYPES`.
    ValueError
        If the inputs do not have the number of features in fit, or if ONNX has no type for the
        labels.
    """
    clf = operator.raw_operator
    check_is_fitted(clf)
    for variable in operator.inputs:
        if type(variable.type) not in INPUT_TYPES:
            names = ", ".join(kind.__name__ for kind in INPUT_TYPES)
            raise TypeError(
                f"The inputs of a {type(clf).__name__} must be one of {names}; "
                f"{variable.onnx_name} is {type(variable.type).__name__}."
            )
    widths = [variable.get_second_dimension() for variable in operator.inputs]
    if all(isinstance(width, int) for width in widths) and sum(widths) != clf.n_features_in_:
        raise ValueError(
            f"The inputs have {sum(widths)} features, but the {type(clf).__name__} was fitted on "
            f"{clf.n_features_in_}."
        )
    n_rows = operator.inputs[0].get_first_dimension()
    labels = _onnx_labels(get_label_classes(operator.scope_inst, clf))
    label_type = StringTensorType if labels.dtype == object else Int64TensorType
    is_double = isinstance(operator.inputs[0].type, DoubleTensorType)
    score_type = DoubleTensorType if is_double else FloatTensorType
    operator.outputs[0].set_type(label_type([n_rows]))
    operator.outputs[1].set_type(score_type([n_rows, len(labels)]))


def _add_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of a fitted classifier: the converter of skl2onnx.

    Raises
    ------
    ValueError
        If a parameter of the network is too large for the dtype of the input.
    """
    clf, graph, dtype = operator.raw_operator, _Graph(scope, container), _output_dtype(operator)
    rows = _add_rows(graph, operator.inputs, clf._network.encoding, dtype)
    _add_outputs(graph, operator, _add_logits(graph, clf, rows, dtype), dtype)


def _add_ensemble(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of a fitted ensemble: the converter of skl2onnx.

    Raises
    ------
    ValueError
        As `_add_classifier`.
    """
    graph, dtype = _Graph(scope, container), _output_dtype(operator)
    members, encoding = operator.raw_operator.estimators_, operator.raw_operator._network.encoding
    rows, total = _add_rows(graph, operator.inputs, encoding, dtype), ""
    for member in members:
        logits = _add_logits(graph, member, rows, dtype)
        proba = graph.node("Softmax", logits, axis=1)
        total = graph.node("Add", total, proba) if total else proba
    share = graph.constant(np.array(1.0 / len(members), dtype))
    least = graph.constant(np.array(np.finfo(dtype).tiny, dtype))  # log(0) would be infinite
    mean = graph.node("Add", graph.node("Mul", total, share), least)
    _add_outputs(graph, operator, graph.node("Log", mean), dtype)


def _output_dtype(operator: Any) -> np.dtype:
    is_double = isinstance(operator.outputs[1].type, DoubleTensorType)
    return FLOAT64 if is_double else FLOAT32


def _add_logits(graph: _Graph, clf: Any, rows: _Rows, dtype: np.dtype) -> str:
    """Add a network and what comes before it; return the name of the logits (n, n_classes)."""
    A, theta = _preprocess(graph, clf, rows, dtype)
    return _add_network(graph, clf, A, theta)


def _add_outputs(graph: _Graph, operator: Any, logits: str, dtype: np.dtype) -> None:
    """Add labels and scores, given the name of logits or of logarithms of probabilities."""
    clf, container = operator.raw_operator, graph.container
    label, score = (variable.full_name for variable in operator.outputs)
    labels = graph.constant(_onnx_labels(get_label_classes(graph.scope, clf)))
    best = graph.node("ArgMax", logits, axis=1, keepdims=0)
    graph.node("Gather", labels, best, output=label)
    if not container.get_options(clf, {"raw_scores": False})["raw_scores"]:
        graph.node("Softmax", logits, output=score, axis=1)
    elif len(clf.classes_) == 2:
        differences = graph.constant(np.array([[1.0, -1.0], [-1.0, 1.0]], dtype))
        graph.node("MatMul", logits, differences, output=score)
    else:
        graph.node("Identity", logits, output=score)


def _add_rows(
    graph: _Graph, inputs: list[Any], encoding: Encoding | None, dtype: np.dtype
) -> _Rows:
    """Join the inputs, and add the features of their bins in the dtype of the network.

    Rows that are not all float32 are float64, since float32 would round large integers.
    """
    dtypes = [FLOAT_DTYPES.get(type(variable.type)) for variable in inputs]
    row_dtype = FLOAT32 if set(dtypes) == {FLOAT32} else FLOAT64
    parts = [
        graph.cast(variable.full_name, before, row_dtype)
        for variable, before in zip(inputs, dtypes, strict=True)
    ]
    X = parts[0] if len(parts) == 1 else graph.node("Concat", *parts, axis=1)
    bins = None if encoding is None else encoding.bins
    features = [] if bins is None else [_add_bins(graph, X, bins, row_dtype, dtype)]
    return _Rows(X, row_dtype, features)


def _preprocess(graph: _Graph, clf: Any, rows: _Rows, dtype: np.dtype) -> tuple[str, np.ndarray]:
    """Add what comes before the first layer; return its input and the network's parameters.

    Standardization is not left folded into the first layer: in a column whose mean is many times
    its scale, both terms of ``x W - mean W`` would be much larger than their difference, and
    float32 would round its digits away.

    Parameters
    ----------
    graph : _Graph
    clf : SoftmaxMLPClassifier
    rows : _Rows
    dtype : dtype
        Of the network.

    Returns
    -------
    A : str
        Name of the rows (n, n_inputs), in dtype.
    theta : ndarray of shape (n_params,)
        The parameters that act on these rows, in dtype.
    """
    X, row_dtype, features = rows
    theta, scaling = clf.theta_.astype(np.float64), clf._scaling
    if scaling is not None:
        mean = np.zeros_like(scaling.scale) if scaling.mean is None else scaling.mean
        mean, inverse = _finite(mean, row_dtype), _finite(scaling.inverse, row_dtype)
        X = graph.node("Sub", X, graph.constant(mean))
        X = graph.node("Mul", X, graph.constant(inverse))
        # What mean and inverse lost by rounding is in the parameters, unfolded with the same.
        scale = np.zeros(len(inverse))
        np.divide(1.0, inverse, out=scale, where=inverse > 0, dtype=np.float64)
        theta = Scaling(mean.astype(np.float64), scale).unfold(clf._network, theta)
    X = graph.cast(X, row_dtype, dtype)
    return graph.node("Concat", X, *features, axis=1) if features else X, _finite(theta, dtype)


def _add_bins(
    graph: _Graph, X: str, bins: PiecewiseLinear, row_dtype: np.dtype, dtype: np.dtype
) -> str:
    """Add the piecewise linear features of rows, in double precision as in training.

    ``1 - max(1 - max(t, 0), 0)`` is clip(t, 0, 1) by operators of all opsets.

    Returns
    -------
    features : str
        Their name; they are of dtype.
    """
    one = graph.constant(np.array(1.0))
    T = graph.node("Gather", X, graph.constant(bins.columns.astype(np.int64)), axis=1)
    T = graph.node("Sub", graph.cast(T, row_dtype, FLOAT64), graph.constant(bins.left))
    T = graph.node("Div", T, graph.constant(bins.right - bins.left))
    T = graph.node("Relu", graph.node("Sub", one, graph.node("Relu", T)))
    return graph.cast(graph.node("Sub", one, T), FLOAT64, dtype)


def _finite(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return an array in dtype; raise if a number is too large."""
    with np.errstate(over="ignore"):
        array = array.astype(dtype)
    if not np.isfinite(array).all():
        raise ValueError(
            "Parameters of the SoftmaxMLPClassifier are too large for float32. Convert it for "
            "inputs of float64 (DoubleTensorType)."
        )
    return array


def _add_network(graph: _Graph, clf: Any, A: str, theta: np.ndarray) -> str:
    """Add the layers; return the name of the logits (n, n_classes)."""
    weights, biases = clf._network.views(theta)
    for W, b, name in zip(weights, biases, (*clf._activations, "identity"), strict=True):
        Z = graph.node("Gemm", A, graph.constant(W), graph.constant(b[0]))
        A = ACTIVATION_NODES[name](graph, Z, theta.dtype)
    return A


def _onnx_labels(classes: np.ndarray) -> np.ndarray:
    """Return labels as int64 or, for strings, as objects.

    Raises
    ------
    ValueError
        If they are neither integers nor strings.
    """
    if all(isinstance(label, str) for label in classes):
        return classes.astype(object)
    with suppress(OverflowError, TypeError, ValueError):
        labels = np.array([int(label) for label in classes], np.int64)
        if (labels == classes).all():
            return labels
    raise ValueError(
        f"ONNX has labels of int64 and of strings, got {classes.tolist()}. With the option "
        "'nocl': True, the labels are their positions in classes_."
    )


for kind, converter in (
    (SoftmaxMLPClassifier, _add_classifier),
    (SoftmaxMLPEnsembleClassifier, _add_ensemble),
):
    update_registered_converter(
        kind, f"Skmlp{kind.__name__}", _set_output_types, converter, options=OPTIONS
    )

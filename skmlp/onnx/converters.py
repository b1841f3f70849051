"""What skl2onnx calls: the types of outputs, and the nodes of a classifier or an ensemble."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from skl2onnx.common.data_types import (
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)
from skl2onnx.common.utils_classifier import get_label_classes
from sklearn.utils.validation import check_is_fitted

from skmlp.core.encoding import Encoding
from skmlp.onnx.graph import ACTIVATION_NODES, FLOAT32, FLOAT64, Graph
from skmlp.onnx.inputs import Rows, add_rows, check_inputs, dense_inputs

__all__ = ["OPTIONS", "convert_classifier", "convert_ensemble", "set_output_types"]

OPTIONS = {
    "zipmap": [True, False, "columns"],
    "nocl": [True, False],
    "output_class_labels": [False, True],
    "raw_scores": [True, False],
}


def set_output_types(operator: Any) -> None:
    """Set type and shape of labels and scores: the shape calculator of skl2onnx.

    Raises
    ------
    NotFittedError
        If the classifier is not fitted.
    TypeError
        If an input has a type that networks do not take.
    ValueError
        If the inputs do not have the number of features in fit, if the type of an input does not
        fit a column, or if ONNX has no type for the labels.
    """
    clf = operator.raw_operator
    check_is_fitted(clf)
    check_inputs(operator)
    n_rows = operator.inputs[0].get_first_dimension()
    labels = _onnx_labels(get_label_classes(operator.scope_inst, clf))
    label_type = StringTensorType if labels.dtype == object else Int64TensorType
    is_double = isinstance(operator.inputs[0].type, DoubleTensorType)
    score_type = DoubleTensorType if is_double else FloatTensorType
    operator.outputs[0].set_type(label_type([n_rows]))
    operator.outputs[1].set_type(score_type([n_rows, len(labels)]))


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of a fitted classifier: the converter of skl2onnx.

    Raises
    ------
    ValueError
        If a parameter of the network is too large for the dtype of the input, or the opset is too
        old for its missing values or categories.
    """
    clf, graph, dtype = operator.raw_operator, Graph(scope, container), _output_dtype(operator)
    rows = add_rows(graph, operator, clf._network.encoding, dtype)
    _add_outputs(graph, operator, _add_logits(graph, clf, rows, dtype), dtype)


def convert_ensemble(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of a fitted ensemble: the converter of skl2onnx.

    Raises
    ------
    ValueError
        As `convert_classifier`.
    """
    graph, dtype = Graph(scope, container), _output_dtype(operator)
    members, encoding = operator.raw_operator.estimators_, operator.raw_operator._network.encoding
    rows, total = add_rows(graph, operator, encoding, dtype), ""
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


def _add_logits(graph: Graph, clf: Any, rows: Rows, dtype: np.dtype) -> str:
    """Add a network and what comes before it; return the name of the logits (n, n_classes)."""
    A, theta = dense_inputs(graph, clf, rows, dtype)
    return _add_network(graph, clf, A, rows.levels, theta)


def _add_outputs(graph: Graph, operator: Any, logits: str, dtype: np.dtype) -> None:
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


def _add_network(graph: Graph, clf: Any, A: str, levels: Sequence[str], theta: np.ndarray) -> str:
    """Add the layers; return the name of the logits (n, n_classes)."""
    weights, biases = clf._network.views(theta)
    activations = (*clf._activations, "identity")
    Z = _add_first_layer(graph, A, levels, clf._network.encoding, weights[0], biases[0][0])
    A = ACTIVATION_NODES[activations[0]](graph, Z, theta.dtype)
    for W, b, name in zip(weights[1:], biases[1:], activations[1:], strict=True):
        Z = graph.node("Gemm", A, graph.constant(W), graph.constant(b[0]))
        A = ACTIVATION_NODES[name](graph, Z, theta.dtype)
    return A


def _add_first_layer(
    graph: Graph,
    A: str,
    levels: Sequence[str],
    encoding: Encoding | None,
    W: np.ndarray,
    b: np.ndarray,
) -> str:
    """Add ``A W + b``, with the rows of W of the levels added, and one of zeros for no level."""
    if encoding is None or not levels:
        return graph.node("Gemm", A, graph.constant(W), graph.constant(b))
    first, last = encoding.n_dense, encoding.n_columns
    of_levels = graph.constant(np.vstack([W[first:last], np.zeros_like(W[:1])]))
    dense = np.delete(W, slice(first, last), axis=0)
    terms = [graph.node("Gather", of_levels, level, axis=0) for level in levels]
    bias = graph.constant(b)
    Z = graph.node("Gemm", A, graph.constant(dense), bias) if A else bias
    for term in terms:
        Z = graph.node("Add", Z, term)
    return Z


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

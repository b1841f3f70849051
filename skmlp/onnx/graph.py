"""The ONNX graph of a conversion, to which nodes are added, and the activations in it."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from onnx import TensorProto

from skmlp.core.activations import GELU_CUBIC, GELU_SCALE, LEAKY_SLOPE

__all__ = ["ACTIVATION_NODES", "FLOAT32", "FLOAT64", "INT64", "Graph", "finite"]

FLOAT32, FLOAT64, INT64 = map(np.dtype, (np.float32, np.float64, np.int64))
TENSOR_TYPES = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int64": TensorProto.INT64,
    "object": TensorProto.STRING,
}


class Graph:
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

    def indices(self, values: Any) -> str:
        """Add an array or a number, as int64; return its name."""
        return self.constant(np.asarray(values, np.int64))

    def node(self, op: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node; return the name of its output, a new one by default."""
        output = output or str(self.scope.get_unique_variable_name(op.lower()))
        name = self.scope.get_unique_operator_name(op)
        self.container.add_node(op, list(inputs), output, name=name, **attributes)
        return output

    def look_up(self, x: str, kind: str, table: Mapping[Any, int], default: int) -> str:
        """Add what a table, from keys to integers, has for the elements of an array.

        Keys are all of one kind: "strings", "int64s" or "floats" of float32. Keys that have the
        default need not be in the file.
        """
        table = {key: value for key, value in table.items() if value != default} or dict(table)
        attributes: dict[str, Any] = {f"keys_{kind}": list(table), "default_int64": default}
        values = list(table.values())
        return self.node(
            "LabelEncoder", x, values_int64s=values, op_domain="ai.onnx.ml", op_version=2,
            **attributes,
        )  # fmt: skip

    def cast(self, name: str, before: np.dtype | None, after: np.dtype) -> str:
        """Return the name of an array cast from one dtype (None: any other) to another."""
        if before is not None and before == after:  # NumPy takes None for float64
            return name
        return self.node("Cast", name, to=TENSOR_TYPES[after.name])


def finite(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return an array in dtype; raise if a number is too large."""
    with np.errstate(over="ignore"):
        array = array.astype(dtype)
    if not np.isfinite(array).all():
        raise ValueError(
            "Parameters of the SoftmaxMLPClassifier are too large for float32. Convert it for "
            "inputs of float64 (DoubleTensorType)."
        )
    return array


# The activations in terms of operators that onnxruntime has for float64 as well as for float32,
# which it does not have LeakyRelu and Elu for. Each function gets the dtype of Z.


def _identity(graph: Graph, Z: str, dtype: np.dtype) -> str:
    """f(z) = z."""
    return Z


def _logistic(graph: Graph, Z: str, dtype: np.dtype) -> str:
    """f(z) = 1 / (1 + exp(-z))."""
    return graph.node("Sigmoid", Z)


def _tanh(graph: Graph, Z: str, dtype: np.dtype) -> str:
    """f(z) = tanh(z)."""
    return graph.node("Tanh", Z)


def _relu(graph: Graph, Z: str, dtype: np.dtype) -> str:
    """f(z) = max(z, 0)."""
    return graph.node("Relu", Z)


def _leaky_relu(graph: Graph, Z: str, dtype: np.dtype) -> str:
    """f(z) = max(z, 0) + 0.01 min(z, 0)."""
    positive, negative = _split_by_sign(graph, Z)
    slope = graph.constant(np.array(LEAKY_SLOPE, dtype))
    return graph.node("Add", positive, graph.node("Mul", negative, slope))


def _elu(graph: Graph, Z: str, dtype: np.dtype) -> str:
    """f(z) = max(z, 0) + exp(min(z, 0)) - 1."""
    positive, negative = _split_by_sign(graph, Z)
    one = graph.constant(np.array(1.0, dtype))
    return graph.node("Add", positive, graph.node("Sub", graph.node("Exp", negative), one))


def _silu(graph: Graph, Z: str, dtype: np.dtype) -> str:
    """f(z) = z s(z), s the logistic function."""
    return _times_logistic(graph, Z, Z, dtype)


def _gelu(graph: Graph, Z: str, dtype: np.dtype) -> str:
    """f(z) = z (1 + tanh u) / 2 = z s(2u), u = c (z + 0.044715 z^3)."""
    linear = graph.constant(np.array(2.0 * GELU_SCALE, dtype))
    cubic = graph.constant(np.array(2.0 * GELU_SCALE * GELU_CUBIC, dtype))
    factor = graph.node("Mul", graph.node("Mul", Z, Z), cubic)
    factor = graph.node("Add", factor, linear)
    return _times_logistic(graph, Z, graph.node("Mul", Z, factor), dtype)


def _split_by_sign(graph: Graph, Z: str) -> tuple[str, str]:
    """Return max(z, 0) and min(z, 0)."""
    positive = graph.node("Relu", Z)
    return positive, graph.node("Sub", Z, positive)


def _times_logistic(graph: Graph, Z: str, V: str, dtype: np.dtype) -> str:
    """Return z s(v) as z / (1 + exp(-v)), which has the correct limit where exp overflows.

    A runtime may compute Sigmoid and Tanh with an absolute error, which z would multiply.
    """
    one = graph.constant(np.array(1.0, dtype))
    denominator = graph.node("Add", graph.node("Exp", graph.node("Neg", V)), one)
    return graph.node("Div", Z, denominator)


ACTIVATION_NODES: dict[str, Callable[[Graph, str, np.dtype], str]] = {
    "identity": _identity,
    "logistic": _logistic,
    "tanh": _tanh,
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "silu": _silu,
    "gelu": _gelu,
}

"""Export of networks and ensembles to ONNX by skl2onnx, alone or as a step of a pipeline.

Importing this module registers converters with skl2onnx (``pip install "skmlp[onnx]"``) for
`SoftmaxMLPClassifier` and `SoftmaxMLPEnsembleClassifier`. After that, ``skl2onnx.to_onnx`` and
``convert_sklearn`` accept these as they accept the classifiers of scikit-learn; without it, they
raise MissingShapeCalculator. There is nothing to call in this module.

Networks
    All activations, also different ones by layer; any number of hidden layers, including none; any
    number of classes.
Inputs
    Dense float32, float64, int8, int32, int64, uint8 and bool; strings for categories that are
    strings. Several inputs, such as the columns of a data frame, are joined in their order, and
    each may hold one column or several.
Missing values
    NaN in float32 and float64. Strings have none in ONNX: "", "nan", "None" and "<NA>" stand for a
    missing value, unless they are categories of the column. The last three are what onnxruntime
    makes of NaN, None and pandas.NA.
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
    networks without categories, trained without gaps; NaN has no meaning for them.

Categories are looked up, and one-hot columns are not formed: a model of 20,000 categories is as
fast as one of 20.

Columns that were standardized in training are standardized before the first product, so that a
large mean costs no more digits than the dtype of the input does: float32 does not resolve Unix
times finer than two minutes, and such columns should be float64 or int64. (`predict` of a network
with float32 parameters rounds such columns more than the ONNX model does.) Unlike `predict`, the
ONNX model raises no error for overflow or for infinite values.

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

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, cast

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
from skmlp.data.layout import MISSING, UNKNOWN
from skmlp.data.tables import column_name
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
    StringTensorType,
]
OPTIONS = {
    "zipmap": [True, False, "columns"],
    "nocl": [True, False],
    "output_class_labels": [False, True],
    "raw_scores": [True, False],
}
FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
FLOAT_DTYPES: dict[type, np.dtype] = {FloatTensorType: FLOAT32, DoubleTensorType: FLOAT64}
MISSING_STRINGS = ("", "nan", "None", "<NA>")
GAPS_OPSET = 9  # has IsNaN and Where
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


class _Rows(NamedTuple):
    """The rows that are given, before gaps are replaced and columns standardized.

    Attributes
    ----------
    X : str
        The name of the numeric columns (n, n_numeric); "" for none.
    dtype : dtype
        Of X.
    is_gap : str
        The name of what is NaN in X; "" if nothing can be.
    features : str
        The name of the features of bins (n, n_bins), in the dtype of the network; "" for none.
        Gaps were replaced by the centre of the first network.
    levels : list of str
        The name of the level (n,), a row of the first layer, of each categorical column.
    dense : dict
        The names of the `_dense_inputs` that the graph has, by what they were computed from.
    """

    X: str
    dtype: np.dtype
    is_gap: str
    features: str
    levels: list[str]
    dense: dict[tuple[bytes, ...], str]


class _Column(NamedTuple):
    """A column of an input.

    Attributes
    ----------
    variable : skl2onnx Variable
        The input.
    place : int
        Which of its columns.
    categories : ndarray or None
        None if the column is numeric.
    name : str
        What messages call it.
    """

    variable: Any
    place: int
    categories: np.ndarray | None
    name: str


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
        If an input has a type that networks do not take.
    ValueError
        If the inputs do not have the number of features in fit, if the type of an input does not
        fit a column, or if ONNX has no type for the labels.
    """
    clf = operator.raw_operator
    check_is_fitted(clf)
    _check_inputs(operator)
    n_rows = operator.inputs[0].get_first_dimension()
    labels = _onnx_labels(get_label_classes(operator.scope_inst, clf))
    label_type = StringTensorType if labels.dtype == object else Int64TensorType
    is_double = isinstance(operator.inputs[0].type, DoubleTensorType)
    score_type = DoubleTensorType if is_double else FloatTensorType
    operator.outputs[0].set_type(label_type([n_rows]))
    operator.outputs[1].set_type(score_type([n_rows, len(labels)]))


def _check_inputs(operator: Any) -> None:
    """Raise unless number and types of the columns are those of fit."""
    clf = operator.raw_operator
    name = type(clf).__name__
    accepted = INPUT_TYPES if clf.is_categorical_.any() else INPUT_TYPES[:-1]
    for variable in operator.inputs:
        if type(variable.type) not in accepted:
            names = ", ".join(kind.__name__ for kind in accepted)
            raise TypeError(
                f"The inputs of a {name} must be one of {names}; {variable.onnx_name} is "
                f"{type(variable.type).__name__}."
            )
    widths = [variable.get_second_dimension() for variable in operator.inputs]
    if all(isinstance(width, int) for width in widths) and sum(widths) != clf.n_features_in_:
        raise ValueError(
            f"The inputs have {sum(widths)} features, but the {name} was fitted on "
            f"{clf.n_features_in_}."
        )
    if clf.is_categorical_.any():
        for column in _columns(operator):
            _check_kind(column)


def _columns(operator: Any) -> list[_Column]:
    """Return the columns of all inputs, in the order of those of fit.

    Raises
    ------
    ValueError
        If the number of columns of several inputs is unknown.
    """
    clf, inputs = operator.raw_operator, operator.inputs
    widths = [variable.get_second_dimension() for variable in inputs]
    unknown = [i for i, width in enumerate(widths) if not isinstance(width, int)]
    if len(unknown) > 1:
        raise ValueError(
            f"A {type(clf).__name__} with categories needs the number of columns of its inputs, as "
            f"in StringTensorType([None, 1]); that of {len(unknown)} inputs is unknown."
        )
    for i in unknown:
        widths[i] = clf.n_features_in_ - sum(widths[:i]) - sum(widths[i + 1 :])
    places = [(v, k) for v, width in zip(inputs, widths, strict=True) for k in range(width)]
    names, categories = getattr(clf, "feature_names_in_", None), clf._column_categories
    return [
        _Column(*place, found, column_name(names, j))
        for j, (place, found) in enumerate(zip(places, categories, strict=True))
    ]


def _check_kind(column: _Column) -> None:
    """Raise if a column has strings and its input numbers, or the reverse."""
    categories, kind = column.categories, type(column.variable.type)
    if categories is not None and not len(categories):
        return
    is_text = categories is not None and categories.dtype.kind == "O"
    if is_text != (kind is StringTensorType):
        what = "numbers" if categories is None else "categories that are "
        what += "" if categories is None else "strings" if is_text else "numbers"
        expected = "StringTensorType" if is_text else "a tensor of numbers"
        raise ValueError(
            f"{column.name} has {what}, for which its input must be {expected}; "
            f"{column.variable.onnx_name} is {kind.__name__}."
        )


def _add_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of a fitted classifier: the converter of skl2onnx.

    Raises
    ------
    ValueError
        If a parameter of the network is too large for the dtype of the input, or the opset is too
        old for its gaps or categories.
    """
    clf, graph, dtype = operator.raw_operator, _Graph(scope, container), _output_dtype(operator)
    rows = _add_rows(graph, operator, clf._network.encoding, dtype)
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
    rows, total = _add_rows(graph, operator, encoding, dtype), ""
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
    A, theta = _dense_inputs(graph, clf, rows, dtype)
    return _add_network(graph, clf, A, rows.levels, theta)


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


def _add_rows(graph: _Graph, operator: Any, encoding: Encoding | None, dtype: np.dtype) -> _Rows:
    """Join the inputs, and add levels and bins, which all members of an ensemble share."""
    X, row_dtype, has_floats = _add_numbers(graph, operator)
    if encoding is None:
        return _Rows(X, row_dtype, "", "", [], {})
    has_gaps = len(encoding.gaps) > 0
    opset = graph.container.target_opset_any_domain("")
    if opset < GAPS_OPSET and (has_gaps or encoding.levels is not None):
        raise ValueError(
            f"A network with gaps or categories needs opset {GAPS_OPSET} or newer, got {opset}."
        )
    may_have_gaps = X and (has_gaps or (has_floats and opset >= GAPS_OPSET))
    is_gap = graph.node("IsNaN", X) if may_have_gaps else ""
    rows = _Rows(X, row_dtype, is_gap, "", _add_levels(graph, operator, encoding), {})
    if encoding.bins is None:
        return rows
    filled = _fill(graph, rows, encoding.centre.reshape(-1, encoding.n_numeric)[0])
    return rows._replace(features=_add_bins(graph, filled, encoding.bins, row_dtype, dtype))


def _add_numbers(graph: _Graph, operator: Any) -> tuple[str, np.dtype, bool]:
    """Join the numeric columns.

    Rows that are not all float32 are float64, since float32 would round large integers.

    Returns
    -------
    X : str
        Their name; "" if there are none.
    dtype : dtype
    has_floats : bool
        Whether an input of theirs is float32 or float64.
    """
    parts = [(variable, variable.full_name) for variable in operator.inputs]
    if operator.raw_operator.is_categorical_.any():
        parts = _numeric_parts(graph, operator)
    dtypes = [FLOAT_DTYPES.get(type(variable.type)) for variable, _ in parts]
    row_dtype = FLOAT32 if set(dtypes) <= {FLOAT32} else FLOAT64
    casts = [
        graph.cast(name, before, row_dtype) for (_, name), before in zip(parts, dtypes, strict=True)
    ]
    X = graph.node("Concat", *casts, axis=1) if len(casts) > 1 else "".join(casts)
    return X, row_dtype, any(dtypes)


def _numeric_parts(graph: _Graph, operator: Any) -> list[tuple[Any, str]]:
    """Return the inputs with numeric columns, and the name of these columns."""
    columns, parts = _columns(operator), []
    for variable in operator.inputs:
        own = [column for column in columns if column.variable is variable]
        numeric = [column.place for column in own if column.categories is None]
        name = variable.full_name
        if 0 < len(numeric) < len(own):
            name = graph.node("Gather", name, graph.indices(numeric), axis=1)
        if numeric:
            parts.append((variable, name))
    return parts


def _add_levels(graph: _Graph, operator: Any, encoding: Encoding) -> list[str]:
    """Add the level of each categorical column; n_levels for what has none."""
    if encoding.levels is None:
        return []
    row_of_code, first_code = encoding.levels.row_of_code, encoding.levels.first_code
    rows = np.where(row_of_code < 0, encoding.n_levels, row_of_code).astype(np.int64)
    columns = [column for column in _columns(operator) if column.categories is not None]
    return [
        _add_level(graph, column, rows_of_column)
        for column, rows_of_column in zip(columns, np.split(rows, first_code[1:]), strict=True)
    ]


def _add_level(graph: _Graph, column: _Column, rows: np.ndarray) -> str:
    """Add the level (n,) of a column, given that of each of its codes."""
    place = graph.indices(column.place)
    x = graph.node("Gather", column.variable.full_name, place, axis=1)
    categories, rows = cast(np.ndarray, column.categories), rows.copy()
    own, missing, unknown = rows[:MISSING], int(rows[MISSING]), int(rows[UNKNOWN])
    kind = type(column.variable.type)
    if kind is StringTensorType:
        level: dict[Any, int] = dict.fromkeys(MISSING_STRINGS, missing)
        level |= dict(zip(categories.tolist(), own.tolist(), strict=True))
        return graph.look_up(x, "strings", level, unknown)
    if kind in FLOAT_DTYPES:
        x = graph.cast(x, FLOAT_DTYPES[kind], FLOAT64)
        level_of_number = _add_level_of_numbers(graph, x, categories, own, unknown)
        is_gap = graph.node("IsNaN", x)
        return graph.node("Where", is_gap, graph.indices(missing), level_of_number)
    x = graph.node("Cast", x, to=TensorProto.INT64)
    level = _levels_of_integers(categories, own) or {0: unknown}
    return graph.look_up(x, "int64s", level, unknown)


def _levels_of_integers(categories: np.ndarray, own: np.ndarray) -> dict[int, int]:
    """Return the level of each category that is an int64."""
    return {
        int(number): level
        for number, level in zip(categories.tolist(), own.tolist(), strict=True)
        if number == number // 1 and abs(number) < 2**63
    }


def _add_level_of_numbers(
    graph: _Graph, x: str, categories: np.ndarray, own: np.ndarray, unknown: int
) -> str:
    """Add the levels of numbers x (n,), float64, which look-ups have not before opset 20.

    They are looked up by a rounded key, and the category that is found is compared with x. Of
    several categories with the same key, each is tried.
    """
    numbers, first = np.unique(categories.astype(np.float64), return_index=True)
    if not len(numbers):
        numbers, own, first = np.zeros(1), np.array([unknown]), np.zeros(1, int)
    is_whole = bool((numbers == np.floor(numbers)).all() and (np.abs(numbers) < 2**63).all())
    with np.errstate(over="ignore"):
        keys = numbers.astype(np.int64 if is_whole else np.float32)
    key_of_x = graph.node("Cast", x, to=TENSOR_TYPES[keys.dtype.name])
    kind = "int64s" if is_whole else "floats"
    values, levels = graph.constant(numbers), graph.indices(own[first])
    level = graph.indices(unknown)
    rank = np.arange(len(keys)) - np.searchsorted(keys, keys)
    for k in range(rank.max() + 1):
        tried = np.flatnonzero(rank == k)
        table = dict(zip(keys[tried].tolist(), tried.tolist(), strict=True))
        found = graph.look_up(key_of_x, kind, table, 0)
        number = graph.node("Gather", values, found)
        differs = graph.node("Or", graph.node("Less", x, number), graph.node("Greater", x, number))
        level = graph.node("Where", differs, level, graph.node("Gather", levels, found))
    return level


def _fill(graph: _Graph, rows: _Rows, centre: np.ndarray) -> str:
    """Return the name of the numeric columns with a centre (n_numeric,) in place of gaps."""
    if not rows.is_gap:
        return rows.X
    return graph.node("Where", rows.is_gap, graph.constant(_finite(centre, rows.dtype)), rows.X)


def _dense_inputs(graph: _Graph, clf: Any, rows: _Rows, dtype: np.dtype) -> tuple[str, np.ndarray]:
    """Add the inputs of the first layer but the levels; return them and the parameters.

    Standardization is not left folded into the first layer: in a column whose mean is many times
    its scale, both terms of ``x W - mean W`` would be much larger than their difference, and
    float32 would round its digits away. That of levels is: their scale is 1.

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
        Name of the numbers, indicators and bins (n, n_dense + n_bins), in dtype; "" for none.
    theta : ndarray of shape (n_params,)
        The parameters that act on these rows, in dtype.
    """
    encoding, theta, scaling = clf._network.encoding, clf.theta_.astype(np.float64), None
    if clf._scaling is not None:
        n_dense = len(clf._scaling.scale) if encoding is None else encoding.n_dense
        scaling = _rounded(clf._scaling.part(slice(n_dense)), rows.dtype)
        theta = scaling.unfold(clf._network, theta)
    if not rows.X:
        return "", _finite(theta, dtype)
    used = [] if encoding is None else [encoding.centre]
    used += [] if scaling is None else [scaling.mean, scaling.scale]
    key = tuple(array.tobytes() for array in used)
    if key not in rows.dense:
        rows.dense[key] = _add_dense(graph, rows, encoding, scaling, dtype)
    return rows.dense[key], _finite(theta, dtype)


def _rounded(scaling: Scaling, dtype: np.dtype) -> Scaling:
    """Return a Scaling whose means and inverse scales have no digits that a dtype has not.

    What they lose by rounding is in the parameters, unfolded with the same.
    """
    mean = np.zeros_like(scaling.scale) if scaling.mean is None else scaling.mean
    mean, inverse = (_finite(array, dtype).astype(float) for array in (mean, scaling.inverse))
    scale = np.zeros(len(inverse))
    np.divide(1.0, inverse, out=scale, where=inverse > 0)
    return Scaling(mean, scale)


def _add_dense(
    graph: _Graph,
    rows: _Rows,
    encoding: Encoding | None,
    scaling: Scaling | None,
    dtype: np.dtype,
) -> str:
    """Add numbers, indicators and bins; return their name."""
    X = rows.X
    if encoding is not None:
        X = _fill(graph, rows, encoding.centre)
        if len(encoding.gaps):
            gaps = graph.node("Gather", rows.is_gap, graph.indices(encoding.gaps), axis=1)
            X = graph.node("Concat", X, graph.cast(gaps, None, rows.dtype), axis=1)
    if scaling is not None:
        mean = cast(np.ndarray, scaling.mean).astype(rows.dtype)
        X = graph.node("Sub", X, graph.constant(mean))
        X = graph.node("Mul", X, graph.constant(scaling.inverse.astype(rows.dtype)))
    X = graph.cast(X, rows.dtype, dtype)
    if encoding is None or encoding.bins is None:
        return X
    features = _features(graph, rows, encoding.centre, encoding.bins, dtype)
    return graph.node("Concat", X, features, axis=1)


def _features(
    graph: _Graph, rows: _Rows, centre: np.ndarray, bins: PiecewiseLinear, dtype: np.dtype
) -> str:
    """Return the name of the features of bins, those of gaps by a centre (n_numeric,)."""
    if not rows.is_gap:
        return rows.features
    is_gap = graph.node("Gather", rows.is_gap, graph.indices(bins.columns), axis=1)
    centre = centre.astype(rows.dtype)[bins.columns]
    of_gaps = bins.of_values(centre, np.arange(bins.n_bins)).astype(dtype)
    return graph.node("Where", is_gap, graph.constant(of_gaps), rows.features)


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
    T = graph.node("Gather", X, graph.indices(bins.columns), axis=1)
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


def _add_network(graph: _Graph, clf: Any, A: str, levels: Sequence[str], theta: np.ndarray) -> str:
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
    graph: _Graph,
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


for kind, converter in (
    (SoftmaxMLPClassifier, _add_classifier),
    (SoftmaxMLPEnsembleClassifier, _add_ensemble),
):
    update_registered_converter(
        kind, f"Skmlp{kind.__name__}", _set_output_types, converter, options=OPTIONS
    )

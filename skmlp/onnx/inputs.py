"""The inputs of an ONNX model, up to the first layer: numbers, gaps, levels of categories, bins."""

from typing import Any, NamedTuple, cast

import numpy as np
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

from skmlp.core.encoding import Encoding, PiecewiseLinear
from skmlp.core.scaling import Scaling
from skmlp.data.categories import may_be_rounded
from skmlp.data.layout import MISSING, UNKNOWN
from skmlp.data.tables import column_name
from skmlp.onnx.graph import FLOAT32, FLOAT64, INT64, Graph, finite

__all__ = ["Rows", "add_rows", "check_inputs", "dense_inputs"]

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
FLOAT_DTYPES: dict[type, np.dtype] = {FloatTensorType: FLOAT32, DoubleTensorType: FLOAT64}
MISSING_STRINGS = ("", "nan", "None", "<NA>")
GAPS_OPSET = 9  # has IsNaN and Where


class Rows(NamedTuple):
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
        The names of the `dense_inputs` that the graph has, by what they were computed from.
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


def check_inputs(operator: Any) -> None:
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
    if categories is not None and kind in FLOAT_DTYPES:
        _check_exact(column, categories, FLOAT_DTYPES[kind])


def _check_exact(column: _Column, categories: np.ndarray, dtype: np.dtype) -> None:
    """Raise if a float dtype of the input rounds integers to a category."""
    if len(categories) and may_be_rounded(categories, dtype).any():
        raise ValueError(
            f"{column.name} has categories to which {dtype} rounds several integers: its input "
            f"must be Int64TensorType; {column.variable.onnx_name} is "
            f"{type(column.variable.type).__name__}."
        )


def add_rows(graph: Graph, operator: Any, encoding: Encoding | None, dtype: np.dtype) -> Rows:
    """Join the inputs, and add levels and bins, which all members of an ensemble share."""
    X, row_dtype, has_floats = _add_numbers(graph, operator)
    if encoding is None:
        return Rows(X, row_dtype, "", "", [], {})
    has_gaps = len(encoding.gaps) > 0
    opset = graph.container.target_opset_any_domain("")
    if opset < GAPS_OPSET and (has_gaps or encoding.levels is not None):
        raise ValueError(
            f"A network with missing values or categories needs opset {GAPS_OPSET} or newer, got "
            f"{opset}."
        )
    may_have_gaps = X and (has_gaps or (has_floats and opset >= GAPS_OPSET))
    is_gap = graph.node("IsNaN", X) if may_have_gaps else ""
    rows = Rows(X, row_dtype, is_gap, "", _add_levels(graph, operator, encoding), {})
    if encoding.bins is None:
        return rows
    filled = _fill(graph, rows, encoding.centre.reshape(-1, encoding.n_numeric)[0])
    return rows._replace(features=_add_bins(graph, filled, encoding.bins, row_dtype, dtype))


def _add_numbers(graph: Graph, operator: Any) -> tuple[str, np.dtype, bool]:
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


def _numeric_parts(graph: Graph, operator: Any) -> list[tuple[Any, str]]:
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


def _add_levels(graph: Graph, operator: Any, encoding: Encoding) -> list[str]:
    """Add the level of each categorical column; n_levels for what has none."""
    if encoding.levels is None:
        return []
    columns = [column for column in _columns(operator) if column.categories is not None]
    return [
        _add_level(graph, column, np.where(rows < 0, encoding.n_levels, rows))
        for column, rows in zip(columns, encoding.levels.by_column(), strict=True)
    ]


def _add_level(graph: Graph, column: _Column, rows: np.ndarray) -> str:
    """Add the level (n,) of a column, given that of each of its codes."""
    place = graph.indices(column.place)
    x = graph.node("Gather", column.variable.full_name, place, axis=1)
    categories = cast(np.ndarray, column.categories)
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
    x = graph.cast(x, None, INT64)
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
    graph: Graph, x: str, categories: np.ndarray, own: np.ndarray, unknown: int
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
    key_of_x = graph.cast(x, FLOAT64, keys.dtype)
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


def _fill(graph: Graph, rows: Rows, centre: np.ndarray) -> str:
    """Return the name of the numeric columns with a centre (n_numeric,) in place of gaps."""
    if not rows.is_gap:
        return rows.X
    return graph.node("Where", rows.is_gap, graph.constant(finite(centre, rows.dtype)), rows.X)


def dense_inputs(graph: Graph, clf: Any, rows: Rows, dtype: np.dtype) -> tuple[str, np.ndarray]:
    """Add the inputs of the first layer but the levels; return them and the parameters.

    Standardization is not left folded into the first layer: in a column whose mean is many times
    its scale, both terms of ``x W - mean W`` would be much larger than their difference, and
    float32 would round its digits away. That of levels is: their scale is 1.

    Parameters
    ----------
    graph : Graph
    clf : SoftmaxMLPClassifier
    rows : Rows
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
        return "", finite(theta, dtype)
    used = [] if encoding is None else [encoding.centre]
    used += [] if scaling is None else [scaling.mean, scaling.scale]
    key = tuple(array.tobytes() for array in used)
    if key not in rows.dense:
        rows.dense[key] = _add_dense(graph, rows, encoding, scaling, dtype)
    return rows.dense[key], finite(theta, dtype)


def _rounded(scaling: Scaling, dtype: np.dtype) -> Scaling:
    """Return a Scaling whose means and inverse scales have no digits that a dtype has not.

    What they lose by rounding is in the parameters, unfolded with the same.
    """
    mean = np.zeros_like(scaling.scale) if scaling.mean is None else scaling.mean
    mean, inverse = (finite(array, dtype).astype(float) for array in (mean, scaling.inverse))
    scale = np.zeros(len(inverse))
    np.divide(1.0, inverse, out=scale, where=inverse > 0)
    return Scaling(mean, scale)


def _add_dense(
    graph: Graph,
    rows: Rows,
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
    graph: Graph, rows: Rows, centre: np.ndarray, bins: PiecewiseLinear, dtype: np.dtype
) -> str:
    """Return the name of the features of bins, those of gaps by a centre (n_numeric,)."""
    if not rows.is_gap:
        return rows.features
    is_gap = graph.node("Gather", rows.is_gap, graph.indices(bins.columns), axis=1)
    centre = centre.astype(rows.dtype)[bins.columns]
    of_gaps = bins.of_values(centre, np.arange(bins.n_bins)).astype(dtype)
    return graph.node("Where", is_gap, graph.constant(of_gaps), rows.features)


def _add_bins(
    graph: Graph, X: str, bins: PiecewiseLinear, row_dtype: np.dtype, dtype: np.dtype
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

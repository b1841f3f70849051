"""ONNX export of the classifier: predictions by onnxruntime are those of skmlp."""

import importlib
import sys

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skmlp import SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier, load, save
from skmlp.core.activations import ACTIVATIONS

skl2onnx = pytest.importorskip("skl2onnx", reason="the export to ONNX needs skl2onnx")
runtime = pytest.importorskip("onnxruntime", reason="running ONNX needs onnxruntime")

from skl2onnx.common.data_types import (  # noqa: E402
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
)

import skmlp.onnx  # noqa: E402, F401

X, y = load_iris(return_X_y=True)
X, y = X[::2], y[::2]
NEWEST = skl2onnx.get_latest_tested_opset_version()
ARRAYS = {"zipmap": False}
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}

in_both_precisions = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.fixture(autouse=True, scope="module")
def _no_warnings_of_the_runtime():
    """In opset 7, constants are inputs as well, which onnxruntime warns of on stderr."""
    runtime.set_default_logger_severity(3)


def fitted(labels=y, rows=X, **params):
    params = {"units": (6,), "epochs": 3, "random_state": 0} | params
    return SoftmaxMLPClassifier(**params).fit(rows, labels)


def convert(model, rows, options=ARRAYS, **settings):
    return skl2onnx.to_onnx(model, rows[:1], options={id(model): options}, **settings)


def run(model, rows):
    """Return all outputs of an ONNX model, in their order."""
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    if not isinstance(rows, dict):
        rows = {session.get_inputs()[0].name: rows}
    return session.run(None, rows)


def assert_same(model, rows, reference_rows=None, atol=None, **settings):
    """Labels are equal, and probabilities up to rounding."""
    reference_rows = rows if reference_rows is None else reference_rows
    labels, proba = run(convert(model, rows, **settings), rows)
    assert labels.tolist() == model.predict(reference_rows).tolist()
    assert proba.dtype == (np.float64 if rows.dtype == np.float64 else np.float32)
    expected, atol = model.predict_proba(reference_rows), atol or TOLERANCE[proba.dtype.type]
    np.testing.assert_allclose(proba, expected, rtol=0, atol=atol)


@in_both_precisions
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation, dtype):
    assert_same(fitted(units=(6, 5), activation=activation, epochs=20), X.astype(dtype))


@in_both_precisions
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_of_large_numbers(activation, dtype):
    """Where exp overflows or its result is lost in a sum."""
    clf = SoftmaxMLPClassifier(
        40, activation=activation, standardize=False, dtype=np.dtype(dtype).name, epochs=1
    ).fit(np.array([[0.0], [1.0]], dtype), [0, 1])
    rows = np.linspace(-1, 1, 41, dtype=dtype)[:, None]
    (W, V), (b, c) = clf.coefs_, clf.intercepts_
    rng = np.random.RandomState(0)
    W[:], b[:], c[:] = 10.0 ** rng.uniform(-2, 4, W.shape), 0.0, 0.0
    V[:] = rng.normal(scale=0.3, size=V.shape) / (1e-2 + W.T)
    assert_same(clf, rows)


@in_both_precisions
@pytest.mark.parametrize("units", [(), (4,), (5, 4, 3)])
@pytest.mark.parametrize("labels", [y, y > 0, np.zeros_like(y)], ids=["three", "two", "one"])
def test_depths_and_numbers_of_classes(units, labels, dtype):
    assert_same(fitted(labels, units=units), X.astype(dtype))


def test_different_activations_by_layer():
    assert_same(fitted(units=(6, 5, 4), activation=("silu", "identity", "elu")), X)


@pytest.mark.parametrize("opset", [7, 8, 9, 11, 13, 18, NEWEST])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_opsets(opset, activation):
    clf = fitted(np.array(["a", "b", "c"])[y], activation=activation)
    for dtype in (np.float32, np.float64, np.int64):
        rows = X.astype(dtype)
        assert_same(clf, rows, target_opset=opset)
        raw = {"zipmap": False, "raw_scores": True}
        model = convert(clf, rows, raw, target_opset=opset)
        assert {part.domain: part.version for part in model.opset_import} == {"": opset}
        np.testing.assert_allclose(run(model, rows)[1], clf.decision_function(rows), atol=1e-5)


@pytest.mark.parametrize("opset", [7, 13, NEWEST])
@pytest.mark.parametrize("params", [{}, {"standardize": False, "units": ()}], ids=str)
def test_bins(opset, params):
    clf = fitted(n_bins=5, **params)
    assert len(clf.coefs_[0]) > X.shape[1]
    for dtype in (np.float32, np.float64, np.int64):
        rows = (10 * X).astype(dtype)  # beyond the outer edges as well
        assert_same(clf, rows, target_opset=opset)


@in_both_precisions
@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize("labels", [y, y > 0, np.array(["a", "b", "c"])[y]], ids=str)
def test_ensembles(labels, cv, dtype):
    net = SoftmaxMLPClassifier(6, epochs=3, n_bins=4)
    model = SoftmaxMLPEnsembleClassifier(net, 3, cv=cv, random_state=0).fit(X, labels)
    assert_same(model, X.astype(dtype))
    assert_same(make_pipeline(StandardScaler(), model).fit(X, labels), X.astype(dtype))
    raw = run(convert(model, X, {"zipmap": False, "raw_scores": True}), X)[1]
    scores = model.decision_function(X)
    expected = np.column_stack([-scores, scores]) if scores.ndim == 1 else scores
    np.testing.assert_allclose(raw, expected, atol=1e-9)


@pytest.mark.parametrize(
    "names",
    [
        ["b", "a", "c"],
        ["Zürich", "東京", ""],
        np.array(["b", "a", "c"], object),
        [3, -1, 7],
        [-(2**62) - 1, 0, 2**62 + 1],  # float64 would round them
        np.array([0, 1, 255], np.uint8),
        [1.0, 2.0, 4.0],
        [True, False, True],
    ],
    ids=["str", "unicode", "object", "int", "int64", "uint8", "float", "bool"],
)
def test_labels(names):
    clf = fitted(np.asarray(names)[y])
    assert_same(clf, X.astype(np.float32))
    is_text = clf.classes_.dtype.kind in "UO"
    assert run(convert(clf, X), X)[0].dtype == (object if is_text else np.int64)


@pytest.mark.parametrize(
    "names",
    [
        np.array([0, 1, 2**63], np.uint64),
        np.array([0, 1, 2], "M8[D]"),
        np.array([0, 1, 2], "M8[ns]"),
    ],
)
def test_labels_that_onnx_does_not_have(names):
    clf = fitted(names[y])
    with pytest.raises(ValueError, match=r"labels of int64 and of strings, got .*'nocl': True"):
        convert(clf, X)
    labels, _ = run(convert(clf, X, {"zipmap": False, "nocl": True}), X)
    assert clf.classes_[labels].tolist() == clf.predict(X).tolist()


@pytest.mark.parametrize("labels", [y, y > 0, np.array(["a", "b", "c"])[y]])
@pytest.mark.parametrize("nocl", [False, True])
def test_dictionaries_of_probabilities(labels, nocl):
    clf, rows = fitted(labels), X.astype(np.float32)
    predicted, proba = run(convert(clf, rows, {"nocl": nocl}), rows)  # zipmap=True is the default
    names = list(range(len(clf.classes_))) if nocl else clf.classes_.tolist()
    assert [list(row) for row in proba] == [names] * len(rows)
    expected = clf.predict_proba(rows)
    np.testing.assert_allclose([list(row.values()) for row in proba], expected, atol=1e-5)
    assert [names[k] for k in expected.argmax(axis=1)] == predicted.tolist()


@in_both_precisions
def test_probabilities_by_column(dtype):
    clf, rows = fitted(np.array(["a", "b", "c"])[y]), X.astype(dtype)
    model = convert(clf, rows, {"zipmap": "columns"})
    assert [output.name for output in model.graph.output] == ["output_label", "sa", "sb", "sc"]
    labels, *columns = run(model, rows)
    assert labels.tolist() == clf.predict(rows).tolist()
    np.testing.assert_allclose(np.array(columns).T, clf.predict_proba(rows), atol=1e-5)


def test_class_labels_as_an_output():
    clf = fitted(np.array(["a", "b", "c"])[y])
    *_, labels = run(convert(clf, X, {"zipmap": False, "output_class_labels": True}), X)
    assert labels.tolist() == ["a", "b", "c"]


@in_both_precisions
@pytest.mark.parametrize("n_classes", [2, 3])
def test_raw_scores(n_classes, dtype):
    clf, rows = fitted(np.minimum(y, n_classes - 1)), X.astype(dtype)
    labels, scores = run(convert(clf, rows, {"zipmap": False, "raw_scores": True}), rows)
    expected = clf.decision_function(rows)
    if n_classes == 2:
        expected = np.column_stack([-expected, expected])
    np.testing.assert_allclose(scores, expected, rtol=0, atol=TOLERANCE[dtype] * 10)
    assert labels.tolist() == clf.predict(rows).tolist()


def test_unknown_options_raise():
    with pytest.raises(NameError, match="'probability' not in"):
        convert(fitted(), X, {"zipmap": False, "probability": True})


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.int8, np.uint8, np.bool_])
@pytest.mark.parametrize("standardize", [True, False])
def test_integer_inputs(dtype, standardize):
    rows = (10 * X).astype(dtype)
    assert_same(fitted(rows=rows, standardize=standardize), rows)


@in_both_precisions
@pytest.mark.parametrize("parameters", ["float32", "float64"])
@pytest.mark.parametrize("standardize", [True, False])
def test_precision_of_parameters_and_inputs(parameters, dtype, standardize):
    clf, rows = fitted(dtype=parameters, standardize=standardize), X.astype(dtype)
    labels, proba = run(convert(clf, rows), rows)
    assert proba.dtype == dtype
    np.testing.assert_allclose(proba, clf.predict_proba(rows), rtol=0, atol=1e-5)
    assert labels.tolist() == clf.predict(rows).tolist()


@pytest.fixture(scope="module")
def times():
    """Rows with a column of Unix times, one of tiny numbers with an offset; and their labels.

    The means are about 20,000 and 1,000,000 times the standard deviations.
    """
    rng = np.random.RandomState(0)
    seconds = rng.randint(-120_000, 120_000, 300)
    tiny, other = rng.normal(1e-3, 1e-9, 300), rng.normal(size=300)
    labels = (seconds / 80_000 + other > 0).astype(int) + (other > 1)
    return np.column_stack([1.7e9 + seconds, tiny, other]), labels


@pytest.mark.parametrize("activation", ["relu", "silu"])
def test_columns_of_large_offset(times, activation):
    rows, labels = times
    clf = fitted(labels, rows, activation=activation, epochs=20)
    assert clf.theta_.dtype == np.float64
    assert_same(clf, rows, atol=1e-9)  # predict loses six digits
    # No digits are lost but those that float32 does not have.
    rounded = rows.astype(np.float32)
    assert_same(clf, rounded, rounded.astype(np.float64))


def test_integers_of_large_offset(times):
    rows, labels = times
    seconds = (rows * [1, 0, 1000]).astype(np.int64)
    assert_same(fitted(labels, seconds, dtype="float64"), seconds)
    assert_same(fitted(labels, seconds * [10**9, 1, 1], dtype="float64"), seconds * [10**9, 1, 1])


def test_one_of_several_inputs_of_large_offset(times):
    rows, labels = times
    clf = fitted(labels, rows[:, [2, 0]].astype(np.float32).astype(np.float64), epochs=20)
    inputs = {"other": rows[:, 2:].astype(np.float32), "time": rows[:, :1].astype(np.int64)}
    types = [("other", FloatTensorType([None, 1])), ("time", Int64TensorType([None, 1]))]
    model = skl2onnx.convert_sklearn(clf, initial_types=types, options={id(clf): ARRAYS})
    _, proba = run(model, inputs)
    expected = clf.predict_proba(np.hstack([inputs["other"].astype(np.float64), inputs["time"]]))
    assert proba.dtype == np.float32
    np.testing.assert_allclose(proba, expected, rtol=0, atol=1e-5)


def test_float32_parameters_are_applied_exactly_to_columns_of_large_offset(times):
    """`predict` rounds ``x W`` and ``mean W`` in float32; the ONNX model does not."""
    rows, labels = times
    rows = rows[:, [0, 2]].astype(np.float32)
    clf = fitted(labels, rows, activation="relu", epochs=20, n_bins=None)
    assert clf.theta_.dtype == np.float32
    labels, proba = run(convert(clf, rows), rows)
    logits = rows.astype(np.float64)
    for layer, (W, b) in enumerate(zip(clf.coefs_, clf.intercepts_, strict=True)):
        logits = np.maximum(logits, 0.0 if layer else -np.inf) @ W.astype(np.float64) + b
    expected = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    np.testing.assert_allclose(proba, expected, rtol=0, atol=1e-5)
    assert labels.tolist() == clf.classes_[expected.argmax(axis=1)].tolist()


@in_both_precisions
def test_constant_columns_have_no_influence(dtype):
    constant = np.column_stack([X[:, 0], np.full(len(X), 1e6), X[:, 1:]])
    clf = fitted(rows=constant)
    changed = constant.copy()
    changed[:, 1] = np.random.RandomState(0).normal(scale=1e9, size=len(X))
    expected = run(convert(clf, constant.astype(dtype)), constant.astype(dtype))
    found = run(convert(clf, constant.astype(dtype)), changed.astype(dtype))
    for outputs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(*outputs)
    assert_same(clf, constant.astype(dtype))


def test_parameters_that_float32_does_not_hold_raise():
    rows = X * [1e-50, 1, 1, 1]
    clf = fitted(rows=rows)
    assert_same(clf, rows)
    with pytest.raises(ValueError, match="too large for float32"):
        convert(clf, rows.astype(np.float32))


def test_networks_without_scaling(tmp_path):
    """Of MLPClassifier, and of a file."""
    mlp = MLPClassifier(3, solver="lbfgs", max_iter=5000, random_state=0).fit(X, y)
    assert_same(SoftmaxMLPClassifier.from_sklearn(mlp), X)
    save(fitted(), tmp_path / "clf.npz")
    assert_same(load(tmp_path / "clf.npz"), X)


def test_unfitted_raises():
    with pytest.raises(NotFittedError):
        convert(SoftmaxMLPClassifier(), X)


def test_wrong_inputs_raise():
    clf = fitted()
    with pytest.raises(ValueError, match=r"have 1 features, .* fitted on 4"):
        convert(clf, X[:, :1])
    with pytest.raises(TypeError, match=r"must be one of .*; X is StringTensorType"):
        convert(clf, X.astype(str))


def test_unknown_number_of_features():
    clf = fitted()
    types = [("rows", FloatTensorType([None, None]))]
    model = skl2onnx.convert_sklearn(clf, initial_types=types, options={id(clf): ARRAYS})
    labels, _ = run(model, X.astype(np.float32))
    assert labels.tolist() == clf.predict(X).tolist()


def test_several_inputs():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": X[:, 0], "b": (10 * X[:, 1]).astype(int), "c": X[:, 2] > 3})
    clf = fitted(rows=frame)
    labels, proba = run(convert(clf, frame), {name: frame[[name]].to_numpy() for name in frame})
    np.testing.assert_allclose(proba, clf.predict_proba(frame), rtol=0, atol=1e-12)
    assert labels.tolist() == clf.predict(frame).tolist()
    types = [("first", DoubleTensorType([None, 3])), ("last", FloatTensorType([None, 1]))]
    clf = fitted()
    model = skl2onnx.convert_sklearn(clf, initial_types=types, options={id(clf): ARRAYS})
    labels, _ = run(model, {"first": X[:, :3], "last": X[:, 3:].astype(np.float32)})
    assert labels.tolist() == clf.predict(X).tolist()


@in_both_precisions
def test_pipelines(dtype):
    clf = SoftmaxMLPClassifier(6, activation="gelu", epochs=3, random_state=0)
    pipeline = make_pipeline(StandardScaler(), clf).fit(X, y)
    assert_same(pipeline, X.astype(dtype))


def test_pipelines_on_dataframes():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X.astype(np.float32), columns=list("abcd"))
    frame["colour"] = np.array(["red", "green", "blue"])[np.arange(len(y)) % 3]
    steps = (StandardScaler(), ["a", "b"]), (OneHotEncoder(), ["colour"]), ("passthrough", ["c"])
    clf = SoftmaxMLPClassifier(6, activation="silu", epochs=3, random_state=0)
    pipeline = make_pipeline(make_column_transformer(*steps), clf)
    names = np.array(["x", "y", "z"])
    pipeline.fit(frame, names[y])
    model = convert(pipeline, frame)
    used = {i.name for i in model.graph.input}
    labels, proba = run(model, {name: frame[[name]].to_numpy() for name in frame if name in used})
    np.testing.assert_allclose(proba, pipeline.predict_proba(frame), rtol=0, atol=1e-5)
    assert labels.tolist() == pipeline.predict(frame).tolist()


def test_two_networks_in_a_model():
    """Names of nodes and constants are unique; options are by estimator."""
    outer = SoftmaxMLPClassifier(5, activation="elu", epochs=2, random_state=1)
    inner = CalibratedClassifierCV(outer, cv=2).fit(X, y)
    assert len(inner.calibrated_classifiers_) == 2
    assert_same(inner, X)


@pytest.mark.parametrize("labels", [y, y > 0])
def test_estimators_that_contain_it(labels):
    clf = SoftmaxMLPClassifier(5, activation="silu", epochs=2, random_state=0)
    assert_same(CalibratedClassifierCV(clf, ensemble=False).fit(X, labels), X)
    assert_same(GridSearchCV(clf, {"l2": [0.0, 1e-3]}, cv=2).fit(X, labels), X)


def test_probabilities_of_a_tuned_threshold():
    """Labels are not tested: skl2onnx 1.20 leaves out the threshold."""
    clf = SoftmaxMLPClassifier(5, epochs=2, random_state=0)
    tuned = TunedThresholdClassifierCV(clf, cv=2).fit(X, y > 0)
    _, proba = run(convert(tuned, X), X)
    np.testing.assert_allclose(proba, tuned.predict_proba(X), rtol=0, atol=1e-12)


@pytest.mark.parametrize("missing", ["skl2onnx", "onnx"])
def test_import_without_the_extra(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "skmlp.onnx")
    with pytest.raises(ImportError, match=r'needs skl2onnx: pip install "skmlp\[onnx\]"'):
        importlib.import_module("skmlp.onnx")

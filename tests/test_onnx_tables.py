"""ONNX export of networks with categories and gaps: strings in, probabilities out."""

import time

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skmlp import SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier
from tests.estimators.test_mixed_tables import CATEGORIES, NUMBERS, mixed_table

skl2onnx = pytest.importorskip("skl2onnx", reason="the export to ONNX needs skl2onnx")
runtime = pytest.importorskip("onnxruntime", reason="running ONNX needs onnxruntime")

from skl2onnx.common.data_types import (  # noqa: E402
    BooleanTensorType,
    DoubleTensorType,
    FloatTensorType,
    Int8TensorType,
    Int32TensorType,
    Int64TensorType,
    StringTensorType,
)

import skmlp.onnx  # noqa: E402, F401

NEWEST = skl2onnx.get_latest_tested_opset_version()
TENSORS = {
    np.float32: FloatTensorType,
    np.float64: DoubleTensorType,
    np.int8: Int8TensorType,
    np.int32: Int32TensorType,
    np.int64: Int64TensorType,
    np.bool_: BooleanTensorType,
}
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def held_out_rows():
    """Return rows with categories that training has not seen, missing ones, and gaps."""
    frame, _ = mixed_table(200, 1, levels=14)
    frame.loc[:20, ["town", "colour"]] = None
    frame.loc[10:30, "colour"] = "purple"
    frame.loc[25:40, "income"] = np.nan
    return frame


def fitted(frame, y, model=None, **params):
    params = {"units": (8,), "epochs": 3, "random_state": 0} | params
    return SoftmaxMLPClassifier(**params).fit(frame, y)


def tensors(frame, dtype, categories=(StringTensorType, object)):
    """Return an input for each column: its type and its values."""
    tensor, cast = categories
    return {
        name: (TENSORS[dtype], frame[[name]].to_numpy(dtype))
        if frame[name].dtype.kind in "fib"
        else (tensor, frame[[name]].to_numpy(cast))
        for name in frame
    }


def predictions(model, inputs, final=None, **settings):
    """Return all outputs of the ONNX model of an estimator, given types and values of inputs."""
    types = [(name, kind([None, values.shape[1]])) for name, (kind, values) in inputs.items()]
    options = {id(final or model): {"zipmap": False}}
    onnx = skl2onnx.to_onnx(model, initial_types=types, options=options, **settings)
    session = runtime.InferenceSession(onnx.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {name: values for name, (_, values) in inputs.items()})


def assert_same(model, inputs, frame, **settings):
    """Labels are equal, and probabilities up to rounding."""
    labels, proba = predictions(model, inputs, **settings)
    np.testing.assert_allclose(proba, model.predict_proba(frame), rtol=0, atol=1e-5)
    assert labels.tolist() == model.predict(frame).tolist()
    return proba


CONFIGURATIONS = {
    "defaults": {},
    "no bins": {"n_bins": None},
    "every category": {"min_frequency": 1, "n_bins": None},
    "rare at 10 %": {"min_frequency": 0.1},
    "float32": {"dtype": "float32"},
    "raw": {"standardize": False, "learning_rate": 1e-4, "n_bins": None},
    "softmax": {"units": ()},
    "relu": {"units": (8, 6), "activation": "relu"},
}


@dtypes
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_strings_and_numbers(name, dtype):
    frame, y = mixed_table(400, 0)
    clf, rows = fitted(frame, y, **CONFIGURATIONS[name]), held_out_rows()
    rows = rows.astype(dict.fromkeys(NUMBERS, dtype))
    assert_same(clf, tensors(rows, dtype), rows)


@dtypes
def test_the_first_input_determines_the_dtype(dtype):
    frame, y = mixed_table(400, 0)
    order = [*NUMBERS, *CATEGORIES]
    clf, rows = fitted(frame[order], y), held_out_rows()[order]
    rows = rows.astype(dict.fromkeys(NUMBERS, dtype))
    assert assert_same(clf, tensors(rows, dtype), rows).dtype == dtype


@dtypes
def test_gaps_only(dtype):
    frame, y = mixed_table(400, 0)
    clf, rows = fitted(frame[NUMBERS], y), held_out_rows()[NUMBERS].astype(dtype)
    assert len(clf._network.encoding.gaps)
    assert_same(clf, tensors(rows, dtype), rows)
    tensor = {"rows": (TENSORS[dtype], rows.to_numpy())}
    assert_same(clf, tensor, rows)
    assert_same(clf, tensor, rows, target_opset=9)


@dtypes
def test_gaps_that_training_had_not(dtype):
    frame, y = mixed_table(400, 0)
    clf = fitted(frame[NUMBERS].fillna(0.5), y)
    assert not len(clf._network.encoding.gaps)
    rows = held_out_rows()[NUMBERS].astype(dtype)
    assert_same(clf, tensors(rows, dtype), rows)


def test_integers_have_no_gaps():
    frame, y = mixed_table(400, 0)
    frame[["age", "score"]] = (10 * frame[["age", "score"]]).round()
    clf = fitted(frame[["age", "score"]], y)
    for dtype in (np.int64, np.int32, np.int8, np.bool_):
        rows = frame[["age", "score"]].fillna(3).astype(dtype)
        assert_same(clf, tensors(rows, dtype), rows)


@pytest.mark.parametrize("opset", [9, 11, 13, 17, NEWEST])
def test_opsets(opset):
    frame, y = mixed_table(400, 0)
    clf, rows = fitted(frame, y), held_out_rows()
    assert_same(clf, tensors(rows, np.float64), rows, target_opset=opset)
    codes, marked = numeric_categories(frame), ["town", "colour", "answer"]
    clf = fitted(codes, y, categorical_features=marked)
    assert_same(clf, tensors(codes, np.float64), codes, target_opset=opset)


def test_old_opsets_have_no_gaps_and_no_categories():
    frame, y = mixed_table(400, 0)
    for columns in (NUMBERS, CATEGORIES):
        clf, inputs = fitted(frame[columns], y), tensors(frame[columns], np.float32)
        with pytest.raises(ValueError, match="needs opset 9 or newer, got 8"):
            predictions(clf, inputs, target_opset=8)


def test_frames_of_categories_alone():
    frame, y = mixed_table(400, 0)
    rows = held_out_rows()[CATEGORIES]
    for params in ({}, {"units": ()}, {"min_frequency": 1}):
        clf = fitted(frame[CATEGORIES], y, **params)
        proba = assert_same(clf, tensors(rows, np.float32), rows)
        assert proba.dtype == np.float32
        assert_same(clf, {"all": (StringTensorType, rows.to_numpy(object))}, rows)


def test_missing_strings():
    frame, y = mixed_table(400, 0)
    clf = fitted(frame, y)
    rows = held_out_rows().assign(answer=None)
    expected = clf.predict_proba(rows)
    for text in ("", "nan", "None", "<NA>", None, np.nan, pd.NA):
        cells = pd.Series([text] * len(rows), dtype=object)
        inputs = tensors(rows.assign(answer=cells), np.float64)
        np.testing.assert_allclose(predictions(clf, inputs)[1], expected, atol=1e-6)
    # A category of the column is itself.
    clf = fitted(frame.assign(answer=frame.answer.fillna("None")), y)
    rows = rows.assign(answer="None")
    assert_same(clf, tensors(rows, np.float64), rows)


def numeric_categories(frame):
    """Return the table with numbers as categories; some colours are missing."""
    return frame.assign(
        town=frame.town.fillna("t99").str[1:].astype(int),
        colour=frame.colour.map({"red": 0.1, "green": -2.5, "blue": 1e300}),
        answer=frame.answer.fillna("none"),
    )


@dtypes
def test_numeric_categories(dtype):
    frame, y = mixed_table(400, 0)
    codes, rows = numeric_categories(frame), numeric_categories(held_out_rows())
    for params in ({}, {"min_frequency": 1}):
        clf = fitted(codes, y, categorical_features=["town", "colour", "answer"], **params)
        assert_same(clf, tensors(rows, np.float64), rows)
        few = rows.assign(colour=rows.colour.where(rows.colour != 1e300).astype(dtype))
        for kind in (dtype, np.int32, np.int64):
            inputs = tensors(few, dtype)
            inputs["town"] = TENSORS[kind], few[["town"]].to_numpy(kind)
            assert_same(clf, inputs, few)


@pytest.mark.parametrize("offset", [0, 10**9, 2**60])
def test_large_numbers_as_categories(offset):
    """Many of them are one number in float32."""
    rng = np.random.RandomState(0)
    X = np.column_stack([rng.randint(40, size=300), rng.randint(3, size=300)]) + [offset, 0]
    y = X[:, 0] % 2 ^ (X[:, 1] > 1)
    clf = fitted(X, y, categorical_features=[0], min_frequency=1)
    other = X + rng.choice([0, 100], (300, 1)) * [1, 0]
    assert_same(clf, {"rows": (Int64TensorType, other)}, other)
    if offset < 2**53:
        numbers = other + rng.choice([0.0, 0.5], (300, 1)) * [1, 0]
        assert_same(clf, {"rows": (DoubleTensorType, numbers)}, numbers)
    else:
        message = (
            "to which float64 rounds several integers: its input must be Int64TensorType; rows is D"
        )
        with pytest.raises(ValueError, match=message):
            predictions(clf, {"rows": (DoubleTensorType, other * 1.0)})
        return
    halves = fitted(X + [0.5, 0], y, categorical_features=[0], min_frequency=1)
    rows = other + np.where(rng.rand(300, 1) < 0.2, np.nan, 0.5) * [1, 0]
    assert_same(halves, {"rows": (DoubleTensorType, rows)}, rows)


def test_bools_as_categories():
    frame, y = mixed_table(400, 0)
    frame = frame[["age"]].assign(red=frame.colour == "red")
    clf = fitted(frame, y, categorical_features=["red"])
    inputs = tensors(frame, np.float32)
    for kind in (np.bool_, np.int64, np.float32, np.float64):
        inputs["red"] = TENSORS[kind], frame[["red"]].to_numpy(kind)
        assert_same(clf, inputs, frame)


def test_columns_without_a_category():
    frame, y = mixed_table(300, 0)
    frame = frame[["age"]].assign(empty=pd.Series([None] * 300, dtype=object))
    clf = fitted(frame, y, categorical_features=["empty"])
    inputs = tensors(frame, np.float64)
    for cells in (["", "a"] * 150, [np.nan, 1.0] * 150, [1, 2] * 150):
        rows = frame.assign(empty=pd.Series(cells).replace("", None))
        kind = StringTensorType if "a" in cells else TENSORS[type(np.array(cells)[0])]
        inputs["empty"] = kind, rows[["empty"]].to_numpy(object if "a" in cells else None)
        assert_same(clf, inputs, rows)


@pytest.mark.parametrize("by", [2, 3])
def test_inputs_of_several_columns(by):
    frame, y = mixed_table(400, 0)
    rows = held_out_rows()
    order = [*CATEGORIES[:2], *NUMBERS, CATEGORIES[2]]
    clf = fitted(frame[order], y)
    rows = rows[order]
    inputs = {
        "first": (StringTensorType, rows[order[:2]].to_numpy(object)),
        "numbers": (DoubleTensorType, rows[order[2:5]].to_numpy()),
        "last": (StringTensorType, rows[order[5:]].to_numpy(object)),
    }
    if by == 2:
        numbers = inputs.pop("numbers")[1]
        last = inputs.pop("last")
        inputs |= {"two": (DoubleTensorType, numbers[:, :2])}
        inputs |= {"one": (FloatTensorType, numbers[:, 2:].astype(np.float32)), "last": last}
        rows = rows.assign(**{order[4]: rows[order[4]].astype(np.float32)})
    assert_same(clf, inputs, rows)


def test_one_input_of_numbers_and_codes():
    frame, y = mixed_table(400, 0)
    codes = numeric_categories(frame)[["age", "town", "score", "colour"]]
    X = codes.to_numpy()
    clf = fitted(X, y, categorical_features=[1, 3])
    assert_same(clf, {"rows": (DoubleTensorType, X)}, X)
    types = [("rows", DoubleTensorType([None, None]))]
    onnx = skl2onnx.to_onnx(clf, initial_types=types, options={"zipmap": False})
    session = runtime.InferenceSession(onnx.SerializeToString())
    np.testing.assert_allclose(session.run(None, {"rows": X})[1], clf.predict_proba(X), atol=1e-6)


def test_example_rows_give_the_types():
    frame, y = mixed_table(400, 0)
    clf, rows = fitted(frame, np.array(["a", "b", "c"])[y]), held_out_rows()
    onnx = skl2onnx.to_onnx(clf, frame[:1], options={"zipmap": "columns"})
    session = runtime.InferenceSession(onnx.SerializeToString())
    labels, *columns = session.run(None, {name: rows[[name]].to_numpy() for name in rows})
    assert labels.tolist() == clf.predict(rows).tolist()
    np.testing.assert_allclose(np.array(columns).T, clf.predict_proba(rows), atol=1e-6)


def test_options():
    frame, y = mixed_table(400, 0)
    clf, rows = fitted(frame, np.array(["a", "b", "c"])[y]), held_out_rows()
    inputs = tensors(rows, np.float32)
    types = [(name, kind([None, 1])) for name, (kind, _) in inputs.items()]
    feed = {name: values for name, (_, values) in inputs.items()}
    for options in ({"nocl": True}, {"raw_scores": True}):
        settings = {id(clf): options | {"zipmap": False}}
        onnx = skl2onnx.to_onnx(clf, initial_types=types, options=settings)
        found = runtime.InferenceSession(onnx.SerializeToString()).run(None, feed)
        expected = clf.predict(rows)
        if "nocl" in options:
            expected = np.searchsorted(clf.classes_, expected)
        else:
            np.testing.assert_allclose(found[1], clf.decision_function(rows), atol=1e-4)
        assert found[0].tolist() == expected.tolist()


def test_pipelines():
    frame, y = mixed_table(400, 0)
    clf = SoftmaxMLPClassifier((8,), epochs=3, random_state=0)
    rows = held_out_rows()
    pipeline = make_pipeline(clf).fit(frame, y)
    assert_same(pipeline, tensors(rows, np.float64), rows, final=clf)
    # With several inputs, skl2onnx 1.20 passes the first alone through a FunctionTransformer.
    X, rows = frame[NUMBERS].to_numpy(), rows[NUMBERS].to_numpy()
    for step in (FunctionTransformer(), StandardScaler()):
        pipeline = make_pipeline(step, clf).fit(X, y)
        assert_same(pipeline, {"rows": (DoubleTensorType, rows)}, rows, final=clf)


@dtypes
@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize("n_bins", [None, 6])
def test_ensembles(cv, n_bins, dtype):
    frame, y = mixed_table(400, 0)
    # Members that train on the same rows have one centre.
    stops = "auto" if cv is not None else False
    net = SoftmaxMLPClassifier((8,), epochs=3, n_bins=n_bins, early_stopping=stops)
    model = SoftmaxMLPEnsembleClassifier(net, 3, cv=cv, random_state=0).fit(frame, y)
    rows = held_out_rows().astype(dict.fromkeys(NUMBERS, dtype))
    centre = model._network.encoding.centre
    assert (centre.ndim == 3) == (cv is not None)
    assert_same(model, tensors(rows, dtype), rows)
    assert_same(model.fit(frame[NUMBERS], y), tensors(rows[NUMBERS], dtype), rows[NUMBERS])
    assert_same(model.fit(frame[CATEGORIES], y), tensors(rows[CATEGORIES], dtype), rows[CATEGORIES])


def test_ensembles_encode_once():
    frame, y = mixed_table(400, 0)
    model = SoftmaxMLPEnsembleClassifier(SoftmaxMLPClassifier((8,), epochs=2), 5, random_state=0)
    types = [(name, kind([None, 1])) for name, (kind, _) in tensors(frame, np.float32).items()]
    onnx = skl2onnx.to_onnx(model.fit(frame, y), initial_types=types)
    counts = pd.Series([node.op_type for node in onnx.graph.node]).value_counts()
    assert counts["LabelEncoder"] == 3
    assert counts["IsNaN"] == 1
    assert counts["Mul"] <= 2 + 5  # one for standardization, one for the mean


def test_many_levels():
    rng = np.random.RandomState(0)
    frame = pd.DataFrame({"id": pd.Categorical([f"customer {i}" for i in range(20_000)])})
    frame = pd.concat([frame] * 2, ignore_index=True).assign(x=rng.normal(size=40_000))
    y = (rng.rand(40_000) + frame.x > 0.5).astype(int)
    clf = fitted(frame, y, units=(16,), epochs=1, min_frequency=1, batch_size=2000)
    assert len(clf.coefs_[0]) > 20_000
    types = [("id", StringTensorType([None, 1])), ("x", FloatTensorType([None, 1]))]
    start = time.perf_counter()
    onnx = skl2onnx.to_onnx(clf, initial_types=types, options={"zipmap": False})
    written = onnx.SerializeToString()
    assert len(written) < 3e6  # 20,000 strings, their codes and 16 weights for each
    session = runtime.InferenceSession(written)
    rows = frame[::9].assign(x=frame.x[::9].astype(np.float32))
    feed = {"id": rows[["id"]].to_numpy(object), "x": rows[["x"]].to_numpy()}
    proba = session.run(None, feed)[1]
    assert time.perf_counter() - start < 30
    np.testing.assert_allclose(proba, clf.predict_proba(rows), rtol=0, atol=1e-5)


def test_types_that_do_not_fit():
    frame, y = mixed_table(400, 0)
    clf, inputs = fitted(frame, y), tensors(frame, np.float32)
    text = StringTensorType, frame[["age"]].astype(str).to_numpy(object)
    with pytest.raises(ValueError, match=r"Column 'age' has numbers, .*; age is StringTensorType"):
        predictions(clf, inputs | {"age": text})
    number = FloatTensorType, np.zeros((400, 1), np.float32)
    message = (
        r"Column 'town' has categories that are strings, .* be StringTensorType; town is Float"
    )
    with pytest.raises(ValueError, match=message):
        predictions(clf, inputs | {"town": number})
    with pytest.raises(ValueError, match=r"have 5 features, .* fitted on 6"):
        predictions(clf, {name: inputs[name] for name in list(inputs)[:5]})
    codes = numeric_categories(frame)[["town", "age"]]
    clf = fitted(codes.to_numpy(), y, categorical_features=[0])
    text = StringTensorType, codes.astype(str).to_numpy(object)
    with pytest.raises(
        ValueError, match=r"Column 0 has categories that are numbers, .* a tensor of"
    ):
        predictions(clf, {"rows": text})
    types = [("a", DoubleTensorType([None, None])), ("b", DoubleTensorType([None, None]))]
    with pytest.raises(ValueError, match="needs the number of columns of its inputs"):
        skl2onnx.to_onnx(clf, initial_types=types)

"""What users and attackers send: fitted to finite parameters, or refused by a clear error.

After whatever was refused, the estimator is the one it was before. What each refusal says is in
test_bad_input.py; here it is enough that it is a ValueError or TypeError with some words.
"""

import datetime
import decimal
import fractions
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import sparse
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV

from skmlp import PopulationGridSearchCV, SoftmaxMLPClassifier

# What scikit-learn and we warn of in words is as good as said.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{words}")
    for words in (
        "The number of unique classes is greater than 50%",
        "A column-vector y was passed when a 1d array",
        "X has feature names, but",
        "Column . of X has mean .* cannot resolve",
        "batch_size=.* is larger than the number of rows",
    )
]

rng = np.random.RandomState(0)
X = rng.randn(40, 3)
y = np.arange(40) % 3
FINE = {"units": 4, "epochs": 2, "random_state": 0}


def same(a, b):
    """Whether two attributes are equal, or parts of them the same object."""
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    return a is b or repr(a) == repr(b)


def refused(clf, method, *args, **kwargs):
    """Call a method; return whether it refused, having left the estimator as it was."""
    before = vars(clf).copy()
    theta = clf.theta_.copy() if hasattr(clf, "theta_") else None
    try:
        method(*args, **kwargs)
        return False
    except (ValueError, TypeError, MemoryError) as error:
        said = str(error)
    assert said.strip()
    assert vars(clf).keys() == before.keys()
    assert all(same(value, before[name]) for name, value in vars(clf).items())
    assert theta is None or same(clf.theta_, theta)
    return True


def assert_sound(clf, X):
    """A fitted classifier has finite parameters, losses and probabilities."""
    assert np.isfinite(clf.theta_).all()
    assert np.isfinite(clf.history_["loss"]).all()
    assert not np.isinf(clf.history_.get("validation_loss", [0.0])).any()
    if not refused(clf, clf.predict_proba, X):
        proba = clf.predict_proba(X)
        assert np.isfinite(proba).all()
        np.testing.assert_allclose(proba.sum(axis=1), 1.0, atol=1e-5)
        assert set(clf.predict(X).tolist()) <= set(clf.classes_.tolist())
        assert np.isfinite(clf.predict_log_proba(X)).all()
        assert np.isfinite(clf.decision_function(X)).all()


def try_to_fit(X, y, params=FINE, **given):
    """Fit, by a new estimator and by one that is fitted already."""
    clf = SoftmaxMLPClassifier(**params)
    if not refused(clf, clf.fit, X, y, **given):
        assert_sound(clf, X)
    fitted = SoftmaxMLPClassifier(**FINE).fit(rng.randn(9, 3), np.arange(9) % 3)
    fitted.set_params(**params)
    if not refused(fitted, fitted.fit, X, y, **given):
        assert_sound(fitted, X)


def changed(value, dtype=float):
    rows = X.astype(dtype)
    rows[3, 1] = value
    return rows


def matrix(values):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return np.matrix(values)


class Array:
    """Has __array__ and nothing else."""

    def __array__(self, dtype=None, copy=None):
        return X if dtype is None else X.astype(dtype)


@np.errstate(all="ignore")
def make_rows():
    return {
        "none": None,
        "nothing": [],
        "a number": 3.0,
        "a string": "rows",
        "bytes": b"rows",
        "a dict": {"a": X},
        "a set": {1.0, 2.0},
        "a generator": (row for row in X),
        "a function": len,
        "no rows": X[:0],
        "no columns": X[:, :0],
        "0-d": np.array(1.0),
        "1-d": X[:, 0],
        "3-d": X[None],
        "one row": X[:1],
        "one column": X[:, :1],
        "lists": X.tolist(),
        "tuples": tuple(map(tuple, X)),
        "ragged": [[1.0, 2.0], [3.0]] * 20,
        "deep": [[[[[1.0]]]]] * 40,
        "list of arrays": list(X),
        "zeros": np.zeros((40, 3)),
        "all the same": np.full((40, 3), 7.7),
        "constant column": X * [1, 0, 1] + 5,
        "1e300": X * 1e300,
        "1e308": X * 1e308,
        "-1e308": np.full((40, 3), -1e308),
        "mixed scales": X * [1e-300, 1, 1e300],
        "one huge entry": changed(1e300),
        "one hugest entry": changed(np.finfo(float).max),
        "denormals": X * 5e-324,
        "one denormal": changed(5e-324),
        "tiny": X * 1e-200,
        "far from zero": X + 1e15,
        "further": X + 1e300,
        "float32 max": changed(3.4e38, np.float32),
        "nan": changed(np.nan),
        "inf": changed(np.inf),
        "-inf": changed(-np.inf),
        "all nan": np.full((40, 3), np.nan),
        "negative zero": X * -0.0,
        **{np.dtype(kind).name: (X * 50).astype(kind) for kind in "bBhHiIlLqQefdg"},
        "bool": X > 0,
        "complex": X.astype(complex),
        "int64 extremes": changed(-(2**63), np.int64),
        "uint64 extremes": changed(2**64 - 1, np.uint64),
        "int8 extremes": changed(-128, np.int8),
        "float16 max": changed(65504, np.float16),
        "float16 everywhere": np.full((40, 3), 6e4, "f2"),
        "longdouble beyond": X.astype(np.longdouble) * np.longdouble("1e4000"),
        "objects": X.astype(object),
        "object none": changed(None, object),
        "object string": changed("1.5", object),
        "object word": changed("word", object),
        "object list": changed([], object),
        "object complex": changed(1j, object),
        "decimals": [[decimal.Decimal("0.1")] * 3] * 40,
        "decimal nan": [[decimal.Decimal("nan")]] * 40,
        "fractions": [[fractions.Fraction(1, 3), 2, i] for i in range(40)],
        "huge ints": [[10**30, i] for i in range(40)],
        "hugest ints": [[10**400, i] for i in range(40)],
        "strings": X.astype(str),
        "words": np.full((40, 3), "word"),
        "bytes array": X.astype("S"),
        "dates": np.full((40, 3), np.datetime64("2020-01-01")),
        "durations": np.full((40, 3), np.timedelta64(1, "s")),
        "void": np.zeros((40, 3), "V4"),
        "records": np.zeros(40, [("a", float), ("b", float)]),
        "big endian": X.astype(">f8"),
        "big endian ints": (X * 9).astype(">i2"),
        "fortran": np.asfortranarray(X),
        "negative strides": X[::-1, ::-1],
        "strided": np.repeat(np.repeat(X, 2, 0), 2, 1)[::2, ::2],
        "broadcast": np.broadcast_to(X[0], X.shape),
        "transposed": X.T.copy().T,
        "matrix": matrix(X),
        "masked": np.ma.masked_greater(X, 1),
        "masked none": np.ma.array(X),
        "memoryview": memoryview(X),
        "an array by protocol": Array(),
        "frame": pd.DataFrame(X, columns=list("abc")),
        "frame of numbers": pd.DataFrame(X),
        "duplicate columns": pd.DataFrame(X, columns=list("aab")),
        "mixed column names": pd.DataFrame(X, columns=["a", 1, "b"]),
        "frame of kinds": pd.DataFrame({"a": X[:, 0], "b": X[:, 1] > 0, "c": np.arange(40)}),
        "nullable": pd.DataFrame(X).astype("Float64"),
        "nullable with NA": pd.DataFrame(changed(np.nan)).astype("Float64"),
        "nullable ints": pd.DataFrame((X * 9).astype(int)).astype("Int8"),
        "nullable bools": pd.DataFrame(X > 0).astype("boolean"),
        "categories": pd.DataFrame({"a": pd.Categorical(["x", "y"] * 20)}),
        "frame of words": pd.DataFrame({"a": ["x", "y"] * 20, "b": range(40)}),
        "frame of dates": pd.DataFrame({"a": pd.date_range("2020", periods=40)}),
        "sparse frame": pd.DataFrame.sparse.from_spmatrix(sparse.csr_array(X)),
        "series": pd.Series(X[:, 0]),
        "empty frame": pd.DataFrame(),
        "two-level columns": pd.DataFrame(X, columns=[["a", "a", "b"], [1, 2, 1]]),
        "polars": pl.DataFrame(X, schema=list("abc")),
        "polars null": pl.DataFrame({"a": [None, 1.0] * 20}),
        **{
            f"{kind.__name__} of {name}": kind(rows)
            for kind in (
                sparse.csr_matrix,
                sparse.csr_array,
                sparse.csc_matrix,
                sparse.coo_array,
                sparse.lil_array,
                sparse.dok_matrix,
                sparse.dia_matrix,
                sparse.bsr_array,
            )
            for name, rows in {
                "rows": X * (X > 0),
                "nothing": np.zeros((40, 3)),
                "nan": changed(np.nan),
                "inf": changed(np.inf),
                "1e300": X * 1e300,
                "ints": (X * 9).astype(int),
                "bools": X > 0,
                "float32": X.astype("f4"),
                "no columns": X[:, :0],
                "no rows": X[:0],
            }.items()
        },
    }


def unusual_sparse():
    rows = sparse.csr_array(X)
    explicit = rows.copy()
    explicit.data[::2] = 0
    wide = rows.copy()
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    doubled = sparse.coo_array((np.ones(6), ([0, 0, 1, 1, 2, 39], [0, 0, 1, 1, 2, 2])), (40, 3))
    unsorted = rows.copy()
    for i in range(40):
        part = slice(unsorted.indptr[i], unsorted.indptr[i + 1])
        unsorted.indices[part] = unsorted.indices[part][::-1].copy()
        unsorted.data[part] = unsorted.data[part][::-1].copy()
    unsorted.has_sorted_indices = False
    overflowing = sparse.coo_array((np.full(4, 1e308), ([0, 0, 1, 1], [0, 0, 1, 1])), (40, 3))
    return {
        "explicit zeros": explicit, "64-bit indices": wide, "doubled": doubled.tocsr(),
        "doubled coo": doubled, "unsorted": unsorted, "sums overflow": overflowing,
        "complex": sparse.csr_array(X.astype(complex)), "1-d": sparse.coo_array(X[:, 0]),
        "huge": sparse.csr_array((40, 50_000)), "float16": sparse.csr_array(X).astype(np.float32),
    }  # fmt: skip


ROWS = make_rows() | {f"sparse {name}": rows for name, rows in unusual_sparse().items()}


@np.errstate(all="ignore")
def make_labels():
    return {
        "none": None,
        "nothing": [],
        "a number": 3,
        "a string": "abc",
        "lists": y.tolist(),
        "fewer": y[:-1],
        "more": np.append(y, 0),
        "one class": np.zeros(40, int),
        "all different": np.arange(40),
        "two": y > 0,
        "strings": np.array(list("abc"))[y],
        "empty strings": np.array(["", " ", "\0"])[y],
        "objects": np.array(list("abc"), object)[y],
        "unicode": np.array(["가", "\U0001f600", "e\u0301"])[y],
        "long": np.array(["x" * 9999, "y", "z"])[y],
        "mixed": np.array(["a", 1, None], object)[y],
        "none objects": np.array([None, "a", "b"], object)[y],
        "nan": np.array([np.nan, 1.0, 2.0])[y],
        "inf": np.array([np.inf, 1.0, 2.0])[y],
        "nan objects": np.array([float("nan"), "a", "b"], object)[y],
        "floats": y + 0.5,
        "whole floats": y.astype(float),
        "negative": y - 2,
        "int extremes": np.array([-(2**63), 0, 2**63 - 1])[y],
        "uint64 extremes": np.array([0, 1, 2**64 - 1], np.uint64)[y],
        "huge ints": [[10**30, 1, 2][i] for i in y],
        "huge floats": np.array([1e300, -1e300, 0.0])[y],
        "complex": y * 1j,
        "bytes": np.array([b"a", b"b", b"c"])[y],
        "dates": np.array(["2020", "2021", "2022"], "datetime64[Y]")[y],
        "date objects": np.array([datetime.date(2020, 1, i + 1) for i in range(3)], object)[y],
        "tuples": [[(1, 2), (3, 4), (5, 6)][i] for i in y],
        "sets": [{i} for i in y],
        "2 columns": np.c_[y, y],
        "a column": y[:, None],
        "one-hot": np.eye(3)[y],
        "one-hot ints": np.eye(3, dtype=int)[y],
        "3-d": y[:, None, None],
        "ragged": [[1], [1, 2]] * 20,
        "sparse": sparse.csr_array(y[:, None]),
        "series": pd.Series(y),
        "frame": pd.DataFrame(y),
        "nullable": pd.Series(y).astype("Int64"),
        "nullable NA": pd.Series([1, 2, None, 3] * 10).astype("Int64"),
        "categories": pd.Series(list("abcd") * 10).astype("category"),
        "strings of pandas": pd.Series(list("abcd") * 10).astype("string"),
        "unordered index": pd.Series(y, index=range(40, 0, -1)),
        "bools": (y > 0).tolist(),
        "bool objects": np.array([True, False, "x"], object)[y],
        "masked": np.ma.masked_equal(y, 1),
        "matrix": matrix(y),
        "negative strides": y[::-1],
        "big endian": y.astype(">i4"),
        "int8": y.astype(np.int8),
        "float16": y.astype(np.float16),
        "a generator": (i for i in y),
        "polars": pl.Series(y),
    }


LABELS = make_labels()

WEIGHTS = {
    "nothing": [],
    "a number": 3.0,
    "zero": 0,
    "negative number": -1.0,
    "nan number": np.nan,
    "a string": "balanced",
    "ones": np.ones(40),
    "zeros": np.zeros(40),
    "one": np.eye(40)[0],
    "one of each class": (np.arange(40) < 3) * 1.0,
    "negative": -np.ones(40),
    "one negative": 1 - 2 * np.eye(40)[5],
    "nan": np.append(np.ones(39), np.nan),
    "inf": np.append(np.ones(39), np.inf),
    "1e308": np.full(40, 1e308),
    "mixed": np.where(y, 1e-300, 1e300),
    "denormal": np.full(40, 5e-324),
    "fewer": np.ones(39),
    "more": np.ones(41),
    "2-d": np.ones((40, 1)),
    "0-d": np.array(2.0),
    "bools": y > 0,
    "ints": y,
    "strings": np.full(40, "a"),
    "numbers in strings": ["1"] * 40,
    "objects": np.ones(40, object),
    "none objects": np.full(40, None),
    "complex": np.ones(40) * 1j,
    "float32": np.ones(40, "f4"),
    "float16": np.full(40, 6e4, "f2"),
    "uint64": np.full(40, 2**64 - 1, np.uint64),
    "lists": [1.0] * 40,
    "series": pd.Series(np.ones(40)),
    "masked": np.ma.masked_equal(y, 1),
    "negative strides": np.arange(40.0)[::-1],
    "sparse": sparse.csr_array(np.ones((40, 1))),
    "dict": {0: 1.0},
    "huge ints": [10**30] * 40,
}

VALUES = [
    None,
    True,
    False,
    0,
    1,
    2,
    -1,
    3.0,
    0.5,
    -0.5,
    1e-300,
    5e-324,
    1e300,
    -1e300,
    np.inf,
    -np.inf,
    np.nan,
    10**30,
    10**400,
    -(10**400),
    np.int8(1),
    np.int64(2),
    np.uint8(255),
    np.float16(0.5),
    np.float32(0.5),
    np.longdouble(0.5),
    np.bool_(True),
    np.str_("relu"),
    "",
    "auto",
    "relu",
    "adam",
    "loss",
    "accuracy",
    "balanced",
    "float32",
    "0.5",
    b"adam",
    1j,
    decimal.Decimal("0.5"),
    fractions.Fraction(1, 2),
    (),
    (3,),
    (3, 2),
    (0,),
    (-1,),
    (1.5,),
    (None,),
    ("a",),
    ((3,),),
    [],
    [3],
    [0.1, 0.2],
    [0.1],
    ["relu"],
    ["relu", "tanh"],
    [np.nan, 0.1],
    [[0.1], [0.1]],
    np.array(1),
    np.array([3]),
    np.array([0.1, 0.1]),
    np.array([]),
    np.array([[1]]),
    np.array(["relu"]),
    {},
    {0: 1.0},
    {0: -1.0},
    {0: np.nan},
    {0: np.inf},
    {0: "a"},
    {0: 0.0, 1: 0.0, 2: 0.0},
    {"0": 1.0},
    {None: 1.0},
    {0, 1},
    frozenset(),
    range(2),
    range(0),
    iter([1]),
    len,
    int,
    object(),
    type,
    np.random.RandomState(0),
    np.random.default_rng(0),
    np.random,
    np.dtype("f4"),
    np.float64,
    float,
    lambda *args: None,
    lambda *args: np.nan,
    lambda *args: -1.0,
    lambda *args: 1.0,
    lambda *args: np.ones(3),
    lambda: 1,
    pd.NA,
    pd.Series([1]),
    pd.Timestamp("2020"),
    slice(3),
    Ellipsis,
]
TOO_LONG = {("epochs", repr(value)) for value in (10**30, 10**400)}


@pytest.mark.parametrize(
    "params", [FINE, FINE | {"standardize": False, "dtype": "float32"}], ids=str
)
@pytest.mark.parametrize("name", ROWS)
def test_rows(name, params):
    try_to_fit(ROWS[name], y if name != "one row" else y[:1], params)


@pytest.mark.parametrize("params", [FINE, FINE | {"early_stopping": True}], ids=str)
@pytest.mark.parametrize("name", LABELS)
def test_labels(name, params):
    try_to_fit(X, LABELS[name], params)


@pytest.mark.parametrize("params", [FINE, FINE | {"class_weight": "balanced"}], ids=str)
@pytest.mark.parametrize("name", WEIGHTS)
def test_weights(name, params):
    try_to_fit(X, y, params, sample_weight=WEIGHTS[name])


@pytest.mark.parametrize("name", ROWS)
def test_rows_to_validate_and_predict_on(name):
    try_to_fit(X, y, FINE, X_val=ROWS[name], y_val=y)
    clf = SoftmaxMLPClassifier(**FINE).fit(X, y)
    for method in (clf.predict, clf.predict_log_proba, clf.hidden_activations):
        if not refused(clf, method, ROWS[name]):
            assert len(method(ROWS[name])) > 0
    refused(clf, clf.score, ROWS[name], y)
    assert_sound(clf, ROWS[name])


@pytest.mark.parametrize("name", LABELS)
def test_labels_to_validate_on(name):
    try_to_fit(X, y, FINE, X_val=X, y_val=LABELS[name])
    clf = SoftmaxMLPClassifier(**FINE).fit(X, y)
    with np.errstate(invalid="ignore"):  # scikit-learn casts labels that are not finite
        refused(clf, clf.score, X, LABELS[name])


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_to_validate_with(name):
    try_to_fit(X, y, FINE, X_val=X, y_val=y, sample_weight_val=WEIGHTS[name])


@pytest.mark.parametrize(
    ("kind", "name"), [(k, n) for k, t in enumerate((ROWS, LABELS, WEIGHTS)) for n in t]
)
def test_partial_fit(kind, name):
    given = [X, y, None]
    given[kind] = (ROWS, LABELS, WEIGHTS)[kind][name]
    for classes in (None, [0, 1, 2], LABELS[name] if kind == 1 else y):
        clf = SoftmaxMLPClassifier(**FINE)
        for _ in range(2):
            if not refused(clf, clf.partial_fit, *given[:2], classes, given[2]):
                assert_sound(clf, given[0])


@pytest.mark.parametrize("name", SoftmaxMLPClassifier().get_params())
def test_parameters(name, capsys):
    for value in VALUES:
        if (name, repr(value)) not in TOO_LONG:
            params = FINE | {name: value}
            for more in ({}, {"solver": "sgd"}, {"early_stopping": True}, {"units": ()}):
                if name not in more:
                    try_to_fit(X, y, params | more)


@pytest.mark.parametrize(
    "params",
    [
        {"units": 10**9},
        {"units": (10**6, 10**6)},
        {"units": 2**62},
        {"units": (2**31, 2**31)},
        {"units": (1,) * 200},
        {"units": (2,) * 100, "activation": "tanh"},
        {"units": (3,) * 60, "solver": "lbfgs"},
        {"learning_rate": 1e308},
        {"learning_rate": 1e30},
        {"learning_rate": 1e30, "solver": "sgd"},
        {"learning_rate": 5e-324},
        {"learning_rate": 1e20, "dtype": "float32"},
        {"l2": 1e300},
        {"l1": 1e300},
        {"l2": 1e30, "dtype": "float32"},
        {"l1": 1e30, "dtype": "float32", "solver": "lbfgs"},
        {"l2": 1e300, "solver": "lbfgs"},
        {"epsilon": 1e-300, "dtype": "float32"},
        {"epsilon": 1e300},
        {"beta_1": 1 - 1e-16},
        {"beta_2": 1 - 1e-16},
        {"beta_2": 0.0, "beta_1": 0.0},
        {"momentum": 1 - 1e-16, "solver": "sgd"},
        {"tol": 1e300},
        {"tol": 1e300, "solver": "lbfgs"},
        {"dropout": 1 - 1e-16},
        {"dropout": [1 - 1e-9, 0.0]},
        {"label_smoothing": 1 - 1e-16},
        {
            "activation": "identity",
            "units": (50,) * 50,
            "init": "standard_normal",
            "standardize": False,
        },
        {"activation": "elu", "units": (50,) * 40, "init": "standard_normal", "dtype": "float32"},
        {"init": "standard_normal", "units": (500, 500), "solver": "sgd", "learning_rate": 1.0},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:.*units")
def test_extreme_parameters(params):
    for rows in (X, X * 1e6, X.astype(np.float32), sparse.csr_array(X)):
        try_to_fit(rows, y, FINE | params)


def test_ten_thousand_classes():
    many = np.arange(10_000)
    clf = SoftmaxMLPClassifier(units=3, epochs=1, batch_size=2_000, random_state=0)
    rows = np.random.RandomState(0).randn(10_000, 3)
    assert not refused(clf, clf.fit, rows, many)
    assert len(clf.classes_) == 10_000
    assert_sound(clf, rows[:50])


@pytest.mark.parametrize("kind", ["rows", "labels", "weights"])
def test_what_cannot_be_written_to_is_only_read(kind):
    data = {"rows": X.copy(), "labels": y.copy(), "weights": np.ones(40)}
    data[kind].flags.writeable = False
    clf = SoftmaxMLPClassifier(**FINE, early_stopping=True)
    clf.fit(data["rows"], data["labels"], data["weights"])
    clf.set_params(early_stopping=False).partial_fit(data["rows"], data["labels"])
    assert_sound(clf, data["rows"])


def test_what_is_given_is_not_changed():
    rows, labels, weights = X.copy(), y.copy(), np.arange(40.0)
    for params in ({}, {"solver": "lbfgs"}, {"dropout": [0.2, 0.2]}, {"early_stopping": True}):
        for kind in (np.array, np.asfortranarray, sparse.csr_array, sparse.csc_matrix):
            given = kind(rows)
            SoftmaxMLPClassifier(**FINE, **params).fit(given, labels, weights).predict(given)
            unchanged = given.toarray() if sparse.issparse(given) else given
            np.testing.assert_array_equal(unchanged, X)
    np.testing.assert_array_equal(labels, y)
    np.testing.assert_array_equal(weights, np.arange(40.0))


@pytest.mark.parametrize("value", [-1.0, np.nan, "a", None, 1e308, (), 10**400], ids=repr)
@pytest.mark.parametrize("name", ["l2", "learning_rate", "units", "dropout", "schedule", "tol"])
def test_a_search_treats_them_as_failed_fits(name, value):
    grid = {name: [value, SoftmaxMLPClassifier().get_params()[name]]}
    ours, theirs = (
        search(SoftmaxMLPClassifier(**FINE), grid, cv=2)
        for search in (PopulationGridSearchCV, GridSearchCV)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitFailedWarning)
        warnings.filterwarnings("ignore", "One or more of the test scores")
        for search in (ours, theirs):
            search.fit(X, y)
    np.testing.assert_array_equal(
        ours.cv_results_["split0_test_score"], theirs.cv_results_["split0_test_score"]
    )


@pytest.mark.parametrize("name", ["schedule", "scoring"])
def test_an_error_of_the_users_own_function_is_passed_on(name):
    def function(*args):
        calls.append(args)
        return 1 / 0 if len(calls) == 3 else 1.0

    calls, clf = [], SoftmaxMLPClassifier(**FINE).fit(X, y)
    before = vars(clf).copy()
    clf.set_params(early_stopping=True, epochs=5, **{name: function})
    with pytest.raises(ZeroDivisionError):
        clf.fit(X, y)
    assert clf.theta_ is before["theta_"]
    assert clf.history_ is before["history_"]


# Numbers of any dtype and size


DTYPES = [np.float64, np.float32, np.float16, np.int64, np.uint64, np.int8, np.uint8, np.bool_]


@st.composite
def any_rows(draw):
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(st.integers(0, 12)), draw(st.integers(0, 4))
    elements = npst.from_dtype(dtype, allow_nan=draw(st.booleans()))
    rows = draw(npst.arrays(dtype, shape, elements=elements))
    if draw(st.booleans()):
        rows = np.repeat(rows, draw(st.integers(1, 5)), axis=0)
    if draw(st.integers(0, 4)) == 0 and dtype != np.float16:
        return sparse.csr_array(rows)
    return rows


@settings(max_examples=200, deadline=None)
@given(
    rows=any_rows(),
    labels=st.lists(st.integers(-1, 2), min_size=60, max_size=60),
    params=st.fixed_dictionaries(
        {},
        optional={
            "standardize": st.booleans(),
            "solver": st.sampled_from(["sgd", "adam", "lbfgs"]),
            "dtype": st.sampled_from(["auto", "float32", "float64"]),
            "activation": st.sampled_from(["relu", "identity", "gelu", "elu", "logistic", "silu"]),
            "learning_rate": st.floats(1e-5, 1e5),
            "l1": st.floats(0, 1e5),
            "l2": st.floats(0, 1e5),
            "class_weight": st.sampled_from([None, "balanced"]),
            "early_stopping": st.booleans(),
            "batch_size": st.sampled_from(["auto", 1, 3]),
        },
    ),
    weights=st.none() | st.lists(st.floats(allow_nan=True), min_size=60, max_size=60),
)
def test_any_numbers(rows, labels, params, weights):
    n = rows.shape[0]
    weights = None if weights is None else weights[:n]
    try_to_fit(rows, labels[:n], FINE | params, sample_weight=weights)

"""Unusual and invalid input: finite parameters, or an error that keeps the fitted model.

Every call goes through `attempt`, on an estimator that was fitted before on other labels. If the
call raises, it must raise ValueError, TypeError or MemoryError, and all attributes of the
estimator must be the same objects with the same content as before.
"""

import datetime
import pickle
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np
from scipy import sparse
from sklearn.model_selection import GridSearchCV

from skmlp import PopulationGridSearchCV, SoftmaxMLPClassifier

# Warnings of scikit-learn < 1.7 and of numpy.ma >= 2.5.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Support for labels represented as bytes"),
    pytest.mark.filterwarnings("ignore:The 'generic' unit for NumPy timedelta is deprecated"),
]

X = np.random.RandomState(0).randn(30, 4)
y = np.arange(30) % 3
TINY = (3e-38 * X).astype("f4")  # divided by their scale, weights become too large
ONES = np.ones(30)
FITTED = SoftmaxMLPClassifier(units=5, epochs=2, random_state=0).fit(X, 5 - y)
EXPECTED_ERRORS = (ValueError, TypeError, MemoryError)
SOLVERS = {
    "adam": {},
    "as it comes": {"standardize": False},
    "lbfgs": {"solver": "lbfgs"},
    "sgd": {"solver": "sgd", "dtype": "float32", "l1": 1e-3, "dropout": 0.2},
    "early stopping": {"early_stopping": True, "class_weight": "balanced"},
    "scored": {"early_stopping": True, "validation_fraction": None, "scoring": "accuracy"},
}


def filled(value, dtype=None):
    return np.full((30, 4), value, dtype)


def with_entry(value, dtype=float):
    changed = X.astype(dtype)
    changed[3, 2] = value
    return changed


def with_column(value):
    changed = X.copy()
    changed[:, 1] = value
    return changed


def csr(data=None, index=np.int32):
    A = sparse.csr_array(X)
    A.data[:] = A.data if data is None else data
    A.indices, A.indptr = A.indices.astype(index), A.indptr.astype(index)
    return A


def damaged(kind, name, value):
    A = kind(X.copy())
    array = getattr(A, name).copy()
    array[-1 if name == "indptr" else 0] = value
    setattr(A, name, array)
    return A


def read_only():
    A = X.copy()
    A.flags.writeable = False
    return A


def itself():
    nested = []
    nested.append(nested)
    return nested


class Length:
    shape = (30, 4)

    def __len__(self):
        return 30


class Subclass(np.ndarray):
    pass


class MyInt(int):
    pass


class MyStr(str):
    __slots__ = ()


class Unhashable:
    __hash__ = None

    def __eq__(self, other):
        return True


def as_np_matrix(A):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.matrix(A)


def features():
    """Yield names and values for X."""
    frame = pd.DataFrame(X, columns=list("abcd"))
    whole = pd.DataFrame((X * 9).astype(int))
    duplicates = (np.ones(6), [1, 1, 3, 3, 0, 0], np.r_[0, np.full(30, 6)])
    unsorted = (np.arange(3.0), [3, 1, 0], np.r_[0, np.full(30, 3)])
    low, high = np.int64(-(2**63)), np.int64(2**63 - 1)
    top = np.uint64(2**64 - 1)
    yield from {
        "zeros": filled(0.0), "ones": filled(1.0), "1e300": filled(1e300), "+-1e300": X * 1e300,
        "largest": filled(np.finfo(float).max), "denormal": X * 1e-310, "5e-324": filled(5e-324),
        "0 and 5e-324": np.where(X > 0, 5e-324, 0.0), "column 1e300": with_column(1e300),
        "column to 1e300": with_column(np.linspace(-1, 1, 30) * 1e300),
        "entry 1e300": with_entry(1e300), "entry 1e200": with_entry(1e200),
        "entry 1e160": with_entry(1e160), "entry 1e40": with_entry(1e40),
        "nan": with_entry(np.nan), "inf": with_entry(np.inf), "-inf": with_entry(-np.inf),
        "float32 1e38": (X * 1e38).astype("f4"), "float32 3e38": filled(3e38, "f4"),
        "float32 entry 3e38": with_entry(3e38, "f4"), "float32 1e-40": (X * 1e-40).astype("f4"),
        "far from 0": X + 1e15, "far from 0 in float32": (X + 1e7).astype("f4"),
        "int8": (X * 40).astype("i1"), "int8 least": filled(-128, "i1"),
        "int64 least": filled(low), "int64 extremes": np.where(X > 0, low, high),
        "uint64 largest": filled(top), "uint64 extremes": np.where(X > 0, np.uint64(0), top),
        "bool": X > 0, "float16": X.astype("f2"), "float16 6e4": (np.sign(X) * 6e4).astype("f2"),
        "longdouble": X.astype("g"), "longdouble 1e4000": filled(np.longdouble("1e4000")),
        "longdouble 1e-4000": np.where(X > 0, np.longdouble("1e-4000"), 0),
        "complex": X + 1j, "complex without": X + 0j,
    }.items()  # fmt: skip
    yield from {
        "objects": X.astype(object), "object None": with_entry(None, object),
        "object nan": with_entry(np.nan, object), "object 1j": with_entry(1j, object),
        "object '3'": with_entry("3", object), "object bools": (X > 0).astype(object),
        "10**400": filled(10**400, object), "10**30": filled(10**30, object),
        "Decimal": filled(Decimal("1.5"), object), "Fraction": filled(Fraction(1, 3), object),
        "text": X.astype(str), "bytes": X.astype("S"), "void": np.zeros((30, 4), "V8"),
        "records": np.zeros(30, [("a", float), ("b", float)]), "lists": [[[1], [2], [3], [4]]] * 30,
        "dates": filled(np.datetime64("2020")), "NaT": filled(np.datetime64("NaT")),
        "spans": filled(np.timedelta64(3, "D")), "list": X.tolist(), "tuple": tuple(map(tuple, X)),
        "ragged": [[1, 2, 3, 4]] * 29 + [[1]], "nested": [X.tolist()], "0-d": np.array(1.0),
        "scalar": 3.0, "None": None, "str": "abc", "raw bytes": b"abc", "dict": {"a": 1},
        "set": {1, 2}, "range": range(30), "generator": (row for row in X), "class": Subclass,
        "1-d": X[:, 0], "3-d": X[:, :, None], "no rows": X[:0], "no columns": X[:, :0],
        "[]": [], "[[]]": [[]] * 30, "one row": X[:1], "itself": itself(), "has len": Length(),
        "read-only": read_only(), "big-endian": X.astype(">f8"), "big-endian 4": X.astype(">f4"),
        "big-endian int": (X * 9).astype(">i4"), "backwards": X[::-1, ::-1],
        "Fortran": np.asfortranarray(X), "every other": np.repeat(X, 2, axis=1)[:, ::2],
        "broadcast": np.broadcast_to(X[:1], (30, 4)), "of one": np.broadcast_to(1.5, (30, 4)),
        "unaligned": np.frombuffer(b"x" + X.tobytes(), offset=1).reshape(30, 4),
        "np.matrix": as_np_matrix(X), "masked": np.ma.array(X, mask=X > 1),
        "no mask": np.ma.array(X),
        "masked nan": np.ma.masked_invalid(with_entry(np.nan)), "subclass": X.view(Subclass),
    }.items()  # fmt: skip
    yield from {
        "frame": frame, "same names": frame.set_axis(list("aabb"), axis=1), "names 0..": whole,
        "mixed names": frame.set_axis(["a", 1, "b", 2], axis=1), "Int64": whole.astype("Int64"),
        "Int64 NA": whole.astype("Int64").mask(X > 1), "Float64": frame.astype("Float64"),
        "boolean": (frame > 0).astype("boolean"),
        "boolean NA": (frame > 0).astype("boolean").mask(X > 1),
        "category": frame.round().astype("category"), "frame of text": frame.astype(str),
        "frame of string": frame.astype("string"), "frame of objects": frame.astype(object),
        "frame of dates": pd.DataFrame(filled(np.datetime64("2020-01-01"))),
        "periods": pd.DataFrame({"p": pd.period_range("2020", periods=30, freq="D")}),
        "frame of complex": frame + 1j, "frame no rows": frame[:0], "frame no columns": frame[[]],
        "sparse frame": frame.astype(pd.SparseDtype(float, 0.0)),
        "sparse frame nan": frame.astype(pd.SparseDtype(float, np.nan)),
        "levels": frame.set_axis(pd.MultiIndex.from_product([[1, 2], [3, 4]]), axis=1),
        "series": frame["a"], "mixed": frame.assign(a=whole[0], b=X[:, 0] > 0),
        "with text": frame.assign(a="x"),
    }.items()  # fmt: skip
    yield from {
        **{form: sparse.csr_array(X).asformat(form) for form in
           ("csr", "csc", "coo", "dok", "lil", "bsr", "dia")},
        "csr matrix": sparse.csr_matrix(X), "csr nan": csr(np.nan), "csr inf": csr(np.inf),
        "duplicates": sparse.csr_array(duplicates, shape=(30, 4)),
        "unsorted": sparse.csr_array(unsorted, shape=(30, 4)), "int64 indices": csr(index=np.int64),
        "explicit zeros": csr(0.0), "csr 1e300": csr(1e300), "csr 5e-324": csr(5e-324),
        "csr to 1e300": csr(np.linspace(-1, 1, 120) * 1e300), "nothing": sparse.csr_array((30, 4)),
        "csr uint8": sparse.csr_array((X > 0).astype("u1")), "csr bool": sparse.csr_array(X > 0),
        "csr complex": sparse.csr_array(X + 1j), "csr longdouble": sparse.csr_array(X.astype("g")),
        "csr int64 least": sparse.csr_array(np.where(X > 0, low, np.int64(0))),
        "csr uint64": sparse.csr_array(np.where(X > 0, top, np.uint64(0))),
        "csr no rows": sparse.csr_array((0, 4)), "csr no columns": sparse.csr_array((30, 0)),
        "csr 10**12 columns": sparse.csr_array((30, 10**12)), "coo 1-d": sparse.coo_array(X[:, 0]),
        "column 99 of 4": damaged(sparse.csr_array, "indices", 99),
        "column -9": damaged(sparse.csr_array, "indices", -9),
        "row 99 of 30": damaged(sparse.csc_array, "indices", 99),
        "row end": damaged(sparse.csr_array, "indptr", 10**6),
        "row end -1": damaged(sparse.csr_array, "indptr", -1),
        "block 99": damaged(sparse.bsr_array, "indices", 99),
    }.items()  # fmt: skip


def labels():
    day = datetime.date(2020, 1, 1)
    yield from {
        "float": y * 1.0, "half": y + 0.5, "nan": np.where(y == 0, np.nan, y), "inf": y + np.inf,
        "object nan": np.array([np.nan, "a", "b"] * 10, object), "None": [None, "a", "b"] * 10,
        "all None": [None] * 30, "mixed": [1, "a", 2.5] * 10, "not given": None,
        "mixed objects": np.array([1, "a", "b"] * 10, object), "tuples": [(1,), (2,), (3,)] * 10,
        "pairs": [(1, 2), (2, 3), (3, 4)] * 10, "dates": [day, day.replace(day=2), day] * 10,
        "datetime64": y.astype("M8[D]"), "timedelta64": y.astype("m8[D]"),
        "NaT": np.array(["NaT", "2020", "2021"] * 10, "M8[D]"), "bytes": [b"a", b"b", b"c"] * 10,
        "str": ["a", "b", "c"] * 10, "empty str": ["", "b", "c"] * 10, "surrogate": ["\ud800"] * 30,
        "nul": np.array(["a\0", "a", "b"] * 10, object), "column": y[:, None],
        "two columns": np.c_[y, y], "one-hot": np.eye(3)[y], "frame": pd.DataFrame({"y": y}),
        "frame of two": pd.DataFrame({"y": y, "z": y}), "category": pd.Series(y, dtype="category"),
        "Int64": pd.Series(y, dtype="Int64"), "NA": pd.Series(y, dtype="Int64").mask(y == 0),
        "string": pd.Series(["a", "b", "c"] * 10, dtype="string"), "bool": y > 0,
        "string NA": pd.Series(["a", None, "c"] * 10, dtype="string"), "complex": y + 1j,
        "uint64": y.astype("u8") + np.uint64(2**64 - 3), "int64": y + np.int64(-(2**63)),
        "10**30": [10**30, 1, 2] * 10,
        "10**400": [10**400, 1, 2] * 10, "1e300": y * 1e300, "float16": y.astype("f2"),
        "longdouble": y.astype("g"), "0-d": np.array(1), "scalar": 1, "word": "abc", "dict": {},
        "sparse": sparse.csr_array(y[:, None]), "one class": y * 0, "one str": ["a"] * 30,
        "all distinct": np.arange(30), "empty": [], "short": y[:9], "long": np.r_[y, 0],
        "broadcast": np.broadcast_to(0, 30), "big-endian": y.astype(">i4"), "backwards": y[::-1],
        "np.matrix": as_np_matrix(y), "masked": np.ma.array(y, mask=y > 1), "range": range(30),
        "generator": (label for label in y), "set": set(range(30)), "ragged": [[1], [1, 2]] * 15,
        "void": np.zeros(30, "V4"), "records": np.zeros(30, [("a", int)]),
        "Decimal": [Decimal(1), Decimal(2)] * 15, "Fraction": [Fraction(1), Fraction(2)] * 15,
        "unhashable": [Unhashable() for _ in range(30)], "objects": y.astype(object),
        "int subclass": [MyInt(1), MyInt(2)] * 15, "-0.0": np.array([0.0, -0.0, 1.0] * 10),
        "StringDType": np.array(["a", "b", "c"] * 10, np.dtypes.StringDType()),
        "True and 1": [True, 1, 2] * 10, "intervals": pd.cut(pd.Series(X[:, 0]), 3),
        "periods": pd.Series(pd.period_range("2020", periods=30)),
    }.items()  # fmt: skip


def row_weights():
    yield from {
        "1": 1, "1.5": 1.5, "0": 0, "-1": -1, "nan": np.nan, "inf": np.inf, "True": True,
        "10**400": 10**400, "Fraction": Fraction(1, 3), "Decimal": Decimal(2), "bool": y > 0,
        "1e308": ONES * 1e308, "5e-324": ONES * 5e-324, "both": np.where(y > 0, 1e308, 5e-324),
        "one 1e308": np.r_[1e308, ONES[1:]], "one 5e-324": np.r_[5e-324, 0 * ONES[1:]],
        "one row": np.r_[1.0, 0 * ONES[1:]], "denormal": np.linspace(1, 9, 30) * 1e-320,
        "longdouble 1e4000": np.full(30, np.longdouble("1e4000")), "float16": ONES.astype("f2"),
        "complex": ONES + 1j, "digits": ["1"] * 30, "words": ["x"] * 30, "None": [None] * 30,
        "list of 10**400": [10**400] * 30, "column": ONES[:, None], "2-d": np.ones((30, 2)),
        "0-d": np.array(2.0), "one": np.array([2.0]), "series": pd.Series(ONES, range(30, 60)),
        "NA": pd.Series(ONES, dtype="Float64").mask(y == 0), "sparse": sparse.csr_array(ONES[None]),
        "masked": np.ma.array(ONES, mask=y > 0), "np.matrix": as_np_matrix(ONES), "dict": {},
        "-5e-324": np.r_[-5e-324, ONES[1:]], "-0.0": np.r_[-0.0, ONES[1:]], "str": "balanced",
        "empty": [], "short": ONES[1:], "dates": np.full(30, np.datetime64("2020")),
        "spans": np.full(30, np.timedelta64(1, "D")), "uint64": np.full(30, 2**64 - 1, np.uint64),
        "int64 least": np.full(30, -(2**63)), "broadcast": np.broadcast_to(2.0, 30),
        "generator": (1 for _ in range(30)), "class 0 alone": (y == 0) * 1.0,
    }.items()  # fmt: skip


def returning(value):
    return lambda *args, **kwargs: value


PARAMETERS = [
    None, True, False, np.bool_(True), 0, 1, -1, 2, 2**31, 2**63, 10**400, -(10**400), 0.0, -0.0,
    1.0, 0.5, 5e-324, 1e-300, 1e-45, 1e300, 1e308, np.nan, np.inf, -np.inf, 1j, "", "auto", "relu",
    "loss", b"auto", MyInt(2), MyStr("relu"), np.int8(3), np.uint64(2**64 - 1), np.float16(0.5),
    np.float32(1e-45), np.longdouble("1e-4000"), np.longdouble("1e4000"), np.str_("adam"),
    np.array(1), np.array([2]), np.array([]), np.array([[2]]), np.array([0.1, 0.2]), [2], (2,), [],
    [2.0], [True], [None], ["relu"], [np.nan, 0], [0.1, 0.1], (0.1, 10**400), {}, {0: 1},
    {0: np.nan}, {0: 10**400}, {0: 5e-324, 1: 1e308, 2: 1}, {"a": 1}, {None: 1},
    {0: 1, 1: 1, 2: 1, 3: 1}, {np.nan: 1}, {True: 3}, set(), range(1, 3), object(), int, "balanced",
    Decimal(1), Fraction(1, 2), datetime.date(2020, 1, 1), returning(np.nan), returning(np.inf),
    returning(-1.0), returning(None), returning("x"), returning(np.ones(3)), returning(10**400),
    returning(True), returning(1j), returning(1e308), returning(5e-324), returning([1.0]),
    returning(pd.NA), returning(0.5), pd.NA, pd.NaT, pd.Series([2]), sparse.csr_array([[1]]),
    np.random.RandomState(0), np.random.default_rng(0), np.random, np.ma.masked, "x" * 1000,
    [2] * 50, "roc_auc", "neg_log_loss", "r2", "top_k_accuracy", "silhouette",
]  # fmt: skip


def content(clf):
    """Return the fitted attributes, and their content and private state as bytes."""
    learnt = {name: value for name, value in vars(clf).items() if name.endswith("_")}
    return learnt, pickle.dumps([learnt, clf._train_state, clf._mean_and_scale])


def attempt(call, params=None, X_new=X):
    """Call on a fitted estimator; return a description of what is wrong afterwards, or None."""
    clf = SoftmaxMLPClassifier(**{"units": 5, "epochs": 2, "random_state": 0, **(params or {})})
    vars(clf).update({k: v for k, v in vars(FITTED).items() if k not in clf.get_params()})
    (objects, bits), proba = content(clf), FITTED.predict_proba(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of skmlp
        try:
            call(clf)
        except EXPECTED_ERRORS as error:
            if not str(error):
                return "error without message"
            now, now_bits = content(clf)
            same = now.keys() == objects.keys() and all(now[k] is objects[k] for k in now)
            if not same or now_bits != bits:
                return "the fitted attributes changed"
            return None if (clf.predict_proba(X) == proba).all() else "the predictions changed"
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        if not np.isfinite(clf.theta_).all():
            return "parameters are not finite"
        try:
            proba = clf.predict_proba(X_new)
        except ValueError as error:  # very large parameters after the last epoch
            return None if "overflows on X" in str(error) else f"{error} at predict"
        good = np.isfinite(proba).all() and np.allclose(proba.sum(axis=1), 1.0, atol=1e-5)
        return None if good else "invalid probabilities"


def failures(cases, call, params=None, *, on_it=False):
    """Attempt all cases; return the descriptions of those that failed."""
    wrong = {}
    for name, value in cases:
        found = attempt(lambda clf, v=value: call(clf, v), params, value if on_it else X)
        if found is not None:
            wrong[name] = found
    return wrong


@pytest.mark.parametrize("solver", SOLVERS)
def test_features_in_fit(solver):
    def call(clf, value):
        clf.fit(
            value, y[:1] if isinstance(value, np.ndarray) and len(np.atleast_1d(value)) == 1 else y
        )

    assert failures(features(), call, SOLVERS[solver], on_it=True) == {}


@pytest.mark.parametrize("solver", SOLVERS)
def test_labels_and_weights_in_fit(solver):
    params = SOLVERS[solver]
    assert failures(labels(), lambda clf, v: clf.fit(X, v), params) == {}
    assert failures(row_weights(), lambda clf, v: clf.fit(X, y, v), params) == {}


@pytest.mark.parametrize("scoring", ["loss", pytest.param("accuracy", marks=pytest.mark.slow)])
def test_validation_sets(scoring):
    params = {"early_stopping": True, "scoring": scoring}

    def weighted(clf, w):
        clf.fit(X, y, X_val=X, y_val=y, sample_weight_val=w)

    assert failures(features(), lambda c, v: c.fit(X, y, X_val=v, y_val=y), params) == {}
    assert failures(labels(), lambda c, v: c.fit(X, y, X_val=X, y_val=v), params) == {}
    assert failures(row_weights(), weighted, params) == {}


def test_partial_fit():
    assert failures(features(), lambda c, v: c.partial_fit(v, 5 - y)) == {}
    assert failures(labels(), lambda c, v: c.partial_fit(X, v)) == {}
    assert failures(labels(), lambda c, v: c.partial_fit(X, 5 - y, classes=v)) == {}
    assert failures(row_weights(), lambda c, v: c.partial_fit(X, 5 - y, None, v)) == {}
    for _, value in labels():  # as the first call
        clf = SoftmaxMLPClassifier(units=5)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                clf.partial_fit(X, y, classes=value)
        except EXPECTED_ERRORS:
            assert not [name for name in vars(clf) if name.endswith("_")]
        else:
            assert np.isfinite(clf.theta_).all()


@pytest.mark.slow
@pytest.mark.parametrize("parameter", SoftmaxMLPClassifier().get_params())
def test_constructor_parameters(parameter):
    for solver in ("adam", "sgd", "lbfgs"):
        for value in PARAMETERS:
            if parameter == "epochs" and isinstance(value, int | np.uint64) and value > 1000:
                continue  # valid, but takes too long
            params = {"solver": solver, "early_stopping": solver == "sgd", parameter: value}
            assert attempt(lambda clf: clf.fit(X, y), params) is None, (solver, repr(value)[:99])


@pytest.mark.parametrize("train", [X, X.astype("f4"), pd.DataFrame(X, columns=list("abcd"))])
def test_predictions(train):
    clf = SoftmaxMLPClassifier(units=5, epochs=2, random_state=0)
    clf.fit(train, y)
    before = pickle.dumps(clf)
    for name, value in features():
        for method in ("predict_proba", "predict_log_proba", "decision_function",
                       "hidden_activations", "predict"):  # fmt: skip
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "X (has|does not have valid) feature names")
                try:
                    found = getattr(clf, method)(value)
                except EXPECTED_ERRORS:
                    continue
            assert np.isfinite(found).all(), (name, method)
    assert pickle.dumps(clf) == before


def test_networks_too_large_for_memory_raise():
    for units in (2**40, 2**62, 2**63, 10**400, (2**31, 2**31), (10**6, 10**6)):
        assert attempt(lambda clf: clf.fit(X, y), {"units": units}) is None
    with pytest.raises(ValueError, match="units"):
        SoftmaxMLPClassifier(units=2**63).fit(X, y)


@pytest.mark.parametrize("activation", ["relu", "tanh", "identity", "gelu"])
@pytest.mark.parametrize("init", ["auto", "standard_normal"])
def test_100_layers(activation, init):
    params = {"units": [20] * 100, "activation": activation, "init": init}
    for solver in ("adam", "sgd", "lbfgs"):
        assert attempt(lambda clf: clf.fit(X, y), {**params, "solver": solver}) is None


EXTREMES = [
    {"learning_rate": 1e308},
    {"learning_rate": 5e-324},
    {"learning_rate": 1e30, "solver": "sgd"},
    {"learning_rate": 1e20, "dtype": "float32"},
    {"l1": 1e300},
    {"l2": 1e300},
    {"l2": 1e300, "solver": "lbfgs"},
    {"l1": 1e30, "dtype": "float32", "solver": "lbfgs"},
    {"epsilon": 1e-300, "dtype": "float32"},
    {"epsilon": 1e300},
    {"beta_1": 1 - 1e-16},
    {"beta_2": 1 - 1e-16},
    {"beta_1": 0.0, "beta_2": 0.0},
    {"momentum": 1 - 1e-16, "solver": "sgd"},
    {"tol": 1e300, "solver": "lbfgs"},
    {"dropout": 1 - 1e-16},
    {"dropout": [1 - 1e-9, 0.0]},
    {"label_smoothing": 1 - 1e-16},
]


@pytest.mark.parametrize("params", EXTREMES, ids=str)
def test_extreme_parameters(params):
    for rows in (X, X * 1e6, X.astype(np.float32), sparse.csr_array(X)):
        assert attempt(lambda clf, rows=rows: clf.fit(rows, y), params, rows) is None


def test_inputs_are_not_modified():
    rows, labels, weights = X.copy(), y.copy(), np.arange(30.0)
    for params in ({}, {"solver": "lbfgs"}, {"dropout": [0.2, 0.2]}, {"early_stopping": True}):
        for kind in (np.array, np.asfortranarray, sparse.csr_array, sparse.csc_matrix):
            given = kind(rows)
            clf = SoftmaxMLPClassifier(**{"units": 5, "epochs": 2, "random_state": 0, **params})
            clf.fit(given, labels, weights).predict(given)
            unchanged = given.toarray() if sparse.issparse(given) else given
            np.testing.assert_array_equal(unchanged, X)
    np.testing.assert_array_equal(labels, y)
    np.testing.assert_array_equal(weights, np.arange(30.0))


@pytest.mark.slow
def test_10000_classes():
    many = np.arange(10_000)
    clf = SoftmaxMLPClassifier(units=3, epochs=1, batch_size=1000, random_state=0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes")
        proba = clf.fit(np.c_[many % 100, many // 100], many).predict_proba([[1, 2]])
    assert proba.shape == (1, 10_000)
    assert abs(proba.sum() - 1) < 1e-5


def test_errors_in_user_functions_are_raised_and_keep_the_model():
    def failing(*args, **kwargs):
        raise RuntimeError("user error")

    for params in ({"schedule": failing}, {"scoring": failing, "early_stopping": True}):
        assert attempt(lambda clf: clf.fit(X, y), params) == "RuntimeError: user error"
        clf = SoftmaxMLPClassifier(units=5, epochs=2, random_state=0).fit(X, y)
        before = content(clf)[1]
        with pytest.raises(RuntimeError, match="user error"):
            clf.set_params(**params).fit(X, y)
        assert content(clf)[1] == before


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.fit(damaged(sparse.csr_array, "indices", 99), y), "X is a damaged sparse"),
        (lambda c: c.predict(damaged(sparse.csr_array, "indices", -9)), "X is a damaged sparse"),
        (lambda c: c.fit(np.ma.array(X, mask=X > 1), y), r"X has masked .* X.filled\(0\)"),
        (lambda c: c.fit(X, np.ma.array(y, mask=y > 1)), "y has masked entries"),
        (lambda c: c.fit(filled(10**400, object), y), "X or y has a number that is too large"),
        (lambda c: c.fit(X, y, 10**400), "sample_weight has a number that is too large"),
        (lambda c: c.fit(X, y, np.full(30, np.datetime64("2020"))), "sample_weight cannot be used"),
        (lambda c: c.fit(X, np.array(["NaT", "2020"] * 15, "M8[D]")), "Input y contains NaT"),
        (lambda c: c.set_params(learning_rate=30).fit(TINY, y), "cannot be folded .* in float32"),
        (lambda c: c.fit(with_entry(1e300), y), "cannot scale numbers as large as 1e.300"),
    ],
)
@pytest.mark.filterwarnings("ignore:Column 0 of X has mean")
def test_error_messages_name_the_argument(call, message):
    clf = SoftmaxMLPClassifier(units=5, epochs=2, random_state=0).fit(X, y)
    with pytest.raises((ValueError, TypeError), match=message):
        call(clf)


@pytest.mark.parametrize(
    "grid",
    [
        {"learning_rate": [0.01, 1e308, np.nan]},
        {"l2": [0.0, 1e300, -1.0, 10**400]},
        {"units": [5, 2**63, "ten"]},
        {"schedule": ["constant", returning(np.nan), returning(10**400)]},
        {"class_weight": [None, {0: np.nan}, {"a": 1}]},
        {"dropout": [0.1, 1.0]},
        {"epsilon": [1e-8, 5e-324]},
    ],
)
def test_search_with_invalid_candidates_equals_gridsearchcv(grid):
    clf = SoftmaxMLPClassifier(units=5, epochs=2, random_state=0)
    scores = []
    for search in (GridSearchCV, PopulationGridSearchCV):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = search(clf, grid, cv=2, error_score=-7.0).fit(X, y)
        scores.append(found.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(*scores)


ANY_DTYPE = st.one_of(
    st_np.boolean_dtypes(), st_np.integer_dtypes(endianness="?"),
    st_np.unsigned_integer_dtypes(endianness="?"), st_np.floating_dtypes(endianness="?"),
    st_np.complex_number_dtypes(),
)  # fmt: skip
ANY_ROWS = st_np.arrays(
    ANY_DTYPE, st_np.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=6)
)
ANY_FLOATS = st_np.arrays(
    st.sampled_from(["f2", "f4", "f8"]),
    st.just((6, 3)),
    elements=st.floats(width=16, allow_nan=False, allow_infinity=False),
)
HUGE_ROWS = st.tuples(ANY_FLOATS, st.sampled_from([1e-320, 1e-40, 1.0, 1e15, 1e34, 1e150, 1e300]))
SIX_LABELS = st.lists(st.sampled_from([0, 1, 2, -(2**63), 2**62, True]), min_size=6, max_size=6)
SIX_WEIGHTS = st.none() | st.lists(st.floats(allow_nan=True), min_size=5, max_size=6)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(ANY_ROWS, st.sampled_from(list(SOLVERS)), st.booleans())
def test_random_arrays(rows, solver, as_sparse):
    if as_sparse and rows.ndim == 2 and rows.dtype.isnative and rows.dtype != "f2":
        rows = sparse.csr_array(rows)
    n = rows.shape[0] if rows.ndim else 1
    assert attempt(lambda clf: clf.fit(rows, np.arange(n) % 2), SOLVERS[solver], rows) is None


@settings(max_examples=100, deadline=None, derandomize=True)
@given(HUGE_ROWS, SIX_LABELS, SIX_WEIGHTS, st.sampled_from(list(SOLVERS)), st.booleans())
def test_random_rows_labels_and_weights(rows, six, w, solver, as_sparse):
    (rows, scale), params = rows, SOLVERS[solver]
    with np.errstate(all="ignore"):
        rows = (rows * rows.dtype.type(scale)).astype(rows.dtype)
    rows = sparse.csr_array(rows.astype(float)) if as_sparse else rows
    assert attempt(lambda clf: clf.fit(rows, six, w), params, rows) is None
    assert (
        attempt(lambda clf: clf.fit(X[:6, :3], six, X_val=rows, y_val=six), params, X[:, :3])
        is None
    )


NUMBERS = st.one_of(st.floats(), st.integers(-1, 200), st.just(10**400), st.booleans())
NUMERIC = ["l1", "l2", "learning_rate", "epsilon", "momentum", "beta_1", "beta_2", "tol",
           "dropout", "label_smoothing", "validation_fraction", "batch_size", "units",
           "n_iter_no_change", "random_state"]  # fmt: skip


@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    st.dictionaries(st.sampled_from(NUMERIC), NUMBERS | st.lists(NUMBERS, max_size=3), max_size=3),
    st.sampled_from(list(SOLVERS)),
    st.sampled_from(["f4", "f8"]),
)
def test_random_parameters(params, solver, dtype):
    params = {**SOLVERS[solver], **params}
    assert attempt(lambda clf: clf.fit(X.astype(dtype), y), params) is None

"""Data frames: the same table gives the same columns in every library and dtype."""

import datetime
from decimal import Decimal
from fractions import Fraction

import narwhals
import narwhals.stable.v2 as nw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import OneHotEncoder

from skmlp.data.categories import find_categories
from skmlp.data.frames import categorical_mask, read_frame

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

TODAY = datetime.date(2024, 2, 29)


def label(value):
    """A name of a parameter: of columns, their library and dtype."""
    if isinstance(value, pd.Series | pl.Series | pa.Array):
        library = type(value).__module__.split(".")[0]
        return f"{library} {value.dtype if hasattr(value, 'dtype') else value.type}"
    return str(value)


def arrow_series(values, dtype):
    return pd.Series(pd.array(pa.array(values, dtype), dtype=pd.ArrowDtype(dtype)))


def dictionary(values):
    return pa.array(values, pa.string()).dictionary_encode()


def chunks(array):
    """The array in two chunks, with dictionaries of their own."""
    k = len(array) // 2
    parts = [array.slice(0, k), array.slice(k)]
    if pa.types.is_dictionary(array.type):
        parts = [part.dictionary_decode().dictionary_encode() for part in parts]
    return pa.chunked_array(parts, array.type)


def levels(values):
    return sorted({v for v in values if v is not None}) or ["unused"]


STRINGS = {  # from a list of str or None to a column
    "pandas object": lambda v: pd.Series(v, dtype=object),
    "pandas object, NaN": lambda v: pd.Series(
        [np.nan if x is None else x for x in v], dtype=object
    ),
    "pandas object, NA": lambda v: pd.Series([pd.NA if x is None else x for x in v], dtype=object),
    "pandas str": lambda v: pd.Series(v, dtype="str" if pd.__version__ >= "3" else "string"),
    "pandas string": lambda v: pd.Series(v, dtype="string"),
    "pandas python strings": lambda v: pd.Series(v, dtype=pd.StringDtype("python")),
    "pandas Arrow": lambda v: arrow_series(v, pa.string()),
    "pandas Arrow dictionary": lambda v: arrow_series(v, pa.dictionary(pa.int32(), pa.string())),
    "pandas category": lambda v: pd.Series(v, dtype=pd.CategoricalDtype(levels(v))),
    "pandas ordered": lambda v: pd.Series(v, dtype=pd.CategoricalDtype(levels(v), ordered=True)),
    "polars String": lambda v: pl.Series(v, dtype=pl.String),
    "polars Categorical": lambda v: pl.Series(v, dtype=pl.Categorical),
    "polars Enum": lambda v: pl.Series(v, dtype=pl.Enum(levels(v))),
    "polars Object": lambda v: pl.Series(v, dtype=pl.Object),
    "Arrow string": lambda v: pa.array(v, pa.string()),
    "Arrow large_string": lambda v: pa.array(v, pa.large_string()),
    "Arrow dictionary": dictionary,
    "Arrow chunks": lambda v: chunks(pa.array(v, pa.string())),
    "Arrow dictionary chunks": lambda v: chunks(dictionary(v)),
}
NUMBERS = {  # from a list of numbers or None, and the name of a dtype of NumPy, to a column
    "pandas nullable": lambda v, t: pd.Series(v, dtype=PANDAS[t]),
    "pandas Arrow": lambda v, t: arrow_series(v, ARROW[t]()),
    "polars": lambda v, t: pl.Series(v, dtype=POLARS[t]),
    "Arrow": lambda v, t: pa.array(v, ARROW[t]()),
    "Arrow chunks": lambda v, t: chunks(pa.array(v, ARROW[t]())),
}
DTYPES = ["int8", "int16", "int32", "int64", "uint8", "uint64", "float32", "float64", "bool"]
PANDAS = {t: t.replace("i", "I").replace("u", "U").replace("f", "F") for t in DTYPES} | {
    "uint8": "UInt8", "uint64": "UInt64", "bool": "boolean"
}  # fmt: skip
ARROW = {t: getattr(pa, t) for t in DTYPES if t != "bool"} | {"bool": pa.bool_}
POLARS = {
    "int8": pl.Int8, "int16": pl.Int16, "int32": pl.Int32, "int64": pl.Int64, "uint8": pl.UInt8,
    "uint64": pl.UInt64, "float32": pl.Float32, "float64": pl.Float64, "bool": pl.Boolean,
}  # fmt: skip


def frame_of(**columns):
    """The frame of columns of one library."""
    first = next(iter(columns.values()))
    if isinstance(first, pd.Series):
        return pd.DataFrame(columns)
    return pl.DataFrame(columns) if isinstance(first, pl.Series) else pa.table(columns)


def read(**columns):
    return read_frame(frame_of(**columns))


def assert_values(frame, column, expected):
    """Compare the values of a category column with a list, None where missing."""
    values, missing = frame.values(column)
    assert missing.dtype == bool
    assert missing.tolist() == [v is None for v in expected]
    present = [v for v in expected if v is not None]
    assert values[~missing].tolist() == present
    assert list(map(type, values[~missing].tolist())) == list(map(type, present))


strings = st.lists(st.none() | st.sampled_from(["", "a", "b", "ü", "a\0", "nan", "None", "1"]))
TEXT = st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=4))


@pytest.mark.parametrize("storage", STRINGS)
@settings(max_examples=30)
@given(values=strings | TEXT)
def test_strings_are_the_same_in_every_library(storage, values):
    frame = read(s=STRINGS[storage](values))
    assert (frame.names, frame.n_rows) == (["s"], len(values))
    assert_values(frame, 0, values)
    frame.check(np.array([True]))
    if any(v is not None for v in values):
        assert frame.is_categorical.tolist() == [True]
        encoder = OneHotEncoder().fit(
            np.array([v for v in values if v is not None], object)[:, None]
        )
        found = find_categories(*frame.values(0))
        assert found.tolist() == encoder.categories_[0].tolist()
        with pytest.raises(ValueError, match=r"Column 's' of dtype .* holds strings: .*from_dtype"):
            frame.check(np.array([False]))
    else:
        np.testing.assert_array_equal(frame.numbers([0]), np.full((len(values), 1), np.nan))


@pytest.mark.parametrize("n_levels", [1, 1_000, 1_001, 50_000])
@pytest.mark.parametrize("dtype", ["str", object])
def test_few_rows_of_many_categories(n_levels, dtype):
    levels = pd.Index([f"level {i}" for i in range(n_levels)], dtype=dtype)
    codes = [0, -1, n_levels - 1]
    column = pd.Series(pd.Categorical.from_codes(codes, levels))
    values, missing = read_frame(pd.DataFrame({"a": column})).values(0)
    assert missing.tolist() == column.isna().tolist()
    assert values[~missing].tolist() == column.dropna().tolist()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("storage", NUMBERS)
@settings(max_examples=15)
@given(data=st.data())
def test_numbers_are_the_same_in_every_library(storage, dtype, data):
    elements = {
        "f": st.sampled_from([0.5, -3.0, float("inf"), 2.0**20]),
        "i": st.integers(-100, 100),
        "u": st.integers(0, 200),
        "b": st.booleans(),
    }[np.dtype(dtype).kind]
    values = data.draw(st.lists(st.none() | elements, max_size=6))
    frame = read(x=NUMBERS[storage](values, dtype), y=NUMBERS[storage](values, dtype))
    assert frame.is_categorical.tolist() == [False, False]
    for mask in ([False, False], [True, True]):
        frame.check(np.array(mask))
    X = frame.numbers([1])
    expected = np.array([np.nan if v is None else v for v in values], np.float64)
    np.testing.assert_array_equal(X[:, 0].astype(float), expected)
    small = np.dtype(dtype).itemsize <= 2 or dtype == "float32"
    gaps = {True: "float32", False: "float64"}[small]
    assert X.dtype == (gaps if None in values else dtype)
    assert_values(frame, 0, values)
    got, missing = frame.values(0)
    assert got[~missing].dtype == dtype


def test_pandas_in_numpy():
    X = pd.DataFrame({
        "f": np.array([1, np.nan], np.float32), "i": np.array([1, 2], np.int8),
        "b": [True, False], "sparse": pd.arrays.SparseArray([0.0, 1.0]),
    })  # fmt: skip
    frame = read_frame(X)
    assert not frame.is_categorical.any()
    numbers = frame.numbers([0, 1, 2])
    assert numbers.dtype == np.float32
    np.testing.assert_array_equal(numbers, [[1, 1, 1], [np.nan, 2, 0]])
    assert numbers.flags.c_contiguous
    assert frame.numbers([1, 2]).dtype == np.int8
    assert frame.numbers([2]).dtype == bool
    np.testing.assert_array_equal(frame.numbers([3, 0]), [[0, 1], [1, np.nan]])
    assert frame.numbers([]).shape == (2, 0)


OBJECTS = [1, 2.5, None, np.nan, True, np.float32(0.5), np.int64(3), np.bool_(True)]


@pytest.mark.parametrize("cells", [OBJECTS, OBJECTS[:2], [2**63, -1], [True, None], [True]])
def test_objects_that_are_numbers(cells):
    frame = read_frame(pd.DataFrame({"x": pd.Series(cells, dtype=object)}))
    assert not frame.is_categorical[0]
    expected = pd.to_numeric(pd.Series(cells, dtype=object)).astype(float)
    np.testing.assert_array_equal(frame.numbers([0])[:, 0], expected)


def test_decimals_and_fractions_are_rounded_as_by_float():
    cells = [Decimal("0.1"), None, Decimal("1e-30"), Decimal("NaN")]
    expected = [0.1, np.nan, 1e-30, np.nan]
    frame = read_frame(
        pd.DataFrame({"x": pd.Series([*cells, Fraction(1, 3), 2**70], dtype=object)})
    )
    np.testing.assert_array_equal(frame.numbers([0])[:, 0], [*expected, 1 / 3, 2.0**70])
    for column in (
        pa.array(cells[:3], pa.decimal128(38, 32)), pa.array(cells[:3], pa.decimal256(60, 32)),
        pl.from_arrow(pa.array(cells[:3], pa.decimal128(38, 32))),
        arrow_series(cells[:3], pa.decimal128(38, 32)),
    ):  # fmt: skip
        frame = read(x=column)
        assert not frame.is_categorical[0]
        np.testing.assert_array_equal(frame.numbers([0])[:, 0], expected[:3])


@pytest.mark.parametrize("column", [
    pl.Series([None, None]), pa.nulls(2), pd.Series([None, None], dtype=object),
    pd.Series([np.nan, pd.NA], dtype=object), arrow_series([None, None], pa.null()),
], ids=label)  # fmt: skip
def test_columns_of_nothing_are_numbers(column):
    frame = read(x=column)
    assert not frame.is_categorical[0]
    frame.check(np.array([False]))
    assert frame.numbers([0]).dtype == np.float32
    assert np.isnan(frame.numbers([0])).all()
    frame.check(np.array([True]))  # as of a category without values in these rows
    assert frame.values(0)[1].all()


@pytest.mark.skipif(not hasattr(pl, "Int128"), reason="since polars 1.18")
def test_integers_of_128_bits():
    frame = read(x=pl.Series([2**70, None], dtype=pl.Int128))
    np.testing.assert_array_equal(frame.numbers([0])[:, 0], [2.0**70, np.nan])


BIG = 2**60 + 1  # lost in float64


@pytest.mark.parametrize("column", [
    pd.Series([BIG, None, 5], dtype="Int64"), pl.Series([BIG, None, 5]),
    pd.Series(pd.Categorical.from_codes([1, -1, 0], [5, BIG])),
    pd.Series(pd.Categorical.from_codes([1, -1, 0], [5, BIG], ordered=True)),
    pa.array([BIG, None, 5]), pa.array([BIG, None, 5]).dictionary_encode(),
    pd.Series([BIG, None, 5], dtype=object),
], ids=label)  # fmt: skip
def test_integer_categories_with_gaps_stay_integers(column):
    frame = read(x=column)
    assert_values(frame, 0, [BIG, None, 5])
    np.testing.assert_array_equal(frame.numbers([0])[:, 0], [float(BIG), np.nan, 5])


@pytest.mark.parametrize("levels", [[1.5, 2.0], [False, True], [3, 4]])
def test_levels_that_are_numbers(levels):
    dtype = pd.CategoricalDtype(levels)
    column = pd.Series(pd.Categorical.from_codes([1, 0, -1], dtype=dtype))
    frame = read(x=column, y=column[:2].reindex([0, 1, 0]).reset_index(drop=True))
    assert frame.is_categorical.all()
    frame.check(np.array([False, True]))
    np.testing.assert_array_equal(frame.numbers([0])[:, 0], [levels[1], levels[0], np.nan])
    assert_values(frame, 0, [levels[1], levels[0], None])
    assert_values(frame, 1, [levels[1], levels[0], levels[1]])
    assert frame.declared(0).tolist() == levels
    assert frame.declared(0).dtype == np.array(levels).dtype


def test_levels_are_all_missing():
    for levels in ([7], []):
        dtype = pd.CategoricalDtype(pd.Index(levels, dtype="int64"))
        values, missing = read(x=pd.Series([None, None], dtype=dtype)).values(0)
        assert missing.all()
        assert values.shape == (2,)


def test_nulls_within_an_arrow_dictionary():
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 2]), pa.array(["a", None, "b"]))
    assert_values(read(x=column), 0, ["a", None, None, "b"])


@pytest.mark.parametrize(("column", "expected"), [
    (pd.Series(["a"], dtype=pd.CategoricalDtype(["z", "a"])), ["z", "a"]),
    (pd.Series(["a"], dtype=pd.CategoricalDtype(["z", "a"], ordered=True)), ["z", "a"]),
    (pl.Series(["a"], dtype=pl.Enum(["z", "a"])), ["z", "a"]),
    (pl.Series(["a"], dtype=pl.Categorical), None), (dictionary(["a"]), None),
    (arrow_series(["a"], pa.dictionary(pa.int32(), pa.string())), None),
    (pd.Series(["a"], dtype=object), None), (pd.Series(["a"], dtype="string"), None),
    (pd.Series([1]), None), (pl.Series([1]), None),
], ids=label)  # fmt: skip
def test_declared_levels(column, expected):
    declared = read(x=column).declared(0)
    if expected is None:
        assert declared is None
    else:
        assert declared.dtype == object
        assert declared.tolist() == expected
        assert {type(level) for level in declared} == {str}


REFUSED = {
    "dates or times: convert it to numbers, such as year": [
        pd.Series([TODAY]), pd.Series(pd.to_datetime([TODAY])), pd.Series([pd.Timedelta(1)]),
        pd.Series(pd.to_datetime([TODAY]).tz_localize("UTC")), pd.Series([datetime.time(1)]),
        pl.Series([TODAY]), pl.Series([datetime.datetime(2024, 1, 1)]), pa.array([TODAY]),
        pl.Series([datetime.time(1)]), pl.Series([datetime.timedelta(1)]),
        arrow_series([TODAY], pa.date32()), pd.Series([TODAY], dtype="category"),
        pa.array([TODAY]).dictionary_encode(), pa.array([datetime.time(1)]),
    ],
    "neither numbers nor strings: derive": [
        pd.Series([[1, 2]]), pd.Series([{"a": 1}]), pd.Series([b"a"]), pd.Series([object()]),
        pd.Series(pd.interval_range(0, 1)), pd.Series(pd.period_range("2020", periods=1)),
        pd.cut(pd.Series([1.0]), [0, 2]), pd.Series(["a", [1]]), pd.Series([np.zeros(2)]),
        pl.Series([[1]]), pl.Series([{"a": 1}]), pl.Series([b"a"]), pl.Series([object()]),
        pl.Series([[1]], dtype=pl.Array(pl.Int8, 1)), pa.array([[1]]), pa.array([{"a": 1}]),
        pa.array([b"a"]), pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int8())),
        arrow_series([[1]], pa.list_(pa.int8())), arrow_series([b"a"], pa.binary()),
    ],
    "mixes strings and numbers: .* astype": [
        pd.Series(["a", 1], dtype=object), pd.Series([1, None, "a"], dtype=object),
        pd.Series(["a"] * 200 + [1.5], dtype=object), pd.Series(["a", np.inf], dtype=object),
        pd.Series(pd.Categorical(["a", 1])), pl.Series(["a", 1], dtype=pl.Object),
    ],
    "complex numbers": [pd.Series([1j]), pd.Series([1j, 1, None], dtype=object)],
    "a number that is too large": [
        pd.Series([10**400, 1.5], dtype=object), pd.Series([-(10**400)], dtype=object),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("problem", "column"), [(p, c) for p, columns in REFUSED.items() for c in columns], ids=label
)
def test_columns_that_cannot_be_used(problem, column):
    frame = frame_of(**{"good": column, "the one": column})
    frame = read_frame(frame)
    for mask in ([True], [False]):
        for use in (lambda: frame.values(1), lambda: frame.numbers([1])):
            with pytest.raises(ValueError, match=f"Column 'the one' of dtype .*{problem}"):
                use()
        with pytest.raises(ValueError, match=f"Column 'good' of dtype .*{problem}"):
            frame.check(np.array(mask * 2))


def test_dtypes_in_messages():
    assert read(x=pd.Series(pd.to_datetime([TODAY]))).dtypes[0].startswith("datetime64[")
    assert read(x=pl.Series([TODAY])).dtypes == ["Date"]
    assert read(x=pa.array([TODAY])).dtypes == ["date32[day]"]


def test_declared_levels_that_mix_kinds():
    frame = read(x=pd.Series(["a"], dtype=pd.CategoricalDtype(["a", 1])))
    with pytest.raises(ValueError, match="Column 'x' of dtype category mixes strings and numbers"):
        frame.declared(0)


# Frames


@pytest.mark.parametrize(
    "make", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "Arrow"]
)
def test_frames_of_each_library(make):
    X = make({"a": [1, 2, 3], "s": ["u", None, "v"]})
    for frame in (X, nw.from_native(X), narwhals.from_native(X)):
        read = read_frame(frame)
        assert read.names == ["a", "s"]
        assert read.n_rows == 3
        assert read.is_categorical.tolist() == [False, True]
        read.check(read.is_categorical)
        np.testing.assert_array_equal(read.numbers([0]), [[1], [2], [3]])
        assert_values(read, 1, ["u", None, "v"])


def test_what_is_no_frame():
    dask = pytest.importorskip("dask.dataframe")
    dask_frame = dask.from_pandas(pd.DataFrame({"a": [1]}))
    for X in (
        None, 3, "a", [[1]], np.ones((2, 2)), pd.Series([1]), pl.Series([1]), pa.array([1]),
        pd.Index([1]), dask_frame, nw.from_native(pd.Series([1]), series_only=True),
    ):  # fmt: skip
        assert read_frame(X) is None


def test_lazy_frames_are_refused():
    lazy = pl.LazyFrame({"a": [1]})
    for X in (lazy, nw.from_native(lazy)):
        with pytest.raises(ValueError, match=r"LazyFrame.*\.collect\(\)"):
            read_frame(X)


def test_names_that_occur_twice_are_refused():
    for X in (
        pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]),
        pa.Table.from_arrays([pa.array([1])] * 3, ["a", "b", "a"]),
    ):
        with pytest.raises(ValueError, match=r"same name: \['a'\]"):
            read_frame(X)


def test_names_of_any_kind():
    names = [0, "a", ("a", "b"), None, 1.5, TODAY]
    frame = read_frame(pd.DataFrame([[1, 2, 3, 4, 5, "s"]], columns=pd.Index(names, dtype=object)))
    assert frame.names == names
    np.testing.assert_array_equal(frame.numbers(range(5)), [[1, 2, 3, 4, 5]])
    assert_values(frame, 5, ["s"])
    columns = pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "x")])
    frame = read_frame(pd.DataFrame([[1, 2, None]], columns=columns).convert_dtypes())
    assert frame.names == list(columns)
    np.testing.assert_array_equal(frame.numbers([0, 1, 2]), [[1, 2, np.nan]])


def test_frames_without_columns_or_rows():
    for X in (pd.DataFrame(index=[3, 4]), pl.DataFrame(), pa.table({})):
        frame = read_frame(X)
        assert frame.names == []
        assert frame.is_categorical.shape == (0,)
        frame.check(frame.is_categorical)
        assert frame.numbers([]).shape == (len(X), 0)
    X = pd.DataFrame({"x": [1.0], "s": ["a"], "c": ["a"]})
    X = X.astype({"s": "string", "c": "category"})[:0]  # without rows, but with a level
    for empty in (X, pl.from_pandas(X), pa.Table.from_pandas(X, preserve_index=False)):
        frame = read_frame(empty)
        assert frame.is_categorical.tolist() == [False, True, True]
        frame.check(frame.is_categorical)
        assert frame.numbers([0]).shape == (0, 1)
        assert [len(a) for j in (1, 2) for a in frame.values(j)] == [0] * 4


def test_slices_and_odd_indices():
    X = pd.DataFrame(
        {"x": [1, 2, 3, 4], "s": ["a", None, "c", "d"], "i": pd.array([1, None, 3, 4], "Int8")},
        index=[7, 7, -1, 0],
    )
    X["c"] = X["s"].astype("category")
    for part in (
        X[1:3], X.iloc[[1, 2]], pl.from_pandas(X)[1:3], pl.from_pandas(X)[::-1][1:3][::-1],
        pa.Table.from_pandas(X).slice(1, 2),
    ):  # fmt: skip
        frame = read_frame(part)
        np.testing.assert_array_equal(frame.numbers([0, 2]), [[2, np.nan], [3, 3]])
        for j in (1, 3):
            assert_values(frame, j, [None, "c"])


def test_the_frame_stays_as_it_is():
    X = pd.DataFrame({"x": [1.0, np.nan], "s": ["a", None], "c": pd.Categorical([1, None])})
    before = X.copy()
    frame = read_frame(X)
    frame.check(frame.is_categorical)
    frame.numbers([0])[:] = 7
    pd.testing.assert_frame_equal(X, before)


# categorical_features

NAMES = ["a", "b", "c"]


@pytest.mark.parametrize(("given", "expected"), [
    (None, []), ([], []), (["b"], [1]), (("c", "a"), [0, 2]), (np.array(["a", "a"]), [0]),
    ([0, 2], [0, 2]), (np.array([1], np.uint8), [1]), ([np.int64(1), 2], [1, 2]),
    (range(2), [0, 1]),
    ([True, False, True], [0, 2]), (np.array([False, True, False]), [1]), ("from_dtype", [2]),
    (pd.Series(["a"]), [0]), (pd.Index([1]), [1]), (np.array(["a"], object), [0]),
])  # fmt: skip
def test_categorical_mask(given, expected):
    mask = categorical_mask(given, NAMES, 3, np.array([False, False, True]))
    assert mask.dtype == bool
    assert np.flatnonzero(mask).tolist() == expected
    if len(np.shape(given)) and len(given) and getattr(given, "dtype", None) != np.uint8:
        X = pd.DataFrame(np.arange(60).reshape(20, 3) % 4, columns=NAMES)
        other = HistGradientBoostingClassifier(max_iter=1, categorical_features=given)
        other.fit(X, np.arange(20) % 2)
        np.testing.assert_array_equal(mask, other.is_categorical_)


def test_categorical_mask_of_arrays():
    assert not categorical_mask("from_dtype", None, 3, None).any()
    assert categorical_mask([2], None, 3, None).tolist() == [False, False, True]
    with pytest.raises(ValueError, match="column indices or a mask, because X has no column names"):
        categorical_mask(["a"], None, 3, None)


@pytest.mark.parametrize(("given", "match"), [
    ("auto", '"from_dtype", None, or a list .* got \'auto\''), ("a", "got 'a'"), (3, "got 3"),
    ([1.0], r"got \[1.0\]"), ([0, "a"], r"got \[0, 'a'\]"), ([True, 1], r"got \[True, 1\]"),
    ([[0, 1]], r"got \[\[0, 1\]\]"), ([[0], [1, 2]], "got"), ({"a"}, "got"), ({"a": 1}, "got"),
    ([None], "got"), (True, "got True"),
    ([3], "indices from 0 to 2, got 3"), ([-1], "indices from 0 to 2, got -1"),
    ([10**30], "indices from 0 to 2"), ([True], "as long as X has columns if it is a mask: 3"),
    (["a", "z"], r"names of columns of X, \['a', 'b', 'c'\], got 'z'"),
])  # fmt: skip
def test_invalid_categorical_features(given, match):
    with pytest.raises(ValueError, match=f"categorical_features must be .*{match}"):
        categorical_mask(given, NAMES, 3, np.zeros(3, bool))


def test_the_mask_by_dtype_is_a_copy():
    by_dtype = np.array([True])
    categorical_mask("from_dtype", None, 1, by_dtype)[:] = False
    assert by_dtype[0]

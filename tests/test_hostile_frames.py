"""Data frames of unusual columns, names and memory: the model of the plain frame, or an error."""

import threading
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skmlp import PopulationGridSearchCV, SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier

N = 120


def plain_frame():
    """Return a frame of float64 and of Python's strings and None, and labels."""
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=N),
            "k": rng.randint(0, 50, N).astype(float),
            "gap": np.where(rng.random_sample(N) < 0.2, np.nan, rng.normal(size=N)),
            "s": np.array(rng.choice(["a", "b", "c", "dd"], N), object),
            "t": rng.choice(np.array(["x", "y", None], object), N),
            "flag": rng.randint(0, 2, N).astype(float),
        }
    ).astype({"s": object, "t": object})
    return frame, (frame.x > 0).to_numpy().astype(int) + (frame.s == "a").to_numpy()


FRAME, Y = plain_frame()


def quick(**params):
    return SoftmaxMLPClassifier(
        (6,), **{"epochs": 2, "random_state": 0, "dtype": "float64"} | params
    )


@pytest.fixture(scope="module")
def expected():
    """The model of the plain frame."""
    return quick().fit(FRAME, Y)


def put(name, column):
    """Return the frame with another column in the place of one."""
    return pd.DataFrame({key: column if key == name else FRAME[key] for key in FRAME})


def floats(name):
    return FRAME[name].to_numpy()


def nan_and_na():
    """Return the column of gaps as Float64, in which half of the gaps are NaN and half are NA."""
    is_na = np.isnan(floats("gap")) & (np.arange(N) % 2 == 0)
    return pd.arrays.FloatingArray(floats("gap").copy(), is_na)


def read_only(name):
    values = floats(name).copy()
    values.flags.writeable = False
    return pd.Series(values, copy=False)


def reversed_in_memory(name):
    return pd.Series(floats(name)[::-1].copy()[::-1], copy=False)


def arrow_table():
    """Return the frame as a table of many chunks, some of them empty."""
    table = pa.Table.from_pandas(FRAME, preserve_index=False)
    ends = [0, 0, 1, 38, 38, 77, N, N]
    return pa.concat_tables([table.slice(a, b - a) for a, b in pairwise(ends)])


def dictionaries_that_differ():
    """Return a table whose chunks number the categories in another way each."""
    table = arrow_table()
    chunks = [pa.array(c.to_pylist(), pa.string()) for c in table.column("s").chunks]
    encoded = pa.chunked_array([chunk.dictionary_encode() for chunk in chunks])
    return table.set_column(table.schema.get_field_index("s"), "s", encoded)


class Subclass(pd.DataFrame):
    """A frame of a library of its own, whose columns are of a subclass too."""

    @property
    def _constructor(self):
        return Subclass

    @property
    def _constructor_sliced(self):
        return SubclassSeries


class SubclassSeries(pd.Series):
    @property
    def _constructor(self):
        return SubclassSeries


SAME = {
    "nullable integers": lambda: put("k", FRAME.k.astype("Int64")),
    "nullable floats": lambda: put("gap", FRAME.gap.astype("Float64")),
    "NaN and NA": lambda: put("gap", nan_and_na()),
    "nullable bools": lambda: put("flag", FRAME.flag.astype("boolean")),
    "bools as objects": lambda: put("flag", FRAME.flag.astype(bool).astype(object)),
    "strings in Python": lambda: FRAME.astype(dict.fromkeys("st", "string[python]")),
    "strings in Arrow": lambda: FRAME.astype(dict.fromkeys("st", "string[pyarrow]")),
    "large strings": lambda: put("s", FRAME.s.astype(pd.ArrowDtype(pa.large_string()))),
    "strings of NumPy": lambda: put("s", FRAME.s.map(np.str_).astype(object)),
    "categories": lambda: FRAME.astype(dict.fromkeys("st", "category")),
    "ordered": lambda: put("s", pd.Categorical(FRAME.s, ["dd", "b", "c", "a"], ordered=True)),
    "unused": lambda: put("s", pd.Categorical(FRAME.s, ["z", "dd", "b", "c", "a", "A"])),
    "arrow": lambda: arrow_table().to_pandas(types_mapper=pd.ArrowDtype),
    "arrow uint8": lambda: put("k", FRAME.k.astype(pd.ArrowDtype(pa.uint8()))),
    "half": lambda: put("flag", FRAME.flag.astype(np.float16)),
    "long double": lambda: put("x", FRAME.x.astype(np.longdouble)),
    "big-endian": lambda: put("x", pd.Series(floats("x").astype(">f8"))),
    "big-endian integers": lambda: put("k", pd.Series(floats("k").astype(">i2"))),
    "read-only": lambda: put("x", read_only("x")),
    "negative strides": lambda: put("x", reversed_in_memory("x")),
    "objects": lambda: FRAME.astype(object),
    "sparse": lambda: put("flag", pd.arrays.SparseArray(floats("flag"), fill_value=0.0)),
    "sparse of ones": lambda: put("flag", pd.arrays.SparseArray(floats("flag"), fill_value=1.0)),
    "sparse of NaN": lambda: put("gap", pd.arrays.SparseArray(floats("gap"))),
    "sparse of sevens": lambda: put("k", pd.arrays.SparseArray(floats("k"), fill_value=7.0)),
    "chunks": arrow_table,
    "dictionaries that differ": dictionaries_that_differ,
    "polars": lambda: pl.from_pandas(FRAME),
    "chunks of polars": lambda: pl.concat(pl.from_pandas(FRAME).iter_slices(50), rechunk=False),
    "subclass": lambda: Subclass(FRAME),
    "index of equal labels": lambda: FRAME.set_axis(np.zeros(N, int)),
    "index in another order": lambda: FRAME.set_axis(np.arange(N)[::-1]),
    "index of two levels": lambda: FRAME.set_axis(pd.MultiIndex.from_arrays([range(N)] * 2)),
    "names as categories": lambda: FRAME.set_axis(pd.CategoricalIndex(FRAME.columns), axis=1),
}  # fmt: skip


@pytest.mark.parametrize("kind", SAME)
def test_unusual_columns_are_those_of_the_plain_frame(expected, kind):
    frame = SAME[kind]()
    fitted = quick().fit(frame, Y)
    np.testing.assert_array_equal(fitted.theta_, expected.theta_)
    np.testing.assert_array_equal(expected.predict_proba(frame), expected.predict_proba(FRAME))


NAMES = {
    "integers": range(6),
    "dates": pd.date_range("2020", periods=6),
    "two levels": pd.MultiIndex.from_product([["a", "b"], ["x", "y", "z"]]),
}


@pytest.mark.parametrize("kind", NAMES)
def test_names_that_are_no_strings(expected, kind):
    fitted = quick().fit(FRAME.set_axis(NAMES[kind], axis=1), Y)
    np.testing.assert_array_equal(fitted.theta_, expected.theta_)
    assert not hasattr(fitted, "feature_names_in_")


NONE = "holds values that are neither numbers nor strings"
DATES = "holds dates or times"
INTERVALS = pd.cut(FRAME.x, 3)
UNUSABLE = {
    "complex": (lambda: put("x", FRAME.x.astype(complex)), "'x' .*complex"),
    "time zone": (lambda: put("x", pd.date_range("2020", periods=N, tz="Asia/Seoul")), DATES),
    "durations": (lambda: put("x", pd.to_timedelta(range(N), unit="s")), DATES),
    "periods": (lambda: put("x", pd.period_range("2020", periods=N, freq="D")), NONE),
    "intervals": (lambda: put("x", INTERVALS), NONE),
    "dates as categories": (
        lambda: put("s", pd.Categorical(pd.date_range("2020", periods=N))), DATES,
    ),
    "mixed categories": (
        lambda: put("s", pd.Categorical([1, "a"] * (N // 2))), "mixes strings and numbers",
    ),
    "lists": (lambda: put("s", pd.Series([[1]] * N)), NONE),
    "bytes": (lambda: put("s", pd.Series([b"a"] * N)), NONE),
    "equal names": (lambda: FRAME.set_axis(list("xxabcd"), axis=1), "same name: .*x"),
    "NaN twice": (lambda: FRAME.set_axis([np.nan, np.nan, *"abcd"], axis=1), "same name: .*nan"),
    "1 and 1.0": (lambda: FRAME.set_axis([1, 1.0, *"abcd"], axis=1), "same name: .*1"),
    "names of two kinds": (lambda: FRAME.set_axis([1, *"abcde"], axis=1), "Feature names"),
    "no rows": (lambda: FRAME[:0], "0 sample"),
    "no columns": (lambda: FRAME[[]], r"0 feature\(s\) \(shape=\(120, 0\)\)"),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNUSABLE)
def test_what_is_no_table_of_numbers_and_strings_is_an_error(expected, kind):
    make, message = UNUSABLE[kind]
    frame, before = make(), dict(vars(expected))
    for use in (
        lambda: quick().fit(frame, Y[: len(frame)]),
        lambda: expected.fit(frame, Y[: len(frame)]),
        lambda: expected.predict_proba(frame),
        lambda: SoftmaxMLPEnsembleClassifier(quick(), 2).fit(frame, Y[: len(frame)]),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            use()
    assert vars(expected) == before


def test_search_over_a_frame_without_columns():
    with pytest.raises(ValueError, match="the data frame has no columns"):
        PopulationGridSearchCV(quick(), {"l2": [0.0, 1.0]}).fit(FRAME[[]], Y)


def test_frame_that_changes_during_fit():
    """Rows are read once, so whatever is read is a usable model, or what is wrong is an error."""
    frame, done, outcomes = FRAME.copy(), threading.Event(), set()
    texts, numbers = frame["s"].to_numpy(), frame["x"].to_numpy()
    for array in (texts, numbers):
        array.flags.writeable = True  # copy-on-write of pandas protects them

    def change():
        rng = np.random.RandomState(0)
        while not done.is_set():
            i = rng.randint(N)
            texts[i] = rng.choice(np.array(["a", "b", None, "new", np.nan], object))
            numbers[i] = rng.choice([0.0, 1e9, np.nan, np.inf, -1.0])

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(20):
            try:
                fitted = quick(epochs=1).fit(frame, Y)
            except ValueError as error:
                outcomes.add("missing" if "missing" in str(error) else str(error)[:30])
            else:
                outcomes.add("model")
                assert np.isfinite(fitted.predict_proba(FRAME)).all()
            numbers[np.isinf(numbers)] = 0.0
    finally:
        done.set()
        thread.join()
    assert outcomes <= {"model", "missing", "Input X contains infinity or a"}

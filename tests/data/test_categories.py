"""Categories of a column, against NumPy and scikit-learn's encoders."""

import datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from skmlp.data.categories import encode_categories, find_categories

COLUMNS = st.one_of(
    st.lists(st.text(max_size=3), min_size=1).map(lambda v: np.array(v, object)),
    st.lists(st.integers(-5, 5), min_size=1).map(lambda v: np.array(v, np.int16)),
    st.lists(st.sampled_from([0.0, -0.0, 1.5, -1e300, 1e-300]), min_size=1).map(np.array),
    st.lists(st.booleans(), min_size=1).map(np.array),
)


def gaps(n, *rows):
    missing = np.zeros(n, bool)
    missing[list(rows)] = True
    return missing


def objects(*cells):
    array = np.empty(len(cells), object)
    array[:] = cells
    return array


@given(values=COLUMNS, data=st.data())
def test_categories_are_those_of_scikit_learn(values, data):
    n = len(values)
    missing = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    found = find_categories(values, missing)
    if missing.all():
        assert len(found) == 0
        assert (encode_categories(values, missing, found) == -1).all()
        return
    present = values[~missing][:, None]
    encoder = OrdinalEncoder(dtype=np.intp).fit(present)
    np.testing.assert_array_equal(found, encoder.categories_[0])
    np.testing.assert_array_equal(found, OneHotEncoder().fit(present).categories_[0])
    assert found.dtype == values.dtype
    codes = encode_categories(values, missing, found)
    assert codes.dtype == np.intp
    np.testing.assert_array_equal(codes[~missing], encoder.transform(present)[:, 0])
    assert (codes[missing] == -1).all()


@given(train=st.lists(st.text("ab", max_size=2)), test=st.lists(st.text("abc", max_size=2)))
def test_unknown_values_have_the_code_after_the_last(train, test):
    for convert in (lambda v: objects(*v), lambda v: np.array([len(s) for s in v], float)):
        x, new = convert(train), convert(test)
        found = find_categories(x, gaps(len(x)))
        codes = encode_categories(new, gaps(len(new)), found)
        known = found.tolist()
        assert codes.tolist() == [
            known.index(v) if v in known else len(known) for v in new.tolist()
        ]


def test_any_order_of_declared_strings():
    codes = encode_categories(objects("b", "a", "x"), gaps(3), objects("b", "a"))
    assert codes.tolist() == [0, 1, 2]


def test_strings_of_numpy_are_stored_as_str():
    class Word(str):
        __slots__ = ()

        def __str__(self):
            return "other"

    for values in (np.array(["b", "a", "b"]), objects(np.str_("b"), Word("a"), "b")):
        found = find_categories(values, gaps(3))
        assert found.tolist() == ["a", "b"]
        assert found.dtype == object
        assert {type(c) for c in found} == {str}
        assert encode_categories(values, gaps(3, 2), found).tolist() == [1, 0, -1]


def test_what_is_missing_does_not_matter():
    for filler in (None, np.nan, 3, "z", [1], 1j):
        values, missing = objects("b", filler, "a"), gaps(3, 1)
        assert find_categories(values, missing).tolist() == ["a", "b"]
        assert encode_categories(values, missing, objects("a", "b")).tolist() == [1, -1, 0]


def test_numbers_are_compared_by_value():
    categories = find_categories(np.array([1, 0, 2, 2]), gaps(4))
    assert categories.dtype == np.int_
    for values in (
        np.array([0.0, 1.0, 1.5]), np.array([0, 1, 7], np.uint8), objects(False, Decimal(1), 3.5),
    ):  # fmt: skip
        assert encode_categories(values, gaps(3), categories).tolist() == [0, 1, 3]
    assert encode_categories(np.array([True, False]), gaps(2), categories).tolist() == [1, 0]
    assert encode_categories(np.array([1, 2]), gaps(2), np.array([False, True])).tolist() == [1, 2]
    assert find_categories(objects(1, 1.0, True, 0.5), gaps(4)).tolist() == [0.5, 1.0]


def test_integers_beyond_double_precision_are_distinct():
    values = np.array([2**60, 2**60 + 1])
    found = find_categories(values, gaps(2))
    assert encode_categories(values, gaps(2), found).tolist() == [0, 1]


@pytest.mark.parametrize(("values", "match"), [
    (objects("a", 1), "strings and numbers"), (objects(None, "a"), "not marked as missing"),
    (np.array([np.nan, 1]), "not marked as missing"), (objects([1], "a"), "of type list, str"),
    (objects(datetime.date(2024, 1, 1)), "dates or times"), (np.array([1j]), "complex"),
    (np.array(["2024"], "M8[D]"), "dates or times"), (objects(b"a"), "values of type bytes"),
    (np.array([b"a"]), "values of type bytes"),
])  # fmt: skip
def test_values_that_are_no_categories(values, match):
    with pytest.raises(ValueError, match=match):
        find_categories(values, gaps(len(values)))


@pytest.mark.parametrize(("values", "categories", "match"), [
    ([1, 2], ["a"], "holds numbers, but the categories seen in fit are strings"),
    (objects("a", 1), ["a"], "numbers, but the categories seen in fit are strings"),
    (objects(1, None), ["a"], "numbers, but the categories seen in fit are strings"),
    (objects([1]), ["a"], "values of type list"),
    (["a"], [1, 2], "holds strings, but the categories seen in fit are numbers"),
    (objects("a"), [1, 2], "holds strings, but the categories seen in fit are numbers"),
])  # fmt: skip
def test_another_kind_than_in_fit(values, categories, match):
    values = np.asarray(values)
    missing = np.array([v is None for v in values.tolist()])
    is_text = isinstance(categories[0], str)
    categories = objects(*categories) if is_text else np.array(categories)
    with pytest.raises(ValueError, match=match):
        encode_categories(values, missing, categories)
    everything = np.ones(len(values), bool)
    assert (encode_categories(values, everything, categories) == -1).all()


def test_no_categories():
    none = find_categories(objects(None), gaps(1, 0))
    assert none.tolist() == []
    for values in (np.array([1, 2]), objects("a", "b")):
        assert encode_categories(values, gaps(2, 1), none).tolist() == [0, -1]


def test_large_integers_stay_different():
    levels = np.array([2**60, 2**60 + 1, 2**60 + 2])
    for dtype in (np.int64, np.uint64, object):
        codes = encode_categories(levels.astype(dtype), gaps(3), levels)
        np.testing.assert_array_equal(codes, [0, 1, 2])
        codes = encode_categories(levels, gaps(3), find_categories(levels.astype(dtype), gaps(3)))
        np.testing.assert_array_equal(codes, [0, 1, 2])
    # 2**60 + 1 is no double, so that it is none of these.
    np.testing.assert_array_equal(encode_categories(levels, gaps(3), levels[::2] * 1.0), [0, 2, 2])
    # Numbers that a cast would make those of another sign, or of another size.
    wrapped = np.array([2**64 - 1, 2**63], np.uint64)
    for category in (-1, -(2**63)):
        codes = encode_categories(wrapped, gaps(2), np.array([category]))
        np.testing.assert_array_equal(codes, [1, 1])
    codes = encode_categories(np.array([300.0, 44.5, np.inf, 44.0]), gaps(4), np.array([44], "i1"))
    np.testing.assert_array_equal(codes, [1, 1, 1, 0])

"""Categories of a column, against NumPy and scikit-learn's encoders."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from skmlp.data.categories import encode_categories, find_categories, merge_categories

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


@pytest.mark.parametrize("categories", [
    ["FALSE", "TRUE"], ["true", "false", "?"], ["False", "True"], ["Yes", "no"], ["TRUE"],
])  # fmt: skip
def test_bools_where_fit_had_strings(categories):
    for values in (np.array([True, False]), objects(True, None, False)):
        missing = np.array([value is None for value in values.tolist()])
        with pytest.raises(ValueError, match=f"such as '{categories[0]}': convert") as caught:
            encode_categories(values, missing, objects(*categories))
        remedy = str(caught.value).partition("as by ")[2]
        texts = eval(f"values{remedy}", {"values": pd.Series([True, False])})
        known = [text in categories for text in texts]
        assert known == [text in map(str.lower, categories) for text in ("true", "false")]


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
    # Numbers that a cast would make those of another sign, or of another size.
    wrapped = np.array([2**64 - 1, 2**63], np.uint64)
    for category in (-1, -(2**63)):
        codes = encode_categories(wrapped, gaps(2), np.array([category]))
        np.testing.assert_array_equal(codes, [1, 1])
    codes = encode_categories(np.array([300.0, 44.5, np.inf, 44.0]), gaps(4), np.array([44], "i1"))
    np.testing.assert_array_equal(codes, [1, 1, 1, 0])


EDGES = [*range(2**53 - 3, 2**53 + 4), 2**63 - 1, 2**63, 2**64 - 1, -(2**53) - 1, -(2**63), 0, 7]


@given(
    known=st.lists(st.sampled_from(EDGES), min_size=1, unique=True),
    new=st.lists(st.sampled_from([*EDGES, 2**64, 2**64 + 1, 2**100, 0.5]), min_size=1),
    is_float=st.tuples(st.booleans(), st.booleans()),
)
def test_rounded_ids_are_never_taken_for_others(known, new, is_float):
    """Against Python, whose integers have all their digits."""
    train, test = (
        np.array([float(v) for v in values]) if lost else objects(*values)
        for values, lost in zip((known, new), is_float, strict=True)
    )
    try:
        found = find_categories(train, gaps(len(train)))
        codes = encode_categories(test, gaps(len(test)), found)
    except ValueError as error:
        if "rounds several integers" not in str(error) or max(map(abs, known)) < 2**53:
            raise  # small ids are no error
        return
    assert found.tolist() == sorted(known)
    for code, value in zip(codes.tolist(), new, strict=True):
        assert code == (found.tolist().index(value) if value in known else len(known))


def test_floats_that_may_be_rounded_ids():
    for dtype, least in (("f2", 2**11), ("f4", 2**24), ("f8", 2**53)):
        column = np.array([7, least - 1, np.nan], dtype)
        assert find_categories(column, gaps(3, 2)).tolist() == [7, least - 1]
        for value in (least, -least):
            with pytest.raises(ValueError, match=f"holds {value:.1f}, to which float"):
                find_categories(np.array([7, value], dtype), gaps(2))
    for value in (1e300, np.inf, -np.inf):  # no ids
        assert find_categories(np.array([value]), gaps(1)).tolist() == [value]
    integers, ids = np.array([0, 7]), np.array([2**53, 2**53 + 1])
    unknown = np.array([2.0**53, 7, 2.0**70, 1e300, np.inf])
    assert encode_categories(unknown, gaps(5), integers).tolist() == [2, 1, 2, 2, 2]
    message = "holds 9007199254740992.0, .* float64 rounds .* as in fit, where it had dtype int64"
    with pytest.raises(ValueError, match=message):
        encode_categories(unknown, gaps(5), ids[1:])
    assert encode_categories(unknown[1:], gaps(4), ids).tolist() == [2, 2, 2, 2]


def test_parts_of_integers_and_of_floats():
    """Such as partitions, of which one has a missing value."""
    small, ids = np.array([1.0, 7.0]), np.array([7, 2**53 + 1])
    assert merge_categories([small, ids[:1]]).tolist() == [1, 7]
    assert merge_categories([ids, ids.astype(np.int32)[:1]]).tolist() == ids.tolist()
    with pytest.raises(ValueError, match="rounds several integers"):
        merge_categories([small, ids])

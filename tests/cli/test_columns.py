"""How a column of a file is read."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from skmlp.cli.columns import (
    as_argument,
    describe,
    from_argument,
    remedies,
    take_columns,
    take_labels,
)
from skmlp.cli.commands import CommandError
from skmlp.cli.tables import (
    FileTable,
    ModelColumn,
    read_table,
    repeated_names,
    to_texts,
    typed_frame,
)


def taken(values, *, is_text=True, categorical=()):
    """Return the column that a table of these values has."""
    table = FileTable("file", pd.DataFrame({"a": values}), is_text)
    return take_columns(table, ["a"], categorical)[0]


TEXTS = {
    "integers": (["1", "2", "-3", ""], False, [1, 2, -3, np.nan]),
    "floats": (["1.5", ".5", "1e3", "NA", "?"], False, [1.5, 0.5, 1000, np.nan, np.nan]),
    "zero": (["0", "0.5", "-0.25"], False, [0, 0.5, -0.25]),
    "leading zeros": (["01", "2", "10"], True, ["01", "2", "10"]),
    "codes": (["1-2", "3"], True, ["1-2", "3"]),
    "names of gaps": (["NA", "None", "x", ""], True, ["NA", "None", "x", np.nan]),
    "spaces": ([" a ", "a", "  "], True, ["a", "a", np.nan]),
    "spaces in numbers": ([" 1", "2 ", " "], False, [1, 2, np.nan]),
    "bools": (["True", "False", ""], True, ["True", "False", np.nan]),
    "decimal commas": (["1,5", "2,5"], True, ["1,5", "2,5"]),
}


@pytest.mark.parametrize("name", TEXTS)
def test_columns_of_text(name):
    texts, is_category, expected = TEXTS[name]
    column = taken(texts)
    assert column.is_category is is_category
    pd.testing.assert_series_equal(
        column.values,
        pd.Series(expected, dtype=object if is_category else float),
        check_names=False,
    )
    assert column.n_gaps == pd.isna(pd.Series(expected)).sum()


TYPED = {
    "integers": (pd.Series([1, 2]), False, [1, 2]),
    "gaps": (pd.Series([1, None], dtype="Int64"), False, [1, np.nan]),
    "decimals": (pd.Series([Decimal("1.5"), None]), False, [1.5, np.nan]),
    "bools": (pd.Series([True, False]), True, ["True", "False"]),
    "bools with gaps": (pd.Series([True, None], dtype="boolean"), True, ["True", np.nan]),
    "texts": (pd.Series(["1", "02", None]), True, ["1", "02", np.nan]),
    "categories": (pd.Categorical([2, 1, None]), True, ["2", "1", np.nan]),
}


@pytest.mark.parametrize("name", TYPED)
def test_columns_with_types(name):
    values, is_category, expected = TYPED[name]
    column = taken(values, is_text=False)
    assert column.is_category is is_category
    pd.testing.assert_series_equal(
        column.values,
        pd.Series(expected, dtype=object if is_category else float),
        check_names=False,
    )


@pytest.mark.parametrize(
    "values",
    [
        ["2024-01-31", "2024-02-01"],
        ["31.01.2024", ""],
        ["1/31/2024 10:15", "2/1/2024 9:00"],
        pd.to_datetime(["2024-01-31"]),
        pd.Series([datetime.date(2024, 1, 31)], dtype=object),
        pd.to_timedelta([1], unit="s"),
    ],
)
def test_dates_are_named_with_a_remedy(values):
    is_text = isinstance(values, list)
    with pytest.raises(
        CommandError, match=r"^column 'a' holds dates \('.*'\), .*--drop a, --categorical a, or"
    ):
        taken(values, is_text=is_text)
    assert taken(values, is_text=is_text, categorical=["a"]).is_category


def test_names_in_remedies_can_be_pasted():
    for values, remedy in (
        (["2024-01-31", "2024-02-29"], "--drop 'signed on', --categorical 'signed on', "),
        (pd.Series([[1], None]), "--drop 'signed on'"),
    ):
        table = FileTable("file", pd.DataFrame({"signed on": values}), is_text=False)
        with pytest.raises(CommandError, match=remedy):
            take_columns(table, ["signed on"], ())


def test_objects_are_named():
    with pytest.raises(CommandError, match=r"column 'a' holds lists, which are .* --drop a"):
        taken(pd.Series([[1], None]), is_text=False)


def test_notes():
    n = 30
    frame = pd.DataFrame(
        {
            "few": [str(i % 3) for i in range(n)],
            "two": [str(i % 2) for i in range(n)],
            "id": [str(i) for i in range(n)],
            "name": [f"person {i}" for i in range(n)],
            "measure": [f"{i}.5" for i in range(n)],
            "same": ["x"] * n,
            "same or missing": ["x", ""] * (n // 2),
            "nothing": [""] * n,
            "mixed": ["unknown", *map(str, range(n - 1))],
            "code": [f"0{i % 5}" for i in range(n)],
        }
    )
    columns = take_columns(FileTable("file", frame, True), list(frame), [])
    notes = {column.name: column.note for column in columns}
    assert notes == {
        "few": "few values",
        "two": "",
        "id": "id-like",
        "name": "id-like",
        "measure": "",
        "same": "constant",
        "same or missing": "",
        "nothing": "no values",
        "mixed": "id-like",
        "code": "leading zeros",
    }
    assert [column.name for column in columns if not column.is_used] == ["same", "nothing"]
    assert "--drop id,name,mixed" in " ".join(remedies(columns))


def test_mixed_columns_are_named():
    assert taken(["unknown", "1", "1", "2", "3"] * 8).note == "mixed"


def test_integers_that_are_dates_are_named():
    days = pd.date_range("1995-03-01", periods=200, freq="37D").strftime("%Y%m%d").tolist()
    for values in (days, [*days, "", "0"], days[:3] * 9):
        column = taken(values)
        assert column.note == "like dates"
        assert not column.is_category
        assert "20240826" in remedies([column])[0]
        assert "--drop a" in remedies([column])[0]
    assert taken(pd.Series(days).astype(int), is_text=False).note == "like dates"
    rng = np.random.RandomState(0)
    others = [
        days[:2] * 20,  # too few
        rng.randint(19_000_101, 21_001_231, 300).astype(str),  # amounts
        [f"1{day[1:]}" for day in days],  # years 1000 to 1024
        [f"{day}.5" for day in days],
        [f"{day}12" for day in days],
    ]
    assert all(taken(list(values)).note != "like dates" for values in others)
    assert taken([f"{n}" for n in range(20240101, 20240301)]).note != "like dates"


def test_decimal_commas_are_named():
    texts = [f"{i},{i % 10}" for i in range(30)]
    assert taken([*texts, "?", "7", ""]).note == "decimal comma"
    assert "as numbers: --decimal ," in " ".join(remedies([taken(texts)]))
    assert taken([f"{i + 1},500" for i in range(9)]).note == ""  # of thousands, perhaps
    assert taken([*texts, "much"]).note != "decimal comma"
    assert taken(texts, categorical=["a"]).note != "decimal comma"


def test_numbers_with_signs_are_named():
    amounts = [f"{n:,}" for n in range(900, 3_000, 37)]
    for texts in (
        [f"${n}" for n in amounts],
        [f"{n} EUR" for n in amounts] + ["", "?"],
        [f"{n / 10:.1f} %" for n in range(40)],
        [f"${n}" for n in amounts] + [f"{n},50 EUR" for n in range(40)],
    ):
        column = taken(texts)
        assert (column.is_category, column.note) == (True, "number-like")
        assert "--drop a" in remedies([column])[0]
    assert taken([f"{n} g" for n in range(40)] * 2).note == ""
    assert taken([f"${n}" for n in (1, 2, 3)] * 9).note == ""  # may be classes of prices
    assert taken([f"${n}" for n in amounts], categorical=["a"]).note != "number-like"


def test_decimal_commas_are_read():
    texts = ["1,5", "-,25", "3", "1e3", "?", ""]
    table = FileTable("file", pd.DataFrame({"a": texts}), True, ",")
    [column] = take_columns(table, ["a"], [])
    assert same(column.values, [1.5, -0.25, 3.0, 1000.0, float("nan"), float("nan")])
    assert typed_frame(table, [ModelColumn("a", None)]).a.equals(column.values)
    table.frame.loc[0, "a"] = "1.5"  # a version, or a date
    assert take_columns(table, ["a"], [])[0].is_category
    with pytest.raises(CommandError, match=r"row 0: '1.5' is not a finite number"):
        typed_frame(table, [ModelColumn("a", None)])


def test_table_of_columns_has_80_characters():
    frame = pd.DataFrame({f"column {'x' * i}": ["1", "a" * 90] for i in range(50)})
    lines = describe(take_columns(FileTable("file", frame, True), list(frame), []))
    assert max(map(len, lines)) <= 80
    assert len(lines) == 42
    assert lines[-1] == "  and 10 more, which are in the report"


def test_characters_that_move_the_cursor_are_not_printed():
    lines = describe([taken(["\x1b[2J", "a\nb"])])
    assert all(line.isprintable() for line in lines)


def test_names_as_an_argument():
    names = ["a b", "c,d", 'say "x"', "e"]
    assert as_argument(["a", "b"]) == "a,b"
    assert from_argument(as_argument(names)[1:-1]) == names
    assert from_argument(" a , b,") == ["a", "b"]


def test_labels():
    def labels(values, is_text=True):
        return take_labels(FileTable("f", pd.DataFrame({"a": values}), is_text), "a").tolist()

    assert labels(["1", "0"]) == [1, 0]
    assert labels(["1.0", "0.0"]) == [1, 0]
    assert labels(["01", "02"]) == ["01", "02"]
    assert labels(["0.5", "1.5"]) == ["0.5", "1.5"]
    assert labels([True, False], is_text=False) == ["True", "False"]
    assert labels(["1", "0"], is_text=False) == ["1", "0"]
    assert labels([1.0, 2.0], is_text=False) == [1, 2]
    assert labels([str(2**60), "1"]) == [str(2**60), "1"]
    with pytest.raises(CommandError, match="10,000 different values in 20,000 rows"):
        labels([f"c{i}" for i in range(10_000)] * 2)


def test_whole_numbers_as_texts():
    assert to_texts(pd.Series([1.0, np.nan, 2.5, 1e20])).tolist()[::2] == ["1", "2.5"]
    assert to_texts(pd.Series([1, 2])).tolist() == ["1", "2"]


def test_names_of_columns(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(" a , b,b\n1, 2,3\n")
    assert list(read_table(str(path), None, "utf-8").frame) == ["a", "b", "b.1"]


def test_repeated_names(tmp_path):
    path = str(tmp_path / "x.csv")
    for header, found in (
        ("a;a;b", {"a.1"}),
        ("a;a;a", {"a.1", "a.2"}),
        ("a;a.1;b", set()),
        ("a;a.1;a", {"a.2"}),
    ):
        (tmp_path / "x.csv").write_text(f"{header}\n1;2;3\n")
        assert repeated_names(read_table(path, ";", "utf-8"), ";", "utf-8") == found
    (tmp_path / "x.csv").write_text('a,"a "\n1,2\n')
    with pytest.raises(CommandError, match="more than one column 'a': rename one"):
        read_table(path, None, "utf-8")


def typed(values, categories, *, is_text=True):
    """Return a column as a model with these categories reads it."""
    table = FileTable("f", pd.DataFrame({"a": values, "other": 0}), is_text)
    known = [ModelColumn("a", categories if categories is None else np.array(categories))]
    frame = typed_frame(table, known)
    assert frame.columns.tolist() == ["a"]
    return frame.a.to_list()


def same(values, expected):
    """Whether values are equal and of the same kinds, gaps included."""
    return [repr(v) for v in values] == [repr(v) for v in expected]


def test_values_have_the_types_of_the_model():
    nan = float("nan")
    assert same(typed(["01", "", "99"], ["01", "02"]), ["01", nan, "99"])
    assert same(typed(["1", "", "2"], None), [1.0, nan, 2.0])
    assert same(typed([1.0, nan, 2.0], ["1", "2"], is_text=False), ["1", nan, "2"])
    assert same(typed([True, False], ["False", "True"], is_text=False), ["True", "False"])
    assert same(typed(["1", "2", "7", "x", "", "NA"], [1, 2]), [1.0, 2.0, 7.0, 3.0, nan, nan])
    assert typed(["1", "2.5"], [1.0, 2.5]) == [1.0, 2.5]
    assert typed([2, 1], [1, 2], is_text=False) == [2.0, 1.0]
    assert typed(["True", "False"], [False, True]) == [1.0, 0.0]
    assert typed(["True", "False"], [0.0, 1.0]) == [1.0, 0.0]
    assert typed(["True", "False"], None) == [1.0, 0.0]
    assert same(typed(["NA", "None"], ["x"]), ["NA", "None"])

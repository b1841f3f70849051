"""Numbers as strings are recognized, and the conversion that a warning shows is pandas' own."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest

from skmlp import SoftmaxMLPClassifier
from skmlp.data.numerals import (
    example_formats,
    example_number,
    hold_numbers,
    number_conversion,
)

NUMBERS = np.round(np.random.RandomState(0).lognormal(6, 3, 300), 2)


def swapped(text):
    """Return a text with commas for points, and the reverse."""
    return text.translate(str.maketrans(",.", ".,"))


FORMS = {
    "points": "{:.2f}".format,
    "commas": lambda x: swapped(f"{x:.2f}"),
    "exponents": "{:e}".format,
    "spaces around": " {:.2f} ".format,
    "thousands": "{:,.2f}".format,
    "German": lambda x: swapped(f"{x:,.2f}"),
    "French": lambda x: f"{x:,.2f}".replace(",", "\u202f").replace(".", ","),
    "Swiss": lambda x: f"CHF {x:,.2f}".replace(",", "'"),
    "percent": "{:.2f}%".format,
    "German percent": lambda x: swapped(f"{x:.2f} %"),
    "dollars": "${:,.2f}".format,
    "negative": "-${:,.2f}".format,
    "Euro": lambda x: swapped(f"{x:,.2f} €"),
    "EUR": lambda x: swapped(f"{x:.2f} EUR"),
}


def converted(texts):
    """Return the numbers by the code that a warning shows."""
    code = number_conversion("X['a']", sorted(set(texts)))
    return eval(code, {"pandas": pd, "X": pd.DataFrame({"a": texts})})


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_numbers_of_each_form(form):
    """Against the numbers themselves, which were written by Python."""
    texts = [form(x) for x in NUMBERS]
    sign = -1 if texts[0].startswith("-") else 1
    assert hold_numbers(sorted(set(texts)))
    np.testing.assert_allclose(converted(texts), sign * NUMBERS, rtol=1e-6)
    gaps = [*texts, "n/a", "-", None]
    different = sorted({text for text in gaps if text is not None})
    assert hold_numbers(different)
    assert example_number(["?", *texts]) == texts[0]
    numbers = eval(
        number_conversion("X['a']", different), {"pandas": pd, "X": pd.DataFrame({"a": gaps})}
    )
    np.testing.assert_allclose(numbers, [*(sign * NUMBERS), np.nan, np.nan, np.nan], rtol=1e-6)


def test_integers():
    texts = [str(i) for i in range(5, 300)]
    assert hold_numbers(texts)
    np.testing.assert_array_equal(converted([f" {text} " for text in texts]), np.arange(5, 300))
    thousands = [f"{1013 * i:,}" for i in range(1, 200)]
    np.testing.assert_array_equal(converted(thousands), 1013 * np.arange(1, 200))
    large = [f"{i},{i % 1000:03}" for i in range(1, 200)]
    np.testing.assert_array_equal(converted(large), [1000 * i + i % 1000 for i in range(1, 200)])


I = range(1, 61)  # noqa: E741
OTHERS = {
    "few": [f"{i / 10}" for i in range(20)],
    "postal codes": [f"{90_000 + 37 * i}" for i in I],
    "German postal codes": [f"{1067 * i:05}" for i in I],
    "Polish postal codes": [f"{i:02}-950" for i in I],
    "years": [f"{1960 + i}" for i in I],
    "phones": [f"030 {123456 + i}" for i in I],
    "Polish phones": [f"501 234 {567 + i}" for i in I],
    "American phones": [f"555-0{100 + i}" for i in I],
    "international phones": [f"+49 30 {1234 + i}" for i in I],
    "versions": [f"{i % 4}.{i % 7}.{i}" for i in I],
    "addresses": [f"192.168.{i % 3}.{i}" for i in I],
    "times": [f"{i % 24}:{i:02}" for i in I],
    "ranges": [f"{i}-{i + 9}" for i in I],
    "sizes": [f"{i} x {i + 1}" for i in I],
    "units": [f"{i} kg" for i in I],
    "flights": [f"LHR {i}" for i in I],
    "diagnoses": [*(f"{250 + i / 100:.2f}" for i in I), *(f"V{i}" for i in I)],
    "lists": [",".join(map(str, range(i % 5 + 1))) + f",{i}" for i in I],
    "names": [f"customer {i}" for i in I],
    "other digits": [f"{i},5".translate({48 + k: 1632 + k for k in range(10)}) for i in I],
}


@pytest.mark.parametrize("texts", OTHERS.values(), ids=OTHERS)
def test_other_texts_are_no_numbers(texts):
    assert not hold_numbers(sorted(set(texts)))
    assert example_formats(sorted(set(texts))) is None


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_numbers_of_one_format(form):
    assert example_formats([*map(form, NUMBERS), "n/a"]) is None


def test_numbers_of_two_formats():
    euros = [swapped(f"{x:,.2f} EUR") for x in NUMBERS[:100]]
    dollars = [f"${x:,.0f}" for x in NUMBERS[100:]]
    points = [f"{x:.2f}" for x in NUMBERS[100:]]
    for first, second in ((euros, dollars), (euros, points), (dollars, euros), (points, euros)):
        texts = ["n/a", "5", *first, *second]
        assert not hold_numbers(texts)
        comma, point = example_formats(texts)
        assert comma in euros
        assert re.search(r",\d\d ", comma)
        assert point in dollars + points
        assert re.search(r",\d{3}$|\.\d\d$", point)
        assert example_formats(texts[:20]) is None
        assert example_formats([*texts, "07"]) is None  # codes
        assert example_formats([*texts, *"abcdefghijklmnopqrstuvwxyz"]) is None
    # 1,200 may have a decimal comma, if others of the same unit have one.
    for texts in ([*euros, "1,200 EUR"], [f"{i},{7 * i} %" for i in range(1, 200)]):
        assert hold_numbers(texts)
        assert example_formats(texts) is None


def test_the_warning_of_two_formats():
    amounts = [swapped(f"{x:,.2f} EUR") if x < 300 else f"${x:,.0f}" for x in NUMBERS]
    clf = SoftmaxMLPClassifier((4,), epochs=1)
    with pytest.warns(UserWarning, match=r"formats \('[\d.]+,\d\d EUR' and '\$[\d,]+'\), which"):
        clf.fit(pd.DataFrame({"amount": amounts}), NUMBERS > 400)


@pytest.mark.parametrize("library", ["pandas", "polars", "array"])
def test_the_warning_of_fit(library):
    numbers = np.round(np.random.RandomState(0).rand(200) * 9, 1)
    frame = pd.DataFrame({"age": np.arange(200), "size": [swapped(str(x)) for x in numbers]})
    X, params, column = frame, {}, "X['size']"
    if library == "polars":
        X = pytest.importorskip("polars").DataFrame({c: frame[c].tolist() for c in frame})
    elif library == "array":
        X, params, column = frame.to_numpy(object), {"categorical_features": [1]}, "X[:, 1]"
    clf = SoftmaxMLPClassifier((4,), epochs=1, early_stopping=False, **params)
    y = numbers > 4
    with pytest.warns(UserWarning, match=r"holds numbers as strings \('0,\d'\), which") as caught:
        clf.fit(X, y)
    assert len(caught) == 1
    code = re.search(r"as in (.*), or give", str(caught[0].message))[1]
    assert column in code
    np.testing.assert_array_equal(eval(code, {"pandas": pd, "X": X}), numbers)
    if library == "pandas":
        with warnings.catch_warnings(action="error"):  # as the message advises
            clf.fit(frame.astype({"size": "category"}), y)
            clf.fit(frame.assign(size=eval(code, {"pandas": pd, "X": X})), y)

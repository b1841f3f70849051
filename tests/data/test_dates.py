"""Dates as strings are recognized, and the conversion that a warning shows is pandas' own."""

import datetime

import numpy as np
import pandas as pd
import pytest

from skmlp.data.dates import date_conversion, example_date, hold_dates

DAYS = pd.date_range("1999-12-01", periods=800, freq="D").append(
    pd.date_range("2199-12-29", periods=3)
)
FORMATS = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%d %H:%M:%S%z",
    "%d.%m.%Y %H:%M",
    "%m/%d/%Y %I:%M %p",
    "%d.%m.%y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d.%m.%y %H:%M",
    "%d-%b-%y",
    "%d-%b-%Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%Y-%m",
    "%Y/%m",
    "%m/%Y",
    "%m-%Y",
    "%b %Y",
    "%B %Y",
    "%b-%y",
]
MONTHS = [form for form in FORMATS if "%d" not in form]


@pytest.mark.parametrize("form", FORMATS)
def test_dates_of_each_format(form):
    texts = DAYS.tz_localize("Asia/Seoul").strftime(form).tolist()
    assert hold_dates(texts)
    assert hold_dates(texts[:40:13])
    assert hold_dates([*texts, "unknown"])
    assert not hold_dates([*texts, *(f"unknown {i}" for i in range(50))])
    assert example_date(["?", *texts]) == texts[0]


def test_dates_without_leading_zeros():
    assert hold_dates(f"{day.day}.{day.month}.{day.year}" for day in DAYS)
    assert hold_dates(["0000-00-00", "2024-01-31", "9999-12-31"])


@pytest.mark.parametrize(
    "text",
    [
        "1-2",
        "12.5",
        "2024",
        "20240826",
        "1.2.3",
        "10.12.2",
        "2024.1.2",
        "2024-26",
        "10.0.0.1",
        "030-12345",
        "030-12-3456",
        "55-12-3456",
        "1-800-555-2024",
        "978-3-16-148410-0",
        "2024-08-26-17",
        "2024-99-99",
        "2024-08/26",
        "26.08.2024 to 27.08.2024",
        "12:30",
        "Monday",
        "May",
        "١٢.١٢.٢٠٢٤",
        "",
    ],
)
def test_other_texts_are_no_dates(text):
    assert not hold_dates([text])
    assert not hold_dates([])


@pytest.mark.parametrize("column", [
    ["1.2.24", "1.10.24", "2.0.1", "10.12.24", "3.11.4", "0.9.12"],  # versions
    ["1,5", "2,75", "10,24", "12,11"],
    ["10.11.12.13", "192.168.1.24", "10.0.0.1"],
    ["030-123456", "030/1234", "089/2024", "+49 30 2024", "555-0123", "12-34-56"],
    ["12-1834", "03-9912", "11-0203", "12-3344"],
    ["1010-123", "2024-101", "00-950", "100-0001", "90210-2024"],
    ["12.50", "11.24", "1.224,00", "10.10.000"],
    ["9:30", "12:45", "23:59"],
    ["2009-10", "2010-11", "2011-12", "2003-04"],  # seasons
    ["2024-1", "2024-17", "2024-105", "2023-44"],  # numbers of a year
    ["10.51.11", "10.51.12", "26.20.11", "01.13.41"],  # products
    ["May", "June", "Nov", "Dec"],
    ["Nov 24", "Dec 25", "May 20"],
    ["April Smith", "May Jones", "June Carter"],
    ["11/24", "12/25", "3/4"],
])  # fmt: skip
def test_columns_of_other_texts(column):
    assert not hold_dates(column)
    assert not hold_dates(column * 500)


def test_one_text_that_looks_like_a_short_date():
    assert not hold_dates(["10.04.16"])
    assert not hold_dates(["2024-11", "2024-12"])


FULL = [form for form in FORMATS if form not in MONTHS and "%I" not in form and "%z" not in form]


@pytest.mark.parametrize("junk", [[], ["n/a"]])
@pytest.mark.parametrize("form", [*FULL, "%d/%m/%Y", *MONTHS])
def test_the_conversion_gives_the_days(form, junk):
    days = DAYS[:800]
    X = pd.DataFrame({"signup": [*days.strftime(form), *junk]})
    code = date_conversion("X['signup']", sorted(set(X["signup"])))
    numbers = eval(code, {"pandas": pd, "X": X})
    first = 1 if form in MONTHS else None
    dates = [day.replace(day=first or day.day).date() for day in days]
    expected = [(date - datetime.date(2000, 1, 1)).days for date in dates]
    np.testing.assert_array_equal(numbers, [*expected, *(np.nan for _ in junk)])


@pytest.mark.parametrize("zone", ["Z", "+00:00", "+02:00", "-0530"])
def test_the_conversion_of_times_with_an_offset(zone):
    X = pd.DataFrame({"signup": [f"2024-08-26T12:00:00{zone}", f"2024-08-27T12:00:00{zone}"]})
    assert hold_dates(X["signup"])
    days = eval(date_conversion("X['signup']", X["signup"]), {"pandas": pd, "X": X})
    noon = datetime.datetime.fromisoformat("2024-08-26T12:00:00" + zone)
    start = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
    first = (noon - start) / datetime.timedelta(days=1)
    np.testing.assert_allclose(days, [first, first + 1], rtol=1e-12)

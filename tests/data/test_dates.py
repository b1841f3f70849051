"""Dates as strings are recognized, and the conversion that a warning shows is pandas' own."""

import datetime

import numpy as np
import pandas as pd
import pytest

from skmlp.data.dates import date_conversion, hold_dates

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
]


@pytest.mark.parametrize("form", FORMATS)
def test_dates_of_each_format(form):
    texts = DAYS.tz_localize("Asia/Seoul").strftime(form).tolist()
    assert hold_dates(texts)
    assert hold_dates(texts[:1])
    assert not hold_dates([*texts, "unknown"])


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


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y.%m.%d"])
def test_the_conversion_gives_the_days(form):
    texts = DAYS.strftime(form)
    X = pd.DataFrame({"signup": texts})
    code = date_conversion("X['signup']", sorted(set(texts)))
    days = eval(code, {"pandas": pd, "X": X})
    expected = [(day.date() - datetime.date(2000, 1, 1)).days for day in DAYS]
    np.testing.assert_array_equal(days, expected)


@pytest.mark.parametrize("zone", ["Z", "+00:00", "+02:00", "-0530"])
def test_the_conversion_of_times_with_an_offset(zone):
    X = pd.DataFrame({"signup": [f"2024-08-26T12:00:00{zone}", f"2024-08-27T12:00:00{zone}"]})
    assert hold_dates(X["signup"])
    days = eval(date_conversion("X['signup']", X["signup"]), {"pandas": pd, "X": X})
    noon = datetime.datetime.fromisoformat("2024-08-26T12:00:00" + zone)
    start = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
    first = (noon - start) / datetime.timedelta(days=1)
    np.testing.assert_allclose(days, [first, first + 1], rtol=1e-12)

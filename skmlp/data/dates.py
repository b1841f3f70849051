"""Dates as strings, such as those of a CSV file: recognized, and a way to make numbers of them."""

import re
from collections.abc import Iterable
from itertools import islice

__all__ = ["date_conversion", "hold_dates"]

FEW = 1_000  # dates that tell whether the day is first

# Years from 1500 to 2199, and those that stand for no date. Versions such as 2024.1.2 are no dates.
_YEAR = r"(?:1[5-9]\d\d|2[01]\d\d|0000|9999)"
_DAY = r"(?:[0-2]?\d|3[01])"  # or month
_DATE = re.compile(
    rf"(?:{_YEAR}([-/]){_DAY}\1{_DAY}|{_YEAR}\.\d\d\.\d\d"
    rf"|(?P<first>{_DAY})(?P<mark>[./-]){_DAY}(?P=mark){_YEAR})"
    r"(?:,?[T ]\s*\d{1,2}:\d\d.*)?",
    re.ASCII,
)

_OFFSET = re.compile(r":\d\d.*(Z|[+-]\d\d:?\d\d)\s*$", re.ASCII)  # of a time zone, after a time


def hold_dates(texts: Iterable[str]) -> bool:
    """Return whether strings are dates, with or without a time of day: all of them, one at least.

    The year has four digits and is first or last, as in 2024-08-26 and 26.08.2024. It takes as long
    as it takes to find the first string that is no date.
    """
    text = None
    for text in texts:
        if not _DATE.fullmatch(text):
            return False
    return text is not None


def date_conversion(column: str, texts: Iterable[str]) -> str:
    """Return an expression of pandas that converts dates to days since 2000.

    Parameters
    ----------
    column : str
        The expression of the column.
    texts : iterable of str
        Dates, in the sense of `hold_dates`.
    """
    matches = [_DATE.fullmatch(text) for text in islice(texts, FEW)]
    # By default, pandas takes the first of two small numbers for the month.
    is_day_first = any(
        m and m["first"] and (m["mark"] == "." or int(m["first"]) > 12) for m in matches
    )
    has_offset = any(m and _OFFSET.search(m[0]) for m in matches)
    option = ", dayfirst=True" * is_day_first + ", utc=True" * has_offset
    zone = ", tz='UTC'" * has_offset
    start = f"pandas.Timestamp('2000-01-01'{zone})"
    # Not .dt.days, which only a Series has, and which drops the time of day.
    return f"(pandas.to_datetime({column}{option}) - {start}) / pandas.Timedelta(days=1)"

"""Dates as strings, such as those of a CSV file: recognized, and a way to make numbers of them."""

import re
from collections.abc import Iterable, Sequence

from skmlp.data.objects import mostly

__all__ = ["date_conversion", "example_date", "hold_dates"]

FEW = 1_000  # dates that tell whether the day is first
SEVERAL = 3  # different strings of a form that other strings may have by chance

# Years from 1500 to 2199, and those that stand for no date. Versions such as 2024.1.2 are no dates.
_YEAR = r"(?:1[5-9]\d\d|2[01]\d\d|0000|9999)"
_DAY = r"(?:[0-2]?\d|3[01])"  # or month
_TIME = r"(?:,?[T ]\s*\d{1,2}:\d\d.*)?"
_DATE = re.compile(
    rf"(?:{_YEAR}([-/]){_DAY}\1{_DAY}|{_YEAR}\.\d\d\.\d\d"
    rf"|(?P<first>{_DAY})(?P<mark>[./-]){_DAY}(?P=mark){_YEAR}){_TIME}",
    re.ASCII,
)
_OFFSET = re.compile(r":\d\d.*(Z|[+-]\d\d:?\d\d)\s*$", re.ASCII)  # of a time zone, after a time

# Forms that pandas does not recognize, or reads as months alone. Two digits of a year are after
# a day and a month of two digits each, as versions such as 1.2.24 seldom are.
_DAYS = "%d.%m.%y", "%m/%d/%y", "%d/%m/%y", "%d-%b-%y", "%d-%b-%Y", "%d %b %Y", "%d %B %Y"
_MONTHS = "%Y-%m", "%Y/%m", "%m/%Y", "%m-%Y", "%b %Y", "%B %Y", "%b-%Y", "%b-%y"
_FORMS = (
    *_DAYS, *(f"{form}{time}" for form in _DAYS[:3] for time in (" %H:%M", " %H:%M:%S")),
    "%b %d, %Y", "%B %d, %Y", *_MONTHS,
)  # fmt: skip
_NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_FIELDS = {
    "%d": r"(?:0[1-9]|[12]\d|3[01])", "%m": r"(?:0[1-9]|1[0-2])", "%y": r"\d\d",
    "%Y": r"(?:1[5-9]|2[01])\d\d", "%H": r"(?:[01]?\d|2[0-3])", "%M": r"[0-5]\d",
    "%S": r"[0-5]\d", "%b": f"(?:{'|'.join(name[:3] for name in _NAMES)})",
    "%B": f"(?:{'|'.join(_NAMES)})",
}  # fmt: skip


def _pattern(form: str) -> re.Pattern[str]:
    """Return the pattern of the dates of a form, in which / and names allow a single digit."""
    pattern = form.replace(".", r"\.")
    for field, digits in _FIELDS.items():
        pattern = pattern.replace(field, digits)
    if not {".", "-"} & set(form):
        pattern = pattern.replace("(?:0[1-9]", "(?:0?[1-9]")
    return re.compile(pattern, re.ASCII | re.IGNORECASE)


_PATTERNS = {form: _pattern(form) for form in _FORMS}


def hold_dates(texts: Iterable[str]) -> bool:
    """Return whether strings are dates: nearly all of them, one at least.

    A year of four digits is first or last, as in 2024-08-26 and 26.08.2024, with or without a time
    of day. Of two digits, it is last, as in 26.08.24. There may be no day, as in 2024-08 and
    8/2024, and the month may be its name in English.
    """
    return _find_pattern(list(texts)) is not None


def example_date(texts: Iterable[str]) -> str:
    """Return the first date of strings that are dates, in the sense of `hold_dates`."""
    texts = list(texts)
    pattern = _find_pattern(texts)
    return next(text for text in texts if pattern and pattern.fullmatch(text))


def _find_pattern(texts: Sequence[str]) -> re.Pattern[str] | None:
    """Return the pattern that nearly all texts match; None if there is none."""
    for pattern in (_DATE, *_PATTERNS.values()):
        if mostly(texts, pattern.fullmatch) and (
            pattern is _DATE or (len(texts) >= SEVERAL and not _are_seasons(texts, pattern))
        ):
            return pattern
    return None


def _are_seasons(texts: Sequence[str], pattern: re.Pattern[str]) -> bool:
    """Return whether all are seasons such as 2010-11, a year and the next."""
    if pattern not in (_PATTERNS["%Y-%m"], _PATTERNS["%Y/%m"]):
        return False
    years = [(int(text[:4]), int(text[5:])) for text in texts if pattern.fullmatch(text)]
    return all((year + 1) % 100 == following for year, following in years)


def date_conversion(column: str, texts: Iterable[str]) -> str:
    """Return an expression of pandas that converts dates to days since 2000.

    Parameters
    ----------
    column : str
        The expression of the column.
    texts : iterable of str
        Dates, in the sense of `hold_dates`.
    """
    texts = list(texts)
    pattern = _find_pattern(texts)
    assert pattern is not None
    has_others = not all(map(pattern.fullmatch, texts))
    option, zone = ", errors='coerce'" * has_others, ""
    if pattern is _DATE:
        matches = [m for text in texts[:FEW] if (m := _DATE.fullmatch(text))]
        # By default, pandas takes the first of two small numbers for the month.
        is_day_first = any(
            m["first"] and (m["mark"] == "." or int(m["first"]) > 12) for m in matches
        )
        has_offset = any(_OFFSET.search(m[0]) for m in matches)
        option += ", format='mixed'" * has_others
        option += ", dayfirst=True" * is_day_first + ", utc=True" * has_offset
        zone = ", tz='UTC'" * has_offset
    else:
        form = next(form for form, found in _PATTERNS.items() if found is pattern)
        option += f", format={form!r}"
    start = f"pandas.Timestamp('2000-01-01'{zone})"
    # Not .dt.days, which only a Series has, and which drops the time of day.
    return f"(pandas.to_datetime({column}{option}) - {start}) / pandas.Timedelta(days=1)"

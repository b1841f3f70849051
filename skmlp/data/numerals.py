"""Numbers as strings, such as 1,5 and 12 %: recognized, and a way to make numbers of them."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from skmlp.data.objects import mostly

__all__ = ["example_formats", "example_number", "hold_numbers", "number_conversion"]

SEVERAL = 20  # with fewer different strings, they may be codes, grades or versions

_SPACES = "[\\s'\u2019]"  # between thousands
_UNIT = r"(?:[%$€£¥₩₹]|EUR|USD|GBP|CHF|JPY)"
_CODE = re.compile(r"\s*[+-]?0\d[\d\s]*", re.ASCII)  # with a zero before the number


class _Style(NamedTuple):
    """How numbers are written.

    Attributes
    ----------
    thousands : str
        A pattern of what is between groups of three digits; "" for nothing.
    decimal : str
        The decimal mark.
    pattern : Pattern
        Of such numbers, with groups for the integer part, the decimals and the units.
    """

    thousands: str
    decimal: str
    pattern: re.Pattern[str]


def _style(thousands: str, decimal: str) -> _Style:
    groups = rf"[1-9]\d{{0,2}}(?:{thousands}\d{{3}})+|" if thousands else ""
    integer, mark = rf"(?P<integer>{groups}\d+)", re.escape(decimal)
    number = rf"(?:{integer}(?P<decimals>{mark}\d*)?|(?P<fraction>{mark}\d+))(?:[eE][+-]?\d+)?"
    sides = rf"\s*(?:(?P<left>{_UNIT})\s*)?[+-]?", rf"\s*(?P<right>{_UNIT})?\s*"
    pattern = rf"\s*[+-]?{sides[0]}{number}{sides[1]}"
    # ASCII: other digits are no numbers to pandas.
    return _Style(thousands, decimal, re.compile(pattern.replace(r"\d", "[0-9]")))


_COMMAS, _POINTS = _style(",", "."), _style(r"\.", ",")  # between thousands

# The first that fits is taken: 1,234 is more than a thousand if all have three digits after it.
_STYLES = (
    _style("", "."), _COMMAS, _style("", ","), _POINTS, _style(_SPACES, "."), _style(_SPACES, ","),
)  # fmt: skip


def hold_numbers(texts: Iterable[str]) -> bool:
    """Return whether different strings are numbers: nearly all of them, and more than a few.

    They may have a decimal comma, separators of thousands, a percent or currency sign, and spaces
    around them. Digits alone are codes if they begin with a zero, or if all have the same length,
    as postal codes and years have.
    """
    texts = list(texts)
    return len(texts) > SEVERAL and _find_style(texts) is not None


def example_number(texts: Iterable[str]) -> str:
    """Return the first number of strings that are numbers, in the sense of `hold_numbers`."""
    texts = list(texts)
    style = _find_style(texts)
    return next(text for text in texts if style and style.pattern.fullmatch(text))


def example_formats(texts: Iterable[str]) -> tuple[str, str] | None:
    """Return a number with a decimal comma and one with a decimal point, or None.

    Such as 1.200,50 EUR and $1,200, where nearly all of the strings are numbers of one of the two
    formats, and no conversion is right for both.
    """
    texts = list(texts)
    if len(texts) <= SEVERAL or not mostly(texts, _fits_either) or any(map(_CODE.fullmatch, texts)):
        return None
    if _find_style(texts) is not None:
        return None
    commas, points = _decimal_marks(texts)
    return (commas[0][0], points[0][0]) if commas and points else None


def _fits_either(text: str) -> re.Match[str] | None:
    return _POINTS.pattern.fullmatch(text) or _COMMAS.pattern.fullmatch(text)


def _decimal_marks(texts: Sequence[str]) -> tuple[list[re.Match[str]], list[re.Match[str]]]:
    """Return the numbers with a decimal comma, and those with a decimal point.

    1,200 is among the second, and 1.200 in neither.
    """
    commas, points = [], []
    for text in texts:
        with_comma, with_point = (s.pattern.fullmatch(text) for s in (_POINTS, _COMMAS))
        if with_comma and not with_point:
            commas.append(with_comma)
        elif with_point and ("," in text or ("." in text and not with_comma)):
            points.append(with_point)
    return commas, points


def _find_style(texts: Sequence[str]) -> _Style | None:
    """Return the style of nearly all texts; None if there is none, or if they are codes."""
    for style in _STYLES:
        if mostly(texts, style.pattern.fullmatch):
            is_right = not (_are_codes(texts, style) or _have_two_formats(texts, style))
            return style if is_right else None
    return None


def _have_two_formats(texts: Sequence[str], style: _Style) -> bool:
    """Return whether $1,200 fits a style by chance: all numbers with decimals have other units."""
    if style.decimal != "," or style.thousands == _SPACES:
        return False
    commas, points = ({(m["left"], m["right"]) for m in ms} for ms in _decimal_marks(texts))
    return bool(commas and points and commas.isdisjoint(points))


def _are_codes(texts: Sequence[str], style: _Style) -> bool:
    """Return whether texts of a style are numbers by chance."""
    if any(map(_CODE.fullmatch, texts)):
        return True
    matches = [m for text in texts if (m := style.pattern.fullmatch(text))]
    if style.thousands not in ("", _SPACES) or any(
        m["left"] or m["decimals"] or m["fraction"] or m["right"] for m in matches
    ):
        return False
    return len({len(m["integer"]) for m in matches}) == 1


def number_conversion(column: str, texts: Iterable[str]) -> str:
    """Return an expression of pandas that converts strings to numbers.

    Parameters
    ----------
    column : str
        The expression of the column.
    texts : iterable of str
        Numbers, in the sense of `hold_numbers`.
    """
    texts = list(texts)
    style = _find_style(texts)
    assert style is not None
    matches = [style.pattern.fullmatch(text) for text in texts]
    code = f"pandas.Series({column})"
    if style.thousands == _SPACES or any(m and (m["left"] or m["right"]) for m in matches):
        code += ".str.replace('[^0-9.,+-]', '', regex=True)"
    if style.thousands in (",", r"\."):
        code += f".str.replace({style.thousands[-1]!r}, '')"
    if style.decimal == ",":
        code += ".str.replace(',', '.')"
    option = "" if all(matches) else ", errors='coerce'"
    return f"pandas.to_numeric({code}{option})"

"""Errors of parameters, wording of messages, and names from data in what is shown."""

import sys
import warnings
from numbers import Integral
from typing import Any

__all__ = [
    "MAX_CHARACTERS", "check_integer", "invalid", "printable", "short_repr", "shorten",
    "warn_deprecated", "warn_user",
]  # fmt: skip

MAX_CHARACTERS = 500  # of a value in a message


def invalid(name: str, value: Any, accepted: str) -> ValueError:
    """Return the ValueError of an invalid parameter: its name, what is accepted, the value."""
    return ValueError(f"{name} must be {accepted}, got {short_repr(value)}.")


def check_integer(name: str, value: Any, least: int, accepted: str, *, given: Any = None) -> None:
    """Raise unless a value, or what it is a part of, is an integer and at least so large."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise invalid(name, value if given is None else given, accepted)


def shorten(text: str) -> str:
    """Return a text for a message, cut if it is long: files and callers may hold anything."""
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[:MAX_CHARACTERS]}... ({len(text):,} characters)"


def short_repr(value: Any) -> str:
    """Return the repr of a value for a message, cut if it is long."""
    return shorten(repr(value))


def printable(text: str, most: int | None = None) -> str:
    """Return a text of data to show, without characters that move the cursor; cut if it is long.

    Lone surrogates, which no file can hold, and marks that turn the direction of writing are
    replaced by a space as well.
    """
    if most is not None and len(text) > most:
        text = f"{text[: most - 1]}…"
    return "".join(c if c.isprintable() else " " for c in text)


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the first frame outside skmlp, sklearn and joblib."""
    frame, level = sys._getframe(1), 2
    ours = {"skmlp", "sklearn", "joblib"}
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in ours:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def warn_deprecated(old: str, new: str | None = None, *, since: str, removed_in: str) -> None:
    """Warn that a public name was renamed, or without `new`, that it has no successor.

    The versions are literals: a test compares all calls of this function with the version of
    skmlp, and fails as soon as the name is due to be removed.
    """
    change = f"was renamed to `{new}` in" if new else "is deprecated since"
    warn_user(
        f"`{old}` {change} version {since} and will be removed in {removed_in}.",
        FutureWarning,
    )

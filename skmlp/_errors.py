"""Wording of errors and warnings."""

import sys
import warnings
from typing import Any

__all__ = ["MAX_CHARACTERS", "invalid", "shorten", "warn_user"]

MAX_CHARACTERS = 500  # of a value in a message


def invalid(name: str, value: Any, accepted: str) -> ValueError:
    """Return the ValueError of an invalid parameter: its name, what is accepted, the value."""
    return ValueError(f"{name} must be {accepted}, got {shorten(repr(value))}.")


def shorten(text: str) -> str:
    """Return a text for a message, cut if it is long: files and callers may hold anything."""
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[:MAX_CHARACTERS]}... ({len(text):,} characters)"


def warn_user(message: str) -> None:
    """Warn at the first frame outside skmlp, sklearn and joblib."""
    frame, level = sys._getframe(1), 2
    ours = {"skmlp", "sklearn", "joblib"}
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in ours:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)

"""How every refusal of a value is worded, and where warnings point."""

import sys
import warnings

__all__ = ["invalid", "warn_user"]


def invalid(name, value, accepted):
    """Return the ValueError that names a parameter, what it accepts and what it got."""
    return ValueError(f"{name} must be {accepted}, got {value!r}.")


def warn_user(message):
    """Warn at the line of the user's, whoever called us for it."""
    frame, level = sys._getframe(1), 2
    ours = {"skmlp", "sklearn", "joblib"}
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in ours:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)

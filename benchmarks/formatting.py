"""Numbers and targets as text, for the terminal and for the documentation."""

from math import isfinite

SPACE, TIMES = "\N{NO-BREAK SPACE}", "\N{MULTIPLICATION SIGN}"


def first_line(error):
    """Return the type and the first line of the message of an exception."""
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def significant(value):
    """Format a number with three significant digits."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")


def amount(value, unit):
    """Format a figure with its unit; None means that a level was never reached."""
    if value is None:
        return "never"
    if unit == "accuracy":
        return f"{value:.4f}"
    if unit == "s":
        for factor, prefixed in ((1.0, "s"), (1e3, "ms"), (1e6, "\N{MICRO SIGN}s")):
            if abs(value) * factor >= 1.0:
                value, unit = value * factor, prefixed
                break
    return f"{significant(value)}{SPACE}{unit}"


def percent(share):
    """Format a share in percent."""
    return "" if share is None else f"{100.0 * share:.1f}{SPACE}%"


def spread(turns):
    """Format half the range of the turns, relative to the middle of the range."""
    if len(turns) < 2 or None in turns or min(turns) + max(turns) <= 0:
        return ""
    low, high = min(turns), max(turns)
    return f" ±{SPACE}{100.0 * (high - low) / (high + low):.0f}{SPACE}%"


def with_error(value, error, sign=""):
    """Format an accuracy with its standard error; ``sign="+"`` always shows the sign."""
    return f"{value:{sign}.4f} ±{SPACE}{error:.4f}"


def quotient(a, b):
    """Format a / b, or return an empty string if the quotient is undefined or zero."""
    return significant(a / b) if a and b and isfinite(a / b) else ""


def times(a, b=1.0):
    """Format a / b as a multiple."""
    multiple = quotient(a, b)
    return multiple and f"{multiple}{SPACE}{TIMES}"


def target_text(target, unit):
    """Describe a target, given as JSON."""
    sign = "≥" if target["kind"] in ("faster", "at least") else "≤"
    if target["against"] is None:
        bound = f"{target['bound']:g}" + ("" if unit == "accuracy" else SPACE + unit)
    else:
        relation = {"s": "as fast as ", "accuracy": ""}.get(unit, "as small as ")
        bound = f"{target['bound']:g}{SPACE}{TIMES} {relation * (sign == '≥')}{target['against']}"
    contestant = "" if target["of"] == "skmlp" else f"{target['of']}: "
    return f"{contestant}{sign}{SPACE}{bound}"


def target_value(target, unit):
    """Format the value that is compared with the bound of a target."""
    return amount(target["value"], unit) if target["against"] is None else times(target["value"])

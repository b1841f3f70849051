"""Numbers, targets and tables as docs/benchmarks.rst prints them."""

from math import isfinite
from typing import NamedTuple

from benchmarks.measure import SKLEARN

__all__ = [
    "SPACE", "TIMES", "Verdict", "amount", "by_column", "percent", "quotient", "significant",
    "spread", "table", "times",
]  # fmt: skip

SAME_COLUMN = {"sklearn.neural_network": SKLEARN}  # its import stands for the class in it
SPACE, TIMES = "\N{NO-BREAK SPACE}", "\N{MULTIPLICATION SIGN}"


def by_column(quantity):
    """Return the figures of a quantity by the heads of their columns."""
    return {SAME_COLUMN.get(name, name): figure for name, figure in quantity["figures"].items()}


def significant(value):
    """Return a number with three significant digits."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")


def amount(value, unit):
    """Return a figure with its unit."""
    if value is None:
        return "never"
    if unit == "accuracy":
        return f"{value:.4f}"
    if unit == "s":
        for factor, small in ((1.0, "s"), (1e3, "ms"), (1e6, "\N{MICRO SIGN}s")):
            if abs(value) * factor >= 1.0:
                value, unit = value * factor, small
                break
    return f"{significant(value)}{SPACE}{unit}"


def percent(share):
    """Return a share in percent."""
    return "" if share is None else f"{100.0 * share:.1f}{SPACE}%"


def spread(turns):
    """Return half the range of the turns, relative to the middle."""
    if len(turns) < 2 or None in turns or min(turns) + max(turns) <= 0:
        return ""
    low, high = min(turns), max(turns)
    return f" ±{SPACE}{100.0 * (high - low) / (high + low):.0f}{SPACE}%"


def quotient(a, b):
    """Return a / b in print, or nothing where that is no number."""
    return significant(a / b) if a and b and isfinite(a / b) else ""


def times(a, b):
    """Return a / b as a multiple."""
    multiple = quotient(a, b)
    return multiple and f"{multiple}{SPACE}{TIMES}"


class Verdict(NamedTuple):
    """A target and what became of it, in print."""

    case: str
    measured: str
    target: str
    found: str
    met: bool
    missed_by: str
    at_limit: str = ""


def table(name, title=""):
    """Return what shows a table on the page."""
    return f".. csv-table:: {title}".rstrip() + f"\n   :file: {name}.csv\n   :header-rows: 1\n"

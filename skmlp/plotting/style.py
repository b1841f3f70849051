"""What the displays have in common: colours, lines, text.

Ground and text have the colours of matplotlib's settings, so that a dark style is dark; settings
are read, never changed.
"""

from typing import Any

from skmlp._errors import printable

__all__ = [
    "BLUE",
    "MARKERS",
    "ORANGE",
    "PALETTE",
    "PLAIN",
    "REFERENCE",
    "clean",
    "name_of",
    "pyplot",
]

# The colour-blind safe palette of Okabe & Ito, without black and yellow. The lightness of the first
# two is similar, so line styles or markers differ as well, for print in grey.
PALETTE = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
BLUE, ORANGE = PALETTE[:2]
MARKERS = "o", "s", "^", "D", "v", "P"  # as many
REFERENCE = {"color": "0.5", "linewidth": 0.9, "linestyle": ":"}  # what curves are compared with
PLAIN = {"parse_math": False}  # names may have dollar signs, which are no formulas
MAX_CHARACTERS = 18  # of a name


def pyplot() -> Any:
    """Import and return matplotlib.pyplot."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError('Plotting needs matplotlib: pip install "skmlp[plot]".') from error
    return plt


def clean(ax: Any, grid: str = "y") -> None:
    """Leave out the lines of axes that show nothing; draw faint ones at the ticks of an axis."""
    ax.grid(axis=grid, alpha=0.3)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def name_of(value: Any) -> str:
    """Return a name of a class or column as it is shown."""
    return printable(str(value), MAX_CHARACTERS)

"""Schedules: functions (step, fraction) -> factor on the learning rate.

``step`` counts the optimizer's steps before this one since the parameters were drawn;
``fraction`` in [0, 1) is the part of this call's steps that has been done. So schedules of
``step`` go on where an earlier call stopped and schedules of ``fraction`` start afresh.
"""

import sys
from dataclasses import dataclass
from functools import partial
from math import cos, pi
from numbers import Real

__all__ = ["CYCLIC", "SCHEDULES", "Adaptive", "of_fraction"]


def constant(step, fraction):
    """Return 1."""
    return 1.0


def invscaling(step, fraction):
    """Return 1 / sqrt(1 + step).

    Examples
    --------
    >>> [round(invscaling(step, 0.0), 3) for step in (0, 1, 3, 99)]
    [1.0, 0.707, 0.5, 0.1]
    """
    return (1.0 + step) ** -0.5


def cosine(step, fraction):
    """Fall from 1 to 0 along half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983).

    Examples
    --------
    >>> [round(cosine(0, fraction), 3) for fraction in (0.0, 0.25, 0.5, 0.75)]
    [1.0, 0.854, 0.5, 0.146]
    """
    return 0.5 * (1.0 + cos(pi * fraction))


WARM_UP, FIRST_FACTOR = 0.3, 0.04
MOST = sys.float_info.max  # an integer may be greater, and no float


def one_cycle(step, fraction):
    """Rise from 0.04 to 1 in the first 30 %, fall to 0 in the rest, both along a cosine.

    The learning-rate half of the one-cycle policy of Smith 2018 (arXiv:1803.09820).

    Examples
    --------
    >>> [round(one_cycle(0, fraction), 3) for fraction in (0.0, 0.15, 0.3, 0.65, 0.99)]
    [0.04, 0.52, 1.0, 0.5, 0.001]
    """
    if fraction < WARM_UP:
        return 1.0 - (1.0 - FIRST_FACTOR) * cosine(step, fraction / WARM_UP)
    return cosine(step, (fraction - WARM_UP) / (1.0 - WARM_UP))


def _call(function, step, fraction):
    factor = function(fraction)
    if not isinstance(factor, Real) or not 0.0 <= factor <= MOST:
        raise ValueError(
            f"schedule must return a finite factor >= 0, got {factor!r} at fraction {fraction}."
        )
    return float(factor)  # a NumPy scalar would make float32 arrays float64 on the way


def of_fraction(function):
    """Make a schedule of a function of the fraction alone; its values are checked."""
    return partial(_call, function)


@dataclass
class Adaptive:
    """A factor that somebody divides by 5 when training stalls.

    The one schedule with a memory: who trains on after a pause has to keep it.

    Examples
    --------
    >>> schedule = Adaptive()
    >>> schedule.reduce()
    >>> schedule(step=100, fraction=0.5)
    0.2
    """

    factor: float = 1.0

    def __call__(self, step, fraction):
        """Return the factor."""
        return self.factor

    def reduce(self):
        """Divide the factor by 5."""
        self.factor /= 5.0


SCHEDULES = {
    "constant": constant,
    "invscaling": invscaling,
    "cosine": cosine,
    "one_cycle": one_cycle,
}

CYCLIC = {"cosine", "one_cycle"}

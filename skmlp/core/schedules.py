"""Schedules: functions (step, fraction) -> factor on the learning rate.

``step`` is the number of optimizer steps since initialization; ``fraction`` in [0, 1) is the
fraction of the steps of this call of fit that have been taken. Schedules of ``step`` continue
where an earlier call stopped, schedules of ``fraction`` start again.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import cos, pi
from numbers import Real

import numpy as np

__all__ = ["CYCLIC", "SCHEDULES", "Adaptive", "Schedule", "fraction_schedule"]

# A population may have one factor for each network, of shape (..., 1).
Schedule = Callable[[int, float], float | np.ndarray]


def constant(step: int, fraction: float) -> float:
    """Return 1."""
    return 1.0


def invscaling(step: int, fraction: float) -> float:
    """Return 1 / sqrt(1 + step).

    Examples
    --------
    >>> [round(invscaling(step, 0.0), 3) for step in (0, 1, 3, 99)]
    [1.0, 0.707, 0.5, 0.1]
    """
    factor: float = (1.0 + step) ** -0.5
    return factor


def cosine(step: int, fraction: float) -> float:
    """Fall from 1 to 0 along half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983).

    Examples
    --------
    >>> [round(cosine(0, fraction), 3) for fraction in (0.0, 0.25, 0.5, 0.75)]
    [1.0, 0.854, 0.5, 0.146]
    """
    return 0.5 * (1.0 + cos(pi * fraction))


WARMUP_FRACTION, INITIAL_FACTOR = 0.3, 0.04


def one_cycle(step: int, fraction: float) -> float:
    """Rise from 0.04 to 1 in the first 30 %, fall to 0 in the rest, both along a cosine.

    The learning-rate half of the one-cycle policy of Smith 2018 (arXiv:1803.09820).

    Examples
    --------
    >>> [round(one_cycle(0, fraction), 3) for fraction in (0.0, 0.15, 0.3, 0.65, 0.99)]
    [0.04, 0.52, 1.0, 0.5, 0.001]
    """
    if fraction < WARMUP_FRACTION:
        return 1.0 - (1.0 - INITIAL_FACTOR) * cosine(step, fraction / WARMUP_FRACTION)
    return cosine(step, (fraction - WARMUP_FRACTION) / (1.0 - WARMUP_FRACTION))


MAX_FLOAT = sys.float_info.max  # Python integers may be larger


def _checked_factor(function: Callable[[float], float], step: int, fraction: float) -> float:
    factor = function(fraction)
    if not isinstance(factor, Real) or not 0.0 <= factor <= MAX_FLOAT:
        raise ValueError(
            f"schedule must return a finite factor >= 0, got {factor!r} at fraction {fraction}."
        )
    return float(factor)  # a float64 scalar would promote float32 arrays


def fraction_schedule(function: Callable[[float], float]) -> Schedule:
    """Return a schedule of a function of the fraction, whose values are checked."""
    return partial(_checked_factor, function)


@dataclass
class Adaptive:
    """Reduce-on-plateau factor, divided by 5 at each call of ``reduce``.

    The only schedule with a state, which is part of the training state.

    Examples
    --------
    >>> schedule = Adaptive()
    >>> schedule.reduce()
    >>> schedule(step=100, fraction=0.5)
    0.2
    """

    factor: float = 1.0

    def __call__(self, step: int, fraction: float) -> float:
        """Return the factor."""
        return self.factor

    def reduce(self) -> None:
        """Divide the factor by 5."""
        self.factor /= 5.0


SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "invscaling": invscaling,
    "cosine": cosine,
    "one_cycle": one_cycle,
}

CYCLIC = {"cosine", "one_cycle"}

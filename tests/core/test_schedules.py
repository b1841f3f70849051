"""Learning rate schedules."""

from itertools import pairwise
from math import pi, sin

import numpy as np
import pytest

from skmlp.core.schedules import SCHEDULES, fraction_schedule

FRACTIONS = [i / 1000 for i in range(1000)]


@pytest.mark.parametrize("name", SCHEDULES)
def test_factors_are_between_0_and_1(name):
    assert all(0 <= SCHEDULES[name](1000 * f, f) <= 1 for f in FRACTIONS)


@pytest.mark.parametrize("name", ["cosine", "one_cycle"])
def test_cyclic_schedules_ignore_the_step_and_end_near_0(name):
    schedule = SCHEDULES[name]
    assert all(schedule(0, f) == schedule(12345, f) for f in FRACTIONS)
    assert schedule(0, 0.999) < 1e-4


def test_invscaling():
    schedule = SCHEDULES["invscaling"]
    assert schedule(0, 0.0) == schedule(0, 0.9) == 1
    assert schedule(15, 0.0) == 0.25


def test_cosine():
    schedule = SCHEDULES["cosine"]
    assert schedule(0, 0.0) == 1
    slope = (schedule(0, 0.501) - schedule(0, 0.499)) / 0.002
    assert slope == pytest.approx(-pi / 2 * sin(pi / 2), rel=1e-4)


def test_one_cycle():
    factors = [SCHEDULES["one_cycle"](0, f) for f in FRACTIONS]
    steps = [b - a for a, b in pairwise(factors)]
    assert max(map(abs, steps)) < 0.01
    peak = factors.index(max(factors))
    assert FRACTIONS[peak] == 0.3
    assert all(step > 0 for step in steps[:peak])
    assert all(step < 0 for step in steps[peak:])


def test_fraction_schedule():
    assert fraction_schedule(lambda fraction: 1 - fraction)(99, 0.25) == 0.75
    assert type(fraction_schedule(np.cos)(0, 0.5)) is float


@pytest.mark.parametrize("value", [0, 0.0, 1e300])
def test_factors_of_0_and_large_factors(value):
    assert fraction_schedule(lambda fraction: value)(0, 0.5) == value


@pytest.mark.parametrize("value", [None, "0.5", -0.1, float("nan"), float("inf"), np.ones(2)])
def test_invalid_factor_raises(value):
    with pytest.raises(ValueError, match=r"schedule must return a finite factor >= 0, got .* 0.5"):
        fraction_schedule(lambda fraction: value)(0, 0.5)

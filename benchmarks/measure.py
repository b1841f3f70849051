"""How things are measured: contestants take turns, and a figure is the median of its turns.

On a machine that slows down or is shared, a contestant that ran alone would be judged by its
minute. So all contestants of a case run one after another in every turn, and each turn starts
with another one. A first turn is to warm up and does not count.
"""

import gc
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import NamedTuple

__all__ = [
    "COMPILED", "LIMIT", "NOTEBOOK", "SKLEARN", "SKMLP", "TORCH",
    "Options", "Quantity", "Target", "at_least", "at_most", "faster", "interleave",
    "seconds", "within",
]  # fmt: skip

SKMLP = "skmlp"
SKLEARN = "MLPClassifier"
TORCH = "PyTorch"
COMPILED = "torch.compile"
NOTEBOOK = "notebook's loop"
LIMIT = "limit"


@dataclass(frozen=True)
class Options:
    """What a run was asked for.

    Parameters
    ----------
    turns : int or None, default=None
        Instead of the number that each case prefers.
    torch, compiled : bool, default=False
        Whether PyTorch takes part, eagerly and compiled.
    tiny : bool, default=False
        The smallest sizes, which show that everything works and nothing else.
    """

    turns: int | None = None
    torch: bool = False
    compiled: bool = False
    tiny: bool = False

    def turns_or(self, n):
        """Return how many turns to take where n are usual."""
        return self.turns or (1 if self.tiny else n)

    def rows(self, n):
        """Return how many rows to take."""
        return min(n, 300) if self.tiny else n

    def epochs(self, n):
        """Return how many epochs to train."""
        return min(n, 2) if self.tiny else n


class Target(NamedTuple):
    """What a figure should be.

    ``kind`` is "faster": ``against / of >= bound``; "within": ``of / against <= bound``; "at
    most" or "at least": of itself, whatever the others are.
    """

    kind: str
    bound: float
    against: str | None = None
    of: str = SKMLP

    def value(self, figures):
        """Return what is compared with the bound, of the medians by contestant."""
        own = figures[self.of]
        if self.against is None:
            return own
        pair = (
            (figures[self.against], own) if self.kind == "faster" else (own, figures[self.against])
        )
        return pair[0] / pair[1] if pair[1] else float("inf")

    def shortfall(self, figures):
        """Return by which share the bound is missed; 0 or less if it is met."""
        value = self.value(figures)
        if self.kind in ("faster", "at least"):
            return 1.0 - value / self.bound
        return value / self.bound - 1.0


def faster(than, bound, of=SKMLP):
    """Target: ``bound`` times as fast as another contestant, or as small."""
    return Target("faster", bound, than, of)


def within(contestant, bound, of=SKMLP):
    """Target: at most ``bound`` times what another contestant takes."""
    return Target("within", bound, contestant, of)


def at_most(bound, of=SKMLP):
    """Target: no more than ``bound``."""
    return Target("at most", bound, of=of)


def at_least(bound, of=SKMLP):
    """Target: no less than ``bound``."""
    return Target("at least", bound, of=of)


@dataclass
class Quantity:
    """One quantity of a case, measured on all its contestants.

    Parameters
    ----------
    what : str
        "epoch", "whole fit", ...
    unit : str
        "s", "MB", "x parameters" or "accuracy".
    turns : dict of str to list of float
        By contestant, what each turn gave; infinite for what was never reached.
    targets : sequence of Target
        Those against contestants that did not take part are left out.
    details : dict
        Whatever else is worth keeping, ready for JSON.
    """

    what: str
    unit: str
    turns: dict
    targets: tuple = ()
    details: dict = field(default_factory=dict)

    def __post_init__(self):
        present = {None, *self.turns}
        self.targets = [t for t in self.targets if {t.of, t.against} <= present]

    @property
    def medians(self):
        """The median of each contestant's turns."""
        return {name: median(values) for name, values in self.turns.items()}


def seconds(function, *args):
    """Return the wall time of a call."""
    started = perf_counter()
    function(*args)
    return perf_counter() - started


def interleave(contestants, turns, *, warm_up=True):
    """Let contestants take turns.

    Parameters
    ----------
    contestants : dict of str to callable () -> float
        Each measures itself once.
    turns : int
    warm_up : bool, default=True
        Whether to take one turn more, the first, that does not count.

    Returns
    -------
    figures : dict of str to list of float
        One number a turn.
    """
    names, figures = list(contestants), {name: [] for name in contestants}
    for turn in range(-warm_up, turns):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            gc.collect()  # nobody pays for the garbage of others
            figure = contestants[name]()
            if turn >= 0:
                figures[name].append(figure)
    return figures

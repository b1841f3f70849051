"""Measure contestants in interleaved turns, print the figures and write them as JSON.

The speed of a machine changes with its load. Therefore all contestants of a case are measured one
after another in every turn, each turn starts with another contestant, and a figure is the median
of the turns. A first turn warms up and is discarded.
"""

import gc
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import distributions
from math import inf, isfinite
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

from threadpoolctl import threadpool_info

from benchmarks import formatting as fmt
from benchmarks.formatting import first_line

SKMLP = "skmlp"
SKLEARN = "MLPClassifier"
TORCH = "PyTorch"
NOTEBOOK = "notebook's loop"
LIMIT = "limit"  # the time of the matrix products alone

LIBRARIES = "skmlp", "numpy", "scipy", "scikit-learn", "torch", "dask", "distributed"
COLUMNS = "{:14} {:34} {:23} {:>17}{:8} {:>8}"


@dataclass(frozen=True)
class Options:
    """Options of a run."""

    turns: int | None = None  # None means the number that each case prefers
    torch: bool = False  # whether PyTorch is measured
    tiny: bool = False  # whether to use the smallest sizes, to check that the code runs

    def turns_or(self, n):
        """Return the number of turns, where n is the usual number."""
        return self.turns or (1 if self.tiny else n)

    def rows(self, n):
        """Return the number of rows to use."""
        return min(n, 300) if self.tiny else n

    def epochs(self, n):
        """Return the number of training epochs."""
        return min(n, 2) if self.tiny else n


# Registered cases


class Case(NamedTuple):
    """A benchmark; unless it is `usual`, it only runs if it is named."""

    name: str
    work: str  # a description
    measure: Callable  # of Options; returns a list of Quantity, or a dict for an experiment
    usual: bool


CASES, EXPERIMENTS = {}, {}


def case(work, *, name=None, usual=True, registry=CASES):
    """Register a function as a case; its default name is that of the function."""

    def register(measure):
        key = name or measure.__name__.rstrip("_")
        registry[key] = Case(key, work, measure, usual)
        return measure

    return register


# An experiment returns a dict that is written to JSON as it is.
experiment = partial(case, usual=False, registry=EXPERIMENTS)


# Quantities and targets


class Target(NamedTuple):
    """A bound on a figure.

    It is one on ``against / of`` ("faster", from below) or ``of / against`` ("within", from above),
    or on ``of`` itself ("at most", "at least").
    """

    kind: str
    against: str | None  # the contestant to compare with
    bound: float
    of: str = SKMLP  # the contestant that has the target

    def to_json(self, medians):
        """Return the target, the value compared with its bound, and the verdict."""
        value = medians[self.of]
        if self.against is not None:
            a, b = medians[self.against], value
            a, b = (a, b) if self.kind == "faster" else (b, a)
            value = a / b if b else inf
        ratio = value / self.bound
        shortfall = 1.0 - ratio if self.kind in ("faster", "at least") else ratio - 1.0
        verdict = {"met": shortfall <= 0.0, "missed_by": _finite(max(0.0, shortfall))}
        return self._asdict() | {"value": _finite(value)} | verdict


faster, within = partial(Target, "faster"), partial(Target, "within")
at_most, at_least = partial(Target, "at most", None), partial(Target, "at least", None)


@dataclass
class Quantity:
    """One measured quantity of a case."""

    what: str  # "epoch", "whole fit", ...
    unit: str  # "s", "MB", "x parameters" or "accuracy", for example
    turns: dict  # the figures by contestant; infinity for a level that was never reached
    targets: tuple = ()  # those whose contestants were not measured are dropped
    details: dict = field(default_factory=dict)  # further values to keep in JSON

    def __post_init__(self):
        present = {None, *self.turns}
        self.targets = [t for t in self.targets if {t.of, t.against} <= present]


def quantity_json(quantity):
    """Return a quantity as JSON; null stands for a level that was never reached."""
    medians = {name: median(values) for name, values in quantity.turns.items()}
    figures = {
        name: {"median": _finite(medians[name]), "turns": list(map(_finite, values))}
        for name, values in quantity.turns.items()
    }
    targets = [target.to_json(medians) for target in quantity.targets]
    kept = {"targets": targets, "details": quantity.details}
    return {"what": quantity.what, "unit": quantity.unit, "figures": figures} | kept


def _finite(value):
    return value if isfinite(value) else None


# Measuring


def seconds(function, *args):
    """Return the wall time of a call."""
    started = perf_counter()
    function(*args)
    return perf_counter() - started


def interleave(contestants, turns, *, warm_up=True):
    """Return by name what the contestants, callables, return in each of the interleaved turns.

    With `warm_up`, they start with one more turn that is discarded.
    """
    names, figures = list(contestants), {name: [] for name in contestants}
    for turn in range(-warm_up, turns):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            gc.collect()  # the garbage of other contestants is not part of the measurement
            figure = contestants[name]()
            if turn >= 0:
                figures[name].append(figure)
    return figures


def measured(
    what, unit, measure, contestants, options, *, turns=5, warm_up=True, targets=(), **details
):
    """Return the quantity ``measure(contestant)`` of contestants, a dict or a tuple of names.

    They are measured in interleaved turns; `turns` is their usual number.
    """
    if not isinstance(contestants, dict):  # names alone
        contestants = {name: name for name in contestants}
    measures = {name: partial(measure, contestant) for name, contestant in contestants.items()}
    warm_up = warm_up and not options.tiny
    figures = interleave(measures, options.turns_or(turns), warm_up=warm_up)
    return Quantity(what, unit, figures, targets, details)


def run_python(*args):
    """Run a new Python process in the repository and return its output."""
    root = Path(__file__).parents[1]
    run = subprocess.run([sys.executable, *args], cwd=root, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(run.stderr.strip().rpartition("\n")[2])
    return run.stdout


# A run


def run(names, options, notes=(), path=None):
    """Run cases, or one experiment, and print their figures.

    Return them with `notes`, and write both to a JSON file after each case if it has a `path`.
    """
    found = environment() | {"notes": list(notes), "cases": []}
    threads = ", ".join(f"{p['internal_api']} {p['num_threads']}" for p in found["threads"])
    versions = ", ".join(f"{name} {v}" for name, v in found["versions"].items() if v)
    print(f"{found['date']}, {found['cpu']}, {found['cpus']} CPUs, threads: {threads}")
    print(f"Python {found['python']}, {versions}", *notes, "", sep="\n")
    if CASES.keys() >= set(names):
        print(COLUMNS.format("case", "quantity", "contestant", "median", " spread", "x skmlp"))
    for name in names:
        result = _measure((CASES | EXPERIMENTS)[name], options)
        if isinstance(result, dict):  # of an experiment
            found |= result
        else:
            found["cases"] += result
        failed = name in EXPERIMENTS and found["cases"]
        if path is not None and not failed:  # a failed experiment keeps an earlier file
            Path(path).write_text(json.dumps(found, indent=1, allow_nan=False), encoding="utf-8")
    return found


def _measure(case, options):
    """Return and print the result of a case, or its error."""
    described = {"name": case.name, "work": case.work}
    try:
        result = case.measure(options)
    except Exception as error:  # the other cases can still run
        print(f"{case.name:14} {first_line(error)}", flush=True)
        return [described | {"error": first_line(error)}]
    if isinstance(result, dict):
        return result
    quantities = list(map(quantity_json, result))
    for i, quantity in enumerate(quantities):
        print(*quantity_lines("" if i else case.name, quantity), sep="\n", flush=True)
    return [described | {"quantities": quantities}]


def quantity_lines(name, quantity):
    """Return the lines that show a quantity of a case in the terminal."""
    lines, figures, unit = [], quantity["figures"], quantity["unit"]
    own = figures.get(SKMLP, {}).get("median")
    for contestant, figure in figures.items():
        head = ("", "") if lines else (name, quantity["what"])
        cells = fmt.amount(figure["median"], unit), fmt.spread(figure["turns"])
        other = contestant != SKMLP and unit != "accuracy"
        ratio = fmt.quotient(figure["median"], own) if other else ""
        lines.append(COLUMNS.format(*head, contestant, *cells, ratio).rstrip())
    for target in quantity["targets"]:
        verdict = "met" if target["met"] else f"missed by {fmt.percent(target['missed_by'])}"
        value = fmt.target_value(target, unit) or "none"
        lines.append(f"{'':14} target {fmt.target_text(target, unit)}: {value}, {verdict}")
    return lines


def environment():
    """Return the date, machine, library versions and thread counts of a run."""
    pools = [
        {key: pool.get(key) for key in ("user_api", "internal_api", "num_threads")}
        for pool in threadpool_info()
    ]
    if torch := sys.modules.get("torch"):
        n_threads = torch.get_num_threads()
        pools.append({"user_api": "torch", "internal_api": "torch", "num_threads": n_threads})
    installed = {d.name: d.version for d in reversed([*distributions()]) if d.name in LIBRARIES}
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "platform": f"{platform.system()}-{platform.machine()}",
        "python": platform.python_version(),
        "versions": dict.fromkeys(LIBRARIES) | installed,
        "threads": pools,
    }


def _cpu_model():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())

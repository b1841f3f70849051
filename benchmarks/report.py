"""What a run says: a table to read, JSON to draw plots from."""

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from math import isfinite, isinf
from pathlib import Path

from threadpoolctl import threadpool_info

from benchmarks.measure import LIMIT, SKMLP, Target

__all__ = ["environment", "environment_lines", "header", "quantity_json", "quantity_lines"]

LIBRARIES = "skmlp", "numpy", "scipy", "scikit-learn", "torch", "pytabkit", "dask", "distributed"
COLUMNS = "{:10} {:25} {:23} {:>9} {:>7}  {:>13} {:>9}  {}"


def environment():
    """Return what figures depend on: machine, versions, threads; and when."""
    pools = [
        {key: pool.get(key) for key in ("user_api", "internal_api", "num_threads")}
        for pool in threadpool_info()
    ]
    if torch := sys.modules.get("torch"):
        n_threads = torch.get_num_threads()
        pools.append({"user_api": "torch", "internal_api": "torch", "num_threads": n_threads})
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "platform": f"{platform.system()}-{platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in LIBRARIES},
        "threads": pools,
    }


def _cpu_model():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def environment_lines(found):
    """Return an environment in two lines."""
    versions = ", ".join(f"{name} {v}" for name, v in found["versions"].items() if v)
    threads = ", ".join(f"{p['internal_api']} {p['num_threads']}" for p in found["threads"])
    return [
        f"{found['date']}, {found['cpu']}, {found['cpus']} CPUs, threads: {threads}",
        f"Python {found['python']}, {versions}",
    ]


def header():
    """Return the heads of the table's columns."""
    return COLUMNS.format(
        "case", "quantity", "contestant", "median", "spread", "skmlp is", "target", "verdict"
    )


def _figure(value, unit):
    """Return a median in print."""
    if isinf(value):
        return "never"
    if unit != "s":
        return {"MB": f"{value:.1f} MB", "accuracy": f"{value:.4f}"}.get(unit, f"{value:.2f} x")
    for factor, name in ((1.0, "s"), (1e3, "ms")):
        if abs(value) * factor >= 1.0:
            return f"{value * factor:.3g} {name}"
    return f"{value * 1e6:.3g} us"


def _spread(values):
    """Return half the range of the turns, relative to the middle."""
    low, high = min(values), max(values)
    if len(values) < 2 or not isfinite(high) or low + high <= 0:
        return ""
    return f"± {(high - low) / (high + low):.0%}"


def _ratio(target, quantity):
    """Return a comparison in words, whatever the bound is."""
    value = target.value(quantity.medians)
    if target.against is None or quantity.unit == "accuracy" or not isfinite(value):
        return ""
    word = {"s": "faster"}.get(quantity.unit, "smaller")
    return f"{value:.2f}x {word if target.kind == 'faster' else 'of it'}"


def _aim(target):
    """Return what is aimed at, in print."""
    sign = ">=" if target.kind in ("faster", "at least") else "<="
    return f"{sign} {target.bound:g}" + ("x" if target.against else "")


def _verdict(target, quantity):
    """Return whether the target was met."""
    shortfall = target.shortfall(quantity.medians)
    return "met" if shortfall <= 0.0 else f"missed by {shortfall:.1%}"


def quantity_lines(case, quantity):
    """Return the lines of the table for a quantity: its targets beside whom they are about."""
    lines, medians = [], quantity.medians
    for name, value in medians.items():
        row = [case if not lines else "", quantity.what if not lines else "", name]
        row += [_figure(value, quantity.unit), _spread(quantity.turns[name])]
        about = [t for t in quantity.targets if name == (t.against or t.of) and t.of == SKMLP]
        about += [t for t in quantity.targets if name == t.of != SKMLP]
        if about:
            for target in about:
                verdict = _aim(target), _verdict(target, quantity)
                lines.append(COLUMNS.format(*row, _ratio(target, quantity), *verdict).rstrip())
        else:
            kind = "within" if name == LIMIT else "faster"
            ratio = "" if name == SKMLP else _ratio(Target(kind, 1.0, name), quantity)
            lines.append(COLUMNS.format(*row, ratio, "", "").rstrip())
    return lines


def _known(value):
    """Return a number that JSON can hold: infinity and NaN are null."""
    return value if isfinite(value) else None


def quantity_json(quantity):
    """Return a quantity as JSON has it; null stands for what was never reached."""
    medians = quantity.medians
    return {
        "what": quantity.what,
        "unit": quantity.unit,
        "figures": {
            name: {"median": _known(medians[name]), "turns": [_known(v) for v in values]}
            for name, values in quantity.turns.items()
        },
        "targets": [
            target._asdict()
            | {
                "value": _known(target.value(medians)),
                "met": target.shortfall(medians) <= 0.0,
                "missed_by": _known(max(0.0, target.shortfall(medians))),
            }
            for target in quantity.targets
        ],
        "details": quantity.details,
    }

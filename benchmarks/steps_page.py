"""What the page on Fashion-MNIST says of the steps from the notebook's network on."""

from itertools import pairwise
from math import sqrt
from statistics import mean, stdev

from benchmarks.measure import SKMLP
from benchmarks.printing import SPACE
from benchmarks.steps import TEST, TRAINED_ON

__all__ = ["case_of", "parts", "tables"]

HEAD = ["step", "validation", "gain", "training"]
LITTLE = 2.0  # standard errors


def case_of(found):
    """Return the case as it was measured, by its name, or nothing."""
    cases = found.get("steps", {}).get("cases", [])
    return {case["name"]: case for case in cases if "quantities" in case}


def tables(found):
    """Return the rows of the table, by name."""
    return {name: [HEAD, *_rows(case["quantities"])] for name, case in case_of(found).items()}


def parts(found):
    """Return what else the page says: how numbers were chosen, what gained nothing, the test."""
    notes = [said for case in case_of(found).values() for said in _notes(case["quantities"])]
    return {"steps_notes": "".join(f"{said}\n\n" for said in notes if said)}


def _rows(quantities):
    """Rows: what each step changes, and what that comes to."""
    rows, before = [], None
    for quantity in quantities:
        if quantity["what"] == TEST:
            continue
        turns, details = _turns(quantity), quantity["details"]
        rows.append([
            " ".join([quantity["what"], *map(_setting, details["changes"].items())]),
            _with_error(turns),
            before and f"{{:+.4f}} ±{SPACE}{{:.4f}}".format(*_gain(before, turns)),
            f"{mean(_turns(quantity, TRAINED_ON)):.4f}",
        ])  # fmt: skip
        before = turns
    return [[cell or "" for cell in row] for row in rows]


def _turns(quantity, name=SKMLP):
    return quantity["figures"][name]["turns"]


def _setting(changed):
    """Return what a step sets, which a narrow page may break into lines."""
    name, value = changed
    return f"`{name}={_value(value)}`"


def _value(value):
    """Return a value as it is written in Python; JSON has lists for tuples."""
    if isinstance(value, str):
        return f'"{value}"'
    return str(tuple(value)) if isinstance(value, list) else str(value)


def _error(turns):
    """Return the standard error of a mean over seeds."""
    return stdev(turns) / sqrt(len(turns)) if len(turns) > 1 else 0.0


def _with_error(turns):
    return f"{mean(turns):.4f} ±{SPACE}{_error(turns):.4f}"


def _gain(before, after):
    """Return the difference of two means, and its standard error."""
    return mean(after) - mean(before), sqrt(_error(before) ** 2 + _error(after) ** 2)


def _notes(quantities):
    """Return paragraphs that depend on what was measured."""
    n_seeds = len(_turns(quantities[0]))
    yield f"Means over {n_seeds} seeds, with their standard errors over the seeds."
    yield from map(_chosen, quantities)
    for before, after in pairwise(quantities[:-1]):
        gain, error = _gain(_turns(before), _turns(after))
        if gain < LITTLE * error:
            verdict = (
                "nothing that can be told from chance" if gain > -LITTLE * error else "nothing"
            )
            yield f"*{after['what']}* gains {verdict}: {gain:+.4f} ±{SPACE}{error:.4f}."
    yield (
        "The test images, looked at once, by the networks of the last step: an accuracy of "
        f"**{_with_error(_turns(quantities[-1]))}**."
    )


def _chosen(quantity):
    """Return what was tried for a step."""
    return " ".join(
        f"`{name}` of the step *{quantity['what']}* is the best of "
        + ", ".join(f"{_value(value)} ({accuracy:.4f})" for value, accuracy in pairs)
        + ", by one training each."
        for name, pairs in quantity["details"].get("tried", {}).items()
    )

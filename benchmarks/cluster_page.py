"""What docs/dask.rst says of the case *dask*, and of clusters that nobody has tried.

An epoch of local training in k rounds, of n rows on W workers whose state (parameters and
the optimizer's arrays) has S bytes, takes about::

    n c / W  +  k (a + W s + 2 W S b)

c: seconds for a row on one worker; a, s: of a round, and of a shard in it, in which the
scheduler and Python are busy; b: of a byte through the one process that averages. c is that of the
one process; the others are fitted to rounds on almost no rows.
"""

import numpy as np

from benchmarks.measure import SKMLP
from benchmarks.printing import amount, percent, table

__all__ = ["constants", "parts", "tables"]

ROWS = 1_000_000_000
STATE_BYTES = 12  # for each parameter: float32, and Adam's two arrays
CLUSTERS = [(1, 1), (8, 1), (64, 1), (64, 16), (64, 256)]  # workers, rounds an epoch


def constants(quantities):
    """Return c, a, s and b of the docstring above, in seconds, from a case's quantities."""
    by_name = {quantity["what"]: quantity for quantity in quantities}
    fit = by_name["whole fit"]
    details = fit["details"]
    c = fit["figures"]["one process"]["median"] / (details["rows"] * details["n_iter"])
    rounds = [q for name, q in by_name.items() if name.startswith("round")]
    shards = np.array([q["details"]["shards"] for q in rounds])
    moved = 2 * shards * STATE_BYTES * np.array([q["details"]["size"] for q in rounds])
    took = np.array([q["figures"][SKMLP]["median"] for q in rounds])
    # Relative errors count: the rounds differ by orders of magnitude.
    columns = np.stack([np.ones(len(rounds)), shards, moved], axis=1) / took[:, None]
    (a, s, b), *_ = np.linalg.lstsq(columns, np.ones(len(rounds)), rcond=None)
    return c, a, s, b


def tables(found):
    """Return the rows of the tables, by name, of what was measured."""
    return _model(found) | _averaging(found)


def _model(found):
    """Rows: the constants of the model, and what it says of clusters."""
    cases = [case for case in found.get("dask", {}).get("cases", []) if "quantities" in case]
    if not cases:
        return {}
    (case,) = cases
    n_params = case["quantities"][0]["details"]["n_params"]
    c, a, s, b = constants(case["quantities"])
    rows = [["workers", "rounds", "computing", "sending and waiting", "share", "sent"]]
    for n_workers, n_rounds in CLUSTERS:
        state = STATE_BYTES * n_params
        sent = 2 * n_workers * state * n_rounds
        computing = ROWS * c / n_workers
        rest = n_rounds * (a + n_workers * s) + sent * b
        rows.append([
            str(n_workers), str(n_rounds), amount(computing, "s"), amount(rest, "s"),
            percent(rest / (rest + computing)), amount(sent / 1e6, "MB"),
        ])  # fmt: skip
    names = ["c, for a row", "a, for a round", "s, for a shard in it", "b, for a megabyte"]
    values = [c, a, s, 1e6 * b]
    fitted = [
        ["constant", "found"],
        *([n, amount(v, "s")] for n, v in zip(names, values, strict=True)),
    ]
    return {"cluster_model": rows, "cluster_constants": fitted}


def _averaging(found):
    """Rows: accuracies by what becomes of Adam's arrays."""
    by_setting = {}
    for row in found.get("averaging", {}).get("accuracies", []):
        setting = by_setting.setdefault((row["shards"], row["rounds"]), {})
        setting[row["kind"]] = f"{np.mean(row['accuracies']):.4f}"
    kinds = list(dict.fromkeys(kind for setting in by_setting.values() for kind in setting))
    rows = [
        [*map(str, key), *(setting.get(kind, "") for kind in kinds)]
        for key, setting in by_setting.items()
    ]
    return {"averaging": [["shards", "rounds", *kinds], *rows]} if rows else {}


def parts(made):
    """Return what docs/dask.rst includes; nothing where nothing was measured."""
    shown = {
        "cluster": ["cluster_environment", "cluster_figures"],
        "cluster_model": ["cluster_constants", "cluster_model"],
        "averaging": ["averaging"],
    }
    return {
        name: "\n".join(table(part) for part in names if f"{part}.csv" in made)
        for name, names in shown.items()
    }

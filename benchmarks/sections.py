"""The tables of single experiments: the steps, and the cluster."""

from itertools import pairwise
from math import hypot, sqrt
from statistics import mean, stdev

import numpy as np
import pandas as pd

from benchmarks.accuracy import TRAINED_ON
from benchmarks.clusters import ONE
from benchmarks.formatting import amount, percent, with_error
from benchmarks.harness import SKMLP

# Steps from the network of the notebook

MIN_ERRORS = 2.0  # a gain of fewer standard errors is not significant


def steps_tables(cases):
    """Return the table of steps: what each changes, its accuracy and its gain."""
    if "steps" not in cases:
        return {}
    *quantities, _ = cases["steps"]["quantities"]
    rows = []
    for before, quantity in pairwise([None, *quantities]):
        changes = quantity["details"]["changes"].items()
        changes = [f"`{parameter}={_python(value)}`" for parameter, value in changes]
        trained_on = mean(quantity["figures"][TRAINED_ON]["turns"])
        step = " ".join([quantity["what"], *changes])
        gain = _gain(before, quantity)[2] if before else ""
        rows.append([step, with_error(*_mean(quantity)), gain, f"{trained_on:.4f}"])
    return {"steps": pd.DataFrame(rows, columns=["step", "validation", "gain", "training"])}


def steps_notes(cases):
    """Return the text on the steps: how values were selected, steps without a gain, the test."""
    if "steps" not in cases:
        return ""
    *quantities, test = cases["steps"]["quantities"]
    n_seeds = len(test["figures"][SKMLP]["turns"])
    notes = [f"Means over {n_seeds} seeds, with their standard errors over the seeds."]
    for quantity in quantities:
        for parameter, tried in quantity["details"]["tried"].items():
            values = ", ".join(f"{_python(value)} ({accuracy:.4f})" for value, accuracy in tried)
            step = f"`{parameter}` of the step *{quantity['what']}*"
            notes.append(f"{step} is the best of {values}, by one training each.")
    for before, after in pairwise(quantities):
        gain, error, text = _gain(before, after)
        if gain < MIN_ERRORS * error:
            is_noise = gain > -MIN_ERRORS * error
            effect = "has no significant effect" if is_noise else "reduces the accuracy"
            notes.append(f"*{after['what']}* {effect}: {text}.")
    accuracy = f"an accuracy of **{with_error(*_mean(test))}**"
    notes.append(f"The networks of the last step have {accuracy} on the test images, used once.")
    return "".join(f"{note}\n\n" for note in notes)


def _python(value):
    """Format a value as Python code; JSON has lists for tuples."""
    if isinstance(value, str):
        return f'"{value}"'
    return str(tuple(value)) if isinstance(value, list) else str(value)


def _mean(quantity):
    """Return the mean accuracy over seeds and its standard error."""
    turns = quantity["figures"][SKMLP]["turns"]
    return mean(turns), stdev(turns) / sqrt(len(turns)) if len(turns) > 1 else 0.0


def _gain(before, after):
    """Return the difference of two means and its standard error, and both as text."""
    (a, error_a), (b, error_b) = _mean(before), _mean(after)
    gain, error = b - a, hypot(error_a, error_b)
    return gain, error, with_error(gain, error, "+")


# The cluster

N_ROWS = 1_000_000_000
STATE_BYTES = 12  # per parameter: float32, and Adam's two arrays
CLUSTERS = [(1, 1), (8, 1), (64, 1), (64, 16), (64, 256)]  # workers, rounds in an epoch


def cluster_constants(quantities):
    """Return c, a, s and b of the model in docs/dask.rst of the time of an epoch.

    c is measured in one process; the others are fitted to rounds on few rows, by least squares of
    the relative errors.
    """
    by_name = {quantity["what"]: quantity for quantity in quantities}
    fit, details = by_name["whole fit"], by_name["whole fit"]["details"]
    c = fit["figures"][ONE]["median"] / (details["rows"] * details["n_iter"])
    rounds = [q for name, q in by_name.items() if name.startswith("round")]
    shards = np.array([q["details"]["shards"] for q in rounds])
    n_bytes = 2 * shards * STATE_BYTES * np.array([q["details"]["size"] for q in rounds])
    seconds = np.array([q["figures"][SKMLP]["median"] for q in rounds])
    columns = np.stack([np.ones(len(rounds)), shards, n_bytes], axis=1) / seconds[:, None]
    (a, s, b), *_ = np.linalg.lstsq(columns, np.ones(len(rounds)), rcond=None)
    return c, a, s, b


def cluster_tables(cases):
    """Return the constants of the model, and its predictions for clusters."""
    if "dask" not in cases:
        return {}
    quantities = cases["dask"]["quantities"]
    state = STATE_BYTES * quantities[0]["details"]["n_params"]
    c, a, s, b = cluster_constants(quantities)
    names = ["c, for a row", "a, for a round", "s, for a shard in it", "b, for a megabyte"]
    found = [amount(value, "s") for value in (c, a, s, 1e6 * b)]
    rows = []
    for n_workers, n_rounds in CLUSTERS:
        sent, computing = 2 * n_workers * state * n_rounds, N_ROWS * c / n_workers
        rest = n_rounds * (a + n_workers * s) + sent * b
        rows.append({
            "workers": n_workers,
            "rounds": n_rounds,
            "computing": amount(computing, "s"),
            "sending and waiting": amount(rest, "s"),
            "share": percent(rest / (rest + computing)),
            "sent": amount(sent / 1e6, "MB"),
        })  # fmt: skip
    constants = pd.DataFrame({"constant": names, "found": found})
    return {"cluster_constants": constants, "cluster_model": pd.DataFrame(rows)}


def averaging_tables(run):
    """Return the accuracies by shards, rounds, and what is done with Adam's arrays."""
    if "accuracies" not in run:
        return {}
    frame = pd.DataFrame(run["accuracies"])
    frame["accuracies"] = frame["accuracies"].map(lambda values: f"{np.mean(values):.4f}")
    table = frame.pivot(index=["shards", "rounds"], columns="kind", values="accuracies")
    return {"averaging": table[frame["kind"].unique()].reset_index()}

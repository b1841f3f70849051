"""The tables of single experiments: studies on many tables, steps, and the cluster."""

from itertools import pairwise
from math import hypot, sqrt
from statistics import mean, stdev

import numpy as np
import pandas as pd

from benchmarks.accuracy import TRAINED_ON
from benchmarks.clusters import ONE
from benchmarks.formatting import SPACE, TIMES, amount, percent, significant, with_error
from benchmarks.harness import SKLEARN, SKMLP

# Studies on many tables

RAW, SCALED = "skmlp - sklearn", "skmlp, scaled - sklearn, scaled"
LARGER = "skmlp, larger - RealMLP"
HEADS = {RAW: "X as it is", SCALED: "after StandardScaler", LARGER: "larger setting"}


def study_tables(found):
    """Return the tables on the defaults and on the larger setting, by name."""
    made = {}
    if defaults := found.get("defaults"):
        names = {RAW: "defaults_raw", SCALED: "defaults_scaled"}
        for pair in defaults["summary"]:
            made[names[pair]] = _comparison_table(defaults["comparisons"], pair)
        made["defaults"] = _columns(defaults["summary"], _defaults_column)
    if realmlp := found.get("realmlp"):
        made["realmlp_tables"] = _comparison_table(realmlp["comparisons"], LARGER, share=True)
        made["realmlp"] = _columns(realmlp["summary"], _realmlp_column)
    return made


def _comparison_table(comparisons, pair, share=False):
    """Return the figures of both contestants by table, and perhaps skmlp's share of the time."""
    rows = []
    for found in comparisons:
        sides = [found["figures"][name] for name in pair.split(" - ")]
        difference, error = (found["differences"][pair][key] for key in ("accuracy", "error"))
        rows.append({
            "table": found["table"],
            "X": f"{SPACE}{TIMES} ".join(map(str, found["shape"])),
            "classes": found["classes"],
            "accuracy": _both(f"{side['accuracy']:.4f}" for side in sides),
            "difference": with_error(difference, error, "+"),
            "skmlp": "wins" if difference > error else "ties" if difference >= -error else "loses",
            "log-loss": _both(f"{side['log_loss']:.3f}" for side in sides),
            "time": _both(amount(side["seconds"], "s") for side in sides),
        })  # fmt: skip
        if share:
            ours, theirs = (side["cpu_seconds"] for side in sides)
            rows[-1]["share"] = percent(ours / theirs)
    return pd.DataFrame(rows)


def _both(cells):
    """Join the cells of skmlp and of the other contestant."""
    return f"{SPACE}/ ".join(cells)


def _columns(summary, column):
    """Return a table with a column for each pair."""
    columns = {HEADS.get(pair, "defaults"): column(s) for pair, s in summary.items()}
    return pd.DataFrame(columns).rename_axis("").reset_index()


def _defaults_column(s):
    return {
        "tables": f"{s['tables']}",
        "skmlp wins or ties": f"{s['at_least_ties']}",
        "skmlp is more accurate": f"{s['more_accurate']}",
        "mean accuracy of skmlp": f"{s['mean_accuracy'][0]:.4f}",
        f"mean accuracy of {SKLEARN}": f"{s['mean_accuracy'][1]:.4f}",
        "skmlp has the lower log-loss": f"{s['lower_log_loss']}",
        "mean log-loss of skmlp": f"{s['mean_log_loss'][0]:.3f}",
        f"mean log-loss of {SKLEARN}": f"{s['mean_log_loss'][1]:.3f}",
        "skmlp takes less time": f"{s['faster']}",
        f"times as fast as {SKLEARN}, geometric mean": significant(s["speed"]),
    }


def _realmlp_column(s):
    ours, theirs = s["mean_accuracy"]
    return {
        "tables": f"{s['tables']}",
        "wins": f"{s['wins']}",
        "ties": f"{s['at_least_ties'] - s['wins']}",
        "mean accuracy": f"{ours:.4f}",
        "mean accuracy of RealMLP": f"{theirs:.4f}",
        "difference of the means": with_error(ours - theirs, s["error"], "+"),
        "lower log-loss": f"{s['lower_log_loss']}",
        "mean log-loss": f"{s['mean_log_loss'][0]:.3f}",
        "mean log-loss of RealMLP": f"{s['mean_log_loss'][1]:.3f}",
        "share of RealMLP's time, geometric mean": percent(s["share"]),
        "largest share of its time": percent(s["largest_share"]),
        f"at most 10{SPACE}% of its time": f"{s['within_share']}",
    }


def study_verdicts(found):
    """Return (case, measured, target, found, verdict, missed by, "") of each target."""
    targets = []
    for pair, s in found.get("defaults", {}).get("summary", {}).items():
        name = f"defaults, {'scaled' if pair == SCALED else 'raw'}"
        share = s["at_least_ties"] / s["tables"]
        aim = f"wins or ties on ≥{SPACE}90{SPACE}%"
        targets.append((name, "accuracy", aim, percent(share), 1 - share / 0.9))
        ours, theirs = s["mean_log_loss"]
        aim, found_losses = f"mean below that of {SKLEARN}", f"{ours:.3f} against {theirs:.3f}"
        targets.append((name, "log-loss", aim, found_losses, ours / theirs - 1))
        aim, share = f"less than {SKLEARN} on all", s["faster"] / s["tables"]
        targets.append((name, "time", aim, f"on {percent(share)}", 1 - share))
    if realmlp := found.get("realmlp"):
        s, name = realmlp["summary"][LARGER], "larger setting"
        ours, theirs = s["mean_accuracy"]
        aim, accuracies = "mean at least that of RealMLP", f"{ours:.4f} against {theirs:.4f}"
        targets.append((name, "accuracy", aim, accuracies, 1 - ours / theirs))
        aim, share = f"≤{SPACE}10{SPACE}% of RealMLP's", s["share"]
        targets.append((name, "time", aim, percent(share), share / 0.1 - 1))
    return [
        [*cells, "met" if shortfall <= 0.0 else "missed", percent(shortfall), ""]
        for *cells, shortfall in targets
    ]


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
    """Return the text on the steps: how values were selected, what gained nothing, the test."""
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
            chance = " that can be told from chance" * (gain > -MIN_ERRORS * error)
            notes.append(f"*{after['what']}* gains nothing{chance}: {text}.")
    last = "The test images, looked at once, by the networks of the last step: an accuracy of"
    notes.append(f"{last} **{with_error(*_mean(test))}**.")
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

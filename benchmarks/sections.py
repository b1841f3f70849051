"""The tables of single experiments: studies on many tables, steps, and the cluster."""

from itertools import pairwise
from math import sqrt
from statistics import mean, stdev

import numpy as np

from benchmarks.accuracy import TRAINED_ON
from benchmarks.clusters import ONE
from benchmarks.formatting import SPACE, TIMES, amount, percent, significant, with_error
from benchmarks.harness import SKLEARN, SKMLP

# Studies on many tables

RAW, SCALED = "skmlp - sklearn", "skmlp, scaled - sklearn, scaled"
LARGER = "skmlp, larger - RealMLP"
HEADS = {RAW: "X as it is", SCALED: "after StandardScaler", LARGER: "larger setting"}


def study_tables(found):
    """Return the rows of the tables on the defaults and on the larger setting, by name."""
    made = {}
    if defaults := found.get("defaults"):
        names = {RAW: "defaults_raw", SCALED: "defaults_scaled"}
        for pair in defaults["summary"]:
            made[names[pair]] = _comparison_rows(defaults["comparisons"], pair)
        made["defaults"] = _columns(defaults["summary"], _defaults_column)
    if realmlp := found.get("realmlp"):
        made["realmlp_tables"] = _comparison_rows(realmlp["comparisons"], LARGER, share=True)
        made["realmlp"] = _columns(realmlp["summary"], _realmlp_column)
    return made


def _comparison_rows(comparisons, pair, share=False):
    """Rows: the figures of both contestants on each table; perhaps skmlp's share of the time."""
    heads = ["table", "X", "classes", "accuracy", "difference", "skmlp", "log-loss", "time"]
    rows = [heads + ["share"] * share]
    for found in comparisons:
        ours, theirs = (found["figures"][name] for name in pair.split(" - "))
        difference, error = (found["differences"][pair][key] for key in ("accuracy", "error"))
        cells = {
            "accuracy": [f"{side['accuracy']:.4f}" for side in (ours, theirs)],
            "log-loss": [f"{side['log_loss']:.3f}" for side in (ours, theirs)],
            "time": [amount(side["seconds"], "s") for side in (ours, theirs)],
        }
        cells = {head: f"{SPACE}/ ".join(both) for head, both in cells.items()} | {
            "table": found["table"],
            "X": f"{SPACE}{TIMES} ".join(map(str, found["shape"])),
            "classes": str(found["classes"]),
            "difference": with_error(difference, error, "+"),
            "skmlp": "wins" if difference > error else "ties" if difference >= -error else "loses",
        }
        if share:
            cells["share"] = percent(ours["cpu_seconds"] / theirs["cpu_seconds"])
        rows.append([cells[head] for head in rows[0]])
    return rows


def _columns(summary, column):
    """Rows: one for each key of the columns, with a column for each pair."""
    columns = [column(s) for s in summary.values()]
    rows = [[key, *(values[key] for values in columns)] for key in columns[0]]
    return [["", *(HEADS.get(pair, "defaults") for pair in summary)], *rows]


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
    """Yield (case, quantity, target, found, whether it is met, missed by) of the studies."""
    targets = []
    for pair, s in found.get("defaults", {}).get("summary", {}).items():
        name = f"defaults, {'scaled' if pair == SCALED else 'raw'}"
        ties, faster = s["at_least_ties"] / s["tables"], s["faster"] / s["tables"]
        ours, theirs = s["mean_log_loss"]
        losses = f"{ours:.3f} against {theirs:.3f}"
        targets += [
            (
                name,
                "accuracy",
                f"wins or ties on ≥{SPACE}90{SPACE}%",
                percent(ties),
                1 - ties / 0.9,
            ),
            (name, "log-loss", f"mean below that of {SKLEARN}", losses, ours / theirs - 1),
            (name, "time", f"less than {SKLEARN} on all", f"on {percent(faster)}", 1 - faster),
        ]
    if realmlp := found.get("realmlp"):
        s, name = realmlp["summary"][LARGER], "larger setting"
        ours, theirs = s["mean_accuracy"]
        accuracies, share = f"{ours:.4f} against {theirs:.4f}", s["share"]
        at_most = f"≤{SPACE}10{SPACE}% of RealMLP's"
        targets += [
            (name, "accuracy", "mean at least that of RealMLP", accuracies, 1 - ours / theirs),
            (name, "time", at_most, percent(share), share / 0.1 - 1),
        ]
    for *described, shortfall in targets:
        yield *described, shortfall <= 0.0, percent(shortfall)


# Steps from the network of the notebook

MIN_ERRORS = 2.0  # a gain of fewer standard errors is not significant


def steps_tables(cases):
    """Return the rows of the table of steps: what each changes, its accuracy and its gain."""
    if "steps" not in cases:
        return {}
    *quantities, _ = cases["steps"]["quantities"]
    gains = ["", *(with_error(*_gain(a, b), "+") for a, b in pairwise(quantities))]
    rows = [["step", "validation", "gain", "training"]]
    for quantity, gain in zip(quantities, gains, strict=True):
        changes = quantity["details"]["changes"].items()
        changes = [f"`{parameter}={_python(value)}`" for parameter, value in changes]
        trained_on = mean(quantity["figures"][TRAINED_ON]["turns"])
        step = " ".join([quantity["what"], *changes])
        rows.append([step, with_error(*_mean(quantity)), gain, f"{trained_on:.4f}"])
    return {"steps": rows}


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
        gain, error = _gain(before, after)
        if gain < MIN_ERRORS * error:
            chance = " that can be told from chance" * (gain > -MIN_ERRORS * error)
            notes.append(
                f"*{after['what']}* gains nothing{chance}: {with_error(gain, error, '+')}."
            )
    notes.append(
        "The test images, looked at once, by the networks of the last step: an accuracy of "
        f"**{with_error(*_mean(test))}**."
    )
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
    """Return the difference of two means and its standard error."""
    (a, error_a), (b, error_b) = _mean(before), _mean(after)
    return b - a, sqrt(error_a**2 + error_b**2)


# The cluster

N_ROWS = 1_000_000_000
STATE_BYTES = 12  # per parameter: float32, and Adam's two arrays
CLUSTERS = [(1, 1), (8, 1), (64, 1), (64, 16), (64, 256)]  # workers, rounds in an epoch


def cluster_constants(quantities):
    """Fit the time of an epoch of local training.

    An epoch of n rows in k rounds on W workers, with S bytes of parameters and optimizer state,
    takes about ``n c / W + k (a + W s + 2 W S b)``.

    Returns
    -------
    c, a, s, b : float
        Seconds of a row on one worker, of a round, of a shard in a round, and of a byte through
        the averaging process. c is measured in one process; the others are fitted to rounds on
        few rows, by least squares of the relative errors.
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


def cluster_tables(cases, averaging):
    """Return the rows of the tables on the model of a cluster and on averaging, by name."""
    made = {}
    if "dask" in cases:
        quantities = cases["dask"]["quantities"]
        state = STATE_BYTES * quantities[0]["details"]["n_params"]
        c, a, s, b = cluster_constants(quantities)
        names = ["c, for a row", "a, for a round", "s, for a shard in it", "b, for a megabyte"]
        values = zip(names, (c, a, s, 1e6 * b), strict=True)
        fitted = [[name, amount(value, "s")] for name, value in values]
        rows = [["workers", "rounds", "computing", "sending and waiting", "share", "sent"]]
        for n_workers, n_rounds in CLUSTERS:
            sent, computing = 2 * n_workers * state * n_rounds, N_ROWS * c / n_workers
            rest = n_rounds * (a + n_workers * s) + sent * b
            seconds = [amount(computing, "s"), amount(rest, "s")]
            share = percent(rest / (rest + computing))
            rows.append([str(n_workers), str(n_rounds), *seconds, share, amount(sent / 1e6, "MB")])
        made = {"cluster_constants": [["constant", "found"], *fitted], "cluster_model": rows}
    by_setting = {}
    for row in averaging.get("accuracies", []):
        of_setting = by_setting.setdefault((row["shards"], row["rounds"]), {})
        of_setting[row["kind"]] = f"{np.mean(row['accuracies']):.4f}"
    kinds = list(dict.fromkeys(kind for of_setting in by_setting.values() for kind in of_setting))
    rows = [
        [*map(str, setting), *(accuracies.get(kind, "") for kind in kinds)]
        for setting, accuracies in by_setting.items()
    ]
    return made | {"averaging": [["shards", "rounds", *kinds], *rows]}

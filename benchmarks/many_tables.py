"""What docs/benchmarks.rst says of the defaults, and of a larger setting, on many tables."""

from benchmarks.measure import SKLEARN
from benchmarks.printing import SPACE, TIMES, Verdict, amount, percent, significant, table

__all__ = ["RAW", "SCALED", "parts", "tables", "verdicts"]

RAW, SCALED = "skmlp - sklearn", "skmlp, scaled - sklearn, scaled"
LARGER = "skmlp, larger - RealMLP"
TITLES = {"defaults_raw": "X as it is", "defaults_scaled": "X after StandardScaler"}


def tables(found):
    """Return the rows of the tables, by name, of what was measured."""
    made = {}
    if "defaults" in found:
        comparisons, summary = (found["defaults"][key] for key in ("comparisons", "summary"))
        names = {RAW: "defaults_raw", SCALED: "defaults_scaled"}
        made |= {names[pair]: _comparison_rows(comparisons, pair) for pair in summary}
        made["defaults"] = _summary_rows(summary)
    if "realmlp" in found:
        comparisons, summary = (found["realmlp"][key] for key in ("comparisons", "summary"))
        made["realmlp_tables"] = _comparison_rows(comparisons, LARGER, _shares)
        made["realmlp"] = _larger_rows(summary)
    return made


def parts(tables):
    """Return what the page includes, by names of files; nothing where nothing was measured."""
    made = {"defaults": "", "realmlp": ""}
    if "defaults.csv" in tables:
        details = [table(name, title) for name, title in TITLES.items() if f"{name}.csv" in tables]
        made["defaults"] = "\n".join([table("defaults"), *details])
    if "realmlp.csv" in tables:
        made["realmlp"] = "\n".join([table("realmlp"), table("realmlp_tables")])
    return made


def verdicts(found):
    """Return what became of the targets over all tables."""
    made = []
    for pair, summary in found.get("defaults", {}).get("summary", {}).items():
        made += _verdicts_on_defaults("scaled" if pair == SCALED else "raw", summary)
    if "realmlp" in found:
        made += _verdicts_on_larger(found["realmlp"]["summary"][LARGER])
    return made


def _comparison_rows(comparisons, pair, shares=None):
    """Rows: what both gave on each table, and perhaps what share of time that took."""
    rows = [["table", "X", "classes", "accuracy", "difference", "skmlp", "log-loss", "time"]]
    rows[0] += ["share"] * bool(shares)
    for found in comparisons:
        sides = [found["figures"][who] for who in pair.split(" - ")]
        difference, error = (found["differences"][pair][key] for key in ("accuracy", "error"))
        verdict = "wins" if difference > error else "ties" if difference >= -error else "loses"
        rows.append([
            found["table"],
            f"{SPACE}{TIMES} ".join(map(str, found["shape"])),
            str(found["classes"]),
            _both(f"{side['accuracy']:.4f}" for side in sides),
            f"{difference:+.4f} ±{SPACE}{error:.4f}",
            verdict,
            _both(f"{side['log_loss']:.3f}" for side in sides),
            _both(amount(side["seconds"], "s") for side in sides),
            *(shares(*sides) if shares else ()),
        ])  # fmt: skip
    return rows


def _shares(ours, theirs):
    """Return one cell: what share of their processor's seconds ours are."""
    return [percent(ours["cpu_seconds"] / theirs["cpu_seconds"])]


def _both(cells):
    """Return what skmlp gave and what the other gave as one cell."""
    return f"{SPACE}/ ".join(cells)


def _columns(heads, sides):
    """Rows: what is said of each side, with a column for it."""
    rows = [["", *heads]]
    return rows + [[what, *(side[what] for side in sides)] for what in sides[0]]


def _summary_rows(summary):
    """Rows: counts and means over the tables, with a column for each kind of X."""
    heads = {RAW: "X as it is", SCALED: "after StandardScaler"}
    sides = [{
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
    } for s in summary.values()]  # fmt: skip
    return _columns([heads[pair] for pair in summary], sides)


def _larger_rows(summary):
    """Rows: the larger setting and the defaults beside RealMLP, with a column for each."""
    sides = [{
        "tables": f"{s['tables']}",
        "wins": f"{s['wins']}",
        "ties": f"{s['at_least_ties'] - s['wins']}",
        "mean accuracy": f"{s['mean_accuracy'][0]:.4f}",
        "mean accuracy of RealMLP": f"{s['mean_accuracy'][1]:.4f}",
        "difference of the means": _mean_difference(s),
        "lower log-loss": f"{s['lower_log_loss']}",
        "mean log-loss": f"{s['mean_log_loss'][0]:.3f}",
        "mean log-loss of RealMLP": f"{s['mean_log_loss'][1]:.3f}",
        "share of RealMLP's time, geometric mean": percent(s["share"]),
        "largest share of its time": percent(s["largest_share"]),
        f"at most 10{SPACE}% of its time": f"{s['within_share']}",
    } for s in summary.values()]  # fmt: skip
    heads = {LARGER: "larger setting"}
    return _columns([heads.get(pair, "defaults") for pair in summary], sides)


def _mean_difference(s):
    """Return by how much the mean accuracies differ, and the standard error of that."""
    ours, theirs = s["mean_accuracy"]
    return f"{ours - theirs:+.4f} ±{SPACE}{s['error']:.4f}"


def _verdicts_on_defaults(kind, s):
    """Return what became of the targets that the defaults have."""
    ties, faster = s["at_least_ties"] / s["tables"], s["faster"] / s["tables"]
    ours, theirs = s["mean_log_loss"]
    losses = f"{ours:.3f} against {theirs:.3f}"
    aims = [
        ("accuracy", f"wins or ties on ≥{SPACE}90{SPACE}%", percent(ties), 1.0 - ties / 0.9),
        ("log-loss", f"mean below that of {SKLEARN}", losses, ours / theirs - 1.0),
        ("time", f"less than {SKLEARN} on all", f"on {percent(faster)}", 1.0 - faster),
    ]
    return [_verdict(f"defaults, {kind}", *aim) for aim in aims]


def _verdicts_on_larger(s):
    """Return what became of the targets that the larger setting has."""
    ours, theirs = s["mean_accuracy"]
    found = f"{ours:.4f} against {theirs:.4f}"
    aims = [
        ("accuracy", "mean at least that of RealMLP", found, 1.0 - ours / theirs),
        ("time", f"≤{SPACE}10{SPACE}% of RealMLP's", percent(s["share"]), s["share"] / 0.1 - 1.0),
    ]
    return [_verdict("larger setting", *aim) for aim in aims]


def _verdict(name, measured, target, found, short):
    return Verdict(name, measured, target, found, short <= 0.0, percent(short))

"""``python -m benchmarks.arena page``: tables, plots and text of docs/arena.rst, from results.

::

    python -m benchmarks.arena page --ours ours.csv curves_ours.csv --ablations variants.csv

Files of results may have rows of learning curves, whose tables have names such as "german@50".
Without arguments, the files kept in benchmarks/arena are used, and files that do not exist yet
leave gaps in the page. What the variants of an ablation change may be told in a JSON file of the
same name as theirs, from name to text.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import arena_choosing, arena_summary, arena_tables
from benchmarks.arena_contestants import PEERS
from benchmarks.arena_frames import LONG_WAY
from benchmarks.arena_results import (
    ACCURATE,
    DEFAULT,
    MIN_SHARE,
    compared,
    curve_differences,
    curve_means,
    curve_rows,
    groups,
    in_order,
    is_ours,
    means,
    of_part,
    on_tables,
    on_unseen,
    points,
    read,
    shown,
)
from benchmarks.formatting import SPACE, amount, significant
from benchmarks.page import README, markdown_table, with_block

FOLDER = Path(__file__).parents[1] / "docs" / "benchmarks"
MLP, LOGISTIC, REALMLP = "MLPClassifier", "LogisticRegression", "RealMLP_TD_S"
TREES = "HistGradientBoosting", "XGBoost", "LightGBM"
NO_RESULTS = "*Not measured yet.*\n"

# By file: the title of the table, after a space, if there are several in a part.
TITLES = {
    "arena_contestants": "", "arena_means": "", "arena_partial": "", "arena_means_noisy": "",
    "arena_pairs": " Unseen tables of at least 1,000 rows",
    "arena_pairs_noisy": " Noisy tables among them",
    "arena_targets": "", "arena_behind": "", "arena_tables": " Unseen tables",
    "arena_tables_development": " Development tables",
    "arena_curves": " Accuracy in percent / log-loss, means over the sources",
    "arena_curves_pairs": " Differences, with standard errors over the splits",
    "arena_curves_behind": " Behind by more than two standard errors", "arena_frames": "",
    "arena_frames_partial": " Contestants with fewer fits, on the tables that they have",
    "arena_frames_pairs": " Differences from each of the others",
    "arena_frames_tables": " Unseen tables",
    "arena_frames_tables_development": " Development tables",
    "arena_frames_ablations": "", "arena_ablations": "", "arena_members": "",
    "arena_choosing": " Accuracy, in points", "arena_choosing_log_loss": " Log-loss, ratio",
    "arena_ablations_tables": " Accuracy in points, by table",
}  # fmt: skip
PARTS = {
    "arena_contestants": ["arena_contestants"],
    "arena_means": ["arena_means"],
    "arena_partial": ["arena_partial"],
    "arena_means_noisy": ["arena_means_noisy"],
    "arena_pairs": ["arena_pairs", "arena_pairs_noisy"],
    "arena_targets": ["arena_targets"],
    "arena_behind": ["arena_behind"],
    "arena_tables": ["arena_tables", "arena_tables_development"],
    "arena_curves": ["arena_curves", "arena_curves_pairs", "arena_curves_behind"],
    "arena_frames": ["arena_frames", "arena_frames_partial", "arena_frames_pairs"],
    "arena_frames_tables": ["arena_frames_tables", "arena_frames_tables_development"],
    "arena_frames_ablations": ["arena_frames_ablations"],
    "arena_ablations": ["arena_ablations", "arena_ablations_tables"],
    "arena_choosing": ["arena_choosing", "arena_choosing_log_loss"],
    "arena_members": ["arena_members"],
}
# By part: the alternative text and the caption.
PLOTS = {
    "arena_means": (
        "arena",
        "Mean accuracy over the mean seconds of a fit, a point for each contestant.",
        "Mean accuracy over the mean seconds of a fit, on the unseen tables of at least 1,000 "
        "rows. Above and to the left is better; nothing is both faster and more accurate than the "
        "points that the line connects.",
    ),
    "arena_curves": (
        "arena_curves",
        "Accuracy and log-loss over the number of training rows, a curve for each contestant.",
        "Mean accuracy and log-loss over the number of training rows, for the sources that have "
        "all numbers of rows.",
    ),
}

HOLLOW = (
    " Hollow points have results of some of the tables only. They are placed by their difference "
    "from the mean of the others on these tables, and by the ratio of the times."
)


# The command


def add_arguments(add):
    """Add the arguments of the page."""
    add("--ours", nargs="+", type=Path, metavar="CSV", help="skmlp's results, of curves as well")
    add("--ablations", nargs="+", type=Path, metavar="CSV", help="results of variants of skmlp")
    add("--peers", nargs="+", type=Path, metavar="CSV", help="the other packages' results")
    add("--frames", nargs="+", type=Path, metavar="CSV", help="all results on data frames")
    add("--frame-ablations", nargs="+", type=Path, metavar="CSV", help="of variants on data frames")
    add("--folder", type=Path, default=FOLDER, help="where the files are written")


def main(args):
    """Write the files of docs/arena.rst, and print their names."""
    files = args.ours, args.ablations, args.peers, args.frames, args.frame_ablations
    results = read(*files)
    names = write(results, args.folder)
    if args.folder == FOLDER:  # README.md has the project's own figures only
        text = updated_readme(README.read_text(encoding="utf-8"), results)
        README.write_text(text, encoding="utf-8", newline="\n")
        names.append(README.name)
    print(*names, sep="\n")


# README.md

README_START = "<!-- made by python -m benchmarks.arena page -->\n"
README_COLUMNS = ["accuracy", "balanced", "log_loss", "ece", "fit_seconds"]
# What people would pick instead: one of each kind, of which the page has others.
FRONT = ["CatBoost", "skmlp default", "RealMLP_TD_S", "LightGBM", "MLPClassifier"]


def front_rows(results):
    """Return the rows of README.md and of the first page: a few contestants on unseen tables."""
    unseen, _ = groups(results)
    rows = shown(of_part(pd.concat([results.ours, results.peers])), unseen).rows
    return rows[rows["contestant"].isin(FRONT)]


def _front(rows):
    """Return their means as text."""
    return _means(rows)[["contestant", *(MEANS[name][0] for name in README_COLUMNS)]]


def updated_readme(text, results):
    """Return the text of README.md with the means over the unseen tables."""
    rows = front_rows(results)
    table = _front(rows)
    n_splits = len(rows[["table", "seed"]].drop_duplicates())
    note = (
        f"Means over {rows['table'].nunique()} real tables of at least 1,000 rows that were not "
        f"used to choose defaults of skmlp ({n_splits} splits). Each package has its defaults and "
        "one thread. The best figures are bold. ECE is the expected calibration error."
    )
    cells = [["" if name == "contestant" else name for name in table], *table.to_numpy().tolist()]
    return with_block(text, README_START, f"{markdown_table(cells)}\n\n{note}\n")


# Files


def write(results, folder=FOLDER):
    """Write all files, remove those of a former page that are not made; return their names."""
    made = texts(results)
    for name, text in made.items():
        Path(folder, name).write_text(text, encoding="utf-8", newline="\n")
    from benchmarks import arena_plots  # needs matplotlib

    drawn = arena_plots.draw(results, folder)
    old = [*(f"{name}.csv" for name in TITLES), *(f"{name}.svg" for name, *_ in PLOTS.values())]
    for name in {*old} - {*made, *drawn}:
        Path(folder, name).unlink(missing_ok=True)
    return [*made, *drawn]


def texts(results):
    """Return the contents of all files except the plots, by name."""
    tables = {name: table for name, table in _tables(results).items() if len(table)}
    made = {
        f"{name}.csv": table.to_csv(index=False, lineterminator="\n")
        for name, table in tables.items()
    }
    notes = _notes(results)
    for part, names in PARTS.items():
        blocks = [notes[part]] if part in notes else []
        if part in PLOTS and names[0] in tables:
            name, alt, caption = PLOTS[part]
            hollow = part == "arena_means" and points(on_unseen(results))[1]
            blocks.append(_figure(name, alt, caption + HOLLOW * bool(hollow)))
        blocks += [_directive(name) for name in names if name in tables]
        made[f"{part}.txt"] = "\n".join(blocks) or NO_RESULTS
    made["arena_counts.txt"] = _counts(results)
    rows = front_rows(results)
    if len(rows):
        made["arena_front.csv"] = _front(rows).to_csv(index=False, lineterminator="\n")
    return made


def _figure(name, alt, caption):
    return f".. figure:: /benchmarks/{name}.svg\n   :alt: {alt}\n\n   {caption}\n"


def _directive(name):
    options = f"   :file: {name}.csv\n   :header-rows: 1\n   :stub-columns: 1\n"
    return f".. csv-table::{TITLES[name]}\n{options}"


def _tables(results):
    """Return all tables by name; empty ones are not shown."""
    unseen, noisy = groups(results)
    peers, ours = of_part(results.peers), of_part(results.ours)
    together = pd.concat([ours, peers])
    found = {"arena_contestants": _contestants(results.runs)}
    for suffix, names in (("", unseen), ("_noisy", noisy)):
        group = shown(together, names)
        found[f"arena_means{suffix}"] = _means(group.rows)
        found[f"arena_pairs{suffix}"] = _pairs(*on_tables(names, ours, peers))
        if not suffix:
            found["arena_partial"] = _partial(group.partial)
    found["arena_targets"] = _targets(results, unseen, noisy)
    found["arena_behind"] = _behind(ours, peers, unseen)
    found["arena_tables"] = _by_table(together, arena_tables.names("unseen"))
    found["arena_tables_development"] = _by_table(together, arena_tables.names("development"))
    found |= _choosing(results, unseen, noisy)
    return found | _curves(results) | _frames(results, unseen) | _ablations(results)


def _notes(results):
    """Return the sentences before tables that depend on the results, by part."""
    unseen, noisy = groups(results)
    together, frames = of_part(pd.concat([results.ours, results.peers])), of_part(results.frames)
    parts = [("arena_means", together, unseen), ("arena_means_noisy", together, noisy)]
    parts += [("arena_frames", frames, unseen)] if len(frames) else []
    notes = {}
    for part, rows, names in parts:
        group = shown(rows, names)
        n_fits = len(group.rows[["table", "seed"]].drop_duplicates())
        text = f"{group.rows['table'].nunique()} tables, {n_fits} fits of each contestant."
        if len(group.lacking):
            lacking = ", ".join(f"{name} {n}" for name, n in group.lacking.items())
            text += f" Of {group.n_cases} tables and splits, some are left out because a "
            text += f"contestant has no result of them: {lacking}."
        notes[part] = f"{text}\n"
    if not on_unseen(results).partial:
        notes["arena_partial"] = "All contestants have nearly all results.\n"
    if results.ours["seed"].nunique() > 1 and not len(
        _behind(*map(of_part, (results.ours, results.peers)), unseen)
    ):
        notes["arena_behind"] = "None.\n"
    return notes


def _counts(results):
    """Return the sentence on the numbers of tables."""
    unseen, noisy = groups(results)
    kinds = {kind: len(arena_tables.names(kind)) for kind in ("development", "unseen")}
    n_seeds = results.peers["seed"].nunique()
    return (
        f"There are {kinds['development']} development tables and {kinds['unseen']} unseen ones, "
        f"of which {len(unseen)} have at least 1,000 rows and {len(noisy)} of these are noisy. "
        f"Each is split {n_seeds} times.\n"
    )


def _contestants(runs):
    """Return version, threads and numbers of fits of every contestant, and what failed."""
    rows = []
    runs = runs[~runs["table"].str.contains("@").astype(bool)]
    by_name = dict(list(runs.groupby("contestant")))
    for name in in_order(by_name):
        those = by_name[name]
        package = PEERS[name][0] if name in PEERS else "skmlp"
        package = {"sklearn": "scikit-learn"}.get(package, package)
        failed = those.loc[those["status"] != "ok", "status"].str.split(":").str[0]
        rows.append({
            "contestant": name,
            "package": f"{package} {', '.join(sorted(those['version'].dropna().unique()))}",
            "threads": ", ".join(map(str, sorted(those["threads"].unique()))),
            "tables": those.loc[those["status"] == "ok", "table"].nunique(),
            "fits": int((those["status"] == "ok").sum()),
            "failed": ", ".join(f"{what} {n}" for what, n in failed.value_counts().items()),
        })  # fmt: skip
    return pd.DataFrame(rows)


# Means and pairs


def _percent(value):
    return f"{100 * value:.2f}"


def _three(value):
    return f"{value:.3f}"


def _four(value):
    return f"{value:.4f}"


# By name of a mean: the head of its column, how it is shown, and which is best.
MEANS = {
    "accuracy": ("accuracy, %", _percent, "max"),
    "log_loss": ("log-loss", _three, "min"),
    "fit_seconds": ("fit", lambda value: amount(value, "s"), "min"),
    "balanced": ("balanced, %", _percent, "max"),
    "auc": ("AUC", _three, "max"),
    "ece": ("ECE", _three, "min"),
    "rank_accuracy": ("rank, accuracy", significant, "min"),
    "rank_log_loss": ("rank, log-loss", significant, "min"),
    "predict_seconds": ("predict", lambda value: amount(value, "s"), "min"),
    "memory_mb": ("memory", lambda value: amount(value, "MB"), "min"),
}


def _means(rows):
    """Return means as text; the best of each column are bold."""
    if not len(rows):
        return pd.DataFrame()
    found = means(rows)
    cells = pd.DataFrame({"contestant": found.index})
    for name, (head, form, which) in MEANS.items():
        texts, best = [form(value) for value in found[name]], form(getattr(found[name], which)())
        cells[head] = [f"**{text}**" if text == best else text for text in texts]
    return cells


def _partial(partial):
    """Return the means on the tables of each contestant that has fewer, one below the other."""
    blocks = []
    for name, rows in partial.items():
        block = _means(rows)
        block = block.iloc[np.argsort(block["contestant"] != name, kind="stable")]
        titles = [f"{name}: {rows['table'].nunique()}", *[""] * (len(block) - 1)]
        blocks.append(block.assign(**{"tables of": titles})[["tables of", *block]])
    return pd.concat(blocks) if blocks else pd.DataFrame()


def _with_error(value, error, form="+.2f"):
    """Format a difference with its standard error, which is unknown for a single value."""
    text = f"{value:{form}}"
    return text if np.isnan(error) else f"{text} ±{SPACE}{error:{form.lstrip('+')}}"


def _points(value, error=np.nan):
    """Format a difference of accuracies, in points."""
    return _with_error(100 * value, 100 * error)


def _pairs(ours, peers):
    rows = []
    for name, other, found in compared(ours, peers):
        if name == other:
            continue
        rows.append({
            "skmlp": name.removeprefix("skmlp "),
            "minus": other,
            "tables": found["tables"],
            "accuracy, points": _points(found["accuracy"], found["accuracy_error"]),
            "won / lost": f"{found['wins']}{SPACE}/{SPACE}{found['losses']}",
            "balanced, points": _points(found["balanced"], found["balanced_error"]),
            "log-loss, ratio": _three(found["log_loss_quotient"]),
            "fit time, ratio": significant(found["fit_seconds_quotient"]),
            "AUC": f"{found['auc']:+.3f}",
            "ECE": f"{found['ece']:+.3f}",
        })  # fmt: skip
    return pd.DataFrame(rows)


def _choosing(results, unseen, noisy):
    """Return the tables of docs/choosing.rst."""
    rows = of_part(pd.concat([results.ours, results.peers]))
    if not (rows["contestant"] == DEFAULT).any():
        return {}
    accuracy, log_loss = arena_choosing.by_kind(rows, unseen, noisy, _points)
    members = arena_choosing.members(of_part(results.ours), unseen, _points)
    names = "arena_choosing", "arena_choosing_log_loss", "arena_members"
    return dict(zip(names, (accuracy, log_loss, members), strict=True))


# Tables one by one


def _by_table(rows, names):
    """Return what each table is, and the accuracy of each contestant on it."""
    (rows,) = on_tables(names, rows)
    if not len(rows):
        return pd.DataFrame()
    accuracy = rows.pivot_table("accuracy", "table", "contestant")
    accuracy = accuracy[in_order(accuracy.columns)]
    shape = rows.groupby("table")[["rows", "columns", "classes"]].max()
    cells = []
    for name in (name for name in names if name in accuracy.index):
        table, best = arena_tables.TABLES[name], _one(accuracy.loc[name].max())
        origin = f"{table.source}, {table.item}" if table.source != "tables" else "tables.py"
        texts = {head: _one(value) for head, value in accuracy.loc[name].items()}
        bold = {head: f"**{text}**" if text == best else text for head, text in texts.items()}
        cells.append({"table": name, "source": f"`{origin}`", **shape.loc[name], **bold})
    return pd.DataFrame(cells)


def _one(value):
    return "" if np.isnan(value) else f"{100 * value:.1f}"


def _behind(ours, peers, unseen):
    """Return the tables on which skmlp is clearly behind MLPClassifier or LogisticRegression."""
    rows, own = [], dict(list(ours.groupby("contestant")))
    size = peers.groupby("table")["rows"].first()
    checks = (("accuracy, points", MLP, arena_summary.behind, _points),
              ("log-loss", LOGISTIC, arena_summary.above, _four_with_error))  # fmt: skip
    for name in in_order(own):
        for what, other, find, form in checks:
            pairs = arena_summary.paired(own[name], peers[peers["contestant"] == other])
            for table, found in find(pairs).iterrows():
                development = table in arena_tables.names("development")
                kind = "development" if development else "unseen"
                rows.append({
                    "table": table,
                    "rows": size[table],
                    "kind": kind if development or table in unseen else f"{kind}, small",
                    "skmlp": name.removeprefix("skmlp "),
                    "minus": other,
                    "what": what,
                    "difference": form(found["mean"], found["error"]),
                })  # fmt: skip
    rows.sort(key=lambda row: (row["what"], row["kind"] == "development", row["kind"]))
    return pd.DataFrame(rows)


def _four_with_error(value, error):
    return _with_error(value, error, "+.4f")


# Targets


def _targets(results, unseen, noisy):
    """Return the targets of the default and of the preset, and how far each is reached."""
    ours, peers = on_tables(unseen, of_part(results.ours), of_part(results.peers))
    by_name = {}
    for name, other, found in compared(ours, peers):
        by_name.setdefault(name, {})[other] = found
    rows = []
    if found := by_name.get(DEFAULT):
        rows += _default_targets(found)
        rows += _table_targets(ours[ours["contestant"] == DEFAULT], peers, noisy)
    rows += _curve_targets(results)
    if (found := by_name.get(ACCURATE, {})) and REALMLP in found:
        rows += _accurate_targets(found)
    return pd.DataFrame(rows)


def _target(name, aim, n_tables, found, shortfall, form):
    missed = shortfall > 1e-12
    return {
        "skmlp": name.removeprefix("skmlp "), "target": aim, "tables": n_tables, "found": found,
        "verdict": "missed" if missed else "reached",
        "missed by": form(shortfall) if missed else "",
    }  # fmt: skip


def _gain(name, found, aim, names, margin, metric="accuracy"):
    """Return the target of a difference of accuracies from the best of some peers."""
    best = min((other for other in names if other in found), key=lambda n: found[n][metric])
    pair = found[best]
    text = _points(pair[metric], pair[f"{metric}_error"])
    if best not in aim:
        text += f", {best}"
    return _target(name, aim, pair["tables"], text, 100 * (margin - pair[metric]), "{:.2f}".format)


def _share(name, found, aim, names, limit, quantity="log_loss"):
    """Return the target of a quotient with the best of some peers."""
    key = f"{quantity}_quotient"
    best = max((other for other in names if other in found), key=lambda n: found[n][key])
    text = _three(found[best][key]) + (f", {best}" if best not in aim else "")
    return _target(name, aim, found[best]["tables"], text, found[best][key] - limit, _three)


def _default_targets(found):
    """Return the targets of means of the default."""
    trees, name = [other for other in TREES if other in found], DEFAULT
    everyone = [other for other, pair in found.items() if pair["share"] >= MIN_SHARE]
    rivals = [other for other in (MLP, *TREES) if other in found]
    rows = []
    if MLP in found:
        rows.append(_gain(name, found, f"accuracy ≥ {MLP}'s + 2 points", [MLP], 0.02))
    if trees:
        aim = "accuracy ≥ the best boosted trees' + 0.7 points"
        rows.append(_gain(name, found, aim, trees, 0.007))
    if rivals:
        aim = f"log-loss ≤ 0.85 of the best of {MLP} and boosted trees"
        rows.append(_share(name, found, aim, rivals, 0.85))
    if everyone:
        aim = "log-loss ≤ 0.85 of the best of all"
        rows.append(_share(name, found, aim, everyone, 0.85))
        aim = "balanced accuracy ≥ that of any"
        rows.append(_gain(name, found, aim, everyone, 0.0, "balanced"))
    if MLP in found:
        aim = f"total fit time ≤ {MLP}'s"
        rows.append(_share(name, found, aim, [MLP], 1.0, "fit_seconds"))
        aim, pair = f"calibration error ≤ {MLP}'s", found[MLP]
        text = _four_with_error(pair["ece"], pair["ece_error"])
        rows.append(_target(name, aim, pair["tables"], text, pair["ece"], _four))
    return rows


def _table_targets(own, peers, noisy):
    """Return the targets of the default on single tables."""
    rows = []
    pairs = arena_summary.paired(own, peers[peers["contestant"] == MLP])
    aim = f"no table behind {MLP} by 1 point and two errors"
    rows.append((aim, pairs, arena_summary.behind(pairs)))
    (own,) = on_tables(noisy, own)
    pairs = arena_summary.paired(own, peers[peers["contestant"] == LOGISTIC])
    aim = f"no noisy table's log-loss above {LOGISTIC}'s by 2{SPACE}% and two errors"
    rows.append((aim, pairs, arena_summary.above(pairs)))
    found = []
    for aim, pairs, worse in rows:
        n_judged = arena_summary.difference(pairs, "accuracy")["error"].notna().sum()
        if n_judged:
            found.append(_target(DEFAULT, aim, n_judged, str(len(worse)), len(worse), str))
    return found


def _curve_targets(results):
    """Return the target of few rows: the sizes at which the mean over sources is worse."""
    rows = []
    for other in (MLP, LOGISTIC):
        for metric, title in (("accuracy", "accuracy"), ("log_loss", "log-loss")):
            found = [d for d in curve_differences(results, metric) if d[1:3] == (DEFAULT, other)]
            if found:
                worse = [n for n, *_, verdict in found if verdict]
                text = ", ".join(map(str, worse)) or "none"
                aim = f"few rows, {title}: at no number behind {other} by two errors"
                n_sources = max(len(by_source) for *_, by_source, _ in found)
                rows.append(_target(DEFAULT, aim, n_sources, text, len(worse), str))
    return rows


def _accurate_targets(found):
    """Return the targets of the preset, on the tables that RealMLP has."""
    name = ACCURATE
    trees = [other for other in (*TREES, "CatBoost") if other in found]
    rows = [
        _gain(name, found, f"accuracy ≥ {REALMLP}'s + 0.7 points", [REALMLP], 0.007),
        _share(name, found, f"log-loss ≤ 0.75 of {REALMLP}'s", [REALMLP], 0.75),
        _share(name, found, f"fit time ≤ 1/4 of {REALMLP}'s", [REALMLP], 0.25, "fit_seconds"),
    ]
    if trees:
        aim = "accuracy ≥ all boosted trees' + 1 point"
        rows.append(_gain(name, found, aim, trees, 0.01))
    return rows


# Learning curves


def _curves(results):
    """Return the tables of the learning curves."""
    rows = curve_rows(results)
    if not len(rows):
        return {}
    table = pd.DataFrame({"rows": sorted(rows["n"].unique())})
    table["sources"] = rows.groupby("n")["source"].nunique().to_numpy()
    accuracy, loss = (curve_means(rows, metric) for metric in ("accuracy", "log_loss"))
    for name in accuracy:
        both = zip(accuracy[name], loss[name], strict=True)
        table[name] = [f"{_percent(a)}{SPACE}/ {_three(b)}" for a, b in both]
    found, behind = {}, []
    for metric, title, form, sign in (("accuracy", "accuracy, points", _points, 1),
                                      ("log_loss", "log-loss", _four_with_error, -1)):  # fmt: skip
        for n, name, other, mean, error, by_source, worse in curve_differences(results, metric):
            key = {"rows": n, "skmlp": name.removeprefix("skmlp "), "minus": other}
            cells = found.setdefault((n, name, other), key | {"sources": len(by_source)})
            cells[title] = form(mean, error)
            those = by_source[sign * by_source["mean"] < -2 * by_source["error"]]
            listed = [("mean of all", mean, error)] * worse + list(those.itertuples(name=None))
            for source, *figures in listed:
                cells = {"source": source.partition("@")[0], "what": title}
                behind.append(key | cells | {"difference": form(*figures)})
    return {
        "arena_curves": table,
        "arena_curves_pairs": pd.DataFrame(found.values()),
        "arena_curves_behind": pd.DataFrame(behind),
    }


# Data frames


def _frames(results, unseen):
    """Return the tables of the mixed tables as data frames."""
    rows = of_part(results.frames)
    own = rows[rows["contestant"].map(is_ours).astype(bool)]
    others = rows[rows["contestant"] != DEFAULT]
    group = shown(rows, unseen)
    found = {
        "arena_frames": _means(group.rows),
        "arena_frames_partial": _partial(group.partial),
        "arena_frames_pairs": _pairs(*on_tables(unseen, own, others)),
    }
    both = (rows[rows["contestant"] == name] for name in (DEFAULT, LONG_WAY))
    gains = arena_summary.difference(arena_summary.paired(*both), "accuracy")
    for kind, suffix in (("unseen", ""), ("development", "_development")):
        table = _by_table(rows, arena_tables.names(kind))
        if len(table) and len(gains):
            points = {name: _points(row["mean"], row["error"]) for name, row in gains.iterrows()}
            table["default - long way"] = table["table"].map(points).fillna("")
        found[f"arena_frames_tables{suffix}"] = table
    variants = _ablations(results._replace(ablations=results.frame_ablations))
    return found | {"arena_frames_ablations": variants["arena_ablations"]}


# Ablations


def _ablations(results):
    """Return the differences of the variants from the default, on validation parts."""
    rows = of_part(results.ablations, "valid")
    base = rows[rows["contestant"] == DEFAULT]
    groups = _ablation_groups(results.peers)
    summary, by_table = [], {}
    for name in rows["contestant"].unique():
        pairs = arena_summary.paired(rows[rows["contestant"] == name], base)
        if name == DEFAULT or not len(pairs):
            continue
        short = name.removeprefix("skmlp ")
        change = {"variant": short, "change": results.changes.get(short, "")}
        for group, names in groups.items():
            (those,) = on_tables(names, pairs)
            if len(those):
                summary.append(change | {"on": group, **_ablation(those)})
                change = dict.fromkeys(change, "")
        points = arena_summary.difference(pairs, "accuracy").iterrows()
        by_table[short] = {t: _points(row["mean"], row["error"]) for t, row in points}
    frame = pd.DataFrame(by_table).reindex(arena_tables.names("development")).dropna(how="all")
    kinds = {name: group for group, names in list(groups.items())[1:] for name in names}
    frame.insert(0, "kind", [kinds.get(name, "") for name in frame.index])
    summary = pd.DataFrame(summary)
    if len(summary) and not summary["change"].any():
        summary = summary.drop(columns="change")
    return {
        "arena_ablations": summary,
        "arena_ablations_tables": frame.rename_axis("table").reset_index().fillna(""),
    }


def _ablation_groups(peers):
    """Return the development tables by kind; the best peer decides what is saturated."""
    peers = peers[peers["table"].isin(arena_tables.names("development"))]
    best = peers.groupby(["table", "contestant"])["test_accuracy"].mean().groupby("table").max()
    large = peers.groupby("table")["rows"].first() >= arena_summary.MIN_ROWS
    noisy = best < arena_summary.NOISY
    return {
        "all": best.index,
        "below 1,000 rows": best.index[~large],
        "saturated": best.index[large & ~noisy],
        "noisy": best.index[large & noisy],
    }


def _ablation(pairs):
    """Return the mean differences over tables, with their standard errors."""
    cells = {"tables": pairs["table"].nunique(), "fits": len(pairs)}
    for metric, head in (("accuracy", "accuracy, points"), ("balanced", "balanced, points")):
        by_table = arena_summary.difference(pairs, metric)["mean"]
        cells[head] = _points(by_table.mean(), by_table.sem())
    sides = pairs.groupby("table")[["log_loss_a", "log_loss_b", "fit_seconds_a", "fit_seconds_b"]]
    sides = sides.mean()
    losses = (sides["log_loss_a"] - sides["log_loss_b"]) / sides["log_loss_b"].mean()
    cells["log-loss, %"] = _points(losses.mean(), losses.sem())
    quotient = sides["fit_seconds_a"].sum() / sides["fit_seconds_b"].sum()
    return cells | {"fit time, ratio": significant(quotient)}

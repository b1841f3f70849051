"""The arena's results as its page shows them: who is compared with whom, on which tables."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks import arena_summary
from benchmarks.arena_contestants import DEFAULT, PEERS

RESULTS = Path(__file__).parent / "arena"
ACCURATE = "skmlp accurate"
MIN_SHARE = 0.9  # of skmlp's cases, to be compared on the tables that all have
MIN_DRAWN = 0.5  # of these tables, to be placed in the picture


class Results(NamedTuple):
    """Rows of results that are complete: metrics have the names "valid_..." and "test_..."."""

    peers: pd.DataFrame
    ours: pd.DataFrame
    curves_peers: pd.DataFrame
    curves_ours: pd.DataFrame
    ablations: pd.DataFrame
    changes: dict  # text by variant
    runs: pd.DataFrame  # all rows except those of ablations, also of fits that failed
    frames: pd.DataFrame  # of mixed tables as data frames, of all contestants
    frame_ablations: pd.DataFrame


def read(ours=None, ablations=None, peers=None, frames=None, frame_ablations=None):
    """Return the results of files; those kept in benchmarks/arena stand for what is not given."""
    peers = peers or _kept("peers.csv", "curves_peers.csv")
    ours = _kept("ours.csv", "curves_ours.csv") if ours is None else ours
    ablations = _kept("ablations.csv") if ablations is None else ablations
    frames = _kept("frames_ours.csv", "frames_peers.csv") if frames is None else frames
    if frame_ablations is None:
        frame_ablations = _kept("frames_ablations.csv")
    theirs = _read(peers)
    own, variants, framed, framed_variants = (
        _read(paths) if paths else theirs[:0]
        for paths in (ours, ablations, frames, frame_ablations)
    )
    names = [path.with_suffix(".json") for path in ablations]
    texts = [json.loads(path.read_text(encoding="utf-8")) for path in names if path.exists()]
    parts = {}
    for kind, rows in (("peers", theirs), ("ours", own)):
        rows = _complete(rows)
        few = rows["table"].str.contains("@").astype(bool)
        parts |= {kind: rows[~few], f"curves_{kind}": rows[few]}
    return Results(
        **parts,
        ablations=_complete(variants),
        changes={name: text for found in texts for name, text in found.items()},
        runs=pd.concat([own, theirs]) if len(own) else theirs,
        frames=_complete(framed),
        frame_ablations=_complete(framed_variants),
    )


def _read(paths):
    frames = [pd.read_csv(path, dtype={"version": str}) for path in paths]
    return pd.concat(frames, ignore_index=True)


def _complete(rows):
    return rows[rows["status"] == "ok"].drop_duplicates(["table", "seed", "contestant"])


def _kept(*names):
    return [RESULTS / name for name in names if (RESULTS / name).exists()]


def of_part(rows, part="test"):
    """Return the rows with the metrics of a part of the split under their own names."""
    return rows.rename(columns={f"{part}_{metric}": metric for metric in arena_summary.METRICS})


def groups(results):
    """Return the names of the unseen tables of at least 1,000 rows, and of the noisy ones."""
    unseen, noisy, *_ = arena_summary.groups(results.peers).values()
    return unseen, noisy


def in_order(names):
    """Return names of contestants: skmlp, its default first, then the others as they are listed."""
    order = [DEFAULT, ACCURATE, *(name for name in names if is_ours(name)), *PEERS, *names]
    return [name for name in dict.fromkeys(order) if name in set(names)]


def is_ours(name):
    """Return whether a contestant is skmlp with some parameters."""
    return name.startswith("skmlp ")


# Contestants on the same tables


class Shown(NamedTuple):
    """The contestants on a group of tables, compared on the cases that all of them have."""

    rows: pd.DataFrame  # of the common cases, and of contestants that have nearly all cases
    partial: dict[str, pd.DataFrame]  # by contestant with fewer: its common rows with the others
    n_cases: int  # tables and seeds, the common ones and the others
    lacking: pd.Series  # number of cases, by contestant


def shown(rows, tables):
    """Return the contestants on some tables; cases are those that skmlp has, or all without it."""
    rows = rows[rows["table"].isin(tables)]
    has = pd.crosstab([rows["table"], rows["seed"]], rows["contestant"]) > 0
    if own := [name for name in in_order(has.columns) if is_ours(name)]:
        has = has[has[own[0]]]
    share = has.mean()
    full, fewer = has.columns[share >= MIN_SHARE], share.index[(share < MIN_SHARE) & (share > 0)]
    cases = has.index[has[full].all(axis=1)]
    complete = of_cases(rows[rows["contestant"].isin(full)], cases)
    partial = {}
    for name in in_order(fewer):
        both = cases.intersection(has.index[has[name]])
        if len(both):
            theirs = rows[rows["contestant"] == name]
            partial[name] = of_cases(pd.concat([theirs, complete]), both)
    lacking = (~has[full]).sum()
    return Shown(complete, partial, len(has), lacking[lacking > 0])


def of_cases(rows, cases):
    """Return the rows of some pairs of a table and a seed."""
    return rows[pd.MultiIndex.from_frame(rows[["table", "seed"]]).isin(cases)]


def points(group):
    """Return (seconds, accuracy) by contestant: of those with all tables, and of the others.

    The latter are placed by difference and quotient to the mean of the former, on their tables;
    those that have less than half of the tables are left out.
    """
    full, fewer = means(group.rows)[["fit_seconds", "accuracy"]], {}
    for name, rows in group.partial.items():
        if rows["table"].nunique() >= MIN_DRAWN * group.rows["table"].nunique():
            both = means(rows)[["fit_seconds", "accuracy"]]
            (time, accuracy), (their_time, their_accuracy) = both.loc[name], both.drop(name).mean()
            mean_time, mean_accuracy = full.mean()
            fewer[name] = time / their_time * mean_time, accuracy - their_accuracy + mean_accuracy
    return {name: tuple(point) for name, point in full.iterrows()}, fewer


def on_unseen(results):
    """Return the contestants on the unseen tables of at least 1,000 rows."""
    return shown(of_part(pd.concat([results.ours, results.peers])), groups(results)[0])


def means(rows):
    """Return the means of every contestant over tables, the most accurate one first."""
    found = arena_summary.means(rows).join(arena_summary.ranks(rows)[0].add_prefix("rank_"))
    memory = rows.groupby(["contestant", "table"])["memory_mb"].mean()
    return found.join(memory.groupby("contestant").mean())


def compared(ours, peers):
    """Return (contestant of ours, peer, what arena_summary.compare says of them), if anything."""
    own, others = (dict(list(rows.groupby("contestant"))) for rows in (ours, peers))
    for name in in_order(own):
        for other in in_order(others):
            found = arena_summary.compare(own[name], others[other])
            if found["pairs"]:
                yield name, other, found | {"share": found["pairs"] / len(own[name])}


def on_tables(names, *frames):
    """Return the rows of some tables."""
    return [frame[frame["table"].isin(names)] for frame in frames]


# Learning curves


def curve_rows(results, everywhere=False):
    """Return rows with the columns "source" and "n", of cases that all contestants have.

    Or only of the sources of which there is every number of rows.
    """
    rows = of_part(pd.concat([results.curves_ours, results.curves_peers]))
    if not len(rows):
        return rows.assign(source="", n=0)
    has = pd.crosstab([rows["table"], rows["seed"]], rows["contestant"]) > 0
    rows = of_cases(rows, has.index[has.all(axis=1)])
    split = rows["table"].str.partition("@")
    rows = rows.assign(source=split[0], n=split[2].astype(int))
    if everywhere:
        sizes = rows.groupby("source")["n"].nunique()
        rows = rows[rows["source"].isin(sizes.index[sizes == rows["n"].nunique()])]
    return rows


def curve_means(rows, metric):
    """Return means over sources by number of rows and contestant."""
    means = rows.groupby(["n", "contestant", "source"])[metric].mean()
    means = means.groupby(["n", "contestant"]).mean().unstack()
    return means[in_order(means.columns)]


def curve_differences(results, metric):
    """Yield (n, ours, peer, mean difference, its error, differences by source, worse?).

    The sources are the same in every split, so that the error is one over splits only.
    """
    rows, sign = curve_rows(results), -1 if metric == "log_loss" else 1
    names = in_order(rows["contestant"].unique())
    by_name = dict(list(rows.groupby(["n", "contestant"])))
    for n in sorted(rows["n"].unique()):
        for name in filter(is_ours, names):
            for other in (other for other in names if not is_ours(other)):
                pairs = arena_summary.paired(by_name[n, name], by_name[n, other])
                found = arena_summary.difference(pairs, metric)
                mean = found["mean"].mean()
                error = np.sqrt((found["error"] ** 2).sum(skipna=False)) / len(found)
                yield n, name, other, mean, error, found, bool(sign * mean < -2 * error)

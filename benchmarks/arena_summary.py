"""Comparison of the arena's results: means, ranks and paired differences.

Figures of a table are means over its seeds; those of a pair of contestants are of the tables and
seeds that both have. A standard error over tables says how far the mean difference would move with
other tables; one over seeds, of a single table, how far with other splits.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import arena_tables
from benchmarks.arena_contestants import DEFAULT
from benchmarks.arena_frames import LONG_WAY

METRICS = "accuracy", "balanced", "log_loss", "auc", "ece"
SECONDS = "fit_seconds", "predict_seconds"
MIN_ROWS, MIN_NOISY_ROWS, NOISY = 1_000, 2_000, 0.85
MIN_SHARE = 0.9  # of the tables, for mean ranks


def add_arguments(add, peers):
    """Add the arguments of a summary."""
    add("--peers", type=Path, default=peers, metavar="CSV")
    add("--ours", type=Path, metavar="CSV", help="skmlp's results")
    add("--part", choices=("valid", "test"), default="test", help="of the split")


def read(path, part="test"):
    """Return the complete rows of a file; metrics are named without the part of the split."""
    frame = pd.read_csv(path)
    frame = frame[frame["status"] == "ok"]
    return frame.rename(columns={f"{part}_{metric}": metric for metric in METRICS})


def groups(peers):
    """Return the names of tables to summarize, by title.

    A table is noisy if no peer classifies 85 % of its test rows correctly.
    """
    best = peers.groupby(["table", "contestant"])["test_accuracy"].mean().groupby("table").max()
    rows = peers.groupby("table")["rows"].first()
    unseen = [name for name in arena_tables.names("unseen") if rows.get(name, 0) >= MIN_ROWS]
    development = [name for name in arena_tables.names("development") if name in rows]

    def noisy(names):
        return [n for n in names if rows[n] >= MIN_NOISY_ROWS and best[n] < NOISY]

    return {
        "unseen tables of at least 1,000 rows": unseen,
        "the noisy ones of them": noisy(unseen),
        "development tables": development,
        "the noisy ones of these": noisy(development),
    }


def means(results):
    """Return the means of every contestant over its tables, and their number."""
    by_table = results.groupby(["contestant", "table"])[[*METRICS, *SECONDS]].mean()
    found = by_table.groupby("contestant").mean()
    found.insert(0, "tables", by_table.groupby("contestant").size())
    return found.sort_values("accuracy", ascending=False)


def ranks(results):
    """Return mean ranks over the tables that all contestants have, and how many these are.

    Contestants that have results of less than nine tables in ten are left out.
    """
    found = {}
    for metric, ascending in (("accuracy", False), ("log_loss", True)):
        table = results.pivot_table(metric, "table", "contestant")
        table = table.loc[:, table.notna().mean() >= MIN_SHARE].dropna()
        found[metric] = table.rank(axis=1, ascending=ascending).mean()
    return pd.DataFrame(found).sort_values("accuracy"), len(table)


def paired(a, b):
    """Return the rows of two contestants side by side, for tables and seeds that both have."""
    return a.merge(b, on=["table", "seed"], suffixes=("_a", "_b"))


def difference(pairs, metric):
    """Return the differences a - b of a metric by table: mean, and standard error over seeds."""
    by_table = (pairs[f"{metric}_a"] - pairs[f"{metric}_b"]).groupby(pairs["table"])
    return pd.DataFrame({"mean": by_table.mean(), "error": by_table.sem()})


def compare(a, b):
    """Return what the summary shows of two contestants."""
    pairs = paired(a, b)
    found = {"tables": pairs["table"].nunique(), "pairs": len(pairs)}
    if not len(pairs):
        return found
    for metric in METRICS:
        by_table = difference(pairs, metric)["mean"]
        found[metric] = by_table.mean()
        found[f"{metric}_error"] = by_table.sem()
    by_table = difference(pairs, "accuracy")["mean"]
    found |= {"wins": int((by_table > 0).sum()), "losses": int((by_table < 0).sum())}
    for name in ("log_loss", "fit_seconds"):
        sides = (pairs.groupby("table")[f"{name}_{side}"].mean().mean() for side in "ab")
        found[f"{name}_quotient"] = np.divide(*sides)
    return found


def behind(pairs, metric="accuracy", margin=-0.01):
    """Return the tables where a is below b by a margin and by two standard errors over seeds."""
    found = difference(pairs, metric)
    return found[(found["mean"] < margin) & (found["mean"] < -2 * found["error"])]


def above(pairs, share=0.02):
    """Return the tables where a's log-loss is above b's by a share and two standard errors."""
    found = difference(pairs, "log_loss")
    theirs = pairs.groupby("table")["log_loss_b"].mean()
    return found[(found["mean"] > share * theirs) & (found["mean"] > 2 * found["error"])]


# Text


def _show_means(results):
    found = means(results)
    print(f"{'':24}{'tables':>6} accuracy balanced log-loss    AUC    ECE    fit s predict s")
    for name, row in found.iterrows():
        print(f"{name:24}{row.tables:6.0f} {100 * row.accuracy:8.2f} {100 * row.balanced:8.2f} "
              f"{row.log_loss:8.4f} {row.auc:.4f} {row.ece:.4f} {row.fit_seconds:8.3f} "
              f"{row.predict_seconds:9.4f}")  # fmt: skip
    found, n_tables = ranks(results)
    print(f"mean ranks over {n_tables} tables, accuracy / log-loss: ", end="")
    print(*(f"{name} {row.accuracy:.2f} / {row.log_loss:.2f}" for name, row in found.iterrows()),
          sep=", ")  # fmt: skip


def _show_pairs(name, ours, peers):
    print(f"{name} minus{'':18}tables pairs  accuracy +- error   won-lost balanced "
          "log-loss quotient     AUC     ECE  time quotient")  # fmt: skip
    for other, theirs in peers.groupby("contestant"):
        row = compare(ours, theirs)
        if row["pairs"]:
            print(f"  {other:26}{'':4}{row['tables']:6} {row['pairs']:5}  "
                  f"{100 * row['accuracy']:+8.2f} +- {100 * row['accuracy_error']:5.2f}   "
                  f"{row['wins']:3}-{row['losses']:<4} {100 * row['balanced']:+8.2f} "
                  f"{row['log_loss']:+8.4f} {row['log_loss_quotient']:8.3f} {row['auc']:+.4f} "
                  f"{row['ece']:+.4f} {row['fit_seconds_quotient']:14.3f}")  # fmt: skip


def _show_tables(title, pairs):
    if len(pairs):
        print(f"{title}, by table, with errors over seeds{'':4}accuracy{'':11}log-loss")
    accuracy, loss = (difference(pairs, metric) for metric in ("accuracy", "log_loss"))
    for name in accuracy.index:
        (points, points_error), (nats, nats_error) = 100 * accuracy.loc[name], loss.loc[name]
        print(
            f"  {name:20} {points:+8.2f} +- {points_error:5.2f} {nats:+10.4f} +- {nats_error:.4f}"
        )


def _show_behind(ours, peers):
    pairs = paired(ours, peers[peers["contestant"] == "MLPClassifier"])
    print("behind MLPClassifier by more than a point and two standard errors: ", end="")
    print(_listed(behind(pairs), 100))
    pairs = paired(ours, peers[peers["contestant"] == "LogisticRegression"])
    print("log-loss above LogisticRegression's by more than 2 % and two standard errors: ", end="")
    print(_listed(above(pairs), 1))


def _listed(found, factor):
    texts = (
        f"{name} {factor * row['mean']:+.3f} +- {factor * row['error']:.3f}"
        for name, row in found.iterrows()
    )
    return ", ".join(texts) or "none"


def main(args):
    """Print the summary of the arena."""
    peers = read(args.peers, args.part)
    ours = read(args.ours, args.part) if args.ours else peers[:0]
    print(f"{args.part} parts; seeds {sorted(peers['seed'].unique().tolist())}")
    for title, names in groups(read(args.peers, "valid")).items():
        theirs, own = (side[side["table"].isin(names)] for side in (peers, ours))
        print(f"\n## {len(names)} {title}")
        everyone = pd.concat([theirs, own])
        _show_means(everyone)
        if args.compare:
            one = everyone["contestant"] == args.compare
            _show_pairs(args.compare, everyone[one], everyone[~one])
        else:
            for name, rows in own.groupby("contestant"):
                _show_pairs(name, rows, theirs)
                _show_behind(rows, theirs)
        if args.frames:
            default, long_way = (own[own["contestant"] == name] for name in (DEFAULT, LONG_WAY))
            _show_tables(f"{DEFAULT} - {LONG_WAY}", paired(default, long_way))


def curves(args):
    """Print the summary of the learning curves: one block for each number of rows."""
    peers = read(args.peers)
    ours = read(args.ours) if args.ours else peers[:0]
    for n in sorted(peers["trained_on"].unique()):
        theirs, own = (side[side["trained_on"] == n] for side in (peers, ours))
        print(f"\n## {n} rows")
        _show_means(pd.concat([theirs, own]))
        for name, rows in own.groupby("contestant"):
            _show_pairs(name, rows, theirs)
            for other, those in theirs.groupby("contestant"):
                _show_curve_pair(name, paired(rows, those), other)


def _show_curve_pair(name, pairs, other):
    """Print the difference of the means with its error over seeds, for a fixed set of tables."""
    for metric, sign in (("accuracy", 1), ("log_loss", -1)):
        found = difference(pairs, metric)
        error = np.sqrt((found["error"] ** 2).sum()) / len(found)
        worse = found[sign * found["mean"] < -2 * found["error"]]
        print(f"  {name} - {other}, {metric}: {found['mean'].mean():+.4f} +- {error:.4f} over "
              f"seeds; worse by two of its errors: {_listed(worse, 1)}")  # fmt: skip

"""The tables of docs/choosing.rst: by kind of table beside other packages, and members."""

import numpy as np
import pandas as pd

from benchmarks import arena_registry, arena_summary
from benchmarks.arena_contestants import DEFAULT

ENSEMBLE = "skmlp ensemble"
OTHERS = "LogisticRegression", "MLPClassifier", "LightGBM", "CatBoost"


def kinds(rows, unseen, noisy):
    """Return the names of unseen tables by what is said of them.

    Parameters
    ----------
    rows : DataFrame
        Results, which tell the columns after encoding and the training rows.
    unseen, noisy : list of str
    """
    shape = rows[rows["table"].isin(unseen)].groupby("table")[["trained_on", "columns", "classes"]]
    trained_on, columns, classes = (shape.max()[name] for name in shape.max())
    mixed, noisy = columns.index.isin(arena_registry.MIXED), columns.index.isin(noisy)
    found = {
        "all": columns > 0,
        "strings or categories": mixed,
        "numbers": ~mixed,
        "noisy: no package reaches 85 %": noisy,
        "others": ~noisy,
        "fewer than 2,000 training rows": trained_on < 2000,
        "2,000 to 5,999": (trained_on >= 2000) & (trained_on < 6000),
        "6,000": trained_on >= 6000,
        "at most 10 columns": columns <= 10,
        "11 to 40": (columns > 10) & (columns <= 40),
        "more than 40": columns > 40,
        "two classes": classes == 2,
        "more classes": classes > 2,
    }
    return {kind: columns.index[np.asarray(mask)].tolist() for kind, mask in found.items()}


def by_kind(rows, unseen, noisy, points):
    """Return two tables of the default minus each of the others, by kind of table.

    Parameters
    ----------
    rows : DataFrame
        Results of all contestants.
    unseen, noisy : list of str
        Names of tables.
    points : callable
        Formats a difference of accuracies and its standard error.

    Returns
    -------
    accuracy : DataFrame
        In points, with standard errors over tables.
    log_loss : DataFrame
        Quotients of the means.
    """
    of = dict(list(rows.groupby("contestant")))
    accuracy, log_loss = [], []
    for kind, names in kinds(of[DEFAULT], unseen, noisy).items():
        own = of[DEFAULT][of[DEFAULT]["table"].isin(names)]
        found = {o: arena_summary.compare(own, of[o]) for o in OTHERS if o in of}
        found = {other: pair for other, pair in found.items() if pair["pairs"]}
        head = {"tables": kind, "number": len(names)}
        accuracy.append(
            head | {o: points(f["accuracy"], f["accuracy_error"]) for o, f in found.items()}
        )
        log_loss.append(head | {o: f"{f['log_loss_quotient']:.3f}" for o, f in found.items()})
    return pd.DataFrame(accuracy), pd.DataFrame(log_loss)


def members(rows, unseen, points):
    """Return the ensembles of the default beside the default on its own."""
    rows = rows[rows["table"].isin(unseen)]
    of, found = dict(list(rows.groupby("contestant"))), []
    for name in (name for name in of if name.startswith(ENSEMBLE)):
        pair = arena_summary.compare(of[name], of[DEFAULT])
        found.append({
            "ensemble": name.removeprefix("skmlp "),
            "tables": pair["tables"],
            "accuracy, points": points(pair["accuracy"], pair["accuracy_error"]),
            "log-loss, ratio": f"{pair['log_loss_quotient']:.3f}",
            "ECE": f"{pair['ece']:+.4f}",
            "fit time, ratio": f"{pair['fit_seconds_quotient']:.1f}",
        })  # fmt: skip
    return pd.DataFrame(found)

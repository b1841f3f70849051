"""The arena: skmlp and what people would use instead of it, with default settings, on real tables.

::

    pip install pandas threadpoolctl  # and those of arena_tables
    pip install xgboost lightgbm catboost pytabkit  # those missing are left out
    python -m benchmarks.arena run --contestants LightGBM XGBoost --seeds 0 1 2
    python -m benchmarks.arena run --ours default --results ours.csv --tables development
    python -m benchmarks.arena run --frames --contestants LightGBM XGBoost
    python -m benchmarks.arena summary --ours ours.csv
    python -m benchmarks.arena summary --frames --compare "skmlp default"
    python -m benchmarks.arena page

Every contestant is fitted on the training part of `arena_tables.load` in one thread and in a
process of its own. Accuracy, balanced accuracy, log-loss, area under the ROC curve (one against
the rest, mean over classes) and calibration error of both other parts, the processor's seconds to
fit and to predict the test part, and the growth of memory by the fit make one row of a CSV file.
Rows that are there already are not computed again, so that a run can be stopped and continued.

Results of the other packages are kept in benchmarks/arena/peers.csv; only skmlp's are computed
anew. The module `arena_summary` compares them, `arena_page` makes the files of docs/arena.rst.

With ``--frames``, the mixed tables of the registry are data frames with numbers and categories, of
the same rows, and contestants are those of `arena_frames`. Results are in frames_peers.csv and
frames_ours.csv.
"""

import argparse
import csv
import importlib.util
import multiprocessing
import resource
import signal
import sys
import time
import warnings
from importlib import metadata
from pathlib import Path

import numpy as np
from sklearn import metrics

from benchmarks import arena_page, arena_summary, arena_tables
from benchmarks.arena_contestants import PEERS, from_text
from benchmarks.arena_frames import FRAME_CONTESTANTS
from benchmarks.arena_registry import MIXED
from benchmarks.formatting import first_line

FOLDER = Path(__file__).parent / "arena"
PEER_RESULTS = FOLDER / "peers.csv"
FRAME_RESULTS, FRAME_OURS = FOLDER / "frames_peers.csv", FOLDER / "frames_ours.csv"
LIMIT = 150  # seconds of the processor for a fit, its predictions and the imports before
PATIENCE = 5  # times the limit, until a process that does not compute is given up
FIELDS = (
    *("table", "seed", "contestant", "version", "threads", "status"),
    *("rows", "trained_on", "columns", "classes", "fit_seconds", "predict_seconds", "memory_mb"),
    *(f"{part}_{metric}" for part in ("valid", "test") for metric in arena_summary.METRICS),
)


# One fit


def scores(y, proba):
    """Return the metrics of predicted probabilities; column k is of class k."""
    # Imported after the fit, whose time and memory are those of the contestant.
    from skmlp.plotting.reliability import reliability_bins

    labels, predicted = np.arange(proba.shape[1]), proba.argmax(axis=1)
    there = [k for k in labels if 0 < np.sum(y == k) < len(y)]
    one_vs_rest = [metrics.roc_auc_score(y == k, proba[:, k]) for k in there]
    return {
        "accuracy": np.mean(predicted == y),
        "balanced": np.mean([np.mean(predicted[y == k] == k) for k in np.unique(y)]),
        "log_loss": metrics.log_loss(y, proba, labels=labels),
        "auc": np.mean(one_vs_rest) if there else np.nan,
        "ece": reliability_bins(proba.max(axis=1), predicted == y).calibration_error,
    }


def measure(make, seed, X_train, y_train, X_valid, y_valid, X_test, y_test):
    """Return the measurements of one fit as part of a row."""
    estimator = make(seed)
    before, started = _peak_memory(), time.process_time()
    estimator.fit(X_train, y_train)
    fit_seconds, memory = time.process_time() - started, _peak_memory() - before
    started = time.process_time()
    proba = estimator.predict_proba(X_test)
    row = {"fit_seconds": fit_seconds, "predict_seconds": time.process_time() - started}
    judged = {"test": scores(y_test, proba)}
    if len(X_valid):
        judged["valid"] = scores(y_valid, estimator.predict_proba(X_valid))
    for part, found in judged.items():
        row |= {f"{part}_{metric}": value for metric, value in found.items()}
    return {"status": "ok", "memory_mb": memory, **row}


def _peak_memory():
    """Return the largest memory this process has occupied, in megabytes."""
    unit = 1e6 if sys.platform == "darwin" else 1e6 / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _version(package):
    module = importlib.import_module(package)
    return getattr(module, "__version__", None) or metadata.version(package)


def _child(connection, package, make, seed, parts, limit):
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    try:
        from threadpoolctl import threadpool_limits

        version = _version(package)
        with warnings.catch_warnings(action="ignore"), threadpool_limits(1):
            connection.send({"version": version, **measure(make, seed, *parts)})
    except Exception as error:
        connection.send({"status": first_line(error)})


def measure_apart(package, make, seed, parts, limit=LIMIT):
    """Return the measurements of a fit in a forked process, which is ended at a limit of time.

    The limit is on the processor's seconds; a process that takes much longer without using them
    has "stalled", which says nothing about the contestant.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(sender, package, make, seed, parts, limit))
    process.start()
    sender.close()
    try:
        return receiver.recv() if receiver.poll(PATIENCE * limit) else {"status": "stalled"}
    except EOFError:
        process.join()
        return {"status": "timeout" if process.exitcode == -signal.SIGXCPU else "process died"}
    finally:
        process.kill()
        process.join()


# Runs


def read(path):
    """Return the rows of a file of results, as text; none if there is no file."""
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def append(path, row):
    """Write one row, and the names of the columns if the file is new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.is_file()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        if new:
            writer.writeheader()
        digits = {k: f"{v:.6g}" for k, v in row.items() if isinstance(v, float)}
        writer.writerow(row | digits)


def run(path, contestants, cases, load, limit=LIMIT):
    """Append a row for every case and contestant that has none.

    `cases` are pairs of a table's name and a seed, and ``load(name, seed)`` returns the number of
    the table's rows and the parts of a case. A contestant that ran out of time on a table is not
    tried with other seeds.
    """
    rows = read(path)
    done = {(row["table"], int(row["seed"]), row["contestant"]) for row in rows}
    slow = {(row["table"], row["contestant"]) for row in rows if row["status"] == "timeout"}
    for table, seed in cases:
        left = [
            name for name in contestants
            if (table, seed, name) not in done and (table, name) not in slow
        ]  # fmt: skip
        if not left:
            continue
        n_rows, parts = load(table, seed)
        shape = {"rows": n_rows, "trained_on": len(parts[0]), "columns": parts[0].shape[1]}
        for name in left:
            row = {"table": table, "seed": seed, "contestant": name, "threads": 1, **shape}
            row |= {"classes": parts[1].max() + 1}
            row |= measure_apart(*contestants[name], seed, parts, limit)
            if row["status"] != "stalled":
                append(path, row)
            if row["status"] == "timeout":
                slow.add((table, name))
            print(line(row), flush=True)


def line(row):
    """Return what the terminal shows of a row."""
    text = f"{row['table']:20} {row['seed']:2} {row['contestant']:22}"
    if row["status"] != "ok":
        return f"{text} {row['status']}"
    shown = "{test_accuracy:.4f} {test_log_loss:.4f} {fit_seconds:8.2f} s".format(**row)
    return f"{text} {shown}"


def load_case(name, seed):
    """Return the number of a table's rows and its parts."""
    return len(arena_tables.whole(name)[1]), arena_tables.load(name, seed)


def load_frame_case(name, seed):
    """Return the number of a table's rows and its parts as data frames."""
    return len(arena_tables.whole(name)[1]), arena_tables.load_frames(name, seed)


def command_parser(prog, description, results):
    """Return a parser, its commands, and what adds arguments to the command "run".

    Arguments that do not depend on the tables are added, here and to the command "summary".
    """
    parser = argparse.ArgumentParser(
        prog=prog, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("run", help="fit contestants and append their results").add_argument
    add("--contestants", nargs="+", default=[], metavar="NAME", help=f"of {', '.join(PEERS)}")
    add("--ours", action="append", default=[], metavar="NAME", type=from_text,
        help="default, a preset, or name={...} with parameters as JSON")  # fmt: skip
    add("--results", type=Path, help=f"CSV file; needed for --ours, otherwise {results.name}")
    add("--limit", type=int, default=LIMIT, metavar="SECONDS", help="of a fit")
    summary = commands.add_parser("summary", help="compare the results")
    arena_summary.add_arguments(summary.add_argument, results)
    return parser, commands, add


def chosen(parser, args, peers=PEERS):
    """Return the contestants that the arguments name; those not installed are left out."""
    if args.ours and args.results is None:
        parser.error("--ours needs --results")
    if unknown := [name for name in args.contestants if name not in peers]:
        parser.error(f"no contestants {', '.join(unknown)}; there are {', '.join(peers)}")
    contestants = {name: peers[name] for name in args.contestants} | dict(args.ours)
    for name, (package, _) in list(contestants.items()):
        if importlib.util.find_spec(package) is None:
            print(f"{name} left out: {package} is not installed")
            del contestants[name]
    return contestants


def main(argv=None):
    """Run the command of the arguments."""
    prog = "python -m benchmarks.arena"
    parser, commands, add = command_parser(prog, __doc__, PEER_RESULTS)
    add("--tables", nargs="+", default=["development", "unseen"], metavar="TABLE",
        help="names of tables, development, unseen")  # fmt: skip
    add("--min-rows", type=int, default=0, metavar="N", help="leave out tables of fewer rows")
    add("--seeds", nargs="+", type=int, default=[0, 1, 2], metavar="SEED")
    add("--frames", action="store_true", help="the mixed tables, as data frames")
    add = commands.choices["summary"].add_argument
    add("--frames", action="store_true", help="of the mixed tables, as data frames")
    add("--compare", metavar="NAME", help="differences of this contestant from all others")
    page = commands.add_parser(
        "page",
        help="write the files of docs/arena.rst",
        description=arena_page.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    arena_page.add_arguments(page.add_argument)
    args = parser.parse_args(argv)
    if args.command == "summary" and args.frames and args.peers == PEER_RESULTS:
        args.peers, args.ours = FRAME_RESULTS, args.ours or FRAME_OURS
    if args.command != "run":
        return {"summary": arena_summary, "page": arena_page}[args.command].main(args)
    contestants = chosen(parser, args, FRAME_CONTESTANTS if args.frames else PEERS)
    kinds = ("development", "unseen")
    given = [arena_tables.names(name) if name in kinds else (name,) for name in args.tables]
    listed = [name for name in sum(given, ()) if not args.frames or name in MIXED]
    sizes, missing = arena_tables.available(listed)
    for text in missing:
        print(text)
    names = [name for name, n_rows in sizes.items() if n_rows >= args.min_rows]
    cases = [(name, seed) for seed in args.seeds for name in names]
    path, load = PEER_RESULTS, load_case
    if args.frames:
        path, load = FRAME_RESULTS, load_frame_case
    run(args.results or path, contestants, cases, load, args.limit)


if __name__ == "__main__":
    main()

"""``python -m benchmarks openml``: accuracy on tasks of OpenML, beside published runs.

A task of OpenML fixes data, target and splits, so that runs are comparable. The defaults of skmlp
are run locally by `openml.runs.run_model_on_task` and not published. The peers are published runs
of scikit-learn's MLPClassifier, alone or in a pipeline or search, on the same task.
"""

import argparse
import logging
import re
import sys
from statistics import mean, median

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from benchmarks.formatting import first_line
from skmlp import SoftmaxMLPClassifier

PEER = re.compile(r"sklearn\.neural_network\.\w+\.MLPClassifier\b")
SCORE = "predictive_accuracy"
ROW = "{:>7} {:26} {:>7} {:>5} {:>3} {:>7} {:>7} {:>7} {:>6} {:>7}".format
HEADS = "task", "dataset", "rows", "cols", "K", "ours", "median", "best", "runs", "beaten"


def _numerical(X):
    return X.select_dtypes("number").columns.tolist()


def _categorical(X):
    return X.columns.difference(_numerical(X), sort=False).tolist()


def classifier(**params):
    """Return a pipeline of the classifier for tables with categories and missing values."""
    columns = make_column_transformer(
        (SimpleImputer(strategy="median"), _numerical),
        (OneHotEncoder(handle_unknown="ignore"), _categorical),
        sparse_threshold=0.0,  # standardize centres dense columns only
    )
    return make_pipeline(columns, SoftmaxMLPClassifier(**params))


def run_task(task_id, model):
    """Print a row of the table; return the accuracy of a model and those of published runs."""
    import openml

    task = openml.tasks.get_task(task_id)
    data = task.get_dataset()
    run = openml.runs.run_model_on_task(model, task, avoid_duplicate_runs=False, upload_flow=False)
    repeats = run.fold_evaluations[SCORE].values()
    ours = float(np.mean([list(folds.values()) for folds in repeats]))
    X, _, _, _ = data.get_data(target=task.target_name)
    peers, cells = [], ("-", "-", "0", "-")
    try:
        found = openml.evaluations.list_evaluations(SCORE, tasks=[task_id], size=None).values()
        peers = [run.value for run in found if PEER.search(run.flow_name) and run.value is not None]
    except OSError:  # without a network, tasks of the cache can still be run
        cells = "-", "-", "?", "-"
    if peers:
        share = mean(ours > value for value in peers)
        cells = f"{median(peers):.4f}", f"{max(peers):.4f}", len(peers), f"{share:.0%}"
    first = task_id, data.name[:26], *X.shape, len(task.class_labels), f"{ours:.4f}"
    print(ROW(*first, *cells), flush=True)
    return ours, peers


def main(argv=None):
    """Print a table of tasks; return 0 if every task ran, 1 if one failed or none could be run."""
    args = _parse(argv)
    if problem := _why_not():
        print(problem, file=sys.stderr)
        return 1
    import openml

    try:
        tasks = args.task or openml.study.get_suite(args.suite).tasks
    except Exception as error:  # many kinds, of the network and the server
        print(
            f"OpenML gave no tasks for suite {args.suite}, which needs a network; --task takes "
            f"those in the cache without: {first_line(error)}",
            file=sys.stderr,
        )
        return 1
    compared, code = [], 0
    print(ROW(*HEADS))
    for task_id in tasks[: args.limit]:
        try:
            ours, peers = run_task(task_id, classifier(random_state=0))
        except Exception as error:  # the other tasks can still run
            print(f"{task_id:7} {first_line(error)}", flush=True)
            code = 1
        else:
            compared += [(ours, peers)] if peers else []
    better = sum(ours > median(peers) for ours, peers in compared)
    best = sum(ours > max(peers) for ours, peers in compared)
    summary = (
        f"better than the median of published runs on {better} of {len(compared)} tasks, "
        f"than the best on {best}"
    )
    none = "no published runs of MLPClassifier on these tasks"
    print("", summary if compared else none, sep="\n")
    return code


def _parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks openml",
        description="Run the defaults of skmlp on tasks of OpenML, and print the accuracy beside "
        "those of published runs of MLPClassifier on the same splits: their median and best, their "
        "number, and the share that skmlp exceeds. Nothing is published. Requires the package "
        "openml, and the network for what is not in its cache.",
    )
    add = parser.add_argument
    add("--suite", default="99", metavar="ID", help="a suite of tasks (default: 99, CC18)")
    add("--limit", type=int, metavar="N", help="only the first N tasks")
    add("--task", type=int, action="append", metavar="ID", help="a task, instead of a suite")
    args = parser.parse_args(argv)
    if args.limit is not None and args.limit < 1:
        parser.error("--limit must be an integer >= 1")
    return args


def _why_not():
    """Return the reason why tasks cannot be run, or None."""
    try:
        import openml
    except ImportError as error:
        return f"{error}. Install it: pip install 'skmlp[openml]'"
    # It logs downloads, and warns of every flow that it cannot find online.
    logging.getLogger("openml").setLevel(logging.ERROR)
    if openml.extensions.get_extension_by_model(SoftmaxMLPClassifier()) is None:
        return (
            f"openml {openml.__version__} has no extension for scikit-learn. Install one: "
            "pip install openml-sklearn, or 'openml<0.16', which includes one."
        )
    return None

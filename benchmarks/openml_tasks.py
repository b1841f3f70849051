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
from typing import NamedTuple

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from benchmarks.formatting import first_line
from skmlp import SoftmaxMLPClassifier

PEER = re.compile(r"sklearn\.neural_network\.\w+\.MLPClassifier\b")
COLUMNS = "{:>7} {:26} {:>7} {:>5} {:>3} {:>7} {:>7} {:>7} {:>6} {:>7}"
HEADS = "task", "dataset", "rows", "cols", "K", "ours", "median", "best", "runs", "beaten"


class Result(NamedTuple):
    """The mean accuracy of a task over its folds, and the accuracies of published runs."""

    task_id: int
    name: str  # of the data set
    shape: tuple  # numbers of rows, features and classes
    ours: float
    peers: list | None  # None without a network

    def line(self):
        """Return a row of the table."""
        cells = "-", "-", "?" if self.peers is None else "0", "-"
        if self.peers:
            share = mean(self.ours > value for value in self.peers)
            best = f"{median(self.peers):.4f}", f"{max(self.peers):.4f}"
            cells = *best, len(self.peers), f"{share:.0%}"
        first = self.task_id, self.name[:26], *self.shape, f"{self.ours:.4f}"
        return COLUMNS.format(*first, *cells)


def _numerical(X):
    return X.select_dtypes("number").columns.tolist()


def _categorical(X):
    return X.columns.difference(_numerical(X), sort=False).tolist()


def classifier(**params):
    """Return a pipeline of the classifier for tables with categories and missing values."""
    columns = ColumnTransformer(
        [
            ("numerical", SimpleImputer(strategy="median"), _numerical),
            ("categorical", OneHotEncoder(handle_unknown="ignore"), _categorical),
        ],
        sparse_threshold=0.0,  # standardize centres dense columns only
    )
    return make_pipeline(columns, SoftmaxMLPClassifier(**params))


def run_task(task_id, model):
    """Run a model on a task; return the Result."""
    import openml

    task = openml.tasks.get_task(task_id)
    data = task.get_dataset()
    run = openml.runs.run_model_on_task(model, task, avoid_duplicate_runs=False, upload_flow=False)
    repeats = run.fold_evaluations["predictive_accuracy"].values()
    ours = float(np.mean([list(folds.values()) for folds in repeats]))
    X, _, _, _ = data.get_data(target=task.target_name)
    try:
        peers = published(task_id)
    except OSError:  # without a network, tasks of the cache can still be run
        peers = None
    return Result(task_id, data.name, (*X.shape, len(task.class_labels)), ours, peers)


def published(task_id):
    """Return the accuracies of published runs of MLPClassifier on a task."""
    import openml

    runs = openml.evaluations.list_evaluations("predictive_accuracy", tasks=[task_id], size=None)
    peers = [run for run in runs.values() if PEER.search(run.flow_name)]
    return [run.value for run in peers if run.value is not None]


def main(argv=None):
    """Print a table of tasks.

    Returns
    -------
    code : int
        0 if every task ran, 1 if one failed or none could be run, 130 after Ctrl-C.
    """
    args = _parse(argv)
    if problem := _why_not():
        print(problem, file=sys.stderr)
        return 1
    try:
        results = _run(args)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except Exception as error:  # many kinds, of the network and the server
        print(
            f"OpenML gave no tasks for suite {args.suite}, which needs a network; --task takes "
            f"those in the cache without: {first_line(error)}",
            file=sys.stderr,
        )
        return 1
    print("", _summary([result for result in results if result and result.peers]), sep="\n")
    return int(None in results)


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


def _run(args):
    """Run tasks and print a line of each; return Results, None for those that failed."""
    import openml

    tasks, results = args.task or openml.study.get_suite(args.suite).tasks, []
    print(COLUMNS.format(*HEADS))
    for task_id in tasks[: args.limit]:
        try:
            results.append(run_task(task_id, classifier(random_state=0)))
            print(results[-1].line(), flush=True)
        except Exception as error:  # the other tasks can still run
            results.append(None)
            print(f"{task_id:7} {first_line(error)}", flush=True)
    return results


def _summary(compared):
    """Return a line on the tasks that have published runs of MLPClassifier."""
    if not compared:
        return "no published runs of MLPClassifier on these tasks"
    better = sum(result.ours > median(result.peers) for result in compared)
    best = sum(result.ours > max(result.peers) for result in compared)
    return (
        f"better than the median of published runs on {better} of {len(compared)} tasks, "
        f"than the best on {best}"
    )

"""OpenML's tasks and flows, by the package `openml` with a local cache and server."""

import sys
import warnings
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import benchmarks.__main__ as suite_of_cases
from benchmarks import openml_tasks
from skmlp import SoftmaxMLPClassifier
from skmlp.core.schedules import one_cycle
from tests.benchmarks import openml_server as site

with (
    TemporaryDirectory() as home,
    pytest.MonkeyPatch.context() as patch,
    warnings.catch_warnings(),
):
    # Importing openml creates folders for settings and cache; use temporary ones.
    patch.setenv("XDG_CONFIG_HOME", home)
    patch.setenv("OPENML_CACHE_DIR", home)
    warnings.simplefilter("ignore")  # what it imports is not of our making
    openml = pytest.importorskip("openml", reason="needs the package openml")

# openml names dtypes and calls pandas in ways that newer versions of both warn of; it parses
# docstrings of scikit-learn's and warns of what it does not understand; and it leaves the files
# of splits to be closed by the garbage collector.
LEFT_OPEN = "ignore:Exception ignored.*datasplits:pytest.PytestUnraisableExceptionWarning"
pytestmark = [
    pytest.mark.filterwarnings("ignore:::openml", LEFT_OPEN),
    pytest.mark.skipif(
        openml.extensions.get_extension_by_model(SoftmaxMLPClassifier()) is None,
        reason="this openml has no extension for scikit-learn",
    ),
]

IRIS, MIXED, MISSING = 900001, 900002, 900003  # tasks


def half(fraction):
    """A schedule that a flow can hold, because it has a name and a module."""
    return 1.0 - 0.5 * fraction


# Every parameter away from its default.
CHANGED = {
    "units": (7, 5), "activation": ("tanh", "silu"), "init": "lecun_normal", "standardize": False,
    "n_bins": 4, "categorical_features": None, "min_frequency": 2,
    "l1": (1e-4, 0.0, 1e-5), "l2": [0.0, 1e-3, 1e-4], "dropout": (0.1, 0.2, 0.0),
    "label_smoothing": 0.1, "class_weight": {"setosa": 2.0, "virginica": 0.5}, "solver": "sgd",
    "learning_rate": 0.05, "schedule": half, "momentum": 0.8, "nesterovs_momentum": False,
    "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-6, "batch_size": 20, "epochs": 4, "shuffle": False,
    "early_stopping": True, "scoring": "balanced_accuracy", "validation_fraction": 30,
    "n_iter_no_change": np.inf, "tol": 1e-3, "averaging": 2.0, "calibration": None,
    "dtype": "float32", "warm_start": True, "random_state": 3, "verbose": 1,
}  # fmt: skip
VARIANTS = {
    "defaults": {},
    "changed": CHANGED,
    "softmax regression": {"units": (), "activation": (), "l2": (0.01,), "class_weight": {}},
    "one number": {"units": 6, "activation": ["relu"], "class_weight": "balanced"},
    "lbfgs": {"units": [4], "solver": "lbfgs", "epochs": 5, "validation_fraction": None},
}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """openml's cache, with iris in three folds."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(openml.config, "_root_cache_directory", tmp_path)
    monkeypatch.setattr(openml.config, "server", "http://127.0.0.1:9/api/v1/xml")  # discards
    monkeypatch.setattr(openml.config, "retry_policy", "human")
    monkeypatch.setattr(openml.config, "connection_n_retries", 1)
    fill(openml.config.get_cache_directory())


def fill(folder):
    frame, folds = iris_frame()
    site.write_dataset(folder, 61, "iris", frame, "class")
    site.write_task(folder, IRIS, 61, "class", folds)
    site.write_dataset(folder, 62, "mixed", mixed(frame), "class")
    site.write_task(folder, MIXED, 62, "class", folds)


def iris_frame():
    X, y = load_iris(return_X_y=True)
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    names = np.array(["setosa", "versicolor", "virginica"])
    frame["class"] = pd.Categorical(names[y], categories=names)
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    return frame, list(cv.split(X, y))


def mixed(frame):
    """Return iris with a nominal column, and holes."""
    frame = frame.copy()
    rng = np.random.RandomState(0)
    frame["b"] = pd.Categorical(np.where(frame["b"] > 3, "wide", "narrow"))
    frame.loc[rng.choice(150, 20), "a"] = np.nan
    frame.loc[rng.choice(150, 20), "b"] = None
    return frame


def round_trip(model):
    """Return the model that comes out of the flow of a model."""
    extension = openml.extensions.get_extension_by_model(model)
    flow = extension.model_to_flow(model)
    assert "skmlp.estimators.classifier.SoftmaxMLPClassifier" in flow.name
    return extension.flow_to_model(flow)


def test_all_parameters_are_changed():
    assert CHANGED.keys() == SoftmaxMLPClassifier().get_params().keys()
    defaults = SoftmaxMLPClassifier().get_params()
    assert not [name for name, value in CHANGED.items() if value == defaults[name]]


@pytest.mark.parametrize("in_pipeline", [False, True])
@pytest.mark.parametrize("params", VARIANTS.values(), ids=VARIANTS)
def test_flow_round_trip(params, in_pipeline, capsys):
    X, y = load_iris(return_X_y=True)
    y = np.array(["setosa", "versicolor", "virginica"])[y]
    clf = SoftmaxMLPClassifier(**{"epochs": 5, "random_state": 0, **params})
    model = make_pipeline(StandardScaler(with_mean=False), clf) if in_pipeline else clf
    back = round_trip(model)
    assert type(back) is type(model)
    # Tuples come back as lists, and what is empty as None.
    came, went = back.get_params(), model.get_params()
    if not in_pipeline:
        for name, value in went.items():
            value = list(value) if isinstance(value, tuple) else value
            value = None if value in ([], {}) else value
            assert came[name] == value, name
    model.fit(X, y)
    back.fit(X, y)
    np.testing.assert_array_equal(back.predict_proba(X), model.predict_proba(X))


def test_values_unsupported_by_flows_raise():
    with pytest.raises(AttributeError, match="<lambda>"):
        round_trip(SoftmaxMLPClassifier(schedule=lambda fraction: 1.0 - fraction))
    with pytest.raises(TypeError, match="Can only use string as keys"):
        round_trip(SoftmaxMLPClassifier(class_weight={0: 2.0}))
    with pytest.raises(TypeError, match="RandomState"):
        round_trip(SoftmaxMLPClassifier(random_state=np.random.RandomState(0)))
    assert round_trip(SoftmaxMLPClassifier(schedule=one_cycle)).schedule is one_cycle


def test_run_on_a_task(cache):
    frame, folds = iris_frame()
    clf = SoftmaxMLPClassifier(units=(8,), epochs=100, random_state=0)
    model = make_pipeline(StandardScaler(with_mean=False), clf)
    task = openml.tasks.get_task(IRIS)
    run = openml.runs.run_model_on_task(model, task, avoid_duplicate_runs=False)
    accuracies = list(run.fold_evaluations["predictive_accuracy"][0].values())
    X, y = frame.drop(columns="class"), frame["class"]
    expected = [model.fit(X.iloc[a], y.iloc[a]).score(X.iloc[b], y.iloc[b]) for a, b in folds]
    assert accuracies == pytest.approx(expected, abs=1e-12)
    assert min(expected) > 0.8


PUBLISHED = [
    ("sklearn.neural_network.multilayer_perceptron.MLPClassifier(1)", 0.90),
    (
        "sklearn.pipeline.Pipeline(scale=sklearn.preprocessing.data.StandardScaler,"
        "clf=sklearn.neural_network._multilayer_perceptron.MLPClassifier)(2)",
        0.80,
    ),
    ("sklearn.neural_network._multilayer_perceptron.MLPClassifier(7)", 1.00),
    ("skmlp.estimators.classifier.SoftmaxMLPClassifier(1)", 0.99),
    ("sklearn.ensemble.forest.RandomForestClassifier(3)", 0.95),
]


def served(monkeypatch, address):
    monkeypatch.setattr(openml.config, "server", address)
    fill(openml.config.get_cache_directory())


def test_table_of_a_suite(cache, monkeypatch, capsys):
    answers = site.suite(99, [IRIS, MIXED, MISSING]) | site.evaluations(IRIS, PUBLISHED)
    with site.serve(answers) as (address, log):
        served(monkeypatch, address)
        assert suite_of_cases.main(["openml", "--suite", "99", "--limit", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["task", "dataset", "rows", "cols"]
    task, name, rows, columns, classes, ours, middle, best, runs, beaten = lines[1].split()
    assert (task, name, rows, columns, classes) == (str(IRIS), "iris", "150", "4", "3")
    assert 0.9 < float(ours) <= 1.0
    assert (middle, best, runs, beaten) == ("0.9000", "1.0000", "3", "67%")
    assert lines[2].split()[-4:] == ["-", "-", "0", "-"]
    assert float(lines[2].split()[5]) > 0.85
    assert lines[-1].startswith("better than the median of published runs on 1 of 1 tasks")
    assert log[0] == "study/99"


def test_failing_task_does_not_stop_the_others(cache, monkeypatch, capsys):
    with site.serve(site.evaluations(IRIS, PUBLISHED[3:])) as (address, _):
        served(monkeypatch, address)
        assert openml_tasks.main(["--task", str(MISSING), "--task", str(IRIS)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert str(MISSING) in lines[1]
    assert "No results" in lines[1]
    assert "iris" in lines[2]
    assert lines[-1] == "no published runs of MLPClassifier on these tasks"


def test_suite_without_network(cache, capsys):
    assert openml_tasks.main(["--suite", "99"]) == 1
    output = capsys.readouterr()
    assert output.err.startswith("OpenML gave no tasks for suite 99, which needs a network")
    assert output.err.count("\n") == 1


def test_cached_task_without_network(cache, capsys):
    assert openml_tasks.main(["--task", str(IRIS)]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split()[1] == "iris"
    assert float(line.split()[5]) > 0.9
    assert line.split()[6:] == ["-", "-", "?", "-"]


def test_without_openml(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "openml", None)
    assert openml_tasks.main([]) == 1
    assert "pip install 'skmlp[openml]'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--limit", "0"], ["--task", "iris"], ["adam"]])
def test_invalid_arguments(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        openml_tasks.main(arguments)
    assert "error" in capsys.readouterr().err

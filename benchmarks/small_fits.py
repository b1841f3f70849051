"""Small fits of all kinds, written as calls: what `same_results` compares.

Only public names of skmlp are used, so that all code behind them may move.
"""

import pickle
import re
import shutil
import tempfile
import traceback
import warnings
from contextlib import suppress
from functools import partial
from itertools import count, product
from pathlib import Path

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, issparse
from scipy.stats import loguniform  # noqa: F401 - in a call, as others below
from sklearn import config_context
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler  # noqa: F401

import skmlp
from skmlp import (
    PopulationGridSearchCV,
    PopulationRandomizedSearchCV,  # noqa: F401
    SoftmaxMLPClassifier,
)
from skmlp.callbacks import Checkpoint
from skmlp.dask import DaskSoftmaxMLPClassifier

# The calls, which `result` evaluates, or their arguments, separated by semicolons.
SOLVERS = "'adam'", "'sgd'", "'sgd', nesterovs_momentum=False", "'lbfgs'"
KINDS = "float32", "float64", "uint8", "int64", "bool", "csr float32", "csr float64", "csr uint8"
OPTIONS = """
    units=(); units=(12, 7), activation=("tanh", "gelu"), l2=(0, 1e-3, 1e-2);
    units=100, batch_size="auto", epochs="auto"; activation="identity"; activation="logistic";
    activation="leaky_relu"; activation="elu"; activation="silu"; init="glorot_uniform";
    init="he_normal"; init="lecun_normal"; init="standard_normal"; standardize=False, l1=1e-3;
    standardize=False, l2=0.0, label_smoothing=0.0; l1=3e-3; l1=(1e-2, 0.0), l2=(0.0, 1e-2);
    class_weight={0: 3.0, 1: 0.5}; class_weight={2: 0.0}, weighted=True; class_weight="balanced";
    class_weight="balanced", weighted=True, label_smoothing=0.1; dtype="float64"; dtype="float32";
    batch_size=1, epochs=1; batch_size=1000, shuffle=False; n_classes=2; n_classes=1;
    learning_rate=0.03, momentum=0.5, beta_1=0.8, beta_2=0.99, epsilon=1e-4;
    labels=("cow", "ant", "bee"), class_weight={"ant": 2.0}; random_state=np.random.RandomState(1);
    validated=True; validated=True, weighted=True, class_weight="balanced"; times=2;
    warm_start=True, times=3; warm_start=True, times=3, schedule="constant"; **stop();
    **stop(n_iter_no_change=1), weighted=True; **stop(n_iter_no_change=np.inf);
    **stop(validation_fraction=30, class_weight="balanced"); **stop(validation_fraction=None);
    **stop(validation_fraction=None, scoring="accuracy"); **stop(scoring="accuracy");
    **stop(scoring="neg_log_loss"), weighted=True; **stop(scoring=accuracy), weighted=True;
    **stop(scoring=accuracy), weighted=True, validated=True; **stop(), validated=True;
    **stop(epochs=3, warm_start=True), times=3"""
OPTIONS_BUT_OF_LBFGS = """
    dropout=0.3; dropout=(0.2, 0.5, 0.1), units=(12, 7); dropout=0.2, **stop();
    dropout=(0.4, 0.0), l1=1e-3, weighted=True; schedule="cosine"; schedule="invscaling";
    dropout=0.1, warm_start=True, times=3, schedule="constant"; schedule=lambda x: 1 - x / 2;
    schedule="adaptive", epochs=25, n_iter_no_change=2, tol=0.1;
    schedule="adaptive", **stop(epochs=15, warm_start=True), times=3"""
DASK_SOLVERS = "'adam'", "'sgd', rounds_per_epoch=3", "'lbfgs'"
DASK_OPTIONS = """
    weighted=True; kind="uint8", units=(); kind="csr float32"; move="unknown chunks"; **stop();
    n_shards=4, batch_size=20, l1=1e-3; warm_start=True, times=3; n_classes=2; validated=True;
    class_weight="balanced", standardize=False, label_smoothing=0.1; kind="float64", shuffle=False;
    labels=("cow", "ant", "bee"), random_state=np.random.RandomState(1);
    **stop(validation_fraction=None); **stop(scoring="accuracy"), weighted=True;
    **stop(scoring=accuracy, validation_fraction=30); **stop(), validated=True, weighted=True"""
OTHERS = """
    fit(move="by columns"); fit(move="frame"); fit(move="mapped"); fit(move="not aligned");
    fit(move="mapped", n_rows=17_000, n_features=1024, units=2, batch_size=1000, epochs=2);
    fit(n_rows=12_000, epochs=2, batch_size=500, validated=True); in_parts();
    fit("uint8", move="mapped", **stop()); fit(n_rows=5000, working_memory=0.02);
    fit(callbacks=[After(2)]); fit(solver="lbfgs", callbacks=[After(2)]);
    in_parts("csr float64", weighted=True, standardize=False);
    in_parts("uint8", weighted=True, dropout=0.2, class_weight={0: 2.0}, schedule="constant");
    in_parts(solver="sgd", schedule="adaptive", n_iter_no_change=1, tol=0.1, l1=1e-3);
    resumed(); resumed(**stop(class_weight="balanced"), standardize=False);
    resumed(solver="sgd", dropout=0.2, schedule="adaptive", n_iter_no_change=1, tol=0.1);
    resumed(solver="lbfgs"); resumed(path="../checkpoint.npz"); continued(pickled);
    continued(pickled, solver="sgd", schedule="adaptive", dropout=0.2);
    continued(pickled, solver="lbfgs"); continued(saved); continued(saved, "../model.npz");
    continued(saved, solver="sgd", dtype="float64", units=(8, 6), standardize=False);
    continued(lambda model: model.set_params(solver="sgd", standardize=False));
    continued(lambda model: SoftmaxMLPClassifier.from_sklearn(model.to_sklearn()),
              activation="relu", n_bins=None);
    search(GRID); search(GRID, "uint8", weighted=True, class_weight="balanced");
    search(GRID, "float64", params={"return_train_score": True, "cv": 5, "scoring": None});
    search(GRID, "float64", params={"cv": 5}); search(GRID, "csr float32");
    search(GRID, units=700, batch_size=240, epochs=1, params={"n_jobs": 2}); search(GRID, **stop());
    search(GRID, steps=[StandardScaler()]); search({"momentum": [0.0, 0.9]}, solver="sgd");
    search(GRID | {"standardscaler__with_mean": [True, False]}, steps=[StandardScaler()], **stop());
    search(GRID | {"n_iter_no_change": [1, 3]}, **stop(validation_fraction=20), weighted=True);
    search(GRID, schedule="adaptive", epochs=25, n_iter_no_change=1, tol=0.1);
    search(GRID, schedule="adaptive", solver="sgd", **stop()); search({"l2": [0, 0.1]}, "bool");
    search({"solver": ["adam", "sgd", "lbfgs"], "nesterovs_momentum": [True, False]});
    search({"units": [5, (8, 4)], "batch_size": [16, 50], "activation": ["relu", "tanh"]});
    search({"beta_1": [0.8, 0.9], "beta_2": [0.99, 0.999], "epsilon": [1e-8, 1e-6]});
    search({"l1": [0.0, 1e-3, (1e-3, 0.0)], "l2": [0.0, (0.0, 1e-2)]});
    search({"dropout": [0.0, 0.2, 0.3, (0.3, 0.1)]}, "float32", random_state=1);
    search({"random_state": [0, 1], "shuffle": [True, False], "label_smoothing": [0.0, 0.1]});
    search({"schedule": ["constant", "cosine", "invscaling"], "standardize": [True, False]});
    search({"l2": loguniform(1e-5, 0.1)}, of=partial(PopulationRandomizedSearchCV, random_state=0));
    on_dask(dropout=0.2); on_dask(schedule="adaptive", epochs=20, n_iter_no_change=1, tol=0.1);
    on_dask(move="dask frame"); on_dask(move="cut otherwise", weighted=True, validated=True);
    on_dask(n_rows=12_000, epochs=2, batch_size=500, validated=True)"""
GRID = {"l2": [0.0, 1e-2], "learning_rate": [3e-3, 0.03]}


def calls():
    """Return the calls whose results are compared."""
    options, more, on_dask, others = (
        [call.strip() for call in text.split(";")]
        for text in (OPTIONS, OPTIONS_BUT_OF_LBFGS, DASK_OPTIONS, OTHERS)
    )
    cells = product(SOLVERS, KINDS, ("", ", weighted=True"))
    found = [f"fit({kind!r}, {solver}{weights})" for solver, kind, weights in cells]
    for solver, kind in product(SOLVERS, ("float32", "csr float64")):
        suitable = options + more * ("lbfgs" not in solver)
        found += [f"fit({kind!r}, {solver}, {option})" for option in suitable]
    found += [f"on_dask({solver}, {option})" for solver, option in product(DASK_SOLVERS, on_dask)]
    return found + others


def result(call):
    """Return what one of the calls returns, or the error that it raises as a str."""
    with warnings.catch_warnings(action="ignore"):
        try:
            return eval(call)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{place.filename}, line {place.lineno}"
            return f"raises {type(error).__name__}: {error} ({where})"


def stop(epochs=30, **params):
    """Return parameters of early stopping that takes place soon."""
    return {"early_stopping": True, "n_iter_no_change": 2, "tol": 0.02, "epochs": epochs} | params


def accuracy(estimator, X, y, sample_weight=None):
    """Return the accuracy: a callable for ``scoring``."""
    return float(np.average(estimator.predict(X) == y, weights=sample_weight))


def data(kind="float32", n_classes=3, labels=None, n_rows=240, n_features=9):
    """Return X, y and weights."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_features))
    kept = rng.random((n_rows, n_features)) < 0.4
    y = (X @ rng.normal(size=(n_features, 3)) + rng.normal(size=(n_rows, 3))).argmax(axis=1)
    y, dtype = y % n_classes, np.dtype(kind.removeprefix("csr "))
    X = {"u": (40 * X + 128).clip(0, 255), "i": 40 * X, "b": X > 0}.get(dtype.kind, X)
    X = csr_matrix((X * kept).astype(dtype)) if "csr" in kind else X.astype(dtype)
    return X, y if labels is None else np.take(labels, y), rng.integers(4, size=n_rows) / 2


def _mapped(array):
    with tempfile.NamedTemporaryFile(dir=".", suffix=".npy", delete=False) as file:
        np.save(file, array)
    return np.load(file.name, mmap_mode="r")


def _frame(array):
    return pd.DataFrame(array, columns=list("abcdefghi")) if array.ndim == 2 else pd.Series(array)


def _chunks(array):
    if issparse(array):
        return _chunks(array.toarray()).map_blocks(csr_matrix)
    return da.from_array(array, chunks=(-(-len(array) // 4), *array.shape[1:]))


MOVES = {  # what may be done to the arrays of a call first
    "": lambda array: array,
    "by columns": np.asfortranarray,
    "frame": _frame,
    "mapped": _mapped,  # into memory, from a file
    "not aligned": lambda a: np.frombuffer(b"0" + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
    "chunks": _chunks,  # Dask's, each of a quarter of the rows
    "cut otherwise": lambda array: _chunks(array).rechunk(50 if array.ndim == 1 else {1: 4}),
    "unknown chunks": lambda array: _chunks(array)[_chunks(np.ones(len(array), bool))],
    "dask frame": lambda array: dd.from_pandas(_frame(array), npartitions=4),
}


def network(make=SoftmaxMLPClassifier, callbacks=(), **params):
    """Return a small classifier that is not fitted."""
    made = make(**{"units": 12, "epochs": 5, "batch_size": 32, "random_state": 0} | params)
    return made.set_callbacks(*callbacks) if callbacks else made


def outcome(model, X, prefix=""):
    """Return by name what a fitted classifier, or pipeline, must have in common with another."""
    names = "n_iter_", "best_epoch_", "best_validation_score_", "stop_reason_", "class_weight_"
    clf = model[-1] if isinstance(model, Pipeline) else model
    found = {name: getattr(clf, name) for name in names}
    found |= {f"history_[{k!r}]": np.array(v) for k, v in clf.history_.items() if k != "seconds"}
    found |= {"theta_": clf.theta_.copy(), "predict_proba": np.asarray(model.predict_proba(X))}
    return {prefix + name: value for name, value in found.items()}


def fit(
    kind="float32", solver="adam", *, n_classes=3, labels=None, n_rows=240, n_features=9, move="",
    weighted=False, validated=False, times=1, working_memory=1024, **params,
):  # fmt: skip
    """Call fit some times, with arrays to which one of `MOVES` has been applied."""
    of_kind, given = (kind, n_classes, labels), {}
    rows = list(map(MOVES[move], data(*of_kind, n_rows, n_features)[: 2 + weighted]))
    if validated:
        names = ("X_val", "y_val", "sample_weight_val")[: 2 + weighted]
        given = dict(zip(names, map(MOVES[move], data(*of_kind, 120)), strict=False))
    model = network(solver=solver, **params)
    with config_context(working_memory=working_memory):
        for _ in range(times):
            model.fit(*rows, **given)
        return outcome(model, rows[0])


def on_dask(solver="adam", *, kind="float32", n_shards=2, move="chunks", **params):
    """Call fit with Dask's arrays, in two threads of this process."""
    make = partial(DaskSoftmaxMLPClassifier, n_shards=n_shards)
    with dask.config.set(scheduler="threads", num_workers=2):
        return fit(kind, solver, make=make, move=move, **params)


def in_parts(kind="float32", weighted=False, **params):
    """Call partial_fit."""
    (X, y, w), model = data(kind), network(**params)
    for part in (slice(start, start + 50) for start in range(0, 240, 50)):
        model.partial_fit(X[part], y[part], [0, 1, 2], w[part] if weighted else None)
    return outcome(model, X)


class After:
    """A callback that stops the training after an epoch, or raises an error there."""

    def __init__(self, epoch, error=None):
        self.left, self.error = epoch, error

    def setup(self, estimator, context, **data):
        """Do nothing."""

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(self, estimator, context):
        """Count the epochs."""
        self.left -= 1
        if self.left == 0 and self.error is not None:
            raise self.error
        return self.left == 0


def resumed(path="checkpoint.npz", **params):
    """Interrupt a fit and go on from its checkpoint; if the path begins with .., from OLD's."""
    callbacks = Checkpoint("interrupted.npz", 2), After(5, KeyboardInterrupt())
    (X, y, w), model = data(), network(**{"epochs": 9, "callbacks": callbacks} | params)
    with suppress(KeyboardInterrupt):
        model.fit(X, y, w)
    found = outcome(model, X, "interrupted.")
    if not (path.startswith("..") and Path(path).exists()):
        shutil.copy("interrupted.npz", path)
    shutil.copy(path, "resumed.npz")
    return found | outcome(SoftmaxMLPClassifier.resume("resumed.npz", X, y, w), X, "resumed.")


def continued(pass_on, *args, **params):
    """Train, let ``pass_on`` make a model of the model, and train that by fit and partial_fit."""
    (X, y, w), model = data(), network(**params)
    found = outcome(model.set_params(warm_start=True).fit(X, y, w), X, "first.")
    model = pass_on(model, *args).set_params(warm_start=True)
    found |= outcome(model.fit(X, y), X, "second.")
    if model.solver != "lbfgs":
        found |= outcome(model.partial_fit(X[:90], y[:90]), X, "third.")
    return found


def pickled(model):
    """Pickle a model and read it again."""
    return pickle.loads(pickle.dumps(model))


def saved(model, path="model.npz"):
    """Save a model and load it again; if the path begins with .., load OLD's."""
    if not (path.startswith("..") and Path(path).exists()):
        skmlp.save(model, path)
    return skmlp.load(path)


def search(
    grid, kind="float32", *, of=PopulationGridSearchCV, steps=(), weighted=False, params=None,
    **of_network,
):  # fmt: skip
    """Search, and return the outcomes of all fits; with ``steps``, for a pipeline of these first.

    ``params`` are parameters of the search.
    """
    (X, y, w), estimator, outcomes, numbers = data(kind), network(**of_network), {}, count()
    if steps:
        estimator, last = make_pipeline(*steps, estimator), "softmaxmlpclassifier__"
        grid = {name if "__" in name else last + name: values for name, values in grid.items()}

    def score(model, X, y):
        outcomes.update(outcome(model, X, f"fit {next(numbers)}: "))
        return model.score(X, y)

    searched = of(estimator, grid, **{"cv": 3, "scoring": score} | (params or {}))
    searched.fit(X, y, **({"sample_weight": w} if weighted else {}))
    outcomes |= outcome(searched.best_estimator_, X, "best_estimator_.")
    outcomes["best_params_"] = repr(searched.best_params_)
    results = searched.cv_results_
    names = [name for name in results if re.fullmatch(".*_(test|train)_score", name)]
    return outcomes | {f"cv_results_[{name!r}]": results[name] for name in names}

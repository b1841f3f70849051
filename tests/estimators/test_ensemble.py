"""SoftmaxMLPEnsembleClassifier equals its members, trained one by one."""

import copy
import io
import json
import pickle
import re
from dataclasses import replace

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, logsumexp, softmax
from scipy.stats import entropy
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier, load, save
from skmlp.data.checks import ValidatedRows
from skmlp.data.dataset import encode
from skmlp.estimators.members import draw_seeds
from skmlp.io._npz import write_archive
from skmlp.training import population
from skmlp.training.config import TrainConfig
from skmlp.training.local import local_trainer
from skmlp.training.state import TrainState
from tests.interrupting import interrupted_at

X, y = make_classification(
    420, 6, n_informative=5, n_redundant=0, n_classes=3, class_sep=0.8, random_state=0
)
NAMES = np.array(["no", "perhaps", "yes"])[y]


def net(**params):
    return SoftmaxMLPClassifier(**{"units": 8, "epochs": 4} | params)


def ensemble(estimator=None, n_estimators=4, **params):
    estimator = net() if estimator is None else estimator
    return SoftmaxMLPEnsembleClassifier(estimator, n_estimators, **{"random_state": 0} | params)


def folds_of(fitted):
    """Return the rows that each member has left out; needs warm_start=True."""
    return [fold for folds in fitted._repeats for fold in folds][: len(fitted.theta_)]


PARAMS = st.fixed_dictionaries(
    {
        "units": st.sampled_from([(), (8,), (60, 50)]),
        "activation": st.sampled_from(["relu", "silu"]),
        "solver": st.sampled_from(["adam", "sgd", "lbfgs"]),
        "early_stopping": st.sampled_from(["auto", True, False]),
        "class_weight": st.sampled_from([None, "balanced"]),
        "dtype": st.sampled_from(["float32", "float64"]),
        "scoring": st.sampled_from(["loss", "accuracy"]),
        "schedule": st.sampled_from(["one_cycle", "adaptive"]),
        "averaging": st.sampled_from([0.0, 1.0]),
        "learning_rate": st.just(0.003),
    }
)


@settings(max_examples=12, deadline=None)
@given(params=PARAMS, weighted=st.booleans(), n=st.sampled_from([90, 420]), seed=st.integers(0, 9))
def test_members_of_folds_equal_separate_fits(params, weighted, n, seed):
    rows, labels = X[:n], NAMES[:n]
    w = np.random.RandomState(seed).randint(0, 3, n) if weighted else None
    base = net(n_bins=None, **params)
    model = ensemble(base, 5, cv=3, warm_start=True, random_state=seed).fit(rows, labels, w)
    atol = 1e-6 if params["dtype"] == "float64" else 1e-3
    for member, fold in zip(model.estimators_, folds_of(model), strict=True):
        train = np.delete(np.arange(n), fold)
        alone = clone(base).set_params(random_state=member.random_state)
        alone.fit(rows[train], labels[train], None if w is None else w[train])
        np.testing.assert_allclose(member.theta_, alone.theta_, atol=atol)
        assert member.best_epoch_ == alone.best_epoch_
        assert member.get_params() == alone.get_params()
        assert member.history_.keys() == alone.history_.keys()
        np.testing.assert_allclose(member.loss_curve_, alone.loss_curve_, atol=atol)


@settings(max_examples=12, deadline=None)
@given(params=PARAMS, n=st.sampled_from([90, 420]), seed=st.integers(0, 9))
def test_members_of_all_rows_equal_the_trainer_alone(params, n, seed):
    rows = X[:n].astype(params["dtype"])
    params = params | {"n_bins": None}
    model = ensemble(net(**params), 3, random_state=seed).fit(rows, NAMES[:n])
    shared, seeds = model._seed, draw_seeds(model._seed, 3)
    classes = np.unique(NAMES)
    for i, member in enumerate(model.estimators_):
        config = TrainConfig.from_params(net(**params, random_state=shared).get_params())
        config = replace(config, n_classes=3, theta_dtype=rows.dtype)
        dataset = encode(ValidatedRows(rows, NAMES[:n], None), classes, rows.dtype)
        start = TrainState(init_rng=np.random.RandomState(seeds[i]))
        make = member._fitted_copy
        if config.sets_rows_aside(n):  # as a classifier of its own
            config, start = replace(config, random_state=seeds[i]), TrainState()
        alone = local_trainer(config, classes, dataset, start=start, make_estimator=make).train()
        np.testing.assert_allclose(
            member.theta_, alone.theta, atol=1e-6 if rows.dtype == float else 1e-3
        )


@pytest.mark.parametrize(
    ("params", "with_validation_set", "n_streams"),
    [
        ({"early_stopping": False}, False, 1),
        ({"early_stopping": False, "n_bins": 4}, False, 1),
        ({}, True, 1),
        ({}, False, 4),  # each sets aside rows of its own
    ],
)
@pytest.mark.parametrize("with_gaps", [False, True])
def test_members_on_the_same_rows_read_each_batch_once(
    monkeypatch, params, with_validation_set, n_streams, with_gaps
):
    numbers_of_streams = set()

    class Recorded(population.StackedBatches):
        def __init__(self, streams, *args):
            numbers_of_streams.add(len(streams))
            super().__init__(streams, *args)

    monkeypatch.setattr(population, "StackedBatches", Recorded)
    rows = X.copy()
    if with_gaps:
        rows[::7, 1] = np.nan
    validation = {"X_val": X[:50], "y_val": y[:50]} if with_validation_set else {}
    model = ensemble(net(**params)).fit(rows, y, **validation)
    assert numbers_of_streams == {n_streams}
    assert len({member.random_state for member in model.estimators_}) == n_streams
    assert len(np.unique(model.theta_[:, 0])) == 4


@pytest.mark.parametrize("cv", [None, 4, KFold(4), StratifiedKFold(2)])
@pytest.mark.parametrize("labels", [y, NAMES, y > 0, np.zeros_like(y)], ids=str)
def test_predictions_are_means(cv, labels):
    if cv is not None and len(np.unique(labels)) == 1:
        cv = KFold(4)
    model = ensemble(cv=cv).fit(X, labels)
    proba = np.stack([member.predict_proba(X) for member in model.estimators_])
    np.testing.assert_allclose(model.predict_proba_members(X), proba, atol=1e-12)
    mean = proba.mean(axis=0)
    np.testing.assert_allclose(model.predict_proba(X), mean, atol=1e-12)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(mean), atol=1e-10)
    assert model.predict(X).tolist() == model.classes_[mean.argmax(axis=1)].tolist()
    assert model.predict(X).dtype == model.classes_.dtype
    scores = model.decision_function(X)
    if len(model.classes_) == 2:
        np.testing.assert_allclose(1 / (1 + np.exp(-scores)), mean[:, 1], atol=1e-12)
    else:
        np.testing.assert_allclose(scores, np.log(mean), atol=1e-10)


def test_uncertainty_is_that_of_scipy():
    model = ensemble().fit(X, y)
    total, data, mutual = model.predict_uncertainty(X)
    proba = model.predict_proba_members(X)
    np.testing.assert_allclose(total, entropy(proba.mean(axis=0), axis=-1), atol=1e-12)
    np.testing.assert_allclose(data, entropy(proba, axis=-1).mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(mutual, total - data, atol=1e-12)
    assert (mutual >= 0).all()
    far = model.predict_uncertainty(X * 10)
    assert far.model.mean() > 2 * mutual.mean()  # extrapolation: members disagree
    one = ensemble(n_estimators=1).fit(X, y).predict_uncertainty(X)
    np.testing.assert_allclose(one.model, 0, atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n_estimators", "n_repeats"), [(3, 1), (5, 1), (6, 2)])
def test_out_of_fold_predictions(weighted, n_estimators, n_repeats):
    w = np.random.RandomState(0).randint(0, 3, len(y)) if weighted else None
    model = ensemble(n_estimators=n_estimators, cv=3, warm_start=True).fit(X, NAMES, w)
    proba = np.zeros((n_repeats, len(y), 3))
    for i, (member, fold) in enumerate(zip(model.estimators_, folds_of(model), strict=True)):
        if i < 3 * n_repeats:
            proba[i // 3, fold] = member.predict_proba(X[fold])
    np.testing.assert_allclose(model.oof_proba_, proba.mean(axis=0), atol=1e-12)
    labels = model.classes_[model.oof_proba_.argmax(axis=1)]
    assert model.oof_score_ == pytest.approx(accuracy_score(NAMES, labels, sample_weight=w))
    loss = log_loss(NAMES, model.oof_proba_, sample_weight=w)
    assert model.oof_loss_ == pytest.approx(loss, rel=1e-9)
    # Repeats are reshuffled, and each is a partition.
    repeats = model._repeats
    for folds in repeats:
        assert np.sort(np.concatenate(folds)).tolist() == list(range(len(y)))
    if len(repeats) > 1:
        assert repeats[0][0].tolist() != repeats[1][0].tolist()


def test_the_out_of_fold_score_is_no_training_score(rng):
    labels = rng.randint(0, 2, 300)
    rows = rng.randn(300, 30)
    model = ensemble(net(units=100, epochs=40, early_stopping=False), cv=4).fit(rows, labels)
    assert model.score(rows, labels) > 0.8
    assert model.oof_score_ < 0.62


@pytest.mark.parametrize("cv", [3, GroupKFold(3)])
def test_groups_stay_together(rng, cv):
    groups = rng.randint(0, 20, len(y))
    model = ensemble(n_estimators=6, cv=cv, warm_start=True).fit(X, y, groups=groups)
    for fold in folds_of(model):
        assert not set(groups[fold]) & set(np.delete(groups, fold))


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_temperature_minimises_the_out_of_fold_loss(class_weight):
    weighted = np.random.RandomState(0).randint(1, 4, len(y))
    base = net(units=60, epochs=30, class_weight=class_weight, early_stopping=False)
    kwargs = {"n_estimators": 6, "cv": 3, "warm_start": True}
    plain = ensemble(base, **kwargs).fit(X, y, weighted)
    model = ensemble(base, calibration="temperature", **kwargs).fit(X, y, weighted)
    np.testing.assert_allclose(model.oof_proba_, plain.oof_proba_, atol=1e-12)
    logits = np.zeros((2, len(y), 3))
    for i, (member, fold) in enumerate(zip(plain.estimators_, folds_of(plain), strict=True)):
        logits[i // 3, fold] = member.decision_function(X[fold])
    w = weighted.astype(float)
    if class_weight:
        w *= (np.bincount(y, w).sum() / (3 * np.bincount(y, w)))[y]
    q = (np.bincount(y, w) / w.sum() * len(y) + 1 / 3) / (len(y) + 1)
    targets = (len(y) * np.eye(3)[y] + q) / (len(y) + 1)

    def loss(b, logits):
        each = log_softmax(np.log(q) + (logits - np.log(q)) * b, axis=-1)
        mean = logsumexp(each, axis=0) - np.log(len(logits))
        return -np.average((targets * mean).sum(axis=1), weights=w)

    def minimum(function):
        options = {"xatol": 1e-6}
        return minimize_scalar(function, bounds=(0.2, 5), method="bounded", options=options).x

    of_two = minimum(lambda b: loss(b, logits))
    of_one = minimum(lambda b: sum(loss(b, z[None]) for z in logits))
    best = 1 / (of_one + (of_two - of_one) * (1 - 1 / 6) / (1 - 1 / 2))
    assert model.temperature_ == pytest.approx(best, rel=1e-3)
    assert abs(model.temperature_ - 1) > 0.02
    expected = np.log(q) + (plain.estimators_[1].decision_function(X) - np.log(q)) / best
    found = model.estimators_[1].predict_proba(X)
    np.testing.assert_allclose(found, softmax(expected, axis=1), atol=1e-3)
    # Adding members takes the temperature back before it finds the one of all.
    more = model.set_params(n_estimators=9).fit(X, y, weighted)
    whole = clone(model).fit(X, y, weighted)
    np.testing.assert_allclose(more.theta_, whole.theta_, atol=1e-8)
    assert more.temperature_ == pytest.approx(whole.temperature_, rel=1e-6)


@pytest.mark.parametrize("cv", [None, 3])
def test_warm_start_adds_members(cv):
    model = ensemble(n_estimators=3, cv=cv, warm_start=True).fit(X, y)
    before = model.theta_.copy()
    model.set_params(n_estimators=7).fit(X, y)
    np.testing.assert_array_equal(model.theta_[:3], before)
    at_once = ensemble(n_estimators=7, cv=cv).fit(X, y)
    np.testing.assert_allclose(model.theta_, at_once.theta_, atol=1e-8)
    if cv:
        np.testing.assert_allclose(model.oof_proba_, at_once.oof_proba_, atol=1e-8)
    with pytest.raises(ValueError, match="n_estimators=5 must be at least 7"):
        model.set_params(n_estimators=5).fit(X, y)
    assert len(model.estimators_) == 7
    with pytest.raises(ValueError, match="describe another network"):
        model.set_params(n_estimators=8, estimator__units=9).fit(X, y)


def test_warm_start_without_new_members():
    model = ensemble(n_estimators=3, cv=3, calibration="temperature", warm_start=True).fit(X, y)
    expected, temperature = model.theta_.copy(), model.temperature_
    with pytest.warns(UserWarning, match="trains no members"):
        model.fit(X, y)
    np.testing.assert_allclose(model.theta_, expected, atol=1e-8)
    assert model.temperature_ == pytest.approx(temperature, rel=1e-6)


def test_a_fit_without_folds_has_no_out_of_fold_results():
    model = ensemble(cv=4).fit(X, y).set_params(cv=None).fit(X, y)
    assert not [name for name in vars(model) if name.startswith("oof")]


def test_warm_start_with_cv_needs_the_folds():
    model = ensemble(n_estimators=3, cv=3).fit(X, y).set_params(warm_start=True, n_estimators=4)
    with pytest.raises(ValueError, match="needs the folds of the previous call"):
        model.fit(X, y)


COPIES = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "deepcopy": copy.deepcopy,
    "joblib": lambda model: _through_joblib(model),
}


def _through_joblib(model):
    stream = io.BytesIO()
    joblib.dump(model, stream)
    stream.seek(0)
    return joblib.load(stream)


@pytest.mark.parametrize("how", COPIES)
def test_parameters_of_members_are_views(how):
    model = ensemble(cv=4).fit(X, y)
    again = COPIES[how](model)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    for one in (model, again):
        for i, member in enumerate(one.estimators_):
            assert np.shares_memory(member.theta_, one.theta_[i])
            assert np.shares_memory(member.coefs_[0], one.theta_[i])


def test_pickles_hold_no_training_state():
    small, large = (len(pickle.dumps(ensemble(cv=4).fit(X[:n], y[:n]))) for n in (60, 420))
    proba = 360 * 3 * 8  # oof_proba_
    assert large < small + proba + 1500


def test_from_estimators():
    members = [net(random_state=i, n_bins=None).fit(X, NAMES) for i in range(3)]
    model = SoftmaxMLPEnsembleClassifier.from_estimators(members)
    expected = np.mean([member.predict_proba(X) for member in members], axis=0)
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-12)
    assert model.classes_.tolist() == members[0].classes_.tolist()
    assert model.n_estimators == 3
    assert [m.random_state for m in model.estimators_] == [0, 1, 2]
    with pytest.raises(ValueError, match="one fitted SoftmaxMLPClassifier or more"):
        SoftmaxMLPEnsembleClassifier.from_estimators([])
    with pytest.raises(TypeError, match=r"estimators\[1\] is a LogisticRegression"):
        SoftmaxMLPEnsembleClassifier.from_estimators([members[0], LogisticRegression()])


@pytest.mark.parametrize(
    ("what", "make"),
    [
        ("layers", lambda: net(units=9, n_bins=None).fit(X, NAMES)),
        ("layers", lambda: net(n_bins=None).fit(X[:, :5], NAMES)),
        ("activations", lambda: net(activation="relu", n_bins=None).fit(X, NAMES)),
        ("dtype", lambda: net(dtype="float32", n_bins=None).fit(X, NAMES)),
        ("classes", lambda: net(n_bins=None).fit(X, y)),
        ("gaps, categories or bins", lambda: net(n_bins=4).fit(X, NAMES)),
    ],
)
def test_estimators_that_differ(what, make):
    members = [net(n_bins=None).fit(X, NAMES), make()]
    with pytest.raises(ValueError, match=rf"estimators\[1\] differs .* in its {what}"):
        SoftmaxMLPEnsembleClassifier.from_estimators(members)


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sparse_rows(cv, solver):
    rows = np.where(np.abs(X) < 1, 0, X)
    model = ensemble(net(solver=solver), 3, cv=cv)
    dense = model.fit(rows, y).predict_proba(rows)
    as_sparse = sparse.csr_array(rows)
    np.testing.assert_allclose(model.predict_proba(as_sparse), dense, atol=1e-10)
    np.testing.assert_allclose(model.fit(as_sparse, y).predict_proba(as_sparse), dense, atol=1e-6)


def test_memory_maps_and_dtypes(tmp_path):
    np.save(tmp_path / "X.npy", X.astype(np.float32))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    model = ensemble(cv=4).fit(mapped, y)
    assert model.theta_.dtype == np.float32
    expected = ensemble(cv=4).fit(X.astype(np.float32), y)
    np.testing.assert_array_equal(model.theta_, expected.theta_)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("cv", [None, 3])
def test_jobs(n_jobs, cv):
    model = ensemble(n_estimators=6, cv=cv, n_jobs=n_jobs).fit(X, y)
    np.testing.assert_allclose(
        model.theta_, ensemble(n_estimators=6, cv=cv).fit(X, y).theta_, atol=1e-8
    )


def test_validation_set():
    model = ensemble(net(early_stopping=True, epochs=20), cv=3, n_estimators=3)
    model.fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    assert all(len(history["validation_loss"]) > 0 for history in model.history_)


def test_in_scikit_learn():
    pipeline = make_pipeline(StandardScaler(), ensemble(cv=3, n_estimators=3))
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.4
    grid = {"softmaxmlpensembleclassifier__estimator__units": [4, 8]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert search.best_estimator_[-1].estimators_[0].units in (4, 8)
    default = SoftmaxMLPEnsembleClassifier(n_estimators=2, random_state=0)
    assert default.fit(*load_iris(return_X_y=True)).score(*load_iris(return_X_y=True)) > 0.9


def test_fitted_on_a_data_frame():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcdef"))
    model = ensemble().fit(frame, y)
    assert model.feature_names_in_.tolist() == list("abcdef")
    assert model.estimators_[0].feature_names_in_.tolist() == list("abcdef")
    np.testing.assert_array_equal(
        model.estimators_[0].predict_proba(frame), model.predict_proba_members(frame)[0]
    )


@pytest.mark.parametrize("marked", [[0], None])
def test_categories_are_those_of_the_estimator(marked):
    pd = pytest.importorskip("pandas")
    codes = np.arange(len(y)) % 4
    array = np.column_stack([codes, X])
    frame = pd.DataFrame(array).astype({0: "category"})
    for table in (array, frame):
        base = net(categorical_features=marked)
        model = ensemble(base, 2).fit(table, y)
        expected = clone(base).fit(table, y)
        for member in model.estimators_:
            assert member.is_categorical_.tolist() == expected.is_categorical_.tolist()
        assert model.predict_proba(table).shape == (len(y), 3)


INVALID = [
    ({"n_estimators": 0}, "n_estimators must be an integer >= 1, got 0."),
    ({"n_estimators": 2.0}, "n_estimators must be an integer >= 1, got 2.0."),
    ({"n_estimators": 2, "cv": 3}, "n_estimators=2 must be at least the number of folds of cv, 3"),
    ({"cv": 1}, "cv must be None, an integer >= 2 or a splitter, got 1."),
    ({"cv": "x"}, "cv must be None, an integer >= 2 or a splitter, got 'x'."),
    ({"cv": TimeSeriesSplit(3)}, "must be a partition"),
    ({"calibration": "platt", "cv": 3}, "calibration must be 'temperature' or None, got 'platt'."),
    ({"calibration": "temperature"}, "needs rows that a member was not trained on: set cv"),
    ({"verbose": -1}, "verbose must be an integer >= 0, got -1."),
    ({"n_jobs": "all"}, "n_jobs must be None or an integer, got 'all'."),
]


@pytest.mark.parametrize(("params", "message"), INVALID, ids=str)
def test_invalid_parameters(params, message, monkeypatch):
    monkeypatch.setattr(
        "skmlp.estimators.ensemble.train_networks", lambda *_: pytest.fail("was trained")
    )
    model = ensemble().set_params(**params)
    with pytest.raises(ValueError, match=re.escape(message)):
        model.fit(X, y)
    assert not hasattr(model, "classes_")


def test_other_invalid_input():
    with pytest.raises(TypeError, match="estimator must be a SoftmaxMLPClassifier or None"):
        ensemble(LogisticRegression()).fit(X, y)
    with pytest.raises(ValueError, match="groups are for cv, but cv is None"):
        ensemble().fit(X, y, groups=y)
    labels = np.where(np.arange(len(y)) < 1, 7, y)
    with pytest.raises(ValueError, match="leaves a member without class 7: all of its 1 rows"):
        ensemble(cv=KFold(4)).fit(X, labels)
    with pytest.raises(ValueError, match="learning_rate must be"):
        ensemble(net(learning_rate=-1)).fit(X, y)


def test_diverging_members_raise():
    base = net(solver="sgd", learning_rate=1e30, schedule="constant")
    model = ensemble(base)
    with pytest.raises(ValueError, match="diverged in epoch"):
        model.fit(X, y)
    assert not hasattr(model, "theta_")


@pytest.mark.slow
def test_more_accurate_than_one():
    rows, labels = make_classification(
        3000, 12, n_informative=8, n_classes=4, flip_y=0.1, random_state=1
    )
    train, test = slice(1000), slice(1000, None)
    model = SoftmaxMLPEnsembleClassifier(cv=4, n_estimators=4, random_state=0)
    model.fit(rows[train], labels[train])
    members = model.predict_proba_members(rows[test])
    losses = [log_loss(labels[test], proba) for proba in members]
    assert log_loss(labels[test], model.predict_proba(rows[test])) < 0.95 * np.mean(losses)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("labels", [NAMES, y > 0], ids=["three", "two"])
def test_conversion_to_votingclassifier(labels):
    model = ensemble(net(activation="relu", n_bins=None), cv=4).fit(X, labels)
    voting = model.to_sklearn()
    np.testing.assert_allclose(voting.predict_proba(X), model.predict_proba(X), atol=1e-12)
    assert voting.predict(X).tolist() == model.predict(X).tolist()
    assert voting.classes_.tolist() == model.classes_.tolist()
    again = clone(voting).set_params(mlp0__max_iter=2).fit(X[:50], labels[:50])  # it is whole
    assert again.n_features_in_ == voting.n_features_in_ == 6
    with pytest.raises(ValueError, match="activation must be one of"):
        ensemble().fit(X, labels).to_sklearn()


@pytest.mark.parametrize("epoch", [2, 9])
@pytest.mark.parametrize("params", [{}, {"solver": "lbfgs"}, {"early_stopping": True}], ids=str)
@pytest.mark.parametrize("cv", [None, 3])
def test_ctrl_c_keeps_what_was_learnt(monkeypatch, cv, params, epoch):
    interrupted_at(monkeypatch, epoch)
    model = ensemble(net(**params), 4, cv=cv)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    if not hasattr(model, "theta_"):  # the iterations of L-BFGS are no steps
        assert params == {"solver": "lbfgs"}
        return
    reasons = [member.stop_reason_ for member in model.estimators_]
    assert "interrupted" in reasons
    assert model.score(X, y) > 0.3
    assert len(reasons) == len(model.theta_) <= 4


def test_ctrl_c_at_once_leaves_an_ensemble_as_it_was(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("skmlp.training.population.PopulationSource.run_epoch", interrupt)
    model = ensemble()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert not hasattr(model, "theta_")


@pytest.mark.parametrize(
    "params", [{}, {"cv": 3}, {"cv": 3, "calibration": "temperature"}, {"estimator": None}], ids=str
)
def test_files(tmp_path, params):
    model = ensemble().set_params(**params).fit(X, NAMES)
    save(model, tmp_path / "ensemble.npz")
    again = load(tmp_path / "ensemble.npz")
    assert type(again) is SoftmaxMLPEnsembleClassifier
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert str(again.get_params()) == str(model.get_params())
    assert again.temperature_ == model.temperature_
    assert again.history_ == model.history_
    assert getattr(again, "oof_score_", None) == getattr(model, "oof_score_", None)
    for one, other in zip(again.estimators_, model.estimators_, strict=True):
        assert one.get_params() == other.get_params()
    with pytest.raises(ValueError, match="not a valid skmlp checkpoint file"):
        SoftmaxMLPClassifier.resume(tmp_path / "ensemble.npz", X, NAMES)


def test_files_with_a_splitter_need_pickle(tmp_path):
    model = ensemble(cv=KFold(2)).fit(X, y)
    with pytest.raises(ValueError, match=r"cv=KFold.* cannot be saved without pickle"):
        save(model, tmp_path / "ensemble.npz")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda header, arrays: arrays.pop("theta.1"), "it must hold"),
        (lambda header, arrays: header["members"].pop(), "it has 3 members, and an array"),
        (lambda header, arrays: header.update(members=[]), "it has 0 members, and an array"),
        (lambda header, arrays: header.update(temperature=0.0), "its temperature is 0.0"),
        (lambda header, arrays: header.update(out_of_fold=[1.0, "x"]), "out-of-fold score"),
        (
            lambda header, arrays: arrays.update({"classes.2": np.array(["a", "b", "c"])}),
            "one kind",
        ),
        (lambda header, arrays: arrays.update({"theta": np.zeros(3)}), "and an array theta"),
    ],
)
def test_damaged_files(tmp_path, damage, message):
    path = tmp_path / "ensemble.npz"
    save(ensemble(cv=3).fit(X, NAMES), path)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    header = json.loads(arrays.pop("header").tobytes())
    damage(header, arrays)
    write_archive(path, header, arrays)
    with pytest.raises(ValueError, match=message):
        load(path)

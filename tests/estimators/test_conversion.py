"""Conversion to and from MLPClassifier, and ONNX export of the result."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skmlp import SoftmaxMLPClassifier
from skmlp.estimators.conversion import from_mlpclassifier, to_mlpclassifier
from tests.plain import PLAIN

X, y = load_iris(return_X_y=True)
SHARED = ["identity", "logistic", "tanh", "relu"]
TOLERANCE = {"float32": 1e-6, "float64": 1e-12}


def to_sklearn(clf):
    return to_mlpclassifier(clf)


def from_sklearn(mlp):
    return from_mlpclassifier(SoftmaxMLPClassifier, mlp)


def labels(n_classes):
    """Return unsorted string labels of n_classes classes."""
    return np.array(["setosa", "versicolor", "a third"])[np.minimum(y, n_classes - 1)]


def fitted(y=y, **params):
    return SoftmaxMLPClassifier(
        **{**PLAIN, "units": 5, "epochs": 3, "random_state": 0, **params}
    ).fit(X, y)


def fitted_mlp(y=y, X=X, **params):
    params = {"hidden_layer_sizes": 5, "max_iter": 3, "random_state": 0, **params}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # three epochs are enough
        return MLPClassifier(**params).fit(X, y)


def assert_same_predictions(one, other, atol, X=X):
    np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), rtol=0, atol=atol)
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
    assert one.predict(X).dtype == other.predict(X).dtype


networks = pytest.mark.parametrize("units", [(), (5,), (6, 4)])
functions = pytest.mark.parametrize("activation", SHARED)
n_classes_2_or_3 = pytest.mark.parametrize("n_classes", [2, 3])
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


@networks
@functions
@n_classes_2_or_3
@dtypes
def test_to_sklearn_and_back(units, activation, n_classes, dtype):
    y = labels(n_classes)
    clf = fitted(y, units=units, activation=activation, dtype=dtype)
    mlp = to_sklearn(clf)
    rows = X.astype(dtype)
    assert_same_predictions(mlp, clf, TOLERANCE[dtype], rows)
    assert mlp.predict_proba(rows).dtype == dtype
    assert mlp.score(X, y) == clf.score(X, y)
    assert all(a.dtype == dtype and a.flags.c_contiguous for a in mlp.coefs_ + mlp.intercepts_)
    assert mlp.hidden_layer_sizes == units
    assert mlp.n_outputs_ == (1 if n_classes == 2 else 3)
    assert mlp.out_activation_ == ("logistic" if n_classes == 2 else "softmax")
    back = from_sklearn(mlp)
    assert_same_predictions(back, clf, TOLERANCE[dtype])
    assert back.theta_.dtype == dtype
    if n_classes == 3:
        np.testing.assert_array_equal(back.theta_, clf.theta_)


@networks
@functions
@n_classes_2_or_3
@dtypes
def test_from_sklearn_and_back(units, activation, n_classes, dtype):
    y, rows = labels(n_classes), X.astype(dtype)
    mlp = fitted_mlp(y, rows, hidden_layer_sizes=units, activation=activation)
    clf = from_sklearn(mlp)
    assert_same_predictions(clf, mlp, TOLERANCE[dtype], rows)
    assert clf.theta_.dtype == dtype
    assert clf.score(X, y) == mlp.score(X, y)
    assert clf.units == units
    assert clf.history_ == {"loss": mlp.loss_curve_}
    back = to_sklearn(clf)
    for name in ("coefs_", "intercepts_"):
        for ours, theirs in zip(getattr(back, name), getattr(mlp, name), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "names", [["b", "a", "c"], ["b", "a"], [3, -1, 7], [3, -1], [True, False], [1.0, 2.0, 3.0]]
)
def test_label_types_are_kept(names):
    y_named = np.array(names)[y % len(names)]
    clf = fitted(y_named)
    mlp = to_sklearn(clf)
    back = from_sklearn(mlp)
    for model in (mlp, back):
        np.testing.assert_array_equal(model.classes_, clf.classes_)
        assert model.classes_.dtype == clf.classes_.dtype
        assert_same_predictions(model, clf, 1e-12)
    assert from_sklearn(fitted_mlp(y_named)).label_binarizer_.classes_.tolist() == sorted(names)


def test_feature_names_are_kept():
    frame = pd.DataFrame(X, columns=list("abcd"))
    clf = SoftmaxMLPClassifier(epochs=1, activation="relu").fit(frame, y)
    mlp = to_sklearn(clf)
    back = from_sklearn(mlp)
    for model in (mlp, back):
        assert model.feature_names_in_.tolist() == list("abcd")
        assert_same_predictions(model, clf, 1e-12, frame)
    assert not hasattr(to_sklearn(fitted()), "feature_names_in_")
    assert not hasattr(from_sklearn(fitted_mlp()), "feature_names_in_")


def test_standardized_features_are_folded_into_the_first_layer():
    clf = fitted(standardize=True)
    assert_same_predictions(to_sklearn(clf), clf, 1e-12)


@n_classes_2_or_3
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_converted_mlp_has_every_fitted_attribute(n_classes, early_stopping, solver):
    made_by_fit = {"_optimizer", "_random_state", "_coef_indptr", "_intercept_indptr"}
    params = {"early_stopping": early_stopping, "solver": solver}
    numbers = np.minimum(y, n_classes - 1)  # early stopping of scikit-learn 1.6 fails on strings
    mlp, expected = to_sklearn(fitted(numbers, **params)), fitted_mlp(numbers, **params)
    for name in vars(expected).keys() - expected.get_params().keys() - made_by_fit:
        got, wanted = getattr(mlp, name), getattr(expected, name)
        assert isinstance(got, type(wanted)) or isinstance(wanted, type(got)), name


def test_curves_and_scores_are_converted():
    clf = fitted(early_stopping=True, scoring="accuracy", epochs=20)
    mlp = to_sklearn(clf)
    assert mlp.loss_curve_ == clf.history_["loss"]
    assert mlp.loss_ == clf.loss_
    assert mlp.n_iter_ == clf.n_iter_
    assert mlp.validation_scores_ == clf.validation_scores_
    assert mlp.best_validation_score_ == clf.best_validation_score_
    assert mlp.best_loss_ is None
    back = from_sklearn(mlp)
    assert back.history_ == {
        "loss": clf.history_["loss"],
        "validation_score": clf.history_["validation_score"],
    }
    assert back.validation_scores_[back.best_epoch_] == clf.best_validation_score_
    assert back.best_validation_score_ == clf.best_validation_score_
    without = to_sklearn(fitted())
    assert without.best_loss_ == min(without.loss_curve_)
    assert without.validation_scores_ is without.best_validation_score_ is None


def test_early_stopping_without_validation_set_has_no_scores():
    mlp = to_sklearn(fitted(early_stopping=True, validation_fraction=None))
    assert mlp.validation_scores_ == []
    assert mlp.best_validation_score_ == -np.inf


def test_early_stopping_of_mlpclassifier_is_converted():
    mlp = fitted_mlp(early_stopping=True, max_iter=100, tol=0.1, n_iter_no_change=2)
    clf = from_sklearn(mlp)
    assert clf.history_["validation_score"] == mlp.validation_scores_
    assert clf.best_epoch_ == np.argmax(mlp.validation_scores_)
    assert clf.best_validation_score_ == mlp.best_validation_score_


def test_incomplete_validation_scores_are_dropped():
    mlp = fitted_mlp(early_stopping=True)
    mlp.validation_scores_.pop()
    assert from_sklearn(mlp).history_ == {"loss": mlp.loss_curve_}
    assert from_sklearn(mlp).best_epoch_ is None


def test_loss_of_lbfgs_is_converted():
    mlp = fitted_mlp(solver="lbfgs", max_iter=1000, tol=0.1)
    clf = from_sklearn(mlp)
    assert clf.n_iter_ == mlp.n_iter_ == len(clf.history_["loss"]) > 1
    assert clf.loss_ == mlp.loss_
    assert clf.stop_reason_ == "converged"
    assert to_sklearn(clf).best_loss_ == mlp.loss_


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({}, "epochs"),
        ({"tol": 10.0, "n_iter_no_change": 1, "max_iter": 50}, "early_stopping"),
        ({"solver": "lbfgs"}, "epochs"),
    ],
)
def test_stop_reason_is_derived_from_n_iter(params, reason):
    assert from_sklearn(fitted_mlp(**params)).stop_reason_ == reason


def test_partial_fit_has_stop_reason_epochs():
    mlp = MLPClassifier(hidden_layer_sizes=5, random_state=0)
    for _ in range(3):
        mlp.partial_fit(X, y, classes=[0, 1, 2])
    clf = from_sklearn(mlp)
    assert clf.n_iter_ == 3
    assert clf.stop_reason_ == "epochs"


PARAMETERS = [
    # of SoftmaxMLPClassifier, of MLPClassifier
    ({"l2": 0.25}, {"alpha": 50.0, "batch_size": "auto"}),
    ({"l2": 0.25, "batch_size": 10}, {"alpha": 2.5, "batch_size": 10}),
    ({"l2": (0.25, 0.25), "batch_size": 10}, {"alpha": 2.5}),
    ({"l2": (0.25, 0.5)}, {"alpha": MLPClassifier().alpha}),
    ({"learning_rate": 0.01}, {"learning_rate_init": 0.01}),
    ({"schedule": "constant"}, {"learning_rate": "constant"}),
    ({"schedule": "invscaling"}, {"learning_rate": "invscaling"}),
    ({"schedule": "adaptive"}, {"learning_rate": "adaptive"}),
    ({"schedule": "cosine"}, {"learning_rate": "constant"}),
    ({"schedule": lambda fraction: 1 - fraction}, {"learning_rate": "constant"}),
    ({"epochs": 2}, {"max_iter": 2}),
    ({"solver": "sgd", "momentum": 0.5}, {"solver": "sgd", "momentum": 0.5}),
    ({"nesterovs_momentum": False}, {"nesterovs_momentum": False}),
    ({"beta_1": 0.5, "beta_2": 0.6}, {"beta_1": 0.5, "beta_2": 0.6}),
    ({"epsilon": 1e-6, "shuffle": False}, {"epsilon": 1e-6, "shuffle": False}),
    ({"tol": 0.5, "n_iter_no_change": 7}, {"tol": 0.5, "n_iter_no_change": 7}),
    ({"validation_fraction": 0.2}, {"validation_fraction": 0.2}),
    ({"validation_fraction": 20}, {"validation_fraction": 0.1}),
    ({"validation_fraction": None}, {"validation_fraction": 0.1}),
    ({"warm_start": True, "early_stopping": True}, {"warm_start": True, "early_stopping": True}),
]


@pytest.mark.parametrize(("ours", "theirs"), PARAMETERS)
def test_parameters_correspond(ours, theirs):
    mlp = to_sklearn(fitted(**ours))
    assert mlp.get_params().items() >= theirs.items()
    mlp._validate_params()


def test_parameters_describe_the_fitted_network():
    clf = fitted(units=(6, 4), activation="tanh")
    mlp = to_sklearn(clf.set_params(units=9, activation="gelu"))
    assert mlp.hidden_layer_sizes == (6, 4)
    assert mlp.activation == "tanh"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"alpha": 0.5}, {"l2": 0.5 / 200, "batch_size": "auto"}),
        ({"alpha": 0.5, "batch_size": 10}, {"l2": 0.05, "batch_size": 10}),
        ({"learning_rate_init": 0.01}, {"learning_rate": 0.01}),
        ({"learning_rate": "invscaling", "solver": "sgd"}, {"schedule": "invscaling"}),
        ({"learning_rate": "invscaling", "solver": "adam"}, {"schedule": "constant"}),
        ({"max_iter": 2}, {"epochs": 2}),
        ({"hidden_layer_sizes": [6, 4], "activation": "tanh"}, {"units": (6, 4)}),
        ({"activation": "tanh"}, {"activation": "tanh"}),
        ({"n_iter_no_change": np.inf}, {"n_iter_no_change": np.inf}),
        ({"early_stopping": True}, {"early_stopping": True, "scoring": "accuracy"}),
    ],
)
def test_parameters_of_scikit_learn_correspond(theirs, ours):
    clf = from_sklearn(fitted_mlp(**theirs))
    assert clf.get_params().items() >= ours.items()
    clf.fit(X, y)


def test_converted_estimators_share_no_memory():
    clf = fitted(random_state=np.random.RandomState(0))
    theta = clf.theta_.copy()
    mlp = to_sklearn(clf)
    back = from_sklearn(mlp)
    state = clf.random_state.get_state()[2]
    mlp.partial_fit(X, y)
    mlp.loss_curve_.clear()
    mlp.classes_[:] = 0
    np.testing.assert_array_equal(clf.theta_, theta)
    np.testing.assert_array_equal(back.theta_, theta)
    assert clf.classes_.tolist() == back.classes_.tolist() == [0, 1, 2]
    assert len(clf.loss_curve_) == len(back.loss_curve_) == 3
    assert clf.random_state.get_state()[2] == state
    for one, other in zip(to_sklearn(clf).coefs_, clf.coefs_, strict=True):
        assert not np.shares_memory(one, other)


@n_classes_2_or_3
def test_converted_mlp_can_be_pickled_and_cloned(n_classes):
    clf = fitted(labels(n_classes))
    mlp = to_sklearn(clf)
    assert_same_predictions(pickle.loads(pickle.dumps(mlp)), clf, 1e-12)
    assert repr(mlp).startswith("MLPClassifier(")
    copy = clone(mlp)
    assert copy.get_params() == mlp.get_params()
    assert not hasattr(copy, "coefs_")


@n_classes_2_or_3
@dtypes
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_converted_mlp_partial_fit(n_classes, dtype, solver):
    y = labels(n_classes)
    clf = fitted(y, dtype=dtype, solver=solver, learning_rate=0.01)
    mlp = to_sklearn(clf)
    for _ in range(20):
        mlp.partial_fit(X.astype(dtype), y)
    assert log_loss(y, mlp.predict_proba(X)) < log_loss(y, clf.predict_proba(X))
    assert len(mlp.loss_curve_) == 23
    assert mlp.coefs_[0].dtype == dtype


@pytest.mark.parametrize("early_stopping", [False, True])
def test_converted_mlp_warm_start(early_stopping):
    clf = fitted(early_stopping=early_stopping, warm_start=True, learning_rate=1e-9)
    mlp = to_sklearn(clf)
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        mlp.fit(X, y)
    assert_same_predictions(mlp, clf, 1e-5)


@n_classes_2_or_3
def test_converted_classifier_partial_fit(n_classes):
    y = labels(n_classes)
    mlp = fitted_mlp(y, learning_rate_init=0.01)
    clf = from_sklearn(mlp)
    for _ in range(20):
        clf.partial_fit(X, y)
    assert log_loss(y, clf.predict_proba(X)) < log_loss(y, mlp.predict_proba(X))
    assert clf.n_iter_ == 23
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
    assert not hasattr(clone(clf), "theta_")


def test_penalty_is_equivalent():
    params = {"l2": 0.3, "batch_size": len(X), "learning_rate": 1e-12}
    clf = fitted(**params)
    penalty = 0.15 * sum((W**2).sum() for W in clf.coefs_)
    objective = log_loss(y, clf.predict_proba(X)) + penalty
    mlp = to_sklearn(clf).partial_fit(X, y)
    assert mlp.loss_ == pytest.approx(objective, rel=1e-6)
    assert from_sklearn(mlp).partial_fit(X, y).loss_ == pytest.approx(objective, rel=1e-6)


def test_from_sklearn_of_a_subclass():
    class Ours(SoftmaxMLPClassifier):
        pass

    assert type(from_mlpclassifier(Ours, fitted_mlp())) is Ours


@pytest.mark.parametrize("activation", ["leaky_relu", "elu", "silu", "gelu"])
def test_unsupported_activations_raise(activation):
    with pytest.raises(ValueError, match=f"one of .*'relu'.*, got '{activation}'.*skmlp.onnx"):
        to_sklearn(fitted(activation=activation))


def test_different_activations_raise():
    with pytest.raises(ValueError, match=r"same for all hidden layers.*\('tanh', 'relu'\)"):
        to_sklearn(fitted(units=(5, 4), activation=("tanh", "relu")))


def test_single_class_raises():
    with pytest.raises(ValueError, match=r"MLPClassifier needs .* got \['only'\]"):
        to_sklearn(fitted(np.full(len(y), "only")))
    with pytest.raises(ValueError, match=r"mlp must have .* got \['only'\]"):
        from_sklearn(fitted_mlp(np.full(len(y), "only")))


def test_multilabel_raises():
    mlp = fitted_mlp(np.column_stack([y == 0, y == 1]))
    with pytest.raises(ValueError, match=r"one with 2 \(multilabel\).*MultiOutputClassifier"):
        from_sklearn(mlp)


def test_unfitted_estimators_raise():
    with pytest.raises(NotFittedError):
        to_sklearn(SoftmaxMLPClassifier())
    with pytest.raises(NotFittedError):
        from_sklearn(MLPClassifier())
    with pytest.raises(TypeError, match="must be an MLPClassifier, got MLPRegressor"):
        from_sklearn(MLPRegressor())


@pytest.fixture(scope="module")
def onnx():
    """A function that predicts by the ONNX model of an MLPClassifier."""
    skl2onnx = pytest.importorskip("skl2onnx", reason="the export to ONNX needs skl2onnx")
    runtime = pytest.importorskip("onnxruntime", reason="running ONNX needs onnxruntime")

    def predict(mlp, X):
        X = X.astype(np.float32)
        model = skl2onnx.to_onnx(mlp, X[:1], options={"zipmap": False})
        session = runtime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        return session.run(None, {session.get_inputs()[0].name: X})

    return predict


@networks
@functions
@n_classes_2_or_3
def test_onnx_predictions(onnx, units, activation, n_classes):
    clf = fitted(labels(n_classes), units=units, activation=activation)
    predicted, proba = onnx(to_sklearn(clf), X)
    np.testing.assert_allclose(proba, clf.predict_proba(X), rtol=0, atol=1e-5)
    assert predicted.tolist() == clf.predict(X).tolist()


@pytest.mark.parametrize("names", [[3, -1, 7], [3, -1], [True, False]])
def test_onnx_numeric_labels(onnx, names):
    clf = fitted(np.array(names)[y % len(names)])
    predicted, proba = onnx(to_sklearn(clf), X)
    np.testing.assert_allclose(proba, clf.predict_proba(X), rtol=0, atol=1e-5)
    assert predicted.tolist() == clf.predict(X).tolist()

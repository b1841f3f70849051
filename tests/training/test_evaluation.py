"""Validation losses."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import log_loss

from skmlp import SoftmaxMLPClassifier
from skmlp.data.checks import ValidatedRows
from skmlp.data.dataset import encode
from skmlp.data.splitting import split_rows

X, y = load_iris(return_X_y=True)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_held_out_validation_loss_is_not_smoothed(smoothing):
    clf = SoftmaxMLPClassifier(
        epochs=20,
        early_stopping=True,
        calibration=None,
        label_smoothing=smoothing,
        warm_start=True,
        random_state=0,
    ).fit(X, y)
    rows = encode(ValidatedRows(X, y, None), clf.classes_, np.float64)
    _, held_out = split_rows(0.1, rows, np.arange(len(y)), clf._train_state.split_seed)
    expected = log_loss(y[held_out], clf.predict_proba(X[held_out]))
    assert clf.validation_loss_curve_[clf.best_epoch_] == pytest.approx(expected, rel=1e-9)


def test_validation_in_chunks_equals_validation_on_all_rows(blobs, rng):
    X, y = blobs
    w = rng.randint(1, 4, len(y)).astype(float)
    clf = SoftmaxMLPClassifier(units=5, epochs=2, early_stopping=False, random_state=0)
    clf.fit(X[::2], y[::2], X_val=X, y_val=y, sample_weight_val=w)
    proba = clf.predict_proba(X).astype(float)
    proba /= proba.sum(axis=1, keepdims=True)
    expected = log_loss(y, proba, sample_weight=w)
    assert clf.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-4)
    assert clf.validation_scores_[-1] == pytest.approx(clf.score(X, y, w))


@pytest.mark.parametrize("error", [RuntimeError, KeyError, ZeroDivisionError, TypeError])
@pytest.mark.parametrize("epoch", [0, 2])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_error_of_a_scorer_is_raised_and_keeps_the_model(error, epoch, solver):
    def fail(clf, X, y):
        if clf.n_iter_ == epoch:
            raise error("of the scorer")
        return 0.5

    clf = SoftmaxMLPClassifier(8, solver=solver, epochs=5, random_state=0).fit(X, y)
    before = dict(vars(clf))
    clf.set_params(early_stopping=True, scoring=fail)
    with pytest.raises(error, match="of the scorer"):
        clf.fit(X[:, :3], y % 2)
    clf.set_params(early_stopping=before["early_stopping"], scoring="loss")
    assert vars(clf) == before


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_stop_iteration_of_a_scorer_is_an_error(solver):
    """SciPy's L-BFGS-B takes it for a request to stop."""

    def stop(clf, X, y):
        next(iter([]))

    clf = SoftmaxMLPClassifier(8, solver=solver, epochs=5, early_stopping=True, scoring=stop)
    with pytest.raises((StopIteration, RuntimeError)):
        clf.fit(X, y)
    assert not hasattr(clf, "theta_")

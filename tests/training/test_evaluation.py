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

"""``python -m tests.signals_of_tables N``: SIGINT at random moments of fits on data frames.

N times: fits and refits of ensembles and networks, warm starts, cross-validation and searches.
Each is interrupted once. This prints how many signals were sent and, of the estimators, how many
had learnt something.
"""

import copy
import os
import random
import signal
import sys
import threading
from functools import partial

import numpy as np
from sklearn.model_selection import GridSearchCV, cross_val_score

from skmlp import PopulationGridSearchCV, SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier
from tests.estimators.test_mixed_tables import mixed_table

FRAME, Y = mixed_table(300, 0)
CALIBRATED = {"cv": 3, "calibration": "temperature"}
GRID = {"estimator__l2": [0.0, 0.1]}


def network(epochs=10**6, **params):
    return SoftmaxMLPClassifier(8, epochs=epochs, early_stopping=False, random_state=0, **params)


def ensemble(epochs=10**6, n_estimators=3, **params):
    return SoftmaxMLPEnsembleClassifier(network(epochs), n_estimators, random_state=0, **params)


def interrupt(seconds, work, *args):
    """Call a function, again and again, until SIGINT after some seconds has reached the caller."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    try:
        timer.start()
        while True:
            work(*args)
    except KeyboardInterrupt:
        return
    finally:
        timer.join()


def is_usable(model):
    """Return whether a model has learnt something; check that it is whole, or without a trace."""
    left = [name for name in vars(model) if name.endswith("_") or name == "_before_fit"]
    if not hasattr(model, "theta_"):
        assert not left, left
        return False
    assert "_before_fit" not in left
    assert np.isfinite(model.predict_proba(FRAME)).all()
    if isinstance(model, SoftmaxMLPEnsembleClassifier):
        assert len(model.estimators_) == len(model.theta_) == len(model.history_)
    return True


def is_as_before(model, before):
    """Return whether a warm start has added no member; check that the others are the same."""
    n = len(before.theta_)
    assert is_usable(model)
    assert n <= len(model.theta_) <= model.n_estimators
    if len(model.theta_) > n:
        return False
    np.testing.assert_array_equal(model.predict_proba(FRAME), before.predict_proba(FRAME))
    return True


def main(n):
    rng, learnt, n_signals = random.Random(0), 0, 0
    smaller = [ensemble(2, warm_start=True, **params).fit(FRAME, Y) for params in ({}, CALIBRATED)]
    for _ in range(n):
        cases = [ensemble(), ensemble(cv=3), ensemble(**CALIBRATED), network()]
        for model in cases:  # one long fit
            interrupt(rng.uniform(0.0, 0.25), model.fit, FRAME, Y)
            learnt += is_usable(model)
        refitted = ensemble(3, **CALIBRATED)  # short ones, for the time before and after training
        interrupt(rng.uniform(0.0, 0.4), refitted.fit, FRAME, Y)
        learnt += is_usable(refitted)
        for before in smaller:
            model = copy.deepcopy(before).set_params(n_estimators=6, estimator=network())
            interrupt(rng.uniform(0.0, 0.25), model.fit, FRAME, Y)
            learnt += not is_as_before(model, before)
            if len(model.theta_) < 6:
                model.set_params(estimator=network(2)).fit(FRAME, Y)
                assert is_usable(model)
        warm = network(2, warm_start=True).fit(FRAME, Y).set_params(epochs=10**6)
        interrupt(rng.uniform(0.0, 0.25), warm.fit, FRAME, Y)
        assert is_usable(warm)
        few = ensemble(3, 2)
        search = PopulationGridSearchCV(few, GRID)
        for work in (partial(cross_val_score, few), GridSearchCV(few, GRID).fit, search.fit):
            interrupt(rng.uniform(0.0, 0.6), work, FRAME, Y)
        if hasattr(search, "best_estimator_"):
            assert is_usable(search.best_estimator_)
        n_signals += len(cases) + len(smaller) + 5
    print(n_signals, learnt)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main(int(sys.argv[1]))

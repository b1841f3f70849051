"""Candidates of a search, each on each split: brought to the point where training begins.

A pipeline is stopped where it would fit the network at its end, and what the network was to
be fitted on is kept. Candidates that preprocess a split in the same way share the fitted
steps, the rows that come out of them, and all that is computed of these before training.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import joblib
import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _check_method_params

from skmlp.classifier import SoftmaxMLPClassifier
from skmlp.fitting import Outcome, Training
from skmlp.inputs import check_fit_data, encode
from skmlp.parameters import check_parameters, working_dtype

__all__ = ["Fit", "network_of", "prepare", "split_data"]


@dataclass(eq=False)
class Fit:
    """An estimator to be fitted, a candidate on a split.

    Attributes
    ----------
    estimator : SoftmaxMLPClassifier or Pipeline
        With the candidate's parameters.
    data : tuple
        (X, y, params) for its fit.
    training : Training or None
        Of its network, if that can be trained in a population.
    error : Exception or None
        What went wrong.
    seconds : float
        What it took.
    """

    estimator: object
    data: tuple
    training: Training | None = None
    error: Exception | None = None
    seconds: float = 0.0

    def take(self, result, seconds):
        """Take in what training gave: an Outcome, a fitted estimator or an exception."""
        self.seconds += seconds
        if isinstance(result, Exception):
            self.error = result
        elif isinstance(result, Outcome):
            network, _ = network_of(self.estimator)
            network._keep(result, whole=network.warm_start)
        else:
            self.estimator = result
        self.training = None


def network_of(estimator):
    """Return the last estimator of a pipeline, and its name as set_params has it."""
    names = []
    while isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        names.append(name)
    return estimator, "__".join(names)


def split_data(X, y, params, rows):
    """Return X, y and those parameters of fit that have as many entries, cut to some rows."""
    return (
        _safe_indexing(X, rows),
        _safe_indexing(y, rows),
        _check_method_params(X, params=params, indices=rows),
    )


def prepare(estimator, candidates, data):
    """Return a Fit for each candidate on a split's data, as from `split_data`."""
    shared, fits = {}, []
    for candidate in candidates:
        started = perf_counter()
        fit = Fit(clone(estimator).set_params(**clone(candidate, safe=False)), data)
        fits.append(fit)
        try:
            _begin(fit, shared, _preprocessing(estimator, candidate))
        except Exception as error:
            fit.error = error
        fit.seconds += perf_counter() - started
    return fits


def _preprocessing(estimator, candidate):
    """Return what tells apart how candidates preprocess: parameters that are not the network's."""
    _, path = network_of(estimator)
    return tuple(
        (name, _digest(value))
        for name, value in sorted(candidate.items())
        if path and name != path and not name.startswith(f"{path}__")
    )


def _digest(value):
    try:
        return joblib.hash(value)
    except Exception:  # what cannot be pickled is equal to itself alone
        return id(value)


def _begin(fit, shared, preprocessing):
    """Give a Fit the Training of its network, if that can be trained in a population."""
    network, _ = network_of(fit.estimator)
    if not _trains_in_population(network):
        return
    check_parameters(network)
    if preprocessing not in shared:
        arguments = _arguments_of_network(fit)
        shared[preprocessing] = fit.estimator, SharedRows(*arguments)
    fitted, rows = shared[preprocessing]
    if rows.is_sparse:
        return
    _share_steps(fitted, fit.estimator)
    fit.training = rows.training(network)


def _trains_in_population(network):
    """Whether a network is a plain one of ours, that learns by mini-batches and without callbacks."""
    return (
        isinstance(network, SoftmaxMLPClassifier)
        and type(network).fit is SoftmaxMLPClassifier.fit
        and network.solver in ("adam", "sgd")
        and not getattr(network, "_skl_callbacks", None)
    )


def _arguments_of_network(fit):
    """Fit all steps before the network; return what the network would be fitted on."""
    X, y, params = fit.data
    network, path = network_of(fit.estimator)
    if not path:
        return (X, y), params
    given = []
    with _instead_of_fit(network, lambda *args, **kwargs: given.append((args, kwargs))):
        fit.estimator.fit(X, y, **params)
    return given[0]


@contextmanager
def _instead_of_fit(estimator, function):
    """Call a function where an estimator's fit would be called."""
    estimator.fit = function
    try:
        yield
    finally:
        del estimator.fit


def _share_steps(source, target):
    """Give a pipeline the fitted steps of another."""
    while source is not target and isinstance(source, Pipeline):
        target.steps[:-1] = source.steps[:-1]
        source, target = source.steps[-1][1], target.steps[-1][1]


class SharedRows:
    """What networks are fitted on, checked and encoded once for all of them.

    Parameters
    ----------
    args : tuple
        X, y and maybe sample_weight, as given to fit.
    params : dict
        The other parameters of fit.
    """

    def __init__(self, args, params):
        self._args, self._params = args, params
        self.is_sparse = sparse.issparse(args[0])
        self._checked, self._encoded = None, {}

    def training(self, network):
        """Return the Training of a network whose parameters have been checked."""
        rows, validation, attributes = self._check()
        vars(network).update(attributes)
        dtype = working_dtype(network, rows.X)
        if validation is not None:
            validation = self._encode(validation, network, dtype, 0.0)
        rows = self._encode(rows, network, dtype, float(network.label_smoothing))
        return Training(network, rows, validation)

    def _check(self):
        """Return the checked rows, and the attributes that the check sets on a network."""
        if self._checked is None:
            network = SoftmaxMLPClassifier()
            before = vars(network).copy()
            rows, validation = check_fit_data(network, *self._args, **self._params)
            attributes = {name: v for name, v in vars(network).items() if name not in before}
            self._checked = rows, validation, attributes
        return self._checked

    def _encode(self, rows, network, dtype, smoothing):
        key = id(rows), dtype, smoothing
        if key not in self._encoded:
            self._encoded[key] = encode(rows, network.classes_, dtype, smoothing)
        return self._encoded[key]

"""Candidates of a search, each on each split: brought to the point where training begins.

A pipeline is stopped where it would fit the network at its end, and what the network was to
be fitted on is kept. Candidates that preprocess a split in the same way share the fitted
steps, the rows that come out of them, and all that is computed of these before training.
"""

from contextlib import contextmanager
from copy import deepcopy
from time import perf_counter

import joblib
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _check_method_params

from skmlp.classifier import SoftmaxMLPClassifier
from skmlp.fitting import Training
from skmlp.inputs import check_fit_data, encode
from skmlp.parameters import check_parameters, working_dtype
from skmlp.progress import Outcome

__all__ = ["Candidate", "Fit", "network_of", "prepare", "split_data", "unfitted_copy"]


class Fit:
    """An estimator to be fitted: a candidate on a split.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier or Pipeline
        With the candidate's parameters.
    data : tuple or None
        (X, y, params) for its fit; None when that is over.

    Attributes
    ----------
    training : Training or None
        Of its network, if that can be trained in a population and is not yet.
    error : Exception or None
        What went wrong.
    seconds : float
        What it took.
    """

    def __init__(self, estimator, data):
        self.estimator, self.data = estimator, data
        self.training = self.error = self._traceback = None
        self.seconds = 0.0

    def take(self, result, seconds):
        """Take in what training gave: an Outcome, a fitted estimator or an exception."""
        self.seconds += seconds
        if isinstance(result, Exception):
            # Raised more than once, an error would collect the places where it was.
            self.error, self._traceback = result, result.__traceback__
        elif isinstance(result, Outcome):
            network, _ = network_of(self.estimator)
            network._keep(result, whole=network.warm_start)
        else:
            self.estimator = result
        self.training = self.data = None

    def fitted(self):
        """Return the fitted estimator, or raise what went wrong."""
        if self.error is not None:
            raise self.error.with_traceback(self._traceback)
        return self.estimator


def network_of(estimator):
    """Return the last estimator of a pipeline, and its name as set_params has it."""
    names = []
    while isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        names.append(name)
    return estimator, "__".join(names)


def unfitted_copy(estimator):
    """Return what clone returns, in less time if the estimator, not fitted yet, is a network."""
    if isinstance(estimator, SoftmaxMLPClassifier) and not hasattr(estimator, "_skl_callbacks"):
        return deepcopy(estimator)
    return clone(estimator)


def split_data(X, y, params, rows):
    """Return X, y and those parameters of fit that have as many entries, cut to some rows."""
    return (
        _safe_indexing(X, rows),
        _safe_indexing(y, rows),
        _check_method_params(X, params=params, indices=rows),
    )


class Candidate:
    """An estimator with one candidate's parameters, from which its fits are copied.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier or Pipeline
    parameters : dict
    """

    def __init__(self, estimator, parameters):
        self._estimator = clone(estimator).set_params(**clone(parameters, safe=False))
        self.preprocessing = _preprocessing(self._estimator)
        network, _ = network_of(self._estimator)
        self._trains_in_population = _trains_in_population(network)
        self._error = None
        if self._trains_in_population:
            try:
                check_parameters(network)
            except Exception as error:  # to be raised by each of its fits
                self._error = error

    def begin(self, data, shared):
        """Return its Fit on a split's data; with a Training if it can be part of a population.

        ``shared`` is a dict of what candidates on this split share, to which this one adds.
        """
        started, fit = perf_counter(), Fit(unfitted_copy(self._estimator), data)
        if self._error is not None:
            fit.take(self._error, 0.0)
        elif self._trains_in_population:
            try:
                self._begin(fit, shared)
            except Exception as error:
                fit.take(error, 0.0)
        fit.seconds += perf_counter() - started
        return fit

    def _begin(self, fit, shared):
        if self.preprocessing not in shared:
            arguments = _arguments_of_network(fit)
            shared[self.preprocessing] = fit.estimator, SharedRows(*arguments)
        fitted, rows = shared[self.preprocessing]
        if not rows.is_sparse:
            _share_steps(fitted, fit.estimator)
            fit.training = rows.training(network_of(fit.estimator)[0])


def prepare(candidates, data):
    """Return a Fit for each Candidate on a split's data, as from `split_data`."""
    shared = {}
    return [candidate.begin(data, shared) for candidate in candidates]


def _preprocessing(estimator):
    """Return what tells apart how candidates preprocess: all but the network at the end."""
    _, path = network_of(estimator)
    names = path.split("__") if path else []
    ends = {"__".join(names[: i + 1]) for i in range(len(names))}  # pipelines within, the network
    skipped = ends | {"steps"} | {f"{end}__steps" for end in ends}
    found, inner = [], estimator
    while isinstance(inner, Pipeline):
        found.append(tuple(name for name, _ in inner.steps))
        inner = inner.steps[-1][1]
    return *found, *(
        (name, _digest(value))
        for name, value in sorted(estimator.get_params().items())
        if names and name not in skipped and not name.startswith(f"{path}__")
    )


def _digest(value):
    try:
        return joblib.hash(value)
    except Exception:  # what cannot be pickled is equal to itself alone
        return id(value)


def _trains_in_population(network):
    """Whether a network is plainly one of ours, learns by mini-batches and has no callbacks."""
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
        self._checked, self._encoded = None, {}

    @property
    def is_sparse(self):
        """Whether X is sparse, be it of its own or as a table of sparse columns."""
        rows, _, _ = self._check()
        return sparse.issparse(rows.X)

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

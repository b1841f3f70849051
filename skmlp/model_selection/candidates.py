"""Candidates of a search, each on each split, brought to the point where training begins.

The preprocessing steps of a pipeline are fitted, and the input of its final fit is captured. From
it, a trainer of the network is made, or of each member of an ensemble. Candidates with the same
preprocessing share, on each split, the fitted steps, the transformed rows, and all that is
computed of these before training.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import lru_cache, partial, wraps
from time import perf_counter
from types import TracebackType
from typing import Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from skmlp._sklearn_compat import callbacks_of, rows_of, rows_of_params
from skmlp.data.checks import ValidatedRows
from skmlp.data.dataset import Dataset, encode_parts
from skmlp.data.scales import working_dtype
from skmlp.estimators.classifier import SoftmaxMLPClassifier
from skmlp.estimators.ensemble import SoftmaxMLPEnsembleClassifier
from skmlp.estimators.validation import (
    categorical_features_of,
    copy_data_attributes,
    validate_fit_data,
)
from skmlp.training.config import TrainConfig
from skmlp.training.jobs import Outcome, Training
from skmlp.training.local import local_trainer
from skmlp.training.state import FitResult

__all__ = [
    "Candidate",
    "CandidateFit",
    "NetworkOrEnsemble",
    "SplitData",
    "copy_unfitted",
    "final_estimator",
    "prepare",
    "stand_in",
]

SAMPLED_ROWS = 16  # of X, by which a split is recognized
NetworkOrEnsemble = SoftmaxMLPClassifier | SoftmaxMLPEnsembleClassifier


class SplitData:
    """The training rows of a split, as they are given to fit.

    Parameters
    ----------
    X, y, params
        As given to the search's fit.
    rows : array-like of int
        Indices of the split's training rows.
    """

    def __init__(self, X: Any, y: Any, params: Mapping[str, Any], rows: Any) -> None:
        self.X, self.y = rows_of(X, rows), rows_of(y, rows)
        self.params = rows_of_params(X, params, rows)
        self.checksum = rows_checksum(self.X, self.y)


def rows_checksum(X: Any, y: Any) -> int | str | None:
    """Return a checksum of y and of some rows of X; None for what has none."""
    try:
        n = X.shape[0] if hasattr(X, "shape") else len(X)
        some = rows_of(X, np.linspace(0, n - 1, SAMPLED_ROWS).astype(int))
        if all(isinstance(a, np.ndarray) and a.dtype.kind != "O" for a in (some, y)):
            some, y = np.ascontiguousarray(some), np.ascontiguousarray(y)
            return zlib.crc32(y.data, zlib.crc32(some.data))
        return joblib.hash((n, some, y))
    except MemoryError:
        raise
    except Exception:  # what cannot be indexed or pickled
        return None


class CandidateFit:
    """A candidate to be fitted on a split.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier or Pipeline
        With the candidate's parameters.
    parameters : dict of str to object
        These parameters.
    data : SplitData

    Attributes
    ----------
    data : SplitData or None
        None after training.
    training : Training or None
        Of its networks, if they can be trained with those of others and are not yet.
    error : Exception or None
        What went wrong.
    seconds : float
        The time it took.
    """

    def __init__(self, estimator: Any, parameters: Mapping[str, Any], data: SplitData) -> None:
        self.estimator, self.data = estimator, data
        self._parameters, self._checksum = parameters, data.checksum
        self.training: Training | None = None
        self.error: Exception | None = None
        self._traceback: TracebackType | None = None
        self.seconds = 0.0

    def set_result(self, result: Any, seconds: float) -> None:
        """Keep what a fit returned: a fitted estimator or an exception."""
        self.seconds += seconds
        if isinstance(result, Exception):
            # An exception that is raised repeatedly would accumulate tracebacks.
            self.error, self._traceback = result, result.__traceback__
        else:
            self.estimator = result
        self.training = self.data = None

    def finish(self, outcomes: Sequence[Outcome]) -> None:
        """Finish the fit, given an outcome of each trainer."""
        started = perf_counter()
        errors = [result for result, _ in outcomes if isinstance(result, Exception)]
        result = errors[0] if errors else self._finished(dict(enumerate(outcomes)))
        seconds = sum(seconds for _, seconds in outcomes)
        self.set_result(result, seconds + perf_counter() - started)

    def _finished(self, outcomes: Mapping[int, Outcome]) -> Any:
        """Return the fitted estimator, or an exception."""
        try:
            self.training.finish(outcomes)
        except MemoryError:
            raise  # says nothing about the candidate
        except Exception as error:
            return error
        return self.estimator

    def fitted(self) -> Any:
        """Return the fitted estimator, or raise what went wrong."""
        if self.error is not None:
            raise self.error.with_traceback(self._traceback)
        return self.estimator

    def check_same(self, estimator: Any, X: Any, y: Any) -> None:
        """Raise RuntimeError unless this is the fit of that estimator on those rows."""
        is_network = isinstance(estimator, SoftmaxMLPClassifier)
        given = vars(estimator) if is_network else estimator.get_params()  # which is slow
        for name, value in self._parameters.items():
            if any(other.startswith(f"{name}__") for other in self._parameters):
                continue  # an estimator that the other parameter changes
            if not _same_value(value, given.get(name)):
                raise RuntimeError(
                    f"The search asked for a fit with {name}={given.get(name)!r} where it was "
                    f"expected to ask for {name}={value!r}: this version of scikit-learn evaluates "
                    "candidates in another order than skmlp expects. Use GridSearchCV."
                )
        if self._checksum != rows_checksum(X, y):
            raise RuntimeError(
                "The search asked for a fit on other rows than those of the expected split: this "
                "version of scikit-learn evaluates splits in another order than skmlp expects. Use "
                "GridSearchCV."
            )


def _same_value(a: Any, b: Any) -> bool:
    """Whether two parameters are equal; true for what can be neither pickled nor compared.

    The metadata requests of an estimator do not count: clones refer to the estimator they are of.
    """
    if a is b or (type(a) is type(b) and isinstance(a, str | int | float) and a == b):
        return True
    if isinstance(a, BaseEstimator) and type(a) is type(b):  # without metadata requests
        a, b = a.get_params(deep=False), b.get_params(deep=False)
        return a.keys() == b.keys() and all(_same_value(a[name], b[name]) for name in a)
    if isinstance(a, list | tuple) and type(a) is type(b):  # steps of a pipeline
        return len(a) == len(b) and all(map(_same_value, a, b))
    try:
        return joblib.hash(a) == joblib.hash(b)
    except MemoryError:
        raise
    except Exception:
        return type(a) is type(b)


def final_estimator(estimator: Any) -> tuple[Any, str]:
    """Return the last estimator of a pipeline, and its prefix in the names of set_params."""
    names = []
    while isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        names.append(name)
    return estimator, "__".join(names)


def copy_unfitted(estimator: Any) -> Any:
    """Return what clone returns; faster for an unfitted network without callbacks."""
    if isinstance(estimator, SoftmaxMLPClassifier) and not callbacks_of(estimator):
        return deepcopy(estimator)
    return clone(estimator)


def stand_in(
    estimator: Any,
    on_fit: Callable[[Any, tuple, dict[str, Any]], Any],
    make_clone: Callable[[], Any] | None = None,
) -> Any:
    """Make an estimator a stand-in, whose fit calls a function; return it.

    This is the one place where an estimator is given another behaviour. There are two uses: at
    the end of a pipeline, to capture the input of its final fit; and in scikit-learn's search,
    where fit takes over what has been learnt already. The stand-in is of a subclass of the
    estimator's class, so it has its parameters, tags and metadata requests; fit first turns it
    into the estimator again.

    Parameters
    ----------
    estimator : estimator
        Changed in place.
    on_fit : callable (estimator, args, kwargs) -> object
        Called instead of fit.
    make_clone : callable () -> estimator, default=None
        What ``sklearn.base.clone`` returns of the stand-in.
    """
    vars(estimator)["_stand_in"] = type(estimator), on_fit, make_clone
    cls: Any = type(estimator)
    estimator.__class__ = _stand_in_class(cls)
    return estimator


@lru_cache
def _stand_in_class(cls: type) -> type:
    """Return the subclass of an estimator's class of which its stand-ins are."""

    @wraps(cls.fit)  # the metadata that fit accepts
    def fit(self: Any, *args: Any, **params: Any) -> Any:
        self.__class__, on_fit, _ = vars(self).pop("_stand_in")
        return on_fit(self, args, params)

    def __sklearn_clone__(self: Any) -> Any:
        _, _, make_clone = self._stand_in
        return make_clone()

    methods = {"fit": fit, "__sklearn_clone__": __sklearn_clone__, "__module__": __name__}
    return type(f"StandIn{cls.__name__}", (cls,), methods)


class Candidate:
    """An estimator with the parameters of one candidate, from which its fits are copied.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier or Pipeline
    parameters : dict
    """

    def __init__(self, estimator: Any, parameters: Mapping[str, Any]) -> None:
        self._parameters = parameters
        self._estimator = clone(estimator).set_params(**clone(parameters, safe=False))
        self.preprocessing = _preprocessing_key(self._estimator)
        self._config, self._error = None, None
        network, _ = final_estimator(self._estimator)
        if _is_plain(network):
            try:
                self._config = network._train_config()
            except MemoryError:
                raise
            except Exception as error:  # to be raised by each of its fits
                self._error = error

    def begin(self, data: SplitData, shared: dict[tuple, Any]) -> CandidateFit:
        """Return its fit on a split, with trainers unless it has to be fitted separately.

        Parameters
        ----------
        data : SplitData
        shared : dict
            What candidates on this split share; extended here.
        """
        started = perf_counter()
        fit = CandidateFit(copy_unfitted(self._estimator), self._parameters, data)
        if self._error is not None:
            fit.set_result(self._error, 0.0)
        elif self._config is not None:
            try:
                self._begin(fit, shared)
            except MemoryError:
                raise  # says nothing about the candidate
            except Exception as error:
                fit.set_result(error, 0.0)
        fit.seconds += perf_counter() - started
        return fit

    def _begin(self, fit: CandidateFit, shared: dict[tuple, Any]) -> None:
        if self.preprocessing not in shared:
            arguments = _final_fit_arguments(fit)
            shared[self.preprocessing] = fit.estimator, SharedRows(*arguments)
        fitted, rows = shared[self.preprocessing]
        network, _ = final_estimator(fit.estimator)
        fit.training = rows.begin(network, self._config)
        _share_steps(fitted, fit.estimator)


def prepare(candidates: Sequence[Candidate], data: SplitData) -> list[CandidateFit]:
    """Return a fit of each candidate on a split."""
    shared: dict[tuple, Any] = {}
    return [candidate.begin(data, shared) for candidate in candidates]


def _preprocessing_key(estimator: Any) -> tuple:
    """Return a key of all that an estimator does before its final fit."""
    _, path = final_estimator(estimator)
    names = path.split("__") if path else []
    ends = {"__".join(names[: i + 1]) for i in range(len(names))}  # inner pipelines, the network
    skipped = ends | {"steps"} | {f"{end}__steps" for end in ends}
    found, inner = [], estimator
    while isinstance(inner, Pipeline):
        found.append(tuple(name for name, _ in inner.steps))
        inner = inner.steps[-1][1]
    network, _ = final_estimator(estimator)
    return (
        *found,
        _hash(categorical_features_of(network)),  # how rows are read
        _requests(network),
        *(
            (name, _hash(value))
            for name, value in sorted(estimator.get_params().items())
            if names and name not in skipped and not name.startswith(f"{path}__")
        ),
    )


def _requests(network: Any) -> tuple:
    """Return which metadata a network's fit has requested, by name."""
    if not _is_plain(network):
        return ()
    return tuple(sorted(network.get_metadata_routing().fit.requests.items()))


def _hash(value: Any) -> str | int:
    try:
        return joblib.hash(value)
    except MemoryError:
        raise
    except Exception:  # what cannot be pickled equals itself alone
        return id(value)


def _is_plain(network: Any) -> bool:
    """Whether an estimator has the fit of a network or ensemble of this package, no callbacks."""
    own_fits = SoftmaxMLPClassifier.fit, SoftmaxMLPEnsembleClassifier.fit
    return (
        isinstance(network, NetworkOrEnsemble)
        and type(network).fit in own_fits
        and not callbacks_of(network)
        and not callbacks_of(getattr(network, "estimator", None))
    )


def _final_fit_arguments(fit: CandidateFit) -> tuple[tuple, dict[str, Any]]:
    """Fit the preprocessing steps; return the arguments of the network's fit."""
    network, path = final_estimator(fit.estimator)
    data = fit.data
    if not path:
        return (data.X, data.y), data.params
    captured = []
    stand_in(network, lambda estimator, args, params: captured.append((args, params)))
    fit.estimator.fit(data.X, data.y, **data.params)
    return captured[0]


def _share_steps(source: Any, target: Any) -> None:
    """Give a pipeline the fitted steps of another."""
    while source is not target and isinstance(source, Pipeline):
        target.steps[:-1] = source.steps[:-1]
        source, target = source.steps[-1][1], target.steps[-1][1]


class SharedRows:
    """What networks are fitted on, validated and encoded once for all of them.

    Parameters
    ----------
    args : tuple
        X, y and maybe sample_weight, as given to fit.
    params : dict
        The other arguments of fit.
    """

    def __init__(self, args: tuple, params: Mapping[str, Any]) -> None:
        self._args, self._params = args, dict(params)
        self._groups = self._params.pop("groups", None)
        self._validated: tuple | None = None
        self._encoded: dict[np.dtype, tuple[Dataset, Dataset | None]] = {}
        self._working_dtype: np.dtype | None = None

    def begin(self, network: NetworkOrEnsemble, config: TrainConfig) -> Training:
        """Bring the fit of a network, or of an ensemble, to the point where training begins."""
        rows, validation = self._validate(network)
        dtype = config.requested_dtype(partial(self._auto_dtype, rows))
        config = replace(config, n_classes=len(network.classes_), theta_dtype=dtype)
        if dtype not in self._encoded:
            self._encoded[dtype] = encode_parts(rows, validation, network.classes_, dtype)
        if isinstance(network, SoftmaxMLPEnsembleClassifier):
            return network._begin(config, *self._encoded[dtype], self._groups)
        return _begin_network(network, config, *self._encoded[dtype])

    def _validate(self, network: NetworkOrEnsemble) -> tuple[ValidatedRows, ValidatedRows | None]:
        """Return the validated rows, and set the network's classes and features."""
        if self._validated is None:
            rows = validate_fit_data(network, *self._args, **self._params)
            self._validated = rows, network
        rows, first = self._validated
        copy_data_attributes(first, network)
        return rows

    def _auto_dtype(self, rows: ValidatedRows) -> np.dtype:
        """Return the dtype of the rows' data, found once."""
        if self._working_dtype is None:
            self._working_dtype = working_dtype(rows.X)
        return self._working_dtype


def _begin_network(
    network: SoftmaxMLPClassifier,
    config: TrainConfig,
    dataset: Dataset,
    validation: Dataset | None,
) -> Training:
    """Bring the fit of a network to the point where training begins."""
    trainer = local_trainer(
        replace(config, random_state=network.random_state),  # not shared by splits
        network.classes_,
        dataset,
        validation,
        make_estimator=network._fitted_copy,
    )

    def finish(outcomes: Mapping[int, Outcome]) -> None:
        result, _ = outcomes[0]
        assert isinstance(result, FitResult), "errors are handled by CandidateFit"
        network._set_fitted(result, keep_state=network.warm_start)

    return Training([trainer], finish)

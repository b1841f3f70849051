"""All candidates on all splits of a search, trained together before they are scored."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from time import perf_counter
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from skmlp.model_selection.candidates import (
    Candidate,
    CandidateFit,
    SplitData,
    copy_unfitted,
    prepare,
    stand_in,
)
from skmlp.training.inference import working_memory
from skmlp.training.jobs import train_networks

__all__ = ["CandidateFits"]


class CandidateFits:
    """All candidates on all splits.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier or Pipeline
    candidates : iterable of dict
    splits : sequence of (train, test)
        Indices of rows.
    n_jobs, verbose : int or None
        As of the search.
    """

    def __init__(
        self,
        estimator: Any,
        candidates: Iterable[Mapping[str, Any]],
        splits: Sequence[tuple[Any, Any]],
        n_jobs: int | None,
        verbose: int,
    ) -> None:
        self._estimator = clone(estimator)
        self._candidates = [Candidate(estimator, parameters) for parameters in candidates]
        self._splits, self._n_jobs, self._verbose = splits, n_jobs, verbose
        self._by_split: list[list[CandidateFit]] = []
        self._queue: deque[CandidateFit] = deque()
        self._mismatch: RuntimeError | None = None

    def run(self, X: Any, y: Any, params: Mapping[str, Any]) -> None:
        """Train all of them; an error of one is raised when scikit-learn fits that one."""
        at_once = self._splits_at_once(X)
        for start in range(0, len(self._splits), at_once):
            fits = []
            for train, _ in self._splits[start : start + at_once]:
                fits.append(prepare(self._candidates, SplitData(X, y, params, train)))
            self._train([fit for on_split in fits for fit in on_split])
            self._by_split += fits
        # In the order of scikit-learn: all splits of the first candidate, ...
        self._queue = deque(fit for of_one in zip(*self._by_split, strict=True) for fit in of_one)

    def _splits_at_once(self, X: Any) -> int:
        """Return for how many splits the rows, raw and preprocessed, fit in working memory."""
        n_copies = 1 + len({candidate.preprocessing for candidate in self._candidates})
        return max(1, working_memory() // max(1, n_copies * _n_bytes(X)))

    def _train(self, fits: Sequence[CandidateFit]) -> None:
        """Train the networks of all fits together, and fit other estimators one by one."""
        self._train_alone([fit for fit in fits if fit.training is None and fit.error is None])
        self._train_together([fit for fit in fits if fit.training is not None])

    def _train_together(self, fits: Sequence[CandidateFit]) -> None:
        trainers = [trainer for fit in fits for trainer in fit.training.trainers]
        outcomes, _ = train_networks(trainers, self._n_jobs, self._verbose)
        in_order = iter([outcomes[i] for i in range(len(trainers))])
        for fit in fits:
            fit.finish(list(islice(in_order, len(fit.training.trainers))))

    def _train_alone(self, fits: Sequence[CandidateFit]) -> None:
        results = Parallel(n_jobs=self._n_jobs)(
            delayed(_fit)(fit.estimator, fit.data) for fit in fits
        )
        for fit, (result, seconds) in zip(fits, results, strict=True):
            fit.set_result(result, seconds)

    def pretrained(self) -> Any:
        """Return a stand-in for scikit-learn's search, whose clones take over what was learnt.

        The first clone to be fitted takes over the first candidate on the first split, and so
        on, in scikit-learn's order and in this process. That parameters and rows are the
        expected ones is checked. When all have been taken over, which leaves the refit, fit is
        the estimator's own.
        """
        return stand_in(copy_unfitted(self._estimator), self._take_over, self.pretrained)

    def _take_over(self, estimator: Any, args: tuple, params: dict[str, Any]) -> Any:
        if not self._queue:
            return estimator.fit(*args, **params)
        fit = self._queue.popleft()
        try:
            fit.check_same(estimator, *args)
        except RuntimeError as error:
            self._mismatch = self._mismatch or error
            raise
        vars(estimator).update(vars(fit.fitted()))
        fit.estimator = None  # no longer needed
        return estimator

    def check_taken_over(self) -> None:
        """Raise if scikit-learn asked for other fits, an error that it may turn into a score."""
        if self._mismatch is not None:
            raise self._mismatch

    def fit_times(self) -> dict[str, np.ndarray]:
        """Return the fit times for cv_results_: shares of the time that a population took."""
        times = np.array([[fit.seconds for fit in fits] for fits in self._by_split])
        return {"mean_fit_time": times.mean(axis=0), "std_fit_time": times.std(axis=0)}


def _n_bytes(X: Any) -> int:
    """Return the approximate memory of the rows; 0 for types that do not tell."""
    if sparse.issparse(X):
        return X.data.nbytes
    if hasattr(X, "memory_usage"):  # a DataFrame of pandas
        return int(X.memory_usage().sum())
    return getattr(X, "nbytes", 0)


def _fit(estimator: Any, data: SplitData) -> tuple[Any, float]:
    """Return a fitted estimator or the exception of its fit, and the seconds."""
    started = perf_counter()
    try:
        result = estimator.fit(data.X, data.y, **data.params)
    except MemoryError:
        raise
    except Exception as error:
        result = error
    return result, perf_counter() - started

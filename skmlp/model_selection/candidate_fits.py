"""All candidates on all splits of a search, trained together before they are scored."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from time import perf_counter
from typing import Any

import joblib
import numpy as np
from scipy import sparse
from sklearn import config_context, get_config
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

from skmlp.model_selection.candidates import (
    Candidate,
    CandidateFit,
    SplitData,
    copy_unfitted,
    prepare,
    stand_in,
)
from skmlp.training.inference import working_memory
from skmlp.training.population import group_trainers, population_trainer
from skmlp.training.trainer import Trainer

__all__ = ["CandidateFits"]

LONG_PRODUCT = 2**22  # rows of a batch times parameters; some tenths of a millisecond


class CandidateFits:
    """All candidates on all splits.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier or Pipeline
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
        """Train networks in populations, and the others one by one."""
        self._train_alone([fit for fit in fits if fit.trainer is None and fit.error is None])
        self._train_together([fit for fit in fits if fit.trainer is not None])

    def _train_together(self, fits: Sequence[CandidateFit]) -> None:
        n_jobs = joblib.effective_n_jobs(self._n_jobs)
        trainers = [fit.trainer for fit in fits]
        groups = group_trainers(trainers, n_jobs, working_memory())
        long = [group for group in groups if _has_long_products(trainers[group[0]])]
        short = [group for group in groups if group not in long]
        # Between short products two threads would contend for Python's lock, while sending rows
        # to processes takes longer than long products do. In threads, BLAS gets one thread each.
        with threadpool_limits(1, "blas") if n_jobs > 1 and long else nullcontext():
            # Not scikit-learn's Parallel, whose threads restore the global warning filters in
            # any order.
            in_threads = joblib.Parallel(n_jobs=self._n_jobs, require="sharedmem")
            self._train_groups(fits, long, in_threads, joblib.delayed(_with_config(_train)))
        self._train_groups(fits, short, Parallel(n_jobs=self._n_jobs), delayed(_train))

    def _train_groups(
        self,
        fits: Sequence[CandidateFit],
        groups: Sequence[Sequence[int]],
        parallel: Callable[..., Any],
        train: Callable[..., Any],
    ) -> None:
        results = parallel(
            train([fits[i].trainer for i in group], self._verbose) for group in groups
        )
        for group, (found, seconds) in zip(groups, results, strict=True):
            for i, result in zip(group, found, strict=True):
                fits[i].set_result(result, seconds / len(group))

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


def _has_long_products(trainer: Trainer) -> bool:
    """Whether a single network's matrix products occupy a processor for a while."""
    return trainer.source.batches.batch_size * len(trainer.run.state.theta) > LONG_PRODUCT


def _n_bytes(X: Any) -> int:
    """Return the approximate memory of the rows; 0 for types that do not tell."""
    if sparse.issparse(X):
        return X.data.nbytes
    if hasattr(X, "memory_usage"):  # a DataFrame of pandas
        return int(X.memory_usage().sum())
    return getattr(X, "nbytes", 0)


def _with_config(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, to be called with this thread's configuration of scikit-learn."""
    config = get_config()

    def configured(*args: Any) -> Any:
        with config_context(**config):
            return function(*args)

    return configured


def _train(trainers: Sequence[Trainer], verbose: int) -> tuple[list[Any], float]:
    """Return the result of each network of a population, and the seconds of all."""
    started = perf_counter()
    try:
        results = population_trainer(trainers).train_all()
    except Exception as error:  # of the schedule, which they share, or of memory
        results = [error] * len(trainers)
    seconds = perf_counter() - started
    if verbose > 0:
        run = trainers[0].run
        sizes = "-".join(map(str, run.network.layer_sizes))
        print(
            f"Trained {len(trainers)} networks {sizes} for {run.config.n_epochs} epochs in "
            f"{seconds:.1f} s",
            flush=True,
        )
    return results, seconds


def _fit(estimator: Any, data: SplitData) -> tuple[Any, float]:
    """Return a fitted estimator or the exception of its fit, and the seconds."""
    started = perf_counter()
    try:
        result = estimator.fit(data.X, data.y, **data.params)
    except Exception as error:
        result = error
    return result, perf_counter() - started

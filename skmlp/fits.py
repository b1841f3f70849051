"""All candidates on all splits of a search: trained together, then handed over one by one."""

import gc
from collections import deque
from contextlib import nullcontext
from time import perf_counter

import joblib
import numpy as np
from scipy import sparse
from sklearn import config_context, get_config
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

from skmlp.candidates import Candidate, prepare, split_data, unfitted_copy
from skmlp.population import Population, populations
from skmlp.prediction import working_memory

__all__ = ["Fits"]

LONG = 2**22  # rows of a batch times parameters: some tenths of a millisecond


class Fits:
    """All candidates on all splits, trained before they are scored.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier or Pipeline
    candidates : iterable of dict
    splits : sequence of (train, test)
        Numbers of rows.
    n_jobs, verbose : int or None
        As the search has them.
    """

    def __init__(self, estimator, candidates, splits, n_jobs, verbose):
        self._estimator = clone(estimator)
        self._candidates = [Candidate(estimator, parameters) for parameters in candidates]
        self._splits, self._n_jobs, self._verbose = splits, n_jobs, verbose
        self._by_split, self._queue = [], deque()

    def run(self, X, y, params):
        """Train them; what goes wrong with one is kept for the moment when it is asked for."""
        at_once = self._splits_at_once(X)
        for start in range(0, len(self._splits), at_once):
            fits = []
            for train, _ in self._splits[start : start + at_once]:
                data = split_data(X, y, params, train)
                fits.append(prepare(self._candidates, data))
            self._train([fit for on_split in fits for fit in on_split])
            self._by_split += fits
            if start + at_once < len(self._splits):
                gc.collect()  # a training refers to itself, and so would keep its rows a while
        # As scikit-learn goes through them: all splits of the first candidate, ...
        self._queue = deque(fit for of_one in zip(*self._by_split, strict=True) for fit in of_one)

    def _splits_at_once(self, X):
        """Return how many splits' rows may be in memory together, as they come and preprocessed."""
        n_copies = 1 + len({candidate.preprocessing for candidate in self._candidates})
        return max(1, working_memory() // max(1, n_copies * _n_bytes(X)))

    def _train(self, fits):
        """Train networks in populations, and what cannot be trained so, one by one."""
        self._train_alone([fit for fit in fits if fit.training is None and fit.error is None])
        self._train_together([fit for fit in fits if fit.training is not None])

    def _train_together(self, fits):
        n_jobs = joblib.effective_n_jobs(self._n_jobs)
        trainings = [fit.training for fit in fits]
        groups = populations(trainings, n_jobs, working_memory())
        long = [group for group in groups if _has_long_products(trainings[group[0]])]
        short = [group for group in groups if group not in long]
        # Two threads would contend for Python's lock between short products, and two processes
        # take longer to get large rows than long products take. In threads, BLAS may have one.
        with threadpool_limits(1, "blas") if n_jobs > 1 and long else nullcontext():
            # Not by scikit-learn's Parallel, whose threads restore the filters of warnings,
            # which all share, in any order.
            in_threads = joblib.Parallel(n_jobs=self._n_jobs, require="sharedmem")
            self._train_groups(fits, long, in_threads, joblib.delayed(_with_config(_train)))
        self._train_groups(fits, short, Parallel(n_jobs=self._n_jobs), delayed(_train))

    def _train_groups(self, fits, groups, parallel, train):
        found = parallel(
            train([fits[i].training for i in group], self._verbose) for group in groups
        )
        for group, (results, seconds) in zip(groups, found, strict=True):
            for i, result in zip(group, results, strict=True):
                fits[i].take(result, seconds / len(group))

    def _train_alone(self, fits):
        found = Parallel(n_jobs=self._n_jobs)(
            delayed(_fit)(fit.estimator, *fit.data) for fit in fits
        )
        for fit, (result, seconds) in zip(fits, found, strict=True):
            fit.take(result, seconds)

    def standing_in(self):
        """Return an estimator for scikit-learn's search, whose clones are fitted by handing over.

        The first of them to be fitted gets what the first candidate has learnt on the first
        split, and so on: the search must fit in its usual order, and in this process. When all
        have been handed over, which leaves the refit, fit is fit.
        """
        estimator = unfitted_copy(self._estimator)
        estimator.__sklearn_clone__ = self.standing_in
        estimator.fit = lambda X, y, **params: self._hand_over(estimator, X, y, params)
        return estimator

    def _hand_over(self, estimator, X, y, params):
        del estimator.fit, estimator.__sklearn_clone__
        if not self._queue:
            return estimator.fit(X, y, **params)
        fit = self._queue.popleft()
        vars(estimator).update(vars(fit.fitted()))
        fit.estimator = None  # nobody needs it any more
        return estimator

    def write_times(self, results):
        """Write to cv_results_ what the fits took: their share of a population's time."""
        times = np.array([[fit.seconds for fit in fits] for fits in self._by_split])
        results["mean_fit_time"], results["std_fit_time"] = times.mean(axis=0), times.std(axis=0)


def _has_long_products(training):
    """Whether the matrix products of one network's step keep a processor busy for a while."""
    return training.batches.batch_size * len(training.progress.theta) > LONG


def _n_bytes(X):
    """Return about how much memory the rows take, 0 if they do not say."""
    if sparse.issparse(X):
        return X.data.nbytes
    if hasattr(X, "memory_usage"):  # a DataFrame of pandas
        return int(X.memory_usage().sum())
    return getattr(X, "nbytes", 0)


def _with_config(function):
    """Return the function, to be called with this thread's configuration of scikit-learn."""
    config = get_config()

    def configured(*args):
        with config_context(**config):
            return function(*args)

    return configured


def _train(trainings, verbose):
    """Return the result of each training of a population, and the seconds of all."""
    started = perf_counter()
    try:
        results = Population(trainings).run()
    except Exception as error:  # of the schedule, which they share, or of memory
        results = [error] * len(trainings)
    seconds = perf_counter() - started
    if verbose > 0:
        sizes = "-".join(map(str, trainings[0].network.layer_sizes))
        print(
            f"Trained {len(trainings)} networks {sizes} for {trainings[0].epochs} epochs in "
            f"{seconds:.1f} s",
            flush=True,
        )
    return results, seconds


def _fit(estimator, X, y, params):
    """Return a fitted estimator or what went wrong, and the seconds that it took."""
    started = perf_counter()
    try:
        result = estimator.fit(X, y, **params)
    except Exception as error:
        result = error
    return result, perf_counter() - started

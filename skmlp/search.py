"""Grid search as one training run: all candidates on all splits are one population.

It goes in three steps. Every candidate on every split is brought to the point where training
begins (`candidates`), all networks are trained together (`population`), and scikit-learn's own
search then scores and compares them, refits the best one and writes ``cv_results_``, with
estimators whose fit takes what was learnt before instead of learning it.
"""

import copy
from collections import deque
from contextlib import nullcontext
from time import perf_counter

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn import get_config
from sklearn.base import clone
from sklearn.model_selection import (
    GridSearchCV,
    ParameterGrid,
    ParameterSampler,
    RandomizedSearchCV,
    check_cv,
)
from sklearn.utils import check_random_state, indexable
from sklearn.utils.metadata_routing import process_routing
from threadpoolctl import threadpool_limits

from skmlp.candidates import network_of, prepare, split_data
from skmlp.classifier import SoftmaxMLPClassifier
from skmlp.population import Population, populations

__all__ = ["PopulationGridSearchCV", "PopulationRandomizedSearchCV"]


class _PopulationSearch:
    """What both searches do instead of fitting candidates one by one."""

    pre_dispatch = "2*n_jobs"  # scikit-learn's search has it; nothing is left to dispatch

    def fit(self, X, y=None, **params):
        """Train all candidates on all splits, compare them and refit the best one.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows, or whatever the first step of the pipeline takes.
        y : array-like of shape (n_samples,)
            Labels.
        **params : dict
            Parameters of the estimator's fit, of which those with n_samples entries, like
            sample_weight, are cut as X is; and ``groups`` for the splitter. With metadata
            routing they go to whoever requested them.

        Returns
        -------
        self : object
            The fitted search.

        Raises
        ------
        TypeError
            If the estimator is neither a SoftmaxMLPClassifier nor a Pipeline that ends in one.
        ValueError
            As GridSearchCV: for instance if all fits failed, or what failed first if
            error_score is "raise".
        """
        network, _ = network_of(self.estimator)
        if not isinstance(network, SoftmaxMLPClassifier):
            raise TypeError(
                "estimator must be a SoftmaxMLPClassifier or a Pipeline that ends in one, got "
                f"{self.estimator!r}. scikit-learn's own searches take any estimator."
            )
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, got None.")
        X, y = indexable(X, y)
        fit_params, split_params = self._routed(params)
        cv = copy.copy(check_cv(self.cv, y, classifier=True))
        splits = list(cv.split(X, y, **split_params))
        cv.split = lambda *args, **kwargs: iter(splits)  # drawn once, if they are random
        search = copy.copy(self)
        search._settle_candidates()
        fits = Fits(self, search._candidates(), splits)
        fits.run(X, y, fit_params)
        search.estimator, search.cv, search.n_jobs = fits.standing_in(), cv, 1
        super(_PopulationSearch, search).fit(X, y, **params)
        own = self.get_params(deep=False)
        vars(self).update({name: v for name, v in vars(search).items() if name not in own})
        fits.write_times(self.cv_results_)
        return self

    def _settle_candidates(self):
        """Make sure that the candidates are the same each time they are asked for."""

    def _routed(self, params):
        """Return the parameters of the estimator's fit and those of the splitter's split."""
        if get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", **params)
            return routed.estimator.fit, routed.splitter.split
        params = dict(params)
        return params, {"groups": params.pop("groups", None)}


class Fits:
    """All candidates on all splits, trained before they are scored.

    Parameters
    ----------
    search : PopulationGridSearchCV or PopulationRandomizedSearchCV
    candidates : iterable of dict
    splits : sequence of (train, test)
    """

    def __init__(self, search, candidates, splits):
        self._search, self._splits = search, splits
        self._candidates = list(candidates)
        self._by_split = []
        self._queue = None

    def run(self, X, y, params):
        """Train them; what goes wrong with one is kept for the moment when it is asked for."""
        at_once = self._splits_at_once(X)
        for start in range(0, len(self._splits), at_once):
            fits = []
            for train, _ in self._splits[start : start + at_once]:
                data = split_data(X, y, params, train)
                fits.append(prepare(self._search.estimator, self._candidates, data))
            self._train([fit for on_split in fits for fit in on_split])
            self._by_split += fits
        # As scikit-learn goes through them: all splits of the first candidate, ...
        self._queue = deque(fit for of_one in zip(*self._by_split, strict=True) for fit in of_one)

    def _splits_at_once(self, X):
        """Return how many splits' rows may be in memory together."""
        per_split = getattr(X, "nbytes", 0)
        return max(1, _working_memory() // per_split) if per_split else len(self._splits)

    def _train(self, fits):
        """Train networks in populations, and what cannot be trained so, one by one."""
        together = [fit for fit in fits if fit.training is not None]
        alone = [fit for fit in fits if fit.training is None and fit.error is None]
        n_jobs = effective_n_jobs(self._search.n_jobs)
        groups = populations([fit.training for fit in together], n_jobs, _working_memory())
        groups = [[together[i] for i in group] for group in groups]
        # Threads of BLAS beside threads of ours would wait for each other.
        with threadpool_limits(1, "blas") if n_jobs > 1 else nullcontext():
            found = Parallel(n_jobs=n_jobs, prefer="threads")(
                delayed(_train)([fit.training for fit in group], self._search.verbose)
                for group in groups
            )
        for group, (results, seconds) in zip(groups, found, strict=True):
            for fit, result in zip(group, results, strict=True):
                fit.take(result, seconds / len(group))
        found = Parallel(n_jobs=self._search.n_jobs)(
            delayed(_fit)(fit.estimator, *fit.data) for fit in alone
        )
        for fit, (result, seconds) in zip(alone, found, strict=True):
            fit.take(result, seconds)

    def standing_in(self):
        """Return an estimator for scikit-learn's search, whose clones are fitted by handing over.

        The first of them to be fitted gets what the first candidate has learnt on the first
        split, and so on, in the search's order. When all have been handed over, which leaves
        the refit, fit is fit.
        """
        estimator = clone(self._search.estimator)
        estimator.__sklearn_clone__ = self.standing_in
        estimator.fit = lambda X, y, **params: self._hand_over(estimator, X, y, params)
        return estimator

    def _hand_over(self, estimator, X, y, params):
        del estimator.fit, estimator.__sklearn_clone__
        if not self._queue:
            return estimator.fit(X, y, **params)
        fit = self._queue.popleft()
        if fit.error is not None:
            raise fit.error
        vars(estimator).update(vars(fit.estimator))
        fit.estimator = fit.data = None
        return estimator

    def write_times(self, results):
        """Write to cv_results_ what the fits took: their share of a population's time."""
        times = np.array([[fit.seconds for fit in fits] for fits in self._by_split])
        results["mean_fit_time"], results["std_fit_time"] = times.mean(axis=0), times.std(axis=0)


def _working_memory():
    """Return scikit-learn's setting in bytes."""
    return int(get_config()["working_memory"] * 2**20)


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


class PopulationGridSearchCV(_PopulationSearch, GridSearchCV):
    """Grid search over a SoftmaxMLPClassifier whose fits are one training run."""

    def __init__(
        self,
        estimator,
        param_grid,
        *,
        scoring=None,
        refit=True,
        cv=None,
        return_train_score=False,
        error_score=np.nan,
        n_jobs=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.param_grid = param_grid
        self.scoring = scoring
        self.refit = refit
        self.cv = cv
        self.return_train_score = return_train_score
        self.error_score = error_score
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _candidates(self):
        return ParameterGrid(self.param_grid)

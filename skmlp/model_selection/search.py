"""Grid search as one training run: all candidates on all splits are one population.

There are three steps: every candidate on every split is brought to the point where training
begins (`candidates`); all networks are trained together (`candidate_fits`); and scikit-learn's
search scores and compares them, refits the best one and sets ``cv_results_``, with estimators
whose fit takes over what has been learnt.
"""

import copy
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from numbers import Integral
from typing import Any

import joblib
import numpy as np
from joblib.parallel import get_active_backend
from sklearn import get_config
from sklearn.metrics import check_scoring
from sklearn.model_selection import (
    GridSearchCV,
    ParameterGrid,
    ParameterSampler,
    RandomizedSearchCV,
    check_cv,
)
from sklearn.utils import check_random_state, indexable
from sklearn.utils.metadata_routing import process_routing

from skmlp._sklearn_compat import FitTimesMixin, check_search
from skmlp.estimators.classifier import SoftmaxMLPClassifier
from skmlp.model_selection.candidate_fits import CandidateFits
from skmlp.model_selection.candidates import final_estimator

__all__ = ["PopulationGridSearchCV", "PopulationRandomizedSearchCV"]


class _PopulationSearch(FitTimesMixin):
    """fit of both searches, which trains all candidates together."""

    pre_dispatch = "2*n_jobs"  # required by scikit-learn's search; there is nothing to dispatch

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
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
            routing they are passed on as requested.

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
        network, _ = final_estimator(self.estimator)
        if not isinstance(network, SoftmaxMLPClassifier):
            raise TypeError(
                "estimator must be a SoftmaxMLPClassifier or a Pipeline that ends in one, got "
                f"{self.estimator!r}. scikit-learn's own searches take any estimator; if only the "
                "grid has the network, put it into the estimator as well."
            )
        check_search(self)  # before any work is lost
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, got None.")
        X, y = indexable(X, y)
        fit_params, split_params = self._routed(params)
        cv = copy.copy(check_cv(self.cv, y, classifier=True))
        splits = list(cv.split(X, y, **split_params))
        cv.split = lambda *args, **kwargs: iter(splits)  # drawn once, if they are random
        search = copy.copy(self)
        search._fix_candidates()
        fits = CandidateFits(
            self.estimator, search._candidates(), splits, self.n_jobs, self.verbose
        )
        fits.run(X, y, fit_params)
        # The stand-in for the estimator works in this process only.
        search._fits, search.estimator, search.cv, search.n_jobs = fits, fits.pretrained(), cv, 1
        try:
            with _in_this_process():
                super(_PopulationSearch, search).fit(X, y, **params)
        finally:
            fits.check_taken_over()
        if self.scoring is None:  # its scorer keeps the estimator
            search.scorer_ = check_scoring(self.estimator)
        del cv.split, search._fits
        own = self.get_params(deep=False)
        vars(self).update({name: v for name, v in vars(search).items() if name not in own})
        return self

    def _fit_times(self) -> dict[str, np.ndarray]:
        return self._fits.fit_times()

    def _fix_candidates(self) -> None:
        """Make sure that the candidates are the same each time they are drawn."""

    def _candidates(self) -> Iterable[dict[str, Any]]:
        """Return the candidates' parameters."""
        raise NotImplementedError

    def _routed(self, params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the parameters of the estimator's fit and those of the splitter's split."""
        if get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", **params)
            return routed.estimator.fit, routed.splitter.split
        params = dict(params)
        return params, {"groups": params.pop("groups", None)}


def _in_this_process() -> AbstractContextManager[Any]:
    """Return a context in which n_jobs=1 is this process, also with joblib's Dask backend."""
    backend, _ = get_active_backend()
    if backend.effective_n_jobs(1) == 1:
        return nullcontext()
    return joblib.parallel_config(backend="sequential")


class PopulationGridSearchCV(_PopulationSearch, GridSearchCV):
    """Grid search over a SoftmaxMLPClassifier in which all fits are one training run.

    It has the parameters, attributes and methods of scikit-learn's GridSearchCV and finds the
    same: with an int as `random_state`, every candidate starts from the weights, sees the
    batches and ends with the scores that it would have if it were fitted alone. But what a
    step costs in calls of Python and NumPy is paid once for all networks of one kind, and
    they share the rows. The smaller the networks and batches, the more that saves.

    Candidates that differ in `units`, `activation`, `batch_size`, `epochs`, `dtype`,
    `shuffle` or `schedule`, in whether there is dropout, between adam and sgd, or by splits of
    different sizes, are trained in different passes; whatever else may vary within one. Steps of
    a pipeline in front of the network are fitted once for each split and set of their own
    parameters. What cannot be trained with others (by lbfgs, on sparse rows, with callbacks
    of the network's own, or another estimator in its place) is fitted alone, by joblib.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier or Pipeline
        A pipeline must end in a SoftmaxMLPClassifier.
    param_grid : dict or list of dict
        Lists of values by the name of the parameter, as ``set_params`` has it; of several dicts,
        all candidates of each.
    scoring : str, callable, list, tuple or dict, default=None
        How predictions on the rows left out are judged. None is the estimator's accuracy.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate on all rows, with several metrics by which of them;
        or a function of ``cv_results_`` that returns the best candidate's index.
    cv : int, cross-validation generator or iterable, default=None
        The splits; None is five-fold and stratified, as is an int.
    return_train_score : bool, default=False
        Whether to judge predictions on the rows trained on as well.
    error_score : "raise" or float, default=numpy.nan
        The score of a candidate whose fit fails.
    n_jobs : int, default=None
        How many populations to train at the same time: in processes, or in threads if the
        networks are large. Also how many processes fit what is fitted alone. None is 1, -1 as
        many as there are processors.
    verbose : int, default=0
        1 prints a line for each population; more than 1 also what GridSearchCV prints, in
        which times are those of scoring alone.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        As GridSearchCV's; the fit times are shares of the time that a population took.
    best_estimator_ : estimator
        Refitted on all rows. Not with ``refit=False``.
    best_score_ : float
        Mean score of the best candidate over the splits.
    best_params_ : dict
        Its parameters.
    best_index_ : int
        Its place in the arrays of `cv_results_`.
    scorer_ : callable or dict
        How it was judged.
    n_splits_ : int
        Number of splits.
    refit_time_ : float
        Seconds of the refit.
    multimetric_ : bool
        Whether there are several metrics.
    classes_ : ndarray of shape (n_classes,)
        Labels of the refitted estimator.
    n_features_in_ : int
        Its number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of its features, if X had such.

    See Also
    --------
    PopulationRandomizedSearchCV : Draws candidates instead of trying all.
    sklearn.model_selection.GridSearchCV : Fits any estimator, one candidate at a time.

    Notes
    -----
    As many networks as fit in the processor's cache are trained at once, and no more than fit
    in scikit-learn's ``working_memory``; so are the rows of the splits. Networks that are so
    large that a single one fills the cache gain nothing and are trained one by one. Beside
    them, every candidate on every split keeps its parameters until it is scored, which is done
    by one process.

    Callbacks of the search hear of each candidate on each split, but not of the epochs of
    their networks. Fitted steps of a pipeline, means and scales are shared by candidates: a
    scorer must not change them.

    With ``random_state=None`` networks are initialised independently, but those on the same
    split may see the rows in the same order.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skmlp import PopulationGridSearchCV, SoftmaxMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> grid = {"l2": [0, 1e-3, 1e-2], "learning_rate": [0.003, 0.01, 0.03]}
    >>> search = PopulationGridSearchCV(SoftmaxMLPClassifier(16, random_state=0), grid)
    >>> search.fit(X, y).best_score_ > 0.95
    np.True_
    >>> len(search.cv_results_["params"]), search.n_splits_
    (9, 5)
    """

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

    def _candidates(self) -> Iterable[dict[str, Any]]:
        return ParameterGrid(self.param_grid)


class PopulationRandomizedSearchCV(_PopulationSearch, RandomizedSearchCV):
    """Randomized search over a SoftmaxMLPClassifier in which all fits are one training run.

    RandomizedSearchCV as `PopulationGridSearchCV` is GridSearchCV; see there for how
    candidates are trained, and for what is not said here.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier or Pipeline
        A pipeline must end in a SoftmaxMLPClassifier.
    param_distributions : dict or list of dict
        For the name of each parameter a list of values or a distribution with a method
        ``rvs``, as those of scipy.stats.
    n_iter : int, default=10
        How many candidates to draw.
    scoring : str, callable, list, tuple or dict, default=None
        How predictions on the rows left out are judged. None is the estimator's accuracy.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate on all rows, with several metrics by which of them;
        or a function of ``cv_results_`` that returns the best candidate's index.
    cv : int, cross-validation generator or iterable, default=None
        The splits; None is five-fold and stratified, as is an int.
    return_train_score : bool, default=False
        Whether to judge predictions on the rows trained on as well.
    error_score : "raise" or float, default=numpy.nan
        The score of a candidate whose fit fails.
    n_jobs : int, default=None
        How many populations to train at the same time, in processes or threads.
    verbose : int, default=0
        1 prints a line for each population; more than 1 also what RandomizedSearchCV prints.
    random_state : int, RandomState instance or None, default=None
        For drawing the candidates; the networks have their own.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        As RandomizedSearchCV's; the fit times are shares of the time that a population took.
    best_estimator_ : estimator
        Refitted on all rows. Not with ``refit=False``.
    best_score_ : float
        Mean score of the best candidate over the splits.
    best_params_ : dict
        Its parameters.
    best_index_ : int
        Its place in the arrays of `cv_results_`.
    scorer_ : callable or dict
        How it was judged.
    n_splits_ : int
        Number of splits.
    refit_time_ : float
        Seconds of the refit.
    multimetric_ : bool
        Whether there are several metrics.
    classes_ : ndarray of shape (n_classes,)
        Labels of the refitted estimator.
    n_features_in_ : int
        Its number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of its features, if X had such.

    See Also
    --------
    PopulationGridSearchCV : Tries all candidates of a grid.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from skmlp import PopulationRandomizedSearchCV, SoftmaxMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> distributions = {"l2": loguniform(1e-5, 1e-1), "learning_rate": loguniform(1e-3, 1e-1)}
    >>> search = PopulationRandomizedSearchCV(
    ...     SoftmaxMLPClassifier(16, random_state=0), distributions, random_state=0
    ... )
    >>> search.fit(X, y).best_score_ > 0.95
    np.True_
    """

    def __init__(
        self,
        estimator,
        param_distributions,
        *,
        n_iter=10,
        scoring=None,
        refit=True,
        cv=None,
        return_train_score=False,
        error_score=np.nan,
        n_jobs=None,
        verbose=0,
        random_state=None,
    ):
        self.estimator = estimator
        self.param_distributions = param_distributions
        self.n_iter = n_iter
        self.scoring = scoring
        self.refit = refit
        self.cv = cv
        self.return_train_score = return_train_score
        self.error_score = error_score
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def _fix_candidates(self) -> None:
        if not isinstance(self.random_state, Integral):
            rng = check_random_state(self.random_state)
            self.random_state = int(rng.randint(np.iinfo(np.int32).max))

    def _candidates(self) -> Iterable[dict[str, Any]]:
        return ParameterSampler(
            self.param_distributions, self.n_iter, random_state=self.random_state
        )

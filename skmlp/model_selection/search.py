"""Searches that train all candidates on all splits together, as one population.

There are three steps: training is prepared for every candidate on every split (`candidates`);
all networks are trained together (`candidate_fits`); scikit-learn's search scores and compares
the candidates, refits the best one and sets ``cv_results_``. In the last step, fit of the
candidates returns the networks that were trained in the second.
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
from skmlp.data.checks import check_label_values
from skmlp.model_selection.candidate_fits import CandidateFits
from skmlp.model_selection.candidates import NetworkOrEnsemble, final_estimator

__all__ = ["PopulationGridSearchCV", "PopulationRandomizedSearchCV"]


class _PopulationSearch(FitTimesMixin):
    """fit of both searches, which trains all candidates together."""

    pre_dispatch = "2*n_jobs"  # read by scikit-learn's search; has no effect

    def fit(self: Any, X: Any, y: Any = None, **params: Any) -> Any:
        """Train all candidates on all splits, compare them and refit the best one.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows, or the input of the first step of the pipeline.
        y : array-like of shape (n_samples,)
            Labels.
        **params : dict
            Parameters of the estimator's fit, and ``groups`` for the splitter. Parameters with
            n_samples entries, such as sample_weight, are split like X. With metadata routing,
            they are passed as requested, which may include ``groups`` for the `cv` of an ensemble.

        Returns
        -------
        self : object
            The fitted search.

        Raises
        ------
        TypeError
            If the estimator is no SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier or Pipeline
            that ends in one.
        ValueError
            If labels are missing or of mixed kinds. As GridSearchCV: for instance if all fits
            failed, or if one failed and error_score is "raise".
        """
        network, _ = final_estimator(self.estimator)
        if not isinstance(network, NetworkOrEnsemble):
            raise TypeError(
                "estimator must be a SoftmaxMLPClassifier, a SoftmaxMLPEnsembleClassifier or a "
                f"Pipeline that ends in one, got {self.estimator!r}. Use scikit-learn's searches "
                "for other estimators; if the network is a value in the grid, set it as the "
                "estimator as well."
            )
        check_search(self)  # before training
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, got None.")
        check_label_values(y)
        X, y = indexable(X, y)
        fit_params, split_params = self._routed(params)
        cv = copy.copy(check_cv(self.cv, y, classifier=True))
        splits = list(cv.split(X, y, **split_params))
        cv.split = lambda *args, **kwargs: iter(splits)  # random splits are drawn once
        search = copy.copy(self)
        search._fix_candidates()
        fits = CandidateFits(
            self.estimator, search._candidates(), splits, self.n_jobs, self.verbose
        )
        fits.run(X, y, fit_params)
        # The estimator with the trained networks works in this process only.
        search._fits, search.estimator, search.cv, search.n_jobs = fits, fits.pretrained(), cv, 1
        try:
            with _in_this_process():
                super(_PopulationSearch, search).fit(X, y, **params)  # type: ignore[misc]
        finally:
            fits.check_taken_over()
        if self.scoring is None:  # the scorer holds the estimator of search
            search.scorer_ = check_scoring(self.estimator)
        del cv.split, search._fits
        own = self.get_params(deep=False)
        vars(self).update({name: v for name, v in vars(search).items() if name not in own})
        return self

    def _fit_times(self: Any) -> dict[str, np.ndarray]:
        return self._fits.fit_times()

    def _fix_candidates(self) -> None:
        """Fix the random state, so that the same candidates are drawn each time."""

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
    """Return a context in which n_jobs=1 means this process, also with joblib's Dask backend."""
    backend, _ = get_active_backend()
    if backend.effective_n_jobs(1) == 1:
        return nullcontext()
    return joblib.parallel_config(backend="sequential")


class PopulationGridSearchCV(_PopulationSearch, GridSearchCV):
    """Grid search over a network or an ensemble in which all fits are one training run.

    It has the parameters, attributes and methods of scikit-learn's GridSearchCV and gives the
    same results: with an int as `random_state`, the initial weights, batches and scores of
    every candidate are those of a separate fit. The overhead of Python and NumPy calls occurs
    once per step for all networks that are trained together, and they share the rows. The
    speed-up is largest for small networks and batches. With the default network on thousands of
    rows, the search takes about as long as GridSearchCV.

    Candidates are trained in separate passes if they differ in `units`, `activation`,
    `batch_size`, `epochs`, `dtype`, `shuffle`, `schedule`, or the optimizer ("adam" or "sgd"); if
    only some of them have dropout or `averaging`; or if their numbers of training rows differ,
    without validation rows. All other parameters may differ within a pass.
    Networks with "lbfgs" or on sparse rows are trained one by one. The steps of a pipeline
    before the network are fitted once for each split and combination of their parameters.
    Candidates with callbacks set on the network or ensemble, or with another estimator in its
    place, are fitted separately, by joblib.

    The members of a SoftmaxMLPEnsembleClassifier are treated like other networks: those of all
    candidates on all splits are trained together. Their parameters are ``estimator__units`` and
    so on. The `n_jobs` and `verbose` of the ensemble are used only in the refit.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier or Pipeline
        A pipeline must end in one of the two.
    param_grid : dict or list of dict
        Lists of values by parameter name, as accepted by ``set_params``; for a list of dicts,
        the candidates of all of them.
    scoring : str, callable, list, tuple or dict, default=None
        Metrics of the predictions on the rows left out. None is the estimator's accuracy.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate on all rows. With several metrics, the name of the one
        to use; or a function of ``cv_results_`` that returns the best candidate's index.
    cv : int, cross-validation generator or iterable, default=None
        The splits; None is five-fold and stratified, as is an int.
    return_train_score : bool, default=False
        Whether to compute scores on the training rows as well.
    error_score : "raise" or float, default=numpy.nan
        The score of a candidate whose fit fails.
    n_jobs : int, default=None
        Number of populations to train at the same time: in processes, or in threads if the
        networks are large. Also the number of processes for separate fits. None is 1, -1 is
        the number of CPU cores.
    verbose : int, default=0
        1 prints a line for each group of networks that are trained together; more than 1 also
        what GridSearchCV prints, in which times are those of scoring only.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        As in GridSearchCV; a fit time is the candidate's share of its population's time.
    best_estimator_ : estimator
        Refitted on all rows. Not available with ``refit=False``.
    best_score_ : float
        Mean score of the best candidate over the splits.
    best_params_ : dict
        Its parameters.
    best_index_ : int
        Its index in the arrays of `cv_results_`.
    scorer_ : callable or dict
        The scorer, or a dict of scorers.
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
        Names of its features, if X has names.

    See Also
    --------
    PopulationRandomizedSearchCV : Search over randomly drawn candidates.
    sklearn.model_selection.GridSearchCV : Search for any estimator, one fit per candidate.

    Notes
    -----
    The number of networks that are trained at once is limited by the size of the CPU cache and by
    scikit-learn's ``working_memory``, which also limits the rows of the splits in memory.
    Networks that are larger than the cache are trained one by one, without a speed-up.
    The parameters of every candidate on every split are kept in memory until it is scored, in
    one process.

    Callbacks of the search are called for each candidate on each split, but not for the epochs
    of the networks. Candidates share fitted pipeline steps, means and scales: a scorer must not
    modify them.

    With ``random_state=None`` networks are initialised independently, but networks on the same
    split may have the same order of rows.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skmlp import PopulationGridSearchCV, SoftmaxMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> grid = {"l2": [0, 1e-3, 1e-2], "learning_rate": [0.003, 0.01, 0.03]}
    >>> search = PopulationGridSearchCV(SoftmaxMLPClassifier(16, dropout=0, random_state=0), grid)
    >>> search.fit(X, y).best_score_ > 0.95
    np.True_
    >>> len(search.cv_results_["params"]), search.n_splits_
    (9, 5)

    Four candidates of three members each, on five splits, are 60 networks:

    >>> from skmlp import SoftmaxMLPEnsembleClassifier
    >>> net = SoftmaxMLPClassifier(16, dropout=0)
    >>> ensemble = SoftmaxMLPEnsembleClassifier(net, n_estimators=3, random_state=0)
    >>> grid = {"estimator__l2": [0, 1e-3], "estimator__learning_rate": [0.01, 0.03]}
    >>> PopulationGridSearchCV(ensemble, grid).fit(X, y).best_score_ > 0.95
    np.True_
    """

    def __init__(
        self,
        estimator: Any,
        param_grid: Any,
        *,
        scoring: Any = None,
        refit: Any = True,
        cv: Any = None,
        return_train_score: bool = False,
        error_score: Any = np.nan,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
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
    """Randomized search over a network or an ensemble in which all fits are one training run.

    It has the parameters, attributes and methods of scikit-learn's RandomizedSearchCV. See
    `PopulationGridSearchCV` for how candidates are trained.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier or Pipeline
        A pipeline must end in one of the two.
    param_distributions : dict or list of dict
        By parameter name, a list of values or a distribution with a method ``rvs``, such as
        those of scipy.stats.
    n_iter : int, default=10
        Number of candidates to draw.
    scoring : str, callable, list, tuple or dict, default=None
        Metrics of the predictions on the rows left out. None is the estimator's accuracy.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate on all rows. With several metrics, the name of the one
        to use; or a function of ``cv_results_`` that returns the best candidate's index.
    cv : int, cross-validation generator or iterable, default=None
        The splits; None is five-fold and stratified, as is an int.
    return_train_score : bool, default=False
        Whether to compute scores on the training rows as well.
    error_score : "raise" or float, default=numpy.nan
        The score of a candidate whose fit fails.
    n_jobs : int, default=None
        Number of populations to train at the same time, in processes or threads.
    verbose : int, default=0
        1 prints a line for each group of networks that are trained together; more than 1 also
        what RandomizedSearchCV prints.
    random_state : int, RandomState instance or None, default=None
        For drawing the candidates. The networks use the estimator's `random_state`.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        As in RandomizedSearchCV; a fit time is the candidate's share of its population's time.
    best_estimator_ : estimator
        Refitted on all rows. Not available with ``refit=False``.
    best_score_ : float
        Mean score of the best candidate over the splits.
    best_params_ : dict
        Its parameters.
    best_index_ : int
        Its index in the arrays of `cv_results_`.
    scorer_ : callable or dict
        The scorer, or a dict of scorers.
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
        Names of its features, if X has names.

    See Also
    --------
    PopulationGridSearchCV : Search over all candidates of a grid.

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
        estimator: Any,
        param_distributions: Any,
        *,
        n_iter: int = 10,
        scoring: Any = None,
        refit: Any = True,
        cv: Any = None,
        return_train_score: bool = False,
        error_score: Any = np.nan,
        n_jobs: int | None = None,
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
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

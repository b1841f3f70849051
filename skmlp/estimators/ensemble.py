"""SoftmaxMLPEnsembleClassifier: networks that are trained together, whose mean predicts."""

import copy
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skmlp._errors import check_integer, invalid, warn_user
from skmlp.callbacks import (
    CallbackSupportMixin,
    Checkpoint,
    check_ensemble_checkpoints,
    set_ensemble_hooks,
    with_callbacks,
)
from skmlp.core.losses import log_softmax
from skmlp.core.mixture import Uncertainty, decompose_uncertainty, log_mean_proba
from skmlp.core.network import Network
from skmlp.core.temperature import with_temperature
from skmlp.data.dataset import Dataset, encode_parts
from skmlp.data.scales import working_dtype
from skmlp.estimators.classifier import SoftmaxMLPClassifier
from skmlp.estimators.folds import Folds, check_repeats, draw_repeats, rows_of_member
from skmlp.estimators.html import ensemble_html
from skmlp.estimators.members import (
    Member,
    check_same_kind,
    common_network,
    draw_seeds,
    member_logits,
    member_trainers,
    plain_member,
    trained_members,
)
from skmlp.estimators.out_of_fold import (
    evaluate_out_of_fold,
    find_temperature,
    loss_weights,
    out_of_fold_logits,
)
from skmlp.estimators.predict import ProbabilityMixin, kept_network
from skmlp.estimators.validation import DATA_ATTRIBUTES, copy_data_attributes, validate_fit_data
from skmlp.estimators.warm_start import thetas_to_continue, unchanged_on_error
from skmlp.io.checkpoint import CheckpointState, Origin, read_checkpoint
from skmlp.io.fingerprint import data_fingerprint
from skmlp.training.config import TrainConfig
from skmlp.training.jobs import Outcome, Training, train_networks
from skmlp.training.local import LocalSource
from skmlp.training.state import FitResult, draw_seed
from skmlp.training.trainer import Trainer

__all__ = ["SoftmaxMLPEnsembleClassifier"]

OUT_OF_FOLD = ("oof_proba_", "oof_score_", "oof_loss_")
FITTED_ATTRIBUTES = (
    *DATA_ATTRIBUTES,
    *OUT_OF_FOLD,
    "theta_",
    "temperature_",
    "_members",
    "_repeats",
    "_seed",
    "_prior",
)


class SoftmaxMLPEnsembleClassifier(
    CallbackSupportMixin, ProbabilityMixin, ClassifierMixin, BaseEstimator
):
    """An ensemble of softmax multilayer perceptrons, which are trained together.

    The members differ in their initial weights, dropout masks, validation rows and, with `cv`,
    training rows. The mean of their probabilities is more accurate than a single network, and
    less confident where the members disagree (Lakshminarayanan et al. 2017). Members of one shape
    are trained as one stacked network, which takes less time than one by one.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier or None, default=None
        The members have its parameters, except `random_state`, `warm_start` and `verbose`. None
        is ``SoftmaxMLPClassifier()``.
    n_estimators : int, default=8
        Number of members; with cv, at least the number of folds.
    cv : int, splitter or None, default=None
        None trains every member on all rows. Where early stopping sets rows aside, each member
        sets aside its own; otherwise all members visit the rows in the same order. With k folds,
        member i leaves out fold i mod k, and each repeat of k members has its own folds. The rows
        left out are used for `oof_proba_`, `oof_score_` and `oof_loss_`. An integer is the number
        of stratified folds, which keep `groups` together, if given. A splitter of scikit-learn
        must put each row into exactly one test set.
    calibration : {"temperature"} or None, default=None
        "temperature" calibrates the members after training. The difference between their logits
        and the logarithms of the class frequencies is divided by `temperature_`, the number that
        minimises the cross-entropy of the out-of-fold predictions. This needs cv. It is more
        exact with two or more repeats of the folds: the temperature for the mean of all members
        is then extrapolated from the means of one and of several members that were not trained on
        a row. (The members' own `calibration`, on rows that each of them sets aside, needs no
        cv.)
    warm_start : bool, default=False
        Whether fit keeps the members and adds new ones up to `n_estimators`, on the same rows.
    n_jobs : int or None, default=None
        Number of jobs that the members are divided among, as in scikit-learn.
    random_state : int, RandomState instance or None, default=None
        Determines the folds and the members' seeds.
    verbose : int, default=0
        Whether to print a line for each group of members that are trained together.

    Attributes
    ----------
    estimators_ : list of SoftmaxMLPClassifier
        The members, whose parameters are views on `theta_`. A new list each time.
    theta_ : ndarray of shape (n_estimators, n_params)
        The parameters of all members.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X has names that are all strings.
    is_categorical_ : ndarray of bool of shape (n_features,)
        Which columns are categorical.
    categories_ : list of ndarray of shape (n_categories,) or None
        The sorted categories of each column in training, with None or NaN at the end if values
        were missing; None for numeric columns.
    infrequent_categories_ : list of ndarray of shape (n_infrequent,) or None
        The categories of each column that share a row of weights by `min_frequency`, or None.
    encoded_feature_names_ : ndarray of shape (n_inputs,)
        Names of the inputs of the members' first layers.
    label_binarizer_ : LabelBinarizer
        Converts labels to one-hot rows.
    history_ : list of dict
        The `history_` of each member.
    temperature_ : float
        The temperature of `calibration`; 1 without calibration.
    oof_proba_ : ndarray of shape (n_samples, n_classes)
        With cv, the probabilities of the training rows from the members that left them out,
        before `calibration`: the mean over complete repeats of the folds.
    oof_score_ : float
        With cv, the accuracy of `oof_proba_`, weighted by sample_weight.
    oof_loss_ : float
        With cv, the cross-entropy of `oof_proba_`, weighted by sample_weight.

    See Also
    --------
    SoftmaxMLPClassifier : A single network.
    PopulationGridSearchCV : Search in which the members of all candidates are trained together.
    sklearn.ensemble.BaggingClassifier : Ensembles of any estimator, trained one by one.
    sklearn.calibration.CalibratedClassifierCV : Out-of-fold calibration of any classifier.

    Notes
    -----
    The edges of the bins of `n_bins` are quantiles of the first member's training rows, for all
    members. There is no partial_fit.

    Callbacks, which need scikit-learn 1.9, are called as by scikit-learn's meta-estimators. The
    task "fit" of the ensemble has a task "fit-member" for each member that is trained, and the fit
    of the member has a task "epoch" for each epoch.

    - Callbacks of the ensemble are called for its fit and for its members. At the end of a
      member's task, `fitted_estimator` is an ensemble of this member alone, not calibrated.
    - Those that have `max_propagation_depth`, such as ProgressBar, are passed on to the members.
      They cannot be set on `estimator`.
    - Callbacks of `estimator`, and those that are passed on, are called for the fit of each member
      and for its epochs, with a SoftmaxMLPClassifier as `estimator` and `fitted_estimator`. If one
      returns True at the end of an epoch, this member stops.

    X and y of a member's tasks are its training rows, with those that early stopping sets aside.
    Members that are trained together have open tasks at the same time. With `n_jobs`, callbacks
    are called in the threads or, for small networks, in the processes that train; a process has a
    copy of the callback, from which those of scikit-learn send their messages back.

    A `skmlp.callbacks.Checkpoint` of the ensemble is written when the epoch has ended for all
    members that are trained together, and `resume` continues from it.

    References
    ----------
    Lakshminarayanan, Pritzel and Blundell, "Simple and scalable predictive uncertainty estimation
    using deep ensembles", NeurIPS 2017, arXiv:1612.01474.

    Breiman, "Bagging predictors", Machine Learning 24, 1996; "Out-of-bag estimation", 1996.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from skmlp import SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> net = SoftmaxMLPClassifier(50, epochs=20)
    >>> ensemble = SoftmaxMLPEnsembleClassifier(net, n_estimators=4, cv=4, random_state=0)
    >>> ensemble.fit(X_train, y_train).score(X_test, y_test) > 0.95
    True
    >>> bool(abs(ensemble.oof_score_ - ensemble.score(X_test, y_test)) < 0.05)
    True
    >>> ensemble.predict_uncertainty(X_test).model.shape
    (450,)
    """

    _members: list[Member]
    _repeats: list[Folds]  # of each repeat; kept for a warm start only
    _seed: int | None  # that the seeds of members and folds are drawn from
    _prior: np.ndarray | None  # the class frequencies that `temperature_` is relative to

    def __init__(
        self,
        estimator: SoftmaxMLPClassifier | None = None,
        n_estimators: int = 8,
        *,
        cv: Any = None,
        calibration: str | None = None,
        warm_start: bool = False,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.cv = cv
        self.calibration = calibration
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        groups: Any = None,
    ) -> "SoftmaxMLPEnsembleClassifier":
        """Train the members.

        Parameters
        ----------
        X : array-like, sparse matrix or data frame of shape (n_samples, n_features)
            As in SoftmaxMLPClassifier. With sparse X, members are trained one by one. All members
            have the same categories and missing indicators, those of all rows.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        X_val : array-like of shape (n_val, n_features), default=None
            A validation set for the members' early stopping and calibration. Without it, each
            member sets aside some of its own training rows.
        y_val : array-like of shape (n_val,), default=None
            Its labels.
        sample_weight_val : array-like of shape (n_val,), default=None
            Its weights.
        groups : array-like of shape (n_samples,), default=None
            The groups of the rows, for `cv`.

        Returns
        -------
        self : SoftmaxMLPEnsembleClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            Before training, for invalid parameters or data, for folds that are not a partition,
            if a class is missing in the training rows of a member, and for a Checkpoint with
            several jobs, in a warm start or of `estimator`. In training, as SoftmaxMLPClassifier.
        TypeError
            If `estimator` is not a SoftmaxMLPClassifier, or has callbacks with
            `max_propagation_depth`.
        KeyboardInterrupt
            After Ctrl-C. In a single job, the fitted attributes are set first, with the current
            parameters of the members, without members whose training has not begun.
        """
        given = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
        return self._fit((X, y, sample_weight), given, groups)

    @classmethod
    def resume(
        cls,
        path: str | bytes | os.PathLike[str],
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        callbacks: Sequence[Any] = (),
        **params: Any,
    ) -> "SoftmaxMLPEnsembleClassifier":
        """Resume an interrupted fit from the file of its Checkpoint.

        Parameters and histories are bit for bit those of an uninterrupted fit, on the same machine
        and with the same versions of the libraries. The folds of `cv` are those in the file. The
        checkpoint is set again with the same file. If the fit was complete, there is no further
        training. For members by L-BFGS, see `SoftmaxMLPClassifier.resume`.

        Parameters
        ----------
        path : str, bytes or path-like
            The file.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The same rows as before.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Their weights, if they had any.
        X_val : array-like of shape (n_val, n_features), default=None
            The same validation set as before, if there was one.
        y_val : array-like of shape (n_val,), default=None
            Its labels.
        sample_weight_val : array-like of shape (n_val,), default=None
            Its weights.
        callbacks : sequence of callbacks, default=()
            Callbacks of scikit-learn to set besides the checkpoint. They are called for the
            members that are trained further.
        **params : dict
            Constructor parameters that the file cannot hold, such as a splitter as `cv` or a
            function as `estimator__scoring`; also verbose and n_jobs.

        Returns
        -------
        ensemble : SoftmaxMLPEnsembleClassifier
            Fitted.

        Raises
        ------
        ValueError
            If the file is damaged or not a checkpoint of an ensemble; if rows, labels or weights
            differ from those of the interrupted fit; or if a parameter is missing or must not be
            given.
        OSError
            If the file cannot be read or written.

        See Also
        --------
        skmlp.callbacks.Checkpoint : Writes the file.
        """
        checkpoint = read_checkpoint(path, of_ensemble=True)
        ensemble = cls(None if "estimator" in checkpoint.params else SoftmaxMLPClassifier())
        resumed = checkpoint.resumed_params(params, ensemble.get_params(), cls.__name__)
        ensemble.set_params(**resumed)
        ensemble.set_callbacks(Checkpoint(path, checkpoint.every), *callbacks)
        given = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
        return ensemble._fit((X, y, sample_weight), given, None, checkpoint)

    @with_callbacks
    def _fit(
        self,
        data: tuple[Any, Any, Any],
        validation: dict[str, Any],
        groups: Any,
        checkpoint: CheckpointState | None = None,
    ) -> "SoftmaxMLPEnsembleClassifier":
        """Fit on (X, y, sample_weight), from a checkpoint if there is one."""
        config = self._train_config()
        continues = self.warm_start and hasattr(self, "theta_")
        check_ensemble_checkpoints(self, continues=continues)
        with unchanged_on_error(self):
            rows, validation_rows = validate_fit_data(
                self, *data, **validation, continues=continues
            )
            thetas = thetas_to_continue(self, config) if continues else None
            if thetas is not None:
                dtype = thetas.dtype
            elif checkpoint is not None:
                dtype = checkpoint.runs[0].state.theta.dtype
            else:
                dtype = config.requested_dtype(partial(working_dtype, rows.X))
            datasets = encode_parts(rows, validation_rows, self.classes_, dtype)
            config = replace(config, n_classes=len(self.classes_), theta_dtype=dtype)
            training = self._begin(config, *datasets, groups, thetas, checkpoint)
            if not training.trainers:
                warn_user("A warm start without more n_estimators trains no members.")
            tasks = set_ensemble_hooks(
                self,
                data,
                {i: t.run for i, t in enumerate(training.trainers, len(self._members))},
                partial(rows_of_member, self._repeats, n_rows=len(rows.y)),
                partial(self._origin, *datasets),
            )
            outcomes, interrupted = train_networks(
                training.trainers, self.n_jobs, self.verbose, of_one_fit=True
            )
            training.finish(outcomes)
            if tasks is not None:
                tasks.end()
            if interrupted:
                raise KeyboardInterrupt
        return self

    def _origin(self, dataset: Dataset, validation: Dataset | None) -> Origin:
        """Return what a resumed fit is compared with."""
        params = self.get_params()
        if self.estimator is not None:
            del params["estimator"]  # its parameters are among them
        names = getattr(self, "feature_names_in_", [])
        rows = data_fingerprint(names, self._categories, dataset, validation)
        return Origin(params, self.classes_, rows, self._seed, self._repeats)

    @property
    def _base(self) -> SoftmaxMLPClassifier:
        """The estimator whose parameters the members have."""
        return SoftmaxMLPClassifier() if self.estimator is None else self.estimator

    def _train_config(self) -> TrainConfig:
        """Return the configuration of the members, after checks of all parameters."""
        base = self._base
        # Subclasses train in another way, as DaskSoftmaxMLPClassifier does.
        if type(base) is not SoftmaxMLPClassifier:
            raise TypeError(
                f"estimator must be a SoftmaxMLPClassifier or None, got {type(base).__name__}. "
                "To make an ensemble of fitted networks, use from_estimators."
            )
        check_integer("n_estimators", self.n_estimators, 1, "an integer >= 1")
        if not isinstance(self.verbose, bool):
            check_integer("verbose", self.verbose, 0, "an integer >= 0")
        if self.n_jobs is not None and not isinstance(self.n_jobs, Integral):
            raise invalid("n_jobs", self.n_jobs, "None or an integer")
        if self.calibration not in (None, "temperature"):
            raise invalid("calibration", self.calibration, "'temperature' or None")
        if self.calibration is not None and self.cv is None:
            raise ValueError(
                f"calibration={self.calibration!r} needs rows that a member was not trained on: "
                "set cv, for instance cv=5. (With early stopping, each member is calibrated on its "
                "validation rows.)"
            )
        return base._train_config()

    def _begin(
        self,
        config: TrainConfig,
        dataset: Dataset,
        validation: Dataset | None,
        groups: Any,
        thetas: np.ndarray | None = None,
        checkpoint: CheckpointState | None = None,
    ) -> Training:
        """Draw the folds, and make trainers of the members that are to join those with thetas."""
        if thetas is None:
            self._members, self._repeats, self._seed, self._prior = [], [], None, None
        for name in OUT_OF_FOLD:  # of an earlier call
            vars(self).pop(name, None)
        if checkpoint is not None:
            self._seed, self._repeats = checkpoint.seed, checkpoint.repeats
            checkpoint.check_origin(self._origin(dataset, validation))
            check_repeats(self._repeats, self.cv, dataset, self.classes_)
        elif self._seed is None:
            self._seed = draw_seed(check_random_state(self.random_state))
        seeds = draw_seeds(self._seed, self.n_estimators)
        if checkpoint is None:
            earlier = self._repeats if self._members else None
            self._repeats = draw_repeats(self.cv, dataset, groups, self.classes_, seeds, earlier)
        # Those who set rows aside set aside their own, so that most members train on each row.
        sets_aside = validation is None and config.sets_rows_aside(len(dataset.y_encoded))
        members = {
            i: self._new_member(seeds[i] if self._repeats or sets_aside else self._seed)
            for i in range(len(self._members), self.n_estimators)
        }
        trainers = member_trainers(
            members,
            replace(config, verbose=0),
            dataset,
            validation,
            repeats=self._repeats,
            seeds=seeds,
            encoding=self.estimators_[0]._network.encoding if self._members else None,
            runs=None if checkpoint is None else checkpoint.runs,
        )
        return Training(trainers, partial(self._finish, trainers, config, dataset, thetas))

    def _new_member(self, seed: Any) -> SoftmaxMLPClassifier:
        """Return a member that is not fitted, with the classes and features of the ensemble."""
        member = clone(self._base).set_params(random_state=seed)
        copy_data_attributes(self, member)
        return member

    def _finish(
        self,
        trainers: Sequence[Trainer[LocalSource]],
        config: TrainConfig,
        dataset: Dataset,
        thetas: np.ndarray | None,
        outcomes: Mapping[int, Outcome],
    ) -> None:
        """Set the fitted attributes from what the trainers have learnt."""
        # With cv, a member's position tells which rows it has left out.
        results = trained_members(outcomes, in_order=self.cv is not None)
        if trainers and not results:
            raise KeyboardInterrupt
        base = self._base.get_params(deep=False)
        params = [base | {"random_state": trainers[i].run.config.random_state} for i in results]
        self._add(() if thetas is None else thetas, params, list(results.values()))
        self._prior, self.temperature_ = None, 1.0
        if self._repeats and len(self.theta_) >= len(self._repeats[0]):
            self._predict_out_of_fold(config, dataset)
        if not self.warm_start:
            self._repeats = []

    def _add(
        self,
        thetas: Iterable[np.ndarray],
        params: Sequence[Mapping[str, Any]],
        results: Sequence[FitResult],
    ) -> None:
        """Add members to those with thetas, given constructor parameters and results."""
        members = map(plain_member, params, results)
        self._members = [*self._members, *members]
        self.theta_ = np.stack([*thetas, *(result.theta for result in results)])

    def _copied_attributes(self) -> dict[str, Any]:
        """Return copies of all fitted attributes, for callbacks to do as they like."""
        return copy.deepcopy({n: vars(self)[n] for n in FITTED_ATTRIBUTES if n in vars(self)})

    def _attributes_of_one(self, member: SoftmaxMLPClassifier, result: FitResult) -> dict[str, Any]:
        """Return attributes that make a copy of this ensemble one of a single member."""
        one = copy.copy(self)
        one._members, one._repeats, one._prior, one.temperature_ = [], [], None, 1.0
        one._add((), [member.get_params(deep=False)], [result])
        return one._copied_attributes()

    def _predict_out_of_fold(self, config: TrainConfig, dataset: Dataset) -> None:
        """Predict each training row by the members that left it out, and calibrate by these."""
        networks = [member._network for member in self.estimators_]
        logits = out_of_fold_logits(networks, self.theta_, dataset, self._repeats)
        w = loss_weights(config, self.classes_, dataset)
        self.oof_proba_, self.oof_score_, self.oof_loss_ = evaluate_out_of_fold(logits, dataset, w)
        if self.calibration is not None:
            self._calibrate(logits, dataset, w)

    def _calibrate(self, logits: np.ndarray, dataset: Dataset, w: np.ndarray | None) -> None:
        """Apply the temperature that minimises the out-of-fold cross-entropy."""
        temperature, self._prior = find_temperature(logits, dataset, w, len(self.theta_))
        self.theta_, self.temperature_ = self._with_temperature(temperature), temperature

    def _with_temperature(self, temperature: float) -> np.ndarray:
        """Return the parameters with a temperature relative to the class frequencies."""
        network, q = self._network, self._prior
        assert q is not None, "set by _calibrate"
        thetas = [with_temperature(network, theta, q, 1.0 / temperature) for theta in self.theta_]
        return np.stack(thetas)

    @classmethod
    def from_estimators(
        cls, estimators: Sequence[SoftmaxMLPClassifier]
    ) -> "SoftmaxMLPEnsembleClassifier":
        """Return the ensemble of fitted networks.

        Parameters
        ----------
        estimators : sequence of SoftmaxMLPClassifier
            Fitted, with the same layers, activations, bins, dtype, classes and features.

        Returns
        -------
        ensemble : SoftmaxMLPEnsembleClassifier
            Fitted; its parameters are copies.

        Raises
        ------
        TypeError
            If one of them is not a SoftmaxMLPClassifier.
        ValueError
            If the sequence is empty, or if an estimator differs from the first one; the message
            has the difference.
        """
        check_same_kind(estimators)
        first = estimators[0]
        ensemble = cls(clone(first).set_params(random_state=None), len(estimators))
        copy_data_attributes(first, ensemble)
        ensemble._members, ensemble._repeats, ensemble._seed, ensemble._prior = [], [], None, None
        ensemble.temperature_ = 1.0
        ensemble._add(
            (),
            [member.get_params(deep=False) for member in estimators],
            [member._result() for member in estimators],
        )
        return ensemble

    @property
    def estimators_(self) -> list[SoftmaxMLPClassifier]:
        """The members, whose parameters are views on `theta_`."""
        check_is_fitted(self)
        members = []
        for theta, (params, fitted) in zip(self.theta_, self._members, strict=True):
            member = SoftmaxMLPClassifier._from_attributes(params, fitted | {"theta_": theta})
            copy_data_attributes(self, member)
            members.append(member)
        return members

    @property
    def history_(self) -> list[dict[str, list[float]]]:
        """The history of each member."""
        return [fitted["history_"] for _, fitted in self._members]

    @property
    def _network(self) -> Network:
        """The network that all members have."""
        return kept_network(self, self._members, partial(common_network, self._members))

    def predict_proba_members(self, X: Any) -> np.ndarray:
        """Return the probability of each class by each member.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        proba : ndarray of shape (n_estimators, n_samples, n_classes)
            In the order of `estimators_` and `classes_`.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If X is not finite, overflows in the dtype of the networks, or has other features than
            in fit.
        """
        fitted, X = self._validated_rows(X)
        shape = len(fitted.theta_), X.shape[0], len(fitted.classes_)
        proba = np.empty(shape, fitted.theta_.dtype)
        for chunk, log_proba in fitted._log_proba_members(X):
            with np.errstate(under="ignore"):
                np.exp(log_proba, out=proba[:, chunk])
        return proba

    def predict_uncertainty(self, X: Any) -> Uncertainty:
        """Return the uncertainty of the predictions, and the part from disagreement of members.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        total, data, model : ndarray of shape (n_samples,)
            A named tuple, in nats: the entropy of the mean probabilities, the mean of the members'
            entropies, and the difference, the mutual information of class and member (Depeweg
            et al. 2018, arXiv:1710.07283). `model` is large on rows that differ from the
            training rows.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If X is not finite, overflows in the dtype of the networks, or has other features than
            in fit.
        """
        fitted, X = self._validated_rows(X)
        parts = [decompose_uncertainty(part) for _, part in fitted._log_proba_members(X)]
        return Uncertainty(*map(np.concatenate, zip(*parts, strict=True)))

    def to_sklearn(self) -> Any:
        """Return the ensemble as a soft VotingClassifier of MLPClassifiers of scikit-learn.

        If it was trained with missing values or categories, its members become pipelines of a
        ColumnTransformer and an MLPClassifier, as in `SoftmaxMLPClassifier.to_sklearn`.

        The defaults `activation="silu"` and `n_bins="auto"` of the members cannot be converted:
        train with ``activation="relu"`` and ``n_bins=None``. `skmlp.onnx` exports any ensemble,
        without this conversion.

        Returns
        -------
        voting : sklearn.ensemble.VotingClassifier
            Fitted, with the same probabilities; its arrays are copies.

        Raises
        ------
        ValueError
            If MLPClassifier does not support the network, as `SoftmaxMLPClassifier.to_sklearn`.
        """
        # A local import, so that importing skmlp does not import sklearn.neural_network.
        from skmlp.estimators.conversion import to_votingclassifier

        return to_votingclassifier(self)

    def _log_proba_members(self, X: Any) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield slices of the rows and the members' logarithms of probabilities (M, n, K)."""
        for chunk, logits in member_logits(self, X):
            with np.errstate(over="ignore"):  # a difference may be -inf
                yield chunk, log_softmax(logits)

    def _score_chunks(self, X: Any) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield slices of the rows and the logarithms of their mean probabilities, finite."""
        least = np.log(np.finfo(self.theta_.dtype).tiny)
        for chunk, log_proba in self._log_proba_members(X):
            yield chunk, np.maximum(log_mean_proba(log_proba), least)

    def _fitted_html(self) -> str:
        """Return what notebooks show of the members."""
        if not hasattr(self, "theta_"):
            return ""
        return ensemble_html(self, self._members[0][1]["_activations"])

"""What learns in a classifier: checks what comes in, calls the core, keeps what comes out."""

from sklearn.utils.metaestimators import available_if

from skmlp.callbacks import Checkpoint, FitTasks, with_callbacks
from skmlp.checkpoints import read_checkpoint
from skmlp.continuing import (
    check_can_continue,
    past_of,
    settle_classes,
    unchanged_on_error,
    works_step_by_step,
)
from skmlp.fitting import Training
from skmlp.inputs import check_fit_data, check_labels, check_rows, encode
from skmlp.parameters import check_parameters, working_dtype

__all__ = ["LearningMLP"]


class LearningMLP:
    """The half of SoftmaxMLPClassifier that learns: by fit, partial_fit and resume."""

    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Train, from new random weights or, with warm_start, from the last ones.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Finite real numbers. A C-ordered array and a canonical CSR matrix or array are
            not copied, whatever their dtype: only batches are cast. Of a memory-mapped file
            only batches are copied as well, rows set aside go to a temporary file (to choose
            them takes 80 bytes of memory a row; X_val does without), and from 64 MiB on its
            rows are shuffled by blocks: blocks of 4 MiB in random order, then the rows within
            each group of 16 blocks (CorgiPile, Xu et al., SIGMOD 2022).
        y : array-like of shape (n_samples,)
            Labels: strings, integers or bools.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0: in the objective, weight 2 is a row twice and weight 0
            no row at all.
        X_val : array-like of shape (n_val, n_features), default=None
            A validation set, whose loss and score are recorded after each epoch; what
            early stopping watches. GridSearchCV and cross_validate cut it like X if it has
            exactly as many rows.
        y_val : array-like of shape (n_val,), default=None
            Its labels, all of which must occur in y.
        sample_weight_val : array-like of shape (n_val,), default=None
            Its weights.

        Returns
        -------
        self : SoftmaxMLPClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            Before training, for parameters or data that cannot be meant; in the epoch
            where it happens, if the loss is no longer a finite number. A model fitted
            earlier then stays as it was.
        """
        given = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
        return self._fit((X, y, sample_weight), given)

    @classmethod
    def resume(
        cls,
        path,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        callbacks=(),
        **params,
    ):
        """Go on with a fit that was cut off, from the file of its Checkpoint.

        The parameters and the history at the end are those of the fit without a break, bit
        for bit, on the same machine and versions of the libraries. The checkpoint goes on too:
        it is set with the same file. A fit that was over is not trained any further.

        With L-BFGS the search starts again from the parameters reached, since SciPy keeps what
        it knows of the curvature to itself: the end is as good, but not the same.

        Parameters
        ----------
        path : str or path-like
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
            Those of scikit-learn to set besides the checkpoint.
        **params : dict
            Constructor parameters that the file cannot hold and that were set: functions as
            `schedule` or `scoring`, for example. Also verbose. A RandomState need not be
            given again, its state is in the file.

        Returns
        -------
        clf : SoftmaxMLPClassifier
            Fitted.

        Raises
        ------
        ValueError
            If the file is damaged or no checkpoint, if rows, labels or weights differ from those
            it was written for, or if a parameter is missing or must not be given.
        OSError
            If the file cannot be read.

        See Also
        --------
        skmlp.callbacks.Checkpoint : Writes the file.
        """
        standing = read_checkpoint(path)
        clf = standing.estimator(cls, params)
        clf.set_callbacks(Checkpoint(path, standing.every), *callbacks)
        given = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
        return clf._fit((X, y, sample_weight), given, standing)

    @with_callbacks
    def _fit(self, data, validation, standing=None):
        """Fit on (X, y, sample_weight), from a checkpoint's Standing if there is one."""
        check_parameters(self)
        with unchanged_on_error(self):
            goes_on = standing is None and self.warm_start and hasattr(self, "theta_")
            rows, validation = check_fit_data(self, *data, **validation, goes_on=goes_on)
            past = past_of(self) if goes_on else {} if standing is None else standing.past
            dtype = past["start"].theta.dtype if past else working_dtype(self, rows.X)
            rows = encode(rows, self.classes_, dtype, float(self.label_smoothing))
            if validation is not None:
                validation = encode(validation, self.classes_, dtype)
            if standing is not None:
                standing.check_same_rows(self, rows, validation)
            training = Training(self, rows, validation, **past)
            if standing is not None:
                standing.restore(training)
            self._learn(training, data)
        return self

    def _learn(self, training, data):
        """Run a Training, tell callbacks, keep what comes out."""
        tasks = FitTasks.of(self, *data, training.epochs - training.n_done)
        outcome = training.run(tasks, Checkpoint.all_of(self))
        self._keep(outcome, whole=self.warm_start)
        if tasks is not None:
            tasks.end(outcome)

    @available_if(works_step_by_step)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch on these rows, going on from earlier calls.

        Optimizer state, random stream, history and, with standardize, the first call's
        means and scales are kept from call to call. Cyclic schedules and those that are
        functions have the factor 1. Callbacks hear nothing of it.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Finite real numbers.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever occur. Needed in the first call, unless after fit.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, relative to the mean weight of all rows so far.

        Returns
        -------
        self : SoftmaxMLPClassifier
            The estimator.

        Raises
        ------
        ValueError
            As `fit`; also without the classes that are needed, for labels that are none of
            them, and with early_stopping or class_weight="balanced", which need all rows.
        """
        check_parameters(self)
        check_can_continue(self)
        with unchanged_on_error(self):
            goes_on = hasattr(self, "theta_")
            rows = check_rows(self, X, y, sample_weight, reset=not goes_on)
            past = past_of(self) if goes_on else {}
            settle_classes(self, classes, goes_on)
            check_labels(rows.y, self.classes_)
            dtype = self.theta_.dtype if goes_on else working_dtype(self, rows.X)
            rows = encode(rows, self.classes_, dtype, float(self.label_smoothing))
            self._keep(Training(self, rows, **past, epochs=1, in_cycle=False).run(), whole=True)
        return self

"""The bridge to `sklearn.callback`, which scikit-learn has since 1.9.

An estimator that supports it tells its callbacks about a tree of tasks: the whole fit, and in
it one task an epoch. `ProgressBar` draws them, `ScoringMonitor` scores each epoch, and any
callback may return True at the end of an epoch to stop the training. Under a Pipeline or a
GridSearchCV the tree hangs in theirs. Without callbacks nothing of this costs anything.
"""

import functools

import sklearn

__all__ = ["CALLBACK_STATE", "CallbackSupportMixin", "FitTasks", "with_callbacks"]

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:
        """Says what is missing."""

        def set_callbacks(self, *callbacks):
            """Refuse callbacks.

            Raises
            ------
            RuntimeError
                Always: callbacks need scikit-learn 1.9.
            """
            raise RuntimeError(
                "set_callbacks needs scikit-learn >= 1.9, and this is scikit-learn "
                f"{sklearn.__version__}. Without it, verbose=1 shows the progress of fit."
            )

    def with_callbacks(method):
        """Return the method: there are no callbacks to tear down."""

        @functools.wraps(method)
        def unchanged(*args, **kwargs):
            return method(*args, **kwargs)

        return unchanged


# What scikit-learn keeps on an estimator from the beginning of fit to its end.
CALLBACK_STATE = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")


class FitTasks:
    """Tells an estimator's callbacks about a fit and its epochs.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier
    X, y, sample_weight
        As they were given to fit: callbacks hand them to the estimator's methods.
    epochs : int
        At most so many.
    """

    def __init__(self, estimator, X, y, sample_weight, epochs):
        self.estimator = estimator
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._data = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._fit = estimator._init_callback_context(max_subtasks=epochs)
        # Whether another epoch will come is known beforehand, but not with L-BFGS.
        self._begins_early = estimator.solver != "lbfgs"
        self._epoch = None

    @classmethod
    def of(cls, estimator, X, y, sample_weight, epochs):
        """Return the tasks of a fit, or None if nobody wants to hear of them."""
        # The fitted copy that a callback gets in the middle of a fit has that fit's context.
        for name in CALLBACK_STATE:
            vars(estimator).pop(name, None)
        if not getattr(estimator, "_skl_callbacks", None):
            return None
        return cls(estimator, X, y, sample_weight, epochs)

    def begin(self):
        """Tell that fit begins, with its first epoch."""
        self._fit.call_on_fit_task_begin(**self._data)
        if self._begins_early:
            self._begin_epoch()

    def epoch_ends(self, make_outcome, *, is_last):
        """Tell that an epoch ends; return whether a callback wants the training to stop.

        ``make_outcome`` returns the Outcome so far, which is asked for only if a callback
        wants a fitted estimator.
        """
        if self._epoch is None:
            self._begin_epoch()
        epoch, self._epoch = self._epoch, None
        stop = epoch.call_on_fit_task_end(
            **self._data, reconstruction_attributes=lambda: self._fitted(make_outcome())
        )
        if self._begins_early and not (stop or is_last):
            self._begin_epoch()
        return stop

    def end(self, outcome):
        """Tell that fit ends, and before it an epoch that was interrupted."""
        if self._epoch is not None:
            self.epoch_ends(lambda: outcome, is_last=True)
        self._fit.call_on_fit_task_end(
            **self._data, reconstruction_attributes=lambda: self._fitted(outcome)
        )

    def _begin_epoch(self):
        self._epoch = self._fit.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._data)

    def _fitted(self, outcome):
        """Return attributes that make a copy of the estimator a fitted one."""
        theta = outcome.theta.copy()  # training goes on in the original
        history = {name: list(values) for name, values in outcome.history.items()}
        return self.estimator._fitted_attributes(outcome._replace(theta=theta, history=history))

"""The bridge to `sklearn.callback`, which scikit-learn has since 1.9, and checkpoints.

An estimator that supports it tells its callbacks about a tree of tasks: the whole fit, and in
it one task an epoch. `ProgressBar` draws them, `ScoringMonitor` scores each epoch, and any
callback may return True at the end of an epoch to stop the training. Under a Pipeline or a
GridSearchCV the tree hangs in theirs. Without callbacks nothing of this costs anything.

A `Checkpoint` is set like a callback but works with every scikit-learn: what it writes, the
state of the training, is more than a callback gets to see, so fit hands it over.
"""

import functools
import os
from numbers import Integral

import sklearn

from skmlp.checkpoints import write_checkpoint
from skmlp.errors import invalid, warn_user
from skmlp.files import remove_temporaries

__all__ = ["CALLBACK_STATE", "CallbackSupportMixin", "Checkpoint", "FitTasks", "with_callbacks"]


class Checkpoint:
    """Writes where training stands to a file, from which it can go on bit for bit.

    Set it by ``clf.set_callbacks(Checkpoint(path))``, with every scikit-learn; then fit
    writes the file before the first epoch, which shows at once whether it can, after every
    `every` epochs, and at the end. A new file replaces the one before as a whole: whenever the
    process dies, a whole one is there. After a crash, or Ctrl-C,
    ``SoftmaxMLPClassifier.resume`` goes on.

    The file carries no code. It takes two to four times the memory of the parameters (the
    optimizer has arrays as large). If it cannot be written during training, for instance on a
    full disk, a warning says so, the last one stays as it was, and training goes on.

    Parameters
    ----------
    path : str or path-like
        The file. One file is for one fit at a time, so not for a search. What a writer that was
        killed has left half-written beside it is removed.
    every : int, default=1
        How many epochs (with L-BFGS, iterations) to train from one writing to the next.

    Raises
    ------
    ValueError
        If `every` is no integer >= 1. By fit, if the labels are other objects than strings
        or random_state is a RandomState of another bit generator than MT19937.
    OSError
        By fit, before it trains, if the file cannot be written.

    See Also
    --------
    skmlp.SoftmaxMLPClassifier.resume : Goes on from the file.
    skmlp.save : Writes a model alone.

    Notes
    -----
    partial_fit writes nothing: pickle the estimator after it to go on bit for bit.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from sklearn.datasets import load_iris
    >>> from skmlp import SoftmaxMLPClassifier
    >>> from skmlp.callbacks import Checkpoint
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = SoftmaxMLPClassifier(epochs=20, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "training.npz")
    ...     clf = clf.set_callbacks(Checkpoint(path, every=5)).fit(X, y)
    ...     resumed = SoftmaxMLPClassifier.resume(path, X, y)  # this one had been finished
    >>> (resumed.theta_ == clf.theta_).all()
    np.True_
    """

    def __init__(self, path, every=1):
        if not isinstance(every, Integral) or isinstance(every, bool) or every < 1:
            raise invalid("every", every, "an integer >= 1")
        self.path, self.every = os.fspath(path), int(every)

    def setup(self, estimator, context):
        """Do nothing: scikit-learn calls this, and the methods below, of every callback."""

    def teardown(self, estimator, context):
        """Do nothing."""

    def on_fit_task_begin(self, estimator, context, **data):
        """Do nothing."""

    def on_fit_task_end(self, estimator, context, **data):
        """Do nothing."""

    @classmethod
    def all_of(cls, estimator):
        """Return the checkpoints among an estimator's callbacks."""
        return [c for c in getattr(estimator, "_skl_callbacks", ()) if isinstance(c, cls)]

    def begin(self, training):
        """Write where a Training stands before it has begun."""
        try:
            remove_temporaries(self.path)
            write_checkpoint(training, self.path, self.every)
        except OSError as error:
            raise type(error)(
                error.errno, f"Checkpoint(path={self.path!r}) cannot be written: {error.strerror}"
            ) from error

    def epoch_ends(self, training):
        """Write where a Training that is to go on stands after an epoch."""
        if training.n_done % self.every == 0:
            self._write(training)

    def end(self, training):
        """Write what a Training that is over has reached."""
        self._write(training, is_over=True)

    def _write(self, training, **kind):
        try:
            write_checkpoint(training, self.path, self.every, **kind)
        except OSError as error:
            warn_user(
                f"No checkpoint after epoch {training.n_done}: {self.path!r} cannot be written "
                f"({error.strerror}). The file is as it was before, and training goes on."
            )


try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:
        """Takes checkpoints, and says what is missing for other callbacks."""

        def set_callbacks(self, *callbacks):
            """Set checkpoints.

            Raises
            ------
            RuntimeError
                For other callbacks, which need scikit-learn 1.9.
            """
            if not all(isinstance(callback, Checkpoint) for callback in callbacks):
                raise RuntimeError(
                    "set_callbacks needs scikit-learn >= 1.9 for callbacks other than Checkpoint, "
                    f"and this is scikit-learn {sklearn.__version__}. Without it, verbose=1 shows "
                    "the progress of fit."
                )
            self._skl_callbacks = list(callbacks)
            return self

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
        callbacks = getattr(estimator, "_skl_callbacks", ())
        if all(isinstance(callback, Checkpoint) for callback in callbacks):
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

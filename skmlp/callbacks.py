"""The bridge to `sklearn.callback`, which scikit-learn has since 1.9, and checkpoints.

In: callbacks that were set on an estimator. Out: the hooks that the Trainer calls, which are
`FitTasks` for scikit-learn's callbacks and `CheckpointHook` for checkpoints.

An estimator that supports callbacks reports a tree of tasks: the whole fit, and in it one task
per epoch. `ProgressBar` draws them, `ScoringMonitor` scores each epoch, and any callback may
return True at the end of an epoch to stop training. In a Pipeline or a GridSearchCV the tree
is a branch of theirs. Without callbacks there is no overhead.

An ensemble is a meta-estimator: its fit has one task per member (`EnsembleTasks`), which is the
fit of a SoftmaxMLPClassifier (`MemberTasks`). As in scikit-learn's meta-estimators, callbacks with
`max_propagation_depth` are passed on to the members, and others stay where they were set.

A `Checkpoint` is set like a callback but works with every supported scikit-learn: it writes the
training state, which callbacks do not receive.
"""

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import joblib
import numpy as np
import sklearn

from skmlp._errors import check_integer, warn_user
from skmlp._sklearn_compat import (
    begin_callbacks,
    callback_context,
    callbacks_of,
    rows_of,
    store_callbacks,
)
from skmlp.io.checkpoint import Origin, write_checkpoint
from skmlp.training.state import FitResult
from skmlp.training.trainer import FitHook, TrainingRun

__all__ = [
    "CallbackSupportMixin",
    "Checkpoint",
    "CheckpointHook",
    "EnsembleTasks",
    "FitTasks",
    "MemberTasks",
    "check_ensemble_checkpoints",
    "fit_hooks",
    "set_ensemble_hooks",
    "with_callbacks",
]


TaskData = dict[str, Any]


class Checkpoint:
    """Write the training state to a file, from which training can be resumed bit for bit.

    Set it by ``clf.set_callbacks(Checkpoint(path))`` on a SoftmaxMLPClassifier or a
    SoftmaxMLPEnsembleClassifier, with any supported scikit-learn. Then fit writes the file before
    the first epoch, so a path that cannot be written is an error before training; after every
    `every` epochs; and at the end. Writes are atomic: if the process is killed, the last complete
    file remains. After a crash or Ctrl-C, ``SoftmaxMLPClassifier.resume`` or
    ``SoftmaxMLPEnsembleClassifier.resume`` continues.

    The file contains no code. Its size is two to five times that of the parameters, because it
    also holds the optimizer's arrays, the average and the best epoch's parameters. If it cannot
    be written during training, for instance because the disk is full, there is a warning, the
    last file is kept, and training continues. A removed folder is not created again.

    Parameters
    ----------
    path : str, bytes or path-like
        The file. Only one fit at a time may use it, so it is not for a search. It is replaced as
        by `skmlp.save`.
    every : int, default=1
        Epochs (with L-BFGS, iterations) from one write to the next.

    Raises
    ------
    ValueError
        If `every` is not an integer >= 1. In fit, if the labels are objects other than strings,
        or if random_state is a RandomState with another bit generator than MT19937. In fit of an
        ensemble, with several jobs, in a warm start, or if it is set on `estimator`.
    OSError
        In fit, before training, if the file cannot be written.

    See Also
    --------
    skmlp.SoftmaxMLPClassifier.resume : Resumes from the file.
    skmlp.SoftmaxMLPEnsembleClassifier.resume : Resumes an ensemble from the file.
    skmlp.save : Writes a fitted model.

    Notes
    -----
    partial_fit writes no checkpoint. To continue it bit for bit, pickle the estimator.

    The file of an ensemble has all members. It is written when an epoch has ended for all members
    that are trained together. An ensemble needs ``n_jobs=None``, and must not be in a warm start,
    which keeps members that the file would not have.

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
    ...     resumed = SoftmaxMLPClassifier.resume(path, X, y)  # it was complete
    >>> (resumed.theta_ == clf.theta_).all()
    np.True_
    """

    def __init__(self, path: str | bytes | os.PathLike[str], every: int = 1) -> None:
        check_integer("every", every, 1, "an integer >= 1")
        self.path: str = os.fsdecode(path)
        self.every: int = int(every)

    def setup(self, estimator: Any, context: Any) -> None:
        """Do nothing; scikit-learn calls this method, and those below, of every callback."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing."""

    def on_fit_task_begin(self, estimator: Any, context: Any, **data: Any) -> None:
        """Do nothing."""

    def on_fit_task_end(self, estimator: Any, context: Any, **data: Any) -> None:
        """Do nothing."""


def fit_hooks(
    estimator: Any,
    callbacks: Sequence[Any],
    data: tuple[Any, Any, Any],
    run: TrainingRun,
    make_origin: Callable[[], Origin],
) -> list[FitHook]:
    """Return the hooks of a fit, for the Trainer.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier
    callbacks : sequence
        Its callbacks and checkpoints.
    data : tuple
        X, y and sample_weight as they were given to fit.
    run : TrainingRun
    make_origin : callable () -> Origin
        For checkpoints.
    """
    hooks = _checkpoint_hooks(callbacks, [run], make_origin)
    if len(hooks) == len(callbacks):
        return hooks
    return [FitTasks(estimator, _task_data(*data), run), *hooks]


def set_ensemble_hooks(
    ensemble: Any,
    data: tuple[Any, Any, Any],
    runs: Mapping[int, TrainingRun],
    rows_of_member: Callable[[int], np.ndarray | None],
    make_origin: Callable[[], Origin],
) -> "EnsembleTasks | None":
    """Set the hooks of the members' training, and report to callbacks that fit begins.

    Parameters
    ----------
    ensemble : SoftmaxMLPEnsembleClassifier
    data : tuple
        X, y and sample_weight as they were given to fit.
    runs : dict of int to TrainingRun
        By the position of the member in the ensemble.
    rows_of_member : callable (int) -> ndarray of int or None
        The training rows of a member; None for all.
    make_origin : callable () -> Origin
        For checkpoints.

    Returns
    -------
    tasks : EnsembleTasks or None
        None if neither the ensemble nor its members have callbacks.
    """
    callbacks = begin_callbacks(ensemble)
    hooks, tasks = _checkpoint_hooks(callbacks, list(runs.values()), make_origin), None
    unfinished = {i: run for i, run in runs.items() if not run.is_over}
    if len(hooks) < len(callbacks) or callbacks_of(ensemble._base):
        tasks = EnsembleTasks(ensemble, data, len(unfinished))
        tasks.begin()
    for i, run in unfinished.items():
        run.hooks = hooks
        if tasks is not None:
            member = ensemble._new_member(run.config.random_state)
            run.hooks = [tasks.member(i, member, rows_of_member(i)), *hooks]
    return tasks


def _checkpoint_hooks(
    callbacks: Sequence[Any], runs: Sequence[TrainingRun], make_origin: Callable[[], Origin]
) -> list[FitHook]:
    """Return the hooks of the checkpoints among callbacks."""
    checkpoints = [callback for callback in callbacks if isinstance(callback, Checkpoint)]
    origin = make_origin() if checkpoints else None
    return [CheckpointHook(checkpoint, runs, origin) for checkpoint in checkpoints]


def check_ensemble_checkpoints(ensemble: Any, *, continues: bool) -> None:
    """Raise ValueError if there is a Checkpoint that the fit of an ensemble cannot write."""
    if any(isinstance(callback, Checkpoint) for callback in callbacks_of(ensemble._base)):
        raise ValueError(
            "A Checkpoint of the estimator would be written by all members. Set it on the "
            "ensemble: ensemble.set_callbacks(Checkpoint(path))."
        )
    if not any(isinstance(callback, Checkpoint) for callback in callbacks_of(ensemble)):
        return
    if joblib.effective_n_jobs(ensemble.n_jobs) != 1:
        raise ValueError(
            f"Checkpoint needs a single job, but n_jobs={ensemble.n_jobs}: set n_jobs=None. "
            "Members of one shape are still trained together."
        )
    if continues:
        raise ValueError(
            "Checkpoint does not hold the members that a warm start keeps. Save the ensemble "
            "before this call of fit, by skmlp.save or, with cv, by pickle, and remove the "
            "Checkpoint by set_callbacks()."
        )


def _task_data(X: Any, y: Any, sample_weight: Any, rows: np.ndarray | None = None) -> TaskData:
    """Return what callbacks receive of the data of a task.

    Rows are copied when a callback requests them, so that tasks that are open at the same time
    need no memory for the rows of each.
    """
    if rows is not None:
        X, y = functools.partial(rows_of, X, rows), functools.partial(rows_of, y, rows)
    weights = functools.partial(_metadata, sample_weight, rows)
    return {"X": X, "y": y, "metadata": None if sample_weight is None else weights}


def _metadata(sample_weight: Any, rows: np.ndarray | None) -> dict[str, Any]:
    return {"sample_weight": sample_weight if rows is None else rows_of(sample_weight, rows)}


class CheckpointHook:
    """Write a Checkpoint's file during training.

    Parameters
    ----------
    checkpoint : Checkpoint
    runs : sequence of TrainingRun
        That of a network, or those of an ensemble; those that are not over have this hook.
    origin : Origin
        What to compare when training is resumed.
    """

    def __init__(self, checkpoint: Checkpoint, runs: Sequence[TrainingRun], origin: Origin) -> None:
        self._path, self._every, self._origin = checkpoint.path, checkpoint.every, origin
        self._runs = {run: run.is_over for run in runs}
        self._is_written = False
        # Of the runs that are trained together: those whose epoch has ended, and the others.
        self._ended: list[TrainingRun] = []
        self._waiting: set[TrainingRun] = set()

    def on_fit_begin(self, run: TrainingRun) -> None:
        """Write the state before the first epoch; raise OSError if that is not possible."""
        self._waiting.add(run)
        if self._is_written:
            return
        try:
            write_checkpoint(self._path, self._runs, self._origin, every=self._every)
        except OSError as error:
            raise OSError(
                error.errno, f"Checkpoint(path={self._path!r}) cannot be written: {error.strerror}"
            ) from error
        self._is_written = True

    def on_epoch_end(self, run: TrainingRun, *, is_last: bool) -> bool:
        """Write the state if the epoch has ended for all runs and is due, or the last of one."""
        self._runs[run] = is_last
        self._ended.append(run)
        self._waiting.discard(run)
        if not self._waiting:
            if run.n_done % self._every == 0 or any(self._runs[r] for r in self._ended):
                self._write(run)
            self._waiting = {r for r in self._ended if not self._runs[r]}
            self._ended = []
        return False

    def on_training_end(self, run: TrainingRun) -> None:
        """Write the state at the end of training, if it was not known to be the last epoch."""
        if not self._runs[run]:
            self._runs[run] = True
            self._waiting.discard(run)
            self._write(run)

    def on_fitted(self, result: FitResult) -> None:
        """Do nothing: the last checkpoint is written."""

    def close(self) -> None:
        """Do nothing: no file is open."""

    def _write(self, run: TrainingRun) -> None:
        try:
            write_checkpoint(self._path, self._runs, self._origin, every=self._every)
        except OSError as error:
            kept = "The previous file is kept" if os.path.isfile(self._path) else "It is gone"
            warn_user(
                f"No checkpoint after epoch {run.n_done}: {self._path!r} cannot be written "
                f"({error.strerror}). {kept}, and training continues."
            )


try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Accepts checkpoints; other callbacks need scikit-learn 1.9."""

        def set_callbacks(self, *callbacks: Any) -> Any:
            """Set checkpoints.

            Raises
            ------
            RuntimeError
                For other callbacks, which need scikit-learn 1.9.
            """
            if not all(isinstance(callback, Checkpoint) for callback in callbacks):
                raise RuntimeError(
                    "set_callbacks needs scikit-learn >= 1.9 for callbacks other than Checkpoint, "
                    f"but this is scikit-learn {sklearn.__version__}. verbose=1 also shows the "
                    "progress of fit."
                )
            store_callbacks(self, callbacks)
            return self

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method: there are no callbacks to tear down."""

        @functools.wraps(method)
        def unchanged(*args: Any, **kwargs: Any) -> Any:
            return method(*args, **kwargs)

        return unchanged


class FitTasks:
    """Report a fit and its epochs to scikit-learn's callbacks.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier
    data : dict
        X, y and metadata, or functions that return them. Rows are as they were given to fit:
        callbacks pass them to the estimator's methods.
    run : TrainingRun
    """

    def __init__(self, estimator: Any, data: TaskData, run: TrainingRun) -> None:
        self._data = {"estimator": estimator, **data}
        self._fit = callback_context(estimator, run.n_epochs - run.n_done)
        # With L-BFGS it is not known beforehand whether there is another epoch.
        self._begins_early, self._estimator = not run.config.full_batch, estimator
        self._epoch = None

    def on_fit_begin(self, run: TrainingRun) -> None:
        """Report that fit begins, with its first epoch."""
        self._fit.call_on_fit_task_begin(**self._data)
        if self._begins_early:
            self._begin_epoch()

    def on_epoch_end(self, run: TrainingRun, *, is_last: bool) -> bool:
        """Report that an epoch ends; return whether a callback requests to stop."""
        return self._end_epoch(run.result, is_last=is_last)

    def on_training_end(self, run: TrainingRun) -> None:
        """Do nothing: the estimator is not fitted yet."""

    def on_fitted(self, result: FitResult) -> None:
        """Report that fit ends, and before it an epoch that was interrupted."""
        if self._epoch is not None:
            self._end_epoch(lambda: result, is_last=True)
        self._fit.call_on_fit_task_end(
            **self._data, reconstruction_attributes=lambda: self._fitted(result)
        )

    def close(self) -> None:
        """Do nothing: `with_callbacks` tears callbacks down."""

    def _begin_epoch(self) -> None:
        self._epoch = self._fit.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._data)

    def _end_epoch(self, make_result: Callable[[], FitResult], *, is_last: bool) -> bool:
        """Report the end of an epoch; the result is made only if a callback asks for it."""
        if self._epoch is None:
            self._begin_epoch()
        epoch, self._epoch = self._epoch, None
        stop = epoch.call_on_fit_task_end(
            **self._data, reconstruction_attributes=lambda: self._fitted(make_result())
        )
        if self._begins_early and not (stop or is_last):
            self._begin_epoch()
        return stop

    def _fitted(self, result: FitResult) -> dict[str, Any]:
        """Return attributes that make a copy of the estimator a fitted one."""
        return self._estimator._copied_attributes(result)


class EnsembleTasks:
    """Report the fit of an ensemble to scikit-learn's callbacks, in which each member is a task.

    Parameters
    ----------
    ensemble : SoftmaxMLPEnsembleClassifier
    data : tuple
        X, y and sample_weight as they were given to fit.
    n_members : int
        Members that are to be trained.
    """

    def __init__(self, ensemble: Any, data: tuple[Any, Any, Any], n_members: int) -> None:
        self._ensemble, self._given = ensemble, data
        self._data = {"estimator": ensemble, **_task_data(*data)}
        self._fit = callback_context(ensemble, n_members, sequential_subtasks=False)

    def begin(self) -> None:
        """Report that fit begins."""
        self._fit.call_on_fit_task_begin(**self._data)

    def member(self, i: int, member: Any, rows: np.ndarray | None) -> "MemberTasks":
        """Return the hook for the training of a member.

        Parameters
        ----------
        i : int
            Its position in the ensemble.
        member : SoftmaxMLPClassifier
            With its parameters, classes and features, and not fitted.
        rows : ndarray of int or None
            Its training rows; None for all.
        """
        # Made beforehand, since the tree must not change while it is pickled for a process.
        context = self._fit.subcontext(task_name="fit-member", task_id=i)
        return MemberTasks(context, self._ensemble, member, _task_data(*self._given, rows))

    def end(self) -> None:
        """Report that fit ends, with its fitted attributes."""
        self._fit.call_on_fit_task_end(
            **self._data, reconstruction_attributes=self._ensemble._copied_attributes
        )


class MemberTasks:
    """Report the training of a member of an ensemble: a task of the ensemble, and the member's fit.

    All calls are in the process or thread that trains the member.

    Parameters
    ----------
    context : CallbackContext
        Of the task.
    ensemble : SoftmaxMLPEnsembleClassifier
    member : SoftmaxMLPClassifier
    data : dict
        As of FitTasks.
    """

    def __init__(self, context: Any, ensemble: Any, member: Any, data: TaskData) -> None:
        self._context, self._ensemble, self._member = context, ensemble, member
        self._data, self._open = data, ExitStack()

    def on_fit_begin(self, run: TrainingRun) -> None:
        """Report that the task begins, and the member's fit."""
        self._open.enter_context(self._context.propagate_callback_context(self._member))
        self._context.call_on_fit_task_begin(estimator=self._ensemble, **self._data)
        self._open.callback(_tear_down, self._member)
        self._tasks = FitTasks(self._member, self._data, run)
        self._tasks.on_fit_begin(run)

    def on_epoch_end(self, run: TrainingRun, *, is_last: bool) -> bool:
        """Report that an epoch ends; return whether a callback requests to stop the member."""
        return self._tasks.on_epoch_end(run, is_last=is_last)

    def on_training_end(self, run: TrainingRun) -> None:
        """Do nothing: the result is not known yet."""

    def on_fitted(self, result: FitResult) -> None:
        """Report that the member's fit ends, and the task.

        The fitted estimator of the task is an ensemble of this member alone.
        """
        self._tasks.on_fitted(result)
        self._open.close()
        self._context.call_on_fit_task_end(
            estimator=self._ensemble,
            **self._data,
            reconstruction_attributes=lambda: self._ensemble._attributes_of_one(
                self._member, result
            ),
        )

    def close(self) -> None:
        """Tear the member's callbacks down if its fit has not ended."""
        self._open.close()


@with_callbacks
def _tear_down(member: Any) -> None:
    """Do nothing: the decorator tears the callbacks of the member down."""

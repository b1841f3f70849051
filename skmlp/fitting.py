"""From a checked estimator and encoded rows to trained parameters."""

import copy
from functools import partial

import numpy as np
from sklearn.utils import check_random_state

from skmlp.core.initializers import initial_theta
from skmlp.core.lbfgs import AllRows, minimize_lbfgs
from skmlp.core.schedules import Adaptive
from skmlp.core.stopping import Patience
from skmlp.core.training import MiniBatches, train
from skmlp.disk import permutation
from skmlp.errors import warn_user
from skmlp.inputs import class_weights, digest, largest_magnitude, mean_weight, row_numbers
from skmlp.monitor import EpochMonitor
from skmlp.parameters import (
    build_dropout,
    build_initializers,
    build_network,
    build_objective,
    build_optimizer,
    build_schedule,
    layer_dropout,
    network_description,
    number_of_epochs,
    rows_per_batch,
    watches_loss,
)
from skmlp.progress import Outcome, Progress
from skmlp.standardization import check_foldable, column_scaling
from skmlp.validation import JudgedRows, sample, set_aside

__all__ = ["BaseTraining", "Training", "check_any_used", "over_mean", "row_weights"]

FULL_BATCH_ROWS = 4096  # of a pass over all rows by lbfgs


def row_weights(estimator, class_weight, rows):
    """Return sample weight times class weight (n,) of Encoded rows, and the rows of any weight.

    The weights are None where there are none.
    """
    if rows.w is None and estimator.class_weight is None:
        return None, row_numbers(rows.X.shape[0])
    with np.errstate(over="ignore"):
        w = class_weight[rows.codes] * (1.0 if rows.w is None else rows.w)
    if not np.isfinite(w).all():
        raise ValueError("sample_weight times class_weight overflows: divide one by a constant.")
    return w, np.flatnonzero(w)


def over_mean(w, mean, n_rows, dtype):
    """Return weights w (n_rows,), or ones for None, over a mean; None if these are ones again."""
    if w is None and mean == 1.0:
        return None
    w = np.ones(n_rows) if w is None else w
    with np.errstate(over="ignore"):  # of rows that are not used
        return (w / mean).astype(dtype)


def check_any_used(estimator, n_used):
    """Raise if class weights have left no row to train on."""
    if not n_used:
        raise ValueError(
            f"class_weight={estimator.class_weight!r} gives every row the weight zero."
        )


class BaseTraining:
    """What a call of fit is, wherever its rows are.

    Attributes
    ----------
    progress : Progress
    description : tuple
        (layer_sizes, activations), what `build_network` takes.
    network, objective, optimizer, schedule, epochs, dropout
        What the core's `train` takes; for lbfgs without optimizer and dropout.
    monitor : EpochMonitor
    class_weight : ndarray of shape (n_classes,)
    is_over : bool
        Whether there is nothing left to train, as a checkpoint may say.
    """

    def __init__(self, estimator, n_features, dtype, start):
        self.estimator, self.is_over = estimator, False
        self.description = network_description(estimator, n_features, len(estimator.classes_))
        self.network = build_network(*self.description)
        self.progress = self._begin(dtype, start)

    def _begin(self, dtype, start):
        """Return a copy of start, or the Progress of a new network."""
        p = Progress() if start is None else copy.deepcopy(start)
        if p.rng is None:
            p.rng = check_random_state(self.estimator.random_state)
        if p.theta is None:
            if self.network.n_params > np.iinfo(np.intp).max // dtype.itemsize:
                raise ValueError(
                    f"units={self.estimator.units!r} make a network that no memory can hold."
                )
            initializers = build_initializers(self.estimator, self.description[1])
            p.theta = initial_theta(self.network, initializers, p.rng, dtype)
        return p

    def _standardize(self, learn, *, is_new):
        """Bring theta to the features that it is trained on: standardized or as they come.

        ``learn()`` returns the Scaling of the training rows.
        """
        p, wanted = self.progress, self.estimator.standardize
        if wanted and p.scaling is None:
            p.scaling = learn()
            if not is_new:
                p.theta, p.optimizer = p.scaling.unfold(self.network, p.theta), {}
        elif p.scaling is not None and not wanted:
            p.theta, p.optimizer = p.scaling.fold(self.network, p.theta), {}
            p.scaling = None

    def _take_mean(self, mean, n_rows, *, afresh):
        """Take in the mean weight of the rows; in partial_fit, of those of all calls.

        Divided by the mean of each call, calls without heavy rows would count as much as
        those with many.
        """
        p = self.progress
        if afresh:
            p.mean_weight, p.n_weighted = 0.0, 0
        p.n_weighted += n_rows
        p.mean_weight += (mean - p.mean_weight) * (n_rows / p.n_weighted)

    def _schedule(self, in_cycle):
        """Return the schedule; the adaptive one goes on with its factor and its patience."""
        e, p, schedule = self.estimator, self.progress, build_schedule(self.estimator, in_cycle)
        if not isinstance(schedule, Adaptive):
            p.schedule = p.patience = None
            return schedule
        if p.schedule is None:
            p.schedule, p.patience = schedule, Patience(e.n_iter_no_change, e.tol)
        p.patience.n_epochs, p.patience.tol = e.n_iter_no_change, e.tol
        return p.schedule

    def _watch(self, largest, training, validation, history, in_cycle):
        """Return the monitor of the epochs; `JudgedRows` are None where there are none."""
        e, p = self.estimator, self.progress
        patience = Patience(e.n_iter_no_change, e.tol) if e.early_stopping else p.patience
        return EpochMonitor(
            e,
            p.theta,
            largest,
            self._present,
            self._model,
            training=training,
            validation=validation,
            schedule=self.schedule,
            patience=patience,
            epochs=self.epochs if in_cycle else None,
            history=history,
        )

    def _judges_training(self, validation):
        """Whether the training rows are scored after each epoch."""
        e = self.estimator
        return validation is not None or (e.early_stopping and not watches_loss(e))

    def _draw_seed(self):
        return int(self.progress.rng.randint(np.iinfo(np.int32).max))

    def _split_seed(self):
        """Return the seed of the rows to set aside: the same one in every call.

        To go on must not mean to learn what was set aside.
        """
        p = self.progress
        if p.split_seed is None:
            p.split_seed = self._draw_seed()
        return p.split_seed

    def _prepare_solver(self):
        """Give the solver its state: what an earlier call left, if that is of its kind."""
        e, p, dtype = self.estimator, self.progress, self.progress.theta.dtype
        self.objective = build_objective(e, self.network, dtype)
        if e.solver == "lbfgs":
            p.optimizer = {}  # another solver would find it out of date
            return
        self.optimizer = build_optimizer(e)
        fresh = self.optimizer.init(p.theta)
        if p.optimizer.keys() != fresh.keys():
            p.optimizer = fresh
        if p.dropout_rng is None and any(layer_dropout(e.dropout, len(self.network.activations))):
            p.dropout_rng = np.random.default_rng(self._draw_seed())
        self.dropout = build_dropout(e, self.network, p.dropout_rng)

    def _model(self):
        """Return a fitted estimator of its own with the present parameters, to score arrays."""
        model, outcome = copy.copy(self.estimator), self.outcome()
        vars(model).pop("feature_names_in_", None)
        model._keep(outcome._replace(theta=outcome.theta.copy()))
        return model

    def _present(self):
        """Return the network and its present parameters for rows as they come."""
        return self.network, self._folded()

    def _folded(self):
        """Return the present parameters for rows as they come; without scaling, no copy."""
        p = self.progress
        return p.theta if p.scaling is None else p.scaling.fold(self.network, p.theta)

    @property
    def n_done(self):
        """Epochs of this call that are over."""
        return self.monitor.n_epochs - self.monitor.n_earlier

    def run(self, tasks=None, checkpoints=()):
        """Train, and return the Outcome; Ctrl-C keeps what was learnt.

        ``tasks``, if given, tells scikit-learn's callbacks (see `FitTasks`); every `Checkpoint`
        writes where training stands.
        """
        if self.is_over:
            return self.finish()
        n_steps, n_done = self.progress.optimizer.get("step", 0), self.n_done
        for checkpoint in checkpoints:
            checkpoint.begin(self)
        if tasks is not None:
            tasks.begin()
        try:
            self._solve(lambda record: self.epoch_ends(record, tasks, checkpoints))
            for checkpoint in checkpoints:
                checkpoint.end(self)
        except KeyboardInterrupt:
            learnt = self.progress.optimizer.get("step", 0) - n_steps
            if not learnt and self.n_done == n_done:
                raise  # nothing that could be kept
            self.monitor.check_finite()
            warn_user("Training interrupted by user.")
            self.monitor.stop_reason = "interrupted"
        return self.finish()

    def _solve(self, on_epoch_end):
        """Train by mini-batches, as ``_train`` does, or by lbfgs over ``_all_rows()``."""
        e = self.estimator
        if e.solver != "lbfgs":
            self._train(on_epoch_end)
            return
        converged = minimize_lbfgs(
            self.objective, self.progress.theta, self._all_rows(),
            epochs=self.epochs - self.n_done, tol=float(e.tol), on_epoch_end=on_epoch_end,
        )  # fmt: skip
        if converged:
            self.monitor.stop_reason = "converged"

    def finish(self):
        """Return the Outcome of a training that is over."""
        if self.monitor.best_theta is not None:
            np.copyto(self.progress.theta, self.monitor.best_theta)
        # A generator that the caller gave goes its own way from here.
        self.progress.rng = copy.deepcopy(self.progress.rng)
        outcome = self.outcome()
        check_foldable(outcome.theta, self.progress.scaling)
        return outcome

    def epoch_ends(self, record, tasks=None, checkpoints=()):
        """Take in an EpochRecord; return whether to stop."""
        stop = self.monitor(record)
        is_last = stop or self.n_done == self.epochs
        if tasks is not None and tasks.epoch_ends(self.outcome, is_last=is_last) and not stop:
            self.monitor.stop_reason, stop = "callback", True
        for checkpoint in () if stop or is_last else checkpoints:
            checkpoint.epoch_ends(self)
        return stop

    def outcome(self):
        """Return what training has reached so far."""
        p, m = self.progress, self.monitor
        return Outcome(
            self.description, self._folded(), m.history, m.stop_reason,
            m.best_epoch, self.class_weight, p.scaling, p,
        )  # fmt: skip


class Training(BaseTraining):
    """One call of fit or partial_fit on rows in memory.

    Parameters
    ----------
    estimator : SoftmaxMLPClassifier
        Whose parameters have been checked and whose classes are known.
    rows : Encoded
        The training set.
    validation : Encoded, default=None
        Rows to validate on. Without, early stopping sets some of the training rows aside.
    start : Progress, default=None
        Where to go on; it is not changed. None starts with a new network.
    history : dict of str to list of float, default=None
        Of earlier calls.
    epochs : int, default=None
        The estimator's by default.
    in_cycle : bool, default=True
        Whether the schedule may run a cycle over the epochs.

    Attributes
    ----------
    batches : MiniBatches
    given : tuple
        (rows, validation) as they came in.
    data : tuple
        (rows, used, w): all rows, the numbers of those to train on, the weights of all or None.
    """

    def __init__(
        self, estimator, rows, validation=None, *,
        start=None, history=None, epochs=None, in_cycle=True,
    ):  # fmt: skip
        super().__init__(estimator, rows.X.shape[1], rows.Y.dtype, start)
        self.given = rows, validation
        self.class_weight = class_weights(estimator.class_weight, rows, estimator.classes_)
        w, used = row_weights(estimator, self.class_weight, rows)
        check_any_used(estimator, len(used))
        self._validation_name = "X_val"
        if validation is None and estimator.early_stopping:
            self._validation_name = "the rows set aside from X"
            used, validation = self._set_aside(rows, used)
        self.epochs = number_of_epochs(estimator, len(used)) if epochs is None else epochs
        self._standardize(lambda: self._scaling(rows, used), is_new=start is None)
        w = self._mean_1(w, used, afresh=in_cycle)
        self.data = rows, used, w
        self.batches = self._batches(rows, used, w)
        self.schedule = self._schedule(in_cycle)
        self.monitor = self._monitor(rows, used, validation, history or {}, in_cycle)
        self._prepare_solver()

    def _set_aside(self, rows, used):
        """Return the rows that remain to train on, and Encoded to validate on or None."""
        if self.estimator.validation_fraction is None:
            return used, None
        used, held_out = set_aside(self.estimator, rows, used, self._split_seed())
        return used, rows.take(held_out)

    def _scaling(self, rows, used):
        dtype = self.progress.theta.dtype
        return rows.once(
            ("scaling", digest(used), dtype), lambda: column_scaling(rows.X, rows.w, used, dtype)
        )

    def _mean_1(self, w, used, *, afresh):
        """Return the weights over their mean."""
        p = self.progress
        self._take_mean(1.0 if w is None else mean_weight(w[used]), len(used), afresh=afresh)
        return over_mean(w, p.mean_weight, used.max() + 1, p.theta.dtype)

    def _batches(self, rows, used, w):
        """Return the mini-batches of the used rows, for lbfgs in their order."""
        e, p, dtype = self.estimator, self.progress, rows.Y.dtype
        full, rng = e.solver == "lbfgs", p.rng
        shuffled = partial(permutation, rng, rows.X)
        return MiniBatches(
            rows.X,
            rows.Y,
            w,
            batch_size=FULL_BATCH_ROWS if full else rows_per_batch(e, len(used)),
            n_rows=len(used),
            dtype=dtype,
            draw_order=partial(shuffled if e.shuffle and not full else np.asarray, used),
            scaling=p.scaling,
        )

    def _monitor(self, rows, used, validation, history, in_cycle):
        e, training = self.estimator, None
        if validation is not None:
            name = self._validation_name
            validation = JudgedRows(validation, self.class_weight, e.scoring, name)
        if self._judges_training(validation):
            training = JudgedRows(sample(rows, used), self.class_weight, e.scoring, "X")
        largest = partial(largest_magnitude, rows.X)
        return self._watch(largest, training, validation, history, in_cycle)

    def move(self, theta, optimizer):
        """Go on in other memory: parameters (n_params,) and optimizer state equal to those here."""
        self.progress.theta = self.monitor.theta = theta
        self.progress.optimizer = optimizer

    def _all_rows(self):
        return AllRows(self.batches)

    def _train(self, on_epoch_end):
        e, p = self.estimator, self.progress
        train(
            self.objective, self.optimizer, p.theta, p.optimizer, self.batches,
            learning_rate=float(e.learning_rate), schedule=self.schedule, epochs=self.epochs,
            first_epoch=self.n_done, dropout=self.dropout, on_epoch_end=on_epoch_end,
        )  # fmt: skip

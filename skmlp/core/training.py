"""Mini-batch training: the batches and the loop."""

from time import perf_counter
from typing import NamedTuple

import numpy as np

from skmlp.core.features import gatherer
from skmlp.core.network import Workspace

__all__ = ["EpochRecord", "MiniBatches", "train"]


class MiniBatches:
    """The rows of a training set in batches; every iteration over it is one epoch.

    A batch is gathered into memory that is made once and reused, and only the batch is
    cast: uint8 images are never copied to floats as a whole.

    Parameters
    ----------
    X : ndarray, C-contiguous, or sparse CSR of shape (n, n_features), of any real dtype
    Y : LabelRows or ndarray of shape (n, n_classes)
    w : ndarray of shape (n,) or (..., n), or None
        Row weights.
    batch_size : int
        At most n_rows are taken.
    n_rows : int
        Rows in an epoch.
    dtype : dtype
        Of the batches.
    draw_order : callable () -> ndarray of int of shape (..., n_rows)
        Asked at the start of an epoch for the rows to visit, in this order.
    lead : tuple of int, default=()
        The leading axes of what draw_order returns; of sparse X there are none.
    scaling : Scaling, default=None
        Applied to the rows of X, batch by batch.

    Yields
    ------
    X_batch, Y_batch, w_batch : ndarrays of shape (..., batch_size, columns), (..., batch_size)
        Valid until the next batch; the last one of an epoch may be shorter.
    """

    def __init__(self, X, Y, w, *, batch_size, n_rows, dtype, draw_order, lead=(), scaling=None):
        self.n_rows = n_rows
        self.batch_size = min(batch_size, n_rows)
        self._draw_order = draw_order
        shape = (*lead, self.batch_size)
        self._gather_X = gatherer(X, shape, dtype, scaling)
        is_array = isinstance(Y, np.ndarray)
        self._gather_Y = gatherer(Y, shape, dtype) if is_array else Y.gatherer(shape)
        self._w = w

    @property
    def is_weighted(self):
        """Whether rows have weights."""
        return self._w is not None

    def __len__(self):
        """Steps in an epoch."""
        return -(-self.n_rows // self.batch_size)

    def __iter__(self):
        order, w = self._draw_order(), self._w
        for start in range(0, self.n_rows, self.batch_size):
            rows = order[..., start : start + self.batch_size]
            yield self._gather_X(rows), self._gather_Y(rows), _weights(w, rows)


def _weights(w, rows):
    """Return w of those rows; w is one array for all networks or one for each."""
    if w is None:
        return None
    return w[rows] if w.ndim == 1 else np.take_along_axis(w, rows, axis=-1)


class EpochRecord(NamedTuple):
    """What the loop says after each epoch, its one word to the outside.

    Attributes
    ----------
    loss : float or ndarray of shape (...)
        Mean of the objective over the epoch's rows, each batch at the parameters that it
        was trained on.
    learning_rate : float, ndarray of shape (..., 1) or None
        Of the last step, the schedule's factor included; None for L-BFGS, which has none.
    seconds : float
        Wall time of the epoch's steps.
    """

    loss: float | np.ndarray
    learning_rate: float | np.ndarray | None
    seconds: float


def train(
    objective,
    optimizer,
    theta,
    state,
    batches,
    *,
    learning_rate,
    schedule,
    epochs,
    first_epoch=0,
    dropout=None,
    on_epoch_end,
):
    """Minimise the objective by mini-batches; theta and state change in place.

    Parameters
    ----------
    objective : Objective
    optimizer : SGD or Adam
    theta : ndarray of shape (..., n_params), C-contiguous
    state : dict
        As ``optimizer.init(theta)`` made it, or as an earlier call left it.
    batches : MiniBatches
    learning_rate : float or ndarray of shape (..., 1)
    schedule : callable (step, fraction) -> factor
    epochs : int
        How many make up the schedule's cycle.
    first_epoch : int, default=0
        Where in it to start, to go on with a training that was cut off.
    dropout : Dropout, default=None
    on_epoch_end : callable (EpochRecord) -> bool
        Called after each epoch; True stops the training.
    """
    dropped = () if dropout is None else dropout.layers
    work = Workspace(objective.network, theta, batches.batch_size, dropped_layers=dropped)
    shrink = objective.penalty.shrink if objective.penalty.has_l1 else None
    n_steps = len(batches)
    for epoch in range(first_epoch, epochs):
        started, total = perf_counter(), 0.0
        with np.errstate(all="ignore"):  # if numbers overflow, the record will tell
            for i, (X, Y, w) in enumerate(batches):
                n_rows, done = X.shape[-2], (epoch + i / n_steps) / epochs
                rate = learning_rate * schedule(state["step"], done)
                batch_work = work.head(n_rows)
                if dropped:
                    dropout.draw(X, batch_work)
                value, grad = objective.value_and_grad(theta, X, Y, w, batch_work)
                optimizer.step(theta, grad, state, rate, shrink, work.scratch)
                total = total + n_rows * value
        record = EpochRecord(total / batches.n_rows, rate, perf_counter() - started)
        if on_epoch_end(record):
            break

"""Mini-batches, and one epoch of training on them.

An epoch takes one step on each batch, with the gradient of the objective J over its rows::

    theta <- optimizer step of dJ(theta; X_batch, Y_batch, w_batch)/dtheta

The learning rate of a step is that of the epoch times the schedule's factor. The loss of the epoch
is the mean of J over the batches, weighted by rows.
"""

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import DTypeLike

from skmlp.core.batch_reader import batch_reader, dense_batch_reader
from skmlp.core.design import Matrix, RawMatrix
from skmlp.core.dropout import Dropout
from skmlp.core.encoding import Encoding
from skmlp.core.network import Workspace
from skmlp.core.objective import Objective
from skmlp.core.optimizers import Optimizer, OptimizerState
from skmlp.core.scaling import Scaling
from skmlp.core.schedules import Schedule
from skmlp.core.targets import OneHotTargets

__all__ = ["Batch", "Batches", "EpochRecord", "MiniBatches", "train_epoch"]

Batch = tuple[Matrix, np.ndarray, np.ndarray | None]  # X, Y and row weights


class Batches(Protocol):
    """An iterable of batches; every iteration is one epoch.

    Attributes
    ----------
    n_rows : int
        Rows in an epoch.
    batch_size : int
        Rows of every batch but the last, which may have fewer.
    """

    n_rows: int
    batch_size: int

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Batch]: ...


class MiniBatches:
    """The rows of a training set in batches; every iteration over it is one epoch.

    A batch is copied to a buffer that is allocated once and reused, and only the batch is
    cast: uint8 images are never converted to floats as a whole.

    Parameters
    ----------
    X : ndarray, C-contiguous, sparse CSR or Table of shape (n, n_features), of any real dtype
    Y : OneHotTargets or ndarray of shape (n, n_classes)
    w : ndarray of shape (n,) or None
        Row weights.
    batch_size : int
        Reduced to n_rows if larger.
    n_rows : int
        Rows in an epoch.
    dtype : dtype
        Dtype of the batches.
    draw_order : callable () -> ndarray of int of shape (n_rows,)
        Called at the start of an epoch; returns the indices of its rows, in order.
    scaling : Scaling, default=None
        Applied to the rows of X, batch by batch.
    encoding : Encoding, default=None
        Of the rows, before they are scaled.
    has_gaps : bool, default=True
        Whether X may have NaN.

    Yields
    ------
    X_batch, Y_batch, w_batch : of shape (batch_size, columns), or (batch_size,) or None
        Valid until the next batch; the last one of an epoch may be shorter.
    """

    def __init__(
        self,
        X: RawMatrix,
        Y: OneHotTargets | np.ndarray,
        w: np.ndarray | None,
        *,
        batch_size: int,
        n_rows: int,
        dtype: DTypeLike,
        draw_order: Callable[[], np.ndarray],
        scaling: Scaling | None = None,
        encoding: Encoding | None = None,
        has_gaps: bool = True,
    ) -> None:
        self.n_rows = n_rows
        self.batch_size = min(batch_size, n_rows)
        self._draw_order, self._w = draw_order, w
        size = self.batch_size
        self._read_X = batch_reader(X, size, dtype, scaling, encoding, has_gaps=has_gaps)
        if isinstance(Y, OneHotTargets):
            self._read_Y = Y.batch_reader(size)
        else:
            self._read_Y = dense_batch_reader(Y, size, dtype)

    @property
    def is_weighted(self) -> bool:
        """Whether rows have weights."""
        return self._w is not None

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return -(-self.n_rows // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        order, w = self._draw_order(), self._w
        for start in range(0, self.n_rows, self.batch_size):
            rows = order[start : start + self.batch_size]
            yield self._read_X(rows), self._read_Y(rows), None if w is None else w[rows]


class EpochRecord(NamedTuple):
    """Metrics of one epoch, passed to on_epoch_end.

    Attributes
    ----------
    loss : float or ndarray of shape (...)
        Mean of the objective over the epoch's rows, each batch at the parameters before
        its step.
    learning_rate : float, ndarray of shape (..., 1) or None
        Learning rate of the last step, including the schedule's factor; None for L-BFGS.
    seconds : float
        Wall time of the epoch's steps.
    """

    loss: float | np.ndarray
    learning_rate: float | np.ndarray | None
    seconds: float


def train_epoch(
    objective: Objective,
    optimizer: Optimizer,
    state: OptimizerState,
    batches: Batches,
    work: Workspace,
    *,
    learning_rate: float | np.ndarray,
    schedule: Schedule,
    epoch: int = 0,
    epochs: int = 1,
    dropout: Dropout | None = None,
) -> EpochRecord:
    """Take one optimizer step on each batch; ``work.theta`` and state change in place.

    Parameters
    ----------
    objective : Objective
    optimizer : Optimizer
    state : dict
        State of the optimizer: that of ``optimizer.init(theta)`` or of the last epoch.
    batches : Batches
    work : Workspace
        Workspace of the network and theta (..., n_params), for ``batches.batch_size`` rows.
    learning_rate : float or ndarray of shape (..., 1)
    schedule : callable (step, fraction) -> factor
    epoch : int, default=0
        Index of this epoch in the schedule's cycle.
    epochs : int, default=1
        Length of the cycle.
    dropout : Dropout, default=None
        If given, ``dropped_layers=dropout.layers`` in work.

    Returns
    -------
    record : EpochRecord
        Its loss is not finite after an overflow.
    """
    theta, started = work.theta, perf_counter()
    total: float | np.ndarray = 0.0
    prox_l1 = objective.penalty.prox_l1 if objective.penalty.has_l1 else None
    n_steps = len(batches)
    with np.errstate(all="ignore"):  # the record is checked instead
        for i, (X, Y, w) in enumerate(batches):
            n_rows, done = X.shape[-2], (epoch + i / n_steps) / epochs
            rate = learning_rate * schedule(state["step"], done)
            batch_work = work.head(n_rows)
            if dropout is not None:
                dropout.draw(X, batch_work)
            value, grad = objective.value_and_grad(theta, X, Y, w, batch_work)
            optimizer.step(theta, grad, state, rate, prox_l1, work.scratch)
            total = total + n_rows * value
    return EpochRecord(total / batches.n_rows, rate, perf_counter() - started)

"""Many networks trained together, as one stacked network.

Networks that share a *stack key* (the same layers, batch size, number of rows and epochs, the
same optimizer and schedule) differ in numbers alone: rows, initial weights, penalties, rates,
seeds. Their parameter vectors are the rows of one array, which the core trains in the same
lines as one vector, so that the overhead of Python and NumPy per step is paid once for all.
Each network takes the steps that it would take alone: the same batches in the same order; and
each network stops by its own early stopping.

Networks that visit the same rows in the same order share a *stream* of batches, which is read
once. Streams of equally many networks make arrays of shape (streams, networks per stream,
...), in which a batch is broadcast to its networks; otherwise it is copied to each.
"""

import copy
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from hashlib import blake2b
from itertools import groupby
from typing import Any, cast

import numpy as np

from skmlp.core.design import stack_rows
from skmlp.core.dropout import Dropout
from skmlp.core.minibatch import Batch, EpochRecord, MiniBatches, train_epoch
from skmlp.core.network import Workspace
from skmlp.core.objective import Objective
from skmlp.core.optimizers import Optimizer
from skmlp.core.penalties import Penalty
from skmlp.core.schedules import Adaptive
from skmlp.training.local import LocalSource
from skmlp.training.trainer import Trainer, TrainingRun

__all__ = ["PopulationSource", "group_trainers", "population_trainer"]

# Bound on the arrays of a population's step, to stay in the processor's cache.
CACHE_BYTES = 32 * 2**20


def population_trainer(
    trainers: Sequence[Trainer[LocalSource]],
) -> "Trainer[PopulationSource]":
    """Return one Trainer of several networks with the same stack key."""
    runs, sources = [t.run for t in trainers], [t.source for t in trainers]
    return Trainer(PopulationSource(runs, sources), runs)


def group_trainers(
    trainers: Sequence[Trainer[LocalSource]], n_jobs: int = 1, max_bytes: int = 2**30
) -> list[list[int]]:
    """Group trainers of single networks by what can be trained together.

    Parameters
    ----------
    trainers : sequence of Trainer
        By mini-batches of dense rows in memory.
    n_jobs : int, default=1
        How many populations will be trained at the same time.
    max_bytes : int, default=2**30
        Bound on the memory of those together.

    Returns
    -------
    groups : list of list of int
        Indices of trainers; the longest trainings first.
    """
    keys = [(_stack_key(t.run, t.source), _batch_key(t.run, t.source)) for t in trainers]
    order = sorted(range(len(trainers)), key=keys.__getitem__)
    groups = []
    for _, same_stack in groupby(order, key=lambda i: keys[i][0]):
        # Sorted by their first networks, because keys have ids, which differ between processes.
        streams = sorted(list(same) for _, same in groupby(same_stack, key=keys.__getitem__))
        most = _max_networks(trainers[streams[0][0]], n_jobs, max_bytes)
        groups += _split_groups(streams, most, n_jobs)
    cost = [len(group) * _cost(trainers[group[0]]) for group in groups]
    return [groups[i] for i in sorted(range(len(groups)), key=lambda i: -cost[i])]


def _max_networks(trainer: Trainer[LocalSource], n_jobs: int, max_bytes: int) -> int:
    """Return how many networks of a stack key to train at once."""
    state, batches = trainer.run.state, trainer.source.batches
    network = trainer.run.network
    numbers = (5 + len(state.optimizer)) * len(state.theta)
    numbers += 4 * batches.batch_size * (network.n_stored + sum(network.layer_sizes[1:]))
    each = numbers * state.theta.itemsize
    return int(max(1, min(CACHE_BYTES // each, max_bytes // n_jobs // each)))


def _split_groups(streams: list[list[int]], most: int, n_jobs: int) -> list[list[int]]:
    """Split networks, listed by stream, into groups of at most so many, about equally large.

    Wherever possible, a group has equally many networks of each stream, or those of a single
    one. There are enough groups to occupy all jobs.
    """
    total = sum(map(len, streams))
    n_groups = -(-total // min(most, -(-total // n_jobs)))
    n_groups = min(total, -(-n_groups // n_jobs) * n_jobs)
    if n_groups >= len(streams):
        n_parts = -(-n_groups // len(streams))
        groups = [part for stream in streams for part in np.array_split(stream, n_parts)]
    elif n_groups <= min(map(len, streams)):
        parts = [np.array_split(stream, n_groups) for stream in streams]
        groups = [np.concatenate(group) for group in zip(*parts, strict=True)]
    else:
        groups = np.array_split(np.concatenate(streams), n_groups)
    return [group.tolist() for group in groups if len(group)]


def _cost(trainer: Trainer[LocalSource]) -> int:
    """Return the relative cost of a training."""
    run = trainer.run
    return int(run.n_epochs * trainer.source.batches.n_rows * len(run.state.theta))


def _stack_key(run: TrainingRun, source: LocalSource) -> str:
    """Return what networks must share to be trained together, as a string to sort by."""
    config, state, batches = run.config, run.state, source.batches
    schedule = config.schedule if isinstance(config.schedule, str) else id(config.schedule)
    dropped = () if run.dropout is None else (*run.dropout.layers, run.dropout.shared)
    key = (
        config.architecture, _layout_sizes(run), state.theta.dtype.str,
        batches.batch_size, batches.n_rows, run.n_done, run.n_epochs, _kind(run.optimizer),
        sorted(state.optimizer), schedule, dropped,
    )  # fmt: skip
    return repr(key)


def _layout_sizes(run: TrainingRun) -> tuple[int, ...]:
    """Return how many inputs of each kind a network has, without numeric columns."""
    encoding = run.network.encoding
    if encoding is None:
        return ()
    return len(encoding.gaps), encoding.n_categorical, encoding.n_levels, encoding.n_bins


def _hyper_parameters(optimizer: Any) -> list[tuple[str, Any]]:
    """Return the hyper-parameters of an optimizer by name; one of them may be an optimizer."""
    return [(field.name, getattr(optimizer, field.name)) for field in fields(optimizer)]


def _kind(optimizer: Any) -> tuple[Any, ...]:
    """Return the classes of an optimizer and of those that it holds, and their flags."""
    values = [value for _, value in _hyper_parameters(optimizer)]
    inner = [_kind(value) for value in values if is_dataclass(value)]
    return type(optimizer).__name__, *(v for v in values if isinstance(v, bool)), *inner


def _batch_key(run: TrainingRun, source: LocalSource) -> tuple[Any, ...]:
    """Return what networks must share to see the same batches."""
    state, shuffles = run.state, bool(run.config.shuffle)
    weights = b"" if source.w is None else source.w.tobytes()
    digest = blake2b(pickle.dumps(state.rng) if shuffles else b"")
    digest.update(source.row_indices.tobytes())
    digest.update(weights)
    same = id(source.dataset), id(source.targets), id(state.scaling), id(state.encoding)
    return *same, len(weights), shuffles, digest.hexdigest()


class PopulationSource:
    """Rows in memory, for the training of several networks with the same stack key.

    Parameters
    ----------
    runs : sequence of TrainingRun
    sources : sequence of LocalSource
        The rows of each.
    """

    def __init__(self, runs: Sequence[TrainingRun], sources: Sequence[LocalSource]) -> None:
        streams: dict[tuple[Any, ...], tuple[TrainingRun, LocalSource]] = {}
        self._batches: dict[TrainingRun, MiniBatches] = {}
        for run, source in zip(runs, sources, strict=True):
            first_run, first_source = streams.setdefault(_batch_key(run, source), (run, source))
            self._batches[run] = first_source.batches
            run.state.rng = first_run.state.rng  # the one that is drawn from
        self._active = list(runs)
        self._stack: Stack | None = None

    def run_epoch(self, epoch: int) -> list[EpochRecord]:
        """Train for one epoch by mini-batches; seconds are shared equally."""
        if self._stack is None:
            self._stack = Stack(self._active, [self._batches[run] for run in self._active])
        record = self._stack.run_epoch(epoch)
        self._stack.share_step()
        losses, rate = np.ravel(record.loss).tolist(), np.ravel(cast(float, record.learning_rate))
        rates = np.broadcast_to(rate, len(losses)).tolist()
        seconds = record.seconds / len(losses)
        return [EpochRecord(*pair, seconds) for pair in zip(losses, rates, strict=True)]

    def restrict(self, runs: Sequence[TrainingRun]) -> None:
        """Continue with these runs only; all get arrays of their own, to be stacked anew."""
        if self._stack is not None:
            self._stack.unstack()
        self._active, self._stack = list(runs), None


class Stack:
    """Networks as one: what `train_epoch` takes, with leading axes.

    The parameters and optimizer states of the runs are views on it until `unstack`.

    Parameters
    ----------
    runs : sequence of TrainingRun
    batches : sequence of MiniBatches
        The stream of each.
    """

    def __init__(self, runs: Sequence[TrainingRun], batches: Sequence[MiniBatches]) -> None:
        first, self._runs = runs[0], runs
        distinct = list(dict.fromkeys(batches))
        stream_of_run = [distinct.index(stream) for stream in batches]
        per_stream = len(runs) // len(distinct)
        broadcasts = stream_of_run == np.repeat(range(len(distinct)), per_stream).tolist()
        self._lead = (len(distinct), per_stream) if broadcasts else (len(runs),)
        dtype = first.state.theta.dtype
        self.batches = StackedBatches(distinct, dtype, None if broadcasts else stream_of_run)
        self._n_epochs = first.n_epochs
        self.theta = self._stack_state()
        self._learning_rate = self._column([float(run.config.learning_rate) for run in runs])
        self._schedule = first.schedule
        if isinstance(first.schedule, Adaptive):
            schedules = [cast(Adaptive, run.schedule) for run in runs]
            self._schedule = lambda step, fraction: self._column([s.factor for s in schedules])
        self._optimizer = self._stack_optimizer([run.optimizer for run in runs])
        self._objective = self._stack_objective(dtype)
        self._dropout = self._stack_dropout()
        dropped = () if self._dropout is None else self._dropout.layers
        self._work = Workspace(
            first.network, self.theta, self.batches.batch_size, dropped_layers=dropped
        )

    def run_epoch(self, epoch: int) -> EpochRecord:
        """Train for one epoch; the record has leading axes."""
        return train_epoch(
            self._objective,
            self._optimizer,
            self._state,
            self.batches,
            self._work,
            learning_rate=self._learning_rate,
            schedule=self._schedule,
            epoch=epoch,
            epochs=self._n_epochs,
            dropout=self._dropout,
        )

    def _stack_state(self) -> np.ndarray:
        """Stack parameters and optimizer states, of which each run gets views; return theta."""
        states = [run.state for run in self._runs]
        first = states[0].optimizer
        theta = np.stack([state.theta for state in states])
        arrays = {
            name: np.stack([state.optimizer[name] for state in states])
            for name in first.keys() - {"step"}
        }
        for i, state in enumerate(states):
            state.theta = theta[i]
            state.optimizer = {name: array[i] for name, array in arrays.items()}
            state.optimizer["step"] = first["step"]
        stacked = theta.reshape(*self._lead, -1)
        self._state = {name: array.reshape(stacked.shape) for name, array in arrays.items()}
        self._state["step"] = first["step"]
        return stacked

    def share_step(self) -> None:
        """Tell each run how many steps its optimizer has taken."""
        for run in self._runs:
            run.state.optimizer["step"] = self._state["step"]

    def unstack(self) -> None:
        """Give each run arrays of its own."""
        self.share_step()
        for run in self._runs:
            state = run.state
            state.theta, state.optimizer = state.theta.copy(), copy.deepcopy(state.optimizer)

    def _column(self, values: Sequence[Any], *, axes: int = 1, dtype: Any = np.float64) -> Any:
        """Return a value that all share, or an array of shape (*lead, 1, ...) of them."""
        if all(np.ndim(value) == 0 for value in values):
            if len(set(values)) == 1:
                return values[0]
            return np.array(values, dtype).reshape(*self._lead, *[1] * axes)
        length = max(np.size(value) for value in values)
        rows = [np.broadcast_to(value, length) for value in values]
        return np.array(rows, dtype).reshape(*self._lead, length)

    def _stack_optimizer(self, optimizers: Sequence[Any]) -> Optimizer:
        columns = {}
        for name, value in _hyper_parameters(optimizers[0]):
            values = [getattr(optimizer, name) for optimizer in optimizers]
            stack = self._stack_optimizer if is_dataclass(value) else self._column
            columns[name] = stack(values)
        optimizer: Optimizer = replace(optimizers[0], **columns)
        return optimizer

    def _stack_objective(self, dtype: np.dtype) -> Objective:
        network = self._runs[0].network
        penalties = [run.objective.penalty for run in self._runs]
        l1, l2 = (
            self._column([getattr(penalty, name) for penalty in penalties], dtype=dtype)
            for name in ("l1", "l2")
        )
        return Objective(network, Penalty(network.n_weights, l1, l2))

    def _stack_dropout(self) -> Dropout | None:
        dropouts = [run.dropout for run in self._runs if run.dropout is not None]
        if not dropouts:
            return None
        rngs = np.empty(len(dropouts), object)
        rngs[:] = [dropout.rngs[()] for dropout in dropouts]
        rngs = rngs.reshape(self._lead)
        rates = zip(*(dropout.rates for dropout in dropouts), strict=True)
        columns = tuple(self._column(list(layer), axes=2) for layer in rates)
        return Dropout(columns, rngs, dropouts[0].shared)


class StackedBatches:
    """The batches of several streams, stacked: MiniBatches for a population.

    Parameters
    ----------
    streams : sequence of MiniBatches
        With the same numbers of rows.
    dtype : dtype
    stream_of_network : sequence of int or None
        The stream of each network; None if they lie side by side, equally many to a stream.
    """

    def __init__(
        self, streams: Sequence[MiniBatches], dtype: np.dtype, stream_of_network: list[int] | None
    ) -> None:
        self.n_rows, self.batch_size = streams[0].n_rows, streams[0].batch_size
        self._streams, self._dtype = streams, dtype
        self._stream_of_network = stream_of_network
        self._weighted = any(stream.is_weighted for stream in streams)
        self._arrays: dict[tuple[Any, ...], np.ndarray] = {}

    def __len__(self) -> int:
        """Steps in an epoch."""
        return len(self._streams[0])

    def __iter__(self) -> Iterator[Batch]:
        for batches in zip(*self._streams, strict=True):
            X, Y, w = zip(*batches, strict=True)
            weights = self._stack("w", self._weights(w, Y)) if self._weighted else None
            yield stack_rows(X, self._stack), self._stack("Y", Y), weights

    def _weights(self, w: Sequence[np.ndarray | None], Y: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the row weights of each stream, ones where there are none."""
        return [
            np.ones(len(Y_batch), self._dtype) if w_batch is None else w_batch
            for w_batch, Y_batch in zip(w, Y, strict=True)
        ]

    def _stack(self, name: str, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Return arrays of each stream as one for all networks."""
        shape, dtype = (len(parts), *parts[0].shape), parts[0].dtype
        stacked = self._array(name, shape, dtype)
        for i, part in enumerate(parts):
            stacked[i] = part
        if self._stream_of_network is None:
            return stacked[:, None]
        shape = len(self._stream_of_network), *shape[1:]
        copies = self._array(f"{name} of each", shape, dtype)
        return stacked.take(self._stream_of_network, 0, copies, "clip")

    def _array(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Return memory made once: for whole batches, and for the shorter last ones."""
        if (name, shape) not in self._arrays:
            self._arrays[name, shape] = np.empty(shape, dtype)
        return self._arrays[name, shape]

"""Many trainings in one pass.

Trainings of one *kind* - the same layers, batch size, number of rows and epochs, the same
optimizer and schedule - differ in numbers alone: rows, initial weights, penalties, rates,
seeds. Their parameter vectors are the rows of one array, and the core trains that array in
the lines that train one vector. What Python and NumPy cost to call is then paid once a step
for all of them. Each network takes the steps that it would take alone: the same batches in
the same order, and after each epoch its own monitor decides whether it goes on.

Trainings that visit the same rows in the same order share a *stream* of batches, which is
gathered once. Streams of equally many networks make arrays of shape (streams, networks of
each, ...), in which a batch is broadcast to its networks; otherwise it is copied to each.
"""

import pickle
from dataclasses import fields, replace
from hashlib import blake2b
from itertools import groupby

import numpy as np

from skmlp.core.dropout import Dropout
from skmlp.core.objective import Objective
from skmlp.core.penalties import Penalty
from skmlp.core.schedules import Adaptive
from skmlp.core.training import EpochRecord, train

__all__ = ["Population", "populations"]

# What the arrays of a population's step may take up together, to stay in the processor's cache.
CACHE_BYTES = 32 * 2**20


def populations(trainings, n_jobs=1, max_bytes=2**30):
    """Return trainings of mini-batches, grouped into lists that can be a Population.

    Parameters
    ----------
    trainings : sequence of Training
        None of them on sparse rows or by lbfgs.
    n_jobs : int, default=1
        How many populations will be trained at the same time.
    max_bytes : int, default=2**30
        What these may take up together.

    Returns
    -------
    groups : list of list of int
        Positions in trainings; the longest trainings first.
    """
    kinds = [(_kind(training), _stream(training)) for training in trainings]
    order = sorted(range(len(trainings)), key=kinds.__getitem__)
    groups = []
    for _, same_kind in groupby(order, key=lambda i: kinds[i][0]):
        streams = [list(same) for _, same in groupby(same_kind, key=kinds.__getitem__)]
        groups += _portions(streams, _most(trainings[streams[0][0]], n_jobs, max_bytes), n_jobs)
    work = [len(group) * _work(trainings[group[0]]) for group in groups]
    return [groups[i] for i in sorted(range(len(groups)), key=lambda i: -work[i])]


def _most(training, n_jobs, max_bytes):
    """Return how many networks of a kind to train at once."""
    p, batches, sizes = training.progress, training.batches, training.network.layer_sizes
    numbers = (5 + len(p.optimizer)) * len(p.theta) + 4 * batches.batch_size * sum(sizes)
    each = numbers * p.theta.itemsize
    return int(max(1, min(CACHE_BYTES // each, max_bytes // n_jobs // each)))


def _portions(streams, most, n_jobs):
    """Cut lists of networks by stream into portions of at most so many, about equally large.

    Portions have as many networks of each stream, or of a single one, wherever that is
    possible; and there are enough to occupy all jobs.
    """
    total = sum(map(len, streams))
    n_portions = -(-total // min(most, -(-total // n_jobs)))
    n_portions = min(total, -(-n_portions // n_jobs) * n_jobs)
    if n_portions >= len(streams):
        n_parts = -(-n_portions // len(streams))
        portions = [part for stream in streams for part in np.array_split(stream, n_parts)]
    elif n_portions <= min(map(len, streams)):
        parts = [np.array_split(stream, n_portions) for stream in streams]
        portions = [np.concatenate(portion) for portion in zip(*parts, strict=True)]
    else:
        portions = np.array_split(np.concatenate(streams), n_portions)
    return [portion.tolist() for portion in portions if len(portion)]


def _work(training):
    """Return what a training costs, in no particular unit."""
    return training.epochs * training.batches.n_rows * len(training.progress.theta)


def _kind(training):
    """Return what trainings must share to be trained together, as a string to sort by."""
    e, batches, p = training.estimator, training.batches, training.progress
    schedule = e.schedule if isinstance(e.schedule, str) else id(e.schedule)
    dropped = () if training.dropout is None else tuple(training.dropout.layers)
    kind = (
        training.description, p.theta.dtype.str, batches.batch_size, batches.n_rows,
        training.epochs, type(training.optimizer).__name__, bool(e.nesterovs_momentum),
        sorted(p.optimizer), schedule, dropped,
    )  # fmt: skip
    return repr(kind)


def _stream(training):
    """Return what trainings must share to see the same batches."""
    rows, used, w = training.data
    p, e = training.progress, training.estimator
    order = pickle.dumps(p.rng) if e.shuffle else b""
    weights = b"" if w is None else w.tobytes()
    digest = blake2b(order)
    digest.update(used.tobytes())
    digest.update(weights)
    return id(rows), id(p.scaling), len(weights), bool(e.shuffle), digest.hexdigest()


class Population:
    """Trainings of one kind, to be run as one.

    Parameters
    ----------
    trainings : sequence of Training

    Attributes
    ----------
    results : list of Outcome or Exception
        Of each training, when it is over.
    """

    def __init__(self, trainings):
        self._trainings = list(trainings)
        self.results = [None] * len(self._trainings)
        self._running = list(range(len(self._trainings)))
        streams = {}
        leaders = [streams.setdefault(_stream(t), t) for t in self._trainings]
        self._batches = [leader.batches for leader in leaders]
        for training, leader in zip(self._trainings, leaders, strict=True):
            training.progress.rng = leader.progress.rng  # which alone is drawn from
        self._epoch, self._epochs = 0, self._trainings[0].epochs

    def run(self):
        """Train all of them; return their results."""
        while self._running:
            self._train()
        return self.results

    def _train(self):
        """Train those that are running until one of them stops."""
        present = self._running
        stack = Stack([self._trainings[i] for i in present], [self._batches[i] for i in present])
        train(
            stack.objective, stack.optimizer, stack.theta, stack.state, stack.batches,
            learning_rate=stack.learning_rate, schedule=stack.schedule, epochs=self._epochs,
            first_epoch=self._epoch, dropout=stack.dropout, on_epoch_end=self._epoch_ends,
        )  # fmt: skip
        stack.dissolve()
        if self._epoch == self._epochs:
            self._running = []
        for i in set(present) - set(self._running):
            if self.results[i] is None:
                self.results[i] = self._finished(self._trainings[i])

    @staticmethod
    def _finished(training):
        """Return the Outcome of a training, or the error of one that cannot be kept."""
        try:
            return training.finish()
        except ValueError as error:
            return error

    def _epoch_ends(self, record):
        """Tell each network of its epoch; return whether any of them stops."""
        self._epoch += 1
        losses = np.ravel(record.loss).tolist()
        rates = np.broadcast_to(np.ravel(record.learning_rate), len(losses)).tolist()
        seconds, goes_on = record.seconds / len(losses), []
        for i, loss, rate in zip(self._running, losses, rates, strict=True):
            try:
                stops = self._trainings[i].epoch_ends(EpochRecord(loss, rate, seconds))
            except Exception as error:  # of this one: the others go on
                self.results[i], stops = error, True
            if not stops:
                goes_on.append(i)
        self._running = goes_on
        return len(goes_on) < len(losses)


class Stack:
    """Trainings as one: what the core's `train` takes, with leading axes.

    The parameters and optimizer states of the trainings become views on it, until it is
    dissolved.

    Parameters
    ----------
    trainings : sequence of Training
    batches : sequence of MiniBatches
        The stream of each.
    """

    def __init__(self, trainings, batches):
        first = trainings[0]
        distinct = list(dict.fromkeys(batches))
        places = [distinct.index(stream) for stream in batches]
        self._trainings, self._dtype = trainings, first.progress.theta.dtype
        per_stream = len(trainings) // len(distinct)
        broadcasts = places == np.repeat(range(len(distinct)), per_stream).tolist()
        self._lead = (len(distinct), per_stream) if broadcasts else (len(trainings),)
        self.batches = StackedBatches(distinct, self._dtype, None if broadcasts else places)
        self._stack_state()
        self.learning_rate = self._column([float(t.estimator.learning_rate) for t in trainings])
        self.schedule = first.schedule
        if isinstance(first.schedule, Adaptive):
            self.schedule = lambda step, fraction: self._column(
                [training.schedule.factor for training in trainings]
            )
        self.optimizer = self._stack_optimizer()
        self.objective = self._stack_objective()
        self.dropout = self._stack_dropout()

    def _stack_state(self):
        """Stack parameters and optimizer states, and move the trainings onto the stack."""
        progresses = [training.progress for training in self._trainings]
        first = progresses[0].optimizer
        theta = np.stack([p.theta for p in progresses])
        arrays = {
            name: np.stack([p.optimizer[name] for p in progresses])
            for name in first.keys() - {"step"}
        }
        for i, training in enumerate(self._trainings):
            training.move(theta[i], {name: array[i] for name, array in arrays.items()})
        self.theta = theta.reshape(*self._lead, -1)
        self.state = {name: array.reshape(self.theta.shape) for name, array in arrays.items()}
        self.state["step"] = first["step"]

    def dissolve(self):
        """Give each training memory of its own again."""
        for training in self._trainings:
            p = training.progress
            own = {name: array.copy() for name, array in p.optimizer.items()}
            training.move(p.theta.copy(), own | {"step": self.state["step"]})

    def _column(self, values, *, axes=1, dtype=np.float64):
        """Return a float that all share, or an array of shape (*lead, 1, ...) of them."""
        if all(np.ndim(value) == 0 for value in values):
            if len(set(values)) == 1:
                return values[0]
            return np.array(values, dtype).reshape(*self._lead, *[1] * axes)
        length = max(np.size(value) for value in values)
        rows = [np.broadcast_to(value, length) for value in values]
        return np.array(rows, dtype).reshape(*self._lead, length)

    def _stack_optimizer(self):
        optimizers = [training.optimizer for training in self._trainings]
        columns = {
            field.name: self._column([getattr(o, field.name) for o in optimizers])
            for field in fields(optimizers[0])
        }
        return replace(optimizers[0], **columns)

    def _stack_objective(self):
        network = self._trainings[0].network
        penalties = [training.objective.penalty for training in self._trainings]
        l1, l2 = (
            self._column([getattr(penalty, name) for penalty in penalties], dtype=self._dtype)
            for name in ("l1", "l2")
        )
        return Objective(network, Penalty(network.n_weights, l1, l2))

    def _stack_dropout(self):
        dropouts = [training.dropout for training in self._trainings]
        if dropouts[0] is None:
            return None
        rngs = np.array([dropout.rngs[()] for dropout in dropouts], object).reshape(self._lead)
        rates = zip(*(dropout.rates for dropout in dropouts), strict=True)
        return Dropout(tuple(self._column(list(layer), axes=2) for layer in rates), rngs)


class StackedBatches:
    """The batches of several streams, stacked; MiniBatches for a population.

    Parameters
    ----------
    streams : sequence of MiniBatches
        With the same numbers of rows.
    dtype : dtype
    places : sequence of int or None
        The stream of each network; None if they lie side by side, equally many to a stream.
    """

    def __init__(self, streams, dtype, places):
        self.n_rows, self.batch_size = streams[0].n_rows, streams[0].batch_size
        self._streams, self._dtype, self._broadcasts = streams, dtype, places is None
        self._places = None if places == list(range(len(streams))) else places
        self._weighted = any(stream.is_weighted for stream in streams)
        self._memory = {}

    def __len__(self):
        """Steps in an epoch."""
        return len(self._streams[0])

    def __iter__(self):
        for batches in zip(*self._streams, strict=True):
            X, Y, w = zip(*batches, strict=True)
            weights = self._stack("w", self._weights(w, Y)) if self._weighted else None
            yield self._stack("X", X), self._stack("Y", Y), weights

    def _weights(self, w, Y):
        """Return the row weights of each stream, ones where there are none."""
        return [
            np.ones(len(Y_batch), self._dtype) if w_batch is None else w_batch
            for w_batch, Y_batch in zip(w, Y, strict=True)
        ]

    def _stack(self, what, parts):
        """Return arrays of each stream as one for all networks."""
        shape = len(parts), *parts[0].shape
        stacked = self._array(what, shape)
        for i, part in enumerate(parts):
            stacked[i] = part
        if self._broadcasts:
            return stacked[:, None]
        if self._places is None:
            return stacked
        shape = len(self._places), *shape[1:]
        return stacked.take(self._places, 0, self._array(f"{what} of each", shape), "clip")

    def _array(self, what, shape):
        """Return memory that is made once: for whole batches, and for the shorter last ones."""
        if (what, shape) not in self._memory:
            self._memory[what, shape] = np.empty(shape, self._dtype)
        return self._memory[what, shape]

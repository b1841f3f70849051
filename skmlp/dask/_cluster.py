"""Dask: collections and their partitions, work on the workers, lazy predictions."""

import uuid
from contextlib import nullcontext
from functools import partial
from itertools import pairwise
from threading import Lock

import numpy as np
from threadpoolctl import threadpool_limits

try:
    import dask
    import dask.array as da
    from dask.delayed import Delayed
    from dask.system import CPU_COUNT
except ImportError as error:
    raise ImportError("skmlp.dask.classifier needs Dask: pip install 'skmlp[dask]'.") from error

__all__ = ["Executor", "aligned_blocks", "is_collection", "map_predict"]


def is_collection(X):
    """Whether X is an array, dataframe or series of Dask's."""
    return isinstance(X, da.Array) or (dask.is_dask_collection(X) and _is_frame(X))


def _is_frame(X):
    """Whether a collection is a dataframe or series; a Delayed seems to have any attribute."""
    return not isinstance(X, Delayed) and hasattr(X, "map_partitions")


def aligned_blocks(*, suffix="", **collections):
    """Return the blocks of collections that are cut alike: a list of tuples of Delayed.

    Parameters
    ----------
    suffix : str, default=""
        What messages add to the names.
    **collections : dask array, dataframe, series or None
        By name, X first. The blocks of None are None.

    Raises
    ------
    TypeError
        If one is no collection of Dask's.
    ValueError
        If they are cut differently and cannot be cut alike here, because the sizes of the
        pieces are not known.
    """
    (first, X), *_ = collections.items()
    columns = []
    for name, collection in collections.items():
        if collection is None and name == "sample_weight":
            columns.append(None)
            continue
        if not is_collection(collection):
            raise TypeError(
                f"{name}{suffix} must be a dask array or dataframe, got {type(collection)}. Use "
                "SoftmaxMLPClassifier for rows in memory."
            )
        columns.append(_blocks(collection, X))
        if len(columns[-1]) != len(columns[0]):
            raise ValueError(
                f"{name}{suffix} has {len(columns[-1])} partitions and {first}{suffix} has "
                f"{len(columns[0])}: they must be cut alike, as by {name}{suffix}.rechunk or "
                f"{name}{suffix}.repartition."
            )
    n_blocks = len(columns[0])
    return list(zip(*(c or [None] * n_blocks for c in columns), strict=True))


def _blocks(collection, X):
    """Return the blocks of a collection, which is first cut like X if both have known chunks."""
    if isinstance(collection, da.Array):
        if collection.ndim == 2 and collection.numblocks[1] > 1:
            collection = collection.rechunk({1: -1})
        if isinstance(X, da.Array) and collection.chunks[0] != X.chunks[0]:
            known = not np.isnan([*collection.chunks[0], *X.chunks[0]]).any()
            if known and len(collection) == len(X):
                collection = collection.rechunk({0: X.chunks[0]})
            elif known:
                raise ValueError(
                    "Found input variables with inconsistent numbers of samples: "
                    f"{[len(X), len(collection)]}"
                )
    return np.ravel(collection.to_delayed()).tolist()


class Executor:
    """Objects on the workers, and calls of functions with them there.

    Parameters
    ----------
    parts : sequence of Delayed
    """

    def __init__(self, parts):
        self._parts = list(parts)

    @classmethod
    def of(cls, blocks, n_parts, make, *args):
        """Return ``make(blocks of the part, number, *args)`` of each part, on the workers.

        Parameters
        ----------
        blocks : list of tuples of Delayed
        n_parts : int or None
            None is one for each thread of the cluster or of this machine.
        """
        n_parts = min(len(blocks), _n_threads() if n_parts is None else n_parts)
        ends = np.linspace(0, len(blocks), n_parts + 1).astype(int)
        call, name = dask.delayed(_call, pure=False), make.__name__
        calls = [
            call(blocks[s:e], make, _Arguments((number, *args), {}), dask_key_name=_key(name))
            for number, (s, e) in enumerate(pairwise(ends))
        ]
        with _shared_processors(n_parts):
            return cls(dask.persist(*calls))

    def __len__(self):
        return len(self._parts)

    def map(self, method, *args, **kwargs):
        """Return ``method(part, *args, **kwargs)`` of each, in order."""
        with _shared_processors(len(self)):
            return list(dask.compute(*self._calls(method, args, kwargs)))

    def transform(self, method, *args, **kwargs):
        """Return the results of the method as an Executor; they stay on the workers."""
        with _shared_processors(len(self)):
            return Executor(dask.persist(*self._calls(method, args, kwargs)))

    def filter(self, chosen):
        """Return the parts that an array of bool selects."""
        return Executor(part for part, choice in zip(self._parts, chosen, strict=True) if choice)

    def _calls(self, method, args, kwargs):
        # As a value of its own in the graph, it would be sent by way of one of the workers.
        shared, calls = _Arguments(args, kwargs), []
        call = dask.delayed(_call, pure=False)
        for part, home in zip(self._parts, _homes(self._parts), strict=True):
            with dask.annotate(workers=[home], allow_other_workers=True) if home else nullcontext():
                name = _key(method.__name__)
                calls.append(call(part, method, shared, dask_key_name=name))
        return calls


class _Arguments:
    """Arguments that Dask does not search for collections."""

    def __init__(self, args, kwargs):
        self.args, self.kwargs = args, kwargs


def _call(part, method, arguments):
    return method(part, *arguments.args, **arguments.kwargs)


def _literal(value):
    """Return a Delayed of a value that Dask does not search for collections."""
    return dask.delayed(value, name=_key("parameters"), traverse=False)


def _key(name):
    """Return a new key, whose prefix Dask's dashboard shows."""
    return f"skmlp-{name.replace('_', '-')}-{uuid.uuid4().hex}"


def _client():
    """Return the current client of dask.distributed, or None."""
    try:
        from distributed import default_client
    except ImportError:
        return None
    try:
        return default_client()
    except ValueError:
        return None


def _n_threads():
    """Return the number of threads of the cluster, or of this machine."""
    client = _client()
    if client is None:
        return CPU_COUNT
    client.wait_for_workers(1)
    return sum(client.nthreads().values())


def _homes(parts):
    """Return the preferred worker for each part; None without a cluster.

    It is one that has the part, unless that one has too many while other workers are idle, for
    instance after a worker has been restarted. Then the part moves once.
    """
    client = _client()
    if client is None:
        return [None] * len(parts)
    from distributed import futures_of

    places, threads = client.who_has(futures_of(parts)), client.nthreads()
    per_thread = -(-len(parts) // max(1, sum(threads.values())))
    free = {worker: n * per_thread for worker, n in threads.items()}
    homes = []
    for part in parts:
        home = next((w for w in sorted(places.get(part.key, ())) if free.get(w, 0) > 0), None)
        homes.append(home)
        if home:
            free[home] -= 1
    for i, home in enumerate(homes):
        if home is None and free:
            homes[i] = max(sorted(free), key=free.get)
            free[homes[i]] -= 1
    return homes


class _Counted:
    """A global context shared by threads: entered by the first, left by the last of them.

    Separate contexts would restore the previous setting in any order.
    """

    def __init__(self, make):
        self._make, self._lock, self._n_inside, self._context = make, Lock(), 0, None

    def __enter__(self):
        with self._lock:
            if not self._n_inside:
                self._context = self._make()
                self._context.__enter__()
            self._n_inside += 1

    def __exit__(self, *error):
        with self._lock:
            self._n_inside -= 1
            if not self._n_inside:
                self._context.__exit__(None, None, None)


# Parameters are sent intentionally, however large they are.
_large_graphs = _Counted(
    partial(dask.config.set, {"distributed.admin.large-graph-warning-threshold": "1TiB"})
)
_one_blas_thread = _Counted(partial(threadpool_limits, 1, "blas"))


def _shared_processors(n_parts):
    """Limit BLAS to one thread each while n_parts threads of this process work.

    Dask sets this limit for workers that are processes.
    """
    if _client() is not None:
        return _large_graphs
    return nullcontext() if n_parts == 1 else _one_blas_thread


def map_predict(X, model, method, dtype, n_columns=None, labels=None, **params):
    """Return the result of a prediction method for X, to be computed by Dask.

    Parameters
    ----------
    X : dask array or dataframe of shape (n, n_features)
    model : SoftmaxMLPClassifier
    method : str
    dtype : dtype
        Of the result.
    n_columns : int or None, default=None
        None if the result has one dimension.
    labels : sequence, default=None
        Of the columns of a resulting dataframe.
    **params : dict
        Of the method.

    Returns
    -------
    result : dask array, or for a dataframe a series or dataframe with its index
    """
    if X.ndim != 2:
        raise ValueError(f"X must have two dimensions, rows and columns, got {X.ndim}.")
    if isinstance(X, da.Array):
        model = _literal(model)
        X = X.rechunk({1: -1}) if X.numblocks[1] > 1 else X
        shape = {"drop_axis": 1} if n_columns is None else {}
        rows = (X.chunks[0],)
        chunks = rows if n_columns is None else (*rows, (n_columns,))
        empty = np.empty((0,) if n_columns is None else (0, n_columns), dtype)
        return X.map_blocks(
            _predict_block,
            model,
            method,
            params,
            empty,
            dtype=dtype,
            chunks=chunks,
            meta=empty,
            **shape,
        )
    import pandas as pd  # installed, since dataframes need it

    if n_columns is None:
        empty = pd.Series(np.empty(0, dtype), name=method)
    else:
        columns = range(n_columns) if labels is None else labels
        empty = pd.DataFrame(np.empty((0, n_columns), dtype), columns=columns)
    return X.map_partitions(_predict_block, model, method, params, empty, meta=empty)


def _predict_block(block, model, method, params, empty):
    """Return the result for a block, which may have no rows, in the form of the empty one."""
    if not block.shape[0]:
        return np.empty((0, *empty.shape[1:]), empty.dtype) if type(empty) is np.ndarray else empty
    found = getattr(model, method)(block, **params)
    if isinstance(empty, np.ndarray):
        return found
    if empty.ndim == 1:
        return type(empty)(found, index=block.index, name=empty.name)
    return type(empty)(found, index=block.index, columns=empty.columns)

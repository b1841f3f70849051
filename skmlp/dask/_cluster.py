"""Blocks of Dask collections, and function calls on the workers of a cluster."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import pairwise
from threading import Lock
from typing import Any
from weakref import WeakSet

import numpy as np
from threadpoolctl import threadpool_limits

try:
    import dask
    import dask.array as da
    from dask.delayed import Delayed
    from dask.system import CPU_COUNT
except ImportError as error:
    raise ImportError("skmlp.dask needs Dask: pip install 'skmlp[dask]'.") from error

__all__ = ["Executor", "aligned_blocks", "is_collection", "new_key"]


def is_collection(X: Any) -> bool:
    """Whether X is a Dask array, dataframe or series."""
    # hasattr of a Delayed is True for any name.
    is_frame = hasattr(X, "map_partitions") and not isinstance(X, Delayed)
    return isinstance(X, da.Array) or (dask.is_dask_collection(X) and is_frame)


def aligned_blocks(*, suffix: str = "", **collections: Any) -> list[tuple[Any, ...]]:
    """Return the blocks of collections with the same partitions: a list of tuples of Delayed.

    Parameters
    ----------
    suffix : str, default=""
        Appended to the names in messages.
    **collections : dask array, dataframe, series or None
        By name, X first. The blocks of None are None.

    Raises
    ------
    TypeError
        If an argument is not a Dask collection.
    ValueError
        If the partitions differ, and the collection cannot be rechunked because its chunk
        sizes are unknown.
    """
    (first, X), *_ = collections.items()
    columns: list[list[Any] | None] = []
    n_blocks = 0
    for name, collection in collections.items():
        if collection is None and name == "sample_weight":
            columns.append(None)
            continue
        if not is_collection(collection):
            raise TypeError(
                f"{name}{suffix} must be a dask array or dataframe, got {type(collection)}. Use "
                "SoftmaxMLPClassifier for rows in memory."
            )
        blocks = _blocks(collection, X)
        columns.append(blocks)
        n_blocks = n_blocks or len(blocks)
        if len(blocks) != n_blocks:
            raise ValueError(
                f"{name}{suffix} has {len(blocks)} partitions and {first}{suffix} has {n_blocks}: "
                "partitions must match. Use "
                f"{name}{suffix}.rechunk or {name}{suffix}.repartition."
            )
    return list(zip(*(blocks or [None] * n_blocks for blocks in columns), strict=True))


def _blocks(collection: Any, X: Any) -> list[Delayed]:
    """Return the blocks of a collection, rechunked like X if the chunk sizes are known."""
    if isinstance(collection, da.Array):
        if collection.ndim == 2 and collection.numblocks[1] > 1:
            collection = collection.rechunk({1: -1})
        if isinstance(X, da.Array) and collection.chunks[0] != X.chunks[0]:
            known = not np.isnan([*collection.chunks[0], *X.chunks[0]]).any()
            if known and len(collection) != len(X):
                raise ValueError(
                    "Found input variables with inconsistent numbers of samples: "
                    f"{[len(X), len(collection)]}"
                )
            if known:
                collection = collection.rechunk({0: X.chunks[0]})
    return np.ravel(collection.to_delayed()).tolist()


class Executor:
    """A list of objects that stay on the workers, and function calls with each of them.

    As a context manager, it releases the objects at the end of the block, and those that were
    made of them: after an error, its traceback would keep them on the workers.

    Parameters
    ----------
    parts : iterable of Delayed
    futures : WeakSet of Future, default=None
        Those of the executor that the parts were made of, to which theirs are added.
    """

    def __init__(self, parts: Iterable[Any], futures: "WeakSet[Any] | None" = None) -> None:
        self._parts = list(parts)
        self._futures = WeakSet() if futures is None else futures
        if _client() is not None:
            self._futures.update(_futures_of(self._parts))

    def __enter__(self) -> "Executor":
        return self

    def __exit__(self, *error: object) -> None:
        for future in list(self._futures):
            future.release()

    @classmethod
    def of(
        cls, blocks: Sequence[Any], n_parts: int | None, make: Callable[..., Any], *args: Any
    ) -> "Executor":
        """Divide blocks into parts and call ``make(blocks of the part, index, *args)`` for each.

        Parameters
        ----------
        blocks : list of tuples of Delayed
        n_parts : int or None
            At most one part for each block; None means one for each thread of the cluster or of
            this machine.
        """
        n_parts = min(len(blocks), _n_threads() if n_parts is None else n_parts)
        ends = np.linspace(0, len(blocks), n_parts + 1).astype(int)
        call, name = dask.delayed(_call, pure=False), make.__name__
        calls = [
            call(blocks[s:e], make, _Arguments((i, *args), {}), dask_key_name=new_key(name))
            for i, (s, e) in enumerate(pairwise(ends))
        ]
        with _compute_settings(n_parts):
            return cls(dask.persist(*calls))

    def __len__(self) -> int:
        return len(self._parts)

    def map(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Return ``method(part, *args, **kwargs)`` for each part, in order."""
        with _compute_settings(len(self)):
            return list(dask.compute(*self._calls(method, args, kwargs)))

    def transform(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> "Executor":
        """Return the results of the method as an Executor; they stay on the workers."""
        with _compute_settings(len(self)):
            return Executor(dask.persist(*self._calls(method, args, kwargs)), self._futures)

    def filter(self, mask: np.ndarray) -> "Executor":
        """Return the parts where the mask is True."""
        kept = (part for part, keep in zip(self._parts, mask, strict=True) if keep)
        return Executor(kept, self._futures)

    def _calls(self, method: Callable[..., Any], args: tuple, kwargs: dict) -> list[Delayed]:
        # Arguments are part of each task: as a separate task, they would be sent to one worker
        # first and copied from there.
        shared, calls = _Arguments(args, kwargs), []
        call = dask.delayed(_call, pure=False)
        for part, worker in zip(self._parts, _preferred_workers(self._parts), strict=True):
            on_worker = dask.annotate(workers=[worker], allow_other_workers=True)
            with on_worker if worker else nullcontext():
                key = new_key(method.__name__)
                calls.append(call(part, method, shared, dask_key_name=key))
        return calls


class _Arguments:
    """Arguments that Dask does not search for collections."""

    def __init__(self, args: tuple, kwargs: dict) -> None:
        self.args, self.kwargs = args, kwargs


def _call(part: Any, method: Callable[..., Any], arguments: _Arguments) -> Any:
    return method(part, *arguments.args, **arguments.kwargs)


def new_key(name: str) -> str:
    """Return a unique key of a task; the Dask dashboard groups tasks by its prefix."""
    return f"skmlp-{name.replace('_', '-')}-{uuid.uuid4().hex}"


def _client() -> Any:
    """Return the current client of dask.distributed, or None."""
    try:
        from distributed import default_client

        return default_client()
    except (ImportError, ValueError):
        return None


def _futures_of(parts: Sequence[Any]) -> list[Any]:
    """Return the futures of persisted parts on a cluster."""
    from distributed import futures_of

    return list(futures_of(parts))


def _n_threads() -> int:
    """Return the number of threads of the cluster, or of this machine."""
    client = _client()
    if client is None:
        return CPU_COUNT
    client.wait_for_workers(1)
    return sum(client.nthreads().values())


def _preferred_workers(parts: Sequence[Any]) -> list[str | None]:
    """Return the preferred worker for each part; None without a cluster.

    This is a worker that holds the part, unless it holds too many parts while others are idle,
    for instance after a worker was restarted. Then the part is moved once.
    """
    client = _client()
    if client is None:
        return [None] * len(parts)
    holders, threads = client.who_has(_futures_of(parts)), client.nthreads()
    per_thread = -(-len(parts) // max(1, sum(threads.values())))
    free = {worker: n * per_thread for worker, n in threads.items()}
    chosen: list[str | None] = []
    for part in parts:
        worker = next((w for w in sorted(holders.get(part.key, ())) if free.get(w, 0) > 0), None)
        chosen.append(worker)
        if worker:
            free[worker] -= 1
    for i, worker in enumerate(chosen):
        if worker is None and free:
            chosen[i] = most_free = max(sorted(free), key=free.__getitem__)
            free[most_free] -= 1
    return chosen


class _SharedContext:
    """A context manager of a global setting, shared by threads.

    The setting is changed when the first thread enters and restored when the last one exits.
    With a context manager for each thread, the last to exit could restore a changed setting.
    """

    def __init__(self, make: Callable[[], AbstractContextManager[Any]]) -> None:
        self._make, self._lock, self._n_inside = make, Lock(), 0
        self._context: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._n_inside:
                self._context = self._make()
                self._context.__enter__()
            self._n_inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._n_inside -= 1
            if not self._n_inside:
                self._context.__exit__(None, None, None)


# Graphs contain the parameters of the network, whatever their size.
_no_graph_size_warning = _SharedContext(
    partial(dask.config.set, {"distributed.admin.large-graph-warning-threshold": "1TiB"})
)
_one_blas_thread = _SharedContext(partial(threadpool_limits, 1, "blas"))


def _compute_settings(n_parts: int) -> AbstractContextManager[Any]:
    """Return the context in which Dask computes n_parts parts.

    BLAS has one thread if this process computes several parts in threads. On a cluster, Dask
    sets this limit in the worker processes.
    """
    if _client() is not None:
        return _no_graph_size_warning
    return nullcontext() if n_parts == 1 else _one_blas_thread

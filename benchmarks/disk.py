"""``python -m benchmarks.disk FILE``: an epoch of mini-batches from a mapped file, by its order.

FILE is a matrix of uint8 that `numpy.save` wrote; if it is not there, 2 GB of rows of 784 are
written. Figures mean something where the system keeps less of the file than there is: give the
process little memory, which its page cache counts to, as by::

    systemd-run --scope -p MemoryMax=500M python -m benchmarks.disk FILE

Every order starts with none of the file in memory and ends after an epoch or a minute. Random
order is what an array in memory is read in, blocks are what `skmlp.data.memmap` makes of it.
"""

import os
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

from skmlp import disk

__all__ = ["main"]

N_BYTES, N_FEATURES, BATCH_SIZE, MOST_SECONDS = 2 * 10**9, 784, 128, 60.0
ORDERS = {
    "as written": lambda rng, X, rows: rows,
    "by blocks": disk.permutation,
    "random": lambda rng, X, rows: rng.permutation(rows),
}


def main(path, turns=3):
    """Print microseconds a row and bytes read over bytes wanted, for each order and turn."""
    path = Path(path)
    if not path.exists():
        _write(path)
    X = np.load(path, mmap_mode="r")
    print(f"{X.nbytes / 1e9:.1f} GB, rows of {X[0].nbytes} bytes, batches of {BATCH_SIZE}")
    for turn in range(int(turns)):
        for name, order in ORDERS.items():
            rows = order(np.random.RandomState(turn), X, np.arange(len(X)))
            seconds, n_rows, n_read = _epoch(path, rows)
            wanted = n_rows * X[0].nbytes
            print(
                f"{name:10}  {1e6 * seconds / n_rows:9.2f} us a row, {n_read / wanted:8.1f} times "
                f"the bytes read; {n_rows} of {len(X)} rows",
                flush=True,
            )


def _write(path):
    rng, n = np.random.RandomState(0), N_BYTES // N_FEATURES
    X = np.lib.format.open_memmap(path, "w+", np.uint8, (n, N_FEATURES))
    for start in range(0, n, 2**14):
        X[start : start + 2**14] = rng.randint(0, 256, X[start : start + 2**14].shape, np.uint8)
    X.flush()


def _epoch(path, order):
    """Gather batches from a file that is not in memory; return seconds, rows and bytes read."""
    X = np.load(path, mmap_mode="r")  # nothing of it is mapped yet
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    batch, before, started = np.empty((BATCH_SIZE, X.shape[1]), X.dtype), _bytes_read(), 0
    began = perf_counter()
    while started < len(order) and perf_counter() - began < MOST_SECONDS:
        rows = order[started : started + BATCH_SIZE]
        X.take(rows, axis=0, out=batch[: len(rows)], mode="clip")
        started += len(rows)
    return perf_counter() - began, started, _bytes_read() - before


def _bytes_read():
    """Return how much this process has had read from disks."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("read_bytes")))


if __name__ == "__main__":
    main(*sys.argv[1:])

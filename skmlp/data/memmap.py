"""Rows of memory-mapped files: shuffled by blocks and copied in chunks.

The system reads a mapped file page by page and keeps pages as long as there is memory. If the
file is larger than memory, access in random order reads a page, and those around it, for each
row.
"""

import mmap
import tempfile
from typing import Any

import numpy as np

__all__ = ["block_shuffle", "is_memmap", "take_rows"]

BLOCK_BYTES, GROUP_BLOCKS = 2**22, 16  # a group of blocks, 64 MiB, fits in memory
COPY_BYTES = 2**24


def is_memmap(X: Any) -> bool:
    """Whether an array is a view of a file that is mapped into memory."""
    while X is not None and not isinstance(X, np.memmap | mmap.mmap):
        X = getattr(X, "base", None)
    return X is not None


def block_shuffle(
    rng: np.random.RandomState | np.random.Generator, X: Any, rows: np.ndarray
) -> np.ndarray:
    """Return the indices of some rows of X in a random order.

    Of a memory map, blocks of 4 MiB are put in random order, and then the rows within each
    group of 16 blocks, so that only one group has to be in memory at a time. Fewer rows are a
    single group, in the same order as rows in memory.

    The method is CorgiPile: Xu et al., "In-Database Machine Learning with CorgiPile:
    Stochastic Gradient Descent without Full Data Shuffle", SIGMOD 2022.

    Parameters
    ----------
    rng : RandomState or Generator
    X : ndarray or sparse CSR of shape (n, n_features)
    rows : ndarray of int
        In ascending order.
    """
    if not is_memmap(X):
        return rng.permutation(rows)
    n_rows = max(1, BLOCK_BYTES // max(1, X.shape[1] * X.itemsize))
    if len(rows) <= n_rows * GROUP_BLOCKS:
        return rng.permutation(rows)
    starts = rng.permutation(np.arange(0, len(rows), n_rows))
    order, end = np.empty_like(rows), 0
    for first in range(0, len(starts), GROUP_BLOCKS):
        blocks = [rows[start : start + n_rows] for start in starts[first : first + GROUP_BLOCKS]]
        group = np.concatenate(blocks)
        begin, end = end, end + len(group)
        order[begin:end] = rng.permutation(group)
    return order


def take_rows(X: Any, rows: np.ndarray) -> Any:
    """Return some rows of X; those of a memory map as a map of an unnamed temporary file.

    The file is in the folder of Python's `tempfile`, and deleted with the array. Up to 16 MiB are
    copied to memory instead.

    Raises
    ------
    OSError
        If the file cannot be written, for instance because its disk is full.
    """
    if not is_memmap(X):
        return X[rows]
    n_bytes = len(rows) * X[:1].nbytes
    if n_bytes <= COPY_BYTES:
        return np.asarray(X)[rows]
    n_rows = max(1, COPY_BYTES // X[:1].nbytes)
    folder = tempfile.gettempdir()
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            # Written before it is mapped: a disk that is full when a page of a map is written
            # ends the process.
            for start in range(0, len(rows), n_rows):
                file.write(np.ascontiguousarray(X[rows[start : start + n_rows]]).data)
            file.flush()
            return np.memmap(file, X.dtype, "r", shape=(len(rows), *X.shape[1:]))
    except OSError as error:
        reason = (
            f"{error.strerror}: {n_bytes:,} bytes are needed for a copy of {len(rows):,} rows of a "
            "memory map. Set the variable TMPDIR to another folder"
        )
        raise OSError(error.errno, reason, folder) from error

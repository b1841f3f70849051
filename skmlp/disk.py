"""Rows in a file that is mapped into memory: read nearly in order, and never as a whole.

What NumPy maps is read page by page as it is touched, and kept as long as the system has memory
for it. If it has less than the file, rows in random order are read with all their surroundings
and dropped again before the next of these is wanted.
"""

import mmap
import tempfile

import numpy as np

__all__ = ["on_disk", "permutation", "taken"]

BLOCK_BYTES, GROUP_BLOCKS = 2**22, 16  # so groups are 64 MiB, which any machine keeps
COPIED_BYTES = 2**24


def on_disk(X):
    """Whether an array is a view of a file that is mapped into memory."""
    while X is not None and not isinstance(X, np.memmap | mmap.mmap):
        X = getattr(X, "base", None)
    return X is not None


def permutation(rng, X, rows):
    """Return the numbers of some rows of X in a random order.

    Of rows on disk, blocks of 4 MiB are put in random order, and then the rows within each
    group of 16 blocks, so that a group is all that has to be in memory at a time. Fewer rows
    are a single group, in the very order that they would have in memory.

    The method is CorgiPile: Xu et al., "In-Database Machine Learning with CorgiPile:
    Stochastic Gradient Descent without Full Data Shuffle", SIGMOD 2022.

    Parameters
    ----------
    rng : RandomState
    X : ndarray or sparse CSR of shape (n, n_features)
    rows : ndarray of int
        In ascending order.
    """
    if not on_disk(X):
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


def taken(X, rows):
    """Return some rows of X; of rows on disk, in a temporary file that nobody else sees.

    It is deleted when the array is, and lies where Python's `tempfile` puts it.
    """
    if not on_disk(X) or not len(rows):
        return X[rows]
    shape, n_rows = (len(rows), *X.shape[1:]), max(1, COPIED_BYTES // max(1, X[:1].nbytes))
    with tempfile.TemporaryFile() as file:
        part = np.memmap(file, X.dtype, "w+", shape=shape)
    for start in range(0, len(rows), n_rows):
        chunk = slice(start, start + n_rows)
        part[chunk] = X[rows[chunk]]
    return part

"""``python -m tests.estimators.memory_of_fit DTYPE FILE``: train on a file of 2 GB, print memory.

This runs in its own process, since memory freed by earlier tests would be reused. It measures
anonymous memory, which does not include the pages of the mapped file, and prints its largest
increase for each method in MB (10^6 bytes), compared with a process that has imported all modules
and fitted a few rows.
"""

import re
import sys
import threading
from pathlib import Path

import numpy as np

from skmlp import SoftmaxMLPClassifier

N_BYTES, N_FEATURES, N_CLASSES = 2 * 10**9, 784, 10
PARAMS = {"units": 4, "epochs": 1, "random_state": 0}


def anonymous():
    """Return the anonymous memory of this process, in MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) * 1024 / 1e6


def write_rows(path, dtype):
    """Write repeated chunks of rows to the file; return the memory map and the labels."""
    n = N_BYTES // (N_FEATURES * np.dtype(dtype).itemsize)
    rng, n_chunk = np.random.RandomState(0), 8192
    y = np.arange(n_chunk) % N_CLASSES
    chunk = rng.randint(0, 200, (n_chunk, N_FEATURES), np.uint8)
    chunk[:, :N_CLASSES] += 50 * (y[:, None] == np.arange(N_CLASSES)).astype(np.uint8)
    chunk = chunk.astype(dtype)
    X = np.lib.format.open_memmap(path, "w+", dtype, (n, N_FEATURES))
    for start in range(0, n, n_chunk):
        X[start : start + n_chunk] = chunk[: n - start]
    X.flush()
    del X
    return np.load(path, mmap_mode="r"), np.resize(y, n)


def work(X, y, dtype):
    """Call the methods that read all rows, and yield their names."""
    params = PARAMS | {"batch_size": min(4096, len(X) // 2)}
    if dtype == "uint8":
        weights = np.ones(len(X), np.float32)
        clf = SoftmaxMLPClassifier(**params, standardize=False, learning_rate=1e-4)
        clf.fit(X, y, weights, X_val=X, y_val=y)
    else:
        clf = SoftmaxMLPClassifier(**params, early_stopping=True, scoring="accuracy")
        clf.fit(X, y)
    yield "fit"
    clf.predict(X)
    yield "predict"
    clf.predict_proba(X)
    yield "predict_proba"
    clf.score(X, y)
    yield "score"


def main(dtype, path):
    X, y = write_rows(path, dtype)
    for _ in work(X[:300], y[:300], dtype):
        pass
    before, most, done = anonymous(), 0.0, threading.Event()

    def watch():
        nonlocal most
        while not done.wait(0.002):
            most = max(most, anonymous())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        for what in work(X, y, dtype):
            print(f"{what} {most - before:.0f}", flush=True)
            most = 0.0
    finally:
        done.set()
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])

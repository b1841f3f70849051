"""
Data larger than memory
=======================

There are two ways to train on data larger than memory:

- **A matrix in a file.** `fit` accepts `numpy.memmap`. Only mini-batches are copied and converted.
  Labels, validation and predictions need a few bytes per row. The validation rows of early
  stopping, by default a tenth, are copied to a temporary file.
- **Tables in parts**, such as Parquet files or Arrow batches, or rows that arrive over time.
  `partial_fit` trains on one part after the other.
"""

# %%
# A matrix in a file
# ------------------
#
# ``numpy.load(path, mmap_mode="r")`` and ``numpy.memmap`` map files into memory without reading
# them. The file in this example is small, so that the page is built quickly. A test of the package
# does the same with 2 GB and asserts that less than 300 MB of memory are needed.

import copy
import tempfile
from pathlib import Path

import numpy as np

from skmlp import SoftmaxMLPClassifier
from skmlp.datasets import load_fashion_mnist_sample

folder = tempfile.TemporaryDirectory()
path = Path(folder.name)
X, y = load_fashion_mnist_sample(return_X_y=True)
np.save(path / "X.npy", X)

X_file = np.load(path / "X.npy", mmap_mode="r")
clf = SoftmaxMLPClassifier(epochs=5, random_state=0).fit(X_file, y)
print(f"{X_file.nbytes / 1e6:.1f} MB of {X_file.dtype}, accuracy {clf.score(X_file, y):.3f}")

# %%
# The network is the same, bit for bit, as one trained on the array in memory.

same = SoftmaxMLPClassifier(epochs=5, random_state=0).fit(X, y)
print("equal:", (clf.theta_ == same.theta_).all())

# %%
# For files of 64 MiB or more the result is not the same, because the rows are visited in another
# order. If a file is larger than memory, reading a random row also reads the pages around it, which
# are dropped before they are used. With 500 MB of memory for a file of 2 GB, a row of 784 bytes
# took 17 to 22 ms, so an epoch would take half a day. Therefore blocks of 4 MiB are visited in
# random order, and the rows are shuffled within each group of 16 blocks. This took 3 to 4
# microseconds per row, or 10 s per epoch (``python -m benchmarks disk`` measures it). The file
# should be in C order (row by row): `fit` copies a matrix in Fortran order into memory.
#
# Tables in parts
# ---------------
#
# A Parquet file consists of *row groups*, which can be read separately. This file is sorted by
# class, which is common. It is also the worst case, because the last rows have the largest effect
# on a network.

import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.model_selection import train_test_split

X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)
order = np.argsort(y_train, kind="stable")
X_train, y_train = X_train[order], y_train[order]
weights = np.where(y_train == 6, 0.5, 1.0)  # the weight of shirts is 0.5
names = [f"pixel{i}" for i in range(X.shape[1])]
columns = {name: X_train[:, i] for i, name in enumerate(names)}
table = pa.table({**columns, "label": y_train, "weight": weights})
pq.write_table(table, path / "train.parquet", row_group_size=200)
file = pq.ParquetFile(path / "train.parquet")
print(file.num_row_groups, "row groups of", file.metadata.row_group(0).num_rows, "rows")

# %%
# An epoch reads the row groups in random order, eight at a time, and shuffles their rows. This is a
# block shuffle too, and reads each group only once.


def parts(file, rng, n_groups=8):
    """Yield (X, y, weights) of random row groups, shuffled; together they are one epoch."""
    groups = rng.permutation(file.num_row_groups)
    for start in range(0, len(groups), n_groups):
        rows = file.read_row_groups(groups[start : start + n_groups].tolist())
        rows = rows.take(rng.permutation(len(rows)))
        pixels = np.column_stack([rows[name].to_numpy() for name in names])
        yield pixels, rows["label"].to_numpy(), rows["weight"].to_numpy()


# %%
# The first call of `partial_fit` needs all classes, because a part need not contain all of them.
# Means and scales of the columns are those of the rows of all calls so far. Cyclic schedules have
# the factor 1 in `partial_fit`, which has no fixed number of steps; the other schedules continue
# from call to call. Each call adds an epoch to `history_`.
#
# `partial_fit` has no early stopping, average of parameters or temperature. Early stopping takes a
# few lines of code.

clf = SoftmaxMLPClassifier(schedule="invscaling", random_state=0)
rng, rows_val, losses, best = np.random.RandomState(0), np.arange(len(y_val)), [], None
while len(losses) < 30:
    for X_part, y_part, w_part in parts(file, rng):
        clf.partial_fit(X_part, y_part, classes=np.arange(10), sample_weight=w_part)
    losses.append(-clf.predict_log_proba(X_val)[rows_val, y_val].mean())
    if losses[-1] == min(losses):
        best, best_epoch = copy.deepcopy(clf), len(losses)
    if len(losses) - best_epoch == 4:
        break

print(f"{len(losses)} epochs, best epoch {best_epoch}: loss {min(losses):.3f}")
print(f"validation accuracy {best.score(X_val, y_val):.3f}")

# %%
# Arrow's record batches, from a file or a stream, work in the same way:
# ``for batch in pyarrow.dataset.dataset(folder).to_batches(): clf.partial_fit(...)``, with
# ``batch_size`` as large as memory allows. They are in the order of the files; shuffle the rows
# before the files are written, or shuffle several batches together as above.

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(5, 3))
ax.plot(range(1, len(losses) + 1), losses)
ax.axvline(best_epoch, color="0.6", linestyle=":")
ax.set(xlabel="epoch", ylabel="validation loss")
plt.show()
folder.cleanup()

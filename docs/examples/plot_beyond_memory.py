"""
Rows that do not fit into memory
================================

Two ways lead through data that are larger than memory:

- **A matrix in a file.** `fit` takes `numpy.memmap` as it is. Only mini-batches are ever copied
  and cast; labels, validation and predictions need a few bytes a row.
- **Tables in parts**, such as Parquet files or Arrow batches, or rows that arrive over time.
  `partial_fit` learns them part by part.
"""

# %%
# A matrix in a file
# ------------------
#
# ``numpy.load(path, mmap_mode="r")`` and ``numpy.memmap`` make arrays of files without reading
# them. Here the file is small, so that this page is built quickly; a test of the package does
# the same with 2 GB and asserts that less than 300 MB of memory are needed.

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
clf = SoftmaxMLPClassifier(epochs=5, early_stopping=True, random_state=0).fit(X_file, y)
print(f"{X_file.nbytes / 1e6:.1f} MB of {X_file.dtype}, accuracy {clf.score(X_file, y):.3f}")

# %%
# It is the network that the array in memory gives, bit for bit.

same = SoftmaxMLPClassifier(epochs=5, early_stopping=True, random_state=0).fit(X, y)
print("equal:", (clf.theta_ == same.theta_).all())

# %%
# From 64 MiB on it is no longer bit for bit the same, because the order of the rows is another.
# Where the system keeps less of a file than there is, a row at a random place costs the reading of
# all its surroundings, which are dropped before they are wanted: with 500 MB of memory for a file
# of 2 GB, a row of 784 bytes took 17 to 22 ms, which makes half a day of an epoch. So blocks of
# 4 MiB are put in random order, and the rows are shuffled within each group of 16 blocks, which
# took 3 to 4 microseconds a row, 10 s an epoch (``python -m benchmarks disk`` measures it). The
# file should have been written row by row, in C order: `fit` copies a matrix in Fortran order into
# memory.
#
# Tables in parts
# ---------------
#
# A Parquet file has *row groups*, which can be read one at a time. This one is sorted by class, as
# many are: the worst case for a network that learns from what it sees last.

import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.model_selection import train_test_split

X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)
order = np.argsort(y_train, kind="stable")
X_train, y_train = X_train[order], y_train[order]
weights = np.where(y_train == 6, 0.5, 1.0)  # shirts count half
names = [f"pixel{i}" for i in range(X.shape[1])]
columns = {name: X_train[:, i] for i, name in enumerate(names)}
table = pa.table({**columns, "label": y_train, "weight": weights})
pq.write_table(table, path / "train.parquet", row_group_size=200)
file = pq.ParquetFile(path / "train.parquet")
print(file.num_row_groups, "row groups of", file.metadata.row_group(0).num_rows, "rows")

# %%
# An epoch over the file takes the row groups in random order, a few at a time, and shuffles the
# rows of these few: a block shuffle again, which reads every group once, from beginning to end.


def parts(file, rng, n_groups=8):
    """Yield (X, y, weights) of some random row groups, shuffled; all of them make an epoch."""
    groups = rng.permutation(file.num_row_groups)
    for start in range(0, len(groups), n_groups):
        rows = file.read_row_groups(groups[start : start + n_groups].tolist())
        rows = rows.take(rng.permutation(len(rows)))
        pixels = np.column_stack([rows[name].to_numpy() for name in names])
        yield pixels, rows["label"].to_numpy(), rows["weight"].to_numpy()


# %%
# `partial_fit` wants to know all classes when it first sees rows, because that part may lack some.
# Means and scales of the columns are those of the first part as well: it should look like all
# of them, as eight random row groups do. Cyclic schedules have no end to run to here, and have the
# factor 1; the others go on from call to call. Every call adds an epoch to `history_`.
#
# Only the caller knows what an epoch is, so early stopping is a few lines of the caller's own.

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

print(f"{len(losses)} epochs, of which {best_epoch} was the best: loss {min(losses):.3f}")
print(f"accuracy on rows held out {best.score(X_val, y_val):.3f}")

# %%
# Arrow's record batches go the same way, from a file as from a stream:
# ``for batch in pyarrow.dataset.dataset(folder).to_batches(): clf.partial_fit(...)``, with
# ``batch_size`` as large as memory allows. They come in the order of the files; shuffle the rows
# when the files are written, or several batches together as above.

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(5, 3))
ax.plot(range(1, len(losses) + 1), losses)
ax.axvline(best_epoch, color="0.6", linestyle=":")
ax.set(xlabel="epoch", ylabel="validation loss")
plt.show()
folder.cleanup()

"""The rows of the Dask tests, as dask arrays and data frames."""

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits, load_iris
from sklearn.utils import shuffle

X, Y = shuffle(*load_iris(return_X_y=True), random_state=0)
W = np.random.RandomState(0).rand(150)
DIGITS = load_digits(return_X_y=True)
CHUNKS = (40, 63, 47)  # of different lengths


def cut(*arrays, chunks=CHUNKS):
    """Return arrays as dask arrays with these chunks of rows; None stays None."""
    return [a if a is None else da.from_array(a, chunks=(chunks, *a.shape[1:])) for a in arrays]


def frames(n_partitions=3):
    """Return iris as a dask data frame with string labels."""
    names = ["a", "b", "c", "d"]
    frame = pd.DataFrame(X, columns=names).assign(target=np.array(["x", "y", "z"])[Y])
    frame = dd.from_pandas(frame, npartitions=n_partitions)
    return frame[names], frame["target"]

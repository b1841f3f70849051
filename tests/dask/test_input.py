"""Dask arrays and data frames as input, and invalid input."""

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from dask.sizeof import sizeof
from scipy import sparse

from skmlp import SoftmaxMLPClassifier
from skmlp.callbacks import Checkpoint
from skmlp.dask import DaskSoftmaxMLPClassifier
from skmlp.dask.input import validate_shard
from tests.dask.arrays import W, X, Y, cut, frames


def test_unknown_chunks_sparse_blocks_and_column_chunks():
    frame, target = frames()
    params = {
        "units": (),
        "solver": "lbfgs",
        "l2": 0.01,
        "tol": 1e-8,
        "n_shards": 2,
        "epochs": 2000,
    }
    clf = DaskSoftmaxMLPClassifier(**params).fit(frame, target)
    codes = target.map_partitions(lambda part: (part == "x").astype("int64"), meta=("t", "int64"))
    unknown = DaskSoftmaxMLPClassifier(**params).fit(frame.values, target)
    np.testing.assert_allclose(
        unknown.predict_proba(X), clf.predict_proba(frame).compute(), atol=1e-6
    )
    assert DaskSoftmaxMLPClassifier(**params).fit(frame, codes).classes_.tolist() == [0, 1]
    columns = da.from_array(X, chunks=((40, 63, 47), (1, 3)))
    (dense,) = cut(X)
    blocks = dense.map_blocks(sparse.csr_array)
    local = SoftmaxMLPClassifier((), solver="lbfgs", l2=0.01, tol=1e-8, epochs=2000)
    for given, rows in ((columns, X), (blocks, sparse.csr_array(X))):
        clf = DaskSoftmaxMLPClassifier(**params).fit(given, *cut(Y, chunks=(75, 75)))
        expected = local.fit(rows, Y).predict_proba(rows)
        np.testing.assert_allclose(clf.to_local().predict_proba(rows), expected, atol=1e-6)
        np.testing.assert_allclose(clf.predict_proba(given).compute(), expected, atol=1e-6)


def test_partitions_without_rows_or_weight():
    params = {"units": (), "solver": "lbfgs", "l2": 0.01, "tol": 1e-8, "epochs": 2000}
    frame, target = frames(6)
    few = frame["a"] > 5.9
    few = few & (frame.index < 75)  # the last partitions are empty
    clf = DaskSoftmaxMLPClassifier(n_shards=6, **params).fit(frame[few], target[few])
    rows, labels = frame[few].compute(), target[few].compute()
    local = SoftmaxMLPClassifier(**params).fit(rows, labels)
    np.testing.assert_allclose(
        clf.to_local().predict_proba(rows), local.predict_proba(rows), atol=1e-6
    )
    assert len(clf.predict(frame[few])) == len(labels)
    w = np.where(np.arange(150) < 40, 0.0, W)
    clf = DaskSoftmaxMLPClassifier(n_shards=3, **params).fit(*cut(X, Y, w))
    local = SoftmaxMLPClassifier(**params).fit(X, Y, w)
    np.testing.assert_allclose(clf.predict_proba(X), local.predict_proba(X), atol=1e-6)


def test_invalid_input():
    fit = DaskSoftmaxMLPClassifier(4, n_shards=2).fit
    dX, dy, dw = cut(X, Y, W)
    with pytest.raises(TypeError, match=r"X must be a dask array or dataframe, got .*ndarray"):
        fit(X, dy)
    with pytest.raises(TypeError, match=r"y must be a dask array"):
        fit(dX, Y)
    with pytest.raises(TypeError, match=r"y_val must be a dask array"):
        fit(dX, dy, X_val=dX, y_val=Y)
    with pytest.raises(ValueError, match="needs X_val and y_val: X_val not given"):
        fit(dX, dy, y_val=dy)
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[150, 149\]"):
        fit(dX, dy[:149])
    with pytest.raises(ValueError, match="y has 2 partitions and X has 3: partitions must match"):
        fit(frames(3)[0], frames(2)[1])
    with pytest.raises(ValueError, match="Input X contains infinity"):
        fit(da.where(dX > 7, np.inf, dX), dy)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        fit(dX, dy + 0.5)
    with pytest.raises(ValueError, match="every weight is zero"):
        fit(dX, dy, dw * 0)
    with pytest.raises(ValueError, match="must not be negative"):
        fit(dX, dy, -dw)
    with pytest.raises(ValueError, match="Unknown class in y_val: \\[4\\]"):
        fit(dX, dy, X_val=dX, y_val=dy * 2)
    with pytest.raises(ValueError, match="gives every row the weight zero"):
        DaskSoftmaxMLPClassifier(4, class_weight=dict.fromkeys(range(3), 0)).fit(dX, dy)
    blocks = [dask.delayed(np.asarray)(Y[:75]), dask.delayed(np.asarray)(Y[75:].astype(str))]
    mixed = da.concatenate([da.from_delayed(b, (75,), dtype=object) for b in blocks])
    with pytest.raises(ValueError, match="labels of different kinds"):
        fit(dX.rechunk((75, 4)), mixed)
    for name in ("n_shards", "rounds_per_epoch"):
        with pytest.raises(ValueError, match=f"{name} must be .*an integer >= 1, got 0"):
            DaskSoftmaxMLPClassifier(4, **{name: 0}).fit(dX, dy)
    with pytest.raises(ValueError, match="rounds_per_epoch=90 is more than the rows of a shard"):
        DaskSoftmaxMLPClassifier(4, n_shards=2, rounds_per_epoch=90).fit(dX, dy)
    with pytest.raises(ValueError, match="units must be"):
        DaskSoftmaxMLPClassifier(0).fit(dX, dy)
    with pytest.raises(ValueError, match="Checkpoint is for SoftmaxMLPClassifier"):
        DaskSoftmaxMLPClassifier().set_callbacks(Checkpoint("x")).fit(dX, dy)
    with pytest.raises(AttributeError, match="resume is for"):
        DaskSoftmaxMLPClassifier.resume("x", dX, dy)
    clf = DaskSoftmaxMLPClassifier()
    assert not hasattr(clf, "partial_fit")
    with pytest.raises(ValueError, match="Training diverged"):
        DaskSoftmaxMLPClassifier(4, standardize=False, solver="sgd", learning_rate=1e9).fit(
            dX * 1e6, dy
        )


def test_shards_with_different_classes_warn():
    order = np.argsort(Y)
    with pytest.warns(UserWarning, match=r"class frequencies of shard \d of 3 differ"):
        DaskSoftmaxMLPClassifier(4, n_shards=3, epochs=1).fit(*cut(X[order], Y[order]))


def test_inconsistent_blocks_raise():
    dX, dy = cut(X, Y, chunks=(75, 75))
    for n_shards in (1, 2):
        clf = DaskSoftmaxMLPClassifier(4, n_shards=n_shards)
        masked = da.ma.masked_where(dX > 7, dX)
        with pytest.raises(ValueError, match="masked entries"):
            clf.fit(masked, dy)
        parts = [dask.delayed(block) for block in (X[:75], sparse.csr_array(X[75:]))]
        mixed = da.concatenate([da.from_delayed(p, (75, 4), float) for p in parts])
        with pytest.raises(ValueError, match="are sparse and some are dense"):
            clf.fit(mixed, dy)
        labels = [dask.delayed(block) for block in (Y[:75], Y[75:].astype(np.uint64) + 2**60)]
        labels = da.concatenate([da.from_delayed(p, (75,), int) for p in labels])
        with pytest.raises(ValueError, match="labels of different kinds"):
            clf.fit(dX, labels)
        frame = pd.DataFrame(X, columns=list("abcd"))
        halves = [dask.delayed(h) for h in (frame[:75], frame[75:][list("dcba")])]
        frame = dd.from_delayed(halves, meta=frame[:0], verify_meta=False)
        with pytest.raises(ValueError, match="different columns"):
            clf.fit(frame, dy)
        short = da.from_delayed(dask.delayed(Y[:9]), (75,), int)
        with pytest.raises(ValueError, match="a partition of X has 75 rows and that of y has 9"):
            clf.fit(dX, da.concatenate([short, dy[75:]]))


def test_invalid_input_of_score():
    clf = DaskSoftmaxMLPClassifier(4, n_shards=2).fit(*cut(X, Y))
    dX, dy, dw = cut(X, Y, W)
    assert clf.score(dX, dy[:, None]) == clf.score(dX, dy)
    for y, w, message in (
        (dy.astype(str), None, "different kinds"),
        (dy, dw * 0, "every weight is zero"),
        (dy, -dw, "must not be negative"),
        (dy + 0.5, None, "continuous"),
    ):
        with pytest.raises(ValueError, match=message):
            clf.score(dX, y, w)
    with pytest.raises(ValueError, match="two dimensions"):
        clf.predict(dX[:, 0])
    with pytest.raises(TypeError, match="must be a dask array"):
        clf.fit(dask.delayed(X), dy)


@pytest.mark.parametrize("scale", [3e13, 1e200, 1e-200])
def test_scale_of_weights_has_no_effect(scale):
    params = {"units": (), "solver": "lbfgs", "l2": 0.01, "tol": 1e-8, "epochs": 2000}
    local = SoftmaxMLPClassifier(**params).fit(X, Y, W)
    clf = DaskSoftmaxMLPClassifier(n_shards=3, **params).fit(*cut(X, Y, W * scale))
    np.testing.assert_allclose(clf.predict_proba(X), local.predict_proba(X), atol=1e-6)


def test_sizeof_of_a_shard():
    X_large = np.zeros((10_000, 100))
    shard = validate_shard([(X_large, np.zeros(10_000, int), None)], 0, "from_dtype", None)
    assert sizeof(shard) > X_large.nbytes

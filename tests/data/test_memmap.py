"""Training on files that are larger than memory: as on arrays, in bounded memory."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import log_loss
from sklearn.preprocessing import LabelBinarizer

from skmlp import SoftmaxMLPClassifier
from skmlp.core.targets import one_hot_targets
from skmlp.data import memmap, splitting
from skmlp.data.dataset import encode
from skmlp.data.validation import ValidatedRows

ROOT = Path(__file__).parents[2]


@pytest.fixture
def mapped(tmp_path):
    """A function that writes an array to a file and returns it mapped."""

    def write(X, name="X.npy"):
        np.save(tmp_path / name, X)
        return np.load(tmp_path / name, mmap_mode="r")

    return write


@pytest.fixture
def blobs(rng):
    """6,000 uint8 rows of 3 classes that a network can tell apart, sorted by class."""
    y = np.sort(rng.randint(0, 3, 6000))
    X = rng.normal(100.0, 20.0, (6000, 8)) + 25.0 * (np.arange(8) % 3 == y[:, None])
    return X.clip(0, 255).astype(np.uint8), y


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_file_of_2_gb_needs_less_than_300_mb(dtype, tmp_path):
    command = [sys.executable, "-m", "tests.data.memory_of_fit", dtype, tmp_path / "X.npy"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    peaks = dict(line.split() for line in run.stdout.splitlines())
    assert list(peaks) == ["fit", "predict", "predict_proba", "score"]
    assert max(map(float, peaks.values())) < 300, peaks


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"standardize": False, "class_weight": "balanced"},
        {"early_stopping": True},
        {"early_stopping": True, "scoring": "balanced_accuracy"},
        {"solver": "lbfgs"},
        {"dropout": 0.2, "dtype": "float64"},
    ],
    ids=str,
)
def test_a_file_is_learnt_as_an_array_is(params, blobs, mapped):
    X, y = blobs
    clfs = [
        SoftmaxMLPClassifier(units=5, epochs=3, random_state=0, **params).fit(data, y)
        for data in (X, mapped(X))
    ]
    np.testing.assert_array_equal(clfs[1].theta_, clfs[0].theta_)
    np.testing.assert_array_equal(clfs[1].predict_proba(mapped(X)), clfs[0].predict_proba(X))


def test_partial_fit_takes_slices_of_a_file(blobs, mapped):
    X, y = blobs
    clfs = []
    for data in (X, mapped(X)):
        clf = SoftmaxMLPClassifier(units=5, random_state=0)
        for start in range(0, 6000, 1000):
            clf.partial_fit(data[start : start + 1000], y[start : start + 1000], [0, 1, 2])
        clfs.append(clf)
    np.testing.assert_array_equal(clfs[1].theta_, clfs[0].theta_)


@pytest.fixture
def parquet(digits, tmp_path):
    """Digits in a Parquet file of 7 row groups, sorted by class: X, y, weights and the file."""
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    X, _, y, _ = digits
    order = np.argsort(y, kind="stable")
    X, y = X[order].astype(np.float32), y[order]
    w = 1.0 + (y == 3)
    columns = {f"x{i}": X[:, i] for i in range(X.shape[1])}
    table = pa.table({**columns, "label": y, "weight": w})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=200)
    return X, y, w, tmp_path / "rows.parquet"


def arrays(table):
    """Return the X, y and weights of a table or record batch of Arrow."""
    X = np.column_stack([table[f"x{i}"].to_numpy() for i in range(64)])
    return X, table["label"].to_numpy(), table["weight"].to_numpy()


def learn(batches):
    clf = SoftmaxMLPClassifier(random_state=0)
    for X, y, w in batches:
        clf.partial_fit(X, y, classes=np.arange(10), sample_weight=w)
    return clf


def test_arrow_batches_are_learnt_as_slices_of_arrays(parquet):
    dataset = pytest.importorskip("pyarrow.dataset")
    X, y, w, path = parquet
    batches = dataset.dataset(path).to_batches(batch_size=150)
    parts = [arrays(batch) for batch in batches]
    np.testing.assert_array_equal(np.concatenate([part[0] for part in parts]), X)
    ends = np.cumsum([0, *(len(part[0]) for part in parts)])
    slices = [slice(*pair) for pair in pairwise(ends)]
    expected = learn((X[s], y[s], w[s]) for s in slices)
    np.testing.assert_array_equal(learn(parts).theta_, expected.theta_)


def test_row_groups_in_random_order_are_learnt_as_well_as_rows_in_memory(parquet, digits):
    import pyarrow.parquet as pq

    X, y, w, path = parquet
    file, rng, parts = pq.ParquetFile(path), np.random.RandomState(0), []
    for _ in range(40):
        groups = rng.permutation(file.num_row_groups)
        for some in (groups[:4], groups[4:]):
            table = file.read_row_groups(some.tolist())
            parts.append(arrays(table.take(rng.permutation(len(table)))))
    clf = learn(parts)
    assert clf.n_iter_ == 80
    in_memory = SoftmaxMLPClassifier(epochs=40, schedule="constant", random_state=0).fit(X, y, w)
    _, X_test, _, y_test = digits
    assert clf.score(X_test, y_test) > in_memory.score(X_test, y_test) - 0.015


def test_validation_in_chunks_is_validation_of_all_rows(blobs, rng):
    X, y = blobs
    w = rng.randint(1, 4, len(y)).astype(float)
    clf = SoftmaxMLPClassifier(units=5, epochs=2, random_state=0)
    clf.fit(X[::2], y[::2], X_val=X, y_val=y, sample_weight_val=w)
    proba = clf.predict_proba(X).astype(float)
    proba /= proba.sum(axis=1, keepdims=True)
    expected = log_loss(y, proba, sample_weight=w)
    assert clf.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-4)
    assert clf.validation_scores_[-1] == pytest.approx(clf.score(X, y, w))


def test_the_sample_of_very_many_rows_is_still_stratified(blobs, monkeypatch):
    X, y = blobs
    rows = encode(ValidatedRows(X, y, None), np.arange(3), np.dtype(np.float32))
    monkeypatch.setattr(splitting, "MAX_STRATIFIED_ROWS", 2000)
    part = splitting.stratified_sample(rows, np.arange(6000), 300)
    again = splitting.stratified_sample(rows, np.arange(6000), 300)
    assert len(part.y) == 300
    np.testing.assert_array_equal(part.X, again.X)
    np.testing.assert_allclose(np.bincount(part.y) / 300, np.bincount(y) / 6000, atol=0.04)


def test_what_is_on_disk_is_known(mapped):
    X = mapped(np.zeros((4, 3)))
    for on_disk in (X, np.asarray(X), X[1:, ::2], np.asarray(X)[2:].T):
        assert memmap.is_memmap(on_disk)
    assert not any(memmap.is_memmap(X) for X in (np.zeros(3), np.array(X), X[[0, 2]].copy()))


def test_few_rows_of_a_file_are_shuffled_as_in_memory(mapped):
    X, rows = mapped(np.zeros((100, 3))), np.arange(0, 100, 2)
    orders = [
        memmap.block_shuffle(np.random.RandomState(0), data, rows) for data in (X, np.array(X))
    ]
    np.testing.assert_array_equal(*orders)
    np.testing.assert_array_equal(orders[0], np.random.RandomState(0).permutation(rows))


def test_many_rows_of_a_file_are_shuffled_by_groups_of_blocks(mapped, monkeypatch):
    monkeypatch.setattr(memmap, "BLOCK_BYTES", 10 * 8)
    monkeypatch.setattr(memmap, "GROUP_BLOCKS", 4)
    X, rows = mapped(np.zeros((1000, 1))), np.arange(1000)
    rng = np.random.RandomState(0)
    order = memmap.block_shuffle(rng, X, rows)
    np.testing.assert_array_equal(np.sort(order), rows)
    groups = [set(order[start : start + 40] // 10) for start in range(0, 1000, 40)]
    assert all(len(group) == 4 for group in groups)
    assert len(set.union(*groups)) == 100
    assert sum(max(group) - min(group) == 3 for group in groups) == 0  # blocks are no neighbours
    assert (np.diff(order) == 1).mean() < 0.1
    assert (memmap.block_shuffle(rng, X, rows) != order).mean() > 0.9
    # Without the first rows, blocks are of those that remain.
    np.testing.assert_array_equal(np.sort(memmap.block_shuffle(rng, X, rows[7:])), rows[7:])


def test_blocks_of_a_sorted_file_are_learnt_as_well(blobs, mapped, monkeypatch):
    monkeypatch.setattr(memmap, "BLOCK_BYTES", 50 * 8)
    X, y = blobs
    scores = []
    for data in (X, mapped(X)):
        clf = SoftmaxMLPClassifier(units=5, epochs=10, random_state=0).fit(data, y)
        scores.append(clf.score(X, y))
    assert scores[0] != scores[1]  # 6,000 rows make 120 blocks, 7.5 groups
    assert scores[1] == pytest.approx(scores[0], abs=0.005)


def test_rows_taken_from_a_file_are_in_a_file(mapped, monkeypatch, tmp_path, rng):
    monkeypatch.setattr(memmap, "COPY_BYTES", 100)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    X = rng.normal(size=(50, 3))
    rows = np.array([3, 4, 10, 49])
    file = mapped(X)
    before = set(tmp_path.iterdir())
    part = memmap.take_rows(file, rows)
    np.testing.assert_array_equal(part, X[rows])
    assert memmap.is_memmap(part)
    assert set(tmp_path.iterdir()) == before
    assert not memmap.is_memmap(memmap.take_rows(X, rows))
    assert len(memmap.take_rows(file, rows[:0])) == 0


@pytest.mark.parametrize("n_classes", [1, 2, 5])
def test_label_rows_are_those_of_a_label_binarizer(n_classes, rng):
    codes = rng.randint(0, n_classes, 40)
    Y = one_hot_targets(codes, n_classes, np.dtype(np.float32), 0.1)
    expected = np.eye(n_classes)[codes]
    if n_classes > 2:
        expected = LabelBinarizer().fit(np.arange(n_classes)).transform(codes)
    expected = 0.9 * expected + 0.1 / n_classes
    np.testing.assert_allclose(Y.toarray(), expected, rtol=1e-6)
    rows = rng.permutation(40)[:7]
    np.testing.assert_array_equal(Y[rows].toarray(), Y.toarray()[rows])
    gather = Y.batch_reader((2, 7))
    several = np.stack([rows, rows[::-1]])
    np.testing.assert_array_equal(gather(several), Y.toarray()[several])
    np.testing.assert_array_equal(gather(several[:, :3]), Y.toarray()[several[:, :3]])


def test_the_table_of_label_rows_is_never_larger_than_the_rows():
    Y = one_hot_targets(np.array([7, 99_999, 7]), 100_000, np.dtype(np.float32))
    assert Y.table.shape == (2, 100_000)
    assert Y.toarray().nonzero()[1].tolist() == [7, 99_999, 7]

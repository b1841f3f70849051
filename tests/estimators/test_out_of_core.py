"""Training on memory maps and Parquet files that are larger than memory."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from skmlp import SoftmaxMLPClassifier
from skmlp.data import memmap

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_memory_for_a_file_of_2_gb_is_less_than_300_mb(dtype, tmp_path):
    command = [sys.executable, "-m", "tests.estimators.memory_of_fit", dtype, tmp_path / "X.npy"]
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
def test_memmap_gives_the_same_model_as_array(params, blobs, mapped):
    X, y = blobs
    clfs = [
        SoftmaxMLPClassifier(units=5, epochs=3, random_state=0, **params).fit(data, y)
        for data in (X, mapped(X))
    ]
    np.testing.assert_array_equal(clfs[1].theta_, clfs[0].theta_)
    np.testing.assert_array_equal(clfs[1].predict_proba(mapped(X)), clfs[0].predict_proba(X))


def test_partial_fit_on_slices_of_a_memmap(blobs, mapped):
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
    """Digits, sorted by class, in a Parquet file of 7 row groups: X, y, weights and the path."""
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
    """Return X, y and weights of an Arrow table or record batch."""
    X = np.column_stack([table[f"x{i}"].to_numpy() for i in range(64)])
    return X, table["label"].to_numpy(), table["weight"].to_numpy()


def learn(batches):
    clf = SoftmaxMLPClassifier(random_state=0)
    for X, y, w in batches:
        clf.partial_fit(X, y, classes=np.arange(10), sample_weight=w)
    return clf


def test_partial_fit_on_arrow_batches_equals_slices_of_arrays(parquet):
    dataset = pytest.importorskip("pyarrow.dataset")
    X, y, w, path = parquet
    batches = dataset.dataset(path).to_batches(batch_size=150)
    parts = [arrays(batch) for batch in batches]
    np.testing.assert_array_equal(np.concatenate([part[0] for part in parts]), X)
    ends = np.cumsum([0, *(len(part[0]) for part in parts)])
    slices = [slice(*pair) for pair in pairwise(ends)]
    expected = learn((X[s], y[s], w[s]) for s in slices)
    np.testing.assert_array_equal(learn(parts).theta_, expected.theta_)


def test_partial_fit_on_shuffled_row_groups_is_as_accurate_as_fit(parquet, digits):
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


def test_block_shuffle_of_a_sorted_memmap_is_as_accurate_as_full_shuffle(
    blobs, mapped, monkeypatch
):
    monkeypatch.setattr(memmap, "BLOCK_BYTES", 50 * 8)
    X, y = blobs
    scores = []
    for data in (X, mapped(X)):
        clf = SoftmaxMLPClassifier(units=5, epochs=10, random_state=0).fit(data, y)
        scores.append(clf.score(X, y))
    assert scores[0] != scores[1]  # 6,000 rows make 120 blocks, 7.5 groups
    assert scores[1] == pytest.approx(scores[0], abs=0.005)

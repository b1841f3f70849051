"""Memory maps: detection, shuffling by blocks, copies to files."""

import numpy as np

from skmlp.data import memmap


def test_is_memmap(mapped):
    X = mapped(np.zeros((4, 3)))
    for on_disk in (X, np.asarray(X), X[1:, ::2], np.asarray(X)[2:].T):
        assert memmap.is_memmap(on_disk)
    assert not any(memmap.is_memmap(X) for X in (np.zeros(3), np.array(X), X[[0, 2]].copy()))


def test_small_memmap_is_shuffled_as_an_array(mapped):
    X, rows = mapped(np.zeros((100, 3))), np.arange(0, 100, 2)
    orders = [
        memmap.block_shuffle(np.random.RandomState(0), data, rows) for data in (X, np.array(X))
    ]
    np.testing.assert_array_equal(*orders)
    np.testing.assert_array_equal(orders[0], np.random.RandomState(0).permutation(rows))


def test_large_memmap_is_shuffled_by_groups_of_blocks(mapped, monkeypatch):
    monkeypatch.setattr(memmap, "BLOCK_BYTES", 10 * 8)
    monkeypatch.setattr(memmap, "GROUP_BLOCKS", 4)
    X, rows = mapped(np.zeros((1000, 1))), np.arange(1000)
    rng = np.random.RandomState(0)
    order = memmap.block_shuffle(rng, X, rows)
    np.testing.assert_array_equal(np.sort(order), rows)
    groups = [set(order[start : start + 40] // 10) for start in range(0, 1000, 40)]
    assert all(len(group) == 4 for group in groups)
    assert len(set.union(*groups)) == 100
    assert sum(max(group) - min(group) == 3 for group in groups) == 0  # blocks are not adjacent
    assert (np.diff(order) == 1).mean() < 0.1
    assert (memmap.block_shuffle(rng, X, rows) != order).mean() > 0.9
    # A subset of the rows is shuffled in blocks of its own.
    np.testing.assert_array_equal(np.sort(memmap.block_shuffle(rng, X, rows[7:])), rows[7:])


def test_take_rows_of_a_memmap_gives_a_memmap(mapped, monkeypatch, tmp_path, rng):
    monkeypatch.setattr(memmap, "COPY_BYTES", 50)  # two rows
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
    for few in (rows[:0], rows[:2]):
        np.testing.assert_array_equal(memmap.take_rows(file, few), X[few])
        assert not memmap.is_memmap(memmap.take_rows(file, few))

"""Memory maps: detection, shuffling by blocks, copies to files."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import which

import numpy as np
import pytest

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
    assert part.dtype == X.dtype
    assert not memmap.is_memmap(memmap.take_rows(X, rows))
    for few in (rows[:0], rows[:2]):
        np.testing.assert_array_equal(memmap.take_rows(file, few), X[few])
        assert not memmap.is_memmap(memmap.take_rows(file, few))


def test_error_of_a_copy_names_folder_and_bytes(mapped, monkeypatch):
    """The rows are written before they are mapped, so that a full disk is an error of Python."""

    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def write(self, _):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(memmap, "COPY_BYTES", 100)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda dir: Full())
    reason = f"No space left on device: 720 bytes are needed .*30 rows.*{tempfile.gettempdir()}"
    with pytest.raises(OSError, match=reason) as raised:
        memmap.take_rows(mapped(np.zeros((50, 3))), np.arange(0, 30))
    assert raised.value.errno == 28


FULL_DISK = """
import sys
import numpy as np
from skmlp import PopulationGridSearchCV, SoftmaxMLPClassifier
from skmlp.data import memmap

memmap.COPY_BYTES = 1000
X, y = np.load(sys.argv[1], mmap_mode="r"), np.arange(4000) % 5
clf = SoftmaxMLPClassifier(5, epochs=1, batch_size=500, early_stopping=True)
other = np.array(X)
for fit in (
    lambda: clf.fit(X, y),
    lambda: clf.fit(X, y, X_val=other, y_val=y),
    lambda: clf.fit(other, y, X_val=X, y_val=y),
    lambda: PopulationGridSearchCV(clf, {"l2": [0.0]}, cv=2, refit=False).fit(X, y),
):
    try:
        fit()
        print("fitted")
    except OSError as error:
        print(error)
"""


@pytest.mark.skipif(which("unshare") is None, reason="needs a file system of its own")
def test_full_temporary_folder_does_not_end_the_process(tmp_path):
    """A page of a map that has no place on the disk is SIGBUS."""
    folder = tmp_path / "small"
    folder.mkdir()
    np.save(tmp_path / "X.npy", np.random.RandomState(0).rand(4000, 100))
    mount = f"mount -t tmpfs -o size=64k t {folder}"
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", f'{mount} && exec "$@"', "-"]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    done = subprocess.run(
        [*command, sys.executable, "-W", "ignore", "-c", FULL_DISK, tmp_path / "X.npy"],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.returncode, done.stderr)
    first, *others = done.stdout.splitlines()
    message = r"\[Errno 28\] No space left on device: 320,000 bytes are needed.*TMPDIR.*small'"
    assert re.match(message, first)
    assert others == ["fitted"] * 3  # which copy no rows of a memory map

"""Reading what is no regular file, is huge, or does not fit in memory."""

import os
import re
import signal
import stat
import subprocess
import sys
import tracemalloc
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from sklearn.datasets import load_iris

from skmlp import SoftmaxMLPClassifier, load, save
from skmlp.io._regular import open_regular

posix = pytest.mark.skipif(os.name != "posix", reason="of POSIX")
X, y = load_iris(return_X_y=True)


def read_all(path):
    with open_regular(path) as file:
        return file.read()


def resume(path):
    return SoftmaxMLPClassifier.resume(path, X, y)


@pytest.fixture(params=[load, resume, read_all], ids=["load", "resume", "read_all"])
def read(request):
    return request.param


@contextmanager
def seconds(limit):
    """Fail after this time, as a test of what may wait for ever."""

    def stop(*_):
        pytest.fail(f"it waits for more than {limit} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(limit)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@posix
def test_fifo_is_refused_at_once(tmp_path, read):
    os.mkfifo(tmp_path / "fifo")
    with seconds(20), pytest.raises(OSError, match=r"a FIFO, where a regular file is.*fifo"):
        read(tmp_path / "fifo")


@posix
@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null", "/dev/tty"])
def test_device_is_refused_before_it_is_opened(read, name, monkeypatch):
    if not stat.S_ISCHR(os.stat(name).st_mode):
        pytest.skip("no such device here")
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("opened"))
    with seconds(20), pytest.raises(OSError, match=f"a character device.*{name}"):
        read(name)


@posix
def test_file_that_becomes_a_fifo_is_refused(tmp_path, read, monkeypatch):
    path = tmp_path / "f"
    path.touch()
    check = os.stat(path)
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr(os, "stat", lambda *_: check)
    with seconds(20), pytest.raises(OSError, match="a FIFO, where a regular file is"):
        read(path)


def test_folder_is_refused(tmp_path, read):
    with pytest.raises(OSError, match=re.escape(repr(str(tmp_path)))):
        read(tmp_path)


@posix
@pytest.mark.parametrize("read", [load, resume])
def test_sparse_file_of_10_gb_takes_no_memory(tmp_path, read):
    path = tmp_path / "sparse"
    for content in (b"", end_of_archive(5 * 10**9), end_of_archive(2**32 - 1)):
        with open(path, "wb") as file:
            file.truncate(10**10)
            file.seek(0, os.SEEK_END)
            file.write(content)
        tracemalloc.start()
        with pytest.raises(ValueError, match="is not a valid skmlp"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 2**23
        tracemalloc.stop()


def end_of_archive(n_bytes):
    """The end of a zip file whose directory has this many bytes, 64-bit records before it."""
    record = b"PK\x06\x06" + (44).to_bytes(8, "little") + b"\x2d\0\x2d\0" + bytes(8)
    record += (3).to_bytes(8, "little") * 2 + n_bytes.to_bytes(8, "little") + bytes(8)
    locator = b"PK\x06\x07" + bytes(4) + (10**10).to_bytes(8, "little") + b"\1\0\0\0"
    return record + locator + b"PK\x05\x06" + bytes(4) + b"\xff" * 12 + bytes(2)


LITTLE_MEMORY = """
import pathlib, resource, sys
from sklearn.datasets import load_iris
from skmlp import SoftmaxMLPClassifier, load, save
from skmlp.callbacks import Checkpoint
from skmlp.io.checkpoint import read_checkpoint

X, y = load_iris(return_X_y=True)
model, checkpoint = sys.argv[1:]
clf = SoftmaxMLPClassifier((1000, 700), epochs=1, solver="sgd", random_state=0)
clf.set_callbacks(Checkpoint(checkpoint)).fit(X, y)
save(clf, model)

def mapped():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()

for read, path in ((load, model), (read_checkpoint, checkpoint)):
    read(path)
    for step in range(32):
        soft = mapped() + step * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (soft, resource.RLIM_INFINITY))
        try:
            read(path)
        except MemoryError:
            found = "memory"
        else:
            found = "read"
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
        print(found)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory")
@pytest.mark.skipif(find_spec("resource") is None, reason="limits of memory")
def test_sound_file_is_not_called_damaged_when_memory_is_short(tmp_path):
    command = [sys.executable, "-c", LITTLE_MEMORY, tmp_path / "model", tmp_path / "checkpoint"]
    root = Path(__file__).parents[2]
    # Freed memory is returned to the system, so that the limit counts.
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert not done.stderr
    found = done.stdout.split()
    assert len(found) == 64
    for half in (found[:32], found[32:]):
        assert half.count("memory") > 4
        assert "read" in half


@pytest.mark.parametrize(
    "error", [MemoryError, KeyboardInterrupt, OSError(5, "Input/output error")]
)
def test_error_of_the_machine_is_not_one_of_the_file(tmp_path, monkeypatch, error):
    save(SoftmaxMLPClassifier(4, epochs=1).fit(X, y), tmp_path / "m")

    def fail(*_):
        raise error

    monkeypatch.setattr("skmlp.io._npz._read_array", fail)
    expected = type(error) if isinstance(error, OSError) else error
    with pytest.raises(expected) as raised:
        load(tmp_path / "m")
    if isinstance(error, OSError):
        assert str(raised.value) == f"[Errno 5] Input/output error: {str(tmp_path / 'm')!r}"

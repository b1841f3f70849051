"""Atomic writes: what killed writers, full disks, permissions, links and special files do."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import pytest
from sklearn.datasets import load_iris

from skmlp import SoftmaxMLPClassifier, load, save
from skmlp.callbacks import Checkpoint
from skmlp.io import _atomic
from skmlp.io._atomic import write_atomically
from tests.io.unprivileged import folder_for_all, needs_users, run_unprivileged

posix = pytest.mark.skipif(os.name != "posix", reason="of POSIX")
X, y = load_iris(return_X_y=True)


def write(path, content=b"new"):
    write_atomically(path, lambda file: file.write(content))


def leave_temporary(path):
    """What a writer that was killed leaves."""
    file = path.with_name(f"{path.name[:32]}.{'0a' * 16}.tmp")
    file.write_bytes(b"part")
    return file


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=["save", "checkpoint", "write"])
def write_to(request):
    """Each way to write a file to a path."""
    clf = SoftmaxMLPClassifier(4, epochs=2, random_state=0)
    if request.param == "save":
        clf.fit(X, y)
        return lambda path: save(clf, path)
    if request.param == "checkpoint":
        return lambda path: clf.set_callbacks(Checkpoint(path)).fit(X, y)
    return write


@pytest.fixture
def public():
    with folder_for_all() as folder:
        yield folder


# Permissions


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o400])
def test_permissions_are_those_of_the_replaced_file(tmp_path, write_to, mode):
    path = tmp_path / "f"
    path.touch()
    path.chmod(mode)
    before = path.read_bytes()
    write_to(path)
    assert path.read_bytes() != before
    assert mode_of(path) == mode


@posix
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_of_a_new_file_are_those_of_the_umask(tmp_path, write_to, mask):
    before = os.umask(mask)
    try:
        write_to(tmp_path / "f")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "f") == 0o666 & ~mask


@posix
def test_nobody_else_reads_what_is_being_written_over_a_private_file(tmp_path):
    (tmp_path / "f").touch(0o600)
    modes = []

    def look(file):
        modes.extend(stat.S_IMODE(p.stat().st_mode) for p in tmp_path.glob("*.tmp"))

    write_atomically(tmp_path / "f", look)
    assert modes == [0o600]


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid(), reason="needs root")
def test_owner_is_kept_by_root(tmp_path):
    (tmp_path / "f").touch(0o640)
    os.chown(tmp_path / "f", 65534, 65533)
    write(tmp_path / "f")
    status = (tmp_path / "f").stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (65534, 65533, 0o640)


@pytest.mark.slow
@needs_users
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid(), reason="needs root")
def test_permissions_of_a_group_do_not_pass_to_another(public):
    """Who may not give the file to its group gives no other group that group's permissions."""
    paths = [public / "f", public / "g"]
    for path, mode in zip(paths, (0o660, 0o664), strict=True):
        path.touch()
        os.chown(path, 1234, 1234)
        path.chmod(mode)
    imports = "from skmlp.io._atomic import write_atomically"
    code = "for path in sys.argv[1:]: write_atomically(path, lambda f: f.write(b'new'))"
    run_unprivileged(imports, code, *paths)
    assert [path.read_bytes() for path in paths] == [b"new"] * 2
    assert [mode_of(path) for path in paths] == [0o600, 0o644]


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="access control lists of Linux")
def test_access_control_list_is_kept(tmp_path):
    path = tmp_path / "f"
    path.touch(0o640)
    entries = [(1, 6, -1), (2, 4, 1234), (4, 0, -1), (16, 4, -1), (32, 0, -1)]
    found = b"".join(
        tag.to_bytes(2, "little")
        + permissions.to_bytes(2, "little")
        + id_.to_bytes(4, "little", signed=True)
        for tag, permissions, id_ in entries
    )
    try:
        os.setxattr(path, _atomic.ACCESS_LIST, (2).to_bytes(4, "little") + found)
    except OSError:
        pytest.skip("a file system without access control lists")
    before = os.getxattr(path, _atomic.ACCESS_LIST)
    write(path)
    assert path.read_bytes() == b"new"
    assert os.getxattr(path, _atomic.ACCESS_LIST) == before


# Links and special files


@posix
def test_other_hard_links_keep_the_old_content(tmp_path):
    (tmp_path / "f").write_bytes(b"old")
    os.link(tmp_path / "f", tmp_path / "other")
    write(tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == b"new"
    assert (tmp_path / "other").read_bytes() == b"old"


@posix
def test_file_that_a_symbolic_link_leads_to_is_replaced(tmp_path, write_to):
    (tmp_path / "folder").mkdir()
    target, link, second = tmp_path / "folder" / "f", tmp_path / "link", tmp_path / "second"
    target.write_bytes(b"old")
    link.symlink_to(Path("folder", "f"))
    second.symlink_to(link)
    write_to(second)
    assert target.read_bytes() != b"old"
    assert link.is_symlink()
    assert second.is_symlink()
    assert os.listdir(tmp_path / "folder") == ["f"]


@posix
def test_link_that_leads_nowhere_is_an_error(tmp_path, write_to):
    (tmp_path / "dangling").symlink_to("gone")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(FileNotFoundError, match="leads to 'gone', which does not exist") as raised:
        write_to(tmp_path / "dangling")
    assert "dangling" in str(raised.value)
    with pytest.raises(OSError, match=r"(?i)too many.*symbolic links") as raised:
        write_to(tmp_path / "loop")
    assert "loop" in str(raised.value)
    assert sorted(os.listdir(tmp_path)) == ["dangling", "loop"]


def special_files(folder):
    """Paths of special files, and how messages call them."""
    os.mkfifo(folder / "fifo")
    yield folder / "fifo", "a FIFO"
    (folder / "folder").mkdir()
    yield folder / "folder", "Is a directory"
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(folder)  # the length of its path is limited
        server.bind("socket")
    yield folder / "socket", "a socket"
    try:
        os.mknod(folder / "null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        os.mknod(folder / "disk", stat.S_IFBLK | 0o600, os.makedev(7, 200))
    except PermissionError:  # not root: the device itself, which is refused before it is touched
        yield Path("/dev/null"), "a character device"
    else:
        yield folder / "null", "a character device"
        yield folder / "disk", "a block device"


@posix
def test_special_file_is_not_replaced(tmp_path, write_to, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path, kind in special_files(tmp_path):
        before = path.lstat().st_mode
        with pytest.raises(OSError, match=f"{kind}.*{path.name}|{path.name}.*{kind}"):
            write_to(path)
        assert path.lstat().st_mode == before
    assert not list(tmp_path.glob("*.tmp"))


# Killed writers


KILLED = """
import os, sys
from skmlp.io import _atomic

path, point = sys.argv[1], 0

def write(file):
    file.write(b"new" * 100_000)

def kill_at(point):
    'Let the process die before the system call of this number, in the order of the write.'
    count = 0
    def guarded(call):
        def guard(*args, **kwargs):
            nonlocal count
            if count == point:
                os._exit(9)
            count += 1
            return call(*args, **kwargs)
        return guard
    for name in ("open", "fsync", "replace", "unlink", "fchown", "fchmod", "listdir", "close"):
        setattr(os, name, guarded(getattr(os, name)))
    _atomic.fcntl.flock = guarded(_atomic.fcntl.flock)

while True:
    with open(f"{path}.{'0' * 32}.tmp", "wb"):  # of a writer that was killed before
        pass
    child = os.fork()
    if not child:
        kill_at(point)
        _atomic.write_atomically(path, write)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with open(path, "rb") as file:
        content = file.read()
    assert content in (b"old", b"new" * 100_000), (point, len(content))
    folder = os.path.dirname(path)
    left = [name for name in os.listdir(folder) if name.endswith(".tmp")]
    print(point, code, content[:3].decode(), len(left))
    if code != 9:
        break
    for name in left:
        os.unlink(os.path.join(folder, name))
    with open(path, "wb") as file:
        file.write(b"old")
    point += 1
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_writer_that_is_killed_between_system_calls_leaves_the_old_or_the_new_file(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"old")
    # Since Python 3.12, os.fork warns of the threads of BLAS.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", KILLED, path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.stderr
    points = [line.split() for line in done.stdout.splitlines()]
    assert len(points) > 11
    assert [code for _, code, _, _ in points] == ["9"] * (len(points) - 1) + ["0"]
    contents = [content for _, _, content, _ in points]
    assert contents == sorted(contents, reverse=True)  # old, then new from the rename on
    assert len(set(contents)) == 2
    assert contents.count("new") == 4
    # At most that of this writer, once it has removed the other one.
    assert {left for *_, left in points[4:]} == {"0", "1"}
    assert points[-1][-1] == "0"
    assert os.listdir(tmp_path) == ["f"]


@pytest.mark.slow
@posix
def test_model_is_whole_after_100_kills_of_its_writer(tmp_path):
    path, n_left = tmp_path / "model.npz", 0
    save(SoftmaxMLPClassifier(5, epochs=1).fit(X, y), path)
    context = get_context("fork")
    clfs = [SoftmaxMLPClassifier(units, epochs=1).fit(X, y) for units in (5, 400)]
    for i in range(100):
        child = context.Process(target=save_for_ever, args=(clfs, path))
        child.start()
        time.sleep(0.01 + 0.0007 * i)
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        assert load(path).n_outputs_ == 3
        n_left += len(list(tmp_path.glob("*.tmp")))
    assert n_left
    save(clfs[0], path)
    assert os.listdir(tmp_path) == ["model.npz"]


def save_for_ever(clfs, path):
    while True:
        for clf in clfs:
            save(clf, path)


def test_temporary_files_of_killed_writers_are_removed(tmp_path, write_to):
    path = tmp_path / "model.npz"
    others = tmp_path / f"other.npz.{'0a' * 16}.tmp", tmp_path / "model.npz.tmp"
    for file in others:
        file.touch()
    left = leave_temporary(path)
    os.utime(left, (0, 0))
    write_to(path)
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, *(file.name for file in others)])


def test_temporary_file_in_use_is_not_removed(tmp_path):
    def write_both(file):
        write(tmp_path / "f", b"second")
        file.write(b"first")

    write_atomically(tmp_path / "f", write_both)
    assert (tmp_path / "f").read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["f"]


@posix
def test_temporary_file_that_is_removed_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    flock, others = _atomic.fcntl.flock, [b"other"]

    def late(file, operation):
        while others and not operation & _atomic.fcntl.LOCK_NB:
            write(tmp_path / "f", others.pop())  # it finds the file without a lock
            assert len(list(tmp_path.glob("*.tmp"))) == 0
        flock(file, operation)

    monkeypatch.setattr(_atomic.fcntl, "flock", late)
    write(tmp_path / "f")
    assert not others
    assert (tmp_path / "f").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["f"]


def test_without_locks_only_idle_temporary_files_are_removed(tmp_path, monkeypatch):
    """Windows has no locks of this kind."""
    monkeypatch.setattr(_atomic, "fcntl", None)
    left = leave_temporary(tmp_path / "f")
    write(tmp_path / "f")
    assert left.exists()
    os.utime(left, (0, 0))
    write(tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["f"]


# Errors


def test_long_names_and_all_kinds_of_paths(tmp_path, write_to, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["a" * 255, "한" * 85, "plain.npz"] if os.name == "posix" else ["plain.npz"]
    for name in names:
        for path in (name, os.fsencode(name), Path(name), tmp_path / name):
            write_to(path)
    assert sorted(os.listdir(tmp_path)) == sorted(names)


def test_bytes_path_is_read_again(tmp_path):
    clf, path = SoftmaxMLPClassifier(4, epochs=1).fit(X, y), os.fsencode(tmp_path / "m")
    save(clf, path)
    assert (load(path).theta_ == clf.theta_).all()
    clf.set_callbacks(Checkpoint(path)).fit(X, y)
    assert (SoftmaxMLPClassifier.resume(path, X, y).theta_ == clf.theta_).all()
    for number in (0, 1, True):
        with pytest.raises(TypeError, match="expected str, bytes or os"):
            load(number)
        with pytest.raises(TypeError, match="expected str, bytes or os"):
            save(clf, number)


def test_error_names_the_file_and_not_the_temporary_one(tmp_path, monkeypatch):
    path = tmp_path / "no folder" / "f"
    with pytest.raises(FileNotFoundError, match=re.escape(repr(str(path))) + "$"):
        write(path)

    def full(file):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match=r"\[Errno 28\] No space left on device: '.*f'$"):
        write_atomically(tmp_path / "f", full)
    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, _fail)
            with pytest.raises(OSError, match=r"\[Errno 5\].*f'$"):
                write(tmp_path / "f")
    assert not os.listdir(tmp_path)


def _fail(*_args):
    raise OSError(5, "Input/output error")


def test_error_of_another_file_is_not_blamed_on_this_one(tmp_path):
    def needs_another(file):
        with open(tmp_path / "font"):
            pass

    with pytest.raises(FileNotFoundError, match="font"):
        write_atomically(tmp_path / "f", needs_another)


@posix
def test_first_error_is_raised_if_the_temporary_file_cannot_be_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "unlink", _fail)

    def interrupted(file):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "f", interrupted)


IMPORTS = """
import sys
from sklearn.datasets import load_iris
from skmlp import SoftmaxMLPClassifier, load, save
clf = SoftmaxMLPClassifier(4, epochs=1).fit(*load_iris(return_X_y=True))
save(clf, sys.argv[2])
load(sys.argv[2])  # imports what it needs
"""


@pytest.mark.slow
@needs_users
def test_folder_that_may_be_written_but_not_read(public):
    folder = public / "folder"
    code = """
path = sys.argv[1] + "/m"
os.mkdir(sys.argv[1])
os.chmod(sys.argv[1], 0o333)
for _ in range(2):
    save(clf, path)
assert (load(path).theta_ == clf.theta_).all()
os.chmod(sys.argv[1], 0o777)
print(os.listdir(sys.argv[1]))
"""
    assert run_unprivileged(IMPORTS, code, folder, public / "m") == "['m']\n"


@needs_users
def test_folder_that_may_not_be_written(public):
    folder = public / "folder"
    code = """
path = sys.argv[1] + "/m"
os.mkdir(sys.argv[1])
save(clf, path)
os.chmod(sys.argv[1], 0o555)
try:
    save(clf, path)
except PermissionError as error:
    print(error)
assert (load(path).theta_ == clf.theta_).all()
os.chmod(sys.argv[1], 0o777)
"""
    printed = run_unprivileged(IMPORTS, code, folder, public / "m")
    assert printed == f"[Errno 13] Permission denied: '{folder}/m'\n"


@posix
def test_folder_that_vanishes_in_training(tmp_path):
    """Training ends without a checkpoint, and the warning does not promise an earlier one."""
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "c"

    def vanish(fraction):
        if fraction >= 0.5 and folder.exists():
            path.unlink()
            folder.rmdir()
        return 1.0

    clf = SoftmaxMLPClassifier(4, epochs=4, schedule=vanish, batch_size=150, random_state=0)
    with pytest.warns(UserWarning, match="No checkpoint after epoch") as warned:
        clf.set_callbacks(Checkpoint(path)).fit(X, y)
    assert len(warned) == 2
    for warning in warned:
        assert re.search(r"\(No such file .*\)\. It is gone, and training", str(warning.message))
    assert clf.n_iter_ == 4
    assert not folder.exists()


FULL_DISK = """
import resource, sys
from sklearn.datasets import load_iris
from skmlp import SoftmaxMLPClassifier, save
clf = SoftmaxMLPClassifier(50, epochs=1).fit(*load_iris(return_X_y=True))
path = sys.argv[1]
save(clf, path)
size = len(open(path, "rb").read())
for limit in range(0, size, 97):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        save(clf, path)
    except OSError as error:
        assert str(error) == f"[Errno 27] File too large: {path!r}", error
    else:
        sys.exit("written")
print(len(range(0, size, 97)))
"""


@pytest.mark.skipif(find_spec("resource") is None, reason="needs limits on the size of files")
def test_disk_that_is_full_after_any_number_of_bytes(tmp_path):
    path = tmp_path / "m"
    command = [sys.executable, "-c", FULL_DISK, path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.stderr
    assert int(done.stdout) > 40
    assert load(path).n_outputs_ == 3
    assert os.listdir(tmp_path) == ["m"]

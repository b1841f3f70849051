"""Atomic writes."""

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import time
from typing import Any, BinaryIO
from uuid import uuid4

from skmlp.io._regular import errors_name, file_to_replace

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

__all__ = ["write_atomically"]

# Of a temporary file's name, which has 37 characters more: at most 255 bytes together.
NAME_CHARACTERS = 32
ACCESS_LIST = "system.posix_acl_access"  # without it, the mode of the group is its mask
IDLE_SECONDS = 60


def write_atomically(
    path: str | bytes | os.PathLike[str], write: Callable[[BinaryIO], object]
) -> None:
    """Call write(file) on a temporary file beside path and rename it to path.

    Readers and concurrent writers see the old file or the new one, never a part; an error,
    a full disk or a crash leaves the old one. Temporary files that killed writers left are
    removed before.

    The new file has the permissions of the one that it replaces and, where the process may set
    it, the owner; other hard links to the old file keep the old content. A file that did not
    exist has the permissions of the umask. Of a symbolic link, the file that it leads to is
    replaced.

    Parameters
    ----------
    path : str, bytes or path-like
        The file to write.
    write : callable (binary file) -> None
        Writes the content.

    Raises
    ------
    OSError
        With this path, if it cannot be written, leads nowhere or is no regular file.
    """
    target, replaced = file_to_replace(path)
    folder, name = os.path.split(target)
    _remove_abandoned(folder, name)
    temporary = os.path.join(folder, f"{name[:NAME_CHARACTERS]}.{uuid4().hex}.tmp")
    with errors_name(path, temporary):
        try:
            with _new_file(temporary, target, replaced) as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
                if fcntl is not None:  # while it is locked
                    os.replace(temporary, target)
            if fcntl is None:  # Windows renames closed files only
                os.replace(temporary, target)
        except BaseException:
            with suppress(OSError):  # which would hide the first error
                os.unlink(temporary)
            raise
    _sync_folder(folder)


@contextmanager
def _new_file(name: str, target: str, replaced: os.stat_result | None) -> Iterator[BinaryIO]:
    """Create a file, locked while it is open, with the permissions of the target if it exists."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    # Until it has the owner of the other file, nobody else may read what is written.
    mode = 0o666 if replaced is None else 0o600
    while True:
        with open(name, "w+b", opener=lambda path, _: os.open(path, flags, mode)) as file:
            if fcntl is not None:
                with suppress(OSError):  # of file systems without locks
                    fcntl.flock(file, fcntl.LOCK_EX)
            if not os.path.lexists(name):
                continue  # another writer removed it before it was locked
            if replaced is not None and hasattr(os, "fchown"):
                _take_permissions(file.fileno(), target, replaced)
            yield file
            return


def _take_permissions(descriptor: int, target: str, replaced: os.stat_result) -> None:
    """Give a new file the owner, group, mode and access control list of the target."""
    mode = stat.S_IMODE(replaced.st_mode) & 0o777
    try:
        os.fchown(descriptor, replaced.st_uid, replaced.st_gid)
    except OSError:
        try:
            os.fchown(descriptor, -1, replaced.st_gid)
        except OSError:
            # To this process's group the old file was as to others.
            mode = mode & 0o707 | (mode & 0o007) << 3
    os.fchmod(descriptor, mode)
    if hasattr(os, "getxattr"):
        with suppress(OSError):  # it has no list
            os.setxattr(descriptor, ACCESS_LIST, os.getxattr(target, ACCESS_LIST))


def _sync_folder(folder: str) -> None:
    """Flush the folder's entry of a new file to disk, where folders can be opened."""
    # The new file is in place: an error here must not be taken for an error of the write.
    with suppress(OSError):
        descriptor = os.open(folder or os.curdir, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_abandoned(folder: str, name: str) -> None:
    """Remove the temporary files of writers that were killed."""
    pattern = re.escape(name[:NAME_CHARACTERS]) + r"\.[0-9a-f]{32}\.tmp"
    with suppress(OSError):  # a folder that may not be read
        for file in os.listdir(folder or os.curdir):
            if re.fullmatch(pattern, file):
                with suppress(OSError):  # in use, or removed by another writer
                    _remove_unless_in_use(os.path.join(folder, file))


def _remove_unless_in_use(temporary: str) -> None:
    """Remove a temporary file that no process is writing; raise OSError if one does."""
    if fcntl is None:
        # Windows does not remove open files, and a closed one is about to be renamed.
        if time() - os.stat(temporary).st_mtime > IDLE_SECONDS:
            os.unlink(temporary)
        return
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW
    with open(temporary, "rb", opener=lambda path, _: os.open(path, flags)) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a killed process holds no lock
        os.unlink(temporary)

"""Regular files: which file a path names, and opening it for reading.

Reading a FIFO waits for a writer, a device may never end, and replacing either by a file breaks
what uses it. So anything but a regular file is an OSError that names its kind.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

__all__ = ["errors_name", "file_to_replace", "open_regular"]

KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
    stat.S_IFSOCK: "a socket",
}


@contextmanager
def open_regular(path: str | bytes | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a regular file for reading.

    Raises
    ------
    OSError
        If there is none, or what is there is not a regular file.
    """
    name = os.fsdecode(path)
    _check_regular(os.stat(name), name)  # opening a device may have effects
    with open(name, "rb", opener=_open_without_waiting) as file:
        _check_regular(os.fstat(file.fileno()), name)  # it may have been replaced since
        yield file


def _open_without_waiting(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def file_to_replace(path: str | bytes | os.PathLike[str]) -> tuple[str, os.stat_result | None]:
    """Return the path of the file to write, links followed, and its status; None if it is new.

    Raises
    ------
    OSError
        If a link leads nowhere, or what is there is not a regular file.
    """
    name = os.fsdecode(path)
    try:
        status = os.stat(name)
    except FileNotFoundError as error:
        if os.path.islink(name):
            reason = f"the link leads to {os.readlink(name)!r}, which does not exist"
            raise FileNotFoundError(errno.ENOENT, reason, name) from error
        return name, None
    _check_regular(status, name)
    return os.path.realpath(name), status


def _check_regular(status: os.stat_result, name: str) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFDIR:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
    if kind != stat.S_IFREG:
        reason = f"{KINDS.get(kind, 'a special file')}, where a regular file is expected"
        raise OSError(errno.EINVAL, reason, name)


@contextmanager
def errors_name(path: str | bytes | os.PathLike[str], *hidden: str) -> Iterator[None]:
    """Give OSErrors of the block this path, if they name no file or one of the hidden ones."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, *hidden):
            raise
        raise OSError(error.errno, error.strerror, os.fsdecode(path)) from error

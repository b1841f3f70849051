"""Atomic writes."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

__all__ = ["remove_temporaries", "write_atomically"]


def write_atomically(path: str | os.PathLike[str], write: Callable[[BinaryIO], object]) -> None:
    """Call write(file) on a temporary file beside path and rename it to path.

    Readers and concurrent writers see the old file or the new one, never a part; an error,
    a full disk or a crash leaves the old one.

    Parameters
    ----------
    path : str or path-like
        The file to write.
    write : callable (binary file) -> None
        Writes the content.
    """
    path = Path(path)
    temporary = path.with_name(f"{path.name}.{uuid4().hex}.tmp")
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Flush the folder's entry of a new file to disk, where folders can be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_temporaries(path: str | os.PathLike[str]) -> None:
    """Remove the temporary files of killed writers of path; there must be no other writer."""
    path = Path(path)
    for file in path.parent.iterdir():
        if re.fullmatch(re.escape(path.name) + r"\.[0-9a-f]{32}\.tmp", file.name):
            file.unlink(missing_ok=True)

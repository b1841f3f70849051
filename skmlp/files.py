"""Files that are whole or not there."""

import os
import re
from pathlib import Path
from uuid import uuid4

__all__ = ["remove_temporaries", "write_atomically"]


def write_atomically(path, write):
    """Call write(file) on a temporary file beside path and move it there.

    Readers and concurrent writers see the old file or the new one, never a part; an error,
    a full disk or a crash leaves the old one.

    Parameters
    ----------
    path : str or path-like
        Where to, exactly.
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


def _sync_folder(folder):
    """Make the new name of a file survive a loss of power, where folders can be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_temporaries(path):
    """Remove what writers that were killed have left beside path. There must be no other writer."""
    path = Path(path)
    for file in path.parent.iterdir():
        if re.fullmatch(re.escape(path.name) + r"\.[0-9a-f]{32}\.tmp", file.name):
            file.unlink(missing_ok=True)

"""Files that are whole or not there."""

import os
from pathlib import Path
from uuid import uuid4

__all__ = ["write_atomically"]


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

"""Archives of arrays and a JSON header: files that carry no code.

An .npz archive whose members are neither compressed nor pickled: ``header.npy``, JSON text as
bytes, and one-dimensional arrays of numbers, bools or strings. What is read is checked before
memory is allocated for it: the directory through the open file, then the size of each array.
"""

import io
import json
import os
import re
import struct
import zipfile
from collections.abc import Callable, Collection, Mapping
from typing import IO, Any, BinaryIO, TypeVar

import numpy as np

from skmlp._errors import MAX_CHARACTERS, short_repr, shorten
from skmlp.io._atomic import write_atomically
from skmlp.io._regular import errors_name, open_regular

__all__ = [
    "check_history",
    "from_plain",
    "plain_labels",
    "read_archive",
    "to_plain",
    "write_archive",
]

Made = TypeVar("Made")
# Of dtypes; other arrays are of floats.
INTEGERS = dict.fromkeys(("bin_columns", "gaps", "row_of_code", "first_code", "folds"), "i")
KINDS = {"header": "u", "classes": "biufU", **INTEGERS}
MAX_PIECE = 2**18  # bytes read at once
START, MAGIC = struct.Struct("<8sH"), b"\x93NUMPY\x01\x00"  # then the length of the declaration
DECLARATION = (
    rb"\{'descr': '([<>|]?[a-zA-Z]\d{1,9})', 'fortran_order': (?:False|True), "
    rb"'shape': \((\d{1,18}),\),? *\} *\n"
)


def write_archive(
    path: str | bytes | os.PathLike[str],
    header: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray | None],
) -> None:
    """Write a header of plain values and one-dimensional arrays; None is left out."""
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    members = {"header": text} | {n: array for n, array in arrays.items() if array is not None}

    def write(file: BinaryIO) -> None:
        # Not by numpy.savez, which leaves the archive open after an error in some versions.
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in members.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, (1, 0), allow_pickle=False)

    write_atomically(path, write)


def read_archive(
    path: str | bytes | os.PathLike[str],
    kind: str,
    forms: Collection[int | str],
    required: set[str],
    is_optional: Callable[[str], bool],
    make: Callable[..., Made],
) -> Made:
    """Return ``make(header, **arrays)`` of a file; any defect is one ValueError that names it.

    Parameters
    ----------
    path : str or path-like
    kind : str
        "model" or "checkpoint", for messages.
    forms : collection of int or str
        The formats of which the header must name one.
    required : set of str
        Names of arrays besides the header.
    is_optional : callable (name) -> bool
        Whether there may be an array of this name.
    make : callable
        Checks the values; the arrays are of shape (n,) and writable.
    """
    with open_regular(path) as file, errors_name(path):
        try:
            header, arrays = _decode(file, forms, required, is_optional)
            return make(header, **arrays)
        except (MemoryError, OSError):
            raise  # of the machine: the file may be sound
        except Exception as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            # A cause is printed with the error, and may be as long as the file.
            cause = error if len(reason) <= MAX_CHARACTERS else None
            raise ValueError(
                f"{os.fsdecode(path)!r} is not a valid skmlp {kind} file: {shorten(reason)}"
            ) from cause


class _Pieces(io.BufferedReader):
    """A file that is read in pieces: ZipFile would read an archive's directory of any length."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_PIECE:
            raise ValueError(f"its directory has {size:,} bytes")
        # Without a size, ZipFile reads the last bytes of the file, at most 65,557.
        return super().read(MAX_PIECE if size is None or size < 0 else size)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if whence == os.SEEK_SET and offset < 0:
            raise ValueError("its directory is damaged")
        return super().seek(offset, whence)


def _decode(
    file: BinaryIO,
    forms: Collection[int | str],
    required: set[str],
    is_optional: Callable[[str], bool],
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the header and the other arrays in a file."""
    required = required | {"header"}
    length = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(_Pieces(open(file.fileno(), "rb", 0, closefd=False))) as archive:
        members = archive.infolist()
        names = {member.filename.removesuffix(".npy") for member in members}
        known = required | set(filter(is_optional, names))
        if len(members) != len(names) or not required <= names <= known:
            raise ValueError(f"it must hold {sorted(required)}, and besides them only known arrays")
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("its members must not be compressed")
        if sum(member.file_size for member in members) > length:
            raise ValueError("its members are longer than the file")
        arrays = {}
        for member in members:
            name = member.filename.removesuffix(".npy")
            with archive.open(member) as stream:
                arrays[name] = _read_array(name, stream, member.file_size)
    header = json.loads(arrays.pop("header").tobytes())
    if header["format"] not in forms:
        known_forms = " and ".join(map(repr, forms))
        raise ValueError(
            f"format {header['format']!r} is unknown, this version reads {known_forms}"
        )
    return header, arrays


def _read_array(name: str, stream: IO[bytes], size: int) -> np.ndarray:
    """Return the array in a .npy member, whose declared size is checked before it is made."""
    start = stream.read(START.size)
    magic, length = START.unpack(start) if len(start) == START.size else (b"", 0)
    if magic != MAGIC:
        raise ValueError(f"{name} is of an unknown .npy version")
    text = stream.read(length)
    # Not by NumPy, which evaluates the text as Python's literals.
    found = re.fullmatch(DECLARATION, text)
    if found is None:
        raise ValueError(f"{name} is declared as {text[:100]!r}")
    dtype, n = np.dtype(found[1].decode()), int(found[2])
    if dtype.kind not in KINDS.get(name.partition(".")[0], "f"):
        raise ValueError(f"{name} has dtype {dtype}")
    if n * dtype.itemsize != size - len(start) - len(text):
        raise ValueError(f"{name} is not as long as its shape ({n},) says")
    array = np.empty(n, dtype)
    content, done = array.view(np.uint8), 0
    while piece := stream.read(MAX_PIECE):
        content[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
        done += len(piece)
    if done != len(content):
        raise ValueError(f"{name} is truncated")
    return array


def to_plain(name: str, value: Any) -> Any:
    """Return a constructor parameter in types of JSON."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple | range) or hasattr(value, "tolist"):  # also of pandas
        return [to_plain(name, item) for item in value]
    if isinstance(value, Mapping):  # JSON would convert its keys to strings
        return {"items": [[to_plain(name, key), to_plain(name, v)] for key, v in value.items()]}
    if value is None or isinstance(value, str | int | float):
        return value
    raise ValueError(
        f"{name}={short_repr(value)} cannot be saved without pickle. It is not needed to predict: "
        f"clf.set_params({name}=...) to a plain value before saving."
    )


def from_plain(value: Any) -> Any:
    """Return the constructor parameter that `to_plain` has written."""
    if isinstance(value, dict):
        return dict(value["items"])
    return tuple(value) if isinstance(value, list) else value


def plain_labels(classes: np.ndarray) -> np.ndarray:
    """Return labels in a dtype that needs no pickle: object arrays of str become str."""
    if classes.dtype.kind == "O" and all(isinstance(label, str) for label in classes):
        return classes.astype(str)
    if classes.dtype.kind not in "biufU":
        raise ValueError(
            f"Labels of dtype {classes.dtype} cannot be saved without pickle: train on "
            "strings, numbers or bools."
        )
    return classes


def check_history(history: Any, stop_reason: Any, best_epoch: Any) -> None:
    """Raise unless the history is a dict of equally long lists of float."""
    lengths = {len(values) for values in history.values()}
    numbers = all(type(value) is float for values in history.values() for value in values)
    if "loss" not in history or len(lengths) != 1 or not numbers:
        raise ValueError("its history is damaged")
    if type(stop_reason) is not str:
        raise ValueError(f"its stop reason is {stop_reason!r}")
    is_epoch = type(best_epoch) is int and 0 <= best_epoch < len(history["loss"])
    if best_epoch is not None and not is_epoch:
        raise ValueError(f"its best epoch is {best_epoch!r}")

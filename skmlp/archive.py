"""Archives of arrays and a JSON header: files that carry no code.

An .npz archive whose members are neither compressed nor pickled: ``header.npy``, JSON text as
bytes, and one-dimensional arrays of numbers, bools or strings. What is read is checked before
memory is made for it, so that a file of n bytes costs a small multiple of n at most.
"""

import io
import json
import os
import zipfile
from collections.abc import Mapping
from math import prod

import numpy as np

from skmlp.core.scaling import Scaling
from skmlp.files import write_atomically

__all__ = [
    "check_history",
    "parameter",
    "plain",
    "plain_labels",
    "read_archive",
    "scaling_of",
    "write_archive",
]

KINDS = {"header": "u", "classes": "biufU"}  # of dtype; other arrays are of floats


def write_archive(path, header, arrays):
    """Write a header of plain values and a dict of 1-d arrays, of which those None are left out."""
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    members = {"header": text} | {n: array for n, array in arrays.items() if array is not None}

    def write(file):
        # Not by numpy.savez, which after an error leaves the archive open, in some versions.
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in members.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, (1, 0), allow_pickle=False)

    write_atomically(path, write)


def read_archive(path, what, form, required, optional, make):
    """Return ``make(header, **arrays)`` of a file, or raise one ValueError that says what is wrong.

    Parameters
    ----------
    path : str or path-like
    what : str
        What the file should be.
    form : int or str
        The format that the header must name.
    required, optional : set of str
        Names of arrays besides the header.
    make : callable
        Checks what they hold; arrays are of shape (n,) and writable.
    """
    with open(path, "rb") as file:
        content = file.read()
    try:
        header, arrays = _decode(content, form, required, optional)
        return make(header, **arrays)
    except Exception as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise ValueError(f"{os.fspath(path)!r} is not a sound {what} of skmlp: {reason}") from error


def _decode(content, form, required, optional):
    """Return the header and a dict of the other arrays in the content of a file."""
    required = required | {"header"}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        names = {member.filename.removesuffix(".npy") for member in members}
        if len(members) != len(names) or not required <= names <= required | optional:
            raise ValueError(
                f"it must hold {sorted(required)}, and no more than {sorted(optional)}"
            )
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("its members must not be compressed")
        arrays = {name: _decode_array(name, archive.read(f"{name}.npy")) for name in names}
    header = json.loads(arrays.pop("header").tobytes())
    if header["format"] != form:
        raise ValueError(f"format {header['format']!r} is unknown, this version reads {form!r}")
    return header, arrays


def _decode_array(name, member):
    """Return the 1-d array in a .npy member, having compared its sizes before making it."""
    stream = io.BytesIO(member)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError(f"{name} is of an unknown .npy version")
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.kind not in KINDS.get(name, "f") or dtype.hasobject or len(shape) != 1:
        raise ValueError(f"{name} has dtype {dtype} and shape {shape}")
    if prod(shape) * dtype.itemsize != len(member) - stream.tell():
        raise ValueError(f"{name} is not as long as its shape {shape} says")
    return np.frombuffer(member, dtype, offset=stream.tell()).copy()


def plain(name, value):
    """Return a constructor parameter as JSON has it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(name, item) for item in value]
    if isinstance(value, Mapping):  # whose keys JSON would make strings
        return {"items": [[plain(name, key), plain(name, v)] for key, v in value.items()]}
    if value is None or isinstance(value, str | int | float):
        return value
    raise ValueError(
        f"{name}={value!r} cannot be saved without pickle. It is not needed to predict: "
        f"clf.set_params({name}=...) to a plain value before saving."
    )


def parameter(value):
    """Return a constructor parameter as it was before `plain`."""
    if isinstance(value, dict):
        return dict(value["items"])
    return tuple(value) if isinstance(value, list) else value


def plain_labels(classes):
    """Return labels in a dtype that needs no pickle: object arrays of str become str."""
    if classes.dtype.kind == "O" and all(isinstance(label, str) for label in classes):
        return classes.astype(str)
    if classes.dtype.kind not in "biufU":
        raise ValueError(
            f"Labels of dtype {classes.dtype} cannot be saved without pickle: train on "
            "strings, numbers or bools."
        )
    return classes


def check_history(history, stop_reason, best_epoch):
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


def scaling_of(mean, scale, n_features, dtype):
    """Return the Scaling of two arrays, or None if there is none."""
    if mean is None and scale is None:
        return None
    for array in (scale,) if mean is None else (mean, scale):
        if array is None or array.shape != (n_features,) or array.dtype != dtype:
            raise ValueError("its means and scales do not fit its features")
        if not np.isfinite(array).all():
            raise ValueError("its means and scales are not all finite")
    if (scale <= 0).any():
        raise ValueError("its scales are not all positive")
    return Scaling(mean, scale)

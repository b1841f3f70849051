"""The fingerprint of training and validation rows, by which a resumed training knows them."""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse

from skmlp.core.levels import Table
from skmlp.data.dataset import Dataset
from skmlp.data.memmap import is_memmap
from skmlp.io._columns import categories_to_plain

__all__ = ["LABELS", "SHAPE", "data_fingerprint", "differences"]

FINGERPRINT_ROWS, CHUNK_ROWS = 64, 4096
TRAINING, VALIDATION = "X, y", "X_val, y_val"
ALL_ROWS = "the rows"  # the checksum that memory maps and files of skmlp 0.1.0 do not have
SHAPE, LABELS = f"the shape of {TRAINING}", f"the labels of {TRAINING}"


def data_fingerprint(
    feature_names: Iterable[Any],
    categories: Sequence[np.ndarray | None],
    dataset: Dataset,
    validation: Dataset | None,
) -> dict[str, Any]:
    """Return what identifies training and validation rows.

    These are shapes, feature names, and checksums of all labels, categories and weights, and of all
    rows of X. Of memory maps, which may be larger than memory, only 64 rows are read.
    """
    fingerprint: dict[str, Any] = {"feature names": [str(name) for name in feature_names]}
    if categories:
        plain = json.dumps(categories_to_plain(categories)).encode()
        fingerprint["categories"] = zlib.crc32(plain)
    for name, part in ((TRAINING, dataset), (VALIDATION, validation)):
        if part is not None:
            values = part.cached("fingerprint", partial(_fingerprint, part))
            fingerprint |= {f"{what} of {name}": value for what, value in values.items()}
    return fingerprint


def differences(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """Return the names of the values that differ between two fingerprints, or one has not."""
    return [name for name in {**before, **now} if _differ(name, now.get(name), before.get(name))]


def _differ(name: str, now: Any, before: Any) -> bool:
    is_unknown = name.startswith(ALL_ROWS) and None in (now, before)
    return now != before and not is_unknown


def _fingerprint(dataset: Dataset) -> dict[str, Any]:
    X = dataset.X
    some = X[np.linspace(0, X.shape[0] - 1, FINGERPRINT_ROWS).astype(int)]
    return {
        "the shape": list(X.shape),
        "the dtype": X.dtype.name,
        "the entries": _entries_checksum(some),
        "the labels": _checksum(dataset.y_encoded.astype("<i8")),
        "the weights": None if dataset.sample_weight is None else _checksum(dataset.sample_weight),
        ALL_ROWS: None if is_memmap(X) else _rows_checksum(X),
    }


def _rows_checksum(X: Any) -> int:
    """Return a checksum of all rows, which takes a thousandth of the time of a usual fit."""
    checksum = 0
    for start in range(0, X.shape[0], CHUNK_ROWS):
        checksum = _entries_checksum(X[start : start + CHUNK_ROWS], checksum)
    return checksum


def _entries_checksum(X: Any, checksum: int = 0) -> int:
    """Return a checksum of rows, which continues that of earlier ones."""
    arrays: tuple[np.ndarray, ...] = (X,)
    if sparse.issparse(X):
        arrays = X.data, X.indices.astype("<i8"), X.indptr.astype("<i8")
    elif isinstance(X, Table):
        arrays = X.numbers, X.codes.astype("<i8"), X.n_codes.astype("<i8")
    return _checksum(*arrays, checksum=checksum)


def _checksum(*arrays: np.ndarray, checksum: int = 0) -> int:
    for array in arrays:
        checksum = zlib.crc32(np.ascontiguousarray(array).data, checksum)
    return checksum

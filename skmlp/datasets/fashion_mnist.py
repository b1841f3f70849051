"""Fashion-MNIST: the full data set, and a sample that is part of skmlp.

`fetch_fashion_mnist` reads its cache or the four official IDX files, or downloads the data from
OpenML. The SHA-256 of each array is checked, because published accuracies depend on which rows
are the test set. `load_fashion_mnist_sample` reads 6,000 images that are part of skmlp.
"""

import errno
import gzip
import hashlib
import io
import os
import socket
import threading
import warnings
import zlib
from functools import partial
from importlib import resources
from importlib.util import find_spec
from math import prod
from numbers import Integral, Real
from os.path import exists, isfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import fetch_openml
from sklearn.utils import Bunch

from skmlp._errors import invalid
from skmlp.io._atomic import write_atomically
from skmlp.io._regular import open_regular

__all__ = ["fetch_fashion_mnist", "load_fashion_mnist_sample"]


class _Official(NamedTuple):
    """Name of an official file, shape and SHA-256 of the uint8 array in it."""

    file: str
    shape: tuple[int, ...]
    sha256: str


_OFFICIAL = {
    "train_images": _Official(
        "train-images-idx3-ubyte",
        (60_000, 784),
        "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
    ),
    "train_labels": _Official(
        "train-labels-idx1-ubyte",
        (60_000,),
        "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
    ),
    "test_images": _Official(
        "t10k-images-idx3-ubyte",
        (10_000, 784),
        "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
    ),
    "test_labels": _Official(
        "t10k-labels-idx1-ubyte",
        (10_000,),
        "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
    ),
}
_SUBSETS = {
    "train": ("train_images", "train_labels"),
    "test": ("test_images", "test_labels"),
    "all": tuple(_OFFICIAL),
}
_CACHE = Path("skmlp", "fashion-mnist")  # relative to data_home
_DEBIAN = Path("/usr/share/datasets/fashion-mnist")
_DOWNLOADING = threading.Lock()
# Of a folder, not of the network.
_CANNOT_WRITE = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST,
}  # fmt: skip

Arrays = dict[str, np.ndarray]  # by key of _OFFICIAL
Found = tuple[Arrays, Any]  # arrays and the name of their source

_NAMES = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"
_NAMES_KO = "티셔츠/윗도리,바지,스웨터,드레스,코트,샌들,셔츠,스니커즈,가방,앵클부츠"
_DESCR = """\
Fashion-MNIST
=============
Grey-scale images of Zalando's articles, 28 x 28 pixels from 0 (background) to 255, in
ten classes: 60,000 training and 10,000 test images, 6,000 and 1,000 of each class.

Here: {n:,} of these 70,000, in the order of the official files, read from
{source}.

Han Xiao, Kashif Rasul, Roland Vollgraf (2017). Fashion-MNIST: a Novel Image Dataset for
Benchmarking Machine Learning Algorithms. arXiv:1708.07747.
https://github.com/zalandoresearch/fashion-mnist, MIT licence, (c) 2017 Zalando SE.
"""


def fetch_fashion_mnist(
    subset: str = "train",
    *,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    n_retries: int = 3,
    delay: float = 1.0,
) -> Any:
    """Load Fashion-MNIST; download it from OpenML if it is not on this computer.

    Checksums verify that the data are the official rows in the official order.

    Parameters
    ----------
    subset : {'train', 'test', 'all'}, default='train'
        The 60,000 training images, the 10,000 test images, or both, training first.
    data_home : str or path-like, default=None
        Folder to search and to cache in. If None, scikit-learn's data folder,
        ``$SCIKIT_LEARN_DATA`` or ``~/scikit_learn_data``.
    download_if_missing : bool, default=True
        If False, raise OSError instead of downloading the data.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.
    n_retries : int, default=3
        Number of retries after a network error.
    delay : float, default=1.0
        Seconds between retries.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        ``data`` (n, 784) uint8, one image per row; ``images`` (n, 28, 28), a view of it;
        ``target`` (n,) int64, classes 0 to 9; ``target_names`` and ``target_names_ko``,
        lists of their names in English and Korean; ``DESCR``, the description.
    (data, target) : tuple of ndarray
        If `return_X_y` is True.

    Raises
    ------
    ValueError
        If a parameter is invalid, or if a source is damaged or does not contain the official
        data; other sources are not tried then.
    OSError
        If the data is not on this computer and cannot be downloaded.

    Notes
    -----
    The sources are tried in this order:

    1. ``data_home/skmlp/fashion-mnist``, the cache of earlier downloads. If it is damaged,
       it is ignored and overwritten; a folder that is not writable gives a warning.
    2. The official files, ``train-images-idx3-ubyte.gz`` and so on, compressed or not, in
       ``data_home``, ``data_home/fashion-mnist``, ``data_home/FashionMNIST/raw`` (used by
       torchvision) or ``/usr/share/datasets/fashion-mnist`` (used by the Debian package
       ``dataset-fashion-mnist``).
    3. OpenML, through :func:`~sklearn.datasets.fetch_openml` and its cache. This takes a
       few seconds and 0.3 GB of memory; without pandas, half a minute and 1 GB.

    References
    ----------
    Xiao, Rasul, Vollgraf (2017). Fashion-MNIST: a Novel Image Dataset for Benchmarking
    Machine Learning Algorithms. https://arxiv.org/abs/1708.07747

    Examples
    --------
    >>> from skmlp.datasets import fetch_fashion_mnist
    >>> X, y = fetch_fashion_mnist("test", return_X_y=True)  # doctest: +SKIP
    >>> X.shape, y.shape  # doctest: +SKIP
    ((10000, 784), (10000,))
    """
    keys = _keys(subset)
    if not (data_home is None or isinstance(data_home, str | os.PathLike)):
        raise invalid("data_home", data_home, "None or the path of a folder")
    if not (isinstance(n_retries, Integral) and n_retries >= 1):
        raise invalid("n_retries", n_retries, "an integer >= 1")
    if not (isinstance(delay, Real) and 0 < delay < float("inf")):
        raise invalid("delay", delay, "a finite number > 0")

    # Not by get_data_home, which creates the folder.
    home = data_home or os.environ.get("SCIKIT_LEARN_DATA", "~/scikit_learn_data")
    home = Path(home).expanduser()
    found = _from_cache(home, keys) or _from_idx_folders(home, keys)
    if found is None and download_if_missing:
        found = _from_openml(home, n_retries, delay)
    if found is None:
        raise OSError(_missing_data_message(home, "download_if_missing is False"))
    arrays, source = found
    return _bunch({key: arrays[key] for key in keys}, source, return_X_y)


def load_fashion_mnist_sample(subset: str = "train", *, return_X_y: bool = False) -> Any:
    """Load the sample of Fashion-MNIST that is part of skmlp.

    It consists of the first 500 training and the first 100 test images of each class. It is for
    examples and tests; accuracies on it are not comparable with published ones.

    Parameters
    ----------
    subset : {'train', 'test', 'all'}, default='train'
        The 5,000 training images, the 1,000 test images, or both, training first.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        As returned by :func:`fetch_fashion_mnist`.
    (data, target) : tuple of ndarray
        If `return_X_y` is True.

    Raises
    ------
    ValueError
        If `subset` is invalid.

    Examples
    --------
    >>> from skmlp.datasets import load_fashion_mnist_sample
    >>> fashion = load_fashion_mnist_sample("test")
    >>> fashion.images.shape
    (1000, 28, 28)
    >>> [fashion.target_names[label] for label in fashion.target[:3]]
    ['Ankle boot', 'Pullover', 'Trouser']
    """
    keys = _keys(subset)
    file = resources.files("skmlp.datasets") / "fashion_mnist_sample.npz"
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as sample:
        arrays = {key: sample[key] for key in keys}
    source = "skmlp: the first 500 training and the first 100 test images of each class"
    return _bunch(arrays, source, return_X_y)


def _keys(subset: Any) -> tuple[str, ...]:
    """Return the keys of the arrays of a subset."""
    if not isinstance(subset, str) or subset not in _SUBSETS:
        raise invalid("subset", subset, f"one of {list(_SUBSETS)}")
    return _SUBSETS[subset]


def _bunch(arrays: Arrays, source: Any, return_X_y: bool) -> Any:
    """Return the Bunch, or (data, target), as new writable arrays."""
    images = [arrays[key] for key in arrays if key.endswith("images")]
    labels = [arrays[key] for key in arrays if key.endswith("labels")]
    data, target = np.concatenate(images), np.concatenate(labels).astype(np.int64)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        images=data.reshape(-1, 28, 28),
        target=target,
        target_names=_NAMES.split(","),
        target_names_ko=_NAMES_KO.split(","),
        DESCR=_DESCR.format(n=len(data), source=source),
    )


def _check_official(arrays: Arrays, source: Any) -> None:
    """Raise ValueError unless the arrays are the official ones."""
    for key, array in arrays.items():
        _, shape, sha256 = _OFFICIAL[key]
        if array.dtype != np.uint8 or array.shape != shape:
            found = f"{array.dtype} of shape {array.shape} instead of uint8 of {shape}"
        elif hashlib.sha256(array.data).hexdigest() != sha256:
            found = "other values, or the same rows in another order"
        else:
            continue
        raise ValueError(
            f"The {key.replace('_', ' ')} in {source} are not those of the official "
            f"Fashion-MNIST: {found}."
        )


def _from_cache(home: Path, keys: tuple[str, ...]) -> Found | None:
    """Read the cache; return None if it is incomplete or damaged."""
    folder = home / _CACHE
    try:
        arrays = {key: _read_npy(folder / f"{key}.npy", _OFFICIAL[key].shape) for key in keys}
        _check_official(arrays, folder)
    except (OSError, ValueError):
        return None
    return arrays, folder


def _from_idx_folders(home: Path, keys: tuple[str, ...]) -> Found | None:
    """Read the IDX files of the first folder that has all of them; return None without one."""
    torchvision = home / "FashionMNIST" / "raw"
    for folder in (home, home / "fashion-mnist", torchvision, _DEBIAN):
        paths = {key: folder / _OFFICIAL[key].file for key in keys}
        # Not by Path.is_file, which raises for a folder that may not be entered.
        paths = {key: p if isfile(p) else Path(f"{p}.gz") for key, p in paths.items()}
        if all(map(isfile, paths.values())):
            arrays = {key: _read_idx(paths[key], _OFFICIAL[key].shape) for key in keys}
            _check_official(arrays, folder)
            return arrays, folder
    return None


def _read_npy(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Return the uint8 array of a file of the cache; raise ValueError for another size."""
    header, declared = io.BytesIO(), {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, declared)
    with open_regular(path) as file:
        return _read_array(path, file, header.getvalue(), shape)


def _read_idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Return the uint8 array of an IDX file, reshaped; raise ValueError for another size."""
    axes = shape if len(shape) == 1 else (shape[0], 28, 28)
    header = np.array([0x800 + len(axes), *axes], ">u4").tobytes()
    with open_regular(path) as file:
        if path.suffix != ".gz":
            return _read_array(path, file, header, axes).reshape(shape)
        try:
            with gzip.open(file) as unpacked:
                return _read_array(path, unpacked, header, axes).reshape(shape)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path} is damaged: {error}") from error


def _read_array(path: Path, file: Any, header: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """Return the uint8 array after a header, the only content of a file."""
    n_bytes = prod(shape)
    content = file.read(len(header) + n_bytes + 1)  # a small file may unpack to a huge one
    if not content.startswith(header) or len(content) != len(header) + n_bytes:
        raise ValueError(
            f"{path} is damaged or not from Fashion-MNIST: it should hold a header for unsigned "
            f"bytes of shape {shape}, then {n_bytes} bytes."
        )
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape)


def _from_openml(home: Path, n_retries: int, delay: float) -> Found:
    """Download the data from OpenML, check it and write it to the cache."""
    try:
        images, labels = _download_with_cache(home, n_retries, delay)
    except MemoryError:
        raise
    except Exception as error:
        # A broken connection raises URLError, HTTPException, EOFError, zlib.error,
        # JSONDecodeError and others.
        reason = f"the download from OpenML failed ({type(error).__name__}: {error})"
        raise OSError(_missing_data_message(home, reason)) from error
    n_train = _OFFICIAL["train_labels"].shape[0]
    arrays = {
        "train_images": images[:n_train],
        "train_labels": labels[:n_train],
        "test_images": images[n_train:],
        "test_labels": labels[n_train:],
    }
    _check_official(arrays, "OpenML's copy")
    _write_cache(home, arrays)
    return arrays, "OpenML"


def _download_with_cache(home: Path, n_retries: int, delay: float) -> tuple[np.ndarray, np.ndarray]:
    """Return all images and labels; without a cache if the folder cannot be written."""
    try:
        return _download(home, n_retries, delay)
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise
    return _download(None, n_retries, delay)


def _download(home: Path | None, n_retries: int, delay: float) -> tuple[np.ndarray, np.ndarray]:
    """Return all images and labels from OpenML as uint8; None is for no cache."""
    options: dict[str, Any] = {"parser": "liac-arff"}
    if find_spec("pandas"):
        # Given dtypes reduce the memory by two thirds. They also avoid the TypeError of
        # scikit-learn <= 1.9.1 for labels that pandas >= 3.1 parses as integers.
        dtype = dict.fromkeys(range(784), "uint8") | {784: "str"}
        options = {"parser": "pandas", "read_csv_kwargs": {"dtype": dtype}}
    with _DOWNLOADING, warnings.catch_warnings():  # filters and timeout are global
        # If all retries fail, the OSError has the details. fetch_openml warns of an invalid cache
        # also when a connection breaks.
        for message in ("A network error occurred", "Invalid cache, redownloading"):
            warnings.filterwarnings("ignore", message)
        timeout = socket.getdefaulttimeout()
        # fetch_openml sets no timeout and would wait forever for a dead connection.
        socket.setdefaulttimeout(30 if timeout is None else timeout)
        try:
            table = fetch_openml(
                "Fashion-MNIST",
                version=1,
                as_frame=False,
                data_home=home,
                cache=home is not None,
                n_retries=n_retries,
                delay=delay,
                **options,
            )
        finally:
            socket.setdefaulttimeout(timeout)
    labels = np.array([str(label).strip(" '\"") for label in table.target])
    return np.ascontiguousarray(table.data, np.uint8), labels.astype(np.uint8)


def _write_cache(home: Path, arrays: Arrays) -> None:
    """Write each array atomically, since other processes may write the same files."""
    folder = home / _CACHE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for key, array in arrays.items():
            write_atomically(folder / f"{key}.npy", partial(np.save, arr=array))
    except OSError as error:  # for instance a full disk
        warnings.warn(f"Fashion-MNIST not cached in {folder}: {error}", stacklevel=4)


def _missing_data_message(home: Path, reason: str) -> str:
    """Return the error message: the reason and the ways to provide the data."""
    cache, files = home / _CACHE, ".gz, ".join(o.file for o in _OFFICIAL.values())
    damage = f"The cache, {cache}, is incomplete or damaged.\n" * exists(cache)
    return (
        f"Fashion-MNIST is not on this computer, and {reason}.\n{damage}"
        f"(a) Call fetch_fashion_mnist() once while online; the data will stay in {cache}.\n"
        f"(b) Or put {files}.gz into {home / 'fashion-mnist'}; "
        "on Debian and Ubuntu, `apt-get install dataset-fashion-mnist` is enough.\n"
        "(c) Or use load_fashion_mnist_sample(), a sample that is part of skmlp."
    )

"""Fashion-MNIST from every source, valid and damaged, without a network.

The tests call the real fetch_openml. Most of them replace the table of official files by one for
30 + 10 random images, so that the loader accepts these as Fashion-MNIST.
"""

import gzip
import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import time
import tracemalloc
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import get_data_home

import skmlp.datasets.fashion_mnist as module
from skmlp.datasets import fetch_fashion_mnist, load_fashion_mnist_sample
from tests.datasets import openml_site as site
from tests.io.unprivileged import folder_for_all, needs_users, run_unprivileged

REAL = Path("/usr/share/datasets/fashion-mnist")
needs_real_files = pytest.mark.skipif(
    not REAL.is_dir(), reason="the Debian package dataset-fashion-mnist is not installed"
)
SUBSETS = ("train", "test", "all")
FAST = {"n_retries": 1, "delay": 0.01}


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Connections to other machines fail at once, as without a network."""
    lookup, connect = socket.getaddrinfo, socket.socket.connect

    def local_lookup(host, *args, **kwargs):
        if host not in ("127.0.0.1", "localhost"):
            raise socket.gaierror(socket.EAI_NONAME, "no network in tests")
        return lookup(host, *args, **kwargs)

    def local_connect(self, address):
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1"):
            raise ConnectionRefusedError("no network in tests")
        return connect(self, address)

    monkeypatch.setattr(socket, "getaddrinfo", local_lookup)
    monkeypatch.setattr(socket.socket, "connect", local_connect)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    urllib.request.install_opener(None)  # it may use a proxy
    yield
    urllib.request.install_opener(None)


@pytest.fixture
def home(tmp_path):
    """Return a data_home that does not exist yet."""
    return tmp_path / "home"


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """Replace the official Fashion-MNIST by 30 + 10 random images, without Debian package."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (40, 784), dtype=np.uint8)
    y = np.concatenate([rng.permutation(np.arange(n) % 10) for n in (30, 10)])
    arrays = {
        "train_images": X[:30],
        "train_labels": y[:30].astype(np.uint8),
        "test_images": X[30:],
        "test_labels": y[30:].astype(np.uint8),
    }
    official = {
        key: module._Official(
            module._OFFICIAL[key].file,
            array.shape,
            hashlib.sha256(array.tobytes()).hexdigest(),
        )
        for key, array in arrays.items()
    }
    monkeypatch.setattr(module, "_OFFICIAL", official)
    monkeypatch.setattr(module, "_DEBIAN", tmp_path / "debian")
    return SimpleNamespace(X=X, y=y, arrays=arrays, official=official)


def rows(subset):
    return {"train": slice(30), "test": slice(30, 40), "all": slice(40)}[subset]


def idx(array):
    """Return the bytes of an IDX file; a row of 784 is stored as 28 rows of 28."""
    shape = (len(array), 28, 28) if array.ndim == 2 else array.shape
    header = bytes([0, 0, 8, len(shape)])
    return header + b"".join(n.to_bytes(4, "big") for n in shape) + array.tobytes()


def write_idx(folder, arrays, *, packed=True):
    folder.mkdir(parents=True, exist_ok=True)
    for key, array in arrays.items():
        file = folder / module._OFFICIAL[key].file
        if packed:
            Path(f"{file}.gz").write_bytes(gzip.compress(idx(array), compresslevel=1))
        else:
            file.write_bytes(idx(array))


def cache_files(home):
    """Return the contents of all files in skmlp's cache."""
    return {
        str(path.relative_to(home / "skmlp" / "fashion-mnist")): path.read_bytes()
        for path in (home / "skmlp").rglob("*")
        if path.is_file()
    }


def assert_is(found, tiny, subset="train"):
    X, y = found
    for array, expected in ((X, tiny.X[rows(subset)]), (y, tiny.y[rows(subset)])):
        assert np.array_equal(array, expected)
    assert (X.dtype, y.dtype) == (np.uint8, np.int64)
    for array in (X, y):
        assert array.flags.c_contiguous
        assert array.flags.writeable


# Return values


@pytest.mark.parametrize("subset", SUBSETS)
def test_bunch(tiny, home, subset):
    write_idx(home, tiny.arrays)
    bunch = fetch_fashion_mnist(subset, data_home=home)
    assert_is((bunch.data, bunch.target), tiny, subset)
    assert bunch.images.shape == (len(bunch.data), 28, 28)
    assert np.shares_memory(bunch.images, bunch.data)
    assert bunch.target_names[::9] == ["T-shirt/top", "Ankle boot"]
    assert bunch.target_names_ko[::9] == ["티셔츠/윗도리", "앵클부츠"]
    assert len(bunch.target_names) == len(bunch.target_names_ko) == 10
    for words in ("1708.07747", "MIT", str(home), f"Here: {len(bunch.data)} of"):
        assert words in bunch.DESCR


def test_return_X_y_and_default_subset(tiny, home):
    write_idx(home, tiny.arrays)
    assert_is(fetch_fashion_mnist(data_home=home, return_X_y=True), tiny)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("subset", value) for value in ("Train", "", None, 3, ["train"])],
        *[("data_home", value) for value in (3, ["home"])],
        *[("n_retries", value) for value in (0, 1.5, "3", None)],
        *[("delay", value) for value in (0, -1.0, float("nan"), float("inf"), "1")],
    ],
)
def test_invalid_parameter(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be .*, got ") as error:
        fetch_fashion_mnist(**{name: value})
    assert repr(value) in str(error.value)


@pytest.mark.parametrize("function", [fetch_fashion_mnist, load_fashion_mnist_sample])
def test_only_subset_is_positional(function):
    with pytest.raises(ValueError, match=r"subset must be one of .*'train', 'test', 'all'"):
        function("validation")
    with pytest.raises(TypeError, match="positional"):
        function("train", True)


# The official IDX files


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("place", [".", "fashion-mnist", "FashionMNIST/raw", "debian"])
def test_idx_folders(tiny, home, tmp_path, place, packed):
    folder = tmp_path / "debian" if place == "debian" else home / place
    write_idx(folder, tiny.arrays, packed=packed)
    for subset in SUBSETS:
        found = fetch_fashion_mnist(subset, data_home=str(home), return_X_y=True)
        assert_is(found, tiny, subset)
    assert not (home / "skmlp").exists()


def test_only_the_needed_idx_files_are_needed(tiny, home):
    write_idx(home, {key: tiny.arrays[key] for key in ("test_images", "test_labels")})
    assert_is(fetch_fashion_mnist("test", data_home=home, return_X_y=True), tiny, "test")
    with pytest.raises(OSError, match="not on this computer"):
        fetch_fashion_mnist("all", data_home=home, download_if_missing=False)


def flip_middle(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


DAMAGE = {
    "empty": lambda content: b"",
    "cut short": lambda content: content[:-9],
    "cut in the header": lambda content: content[:6],
    "too long": lambda content: content + b"?",
    "no magic number": lambda content: b"\xff" * 8 + content[8:],
    "a web page": lambda content: b"<html>404 Not Found</html>",
    "noise after the header": lambda content: content[:10] + b"\xff" * 99,
    "one byte changed": flip_middle,
}


@pytest.mark.parametrize("kind", ["images", "labels"])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_idx_file_is_named(tiny, home, tmp_path, damage, packed, kind):
    write_idx(tmp_path / "debian", tiny.arrays)  # valid, but later in the search order
    write_idx(home, tiny.arrays, packed=packed)
    file = home / (tiny.official[f"test_{kind}"].file + ".gz" * packed)
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    with pytest.raises(ValueError, match=r"damaged|not those of the official") as error:
        fetch_fashion_mnist("test", data_home=home)
    assert str(file) in str(error.value) or f"test {kind} in {home}" in str(error.value)


def test_wrong_counts_and_swapped_splits(tiny, home):
    train, test = tiny.arrays["train_images"], tiny.arrays["test_images"]
    write_idx(home, {**tiny.arrays, "train_images": test, "test_images": train})
    with pytest.raises(ValueError, match=r"train-images.* shape \(30, 28, 28\)"):
        fetch_fashion_mnist("train", data_home=home)


def test_damaged_debian_file_is_named(tiny, home, tmp_path):
    write_idx(tmp_path / "debian", tiny.arrays)
    (tmp_path / "debian" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"")
    with pytest.raises(ValueError, match=r"debian/t10k-labels-idx1-ubyte.gz is damaged"):
        fetch_fashion_mnist("test", data_home=home)


@pytest.mark.parametrize("key", ["train_images", "train_labels", "test_images"])
def test_reordered_idx_files_raise(tiny, home, key):
    write_idx(home, {**tiny.arrays, key: tiny.arrays[key][::-1]})
    message = f"The {key.replace('_', ' ')} in {home} are not .* in another order"
    with pytest.raises(ValueError, match=message):
        fetch_fashion_mnist("all", data_home=home)


# OpenML


@pytest.mark.parametrize(
    "dialect",
    [
        {},
        {"label": "'{}'"},
        {"label": '"{}"'},
        {"pixel": "{}.0"},
        {"separator": ", "},
    ],
    ids=str,
)
@pytest.mark.parametrize("parser", ["pandas", "liac-arff"])
def test_openml_table_in_any_dialect(tiny, home, monkeypatch, dialect, parser):
    if parser == "pandas":
        pytest.importorskip("pandas")
    else:
        monkeypatch.setitem(sys.modules, "pandas", None)  # as if it were not installed
    site.fill_cache(home, site.documents(tiny.X, tiny.y, **dialect))
    for subset in SUBSETS:
        found = fetch_fashion_mnist(subset, data_home=home, return_X_y=True)
        assert_is(found, tiny, subset)


def test_download_happens_once(tiny, home):
    with site.online(site.documents(tiny.X, tiny.y)) as log:
        bunch = fetch_fashion_mnist(data_home=home)
        assert len(log) == 5
        assert "read from\nOpenML." in bunch.DESCR
        again = fetch_fashion_mnist("all", data_home=home)
        assert len(log) == 5
    assert_is((again.data, again.target), tiny, "all")
    assert f"read from\n{home}" in again.DESCR
    assert sorted(cache_files(home)) == sorted(f"{key}.npy" for key in tiny.arrays)


def test_cache_is_enough(tiny, home, monkeypatch):
    site.fill_cache(home, site.documents(tiny.X, tiny.y))
    fetch_fashion_mnist(data_home=home)
    (home / "openml").rename(home / "elsewhere")
    for subset in SUBSETS:
        found = fetch_fashion_mnist(
            subset, data_home=home, return_X_y=True, download_if_missing=False
        )
        assert_is(found, tiny, subset)
    (home / "skmlp" / "fashion-mnist" / "train_images.npy").unlink()
    assert_is(fetch_fashion_mnist("test", data_home=home, return_X_y=True), tiny, "test")


@pytest.mark.parametrize("path", [site.SEARCH, site.FEATURES, site.DATA])
def test_one_server_error_is_retried(tiny, home, path):
    with site.online(site.documents(tiny.X, tiny.y), {path: [500]}) as log:
        found = fetch_fashion_mnist(data_home=home, return_X_y=True, **FAST)
    assert_is(found, tiny)
    assert len(log) == 6


@pytest.mark.parametrize("path", [site.SEARCH, site.DATA])
def test_one_broken_connection_is_retried(tiny, home, path):
    with site.online(site.documents(tiny.X, tiny.y), {path: ["cut"]}) as log:
        found = fetch_fashion_mnist(data_home=home, return_X_y=True, **FAST)
    assert_is(found, tiny)
    assert len(log) == 6


# scikit-learn leaves the answer to be closed by the garbage collector, of which Python 3.14 warns.
@pytest.mark.filterwarnings("ignore:.*_TemporaryFileCloser:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("path", "fault", "cause"),
    [
        (site.SEARCH, 500, urllib.error.HTTPError),
        (site.SEARCH, 404, urllib.error.HTTPError),
        (site.SEARCH, 412, ValueError),  # no such data set
        (site.SEARCH, "drop", OSError),
        (site.SEARCH, "cut", EOFError),
        (site.DATA, 500, urllib.error.HTTPError),
        (site.DATA, "drop", OSError),
        (site.DATA, "cut", EOFError),
    ],
)
def test_failing_server(tiny, home, path, fault, cause):
    with site.online(site.documents(tiny.X, tiny.y), {path: [fault] * 9}):
        error = assert_not_available(home, data_home=home)
        assert isinstance(error.__cause__, cause)
        assert type(error.__cause__).__name__ in str(error)
    if isinstance(error.__cause__, urllib.error.HTTPError):
        error.__cause__.close()
    with site.online(site.documents(tiny.X, tiny.y)):  # a later call succeeds
        assert_is(fetch_fashion_mnist(data_home=home, return_X_y=True), tiny)


def assert_not_available(home, **arguments):
    """Check the error raised if there are no data, which lists the alternatives; return it."""
    with pytest.raises(OSError, match="not on this computer") as error:
        fetch_fashion_mnist(**arguments, **FAST)
    text = str(error.value)
    assert f"stay in {home / 'skmlp' / 'fashion-mnist'}" in text
    assert f"into {home / 'fashion-mnist'}" in text
    for official in module._OFFICIAL.values():
        assert f"{official.file}.gz" in text
    assert "apt-get install dataset-fashion-mnist" in text
    assert "load_fashion_mnist_sample()" in text
    return error.value


def test_no_network(tiny, home):
    error = assert_not_available(home, data_home=home)
    assert isinstance(error.__cause__, urllib.error.URLError)
    assert "damaged" not in str(error)


def test_connection_refused(tiny, home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # not listening
        with site.routed_to(taken.getsockname()[1]):
            error = assert_not_available(home, data_home=home)
    assert "refused" in str(error)


@pytest.fixture
def default_timeout():
    """Return the function that sets the default timeout; it is reset after the test."""
    assert socket.getdefaulttimeout() is None
    yield socket.setdefaulttimeout
    socket.setdefaulttimeout(None)


def test_dead_connection_times_out(tiny, home, default_timeout):
    default_timeout(0.1)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        site.routed_to(silent.getsockname()[1]),
    ):
        error = assert_not_available(home, data_home=home)
    assert "timed out" in str(error)


@pytest.mark.parametrize(("before", "meanwhile"), [(None, 30), (7, 7)])
def test_timeout_is_temporary(tiny, home, default_timeout, before, meanwhile):
    seen = []
    default_timeout(before)
    look = [lambda: seen.append(socket.getdefaulttimeout())]
    with site.online(site.documents(tiny.X, tiny.y), {site.SEARCH: look}):
        fetch_fashion_mnist(data_home=home)
    assert seen == [meanwhile]
    assert socket.getdefaulttimeout() == before


def test_retries(tiny, home):
    with site.online(site.documents(tiny.X, tiny.y), {site.SEARCH: [500] * 9}) as log:
        start = time.perf_counter()
        with pytest.raises(OSError, match="HTTP Error 500") as error:
            fetch_fashion_mnist(data_home=home, n_retries=2, delay=0.01)
        assert time.perf_counter() - start < 1
        error.value.__cause__.close()
    assert len(log) == 1 + 2


def test_download_forbidden(tiny, home):
    site.fill_cache(home / "other", site.documents(tiny.X, tiny.y))
    with site.online(site.documents(tiny.X, tiny.y)) as log:
        error = assert_not_available(
            home / "none", data_home=home / "none", download_if_missing=False
        )
    assert log == []
    assert "download_if_missing is False" in str(error)
    assert not (home / "none").exists()


def test_wrong_md5(tiny, home):
    documents = site.documents(tiny.X, tiny.y, md5="0" * 32)
    with site.online(documents):
        error = assert_not_available(home, data_home=home)
    assert "md5" in str(error)
    assert cache_files(home) == {}


def test_openml_in_another_order_raises(tiny, home):
    shuffled = np.random.default_rng(0).permutation(40)
    site.fill_cache(home, site.documents(tiny.X[shuffled], tiny.y[shuffled]))
    with pytest.raises(ValueError, match=r"train images in OpenML's copy .*another order"):
        fetch_fashion_mnist("test", data_home=home)
    assert cache_files(home) == {}


def test_openml_with_other_labels_raises(tiny, home):
    site.fill_cache(home, site.documents(tiny.X, np.roll(tiny.y, 1)))
    with pytest.raises(ValueError, match=r"train labels in OpenML's copy .*other values"):
        fetch_fashion_mnist(data_home=home)


def test_openml_with_a_missing_row_raises(tiny, home):
    site.fill_cache(home, site.documents(tiny.X[:-1], tiny.y[:-1]))
    with pytest.raises(ValueError, match=r"test images in OpenML's copy .*\(9, 784\)"):
        fetch_fashion_mnist(data_home=home)


# The cache


def as_npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def as_npz(content):
    stream = io.BytesIO()
    np.savez(stream, content)
    return stream.getvalue()


CACHE_DAMAGE = {
    **{name: damage for name, damage in DAMAGE.items() if name != "too long"},
    "absurd header": lambda content: content.replace(b"(30,", b"(30000000000000,"),
    "zip": as_npz,
    "pickle": lambda content: as_npy(np.array([{}], dtype=object)),
    "Fortran order": lambda content: as_npy(np.asfortranarray(np.zeros((30, 784)))),
    "other dtype": lambda content: as_npy(np.load(io.BytesIO(content)).view(np.int8)),
}


@pytest.fixture
def cached(tiny, home):
    """Return tiny, after it has been downloaded and cached."""
    site.fill_cache(home, site.documents(tiny.X, tiny.y))
    fetch_fashion_mnist(data_home=home)
    return tiny


@pytest.mark.parametrize(
    ("damage", "key"),
    [("one byte changed", "train_labels"), *[(name, "train_images") for name in CACHE_DAMAGE]],
)
def test_damaged_cache_is_rebuilt(cached, home, damage, key):
    sound = cache_files(home)
    file = home / "skmlp" / "fashion-mnist" / f"{key}.npy"
    file.write_bytes(CACHE_DAMAGE[damage](file.read_bytes()))
    assert cache_files(home) != sound
    assert_is(fetch_fashion_mnist(data_home=home, return_X_y=True), cached)
    assert cache_files(home) == sound


def test_damaged_cache_is_not_needed_beside_idx_files(cached, home):
    (home / "skmlp" / "fashion-mnist" / "test_labels.npy").write_bytes(b"")
    (home / "openml").rename(home / "elsewhere")
    write_idx(home, cached.arrays)
    assert_is(fetch_fashion_mnist("all", data_home=home, return_X_y=True), cached, "all")


@pytest.mark.parametrize("download", [True, False])
def test_damaged_cache_without_other_source(cached, home, download):
    (home / "skmlp" / "fashion-mnist" / "train_images.npy").write_bytes(b"")
    (home / "openml").rename(home / "elsewhere")
    error = assert_not_available(home, data_home=home, download_if_missing=download)
    assert f"{home / 'skmlp' / 'fashion-mnist'}, is incomplete or damaged" in str(error)


def test_unwritable_cache_warns(tiny, home):
    site.fill_cache(home, site.documents(tiny.X, tiny.y))
    (home / "skmlp").write_text("in the way")
    with pytest.warns(UserWarning, match=f"not cached in {home}") as caught:
        found = fetch_fashion_mnist(data_home=home, return_X_y=True)
    assert_is(found, tiny)
    assert caught[0].filename == __file__


def test_threads(tiny, home):
    with site.online(site.documents(tiny.X, tiny.y)) as log, ThreadPoolExecutor(8) as pool:
        for found in pool.map(
            lambda _: fetch_fashion_mnist(data_home=home, return_X_y=True), range(16)
        ):
            assert_is(found, tiny)
        assert len(log) == 5
    assert sorted(cache_files(home)) == sorted(f"{key}.npy" for key in tiny.arrays)
    assert socket.getdefaulttimeout() is None


def test_cache_is_written_atomically(tiny, home):
    arrays = tiny.arrays
    module._write_cache(home, arrays)
    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(module._write_cache, home, arrays) for _ in range(60)]
        while not all(writer.done() for writer in writers):
            assert module._from_cache(home, tuple(arrays)) is not None
    assert sorted(cache_files(home)) == sorted(f"{key}.npy" for key in arrays)


@pytest.mark.slow
def test_processes(tiny, home):
    site.fill_cache(home, site.documents(tiny.X, tiny.y))
    script = """if True:
        import json, sys
        import skmlp.datasets.fashion_mnist as d
        table = json.loads(sys.argv[1])
        d._OFFICIAL = {k: d._Official(f, tuple(s), h) for k, (f, s, h) in table.items()}
        d._DEBIAN = d.Path("nowhere")
        print("ready", flush=True)
        sys.stdin.readline()
        print(d.fetch_fashion_mnist("all", data_home=sys.argv[2]).data.sum())
    """
    root = Path(module.__file__).parents[2]
    children = [
        subprocess.Popen(
            [sys.executable, "-c", script, json.dumps(tiny.official), str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
        )
        for _ in range(2)
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:  # start both at the same time
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        assert child.communicate(timeout=60)[0] == f"{tiny.X.sum()}\n"
        assert child.returncode == 0
    assert sorted(cache_files(home)) == sorted(f"{key}.npy" for key in tiny.arrays)


@pytest.mark.parametrize("by", ["argument", "environment", "default"])
def test_data_home_follows_scikit_learn(tiny, tmp_path, monkeypatch, by):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # Windows
    monkeypatch.delenv("SCIKIT_LEARN_DATA", raising=False)
    if by == "environment":
        monkeypatch.setenv("SCIKIT_LEARN_DATA", "~/by environment")
    data_home = "~/by argument" if by == "argument" else None
    with pytest.raises(OSError, match="download_if_missing is False"):
        fetch_fashion_mnist(data_home=data_home, download_if_missing=False)
    assert list(tmp_path.iterdir()) == []
    write_idx(Path(get_data_home(data_home)) / "fashion-mnist", tiny.arrays)
    assert_is(fetch_fashion_mnist(data_home=data_home, return_X_y=True), tiny)


# The official files


def real_arrays(part):
    """Read Debian's IDX files: the header is 4 bytes and 4 for each axis."""
    with gzip.open(REAL / f"{part}-images-idx3-ubyte.gz") as file:
        X = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(REAL / f"{part}-labels-idx1-ubyte.gz") as file:
        y = np.frombuffer(file.read(), np.uint8, offset=8)
    return X, y


@needs_real_files
@pytest.mark.parametrize(
    ("subset", "part", "n_per_class"), [("train", "train", 6000), ("test", "t10k", 1000)]
)
def test_real_files(home, subset, part, n_per_class):
    bunch = fetch_fashion_mnist(subset, data_home=home, download_if_missing=False)
    X, y = real_arrays(part)
    assert np.array_equal(bunch.data, X)
    assert np.array_equal(bunch.target, y)
    assert np.array_equal(np.bincount(bunch.target), [n_per_class] * 10)
    assert not home.exists()


@needs_real_files
@pytest.mark.slow
def test_real_files_through_openml(home, monkeypatch):
    pytest.importorskip("pandas")
    monkeypatch.setattr(module, "_DEBIAN", home / "nothing")
    (X_train, y_train), (X_test, y_test) = real_arrays("train"), real_arrays("t10k")
    X, y = np.concatenate([X_train, X_test]), np.concatenate([y_train, y_test])
    site.fill_cache(home, site.documents(X, y))
    for source in ("OpenML", home):  # the second call reads skmlp's cache
        bunch = fetch_fashion_mnist("all", data_home=home)
        assert np.array_equal(bunch.data, X)
        assert np.array_equal(bunch.target, y)
        assert bunch.data.flags.c_contiguous
        assert f"read from\n{source}" in bunch.DESCR


# The sample


def sample_of_real_files():
    """Return the arrays of the sample, made from the official files.

    To write the file: ``np.savez_compressed(path, **sample_of_real_files())``.
    """
    arrays = {}
    for subset, part, n_per_class in (("train", "train", 500), ("test", "t10k", 100)):
        X, y = real_arrays(part)
        first = [np.flatnonzero(y == label)[:n_per_class] for label in range(10)]
        official_order = np.sort(np.concatenate(first))
        arrays[f"{subset}_images"] = X[official_order]
        arrays[f"{subset}_labels"] = y[official_order]
    return arrays


@needs_real_files
def test_sample_is_that_part_of_the_real_files():
    expected = sample_of_real_files()
    for subset in ("train", "test"):
        X, y = load_fashion_mnist_sample(subset, return_X_y=True)
        assert np.array_equal(X, expected[f"{subset}_images"])
        assert np.array_equal(y, expected[f"{subset}_labels"])


@pytest.mark.parametrize(("subset", "n"), [("train", 500), ("test", 100), ("all", 600)])
def test_sample(subset, n):
    bunch = load_fashion_mnist_sample(subset)
    assert bunch.data.shape == (10 * n, 784)
    assert bunch.data.dtype == np.uint8
    assert bunch.data.flags.c_contiguous
    assert np.shares_memory(bunch.images, bunch.data)
    assert bunch.target.dtype == np.int64
    assert np.array_equal(np.bincount(bunch.target), [n] * 10)
    assert "the first 500 training and the first 100 test images" in bunch.DESCR
    X, y = load_fashion_mnist_sample(subset, return_X_y=True)
    assert np.array_equal(X, bunch.data)
    assert np.array_equal(y, bunch.target)


def test_sample_all_is_train_then_test():
    whole, train, test = (load_fashion_mnist_sample(s).data for s in ("all", *SUBSETS[:2]))
    assert np.array_equal(whole, np.concatenate([train, test]))


def test_sample_is_small_and_licensed():
    folder = Path(module.__file__).parent
    assert sum(file.stat().st_size for file in folder.iterdir() if file.is_file()) < 3e6
    licence = (folder / "LICENSE-fashion-mnist").read_text(encoding="utf-8")
    assert "Copyright © 2017 Zalando SE, https://tech.zalando.com" in licence


# Folders that cannot be entered or written, and files that are none


UNPRIVILEGED = """
import contextlib, json, pathlib, sys, warnings
import numpy as np
import skmlp.datasets.fashion_mnist as module
from tests.datasets import openml_site as site

table, X, y = json.loads(sys.argv[1]), *np.load(sys.argv[2]).values()
module._OFFICIAL = {k: module._Official(f, tuple(s), h) for k, (f, s, h) in table.items()}
home, debian, ways = pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4]), sys.argv[5:]
module._DEBIAN = debian
documents = site.documents(X, y)
with site.online(documents):  # imports what it needs
    module.fetch_fashion_mnist("all", data_home=home.parent / "first")
"""
FETCH = """
home.mkdir()
home.chmod(int(ways[0], 8))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    with site.online(documents) if ways[1] == "online" else contextlib.nullcontext():
        found = module.fetch_fashion_mnist("all", data_home=home)
    print(found.data.sum(), found.DESCR.count(f"{debian}."))
print(*[str(w.message) for w in caught], sep="\\n")
"""


@needs_users
@pytest.mark.parametrize(
    ("mode", "way"),
    [
        ("000", "debian"),
        *(pytest.param(m, "online", marks=pytest.mark.slow) for m in ("000", "555")),
    ],
)
def test_folder_that_may_not_be_entered_or_written(tiny, mode, way):
    with folder_for_all() as folder:
        if way == "debian":
            write_idx(folder / "debian", tiny.arrays)
        np.savez(folder / "rows.npz", X=tiny.X, y=tiny.y)
        arguments = (json.dumps(tiny.official), folder / "rows.npz", folder / "home")
        printed = run_unprivileged(UNPRIVILEGED, FETCH, *arguments, folder / "debian", mode, way)
        (folder / "home").chmod(0o700)
    first, *others = printed.splitlines()
    if way == "debian":
        assert first == f"{tiny.X.sum()} 1"
        assert others == [""]
    else:
        assert first == f"{tiny.X.sum()} 0"
        assert f"Fashion-MNIST not cached in {folder / 'home'}" in others[0]
        assert "Permission denied" in others[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="FIFOs")
def test_fifo_in_the_place_of_a_file_is_passed_over(tiny, home):
    write_idx(home / "fashion-mnist", tiny.arrays)
    for folder in (home, home / "skmlp" / "fashion-mnist"):
        folder.mkdir(parents=True, exist_ok=True)
        os.mkfifo(folder / "train_images.npy")
        os.mkfifo(folder / "train-images-idx3-ubyte")
        os.mkfifo(folder / "train-images-idx3-ubyte.gz")
    assert_is(fetch_fashion_mnist(data_home=home, return_X_y=True), tiny)


def test_file_that_unpacks_to_more_than_it_should_is_not_unpacked_whole(tiny, home):
    write_idx(home, tiny.arrays)
    bomb = home / "train-images-idx3-ubyte.gz"
    with gzip.open(bomb, "wb", compresslevel=9) as file:
        file.write(idx(tiny.arrays["train_images"]))
        for _ in range(200):
            file.write(bytes(2**20))
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte.gz is damaged"):
        fetch_fashion_mnist(data_home=home)
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


@pytest.mark.parametrize("where", ["_read_array", "_check_official", "_download"])
def test_lack_of_memory_is_no_damage(tiny, cached, home, monkeypatch, where):
    def fail(*args, **kwargs):
        raise MemoryError

    if where == "_download":
        home = home / "other"
    monkeypatch.setattr(module, where, fail)
    with pytest.raises(MemoryError):
        fetch_fashion_mnist(data_home=home)

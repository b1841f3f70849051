"""Damaged and manipulated files raise ValueError, or are read correctly."""

import io
import json
import pickle
import random
import shutil
import traceback
import tracemalloc
import warnings
import zipfile
from contextlib import suppress
from functools import partial

import numpy as np
import pytest
from sklearn.datasets import load_iris

from skmlp import SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier, load, save
from skmlp.callbacks import Checkpoint
from tests.io.after_checkpoint import after_checkpoint

X, y = (rows[::3] for rows in load_iris(return_X_y=True))
# Strings, integers as categories, and gaps.
COLOURS = np.array(["red", None, "green", "blue", "red"], object)
TABLE = np.column_stack([np.where(X > 6.5, np.nan, X).astype(object), np.tile(COLOURS, 10), y])
MARKED = {"categorical_features": (4, 5), "min_frequency": 2}
WHAT = ["model", "checkpoint", "model of a table", "checkpoint of a table"]
WHAT += ["ensemble", "checkpoint of an ensemble"]
EPOCHS = 3
MAX_MEMORY = 32 * 2**20  # bytes; the files have about 20,000


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Content, reader, expected classifier and rows of each kind of file."""
    folder = tmp_path_factory.mktemp("originals")
    params = {
        "units": 6,
        "epochs": EPOCHS,
        "early_stopping": True,
        "dropout": 0.1,
        "random_state": 0,
    }
    found = {}
    for suffix, rows, marked in (("", X, {}), (" of a table", TABLE, MARKED)):
        clf = SoftmaxMLPClassifier(**params, **marked)
        clf.set_callbacks(Checkpoint(folder / "checkpoint"))
        copy = partial(shutil.copyfile, folder / "checkpoint", folder / "kept")
        with after_checkpoint(2, copy):
            save(clf.fit(rows, y), folder / "model")
        found["model" + suffix] = (folder / "model").read_bytes(), load, clf, rows
        read = partial(SoftmaxMLPClassifier.resume, X=rows, y=y)
        found["checkpoint" + suffix] = (folder / "kept").read_bytes(), read, clf, rows
    clf = SoftmaxMLPClassifier(**params, **MARKED)
    ensemble = SoftmaxMLPEnsembleClassifier(clf, 4, cv=2, calibration="temperature", random_state=0)
    ensemble.set_callbacks(Checkpoint(folder / "checkpoint"))
    with after_checkpoint(3, copy):  # of the first member, when the file has two epochs
        save(ensemble.fit(TABLE, y), folder / "ensemble")
    found["ensemble"] = (folder / "ensemble").read_bytes(), load, ensemble, TABLE
    read = partial(SoftmaxMLPEnsembleClassifier.resume, X=TABLE, y=y)
    found["checkpoint of an ensemble"] = (folder / "kept").read_bytes(), read, ensemble, TABLE
    return found


def members_of(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive_of(members, compression=zipfile.ZIP_STORED):
    """Return the content of an archive with correct checksums."""
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", compression) as archive:
        warnings.simplefilter("ignore", UserWarning)  # duplicate names
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def npy(array, **kwargs):
    stream = io.BytesIO()
    np.save(stream, array, **kwargs)
    return stream.getvalue()


# Random damage: a file that can still be read has the original content


def flip_bits(content, rng, trap):
    content = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 8, 64])):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content)


def truncate(content, rng, trap):
    return content[: rng.randrange(len(content))]


def overwrite(content, rng, trap):
    start, length = rng.randrange(len(content)), rng.randrange(1, 400)
    return content[:start] + rng.randbytes(length) + content[start + length :]


def insert_or_cut(content, rng, trap):
    start, length = rng.randrange(len(content)), rng.randrange(1, 400)
    if rng.random() < 0.5:
        return content[:start] + rng.randbytes(length) + content[start:]
    return content[:start] + content[start + length :]


def noise(content, rng, trap):
    return content[: rng.choice([0, 4, 30])] + rng.randbytes(rng.randrange(3000))


DAMAGE = [flip_bits, flip_bits, truncate, overwrite, insert_or_cut, noise]


# Manipulation: valid archives with wrong members


def swap_members(content, rng, trap):
    members = members_of(content)
    one, other = rng.sample(sorted(members), 2)
    members[one], members[other] = members[other], members[one]
    return archive_of(members.items())


def drop_or_double(content, rng, trap):
    members = list(members_of(content).items())
    chosen = rng.choice(members)
    if rng.random() < 0.5:
        members.remove(chosen)
    else:
        members.append((rng.choice([chosen[0], "extra.npy", "../extra.npy", "/extra"]), chosen[1]))
    return archive_of(members)


def declare_shape(content, rng, trap):
    members = members_of(content)
    name = rng.choice(sorted(members))
    stream = io.BytesIO(members[name])
    np.lib.format.read_magic(stream)
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    shapes = [(10**12,), (2**63,), (-1,), (2**40, 2**40), (), (0,), (shape[0] + 1,), (10**400,)]
    header = {"descr": rng.choice([dtype.str, "<f8", "|O", "<U999999999", "V8"])}
    header |= {"fortran_order": rng.random() < 0.3, "shape": rng.choice(shapes)}
    text = (repr(header) + " " * rng.randrange(100) + "\n").encode()
    data = members[name][stream.tell() :]
    members[name] = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data
    return archive_of(members.items())


def pickle_member(content, rng, trap):
    members, hidden = members_of(content), np.array([Trap(trap), None], object)
    name = rng.choice(sorted(members))
    members[name] = rng.choice([npy(hidden, allow_pickle=True), pickle.dumps(Trap(trap))])
    return archive_of(members.items())


def replace_array(content, rng, trap):
    members = members_of(content)
    name = rng.choice([name for name in sorted(members) if name != "header.npy"])
    array = np.load(io.BytesIO(members[name]))
    kinds = [np.full_like(array, np.nan) if array.dtype.kind == "f" else array[::-1]]
    kinds += [array[:-1], array[None], array.astype(complex), array.astype(">f8", copy=False)]
    kinds += [np.append(array, np.inf), array.astype("U"), np.zeros(0)]
    members[name] = npy(rng.choice(kinds))
    return archive_of(members.items())


UNUSUAL_VALUES = [
    None, True, -1, 0, 2**70, 10**400, -0.5, 1e308, float("nan"), float("inf"), "", "relu", "os",
    [], [1], [[]], {}, {"items": []}, {"items": [[[], 1]]}, {"items": 3}, [0.5] * 9, "x" * 1000,
]  # fmt: skip


def change_header(content, rng, trap):
    members = members_of(content)
    header = json.loads(np.load(io.BytesIO(members["header.npy"])).tobytes())
    at, place = header, None
    while isinstance(at, dict | list) and at and (place is None or rng.random() < 0.6):
        place = at, rng.choice(sorted(at) if isinstance(at, dict) else range(len(at)))
        at = place[0][place[1]]
    action = rng.random()
    if action < 0.8:
        place[0][place[1]] = rng.choice(UNUSUAL_VALUES)
    elif action < 0.9:
        del place[0][place[1]]
    elif isinstance(place[0], dict):
        place[0][rng.choice(["extra", "units", "0"])] = rng.choice(UNUSUAL_VALUES)
    runs = header.get("runs")
    for run in [header, *(runs if isinstance(runs, list) else [])]:
        if isinstance(run, dict) and run.get("epochs", EPOCHS) != EPOCHS:
            run["epochs"] = EPOCHS  # a valid value could mean very long training
    text = rng.choice([json.dumps(header), json.dumps(header)[:-1], "[" * 10_000])
    text = json.dumps(header) if rng.random() < 0.9 else text
    members["header.npy"] = npy(np.frombuffer(text.encode(), np.uint8))
    return archive_of(members.items())


MANIPULATION = [
    swap_members, drop_or_double, declare_shape, pickle_member, replace_array, change_header,
    change_header, change_header,
]  # fmt: skip


@pytest.fixture
def bounded_memory():
    """Check that much less memory is allocated than the files declare."""
    tracemalloc.start()
    yield
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < MAX_MEMORY


# Of each kind of file, how many are damaged and how many are manipulated.
FAST = {"model": (200, 120), "checkpoint": (200, 120)} | dict.fromkeys(WHAT[2:], (30, 12))
SLOW = dict.fromkeys(WHAT, (800, 880))
CASES = [
    pytest.param(what, kinds, n_files, id=f"{what}-{n_files}", marks=marks)
    for counts, marks in ((FAST, ()), (SLOW, pytest.mark.slow))
    for what, pair in counts.items()
    for kinds, n_files in zip((DAMAGE, MANIPULATION), pair, strict=True)
]


@pytest.mark.usefixtures("bounded_memory")
@pytest.mark.parametrize(("what", "kinds", "n_files"), CASES)
@pytest.mark.filterwarnings("ignore:batch_size=", "ignore:X does not have valid feature names")
def test_damaged_files_are_rejected_or_read_correctly(tmp_path, originals, what, kinds, n_files):
    content, read, clf, rows = originals[what]
    rng, loaded, longest = random.Random(f"{what} {n_files}"), 0, 0
    trap, path = tmp_path / "trap", tmp_path / "f"
    for i in range(n_files):
        change = kinds[i % len(kinds)]
        path.write_bytes(change(content, rng, trap))
        try:
            found = read(path)
        except ValueError as error:
            longest = max(longest, len(str(error)))
            continue
        loaded += 1
        if kinds is DAMAGE:
            np.testing.assert_array_equal(found.theta_, clf.theta_)
            assert found.classes_.tolist() == clf.classes_.tolist()
            assert losses(found) == losses(clf)
            assert str(found.get_params()) == str(clf.get_params())
            np.testing.assert_array_equal(found.predict_proba(rows), clf.predict_proba(rows))
        try:
            assert np.isfinite(found.predict_proba(rows)).all()
        except ValueError:  # a valid file, but that of a model of other columns
            assert kinds is MANIPULATION
            assert what != "model"
    assert not trap.exists()
    assert longest < 2000
    assert loaded < n_files / 2
    assert loaded or n_files < 700  # few are changed where it does not matter


def losses(clf):
    """Return the losses of a network, or of each member."""
    history = clf.history_
    return [one["loss"] for one in (history if isinstance(history, list) else [history])]


@pytest.mark.parametrize("what", [WHAT[0], pytest.param(WHAT[1], marks=pytest.mark.slow)])
def test_zip_bomb_is_rejected(tmp_path, originals, what):
    content, read, *_ = originals[what]
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        members = members_of(content) | {"theta.npy": npy(np.zeros(10_000_000))}
        (tmp_path / "bomb").write_bytes(archive_of(members.items(), method))
        tracemalloc.start()
        with pytest.raises(ValueError, match="must not be compressed"):
            read(tmp_path / "bomb")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < MAX_MEMORY


def lists_in(value):
    """Yield all lists in a value of JSON."""
    if isinstance(value, list):
        yield value
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            yield from lists_in(item)


@pytest.mark.parametrize("what", WHAT)
def test_long_text_in_a_list_takes_little_memory(tmp_path, originals, what, bounded_memory):
    """NumPy makes of it and of numbers an array of texts that are all as long."""
    content, read, *_ = originals[what]
    members = members_of(content)
    header = json.loads(np.load(io.BytesIO(members["header.npy"])).tobytes())
    for found in lists_in(header):
        last, found[-1:] = found[-1:], ["x" * 100_000]
        text = json.dumps(header).encode()
        found[-1:] = last
        changed = members | {"header.npy": npy(np.frombuffer(text, np.uint8))}
        (tmp_path / "f").write_bytes(archive_of(changed.items()))
        with suppress(ValueError, TypeError):  # some of the parameters are not used
            read(tmp_path / "f")


@pytest.mark.parametrize("what", WHAT)
def test_messages_are_short_whatever_the_file_holds(tmp_path, originals, what):
    """Also those of the causes, which are printed with an error."""
    content, read, *_ = originals[what]
    members = members_of(content)
    header = json.loads(np.load(io.BytesIO(members["header.npy"])).tobytes())
    long = ["x" * 5000, [["x", 0.5]] * 1000]
    changes = [{name: value} for name in header for value in long]
    names = "units", "l2", "schedule", "x" * 5000
    params = [{name: value} for name in names for value in long]
    params += [{"class_weight": {"items": [["x" * 5000, 1.0]]}}]  # errors of the training rows
    params += [{"validation_fraction": 10**4000}, {"categorical_features": ["x" * 5000]}]
    changes += [{"params": header["params"] | changed} for changed in params]
    for change in changes:
        text = json.dumps({**header, **change}).encode()
        changed = members | {"header.npy": npy(np.frombuffer(text, np.uint8))}
        (tmp_path / "f").write_bytes(archive_of(changed.items()))
        report = ""
        try:
            read(tmp_path / "f")
        except (ValueError, TypeError) as error:
            errors = [error, error.__cause__] if error.__cause__ else [error]
            report = "".join("".join(traceback.format_exception_only(e)) for e in errors)
        assert len(report) < 2000, report[:500]

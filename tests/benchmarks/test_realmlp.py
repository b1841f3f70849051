"""The benchmark against RealMLP. No test depends on measured times."""

import json
import sys

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

from benchmarks import __main__ as suite
from benchmarks import page, sections, studies


def stand_in(seed):
    return DummyClassifier(random_state=seed)


@pytest.fixture
def found(monkeypatch):
    """The results on iris with very little training, and a stand-in for RealMLP."""
    monkeypatch.setattr(studies, "LARGER", {"units": 3, "epochs": 1})
    monkeypatch.setattr(studies, "real_mlp", stand_in)
    return studies.REALMLP.compare("iris")


def test_compare(found):
    assert found["trained_on"] == 120
    assert list(found["figures"]) == [studies.LARGER_OURS, studies.LARGER_THEIRS, studies.OURS]
    for figures in found["figures"].values():
        assert len(figures["turns"]["cpu_seconds"]) == 5
    for pair, difference in found["differences"].items():
        ours, theirs = (found["figures"][who]["accuracy"] for who in pair.split(" - "))
        assert difference["accuracy"] == pytest.approx(ours - theirs)
    assert json.loads(json.dumps(found)) == found | {"shape": [150, 4]}


def test_summary(found):
    for who, seconds in zip(found["figures"], (1.0, 8.0, 0.5), strict=True):
        found["figures"][who]["cpu_seconds"] = seconds
    summary = studies.summary([found], studies.REALMLP.pairs)
    larger, default = (summary[f"{a} - {b}"] for a, b in studies.REALMLP.pairs)
    assert larger["share"] == pytest.approx(1 / 8)
    assert larger["largest_share"] == 1 / 8
    assert (larger["within_share"], default["within_share"]) == (0, 1)
    assert default["wins"] == default["at_least_ties"] == 1


def test_study_tables(found):
    run = {"comparisons": [found], "summary": studies.summary([found], studies.REALMLP.pairs)}
    made = sections.study_tables({"realmlp": run})
    assert list(made["realmlp"]) == ["", "larger setting", "defaults"]
    assert list(made["realmlp_tables"]["table"]) == ["iris"]
    assert not made["realmlp_tables"].isna().any(axis=None)
    verdicts = sections.study_verdicts({"realmlp": run})
    assert {len(verdict) for verdict in verdicts} == {len(page.VERDICT)}
    assert [verdict[1] for verdict in verdicts] == ["accuracy", "time"]


def test_splits_of_one_seed():
    for n_rows in (150, 2000):
        y = np.arange(n_rows) % 3
        tested = np.concatenate([test for _, _, test in studies.REALMLP.splits(y)])
        assert len(tested) == len(set(tested)) == (n_rows if n_rows < studies.LARGE else 400)


def test_without_pytabkit(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pytabkit", None)
    pytest.importorskip("torch", reason="PyTorch is not installed")
    assert suite.main(["realmlp", "--tables", "iris"]) == 1
    assert "pip install pytabkit" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore")  # of its dependencies
def test_realmlp():
    pytest.importorskip("pytabkit", reason="pytabkit is not installed")
    X, y = np.random.RandomState(0).normal(size=(60, 3)), np.arange(60) % 2
    rows = np.arange(60)
    clf = studies.real_mlp(0).set_params(n_epochs=1)
    assert 0.0 <= studies.measure(clf, X, y, rows, rows)[0]["accuracy"] <= 1.0

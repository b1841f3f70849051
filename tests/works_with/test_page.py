"""The code of docs/works_with.rst runs, section by section, where its tools are installed."""

import re
import textwrap
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skmlp import SoftmaxMLPClassifier, SoftmaxMLPEnsembleClassifier
from tests.works_with import recipes

pytestmark = pytest.mark.filterwarnings("ignore")

PAGE = Path(__file__).parents[2] / "docs" / "works_with.rst"
SECTIONS = re.split(r"\n(.+)\n-{4,}\n", PAGE.read_text(encoding="utf-8"))[1:]
CODE = {
    title: [
        textwrap.dedent(block)
        for block in re.findall(r"code-block:: python\n\n((?: {4}.*\n|\n)+)", text)
    ]
    for title, text in zip(SECTIONS[::2], SECTIONS[1::2], strict=True)
}


@pytest.fixture
def names(table):
    """What the page takes for granted."""
    table, y = table
    X = table[["age", "income"]].fillna(0.0).to_numpy()
    parts = train_test_split(np.arange(len(y)), random_state=0)
    split = {"train": parts[0], "val": parts[1][::2], "test": parts[1][1::2]}
    return {
        "SoftmaxMLPClassifier": SoftmaxMLPClassifier,
        "SoftmaxMLPEnsembleClassifier": SoftmaxMLPEnsembleClassifier,
        "make_pipeline": make_pipeline,
        "clf": SoftmaxMLPClassifier(epochs=5).fit(X, y),
        **{name: value for name, value in vars(recipes).items() if not name.startswith("_")},
        **{"X": X, "table": table, "y": y},
        **{f"X_{part}": X[rows] for part, rows in split.items()},
        **{f"table_{part}": table.iloc[rows] for part, rows in split.items()},
        **{f"y_{part}": y[rows] for part, rows in split.items()},
    }


@pytest.mark.parametrize("section", [title for title, blocks in CODE.items() if blocks])
def test_code_of_section(section, names, request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if any("import mlflow" in block for block in CODE[section]):
        request.getfixturevalue("mlflow")
    try:
        for block in CODE[section]:
            exec(block, names)
    except ModuleNotFoundError as error:
        pytest.skip(str(error))


def test_page_has_code():
    assert sum(map(len, CODE.values())) == PAGE.read_text("utf-8").count("code-block:: python") > 10

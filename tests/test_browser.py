"""skmlp without what Python lacks in a browser, and the examples that are offered there."""

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import browser

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLES = sorted([*DOCS.glob("learn/*.py"), *DOCS.glob("examples/*.py")])
# What Pyodide has, or the wheel of skmlp[plot] brings, beside Python's own modules.
IN_PYODIDE = {"matplotlib", "numpy", "pandas", "scipy", "skmlp", "sklearn"}
NEEDS_A_SYSTEM = {"distributed", "multiprocessing", "signal", "socket", "subprocess", "threading"}


@pytest.fixture(scope="module")
def notebooks():
    """The module that makes the notebooks."""
    spec = importlib.util.spec_from_file_location("docs_browser", DOCS / "browser.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def in_browser(tmp_path_factory):
    """The results of a process without threads, processes and sockets."""
    path = tmp_path_factory.mktemp("browser") / "results.npz"
    command = [sys.executable, "-W", "error", "-m", "tests.browser", path]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr
    with np.load(path) as results:
        return dict(results)


@pytest.mark.xdist_group("browser")  # one process with the results
@pytest.mark.parametrize("result", browser.RESULTS, ids=lambda result: result.__name__)
def test_results_are_those_of_an_unrestricted_process(result, in_browser):
    expected = browser.search if result is browser.two_jobs else result
    np.testing.assert_array_equal(in_browser[result.__name__], expected())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_in_the_browser_import_what_can_be_had_there(path, notebooks):
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    installed = {p.partition("[")[0] for p in notebooks.PACKAGES.get(path.stem, [])}
    found = {name.partition(".")[0] for name in names}
    missing = found - IN_PYODIDE - installed - sys.stdlib_module_names | found & NEEDS_A_SYSTEM
    missing |= names & {"sklearn.callback", "skmlp.onnx"}
    if path.stem not in notebooks.NOT_IN_BROWSER:
        assert not missing
    elif path.stem != "plot_beyond_memory":
        assert missing, "it could be offered"
    assert installed <= found


def test_names_of_examples_are_right(notebooks):
    stems = {path.stem for path in EXAMPLES}
    assert not {*notebooks.NOT_IN_BROWSER, *notebooks.PACKAGES} - stems


def test_notebook_begins_with_what_it_needs(notebooks):
    content = {"cells": [{"cell_type": "markdown", "metadata": {}, "source": ["text"]}]}
    notebooks.for_browser(content, "generated/lite/generated/examples/plot_frame.ipynb")
    text, code, last = json.loads(json.dumps(content))["cells"]
    assert text["cell_type"] == "markdown"
    assert code["source"] == ["%pip install -q skmlp[plot] palmerpenguins"]
    assert last["source"] == ["text"]


def test_button_is_replaced_by_the_reason(notebooks):
    source = [PAGE]
    notebooks.replace_button(None, "generated/examples/plot_onnx", source)
    assert source == [PAGE_WITHOUT_BUTTON]
    source = [PAGE]
    notebooks.replace_button(None, "generated/examples/plot_frame", source)
    assert source == [PAGE]


PAGE = """\
    to download the full example code or to run this example in your browser via JupyterLite.

.. only:: html

  .. container:: sphx-glr-footer sphx-glr-footer-example

    .. container:: lite-badge

      .. image:: images/jupyterlite_badge_logo.svg
        :target: ../../lite/notebooks/index.html?path=generated/examples/plot_onnx.ipynb
        :alt: Launch JupyterLite
        :width: 150 px

    .. container:: sphx-glr-download
"""
PAGE_WITHOUT_BUTTON = """\
    to download the full example code.

.. only:: html

  .. container:: sphx-glr-footer sphx-glr-footer-example

    This example does not run in a browser: Pyodide has neither skl2onnx nor onnxruntime.

    .. container:: sphx-glr-download
"""

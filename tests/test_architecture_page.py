"""docs/architecture.rst names every file, and functions that exist."""

import ast
import re
from pathlib import Path

import pytest

import skmlp

PACKAGE = Path(skmlp.__file__).parent
PAGE = PACKAGE.parent / "docs" / "architecture.rst"
TEXT = re.sub(r"\s+", " ", PAGE.read_text(encoding="utf-8"))
NAMED = [
    (file, name)
    for file, names in re.findall(r"`([\w/]+\.py)`: ((?:`[\w.]+`(?:, )?)+)", TEXT)
    for name in re.findall(r"`([\w.]+)`", names)
    if not name.endswith(".py")
]


def test_all_files_are_on_the_page():
    files = {p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*.py")}
    files = {name for name in files if not name.endswith("__init__.py")}
    named = set(re.findall(r"`([\w/]+\.py)`", TEXT))
    assert files <= named
    assert {name for name in named if not name.startswith("skmlp/")} <= files


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_functions_on_the_page_exist(file, name):
    body = ast.parse((PACKAGE / file).read_text(encoding="utf-8")).body
    first, _, method = name.partition(".")
    assigned = [
        target.id
        for node in body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    ]
    found = [n for n in body if isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name == first]
    assert found or first in assigned
    if method:
        assert method in {n.name for n in found[0].body if isinstance(n, ast.FunctionDef)}

"""What is written in several places agrees: versions, dependencies, requirements."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import skmlp

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def oldest(requirements):
    """Return the lower bounds, by package."""
    found = [Requirement(text) for text in requirements]
    return {r.name: str(r.specifier).removeprefix(">=") for r in found if r.name != "skmlp"}


DEPENDENCIES = oldest(PROJECT["dependencies"])
OF_EXTRAS = {
    name: version
    for extra in ("data", "dask", "onnx", "openml", "plot")
    for name, version in oldest(EXTRAS[extra]).items()
}


def test_table_of_supported_versions():
    row = r"^([a-z][\w-]*) +([\d.]+) +([\d.]+) +([\d.]+)$"
    rows = re.findall(row, read("docs/versions.rst"), re.M)
    polars = {"polars": oldest(EXTRAS["test"])["polars"]}
    assert {name: first for name, first, *_ in rows} == DEPENDENCIES | OF_EXTRAS | polars
    for _, *versions in rows:  # a newer Python never needs an older package
        numbers = [tuple(map(int, version.split("."))) for version in versions]
        assert numbers == sorted(numbers)


def test_pythons():
    stated = re.search(r"^Python ([\d., and]+), with", read("docs/versions.rst"), re.M)[1]
    pythons = re.findall(r"3\.\d+", stated)
    classifiers = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert pythons == classifiers
    accepted = SpecifierSet(PROJECT["requires-python"])
    assert [v for v in (f"3.{minor}" for minor in range(15)) if v in accepted] == pythons
    installed = re.search(
        r"python-version: \|(.*?)- run", read(".github/workflows/checks.yml"), re.S
    )
    assert set(re.findall(r"3\.\d+", installed[1])) == set(pythons)


def test_oldest_versions_that_are_tested():
    [pinned] = [
        ast.literal_eval(node.value)
        for node in ast.parse(read("noxfile.py")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "OLDEST"
    ]
    bounds = oldest(EXTRAS["test"]) | OF_EXTRAS | DEPENDENCIES
    for text in pinned:
        name, _, version = text.partition("==")
        if name != "pyparsing":  # a dependency of Matplotlib
            assert version.removesuffix(".*") == bounds[name]


def test_citation_and_changelog_are_of_this_version():
    citation = dict(re.findall(r"^([\w-]+): (.+)$", read("CITATION.cff"), re.M))
    version, date = re.search(
        r"^(\d+\.\d+\.\d+), (.+)\n---", read("docs/changelog.rst"), re.M
    ).groups()
    assert citation["version"] == version == skmlp.__version__
    assert citation.get("date-released", "unreleased") == date
    assert citation["license"] in PROJECT["license"]


def test_conda_recipe():
    recipe = pytest.importorskip("yaml").safe_load(read(".github/conda/recipe.yaml"))
    assert recipe["context"]["version"] == skmlp.__version__
    assert recipe["context"]["python_min"] == PROJECT["requires-python"].removeprefix(">=")
    python, *run = recipe["requirements"]["run"]
    assert python == "python >=${{ python_min }}"
    assert oldest(text.replace(" ", "") for text in run) == DEPENDENCIES
    scripts = [f"{name} = {function}" for name, function in PROJECT["scripts"].items()]
    assert recipe["build"]["python"]["entry_points"] == scripts
    about = recipe["about"]
    assert (about["summary"], about["license"]) == (PROJECT["description"], PROJECT["license"])
    assert about["license_file"] == PROJECT["license-files"]

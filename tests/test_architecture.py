"""The drawing of docs/architecture.rst, held true: who may import whom."""

import ast
from pathlib import Path
from sys import stdlib_module_names

import pytest

import skmlp

PACKAGE = Path(skmlp.__file__).parent

# Each file and what it may import besides the standard library. Arrows point inward.
ALLOWED = {
    "core/activations": {"numpy"},
    "core/features": {"numpy"},
    "core/network": {"numpy", "core/activations", "core/features"},
    "core/losses": {"numpy"},
    "core/penalties": {"numpy"},
    "core/objective": {"core/losses", "core/network", "core/penalties"},
    "core/initializers": {"numpy"},
    "core/optimizers": {"numpy"},
    "core/schedules": set(),
    "core/stopping": set(),
    "core/scaling": {"numpy"},
    "core/labels": {"numpy"},
    "core/dropout": {"numpy", "core/features"},
    "core/averaging": {"numpy"},
    "core/training": {"numpy", "core/features", "core/network"},
    "core/lbfgs": {"numpy", "scipy", "core/network", "core/training"},
    "disk": {"numpy"},
    "inputs": {"numpy", "scipy", "sklearn", "core/labels", "disk"},
    "parameters": {
        "numpy",
        "sklearn",
        "core/activations",
        "core/dropout",
        "core/initializers",
        "core/network",
        "core/objective",
        "core/optimizers",
        "core/penalties",
        "core/schedules",
        "errors",
    },
    "prediction": {"numpy", "sklearn", "inputs"},
    "standardization": {"numpy", "scipy", "sklearn", "core/scaling", "errors", "inputs"},
    "validation": {"numpy", "sklearn", "core/labels", "core/losses", "inputs", "prediction"},
    "monitor": {"numpy", "core/schedules", "inputs", "parameters"},
    "archive": {"numpy", "core/scaling", "files"},
    "checkpoints": {
        "numpy", "scipy", "archive", "core/schedules", "core/stopping", "errors", "parameters",
        "progress",
    },
    "callbacks": {"sklearn", "checkpoints", "errors", "files"},
    "progress": {"numpy", "core/scaling", "core/stopping"},
    "fitting": {
        "numpy", "sklearn", "core/initializers", "core/lbfgs", "core/schedules", "core/stopping",
        "core/training", "disk", "errors", "inputs", "monitor", "parameters", "progress",
        "standardization", "validation",
    },
    "continuing": {
        "numpy", "sklearn", "callbacks", "core/scaling", "errors", "inputs", "parameters",
        "progress",
    },
    "conversion": {"numpy", "sklearn", "errors", "inputs", "parameters", "progress"},
    "fitted": {
        "numpy", "sklearn", "conversion", "core/losses", "errors", "inputs", "parameters",
        "prediction",
    },
    "learning": {
        "sklearn", "callbacks", "checkpoints", "continuing", "fitting", "inputs", "parameters",
    },
    "classifier": {"sklearn", "callbacks", "fitted", "learning"},
    "population": {
        "numpy", "core/dropout", "core/objective", "core/penalties", "core/schedules",
        "core/training",
    },
    "candidates": {
        "joblib", "scipy", "sklearn", "classifier", "fitting", "inputs", "parameters",
        "progress",
    },
    "fits": {
        "numpy", "joblib", "scipy", "sklearn", "threadpoolctl", "candidates", "population",
        "prediction",
    },
    "search": {"numpy", "joblib", "sklearn", "candidates", "classifier", "fits"},
    "blocks": {"numpy", "scipy", "pandas", "core/features", "inputs"},
    "shards": {
        "numpy", "sklearn", "blocks", "core/lbfgs", "core/scaling", "core/training", "disk",
        "fitting", "inputs", "parameters", "prediction", "standardization", "validation",
    },
    "sharded": {
        "numpy", "classifier", "core/averaging", "core/lbfgs", "core/training", "errors",
        "fitting", "inputs", "parameters", "shards", "standardization", "validation",
    },
    "partitions": {"numpy", "threadpoolctl", "dask", "distributed", "pandas"},
    "answers": {"numpy", "sklearn", "inputs", "partitions", "shards"},
    "dask": {
        "sklearn", "answers", "blocks", "callbacks", "classifier", "continuing", "errors", "inputs",
        "parameters", "partitions", "sharded",
    },
    "errors": set(),
    "files": set(),
    "datasets": {"numpy", "sklearn", "errors", "files"},
    "display": {"sklearn", "matplotlib"},
    "images": {"numpy", "sklearn", "matplotlib", "display", "errors"},
    "persistence": {
        "numpy", "sklearn", "archive", "classifier", "inputs", "parameters", "progress",
    },
    "__main__": {
        "numpy", "sklearn", "classifier", "datasets", "display", "files", "images",
        "persistence",
    },
}  # fmt: skip


def modules():
    paths = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
    return [path.relative_to(PACKAGE).with_suffix("").as_posix() for path in paths]


def imports(module):
    """What a file imports: names of other libraries, and of our files without "skmlp"."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only: they show the direction"
            found.add(node.module)
    ours = {name.removeprefix("skmlp.").replace(".", "/") for name in found if "skmlp" in name}
    return ours | {name.split(".")[0] for name in found if "skmlp" not in name}


def test_the_table_names_every_file():
    assert set(modules()) == set(ALLOWED)


@pytest.mark.parametrize("module", ALLOWED)
def test_a_file_imports_only_what_lies_inward(module):
    assert imports(module) - set(stdlib_module_names) <= ALLOWED[module]


@pytest.mark.parametrize("module", ALLOWED)
def test_no_file_is_longer_than_400_lines(module):
    assert len((PACKAGE / f"{module}.py").read_text(encoding="utf-8").splitlines()) <= 400

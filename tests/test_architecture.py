"""Module structure: which package imports which, and what only one place may do."""

import ast
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

import skmlp

PACKAGE = Path(skmlp.__file__).parent

# The packages from left to right; each imports only from those to its left, and itself.
ORDER = ["core", "data", "training", "io", "callbacks", "estimators", "model_selection"]
MAY_IMPORT = {package: set(ORDER[: i + 1]) for i, package in enumerate(ORDER)} | {
    "dask": {*ORDER[:-1], "dask"},
}
# May import anything; imported by the top alone.
FREE = {"datasets", "plotting", "cli", "onnx", "images"}
TOP = {"__init__", "__main__"}
# Libraries: NumPy alone in the core, SciPy in lbfgs and temperature.
LIBRARIES = {
    "core": {"numpy"},
    "data": {"numpy", "scipy", "sklearn"},
    "training": {"numpy", "sklearn"},
    "io": {"numpy", "scipy"},
}


def sources():
    """The syntax tree of each file of the package, by its path without suffix."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).with_suffix("").as_posix()
        yield name, ast.parse(path.read_text(encoding="utf-8"))


TREES = dict(sources())


def imported(tree):
    """The modules that a file imports, by their full names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only: they show the direction"
            yield f"{node.module}.{node.names[0].name}" if node.module == "skmlp" else node.module


def package_of(name):
    return name.split("/")[0]


@pytest.mark.parametrize("name", TREES)
def test_packages_import_only_from_the_left(name):
    package = package_of(name)
    ours = {m.split(".")[1] for m in imported(TREES[name]) if m.startswith("skmlp.")}
    if package in MAY_IMPORT:
        allowed = MAY_IMPORT[package] | {"_errors"}
        if package not in ("core", "data", "training"):
            allowed.add("_sklearn_compat")
        assert ours <= allowed
    elif package in ("_errors", "_sklearn_compat"):
        assert not ours
    else:
        assert package in FREE | TOP, "a new package needs a place in the order"


@pytest.mark.parametrize("name", [n for n in TREES if package_of(n) in LIBRARIES])
def test_inner_packages_need_few_libraries(name):
    libraries = {m.split(".")[0] for m in imported(TREES[name])} & {
        "dask", "joblib", "matplotlib", "narwhals", "numpy", "pandas", "scipy", "sklearn",
        "threadpoolctl",
    }  # fmt: skip
    extra = {"scipy"} if name in ("core/lbfgs", "core/levels", "core/temperature") else set()
    extra |= {"narwhals"} if name == "data/frames" else set()
    extra |= {"joblib", "threadpoolctl"} if name == "training/jobs" else set()
    assert libraries <= LIBRARIES[package_of(name)] | extra


@pytest.mark.parametrize(
    "name", [n for n in TREES if package_of(n) in ("core", "data", "training")]
)
def test_training_has_no_estimator(name):
    """Only the evaluation has one, to pass it to scorers."""
    if name == "training/evaluation":
        return
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.arg | ast.Name | ast.Attribute):
            word = getattr(node, "arg", None) or getattr(node, "id", None) or node.attr
            assert word not in ("estimator", "clf", "get_params", "validate_data"), node.lineno


# In the one stand-in, `candidates.stand_in`, and where what it stands for takes its place.
STAND_IN = {
    ("model_selection/candidates", "stand_in"),
    ("model_selection/candidates", "_stand_in_class"),
    ("model_selection/candidate_fits", "_take_over"),
}


@pytest.mark.parametrize(
    "name", [n for n in TREES if package_of(n) in ("data", "training", "dask", "model_selection")]
)
def test_no_estimator_is_copied_made_up_or_patched(name):
    for function in ast.walk(TREES[name]):
        if not isinstance(function, ast.FunctionDef) or (name, function.name) in STAND_IN:
            continue
        for node in ast.walk(function):
            text = ast.unparse(node)
            if isinstance(node, ast.Call):
                assert not text.startswith("SoftmaxMLPClassifier("), text
                assert not text.startswith(("copy.copy(estimator", "copy.copy(network")), text
                assert not (text.startswith("vars(") and ".update(vars(" in text), text
            if isinstance(node, ast.Assign):
                targets = [t for t in node.targets if isinstance(t, ast.Attribute)]
                assert all(t.attr not in ("fit", "__class__", "predict") for t in targets), text


@pytest.mark.parametrize("name", TREES)
def test_one_place_decides_what_a_solver_is(name):
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Compare):
            text = ast.unparse(node)
            assert "lbfgs" not in text, text
            assert "'adam'" not in text or "mlp.solver" in text, text


def private_names():
    """Private attributes of scikit-learn's classes that skmlp does not define itself."""
    fitted = MLPClassifier(2, max_iter=1)
    with pytest.warns(UserWarning, match="iterations"):
        fitted.fit([[0.0], [1.0]], [0, 1])
    names = {*dir(GridSearchCV), *dir(BaseEstimator), *dir(ClassifierMixin), *vars(fitted)}
    names |= {"_skl_callbacks", "_callback_fit_ctx", "_skl_callbacks_to_teardown"}
    names |= {"_init_callback_context", "_parent_callback_ctx"}
    private = {name for name in names if name.startswith("_") and not name.startswith("__")}
    nodes = [node for name in TREES if name != "_sklearn_compat" for node in ast.walk(TREES[name])]
    ours = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    ours |= {  # attributes that our classes set
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and ast.unparse(node.value) == "self"
    }
    return private - ours


PRIVATE = private_names()


@pytest.mark.parametrize("name", [n for n in TREES if n != "_sklearn_compat"])
def test_private_names_of_scikit_learn_are_in_one_file(name):
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("sklearn"):
            private = [a.name for a in node.names if a.name.startswith("_")]
            assert not private, private
            assert "._" not in node.module, node.module
        if isinstance(node, ast.Attribute):
            assert node.attr not in PRIVATE, f"{node.attr}, line {node.lineno}"
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert node.value not in PRIVATE, f"{node.value}, line {node.lineno}"

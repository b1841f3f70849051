"""Sessions of nox: ``nox`` runs all of them, ``nox -s lint`` one, ``nox -l`` lists them.

slow, lint, types and docs run in the environment of nox itself, which has the extra ``dev``. The
sessions on other versions, works_with and package have environments of their own in .nox/; that of
package has the wheel alone. Sessions whose interpreter is missing are skipped.
"""

import shutil
import sys
from glob import glob
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"

# The lower bounds of pyproject.toml. NumPy 2.0 has no wheels for Python 3.13.
OLDEST_PYTHON = f"3.{min(sys.version_info.minor, 12)}"
OLDEST = [
    "numpy==2.0.*", "scipy==1.13.*", "scikit-learn==1.6.*", "pandas==2.2.2", "matplotlib==3.9.*",
    "pyparsing==3.1.*", "polars==1.0.*", "narwhals==2.0.*", "dask==2025.4.*",
    "distributed==2025.4.*",
]  # fmt: skip

# Without the version of this environment, on which pytest runs all tests.
NEWEST_PYTHONS = [v for v in ("3.13", "3.14") if v != f"3.{sys.version_info.minor}"]

# The tests that depend on the versions of other packages.
COMPATIBILITY = [
    "tests/cli", "tests/dask", "tests/data/test_frames.py", "tests/datasets", "tests/estimators",
    "tests/io", "tests/model_selection", "tests/plotting", "tests/test_callbacks.py",
    "tests/test_onnx.py", "tests/test_onnx_tables.py", "tests/test_public_api.py",
]  # fmt: skip

# check-jsonschema holds these schemas, so that no network is needed.
SCHEMAS = {
    "github-workflows": ".github/workflows/*.yml",
    "github-issue-forms": ".github/ISSUE_TEMPLATE/[0-9]*.yml",
    "github-issue-config": ".github/ISSUE_TEMPLATE/config.yml",
    "dependabot": ".github/dependabot.yml",
    "citation-file-format": "CITATION.cff",
}

# Tests on files beside the package, which an sdist must have.
SDIST_TESTS = [
    "tests/test_architecture_page.py", "tests/test_links.py", "tests/test_project.py",
    "tests/io/test_model.py::test_files_of_version_0_1_0_are_read",
]  # fmt: skip

# What a user of the wheel does first; the sample of images and py.typed are files in it.
FIRST_STEPS = """
from importlib import metadata, resources
import skmlp
from skmlp.datasets import load_fashion_mnist_sample
assert "site-packages" in skmlp.__file__, skmlp.__file__
assert metadata.version("skmlp") == skmlp.__version__
assert resources.files("skmlp").joinpath("py.typed").is_file()
X, y = load_fashion_mnist_sample(return_X_y=True)
clf = skmlp.SoftmaxMLPClassifier(units=20, epochs=3, random_state=0).fit(X, y)
skmlp.save(clf, "model.npz")
assert skmlp.load("model.npz").score(X, y) > 0.6
"""


@nox.session(venv_backend="none")
def slow(session):
    """Tests that the default test command leaves out."""
    session.run(sys.executable, "-m", "pytest", "-m", "slow", *session.posargs)


@nox.session(python=OLDEST_PYTHON)
def oldest(session):
    """Compatibility tests on the oldest supported versions."""
    session.install(*OLDEST, "-e", ".[test]")
    session.run("python", "-m", "pytest", *(session.posargs or COMPATIBILITY))


@nox.session(python=NEWEST_PYTHONS)
def newest(session):
    """Compatibility tests on the newest versions of Python."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", *(session.posargs or COMPATIBILITY))


@nox.session
def works_with(session):
    """The most used tools that take a classifier, in the versions of the extra works-with."""
    session.install("-e", ".[works-with]", "hypothesis", "pytest", "pytest-xdist")
    options = ["-n0", "-rs", *(session.posargs or ["tests/works_with"])]
    # Importing the tools takes longer than most tests, and so does compiling SHAP's functions.
    session.run("python", "-m", "pytest", *options, env={"NUMBA_DISABLE_JIT": "1"})


@nox.session(venv_backend="none")
def lint(session):
    """Style and format, by ruff; spelling, by codespell; the files for GitHub, by their schemas."""
    session.run(sys.executable, "-m", "ruff", "check", "--output-format=concise")
    session.run(sys.executable, "-m", "ruff", "format", "--check")
    session.run(sys.executable, "-m", "codespell_lib")
    for schema, files in SCHEMAS.items():
        check = ("check_jsonschema", "--builtin-schema", f"vendor.{schema}")
        session.run(sys.executable, "-m", *check, *sorted(glob(files)))


@nox.session(reuse_venv=False)
def package(session):
    """The sdist and the wheel in dist/: metadata, contents, installation, tests of the sdist."""

    def run(module, *arguments, **options):
        session.run(sys.executable, "-m", module, *arguments, external=True, **options)

    run("validate_pyproject", "pyproject.toml")
    shutil.rmtree("dist", ignore_errors=True)
    run("build", "--outdir", "dist", silent=True)  # the wheel from the sdist
    [sdist], [wheel] = (list(Path("dist").glob(f"*.{end}")) for end in ("tar.gz", "whl"))
    run("twine", "check", "--strict", str(sdist), str(wheel))
    run("check_wheel_contents", str(wheel))
    session.install(str(wheel))

    folder = Path(session.create_tmp())
    shutil.rmtree(folder)
    shutil.unpack_archive(sdist, folder, filter="data")
    with session.chdir(folder):
        session.run("python", "-c", FIRST_STEPS)
        session.run("skmlp", "--help", silent=True)
    source = (folder / sdist.name.removesuffix(".tar.gz")).resolve()
    with session.chdir(source):
        run("pytest", "-q", "-n0", *SDIST_TESTS, env={"PYTHONPATH": str(source)})


@nox.session(venv_backend="none")
def types(session):
    """Type hints, by mypy."""
    session.run(sys.executable, "-m", "mypy", *session.posargs)


@nox.session(venv_backend="none")
def docs(session):
    """The documentation, in docs/_build/index.html."""
    options = ["-W", "--keep-going", "-q", "-b", "html"]
    session.run(sys.executable, "-m", "sphinx", *options, "docs", "docs/_build")

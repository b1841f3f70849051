"""Sessions of nox: ``nox`` runs all of them, ``nox -s lint`` one, ``nox -l`` lists them.

slow, lint, types and docs run in the environment of nox itself, which has the extra ``dev``. The
sessions on other versions have environments of their own in .nox/, and are skipped if the
interpreter is missing.
"""

import sys

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


@nox.session(venv_backend="none")
def lint(session):
    """Style and format, by ruff."""
    session.run(sys.executable, "-m", "ruff", "check", "--output-format=concise")
    session.run(sys.executable, "-m", "ruff", "format", "--check")


@nox.session(venv_backend="none")
def types(session):
    """Type hints, by mypy."""
    session.run(sys.executable, "-m", "mypy", *session.posargs)


@nox.session(venv_backend="none")
def docs(session):
    """The documentation, in docs/_build/index.html."""
    options = ["-W", "--keep-going", "-q", "-b", "html"]
    session.run(sys.executable, "-m", "sphinx", *options, "docs", "docs/_build")

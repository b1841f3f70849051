"""Public docstrings: numpydoc format, shapes, Raises sections, and listing on the API page."""

import importlib
import inspect
import re
from pathlib import Path
from pkgutil import resolve_name

import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import validate

API_PAGE = Path(__file__).parents[1] / "docs" / "api.rst"

# Checks of numpydoc that are skipped, with reasons.
SKIPPED = {
    "GL01": "the summary starts on the first line: numpydoc before 1.11 expects the second",
    "ES01": "an extended summary is optional",
    "SA01": "related functions are on the same page",
    "RT02": "as in scikit-learn, return values are named",
}
SKIPPED_OF_METHODS = {"EX01": "the example of the class includes them"}

# Modules and their public names; None means __all__.
PUBLIC = {
    "skmlp": None,
    "skmlp.callbacks": ["Checkpoint"],
    "skmlp.dask": None,
    "skmlp.datasets": None,
    "skmlp.plotting": ["ImageGridDisplay"],
}
# Public names that are called by scikit-learn or by fit, not by users.
CALLED_BY_OTHERS = {
    "skmlp.SoftmaxMLPClassifier.set_callbacks",  # defined by skmlp before scikit-learn 1.9
    "skmlp.SoftmaxMLPEnsembleClassifier.set_callbacks",
    "skmlp.dask.DaskSoftmaxMLPClassifier.set_callbacks",
    # Not available: they raise an error.
    "skmlp.dask.DaskSoftmaxMLPClassifier.partial_fit",
    "skmlp.dask.DaskSoftmaxMLPClassifier.resume",
    # Inherited, and documented with the base class.
    "skmlp.dask.DaskSoftmaxMLPClassifier.from_sklearn",
    "skmlp.dask.DaskSoftmaxMLPClassifier.to_sklearn",
    *(
        f"skmlp.callbacks.Checkpoint.{name}"
        for name in (
            "on_fit_task_begin", "on_fit_task_end", "setup", "teardown",
        )
    ),
}  # fmt: skip


# Its docstring refers to that of SoftmaxMLPClassifier for the shared parameters.
SKIPPED_OF = {"skmlp.dask.DaskSoftmaxMLPClassifier": {"PR01", "PR02"}}
NEVER_RAISES = {"skmlp.dask.DaskSoftmaxMLPClassifier.to_local"}


def names_on_the_api_page():
    """Return the dotted names in docs/api.rst, including methods."""
    names = []
    for line in API_PAGE.read_text(encoding="utf-8").splitlines():
        if found := re.fullmatch(r"\.\. auto(?:class|function):: (\S+)", line):
            owner = found[1]
            names.append(owner)
        elif found := re.fullmatch(r" +:members: (.+)", line):
            names += [f"{owner}.{member}" for member in found[1].split(", ")]
    return names


def public_names():
    """Yield the dotted names of the public API, including methods defined by skmlp."""
    for module, names in PUBLIC.items():
        for name in names or importlib.import_module(module).__all__:
            yield f"{module}.{name}"
            thing = resolve_name(f"{module}.{name}")
            if inspect.isclass(thing):
                for member, value in inspect.getmembers(thing, inspect.isroutine):
                    if not member.startswith("_") and value.__module__.startswith("skmlp"):
                        yield f"{module}.{name}.{member}"


ON_THE_PAGE = names_on_the_api_page()


def resolved(name):
    """Return the object; skip the test if an optional dependency of its module is missing."""
    try:
        return resolve_name(name)
    except AttributeError:
        pytest.importorskip(".".join(name.split(".")[:2]), exc_type=ImportError)
        raise


def test_public_names_are_on_the_api_page():
    data = {"skmlp.PRESETS"}  # not a class or function; on the page with its module's docstring
    assert set(public_names()) - CALLED_BY_OTHERS - data <= set(ON_THE_PAGE)
    assert all(f".. py:data:: {name}" in API_PAGE.read_text(encoding="utf-8") for name in data)
    assert len(set(ON_THE_PAGE)) == len(ON_THE_PAGE)


@pytest.mark.parametrize("name", ON_THE_PAGE)
def test_numpydoc_validation(name):
    resolved(name)
    is_method = inspect.isclass(resolve_name(name.rpartition(".")[0]))
    skipped = {*SKIPPED, *(SKIPPED_OF_METHODS if is_method else ()), *SKIPPED_OF.get(name, ())}
    assert [error for error in validate(name)["errors"] if error[0] not in skipped] == []


@pytest.mark.parametrize("name", ON_THE_PAGE)
def test_functions_have_a_raises_section(name):
    thing = resolved(name)
    raises = name not in NEVER_RAISES and not inspect.isclass(thing)
    assert bool(get_doc_object(thing)["Raises"]) or not raises


@pytest.mark.parametrize("name", ON_THE_PAGE)
def test_arrays_have_shapes_in_docstrings(name):
    doc = get_doc_object(resolved(name))
    for section in ("Parameters", "Returns", "Attributes"):
        for entry in doc[section]:
            is_array = re.search(r"\b(array-like|ndarray|sparse)\b", entry.type)
            if is_array and "tuple of" not in entry.type and "dict of" not in entry.type:
                assert "of shape" in entry.type, f"{section}: {entry.name}"

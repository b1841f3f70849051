"""Public docstrings: numpydoc's form, shapes, the errors raised; and all are on the API page."""

import importlib
import inspect
import re
from pathlib import Path
from pkgutil import resolve_name

import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import validate

API_PAGE = Path(__file__).parents[1] / "docs" / "api.rst"

# What numpydoc asks for and is left out.
SKIPPED = {
    "GL01": "the summary stands behind the quotes: numpydoc before 1.11 wants the next line",
    "ES01": "a summary is enough where it says all",
    "SA01": "what belongs together is on one page; a list of it in each docstring would repeat",
    "RT02": "as in scikit-learn, what is returned has a name",
}
SKIPPED_OF_METHODS = {"EX01": "they take part in the example of their class"}

# Modules and their public names: None for all in __all__.
PUBLIC = {
    "skmlp": None,
    "skmlp.callbacks": ["Checkpoint"],
    "skmlp.dask": None,
    "skmlp.datasets": None,
    "skmlp.plotting": ["ImageGridDisplay"],
}
# Public by their names, but called by scikit-learn and by fit, not by users.
CALLED_BY_OTHERS = {
    "skmlp.SoftmaxMLPClassifier.set_callbacks",  # ours only before scikit-learn 1.9
    "skmlp.dask.DaskSoftmaxMLPClassifier.set_callbacks",
    # Not available there, which they say.
    "skmlp.dask.DaskSoftmaxMLPClassifier.partial_fit",
    "skmlp.dask.DaskSoftmaxMLPClassifier.resume",
    # Inherited as they are, and shown with the class that has them.
    "skmlp.dask.DaskSoftmaxMLPClassifier.from_sklearn",
    "skmlp.dask.DaskSoftmaxMLPClassifier.to_sklearn",
    *(
        f"skmlp.callbacks.Checkpoint.{name}"
        for name in (
            "on_fit_task_begin", "on_fit_task_end", "setup", "teardown",
        )
    ),
}  # fmt: skip


# Its signature has all parameters of SoftmaxMLPClassifier, its docstring points to them.
SKIPPED_OF = {"skmlp.dask.DaskSoftmaxMLPClassifier": {"PR01", "PR02"}}
NEVER_RAISES = {"skmlp.dask.DaskSoftmaxMLPClassifier.to_local"}


def names_on_the_api_page():
    """The dotted names of what docs/api.rst shows, methods included."""
    names = []
    for line in API_PAGE.read_text(encoding="utf-8").splitlines():
        if found := re.fullmatch(r"\.\. auto(?:class|function):: (\S+)", line):
            owner = found[1]
            names.append(owner)
        elif found := re.fullmatch(r" +:members: (.+)", line):
            names += [f"{owner}.{member}" for member in found[1].split(", ")]
    return names


def public_names():
    """The dotted names of all that is public, methods of our own included."""
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
    """The object; the test is skipped if its module needs what is not installed."""
    try:
        return resolve_name(name)
    except AttributeError:
        pytest.importorskip(".".join(name.split(".")[:2]), exc_type=ImportError)
        raise


def test_public_names_are_on_the_api_page():
    assert set(public_names()) - CALLED_BY_OTHERS <= set(ON_THE_PAGE)
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

"""Deprecated names: the warnings, and the version in which each name is removed."""

import ast
import re
import warnings
from pathlib import Path

import pytest
from packaging.version import Version
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import skmlp
import skmlp.images
from skmlp.plotting import ImageGridDisplay

PACKAGE = Path(skmlp.__file__).parent
PAGE = PACKAGE.parent / "docs" / "contributing.rst"


def deprecations_in(source):
    """Yield the arguments of the calls of warn_deprecated."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("warn_deprecated"):
            names = [ast.literal_eval(argument) for argument in node.args]
            versions = {k.arg: Version(ast.literal_eval(k.value)) for k in node.keywords}
            yield names[0], versions["since"], versions["removed_in"]


DEPRECATED = [
    found
    for path in PACKAGE.rglob("*.py")
    for found in deprecations_in(path.read_text(encoding="utf-8"))
]


def is_due(deprecation, version):
    return Version(version) >= deprecation[2]


def test_no_name_is_due_to_be_removed():
    assert DEPRECATED
    assert not [found for found in DEPRECATED if is_due(found, skmlp.__version__)]


def test_a_name_is_due_in_the_version_that_the_warning_names():
    source = 'if x:\n    warn_deprecated("a", "b", since="0.2", removed_in="0.4")'
    [found] = deprecations_in(source)
    due = [v for v in ("0.2.0", "0.3.9", "0.4.0.dev0", "0.4.0", "0.10.0") if is_due(found, v)]
    assert due == ["0.4.0", "0.10.0"]


@pytest.mark.parametrize("deprecation", DEPRECATED, ids=lambda found: found[0])
def test_names_are_kept_for_two_minor_versions_and_are_in_the_changelog(deprecation):
    name, since, removed_in = deprecation
    assert since <= Version(skmlp.__version__)
    assert removed_in.major > since.major or removed_in.minor >= since.minor + 2
    assert name in (PACKAGE.parent / "docs" / "changelog.rst").read_text(encoding="utf-8")


def recipes():
    """Return the names in the code of the page, as if it were a module of skmlp."""
    [code] = re.findall(r"\.\. code-block:: python\n\n(.*?)(?=\n\S)", PAGE.read_text("utf-8"), re.S)
    names = {"__name__": "skmlp.recipes"}
    exec(re.sub(r"^    ", "", code, flags=re.M), names)
    return names


RECIPES = recipes()
smooth, Estimator = RECIPES["smooth"], RECIPES["Estimator"]
RENAMED = {
    "argument": (lambda: smooth([1, 2, 3], window=2), [1.5, 2.5], "`window` .* to `width`"),
    "parameter": (
        lambda: Estimator(n_iter_no_change=3).fit([[0]]).n_epochs_,
        6,
        "`n_iter_no_change` .* to `patience`",
    ),
    "attribute": (lambda: Estimator().fit([[0]]).n_iter_, 20, "`n_iter_` .* to `n_epochs_`"),
    "name in a module": (
        lambda: skmlp.images.ImageGridDisplay,
        ImageGridDisplay,
        "`skmlp.images.ImageGridDisplay` .* to `skmlp.plotting.ImageGridDisplay`",
    ),
}


@pytest.mark.parametrize("kind", RENAMED)
def test_renamed(kind):
    use, expected, message = RENAMED[kind]
    with pytest.warns(FutureWarning, match=message) as caught:
        assert use() == expected
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert re.search(r"in version \d\.\d and will be removed in \d\.\d\.$", str(caught[0].message))


def test_new_names_do_not_warn():
    assert smooth([1, 2, 3], width=2) == [1.5, 2.5]
    assert clone(Estimator(patience=3)).fit([[0]]).n_epochs_ == 6
    assert not hasattr(skmlp.images, "LossCurveDisplay")


def test_each_use_warns_where_it_stands():
    """With Python's default filter, a line warns once; the next line warns again."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            smooth([1, 2, 3], window=2)
        smooth([1, 2, 3], window=2)
    assert [w.filename for w in caught] == [__file__] * 2
    assert caught[1].lineno == caught[0].lineno + 1


def test_deprecated_parameter_in_a_search():
    """scikit-learn's frames are not the user's: each fit warns at the line of the search."""
    grid = GridSearchCV(Estimator(), {"n_iter_no_change": [1, 2]}, scoring=lambda *_: 0.0, cv=2)
    with pytest.warns(FutureWarning, match="n_iter_no_change") as caught:
        grid.fit([[0.0], [1.0]])
    assert {w.filename for w in caught} == {__file__}
    assert grid.best_params_ == {"n_iter_no_change": 1}


def test_deprecated_without_successor():
    with pytest.warns(FutureWarning) as caught:
        skmlp._errors.warn_deprecated("x", since="0.2", removed_in="0.4")
    assert str(caught[0].message) == (
        "`x` is deprecated since version 0.2 and will be removed in 0.4."
    )

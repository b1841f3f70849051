"""Links in documents: the files, pages and examples that they name exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MARKDOWN = sorted([*ROOT.glob("*.md"), *ROOT.glob(".github/**/*.md")])
PAGES = sorted(DOCS.glob("*.rst"))
EXAMPLES = sorted(DOCS.glob("examples/plot_*.py"))
LECTURE = sorted(DOCS.glob("learn/plot_*.py"))
OTHERS = sorted(
    path
    for pattern in ("*.py", "*.cff", "pyproject.toml", ".ci/run", ".github/**/*.y*ml", "docs/*.py",
                    "skmlp/**/*.py", "tests/**/*.py", "benchmarks/**/*.py")
    for path in ROOT.glob(pattern)
)  # fmt: skip
GENERATED = ("docs/_build", "docs/generated")

in_markdown = pytest.mark.parametrize(
    "path", MARKDOWN, ids=lambda path: path.relative_to(ROOT).as_posix()
)
in_pages = pytest.mark.parametrize(
    "path", [*PAGES, *EXAMPLES, *LECTURE], ids=lambda path: path.relative_to(DOCS).as_posix()
)
in_all = pytest.mark.parametrize(
    "path",
    [*MARKDOWN, *PAGES, *EXAMPLES, *LECTURE, *OTHERS],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)


def source_of(page):
    """Return the source file of a page; pages of the gallery are made from Python files."""
    found = re.fullmatch(r"generated/(learn|examples)/(\w+)", page)
    if not found:
        return DOCS / f"{page}.rst"
    index = {"learn": "index.rst", "examples": "README.txt"}[found[1]]
    return DOCS / found[1] / (index if found[2] == "index" else f"{found[2]}.py")


def pages_linked_in(path):
    """Return the targets of ``:doc:`` roles, relative to the root of the documentation."""
    text = path.read_text(encoding="utf-8")
    pages = re.findall(r":doc:`(?:[^`<]*<)?([^`<>]+)>?`", text)
    own = "" if path.suffix == ".rst" else f"generated/{path.parent.name}/"
    return [page[1:] if page.startswith("/") else own + page for page in pages]


def test_documents_are_found():
    assert {path.name for path in MARKDOWN} >= {"README.md", "CONTRIBUTING.md"}
    assert len(PAGES) > 10
    assert len(EXAMPLES) >= 10
    assert len(LECTURE) >= 5


def anchors_in(path):
    """Return the anchors of the headings, as GitHub makes them."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        headings = re.findall(r"^#+ +(.+)$", re.sub(r"```.*?```", "", text, flags=re.S), re.M)
    else:
        headings = re.findall(r"^(\S.*)\n([=~^-])\2{2,}$", text, re.M)
        headings = [heading for heading, _ in headings]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_anchors_are_those_of_github():
    assert {"set-up", "module-structure"} <= anchors_in(DOCS / "contributing.rst")
    assert "speed-beside-mlpclassifier-and-pytorch" in anchors_in(ROOT / "README.md")


@in_markdown
def test_relative_links_lead_to_files_and_headings(path):
    targets = re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))
    for target in targets:
        if not re.match(r"https?://|mailto:", target):
            name, _, anchor = target.partition("#")
            file = path.parent / name if name else path
            assert file.exists(), target
            assert not anchor or anchor in anchors_in(file), target


NAMED = r"(?<![\w/.-])(?:skmlp|tests|docs|benchmarks|\.ci|\.github)/[\w./-]*\w(?![\w*])"


@in_all
def test_named_files_exist(path):
    """Names in documents are between backticks; in other files, they stand in any text."""
    text = path.read_text(encoding="utf-8")
    if path not in OTHERS:
        text = "\n".join(re.findall(r"`+([^`\n]+)`+", text))
    for name in re.findall(NAMED, text):
        assert (ROOT / name).exists() or name.startswith(GENERATED), name


@in_pages
def test_linked_pages_exist(path):
    for page in pages_linked_in(path):
        assert source_of(page).exists(), page


@in_pages
def test_included_files_exist(path):
    text = path.read_text(encoding="utf-8")
    shown = re.findall(r"(?:\.\. (?:literal)?include::|:file:) +(\S+)", text)
    for name in shown:  # relative to the page; with a leading slash, to docs/
        assert (DOCS / name.removeprefix("/")).exists(), name


def test_every_example_is_linked_in_use():
    linked = {source_of(page) for page in pages_linked_in(DOCS / "use.rst")}
    assert set(EXAMPLES) <= linked


def test_every_page_is_in_a_toctree():
    listed = {"index"}
    for path in PAGES:
        for tree in re.findall(r"\.\. toctree::\n(.*?)(?=\n\S|\Z)", path.read_text("utf-8"), re.S):
            entries = re.findall(r"^ +(?!:)(.+)$", tree, re.M)
            listed |= {re.sub(r".*<(.+)>", r"\1", entry.strip()) for entry in entries}
    assert {path.stem for path in PAGES} <= listed
    assert {"generated/learn/index", "generated/examples/index"} <= listed

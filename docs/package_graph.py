"""The packages of skmlp and the imports between them, as an SVG for docs/architecture.rst.

The imports are read from the source files, so the drawing cannot be out of date. Packages are
boxes on the diagonal, in the order of the import rule. A package imports those that its row
leads to: the number where the row meets another package's column is the number of imports. All
numbers are below the diagonal, because a package imports only packages to its left.
"""

import ast
from collections import Counter
from html import escape
from pathlib import Path

__all__ = ["count_imports", "draw"]

PACKAGE = Path(__file__).parents[1] / "skmlp"
ORDER = [
    "core", "data", "training", "io", "callbacks", "estimators", "model_selection", "dask",
    "onnx", "plotting", "datasets", "cli",
]  # fmt: skip
LAYERS = 8  # of these, in the order of the rule; those after them may import anything
NOT_DRAWN = {"__init__", "__main__", "_errors", "_sklearn_compat", "images"}
PITCH, BOX, CHARACTER = 31, 22, 7.4  # distance of boxes, their height, width of a character

# The colours are those of the theme, which has a light and a dark mode.
STYLE = """
.package-graph { display: block; width: 100%; max-width: 40rem; margin: 1.5rem auto; }
.package-graph text { font: 12px var(--pst-font-family-monospace, monospace);
  fill: var(--pst-color-text-base, #222); }
.package-graph .box rect { fill: var(--pst-color-surface, #eee);
  stroke: var(--pst-color-primary, #459db9); }
.package-graph .other rect { stroke: var(--pst-color-text-muted, #888); stroke-dasharray: 3 2; }
.package-graph path { fill: none; stroke: var(--pst-color-border, #bbb); stroke-width: 1.5; }
.package-graph .head { fill: var(--pst-color-text-muted, #888); stroke: none; }
.package-graph circle { fill: var(--pst-color-background, #fff);
  stroke: var(--pst-color-text-muted, #888); }
.package-graph .count text { font-size: 10.5px; text-anchor: middle; }
"""


def count_imports() -> Counter[tuple[str, str]]:
    """Return the number of imports from one package by another: (importing, imported) -> n.

    Each module that a file imports counts once; ``skmlp/__init__.py`` and the commands, which
    may import anything, are left out.
    """
    found: Counter[tuple[str, str]] = Counter()
    for path in PACKAGE.rglob("*.py"):
        importing = path.relative_to(PACKAGE).with_suffix("").parts[0]
        modules = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                modules.add(node.module or "")
            elif isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
        for module in modules:
            parts = module.split(".")
            if parts[0] == "skmlp" and len(parts) > 1 and parts[1] != importing:
                found[importing, parts[1]] += 1
    return Counter({pair: n for pair, n in found.items() if not NOT_DRAWN & {*pair}})


def draw() -> str:
    """Return the drawing as an SVG element.

    Raises
    ------
    ValueError
        If a package imports one to its right.
    """
    imports = count_imports()
    names = [*ORDER, *sorted({name for pair in imports for name in pair} - {*ORDER})]
    column = {name: i for i, name in enumerate(names)}
    for importing, imported in imports:
        if column[importing] < column[imported]:
            raise ValueError(f"skmlp.{importing} must not import skmlp.{imported}.")
    lines, counts = _edges(imports, column)
    boxes = [_box(name, i) for i, name in enumerate(names)]
    width = max(i * PITCH + _width(name) for i, name in enumerate(names)) + 2
    height = (len(names) - 1) * PITCH + BOX + 2
    title = "Imports between the packages of skmlp"
    return (
        f'<svg class="package-graph" viewBox="-1 -1 {width:.0f} {height}" role="img" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{title}</title><style>{STYLE}</style>'
        f"{''.join(lines + boxes + counts)}</svg>"
    )


def _edges(
    imports: Counter[tuple[str, str]], column: dict[str, int]
) -> tuple[list[str], list[str]]:
    """Return the lines, and the numbers that are drawn on them."""
    lines, counts = [], []
    for name, i in column.items():
        imported = [column[other] for importing, other in imports if importing == name]
        importing = [column[other] for other, imported in imports if imported == name]
        if imported:
            lines.append(f'<path d="M{i * PITCH} {_middle(i)}H{_x(min(imported))}"/>')
        if importing:
            x, y = _x(i), i * PITCH + BOX
            lines.append(f'<path d="M{x} {_middle(max(importing))}V{y + 5}"/>')
            lines.append(f'<path class="head" d="M{x} {y}l-4 7h8z"/>')
    for (importing, imported), n in imports.items():
        x, y = _x(column[imported]), _middle(column[importing])
        counts.append(
            f'<g class="count"><title>{escape(importing)} imports {escape(imported)}: {n}</title>'
            f'<circle cx="{x}" cy="{y}" r="9"/><text x="{x}" y="{y + 3.7:.1f}">{n}</text></g>'
        )
    return lines, counts


def _box(name: str, i: int) -> str:
    kind = "box" if i < LAYERS else "box other"
    x, y = i * PITCH, i * PITCH
    return (
        f'<g class="{kind}"><rect x="{x}" y="{y}" width="{_width(name):.0f}" height="{BOX}" '
        f'rx="4"/><text x="{x + 6}" y="{y + 15}">{escape(name)}</text></g>'
    )


def _width(name: str) -> float:
    return len(name) * CHARACTER + 12


def _x(i: int) -> int:
    """Return the horizontal position of the arrow that leads to box i."""
    return i * PITCH + 13


def _middle(i: int) -> int:
    """Return the vertical middle of box i."""
    return i * PITCH + BOX // 2

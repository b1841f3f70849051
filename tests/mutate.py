"""``python -m tests.mutate [N] [SEED]``: check that tests/core fails if skmlp/core is changed.

Makes N random mutants, each with one changed operator, comparison, condition, constant or sign, in
a copy of the repository, and runs ``pytest -x tests/core`` on each. Prints the mutants that
survive: each of them is a missing test, or a change without effect on results.
"""

import ast
import random
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
SWAPS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE,
    ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.And: ast.Or, ast.Or: ast.And, ast.USub: ast.UAdd,
}  # fmt: skip


def mutate(node):
    """Change a node in place; return whether it could be changed."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        node.operand = ast.UnaryOp(ast.Not(), node.operand)
    elif type(getattr(node, "op", None)) in SWAPS:
        node.op = SWAPS[type(node.op)]()
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        node.ops[0] = SWAPS[type(node.ops[0])]()
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        node.value = not node.value
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        node.value += 1
    else:
        return False
    return True


def run_tests(path, tree):
    """Return whether the tests fail for a module of the core with this content."""
    with TemporaryDirectory() as folder:
        for name in ("skmlp", "tests"):
            shutil.copytree(ROOT / name, Path(folder, name))
        shutil.copy(ROOT / "pyproject.toml", folder)
        Path(folder, path.relative_to(ROOT)).write_text(ast.unparse(tree), encoding="utf-8")
        first = Path("tests", "core", f"test_{path.stem}.py")
        tests = [str(first)] * (ROOT / first).exists() + ["tests/core"]
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-n0", *tests]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, timeout=600)
        except subprocess.TimeoutExpired:  # an endless loop
            return True
        assert done.returncode in (0, 1), done.stdout.decode()
        return done.returncode == 1


def main(n_mutants=40, seed=0):
    sites = []
    for path in sorted((ROOT / "skmlp" / "core").glob("[!_]*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        sites += [(path, i) for i, node in enumerate(nodes) if mutate(node)]
    survivors = 0
    for path, i in random.Random(seed).sample(sites, n_mutants):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        node = list(ast.walk(tree))[i]
        before = ast.unparse(node)
        mutate(node)
        killed = run_tests(path, tree)
        survivors += not killed
        change = f"{path.name}:{node.lineno}: {before} -> {ast.unparse(node)}"
        print("killed  " if killed else "SURVIVED", change, flush=True)
    print(f"{survivors} of {n_mutants} mutants survived")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

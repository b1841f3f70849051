"""``python -m benchmarks.same_results OLD [NEW]``: compare two commits bit for bit.

Both make the calls of `small_fits`, each in a process of its own, with the libraries of this
interpreter and one BLAS thread. Parameters, histories (without times), probabilities and scores
are compared bit for bit. NEW is the working tree by default.
"""

import argparse
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import small_fits

ROOT = Path(__file__).parents[1]
KNOWN = {}  # calls whose results are meant to differ, each with the reason
MOST = 8  # differences to print of a call
# What `start` runs: a function of these benchmarks, with the skmlp of a folder only.
CODE = """import skmlp, sys
assert skmlp.__file__.startswith(sys.argv[1]), skmlp.__file__
from benchmarks import {0}; {0}.{1}(*sys.argv[2:])"""


def main(argv=None):
    """Print what differs in each call; return 1 if calls differ that are not in `KNOWN`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.same_results")
    parser.add_argument("old", metavar="OLD", help="a commit")
    parser.add_argument("new", metavar="NEW", nargs="?", default=".", help="another; default: .")
    parser.add_argument("--only", metavar="TEXT", default="", help="calls that contain this")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        old, new = (
            _results(getattr(args, side), Path(folder, side), args.only) for side in ("old", "new")
        )
    words = {call: differences(old[call], new[call]) for call in old}
    differing = {call: found for call, found in words.items() if found}
    for call, found in differing.items():
        more = f"; {len(found) - MOST} more" if len(found) > MOST else ""
        reason = f" [known: {KNOWN[call]}]" if call in KNOWN else ""
        print(f"{call}: {'; '.join(found[:MOST])}{more}{reason}")
    n, known = len(differing), len(differing.keys() & KNOWN)
    also = f", {known} of them known" if known else ""
    print(f"{len(old)} fits: {len(old) - n} the same bit for bit, {n} differ{also}")
    return int(n > known)


def unpack(commit, folder):
    """Write the skmlp of a commit, or of the working tree for ".", into a new folder."""
    if commit == ".":
        shutil.copytree(ROOT / "skmlp", folder / "skmlp")
    else:
        archive = ["git", "archive", "-o", f"{folder}.zip", commit, "skmlp"]
        subprocess.run(archive, cwd=ROOT, check=True)
        shutil.unpack_archive(f"{folder}.zip", folder)
    return folder


def start(folder, module, function, *args, env=(), **options):
    """Start a function of these benchmarks with the skmlp of `unpack`; return the process."""
    env = os.environ | dict(env) | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    code = CODE.format(module, function)
    command = [sys.executable, "-P", "-c", code, *map(str, (folder, *args))]
    return subprocess.Popen(command, cwd=folder, env=env, **options)


def _results(commit, folder, only):
    """Return what the calls return in a commit, by call."""
    settings = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    path = folder.with_suffix(".pickle")
    process = start(unpack(commit, folder), "same_results", "record", path, only, env=settings)
    if process.wait():
        sys.exit(f"the fits of {commit} ended with {process.returncode}")
    return pickle.loads(path.read_bytes())


def record(path, only):
    """Make the calls, and write what they return to a file."""
    found = {call: small_fits.result(call) for call in small_fits.calls() if only in call}
    Path(path).write_bytes(pickle.dumps(found))


def differences(old, new):
    """Return in words what differs between two results; an error, as a str, always does."""
    sides = {"OLD": old, "NEW": new}
    if errors := [f"{side} {found}" for side, found in sides.items() if isinstance(found, str)]:
        return errors
    words = []
    for name in dict.fromkeys([*old, *new]):
        a, b = (np.asarray(found.get(name, "missing")) for found in (old, new))
        numbers = a.dtype == b.dtype and a.shape == b.shape and a.dtype.kind in "fiu"
        if numbers and a.tobytes() != b.tobytes():
            most = np.max(np.abs(np.subtract(a, b, dtype=np.float64)))
            words.append(f"{name} by {most:.2g} (the largest is {np.max(np.abs(a)):.2g})")
        elif not numbers and a.tolist() != b.tolist():
            shown = [f"{x.dtype} {x.shape}" if x.ndim else repr(x.item()) for x in (a, b)]
            words.append(f"{name} {shown[0]} -> {shown[1]}")
    return words


if __name__ == "__main__":
    sys.exit(main())

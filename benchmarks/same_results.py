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
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

import numpy as np

import skmlp
from benchmarks import small_fits

__all__ = ["KNOWN", "differences", "main", "record", "start", "unpack"]

ROOT = Path(__file__).parents[1]
KNOWN = {}  # calls whose results are meant to differ, each with the reason
MOST = 8  # differences to print of a call
RECORD = "import sys; from benchmarks.same_results import record; record(*sys.argv[1:])"


def main(argv=None):
    """Compare two commits; print what differs in each call, and how many calls differ.

    Returns
    -------
    code : int
        1 if calls differ that are not in `KNOWN`, otherwise 0.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.same_results")
    parser.add_argument("old", metavar="OLD", help="a commit")
    parser.add_argument(
        "new",
        metavar="NEW",
        nargs="?",
        default=".",
        help="another; by default . for the working tree",
    )
    parser.add_argument("--only", metavar="TEXT", default="", help="calls that contain this")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        old, new = (
            _results(getattr(args, side), folder, side, args.only) for side in ("old", "new")
        )
    words = {call: differences(old[call], new[call]) for call in old}
    differing = [call for call in words if words[call]]
    for call in differing:
        reason = f" [known: {KNOWN[call]}]" if call in KNOWN else ""
        more = f"; {len(words[call]) - MOST} more" if len(words[call]) > MOST else ""
        print(f"{call}: {'; '.join(words[call][:MOST])}{more}{reason}")
    n, known = len(differing), sum(call in KNOWN for call in differing)
    also = f", {known} of them known" if known else ""
    print(f"{len(old)} fits: {len(old) - n} the same bit for bit, {n} differ{also}")
    return int(n > known)


def _results(commit, folder, side, only):
    """Return what the calls return in a commit, by call."""
    package, path = unpack(commit, Path(folder, side)), Path(folder, f"{side}.pickle")
    settings = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    process = start(package, RECORD, package, path, only, env=settings)
    if process.wait():
        sys.exit(f"the fits of {side.upper()} ended with {process.returncode}")
    return pickle.loads(path.read_bytes())


def unpack(commit, folder):
    """Write the skmlp of a commit, or of the working tree for ".", into a new folder."""
    if commit == ".":
        shutil.copytree(ROOT / "skmlp", folder / "skmlp")
        return folder
    command = ["git", "archive", commit, "skmlp"]
    archive = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def start(folder, code, *args, env=(), **options):
    """Start a Python in a folder from `unpack`, whose skmlp it imports, and these benchmarks.

    Returns
    -------
    process : subprocess.Popen
    """
    env = os.environ | dict(env) | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-P", "-c", code, *map(str, args)]
    return subprocess.Popen(command, cwd=folder, env=env, **options)


def check_package(folder):
    """Raise RuntimeError unless skmlp comes from a folder."""
    if not Path(skmlp.__file__).is_relative_to(Path(folder).resolve()):
        raise RuntimeError(f"skmlp is {skmlp.__file__}, not in {folder}")


def record(folder, path, only):
    """Make the calls with the skmlp in a folder, and write what they return to a file."""
    check_package(folder)
    found = {call: small_fits.result(call) for call in small_fits.calls() if only in call}
    Path(path).write_bytes(pickle.dumps(found))


def differences(old, new):
    """Return in words what differs between the results of a call.

    Parameters
    ----------
    old, new : dict or str
        From `small_fits.result`. A str is an error, which counts as a difference.

    Returns
    -------
    words : list of str
        Empty if all is the same, bit for bit.
    """
    errors = [
        f"{side} {found}" for side, found in (("OLD", old), ("NEW", new)) if isinstance(found, str)
    ]
    if errors:
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

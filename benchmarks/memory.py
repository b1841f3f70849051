"""The child process of the memory cases; prints the peak of its memory over what it held.

    python -m benchmarks.memory {skmlp,MLPClassifier} {fit,predict_proba} FOLDER

Counted is the resident memory of the process, what the machine must really have, whoever
asked for it: NumPy, BLAS, SciPy or Python itself. (tracemalloc would see only what goes through
Python's and NumPy's allocators, and slow down the library that makes more calls.) A process of
its own for each figure, because allocators keep what an earlier contestant freed. Before, the
process loads the data and works on a few rows of it, so that neither the data nor imports nor
the buffers of BLAS count.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from benchmarks.measure import SKLEARN, SKMLP
from benchmarks.peers import Setting, mlp_classifier, ours

__all__ = ["main", "resident"]

FEW_ROWS = 256
MAKERS = {SKMLP: ours, SKLEARN: mlp_classifier}


def resident(field):
    """Return a size of this process in bytes: VmRSS, its memory now, or VmHWM, its peak.

    Where there is no /proc, both are the peak of getrusage. Linux has that one too, but there
    a new process starts with the peak of the process that started it.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def main(library, action, folder):
    """Print by how many MB (10^6 bytes) the action raises the peak of memory."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = np.load(Path(folder, "X.npy")), np.load(Path(folder, "y.npy"))
    clf = MAKERS[library](Setting((100,)), 2)
    clf.fit(X[:FEW_ROWS], y[:FEW_ROWS])
    clf.predict_proba(X[:FEW_ROWS])
    before = resident("VmRSS")
    result = clf.fit(X, y) if action == "fit" else clf.predict_proba(X)
    print((resident("VmHWM") - before) / 1e6)
    return result


if __name__ == "__main__":
    main(*sys.argv[1:])

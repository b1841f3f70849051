"""Resident memory, and the process that measures the peak memory of a method.

``python -m benchmarks.memory {skmlp,MLPClassifier} {fit,predict_proba} FOLDER`` prints by how many
MB the method raises the resident memory, whichever library allocates it. (tracemalloc would count
only the allocations of Python and NumPy.) Every figure needs a new process, since allocators keep
memory that was freed. The data is loaded and a few rows are processed first, so that the data,
the imports and the buffers of BLAS are not counted.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from benchmarks.peers import ESTIMATORS, Setting

FEW_ROWS = 256


def resident(field):
    """Return VmRSS, the resident memory of this process in bytes, or VmHWM, its peak.

    Without /proc both are the peak of getrusage. On Linux that one is not used, because there a
    new process starts with the peak of its parent.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def main(library, method, folder):
    """Print the increase of the peak memory by a method in MB (10^6 bytes)."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = np.load(Path(folder, "X.npy")), np.load(Path(folder, "y.npy"))
    clf = ESTIMATORS[library](Setting((100,)), 2)
    clf.fit(X[:FEW_ROWS], y[:FEW_ROWS])
    clf.predict_proba(X[:FEW_ROWS])
    before = resident("VmRSS")
    result = clf.fit(X, y) if method == "fit" else clf.predict_proba(X)
    print((resident("VmHWM") - before) / 1e6)
    return result


if __name__ == "__main__":
    main(*sys.argv[1:])

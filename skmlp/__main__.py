"""``python -m skmlp``: the main job."""

import os
import sys

from skmlp.cli.fashion_mnist import main

__all__ = ["main"]

if __name__ == "__main__":
    os.environ["MPLBACKEND"] = "agg"  # figures are written to files and need no display
    sys.exit(main())

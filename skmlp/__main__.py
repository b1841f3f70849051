"""``python -m skmlp``: train on Fashion-MNIST."""

import os
import sys

from skmlp.cli.fashion_mnist import main

__all__ = ["main"]

if __name__ == "__main__":
    os.environ["MPLBACKEND"] = "agg"  # figures are only written to files
    sys.exit(main())

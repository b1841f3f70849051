"""``python -m skmlp``: train on Fashion-MNIST."""

import os
import sys
from io import TextIOWrapper

from skmlp.cli.fashion_mnist import main

__all__ = ["main"]

if __name__ == "__main__":
    if isinstance(sys.stdout, TextIOWrapper):  # names that its encoding lacks are escaped
        sys.stdout.reconfigure(errors="backslashreplace")
    os.environ["MPLBACKEND"] = "agg"  # figures are only written to files
    sys.exit(main())

"""``python -m skmlp``: train on Fashion-MNIST, or on a file of one's own."""

import sys

from skmlp.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())

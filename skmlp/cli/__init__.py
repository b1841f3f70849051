"""Command line interface: training on Fashion-MNIST, or on your own file."""

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from io import TextIOWrapper

from skmlp.cli.commands import PROG

__all__ = ["main"]

COMMANDS = ("train", "predict")


def main(argv: list[str] | None = None) -> int:
    """Run ``python -m skmlp``, which is also ``skmlp``.

    Parameters
    ----------
    argv : list of str, default=None
        The arguments: those of a command after its name, or else those of the training on
        Fashion-MNIST. If None, those of the command line.

    Returns
    -------
    code : int
        The exit code.

    Raises
    ------
    SystemExit
        With code 2 for invalid arguments, or with a message of one line.
    """
    argv = sys.argv[1:] if argv is None else argv
    if isinstance(sys.stdout, TextIOWrapper):  # characters that its encoding lacks are escaped
        sys.stdout.reconfigure(errors="backslashreplace")
    os.environ["MPLBACKEND"] = "agg"  # figures are only written to files
    if argv and argv[0] in COMMANDS:
        if find_spec("pandas") is None:
            remedy = 'reading files needs pandas: pip install "skmlp[data]"'
            raise SystemExit(f"{PROG} {argv[0]}: error: {remedy}")
        return import_module(f"skmlp.cli.{argv[0]}").main(argv[1:])
    return import_module("skmlp.cli.fashion_mnist").main(argv)

"""Shared by the commands: arguments, errors and exit codes."""

import argparse
import codecs
import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NoReturn

from skmlp._errors import short_repr

__all__ = [
    "DECIMALS",
    "MAX_INTEGER",
    "PROG",
    "CommandError",
    "OneLineParser",
    "cannot_write",
    "did_you_mean",
    "encoding_name",
    "integer_from",
    "one_character",
    "one_line",
    "program",
    "quoted",
    "run_command",
]

DECIMALS = ".", ","
MAX_INTEGER = 2**32 - 1
MAX_NAMES = 8  # that a message lists
MAX_QUOTED = 60  # characters of a value in a message
_ESCAPES = {"\\t": "\t", "tab": "\t", "space": " "}


def program(path: str) -> str:
    """Return how the command was started, given the path of the script."""
    return "skmlp" if Path(path).stem == "skmlp" else "python -m skmlp"


PROG = program(sys.argv[0])


class CommandError(Exception):
    """An error that the user can correct; the command prints its message and ends with 1."""


class OneLineParser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        """Print the message and exit with 2."""
        self.exit(2, f"{self.prog}: error: {one_line(message)}\n")


def run_command(prog: str, run: Callable[[], None]) -> int:
    """Call run; return the exit code of the command.

    Parameters
    ----------
    prog : str
        What messages begin with.
    run : callable () -> None

    Returns
    -------
    code : int
        0, or 130 after Ctrl-C.

    Raises
    ------
    SystemExit
        With a message of one line, for CommandError and OSError.
    """
    try:
        run()
    except KeyboardInterrupt:
        print(f"\n{prog}: stopped", file=sys.stderr)
        return 130
    except (CommandError, OSError) as error:
        raise SystemExit(f"{prog}: error: {one_line(error)}") from error
    return 0


def cannot_write(folder: Path) -> str | None:
    """Make the folder if it is missing; return a message if no file can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return f"cannot write to {folder}: {error.strerror}"


def integer_from(least: int) -> Callable[[str], int]:
    """Return the argument type of integers from `least` to the largest one, that of seeds."""

    def integer(text: str) -> int:
        # At most ten digits: Python refuses to convert thousands.
        if text.isdecimal() and len(text) <= 10 and least <= int(text) <= MAX_INTEGER:
            return int(text)
        accepted = f"an integer from {least} to {MAX_INTEGER}"
        raise argparse.ArgumentTypeError(f"must be {accepted}, got {short_repr(text)}")

    return integer


def one_character(text: str) -> str:
    """Return the argument as one character; the word tab is a tabulator."""
    character = _ESCAPES.get(text, text)
    if len(character) != 1:
        raise argparse.ArgumentTypeError(f"must be one character, or 'tab', got {short_repr(text)}")
    return character


def encoding_name(text: str) -> str:
    """Return the argument if it is the name of an encoding."""
    try:
        codecs.lookup(text)
    except (LookupError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"no such encoding: {short_repr(text)}") from error
    return text


def one_line(message: Any) -> str:
    """Return a message without line breaks."""
    return " ".join(str(message).split())


def quoted(value: Any) -> str:
    """Return a value of a file for a message, in quotes and cut if it is long."""
    text = str(value)
    return repr(text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}...")


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return the nearest of the names as a question, or else the first of them as a list."""
    known = list(names)
    by_lower = {other.lower(): other for other in known}
    if near := get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6):
        return f"did you mean {quoted(by_lower[near[0]])}?"
    listed = ", ".join(map(quoted, known[:MAX_NAMES]))
    rest = f" and {len(known) - MAX_NAMES:,} more" if len(known) > MAX_NAMES else ""
    return f"there are {listed}{rest}"

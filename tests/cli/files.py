"""Tables and calls for the tests of the commands."""

import re

import numpy as np
import pandas as pd
import pytest

from skmlp.cli import main


def churn(n_rows=240, seed=0):
    """A table with two numbers that matter, a constant, a key, and a target of texts."""
    rng = np.random.RandomState(seed)
    frame = pd.DataFrame(
        {
            "key": np.arange(n_rows) + 7000,
            "tenure": rng.randint(0, 72, n_rows),
            "charges": rng.gamma(4, 18, n_rows).round(2),
            "seats": rng.randint(1, 6, n_rows),
            "branch": 1,
        }
    )
    z = frame.charges - 1.5 * frame.tenure
    frame["churned"] = np.where(z + rng.normal(0, 10, n_rows) > 0, "yes", "no")
    return frame


def mixed(n_rows=240, seed=0):
    """A table with categories, codes and gaps."""
    rng = np.random.RandomState(seed)
    frame = pd.DataFrame(
        {
            "city": rng.choice(["Ulm", "Bern", "Graz", ""], n_rows),
            "code": rng.choice(["01", "02", "10"], n_rows),
            "age": rng.randint(18, 80, n_rows).astype(str),
            "income": rng.gamma(3, 900, n_rows).round(1),
        }
    )
    frame.loc[rng.rand(n_rows) < 0.1, "age"] = ""
    frame["label"] = np.where((frame.city == "Ulm") ^ (frame.code == "01"), 1, 0)
    return frame


def odd(n_rows=240, seed=0):
    """A table of German texts: each column needs an option of `pandas.read_csv`."""
    rng = np.random.RandomState(seed)
    frame = pd.DataFrame(
        {
            "größe": rng.gamma(4, 18, n_rows).round(2),
            "filiale": rng.randint(1, 4, n_rows),
            "plz": rng.choice(["01067", "04109", "80331"], n_rows),
            "stadt": rng.choice([" Ulm", "Bern ", "1"], n_rows),
            "land": rng.choice(["NA", "DE", " AT", ""], n_rows),
            "kunde": rng.choice([True, False], n_rows),
            "alter": rng.choice(["30", "31", "45", "?", ""], n_rows),
        }
    )
    frame["ziel"] = np.where((frame.filiale == 1) ^ (frame.land == "NA"), "ja", "nein")
    return frame


def run_printed_code(text):
    """Run the Python code at the end of the output; return its variables and its value."""
    lines = text[text.index("    import pandas\n") :].rstrip().split("\n")
    *statements, expression = (line.removeprefix("    ") for line in lines)
    namespace = {}
    exec("\n".join(statements), namespace)
    return namespace, eval(expression, namespace)


def error_of(*arguments):
    """Return the message of a command that must fail, which is one line."""
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    message = str(stop.value)
    assert "\n" not in message
    start = f"python -m skmlp {arguments[0]}: error: "
    assert message.startswith(start)
    assert not re.search("Traceback|Error:", message)
    return message.removeprefix(start)

"""Fixtures of the tests of the commands."""

from contextlib import redirect_stdout
from io import StringIO

import pytest

from skmlp.cli import main
from tests.cli.files import churn


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The output and the folder of a training."""
    folder, printed = tmp_path_factory.mktemp("trained"), StringIO()
    churn().to_csv(folder / "churn.csv", index=False)
    with redirect_stdout(printed):
        arguments = ["train", str(folder / "churn.csv"), "--target", "churned"]
        assert main([*arguments, "--output", str(folder / "out")]) == 0
    return printed.getvalue(), folder / "out"

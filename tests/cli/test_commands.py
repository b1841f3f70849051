"""Which command is run, and what commands share."""

import tomllib
from pathlib import Path
from pkgutil import resolve_name

import pytest

import skmlp.cli.fashion_mnist
from skmlp.cli import main
from skmlp.cli.commands import did_you_mean, program, quoted


def test_script_of_the_package():
    path = Path(__file__).parents[2] / "pyproject.toml"
    project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"skmlp": "skmlp.cli:main"}
    assert resolve_name(project["scripts"]["skmlp"]) is main


@pytest.mark.parametrize("arguments", [[], ["--sample", "--epochs", "1"]])
def test_without_a_command_it_is_the_training_on_fashion_mnist(arguments, monkeypatch):
    monkeypatch.setattr(skmlp.cli.fashion_mnist, "main", lambda argv: argv)
    assert main(arguments) == arguments
    monkeypatch.setattr("sys.argv", ["skmlp", *arguments])
    assert main() == arguments


def test_help_names_the_other_commands(capsys):
    for arguments in (["--help"], ["train", "--help"], ["predict", "--help"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "train --help" in text
    assert "--sample-weight COLUMN" in text
    assert "a model file, as written by train" in text


def test_messages_name_the_program_as_it_was_started():
    assert program("/usr/local/bin/skmlp") == "skmlp"
    assert program("skmlp.exe") == "skmlp"
    assert program("/lib/skmlp/__main__.py") == program("") == "python -m skmlp"


def test_nearest_name():
    assert did_you_mean("Churned", ["age", "churned"]) == "did you mean 'churned'?"
    names = [f"column {i}" for i in range(20)]
    assert did_you_mean("?!", names).endswith("'column 7' and 12 more")


def test_values_in_messages_are_short():
    assert len(quoted("x\n" * 1000)) < 120
    assert "\n" not in quoted("x\ny")

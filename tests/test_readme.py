"""The programs in the README run as they are pasted, and print what is written beside them."""

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)


def test_programs_are_found():
    assert len(PROGRAMS) == 2


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.split()[1])
def test_program_prints_what_its_comments_say(program, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    exec(program, {})
    assert capsys.readouterr().out.splitlines() == re.findall(r"^.*?# (.+)$", program, re.M)
    assert not list(tmp_path.iterdir())

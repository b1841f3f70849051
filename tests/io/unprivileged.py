"""Run Python code in another process, as a user whom file permissions apply to."""

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOBODY = 65534
PREAMBLE = f"""
import os, sys
if os.geteuid() == 0:  # to whom they do not apply, so become another user after all imports
    os.setgroups([])
    os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
    os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
"""

needs_users = pytest.mark.skipif(not hasattr(os, "setresuid"), reason="users and their permissions")


def run_unprivileged(imports, code, *arguments, **environment):
    """Run the imports, give up the rights of root, run the code; return what it prints."""
    command = [sys.executable, "-W", "error", "-c", imports + PREAMBLE + code]
    done = subprocess.run(
        [*command, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    return done.stdout


@contextmanager
def folder_for_all():
    """A temporary folder that every user may enter and write, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        yield Path(folder).resolve()

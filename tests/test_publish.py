"""The site of the documentation, which docs/publish.py extends by a version."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "docs" / "publish.py"


@pytest.fixture
def publish(tmp_path):
    """Publish a version whose only page says which it is; return the site."""
    site = tmp_path / "site"
    site.mkdir()
    (site / ".git").touch()  # as in a worktree

    def run(version, page="index.html"):
        build = tmp_path / f"build of {version}"
        (build / "_static").mkdir(parents=True, exist_ok=True)
        (build / page).write_text(version)
        subprocess.run([sys.executable, SCRIPT, site, build, version, "/skmlp/"], check=True)
        return site

    return run


def versions(site):
    """Return the versions in the list, by the folder that each leads to."""
    entries = json.loads((site / "switcher.json").read_text())
    return {entry["url"]: entry["version"] for entry in entries}


def preferred(site):
    entries = json.loads((site / "switcher.json").read_text())
    return [entry["version"] for entry in entries if entry.get("preferred")]


def test_before_the_first_release(publish):
    site = publish("dev")
    assert versions(site) == {"/skmlp/dev/": "dev"}
    assert preferred(site) == []
    assert "url=dev/" in (site / "index.html").read_text()
    assert {path.name for path in site.iterdir()} == {
        ".git", ".nojekyll", "dev", "index.html", "switcher.json",
    }  # fmt: skip


def test_stable_is_the_newest_release(publish):
    for version in ("dev", "v0.9.0", "v0.10.0", "v0.11.0rc1", "v0.9.1"):
        site = publish(version)
    assert list(versions(site).items()) == [
        ("/skmlp/dev/", "dev"),
        ("/skmlp/0.11.0rc1/", "0.11.0rc1"),
        ("/skmlp/stable/", "0.10.0"),
        ("/skmlp/0.9.1/", "0.9.1"),
        ("/skmlp/0.9.0/", "0.9.0"),
    ]
    assert preferred(site) == ["0.10.0"]
    assert (site / "stable" / "index.html").read_text() == "v0.10.0"
    assert (site / "0.10.0" / "_static").is_dir()
    assert "url=stable/" in (site / "index.html").read_text()


def test_a_version_is_replaced_as_a_whole(publish, tmp_path):
    site = publish("dev", page="old.html")
    (tmp_path / "build of dev" / "old.html").unlink()
    publish("dev", page="new.html")
    assert [path.name for path in (site / "dev").glob("*.html")] == ["new.html"]

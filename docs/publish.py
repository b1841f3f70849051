"""Add the documentation of one version to the site that has all of them.

    python docs/publish.py SITE BUILD VERSION BASE

SITE is the folder of the site, BUILD what Sphinx made with ``DOCS_VERSION=VERSION``, VERSION "dev"
or a tag such as v0.2.0, and BASE the path of the site on its server, such as /skmlp/. The site has
a folder for each version; ``stable``, a copy of the newest release; ``switcher.json``, which the
theme's version switcher reads; and an index that leads to ``stable``.
"""

import json
import shutil
import sys
from pathlib import Path

from packaging.version import InvalidVersion, Version

REDIRECT = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={0}/">'


def releases(site: Path) -> list[Version]:
    """Return the releases on the site, the newest first."""
    found = []
    for folder in site.iterdir():
        try:
            found.append(Version(folder.name))
        except InvalidVersion:  # dev, stable, files
            continue
    return sorted(found, reverse=True)


def publish(site: Path, build: Path, version: str, base: str) -> None:
    """Put the build into the site, and update what lists the versions."""
    replace(site / version.removeprefix("v"), build)
    found = releases(site)
    stable = next((release for release in found if not release.is_prerelease), None)
    if stable:
        replace(site / "stable", site / str(stable))
    entries = [{"name": "dev", "version": "dev", "url": f"{base}dev/"}]
    for release in found:
        entry = {"name": f"{release}", "version": f"{release}", "url": f"{base}{release}/"}
        if release == stable:
            entry |= {"name": f"{release} (stable)", "url": f"{base}stable/", "preferred": True}
        entries.append(entry)
    (site / "switcher.json").write_text(json.dumps(entries, indent=1), encoding="utf-8")
    index = REDIRECT.format("stable" if stable else "dev")
    (site / "index.html").write_text(index, encoding="utf-8")
    (site / ".nojekyll").touch()  # GitHub would leave out folders such as _static


def replace(folder: Path, source: Path) -> None:
    """Make the folder a copy of the source."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns(".doctrees", ".buildinfo*"))


if __name__ == "__main__":
    site, build, version, base = sys.argv[1:]
    publish(Path(site), Path(build), version, base)

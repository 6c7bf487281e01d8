"""Fetches the JavaScript modules of the dashboard as `vendor.json` pins them.

Usage: `python -m gitops_agent.docsgen.vendoring gitops_agent/server/web/vendor`, with npm on PATH.

Problem: the page has to work in clusters without a way out, and a minified file has to be checkable. Decision: the
published files are kept beside their licences. Two things change in them: imports by package name become relative ones, which a
browser can follow without an import map, and the reference to a source map that is not shipped goes. Both can be undone, so a
test computes the published digest from the committed file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from gitops_agent import process
from gitops_agent.errors import UsageError

LIST = "vendor.json"

_PACKAGES = {
    "preact": "preact.js",
    "preact/hooks": "hooks.js",
    "@preact/signals-core": "signals-core.js",
}
"""The files that stand for imports by package name."""

_LIMITS = process.Limits(seconds=120.0)
_MEMBER = "package"


def vendored(published: str, name: str) -> str:
    """A published module as a browser can load it.

    `name` is that of its file in the package.
    """
    for package, file in _PACKAGES.items():
        published = published.replace(f'from"{package}"', f'from"./{file}"')
    return published.replace(_source_map(name), "")


def published(text: str, source_map: str) -> str:
    """The module as it was published: the inverse of `vendored`.

    `source_map` is the reference that it had, or empty.
    """
    for package, file in _PACKAGES.items():
        text = text.replace(f'from"./{file}"', f'from"{package}"')
    return text.removesuffix("\n") + source_map + "\n"


def digest(text: str) -> str:
    """The SHA-256 of a module."""
    return hashlib.sha256(text.encode()).hexdigest()


def fetch(folder: Path) -> Iterator[str]:
    """Writes the modules of the folder's list, and their digests.

    Names each file.


    Raises:
        UsageError: a package is not the one that the list names.
    """
    listing: list[dict[str, Any]] = json.loads((folder / LIST).read_text())
    for package in listing:
        with tempfile.TemporaryDirectory() as scratch:
            archive = _archive(package, Path(scratch))
            with tarfile.open(archive) as members:
                license_file = folder / package["licenseFile"]
                license_file.write_text(_member(members, "LICENSE"))
                yield license_file.name
                for module in package["modules"]:
                    text = _member(members, module["source"])
                    name = PurePosixPath(module["source"]).name
                    changed = vendored(text, name)
                    (folder / module["file"]).write_text(changed)
                    module["sourceMap"] = _source_map(name) if _source_map(name) in text else ""
                    module["sha256"] = {"published": digest(text), "vendored": digest(changed)}
                    yield module["file"]
    (folder / LIST).write_text(json.dumps(listing, indent=2) + "\n")


def _archive(package: dict[str, Any], scratch: Path) -> Path:
    """The package's archive, as pinned."""
    package_version = f"{package['name']}@{package['version']}"
    process.run(("npm", "pack", "--silent", package_version), cwd=scratch, limits=_LIMITS)
    archive = next(scratch.glob("*.tgz"))
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if integrity != package["integrity"]:
        raise UsageError(f"{package_version} has the integrity {integrity}, the list pins {package['integrity']}")
    return archive


def _member(members: tarfile.TarFile, name: str) -> str:
    member = members.extractfile(f"{_MEMBER}/{name}")
    if member is None:
        raise UsageError(f"the package holds no file {name}")
    return member.read().decode()


def _source_map(name: str) -> str:
    return f"//# sourceMappingURL={name}.map"


def main() -> None:
    """Vendors into the folder that the arguments name."""
    for file in fetch(Path(sys.argv[1])):
        sys.stdout.write(f"{file}\n")


if __name__ == "__main__":
    main()

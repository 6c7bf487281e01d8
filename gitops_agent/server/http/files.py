"""The page's files: from the package, with an ETag, compressed once.

Files are looked up in a list made at the start, so no path of a request ever reaches the file system.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
INDEX = "index.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFile:
    """One file.

    Attributes:
        body: its bytes.
        compressed: the same with gzip.
        media: its media type.
        etag: over its bytes.
    """

    body: bytes
    compressed: bytes
    media: str
    etag: str


class PageFiles:
    """The files below `gitops_agent/server/web`."""

    def __init__(self) -> None:
        self._names = dict(_listed(files("gitops_agent.server") / "web", ""))
        self._read: dict[str, PageFile] = {}

    def get(self, name: str) -> PageFile | None:
        """A file by its path, None when there is none."""
        if name not in self._read and name in self._names:
            body = self._names[name].read_bytes()
            self._read[name] = PageFile(
                body=body,
                compressed=gzip.compress(body, 9, mtime=0),
                media=_TYPES["." + name.rpartition(".")[2]],
                etag=f'"{hashlib.sha256(body).hexdigest()[:20]}"',
            )
        return self._read.get(name)


def _listed(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    if not folder.is_dir():
        return []
    result: list[tuple[str, Traversable]] = []
    for entry in folder.iterdir():
        name = f"{prefix}{entry.name}"
        if entry.is_dir():
            result += _listed(entry, f"{name}/")
        elif "." + entry.name.rpartition(".")[2] in _TYPES:
            result.append((name, entry))
    return result

"""The index of one repository on disk, with its server's names.

These (`ETag`, `Last-Modified`) make the next poll one small answer. The text stays on disk and is mapped into
memory for a moment; of it only what was read of single charts is kept.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import tempfile
from pathlib import Path
from typing import Any

from gitops_agent.errors import SourceError
from gitops_agent.source.chart.index import listed
from gitops_agent.source.chart.repository import ChartVersion

_TEXT = "index"
_NAMES = "index.json"


class IndexCache:
    """The last index of a repository; for one poll at a time.

    Args:
        folder: where it is kept; may be emptied at any time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parsed: dict[str, tuple[ChartVersion, ...]] = {}

    @property
    def conditions(self) -> dict[str, str]:
        """Headers that ask for the index only if it has changed."""
        names = self._names()
        pairs = {"If-None-Match": names.get("etag"), "If-Modified-Since": names.get("modified")}
        return {name: value for name, value in pairs.items() if isinstance(value, str) and value}

    def store(self, data: bytes, *, etag: str, modified: str) -> None:
        """Replaces the index.

        Raises:
            SourceError: the disk does not take it.
        """
        self._parsed = {}
        try:
            (self._folder / _NAMES).unlink(missing_ok=True)
            replace_file(self._folder / _TEXT, data)
            replace_file(self._folder / _NAMES, json.dumps({"etag": etag, "modified": modified}).encode())
        except OSError as error:
            raise disk_error(error) from error

    def versions(self, name: str) -> tuple[ChartVersion, ...]:
        """What the index lists of a chart.

        Raises:
            SourceError: it cannot be read.
        """
        if name not in self._parsed:
            try:
                with (self._folder / _TEXT).open("rb") as file:
                    if os.fstat(file.fileno()).st_size == 0:
                        self._parsed[name] = listed(b"", name)
                    else:
                        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
                            self._parsed[name] = listed(text, name)
            except OSError as error:
                raise disk_error(error) from error
        return self._parsed[name]

    def _names(self) -> dict[str, Any]:
        with contextlib.suppress(OSError, ValueError):
            names = json.loads((self._folder / _NAMES).read_bytes())
            if isinstance(names, dict) and (self._folder / _TEXT).is_file():
                return names
        return {}


def replace_file(path: Path, data: bytes) -> None:
    """Writes a file as a whole, private to this user.

    Raises:
        OSError: there is no room, or no such folder can be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def disk_error(error: OSError) -> SourceError:
    """Says that the cache of charts cannot be used."""
    text = f"the cache of charts cannot be used: {error.strerror or error}"
    return SourceError(text, reason="SourceUnavailable", transient=True, failure="disk")

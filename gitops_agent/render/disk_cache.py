"""Caches renders on disk, to spare helm and kustomize after restarts.

A render is taken from here only when everything it was made of is the same: the options, the versions of the tools and of this
agent, and every file of its closure. What comes back is counted again, so that a damaged file is no render. A render with a
Secret in it is never written to disk, nor one that used the value of a Secret or made one up, nor one that was cheap to make;
where the cache cannot be read or written, it renders.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from gitops_agent import __version__
from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.render.request import Format, Rendered
from gitops_agent.render.variables.variable import Variable, fingerprint, uses_secrets
from gitops_agent.revision.tree import Closure

_LAYOUT = 2
_LARGEST_BYTES = 8 * 1024 * 1024


def digest_of(manifests: Sequence[Manifest]) -> str:
    """Names the objects of a render, in order."""
    return digest([[str(manifest.key), manifest.digest] for manifest in manifests])


class RenderCache:
    """One render an application; safe to use from several threads.

    Args:
        folder: for the files; made when something is put there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, application: AppKey, key: str, variables: Sequence[Variable] = ()) -> Rendered | None:
        """The application's cached render of this content key, if intact.

        None when there is none, it is damaged, or a variable it used has another value.
        """
        try:
            stored: Any = orjson.loads(self._file(application).read_bytes())
            if stored["key"] != _whole(key):
                return None
            return _read(stored) if stored["values"] == fingerprint(variables, stored["variables"]) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def put(self, application: AppKey, key: str, rendered: Rendered, variables: Sequence[Variable] = ()) -> None:
        """Replaces the application's cached render, where allowed and possible."""
        secret = any(manifest.key.kind == "Secret" for manifest in rendered.manifests)
        secret |= uses_secrets(variables, rendered.variables) or any(manifest.generated for manifest in rendered.manifests)
        stored = {"key": _whole(key), "values": fingerprint(variables, rendered.variables)}
        data = b"" if secret or rendered.format is Format.PLAIN else orjson.dumps(_written(rendered) | stored)
        if not data or len(data) > _LARGEST_BYTES:
            self.drop(application)
            return
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=self._folder)  # readable only by the agent's user
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                Path(name).replace(self._file(application))
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise

    def drop(self, application: AppKey) -> None:
        """Forgets an application's render."""
        with contextlib.suppress(OSError):
            self._file(application).unlink(missing_ok=True)

    def _file(self, application: AppKey) -> Path:
        return self._folder / f"{hashlib.sha256(str(application).encode()).hexdigest()[:40]}.json"


def _whole(key: str) -> list[Any]:
    return [key, __version__, _LAYOUT]


def _written(rendered: Rendered) -> dict[str, Any]:
    return {
        "manifests": [[manifest.file, manifest.document, manifest.obj] for manifest in rendered.manifests],
        "closure": sorted(([path, oid] for path, oid in rendered.closure.entries), key=lambda entry: str(entry[0])),
        "warnings": list(rendered.warnings),
        "format": rendered.format.value,
        "tools": [list(tool) for tool in rendered.tools],
        "digest": rendered.digest,
        "variables": list(rendered.variables),
    }


def _read(stored: dict[str, Any]) -> Rendered | None:
    manifests = tuple(Manifest.of(obj, file=file, document=document) for file, document, obj in stored["manifests"])
    if digest_of(manifests) != stored["digest"]:
        return None
    return Rendered(
        manifests=manifests,
        closure=Closure(entries=frozenset((path, oid) for path, oid in stored["closure"])),
        warnings=tuple(stored["warnings"]),
        format=Format(stored["format"]),
        tools=tuple((name, version) for name, version in stored["tools"]),
        digest=stored["digest"],
        variables=tuple(stored["variables"]),
    )

"""Finds helm and kustomize: by settings, on PATH, or in the cache.

Those on PATH must be of a supported version.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from gitops_agent.config.directories import tool_cache
from gitops_agent.errors import ProcessError, RenderError
from gitops_agent.process import Limits, run

_ASK: dict[str, tuple[str, ...]] = {
    "helm": ("version", "--template", "{{.Version}}"),
    "kustomize": ("version",),
}
_SUPPORTED: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {"helm": ((3, 12), (5, 0)), "kustomize": ((5, 0), (6, 0))}
"""Older Helm resolves names of hosts that a chart asks for."""
_VERSION = re.compile(r"v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?")
_LIMITS = Limits(seconds=5.0, output_bytes=64 * 1024)


@dataclass(frozen=True, slots=True)
class Binary:
    """A program and its version, `sha256:…` where it reports none."""

    path: Path
    version: str


def find(name: str, explicit: Path | None = None) -> Binary:
    """The program for `helm` or `kustomize`, with its version read once.

    Raises:
        RenderError: reason `ToolMissing`: there is none, or none of a supported version.
    """
    if explicit is not None:
        path = explicit.expanduser()
        if not path.is_file() or not os.access(path, os.X_OK):
            raise RenderError(f"{path}, set as the {name} program, is no program", reason="ToolMissing")
        return _binary(name, path)
    unsupported = ""
    on_path = shutil.which(name)
    if on_path is not None:
        binary = _binary(name, Path(on_path))
        if _supported(name, binary.version):
            return binary
        unsupported = f" ({on_path} is version {binary.version})"
    for version, path in sorted(_cached(name), reverse=True):
        text = ".".join(map(str, version))
        if _supported(name, text):
            return Binary(path, text)
    low, high = (".".join(map(str, part)) for part in _SUPPORTED[name])
    text = f"{name} from {low} to below {high} was not found{unsupported}; `gitops-agent tools install` installs it"
    raise RenderError(text, reason="ToolMissing", tool=name)


def candidates(name: str, explicit: Path | None = None) -> list[Path]:
    """Every program that `find` may return; none of them is run."""
    if explicit is not None:
        return [explicit.expanduser()]
    on_path = shutil.which(name)
    return [*([Path(on_path)] if on_path else []), *(path for _, path in _cached(name))]


def _cached(name: str) -> list[tuple[tuple[int, int, int], Path]]:
    binaries = []
    for folder in tool_cache().glob(f"{name}-*"):
        version = _VERSION.fullmatch(folder.name.removeprefix(f"{name}-"))
        path = folder / name
        if version and path.is_file() and os.access(path, os.X_OK):
            binaries.append(((int(version[1]), int(version[2]), int(version[3] or 0)), path))
    return binaries


def _binary(name: str, path: Path) -> Binary:
    status = path.stat()
    return Binary(path, _version(name, path, status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=64)
def _version(name: str, path: Path, modified: int, size: int) -> str:
    """The version the program reports, or the hash of its file.

    The hash when it does not answer within seconds.
    """
    del modified, size
    try:
        answer = run((str(path), *_ASK[name]), limits=_LIMITS).stdout.decode("utf-8", "replace")
        version = _VERSION.search(answer)
    except ProcessError:
        version = None
    if version is None:
        with path.open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"
    return f"{version[1]}.{version[2]}.{version[3] or 0}"


def _supported(name: str, version: str) -> bool:
    parts = _VERSION.fullmatch(version)
    low, high = _SUPPORTED[name]
    return parts is not None and low <= (int(parts[1]), int(parts[2])) < high

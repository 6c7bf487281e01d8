"""Paths inside a repository: relative to its root and normalised."""

from __future__ import annotations

import posixpath

from gitops_agent.errors import RenderError


def join(folder: str, path: str, *, named_in: str = "") -> str:
    """Resolves `path` against `folder`; the root is the empty text.

    Args:
        folder: a normalised path.
        path: as written; relative, `..` allowed.
        named_in: the file it is written in, for errors.

    Raises:
        RenderError: reason `PathEscapes`: it is absolute, leaves the repository or holds a NUL.
    """
    shown = path.replace("\0", "\\0")[:200]
    origin = f"{named_in}: " if named_in else ""
    if "\0" in path:
        raise RenderError(f"{origin}the path {shown!r} holds a NUL", reason="PathEscapes", file=named_in)
    if path.startswith("/"):
        problem = f"{origin}the path {shown!r} is absolute; paths are relative to the file that names them"
        raise RenderError(problem, reason="PathEscapes", file=named_in)
    joined = posixpath.normpath(posixpath.join("/", folder, path) if folder else f"/{path}")
    depth = 0
    for part in [*folder.split("/"), *path.split("/")]:
        depth += -1 if part == ".." else 0 if part in ("", ".") else 1
        if depth < 0:
            raise RenderError(f"{origin}the path {shown!r} leads out of the repository", reason="PathEscapes", file=named_in)
    return joined.lstrip("/")


def root(path: str) -> str:
    """An application's own path, normalised; leading slashes mean the repository's root.

    Raises:
        RenderError: reason `PathEscapes`.
    """
    return join("", path.lstrip("/"))

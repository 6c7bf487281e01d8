"""Paths inside a commit: relative, without dots, printable in messages."""

from __future__ import annotations

import posixpath

from gitops_agent.errors import SourceError

_LONGEST_SHOWN = 200


def normalised(path: str) -> str:
    """The path without `.`, `..` and doubled slashes.

    Raises:
        SourceError: reason `PathEscapes`, for a path that is absolute or leaves the repository.
    """
    if path.startswith("/") or "\0" in path:
        raise SourceError(
            f"the path {shown(path)} is absolute; paths start at the repository's root", reason="PathEscapes", path=shown(path)
        )
    plain = posixpath.normpath(path) if path else ""
    if plain == ".." or plain.startswith("../"):
        raise SourceError(f"the path {shown(path)} leaves the repository", reason="PathEscapes", path=shown(path))
    return "" if plain == "." else plain


def shown(path: str) -> str:
    """A path for messages: escaped, and cut at 200 characters.

    Control characters and undecodable bytes are escaped.
    """
    text = path if path.isprintable() else ascii(path)[1:-1]
    half = _LONGEST_SHOWN // 2
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:half]}…{text[-half:]}"

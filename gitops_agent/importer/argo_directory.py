"""Files of a directory that Argo CD leaves out.

Argo CD reads the manifests right in a directory, those below it by `recurse`, and of both what `include` and `exclude` leave.
The agent reads all of them. So the repository is asked which files make a difference: they are named, or there is none.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Any

from gitops_agent.errors import SourceError
from gitops_agent.importer.conversion import Remark
from gitops_agent.importer.field_table import Meaning
from gitops_agent.importer.repositories import Repositories
from gitops_agent.revision.tree import EntryType

_MANIFESTS = (".yaml", ".yml", ".json")
_OWN_RULES = ("kustomization.yaml", "kustomization.yml", "Kustomization", "Chart.yaml")
_FIELD = "spec.source.directory"
_SHOWN = 10
_PIECES = re.compile(r"\\.|\*+|\[[^\]]+\]|.", re.DOTALL)
_BRACES = {"{": "(?:", "}": ")"}
_ESCAPED_DASH = "\\-"


def left_out(raw: Mapping[str, Any], path: str, repositories: Repositories) -> Remark | None:
    """The remark on a source with `path`; None without any.

    Args:
        raw: the source.
        path: its directory.
        repositories: to read it.
    """
    options = raw.get("directory") or {}
    field = next((f"{_FIELD}.{name}" for name in ("exclude", "include") if options.get(name)), "")
    try:
        tree = repositories.tree(str(raw.get("repoURL") or ""), str(raw.get("targetRevision") or ""))
        if any(tree.entry(posixpath.normpath(posixpath.join(path, name))) is not None for name in _OWN_RULES):
            return Remark(theirs=field, meaning=Meaning.SAME, note="counts for plain directories alone") if field else None
        files = [entry.path for entry in tree.walk("" if path == "." else path) if entry.type is EntryType.FILE]
    except SourceError as error:
        return Remark(theirs=field, meaning=Meaning.NONE, note=f"the repository was not read: {error}") if field else None
    names = [posixpath.relpath(file, path) for file in files if file.endswith(_MANIFESTS)]
    extra = [name for name in names if not _read(name, options)]
    if not extra:
        return Remark(theirs=field, meaning=Meaning.SAME, note="it leaves no manifest out") if field else None
    more = f" and {len(extra) - _SHOWN} more" if len(extra) > _SHOWN else ""
    text = f"Argo CD leaves out {', '.join(extra[:_SHOWN])}{more}: move it, or list the others in a kustomization.yaml"
    return Remark(theirs=field or "spec.source.path", meaning=Meaning.NONE, note=text)


def _read(name: str, options: Mapping[str, Any]) -> bool:
    """Whether Argo CD reads a manifest of the directory."""
    if "/" in name and options.get("recurse") is not True:
        return False
    if options.get("exclude") and _matches(str(options["exclude"]), name):
        return False
    return not options.get("include") or _matches(str(options["include"]), name)


def _matches(pattern: str, name: str) -> bool:
    """A glob in which `*` crosses directories, and `{a,b}` are alternatives."""
    parts, depth = [], 0
    for piece in _PIECES.findall(pattern):
        if piece in _BRACES:
            depth += 1 if piece == "{" else -1
        parts.append("|" if piece == "," and depth else _BRACES.get(piece) or _expression(piece))
    try:
        return re.fullmatch("".join(parts), name, re.DOTALL) is not None
    except re.error:
        return False


def _expression(piece: str) -> str:
    """A piece of a glob as a regular expression."""
    if piece.startswith("*"):
        return ".*"
    if piece == "?":
        return "."
    if piece.startswith("[") and piece != "[":
        inside = piece[1:-1]
        negated = "^" if inside.startswith(("!", "^")) else ""
        return f"[{negated}{re.escape(inside.lstrip('!^')).replace(_ESCAPED_DASH, '-')}]"
    return re.escape(piece[-1])

"""Suggests paths in place of one that does not exist."""

from __future__ import annotations

import difflib
import posixpath

from gitops_agent.revision.tree import EntryType, Tree

_MOST = 3


def similar(tree: Tree, path: str) -> tuple[str, ...]:
    """Up to three paths that exist and come near, the nearest first.

    The first part of the path that does not exist is compared with its siblings; what follows it is kept where that exists.
    """
    parts = [part for part in path.split("/") if part]
    for index, part in enumerate(parts):
        folder = "/".join(parts[:index])
        here = posixpath.join(folder, part)
        if tree.resolve(here) is not None:
            continue
        rest = parts[index + 1 :]
        names = {
            posixpath.basename(child.path): child.type
            for child in tree.children(folder)
            if not posixpath.basename(child.path).startswith(".") and (not rest or child.type is not EntryType.FILE)
        }
        near = [name for name in names if posixpath.splitext(name)[0] == part or posixpath.splitext(part)[0] == name]
        near += difflib.get_close_matches(part, names, n=_MOST, cutoff=0.7)
        whole = (posixpath.join(folder, name, *rest) for name in near)
        return tuple(dict.fromkeys(candidate for candidate in whole if tree.entry(candidate) is not None))[:_MOST]
    return ()

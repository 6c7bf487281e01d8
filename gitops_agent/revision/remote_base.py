"""A base in another repository, and its path in a tree.

A kustomization may build on a directory of another repository. Renders read trees and have no network, so a tree shows such a
repository below a reserved folder. The name there holds the whole identity, the address and the commit: a path in a
closure says what a render depends on, and one commit is the same path in every Application.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from gitops_agent.revision.pinned_tree import Reserved

FOLDER = ".remote-bases"
"""Reserved in every tree."""

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_LONGEST_NAME = 250


@dataclass(frozen=True, slots=True, order=True)
class RemoteBase:
    """A repository at a commit.

    Attributes:
        url: as Git reads it.
        commit: the full object name.
    """

    url: str
    commit: str

    @property
    def name(self) -> str:
        """Below the reserved folder."""
        return f"{quote(self.url, safe='')}@{self.commit}"

    @property
    def path(self) -> str:
        """Where a tree shows its root."""
        return f"{FOLDER}/{self.name}"

    @property
    def showable(self) -> bool:
        """Whether its name is short enough for a folder."""
        return len(self.name) <= _LONGEST_NAME

    def __str__(self) -> str:
        return f"{self.url} at {self.commit[:12]}"


def is_commit(text: str) -> bool:
    """Whether a text is the full object name of a commit."""
    return _COMMIT.match(text) is not None


def base_of(path: str) -> tuple[RemoteBase, str] | None:
    """The base that a path lies in, and the path inside it."""
    folder, _, rest = path.partition("/")
    if folder != FOLDER:
        return None
    name, _, inside = rest.partition("/")
    url, _, commit = name.rpartition("@")
    base = RemoteBase(unquote(url), commit)
    return (base, inside) if is_commit(commit) and base.url and base.name == name else None


def readable(path: str) -> str:
    """A path for people: that of a base with its repository."""
    located = base_of(path)
    return f"{located[1]} of {located[0]}" if located is not None else path


def root_of(path: str) -> str:
    """The root of the repository that a path lies in."""
    located = base_of(path)
    return located[0].path if located is not None else ""


BASES = Reserved(FOLDER, base_of)
"""Where trees show bases."""

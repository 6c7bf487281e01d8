"""Writes real repositories, commit by commit, without a work tree."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from gitops_agent.source.sources import Repository

_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_COMMITTER_DATE": "1760000000 +0200",
    "GIT_AUTHOR_DATE": "1760000000 +0200",
}


class Author:
    """Writes one bare repository."""

    def __init__(self, directory: Path, *, object_format: str = "sha1") -> None:
        self.directory = directory
        subprocess.run(
            ["git", "init", "-q", "--bare", "--template=", "-b", "main", f"--object-format={object_format}", directory],
            check=True,
            env=_ENVIRONMENT,
        )
        self.git("config", "http.receivepack", "false")

    @property
    def repository(self) -> Repository:
        """As a file repository."""
        return Repository(url=f"file://{self.directory}")

    def git(self, *arguments: str, stdin: bytes | None = None, at: int = 1760000000, check: bool = True) -> str:
        """Runs git on the repository."""
        done = subprocess.run(
            ["git", f"--git-dir={self.directory}", *arguments],
            input=stdin or b"",
            check=check,
            capture_output=True,
            env=_ENVIRONMENT | {"GIT_COMMITTER_DATE": f"{at} +0200"},
        )
        return done.stdout.decode().strip()

    def blob(self, content: str | bytes) -> str:
        data = content.encode() if isinstance(content, str) else content
        return self.git("hash-object", "-w", "--stdin", stdin=data)

    def tree(self, entries: Mapping[str, tuple[str, str]]) -> str:
        """A directory of (mode, object name) by name, even invalid ones."""

        def order(item: tuple[str, tuple[str, str]]) -> bytes:
            return item[0].encode() + (b"/" if item[1][0] == "40000" else b"")

        raw = b"".join(
            f"{mode} {name}\0".encode() + bytes.fromhex(oid) for name, (mode, oid) in sorted(entries.items(), key=order)
        )
        return self.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=raw)

    def files(self, files: Mapping[str, str | bytes], links: Mapping[str, str] | None = None) -> str:
        """A tree from paths to contents, and of links to their targets."""
        leaves = {path: ("100644", self.blob(content)) for path, content in files.items()}
        leaves |= {path: ("120000", self.blob(target)) for path, target in (links or {}).items()}
        return self._nest(leaves)

    def _nest(self, leaves: Mapping[str, tuple[str, str]]) -> str:
        here: dict[str, tuple[str, str]] = {}
        below: dict[str, dict[str, tuple[str, str]]] = {}
        for path, leaf in leaves.items():
            name, slash, rest = path.partition("/")
            if slash:
                below.setdefault(name, {})[rest] = leaf
            else:
                here[name] = leaf
        return self.tree(here | {name: ("40000", self._nest(inner)) for name, inner in below.items()})

    def commit(
        self,
        files: Mapping[str, str | bytes] | str,
        *,
        links: Mapping[str, str] | None = None,
        branch: str = "main",
        message: str = "Change",
        orphan: bool = False,
        parent: str = "",
        merged: str = "",
        at: int = 1760000000,
    ) -> str:
        """Commits a whole tree and moves the branch to it."""
        tree = files if isinstance(files, str) else self.files(files, links)
        parents = [parent] if parent else [] if orphan else self._head(branch)
        parents = [*parents, *filter(None, [merged])]
        words = [word for ancestor in parents for word in ("-p", ancestor)]
        oid = self.git("commit-tree", tree, *words, stdin=message.encode(), at=at)
        self.git("update-ref", f"refs/heads/{branch}", oid)
        return oid

    def tag(self, name: str, commit: str = "main", *, annotated: bool = False) -> None:
        """Sets a tag, moving one that exists."""
        self.git("tag", "-f", *(["-a", "-m", name] if annotated else []), name, commit)

    def _head(self, branch: str) -> list[str]:
        head = self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
        return [head] if head else []

"""Commits of a mirror, and how they descend from each other."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from gitops_agent.errors import SourceError
from gitops_agent.process import Limits
from gitops_agent.revision.revision import Revision
from gitops_agent.source import git
from gitops_agent.source.history import describe
from gitops_agent.source.repository import Repository
from gitops_agent.source.signature.object import header, parents

_LIMITS = Limits(seconds=60.0)
_LARGEST = 2 * 1024 * 1024
_CONFLICT = 1
_NO = 1


class CommitGraph:
    """The commits of one repository; no network.

    Args:
        directory: of the mirror.
        repository: whose.
        read: gives the content of an object: its name, at most so many bytes, its type.
    """

    def __init__(self, directory: Path, repository: Repository, read: Callable[[str, int, str], bytes]) -> None:
        self._directory, self._repository, self._read = directory, repository, read

    def commit(self, oid: str) -> bytes:
        """The content of a commit object.

        Raises:
            SourceError: it is not there, or unreasonably large.
        """
        return self._read(oid, _LARGEST, "commit")

    def tag(self, oid: str) -> bytes:
        """The content of a tag object; raises as `commit` does."""
        return self._read(oid, _LARGEST, "tag")

    def has(self, oid: str) -> bool:
        """Whether a commit is in the mirror."""
        answer = self._git("cat-file", "-e", f"{oid}^{{commit}}", allowed=frozenset({0, 1, 128}))
        return answer == 0

    def descends(self, commit: str, ancestor: str) -> bool:
        """Whether a commit is another one, or one of its descendants."""
        return (
            commit == ancestor or self._git("merge-base", "--is-ancestor", ancestor, commit, allowed=frozenset({0, _NO})) == 0
        )

    def base(self, commit: str, other: str) -> str:
        """The best common ancestor; empty without one."""
        done = git.run(self._directory, "merge-base", commit, other, limits=_LIMITS, allowed=frozenset({0, _NO}))
        return done.stdout.decode().strip()

    def mainline(self, old: str, new: str) -> tuple[str, ...]:
        """The first parents from `new` down to `old`, oldest first, without `old`."""
        return self._list("--first-parent", "--reverse", new, f"^{old}")

    def between(self, old: str, new: str) -> tuple[str, ...]:
        """Every commit that `new` has and `old` does not, oldest first."""
        return self._list("--reverse", "--topo-order", new, f"^{old}")

    def brought(self, commit: str, parent: str, anchor: str) -> tuple[str, ...]:
        """What a merge brings in: neither its first parent's nor the anchor's."""
        without = (f"^{anchor}",) if anchor else ()
        return tuple(each for each in self._list(commit, f"^{parent}", *without) if each != commit)

    def merged(self, commit: str, other: str) -> str:
        """Tree of the automatic merge of two commits; empty at a conflict."""
        words = ("merge-tree", "--write-tree", "--no-messages", commit, other)
        done = git.run(self._directory, *words, limits=_LIMITS, allowed=frozenset({0, _CONFLICT}))
        return done.stdout.decode().split("\n")[0].strip() if done.returncode == 0 else ""

    def tree(self, commit: str) -> str:
        """The name of a commit's root tree."""
        return header(self.commit(commit), "tree") or ""

    def difference(self, old: str, new: str) -> str:
        """The first file in which two trees differ: `a.yaml (+1 line)`."""
        words = ("diff-tree", "-r", "--numstat", "--no-renames", "-z", old, new)
        rows = git.run(self._directory, *words, limits=_LIMITS).stdout.decode("utf-8", "replace").split("\0")
        added, removed, path = (*rows[0].split("\t", 2), "", "")[:3] if rows[0] else ("", "", "")
        if not path:
            return "nothing"
        more = f" and {len(rows) - 2} more" if len(rows) > 2 else ""  # noqa: PLR2004 - the file and the end
        if not added.isdigit():
            return f"{path} (binary){more}"
        counts = [f"{sign}{count}" for sign, count in (("+", added), ("-", removed)) if count != "0"]
        return f"{path} ({'/'.join(counts)} {'line' if counts in (['+1'], ['-1']) else 'lines'}){more}"

    def paths(self, commit: str) -> tuple[str, ...]:
        """The paths that a commit changes against its first parent."""
        above = parents(self.commit(commit))
        words = ("diff-tree", "-r", "--root", "--no-commit-id", "--name-only", "--no-renames", "-z", *above[:1], commit)
        done = git.run(self._directory, *words, limits=_LIMITS)
        return tuple(path for path in done.stdout.decode("utf-8", "surrogateescape").split("\0") if path)

    def describe(self, commit: str) -> Revision:
        """The commit for people.

        Raises:
            ProcessError: it is not there.
        """
        return _described(self._directory, commit, self._repository.url)

    def _list(self, *words: str) -> tuple[str, ...]:
        done = git.run(self._directory, "rev-list", *words, "--", limits=_LIMITS)
        return tuple(done.stdout.decode().split())

    def _git(self, *words: str, allowed: frozenset[int]) -> int:
        return git.run(self._directory, *words, limits=_LIMITS, allowed=allowed).returncode


@lru_cache(maxsize=512)
def _described(directory: Path, commit: str, url: str) -> Revision:
    return describe(directory, commit, repository=url, ref="")


def absent(error: SourceError) -> bool:
    """Whether an object is missing, rather than unreasonable."""
    return error.facts.get("failure") == "torn"

"""A clone of the user's own Git, to commit and push.

Problem: the agent's own Git runs without configuration, helpers and identity, because repositories are not trusted with them. A
commit of the user needs just these: their name, signature, hooks, credential helpers and SSH agent. Decision: here git gets the
whole environment of the user; only questions on a terminal are turned off, so that a missing credential is an error and no
command that hangs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gitops_agent.errors import ProcessError, SourceError, UsageError, did_you_mean
from gitops_agent.process import Completed, Limits, run
from gitops_agent.source.git_errors import explain
from gitops_agent.source.remote_refs import Advertised
from gitops_agent.source.repository import Repository

_SECONDS = Limits(seconds=300.0)
_MOST_SHOWN = 5
_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserClone:
    """A work tree of a repository, on one branch.

    Attributes:
        repository: which one.
        branch: its branch.
        root: of the work tree.
    """

    repository: Repository
    branch: str
    root: Path

    @classmethod
    def made(cls, repository: Repository, branch: str, root: Path) -> UserClone:
        """Clones a branch; of an empty repository an empty one.

        Raises:
            SourceError: the repository cannot be read, or has no such branch.
        """
        clone = cls(repository=repository, branch=branch, root=root)
        heads = clone._asked(root.parent, "ls-remote", "--heads", "--", repository.url).stdout
        names = [name.removeprefix(_HEADS) for name in Advertised.parse(heads).commits]
        if names and branch not in names:
            raise SourceError(
                f"{repository} has no branch {branch}{did_you_mean(sorted(names)[:_MOST_SHOWN])}", reason="RevisionNotFound"
            )
        if not names:
            clone._git(root.parent, "init", "--quiet", f"--initial-branch={branch}", str(root))
            clone._git(root, "remote", "add", "origin", repository.url)
            return clone
        options = ("--quiet", "--single-branch", "--no-tags", f"--branch={branch}")
        clone._asked(root.parent, "clone", *options, "--", repository.url, str(root))
        return clone

    @classmethod
    def around(cls, folder: Path, repository: Repository, branch: str) -> UserClone:
        """The clone that a folder of the user's lies in.

        Raises:
            UsageError: it is none, is on another branch, or has changes that are not committed.
        """
        clone = cls(repository=repository, branch=branch, root=folder)
        try:
            root = Path(clone._git(folder, "rev-parse", "--show-toplevel").stdout.decode().rstrip("\n"))
        except (ProcessError, NotADirectoryError):
            raise UsageError(f"--write {folder}: it is not a clone of a Git repository: clone {repository} there") from None
        current = (
            clone._git(folder, "symbolic-ref", "--quiet", "--short", "HEAD", allowed=frozenset({0, 1})).stdout.decode().strip()
        )
        if current != branch:
            raise UsageError(
                f"--write {folder}: it is on {current or 'no branch'}: check out {branch}, or name it with --branch"
            )
        return cls(repository=repository, branch=branch, root=root)

    @property
    def commit(self) -> str:
        """The commit of the work tree; empty before the first one."""
        done = self._git(self.root, "rev-parse", "--quiet", "--verify", "HEAD", allowed=frozenset({0, 1, 128}))
        return done.stdout.decode().strip()

    def committed(self, paths: Iterable[str], message: str) -> bool:
        """Commits the paths; false when nothing in them changed.

        Raises:
            UsageError: git refuses the commit, such as for a missing name or a failed hook.
        """
        try:
            self._git(self.root, "add", "--all", "--", *paths)
            if self._git(self.root, "diff", "--cached", "--quiet", allowed=frozenset({0, 1})).returncode == 0:
                return False
            self._git(self.root, "commit", "--quiet", f"--message={message}")
        except ProcessError as error:
            raise UsageError(f"git refuses the commit: {_words(error)}") from error
        return True

    def push(self, *, dry_run: bool) -> None:
        """Pushes the commit to the branch.

        Raises:
            SourceError: the server refuses it, or cannot be reached.
        """
        words = ("push", "--quiet", *(("--dry-run",) if dry_run else ()), "origin", f"HEAD:{_HEADS}{self.branch}")
        try:
            self._git(self.root, *words)
        except ProcessError as error:
            raise SourceError(
                f"{self.repository}: the branch {self.branch} cannot be pushed with your Git credentials: {_words(error)}; "
                "nothing was changed in the cluster (--write DIR leaves commit and push to you)",
                reason="SourceFailed",
            ) from error

    def _asked(self, directory: Path, *words: str) -> Completed:
        """Runs git against the server."""
        try:
            return self._git(directory, *words)
        except ProcessError as error:
            raise explain(error, self.repository, None) from error

    def _git(self, directory: Path, *words: str, allowed: frozenset[int] = frozenset({0})) -> Completed:
        env = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        return run(("git", "-C", str(directory), *words), env=env, limits=_SECONDS, allowed=allowed)


def _words(error: ProcessError) -> str:
    """What git said, without blank lines and advice."""
    lines = [line.strip() for line in error.stderr.splitlines() if line.strip() and not line.startswith("hint:")]
    return "; ".join(lines[-_MOST_SHOWN:]) or str(error)

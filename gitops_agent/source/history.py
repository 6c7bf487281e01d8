"""Commits: their authors, and those that a rewrite lost."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path

from gitops_agent.errors import ProcessError
from gitops_agent.process import Limits
from gitops_agent.revision.revision import Revision
from gitops_agent.source import git

_LONGEST_SUBJECT = 200
_LONGEST_MESSAGE = 4000
_FORMAT = "%an <%ae>%x00%ct%x00%B"
_LIMITS = Limits(seconds=60.0)


def describe(directory: Path, commit: str, *, repository: str, ref: str) -> Revision:
    """The commit as people speak of it.

    Raises:
        ProcessError: the commit is not there.
    """
    shown = git.run(
        directory,
        "show",
        "--no-patch",
        "--no-notes",
        "--no-mailmap",
        "--encoding=UTF-8",
        f"--format={_FORMAT}",
        "--end-of-options",
        commit,
        limits=_LIMITS,
    )
    author, _, rest = shown.stdout.decode("utf-8", "replace").partition("\0")
    seconds, _, message = rest.partition("\0")
    at = None
    with contextlib.suppress(ValueError, OverflowError, OSError):
        at = datetime.fromtimestamp(int(seconds), UTC)
    message = _printable(message.replace("\r\n", "\n"), keep="\n\t").strip("\n")
    return Revision(
        repository=repository,
        ref=ref,
        commit=commit,
        author=_printable(author)[:_LONGEST_SUBJECT],
        subject=_printable(message.partition("\n")[0])[:_LONGEST_SUBJECT],
        message=_cut(message),
        committed_at=at,
    )


def last_change(directory: Path, commit: str, path: str, *, line: int = 0) -> str:
    """The commit that wrote a file, or one line of it, last.

    Args:
        directory: of the mirror.
        commit: where the history begins.
        path: of the file, relative to the root.
        line: one-based; 0 for the whole file.

    Raises:
        ProcessError: there is no such file or line in the commit.
    """
    if line:
        blamed = git.run(directory, "blame", "--porcelain", f"-L{line},{line}", commit, "--", path, limits=_LIMITS)
        return blamed.stdout.partition(b" ")[0].decode()
    logged = git.run(directory, "log", "-1", "--format=%H", commit, "--", path, limits=_LIMITS)
    return logged.stdout.strip().decode()


def lost(directory: Path, old: str, new: str) -> int:
    """Counts commits reachable from `old` but not `new`; -1 when unknown.

    -1 means that `old` no longer exists.
    """
    try:
        counted = git.run(directory, "rev-list", "--count", old, f"^{new}", "--", limits=_LIMITS)
        return int(counted.stdout)
    except (ProcessError, ValueError):
        return -1


def _cut(message: str) -> str:
    """Keeps the beginning and, because trailers stand there, the end."""
    if len(message) <= _LONGEST_MESSAGE:
        return message
    half = _LONGEST_MESSAGE // 2 - 2
    return f"{message[:half]}\n…\n{message[-half:]}"


def _printable(text: str, keep: str = "") -> str:
    return "".join(character for character in text if character.isprintable() or character in keep)

"""Commits: their authors, and those that a rewrite lost."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path

from gitops_agent.errors import ProcessError
from gitops_agent.process import Limits
from gitops_agent.revision.revision import Revision
from gitops_agent.source import git

_LONGEST_SUBJECT = 200
_LONGEST_MESSAGE = 4000
_FORMAT = "%an <%ae>%x00%ct%x00%B"
_LIMITS = Limits(seconds=60.0)
_LINE = "%H%x00%an <%ae>%x00%ct%x00%s"
_ROOT = frozenset({"", "."})


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A page of the commits that changed some paths, newest first.

    Attributes:
        commits: without their messages.
        passed: how many commits between them changed nothing of it.
        before: where the next page begins; None when this is the last one.
    """

    commits: tuple[Revision, ...] = ()
    passed: int = 0
    before: datetime | None = None


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


def touching(directory: Path, tip: Revision, paths: Collection[str], *, most: int, before: datetime | None = None) -> History:
    """The commits of a branch that changed some paths.

    Merges count as one commit, since they are what a branch moves by. A page ends between two seconds, so that the next one,
    which begins by time, repeats and loses nothing.

    Args:
        directory: of the mirror.
        tip: where the history begins.
        paths: of files and directories; the root stands for every commit.
        most: commits of a page, more where several have one time.
        before: only commits of earlier seconds.

    Raises:
        ProcessError: the tip is not there.
    """
    until = [] if before is None else [f"--until={int((before - timedelta(seconds=1)).timestamp())}"]
    limited = [] if _ROOT.intersection(paths) or not paths else ["--", *sorted(paths)]
    stdin = "\n".join([tip.commit, *limited, ""]).encode("utf-8", "surrogateescape")
    logged = git.run(
        directory,
        "--literal-pathspecs",
        "log",
        "--first-parent",
        "--no-mailmap",
        "--encoding=UTF-8",
        f"--max-count={2 * most + 1}",
        f"--format={_LINE}",
        *until,
        "--stdin",
        stdin=stdin,
        limits=_LIMITS,
    )
    every = [_listed(line, tip) for line in logged.stdout.decode("utf-8", "replace").splitlines() if line.count("\0") == 3]  # noqa: PLR2004
    page, rest = every[:most], every[most:]
    page += takewhile(lambda each: each.committed_at == page[-1].committed_at, rest)
    more = len(page) < len(every)
    return History(
        commits=tuple(page),
        passed=_passed(directory, page) if limited else 0,
        before=page[-1].committed_at if more else None,
    )


def is_ancestor(directory: Path, commit: str, tip: str) -> bool:
    """Whether a commit is the tip or part of its history."""
    try:
        git.run(directory, "merge-base", "--is-ancestor", commit, tip, limits=_LIMITS)
    except ProcessError:
        return False
    return True


def passed(directory: Path, old: str, new: str, *, most: int) -> tuple[str, ...] | None:
    """The first parents between an ancestor and a commit.

    Oldest first, without both; the newest `most` of them. None where it is no ancestor.

    Raises:
        ProcessError: one of them is not there.
    """
    if not is_ancestor(directory, old, new):
        return None
    words = ("rev-list", "--first-parent", f"--max-count={most + 1}", new, f"^{old}")
    listed = git.run(directory, *words, "--", limits=_LIMITS).stdout.decode().split()
    return tuple(reversed(listed[1:]))


def _passed(directory: Path, page: list[Revision]) -> int:
    """How many commits the page leaves out between its ends."""
    if not page:
        return 0
    counted = git.run(
        directory, "rev-list", "--first-parent", "--count", page[0].commit, f"^{page[-1].commit}", "--", limits=_LIMITS
    )
    return max(0, int(counted.stdout) - len(page) + 1)


def _listed(line: str, tip: Revision) -> Revision:
    commit, author, seconds, subject = line.split("\0")
    at = None
    with contextlib.suppress(ValueError, OverflowError, OSError):
        at = datetime.fromtimestamp(int(seconds), UTC)
    return Revision(
        repository=tip.repository,
        ref=tip.ref,
        commit=commit,
        author=_printable(author)[:_LONGEST_SUBJECT],
        subject=_printable(subject)[:_LONGEST_SUBJECT],
        committed_at=at,
    )


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

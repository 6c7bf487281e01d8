"""Writes files of a commit below a folder for other programs.

The folder may hold links that were planted there: none is written through, and no file is overwritten.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from gitops_agent.errors import SourceError
from gitops_agent.revision.tree import Entry


def write(files: Iterable[tuple[Entry, bytes]], into: Path) -> None:
    """Writes files at their own paths, with their mode.

    Args:
        files: from `Tree.files`, which checked their names.
        into: made when absent.

    Raises:
        SourceError: they cannot be written.
    """
    folders: set[str] = set()
    try:
        into.mkdir(parents=True, exist_ok=True)
        for entry, data in files:
            _make(into, entry.path.rpartition("/")[0], folders)
            _write(into / entry.path, data, executable=entry.executable)
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        what = "the disk for scratch files is full" if full else f"the files cannot be written: {error.strerror}"
        raise SourceError(what, transient=full, failure="disk-full" if full else "disk") from error


def _make(into: Path, path: str, folders: set[str]) -> None:
    """Makes a directory and its parents; refuses existing links."""
    if not path or path in folders:
        return
    _make(into, path.rpartition("/")[0], folders)
    try:
        (into / path).mkdir(mode=0o755)
    except FileExistsError:
        if not stat.S_ISDIR((into / path).lstat().st_mode):
            raise
    folders.add(path)


def _write(path: Path, data: bytes, *, executable: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o755 if executable else 0o644), "wb") as stream:
        stream.write(data)

"""Private temporary directories, removed even after a kill.

Problem: a killed process leaves its directory behind, perhaps with credentials or Secrets in it, and a process id in its name
says nothing after a restart in a container. Decision: a directory is locked while it is used, and `sweep` removes those that no
process holds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_YOUNG_SECONDS = 60.0


@contextlib.contextmanager
def private_directory(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """A new private directory, locked while it is used and removed afterwards.

    Args:
        prefix: of its name.
        parent: where it is made; the directory for temporary files by default.

    Raises:
        OSError: there is no room.
    """
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=parent)).resolve()
    with _locked(directory):
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def sweep(prefix: str, parent: Path | None = None) -> None:
    """Removes directories that killed processes of this user left behind.

    A young one may have been made and not locked yet.
    """
    for directory in (parent or Path(tempfile.gettempdir())).glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            status = directory.lstat()
            young = time.time() - status.st_mtime < _YOUNG_SECONDS
            if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not young:
                with _locked(directory):
                    shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)

"""Private folders of renders, removed even after a kill.

Problem: a killed process leaves the copies of a render behind, perhaps with Secrets in them, and its process id says nothing
after a restart in a container. Decision: a folder is locked while it is used, and each render removes the folders that no
process holds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "render-"
_YOUNG_SECONDS = 60.0


@contextlib.contextmanager
def workspace(scratch: Path) -> Iterator[Path]:
    """A new private folder below `scratch`, removed afterwards.

    Raises:
        OSError: there is no room.
    """
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    _sweep(scratch)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=scratch)).resolve()
    try:
        with _locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(scratch: Path) -> None:
    """Removes folders of killed processes.

    A young one may have been made and not locked yet.
    """
    for folder in scratch.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.lstat().st_mtime > _YOUNG_SECONDS:
                with _locked(folder):
                    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)

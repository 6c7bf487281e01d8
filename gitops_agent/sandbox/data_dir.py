"""The sandbox's files in its folder; no others are ever removed."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from gitops_agent.errors import UsageError
from gitops_agent.file_lock import Busy, FileLock

STATE_FILE = "sandbox.json"
LOCK_FILE = "lock"
SOCKET = "control.sock"
KUBECONFIG = "kubeconfig"
ACCOUNTS = "accounts"
FOLDERS = ("etcd", "pki", "components", "logs", ACCOUNTS)

_ENTRIES = (STATE_FILE, f".{STATE_FILE}", SOCKET, KUBECONFIG, *FOLDERS, LOCK_FILE)


def remains(directory: Path) -> bool:
    """Whether something of a sandbox lies in the folder."""
    return any((directory / name).exists() for name in _ENTRIES)


def clean(directory: Path, *, keep: tuple[str, ...] = ()) -> None:
    """Removes the sandbox's files but for `keep`, and an empty folder.

    The caller holds the lock.
    """
    for name in _ENTRIES:
        path = directory / name
        if name in keep:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    if not keep:
        with contextlib.suppress(OSError):
            directory.rmdir()


def make_room(directory: Path) -> None:
    """Removes the remains of an ended sandbox, never a running one.

    Raises:
        UsageError: the path is no folder, or holds something that is not ours.
    """
    if directory.exists():
        if not directory.is_dir():
            raise UsageError(f"{directory} is not a folder")
        foreign = sorted(path.name for path in directory.iterdir() if path.name not in _ENTRIES)
        if foreign:
            raise UsageError(f"{directory} holds other things ({', '.join(foreign[:3])}): give a sandbox a folder of its own")
    try:
        with FileLock(directory / LOCK_FILE, wait=False):
            clean(directory, keep=(LOCK_FILE,))
    except Busy:
        return
    except OSError as error:
        raise UsageError(f"{directory} cannot be used: {error.strerror}") from error

"""Whether a folder lies in memory, and where one is that does.

Plaintext of encrypted files goes to programs as files. On a disk they would outlive the render: in free blocks, snapshots and
backups of the machine.
"""

from __future__ import annotations

import os
from pathlib import Path

_SHARED = Path("/dev/shm")  # noqa: S108 - a file system in memory, where a private folder is made
_MOUNTS = Path("/proc/self/mountinfo")
_IN_MEMORY = ("tmpfs", "ramfs")
_ENOUGH_BYTES = 512 * 1024 * 1024


def in_memory(folder: Path) -> bool:
    """Whether a folder's file system is in memory; false in doubt."""
    try:
        device = folder.stat().st_dev
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    number = f"{os.major(device)}:{os.minor(device)}"
    kinds = [line.partition(" - ")[2].split(" ")[0] for line in mounts if line.split(" ")[2:3] == [number]]
    return bool(kinds) and all(kind in _IN_MEMORY for kind in kinds)


def memory_folder() -> Path | None:
    """A folder in memory with room for renders, if any."""
    try:
        status = os.statvfs(_SHARED)
    except OSError:
        return None
    roomy = status.f_bavail * status.f_frsize >= _ENOUGH_BYTES
    return _SHARED if roomy and os.access(_SHARED, os.W_OK) and in_memory(_SHARED) else None

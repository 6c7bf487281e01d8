"""Looking at processes by their ids."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def running(pid: int) -> bool:
    """Whether the process runs; zombies do not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] not in {"Z", "X"}


def none_running(pids: Iterable[int]) -> bool:
    return not any(running(pid) for pid in pids)

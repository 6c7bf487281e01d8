"""Private folders of renders; those of killed processes are removed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from gitops_agent.private_directory import private_directory, sweep

_PREFIX = "render-"


@contextlib.contextmanager
def workspace(scratch: Path | None) -> Iterator[Path]:
    """A new private folder below `scratch`, removed afterwards.

    Args:
        scratch: made when absent; the directory for temporary files when None.

    Raises:
        OSError: there is no room.
    """
    if scratch is not None:
        scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    sweep(_PREFIX, scratch)
    with private_directory(_PREFIX, scratch) as folder:
        yield folder

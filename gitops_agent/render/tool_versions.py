"""Versions of helm and kustomize, remembered for two seconds.

Every reconcile asks for the key of its render, and each time both programs were looked for on PATH and among the installed
ones: most of what a reconcile cost in which nothing had changed. A program that is exchanged counts two seconds later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from gitops_agent.errors import RenderError
from gitops_agent.render.binaries import find

_SECONDS = 2.0


class ToolVersions:
    """Versions by program; thread-safe.

    Args:
        programs: by name, None where they are looked for.
        clock: monotonic seconds.
    """

    def __init__(self, programs: Mapping[str, Path | None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._programs, self._clock = dict(programs), clock
        self._cached: tuple[float, dict[str, str]] | None = None

    def now(self) -> Mapping[str, str]:
        """The versions, `absent` where there is no program that may be used."""
        cached, now = self._cached, self._clock()
        if cached is None or now - cached[0] >= _SECONDS:
            versions = {name: _version(name, explicit) for name, explicit in sorted(self._programs.items())}
            self._cached = cached = (now, versions)  # replaced as a whole, so no reader needs a lock
        return cached[1]


def _version(name: str, explicit: Path | None) -> str:
    try:
        return find(name, explicit).version
    except RenderError:
        return "absent"

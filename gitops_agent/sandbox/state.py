"""State of a sandbox, written by its supervisor for other processes.

One JSON file in the sandbox's folder, replaced as a whole. Whether the supervisor still lives is not in it, because a file
cannot know: that is the lock beside it.
"""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from gitops_agent.sandbox.data_dir import STATE_FILE


class Phase(StrEnum):
    """How far a sandbox has come."""

    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentState:
    """One program of the control plane.

    Attributes:
        name: as in the tool lock.
        version: of the program.
        pid: of the running or the last process; None before the first start.
        alive: whether that process runs.
        ports: it listens on, loopback only.
        exit_code: of the last process, negative for a signal; None while it runs.
        ended_at: when it ended, ISO 8601, UTC.
        last_words: the last line of its log when it ended unasked.
        starts: how often it was started.
    """

    name: str
    version: str
    pid: int | None = None
    alive: bool = False
    ports: tuple[int, ...] = ()
    exit_code: int | None = None
    ended_at: str | None = None
    last_words: str = ""
    starts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One sandbox.

    Attributes:
        phase: how far it has come.
        step: what it is waiting for while it starts.
        supervisor: the process id of the supervisor.
        tied_to: the process it ends with, None when it runs until stopped.
        url: of the API server.
        nodes: number of fake nodes.
        started_at: ISO 8601, UTC.
        seconds: from start to ready.
        error: why it failed, one line.
        components: in the order they start.
    """

    phase: Phase
    step: str = ""
    supervisor: int
    tied_to: int | None = None
    url: str = ""
    nodes: int = 0
    started_at: str = ""
    seconds: float | None = None
    error: str = ""
    components: tuple[ComponentState, ...] = field(default=())

    def json(self) -> dict[str, Any]:
        """As JSON values."""
        return dataclasses.asdict(self)

    def write(self, directory: Path) -> None:
        """Replaces the file in the sandbox's folder."""
        draft = directory / f".{STATE_FILE}"
        draft.write_text(json.dumps(self.json(), indent=2) + "\n")
        os.replace(draft, directory / STATE_FILE)  # noqa: PTH105 - says what happens


def read_state(directory: Path) -> State | None:
    """The state last written, None when missing or invalid."""
    try:
        data = json.loads((directory / STATE_FILE).read_text())
        components = tuple(ComponentState(**(part | {"ports": tuple(part["ports"])})) for part in data.pop("components"))
        return State(**(data | {"phase": Phase(data["phase"]), "components": components}))
    except (OSError, ValueError, TypeError, KeyError):
        return None

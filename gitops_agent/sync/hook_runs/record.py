"""The record of hook runs, as a status keeps it.

It is what makes a hook run once: an object may be gone (deleted by its TTL, a policy or a person) and the agent may have
been restarted, and the outcome still stands here. Nothing in it changes with the clock alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.timestamp import timestamp
from gitops_agent.sync.hooks.moment import Moment, Operation

MESSAGE_LIMIT = 500


class Phase(StrEnum):
    """How far a sync with hooks has come."""

    NONE = ""
    """No sync with hooks is known."""
    PRE_SYNC = "pre-sync"
    SYNC = "sync"
    POST_SYNC = "post-sync"
    DONE = "done"
    FAILED = "failed"


class RunState(StrEnum):
    """How far one run has come."""

    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    RETRY = "Retry"
    """It failed, and a person asked for another try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRun:
    """One run of a hook.

    Attributes:
        key: its object.
        moment: at which moment it ran.
        id: a digest of the hook and of the inputs it ran for.
        uid: of its object.
        state: how far it is.
        started: when, aware, UTC.
        ended: when it was seen to have ended; None while it runs.
        message: why it failed, for people.
    """

    key: ObjectKey
    moment: Moment
    id: str
    uid: str = ""
    state: RunState = RunState.RUNNING
    started: datetime
    ended: datetime | None = None
    message: str = ""

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.state is RunState.RUNNING

    def to_json(self) -> dict[str, Any]:
        """As JSON values, for a status."""
        value = {
            "object": str(self.key),
            "moment": self.moment.value,
            "id": self.id,
            "uid": self.uid,
            "state": self.state.value,
            "started": timestamp(self.started),
            "ended": timestamp(self.ended) if self.ended else "",
            "message": self.message[:MESSAGE_LIMIT],
        }
        return {name: item for name, item in value.items() if item}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> HookRun:
        """What `to_json` gave.

        Raises:
            KeyError, ValueError: it is something else.
        """
        ended = str(value.get("ended") or "")
        return cls(
            key=ObjectKey.parse(str(value["object"])),
            moment=Moment(str(value["moment"])),
            id=str(value["id"]),
            uid=str(value.get("uid") or ""),
            state=RunState(str(value["state"])),
            started=datetime.fromisoformat(str(value["started"])),
            ended=datetime.fromisoformat(ended) if ended else None,
            message=str(value.get("message") or ""),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRecord:
    """What is known of the hooks of an Application.

    Attributes:
        content: a digest of the declared objects and hooks whose sync this is about.
        inputs: a digest of the declared objects alone.
        series: a digest of these inputs and of when their sync began: a return to earlier content is another series.
        phase: how far that sync is.
        operation: what it does.
        since: when it began, aware, UTC; None where none did.
        request: the last request (`gitops-agent sync`) that was taken as a retry, or was there when the sync began.
        deletion: hooks are declared that run when the Application is deleted.
        runs: the last run of each hook and moment.
    """

    content: str = ""
    inputs: str = ""
    series: str = ""
    phase: Phase = Phase.NONE
    operation: Operation = Operation.INSTALL
    since: datetime | None = None
    request: str = ""
    deletion: bool = False
    runs: tuple[HookRun, ...] = ()

    def run(self, key: ObjectKey, moment: Moment) -> HookRun | None:
        """The last run of a hook at a moment."""
        return next((run for run in self.runs if (run.key, run.moment) == (key, moment)), None)

    def with_run(self, run: HookRun) -> HookRecord:
        """The record with this run as the last of its hook."""
        others = tuple(other for other in self.runs if (other.key, other.moment) != (run.key, run.moment))
        return replace(self, runs=(*others, run))

    @property
    def failure(self) -> HookRun | None:
        """The first failed run that is not of a `sync-fail` hook."""
        return next((run for run in self.runs if run.state is RunState.FAILED and run.moment is not Moment.SYNC_FAIL), None)

    @property
    def running(self) -> HookRun | None:
        """The first run that has not ended."""
        return next((run for run in self.runs if run.running), None)

    def to_json(self) -> dict[str, Any]:
        """As JSON values, for a status; empty for an empty record."""
        value = {
            "phase": self.phase.value,
            "operation": self.operation.value if self.phase is not Phase.NONE else "",
            "since": timestamp(self.since) if self.since else "",
            "content": self.content,
            "inputs": self.inputs,
            "series": self.series,
            "request": self.request,
            "deletion": self.deletion,
            "runs": [run.to_json() for run in self.runs],
        }
        return {name: item for name, item in value.items() if item}

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> HookRecord:
        """What `to_json` gave; an empty record for anything else."""
        if not value:
            return EMPTY
        try:
            since = str(value.get("since") or "")
            return cls(
                content=str(value.get("content") or ""),
                inputs=str(value.get("inputs") or ""),
                series=str(value.get("series") or ""),
                phase=Phase(str(value.get("phase") or "")),
                operation=Operation(str(value.get("operation") or Operation.INSTALL)),
                since=datetime.fromisoformat(since) if since else None,
                request=str(value.get("request") or ""),
                deletion=bool(value.get("deletion")),
                runs=tuple(HookRun.from_json(run) for run in value.get("runs") or ()),
            )
        except (KeyError, TypeError, ValueError):
            return EMPTY


EMPTY = HookRecord()

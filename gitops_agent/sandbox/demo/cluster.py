"""Watches the cluster as an administrator, independently of the agent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from gitops_agent.api.conditions import condition_of
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import AgentError, NotFound, UnknownKind
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import APPLICATION

_LOOK_SECONDS = 0.05
ADMIN = "cluster-admin"


class NotSeen(AgentError):
    """Something the story is about did not happen in time."""

    reason = "NotSeen"


class Spectator:
    """Watches the cluster until a condition holds.

    Args:
        transport: with an administrator's credentials.
    """

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.discovery = Discovery(transport)
        self.objects = Objects(transport, self.discovery, field_manager=ADMIN)
        self._pause = threading.Event()

    def get(self, key: ObjectKey) -> Object | None:
        """The object, None when it is not there."""
        try:
            return self.objects.get(key)
        except (NotFound, UnknownKind):
            return None

    def until(self, what: str, check: Callable[[], Any], *, seconds: float = 60.0) -> float:
        """Seconds until `check` was true.

        Raises:
            NotSeen: it was not, in the time given.
        """
        started = time.monotonic()
        while not check():
            if time.monotonic() - started > seconds:
                raise NotSeen(f"not seen within {seconds:g} s: {what}")
            self._pause.wait(_LOOK_SECONDS)
        return time.monotonic() - started

    def application(self, name: str, namespace: str) -> Object:
        """An Application, empty when it is not there."""
        return self.get(APPLICATION.named(namespace, name)) or {}


def settled(application: Object, commit: str) -> bool:
    """Whether an Application is Ready at a commit."""
    applied = ((application.get("status") or {}).get("sync") or {}).get("revision")
    return applied == commit and condition_of(application, "Ready").get("status") == "True"

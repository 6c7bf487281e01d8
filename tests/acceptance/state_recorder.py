"""Records every state of a rollout, independently of the agent."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.transport import Transport
from gitops_agent.cluster.watch import Watch, WatchOptions
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object
from gitops_agent.sandbox.controlplane import ControlPlane


@dataclass(frozen=True, slots=True)
class Seen:
    """A recorded state: phase, stage, weight, reason and time."""

    phase: str
    stage: str
    weight: int
    message: str
    at: float = field(default_factory=time.monotonic, compare=False)


class StateRecorder:
    """Watches the RolloutPolicies of a namespace.

    Attributes:
        seen: every state in order, each written down once.
    """

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self.seen: list[Seen] = []
        self._lock = threading.Lock()
        self._transport = Transport.from_kubeconfig(plane.kubeconfig)
        self._watch = Watch(
            self._transport,
            Discovery(self._transport).find("gitops-agent.dev", "RolloutPolicy"),
            self,
            options=WatchOptions(namespace=namespace, name="recorder"),
        )

    def __enter__(self) -> Self:
        self._watch.start()
        assert self._watch.synced.wait(30)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._watch.stop()
        self._transport.close()

    def since(self, number: int = 0) -> list[Seen]:
        """What was seen after so many states."""
        with self._lock:
            return self.seen[number:]

    def when(self, moment: float) -> Seen | None:
        """The state at a moment of the monotonic clock, or None."""
        with self._lock:
            return next((state for state in reversed(self.seen) if state.at <= moment), None)

    def on_sync(self, policies: list[Object], _resource_version: str) -> None:
        for policy in policies:
            self._note(policy)

    def on_event(self, _kind: str, policy: Object) -> None:
        self._note(policy)

    def on_error(self, error: AgentError) -> None:
        """What was seen stays."""

    def _note(self, policy: Object) -> None:
        status = policy.get("status") or {}
        reason = str(status.get("message", ""))
        seen = Seen(str(status.get("phase", "")), str(status.get("stage", "")), int(status.get("weight") or 0), reason)
        with self._lock:
            if not self.seen or self.seen[-1] != seen:
                self.seen.append(seen)

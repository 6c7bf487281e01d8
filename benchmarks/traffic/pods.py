"""The answering pods by address, followed by a watch.

What a real pod does, and these therefore do:

- It answers from the moment its containers run until they end, whether or not it is *ready*: readiness is advice to those who
  send traffic, and a gateway that sends it to a pod that is not ready is to be caught by its answers, not protected from them.
- A pod that is being deleted goes on answering while its `preStop` hook sleeps (`lifecycle.preStop.sleep`, which KWOK's stages
  honour). Then its process is terminated: it finishes what it is answering, closes its other connections and refuses new ones.
  A pod without that hook refuses from the moment it is deleted, and loses what was still sent to it, as everywhere.
- A container that waits (for its image, for its next crash) or has ended answers nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.transport import Transport
from gitops_agent.cluster.watch import Watch, WatchOptions
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object

VARIANT = "gitops-agent.dev/variant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod that answers.

    Attributes:
        address: its IP.
        namespace: its namespace.
        name: its name.
        image: of its first container.
        variant: its label `gitops-agent.dev/variant`; empty without one.
    """

    address: str
    namespace: str
    name: str
    image: str
    variant: str


def running(obj: Object) -> Pod | None:
    """The pod as one that answers; None when nothing runs in it."""
    status = obj.get("status") or {}
    containers = status.get("containerStatuses") or []
    if status.get("phase") != "Running" or not status.get("podIP") or not containers:
        return None
    if not all("running" in (container.get("state") or {}) for container in containers):
        return None
    metadata = obj["metadata"]
    return Pod(
        address=str(status["podIP"]),
        namespace=str(metadata.get("namespace") or ""),
        name=str(metadata["name"]),
        image=str(obj["spec"]["containers"][0]["image"]),
        variant=str((metadata.get("labels") or {}).get(VARIANT) or ""),
    )


class PodWatch:
    """Watches all pods, and reports those that answer.

    Args:
        transport: the API server.
        discovery: its kinds.
        appeared: called with each pod that has begun to answer, or has another label now, in the watch's thread.
        vanished: called with each that has stopped.
    """

    def __init__(
        self, transport: Transport, discovery: Discovery, *, appeared: Callable[[Pod], None], vanished: Callable[[Pod], None]
    ) -> None:
        self._appeared, self._vanished = appeared, vanished
        self._known: dict[str, Pod] = {}
        self._watch = Watch(
            transport,
            discovery.find("", "Pod"),
            self,
            options=WatchOptions(name="traffic-pods"),
        )

    def start(self, *, seconds: float = 30.0) -> None:
        """Starts to follow; returns when all pods there are now are known.

        Raises:
            AgentError: not in time.
        """
        self._watch.start()
        if not self._watch.synced.wait(seconds):
            raise AgentError(f"the pods could not be listed within {seconds:g} s", reason="NotSeen", transient=True)

    def stop(self) -> None:
        """Ends."""
        self._watch.stop()

    def all(self) -> tuple[Pod, ...]:
        """Those that answer now."""
        return tuple(self._known.values())

    def on_sync(self, objects: list[Object], _resource_version: str) -> None:
        """Takes in a whole list."""
        present = {_key(obj): running(obj) for obj in objects}
        for key in [key for key in self._known if key not in present]:
            self._put(key, None)
        for key, pod in present.items():
            self._put(key, pod)

    def on_event(self, kind: str, obj: Object) -> None:
        """Takes in one event."""
        self._put(_key(obj), None if kind == "DELETED" else running(obj))

    def _put(self, key: str, pod: Pod | None) -> None:
        before = self._known.get(key)
        if before == pod:
            return
        if before is not None and (pod is None or pod.address != before.address):
            del self._known[key]
            self._vanished(before)
        if pod is not None:
            self._known[key] = pod
            self._appeared(pod)

    def on_error(self, error: AgentError) -> None:
        """The pods stay known: they keep running without a watch."""


def _key(obj: Object) -> str:
    return str(obj["metadata"]["uid"])

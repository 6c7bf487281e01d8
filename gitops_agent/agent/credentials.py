"""Secrets the agent reads (repository credentials, notifier tokens), kept fresh by one watch each.

Reading a Secret at every poll would cost an API call a poll; reading it once would need a restart to rotate it. One watch on
exactly that name costs nothing while nothing changes and sees a rotation at once.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable, Mapping

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.transport import Transport
from gitops_agent.cluster.watch import Watch
from gitops_agent.errors import AgentError, NotFound, SourceError
from gitops_agent.manifest.key import Object

_FIRST_LOOK_SECONDS = 10.0


class _Watched:
    """One Secret: `data` is worth something once it is `known`; `answered` is set by the first list or the first error."""

    def __init__(self) -> None:
        self.data: Mapping[str, bytes] | None = None
        self.known = False
        self.error: AgentError | None = None
        self.answered = threading.Event()
        self.watch: Watch | None = None


class Secrets:
    """Thread-safe cache of watched Secrets.

    Args:
        transport: to the API server.
        discovery: to find the resource.
        rotated: called with `namespace/name` when the content of a Secret in use changed.
    """

    def __init__(self, transport: Transport, discovery: Discovery, rotated: Callable[[str], None]) -> None:
        self._transport, self._discovery, self._rotated = transport, discovery, rotated
        self._lock = threading.Lock()
        self._watched: dict[str, _Watched] = {}
        self._stopped = False

    def data(self, namespace: str, name: str) -> Mapping[str, bytes]:
        """The decoded content of a Secret as last seen; the first look waits for the watch's first answer.

        Raises:
            NotFound: there is no such Secret.
            SourceError: it could not be read (yet); once it can, `rotated` is called.
            AgentError: nothing can be asked of the API server.
        """
        watched = self._ensure(namespace, name)
        watched.answered.wait(_FIRST_LOOK_SECONDS)
        if not watched.known:
            text = watched.error or "the API server did not answer"
            raise SourceError(f"Secret {namespace}/{name} cannot be read: {text}", reason="CannotSee", transient=True)
        if watched.data is None:
            raise NotFound(f"there is no Secret {namespace}/{name}", status=404)
        return watched.data

    def stop(self) -> None:
        """Ends every watch."""
        with self._lock:
            self._stopped = True
            watches = [watched.watch for watched in self._watched.values() if watched.watch is not None]
            self._watched.clear()
        for watch in watches:
            watch.stop()

    def _ensure(self, namespace: str, name: str) -> _Watched:
        place = f"{namespace}/{name}"
        with self._lock:
            watched = self._watched.get(place)
            if watched is not None:
                return watched
        resource = self._discovery.find("", "Secret")
        with self._lock:
            if self._stopped:
                raise SourceError("the agent is stopping", reason="CannotSee", transient=True)
            if place in self._watched:
                return self._watched[place]
            state = self._watched[place] = _Watched()

        def listed(objects: list[Object]) -> None:
            self._take(place, state, objects[0] if objects else None)

        def event(kind: str, obj: Object) -> None:
            self._take(place, state, None if kind == "DELETED" else obj)

        def failed(error: AgentError) -> None:
            state.error = error
            state.answered.set()

        state.watch = Watch(
            self._transport,
            resource,
            namespace=namespace,
            field_selector=f"metadata.name={name}",
            on_sync=listed,
            on_event=event,
            on_error=failed,
            name=f"watch-secret-{name}",
        )
        state.watch.start()
        return state

    def _take(self, place: str, watched: _Watched, obj: Object | None) -> None:
        data = _decoded(obj) if obj else None
        changed, told = not watched.known or data != watched.data, watched.answered.is_set()
        watched.data, watched.known = data, True
        watched.answered.set()
        if changed and told:
            self._rotated(place)


def _decoded(obj: Object) -> Mapping[str, bytes]:
    result = {}
    for key, value in (obj.get("data") or {}).items():
        try:
            result[key] = base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError, ValueError):
            continue  # the API server refuses such data; an object that holds it anyway offers no credential
    return result

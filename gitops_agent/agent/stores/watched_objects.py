"""Watches ConfigMaps and Secrets by name, one watch each.

Reading an object at every use would cost an API call a use; reading it once would need a restart to see a change. One watch on
exactly that name costs nothing while nothing changes and sees a change at once. The watch of an object that was not read for an
hour ends, unless a reader holds it.
"""

from __future__ import annotations

import base64
import binascii
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from gitops_agent.cluster.concurrent_stop import stop_concurrently
from gitops_agent.cluster.informer import Informer
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.watch import WatchOptions
from gitops_agent.errors import AgentError, NotFound, SourceError
from gitops_agent.manifest.key import GroupKind, Object
from gitops_agent.manifest.kinds import CONFIG_MAP

_FIRST_LOOK_SECONDS = 10.0
_IDLE_SECONDS = 3600.0
_SWEEP_SECONDS = 60.0


class ContentListener(Protocol):
    """Uses objects and acts when the content of one changes."""

    def rotated(self, place: str, /) -> None:
        """Takes note that an object in use, as `namespace/name`, has other content."""


class _Watched:
    """One object and its watch.

    `data` counts once it is `known`; `answered` is set by the first list or the first error.
    """

    def __init__(self, kind: GroupKind, place: str, listeners: list[ContentListener]) -> None:
        self._kind, self._place, self._listeners = kind, place, listeners
        self.annotations: Mapping[str, Any] = {}
        self.data: Mapping[str, bytes] | None = None
        self.read_at = 0.0
        self.known = False
        self.awaited = False
        self.held = False
        self.error: AgentError | None = None
        self.answered = threading.Event()
        self.informer: Informer | None = None

    def replace(self, objects: list[Object], _resource_version: str) -> None:
        self._take(objects[0] if objects else None)

    def put(self, obj: Object) -> None:
        self._take(obj)

    def remove(self, _obj: Object) -> None:
        self._take(None)

    def failed(self, error: AgentError) -> None:
        self.error = error
        first = not self.answered.is_set()
        self.answered.set()
        if first and self.awaited:
            self._report()

    def _take(self, obj: Object | None) -> None:
        data = _content(self._kind, obj) if obj is not None else None
        self.annotations = (obj or {}).get("metadata", {}).get("annotations") or {}
        changed, first = not self.known or data != self.data, not self.answered.is_set()
        self.data, self.known = data, True
        self.answered.set()
        if changed and (self.awaited or not first):  # asked after `set`: a hold that missed the answer is seen here
            self._report()

    def _report(self) -> None:
        for listener in self._listeners:
            listener.rotated(self._place)


class WatchedObjects:
    """Thread-safe cache of watched objects of one kind.

    Args:
        objects: the cluster.
        kind: ConfigMap or Secret.
        clock: monotonic seconds.
    """

    def __init__(self, objects: Objects, kind: GroupKind, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._objects, self._kind, self._clock = objects, kind, clock
        self._swept_at = clock()
        self._listeners: list[ContentListener] = []
        self._lock = threading.Lock()
        self._watched: dict[str, _Watched] = {}
        self._stopped = False

    def subscribe(self, listener: ContentListener) -> None:
        """Adds a listener; called before anything is read."""
        self._listeners.append(listener)

    def data(self, namespace: str, name: str) -> Mapping[str, bytes]:
        """Decoded content of an object; the first read waits for its watch.

        Raises:
            NotFound: there is no such object.
            SourceError: it could not be read (yet); once it can, listeners are called.
            AgentError: the API server does not answer.
        """
        return self._content(self._answered(namespace, name), namespace, name)

    def hold(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """Decoded content without waiting; None until the first answer.

        Listeners are called with that answer. The watch stays until the object is released, however seldom it is read.

        Raises:
            AgentError: see `data`.
        """
        watched = self._read(namespace, name, held=True)
        watched.held = watched.awaited = True
        return self._content(watched, namespace, name) if watched.answered.is_set() else None

    def release(self, namespace: str, name: str) -> None:
        """Lets the watch end once the object is no longer read."""
        with self._lock:
            if (watched := self._watched.get(f"{namespace}/{name}")) is not None:
                watched.held = watched.awaited = False

    def start(self) -> None:
        """Does nothing: a watch starts with the first reader of its object."""

    def stop(self) -> None:
        """Ends every watch."""
        with self._lock:
            self._stopped = True
            informers = [watched.informer for watched in self._watched.values() if watched.informer is not None]
            self._watched.clear()
        stop_concurrently(informers)

    def _answered(self, namespace: str, name: str) -> _Watched:
        watched = self._read(namespace, name)
        watched.answered.wait(_FIRST_LOOK_SECONDS)
        return watched

    def _read(self, namespace: str, name: str, *, held: bool = False) -> _Watched:
        self._sweep()
        watched = self._ensure(namespace, name, held=held)
        watched.read_at = self._clock()
        return watched

    def _content(self, watched: _Watched, namespace: str, name: str) -> Mapping[str, bytes]:
        """What is known of an object; raises as `data` does."""
        described = f"{self._kind.kind} {namespace}/{name}"
        if not watched.known:
            text = watched.error or "the API server did not answer"
            raise SourceError(f"{described} cannot be read: {text}", reason="CannotSee", transient=True)
        if watched.data is None:
            raise NotFound(f"there is no {described}", status=404)
        return watched.data

    def _sweep(self) -> None:
        """Ends the watches of objects that were not read for long."""
        now = self._clock()
        with self._lock:
            if now - self._swept_at < _SWEEP_SECONDS:
                return
            self._swept_at = now
            idle = [key for key, watched in self._watched.items() if not watched.held and now - watched.read_at > _IDLE_SECONDS]
            informers = [self._watched.pop(key).informer for key in idle]
        for informer in informers:
            if informer is not None:
                informer.stop()

    def _ensure(self, namespace: str, name: str, *, held: bool) -> _Watched:
        key = f"{namespace}/{name}"
        with self._lock:
            watched = self._watched.get(key)
            if watched is not None:
                return watched
        watched = _Watched(self._kind, key, self._listeners)
        watched.held = watched.awaited = held  # before its watch answers
        thread = f"watch-{self._kind.kind.lower()}-{name}"
        informer = Informer(
            self._objects,
            self._kind,
            watched,
            options=WatchOptions(namespace=namespace, field_selector=f"metadata.name={name}", name=thread),
            on_error=watched.failed,
        )
        informer.resolve()
        with self._lock:
            if self._stopped:
                raise SourceError("the agent is stopping", reason="CannotSee", transient=True)
            if key in self._watched:
                return self._watched[key]
            watched.informer, watched.read_at = informer, self._clock()
            self._watched[key] = watched
        informer.start()
        return watched


def _content(kind: GroupKind, obj: Object) -> Mapping[str, bytes]:
    """The decoded entries of a ConfigMap or Secret."""
    if kind != CONFIG_MAP:
        return _decoded(obj.get("data"))
    texts = {key: value.encode() for key, value in (obj.get("data") or {}).items() if isinstance(value, str)}
    return texts | _decoded(obj.get("binaryData"))


def _decoded(data: Any) -> dict[str, bytes]:
    result = {}
    for key, value in (data or {}).items():
        try:
            result[key] = base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError, ValueError):
            continue  # the API server refuses such data; an object that holds it anyway offers nothing
    return result

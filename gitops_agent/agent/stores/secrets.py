"""Secrets the agent reads, kept current by one watch each.

They hold repository credentials and notifier tokens. Reading a Secret at every poll would cost an API call a poll; reading it
once would need a restart to rotate it. One watch on exactly that name costs nothing while nothing changes and sees a rotation
at once. The watch of a Secret that was not read for an hour ends.

A user who may write Applications chooses both the Secret and the host it is sent to. An annotation on the Secret, and a setting
of the installation, limit the hosts.
"""

from __future__ import annotations

import base64
import binascii
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from gitops_agent.api.application_rules import matches
from gitops_agent.cluster.informer import Informer
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.together import stop_together
from gitops_agent.cluster.watch import WatchOptions
from gitops_agent.errors import AgentError, NotFound, SourceError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import SECRET
from gitops_agent.manifest.marks import ALLOWED_HOSTS, annotation

_FIRST_LOOK_SECONDS = 10.0
_IDLE_SECONDS = 3600.0
_SWEEP_SECONDS = 60.0


class RotationListener(Protocol):
    """Uses Secrets and acts when one changes."""

    def rotated(self, secret: str) -> None:
        """Takes note that a Secret in use, as `namespace/name`, has other content."""


class _Watched:
    """One Secret and its watch.

    `data` counts once it is `known`; `answered` is set by the first list or the first error.
    """

    def __init__(self, place: str, listeners: list[RotationListener]) -> None:
        self._place, self._listeners = place, listeners
        self.data: Mapping[str, bytes] | None = None
        self.hosts: str | None = None
        self.read_at = 0.0
        self.known = False
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
        self.answered.set()

    def _take(self, obj: Object | None) -> None:
        data = _decoded(obj) if obj else None
        self.hosts = annotation(obj, ALLOWED_HOSTS) if obj else None
        changed, in_use = not self.known or data != self.data, self.answered.is_set()
        self.data, self.known = data, True
        self.answered.set()
        if changed and in_use:
            for listener in self._listeners:
                listener.rotated(self._place)


class SecretStore:
    """Thread-safe cache of watched Secrets.

    Args:
        objects: the cluster.
        hosts: patterns of the Git hosts that may receive credentials; all when empty.
        clock: monotonic seconds.
    """

    def __init__(self, objects: Objects, hosts: Sequence[str] = (), *, clock: Callable[[], float] = time.monotonic) -> None:
        self._objects, self._hosts, self._clock = objects, tuple(hosts), clock
        self._swept_at = clock()
        self._listeners: list[RotationListener] = []
        self._lock = threading.Lock()
        self._watched: dict[str, _Watched] = {}
        self._stopped = False

    def subscribe(self, listener: RotationListener) -> None:
        """Adds a listener; called before anything is read."""
        self._listeners.append(listener)

    def data(self, namespace: str, name: str) -> Mapping[str, bytes]:
        """Decoded content of a Secret; the first read waits for its watch.

        Raises:
            NotFound: there is no such Secret.
            SourceError: it could not be read (yet); once it can, listeners are called.
            AgentError: the API server does not answer.
        """
        return self._known(namespace, name)[0]

    def data_for(self, namespace: str, name: str, host: str) -> Mapping[str, bytes]:
        """Decoded content of a Secret that is sent to a Git host.

        Raises:
            SourceError: the host may not receive it, or see `data`.
            AgentError: see `data`.
        """
        data, allowed = self._known(namespace, name)
        patterns = None if allowed is None else [part.strip() for part in allowed.split(",")]
        for rule, source in ((patterns, f"its annotation {ALLOWED_HOSTS}"), (self._hosts or None, "source.allowedSecretHosts")):
            if rule is not None and not any(matches(pattern.lower(), host.lower()) for pattern in rule if pattern):
                text = f"Secret {namespace}/{name} may not be sent to {host or 'no host'}: {source} does not name it"
                raise SourceError(text, reason="SecretHostRefused")
        return data

    def _known(self, namespace: str, name: str) -> tuple[Mapping[str, bytes], str | None]:
        """Content and annotated hosts of a Secret; raises as `data` does."""
        self._sweep()
        watched = self._ensure(namespace, name)
        watched.read_at = self._clock()
        watched.answered.wait(_FIRST_LOOK_SECONDS)
        if not watched.known:
            text = watched.error or "the API server did not answer"
            raise SourceError(f"Secret {namespace}/{name} cannot be read: {text}", reason="CannotSee", transient=True)
        if watched.data is None:
            raise NotFound(f"there is no Secret {namespace}/{name}", status=404)
        return watched.data, watched.hosts

    def _sweep(self) -> None:
        """Ends the watches of Secrets that were not read for long."""
        now = self._clock()
        with self._lock:
            if now - self._swept_at < _SWEEP_SECONDS:
                return
            self._swept_at = now
            idle = [key for key, watched in self._watched.items() if now - watched.read_at > _IDLE_SECONDS]
            informers = [self._watched.pop(key).informer for key in idle]
        for informer in informers:
            if informer is not None:
                informer.stop()

    def start(self) -> None:
        """Does nothing: a watch starts with the first reader of its Secret."""

    def stop(self) -> None:
        """Ends every watch."""
        with self._lock:
            self._stopped = True
            informers = [watched.informer for watched in self._watched.values() if watched.informer is not None]
            self._watched.clear()
        stop_together(informers)

    def _ensure(self, namespace: str, name: str) -> _Watched:
        key = f"{namespace}/{name}"
        with self._lock:
            watched = self._watched.get(key)
            if watched is not None:
                return watched
        watched = _Watched(key, self._listeners)
        informer = Informer(
            self._objects,
            SECRET,
            watched,
            options=WatchOptions(namespace=namespace, field_selector=f"metadata.name={name}", name=f"watch-secret-{name}"),
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


def _decoded(obj: Object) -> Mapping[str, bytes]:
    result = {}
    for key, value in (obj.get("data") or {}).items():
        try:
            result[key] = base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError, ValueError):
            continue  # the API server refuses such data; an object that holds it anyway offers no credential
    return result

"""One list and its watch, with automatic restarts.

Problem: a watch ends all the time (the server closes it every few minutes, restarts, forgets the place, hangs behind a dead
proxy) and each ending tempts to lose a change or to list everything again. Decision: one thread a watch that goes on from the
last resource version it received (events and bookmarks), lists again only when that version has expired, after the receiver
learned that the kind cannot be seen or when the server was away, and reports a whole list as such, so that receivers replace
what they knew. A server that was away may come back with an etcd restored from a backup: a watch from a version of its lost
future gets no event until it is reached again, so the server's version is read after a stream that ended early.

Objects are handed on and forgotten; `distil` turns each one of a list into something small while its page is read.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from gitops_agent.backoff import Backoff, spread
from gitops_agent.cluster import api_errors
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.listing import pages, selectors
from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.stream import Stream
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import (
    AgentError,
    CannotSee,
    ClusterError,
    Expired,
    Forbidden,
    NotFound,
    Throttled,
    Unavailable,
    UnknownKind,
)
from gitops_agent.manifest.key import Object
from gitops_agent.observe.activities import ACTIVITIES
from gitops_agent.observe.log import logger

_AWAY = frozenset({"Unreachable", "ConnectTimeout"})
"""Codes of errors after which the server may have been restored from a backup."""

_LIST_PATIENCE_SECONDS = 20.0
_METADATA_EVENTS = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"

_log = logger("cluster")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When a watch gives up, retries and reports.

    Attributes:
        server_seconds: the server ends the stream after up to twice this long; spreads the reconnects of many watches.
        idle_seconds: without a byte, bookmarks included (the server sends one a minute), the stream counts as hung.
        list_seconds: a page may take this long.
        first_wait_seconds: pause after the first failure; doubles up to `longest_wait_seconds`.
        longest_wait_seconds: pause between attempts while something is wrong.
        grace_seconds: a shorter failure is not reported.
    """

    server_seconds: float = 240.0
    idle_seconds: float = 130.0
    list_seconds: float = 60.0
    first_wait_seconds: float = 0.2
    longest_wait_seconds: float = 30.0
    grace_seconds: float = 15.0


class WatchHandler(Protocol):
    """Receives the events of a watch, serially in its thread."""

    def on_sync(self, objects: list[Any], resource_version: str) -> None:
        """Receives every object (distilled) of a list; ends every `on_error`.

        It replaces what was known.

        The resource version is that of the list: what is known in a newer one cannot be missing from it. It is empty when the
        kind itself is gone.
        """

    def on_event(self, kind: str, obj: Object) -> None:
        """Takes ADDED, MODIFIED or DELETED and the object, in the server's order."""

    def on_error(self, error: AgentError) -> None:
        """Receives the reason why the kind cannot be seen.

        Nothing is known to be gone because of it.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """Selects what is watched, and in which form it is read.

    Attributes:
        namespace: all when empty.
        label_selector: objects that stop matching are DELETED.
        field_selector: likewise.
        metadata_only: ask for metadata instead of whole objects.
        distil: applied to each object of a list before `on_sync`.
        timing: see `Timing`.
        name: of the thread; `watch-<plural.group>` when empty.
    """

    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""
    metadata_only: bool = False
    distil: Callable[[Object], Any] | None = None
    timing: Timing = field(default_factory=Timing)
    name: str = ""


_WHOLE = WatchOptions()


class Watch:
    """Keeps a handler informed about one resource.

    Args:
        transport: the API server.
        resource: what is watched.
        handler: none of its methods is called any more once `stop` was.
        options: which objects, and how.
        discovery: asked whether a kind is gone when the server no longer serves its path.
    """

    def __init__(
        self,
        transport: Transport,
        resource: Resource,
        handler: WatchHandler,
        *,
        options: WatchOptions = _WHOLE,
        discovery: Discovery | None = None,
    ) -> None:
        self.resource = resource
        self.synced = threading.Event()
        self.lists = 0
        self.streams = 0
        self._transport, self._handler, self._discovery = transport, handler, discovery
        self._options, self._timing = options, options.timing
        self._stopped = threading.Event()
        self._wake = threading.Event()
        self._speaking = threading.RLock()
        self._stream: Stream | None = None
        self._place = ""
        self._failures = 0
        self._failing_since = 0.0
        self._told = ""
        self._doubtful = False
        self._thread = threading.Thread(target=self._run, name=options.name or f"watch-{resource.full_name}", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self, seconds: float = 2.0) -> None:
        """Stops the watch and waits for its thread.

        Returns after some seconds when the server holds a list back.
        """
        deadline = time.monotonic() + seconds
        self._stopped.set()
        self._wake.set()
        with contextlib.suppress(AttributeError):
            self._stream.close()  # type: ignore[union-attr]
        if self._speaking.acquire(timeout=seconds):
            self._speaking.release()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._try_step()
            except Exception as error:  # noqa: BLE001 - a receiver may raise anything when a failure is reported
                _log.exception("watch receiver failed", resource=self.resource.full_name, error=error)
                self._place = self._told = ""
                self._failures += 1
                self._pause()

    def _try_step(self) -> None:
        try:
            self._step()
        except Expired:
            self._place = ""
            self._failed(None)
        except NotFound as error:
            self._gone(error)
        except AgentError as error:
            self._doubtful = True
            if _is_ahead(error):  # etcd was restored from a backup: the place is one of a lost future
                self._place = ""
            self._failed(error)
        except Exception as error:  # noqa: BLE001 - whatever a receiver raises
            # A receiver failed in the middle: what it knows is uncertain, so it gets everything once more.
            _log.exception("watch receiver failed", resource=self.resource.full_name, error=error)
            self._place = ""
            self._failed(CannotSee(f"{self.resource.full_name}: a receiver failed: {type(error).__name__}"))

    def _step(self) -> None:
        if self._place and self._doubtful and self._server_is_behind():
            self._place = ""
        self._doubtful = False
        if not self._place:
            with ACTIVITIES.during("list", self.resource.full_name, patience=_LIST_PATIENCE_SECONDS):
                self._list()
        self._follow()

    def _server_is_behind(self) -> bool:
        """Whether the server's version is lower than that of the last event."""
        options = self._options
        first = pages(
            self._transport,
            self.resource,
            namespace=options.namespace,
            label_selector=options.label_selector,
            field_selector=options.field_selector,
            metadata_only=True,
            limit=1,
            timeout=self._timing.list_seconds,
        )
        version = next(first).resource_version
        return version.isdigit() and self._place.isdigit() and int(version) < int(self._place)

    def _list(self) -> None:
        self.lists += 1
        options = self._options
        everything: list[Any] = []
        version = ""
        for page in pages(
            self._transport,
            self.resource,
            namespace=options.namespace,
            label_selector=options.label_selector,
            field_selector=options.field_selector,
            metadata_only=options.metadata_only,
            timeout=self._timing.list_seconds,
        ):
            version = version or page.resource_version
            everything += page.items if options.distil is None else map(options.distil, page.items)
            if self._stopped.is_set():
                return
        self._transport.identity.opened()
        self._synced(everything, version)
        self._place = version

    def _synced(self, everything: list[Any], resource_version: str) -> None:
        with self._speaking:
            if self._stopped.is_set():
                return
            self._handler.on_sync(everything, resource_version)
        self._told = ""
        self._recovered()
        self.synced.set()

    def _follow(self) -> None:
        self.streams += 1
        seconds = int(self._timing.server_seconds * spread(1, 2))
        options = self._options
        query = selectors(label_selector=options.label_selector, field_selector=options.field_selector) | {
            "watch": "true",
            "resourceVersion": self._place,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(max(1, seconds)),
        }
        opened = time.monotonic()
        got = False
        with self._transport.stream(
            self.resource.path(self._options.namespace),
            query,
            read_timeout=self._timing.idle_seconds,
            accept=_METADATA_EVENTS if self._options.metadata_only else "application/json",
        ) as stream:
            self._stream = stream
            try:
                if self._stopped.is_set():
                    return
                self._transport.identity.opened()
                for event in stream:
                    self._take(event)
                    got = True
            finally:
                self._stream = None
        self._doubtful = time.monotonic() - opened < seconds - 1
        if not got and time.monotonic() - opened < 1:
            # A server that hangs up at once would be asked in a tight loop.
            raise Unavailable(f"the watch of {self.resource.full_name} ends as soon as it begins", code="ConnectionTorn")

    def _take(self, event: Any) -> None:
        kind, obj = (event.get("type"), event.get("object")) if isinstance(event, dict) else (None, None)
        if not isinstance(obj, dict):
            raise Unavailable(
                f"the watch of {self.resource.full_name} sent something that is not an event", code="ConnectionTorn"
            )
        if kind == "ERROR":
            status = obj.get("code")
            sent = api_errors.Request(method="GET", path=self.resource.path(self._options.namespace))
            raise api_errors.from_status(obj, status=status if isinstance(status, int) else 500, request=sent)
        version = str((obj.get("metadata") or {}).get("resourceVersion") or "")
        if kind != "BOOKMARK":
            if self._options.metadata_only:
                obj = {**obj, "apiVersion": self.resource.api_version, "kind": self.resource.kind}
            with self._speaking:
                if self._stopped.is_set():
                    return
                self._handler.on_event(str(kind), obj)
        if version:
            self._place = version
        self._recovered()

    def _recovered(self) -> None:
        self._failures = 0
        self._failing_since = 0.0

    def _gone(self, error: NotFound) -> None:
        """Asks discovery whether an unserved kind was deleted or is unavailable."""
        if self._discovery is None:
            self._failed(error)
            return
        group, kind = self.resource.group_kind
        self._discovery.invalidate(group)
        try:
            resource = self._discovery.find(group, kind)
        except UnknownKind:
            self._place = ""
            if self._told != "gone":
                self._synced([], "")
                self._told = "gone"
            self._failures += 1
            self._pause()
        except AgentError as unseen:
            self._failed(unseen)
        else:
            if resource.version != self.resource.version:
                self.resource = resource
                self._place = ""
            self._failed(error)

    def _failed(self, error: AgentError | None) -> None:
        """Backs off after a failure, and reports one beyond the grace.

        After such a report it lists again.
        """
        now = time.monotonic()
        self._failures += 1
        self._failing_since = self._failing_since or now
        if isinstance(error, Unavailable) and error.code in _AWAY:
            self._place = ""
        if error is not None:
            settled = not isinstance(error, (Unavailable, Throttled, NotFound))
            if settled or not self.synced.is_set() or now - self._failing_since > self._timing.grace_seconds:
                self._report(error)
        self._pause(at_least=(getattr(error, "retry_after", None) or 0.0))

    def _report(self, error: AgentError) -> None:
        self._place = ""
        text = str(error)
        if text == self._told:
            return
        self._told = text
        blind = error
        if isinstance(error, (Forbidden, NotFound)):
            blind = CannotSee(
                f"{self.resource.full_name} cannot be listed or watched: {error}", kind=str(self.resource.group_kind)
            )
        with self._speaking:
            if not self._stopped.is_set():
                self._handler.on_error(blind)

    def _pause(self, *, at_least: float = 0.0) -> None:
        timing = self._timing
        backoff = Backoff(first_seconds=timing.first_wait_seconds, longest_seconds=timing.longest_wait_seconds)
        self._wake.wait(backoff.pause(self._failures + 1, at_least=at_least))
        self._wake.clear()


def _is_ahead(error: AgentError) -> bool:
    """Whether the server has yet to reach the requested version."""
    causes = error.details.get("causes") if isinstance(error, ClusterError) else None
    return any(isinstance(cause, dict) and cause.get("reason") == "ResourceVersionTooLarge" for cause in causes or ())

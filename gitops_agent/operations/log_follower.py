"""Follows the logs of several containers at once, each on a thread.

The API server streams one container an answer, so following a Deployment is as many streams. What takes the lines decides what
happens when they come faster than they are read: a queue that is full makes the API server wait, a buffer may drop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitops_agent.errors import AgentError

if TYPE_CHECKING:
    from gitops_agent.cluster.stream import Stream
    from gitops_agent.cluster.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of one pod."""

    namespace: str
    pod: str
    name: str

    @property
    def path(self) -> str:
        """The path of its log."""
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.pod}/log"

    def __str__(self) -> str:
        return f"{self.pod}/{self.name}"


Entry = tuple[Container, bytes | AgentError | None]
"""A line, why the log cannot be read, or None when there are no more lines."""

_SILENCE_SECONDS = 24 * 3600.0


class LogFollower:
    """Open logs.

    Args:
        transport: to the API server, as the reader.
        query: of every log, such as `tailLines`.
        put: takes the entries, in the threads of the logs; each container ends with one that holds None.
    """

    def __init__(self, transport: Transport, query: Mapping[str, str], put: Callable[[Entry], object]) -> None:
        self._transport, self._query, self._put = transport, query, put
        self._lock = threading.Lock()
        self._streams: list[Stream] = []
        self._stopped = False

    def start(self, containers: Sequence[Container]) -> None:
        """Opens the logs."""
        for container in containers:
            threading.Thread(target=self._read, args=(container,), name=f"log-{container}", daemon=True).start()

    def stop(self) -> None:
        """Closes all logs, also those that are being opened."""
        with self._lock:
            self._stopped = True
            streams, self._streams = self._streams, []
        for stream in streams:
            stream.close()

    def _read(self, container: Container) -> None:
        query = {**self._query, "container": container.name, "follow": "true"}
        try:
            with self._transport.stream(container.path, query, read_timeout=_SILENCE_SECONDS, accept="*/*") as stream:
                if self._opened(stream):
                    for line in stream.lines():
                        self._put((container, line))
        except AgentError as error:
            self._put((container, error))
        finally:
            self._put((container, None))

    def _opened(self, stream: Stream) -> bool:
        """Takes a stream that `stop` will close; False when that came first."""
        with self._lock:
            if not self._stopped:
                self._streams.append(stream)
            return not self._stopped

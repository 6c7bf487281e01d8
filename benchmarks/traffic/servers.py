"""The pods' HTTP servers: one listener for every pod address.

In the sandbox's own network all addresses of pods are local, so a socket bound to 0.0.0.0 takes every connection, and the local
end of the accepted one says which pod was meant. What a pod that is ready, not ready, ending or gone does with it is written
down in `pods.py`. A refusal is a reset right after the connection was made (one listener cannot refuse single addresses
earlier); for the client, that is an error all the same.

Every answer names its pod in its headers: `x-pod`, `x-image`, `x-variant`; `injected: true` marks an error that was configured
with `fault`. `/metrics` at a pod's address is the pod's, at 127.0.0.1 it is that of all.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.traffic.conversation import Conversation
from benchmarks.traffic.pods import Pod
from benchmarks.traffic.tally import Tally, exposition
from gitops_agent.errors import AgentError

PORTS = (80, 8080)
"""Where the pods listen; a Service's targetPort should be one of them."""

METRICS_PORT = PORTS[1]
_START_SECONDS = 10.0
_EVERYBODY = "127.0.0.1"
_WORDS = {200: "OK", 404: "Not Found", 500: "Internal Server Error"}


@dataclass(slots=True, kw_only=True)
class Fault:
    """What goes wrong in pods with an image.

    Attributes:
        error_percent: of the answers that are errors, spread evenly.
        delay_seconds: before every answer.
        status: of the errors.
    """

    error_percent: float = 0.0
    delay_seconds: float = 0.0
    status: int = 500
    _owed: float = 0.0

    def strikes(self) -> bool:
        """Whether the next answer is an error."""
        self._owed += self.error_percent
        if self._owed < 100:  # noqa: PLR2004 - percent
            return False
        self._owed -= 100
        return True


class Servers:
    """The servers of all reported pods, from `start` to `stop`.

    Args:
        host: where to listen; everywhere in the sandbox's own network.
        ports: likewise.
    """

    def __init__(self, *, host: str = "0.0.0.0", ports: tuple[int, ...] = PORTS) -> None:  # noqa: S104 - see above
        self._host, self._ports = host, ports
        self._pods: dict[str, Pod] = {}
        self._tallies: dict[str, Tally] = {}
        self._gone: list[Tally] = []
        self._faults: dict[str, Fault] = {}
        self._connections: dict[str, set[Conversation]] = {}
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._trouble: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="backends", daemon=True)

    # Coming and going

    def start(self) -> None:
        """Returns when they listen.

        Raises:
            AgentError: a port is taken.
        """
        self._thread.start()
        if not self._listening.wait(_START_SECONDS) or self._trouble is not None:
            raise AgentError(f"the pods' servers do not listen: {self._trouble}", reason="SandboxFailed")

    def stop(self) -> None:
        """Ends all of them."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_START_SECONDS)

    # What the scenarios say and ask

    def fault(self, image: str, *, error_percent: float = 0.0, delay_seconds: float = 0.0, status: int = 500) -> None:
        """Makes every pod of an image fail and delay at given rates.

        From now on; replaces the rates before.
        """
        self._faults[image] = Fault(error_percent=error_percent, delay_seconds=delay_seconds, status=status)

    def heal(self, image: str | None = None) -> None:
        """Takes the faults of an image away; of all when None."""
        if image is None:
            self._faults = {}
        else:
            self._faults.pop(image, None)

    def received(
        self, *, variant: str | None = None, image: str | None = None, namespace: str | None = None, mirrored: bool = False
    ) -> int:
        """Requests answered so far by matching pods, past ones included.

        Only copies when `mirrored`.
        """
        wanted = {"variant": variant, "image": image, "namespace": namespace}
        return sum(
            tally.mirrored if mirrored else tally.total
            for tally in [*self._tallies.values(), *self._gone]
            if all(value is None or getattr(tally.pod, name) == value for name, value in wanted.items())
        )

    # The thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        servers = []
        try:
            for port in self._ports:
                starting = self._loop.create_server(lambda: Conversation(self), self._host, port, backlog=1024)
                servers.append(self._loop.run_until_complete(starting))
        except OSError as error:
            self._trouble = error
        self._listening.set()
        if self._trouble is None:
            self._loop.run_forever()
        for server in servers:
            server.close()
        for conversation in [connection for some in self._connections.values() for connection in some]:
            conversation.refuse()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def appeared(self, pod: Pod) -> None:
        """A pod answers from now on, or has another label; thread-safe."""
        self._loop.call_soon_threadsafe(self._open, pod)

    def vanished(self, pod: Pod) -> None:
        """A pod's process is terminated; in any thread."""
        self._loop.call_soon_threadsafe(self._end, pod)

    def _open(self, pod: Pod) -> None:
        self._pods[pod.address] = pod
        tally = self._tallies.get(pod.address)
        if tally is None or tally.pod != pod:
            self._gone += [tally] if tally is not None else []
            self._tallies[pod.address] = Tally(pod=pod)

    def _end(self, pod: Pod) -> None:
        obj = self._pods.get(pod.address)
        if obj is None or obj.name != pod.name:
            return  # another pod has the address by now
        del self._pods[pod.address]
        self._gone.append(self._tallies.pop(pod.address))
        for conversation in list(self._connections.get(pod.address, ())):
            conversation.finish()

    # As its connections use it

    def enter(self, conversation: Conversation) -> bool:
        """Accepts a connection; False when no pod has its address."""
        if conversation.address not in self._pods and conversation.address != _EVERYBODY:
            return False
        self._connections.setdefault(conversation.address, set()).add(conversation)
        return True

    def leave(self, conversation: Conversation) -> None:
        """Forgets a connection."""
        self._connections.get(conversation.address, set()).discard(conversation)

    def answer(self, address: str, path: bytes, *, mirrored: bool) -> tuple[float, bytes]:
        """After how many seconds which bytes are sent."""
        if path == b"/metrics":
            own = self._tallies.get(address)
            shown = [own] if own is not None else list(self._tallies.values())
            return 0.0, _response(200, exposition(shown), "content-type: text/plain; version=0.0.4\r\n")
        pod = self._pods.get(address)
        if pod is None:
            return 0.0, _response(404, "no pod has this address\n", "")
        fault = self._faults.get(pod.image)
        delay = fault.delay_seconds if fault else 0.0
        injected = fault is not None and fault.strikes()
        code = fault.status if fault and injected else 200
        self._tallies[address].add(code, delay, mirrored=mirrored)
        headers = f"x-pod: {pod.name}\r\nx-image: {pod.image}\r\nx-variant: {pod.variant}\r\n"
        return delay, _response(code, f"{pod.name}\n", f"{headers}injected: true\r\n" if injected else headers)

    def later(self, seconds: float, call: Callable[[], Any]) -> None:
        """Calls back after so many seconds."""
        self._loop.call_later(seconds, call)


def _response(code: int, body: str, headers: str) -> bytes:
    words = _WORDS.get(code, "Error")
    return f"HTTP/1.1 {code} {words}\r\n{headers}content-length: {len(body.encode())}\r\n\r\n{body}".encode()

"""How much one session and one address may ask.

Memory is bounded: a fixed number of keys is remembered, and the oldest gives way.
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict, deque

from gitops_agent.server.http.problems import RequestProblem

_KEYS = 4096


class Rate:
    """So many events in a window, by key; used by one thread.

    Args:
        most: events.
        seconds: the window.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._events: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, key: str, what: str) -> None:
        """Refuses what would be too many, without counting it.

        Raises:
            RequestProblem: 429, with the seconds to wait.
        """
        events = self._events.get(key)
        now = time.monotonic()
        while events and events[0] <= now - self._seconds:
            events.popleft()
        if events is not None and len(events) >= self._most:
            wait = max(1, int(events[0] + self._seconds - now) + 1)
            raise RequestProblem(429, f"too many {what}: wait {wait} s", reason="Throttled", retry_after=wait)

    def count(self, key: str) -> None:
        """Counts an event."""
        events = self._events.get(key)
        if events is None:
            events = self._events[key] = deque(maxlen=self._most)
        self._events.move_to_end(key)
        events.append(time.monotonic())
        while len(self._events) > _KEYS:
            self._events.popitem(last=False)


def network(address: str) -> str:
    """What counts as one address: a /64 of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{address}/64", strict=False)) if parsed.version == 6 else address  # noqa: PLR2004 - IPv6

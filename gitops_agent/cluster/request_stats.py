"""Counts requests to the API server, by verb and resource."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import NamedTuple

from gitops_agent.observe.recent_count import RecentCount

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


class Call(NamedTuple):
    """A request's API verb, resource (`plural.group`) and scope.

    The scope says whether it names one object.
    """

    verb: str
    resource: str
    named: bool


class RequestStats:
    """A thread-safe counter of calls.

    Attributes:
        recent: those of the last hour.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.recent = RecentCount()
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, call: Call) -> None:
        """Counts one request."""
        key = (call.verb, call.resource)
        self.recent.add()
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + 1

    def counts(self) -> dict[tuple[str, str], int]:
        """A copy of the numbers, by (verb, resource)."""
        with self._lock:
            return dict(self._counts)


def describe(method: str, path: str, query: Mapping[str, str] | None = None) -> Call:
    """Derives the call from a method and a path.

    Paths outside the resource API count as their first segment.
    """
    parts = path.strip("/").split("/")
    group = ""
    if parts[0] == "api" and len(parts) > 2:  # noqa: PLR2004 - /api/v1/…
        rest = parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:  # noqa: PLR2004 - /apis/group/version/…
        group, rest = parts[1], parts[3:]
    else:
        return Call(method.lower(), parts[0] or "/", named=True)
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in {"status", "finalize"}:  # noqa: PLR2004 - namespaces/x/plural
        rest = rest[2:]
    named = len(rest) > 1
    resource = f"{rest[0]}.{group}" if group else rest[0]
    if method == "GET":
        verb = "watch" if query and "watch" in query else "get" if named else "list"
    elif method == "DELETE":
        verb = "delete" if named else "deletecollection"
    else:
        verb = _VERBS.get(method, method.lower())
    return Call(verb, resource, named)

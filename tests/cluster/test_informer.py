from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.informer import Informer
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import GroupKind, Object
from tests.cluster.wire import Asked, Line, Script
from tests.waiting import eventually

pytestmark = pytest.mark.slow

Start = Callable[[Script], Any]
WIDGET = GroupKind("example.com", "Widget")
FOUND = {"resource": "widgets", "responseKind": {"kind": "Widget"}, "scope": "Namespaced", "verbs": ["list", "watch"]}


class Store:
    """Records its calls, in order."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Any]] = []

    def replace(self, objects: list[Object], resource_version: str) -> None:
        self.said.append((resource_version, [obj["metadata"]["name"] for obj in objects]))

    def put(self, obj: Object) -> None:
        self.said.append(("put", obj["metadata"]["name"]))

    def remove(self, obj: Object) -> None:
        self.said.append(("remove", obj["metadata"]["name"]))


def event(kind: str, name: str, version: str) -> dict[str, Any]:
    return {"type": kind, "object": {"metadata": {"name": name, "resourceVersion": version}}}


class Server:
    """Serves widgets: a list and three events, or refuses.

    Refuses the list once `refuses` is set, and everything while `silent` is.
    """

    def __init__(self) -> None:
        self.served = self.refuses = self.silent = False

    def __call__(self, asked: Asked, line: Line) -> None:
        if self.silent:
            line.refuse(503, "ServiceUnavailable")
        elif asked.path in {"/api", "/apis"}:
            group = {"metadata": {"name": "example.com"}, "versions": [{"version": "v1", "resources": [FOUND]}]}
            items = [group] if asked.path == "/apis" and self.served else []
            line.json({"kind": "APIGroupDiscoveryList", "items": items})
        elif self.refuses:
            line.refuse(403, "Forbidden")
        elif "watch" in asked.query:
            line.begin()
            line.chunk(event("ADDED", "b", "11"))
            line.chunk(event("MODIFIED", "a", "12"))
            line.chunk(event("DELETED", "b", "13"))
            line.hang()
        else:
            line.json({"kind": "WidgetList", "metadata": {"resourceVersion": "10"}, "items": [{"metadata": {"name": "a"}}]})


def client(wire: Start, server: Server, folder: Path) -> Objects:
    transport = wire(server).transport(folder)
    return Objects(transport, Discovery(transport))


def test_a_list_comes_with_its_version_and_events_as_puts_and_removals(wire: Start, tmp_path: Path) -> None:
    server, store = Server(), Store()
    server.served = True
    informer = Informer(client(wire, server, tmp_path), WIDGET, store)
    informer.start()
    try:
        assert informer.synced(10)
        eventually(lambda: len(store.said) == 4)
    finally:
        informer.stop()

    assert store.said == [("10", ["a"]), ("put", "b"), ("put", "a"), ("remove", "b")]


def test_a_kind_that_is_not_served_at_the_start_has_no_objects_and_is_not_waited_for(wire: Start, tmp_path: Path) -> None:
    store = Store()
    informer = Informer(client(wire, Server(), tmp_path), WIDGET, store)
    informer.start()
    try:
        assert informer.synced()
        assert store.said == [("", [])]
        assert informer.watch is None
    finally:
        informer.stop()


def test_a_kind_that_is_served_later_is_watched_from_then_on(wire: Start, tmp_path: Path) -> None:
    server, store = Server(), Store()
    informer = Informer(client(wire, server, tmp_path), WIDGET, store)
    informer.start()
    server.served = True
    try:
        eventually(lambda: len(store.said) == 5)
    finally:
        informer.stop()

    assert store.said == [("", []), ("10", ["a"]), ("put", "b"), ("put", "a"), ("remove", "b")]


def test_an_api_server_that_does_not_answer_at_the_start_is_asked_again(wire: Start, tmp_path: Path) -> None:
    server, store = Server(), Store()
    server.served = server.silent = True
    errors: list[AgentError] = []
    informer = Informer(client(wire, server, tmp_path), WIDGET, store, on_error=errors.append)
    informer.start()
    try:
        assert (len(errors), store.said) == (1, [])
        server.silent = False
        eventually(lambda: store.said)
    finally:
        informer.stop()

    assert store.said[0] == ("10", ["a"])


def test_a_kind_that_cannot_be_seen_is_reported_and_not_empty(wire: Start, tmp_path: Path) -> None:
    server, store = Server(), Store()
    server.served = server.refuses = True
    errors: list[AgentError] = []
    informer = Informer(client(wire, server, tmp_path), WIDGET, store, on_error=errors.append)
    informer.start()
    try:
        eventually(lambda: errors)
    finally:
        informer.stop()

    assert store.said == []


def test_an_informer_that_was_stopped_starts_nothing(wire: Start, tmp_path: Path) -> None:
    server, store = Server(), Store()
    server.served = True
    informer = Informer(client(wire, server, tmp_path), WIDGET, store)
    informer.stop()
    informer.start()

    assert informer.watch is None
    assert store.said == []

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.watch import Timing
from gitops_agent.cluster.watches import WatchSet
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import GroupKind, Object
from tests.cluster.wire import Asked, Line, Script, Wire
from tests.waiting import eventually

Start = Callable[[Script], Wire]

CONFIGMAP = Resource(group="", version="v1", kind="ConfigMap", plural="configmaps", namespaced=True)
DEPLOYMENT = Resource(group="apps", version="v1", kind="Deployment", plural="deployments", namespaced=True)


class Told:
    """What a set of watches said."""

    def __init__(self) -> None:
        self.syncs: list[tuple[GroupKind, list[Any]]] = []
        self.events: list[tuple[GroupKind, str]] = []
        self.errors: list[tuple[GroupKind, AgentError]] = []

    def on_sync(self, resource: Resource, everything: list[Any]) -> None:
        self.syncs.append((resource.group_kind, everything))

    def on_event(self, resource: Resource, kind: str, _: Object) -> None:
        self.events.append((resource.group_kind, kind))

    def on_error(self, resource: Resource, error: AgentError) -> None:
        self.errors.append((resource.group_kind, error))


def script(asked: Asked, line: Line) -> None:
    """ConfigMaps are served, with one event; everything else is refused."""
    if "configmaps" not in asked.path:
        line.refuse(403, "Forbidden")
    elif "watch" in asked.query:
        line.begin()
        line.chunk({"type": "ADDED", "object": {"metadata": {"name": "b", "resourceVersion": "2"}}})
        line.hang()
    else:
        line.json({"kind": "ConfigMapList", "metadata": {"resourceVersion": "1"}, "items": [{"metadata": {"name": "a"}}]})


@pytest.fixture
def told() -> Told:
    return Told()


def make(server: Wire, folder: Path, told: Told, **options: Any) -> WatchSet:
    transport = server.transport(folder)
    return WatchSet(
        transport, Discovery(transport), on_sync=told.on_sync, on_event=told.on_event, on_error=told.on_error, **options
    )


def test_every_receiver_is_told_which_kind_it_is_about(wire: Start, tmp_path: Path, told: Told) -> None:
    watches = make(wire(script), tmp_path, told, distil=lambda obj: obj["metadata"]["name"])
    watches.ensure(CONFIGMAP)
    watches.ensure(DEPLOYMENT)
    try:
        eventually(lambda: told.events and told.errors)
    finally:
        watches.stop_all()

    assert told.syncs == [(CONFIGMAP.group_kind, ["a"])]
    assert told.events == [(CONFIGMAP.group_kind, "ADDED")]
    assert told.errors[0][0] == DEPLOYMENT.group_kind


def test_a_kind_is_watched_once(wire: Start, tmp_path: Path, told: Told) -> None:
    server = wire(script)
    watches = make(server, tmp_path, told)
    try:
        first = watches.ensure(CONFIGMAP)
        eventually(lambda: watches.synced(CONFIGMAP.group_kind))

        assert watches.ensure(CONFIGMAP) is first
        assert watches.kinds() == {CONFIGMAP.group_kind}
    finally:
        watches.stop_all()

    assert len([asked for asked in server.asked if "watch" not in asked.query]) == 1


def test_synced_is_said_per_kind(wire: Start, tmp_path: Path, told: Told) -> None:
    watches = make(wire(script), tmp_path, told)
    watches.ensure(CONFIGMAP)
    watches.ensure(DEPLOYMENT)
    try:
        eventually(lambda: watches.synced(CONFIGMAP.group_kind) and told.errors)

        assert not watches.synced(DEPLOYMENT.group_kind)
        assert not watches.synced(GroupKind("", "Secret"))
    finally:
        watches.stop_all()


def test_a_label_selector_holds_for_every_watch_unless_one_names_its_own(wire: Start, tmp_path: Path, told: Told) -> None:
    server = wire(script)
    watches = make(server, tmp_path, told, label_selector="ours")
    watches.ensure(CONFIGMAP)
    watches.ensure(DEPLOYMENT, label_selector="")
    try:
        eventually(lambda: told.syncs and told.errors)
    finally:
        watches.stop_all()
    selectors = {asked.path.rpartition("/")[2]: asked.query.get("labelSelector") for asked in server.asked}

    assert selectors == {"configmaps": "ours", "deployments": None}


def test_asking_for_a_kind_that_cannot_be_seen_tries_again_at_once(wire: Start, tmp_path: Path, told: Told) -> None:
    server = wire(script)
    watches = make(server, tmp_path, told, timing=Timing(first_wait_seconds=60, longest_wait_seconds=60))
    watches.ensure(DEPLOYMENT)
    try:
        eventually(lambda: told.errors)
        asked = len(server.asked)
        watches.ensure(DEPLOYMENT)
        eventually(lambda: len(server.asked) > asked)
        asked = len(server.asked)
        watches.nudge("apps")
        eventually(lambda: len(server.asked) > asked)
    finally:
        watches.stop_all()


def test_a_dropped_kind_is_no_longer_watched(wire: Start, tmp_path: Path, told: Told) -> None:
    watches = make(wire(script), tmp_path, told)
    watches.ensure(CONFIGMAP)
    eventually(lambda: watches.synced(CONFIGMAP.group_kind))
    watches.drop(CONFIGMAP.group_kind)

    assert watches.kinds() == frozenset()
    assert "watch-configmaps" not in {thread.name for thread in threading.enumerate()}
    watches.drop(CONFIGMAP.group_kind)


def test_stopping_ends_every_thread_and_nothing_starts_afterwards(wire: Start, tmp_path: Path, told: Told) -> None:
    server = wire(script)
    watches = make(server, tmp_path, told)
    watches.ensure(CONFIGMAP)
    watches.ensure(DEPLOYMENT)
    eventually(lambda: told.syncs and told.errors)
    watches.stop_all()
    asked = len(server.asked)
    watches.ensure(CONFIGMAP)

    assert not any(thread.name.startswith("watch-") for thread in threading.enumerate())
    assert len(server.asked) == asked

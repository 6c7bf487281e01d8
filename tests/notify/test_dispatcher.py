from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object
from gitops_agent.notify.dispatcher import NotificationDispatcher
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.cluster.wire import Asked, Line, Wire
from tests.notify.builders import event
from tests.notify.conftest import Desk
from tests.notify.receiver import Receiver
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]


def happened(desk: Desk, type_: EventType = EventType.DEGRADED, **fields: Any) -> Any:
    known: dict[str, Any] = {"namespace": desk.namespace, "at": datetime.now(UTC)}
    return event(type_, **known | fields)


@pytest.mark.cluster
def test_only_who_wants_an_event_holds_it(desk: Desk) -> None:
    everybody = desk.make("all")
    team = desk.make("team", applications={"matchLabels": {"team": "bank"}})
    commits = desk.make("commits", provider="github", address=None, secretRef={"name": "x"})
    room = desk.notifications(everybody, team, commits, start=False)
    room.save([happened(desk, EventType.SOURCE_UNAVAILABLE, revision=None)], {"team": "shop"})

    assert len(desk.status("all")["pending"]) == 1
    assert desk.status("team") == {}
    assert desk.status("commits") == {}


@pytest.mark.cluster
def test_what_a_stopped_agent_left_is_sent_by_the_next(desk: Desk, waiting_for: Callable[[int], list[Object]]) -> None:
    first = desk.notifications(desk.make())
    first.save([happened(desk)], {})
    first.stop(0.1)
    kept = waiting_for(1)

    with Receiver() as receiver:
        desk.notifications(desk.make(address=receiver.url))

        assert eventually(lambda: receiver.told)[0].headers["x-gitops-agent-id"] == kept[0]["id"]
        waiting_for(0)


KILLED = """
    import os, signal, sys
    from datetime import UTC, datetime
    from gitops_agent.api.notifier import parse
    from gitops_agent.cluster.discovery import Discovery
    from gitops_agent.cluster.objects import Objects
    from gitops_agent.cluster.transport import Transport
    from gitops_agent.events.event import EventType
    from gitops_agent.manifest.key import ObjectKey
    from gitops_agent.notify.dispatcher import NotificationDispatcher
    from tests.notify.builders import SecretData, event

    kubeconfig, namespace, moment = sys.argv[1:]
    transport = Transport.from_kubeconfig(kubeconfig)
    objects = Objects(transport, Discovery(transport))
    room = NotificationDispatcher(objects, SecretData())
    room.set_notifier(parse(objects.get(ObjectKey("gitops-agent.dev", "Notifier", namespace, "hook"))))
    if moment == "under way":
        room.start()
    room.save([event(EventType.DEGRADED, namespace=namespace, at=datetime.now(UTC))], {})
    print("saved", flush=True)
    if moment == "at once":
        os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()
"""


@pytest.mark.cluster
@pytest.mark.faults
@pytest.mark.parametrize("moment", ["at once", "under way"])
def test_a_killed_agent_loses_no_message(desk: Desk, control_plane: ControlPlane, moment: str) -> None:
    with Receiver(lambda _, handler: handler.hang()) as hanging:
        desk.make(address=hanging.url)
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(KILLED), control_plane.kubeconfig, desk.namespace, moment],
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"saved\n"
            if moment == "under way":
                eventually(lambda: hanging.told)
                os.kill(process.pid, signal.SIGKILL)
            assert process.wait(60) == -signal.SIGKILL
        before = [request.headers["x-gitops-agent-id"] for request in hanging.told]

    with Receiver() as receiver:
        room = desk.notifications(desk.make(address=receiver.url))
        room.save([happened(desk)], {})  # the reconciler comes to the same edge again
        delivery = eventually(lambda: receiver.told)[0]
        eventually(lambda: desk.status().get("pending") == [])

        assert len(receiver.told) == 1
        assert delivery.json["count"] == 1
        assert before in ([], [delivery.headers["x-gitops-agent-id"]])


@pytest.mark.cluster
def test_our_own_status_coming_back_by_the_watch_changes_nothing(desk: Desk) -> None:
    with Receiver() as receiver:
        room = desk.notifications(desk.make(address=receiver.url), start=False)
        room.save([happened(desk)], {})
        stale = desk.read()
        room.start()
        eventually(lambda: receiver.told)
        room.set_notifier(stale)
        room.save([happened(desk, EventType.SYNCED)], {})
        eventually(lambda: desk.status().get("delivered") == 2)

        assert [request.json["event"] for request in receiver.told] == ["Degraded", "Synced"]


@pytest.mark.cluster
def test_a_removed_notifier_gets_nothing_more(desk: Desk) -> None:
    notifier = desk.make()
    room = desk.notifications(notifier)
    room.remove_notifier(notifier.key)
    room.save([happened(desk)], {})

    assert desk.status() == {}


@pytest.mark.cluster
def test_a_namesake_starts_from_nothing(desk: Desk) -> None:
    old = desk.make()
    room = desk.notifications(old, start=False)
    room.save([happened(desk)], {})
    desk.delete(old)
    room.set_notifier(desk.make())
    room.save([happened(desk, EventType.SYNCED)], {})

    assert [entry["event"] for entry in desk.status()["pending"]] == ["Synced"]


@pytest.mark.cluster
def test_nothing_is_saved_once_the_agent_stops(desk: Desk) -> None:
    room = desk.notifications(desk.make())
    room.stop(0.1)

    with pytest.raises(AgentError) as caught:
        room.save([happened(desk)], {})
    assert caught.value.transient


# An API server in trouble.


class Store:
    """Answers for Notifiers like an API server, until set to fail."""

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.saved: dict[str, list[int]] = {}

    def __call__(self, asked: Asked, line: Line) -> None:
        if asked.path in {"/api", "/apis"}:
            resource = {
                "resource": "notifiers",
                "responseKind": {"group": "gitops-agent.dev", "version": "v1alpha1", "kind": "Notifier"},
                "scope": "Namespaced",
                "singularResource": "notifier",
                "verbs": ["get", "list", "patch"],
            }
            version = {"version": "v1alpha1", "resources": [resource], "freshness": "Current"}
            groups = [{"metadata": {"name": "gitops-agent.dev"}, "versions": [version]}] if asked.path == "/apis" else []
            body = orjson.dumps({"kind": "APIGroupDiscoveryList", "items": groups}).decode()
            line.text(body, content_type="application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
            return
        name = asked.path.split("/")[-2]
        if name in self.failing:
            line.refuse(503, "ServiceUnavailable")
            return
        pending = orjson.loads(asked.body)["status"]["pending"]
        self.saved[name] = [entry["count"] for entry in pending]
        line.json({"kind": "Notifier", "metadata": {"name": name, "resourceVersion": "2"}})


def test_a_save_that_failed_for_one_is_repeated_for_all_and_counts_once(tmp_path: Path) -> None:
    from tests.notify.builders import SecretData, notifier

    store = Store()
    store.failing = {"b"}
    with Wire(store) as wire:
        transport = wire.transport(tmp_path)
        room = NotificationDispatcher(Objects(transport, Discovery(transport)), SecretData())
        for name in ("a", "b", "c"):
            room.set_notifier(notifier(name=name))
        with pytest.raises(AgentError) as caught:
            room.save([event()], {})
        assert caught.value.transient
        store.failing = set()
        room.save([event()], {})
        transport.close()

    assert store.saved == {"a": [1], "b": [1], "c": [1]}


def test_an_agent_that_may_not_write_keeps_messages_in_memory(tmp_path: Path) -> None:
    from tests.notify.builders import SecretData, notifier

    def forbid(asked: Asked, line: Line) -> None:
        if asked.path in {"/api", "/apis"}:
            Store()(asked, line)
        else:
            line.refuse(403, "Forbidden")

    with Wire(forbid) as wire, Receiver() as receiver:
        transport = wire.transport(tmp_path)
        room = NotificationDispatcher(Objects(transport, Discovery(transport)), SecretData())
        room.set_notifier(notifier(address=receiver.url))
        room.start()
        room.save([event(at=datetime.now(UTC))], {})
        eventually(lambda: receiver.told)
        room.stop(0.5)
        transport.close()

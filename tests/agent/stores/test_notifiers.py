from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from gitops_agent.agent.stores.notifiers import NotifierStore
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.informer import Informer
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.cluster.watch import WatchOptions
from gitops_agent.events.event import Event, EventType
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import NOTIFIER
from gitops_agent.notify.dispatcher import NotificationDispatcher
from tests.agent.samples import key
from tests.notify.builders import SecretData
from tests.waiting import LIMIT_SECONDS, eventually

INVALID: Object = {"applications": {"matchLabels": {"no label": "x"}}}
"""What the API server takes, because a schema has no patterns of keys."""


def informer(objects: Objects, notifications: NotificationDispatcher, namespace: str) -> Informer:
    """The Notifiers of a namespace, watched."""
    return Informer(objects, NOTIFIER, NotifierStore(objects, notifications), options=WatchOptions(namespace=namespace))


class Stand:
    """The Notifiers of one namespace, and a user who writes them."""

    def __init__(self, objects: Objects, namespace: str) -> None:
        self.objects, self.namespace = objects, namespace
        self.notifications = NotificationDispatcher(objects, SecretData())
        self.notifiers = informer(objects, self.notifications, namespace)

    def apply(self, name: str = "chat", **spec: Any) -> Object:
        spec = {"provider": "webhook", "address": "http://127.0.0.1:1/hook", **spec}
        body = {"apiVersion": "gitops-agent.dev/v1alpha1", "kind": "Notifier", "spec": spec}
        return self.objects.apply({**body, "metadata": {"name": name, "namespace": self.namespace}}, field_manager="kubectl")

    def get(self, name: str = "chat") -> Object:
        return self.objects.get(ObjectKey("gitops-agent.dev", "Notifier", self.namespace, name))

    def listeners(self) -> set[str]:
        """The Notifiers that would get an edge now."""
        return {notifier.name for notifier in self.notifications._couriers}

    def pending(self, name: str = "chat") -> list[str]:
        """Pending notifications, by the kind of edge."""
        return [entry["event"] for entry in (self.get(name).get("status") or {}).get("pending") or ()]


@pytest.fixture
def stand(installed: None, objects: Objects, namespace: str) -> Iterator[Stand]:
    stand = Stand(objects, namespace)
    yield stand
    stand.notifiers.stop()
    stand.notifications.stop()


@pytest.mark.cluster
def test_edges_reach_the_notifiers_that_were_there_at_the_start(stand: Stand) -> None:
    stand.apply()
    stand.notifiers.start()
    assert stand.notifiers.synced(LIMIT_SECONDS)

    event = Event(type=EventType.DEGRADED, application=key("shop", stand.namespace), at=datetime.now(UTC))
    stand.notifications.save([event], {})

    assert stand.pending() == ["Degraded"]


@pytest.mark.cluster
def test_one_that_comes_and_goes_is_followed(stand: Stand) -> None:
    stand.notifiers.start()
    notifier = stand.apply()
    eventually(lambda: stand.listeners() == {"chat"})

    # In the background: the garbage collector learns of new kinds twice a minute only.
    stand.objects.delete(ObjectKey.of(notifier), uid=notifier["metadata"]["uid"], propagation="Background")

    eventually(lambda: stand.listeners() == set())


@pytest.mark.cluster
def test_an_invalid_notifier_is_reported_and_disturbs_no_other(stand: Stand) -> None:
    stand.apply("good")
    stand.apply("bad", **INVALID)
    stand.notifiers.start()
    eventually(lambda: stand.listeners() == {"good"})

    def conditions() -> dict[str, tuple[str, str]]:
        conditions = (stand.get("bad").get("status") or {}).get("conditions") or ()
        return {condition["type"]: (condition["status"], condition["reason"]) for condition in conditions}

    eventually(conditions)
    assert conditions() == {"Ready": ("False", "InvalidSpec"), "Stalled": ("True", "InvalidSpec")}


@pytest.mark.cluster
def test_what_is_wrong_is_written_once(stand: Stand) -> None:
    stand.apply("bad", **INVALID)
    stand.notifiers.start()
    eventually(lambda: (stand.get("bad").get("status") or {}).get("conditions"))
    before = stand.get("bad")["metadata"]["resourceVersion"]

    stand.apply("marker")
    eventually(lambda: stand.listeners() == {"marker"})

    assert stand.get("bad")["metadata"]["resourceVersion"] == before


@pytest.mark.cluster
def test_one_that_was_spoiled_is_no_listener_until_it_is_corrected(stand: Stand) -> None:
    stand.apply()
    stand.notifiers.start()
    eventually(lambda: stand.listeners() == {"chat"})

    stand.apply(**INVALID)
    eventually(lambda: stand.listeners() == set())
    stand.apply()
    eventually(lambda: stand.listeners() == {"chat"})


@pytest.mark.cluster
def test_notifiers_of_other_namespaces_are_ignored(stand: Stand, home: str) -> None:
    body = {"apiVersion": "gitops-agent.dev/v1alpha1", "kind": "Notifier", "metadata": {"name": "other", "namespace": home}}
    stand.objects.apply({**body, "spec": {"provider": "webhook", "address": "http://127.0.0.1:1/hook"}})
    stand.apply()
    stand.notifiers.start()
    assert stand.notifiers.synced(LIMIT_SECONDS)

    assert stand.listeners() == {"chat"}


def test_without_the_kind_no_notifier_is_waited_for(nowhere: Transport) -> None:
    objects = Objects(nowhere, Discovery(nowhere))
    notifiers = informer(objects, NotificationDispatcher(objects, SecretData()), "gitops-system")
    notifiers.start()

    assert notifiers.synced(0.1)
    notifiers.stop()

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from gitops_agent.agent.events import EventBroadcaster
from gitops_agent.api.notifier import parse
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.recorder import Recorder
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import AgentError
from gitops_agent.events.event import Event, EventType, Severity
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.notify.dispatcher import NotificationDispatcher
from tests.agent.samples import application_object, key
from tests.notify.builders import SecretData, revision
from tests.waiting import eventually

pytestmark = pytest.mark.cluster


class Desk:
    """A broadcaster, a Notifier for all events, and their readers."""

    def __init__(self, objects: Objects, dispatching: Objects, namespace: str) -> None:
        self.objects, self.namespace = objects, namespace
        self.application = application_object("shop", namespace=namespace)
        body: Object = {
            "apiVersion": "gitops-agent.dev/v1alpha1",
            "kind": "Notifier",
            "metadata": {"name": "chat", "namespace": namespace},
            "spec": {"provider": "webhook", "address": "http://127.0.0.1:1/hook"},
        }
        dispatcher = NotificationDispatcher(dispatching, SecretData())
        dispatcher.set_notifier(parse(objects.create(body)))
        self.broadcaster = EventBroadcaster(dispatcher, Recorder(objects))

    def event(self, kind: EventType, severity: Severity = Severity.INFO) -> Event:
        now = datetime.now(UTC)
        return Event(type=kind, application=key("shop", self.namespace), at=now, severity=severity, revision=revision())

    def pending(self) -> list[str]:
        """What waits for the Notifier."""
        notifier = self.objects.get(ObjectKey("gitops-agent.dev", "Notifier", self.namespace, "chat"))
        return [entry["event"] for entry in (notifier.get("status") or {}).get("pending") or ()]

    def recorded(self) -> list[tuple[str, str]]:
        """The Kubernetes Events: type and reason."""
        resource = self.objects.discovery.find("events.k8s.io", "Event")
        return sorted((event["type"], event["reason"]) for event in self.objects.list(resource, namespace=self.namespace).items)


@pytest.fixture
def desk(installed: None, objects: Objects, namespace: str) -> Iterator[Desk]:
    desk = Desk(objects, objects, namespace)
    yield desk
    desk.broadcaster.stop()


def test_events_are_in_the_outbox_when_emit_returns_and_recorded_after(desk: Desk) -> None:
    desk.broadcaster._recorder.start()

    desk.broadcaster.emit(desk.application, [desk.event(EventType.DEGRADED, Severity.ERROR)])

    assert desk.pending() == ["Degraded"]
    eventually(lambda: desk.recorded() == [("Warning", "Degraded")])


def test_a_revision_that_is_synced_at_once_is_recorded_once(desk: Desk) -> None:
    desk.broadcaster._recorder.start()

    desk.broadcaster.emit(desk.application, [desk.event(EventType.REVISION_SEEN), desk.event(EventType.SYNCED)])

    eventually(lambda: desk.recorded() == [("Normal", "Synced")])


def test_the_end_writes_what_is_queued(desk: Desk) -> None:
    desk.broadcaster.start()
    desk.broadcaster.emit(desk.application, [desk.event(EventType.SYNCED)])

    desk.broadcaster.stop()

    assert desk.recorded() == [("Normal", "Synced")]


def test_what_could_not_be_saved_is_not_recorded(installed: None, objects: Objects, nowhere: Transport, namespace: str) -> None:
    desk = Desk(objects, Objects(nowhere, Discovery(nowhere), timeout=1), namespace)
    desk.broadcaster.start()

    with pytest.raises(AgentError):
        desk.broadcaster.emit(desk.application, [desk.event(EventType.DEGRADED)])
    desk.broadcaster.stop()

    assert desk.recorded() == []

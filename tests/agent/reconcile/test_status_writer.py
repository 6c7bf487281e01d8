from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from gitops_agent.agent.events import EventBroadcaster
from gitops_agent.agent.reconcile.outcome import ReconcileOutcome, SyncStatus
from gitops_agent.agent.reconcile.status_builder import status
from gitops_agent.agent.reconcile.status_writer import StatusMemo, StatusWriter, quiet
from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.api.notifier import parse as parse_notifier
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.recorder import Recorder
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.notify.dispatcher import NotificationDispatcher
from gitops_agent.observe import metrics
from gitops_agent.revision.revision import Revision
from gitops_agent.sync.health.status import Health, Status
from gitops_agent.sync.planning.policy import Approval
from tests.agent.samples import application_object
from tests.clock import Clock
from tests.notify.builders import SecretData
from tests.waiting import eventually

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def view(commit: str = "a", *, health: Status = Status.HEALTHY, **more: Any) -> ReconcileOutcome:
    facts: dict[str, Any] = {
        "revision": Revision(repository="https://git.example.com/r.git", ref="main", commit=commit * 40, subject=commit),
        "applied": commit * 40,
        "plan": "p1",
        "sync": SyncStatus.SYNCED,
        "health": Health(health),
        "total": 3,
        "synced": 3,
    }
    return ReconcileOutcome(**(facts | more))


class Desk:
    """Writes statuses of one Application, on a clock of the test."""

    def __init__(self, objects: Objects, notifications: NotificationDispatcher, namespace: str) -> None:
        self.objects, self.time, self.memo = objects, Clock(), StatusMemo()
        obj = application_object("shop", namespace=namespace)
        for field in ("uid", "resourceVersion", "generation"):
            del obj["metadata"][field]
        self.raw = objects.create(obj)
        self.recorder = Recorder(objects)
        self.recorder.start()
        self.sink = EventBroadcaster(notifications, self.recorder)
        self.writer = StatusWriter(
            objects,
            self.sink,
            ApplicationStore(lambda *_: None),
            now=lambda: NOON + timedelta(seconds=self.time.now),
            clock=self.time,
        )

    def publish(self, seen: ReconcileOutcome) -> float | None:
        return self.writer.publish(self.raw, self.memo, seen, generation=1)

    def get(self) -> Object:
        return self.objects.get(ObjectKey.of(self.raw))

    def version(self) -> str:
        return cast("str", self.get()["metadata"]["resourceVersion"])

    def events(self) -> list[tuple[str, str]]:
        """The Kubernetes Events about the Application: type and reason."""
        namespace = self.raw["metadata"]["namespace"]
        resource = self.objects.discovery.find("events.k8s.io", "Event")
        events = self.objects.list(resource, namespace=namespace).items
        return sorted((event["type"], event["reason"]) for event in events)


@pytest.fixture
def notifications(objects: Objects) -> Iterator[NotificationDispatcher]:
    notifications = NotificationDispatcher(objects, SecretData())
    yield notifications
    notifications.stop()


@pytest.fixture
def desk(installed: None, objects: Objects, notifications: NotificationDispatcher, namespace: str) -> Iterator[Desk]:
    desk = Desk(objects, notifications, namespace)
    yield desk
    desk.recorder.close()


@pytest.mark.cluster
def test_a_view_becomes_a_status_and_its_edges_become_events(desk: Desk) -> None:
    desk.publish(view())

    assert desk.get()["status"]["sync"] == {
        "status": "Synced",
        "revision": "a" * 40,
        "shortRevision": "a" * 12,
        "plan": "p1",
    }
    eventually(lambda: desk.events() == [("Normal", "Synced")])


@pytest.mark.cluster
def test_a_revision_that_is_not_synced_with_the_same_breath_is_an_event_of_its_own(desk: Desk) -> None:
    desk.publish(view(sync=SyncStatus.OUT_OF_SYNC, applied="", waiting="a CRD"))

    eventually(lambda: desk.events() == [("Normal", "RevisionSeen")])


@pytest.mark.cluster
def test_the_same_again_is_not_written(desk: Desk) -> None:
    desk.publish(view())
    before = desk.version()
    desk.time.now += 3600

    assert desk.publish(view()) is None
    assert desk.version() == before


@pytest.mark.cluster
def test_what_stands_in_the_cluster_at_the_start_is_not_written_again(desk: Desk) -> None:
    desk.publish(view())
    before = desk.version()
    desk.raw, desk.memo = desk.get(), StatusMemo()

    desk.publish(view())

    assert desk.version() == before


@pytest.mark.cluster
def test_a_status_that_another_process_wrote_over_ours_is_written_again(desk: Desk) -> None:
    desk.publish(view())
    ours = desk.get()["status"]
    desk.objects.merge_patch(ObjectKey.of(desk.raw), {"status": {"sync": {"revision": "b" * 40}}}, subresource="status")
    desk.raw = desk.get()

    desk.publish(view())

    assert desk.get()["status"] == ours


@pytest.mark.cluster
def test_a_status_that_a_restoration_of_etcd_brought_back_is_written_again(desk: Desk) -> None:
    desk.publish(view())
    ours = desk.get()["status"]
    desk.objects.merge_patch(ObjectKey.of(desk.raw), {"status": {"sync": {"revision": "b" * 40}}}, subresource="status")
    desk.raw = desk.get()
    desk.raw["metadata"]["resourceVersion"] = "1"
    desk.publish(view())
    assert desk.get()["status"] != ours, "an older version is one that the watch has yet to replace"

    desk.writer._applications.epoch += 1
    desk.publish(view())

    assert desk.get()["status"] == ours


@pytest.mark.cluster
def test_what_the_watch_has_not_brought_yet_is_no_reason_to_write_again(desk: Desk) -> None:
    stale = desk.raw
    desk.publish(view())
    before = desk.version()
    desk.raw = stale

    desk.publish(view())

    assert desk.version() == before


@pytest.mark.cluster
def test_the_status_of_a_deleted_application_is_not_written_into_the_next_one_of_its_name(desk: Desk) -> None:
    desk.publish(view())
    desk.objects.delete(ObjectKey.of(desk.raw), uid=desk.raw["metadata"]["uid"], propagation="Background")
    obj = application_object("shop", namespace=desk.raw["metadata"]["namespace"])
    for field in ("uid", "resourceVersion", "generation"):
        del obj["metadata"][field]
    desk.objects.create(obj)

    assert desk.publish(view("b")) is None

    assert "status" not in desk.get()


@pytest.mark.cluster
def test_a_status_that_says_not_yet_gives_way_to_the_next_one_that_does(desk: Desk) -> None:
    unknown: dict[str, Any] = {
        "sync": SyncStatus.UNKNOWN,
        "applied": "",
        "plan": "",
        "health": Status.UNKNOWN,
        "provisional": True,
    }
    desk.memo.seen = desk.time.now - 10
    desk.publish(view(**unknown | {"revision": None}))
    assert desk.get()["status"]["conditions"][0]["reason"] == "Fetching"

    patience = desk.publish(view(waiting="it is being rendered", **unknown))
    assert patience is None or patience > 0
    desk.time.now += 3
    desk.publish(view(waiting="it is being rendered", **unknown))

    assert "is being rendered" in desk.get()["status"]["conditions"][0]["message"]


@pytest.mark.cluster
def test_a_status_that_says_more_stands_for_a_minute_and_not_for_ever(desk: Desk) -> None:
    unknown: dict[str, Any] = {
        "sync": SyncStatus.UNKNOWN,
        "applied": "",
        "plan": "",
        "health": Status.UNKNOWN,
        "provisional": True,
    }
    desk.publish(view())

    assert (desk.publish(view("b", waiting="it is being rendered", **unknown)) or 0) > 0
    desk.time.now += 50
    assert (desk.publish(view("b", waiting="it is being rendered", **unknown)) or 0) > 0
    desk.time.now += 11
    desk.publish(view("b", waiting="it is being rendered", **unknown))

    assert "is being rendered" in desk.get()["status"]["conditions"][0]["message"]


@pytest.mark.cluster
def test_a_commit_that_left_everything_untouched_is_not_written(desk: Desk) -> None:
    desk.publish(view("a"))
    before = desk.version()

    desk.publish(view("b"))

    assert desk.version() == before


@pytest.mark.cluster
def test_the_commit_is_written_with_the_next_change(desk: Desk) -> None:
    desk.publish(view("a"))
    desk.publish(view("b"))
    desk.publish(view("b", health=Status.DEGRADED))

    assert desk.get()["status"]["source"]["revision"] == "b" * 40


@pytest.mark.cluster
def test_progress_is_written_at_most_once_a_second(desk: Desk) -> None:
    def progress(done: int) -> ReconcileOutcome:
        return view(health=Status.PROGRESSING, synced=done)

    assert desk.publish(progress(1)) == pytest.approx(1.5)
    desk.time.now += 1.5
    assert desk.publish(progress(1)) is None
    before = desk.version()
    desk.time.now += 0.4
    assert desk.publish(progress(2)) == pytest.approx(0.6)
    assert desk.version() == before

    desk.time.now += 0.6
    assert desk.publish(progress(2)) is None
    assert desk.get()["status"]["resources"]["synced"] == 2


@pytest.mark.cluster
def test_objects_that_are_healthy_a_moment_later_are_reported_once(desk: Desk) -> None:
    first = desk.version()
    desk.publish(view(health=Status.PROGRESSING))
    assert desk.version() == first

    desk.time.now += 1.0
    assert desk.publish(view(health=Status.HEALTHY)) is None
    assert desk.get()["status"]["health"]["status"] == "Healthy"


@pytest.mark.cluster
def test_what_does_not_progress_is_reported_at_once(desk: Desk) -> None:
    assert desk.publish(view(health=Status.DEGRADED)) is None
    assert desk.get()["status"]["health"]["status"] == "Degraded"


@pytest.mark.cluster
def test_what_a_person_waits_for_is_written_at_once(desk: Desk) -> None:
    desk.publish(view(health=Status.PROGRESSING))
    desk.time.now += 0.1

    assert desk.publish(view(health=Status.HEALTHY)) is None
    assert desk.get()["status"]["health"]["status"] == "Healthy"


@pytest.mark.cluster
def test_a_request_and_an_approval_stand_in_the_status(desk: Desk) -> None:
    approval = Approval(hash="h", content="c", deletions=frozenset({("ConfigMap:shop/one", "uid")}))
    desk.publish(view(answered="now", approval=approval))

    sync = desk.get()["status"]["sync"]
    assert sync["answered"] == "now"
    assert Approval.from_json(sync["approval"]) == approval


@pytest.mark.cluster
def test_an_application_that_is_gone_is_no_error(desk: Desk) -> None:
    desk.objects.delete(ObjectKey.of(desk.raw), uid=desk.raw["metadata"]["uid"], propagation="Background")

    assert desk.publish(view()) is None


@pytest.fixture
def lost(nowhere: Transport, objects: Objects, installed: None, namespace: str) -> Iterator[NotificationDispatcher]:
    """Notifications that cannot be saved, and a Notifier that selects them."""
    notifications = NotificationDispatcher(Objects(nowhere, Discovery(nowhere), timeout=1), SecretData())
    body: Object = {
        "apiVersion": "gitops-agent.dev/v1alpha1",
        "kind": "Notifier",
        "metadata": {"name": "chat", "namespace": namespace},
        "spec": {"provider": "webhook", "address": "http://127.0.0.1:1/hook"},
    }
    notifications.set_notifier(parse_notifier(objects.create(body)))
    yield notifications
    notifications.stop()


@pytest.mark.cluster
def test_a_status_is_written_only_after_its_edges_are_saved(
    objects: Objects, lost: NotificationDispatcher, namespace: str
) -> None:
    desk = Desk(objects, lost, namespace)

    with pytest.raises(AgentError):
        desk.publish(view(health=Status.DEGRADED))

    assert "status" not in desk.get()
    desk.recorder.close()


@pytest.mark.cluster
def test_edges_that_could_not_be_saved_are_derived_again(
    desk: Desk, lost: NotificationDispatcher, objects: Objects, notifications: NotificationDispatcher
) -> None:
    desk.publish(view())
    desk.sink._dispatcher = lost
    with pytest.raises(AgentError):
        desk.publish(view(health=Status.DEGRADED))
    desk.sink._dispatcher = notifications

    desk.publish(view(health=Status.DEGRADED))

    eventually(lambda: ("Warning", "Degraded") in desk.events())


@pytest.mark.cluster
def test_the_gauge_shows_one_state_an_application(desk: Desk) -> None:
    name = f"{desk.raw['metadata']['namespace']}/shop"
    desk.publish(view(health=Status.PROGRESSING))
    desk.publish(view())

    lines = [
        line for line in metrics.exposition().decode().splitlines() if name in line and "gitops_agent_application{" in line
    ]
    metrics.forget_application(name)

    assert lines == [f'gitops_agent_application{{application="{name}",health="Healthy",sync="Synced"}} 1.0']


def written(seen: ReconcileOutcome) -> Object:
    return status({}, seen, generation=1, now=NOON)


def test_only_the_commit_is_quiet() -> None:
    before = written(view("a"))

    assert quiet(before, status(before, view("b"), generation=1, now=NOON))


@pytest.mark.parametrize(
    "other",
    [
        view("b", plan="p2"),
        view("b", health=Status.DEGRADED),
        view("b", synced=2),
        view("b", sync=SyncStatus.OUT_OF_SYNC, held="7 deletions"),
        view("b", error=AgentError("no", reason="RenderFailed")),
        view("b", unavailable_since=NOON, source_error=AgentError("away")),
    ],
    ids=["plan", "health", "count", "held", "error", "source"],
)
def test_anything_else_is_written(other: ReconcileOutcome) -> None:
    before = written(view("a"))

    assert not quiet(before, status(before, other, generation=1, now=NOON))


def test_a_first_status_is_written() -> None:
    assert not quiet({}, written(view("a")))
    assert not quiet(written(view("a", plan="")), written(view("b", plan="")))

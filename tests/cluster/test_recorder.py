from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.recorder import Recorder, event_of
from gitops_agent.manifest.key import Object
from tests.cluster.wire import Script, Wire
from tests.waiting import eventually

Make = Callable[..., Object]
Start = Callable[[Script], Wire]


@pytest.fixture
def recorder(objects: Objects) -> Iterator[Recorder]:
    recorder = Recorder(objects, instance="test", fold_seconds=0.2)
    recorder.start()
    yield recorder
    recorder.close()


def events(objects: Objects, namespace: str, reason: str) -> list[Object]:
    resource = objects.discovery.find("events.k8s.io", "Event")
    return [item for item in objects.list(resource, namespace=namespace).items if item["reason"] == reason]


@pytest.mark.cluster
def test_an_event_names_its_object(recorder: Recorder, objects: Objects, namespace: str, configmap: Make) -> None:
    applied = objects.apply(configmap())
    recorder.record(applied, "Warning", "ApplyFailed", "it did not work")
    event = eventually(lambda: events(objects, namespace, "ApplyFailed"))[0]

    assert (event["type"], event["note"]) == ("Warning", "it did not work")
    assert (event["reportingController"], event["reportingInstance"]) == ("gitops-agent", "test")
    assert event["regarding"]["uid"] == applied["metadata"]["uid"]


@pytest.mark.cluster
def test_repeats_become_a_series(recorder: Recorder, objects: Objects, namespace: str, configmap: Make) -> None:
    applied = objects.apply(configmap())
    for _ in range(5):
        recorder.record(applied, "Normal", "Synced", "again")
    recorder.record(applied, "Normal", "Synced", "something else")
    eventually(lambda: any("series" in event for event in events(objects, namespace, "Synced")))
    by_note = {event["note"]: event for event in events(objects, namespace, "Synced")}

    assert set(by_note) == {"again", "something else"}
    assert by_note["again"]["series"]["count"] == 5
    assert "series" not in by_note["something else"]


@pytest.mark.cluster
def test_what_is_queued_is_written_before_the_end(objects: Objects, namespace: str, configmap: Make) -> None:
    applied = objects.apply(configmap())
    recorder = Recorder(objects, fold_seconds=3600)
    recorder.start()
    for _ in range(3):
        recorder.record(applied, "Normal", "Synced", "last words")
    recorder.close()
    written = events(objects, namespace, "Synced")

    assert [event["series"]["count"] for event in written] == [3]


@pytest.mark.cluster
def test_a_long_message_is_cut_and_a_cluster_scoped_object_is_reported_in_default(
    recorder: Recorder, objects: Objects, namespace: str
) -> None:
    node = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    recorder.record(node, "Normal", f"R{namespace[2:]}", "ü" * 2000)
    event = eventually(lambda: events(objects, "default", f"R{namespace[2:]}"))[0]

    assert event["note"] == "ü" * 512
    assert event["regarding"]["name"] == namespace


def test_a_full_queue_drops_and_never_blocks(wire: Start, tmp_path: Path) -> None:
    transport = wire(lambda _, line: line.hang()).transport(tmp_path)
    recorder = Recorder(Objects(transport, Discovery(transport)))
    for index in range(1500):
        recorder.record({"metadata": {"name": "a"}}, "Normal", "Synced", str(index))

    assert recorder.dropped == 500


def test_a_server_that_refuses_costs_nothing_but_the_event(wire: Start, tmp_path: Path) -> None:
    transport = wire(lambda _, line: line.refuse(403, "Forbidden")).transport(tmp_path)
    recorder = Recorder(Objects(transport, Discovery(transport)))
    recorder.start()
    recorder.record({}, "Normal", "", "about nothing")
    eventually(lambda: recorder.dropped == 1)
    recorder.close()


def test_ending_without_having_begun_is_harmless(wire: Start, tmp_path: Path) -> None:
    transport = wire(lambda _, line: line.hang()).transport(tmp_path)
    Recorder(Objects(transport, Discovery(transport))).close()


def test_an_event_shows_no_credential() -> None:
    note = event_of({}, "Warning", "SyncFailed", "Secret:shop/db: token=canary7f3a9c51", instance="one")["note"]

    assert note == "Secret:shop/db: token=***"

from __future__ import annotations

import pytest

from gitops_agent.notify.commit_status_record import CommitRecord
from gitops_agent.notify.commit_status_store import CommitStatusStore
from tests.notify.builders import NOON, Clock
from tests.notify.conftest import Desk

pytestmark = pytest.mark.cluster


def store(desk: Desk) -> CommitStatusStore:
    return CommitStatusStore(desk.objects, desk.read("forge"), clock=Clock())


def test_what_is_written_is_read_by_the_next_leader(desk: Desk) -> None:
    desk.make("forge", provider="github", address=None, secretRef={"name": "forge"})
    record = CommitRecord(repository="https://github.com/acme/config", commit="a" * 40, since=NOON, refs={"branch main": ""})
    first = store(desk)
    first.count("delivered")
    first.fail("DeliveryFailed", "the receiver answered 500")
    first.write([record.to_json()])
    assert not first.dirty

    second = store(desk)
    assert [entry.key for entry in second.kept()] == [record.key]
    second.count("delivered")
    second.write([])
    status = desk.status("forge")
    assert (status["delivered"], status["dropped"], status["commits"]) == (2, 0, [])
    assert status["lastFailure"] == {
        "at": "2026-03-01T12:00:00Z",
        "reason": "DeliveryFailed",
        "message": "the receiver answered 500",
    }
    assert desk.ready("forge")["status"] == "False"


def test_a_notifier_that_is_gone_is_no_error(desk: Desk) -> None:
    desk.make("forge", provider="github", address=None, secretRef={"name": "forge"})
    gone = store(desk)
    desk.delete(desk.read("forge"))
    gone.write([])

    assert not gone.dirty

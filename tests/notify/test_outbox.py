from __future__ import annotations

import threading

import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError
from gitops_agent.notify.deduplication import WINDOW
from gitops_agent.notify.outbox import Outbox
from tests.notify.builders import Clock, message
from tests.notify.conftest import Desk

pytestmark = pytest.mark.cluster


def outbox(desk: Desk, clock: Clock | None = None, **options: int) -> Outbox:
    return Outbox(desk.objects, desk.make(), clock=clock or Clock(), **options)


def save(box: Outbox, *names: str, type_: EventType = EventType.DEGRADED) -> None:
    box.store(box.admit([message(type_, name=name) for name in names]))


def pending(desk: Desk) -> list[str]:
    return [entry["application"] for entry in desk.status().get("pending") or []]


def test_what_was_stored_is_in_the_cluster(desk: Desk) -> None:
    box = outbox(desk)
    save(box, "shop")

    entry = desk.status()["pending"][0]
    assert entry["id"] == message(name="shop").id
    assert entry["text"] == "apps/Deployment:shop/web: crash"


def test_nothing_is_delivered_before_it_is_stored(desk: Desk) -> None:
    box = outbox(desk)
    admission = box.admit([message()])

    assert box.take() is None
    box.store(admission)
    assert box.take() is not None


def test_another_process_finds_what_was_pending(desk: Desk) -> None:
    save(outbox(desk), "shop", "bank")

    again = Outbox(desk.objects, desk.read(), clock=Clock())

    taken = again.take()
    assert taken is not None
    assert taken.message == message(name="shop")


def test_a_delivery_is_taken_out_with_the_next_flush(desk: Desk) -> None:
    box = outbox(desk)
    save(box, "shop", "bank")
    taken = box.take()
    assert taken is not None
    box.delivered(taken)

    assert box.dirty
    box.flush()
    assert pending(desk) == ["ops/bank"]
    assert (desk.status()["delivered"], desk.status()["lastDelivery"]) == (1, "2026-03-01T12:00:00Z")


def test_nothing_is_written_when_nothing_changed(desk: Desk) -> None:
    box = outbox(desk)
    save(box, "shop")
    before = desk.objects.get(desk.key())["metadata"]["resourceVersion"]
    box.flush()
    box.store(box.admit([]))

    assert desk.objects.get(desk.key())["metadata"]["resourceVersion"] == before


def test_a_repeat_after_a_crash_is_the_same_message(desk: Desk) -> None:
    save(outbox(desk), "shop")
    again = Outbox(desk.objects, desk.read(), clock=Clock())
    save(again, "shop")

    assert [entry.get("count") for entry in desk.status()["pending"]] == [1]


def test_a_repeat_after_its_delivery_is_not_sent_again(desk: Desk) -> None:
    save(outbox(desk), "shop")
    again = Outbox(desk.objects, desk.read(), clock=Clock())
    taken = again.take()
    assert taken is not None
    again.delivered(taken)
    save(again, "shop")
    again.flush()

    assert pending(desk) == []


def test_after_a_crash_a_second_breakage_is_sent_although_the_first_was_pending(desk: Desk) -> None:
    save(outbox(desk), "shop")
    again = Outbox(desk.objects, desk.read(), clock=Clock())
    taken = again.take()
    assert taken is not None
    again.delivered(taken)
    save(again, "shop", type_=EventType.RECOVERED)
    save(again, "shop")

    assert [entry["event"] for entry in desk.status()["pending"]] == ["Recovered", "Degraded"]


def test_identical_messages_are_folded_and_sent_at_the_end_of_the_window(desk: Desk) -> None:
    clock = Clock()
    box = outbox(desk, clock)
    save(box, "shop")
    first = box.take()
    assert first is not None
    box.delivered(first)
    save(box, "shop")
    save(box, "shop")

    assert box.take() is None
    assert box.seconds_to_next() == WINDOW.total_seconds()
    assert desk.status()["pending"][0]["notBefore"] == "2026-03-01T12:05:00.000Z"
    clock.turn(minutes=5)
    entry = box.take()
    assert entry is not None
    assert entry.message.title == "ops/shop: degraded (2 times)"


def test_a_recovery_lets_what_was_folded_go_first(desk: Desk) -> None:
    box = outbox(desk)
    save(box, "shop")
    first = box.take()
    assert first is not None
    box.delivered(first)
    save(box, "shop")
    save(box, "shop", type_=EventType.RECOVERED)

    events = []
    while (entry := box.take()) is not None:
        events.append(entry.message.event)
        box.delivered(entry)
    assert events == [EventType.DEGRADED, EventType.RECOVERED]


def test_what_cannot_be_stored_is_taken_back_and_counts_once_when_it_is_saved_again(desk: Desk) -> None:
    box = outbox(desk)
    admission = box.admit([message()])
    box.retract(admission)

    assert box.take() is None
    save(box, "shop")
    assert [entry.get("count") for entry in desk.status()["pending"]] == [1]


def test_the_edit_of_a_person_in_between_does_no_harm(desk: Desk) -> None:
    box = outbox(desk)
    desk.objects.merge_patch(desk.key(), {"metadata": {"labels": {"touched": "yes"}}})
    save(box, "shop")

    assert pending(desk) == ["ops/shop"]


def test_what_another_replica_put_in_is_kept(desk: Desk) -> None:
    here, there = outbox(desk), Outbox(desk.objects, desk.read(), clock=Clock())
    save(there, "bank")
    save(here, "shop")

    assert sorted(pending(desk)) == ["ops/bank", "ops/shop"]
    taken = here.take()
    assert taken is not None


def test_what_this_replica_delivered_does_not_come_back_from_another(desk: Desk) -> None:
    here = outbox(desk)
    save(here, "shop")
    taken = here.take()
    assert taken is not None
    here.delivered(taken)
    desk.objects.merge_patch(desk.key(), {"metadata": {"labels": {"touched": "yes"}}})
    save(here, "bank")

    assert pending(desk) == ["ops/bank"]


def test_many_writers_share_patches(desk: Desk, objects: Objects) -> None:
    box = outbox(desk)
    writes = [("patch", "notifiers.gitops-agent.dev")]
    before = sum(objects.transport.count.get(key, 0) for key in writes)
    threads = [threading.Thread(target=save, args=[box, f"app-{number}"]) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(pending(desk)) == 40
    assert sum(objects.transport.count.get(key, 0) for key in writes) - before < 40


def test_the_status_holds_no_more_than_fits(desk: Desk) -> None:
    box = outbox(desk, limit=3, overflow=0)
    save(box, *(f"app-{number}" for number in range(5)))

    assert pending(desk) == ["ops/app-2", "ops/app-3", "ops/app-4"]
    assert desk.status()["dropped"] == 2


def test_a_burst_for_a_receiver_that_takes_messages_is_delivered_without_a_loss(desk: Desk) -> None:
    box = outbox(desk, limit=3)
    save(box, *(f"app-{number}" for number in range(9)))
    assert pending(desk) == ["ops/app-0", "ops/app-1", "ops/app-2"]

    taken = []
    while (entry := box.take()) is not None:
        taken.append(str(entry.message.application))
        box.delivered(entry)
        box.flush()

    assert taken == [f"ops/app-{number}" for number in range(9)]
    assert (pending(desk), desk.status()["dropped"]) == ([], 0)


def test_a_full_outbox_of_the_largest_messages_is_accepted(desk: Desk) -> None:
    box = outbox(desk)
    large = [message(name=f"app-{number}", message="\u20ac" * 1000) for number in range(64)]
    box.store(box.admit(large))

    assert len(pending(desk)) == 64


def test_a_notifier_that_is_gone_blocks_no_other(desk: Desk) -> None:
    box = outbox(desk)
    desk.delete(box.notifier)
    save(box, "shop")

    assert not box.dirty


def test_a_namesake_of_the_notifier_is_left_alone(desk: Desk) -> None:
    box = outbox(desk)
    desk.delete(box.notifier)
    desk.make()

    with pytest.raises(AgentError):
        save(box, "shop")
    assert pending(desk) == []


def test_a_condition_is_written_when_it_says_something_new(desk: Desk) -> None:
    box = outbox(desk)
    box.report(ready=False, reason="DeliveryFailed", message="no")
    box.flush()
    box.report(ready=False, reason="DeliveryFailed", message="no")

    assert not box.dirty
    assert (desk.ready()["status"], desk.ready()["reason"], desk.ready()["message"]) == ("False", "DeliveryFailed", "no")


def test_what_stands_in_a_status_and_is_none_of_ours_is_left_out(desk: Desk) -> None:
    desk.make()
    broken = {"id": "x", "event": "Unheard", "application": "a/b", "at": "2026-01-01T00:00:00Z"}
    desk.objects.merge_patch(desk.key(), {"status": {"pending": [broken]}}, subresource="status")
    box = Outbox(desk.objects, desk.read(), clock=Clock())

    assert box.take() is None

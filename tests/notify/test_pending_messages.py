from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.api.event_type import EventType
from gitops_agent.events.event import Severity
from gitops_agent.notify.pending_messages import Entry, PendingQueue
from tests.notify.builders import NOON, message

SOON = NOON + timedelta(minutes=1)


def entry(name: str = "shop", *, severity: Severity = Severity.ERROR, **fields: object) -> Entry:
    return Entry(message=message(name=name, severity=severity), **fields)  # type: ignore[arg-type]


def names(pending: PendingQueue) -> list[str]:
    return [kept.message.application.name for kept in pending.entries.values()]


def test_messages_are_sent_in_order() -> None:
    pending = PendingQueue([entry("a"), entry("b")])

    first = pending.due(NOON, 0)

    assert first is not None
    assert first.message.application.name == "a"


def test_an_identical_message_is_counted_where_the_first_one_stands() -> None:
    pending = PendingQueue([entry("a"), entry("b")])
    pending.put(entry("a"))

    assert names(pending) == ["a", "b"]
    assert [kept.message.count for kept in pending.entries.values()] == [2, 1]


def test_a_message_waits_for_its_moment_and_blocks_no_other() -> None:
    pending = PendingQueue([entry("late", not_before=SOON), entry("now")])

    assert pending.next_moment() == SOON
    assert pending.due(NOON, 0) == pending.entries[entry("now").id]
    assert pending.due(SOON, 0) == pending.entries[entry("late").id]


def test_a_message_that_is_not_stored_yet_is_not_sent() -> None:
    pending = PendingQueue([entry(version=3)])

    assert pending.due(NOON, 2) is None
    assert pending.due(NOON, 3) is not None


def test_the_oldest_informational_message_gives_way() -> None:
    pending = PendingQueue([entry("broken"), entry("fine", severity=Severity.INFO), entry("worse")], limit=3, overflow=0)
    pending.put(entry("new", severity=Severity.INFO))

    assert names(pending) == ["broken", "worse", "new"]
    assert pending.dropped == 1


def test_the_oldest_gives_way_when_none_is_informational() -> None:
    pending = PendingQueue([entry("a"), entry("b")], limit=2, overflow=0)
    pending.put(entry("c"))

    assert names(pending) == ["b", "c"]


def test_a_burst_waits_in_memory_and_the_status_holds_its_first_messages() -> None:
    pending = PendingQueue(limit=2, overflow=3)
    for name in "abcde":
        pending.put(entry(name))

    assert (pending.dropped, len(pending.entries), len(pending.to_json())) == (0, 5, 2)
    pending.less(entry("a").id, 1)
    assert [kept.id for kept in pending.kept] == [entry("b").id, entry("c").id]


def test_what_came_in_while_a_message_was_sent_is_sent_later() -> None:
    pending = PendingQueue([entry("a")])
    pending.put(entry("a"))
    pending.put(entry("a"))

    pending.less(entry("a").id, 1, not_before=SOON)

    assert pending.entries[entry("a").id].message.count == 2
    assert pending.due(NOON, 0) is None


def test_a_message_that_was_sent_is_gone() -> None:
    pending = PendingQueue([entry("a")])
    pending.less(entry("a").id, 1)
    pending.less("unknown", 1)

    assert names(pending) == []
    assert pending.dropped == 0


def test_released_messages_go_at_once() -> None:
    pending = PendingQueue([entry("a", not_before=SOON)])
    pending.release([entry("a").id, "unknown"])

    assert pending.due(NOON, 0) is not None


def test_an_entry_is_found_again_as_it_was_kept() -> None:
    kept = entry("a", not_before=SOON)

    assert Entry.from_json(kept.to_json()) == kept


@given(
    chosen=st.lists(
        st.tuples(
            st.sampled_from("abcdefgh"), st.sampled_from(Severity), st.sampled_from([EventType.SYNCED, EventType.DEGRADED])
        )
    )
)
def test_there_are_never_more_than_fit_and_the_newest_is_among_them(chosen: list[tuple[str, Severity, EventType]]) -> None:
    pending = PendingQueue(limit=1, overflow=3)
    for name, severity, type_ in chosen:
        newest = Entry(message=message(type_, name=name, severity=severity))
        pending.put(newest)

        assert len(pending.entries) <= 4
        assert newest.id in pending.entries

    total = sum(kept.message.count for kept in pending.entries.values())
    assert total + pending.dropped <= len(chosen)

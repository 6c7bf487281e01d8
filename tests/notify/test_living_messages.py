from __future__ import annotations

from datetime import timedelta

import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.notify.living_messages import LIMIT, LivingMessage, LivingMessages, is_of_commit, is_progress
from tests.notify.builders import COMMIT, NOON, message

HOUR = timedelta(hours=1)


def living(application: str = "ops/shop", *, after: timedelta = timedelta(), id: str = "1") -> LivingMessage:  # noqa: A002
    return LivingMessage(application=application, commit=COMMIT, at=NOON + after, id=id)


@pytest.mark.parametrize(
    ("event", "progress", "of_commit"),
    [
        (EventType.REVISION_SEEN, True, True),
        (EventType.ROLLOUT_STEP, True, True),
        (EventType.SYNCED, True, True),
        (EventType.RECOVERED, True, True),
        (EventType.DEGRADED, False, True),
        (EventType.HELD, False, True),
        (EventType.ROLLOUT_ABORTED, False, True),
        (EventType.ROLLOUT_PAUSED, False, True),
        (EventType.DRIFT_DETECTED, False, False),
        (EventType.SUSPENDED, False, False),
        (EventType.TEST, False, False),
    ],
    ids=str,
)
def test_what_needs_a_person_is_no_progress(event: EventType, *, progress: bool, of_commit: bool) -> None:
    assert is_progress(message(event)) is progress
    assert is_of_commit(message(event)) is of_commit


def test_without_a_commit_there_is_no_message_to_edit() -> None:
    assert not is_of_commit(message(EventType.SYNCED, revision=None))


def test_the_stages_are_a_line_in_which_repeats_are_one() -> None:
    stages = living()
    assert stages.with_step(message(EventType.REVISION_SEEN)).trail == ""
    for minute, event in enumerate(
        (EventType.REVISION_SEEN, EventType.ROLLOUT_STEP, EventType.ROLLOUT_STEP, EventType.PROMOTED)
    ):
        stages = stages.with_step(message(event, at=NOON + timedelta(minutes=minute)))

    assert stages.trail == "12:00 new commit → 12:02 rollout step → 12:03 promoted (UTC)"


def test_a_late_stage_is_recognised() -> None:
    stages = living().with_step(message(EventType.SYNCED))

    assert stages.has_passed(message(EventType.PROGRESSING, at=NOON - HOUR))
    assert not stages.has_passed(message(EventType.PROGRESSING))


def test_a_message_is_edited_until_nothing_changed_it_for_a_day() -> None:
    messages = LivingMessages()
    messages.put(living())

    assert messages.of(message(), NOON + 24 * HOUR).id == "1"
    assert messages.of(message(), NOON + 25 * HOUR).id == ""
    assert messages.of(message(name="bank"), NOON).id == ""


def test_the_oldest_go_when_there_are_too_many_or_a_day_is_over() -> None:
    messages = LivingMessages()
    for number in range(LIMIT + 6):
        messages.put(living(f"ops/app-{number}"))
    kept = [entry["application"] for entry in messages.to_json()]

    assert (len(kept), kept[0], kept[-1]) == (LIMIT, "ops/app-6", f"ops/app-{LIMIT + 5}")
    messages.put(living("ops/app-7", after=25 * HOUR))
    assert [entry["application"] for entry in messages.to_json()] == ["ops/app-7"]


def test_the_next_leader_goes_on_with_what_the_status_keeps() -> None:
    messages = LivingMessages()
    messages.put(living().with_step(message(EventType.SYNCED)))

    again = LivingMessages([*messages.to_json(), {}, None, {"application": "a", "commit": "b", "at": "never"}, {"at": 7}])

    assert again.to_json() == messages.to_json()
    assert again.of(message(), NOON) == living().with_step(message(EventType.SYNCED))


def test_of_two_replicas_the_newer_message_counts() -> None:
    messages, other = LivingMessages(), LivingMessages()
    messages.put(living(id="older"))
    other.put(living(id="newer", after=HOUR))

    for first, second in ((messages, other), (other, messages)):
        first.adopt(second.to_json())
        assert first.of(message(), NOON).id == "newer"


@pytest.mark.parametrize("raw", [None, 7, "x", {}, [7], ["x"], [[]]], ids=repr)
def test_whatever_a_status_holds_is_read(raw: object) -> None:
    assert LivingMessages(raw).to_json() == []


def test_a_receiver_cannot_fill_the_status() -> None:
    messages = LivingMessages()
    messages.put(living(id="x" * 10_000))

    assert messages.of(message(), NOON).id == ""

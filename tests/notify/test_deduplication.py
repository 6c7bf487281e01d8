from __future__ import annotations

from datetime import timedelta

from gitops_agent.api.event_type import EventType
from gitops_agent.notify.deduplication import WINDOW, Deduplicator
from tests.notify.builders import NOON, message


def test_the_first_is_sent_at_once_and_the_next_at_the_end_of_the_window() -> None:
    fold = Deduplicator()

    assert fold.until(message(), NOON) is None
    assert fold.until(message(), NOON + timedelta(minutes=1)) == NOON + WINDOW


def test_a_window_ends() -> None:
    fold = Deduplicator()
    fold.until(message(), NOON)

    assert fold.until(message(), NOON + WINDOW) is None


def test_another_message_has_a_window_of_its_own() -> None:
    fold = Deduplicator()
    fold.until(message(), NOON)

    assert fold.until(message(reason="TimedOut"), NOON) is None


def test_a_recovery_resets_what_it_ends() -> None:
    fold = Deduplicator()
    fold.until(message(), NOON)

    assert fold.close(message(EventType.RECOVERED)) == {message().id}
    assert fold.until(message(), NOON) is None


def test_a_recovery_of_another_application_resets_nothing() -> None:
    fold = Deduplicator()
    fold.until(message(), NOON)

    assert fold.close(message(EventType.RECOVERED, name="bank")) == frozenset()


def test_repairs_of_drift_are_folded_although_drift_comes_in_between() -> None:
    fold = Deduplicator()
    fold.until(message(EventType.DRIFT_REPAIRED), NOON)
    fold.close(message(EventType.DRIFT_DETECTED))

    assert fold.until(message(EventType.DRIFT_REPAIRED), NOON) is not None

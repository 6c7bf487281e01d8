from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from gitops_agent.events.event import Event, EventType, Severity
from gitops_agent.manifest.key import AppKey

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def test_an_event_of_which_little_is_said_is_information_about_nothing_else() -> None:
    event = Event(type=EventType.SYNCED, application=AppKey("gitops-system", "shop"), at=NOON)

    assert (event.severity, event.reason, event.message, event.revision, event.objects, event.facts) == (
        Severity.INFO,
        "",
        "",
        None,
        (),
        {},
    )


def test_an_event_is_a_value_that_never_changes() -> None:
    event = Event(type=EventType.SYNCED, application=AppKey("gitops-system", "shop"), at=NOON)

    with pytest.raises(dataclasses.FrozenInstanceError):
        event.message = "another"  # type: ignore[misc]
    assert event == Event(type=EventType.SYNCED, application=AppKey("gitops-system", "shop"), at=NOON)

from __future__ import annotations

import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.notify.deduplication import ended_by
from gitops_agent.notify.incident import incident_of
from tests.notify.builders import message


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        (EventType.SYNC_FAILED, EventType.SYNCED),
        (EventType.STALLED, EventType.SYNCED),
        (EventType.DEGRADED, EventType.RECOVERED),
        (EventType.SOURCE_UNAVAILABLE, EventType.SOURCE_RECOVERED),
    ],
)
def test_an_incident_ends_with_the_key_it_began_with(begins: EventType, ends: EventType) -> None:
    first, last = message(begins), message(ends)
    begun, ended = incident_of(first), incident_of(last)

    assert begun is not None
    assert ended is not None
    assert (begun.open, ended.open) == (True, False)
    assert begun.key(first) == ended.key(last)


def test_two_kinds_of_problems_are_two_incidents() -> None:
    sync, health = message(EventType.SYNC_FAILED), message(EventType.DEGRADED)

    keys = {incident.key(sync) for incident in (incident_of(sync), incident_of(health)) if incident is not None}

    assert len(keys) == 2


@pytest.mark.parametrize("event", [EventType.ROLLED_BACK, EventType.HELD, EventType.PROMOTED, EventType.REVISION_SEEN])
def test_an_outcome_is_no_incident(event: EventType) -> None:
    assert incident_of(message(event)) is None


@pytest.mark.parametrize("event", list(EventType))
def test_every_incident_that_begins_has_an_edge_that_ends_it(event: EventType) -> None:
    incident = incident_of(message(event))
    if incident is None or not incident.open:
        return

    ends = [other for other in ended_by(event) if (closing := incident_of(message(other))) is not None and not closing.open]

    assert ends

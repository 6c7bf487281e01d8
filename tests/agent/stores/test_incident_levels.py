from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.agent.stores.incident_levels import IncidentLevels, incidents
from gitops_agent.api.event_type import EventType
from gitops_agent.api.notifier import LabelSelector
from tests.agent.samples import application_object, key

SINCE = "2026-03-01T12:00:00Z"
COMMIT = "a" * 40


def condition(type_: str, status: str, reason: str) -> dict[str, str]:
    return {"type": type_, "status": status, "reason": reason, "message": "why", "lastTransitionTime": SINCE}


def status(*conditions: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"conditions": list(conditions), "source": {"revision": COMMIT}, "health": {"status": "Healthy"}} | more


DEGRADED = {"status": "Degraded", "reasons": ["apps/Deployment:shop/web: crash"], "degradedRevision": "b" * 40}


@pytest.mark.parametrize(
    ("now", "firing"),
    [
        (status(condition("Synced", "True", "Synced")), []),
        (status(condition("Synced", "False", "HeldForApproval")), []),
        (status(condition("Synced", "False", "RenderFailed")), [EventType.SYNC_FAILED]),
        (status(condition("Stalled", "True", "InvalidSpec"), condition("Synced", "False", "InvalidSpec")), [EventType.STALLED]),
        (status(health=DEGRADED), [EventType.DEGRADED]),
        (status(health=DEGRADED | {"status": "Progressing"}), [EventType.DEGRADED]),
        (status(source={"revision": COMMIT, "unavailableSince": SINCE}), [EventType.SOURCE_UNAVAILABLE]),
        ({}, []),
    ],
)
def test_what_began_and_did_not_end_fires(now: dict[str, Any], firing: list[EventType]) -> None:
    assert [event.type for event in incidents(key("shop"), application_object() | {"status": now})] == firing


def test_an_incident_says_what_its_event_said() -> None:
    now = status(condition("Healthy", "False", "Degraded"), health=DEGRADED)
    event = next(incidents(key("shop"), application_object() | {"status": now}))

    assert (event.reason, event.message, event.at.isoformat()) == (
        "Degraded",
        "apps/Deployment:shop/web: crash",
        "2026-03-01T12:00:00+00:00",
    )
    assert event.revision is not None
    assert (event.revision.commit, event.revision.ref) == ("b" * 40, "main")


def test_only_selected_applications_fire() -> None:
    store = ApplicationStore(lambda _key, _reason, _priority: None)
    levels = IncidentLevels(store)
    obj = application_object() | {"status": status(health=DEGRADED)}
    obj["metadata"]["labels"] = {"team": "web"}
    store.put(obj)

    assert levels.ready
    assert [message.event for message in levels.firing(LabelSelector(match_labels={"team": "web"}))] == [EventType.DEGRADED]
    assert levels.firing(LabelSelector(match_labels={"team": "bank"})) == []

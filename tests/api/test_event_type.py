from __future__ import annotations

from gitops_agent.api.event_type import EventType
from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.events import event


def test_events_and_notifiers_speak_of_the_same_edges() -> None:
    spec = NotifierSpec.model_validate({"provider": "webhook", "address": "https://example.com", "events": list(EventType)})

    assert event.EventType is EventType
    assert spec.events == tuple(EventType)

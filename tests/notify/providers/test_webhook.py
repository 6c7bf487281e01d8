from __future__ import annotations

from gitops_agent.api.event_type import EventType
from gitops_agent.notify.providers import webhook
from tests.notify.builders import message
from tests.notify.senders import document, sent


def test_every_event_is_sent_as_a_document() -> None:
    for event in EventType:
        request = sent(webhook, {}, about=message(event), address="https://hooks.example.com")

        assert document(request)["event"] == event.value

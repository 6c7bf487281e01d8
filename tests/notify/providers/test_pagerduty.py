from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.errors import AgentError
from gitops_agent.notify.providers import pagerduty
from tests.notify.builders import NOON, message, spec
from tests.notify.senders import document, sent

SECRET = {"token": b"R0UT"}


def event(type_: EventType) -> Any:
    return document(sent(pagerduty, SECRET, "crash", about=message(type_)))


def test_what_was_triggered_is_resolved() -> None:
    trigger, resolve = event(EventType.DEGRADED), event(EventType.RECOVERED)

    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"] == "gitops-agent/ops/shop/Degraded"
    assert trigger["payload"]["severity"] == "critical"
    assert trigger["payload"]["summary"] == "ops/shop: degraded: crash"
    assert "payload" not in resolve


def test_europe_is_named_by_the_address() -> None:
    assert sent(pagerduty, SECRET).url == "https://events.pagerduty.com/v2/enqueue"
    address = "https://events.eu.pagerduty.com"
    assert sent(pagerduty, SECRET, address=address).url == f"{address}/v2/enqueue"


def test_only_incidents_are_sent() -> None:
    assert not pagerduty.speaks_of(message(EventType.PROMOTED), spec("pagerduty"))
    with pytest.raises(AgentError, match="is no incident"):
        pagerduty.request(message(EventType.PROMOTED), "", SECRET, spec("pagerduty"), now=NOON)

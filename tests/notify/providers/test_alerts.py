"""PagerDuty, Alertmanager, Grafana and CloudEvents."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.notify.providers import alertmanager, cloudevents, grafana, pagerduty
from tests.notify.builders import COMMIT, NOON, message, spec

LATER = NOON + timedelta(minutes=9)


def paged(type_: EventType, **fields: Any) -> Any:
    sent = pagerduty.request(message(type_), "crash", {"token": b"R0UT"}, spec("pagerduty", **fields), now=LATER)
    return orjson.loads(sent.body) | {"url": sent.url}


def test_pagerduty_resolves_what_it_triggered() -> None:
    trigger, resolve = paged(EventType.DEGRADED), paged(EventType.RECOVERED)

    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"] == "gitops-agent/ops/shop/Degraded"
    assert trigger["payload"]["severity"] == "critical"
    assert trigger["payload"]["summary"] == "ops/shop: degraded: crash"
    assert "payload" not in resolve
    assert trigger["url"] == "https://events.pagerduty.com/v2/enqueue"


def test_pagerduty_in_europe_is_named_by_the_address() -> None:
    assert paged(EventType.DEGRADED, address="https://events.eu.pagerduty.com")["url"].startswith("https://events.eu.")


def alert(type_: EventType, **credentials: bytes) -> tuple[Any, dict[str, str]]:
    wanted = spec("alertmanager", address="https://am.example.com/")
    sent = alertmanager.request(message(type_), "crash", credentials, wanted, now=LATER)
    assert sent.url == "https://am.example.com/api/v2/alerts"
    [content] = orjson.loads(sent.body)
    return content, dict(sent.headers)


def test_an_alert_ends_with_the_labels_it_fired_with() -> None:
    firing, _ = alert(EventType.SYNC_FAILED)
    resolved, _ = alert(EventType.SYNCED)

    assert firing["labels"] == resolved["labels"]
    assert firing["labels"]["alertname"] == "GitOpsAgentSyncFailed"
    assert datetime.fromisoformat(firing["endsAt"]) - NOON == timedelta(days=7)
    assert datetime.fromisoformat(resolved["endsAt"]) == LATER


def test_alertmanager_takes_a_token_or_a_password() -> None:
    assert "Authorization" not in alert(EventType.DEGRADED)[1]
    assert alert(EventType.DEGRADED, token=b"t")[1]["Authorization"] == "Bearer t"
    assert alert(EventType.DEGRADED, username=b"ada", password=b"pw")[1]["Authorization"] == "Basic YWRhOnB3"


@pytest.mark.parametrize("module", [pagerduty, alertmanager])
def test_pagers_get_incidents_only(module: Any) -> None:
    wanted = spec("pagerduty")

    assert module.speaks_of(message(EventType.DEGRADED), wanted)
    assert not module.speaks_of(message(EventType.PROMOTED), wanted)


def test_grafana_gets_milliseconds_and_tags() -> None:
    wanted = spec("grafana", address="https://grafana.example.com")
    sent = grafana.request(message(EventType.SYNCED), "<b>", {"token": b"glsa"}, wanted, now=LATER)

    content = orjson.loads(sent.body)
    assert sent.url == "https://grafana.example.com/api/annotations"
    assert content["time"] == int(NOON.timestamp() * 1000)
    assert content["tags"] == ["gitops-agent", "event:Synced", "application:ops/shop", f"commit:{COMMIT[:12]}"]
    assert "&lt;b&gt;" in content["text"]


def test_a_cloud_event_is_the_signed_document_with_attributes() -> None:
    wanted = spec("cloudevents", address="https://events.example.com")
    sent = cloudevents.request(message(EventType.SYNC_FAILED), "crash", {"hmac": b"k"}, wanted, now=LATER)

    assert sent.headers["ce-specversion"] == "1.0"
    assert sent.headers["ce-type"] == "dev.gitops-agent.application.sync-failed.v1"
    assert sent.headers["ce-source"] == "/namespaces/ops/applications/shop"
    assert sent.headers["ce-subject"] == COMMIT
    assert sent.headers["ce-time"] == "2026-03-01T12:00:00.000Z"
    assert sent.headers["X-Gitops-Agent-Signature"].startswith("sha256=")
    assert orjson.loads(sent.body)["event"] == "SyncFailed"

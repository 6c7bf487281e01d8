from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.errors import AgentError
from gitops_agent.notify.providers import alertmanager
from tests.notify.builders import NOON, message, spec
from tests.notify.senders import document, sent

ADDRESS = "https://am.example.com/"


def alert(type_: EventType) -> Any:
    [content] = document(sent(alertmanager, {}, "crash", about=message(type_), address=ADDRESS))
    return content


def test_an_alert_ends_with_the_labels_it_fired_with() -> None:
    firing, resolved = alert(EventType.SYNC_FAILED), alert(EventType.SYNCED)

    assert firing["labels"] == resolved["labels"]
    assert firing["labels"]["alertname"] == "GitOpsAgentSyncFailed"
    assert datetime.fromisoformat(firing["endsAt"]) - NOON == timedelta(hours=24)
    assert datetime.fromisoformat(resolved["endsAt"]) == NOON


def test_a_token_or_a_password_is_sent() -> None:
    def headers(secret: dict[str, bytes]) -> dict[str, str]:
        return dict(sent(alertmanager, secret, address=ADDRESS).headers)

    assert "Authorization" not in headers({})
    assert headers({"token": b"t"})["Authorization"] == "Bearer t"
    assert headers({"username": b"ada", "password": b"pw"})["Authorization"] == "Basic YWRhOnB3"


def test_only_incidents_are_sent() -> None:
    wanted = spec("alertmanager", address=ADDRESS)

    assert not alertmanager.speaks_of(message(EventType.PROMOTED), wanted)
    with pytest.raises(AgentError, match="is no incident"):
        alertmanager.request(message(EventType.PROMOTED), "", {}, wanted, now=NOON)

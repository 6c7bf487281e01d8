from __future__ import annotations

from gitops_agent.api.event_type import EventType
from gitops_agent.notify.providers import grafana
from tests.notify.builders import COMMIT, NOON, message
from tests.notify.senders import document, sent


def test_an_annotation_has_milliseconds_and_tags() -> None:
    about = message(EventType.SYNCED)
    request = sent(grafana, {"token": b"glsa"}, "<b>", about=about, address="https://grafana.example.com/")

    assert request.url == "https://grafana.example.com/api/annotations"
    assert document(request) == {
        "time": int(NOON.timestamp() * 1000),
        "text": "ops/shop: synced\n&lt;b&gt;",
        "tags": ["gitops-agent", "event:Synced", "application:ops/shop", f"commit:{COMMIT[:12]}"],
    }

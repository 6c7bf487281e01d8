from __future__ import annotations

from gitops_agent.api.event_type import EventType
from gitops_agent.notify.providers import cloudevents
from tests.notify.builders import COMMIT, message
from tests.notify.senders import document, sent


def test_an_event_is_the_signed_document_with_attributes() -> None:
    about = message(EventType.SYNC_FAILED)
    request = sent(cloudevents, {"hmac": b"k"}, about=about, address="https://events.example.com")

    assert {name: value for name, value in request.headers.items() if name.startswith("ce-")} == {
        "ce-specversion": "1.0",
        "ce-id": about.id,
        "ce-source": "/namespaces/ops/applications/shop",
        "ce-type": "dev.gitops-agent.application.sync-failed.v1",
        "ce-subject": COMMIT,
        "ce-time": "2026-03-01T12:00:00.000Z",
    }
    assert request.headers["X-Gitops-Agent-Signature"].startswith("sha256=")
    assert document(request)["event"] == "SyncFailed"

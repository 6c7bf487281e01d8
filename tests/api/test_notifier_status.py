from __future__ import annotations

from datetime import UTC, datetime

from gitops_agent.api.event_type import EventType
from gitops_agent.api.notifier_status import NotifierStatus
from gitops_agent.events.event import Severity
from gitops_agent.manifest.key import AppKey
from gitops_agent.notify.living_messages import LivingMessage
from gitops_agent.notify.message import Message
from gitops_agent.notify.pending_messages import Entry

EARLY = datetime(2026, 11, 22, 21, tzinfo=UTC)


def test_a_message_the_agent_keeps_fits_its_description() -> None:
    message = Message(
        event=EventType.DEGRADED,
        application=AppKey("gitops-system", "shop"),
        at=EARLY,
        severity=Severity.ERROR,
        objects=("ConfigMap:shop/a",),
        facts={"a": "b"},
        count=2,
        buttons=False,
        **dict.fromkeys(("reason", "text", "repository", "ref", "commit", "author", "subject"), "x"),
    )
    kept = Entry(message=message, not_before=EARLY).to_json()
    status = NotifierStatus.model_validate({"pending": [kept], "delivered": 1, "dropped": 0}, by_name=False)

    assert status.pending[0].model_dump(mode="json", by_alias=True) == kept


def test_a_message_that_is_edited_fits_its_description() -> None:
    kept = LivingMessage(
        application="gitops-system/shop", commit="c0ffee", at=EARLY, id="C1 1.2", steps=((EventType.SYNCED, EARLY),)
    ).to_json()

    status = NotifierStatus.model_validate({"messages": [kept]}, by_name=False)

    assert status.messages[0].model_dump(mode="json", by_alias=True) == kept

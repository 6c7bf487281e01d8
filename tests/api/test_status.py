from __future__ import annotations

from gitops_agent.api.conditions import set_condition
from gitops_agent.api.event_type import EventType
from gitops_agent.api.status import ApplicationStatus, NotifierStatus
from gitops_agent.events.event import Severity
from gitops_agent.manifest.key import AppKey
from gitops_agent.notify.message import Message
from gitops_agent.notify.pending import Entry
from tests.api.test_conditions import EARLY
from tests.api.test_crd import STATUS


def test_a_whole_status_is_described() -> None:
    written = ApplicationStatus.model_validate(STATUS, by_name=False).model_dump(mode="json", by_alias=True)

    assert written == STATUS


def test_a_condition_the_agent_makes_fits_its_description() -> None:
    conditions = set_condition([], "Ready", None, "Progressing", "on its way", generation=1, now=EARLY)

    assert ApplicationStatus.model_validate({"conditions": conditions}, by_name=False).conditions[0].status == "Unknown"


def test_a_message_the_agent_keeps_fits_its_description() -> None:
    message = Message(
        event=EventType.DEGRADED,
        application=AppKey("gitops-system", "shop"),
        at=EARLY,
        severity=Severity.ERROR,
        objects=("ConfigMap:shop/a",),
        facts={"a": "b"},
        count=2,
        **dict.fromkeys(("reason", "text", "repository", "ref", "commit", "author", "subject"), "x"),
    )
    kept = Entry(message=message, not_before=EARLY).to_json()
    status = NotifierStatus.model_validate({"pending": [kept], "delivered": 1, "dropped": 0}, by_name=False)

    assert status.pending[0].model_dump(mode="json", by_alias=True) == kept

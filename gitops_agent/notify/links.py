"""The page of the dashboard that explains a message."""

from __future__ import annotations

from urllib.parse import quote

from gitops_agent.api.event_type import EventType
from gitops_agent.notify.message import Message

_ROLLOUTS = frozenset(
    {
        EventType.ROLLOUT_STARTED,
        EventType.ROLLOUT_PAUSED,
        EventType.ROLLOUT_STEP,
        EventType.ROLLOUT_ABORTED,
        EventType.PROMOTED,
    }
)
_TABS = {EventType.DRIFT_DETECTED: "drift", EventType.DRIFT_REPAIRED: "drift", EventType.FIGHTING: "drift"} | dict.fromkeys(
    _ROLLOUTS, "rollouts"
)


def page_of(message: Message, external_url: str) -> str:
    """The address of the page; empty where the dashboard has no address.

    Args:
        message: what happened.
        external_url: where people reach the dashboard.
    """
    if not external_url:
        return ""
    application = message.application
    base = quote(external_url.rstrip("/"), safe=":/[]%")
    if message.event is EventType.TEST:
        return f"{base}/agent"
    page = f"{base}/a/{quote(application.namespace, safe='')}/{quote(application.name, safe='')}"
    plan = message.facts.get("plan", "")
    if message.event is EventType.HELD and plan.isalnum():
        return f"{page}/plan/{plan}"
    tab = _TABS.get(message.event, "")
    return f"{page}/{tab}" if tab else page

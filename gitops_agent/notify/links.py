"""The page of the dashboard that explains a message."""

from __future__ import annotations

from urllib.parse import quote

from gitops_agent.api.event_type import EventType
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.revision_name import short
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
    page = page_of_application(message.application, external_url)
    if not page:
        return ""
    if message.event is EventType.TEST:
        return f"{_base(external_url)}/agent"
    plan = message.facts.get("plan", "")
    if message.event is EventType.HELD and plan.isalnum():
        return f"{page}/plan/{plan}"
    tab = _TABS.get(message.event, "")
    return f"{page}/{tab}" if tab else page


def page_of_application(application: AppKey, external_url: str) -> str:
    """The address of an Application's page; empty where the dashboard has none."""
    if not external_url:
        return ""
    return f"{_base(external_url)}/a/{quote(application.namespace, safe='')}/{quote(application.name, safe='')}"


def commit_page(commit: str, external_url: str) -> str:
    """The address of the overview with the Applications of a commit."""
    return f"{_base(external_url)}/?q={quote(f'commit:{short(commit)}', safe='')}" if external_url else ""


def _base(external_url: str) -> str:
    return quote(external_url.rstrip("/"), safe=":/[]%")

"""PagerDuty: incidents that are triggered and resolved by themselves.

Secret key: `token`, the integration key of a service (Events API v2). `address` is `https://events.eu.pagerduty.com` for
accounts in Europe. Only events that begin or end an incident are sent.
"""

from __future__ import annotations

from datetime import datetime

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.message import Request
from gitops_agent.manifest.key import Object
from gitops_agent.notify.commit_status import token_of
from gitops_agent.notify.incident import incident_of
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import Credentials, judge_status

_API = "https://events.pagerduty.com"
_SUMMARY = 1024

judge = judge_status


def speaks_of(message: Message, spec: NotifierSpec) -> bool:
    """Events that begin or end an incident."""
    del spec
    return incident_of(message) is not None


def request(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A trigger or a resolve; both have the key of the incident."""
    del now
    token, incident = token_of(credentials), incident_of(message)
    if incident is None:
        raise AgentError(f"{message.title} is no incident", reason="DeliveryFailed", transient=False)
    content: Object = {
        "routing_key": token,
        "event_action": "trigger" if incident.open else "resolve",
        "dedup_key": incident.key(message),
    }
    if incident.open:
        first = next(iter(text.splitlines()), "")
        content["payload"] = {
            "summary": f"{message.title}: {first}"[:_SUMMARY] if first else message.title,
            "source": str(message.application),
            "severity": incident.kind.severity,
            "timestamp": message.at.isoformat(timespec="seconds"),
            "component": message.application.name,
            "group": message.application.namespace,
            "class": message.reason,
            "custom_details": {"text": text, "repository": message.repository, "commit": message.commit},
        }
        if message.link:
            content["links"] = [{"href": message.link, "text": "Open the dashboard"}]
    return Request(
        method="POST",
        url=f"{(spec.address or _API).rstrip('/')}/v2/enqueue",
        headers={"Content-Type": "application/json"},
        body=orjson.dumps(content),
    )

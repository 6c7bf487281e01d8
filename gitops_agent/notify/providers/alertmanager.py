"""Alertmanager: alerts that fire while something is broken.

An alert without an end vanishes after Alertmanager's `resolve_timeout`, so a firing one ends a day later and is repeated twice
a day while it lasts; its end is the moment of the recovery. All have the same labels, by which Alertmanager recognises them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.message import Request, basic
from gitops_agent.manifest.key import Object
from gitops_agent.notify.incident import incident_of
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import Credentials, address_of, credential, judge_status

_LASTS = timedelta(hours=24)
"""Twice as long as the pause until it is repeated."""

judge = judge_status


def speaks_of(message: Message, spec: NotifierSpec) -> bool:
    """Events that begin or end an incident."""
    del spec
    return incident_of(message) is not None


def request(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A POST of one alert, with a token or a password."""
    incident = incident_of(message)
    if incident is None:
        raise AgentError(f"{message.title} is no incident", reason="DeliveryFailed", transient=False)
    ends = now + _LASTS if incident.open else now
    alert: Object = {
        "labels": {
            "alertname": f"GitOpsAgent{incident.kind.name}",
            "namespace": message.application.namespace,
            "application": message.application.name,
            "severity": incident.kind.severity,
        },
        "annotations": {"summary": message.title, "description": text, "reason": message.reason, "commit": message.commit},
        "endsAt": ends.isoformat(timespec="seconds"),
    }
    if message.link:
        alert["generatorURL"] = message.link
    if incident.open:
        alert["startsAt"] = message.at.isoformat(timespec="seconds")
    headers = {"Content-Type": "application/json"}
    if token := credential(credentials, "token"):
        headers["Authorization"] = f"Bearer {token}"
    elif user := credential(credentials, "username"):
        headers["Authorization"] = basic(user, credential(credentials, "password"))
    return Request(
        method="POST",
        url=f"{address_of(credentials, spec).rstrip('/')}/api/v2/alerts",
        headers=headers,
        body=orjson.dumps([alert]),
    )

"""CloudEvents 1.0 over HTTP, in binary mode.

The attributes are headers, the body is the document of the webhook provider, and it is signed in the same way.
"""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import quote

from gitops_agent.api.event_type import EventType
from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.httpclient.message import Request
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import Credentials, everything, judge_status
from gitops_agent.notify.signed_post import signed_post

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")

speaks_of = everything
judge = judge_status


def request(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """The POST of the webhook provider, with the attributes of a CloudEvent."""
    sent = signed_post(message, text, credentials, spec, now=now)
    application = message.application
    plural = "notifiers" if message.event is EventType.TEST else "applications"
    attributes = {
        "ce-specversion": "1.0",
        "ce-id": message.id,
        "ce-source": f"/namespaces/{quote(application.namespace)}/{plural}/{quote(application.name)}",
        "ce-type": f"dev.gitops-agent.application.{_WORD.sub('-', message.event.value).lower()}.v1",
        "ce-time": message.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    if message.commit:
        attributes["ce-subject"] = message.commit
    return Request(method=sent.method, url=sent.url, headers={**sent.headers, **attributes}, body=sent.body)

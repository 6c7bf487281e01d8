"""Grafana annotations: what was deployed when, across every dashboard.

Secret key: `token` of a service account that may create annotations; `address` is the server.
"""

from __future__ import annotations

from datetime import datetime

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.httpclient.message import Request
from gitops_agent.manifest.revision_name import short
from gitops_agent.notify.commit_status import token_of
from gitops_agent.notify.markup import escaped_html
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import Credentials, address_of, everything, judge_status

speaks_of = everything
judge = judge_status


def request(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A POST of an annotation of the whole organisation."""
    del now
    tags = ["gitops-agent", f"event:{message.event.value}", f"application:{message.application}"]
    page = f'\n<a href="{message.link}">dashboard</a>' if message.link else ""
    content = {
        "time": int(message.at.timestamp() * 1000),
        "text": escaped_html(f"{message.title}\n{text}") + page,
        "tags": [*tags, f"commit:{short(message.commit)}"] if message.commit else tags,
    }
    return Request(
        method="POST",
        url=f"{address_of(credentials, spec).rstrip('/')}/api/annotations",
        headers={"Authorization": f"Bearer {token_of(credentials)}", "Content-Type": "application/json"},
        body=orjson.dumps(content),
    )

"""Mattermost, by the address of an incoming webhook.

The address is the credential. Markdown is escaped, and an at sign is kept apart from what follows, so that no channel is
mentioned.
"""

from __future__ import annotations

from datetime import datetime

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.events.event import Severity
from gitops_agent.httpclient.message import Request
from gitops_agent.manifest.key import Object
from gitops_agent.notify.markup import escaped_markdown
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import Credentials, address_of, credential, everything, judge_status

_COLOURS = {Severity.INFO: "#2eb67d", Severity.WARNING: "#ecb22e", Severity.ERROR: "#e01e5a"}

speaks_of = everything
judge = judge_status


def request(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A POST of one attachment.

    The key `channel` of the Secret names another channel.
    """
    del now
    title = escaped_markdown(message.title)
    attachment = {"fallback": title, "title": title, "text": escaped_markdown(text), "color": _COLOURS[message.severity]}
    if message.link:
        attachment["title_link"] = message.link
    content: Object = {"attachments": [attachment]}
    if channel := credential(credentials, "channel"):
        content["channel"] = channel
    return Request(
        method="POST",
        url=address_of(credentials, spec),
        headers={"Content-Type": "application/json"},
        body=orjson.dumps(content),
    )

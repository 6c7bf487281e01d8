"""Discord, by the address of a channel's webhook.

The address is the credential. Mentions are switched off and Markdown is escaped.
"""

from __future__ import annotations

from datetime import datetime

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.events.event import Severity
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.manifest.key import Object
from gitops_agent.notify.markup import escaped_markdown
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import Credentials, address_of, everything, judge_status, retry_after

_COLOURS = {Severity.INFO: 0x2EB67D, Severity.WARNING: 0xECB22E, Severity.ERROR: 0xE01E5A}
_TITLE, _DESCRIPTION = 256, 4096
"""Characters of an embed."""

speaks_of = everything


def request(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A POST of one embed that waits until it is stored."""
    del now
    url = address_of(credentials, spec)
    embed: Object = {
        "title": escaped_markdown(message.title)[:_TITLE],
        "description": escaped_markdown(text)[:_DESCRIPTION],
        "color": _COLOURS[message.severity],
        "timestamp": message.at.isoformat(timespec="seconds"),
    }
    if message.link:
        embed["url"] = message.link
    content = {"embeds": [embed], "allowed_mentions": {"parse": []}}
    return Request(
        method="POST",
        url=f"{url}{'&' if '?' in url else '?'}wait=true",
        headers={"Content-Type": "application/json"},
        body=orjson.dumps(content),
    )


def judge(answer: Answer) -> None:
    """As HTTP says; Discord's rate limit names fractions of a second."""
    if answer.status == 429 and retry_after(answer) is None:  # noqa: PLR2004 - HTTP
        raise DeliveryError("Discord's rate limit is used up", retry_after=_seconds(answer), status=429)
    judge_status(answer)


def _seconds(answer: Answer) -> float | None:
    """The `retry_after` of the answer's document."""
    try:
        reply = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    seconds = reply.get("retry_after") if isinstance(reply, dict) else None
    return float(seconds) if isinstance(seconds, int | float) and 0 <= seconds < 1e9 else None  # noqa: PLR2004 - three decades

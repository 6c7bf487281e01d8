"""Discord, by the address of a channel's webhook.

The address is the credential. Mentions are switched off and Markdown is escaped.
"""

from __future__ import annotations

import re
from datetime import datetime

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.events.event import Severity
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.manifest.key import Object
from gitops_agent.notify.markup import escaped_markdown
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import (
    Credentials,
    address_of,
    by_any,
    everything,
    judge_status,
    not_editable,
    reply_of,
    retry_after,
)

_COLOURS = {Severity.INFO: 0x2EB67D, Severity.WARNING: 0xECB22E, Severity.ERROR: 0xE01E5A}
_TITLE, _DESCRIPTION = 256, 4096
"""Characters of an embed."""

_JSON = {"Content-Type": "application/json"}
_ID = re.compile(r"[0-9]{1,25}")

speaks_of = everything
edits = by_any


def request(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A POST of one embed that waits until it is stored."""
    del now
    url = address_of(credentials, spec)
    return Request(
        method="POST", url=f"{url}{'&' if '?' in url else '?'}wait=true", headers=_JSON, body=_content(message, text)
    )


def message_id(answer: Answer) -> str:
    """The number of the stored message."""
    posted = str(reply_of(answer).get("id") or "")
    return posted if _ID.fullmatch(posted) else ""


def update(message: Message, text: str, posted: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A PATCH of the message, in the thread that the address names."""
    del now
    if _ID.fullmatch(posted) is None:
        raise not_editable()
    address, mark, query = address_of(credentials, spec).partition("?")
    url = f"{address.rstrip('/')}/messages/{posted}{mark}{query}"
    return Request(method="PATCH", url=url, headers=_JSON, body=_content(message, text))


def _content(message: Message, text: str) -> bytes:
    embed: Object = {
        "title": escaped_markdown(message.title)[:_TITLE],
        "description": escaped_markdown(text)[:_DESCRIPTION],
        "color": _COLOURS[message.severity],
        "timestamp": message.at.isoformat(timespec="seconds"),
    }
    if message.link:
        embed["url"] = message.link
    return orjson.dumps({"embeds": [embed], "allowed_mentions": {"parse": []}})


def judge(answer: Answer) -> None:
    """As HTTP says; Discord's rate limit names fractions of a second."""
    if answer.status == 429 and retry_after(answer) is None:  # noqa: PLR2004 - HTTP
        raise DeliveryError("Discord's rate limit is used up", retry_after=_seconds(answer), status=429)
    judge_status(answer)


def _seconds(answer: Answer) -> float | None:
    """The `retry_after` of the answer's document."""
    seconds = reply_of(answer).get("retry_after")
    return float(seconds) if isinstance(seconds, int | float) and 0 <= seconds < 1e9 else None  # noqa: PLR2004 - three decades

"""Telegram, by a bot.

Secret keys: `token` of the bot, `chat` (a number, or `@channel`), and `thread` for a topic of a group.
"""

from __future__ import annotations

import re
from datetime import datetime

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.manifest.key import Object
from gitops_agent.notify.markup import escaped_html
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import Credentials, credential, everything, judge_status

_API = "https://api.telegram.org"
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{10,100}")
_TEXT = 3500
"""Characters of a text before its escapes; a message has at most 4,096 after them."""

speaks_of = everything


def request(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A POST of `sendMessage`."""
    del now
    token, chat, thread = (credential(credentials, name) for name in ("token", "chat", "thread"))
    if _TOKEN.fullmatch(token) is None:
        raise AgentError("the key token of the Secret is missing or no token of a bot", reason="SecretInvalid")
    if not chat:
        raise AgentError("the Secret has no key chat", reason="SecretInvalid")
    title = escaped_html(message.title)
    if message.link:
        title = f'<a href="{message.link}">{title}</a>'
    content: Object = {
        "chat_id": chat,
        "text": f"<b>{title}</b>\n{escaped_html(text[:_TEXT])}",
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }
    if thread:
        content["message_thread_id"] = thread
    return Request(
        method="POST",
        url=f"{(spec.address or _API).rstrip('/')}/bot{token}/sendMessage",
        headers={"Content-Type": "application/json"},
        body=orjson.dumps(content),
    )


def judge(answer: Answer) -> None:
    """As HTTP says, with the pause that the answer's document asks for."""
    if answer.status == 429:  # noqa: PLR2004 - HTTP
        raise DeliveryError("Telegram's rate limit is used up", retry_after=_seconds(answer), status=429)
    judge_status(answer)


def _seconds(answer: Answer) -> float | None:
    """The `parameters.retry_after` of the answer's document."""
    try:
        seconds = orjson.loads(answer.body)["parameters"]["retry_after"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return float(seconds) if isinstance(seconds, int) and 0 <= seconds < 1_000_000_000 else None  # noqa: PLR2004 - three decades

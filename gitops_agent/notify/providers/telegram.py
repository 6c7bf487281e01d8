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
from gitops_agent.notify.provider import Credentials, by_any, credential, everything, judge_status, not_editable, reply_of

_API = "https://api.telegram.org"
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{10,100}")
_ID = re.compile(r"-?[0-9]{1,20} [0-9]{1,20}")
_UNCHANGED = "message is not modified"
_TEXT = 3500
"""Characters of a text before its escapes; a message has at most 4,096 after them."""

speaks_of = everything
edits = by_any


def request(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A POST of `sendMessage`."""
    del now
    chat, thread = (credential(credentials, name) for name in ("chat", "thread"))
    token = _token(credentials)
    if not chat:
        raise AgentError("the Secret has no key chat", reason="SecretInvalid")
    content = _content(message, text) | {"chat_id": chat}
    if thread:
        content["message_thread_id"] = thread
    return _call("sendMessage", content, token, spec)


def message_id(answer: Answer) -> str:
    """The numbers of the chat and of the message in it."""
    posted = reply_of(answer).get("result")
    chat = posted.get("chat") if isinstance(posted, dict) else None
    text = f"{chat.get('id')} {posted.get('message_id')}" if isinstance(chat, dict) and isinstance(posted, dict) else ""
    return text if _ID.fullmatch(text) else ""


def update(message: Message, text: str, posted: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A POST of `editMessageText`."""
    del now
    if _ID.fullmatch(posted) is None:
        raise not_editable()
    chat, number = map(int, posted.split(" "))
    content = _content(message, text) | {"chat_id": chat, "message_id": number}
    return _call("editMessageText", content, _token(credentials), spec)


def judge(answer: Answer) -> None:
    """As HTTP says, with the pause that the answer's document asks for.

    An edit that changes nothing is a success.
    """
    if answer.status == 429:  # noqa: PLR2004 - HTTP
        raise DeliveryError("Telegram's rate limit is used up", retry_after=_seconds(answer), status=429)
    if answer.status == 400 and _UNCHANGED in str(reply_of(answer).get("description")):  # noqa: PLR2004 - HTTP
        return
    judge_status(answer)


def _token(credentials: Credentials) -> str:
    token = credential(credentials, "token")
    if _TOKEN.fullmatch(token) is None:
        raise AgentError("the key token of the Secret is missing or no token of a bot", reason="SecretInvalid")
    return token


def _content(message: Message, text: str) -> Object:
    title = escaped_html(message.title)
    if message.link:
        title = f'<a href="{message.link}">{title}</a>'
    return {
        "text": f"<b>{title}</b>\n{escaped_html(text[:_TEXT])}",
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }


def _call(method: str, content: Object, token: str, spec: NotifierSpec) -> Request:
    return Request(
        method="POST",
        url=f"{(spec.address or _API).rstrip('/')}/bot{token}/{method}",
        headers={"Content-Type": "application/json"},
        body=orjson.dumps(content),
    )


def _seconds(answer: Answer) -> float | None:
    """The `parameters.retry_after` of the answer's document."""
    parameters = reply_of(answer).get("parameters")
    seconds = parameters.get("retry_after") if isinstance(parameters, dict) else None
    return float(seconds) if isinstance(seconds, int) and 0 <= seconds < 1_000_000_000 else None  # noqa: PLR2004 - three decades

"""Slack, by an incoming webhook, or a bot token and channel.

Secret keys: `address` (an incoming webhook: the address is the credential), or `token` and `channel`. Text of commits and
objects is escaped, so that no commit message can mention a whole channel, and links are not unfurled. A bot's
messages can be edited, those of a webhook cannot.
"""

from __future__ import annotations

import re
from datetime import datetime

import orjson

from gitops_agent.api.event_type import EventType
from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.errors import AgentError
from gitops_agent.events.event import Severity
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.manifest.key import Object
from gitops_agent.notify.markup import escaped_html
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import (
    Credentials,
    by_bots,
    credential,
    everything,
    judge_status,
    not_editable,
    reply_of,
    retry_after,
)

_API = "https://slack.com/api"
_COLOURS = {Severity.INFO: "#2eb67d", Severity.WARNING: "#ecb22e", Severity.ERROR: "#e01e5a"}
_WHY = (("why", "Why?"),)
_HELD = (("approve", "Approve …"), ("diff", "What changes?"))
_ASKS = {EventType.HELD: _HELD, EventType.HISTORY_REWRITTEN: _HELD, EventType.WINDOW_CLOSED: _HELD, EventType.TEST: ()}
"""Buttons by event: commands that change nothing, and their words."""
_JSON = {"Content-Type": "application/json; charset=utf-8"}
_ID = re.compile(r"[A-Z0-9]{1,32} [0-9]{1,20}\.[0-9]{1,20}")
_LATER = frozenset({"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"})


speaks_of = everything
edits = by_bots


def request(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A POST to the incoming webhook, or of `chat.postMessage`."""
    del now
    content = _content(message, text) | {"unfurl_links": False, "unfurl_media": False}
    if token := credential(credentials, "token"):
        channel = credential(credentials, "channel")
        if not channel:
            raise AgentError("the Secret has a token, but the key channel is missing", reason="SecretInvalid")
        return _call("chat.postMessage", content | {"channel": channel}, token, spec)
    url = credential(credentials, "address") or spec.address or ""
    if not url:
        raise AgentError("the Secret has neither the key address nor the key token", reason="SecretInvalid")
    return Request(method="POST", url=url, headers=_JSON, body=orjson.dumps(content))


def message_id(answer: Answer) -> str:
    """Channel and timestamp, which only the answer to a bot has."""
    reply = reply_of(answer)
    posted = f"{reply.get('channel')} {reply.get('ts')}"
    return posted if _ID.fullmatch(posted) else ""


def update(message: Message, text: str, posted: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A POST of `chat.update`; an incoming webhook edits nothing."""
    del now
    token = credential(credentials, "token")
    if not token or _ID.fullmatch(posted) is None:
        raise not_editable()
    channel, _, timestamp = posted.partition(" ")
    return _call("chat.update", _content(message, text) | {"channel": channel, "ts": timestamp}, token, spec)


def _content(message: Message, text: str) -> Object:
    title = escaped_html(message.title)
    attachments: list[Object] = [{"color": _COLOURS[message.severity], "text": escaped_html(text), "fallback": title}]
    if message.buttons and (asks := _ASKS.get(message.event, _WHY if message.severity is not Severity.INFO else ())):
        elements = [_button(verb, words, message) for verb, words in asks]
        attachments.append({"fallback": title, "blocks": [{"type": "actions", "elements": elements}]})
    return {"text": f"<{message.link}|{title}>" if message.link else title, "attachments": attachments}


def _button(verb: str, words: str, message: Message) -> Object:
    """A button whose value is what a person would type."""
    label = {"type": "plain_text", "text": words}
    return {"type": "button", "action_id": f"gitops-{verb}", "text": label, "value": f"{verb} {message.application}"}


def _call(method: str, content: Object, token: str, spec: NotifierSpec) -> Request:
    url = f"{(spec.address or _API).rstrip('/')}/{method}"
    return Request(method="POST", url=url, headers={**_JSON, "Authorization": f"Bearer {token}"}, body=orjson.dumps(content))


def judge(answer: Answer) -> None:
    """By the HTTP status, and by `ok` in the API's answer.

    The API says 200 to everything.
    """
    judge_status(answer)
    reply = reply_of(answer)
    if reply.get("ok") is False:
        error = str(reply.get("error") or "no reason given")[:100]
        raise DeliveryError(f"Slack refused: {error}", transient=error in _LATER, retry_after=retry_after(answer))

"""Mattermost, by an incoming webhook, or the token of a bot.

Secret keys: `address` (an incoming webhook: the address is the credential), or `token` of a bot and `channel`, the id of a
channel, with the server as the Notifier's address. A bot's messages can be edited, those of a webhook cannot. Markdown is
escaped, and an at sign is kept apart from what follows, so that no channel is mentioned.
"""

from __future__ import annotations

import re
from datetime import datetime

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.errors import AgentError
from gitops_agent.events.event import Severity
from gitops_agent.httpclient.message import Answer, Request
from gitops_agent.manifest.key import Object
from gitops_agent.notify.markup import escaped_markdown
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import (
    Credentials,
    address_of,
    by_bots,
    credential,
    everything,
    judge_status,
    not_editable,
    reply_of,
)

_COLOURS = {Severity.INFO: "#2eb67d", Severity.WARNING: "#ecb22e", Severity.ERROR: "#e01e5a"}

_JSON = {"Content-Type": "application/json"}
_ID = re.compile(r"[a-z0-9]{26}")

speaks_of = everything
edits = by_bots
judge = judge_status


def request(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A POST of one attachment, to the webhook or by the bot.

    The key `channel` of the Secret names another channel than the webhook's.
    """
    del now
    channel = credential(credentials, "channel")
    if token := credential(credentials, "token"):
        if not channel or not spec.address:
            missing = "the Secret has a token, but no key channel with the id of a channel, or spec.address names no server"
            raise AgentError(missing, reason="SecretInvalid")
        return _call("POST", "", _post(message, text) | {"channel_id": channel}, token, spec)
    content: Object = {"attachments": [_attachment(message, text)]}
    if channel:
        content["channel"] = channel
    return Request(method="POST", url=address_of(credentials, spec), headers=_JSON, body=orjson.dumps(content))


def message_id(answer: Answer) -> str:
    """The id of the post; only a bot gets one."""
    posted = str(reply_of(answer).get("id") or "")
    return posted if _ID.fullmatch(posted) else ""


def update(message: Message, text: str, posted: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A PUT of the post's new content; an incoming webhook edits nothing."""
    del now
    token = credential(credentials, "token")
    if not token or not spec.address or _ID.fullmatch(posted) is None:
        raise not_editable()
    return _call("PUT", f"/{posted}/patch", _post(message, text), token, spec)


def _post(message: Message, text: str) -> Object:
    return {"message": "", "props": {"attachments": [_attachment(message, text)]}}


def _attachment(message: Message, text: str) -> Object:
    title = escaped_markdown(message.title)
    attachment = {"fallback": title, "title": title, "text": escaped_markdown(text), "color": _COLOURS[message.severity]}
    return attachment | ({"title_link": message.link} if message.link else {})


def _call(method: str, path: str, content: Object, token: str, spec: NotifierSpec) -> Request:
    return Request(
        method=method,
        url=f"{(spec.address or '').rstrip('/')}/api/v4/posts{path}",
        headers={**_JSON, "Authorization": f"Bearer {token}"},
        body=orjson.dumps(content),
    )

"""Slack, by an incoming webhook, or a bot token and channel.

Secret keys: `address` (an incoming webhook: the address is the credential), or `token` and `channel`. Text of commits and
objects is escaped, so that no commit message can mention a whole channel, and links are not unfurled.
"""

from __future__ import annotations

from datetime import datetime

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.errors import AgentError
from gitops_agent.events.event import Severity
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.manifest.key import Object
from gitops_agent.notify.markup import escaped_html
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import Credentials, credential, everything, judge_status, retry_after

_API = "https://slack.com/api"
_COLOURS = {Severity.INFO: "#2eb67d", Severity.WARNING: "#ecb22e", Severity.ERROR: "#e01e5a"}
_LATER = frozenset({"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"})


speaks_of = everything


def request(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A POST to the incoming webhook, or of `chat.postMessage`."""
    del now
    content: Object = {
        "text": f"<{message.link}|{escaped_html(message.title)}>" if message.link else escaped_html(message.title),
        "attachments": [
            {"color": _COLOURS[message.severity], "text": escaped_html(text), "fallback": escaped_html(message.title)}
        ],
        "unfurl_links": False,
        "unfurl_media": False,
    }
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if token := credential(credentials, "token"):
        channel = credential(credentials, "channel")
        if not channel:
            raise AgentError("the Secret has a token, but the key channel is missing", reason="SecretInvalid")
        headers["Authorization"] = f"Bearer {token}"
        url = f"{(spec.address or _API).rstrip('/')}/chat.postMessage"
        content |= {"channel": channel}
    else:
        url = credential(credentials, "address") or spec.address or ""
        if not url:
            raise AgentError("the Secret has neither the key address nor the key token", reason="SecretInvalid")
    return Request(method="POST", url=url, headers=headers, body=orjson.dumps(content))


def judge(answer: Answer) -> None:
    """By the HTTP status, and by `ok` in the API's answer.

    The API says 200 to everything.
    """
    judge_status(answer)
    try:
        reply = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return
    if isinstance(reply, dict) and reply.get("ok") is False:
        error = str(reply.get("error") or "no reason given")[:100]
        raise DeliveryError(f"Slack refused: {error}", transient=error in _LATER, retry_after=retry_after(answer))

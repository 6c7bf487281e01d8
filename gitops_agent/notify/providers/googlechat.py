"""Google Chat, by the address of a space's incoming webhook.

The address holds a key and a token, so it belongs in the Secret. What happens to one commit of one application is one thread.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.httpclient.message import Request
from gitops_agent.manifest.key import Object
from gitops_agent.notify.markup import escaped_html
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import Credentials, address_of, everything, judge_status

_REPLY = "messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"

speaks_of = everything
judge = judge_status


def request(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A POST of one card."""
    del now
    url = address_of(credentials, spec)
    paragraph = "<br>".join(escaped_html(line) for line in text.splitlines())
    widgets: list[Object] = [{"textParagraph": {"text": paragraph or escaped_html(message.title)}}]
    if message.link:
        button = {"text": "Open the dashboard", "onClick": {"openLink": {"url": message.link}}}
        widgets.append({"buttonList": {"buttons": [button]}})
    content = {
        "text": message.title.replace("<", "\u2039"),
        "cardsV2": [
            {
                "cardId": message.id,
                "card": {
                    "header": {"title": message.title, "subtitle": message.severity.value},
                    "sections": [{"widgets": widgets}],
                },
            }
        ],
        "thread": {"threadKey": _thread(message)},
    }
    return Request(
        method="POST",
        url=f"{url}{'&' if '?' in url else '?'}{_REPLY}",
        headers={"Content-Type": "application/json; charset=UTF-8"},
        body=orjson.dumps(content),
    )


def _thread(message: Message) -> str:
    """One thread for each application and commit."""
    return hashlib.sha256(f"{message.application}\n{message.commit}".encode()).hexdigest()[:32]

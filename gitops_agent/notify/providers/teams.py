"""Microsoft Teams, by the address of a workflow.

The address is the credential. A workflow takes the card and answers 202 before it has posted it, so a card that it fails to
post is lost without notice. The older connectors of Office 365 were retired and are refused. Text is shown in runs, which Teams
does not read as Markdown.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.errors import AgentError
from gitops_agent.events.event import Severity
from gitops_agent.httpclient.message import Request
from gitops_agent.manifest.key import Object
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import Credentials, address_of, everything, judge_status

_RETIRED = ("webhook.office.com", "outlook.office.com")
_COLOURS = {Severity.INFO: "good", Severity.WARNING: "warning", Severity.ERROR: "attention"}

speaks_of = everything
judge = judge_status


def request(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A POST of an adaptive card."""
    del now
    url = address_of(credentials, spec)
    host = urlsplit(url).hostname or ""
    if any(host == retired or host.endswith(f".{retired}") for retired in _RETIRED):
        raise AgentError(
            "the address is a connector of Office 365, which Microsoft retired: "
            "create a workflow in the channel and use its address",
            reason="SecretInvalid",
        )
    card: Object = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            _runs({"text": message.title, "weight": "bolder", "color": _COLOURS[message.severity]}),
            *(_runs({"text": line}) for line in text.splitlines() if line.strip()),
        ],
    }
    if message.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the dashboard", "url": message.link}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return Request(
        method="POST",
        url=url,
        headers={"Content-Type": "application/json"},
        body=orjson.dumps({"type": "message", "attachments": [attachment]}),
    )


def _runs(run: Object) -> Object:
    """A paragraph of one run of text."""
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun"} | run]}

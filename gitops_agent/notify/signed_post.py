"""The signed POST that webhooks and CloudEvents have in common.

Signed where the Secret has a key `hmac`: `X-Gitops-Agent-Signature: sha256=HEX` is the HMAC-SHA256 over the timestamp header, a
dot and the raw body. The timestamp is inside, so an old request cannot be replayed under a new time; a receiver refuses
timestamps that are more than a few minutes away from its own clock, and recognises repeats by `X-Gitops-Agent-Id`.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.httpclient.message import Request
from gitops_agent.manifest.key import Object
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import Credentials, address_of, credential


def signed_post(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
    """A POST of the message, optionally with a bearer token."""
    url = address_of(credentials, spec)
    body = orjson.dumps(_document(message, text))
    timestamp = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "X-Gitops-Agent-Id": message.id,
        "X-Gitops-Agent-Event": message.event.value,
        "X-Gitops-Agent-Timestamp": timestamp,
    }
    if key := credentials.get("hmac", b""):
        headers["X-Gitops-Agent-Signature"] = signature(key, timestamp, body)
    if token := credential(credentials, "token"):
        headers["Authorization"] = f"Bearer {token}"
    return Request(method="POST", url=url, headers=headers, body=body)


def signature(key: bytes, timestamp: str, body: bytes) -> str:
    """The signature header's value; the key is stripped of white space."""
    return "sha256=" + hmac.new(key.strip(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _document(message: Message, text: str) -> Object:
    """What is sent; every field is always there."""
    return {
        "id": message.id,
        "event": message.event.value,
        "severity": message.severity.value,
        "application": {"namespace": message.application.namespace, "name": message.application.name},
        "at": message.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "reason": message.reason,
        "title": message.title,
        "text": text,
        "link": message.link,
        "revision": {
            "repository": message.repository,
            "ref": message.ref,
            "commit": message.commit,
            "author": message.author,
            "subject": message.subject,
        },
        "objects": list(message.objects),
        "facts": message.facts,
        "count": message.count,
    }

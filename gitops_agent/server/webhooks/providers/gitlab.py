"""GitLab: a signature of Standard Webhooks, else the token itself.

A signing token begins with `whsec_`; the key is what follows, in base64. GitLab then sends no other proof, and with a signing
token among the secrets none is accepted.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from gitops_agent.server.webhooks.delivery import Delivery, Push, pushed, secret_matches, text
from gitops_agent.server.webhooks.standard import SIGNING_TOKEN, signed

_EVENTS = frozenset({"Push Hook", "Tag Push Hook", "Merge Request Hook"})


def authentic(delivery: Delivery, secrets: Sequence[bytes]) -> bool:
    """By the signature over id, time and body, or by the token."""
    keys = [key for secret in secrets if (key := _key(secret))]
    if keys:
        return signed(delivery, keys)
    token = delivery.header("x-gitlab-token")
    return bool(token) and secret_matches(secrets, token)


def delivery_id(delivery: Delivery) -> str:
    """The id of the message, else the key of its idempotence."""
    return delivery.header("webhook-id") or delivery.header("idempotency-key") or delivery.header("x-gitlab-event-uuid")


def push(delivery: Delivery, document: Any) -> Push | None:
    """Pushes of branches and tags, and merge requests."""
    event = delivery.header("x-gitlab-event")
    if event not in _EVENTS:
        return None
    urls = [text(document, "project", name) for name in ("git_http_url", "git_ssh_url", "web_url")]
    return pushed(urls, [(text(document, "ref"), text(document, "after"))] if event != "Merge Request Hook" else [])


def _key(secret: bytes) -> bytes:
    """The key of a signing token; empty for a plain token."""
    if not secret.startswith(SIGNING_TOKEN):
        return b""
    try:
        return base64.b64decode(secret.removeprefix(SIGNING_TOKEN), validate=True)
    except binascii.Error:
        return b""

"""The generic sender: registries, CI and cron, with `{"repository": URL}`.

Signed as our own webhook notifier signs, with the time inside, or as Standard Webhooks defines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gitops_agent.server.webhooks.delivery import Delivery, Push, hmac_matches, pushed, text
from gitops_agent.server.webhooks.standard import recent, signed

_PREFIX = "sha256="


def authentic(delivery: Delivery, secrets: Sequence[bytes]) -> bool:
    """By a signature with a time that is not old."""
    if delivery.header("webhook-signature"):
        return signed(delivery, secrets)
    stamp, signature = delivery.header("x-gitops-agent-timestamp"), delivery.header("x-gitops-agent-signature")
    content = stamp.encode() + b"." + delivery.body
    fresh = recent(delivery, stamp) and signature.startswith(_PREFIX)
    return fresh and hmac_matches(secrets, content, signature.removeprefix(_PREFIX))


def delivery_id(delivery: Delivery) -> str:
    """The id of the message, else its signature."""
    return delivery.header("webhook-id") or delivery.header("x-gitops-agent-id") or delivery.header("x-gitops-agent-signature")


def push(delivery: Delivery, document: Any) -> Push | None:
    """The repository it names, and optionally a commit."""
    del delivery
    return pushed([text(document, "repository")], [(text(document, "ref"), text(document, "commit"))])

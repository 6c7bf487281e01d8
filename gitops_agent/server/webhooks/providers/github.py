"""GitHub: `X-Hub-Signature-256` over the raw body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gitops_agent.server.webhooks.delivery import Delivery, Push, hmac_matches, pushed, text

_PREFIX = "sha256="
_EVENTS = frozenset({"push", "create", "delete", "pull_request"})


def authentic(delivery: Delivery, secrets: Sequence[bytes]) -> bool:
    """By the signature; the older one by SHA-1 is ignored."""
    signature = delivery.header("x-hub-signature-256")
    return signature.startswith(_PREFIX) and hmac_matches(secrets, delivery.body, signature.removeprefix(_PREFIX))


def delivery_id(delivery: Delivery) -> str:
    """The GUID of the delivery, which a redelivery keeps."""
    return delivery.header("x-github-delivery")


def push(delivery: Delivery, document: Any) -> Push | None:
    """Pushes, references that come and go, and pull requests."""
    if delivery.header("x-github-event") not in _EVENTS:
        return None
    urls = [text(document, "repository", name) for name in ("clone_url", "ssh_url", "html_url")]
    return pushed(
        urls, [(text(document, "ref"), text(document, "after"))] if delivery.header("x-github-event") == "push" else []
    )

"""Gitea and Forgejo: a hexadecimal HMAC over the raw body.

They send the headers of GitHub and Gogs as well, which say nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gitops_agent.server.webhooks.delivery import Delivery, Push, hmac_matches, pushed, text

_EVENTS = frozenset({"push", "create", "delete", "pull_request"})


def authentic(delivery: Delivery, secrets: Sequence[bytes]) -> bool:
    """By the signature of either."""
    signature = delivery.header("x-gitea-signature") or delivery.header("x-forgejo-signature")
    return bool(signature) and hmac_matches(secrets, delivery.body, signature)


def delivery_id(delivery: Delivery) -> str:
    """The UUID of the delivery."""
    return delivery.header("x-gitea-delivery") or delivery.header("x-forgejo-delivery")


def push(delivery: Delivery, document: Any) -> Push | None:
    """Pushes, references that come and go, and pull requests."""
    event = delivery.header("x-gitea-event") or delivery.header("x-forgejo-event")
    if event not in _EVENTS:
        return None
    urls = [text(document, "repository", name) for name in ("clone_url", "ssh_url", "html_url")]
    return pushed(urls, [(text(document, "ref"), text(document, "after"))] if event == "push" else [])

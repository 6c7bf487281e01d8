"""Azure DevOps: user and password of the service hook, by HTTP Basic.

A secret is `user:password`, or the password alone with an empty user. The body says what happened, and a push without
references may come.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from gitops_agent.server.webhooks.delivery import Delivery, Push, at, pushed, secret_matches, text

_UPDATES = 50


def authentic(delivery: Delivery, secrets: Sequence[bytes]) -> bool:
    """By the whole pair, which is compared at once."""
    scheme, _, encoded = delivery.header("authorization").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return False
    return secret_matches([secret if b":" in secret else b":" + secret for secret in secrets], pair)


def delivery_id(delivery: Delivery) -> str:
    """The id of the request."""
    return delivery.header("request-id")


def push(delivery: Delivery, document: Any) -> Push | None:
    """Pushes and pull requests."""
    del delivery
    if not text(document, "eventType").startswith(("git.push", "git.pullrequest")):
        return None
    updates = at(document, "resource", "refUpdates")
    several = updates[:_UPDATES] if isinstance(updates, list) else []
    urls = [text(document, "resource", "repository", name) for name in ("remoteUrl", "sshUrl", "webUrl")]
    return pushed(urls, [(text(update, "name"), text(update, "newObjectId")) for update in several])

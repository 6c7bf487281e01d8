"""Bitbucket Cloud and Data Center: `X-Hub-Signature` with SHA-256 over the raw body.

`X-Hook-UUID` is no secret and proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gitops_agent.server.webhooks.delivery import Delivery, Push, at, hmac_matches, pushed, text

_PREFIX = "sha256="
_CHANGES = 50
"""Changes of one push that are read."""


def authentic(delivery: Delivery, secrets: Sequence[bytes]) -> bool:
    """By the signature, which a webhook without a secret lacks."""
    signature = delivery.header("x-hub-signature")
    return signature.startswith(_PREFIX) and hmac_matches(secrets, delivery.body, signature.removeprefix(_PREFIX))


def delivery_id(delivery: Delivery) -> str:
    """The id of the request; attempts of one delivery share it."""
    return delivery.header("x-request-uuid") or delivery.header("x-request-id")


def push(delivery: Delivery, document: Any) -> Push | None:
    """Pushes and pull requests of either."""
    event = delivery.header("x-event-key")
    if event == "repo:refs_changed":
        changes = _several(at(document, "changes"))
        tips = [(text(change, "ref", "id"), text(change, "toHash")) for change in changes]
        return pushed(_clones(document, "repository"), tips)
    if event == "repo:push":
        changes = [at(change, "new") for change in _several(at(document, "push", "changes"))]
        tips = [
            (f"refs/heads/{text(new, 'name')}", text(new, "target", "hash")) for new in changes if at(new, "type") == "branch"
        ]
        return pushed([text(document, "repository", "links", "html", "href")], tips)
    if event.startswith("pullrequest:"):
        return pushed([text(document, "repository", "links", "html", "href")])
    if event.startswith("pr:"):
        return pushed(_clones(document, "pullRequest", "toRef", "repository"))
    return None


def _clones(document: Any, *path: str) -> list[str]:
    """The addresses of a repository of Data Center."""
    return [text(document, *path, "links", "clone", number, "href") for number in range(4)]


def _several(changes: Any) -> list[Any]:
    """The first changes of a push."""
    return changes[:_CHANGES] if isinstance(changes, list) else []

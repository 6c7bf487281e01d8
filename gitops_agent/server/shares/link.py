"""The text of a share link: scope, end, signature.

Problem: a list of links on the server has to be kept, and a replica that takes over needs it. Decision: the link carries what
it shows, signed with HMAC-SHA256 by a key of the agent; nothing is stored, and another key revokes every link. Whatever is
wrong with a link, the answer is the same.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

import orjson

from gitops_agent.manifest.key import AppKey

LONGEST_BYTES = 2048
_VERSION = 1
_KEY_ID_DIGITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a link shows, and until when.

    Attributes:
        application: one Application; None for a list.
        filter: of a list, as in the search box.
        namespaces: those the list may come from.
        expires: seconds since 1970.
    """

    application: AppKey | None = None
    filter: str = ""
    namespaces: tuple[str, ...] = ()
    expires: int = 0


def key_id(key: bytes) -> str:
    """The name of a key in links."""
    return hashlib.sha256(b"share-key\0" + key).hexdigest()[:_KEY_ID_DIGITS]


def sealed(scope: Scope, key: bytes) -> str:
    """The text of a link."""
    content: dict[str, Any] = {"v": _VERSION, "kid": key_id(key), "exp": scope.expires}
    if scope.application is not None:
        content["app"] = list(scope.application)
    else:
        content |= {"filter": scope.filter, "ns": list(scope.namespaces)}
    body = _encoded(orjson.dumps(content))
    return f"{body}.{_encoded(_signature(body, key))}"


def opened(text: str, key: bytes, *, now: float) -> Scope | None:
    """The scope of a link; None when the link is not good.

    Args:
        text: as in the address.
        key: of the agent.
        now: seconds since 1970.
    """
    body, dot, signature = text.partition(".")
    if not dot or len(text) > LONGEST_BYTES or not text.isascii():
        return None
    if not hmac.compare_digest(signature.encode(), _encoded(_signature(body, key)).encode()):
        return None
    try:
        content = orjson.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        application = AppKey(*content["app"]) if "app" in content else None
        scope = Scope(
            application=application,
            filter=str(content.get("filter") or ""),
            namespaces=tuple(map(str, content.get("ns") or ())),
            expires=int(content["exp"]),
        )
    except (binascii.Error, ValueError, TypeError, KeyError):
        return None
    return scope if content["v"] == _VERSION and content["kid"] == key_id(key) and scope.expires > now else None


def _signature(body: str, key: bytes) -> bytes:
    return hmac.new(key, b"gitops-agent-share\0" + body.encode(), hashlib.sha256).digest()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

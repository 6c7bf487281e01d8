"""Seals the marks of objects, and verifies the seals of live objects.

Problem: a mark is a label and an annotation of known text, so all who may edit an object can write one, and a mark leads to
deletions, counts and holds. Decision: the annotation ends with the UID of the Application and an HMAC over the object, the
Application and that UID, made with a key that only the agent has. A mark without a valid seal never deletes, counts or holds
anything. The UID keeps an Application from inheriting the leftovers of an earlier one of its name.

Verifying takes a microsecond, once for each version of an object, and no request. Without a key nothing is verified.
"""

from __future__ import annotations

import base64
import binascii
import hmac

from gitops_agent.manifest import marks
from gitops_agent.manifest.key import AppKey, Object, ObjectKey

KEY_ENTRY = "key"
"""The entry of the Secret that holds the key."""

_MAC_BYTES = 16
_SHORTEST_KEY_BYTES = 16


class MarkAuthority:
    """Holder of the key; thread-safe, since the key is set once.

    Args:
        key: the key; empty until it is known.

    Attributes:
        problem: why the key is not known, while it is not.
    """

    def __init__(self, key: bytes = b"") -> None:
        self._key = key
        self.problem = "it was not read yet"

    @property
    def ready(self) -> bool:
        """Whether the key is known."""
        return bool(self._key)

    def use(self, key: bytes) -> None:
        """Sets the key."""
        self._key = key

    def seal(self, key: ObjectKey, application: AppKey, uid: str) -> str:
        """The seal of a mark; empty without a key or a UID."""
        if not self._key or not uid:
            return ""
        text = f"{marks.id_value(key, application)}#{uid}".encode()
        mac = hmac.digest(self._key, text, "sha256")[:_MAC_BYTES]
        return f"{uid}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"

    def verifies(self, key: ObjectKey, application: AppKey, seal: str) -> bool:
        """Whether the agent made this seal for this object and application."""
        uid = sealed_uid(seal)
        return bool(uid) and hmac.compare_digest(self.seal(key, application, uid).encode(), seal.encode())

    def owner(self, obj: Object) -> AppKey | None:
        """The application that owns a live object by verified marks, else None."""
        mark = marks.read(obj)
        if mark is None or not self.verifies(ObjectKey.of(obj), mark.application, mark.seal):
            return None
        return mark.application


def sealed_uid(seal: str) -> str:
    """The UID of the Application in a seal."""
    return seal.rpartition(".")[0]


def secret_key(secret: Object) -> bytes:
    """The key in a live Secret; empty where there is none."""
    try:
        key = base64.b64decode((secret.get("data") or {}).get(KEY_ENTRY) or "", validate=True)
    except (binascii.Error, TypeError, ValueError):
        return b""
    return key if len(key) >= _SHORTEST_KEY_BYTES else b""

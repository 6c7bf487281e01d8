"""What a forge sends, and what is read from it.

A payload is a hint and never a truth: it says that a repository is worth a poll now. Which commit is there is read from Git,
and no address in a payload is ever called. So a forged hint that passes costs one poll.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

REPLAY = timedelta(minutes=5)
"""How far a signed time may be away from ours."""
_TEXT = 2048
"""Characters of a field that is read at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request of a forge.

    Attributes:
        headers: with lower-case names.
        body: raw, as it was signed.
        at: when it came, aware, UTC.
    """

    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    at: datetime

    def header(self, name: str) -> str:
        """A header by its lower-case name; empty when absent."""
        return self.headers.get(name, "").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What a payload says of a repository.

    Attributes:
        urls: addresses of the repository, at most a few.
        tips: full references with the commits they should be at now; empty when it says none.
    """

    urls: tuple[str, ...]
    tips: tuple[tuple[str, str], ...] = ()


class WebhookProvider(Protocol):
    """One kind of sender; a module with these functions is one."""

    def authentic(self, delivery: Delivery, secrets: Sequence[bytes]) -> bool:
        """Whether one of the secrets proves the sender.

        Each is tried in constant time.
        """
        ...

    def delivery_id(self, delivery: Delivery) -> str:
        """What identifies a repeated delivery; empty when the sender names nothing."""
        ...

    def push(self, delivery: Delivery, document: Any) -> Push | None:
        """What the JSON document says, None when it is about no push.

        Total: whatever the document holds, nothing is raised.
        """
        ...


def hmac_matches(secrets: Sequence[bytes], signed: bytes, expected: str, digest: str = "sha256") -> bool:
    """Whether a hexadecimal HMAC was made with one of the secrets."""
    proofs = [hmac.new(secret, signed, digest).hexdigest() for secret in secrets]
    equal = [hmac.compare_digest(proof.encode(), expected.lower().encode()) for proof in proofs]
    return any(equal)


def secret_matches(secrets: Sequence[bytes], given: str) -> bool:
    """Whether a text is one of the secrets."""
    equal = [hmac.compare_digest(secret, given.encode()) for secret in secrets]
    return any(equal)


def at(document: Any, *path: str | int) -> Any:
    """The value at a path of a document.

    None where anything is missing or of another type.
    """
    value = document
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and step < len(value) else None
    return value


def text(document: Any, *path: str | int) -> str:
    """The short text at a path; empty for everything else."""
    value = at(document, *path)
    return value if isinstance(value, str) and len(value) <= _TEXT else ""


def pushed(urls: Sequence[str], tips: Sequence[tuple[str, str]] = ()) -> Push | None:
    """The push of what a payload names; None without an address.

    A reference that is gone has a commit of zeros.
    """
    named = tuple(dict.fromkeys(url for url in urls if url))
    return Push(urls=named, tips=tuple((ref, commit) for ref, commit in tips if ref and commit.strip("0"))) if named else None

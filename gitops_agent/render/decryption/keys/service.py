"""What kinds have in common whose keys stay in a service."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import orjson

from gitops_agent.errors import AgentError
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.httpclient.message import Answer, Request
from gitops_agent.render.decryption.errors import KeyUnavailable
from gitops_agent.render.decryption.keys.kind import Refused

_KEPT_SECONDS = 3600.0
_KEPT = 1000
_BUSY, _BROKEN = 429, 500
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")


class Sender(Protocol):
    """The way to a service."""

    def send(self, request: Request, *, authority: bytes = b"") -> Answer:
        """See `HttpClient.send`."""


class DirectSender:
    """One client for each request, so that threads share none."""

    def send(self, request: Request, *, authority: bytes = b"") -> Answer:
        """See `Sender`."""
        return HttpClient().send(request, authority=authority)


def asked(sender: Sender, request: Request, *, service: str, authority: bytes = b"") -> Answer:
    """The answer of a service that is neither busy nor broken.

    Args:
        sender: the way to it.
        request: what it is asked.
        service: its name, for messages.
        authority: see `HttpClient.send`.

    Raises:
        KeyUnavailable: it may answer later.
        Refused: it may not be asked.
    """
    try:
        answer = sender.send(request, authority=authority)
    except AgentError as error:
        if error.transient:
            raise KeyUnavailable(f"{service} gives no answer: {error.message}") from None
        raise Refused(f"cannot be asked for: {error.message}") from None
    if answer.status == _BUSY or answer.status >= _BROKEN:
        raise KeyUnavailable(f"{service} answers with {answer.status}")
    return answer


def identity_of(*parts: str | bytes) -> bytes:
    """Everything that decides whether a data key opens, as one digest."""
    digests = (hashlib.sha256(part.encode() if isinstance(part, str) else part).digest() for part in parts)
    return hashlib.sha256(b"".join(digests)).digest()


def token_of(answer: Answer, name: str = "access_token", *, owner: str, longest: int) -> str:
    """The access token in a service's answer (RFC 6749, section 5.1).

    Args:
        answer: of the service.
        name: of the field that holds it.
        owner: whose service it is, for messages.
        longest: characters of a token of that owner.

    Raises:
        Refused: there is none that a header can carry.
    """
    token = _field(answer, name)
    if not isinstance(token, str) or len(token) > longest or not _TOKEN.fullmatch(token):
        raise Refused(f"needs a token, and {owner}'s answer holds none")
    return token


def data_key_of(answer: Answer, *path: str, service: str) -> bytes:
    """The data key in a service's answer, in base64 at a path.

    Raises:
        Refused: there is none.
    """
    try:
        return base64.b64decode(_field(answer, *path), validate=True)
    except (TypeError, ValueError):
        raise Refused(f"got an answer from {service} that holds no data key") from None


def _field(answer: Answer, *path: str) -> Any:
    """A field of an answer in JSON; None where it has none."""
    try:
        value = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


class DataKeyCache:
    """Opened data keys, for an hour; thread-safe.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[bytes, tuple[bytes, float]] = {}

    def opened(self, identity: bytes, ask: Callable[[], bytes]) -> bytes:
        """A data key, as kept or as its service opens it now.

        Args:
            identity: see `identity_of`.
            ask: asks the service.
        """
        key = self.get(identity)
        if key is None:
            key = ask()
            self.put(identity, key)
        return key

    def get(self, identity: bytes) -> bytes | None:
        """The data key that was opened with the same credentials before."""
        with self._lock:
            key, kept_at = self._keys.get(identity, (None, 0.0))
        return key if key is not None and self._clock() - kept_at < _KEPT_SECONDS else None

    def put(self, identity: bytes, key: bytes) -> None:
        """Keeps a data key."""
        with self._lock:
            if len(self._keys) >= _KEPT:
                self._keys.clear()
            self._keys[identity] = (key, self._clock())

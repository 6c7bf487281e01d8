"""One outbound request and its answer, and how sending it fails."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops_agent.errors import AgentError


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request; its address and headers may hold credentials."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a receiver said.

    Attributes:
        status: the HTTP status.
        headers: with lower-case names.
        body: its start, as far as the request reads it.
        complete: whether that is all of it; false where it was longer, torn or late.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    complete: bool = True


class DeliveryError(AgentError):
    """A failed delivery; `transient` says whether a retry may succeed.

    Args:
        message: one line, without secrets.
        retry_after: seconds the receiver asked to wait, or None.
    """

    reason = "DeliveryFailed"
    transient = True

    def __init__(self, message: str, *, retry_after: float | None = None, transient: bool = True, **facts: Any) -> None:
        super().__init__(message, transient=transient, **facts)
        self.retry_after = retry_after


def basic(username: str, password: str) -> str:
    """The Authorization header of a user name and a password (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()

"""HTTP request to a metric provider, and the faults of its answer.

Building a request and reading an answer are pure functions, one file a provider; a single door sends them. Headers may hold
credentials, so the text form of a query shows method and address only. An error never quotes an answer: the author of a policy
chooses the address, and a status has more readers than what lies there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson

from gitops_agent.errors import AgentError

ANSWER_LIMIT = 4 * 1024 * 1024
"""Most bytes of an answer; a longer one is refused."""

_OK = range(200, 300)
_RETRY = frozenset({408, 425, 429, 500, 502, 503, 504})


class QueryInvalid(AgentError):
    """A provider is configured with something no request can be made of."""

    reason = "InvalidSpec"


class MeasurementFailed(AgentError):
    """A provider gave no usable answer: the verdict is error."""

    reason = "MeasurementFailed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One HTTP request.

    Args:
        url: absolute, with its query string.
        method: GET or POST.
        headers: names and values; may hold credentials.
        body: what is sent, empty for GET.
    """

    url: str = field(repr=False)
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        port = f":{parts.port}" if parts.port else ""
        return f"{self.method} {parts.scheme}://{host}{port}{parts.path}"


def base(address: str) -> str:
    """The address of a provider without a slash at its end.

    Raises:
        QueryInvalid: it is no http or https address, or carries credentials, a query or a fragment.
    """
    try:
        parts = urlsplit(address)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(character.isspace() or not character.isprintable() for character in address):
        raise QueryInvalid("the provider's address is not an http or https address")
    if parts.username is not None or parts.password is not None:
        raise QueryInvalid("the provider's address holds credentials, put them into a Secret")
    if parts.query or parts.fragment:
        raise QueryInvalid("the provider's address has a query or fragment")
    return address.rstrip("/")


def answered(status: int, body: bytes) -> Any:
    """The JSON of an answer.

    Raises:
        MeasurementFailed: the status is no success, the body is too long or no JSON.
    """
    if status not in _OK:
        raise MeasurementFailed(f"the provider answered {status}", transient=status in _RETRY, status=status)
    if len(body) > ANSWER_LIMIT:
        raise MeasurementFailed(f"the provider's answer has more than {ANSWER_LIMIT // 1024 // 1024} MiB")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise MeasurementFailed(f"the provider's answer ({status}) is not JSON", transient=True, status=status) from None


def number(value: Any) -> float:
    """A number, also written as text (`"0.5"`, `"NaN"`); NaN for null.

    Raises:
        MeasurementFailed: it is none.
    """
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise MeasurementFailed("the provider's answer holds something else where a number should be")
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise MeasurementFailed("the provider's answer holds text where a number should be") from None

"""AWS Signature Version 4, with the standard library only."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlsplit

from gitops_agent.httpclient.message import Request

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsKeys:
    """Keys of an AWS principal; `repr` shows none of them."""

    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


def signed(request: Request, keys: AwsKeys, *, region: str, service: str, at: datetime) -> Request:
    """The request with Host, X-Amz-Date and Authorization (and X-Amz-Security-Token) added.

    Args:
        request: all of its headers are signed.
        keys: of the principal.
        region: e.g. `eu-central-1`.
        service: the name of the service in signatures, e.g. `monitoring`.
        at: the time of sending, with a time zone; the service refuses one that is five minutes off.
    """
    moment = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {**request.headers, "Host": _host(request.url), "X-Amz-Date": moment}
    if keys.token:
        headers["X-Amz-Security-Token"] = keys.token
    names = ";".join(sorted(name.lower() for name in headers))
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    request_hash = hashlib.sha256(canonical_request(request, headers).encode()).hexdigest()
    text = f"{_ALGORITHM}\n{moment}\n{scope}\n{request_hash}"
    signature = hmac.new(signing_key(keys.secret, moment[:8], region, service), text.encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = f"{_ALGORITHM} Credential={keys.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return replace(request, headers=headers)


def canonical_request(request: Request, headers: Mapping[str, str]) -> str:
    """The request in the one spelling that both sides hash."""
    parts = urlsplit(request.url)
    fields = sorted((_quoted(name), _quoted(value)) for name, value in parse_qsl(parts.query, keep_blank_values=True))
    lines = sorted((name.lower(), " ".join(value.split())) for name, value in headers.items())
    return "\n".join(
        (
            request.method,
            quote(parts.path or "/", safe="/-_.~%"),
            "&".join(f"{name}={value}" for name, value in fields),
            *(f"{name}:{value}" for name, value in lines),
            "",
            ";".join(name for name, _ in lines),
            hashlib.sha256(request.body).hexdigest(),
        )
    )


def signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    """The key that is good for one day (`20150830`), region and service."""
    key = ("AWS4" + secret).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")


def _host(url: str) -> str:
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    host = parts.hostname or ""
    return host if parts.port in {None, usual} else f"{host}:{parts.port}"

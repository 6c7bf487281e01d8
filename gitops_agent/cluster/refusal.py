"""What the API server's answers mean: a status and a Status object become one of the few errors a caller branches on.

The class follows from the HTTP status alone; texts only refine the `code`, never whether a call may be repeated.
Texts of the server may quote what was sent. For requests that carry a Secret everything but the reason and the paths of the
fields is therefore dropped, and whatever is left is compared with the values that were sent.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gitops_agent.errors import ClusterError, Conflict, Expired, Forbidden, Invalid, NotFound, Throttled, Unavailable
from gitops_agent.manifest.key import Object

_LIMIT = 500
_SHORTEST_SECRET = 3
_WEBHOOK = re.compile(r'failed calling webhook "([^"\s]{1,253})"|conversion webhook for ([^\s]{1,253}, Kind=\w{1,63}) failed')
_NAMESPACE = re.compile(r'^namespaces "([^"]{1,253})" not found$')
_FIELD_PATH = re.compile(r"\.?\b(?:data|stringData|metadata|immutable|type)(?:(?:\.[\w-]+)+|\[[\w.-]+\])*(?=[:\s\",]|$)")
_UNKNOWN_FIELD = re.compile(r'(?:unknown|duplicate) field "[\w.\[\]/-]{1,120}"')
_TOO_LARGE = ("etcdserver: request is too large", "trying to send message larger than max")

_CLASSES: dict[int, type[ClusterError]] = {
    400: Invalid,
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    405: Invalid,
    406: Invalid,
    408: Unavailable,
    409: Conflict,
    410: Expired,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: Throttled,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked, as far as its refusal needs it.

    Attributes:
        method: GET, PATCH…
        path: without the query.
        named: the path names one object.
        secret: the path or the body is a Secret's.
        body: the object that was sent, to keep its values out of texts.
    """

    method: str
    path: str
    named: bool = False
    secret: bool = False
    body: Any = None


def of(status: int, headers: Mapping[str, str], body: bytes, request: Request) -> ClusterError:
    """The error of an answer that is no success."""
    said = _status_object(body)
    return from_status(said, status=status, retry_after=_seconds(headers.get("retry-after")), request=request, raw=body)


def from_status(
    said: Object, *, status: int, request: Request, retry_after: float | None = None, raw: bytes = b""
) -> ClusterError:
    """The error of a Status object, which also travels inside watch streams."""
    details = said.get("details")
    details = details if isinstance(details, dict) else {}
    text = str(said.get("message") or raw[:_LIMIT].decode("utf-8", "replace").strip() or f"HTTP status {status}")
    code = _code(status, said, details, text, request)
    kind = _class(status, code, request)
    if retry_after is None:
        asked = details.get("retryAfterSeconds")
        retry_after = float(asked) if isinstance(asked, int) and asked > 0 else None
    if request.secret:
        text, details = _without_values(text, code or str(status), details, request.body)
    return kind(
        _line(text),
        status=status,
        code=code,
        details=details,
        retry_after=retry_after,
        transient=True if code == "NamespaceTerminating" else None,
    )


def webhook_of(message: str) -> str:
    """The webhook a message says could not be called, or an empty text."""
    found = _WEBHOOK.search(message)
    return (found.group(1) or found.group(2)) if found else ""


def _status_object(body: bytes) -> Object:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) and said.get("kind") == "Status" else {}


def _code(status: int, said: Object, details: Object, text: str, request: Request) -> str:
    code = str(said.get("reason") or "")
    causes = [cause for cause in details.get("causes") or () if isinstance(cause, dict)]
    if status == 500 and webhook_of(text):  # noqa: PLR2004 - HTTP
        return "WebhookUnavailable"
    if status == 500 and any(sign in text for sign in _TOO_LARGE):  # noqa: PLR2004 - HTTP
        return "RequestEntityTooLarge"
    if status == 403 and any(cause.get("reason") == "NamespaceTerminating" for cause in causes):  # noqa: PLR2004 - HTTP
        return "NamespaceTerminating"
    if status == 403 and "exceeded quota" in text:  # noqa: PLR2004 - HTTP
        return "QuotaExceeded"
    if status == 404:  # noqa: PLR2004 - HTTP
        if not said:
            return "KindNotServed"
        if _NAMESPACE.match(text) and not re.fullmatch(r"/api/v1/namespaces/[^/]+(?:/status|/finalize)?", request.path):
            return "NamespaceNotFound"
        if not details.get("name") and not request.named:
            return "KindNotServed"
    return code


def _class(status: int, code: str, request: Request) -> type[ClusterError]:
    if code == "RequestEntityTooLarge":
        return Invalid
    if status == 410 and request.named:  # noqa: PLR2004 - HTTP
        return NotFound
    if status >= 500:  # noqa: PLR2004 - HTTP
        return Unavailable
    return _CLASSES.get(status, ClusterError)


def _seconds(value: str | None) -> float | None:
    try:
        return max(0.0, float(value)) if value is not None else None
    except ValueError:
        return None


def _line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LIMIT else text[: _LIMIT - 1] + "…"


def _without_values(text: str, code: str, details: Object, body: Any) -> tuple[str, Object]:
    """A text and details that name fields but quote no value of a Secret."""
    causes = [cause for cause in details.get("causes") or () if isinstance(cause, dict)]
    fields = [str(cause["field"]) for cause in causes if cause.get("field")]
    fields += [found.group(0).lstrip(".") for found in _FIELD_PATH.finditer(text)]
    fields += [found.group(0) for found in _UNKNOWN_FIELD.finditer(text)]
    webhook = webhook_of(text)
    said = f'the webhook "{webhook}" could not be called' if webhook else f"the API server refused the Secret: {code}"
    places = ", ".join(dict.fromkeys(fields))
    shown = f"{said} ({places})" if places else said
    kept: Object = {name: details[name] for name in ("name", "kind", "group", "uid", "retryAfterSeconds") if name in details}
    kept["causes"] = [{"reason": cause.get("reason", ""), "field": cause.get("field", "")} for cause in causes]
    values = set(_values(body))
    if any(value in shown or value in str(kept) for value in values):
        return said, {}
    return shown, kept


def _values(body: Any) -> Iterator[str]:
    """Every scalar below `data` and `stringData` of what was sent, as written and decoded."""
    if not isinstance(body, dict):
        return
    for part in (body.get("data"), body.get("stringData")):
        yield from _scalars(part)


def _scalars(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _scalars(item)
    elif isinstance(value, list):
        for item in value:
            yield from _scalars(item)
    elif value is not None and not isinstance(value, bool):
        text = str(value)
        if len(text) > _SHORTEST_SECRET:
            yield text
            try:
                decoded = base64.b64decode(text, validate=True).decode()
            except (binascii.Error, ValueError):
                return
            if len(decoded) > _SHORTEST_SECRET:
                yield decoded

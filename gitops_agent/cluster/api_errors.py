"""Maps answers of the API server to the few errors callers distinguish.

The class follows from the HTTP status; texts refine the `code`. Two answers are the exception, because the server gives them a
500 without any reason although repeating the call can never help: an object that breaks its schema in a server-side apply, and
one that is too large for etcd.

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

from gitops_agent.errors import (
    ClusterError,
    Conflict,
    Expired,
    Forbidden,
    Invalid,
    NotFound,
    Throttled,
    Unauthorized,
    Unavailable,
)
from gitops_agent.manifest.key import Object

_LIMIT = 500
_SHORTEST_SECRET = 3
_MOST_BYTES = 3 << 20
_WEBHOOK = re.compile(r'failed calling webhook "([^"\s]{1,253})"|conversion webhook for ([^\s]{1,253}, Kind=\w{1,63}) failed')
_NAMESPACE = re.compile(r'^namespaces "([^"]{1,253})" not found$')
_SCHEMA = ("failed to create typed patch object", "failed to convert new object")
_OWN_NAMESPACE = re.compile(r"^/api/v1/namespaces/[^/]+(?:/status|/finalize)?$")
_VIOLATION = re.compile(r"(?:^|\s)(\.[^\s:]+): (.+)$", re.MULTILINE)
_FIELD_PATH = re.compile(r"\.(?:data|stringData|metadata|immutable|type)(?:\.[\w-]+|\[[\w.-]+\])*(?=[:\s]|$)")
_UNKNOWN_FIELD = re.compile(r'(?:unknown|duplicate) field "[\w.\[\]/-]{1,120}"')
_TOO_LARGE = ("etcdserver: request is too large", "trying to send message larger than max")

_CLASSES: dict[int, type[ClusterError]] = {
    400: Invalid,
    401: Unauthorized,
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
        server: the address of the API server.
        secret: the path or the body is a Secret's.
        body: the object that was sent, to keep its values out of texts.
    """

    method: str
    path: str
    server: str = ""
    named: bool = False
    secret: bool = False
    body: Any = None


def check_size(sent: bytes) -> None:
    """Refuses a body that the API server would not read.

    It closes the connection on larger ones without an answer.

    Raises:
        Invalid: it is too large; the message says how large.
    """
    if len(sent) > _MOST_BYTES:
        raise Invalid(
            f"it has {len(sent) / 1024 / 1024:.1f} MiB as JSON; the API server reads {_MOST_BYTES >> 20} MiB at most, and etcd "
            "keeps objects of 1.5 MiB by default: split it, or keep its content outside of the cluster",
            status=413,
            code="RequestEntityTooLarge",
        )


def of(status: int, headers: Mapping[str, str], body: bytes, request: Request) -> ClusterError:
    """The error of an answer that is no success."""
    answer = _status_object(body)
    return from_status(answer, status=status, retry_after=_seconds(headers.get("retry-after")), request=request, raw=body)


def from_status(
    answer: Object, *, status: int, request: Request, retry_after: float | None = None, raw: bytes = b""
) -> ClusterError:
    """The error of a Status object, which also travels inside watch streams."""
    details = answer.get("details")
    details = details if isinstance(details, dict) else {}
    text = str(answer.get("message") or raw[:_LIMIT].decode("utf-8", "replace").strip() or f"HTTP status {status}")
    code = _code(status, answer, details, text, request)
    kind = _class(status, code, request)
    if kind is Unauthorized:
        text = f"{request.server or 'the API server'} does not accept the credentials: log in again, or renew the token"
    if code == "SchemaViolation":
        causes = [
            {"reason": "FieldValueInvalid", "field": field[1:], "message": why} for field, why in _VIOLATION.findall(text)
        ]
        details = {**details, "causes": causes}
    if retry_after is None:
        seconds = details.get("retryAfterSeconds")
        retry_after = float(seconds) if isinstance(seconds, int) and seconds > 0 else None
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
    """The webhook that a message reports as failed, or an empty text."""
    match = _WEBHOOK.search(message)
    return (match.group(1) or match.group(2)) if match else ""


def _status_object(body: bytes) -> Object:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) and answer.get("kind") == "Status" else {}


def _code(status: int, answer: Object, details: Object, text: str, request: Request) -> str:
    """The server's reason, refined where it is missing or vague."""
    code = str(answer.get("reason") or "")
    if status == 500:  # noqa: PLR2004 - HTTP
        return _broken(code, text)
    if status == 403:  # noqa: PLR2004 - HTTP
        return _denied(code, text, details)
    if status == 404:  # noqa: PLR2004 - HTTP
        return _missing(code, text, answer, request)
    return code


def _broken(code: str, text: str) -> str:
    if webhook_of(text):
        return "WebhookUnavailable"
    if not code and text.startswith(_SCHEMA):
        return "SchemaViolation"
    return "RequestEntityTooLarge" if any(sign in text for sign in _TOO_LARGE) else code


def _denied(code: str, text: str, details: Object) -> str:
    causes = details.get("causes") or ()
    if any(isinstance(cause, dict) and cause.get("reason") == "NamespaceTerminating" for cause in causes):
        return "NamespaceTerminating"
    return "QuotaExceeded" if "exceeded quota" in text else code


def _missing(code: str, text: str, answer: Object, request: Request) -> str:
    if _NAMESPACE.match(text) and not _OWN_NAMESPACE.match(request.path):
        return "NamespaceNotFound"
    unserved = not answer or not (answer.get("details") or {}).get("kind")
    return "KindNotServed" if unserved else code


def _class(status: int, code: str, request: Request) -> type[ClusterError]:
    if code in {"RequestEntityTooLarge", "SchemaViolation"}:
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
    """A text and details that name fields, without values of a Secret."""
    causes = [cause for cause in details.get("causes") or () if isinstance(cause, dict)]
    fields = [str(cause["field"]) for cause in causes if cause.get("field")]
    fields += [match.group(0).lstrip(".") for match in _FIELD_PATH.finditer(text)]
    fields += [match.group(0) for match in _UNKNOWN_FIELD.finditer(text)]
    webhook = webhook_of(text)
    message = f'the webhook "{webhook}" could not be called' if webhook else f"the API server refused the Secret: {code}"
    if "illegal base64" in text:
        fields.append("a value of data is not base64")
    places = ", ".join(dict.fromkeys(fields))
    shown = f"{message} ({places})" if places else message
    kept: Object = {name: details[name] for name in ("name", "kind", "group", "uid", "retryAfterSeconds") if name in details}
    kept["causes"] = [{"reason": cause.get("reason", ""), "field": cause.get("field", "")} for cause in causes]
    everything = " ".join([shown, *(str(kept.get(name, "")) for name in ("name", "kind")), *map(str, fields)])
    if any(value in everything or " ".join(value.split()) in _line(everything) for value in _values(body)):
        return message, {}
    return shown, kept


def _values(body: Any) -> Iterator[str]:
    """Every scalar below `data` and `stringData`, as sent and decoded."""
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

"""What the API server would authorize of a request.

Whatever does not read like a request of the dashboard is refused, so that no other spelling of a path is reviewed as one object
and sent as another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from gitops_agent.cluster.transport import APPLY
from gitops_agent.errors import Forbidden

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
READS = frozenset({"get", "list", "watch"})
_PART = re.compile(r"[A-Za-z0-9.:_~@-]+")
_CLOSED = frozenset({"exec", "attach", "portforward", "proxy", "eviction", "token", "binding"})
_OF_NAMESPACES = frozenset({"status", "finalize"})
_PUBLIC = re.compile(r"/(version|api|apis|api/v1|apis/[a-z0-9.-]+(/[a-z0-9]+)?|openapi/v[23](/[A-Za-z0-9./-]*)?)")
"""Documents about the API itself, which every user may read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall:
    """A request as RBAC knows it.

    Attributes:
        verbs: all of them are needed.
        group: of the resource; empty for the core group.
        resource: its plural.
        subresource: such as `log`; empty for the object itself.
        namespace: empty for all of them, and for objects without.
        name: empty for all of them.
    """

    verbs: tuple[str, ...]
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""


def api_call(method: str, path: str, query: Mapping[str, str] | None, content_type: str) -> ApiCall | None:
    """The call of a request; None for documents about the API.

    Raises:
        Forbidden: it is none that the dashboard sends.
    """
    if method == "GET" and _PUBLIC.fullmatch(path) and ".." not in path:
        return None
    parts = [unquote(part) for part in path.removeprefix("/").split("/")]
    if not path.startswith("/") or not all(_PART.fullmatch(part) and part not in (".", "..") for part in parts):
        raise _refused(method, path)
    if parts[0] == "api" and parts[1:2] == ["v1"]:
        group, rest = "", parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:  # noqa: PLR2004 - /apis/group/version/…
        group, rest = parts[1], parts[3:]
    else:
        raise _refused(method, path)
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _OF_NAMESPACES:  # noqa: PLR2004 - namespaces/x/plural
            rest = rest[2:]
    resource, name, subresource = (*rest, "", "", "")[:3]
    if len(rest) > 3 or resource in ("", "watch", "proxy") or subresource in _CLOSED:  # noqa: PLR2004 - resource, name, subresource
        raise _refused(method, path)
    return ApiCall(
        verbs=_verbs(method, path, query, content_type, named=bool(name)),
        group=group,
        resource=resource,
        subresource=subresource,
        namespace=namespace,
        name=name,
    )


def _verbs(method: str, path: str, query: Mapping[str, str] | None, content_type: str, *, named: bool) -> tuple[str, ...]:
    if method == "GET":
        return ("watch",) if "watch" in (query or {}) else ("get",) if named else ("list",)
    if method not in _VERBS or (method == "DELETE" and not named):
        raise _refused(method, path)
    # What is applied is created where it is not there, by the rights of who sends it.
    return ("patch", "create") if content_type == APPLY else (_VERBS[method],)


def _refused(method: str, path: str) -> Forbidden:
    return Forbidden(f"the dashboard does not send {method} {path[:200]} for a viewer", status=403)

"""The supported filters of HTTPRoutes: header changes, and request mirrors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object

_CHANGES = {
    "RequestHeaderModifier": ("requestHeaderModifier", "request"),
    "ResponseHeaderModifier": ("responseHeaderModifier", "response"),
}
_MIRROR = "RequestMirror"
_PERCENT = 100


class UnknownFilter(AgentError):
    """A route asks for something that is not done here."""

    reason = "UnsupportedValue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A RequestMirror.

    Attributes:
        ref: the backend that gets the copies; their answers are dropped.
        numerator: of the part of the requests that is copied.
        denominator: of it.
    """

    ref: Object
    numerator: int
    denominator: int

    def policy(self, cluster: str) -> Object:
        """As Envoy's mirror policy."""
        parts = round(self.numerator * 1_000_000 / self.denominator)
        return {"cluster": cluster, "runtime_fraction": {"default_value": {"numerator": parts, "denominator": "MILLION"}}}


def mirrors(filters: list[Any]) -> Iterator[Copy]:
    """The mirrors among a rule's filters."""
    for filter_ in filters:
        if filter_.get("type") == _MIRROR:
            mirror = filter_["requestMirror"]
            fraction = mirror.get("fraction") or {"numerator": mirror.get("percent", _PERCENT)}
            yield Copy(
                ref=mirror["backendRef"],
                numerator=int(fraction["numerator"]),
                denominator=int(fraction.get("denominator") or _PERCENT),
            )


def header_changes(filters: list[Any], *, backend: bool = False) -> Object:
    """Header changes of filters, as fields of Envoy's routes.

    Of a route or a weighted cluster.

    Raises:
        UnknownFilter: one of them is something else.
    """
    changes: Object = {}
    for filter_ in filters:
        kind = str(filter_.get("type"))
        if kind == _MIRROR and not backend:
            continue
        if kind not in _CHANGES:
            raise UnknownFilter(f"the filter {kind} is not known here")
        field, side = _CHANGES[kind]
        change = filter_[field]
        added = changes.setdefault(f"{side}_headers_to_add", [])
        added += [_header(each, "OVERWRITE_IF_EXISTS_OR_ADD") for each in change.get("set") or []]
        added += [_header(each, "APPEND_IF_EXISTS_OR_ADD") for each in change.get("add") or []]
        changes.setdefault(f"{side}_headers_to_remove", []).extend(change.get("remove") or [])
    return {name: value for name, value in changes.items() if value}


def _header(each: Object, action: str) -> Object:
    return {"header": {"key": str(each["name"]), "value": str(each["value"])}, "append_action": action}

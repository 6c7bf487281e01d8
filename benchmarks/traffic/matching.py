"""Matches of HTTPRoute rules in Envoy's terms, in order of precedence.

The order is the Gateway API's: an exact path before a pattern before the longest prefix, then a method, then more headers, then
more query parameters; among equals the older route, the name, the earlier rule.
"""

from __future__ import annotations

from typing import Any

from gitops_agent.manifest.key import Object

DEFAULT: Object = {"path": {"type": "PathPrefix", "value": "/"}}
"""What a rule without matches matches."""

_PATHS = {"Exact": 0, "RegularExpression": 1, "PathPrefix": 2}


def envoy_match(match: Object) -> Object:
    """A match of the Gateway API as Envoy's RouteMatch."""
    result: Object = _path(match.get("path") or {})
    headers = [
        {"name": str(header["name"]).lower(), "string_match": _string(header)}
        for header in _first_of_each(match.get("headers") or [], lower=True)
    ]
    if match.get("method"):
        headers.append({"name": ":method", "string_match": {"exact": str(match["method"])}})
    if headers:
        result["headers"] = headers
    if match.get("queryParams"):
        result["query_parameters"] = [
            {"name": str(parameter["name"]), "string_match": _string(parameter)}
            for parameter in _first_of_each(match["queryParams"], lower=False)
        ]
    return result


def precedence(match: Object) -> tuple[int, ...]:
    """Sorts matches so that the one that wins comes first."""
    path = match.get("path") or {}
    kind, value = str(path.get("type") or "PathPrefix"), str(path.get("value") or "/")
    return (
        _PATHS[kind],
        -len(value),
        0 if match.get("method") else 1,
        -len(match.get("headers") or []),
        -len(match.get("queryParams") or []),
    )


def _path(path: Object) -> Object:
    kind, value = str(path.get("type") or "PathPrefix"), str(path.get("value") or "/")
    if kind == "Exact":
        return {"path": value}
    if kind == "RegularExpression":
        return {"safe_regex": {"regex": value}}
    prefix = value.rstrip("/")
    return {"path_separated_prefix": prefix} if prefix else {"prefix": "/"}


def _string(matcher: Object) -> Object:
    value = str(matcher["value"])
    return {"safe_regex": {"regex": value}} if matcher.get("type") == "RegularExpression" else {"exact": value}


def _first_of_each(items: list[Any], *, lower: bool) -> list[Any]:
    """The first entry of each name, as the Gateway API requires."""
    by_name: dict[str, Any] = {}
    for item in items:
        by_name.setdefault(str(item["name"]).lower() if lower else str(item["name"]), item)
    return list(by_name.values())

"""Matches label selectors, and spells them for list requests."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from gitops_agent.manifest.reading import items, mapping


def matches_labels(wanted: Mapping[str, object], labels: Mapping[str, object]) -> bool:
    """Whether labels hold every pair of a Service's selector."""
    return all(name in labels and labels[name] == value for name, value in wanted.items())


def meets(key: str, operator: str, values: Collection[object], labels: Mapping[str, object]) -> bool:
    """Whether labels meet one requirement; `NotIn` matches an absent label."""
    match operator:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False


def matches(selector: Any, labels: Mapping[str, object]) -> bool:
    """Whether a raw LabelSelector matches; empty matches all, absent matches none."""
    if not isinstance(selector, dict):
        return False
    return matches_labels(mapping(selector, "matchLabels"), labels) and all(
        meets(str(requirement.get("key")), str(requirement.get("operator")), _values(requirement), labels)
        for requirement in items(selector.get("matchExpressions"))
    )


def query(selector: Any) -> str:
    """A raw LabelSelector as the `labelSelector` parameter of a list."""
    parts = [f"{name}={value}" for name, value in sorted(mapping(selector, "matchLabels").items())]
    for requirement in items(mapping(selector).get("matchExpressions")):
        key, values = str(requirement.get("key") or ""), ",".join(sorted(map(str, _values(requirement))))
        forms = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key, "DoesNotExist": f"!{key}"}
        parts.append(forms.get(str(requirement.get("operator")), key))
    return ",".join(parts)


def _values(requirement: Mapping[str, Any]) -> list[Any]:
    values = requirement.get("values")
    return values if isinstance(values, list) else []

"""The sync windows of an Argo CD project, for its Applications."""

from __future__ import annotations

from fnmatch import fnmatchcase

from gitops_agent.importer.draft import given
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.reading import items, mapping

IN_CLUSTER = frozenset({"", "in-cluster", "https://kubernetes.default.svc"})
"""Names of the cluster that Argo CD runs in."""


def windows(project: Object | None, application: Object) -> list[Object]:
    """The windows that count for an Application."""
    raw = items(mapping(project, "spec").get("syncWindows"))
    return [_window(window) for window in raw if _matches(window, application)]


def _matches(window: Object, application: Object) -> bool:
    destination = mapping(application, "spec", "destination")
    cluster = {str(destination.get(name) or "") for name in ("server", "name")} - {""} or {""}
    values = {
        "applications": {str(application["metadata"]["name"])},
        "namespaces": {str(destination.get("namespace") or "")},
        "clusters": cluster | (set(IN_CLUSTER) if cluster <= IN_CLUSTER else set()),
    }
    verdicts = [
        any(fnmatchcase(value, str(pattern)) for pattern in window[field] for value in values[field])
        for field in values
        if window.get(field)
    ]
    return bool(verdicts) and (all(verdicts) if window.get("andOperator") else any(verdicts))


def _window(raw: Object) -> Object:
    return given(
        {
            "schedule": " ".join(str(raw.get("schedule") or "").split()),
            "duration": raw.get("duration"),
            "timezone": raw.get("timeZone"),
            "action": str(raw.get("kind") or "").lower(),
            "manualSync": raw.get("manualSync") or None,
            "reason": " ".join(str(raw.get("description") or "").split()),
        }
    )

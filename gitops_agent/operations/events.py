"""The Kubernetes Events of an Application."""

from __future__ import annotations

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.key import Object


def selector(application: Object) -> str:
    """The field selector of its events."""
    return f"regarding.uid={application['metadata']['uid']}"


def events_of(access: ClusterClient, application: Object) -> list[Object]:
    """Its events, oldest first; the API server keeps them for an hour."""
    resource = access.discovery.find("events.k8s.io", "Event")
    namespace = str(application["metadata"]["namespace"])
    return sorted(access.objects.list(resource, namespace=namespace, field_selector=selector(application)).items, key=when)


def when(event: Object) -> str:
    """The time an event was last seen."""
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")


def times(event: Object) -> int:
    """How often it happened."""
    return int((event.get("series") or {}).get("count") or 1)

"""Names of what Kustomizations, HelmReleases and Alerts become."""

from __future__ import annotations

from gitops_agent.importer.context import ImportContext
from gitops_agent.importer.tables.kinds import ALERT, HELM_RELEASE, KUSTOMIZATION
from gitops_agent.manifest.key import Object, ObjectKey


class FluxNames:
    """Unique names: an object's own, or with its kind or namespace.

    Args:
        context: the objects.
    """

    def __init__(self, context: ImportContext) -> None:
        self._names: dict[ObjectKey, str] = {}
        for kinds in ((KUSTOMIZATION, HELM_RELEASE), (ALERT,)):
            taken: dict[str, str] = {}
            for obj in (resource for kind in kinds for resource in context.peers.of_kind(kind)):
                key = ObjectKey.of(obj)
                word = key.kind.lower()
                beside = (f"{key.name}-{word}",) if taken.get(key.name) == key.namespace else ()
                choices = (key.name, *beside, f"{key.namespace}-{key.name}", f"{key.namespace}-{key.name}-{word}")
                name = next((choice for choice in choices if choice not in taken), choices[-1])
                taken[name] = key.namespace
                self._names[key] = name

    def of(self, obj: Object) -> str:
        """The name of what an object becomes."""
        return self._names[ObjectKey.of(obj)]

    def find(self, key: ObjectKey) -> str | None:
        """The name of what a key becomes; None for others."""
        return self._names.get(key)

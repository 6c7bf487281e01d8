"""Names of the Applications that Kustomizations and HelmReleases become."""

from __future__ import annotations

from collections.abc import Iterable

from gitops_agent.importer.context import ImportContext
from gitops_agent.importer.conversion import Copy, Remark
from gitops_agent.importer.field_table import Meaning
from gitops_agent.importer.tables.kinds import HELM_RELEASE, KUSTOMIZATION
from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.reading import items, mapping


class FluxNames:
    """Names of Applications: the object's own, with its kind where taken.

    Args:
        context: the objects and where they go.
    """

    def __init__(self, context: ImportContext) -> None:
        self._context = context
        self._names: dict[ObjectKey, str] = {}
        taken: set[tuple[str, str]] = set()
        for kind in (KUSTOMIZATION, HELM_RELEASE):
            for obj in context.peers.of_kind(kind):
                key, namespace = ObjectKey.of(obj), context.namespace_of(obj)
                choices = (key.name, f"{key.name}-{kind.kind.lower()}", f"{key.namespace}-{key.name}-{kind.kind.lower()}")
                name = next((choice for choice in choices if (namespace, choice) not in taken), choices[-1])
                taken.add((namespace, name))
                self._names[key] = name

    def of(self, obj: Object) -> str:
        """The name of an object's Application."""
        return self._names[ObjectKey.of(obj)]

    def edges(self, obj: Object, remarks: list[Remark]) -> list[Object]:
        """`spec.dependsOn`, of Applications in the same namespace."""
        key, result = ObjectKey.of(obj), []
        for raw in items(mapping(obj, "spec").get("dependsOn")):
            at = str(raw.get("namespace") or key.namespace)
            other = GroupKind(key.group, key.kind).named(at, str(raw.get("name") or ""))
            if other not in self._names:
                problem = "was not read"
            elif self._context.moved(at) != self._context.namespace_of(obj):
                problem = "is in another namespace"
            else:
                result.append({"name": self._names[other]})
                continue
            remarks.append(Remark(theirs="spec.dependsOn", meaning=Meaning.NONE, note=f"{at}/{other.name} {problem}"))
        return result


def copies(obj: Object, context: ImportContext, references: Iterable[tuple[str, object]]) -> list[Copy]:
    """Objects beside this one that its Application needs in another namespace.

    Args:
        obj: of Flux.
        context: where it goes.
        references: kinds and names.
    """
    at, to = ObjectKey.of(obj).namespace, context.namespace_of(obj)
    return [Copy(kind=kind, namespace=at, name=str(name), to=to) for kind, name in references if name and at != to]

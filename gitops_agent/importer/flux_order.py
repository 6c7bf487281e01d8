"""The order in which Flux applies, as `spec.dependsOn` of Applications.

A Kustomization that waits is ready once the HelmReleases it declares are, and what it declares comes after those it depends on.
Here each of them is an Application of its own, so both orders become edges.
"""

from __future__ import annotations

from collections.abc import Iterator

from gitops_agent.importer.context import ImportContext
from gitops_agent.importer.conversion import Remark
from gitops_agent.importer.field_table import Meaning
from gitops_agent.importer.flux_names import FluxNames
from gitops_agent.importer.tables.kinds import HELM_RELEASE, KUSTOMIZATION
from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.kinds import NAMESPACE
from gitops_agent.manifest.reading import items, mapping

_OWNER = KUSTOMIZATION.group
_DEPENDS_ON = "spec.dependsOn"


class FluxOrder:
    """Edges between the Applications of one import.

    Args:
        context: the objects.
        names: of the Applications.
    """

    def __init__(self, context: ImportContext, names: FluxNames) -> None:
        self._context, self._names = context, names
        self._declared: dict[ObjectKey, list[ObjectKey]] = {}
        for kind in (KUSTOMIZATION, HELM_RELEASE):
            for obj in context.peers.of_kind(kind):
                self._declared.setdefault(_parent(obj), []).append(ObjectKey.of(obj))

    def edges(self, obj: Object, target: str, remarks: list[Remark]) -> list[Object]:
        """`spec.dependsOn` of the Application of an object.

        Args:
            obj: a Kustomization or HelmRelease.
            target: the namespace that it deploys to; empty for several.
            remarks: gets those on what cannot be waited for.
        """
        needed = dict.fromkeys(self._own(obj, remarks))
        above = _parent(obj)
        parent = self._context.peers.get(above.group_kind, above.namespace, above.name)
        if parent is not None:
            needed |= dict.fromkeys(self._own(parent, []))
            if target and any(key.group_kind == NAMESPACE and key.name == target for key in inventory(parent)):
                needed[above] = None
        names = dict.fromkeys(name for key in needed if (name := self._names.find(key)) and key != ObjectKey.of(obj))
        return [{"name": name} for name in names]

    def _own(self, obj: Object, remarks: list[Remark]) -> Iterator[ObjectKey]:
        """What its `dependsOn` names, with what that waits for."""
        key = ObjectKey.of(obj)
        for raw in items(mapping(obj, "spec").get("dependsOn")):
            at = str(raw.get("namespace") or key.namespace)
            other = GroupKind(key.group, key.kind).named(at, str(raw.get("name") or ""))
            if self._names.find(other) is None:
                remarks.append(Remark(theirs=_DEPENDS_ON, meaning=Meaning.NONE, note=f"{at}/{other.name} was not read"))
                continue
            yield other
            peer = self._context.peers.get(other.group_kind, at, other.name)
            if mapping(peer, "spec").get("wait") is True:
                yield from self._declared.get(other, ())


def _parent(obj: Object) -> ObjectKey:
    """The Kustomization that declares an object, as its labels say."""
    labels = mapping(obj, "metadata", "labels")
    return KUSTOMIZATION.named(str(labels.get(f"{_OWNER}/namespace") or ""), str(labels.get(f"{_OWNER}/name") or ""))


def inventory(obj: Object) -> Iterator[ObjectKey]:
    """What a Kustomization has applied, as its status says."""
    for entry in items(mapping(obj, "status", "inventory").get("entries")):
        head, _, kind = str(entry.get("id") or "").rpartition("_")
        head, _, group = head.rpartition("_")
        namespace, _, name = head.partition("_")
        yield ObjectKey(group, kind, namespace, name)

"""The objects of another tool, by kind and name."""

from __future__ import annotations

from collections.abc import Iterable

from gitops_agent.manifest.key import GroupKind, Object, ObjectKey


class PeerObjects:
    """Objects of any kind, the last one of a name wins.

    Args:
        objects: as read from files or the cluster.
    """

    def __init__(self, objects: Iterable[Object]) -> None:
        self._objects = {ObjectKey.of(obj): obj for obj in objects}

    def of_kind(self, kind: GroupKind) -> tuple[Object, ...]:
        """All objects of a kind, by namespace and name."""
        keys = sorted((key for key in self._objects if key.group_kind == kind), key=lambda key: (key.namespace, key.name))
        return tuple(self._objects[key] for key in keys)

    def get(self, kind: GroupKind, namespace: str, name: str) -> Object | None:
        """One object, None when it was not read."""
        return self._objects.get(kind.named(namespace, name))

    def __len__(self) -> int:
        return len(self._objects)

"""The Applications of this agent, as the watch last told them.

A status write of our own comes back as a watch event; only what a person or Git can change (spec, labels, marks, deletion)
puts a key on the queue, so the agent never answers itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from gitops_agent.agent.queue import Priority
from gitops_agent.api.application import Application
from gitops_agent.api.parse import SpecInvalid, parse
from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.marks import APPROVED, REQUESTED

Changed = Callable[[AppKey, str, Priority], None]


class Applications:
    """Thread-safe registry, fed by a watch.

    Args:
        changed: called (outside of the lock) with the key, why, and how urgent it is.
    """

    def __init__(self, changed: Changed) -> None:
        self._changed = changed
        self._lock = threading.Lock()
        self._objects: dict[AppKey, Object] = {}
        self._wishes: dict[AppKey, str] = {}

    def replace(self, objects: list[Object]) -> None:
        """Takes a complete list: what is missing from it is gone."""
        fresh = {_key(obj): obj for obj in objects}
        with self._lock:
            gone = [key for key in self._objects if key not in fresh]
        for key in gone:
            self._remove(key)
        for obj in objects:
            self._put(obj)

    def handle(self, kind: str, obj: Object) -> None:
        """Takes one watch event."""
        if kind == "DELETED":
            self._remove(_key(obj))
        else:
            self._put(obj)

    def get(self, key: AppKey) -> Application | None:
        """The application, None when there is none.

        Raises:
            SpecInvalid: its spec cannot be followed; the error names every problem.
        """
        obj = self.raw(key)
        return parse(obj) if obj is not None else None

    def raw(self, key: AppKey) -> Object | None:
        """The object as last seen."""
        with self._lock:
            return self._objects.get(key)

    def keys(self) -> tuple[AppKey, ...]:
        """All keys, sorted."""
        with self._lock:
            return tuple(sorted(self._objects))

    def depending_on(self, name: str) -> tuple[AppKey, ...]:
        """The applications whose `dependsOn` names this one."""
        found = []
        for key in self.keys():
            try:
                application = self.get(key)
            except SpecInvalid:
                continue
            if application is not None and any(dependency.name == name for dependency in application.spec.depends_on):
                found.append(key)
        return tuple(found)

    def _put(self, obj: Object) -> None:
        key = _key(obj)
        wish = _wish(obj)
        with self._lock:
            before = self._objects.get(key)
            self._objects[key] = obj
            changed = self._wishes.get(key) != wish
            self._wishes[key] = wish
        if changed:
            asked = before is not None and _asked(before) != _asked(obj)
            self._changed(key, "asked for" if asked else "the Application changed", Priority.USER if asked else Priority.COMMIT)

    def _remove(self, key: AppKey) -> None:
        with self._lock:
            known = self._objects.pop(key, None) is not None
            self._wishes.pop(key, None)
        if known:
            self._changed(key, "the Application is gone", Priority.COMMIT)


def _key(obj: Object) -> AppKey:
    return AppKey(str(obj["metadata"].get("namespace") or ""), str(obj["metadata"]["name"]))


def _wish(obj: Object) -> str:
    """A digest of everything a person or Git can change, and of nothing the agent writes."""
    metadata = obj["metadata"]
    return digest(
        [
            metadata.get("uid"),
            obj.get("spec"),
            metadata.get("labels"),
            metadata.get("annotations"),
            metadata.get("deletionTimestamp"),
            metadata.get("finalizers"),
        ],
    )


def _asked(obj: Object) -> tuple[object, object, object]:
    annotations = obj["metadata"].get("annotations") or {}
    return annotations.get(REQUESTED), annotations.get(APPROVED), (obj.get("spec") or {}).get("suspend")

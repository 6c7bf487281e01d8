"""Applications of the agent's namespace, fed by a watch.

A status write of our own comes back as a watch event; only what a user or Git can change (spec, labels, marks, deletion),
and a status that is not the one written last, puts a key on the queue, so the agent never answers itself.
"""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import replace
from typing import get_args

from gitops_agent.agent.ports import Observer, Wake
from gitops_agent.agent.work_queue import Priority
from gitops_agent.api.application import Application
from gitops_agent.api.application_rules import NO_RULES, ApplicationRules
from gitops_agent.api.parse import SpecInvalid, parse
from gitops_agent.api.source_options import RefKind
from gitops_agent.cluster.etcd_restore import EtcdRestore
from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.marks import APPROVED, FOLLOWED, REQUESTED, annotation
from gitops_agent.sync.live.live_state import reverted


class ApplicationStore:
    """Thread-safe registry, fed by a watch.

    Args:
        wake: called (outside of the lock) with the key, why, and how urgent it is.
        namespace: the only one that is watched; all of them when empty.
        rules: of the installation.

    Attributes:
        rules: may be exchanged until the first Application comes.
        observer: learns of every change, those of statuses included.
        epoch: how often resource versions decreased, because etcd was restored.
    """

    def __init__(self, wake: Wake, *, namespace: str = "", rules: ApplicationRules = NO_RULES) -> None:
        self._wake, self._namespace, self.rules = wake, namespace, rules
        self._lock = threading.Lock()
        self._objects: dict[AppKey, Object] = {}
        self._wishes: dict[AppKey, str] = {}
        self._statuses: dict[AppKey, Object] = {}
        self._parsed: dict[AppKey, Application | SpecInvalid] = {}
        self._dependants: dict[AppKey, set[AppKey]] = {}
        self._etcd_restore = EtcdRestore()
        self.observer: Observer | None = None
        self.epoch = 0

    def replace(self, objects: list[Object], resource_version: str) -> None:
        """Takes a complete list: what is missing from it is gone."""
        fresh = {_key(obj): obj for obj in objects}
        with self._lock:
            versions = {key: _version(obj) for key, obj in self._objects.items()}
            restored = any(reverted(_version(obj), versions.get(key, ""), resource_version) for key, obj in fresh.items())
            if self._etcd_restore.rewound(resource_version) or restored:
                self.epoch += 1
            gone = [key for key in self._objects if key not in fresh]
        for key in gone:
            self._remove(key)
        for obj in objects:
            self.put(obj)

    def put(self, obj: Object) -> None:
        """Takes an Application that was added or changed."""
        key = _key(obj)
        self._etcd_restore.note(obj["metadata"].get("resourceVersion"))
        wish = _wish(obj)
        with self._lock:
            before = self._objects.get(key)
            self._objects[key] = obj
            changed = self._wishes.get(key) != wish
            self._wishes[key] = wish
            overwritten = before is not None and _status(obj) not in (_status(before), self._statuses.get(key))
            if changed:
                self._understand(key, obj)
        self._observe(key)
        if changed:
            requested = before is not None and _asked(before) != _asked(obj)
            reason = "asked for" if requested else "the Application changed"
            self._wake(key, reason, Priority.USER if requested else Priority.COMMIT)
        elif overwritten:
            self._wake(key, "its status was changed by another process", Priority.RESYNC)

    def expect_status(self, key: AppKey, status: Object) -> None:
        """Registers a status that is about to be written."""
        with self._lock:
            self._statuses[key] = status

    def remove(self, obj: Object) -> None:
        """Takes an Application that was deleted."""
        self._remove(_key(obj))

    def get(self, key: AppKey) -> Application | None:
        """The application, None when there is none.

        Raises:
            SpecInvalid: its spec cannot be followed; the error names every problem.
        """
        with self._lock:
            obj, parsed = self._objects.get(key), self._parsed.get(key)
        if obj is None or parsed is None:
            return None
        if isinstance(parsed, SpecInvalid):
            raise parsed
        if parsed.raw is obj:
            return parsed
        metadata = obj["metadata"]
        return replace(
            parsed,
            raw=obj,
            status=obj.get("status") or {},
            resource_version=str(metadata.get("resourceVersion") or ""),
            finalizers=tuple(metadata.get("finalizers") or ()),
        )

    def raw(self, key: AppKey) -> Object | None:
        """The object as last seen."""
        with self._lock:
            return self._objects.get(key)

    def uid(self, key: AppKey) -> str:
        """The UID of an Application; empty when there is none."""
        raw = self.raw(key)
        return str(raw["metadata"].get("uid") or "") if raw is not None else ""

    def may_exist(self, key: AppKey) -> bool:
        """Whether an Application may exist.

        One in a namespace of another agent cannot be seen from here, so it may.
        """
        return self._namespace not in ("", key.namespace) or self.raw(key) is not None

    def keys(self) -> tuple[AppKey, ...]:
        """All keys, sorted."""
        with self._lock:
            return tuple(sorted(self._objects))

    def following_too(self, key: AppKey) -> tuple[AppKey, ...]:
        """Other applications on the same reference of the same repository, sorted.

        One that a rollback pinned follows what it will follow again. Those that are being deleted are left out.
        """
        mine = self.raw(key)
        if mine is None:
            return ()
        source = _followed(mine)
        return tuple(other for other, obj in self._staying() if other != key and source in (_followed(obj), _unpinned(obj)))

    def staying(self) -> tuple[AppKey, ...]:
        """All keys but those of applications that are being deleted, sorted."""
        return tuple(key for key, _ in self._staying())

    def _staying(self) -> list[tuple[AppKey, Object]]:
        with self._lock:
            kept = [(key, obj) for key, obj in self._objects.items() if not _leaving(obj)]
        return sorted(kept, key=lambda each: each[0])

    def pinned(self, key: AppKey) -> bool:
        """Whether a rollback pinned an application to a commit."""
        return FOLLOWED in ((self.raw(key) or {}).get("metadata", {}).get("annotations") or {})

    def needs(self, namespace: str) -> dict[str, list[str]]:
        """What the Applications of a namespace depend on, by name."""
        raws = {key.name: self.raw(key) or {} for key in sorted(self.keys()) if key.namespace == namespace}
        return {
            name: [str(dependency.get("name")) for dependency in (raw.get("spec") or {}).get("dependsOn") or ()]
            for name, raw in raws.items()
        }

    def depending_on(self, key: AppKey) -> tuple[AppKey, ...]:
        """The applications whose `dependsOn` names this one, sorted."""
        with self._lock:
            return tuple(sorted(self._dependants.get(key, ())))

    def _remove(self, key: AppKey) -> None:
        with self._lock:
            removed = self._objects.pop(key, None) is not None
            self._wishes.pop(key, None)
            self._statuses.pop(key, None)
            self._detach(key)
        self._observe(key)
        if removed:
            self._wake(key, "the Application is gone", Priority.COMMIT)

    def _observe(self, key: AppKey) -> None:
        if self.observer is not None:
            self.observer(key)

    def _understand(self, key: AppKey, obj: Object) -> None:
        """Parses a changed spec; the caller holds the lock."""
        self._detach(key)
        try:
            application = self.rules.applied(parse(obj))
        except SpecInvalid as error:
            self._parsed[key] = error
            return
        self._parsed[key] = application
        for dependency in application.spec.depends_on:
            self._dependants.setdefault(AppKey(key.namespace, dependency.name), set()).add(key)

    def _detach(self, key: AppKey) -> None:
        parsed = self._parsed.pop(key, None)
        if isinstance(parsed, Application):
            for dependency in parsed.spec.depends_on:
                self._dependants.get(AppKey(key.namespace, dependency.name), set()).discard(key)


def _key(obj: Object) -> AppKey:
    return AppKey(str(obj["metadata"].get("namespace") or ""), str(obj["metadata"]["name"]))


def _version(obj: Object) -> str:
    return str(obj["metadata"].get("resourceVersion") or "")


def _status(obj: Object) -> object:
    return obj.get("status") or {}


def _wish(obj: Object) -> str:
    """Digest of what a user or Git can change, not the agent.

    While an Application is deleted its finalizers are included: each of them that is removed may make it the agent's turn.
    """
    metadata = obj["metadata"]
    return digest(
        [
            metadata.get("uid"),
            obj.get("spec"),
            metadata.get("labels"),
            metadata.get("annotations"),
            metadata.get("deletionTimestamp"),
            metadata.get("finalizers") if metadata.get("deletionTimestamp") else None,
        ],
    )


def _followed(obj: Object) -> tuple[object, object]:
    source = (obj.get("spec") or {}).get("source") or {}
    return source.get("repoURL") or (source.get("chart") or {}).get("repository"), source.get("ref") or source.get("chart")


def _unpinned(obj: Object) -> tuple[object, object]:
    """What an application follows, or will once its rollback is undone."""
    url, ref = _followed(obj)
    with contextlib.suppress(ValueError, AttributeError):
        before = json.loads(annotation(obj, FOLLOWED) or "")
        kinds = {kind: value for kind, value in before.items() if kind in get_args(RefKind)}
        return url, kinds or before
    return url, ref


def _leaving(obj: Object) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))


def _asked(obj: Object) -> tuple[object, object, object]:
    annotations = obj["metadata"].get("annotations") or {}
    return annotations.get(REQUESTED), annotations.get(APPROVED), (obj.get("spec") or {}).get("suspend")

"""The live state: our objects as of the last event or write.

Problem: what the agent knows comes from two sides, watches (late, complete) and the answers to its own writes (at once,
single), and neither order is guaranteed. Decision: the newer resource version wins (they are comparable integers), a removed
object comes back only in a newer version, and the answer to an apply is put in together with the baseline it establishes, so
that the watch event that follows is no news and requeues nothing.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from gitops_agent.manifest.edits import FieldEdit
from gitops_agent.manifest.key import AppKey, GroupKind, ObjectKey
from gitops_agent.manifest.mark_authority import MarkAuthority
from gitops_agent.manifest.marks import label_value
from gitops_agent.sync.health.expressions import HealthExpressions
from gitops_agent.sync.live.live_object import LiveObject, Snapshot

_Index = TypeVar("_Index")
_REMEMBERED = 10_000
"""Removed objects whose last version is remembered: as many as can be under way in lists, watches and answers at a time."""


class ChangeKind(StrEnum):
    """What a piece of news meant."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    STALE = "stale"
    """Older than what was known, and dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The effect of a watch event on us.

    Attributes:
        kind: what it was.
        key: of the object.
        application: the one to reconcile: the owner, or the one that lost it.
        drifted: it no longer is what was applied, though it was before.
        health: its health became another.
    """

    kind: ChangeKind
    key: ObjectKey
    application: AppKey | None = None
    drifted: bool = False
    health: bool = False

    @property
    def matters(self) -> bool:
        """Whether it could change a plan or a status."""
        return self.kind not in (ChangeKind.UNCHANGED, ChangeKind.STALE)


class LiveState:
    """Cache of the live objects; thread-safe, each method is a few operations.

    Args:
        authority: verifies the marks of objects; None takes them at their word.
        expressions: judge the health of custom kinds; outside the lock, because they are not ours.

    Attributes:
        authority: see above; seals what is applied.
        cannot_see: kinds that cannot be listed, and why; written by the watcher.
        complete: every kind has been listed since the start; set by the sweep.
    """

    def __init__(self, authority: MarkAuthority | None = None, expressions: HealthExpressions | None = None) -> None:
        self.authority = authority
        self._expressions: HealthExpressions = expressions or {}
        self.cannot_see: dict[GroupKind, str] = {}
        self.complete = False
        self._lock = threading.Lock()
        self._objects: dict[ObjectKey, LiveObject] = {}
        self._applications: dict[AppKey, dict[ObjectKey, LiveObject]] = {}
        self._damaged: dict[str, dict[ObjectKey, LiveObject]] = {}
        self._labelled: dict[str, AppKey] = {}
        self._kinds: dict[GroupKind, set[ObjectKey]] = {}
        self._baselines: dict[ObjectKey, tuple[str, str]] = {}
        self._declared: dict[AppKey, frozenset[ObjectKey]] = {}
        self._lost: dict[ObjectKey, tuple[str, str]] = {}
        self._removed: OrderedDict[str, str] = OrderedDict()
        self._tolerated: OrderedDict[str, frozenset[FieldEdit]] = OrderedDict()
        self._pinned: dict[AppKey, frozenset[ObjectKey]] = {}
        self._whole: frozenset[ObjectKey] = frozenset()
        self._kept: dict[AppKey, frozenset[ObjectKey]] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def put(self, live: LiveObject) -> Change:
        """Takes an object in, unless something newer is known."""
        live = live.judged(self._expressions)
        with self._lock:
            return self._put(live)

    def applied(self, live: LiveObject, *, digest: str) -> Change:
        """Stores the answer to our own apply, with its baseline.

        From now on this projection is what the object should look like.
        """
        live = live.judged(self._expressions)
        with self._lock:
            self._baselines[live.key] = (digest, live.projection)
            return self._put(live)

    def expect(self, key: ObjectKey, uid: str, *, digest: str, projection: str) -> None:
        """Sets the baseline of an object that an earlier process applied."""
        with self._lock:
            live = self._objects.get(key)
            if live is not None and live.uid == uid:
                self._baselines[key] = (digest, projection)
                self._store(self._settled(live))

    def forget_baseline(self, key: ObjectKey) -> None:
        """Drops what an object should look like."""
        with self._lock:
            self._baselines.pop(key, None)

    def replace(self, group_kind: GroupKind, objects: Iterable[LiveObject], *, resource_version: str = "") -> list[Change]:
        """Stores a complete list of a kind; returns the changes that matter.

        An object missing from it is gone.

        Args:
            group_kind: the kind.
            objects: all of its objects that carry our label.
            resource_version: of the list; objects known in a newer version are kept though it lacks them.
        """
        listed = {live.key: live.judged(self._expressions) for live in objects}
        with self._lock:
            gone = [
                key
                for key in self._kinds.get(group_kind, set()) - listed.keys()
                if not resource_version or not is_newer(self._objects[key].resource_version, resource_version)
            ]
            for live in listed.values():
                self._revert(live, resource_version)
            changes = [self._remove(key) for key in gone]
            changes.extend(self._put(live) for live in listed.values())
        return [change for change in changes if change.matters]

    def rewind(self, group_kind: GroupKind) -> None:
        """Lets any version win over the objects of a kind."""
        with self._lock:
            self._removed.clear()
            for key in list(self._kinds.get(group_kind, ())):
                self._store(replace(self._objects[key], resource_version="0"))

    def remove(self, key: ObjectKey, uid: str, resource_version: str = "") -> Change | None:
        """Removes an object; None when this incarnation was unknown.

        Args:
            key: of the object.
            uid: of the incarnation; any where it is empty.
            resource_version: of its deletion, where that is known.
        """
        with self._lock:
            cached = self._objects.get(key)
            change = self._remove(key) if cached is not None and uid in ("", cached.uid) else None
            if resource_version and uid in self._removed:
                self._removed[uid] = resource_version
            return change

    def get(self, key: ObjectKey) -> LiveObject | None:
        """The object, None when it is not known."""
        return self._objects.get(key)

    def of(self, application: AppKey) -> dict[ObjectKey, LiveObject]:
        """Everything that carries the application's verified marks."""
        with self._lock:
            index = self._applications.get(application, {})
            return {key: live for key, live in index.items() if live.owner == application}

    def damaged(self, application: AppKey) -> list[ObjectKey]:
        """The objects whose damaged marks name the application."""
        with self._lock:
            return sorted(self._damaged.get(label_value(application), {}))

    def names(self, application: AppKey) -> bool:
        """Whether any object carries marks of the application, verified or not."""
        with self._lock:
            return bool(self._applications.get(application))

    def verify(self) -> frozenset[AppKey]:
        """Verifies marks again that were unverified; returns whose were concerned."""
        with self._lock:
            unverified = [live for live in self._objects.values() if live.claimed is not None]
            for live in unverified:
                self._store(self._verified(live))
        return frozenset(live.claimed for live in unverified if live.claimed is not None)

    def tolerate(self, uid: str, edits: Iterable[FieldEdit]) -> None:
        """Ignores edits of this incarnation that cannot be removed."""
        with self._lock:
            self._tolerated[uid] = self._tolerated.get(uid, frozenset()) | frozenset(edits)
            self._tolerated.move_to_end(uid)
            while len(self._tolerated) > _REMEMBERED:
                self._tolerated.popitem(last=False)
            for live in [live for live in self._objects.values() if live.uid == uid]:
                self._store(self._settled(live))

    def pin(self, application: AppKey, keys: Iterable[ObjectKey]) -> frozenset[ObjectKey]:
        """Pins objects for an application: kept whole, every change matters.

        Changes of their status matter too.

        Returns:
            Those that are known, but not as a whole: read them once.
        """
        pinned = frozenset(keys)
        with self._lock:
            if self._pinned.get(application, frozenset()) != pinned:
                self._pinned[application] = pinned
                if not pinned:
                    del self._pinned[application]
                self._whole = frozenset().union(*self._pinned.values())
            cached = {key: self._objects[key] for key in pinned if key in self._objects}
        return frozenset(key for key, live in cached.items() if live.evidence is None)

    def keep(self, application: AppKey, keys: Iterable[ObjectKey]) -> frozenset[ObjectKey]:
        """Keeps objects of an application whole, with the managers of their fields.

        Returns:
            Those that are known, but not as a whole: read them once.
        """
        kept = frozenset(keys)
        with self._lock:
            self._kept[application] = kept
            if not kept:
                del self._kept[application]
            cached = {key: self._objects[key] for key in kept if key in self._objects}
        return frozenset(key for key, live in cached.items() if live.evidence is None)

    def snapshot(self, application: AppKey, keys: Iterable[ObjectKey] = ()) -> Snapshot:
        """Input of a plan: the application's objects, and any live `keys`.

        A declared object that others removed has a baseline but no live object, until it is live again or no longer declared.

        Args:
            application: whose.
            keys: of everything it declares.
        """
        declared = frozenset(keys)
        with self._lock:
            for key in self._declared.get(application, frozenset()) - declared:
                self._lost.pop(key, None)
            self._declared[application] = declared
            if not declared:
                del self._declared[application]
            label = label_value(application)
            self._labelled[label] = application
            objects = dict(self._damaged.get(label, {})) | self._applications.get(application, {})
            for key in declared:
                live = self._objects.get(key)
                if live is not None:
                    objects[key] = live
            baselines = {key: self._baselines[key] for key in objects if key in self._baselines}
            baselines |= {key: self._lost[key] for key in declared if key in self._lost and key not in objects}
            return Snapshot(
                objects=objects,
                baselines=baselines,
                cannot_see=dict(self.cannot_see),
                complete=self.complete,
            )

    def _revert(self, live: LiveObject, listed: str) -> None:
        """Forgets the version of an object that became older."""
        cached = self._objects.get(live.key)
        same = cached is not None and cached.uid == live.uid
        if cached is not None and same and reverted(live.resource_version, cached.resource_version, listed):
            self._store(replace(cached, resource_version="0"))
        if reverted(live.resource_version, self._removed.get(live.uid, ""), listed):
            del self._removed[live.uid]

    def _verified(self, live: LiveObject) -> LiveObject:
        return live if self.authority is None else live.verified(self.authority)

    def _put(self, live: LiveObject) -> Change:
        live = self._verified(live)
        cached = self._objects.get(live.key)
        same = cached is not None and cached.uid == live.uid
        if cached is not None and not is_newer(live.resource_version, cached.resource_version):
            stale = live.resource_version != cached.resource_version
            # The same version again still brings the settling that a new baseline allows.
            if not stale:
                self._store(self._settled(live))
            return Change(kind=ChangeKind.STALE if stale else ChangeKind.UNCHANGED, key=live.key, application=live.named)
        gone_at = self._removed.get(live.uid)
        if gone_at is not None and not is_newer(live.resource_version, gone_at):
            return Change(kind=ChangeKind.STALE, key=live.key, application=live.named)
        was_adrift = same and cached is not None and self._is_drifted(cached)
        if cached is not None and not same:
            self._forget(cached)
        settled = self._settled(live)
        self._store(settled)
        if cached is None or not same:
            return Change(
                kind=ChangeKind.ADDED if cached is None else ChangeKind.CHANGED,
                key=live.key,
                application=self._concerned(live),
                drifted=self._is_drifted(settled),
                health=True,
            )
        health = cached.health != settled.health or live.key in self._whole
        return Change(
            kind=ChangeKind.CHANGED if health or _relevant_state(cached) != _relevant_state(settled) else ChangeKind.UNCHANGED,
            key=live.key,
            application=cached.named or self._concerned(live) or self._concerned(cached),
            drifted=self._is_drifted(settled) and not was_adrift,
            health=health,
        )

    def _remove(self, key: ObjectKey) -> Change:
        cached = self._objects[key]
        self._forget(cached)
        baseline = self._baselines.pop(key, None)
        named = self._concerned(cached)
        if named is not None and key in self._declared.get(named, frozenset()):
            self._lost[key] = baseline or (cached.digest or "", cached.projection)
        self._removed[cached.uid] = cached.resource_version
        self._removed.move_to_end(cached.uid)
        while len(self._removed) > _REMEMBERED:
            self._removed.popitem(last=False)
        return Change(kind=ChangeKind.REMOVED, key=key, application=named, health=True)

    def _concerned(self, live: LiveObject) -> AppKey | None:
        """The application that its marks name, also damaged ones."""
        return live.named or self._labelled.get(live.damaged)

    def _is_drifted(self, live: LiveObject) -> bool:
        return live.drifted(self._baselines.get(live.key))

    def _settled(self, live: LiveObject) -> LiveObject:
        tolerated = self._tolerated.get(live.uid) if live.undeclared else None
        if tolerated:
            live = replace(live, undeclared=tuple(edit for edit in live.undeclared if edit not in tolerated))
        whole = live.key in self._whole or any(live.key in kept for kept in self._kept.values())
        return live.settled(baseline=self._baselines.get(live.key), whole=whole)

    def _store(self, live: LiveObject) -> None:
        cached = self._objects.get(live.key)
        if cached is not None and (cached.named, cached.damaged) != (live.named, live.damaged):
            self._unindex(cached)
        self._objects[live.key] = live
        self._lost.pop(live.key, None)
        self._kinds.setdefault(live.key.group_kind, set()).add(live.key)
        if live.named is not None:
            self._applications.setdefault(live.named, {})[live.key] = live
        elif live.damaged:
            self._damaged.setdefault(live.damaged, {})[live.key] = live

    def _forget(self, live: LiveObject) -> None:
        del self._objects[live.key]
        self._kinds[live.key.group_kind].discard(live.key)
        self._unindex(live)

    def _unindex(self, live: LiveObject) -> None:
        _drop(self._applications, live.named, live.key)
        _drop(self._damaged, live.damaged, live.key)


def _drop(indexes: dict[_Index, dict[ObjectKey, LiveObject]], name: _Index | None, key: ObjectKey) -> None:
    """Drops an object from an index, and an index that is empty."""
    index = indexes.get(name) if name is not None else None
    if index is not None:
        index.pop(key, None)
        if not index and name is not None:
            del indexes[name]


def is_newer(version: str, than: str) -> bool:
    """Whether a resource version is newer than another.

    Versions that are no numbers cannot be compared and count as newer.
    """
    if version.isdecimal() and than.isdecimal():
        return int(version) > int(than)
    return version != than


def reverted(version: str, known: str, listed: str) -> bool:
    """Whether a listed object is older than it was known.

    That happens only to a restored etcd: the list is later than what is known, the object in it earlier.
    """
    if not (version.isdecimal() and known.isdecimal() and listed.isdecimal()):
        return False
    return int(version) < int(known) <= int(listed)


def _relevant_state(live: LiveObject) -> tuple[object, ...]:
    """All a plan or a status depends on, except the health."""
    return (
        live.owner,
        live.owner_uid,
        live.claimed,
        live.damaged,
        live.digest,
        live.projection,
        live.deleting,
        live.controlled,
        live.prune_disabled,
        live.finalizers,
        live.rollout,
        live.hook_run,
        live.wave,
        live.undeclared,
    )

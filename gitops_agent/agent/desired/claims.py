"""Claims: one application owns an object, decided before anything is sent.

A typo that gives two applications one object makes the peers delete and recreate production in turns. Here the first to declare
an object keeps it, the second leaves that object out, and when the first releases it the second is woken and takes over: a move
between applications is a hand-over, not a deletion and a creation.

Which application is reconciled first after a restart is chance. So a live object whose marks name an application is reserved
for it, until that application has claimed what it declares.
"""

from __future__ import annotations

import threading
from collections.abc import Container, Iterable, Mapping

from gitops_agent.manifest.key import AppKey, GroupKind, ObjectKey

_NO_MARKS: Mapping[ObjectKey, AppKey] = {}


class ClaimRegistry:
    """Thread-safe register of declared objects."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders: dict[ObjectKey, AppKey] = {}
        self._held: dict[AppKey, frozenset[ObjectKey]] = {}
        self._contenders: dict[ObjectKey, set[AppKey]] = {}
        self._contended: dict[AppKey, frozenset[ObjectKey]] = {}
        self._heard: set[AppKey] = set()
        self._versions: dict[AppKey, tuple[str, frozenset[tuple[GroupKind, str]]]] = {}

    def claim(
        self,
        application: AppKey,
        keys: Iterable[ObjectKey],
        marks: Mapping[ObjectKey, AppKey] = _NO_MARKS,
        *,
        complete: bool = True,
    ) -> tuple[dict[ObjectKey, AppKey], frozenset[AppKey]]:
        """Claims exactly these objects for an application, and releases its others.

        A released object belongs at once to the applications that contend for it, not only when they claim again: in between
        it must not count as abandoned.

        Args:
            application: which declares them.
            keys: of all it declares.
            marks: the existing applications that live objects name; one that has claimed nothing since the start gets its
                objects reserved.
            complete: the keys are all that it declares, so what is reserved for it beside them is released.

        Returns:
            The objects that others hold with their holders, and the applications to wake for what was released.
        """
        claimed = frozenset(keys)
        with self._lock:
            if complete:
                self._heard.add(application)
            reserved = self._held.get(application, frozenset()) if application not in self._heard else frozenset[ObjectKey]()
            freed = self._held.get(application, frozenset()) - claimed - reserved
            for key in freed:
                self._holders.pop(key, None)
            for key in self._contended.get(application, frozenset()):
                self._withdraw(application, key)
            woken = {contender for key in freed for contender in self._contenders.get(key, ())}
            for key, named in marks.items():
                if key in claimed and key not in self._holders and named != application and named not in self._heard:
                    self._holders[key] = named
                    self._held[named] = self._held.get(named, frozenset()) | {key}
            conflicts = {key: self._holders[key] for key in claimed if self._holders.get(key, application) != application}
            for key in claimed - conflicts.keys():
                self._holders[key] = application
            for key in conflicts:
                self._contenders.setdefault(key, set()).add(application)
            self._contended[application] = frozenset(conflicts)
            self._held[application] = (claimed - conflicts.keys()) | reserved
            return conflicts, frozenset(woken)

    def transfer(self, key: ObjectKey, application: AppKey) -> AppKey | None:
        """Gives an object to an application; its holder contends from now on.

        Returns:
            The holder until now, None if there was no other.
        """
        with self._lock:
            holder = self._holders.get(key)
            if holder is None or holder == application:
                return None
            self._withdraw(application, key)
            self._contended[application] = self._contended.get(application, frozenset()) - {key}
            self._holders[key] = application
            self._held[application] = self._held.get(application, frozenset()) | {key}
            self._held[holder] = self._held.get(holder, frozenset()) - {key}
            self._contenders.setdefault(key, set()).add(holder)
            self._contended[holder] = self._contended.get(holder, frozenset()) | {key}
            return holder

    def write_in(self, application: AppKey, content: str, versions: Iterable[tuple[GroupKind, str]]) -> None:
        """Registers the kinds and versions that an application's manifests are written in.

        Args:
            application: whose.
            content: a digest of the manifests; `versions` is read only when it changed.
            versions: of the manifests.
        """
        if self._versions.get(application, ("",))[0] != content:
            self._versions[application] = (content, frozenset(versions))

    def written_in(self, kinds: Container[GroupKind], *, besides: AppKey) -> dict[tuple[GroupKind, str], str]:
        """The other applications that declare objects of some kinds, by version."""
        users: dict[tuple[GroupKind, str], list[AppKey]] = {}
        for application, (_, versions) in sorted(self._versions.copy().items()):
            for use in versions:
                if use[0] in kinds and application != besides:
                    users.setdefault(use, []).append(application)
        return {use: f"Application {', '.join(each.name for each in applications)}" for use, applications in users.items()}

    def release(self, application: AppKey) -> frozenset[AppKey]:
        """Releases every claim; returns the applications that contended for one."""
        _, woken = self.claim(application, ())
        self._versions.pop(application, None)
        with self._lock:
            self._held.pop(application, None)
            self._contended.pop(application, None)
        return woken

    def forget(self, application: AppKey) -> frozenset[AppKey]:
        """Releases every claim of an application that is gone."""
        woken = self.release(application)
        with self._lock:
            self._heard.discard(application)
        return woken

    def held(self, application: AppKey) -> frozenset[ObjectKey]:
        """The objects that the application holds."""
        with self._lock:
            return self._held.get(application, frozenset())

    def may_adopt(self, key: ObjectKey, application: AppKey, named: AppKey) -> bool:
        """Whether the application may take an object whose marks name another one.

        It must hold the object, and the other one must have claimed what it declares, without this object.
        """
        with self._lock:
            contends = named in self._contenders.get(key, set())
            return self._holders.get(key) == application and named in self._heard and not contends

    def holder(self, key: ObjectKey) -> AppKey | None:
        """The application that holds the object, else one that contends for it."""
        with self._lock:
            holder = self._holders.get(key)
            return holder or next(iter(sorted(self._contenders.get(key, set()))), None)

    def wanted_by_another(self, key: ObjectKey, application: AppKey) -> AppKey | None:
        """Another application that declares the object; releasing it is a hand-over."""
        holder = self.holder(key)
        return holder if holder is not None and holder != application else None

    def _withdraw(self, application: AppKey, key: ObjectKey) -> None:
        contenders = self._contenders.get(key, set())
        contenders.discard(application)
        if not contenders:
            self._contenders.pop(key, None)

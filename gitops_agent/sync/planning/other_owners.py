"""Asks whether other GitOps tools manage what a plan takes over.

The watches select by our label, so an object without our marks is not known before its first apply. Decision: it is read then,
once, and only in a cluster that serves a kind of another tool; a settled application has nothing to take over and asks nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass

from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError, NotFound, UnknownKind
from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.sync.action import Action
from gitops_agent.sync.planning.other_tools import OWNERS, is_active, owner_of, reason_to_wait

_SECONDS = 30.0
_OWNED_SECONDS = 300.0
"""Which owner an object has changes rarely, and is asked of every object that waits; whether the owner acts, of it alone."""
RECHECK_SECONDS = _SECONDS + 1.0
"""After so long, an owner that was active is asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What is remembered of an object, or of an owner.

    Attributes:
        until: when to ask again.
        owner: of an object; None without one, and for owners.
        why: why it must not be taken over yet; empty when it may be.
    """

    until: float
    owner: ObjectKey | None = None
    why: str = ""


class OtherOwners:
    """Reads objects and their owners, and remembers the answers; thread-safe.

    Args:
        objects: reads.
        clock: monotonic seconds.
    """

    def __init__(self, objects: Objects, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._objects, self._clock = objects, clock
        self._lock = threading.Lock()
        self._answers: dict[ObjectKey, _Answer] = {}

    def managed(self, actions: Iterable[Action], pool: Executor) -> dict[ObjectKey, str]:
        """Why objects must not be taken over yet, by object.

        Args:
            actions: that would take them over.
            pool: its threads make the calls.

        Raises:
            AgentError: the kinds of the cluster are not known.
        """
        actions = tuple(actions)
        if not actions:
            return {}
        served = OWNERS.intersection(resource.group_kind for resource in self._objects.discovery.kinds())
        if not served:
            return {}
        self._forget()
        answers = tuple(pool.map(lambda action: self._object(action, served), actions))
        owners = sorted({answer.owner for answer in answers if answer.owner is not None})
        acting = dict(zip(owners, pool.map(self._acting, owners), strict=True))
        reasons = {
            action.key: answer.why if answer.owner is None else acting[answer.owner]
            for action, answer in zip(actions, answers, strict=True)
        }
        return {key: why for key, why in reasons.items() if why}

    def _object(self, action: Action, served: frozenset[GroupKind]) -> _Answer:
        """Which owner an object has that would be taken over."""
        kept = self._kept(action.key)
        if kept is not None:
            return kept
        obj = action.live.evidence if action.live is not None else None
        owner, why = None, ""
        try:
            owner = owner_of(self._objects.get(action.key, metadata_only=True) if obj is None else obj, served)
        except (NotFound, UnknownKind):
            pass
        except AgentError as error:
            why = f"whether another GitOps tool manages it cannot be seen: {error}"
        seconds = _SECONDS if owner is None else _OWNED_SECONDS
        return self._keep(action.key, _Answer(until=self._clock() + seconds, owner=owner, why=why))

    def _acting(self, owner: ObjectKey) -> str:
        """Why an owner must be suspended first; empty when it is."""
        kept = self._kept(owner)
        if kept is not None:
            return kept.why
        why = ""
        try:
            active = next((obj for obj in self._read(owner) if is_active(obj)), None)
            why = "" if active is None else reason_to_wait(ObjectKey.of(active))
        except (NotFound, UnknownKind):
            pass
        except AgentError as error:
            why = reason_to_wait(owner, unread=str(error))
        return self._keep(owner, _Answer(until=self._clock() + _SECONDS, why=why)).why

    def _read(self, owner: ObjectKey) -> list[Object]:
        if owner.namespace:
            return [self._objects.get(owner)]
        resource = self._objects.discovery.find(owner.group, owner.kind)
        return list(self._objects.list(resource, field_selector=f"metadata.name={owner.name}").items)

    def _forget(self) -> None:
        now = self._clock()
        with self._lock:
            self._answers = {key: answer for key, answer in self._answers.items() if now < answer.until}

    def _kept(self, key: ObjectKey) -> _Answer | None:
        with self._lock:
            return self._answers.get(key)

    def _keep(self, key: ObjectKey, answer: _Answer) -> _Answer:
        with self._lock:
            self._answers[key] = answer
        return answer

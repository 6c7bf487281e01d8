"""Budget of deletions over all Applications in a window of time.

Problem: the guard of an Application sees its own plan, so a hundred small deletions, each within its budget, pass as if they
were not one large one. Decision: every object that is deleted without an approval counts once for a while, whichever
Application loses it, and a plan that exceeds what is left is held until it is approved, also after the window. The budget is
never less than the Application's own, which its owner may have raised. The counts of the last deletions are in the statuses, so
a restart goes on with them; those of Applications that are gone are lost.

Objects of kustomize generators that a newer one succeeds do not count: a commit that touches the base of a hundred Applications
replaces a hundred ConfigMaps, and deletes nothing.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.sync.action import REMOVES
from gitops_agent.sync.planning.plan import Plan
from gitops_agent.sync.planning.policy import BudgetUse

Removal = tuple[ObjectKey, str]
"""An object that is deleted, with its UID."""

_GENERATED = re.compile(r"(.*)-[2456789bcdfghkmt]{10}")
"""The names of kustomize's generators end with a hash in these letters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLimits:
    """Limits of the deletions of all Applications.

    Attributes:
        objects: so many objects may be deleted in a window,
        percent: or so many percent of the live ones, if that is more.
        window_seconds: how long a deletion counts.
    """

    objects: int
    percent: int
    window_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentDeletions:
    """Objects that an Application lost without an approval.

    Attributes:
        count: how many within the window.
        at: when the last of them, aware, UTC.
    """

    count: int
    at: datetime


@dataclass(frozen=True, slots=True)
class _Entry:
    application: AppKey
    weight: int
    at: float


class DeletionBudget:
    """Counts deletions of all Applications; thread-safe.

    Args:
        applications: whose statuses hold the counts from before a restart.
        limits: the budget and its window.
        clock: monotonic seconds.
        now: aware, UTC.
    """

    def __init__(
        self,
        applications: ApplicationStore,
        limits: BudgetLimits,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._applications, self._limits = applications, limits
        self._clock, self._now = clock, now
        self._lock = threading.Lock()
        self._entries: dict[Removal | AppKey, _Entry] | None = None

    def reserve(
        self, application: AppKey, removals: Mapping[Removal, int], *, live: int, own: int = 0, dry_run: bool = False
    ) -> BudgetUse | None:
        """Counts deletions; returns the budget's use if it lacks room.

        Args:
            application: whose objects are deleted.
            removals: how many objects each deletion removes.
            live: how many objects of all Applications are live.
            own: the budget of the Application itself.
            dry_run: only ask.
        """
        with self._lock:
            entries = self._current()
            fresh = {removal: weight for removal, weight in removals.items() if removal not in entries}
            spent = sum(entry.weight for entry in entries.values())
            budget = max(own, self._limit(live))
            if fresh and spent + sum(fresh.values()) > budget:
                return self._use(entries, budget)
            if not dry_run:
                now = self._clock()
                entries.update((removal, _Entry(application, weight, now)) for removal, weight in fresh.items())
            return None

    def use(self, live: int) -> BudgetUse:
        """What is used of the budget now."""
        with self._lock:
            return self._use(self._current(), self._limit(live))

    def recent(self, application: AppKey) -> RecentDeletions | None:
        """The counted deletions of an Application, None without any."""
        with self._lock:
            entries = [entry for entry in self._current().values() if entry.application == application]
            if not entries:
                return None
            age = self._clock() - max(entry.at for entry in entries)
            at = datetime.fromtimestamp(self._now().timestamp() - age, UTC).replace(microsecond=0)
            return RecentDeletions(count=sum(entry.weight for entry in entries), at=at)

    def _limit(self, live: int) -> int:
        return max(self._limits.objects, self._limits.percent * live // 100)

    def _use(self, entries: Mapping[Removal | AppKey, _Entry], budget: int) -> BudgetUse:
        return BudgetUse(
            spent=sum(entry.weight for entry in entries.values()),
            applications=len({entry.application for entry in entries.values()}),
            budget=budget,
            window_seconds=self._limits.window_seconds,
        )

    def _current(self) -> dict[Removal | AppKey, _Entry]:
        """The entries of the window; the caller holds the lock."""
        if self._entries is None:
            self._entries = dict(self._restored())
        oldest = self._clock() - self._limits.window_seconds
        for removal in [removal for removal, entry in self._entries.items() if entry.at <= oldest]:
            del self._entries[removal]
        return self._entries

    def _restored(self) -> Iterable[tuple[AppKey, _Entry]]:
        keys = self._applications.keys()
        for key in keys:
            before = recent_of(self._applications.raw(key) or {})
            if before is not None:
                age = max(0.0, (self._now() - before.at).total_seconds())
                yield key, _Entry(key, before.count, self._clock() - age)


def recent_of(application: Object) -> RecentDeletions | None:
    """The deletions that a status holds."""
    sync = (application.get("status") or {}).get("sync") or {}
    try:
        deletions = sync["deletions"]
        return RecentDeletions(count=int(deletions["count"]), at=datetime.fromisoformat(deletions["at"]))
    except (KeyError, TypeError, ValueError):
        return None


def removals(plan: Plan) -> dict[Removal, int]:
    """How many objects each deletion removes that the plan sends now.

    What is removed with an Application counts one by one, because the deletion of that Application sends it later.
    """
    declared = {
        (action.key.group_kind, action.key.namespace, match[1])
        for action in plan.actions
        if action.manifest is not None and (match := _GENERATED.fullmatch(action.key.name))
    }
    counted: dict[Removal, int] = {}
    for action in plan.writes:
        if action.kind not in REMOVES or action.rollout or action.live is None:
            continue
        generated = _GENERATED.fullmatch(action.key.name)
        if generated and (action.key.group_kind, action.key.namespace, generated[1]) in declared:
            continue
        under = plan.verdict.blast.dependants.get(action.key)
        objects = under.objects if under else ()
        counted[action.key, action.live.uid] = 1 + (under.total - len(objects) if under else 0)
        counted.update(((key, uid), 1) for key, uid in objects)
    return counted

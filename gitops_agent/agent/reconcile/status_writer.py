"""Publishes the events of a status transition, then writes the status.

The order is the guarantee: events are in the notifiers' outbox before the status is written. Killed in between, the next start
finds the same transitions again. A status is written only when it differs, and while something merely progresses at most once a
second. Most objects are healthy a moment after they were applied, so Progressing is written only when it lasts. What was
written is compared with what is live: a status that another process wrote over ours is written again, and never into an
Application that was replaced by another one of its name.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gitops_agent.agent.desired.commit_board import ApplicationCommits
from gitops_agent.agent.ports import EventSink
from gitops_agent.agent.reconcile import delivery_metrics
from gitops_agent.agent.reconcile.outcome import ReconcileOutcome
from gitops_agent.agent.reconcile.status_builder import status
from gitops_agent.agent.reconcile.transitions import at, transitions
from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.api.conditions import find_condition
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import Invalid, NotFound
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.manifest.revision_name import base_of
from gitops_agent.manifest.revision_name import short as short_name
from gitops_agent.observe import metrics
from gitops_agent.sync.live.live_state import is_newer

_PAUSE_SECONDS = 1.0
_ON_THE_WAY_SECONDS = 1.5
_PROVISIONAL_SECONDS = 2.0
_PROVISIONAL_LONGEST_SECONDS = 60.0
_SOURCE_KEPT = ("unavailableSince", "message", "unverified", "republished", "accepted")
"""What a status says of its source beside the commits."""
_NOT_YET = frozenset({"Fetching", "WaitingFor", "NotFetched"})
"""Reasons of a status that says no more than a provisional one."""


@dataclass(slots=True)
class StatusMemo:
    """What the writer remembers of one application.

    Attributes:
        written: the status as last written, or as found in the cluster at the start.
        written_at: monotonic time of the last write.
        progressing_since: monotonic time since when applied objects are not healthy yet; None when they are.
        seen: monotonic time when the application was first reconciled.
        uid: of the Application that all this is about.
        version: the resource version in which `written` was live.
        epoch: of the Applications when that was compared last; versions of an older one are worth nothing.
        provisional_since: monotonic time since when nothing but "not yet" is known; None when more is.
    """

    written: Object | None = None
    written_at: float = 0.0
    progressing_since: float | None = None
    seen: float = field(default_factory=time.monotonic)
    uid: str = ""
    version: str = ""
    epoch: int = 0
    provisional_since: float | None = None

    def take(self, raw: Object) -> None:
        """Remembers the status of an Application as it is live."""
        self.written = raw.get("status") or {}
        self.uid, self.version = raw["metadata"]["uid"], raw["metadata"]["resourceVersion"]

    def overwritten(self, raw: Object) -> bool:
        """Whether another process changed the status since it was written."""
        return (raw.get("status") or {}) != self.written and is_newer(raw["metadata"]["resourceVersion"], self.version)


class StatusWriter:
    """Writes statuses of Applications.

    Args:
        objects: patches them.
        events: take the transitions, before the status is written.
        applications: know by it which changes of a status are ours.
        commits: learn where each application stands, also where nothing is written.
        now: aware, UTC.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        objects: Objects,
        events: EventSink,
        applications: ApplicationStore,
        *,
        commits: ApplicationCommits | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._objects, self._events, self._applications, self._commits = objects, events, applications, commits
        self._now, self._clock = now, clock

    def publish(self, raw: Object, memo: StatusMemo, outcome: ReconcileOutcome, *, generation: int) -> float | None:
        """Publishes an outcome, or returns the seconds by which it is deferred.

        Args:
            raw: the Application as the cluster has it.
            memo: of the application.
            outcome: of its reconcile.
            generation: of the spec that was reconciled.

        Raises:
            AgentError: the API server refused the status; the next reconcile retries.
        """
        if memo.written is None:
            memo.take(raw)
        if memo.epoch != self._applications.epoch:
            memo.epoch, memo.version = self._applications.epoch, "0"
        before = memo.written or {}
        overwritten = memo.overwritten(raw)
        hooks = outcome.hooks is not None and dict(outcome.hooks) != (before.get("hooks") or {})
        patience = 0.0 if hooks else self._patience(outcome, before, memo, generation)
        if patience > 0:
            return patience
        now = self._now()
        after = status(before, outcome, generation=generation, now=now)
        if outcome.approval is not None:
            after["sync"]["approval"] = outcome.approval.to_json()
        if outcome.answered:
            after["sync"]["answered"] = outcome.answered
        key = AppKey(raw["metadata"]["namespace"], raw["metadata"]["name"])
        self._measure(key, after)
        self._note(key, outcome, after)
        if not overwritten and (after == before or quiet(before, after)):
            return None
        waits = self._progressing(after, memo)
        if waits > 0 and not hooks:
            return waits
        events = transitions(before, after, application=key, outcome=outcome, now=now)
        elapsed = self._clock() - memo.written_at
        if not overwritten and not events and not hooks and elapsed < _PAUSE_SECONDS and _progress_only(before, after):
            return _PAUSE_SECONDS - elapsed
        self._events.emit(raw, events)
        written = self._write(key, memo.uid, after)
        if written is not None:
            delivery_metrics.observe(key, before, after)
            memo.take(written)
            memo.written_at = self._clock()
        return None

    def forget(self, key: AppKey) -> None:
        """Drops an application that is gone."""
        if self._commits is not None:
            self._commits.forget(key)

    def _note(self, key: AppKey, outcome: ReconcileOutcome, after: Object) -> None:
        """Reports where the application stands with its newest commit."""
        refused = outcome.judgement is not None and outcome.judgement.stop is not None
        if self._commits is not None and not (refused and outcome.waiting):
            commit = base_of(outcome.revision.commit) if outcome.revision is not None else ""
            self._commits.note(key, commit, after, refused=refused)

    def _write(self, key: AppKey, uid: str, after: Object) -> Object | None:
        """Writes the status, and returns the Application then.

        None when this one is gone.

        Raises:
            AgentError: the API server did not take it.
        """
        named = APPLICATION.named(key.namespace, key.name)
        patch: list[Object] = [
            {"op": "test", "path": "/metadata/uid", "value": uid},
            {"op": "add", "path": "/status", "value": after},
        ]
        self._applications.expect_status(key, after)
        try:
            return self._objects.json_patch(named, patch, subresource="status")
        except NotFound:
            return None
        except Invalid:
            if self._objects.get(named, metadata_only=True)["metadata"]["uid"] == uid:
                raise
            return None

    def _patience(self, outcome: ReconcileOutcome, before: Object, memo: StatusMemo, generation: int) -> float:
        """Seconds by which a provisional status is deferred.

        Most fetches and renders end within a second, and a status in the cluster of this very spec says more for a minute,
        unless it says "not yet" itself.
        """
        if not outcome.provisional:
            memo.provisional_since = None
            return 0.0
        if memo.provisional_since is None:
            memo.provisional_since = self._clock()
        if before.get("observedGeneration") == generation:
            says_more = _condition(before, "Ready").get("reason") not in _NOT_YET
            longest = _PROVISIONAL_LONGEST_SECONDS if says_more else _PROVISIONAL_SECONDS
            return min(_PROVISIONAL_SECONDS, longest - (self._clock() - memo.provisional_since))
        return _PROVISIONAL_SECONDS - (self._clock() - memo.seen)

    def _progressing(self, after: Object, memo: StatusMemo) -> float:
        """Seconds by which Progressing is deferred after an apply."""
        if (_condition(after, "Ready").get("status"), _condition(after, "Ready").get("reason")) != ("Unknown", "Progressing"):
            memo.progressing_since = None
            return 0.0
        if memo.progressing_since is None:
            memo.progressing_since = self._clock()
        return _ON_THE_WAY_SECONDS - (self._clock() - memo.progressing_since)

    @staticmethod
    def _measure(key: AppKey, after: Object) -> None:
        name, ready = str(key), _condition(after, "Ready")
        delivery_metrics.show(key, after)
        unverified = at(after, "source", "unverified", "count") or 0
        shown = bool(unverified or at(after, "source", "verified"))
        metrics.show(metrics.UNVERIFIED_COMMITS, name, unverified if shown else None)
        since = ready.get("lastTransitionTime")
        away = ready.get("status") != "True" and isinstance(since, str)
        metrics.show(metrics.NOT_READY_SINCE, name, datetime.fromisoformat(str(since)).timestamp() if away else 0)
        metrics.show(metrics.HELD_PLANS, name, 1 if ready.get("reason") == "HeldForApproval" else None)
        metrics.show_state(name, after["sync"].get("status", "Unknown"), after["health"]["status"])


def quiet(before: Object, after: Object) -> bool:
    """Whether only the commit changed, and nothing of this application.

    A monorepo of a thousand applications would otherwise write a thousand statuses for each commit. The commit is written with
    the next change, and when a sync is requested.
    """
    old, new = at(before, "sync", "plan"), at(after, "sync", "plan")
    return bool(new) and old == new and _without_commit(before) == _without_commit(after)


def _condition(status_: Object, kind: str) -> Object:
    return find_condition(status_.get("conditions"), kind) or {}


def _without_commit(status_: Object) -> Object:
    commits = (at(status_, "source", "revision"), at(status_, "sync", "revision"))
    shorts = [short_name(commit) for commit in commits if commit]

    def neutral(message: str) -> str:
        for short in shorts:
            message = message.replace(short, "")
        return message

    source = {name: value for name, value in (status_.get("source") or {}).items() if name in _SOURCE_KEPT}
    sync = {name: value for name, value in (status_.get("sync") or {}).items() if name not in ("revision", "shortRevision")}
    conditions = [
        {**condition, "message": neutral(str(condition.get("message")))} for condition in status_.get("conditions") or []
    ]
    rest = {name: value for name, value in status_.items() if name not in ("source", "sync", "conditions", "history")}
    return {**rest, "source": source, "sync": sync, "conditions": conditions}


def _progress_only(before: Object, after: Object) -> bool:
    """Whether only progress changed: same readiness, reason and commit."""

    def gist(status_: Object) -> object:
        conditions = {c["type"]: (c["status"], c["reason"]) for c in status_.get("conditions") or []}
        return conditions, (status_.get("sync") or {}).get("revision"), (status_.get("source") or {}).get("revision")

    return gist(before) == gist(after)

"""Applies the last healthy commit in place of one that became Degraded.

The decision is pure (`sync/rollback.py`) and stands in the status, so a restart continues with it. Here it meets the reconcile:
what the newest commit declares is replaced before D(t) is composed, and judged after the objects were assessed. A Degraded
workload that a RolloutPolicy covers is the rollout's business, and while a rollout runs nothing is judged. A commit with hooks
after its sync, such as the tests of a chart, is healthy when they have succeeded, and is rejected when one fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from gitops_agent.agent.desired.declared_state import DeclaredState, DeclaredStateLoader
from gitops_agent.agent.reconcile.app_state import ApplicationState
from gitops_agent.agent.reconcile.outcome_builder import Findings
from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.api.application import Application
from gitops_agent.api.problems import SpecInvalid
from gitops_agent.api.sync_options import SyncMode
from gitops_agent.errors import AgentError, SourceError
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.marks import RETRY
from gitops_agent.manifest.revision_name import base_of, short
from gitops_agent.observe.log import logger
from gitops_agent.sync.health.status import Status
from gitops_agent.sync.rollback import Rejection, RollbackState, Version

_log = logger("agent")
_PATIENCE_SECONDS = 15.0
"""How long objects stay Degraded before their commit is rejected; a shorter `sync.timeout` shortens it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """Where an application of a group stood when it was reconciled last.

    Attributes:
        group: its name.
        rejection: of its newest commit, by its own objects; None without one.
        follows: the member it follows.
        left: the rejection of another member that it no longer follows, since a later commit changes it; None without one.
        retried: the last request for another try that it took up.
    """

    group: str
    rejection: Rejection | None
    follows: str
    left: Rejection | None
    retried: str


class AutomaticRollback:
    """Judges commits of applications with `sync.rollback.onDegraded`.

    Args:
        loader: loads the last healthy commit.
        applications: know the other members of a group.
        clock: monotonic seconds.
    """

    def __init__(
        self, loader: DeclaredStateLoader, applications: ApplicationStore, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._loader, self._applications, self._clock = loader, applications, clock
        self._members: dict[AppKey, _Member] = {}

    def replaced(self, application: Application, declared: DeclaredState, state: ApplicationState) -> DeclaredState:
        """The declared state; the last healthy one where the newest is rejected.

        Args:
            application: whose.
            declared: what the newest commit declares.
            state: of the application; its `rollback` is brought up to date.
        """
        if not application.spec.sync.rollback.on_degraded:
            state.rollback = RollbackState()
            self.forget(application.key)
            return declared
        self._keep_healthy(application.key, state)
        head = _head(declared)
        if head is None:
            return declared
        degraded = str(((state.status.written or {}).get("health") or {}).get("status") or "") == Status.DEGRADED.value
        state.rollback = state.rollback.retry(application.annotations.get(RETRY, "")).follow(head, degraded=degraded)
        self._follow_group(application, head, state)
        self._register(application, state)
        healthy = state.rollback.replacement
        if healthy is None:
            return declared
        try:
            desired = self._loader.at_healthy(application, healthy.commit)
        except AgentError as error:
            gone = f"{short(head.commit)} is rejected, and the healthy commit {short(healthy.commit)} cannot be read: {error}"
            return replace(declared, desired=None, error=SourceError(gone, reason=error.reason, transient=error.transient))
        if desired is None:
            return replace(declared, desired=None, pending=f"the healthy commit {short(healthy.commit)} is being rendered")
        return replace(declared, desired=desired)

    def judge(self, findings: Findings, head: DeclaredState, state: ApplicationState) -> float | None:
        """Judges the newest commit by the health of the objects.

        Args:
            findings: of the stages; the objects are assessed.
            head: what the newest commit declares.
            state: of the application; its `rollback` is brought up to date.

        Returns:
            The seconds after which to judge again; None when an event triggers that.
        """
        application, version = findings.application, _head(head)
        applied, health = findings.applied, findings.health
        off = findings.suspended or application.spec.sync.mode is SyncMode.OBSERVE
        if not application.spec.sync.rollback.on_degraded or version is None or off:
            return None
        if applied is None or not applied.synced or health is None or not findings.settled:
            return None
        if health.health.status in (Status.HEALTHY, Status.SUSPENDED):
            state.degraded_since = None
            if findings.hooks is None or findings.hooks.settled:
                state.rollback = state.rollback.settle(version)
                return None
            failed = findings.hooks.failed_after if state.rollback.on_trial else ""
            return self._reject(findings, version, failed, state) if failed else None
        covered = {view.workload for view in (findings.rollouts.views if findings.rollouts is not None else ())}
        causes = [issue for issue in health.problems if issue.reason == Status.DEGRADED.value and issue.key not in covered]
        if not causes or not state.rollback.on_trial:
            state.degraded_since = None
            return None
        now = self._clock()
        state.degraded_since = now if state.degraded_since is None else state.degraded_since
        patience = min(_PATIENCE_SECONDS, application.spec.sync.timeout.total_seconds())
        left = state.degraded_since + patience - now
        if left > 0:
            return left
        state.degraded_since = None
        return self._reject(findings, version, f"{causes[0].key}: {causes[0].message}", state)

    def _reject(self, findings: Findings, version: Version, reason: str, state: ApplicationState) -> float:
        """Rejects the newest commit; when to reconcile again."""
        application = findings.application
        state.rollback = state.rollback.reject(version, reason, findings.now)
        self._register(application, state)
        _log.warning("commit rejected", application=str(application.key), commit=short(version.commit), reason=reason)
        return 0.0

    def group(self, application: Application) -> Iterator[AppKey]:
        """The other applications that are rolled back together with this one."""
        name = application.spec.sync.rollback.group
        if not name:
            return
        for key in sorted(self._applications.keys()):
            if key == application.key or key.namespace != application.key.namespace:
                continue
            try:
                other = self._applications.get(key)
            except SpecInvalid:
                continue
            if other is not None and other.spec.sync.rollback.on_degraded and other.spec.sync.rollback.group == name:
                yield key

    def followers(self, application: Application) -> Iterator[AppKey]:
        """Members that follow this one, and the rejecting one it left."""
        name = application.spec.sync.rollback.group
        own = self._members.get(application.key)
        if name and own is not None and own.left is not None:
            rejecting = AppKey(application.key.namespace, own.left.together)
            rejection = other.rejection if (other := self._members.get(rejecting)) is not None else None
            if rejection is not None and self._left(rejecting, name, rejection):
                yield rejecting
        for key, member in sorted(self._members.items(), key=lambda item: item[0]) if name else ():
            if member.follows == application.key.name and member.group == name and key.namespace == application.key.namespace:
                yield key

    def forget(self, application: AppKey) -> None:
        """Drops everything about an application."""
        self._members.pop(application, None)
        self._loader.keep_healthy(application, "")

    def _keep_healthy(self, application: AppKey, state: ApplicationState) -> None:
        """Keeps the render that a rollback would apply."""
        healthy = state.rollback.healthy
        self._loader.keep_healthy(application, healthy.commit if healthy is not None else "")

    def _register(self, application: Application, state: ApplicationState) -> None:
        """Lets the group know where this application stands."""
        group, rollback = application.spec.sync.rollback.group, state.rollback
        if not group:
            self._members.pop(application.key, None)
            return
        self._members[application.key] = _Member(
            group=group,
            rejection=_own_rejection(rollback),
            follows=rollback.follows,
            left=rollback.rejected[0] if not rollback.held and rollback.rejected and rollback.rejected[0].together else None,
            retried=rollback.retried,
        )

    def _follow_group(self, application: Application, head: Version, state: ApplicationState) -> None:
        """Rejects and retries the newest commit with the group."""
        if state.rollback.follows and not self._holds(application, state.rollback.follows):
            state.rollback = state.rollback.release()
        group, own = application.spec.sync.rollback.group, _own_rejection(state.rollback)
        if (
            group
            and own is not None
            and base_of(own.commit) != base_of(head.commit)
            and self._left(application.key, group, own)
        ):
            state.rollback = state.rollback.release()
        if not group or state.rollback.held:
            return
        for key, member in sorted(self._members.items(), key=lambda item: item[0]):
            rejection = member.rejection
            if (
                rejection is None
                or member.group != group
                or key.namespace != application.key.namespace
                or key == application.key
            ):
                continue
            if base_of(rejection.commit) == base_of(head.commit) and not self._is_asked(key, member):
                state.rollback = state.rollback.reject_together(head, rejection.reason, rejection.at, by=key.name)
                return

    def _left(self, key: AppKey, group: str, rejection: Rejection) -> bool:
        """Whether a member that followed a rejection has a later commit."""
        lefts = (
            member.left
            for other, member in self._members.items()
            if member.group == group and other.namespace == key.namespace and member.left is not None
        )
        this = (key.name, base_of(rejection.commit), rejection.at)
        return any((left.together, base_of(left.commit), left.at) == this for left in lefts)

    def _holds(self, application: Application, name: str) -> bool:
        """Whether the member that rejected a commit stands by that."""
        key = AppKey(application.key.namespace, name)
        if key not in self.group(application):
            return False
        member = self._members.get(key)  # None before its first reconcile, as after a restart
        return member is None or (member.rejection is not None and not self._is_asked(key, member))

    def _is_asked(self, key: AppKey, member: _Member) -> bool:
        """Whether it is yet to take up a requested try."""
        try:
            live = self._applications.get(key)
        except SpecInvalid:
            return False
        return live is not None and live.annotations.get(RETRY, "") not in ("", member.retried)


def _own_rejection(rollback: RollbackState) -> Rejection | None:
    """The rejection of the newest commit by the application's own objects."""
    return rollback.rejected[0] if rollback.held and rollback.rejected and not rollback.follows else None


def _head(declared: DeclaredState) -> Version | None:
    """The newest commit and its content; None while unknown."""
    if declared.revision is None or declared.desired is None or not declared.desired.rendered:
        return None
    return Version(commit=declared.revision.commit, content=declared.desired.rendered)

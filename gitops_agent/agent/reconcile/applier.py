"""From D(t) to the cluster: plan, guard, preflight, execute; what came of it, in values the status is made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gitops_agent.agent.desired.claims import ClaimRegistry
from gitops_agent.agent.desired.prune_barrier import PruneBarrier
from gitops_agent.agent.reconcile.app_state import ApplicationState
from gitops_agent.agent.reconcile.outcome import ObjectIssue
from gitops_agent.agent.stores.prerequisites import REASONS as ARRIVALS
from gitops_agent.api.application import Application
from gitops_agent.api.sync_options import ErrorPolicy
from gitops_agent.cluster.error_text import simplify
from gitops_agent.errors import AgentError
from gitops_agent.events.event import Event, EventType, Severity
from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.manifest.marks import APPROVED
from gitops_agent.observe import metrics
from gitops_agent.observe.log import logger
from gitops_agent.sync.action import REMOVES, Action, ActionKind, PlanError
from gitops_agent.sync.apply.errors import Immutable
from gitops_agent.sync.apply.executor import Executor, Result
from gitops_agent.sync.desired import LEFT_OUT, Desired
from gitops_agent.sync.drift.fight_detector import FightDetector
from gitops_agent.sync.drift.report import DriftReport, describe
from gitops_agent.sync.live.live_object import Snapshot
from gitops_agent.sync.live.live_state import LiveState
from gitops_agent.sync.planning.blast_radius import DependantCounter
from gitops_agent.sync.planning.plan import Plan, plan
from gitops_agent.sync.planning.policy import Approval, PlanPolicy

_log = logger("agent")
_TRAILER = "gitops-agent-approve:"
_COUNT_AGAIN_SECONDS = 300.0
_HELD_BACK = "not applied, because other objects of this revision are refused (errorPolicy: atomic)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyResult:
    """What one pass came to.

    Attributes:
        synced: every declared object is live as declared, and nothing of the application is left over.
        held: why the plan waits for approval, empty when it does not.
        waiting: what it waits for, in words.
        problems: objects that failed, drifted or wait.
        error: what kept a plan from being made.
        retry: seconds after which failures are worth another try (0: backoff decides); None when there are none.
        in_sync: declared objects that are live as declared.
        drifted: objects that deviate and were left alone.
        again: seconds after which something that was left alone is worth another look.
        awaited: reasons of failures that end when something arrives in the cluster.
    """

    synced: bool = False
    held: str = ""
    waiting: str = ""
    problems: tuple[ObjectIssue, ...] = ()
    error: AgentError | None = None
    retry: float | None = None
    in_sync: int = 0
    drifted: int = 0
    again: float | None = None
    awaited: frozenset[str] = frozenset()


class Applier:
    """See the module's text.

    Args:
        live: what is live.
        executor: writes.
        blast: what hangs under a deletion.
        claims: who declares what.
        handover: who has yet to look at a commit before anything is deleted for it.
        fights: objects that somebody else keeps changing back.
        exists: whether an Application exists.
        emit: hands edges to their subscribers.
        protected: objects that belong to the agent's own installation.
        agent_namespace: where the agent lives.
        stopping: whether the process is shutting down.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        live: LiveState,
        executor: Executor,
        blast: DependantCounter,
        *,
        claims: ClaimRegistry,
        handover: PruneBarrier,
        fights: FightDetector,
        exists: Callable[[AppKey], bool],
        emit: Callable[[Application, list[Event]], None],
        protected: frozenset[ObjectKey],
        agent_namespace: str,
        stopping: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._live, self._executor, self._blast, self._fights = live, executor, blast, fights
        self._claims, self._handover = claims, handover
        self._exists, self._emit = exists, emit
        self._protected, self._agent_namespace = protected, agent_namespace
        self._stopping, self._clock = stopping, clock

    def enact(
        self,
        application: Application,
        desired: Desired,
        memory: ApplicationState,
        *,
        suspended: bool = False,
        current: bool = True,
        deleting: bool = False,
        rolling: bool = False,
    ) -> ApplyResult:
        """Plans, and executes what may be done now.

        Args:
            application: whose.
            desired: D(t).
            memory: of the application.
            suspended: plan only.
            current: `desired` is of the newest commit; if not, only drift is repaired.
            deleting: the Application itself goes.
            rolling: a rollout is under way, so an approved plan comes to its deletions later.
        """
        key = application.key
        snapshot = self._snapshot(key, desired)
        policy = self._policy(application, desired, memory, deleting=deleting)
        try:
            made = self._plan(desired, snapshot, policy, memory)
        except PlanError as error:
            return ApplyResult(error=error)
        memory.plan = made
        if made.verdict.approved:
            memory.approval = made.approval()
        elif memory.approval is not None and not rolling and not _under_way(memory.approval, made, snapshot):
            memory.approval = None
        runnable = self._allowed(made, suspended=suspended, current=current, deleting=deleting)
        failures = self._preflight(application, runnable, snapshot)
        immutable = frozenset(one for one, error in failures.items() if isinstance(error, Immutable))
        if immutable:
            memory.immutable, memory.proved = memory.immutable | immutable, made.content
            made = memory.plan = self._plan(desired, snapshot, policy, memory)
            runnable = self._allowed(made, suspended=suspended, current=current, deleting=deleting)
            replaced = {action.key for action in made.changes() if action.intent is ActionKind.REPLACE}
            failures = {one: error for one, error in failures.items() if one not in replaced}
        reports = self._drifts(application, runnable, snapshot)
        if failures and application.spec.sync.error_policy is ErrorPolicy.ATOMIC:
            # Traffic must be able to leave a bad version whatever else is wrong.
            runnable = _only(runnable, lambda action: action.rollout, _HELD_BACK)
        if failures:
            runnable = _without(runnable, failures)
        result = Result()
        if runnable.writes or not failures:
            result = self._executor.execute(runnable, as_user=application.user, stop=self._stopping)
        self._repaired(application, reports, result)
        return self._enacted(made, runnable, result, failures)

    def preview(self, application: Application, declared: Desired, memory: ApplicationState) -> Plan | None:
        """The plan of a commit whose rollout has not begun, when it is held; an approval of it is remembered.

        A rollout that is held in its middle would leave traffic between two versions, so all of its commit is judged before.
        """
        snapshot = self._snapshot(application.key, declared)
        policy = self._policy(application, declared, memory, deleting=False)
        try:
            made = self._plan(declared, snapshot, policy, memory)
        except PlanError:
            return None
        if made.verdict.approved:
            memory.approval = made.approval()
        return made if made.verdict.held else None

    def _snapshot(self, application: AppKey, desired: Desired) -> Snapshot:
        """What is live; objects whose Application no longer exists belong to nobody and may be taken."""
        snapshot = self._live.snapshot(application, [manifest.key for manifest in desired.manifests])
        objects = {}
        for key, live in snapshot.objects.items():
            owner = live.owner
            if (
                owner is not None
                and owner != application
                and (not self._exists(owner) or self._claims.holder(key) == application)
            ):
                live = replace(live, owner=None)  # noqa: PLW2901 - the same object, seen as free
            elif owner == application and self._claims.wanted_by_another(key, application):
                continue  # handed over: the other application declares it, so it is not ours to delete
            objects[key] = live
        return replace(snapshot, objects=objects)

    def _policy(self, application: Application, desired: Desired, memory: ApplicationState, *, deleting: bool) -> PlanPolicy:
        sync = application.spec.sync
        return PlanPolicy(
            prune=sync.prune,
            self_heal=sync.self_heal,
            mode=sync.mode,
            error_policy=sync.error_policy,
            guard=sync.deletion_guard,
            application_deleting=deleting,
            approved=application.annotations.get(APPROVED) or _trailer(desired.revision.message),
            carried=memory.approval,
            ignore_fields=sync.ignore_fields,
            agent_namespace=self._agent_namespace,
            protected=self._protected,
            application_uid=application.uid,
        )

    def _plan(self, desired: Desired, snapshot: Snapshot, policy: PlanPolicy, memory: ApplicationState) -> Plan:
        """The plan; made twice when what hangs under its deletions has to be counted first.

        A held plan is looked at by many reconciles and by a person who decides: it is counted once, and again after a while.
        """
        made = plan(desired, snapshot, policy, immutable=memory.immutable)
        if memory.immutable and memory.proved != made.content:
            memory.immutable = frozenset()
            made = plan(desired, snapshot, policy)
        if not made.uncounted and not made.verdict.held:
            return made
        now = self._clock()
        if memory.counted_for != made.hash or now - memory.counted_at > _COUNT_AGAIN_SECONDS:
            memory.counted, memory.counted_for, memory.counted_at = self._blast.gather(made), made.hash, now
        return plan(desired, snapshot, policy, dependants=memory.counted, immutable=memory.immutable)

    def _allowed(self, made: Plan, *, suspended: bool, current: bool, deleting: bool) -> Plan:
        """The plan without what a pause, an outdated D(t), a possible hand-over or a fight forbids."""
        if suspended:
            return _only(made, lambda _: False, "paused")
        if not current:
            made = _only(made, lambda action: action.drift or action.rollout, "a newer commit does not render")
        elif not deleting and any(action.kind is ActionKind.DELETE and not action.rollout for action in made.writes):
            behind = self._handover.behind(made.application, made.revision.commit)
            if behind is not None:
                made = _put_off(made, f"Application {behind.name} to look at {made.revision.short}: it may take it over")
        return self._without_fights(made)

    def _without_fights(self, made: Plan) -> Plan:
        """The plan in which objects that somebody keeps changing back are left alone."""
        fought = {action.key for action in made.writes if action.drift and self._fights.fighting(action.key)}
        if not fought:
            return made
        actions = tuple(
            replace(action, kind=ActionKind.SKIP, reason="Fighting", message=_opponent(action))
            if action.key in fought
            else action
            for action in made.actions
        )
        return replace(made, actions=actions)

    def _drifts(self, application: Application, runnable: Plan, snapshot: Snapshot) -> list[tuple[Action, DriftReport]]:
        """Describes, counts and announces the drift this plan is about to repair."""
        found = []
        fights = []
        for action in runnable.writes:
            if not action.drift or action.manifest is None:
                continue
            live = snapshot.objects.get(action.key)
            report = describe(action.manifest, live.evidence if live else None)
            found.append((action, report))
            if self._fights.repaired(action.key):
                fights.append(action)
            metrics.DRIFTS.labels(str(application.key)).inc()
            _log.info(
                "drift", object=str(action.key), paths=[change.path for change in report.changes][:10], managers=report.managers
            )
        if found:
            events = [_drift_event(application, runnable, found, EventType.DRIFT_DETECTED)]
            self._emit(application, [*events, *(_fight_event(application, runnable, action) for action in fights)])
        return found

    def _repaired(self, application: Application, reports: list[tuple[Action, DriftReport]], result: Result) -> None:
        done = {outcome.key for outcome in result.outcomes if outcome.ok}
        repaired = [(action, report) for action, report in reports if action.key in done]
        if repaired:
            self._emit(application, [_drift_event(application, None, repaired, EventType.DRIFT_REPAIRED)])

    def _preflight(self, application: Application, runnable: Plan, snapshot: Snapshot) -> dict[ObjectKey, AgentError]:
        """Dry-runs what would change, when there is something live to lose; a first installation has nothing."""
        if not snapshot.objects or not runnable.writes:
            return {}
        return self._executor.preflight(runnable, as_user=application.user)

    def _enacted(self, made: Plan, ran: Plan, result: Result, failures: dict[ObjectKey, AgentError]) -> ApplyResult:
        errors = failures | {o.key: o.error for o in result.outcomes if o.error is not None}
        for outcome in result.outcomes:
            metrics.ACTIONS.labels(outcome.kind.value, "ok" if outcome.ok else "failed").inc()
        done = {outcome.key for outcome in result.outcomes if outcome.ok}
        told = _told(made, errors)
        problems = [ObjectIssue(key=key, reason=errors[key].reason, message=text) for key, text in told.items()]
        problems += [ObjectIssue(key=w.key, reason="WaitingFor", message=f"waits for {w.why}") for w in result.waiting]
        left = [action for action in made.changes() if action.key not in done and action.reason != "PruningOff"]
        fought = {action.key: action for action in ran.actions if action.reason == "Fighting"}
        drifted = [fought.get(a.key, a) for a in left if (a.drift or _observed(a)) and a.key not in errors]
        problems += [ObjectIssue(key=a.key, reason=a.reason or "Drifted", message=a.message or "deviates") for a in drifted]
        waits = [action for action in ran.actions if action.kind is ActionKind.WAIT and action.key not in errors]
        going = [a for a in ran.writes if a.kind is ActionKind.DELETE and a.key in done and self._live.get(a.key) is not None]
        waits += [replace(a, kind=ActionKind.WAIT, reason="Terminating", message="it is being deleted") for a in going]
        seen = {problem.key for problem in problems}
        problems += [
            ObjectIssue(key=a.key, reason=a.reason or "WaitingFor", message=a.message) for a in waits if a.key not in seen
        ]
        problems += [
            ObjectIssue(key=a.key, reason="Missing", message=a.message)
            for a in ran.actions
            if a.message == _HELD_BACK and a.live is None and a.key not in errors
        ]
        total = sum(1 for action in made.actions if action.manifest is not None and action.reason not in LEFT_OUT)
        behind = sum(1 for action in left if action.manifest is not None)
        awaited = [f"{key}: {text}" for key, text in told.items() if errors[key].reason in ARRIVALS]
        after = max((getattr(error, "retry_after", None) or 0.0 for error in errors.values()), default=0.0)
        return ApplyResult(
            synced=not left and not going and not result.waiting and not errors and not made.verdict.held,
            held=made.verdict.message if made.verdict.held else "",
            waiting=_waiting(result, waits, awaited),
            again=min((self._fights.seconds(key) + 1.0 for key in fought), default=None),
            awaited=frozenset(error.reason for error in errors.values()) & ARRIVALS,
            problems=tuple(problems),
            retry=after if errors else None,
            in_sync=total - behind,
            drifted=len(drifted),
        )


def _told(made: Plan, errors: Mapping[ObjectKey, AgentError]) -> dict[ObjectKey, str]:
    """Every failure in words, by object; with the file that has to be mended, where Git is where it is mended."""
    files = {action.key: action.manifest.file for action in made.actions if action.manifest is not None}
    told = {}
    for key, error in sorted(errors.items()):
        file = files.get(key) if not error.transient or error.reason in ARRIVALS else None
        told[key] = f"{file}: {simplify(str(error))}" if file else simplify(str(error))
    return told


def _under_way(approval: Approval, made: Plan, snapshot: Snapshot) -> bool:
    """Whether approved deletions may still be ahead: after a start not all of them are seen, or may be done, at once."""
    if approval.content != made.content:
        return False
    pending = any(action.intent in REMOVES for action in made.actions)
    return made.verdict.held or pending or not snapshot.complete or bool(snapshot.cannot_see)


def _only(made: Plan, allowed: Callable[[Action], bool], why: str) -> Plan:
    """The plan in which every write that is not allowed became a skip that says why."""
    if all(allowed(action) for action in made.writes):
        return made
    actions = tuple(
        action if not action.writes or allowed(action) else replace(action, kind=ActionKind.SKIP, message=why)
        for action in made.actions
    )
    return replace(made, actions=actions)


def _put_off(made: Plan, why: str) -> Plan:
    """The plan in which every deletion waits."""
    actions = tuple(
        replace(action, kind=ActionKind.WAIT, reason="WaitingFor", message=f"waits for {why}")
        if action.kind is ActionKind.DELETE and not action.rollout
        else action
        for action in made.actions
    )
    return replace(made, actions=actions)


def _without(made: Plan, refused: Mapping[ObjectKey, AgentError]) -> Plan:
    """The plan without the objects that the API server will not take; what waits for one of them goes on waiting."""
    actions = tuple(
        replace(action, kind=ActionKind.WAIT, message="the API server refused it") if action.key in refused else action
        for action in made.actions
    )
    return replace(made, actions=actions)


def _waiting(result: Result, waits: list[Action], awaited: list[str]) -> str:
    texts = [f"{waiting.key} waits for {waiting.why}" for waiting in result.waiting]
    texts += [*(f"{action.key}: {action.message}" for action in waits), *awaited]
    if not texts:
        return ""
    return texts[0] + (f" (and {len(texts) - 1} more)" if len(texts) > 1 else "")


def _observed(action: Action) -> bool:
    """Whether it differs from what is declared and is left alone only because of mode observe."""
    return action.reason == "Observing" and action.manifest is not None


def _opponent(action: Action) -> str:
    """Who keeps changing what, in words."""
    report = describe(action.manifest, action.live.evidence) if action.manifest and action.live else DriftReport()
    who = ", ".join(report.managers) or "somebody"
    what = ", ".join(change.field for change in report.changes[:3]) or "it"
    return f"{who} keeps changing {what} back: left alone until that ends"


def _fight_event(application: Application, made: Plan, action: Action) -> Event:
    return Event(
        type=EventType.FIGHTING,
        application=application.key,
        at=datetime.now(UTC),
        severity=Severity.WARNING,
        reason="Fighting",
        message=f"{action.key}: {_opponent(action)}",
        revision=made.revision,
        objects=(action.key,),
    )


def _trailer(message: str) -> str | None:
    """The hash of a `Gitops-Agent-Approve:` trailer in the last paragraph of a commit message."""
    for line in reversed(message.strip().rpartition("\n\n")[2].splitlines()):
        if line.lower().startswith(_TRAILER):
            return line[len(_TRAILER) :].strip() or None
    return None


def _drift_event(
    application: Application, made: Plan | None, found: list[tuple[Action, DriftReport]], kind: EventType
) -> Event:
    detected = kind is EventType.DRIFT_DETECTED
    shown = []
    for action, report in found[:10]:
        paths = ", ".join(change.field for change in report.changes[:3]) or "the object"
        shown.append(f"{action.key}: {str(report) or 'is missing'}" if detected else f"{action.key}: {paths} restored")
    return Event(
        type=kind,
        application=application.key,
        at=datetime.now(UTC),
        severity=Severity.WARNING if detected else Severity.INFO,
        reason="Drifted" if detected else "Repaired",
        message="; ".join(shown)[:1000],
        revision=made.revision if made else None,
        objects=tuple(action.key for action, _ in found[:10]),
    )

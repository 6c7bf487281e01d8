"""The rollouts of one application: look, step, write the state, and say what the cluster should look like now.

One pass makes at most one step of each rollout and returns D(t), and the engine makes the cluster that. So everything a rollout
does to the cluster goes the same way as everything else: planned, checked, applied, repaired, explained. Nothing here waits.
A pass that moved a rollout asks for another one; whatever ends a wait (pods, endpoints, routes, a measurement, the clock, a
person) brings the next.

The state is written before anything is done in its name, by compare-and-swap; whoever loses that race does nothing and looks
again. A leader marks each rollout under way with an epoch of its own, one more than the last; who finds a later one there has
been followed by somebody else, whatever it believes itself, and touches nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gitops_agent.agent.desired.declared_state import DeclaredStateLoader
from gitops_agent.agent.reconcile.outcome import RolloutSummary
from gitops_agent.agent.rollouts import status_builder
from gitops_agent.agent.rollouts.analysis_runner import AnalysisRun, AnalysisRunner
from gitops_agent.agent.rollouts.context import RolloutContext
from gitops_agent.agent.rollouts.loader import CommitPending, ReconcilePass, RolloutLoader, RolloutRequest, part
from gitops_agent.agent.rollouts.observer import RolloutObserver
from gitops_agent.agent.rollouts.stuck_pods import StuckPodRemover
from gitops_agent.agent.stores.rollout_policies import RolloutPolicyStore
from gitops_agent.api.application import Application
from gitops_agent.api.problems import read
from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.errors import AgentError, Conflict, RenderError
from gitops_agent.events.event import Event
from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.kinds import ROLLOUT_POLICY
from gitops_agent.observe.log import logger
from gitops_agent.revision.revision import Revision
from gitops_agent.rollout.advisories import notes
from gitops_agent.rollout.command import Command, CommandKind
from gitops_agent.rollout.compose import compose
from gitops_agent.rollout.describe import awaited, describe
from gitops_agent.rollout.machine import StepResult, step, still
from gitops_agent.rollout.observation import Observation
from gitops_agent.rollout.state import Phase, Stage
from gitops_agent.sync.desired import Desired
from gitops_agent.sync.live.live_state import LiveState

_log = logger("rollout")


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutResult:
    """What one pass came to.

    Attributes:
        desired: D(t); None while it cannot be said.
        pending: what is under way, in words.
        error: why there is no D(t).
        views: where each rollout stands.
        again: seconds after which another pass is worth it; None when something else brings it.
        moved: a rollout made a step, so another one may follow at once.
        held: why the commit waits for approval before its rollout begins.
    """

    desired: Desired | None
    pending: str = ""
    error: AgentError | None = None
    views: tuple[RolloutSummary, ...] = ()
    again: float | None = None
    moved: bool = False
    held: str = ""


class RolloutController:
    """See the module's text.

    Args:
        policies: the live policies.
        courses: says which rollouts there are.
        surveying: says what is the case.
        declaring: claims the objects of D(t).
        measuring: measures.
        freeing: lets workloads go back that cannot by themselves.
        live: the live objects.
        emit: hands edges to their subscribers, before the state is written.
        now: aware, UTC.
    """

    def __init__(
        self,
        *,
        policies: RolloutPolicyStore,
        courses: RolloutLoader,
        surveying: RolloutObserver,
        declaring: DeclaredStateLoader,
        measuring: AnalysisRunner,
        freeing: StuckPodRemover,
        live: LiveState,
        emit: Callable[[Application, list[Event]], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._policies, self._courses, self._surveying = policies, courses, surveying
        self._declaring, self._measuring, self._freeing = declaring, measuring, freeing
        self._live, self._emit, self._now = live, emit, now
        self._known: dict[AppKey, frozenset[ObjectKey]] = {}
        self._epochs: dict[ObjectKey, int] = {}

    def advance(self, asked: RolloutRequest) -> RolloutResult:
        """One step of every rollout of an application, and its D(t).

        Raises:
            ClusterError: the API server did not take a state, or did not answer.
        """
        application = asked.application.key
        base = asked.head or asked.last
        if not self._policies.listed(application):
            return RolloutResult(desired=None, pending="the rollout policies are being listed")
        if not _declared(base) and not self._policies.of(application):
            self._drop(application, frozenset())
            return RolloutResult(desired=asked.head)
        turn = ReconcilePass(asked=asked)
        try:
            base = base or self._courses.remembered(turn)
            return self._advance(turn, base, _declared(base))
        except CommitPending as pending:
            return RolloutResult(desired=None, pending=str(pending))
        except Conflict as error:
            _log.debug("a rollout policy was changed meanwhile", error=error)
            return RolloutResult(desired=None, pending="a rollout policy was changed meanwhile", again=0.0)
        except AgentError as error:
            if error.transient:
                raise
            return RolloutResult(desired=None, error=error)

    def forget(self, application: AppKey) -> None:
        """Drops everything about an application."""
        self._drop(application, frozenset())

    def _advance(self, turn: ReconcilePass, base: Desired | None, declared: Mapping[ObjectKey, Object]) -> RolloutResult:
        application = turn.asked.application
        specs = {key: read(RolloutPolicySpec, obj.get("spec") or {}, root=f"{key} spec") for key, obj in declared.items()}
        _refuse_doubles(specs)
        for desired in (turn.asked.head, turn.asked.last):
            if desired is not None:
                turn.commits.setdefault(desired.revision.commit, desired)
        courses = [
            course
            for key in sorted({*specs, *self._policies.of(application.key)})
            if (course := self._courses.course(turn, key, specs.get(key), base)) is not None
        ]
        self._drop(application.key, frozenset(course.key for course in courses))
        self._refuse({key: spec for key, spec in specs.items() if all(key != course.key for course in courses)})
        if not courses:
            return RolloutResult(desired=turn.asked.head)
        courses = self._courses.routed(base, courses)
        self._courses.look(application.key, courses)
        self._courses.pin(application.key, courses)
        views: list[RolloutSummary] = []
        moved = False
        wakes: list[float] = []
        results: list[RolloutContext] = []
        lost: set[ObjectKey] = set()
        for course in courses:
            if course.raw == {}:
                lost |= self._courses.untouchable(course, application.key)
                results.append(course)
                continue
            after, result, seen = self._step(turn, course, courses)
            after = self._marked(course, after, frozen=turn.asked.frozen)
            if after.state != course.state or self._stale(after):
                self._write(turn, course, after)
                moved = moved or after.state != course.state
            self._measure(after, result.measure, seen)
            self._free(turn, after, seen)
            wakes += [] if result.wake_at is None else [max(0.0, (result.wake_at - self._now()).total_seconds())]
            settling = self._surveying.settle_seconds(after)
            wakes += [] if settling is None or after.state.traffic.verified else [settling]
            results.append(replace(after, replicas=result.replicas))
            views.append(_view(after))
        self._commits(turn, results)
        self._declaring.keep(application.key, frozenset(turn.slots))
        desired = self._desired(turn, base, results, lost)
        return RolloutResult(
            desired=desired,
            views=tuple(views),
            again=0.0 if moved else min(wakes, default=None),
            moved=moved,
            held=turn.held,
        )

    # Stepping

    def _step(
        self, turn: ReconcilePass, course: RolloutContext, courses: Sequence[RolloutContext]
    ) -> tuple[RolloutContext, StepResult, Observation]:
        """The rollout after one step, what the step came to, and what was seen."""
        mine = self._live.of(turn.asked.application.key).values()
        seen = self._surveying.survey(course, courses, mine)
        spec = course.subject.policy
        if turn.asked.frozen:
            return course, still(course.state, seen, spec, self._now()), seen
        result = step(course.state, seen, spec, self._now())
        after = replace(course, state=result.state)
        try:
            compose((), [part(self._courses.following(turn, after))])
        except RenderError as error:
            nonce = digest([str(course.key), course.state.target.hash if course.state.target else "", str(error)])[:16]
            order = Command(order=CommandKind.ABORT, nonce=nonce, actor=f"the agent, because {error}")
            seen = replace(seen, commands=(*seen.commands, order))
            result = step(course.state, seen, spec, self._now())
            after = replace(course, state=result.state)
        return self._courses.following(turn, after), result, seen

    def _marked(self, course: RolloutContext, after: RolloutContext, *, frozen: bool) -> RolloutContext:
        """The rollout with this leader's epoch on it, once there is anything to protect.

        Raises:
            AgentError: a later leader looks after it.
        """
        mine = self._epochs.setdefault(course.key, course.state.epoch + 1)
        if course.state.epoch > mine:
            words = f"{course.key} is looked after by a later leader (epoch {course.state.epoch}, this one has {mine})"
            raise AgentError(words, reason="LeaderChanged", transient=True)
        if frozen or (after.state == course.state and not after.state.running):
            return after
        return replace(after, state=replace(after.state, epoch=mine))

    def _stale(self, course: RolloutContext) -> bool:
        """Whether the status speaks of an earlier spec."""
        followed: object = (course.raw.get("status") or {}).get("observedGeneration")
        return bool(followed != course.raw["metadata"].get("generation"))

    def _write(self, turn: ReconcilePass, course: RolloutContext, after: RolloutContext) -> None:
        """Saves the edges, then the state.

        Raises:
            Conflict: the policy has been changed meanwhile.
        """
        now, application = self._now(), turn.asked.application
        head = turn.asked.head
        revision: Revision | None = head.revision if head is not None else None
        edges = status_builder.events(
            course.state,
            after.state,
            after.subject.policy,
            application=application.key,
            workload=after.subject.workload,
            revision=revision,
            now=now,
        )
        if edges:
            self._emit(application, list(edges))
        status = status_builder.status(
            course.raw.get("status") or {},
            after.state,
            after.subject.policy,
            generation=int(course.raw["metadata"].get("generation") or 0),
            analysis=self._measuring.shown(_app_key(course.key)),
            notes=notes(after.state, after.subject, after.target, unknown=head.unscoped if head else frozenset()),
            now=now,
        )
        self._policies.write(course.raw, status)
        _log.info(
            "rollout",
            policy=str(course.key),
            phase=str(after.state.phase),
            stage=str(after.state.stage),
            step=after.state.step,
            weight=after.state.traffic.want.weight,
            message=describe(after.state, after.subject.policy),
        )

    def _refuse(self, specs: Mapping[ObjectKey, RolloutPolicySpec]) -> None:
        """Tells of policies whose workload Git does not declare."""
        for key, spec in sorted(specs.items()):
            raw = self._policies.get(key)
            if raw is None:
                continue
            before, about = raw.get("status") or {}, spec.target_ref
            message = f"{about.kind} {about.name} is not declared by this application: there is nothing to roll out"
            generation = int(raw["metadata"].get("generation") or 0)
            status = status_builder.refused(before, message, generation=generation, now=self._now())
            if status != before:
                self._policies.write(raw, status)

    def _measure(self, course: RolloutContext, metrics: Sequence[str], seen: Observation) -> None:
        """Starts what is to be measured, and ends what is not."""
        state, policy = course.state, _app_key(course.key)
        if not metrics or state.target is None or state.entered_at is None:
            self._measuring.drop(policy)
            return
        workload = course.subject.workload
        canary, baseline = course.canary, course.baseline
        paired = baseline is not None and state.baseline > 0 and seen.baseline is not None and seen.baseline.available > 0
        self._measuring.want(
            AnalysisRun(
                policy=policy,
                namespace=workload.namespace,
                canary=canary.name if canary is not None else workload.name,
                stable=baseline.name if baseline is not None and paired else workload.name,
                stable_hash=state.stable.hash if state.stable is not None else "",
                service=course.subject.service.name,
                hash=state.target.hash,
                metrics=tuple(one for one in course.subject.policy.analysis.metrics if one.name in metrics),
                hold=f"{state.phase}/{state.stage}/{state.step}/{state.entered_at.isoformat()}",
                since=state.entered_at,
            )
        )

    def _free(self, turn: ReconcilePass, course: RolloutContext, seen: Observation) -> None:
        """Helps a workload back that has the stable manifests and does not take them up."""
        waits = course.state.stage is Stage.RESTORE and seen.primary is not None and not seen.primary.complete
        live = self._live.get(course.subject.workload)
        if waits and not turn.asked.frozen and live is not None and live.evidence is not None:
            self._freeing.free(live.evidence, as_user=turn.asked.application.user)

    # Saying

    def _commits(self, turn: ReconcilePass, courses: Iterable[RolloutContext]) -> None:
        """Notes which commits are needed from now on."""
        head = turn.asked.head.revision.commit if turn.asked.head is not None else ""
        for course in courses:
            for name, one in (("stable", course.state.stable), ("target", course.state.target)):
                if one is not None and one.commit != head and (name == "stable" or course.state.running):
                    turn.slots.add(f"{name} {course.key.name}")

    def _desired(
        self, turn: ReconcilePass, base: Desired | None, courses: Sequence[RolloutContext], lost: set[ObjectKey]
    ) -> Desired | None:
        """D(t)."""
        if base is None:
            return None
        overlaid = compose(base.manifests, [part(course) for course in courses])
        manifests = {one.key: one for one in overlaid.manifests}
        # Policies are followed as soon as they are known, whatever the rest waits for.
        manifests |= {one.key: one for one in base.manifests if one.key.group_kind == ROLLOUT_POLICY}
        running = [course for course in courses if course.state.running]
        kept = overlaid.kept | {course.key for course in running if course.key not in manifests}
        if lost:
            kept |= lost
            manifests = {key: one for key, one in manifests.items() if key not in lost}
        foreign = self._declaring.claim_more(turn.asked.application.key, base, manifests.keys() | kept)
        return replace(
            base,
            manifests=tuple(sorted((one for key, one in manifests.items() if key not in foreign), key=lambda one: one.key)),
            kept=frozenset(kept),
            rolled=overlaid.own if running else frozenset(),
            declared=base.content,
        )

    def _drop(self, application: AppKey, policies: frozenset[ObjectKey]) -> None:
        """Forgets the rollouts an application no longer has."""
        known = self._known.get(application, frozenset())
        for gone in known - policies:
            self._epochs.pop(gone, None)
            self._measuring.drop(_app_key(gone))
            self._surveying.forget(gone)
        if policies:
            self._known[application] = policies
        elif self._known.pop(application, None) is not None:
            self._live.pin(application, ())
            self._declaring.keep(application, frozenset())
            self._declaring.claim_more(application, None, ())


def _declared(desired: Desired | None) -> dict[ObjectKey, Object]:
    """The policies a commit declares."""
    if desired is None:
        return {}
    return {one.key: one.obj for one in desired.manifests if one.key.group_kind == ROLLOUT_POLICY}


def _app_key(key: ObjectKey) -> AppKey:
    return AppKey(key.namespace, key.name)


def _refuse_doubles(specs: Mapping[ObjectKey, RolloutPolicySpec]) -> None:
    """Two policies of one workload would undo each other.

    Raises:
        RenderError: there are such.
    """
    seen: dict[tuple[str, str, str], ObjectKey] = {}
    for key, spec in specs.items():
        place = (key.namespace, str(spec.target_ref.kind), spec.target_ref.name)
        other = seen.setdefault(place, key)
        if other != key:
            raise RenderError(
                f"{key} and {other} are both about {place[1]} {place[2]}",
                reason="RolloutRefused",
                objects=[str(key), str(other)],
            )


def _view(course: RolloutContext) -> RolloutSummary:
    state = course.state
    policy = course.subject.policy
    return RolloutSummary(
        policy=course.key,
        workload=course.subject.workload,
        phase=str(state.phase),
        weight=state.traffic.want.weight,
        message=describe(state, policy),
        running=state.running,
        failed=state.phase is Phase.HELD,
        waits=state.phase is Phase.PAUSED or bool(awaited(state, policy)),
        approval=awaited(state, policy),
    )

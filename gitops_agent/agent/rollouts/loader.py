"""Which rollouts an application has, and everything a step of one looks at but the world itself.

A policy in Git and its live twin make a rollout. What its state speaks of are commits, and those are rendered side by side with
the newest. The odd cases live here too: a policy that is new, one that was deleted under a running rollout, one that Git
dropped while its rollout was under way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gitops_agent.agent.desired.declared_state import DeclaredStateLoader
from gitops_agent.agent.rollouts.context import RolloutContext
from gitops_agent.agent.rollouts.observer import RolloutObserver
from gitops_agent.agent.stores.rollout_policies import RolloutPolicyStore
from gitops_agent.api.application import Application
from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError, NotFound, RenderError, SourceError
from gitops_agent.manifest.key import AppKey, GroupKind, Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout.canary_objects import CANARY, VARIANT
from gitops_agent.rollout.compose import Part, compose
from gitops_agent.rollout.observation import Measurement
from gitops_agent.rollout.overlay import OverlayResult, ResolvedPolicy
from gitops_agent.rollout.run_plan import load_policy
from gitops_agent.rollout.state import Adoption, Phase, RolloutState, Version
from gitops_agent.rollout.status import from_status
from gitops_agent.rollout.traffic.registry import CAPABILITIES
from gitops_agent.rollout.validation import refusal
from gitops_agent.rollout.version_hash import version_hash
from gitops_agent.rollout.workload_status import version
from gitops_agent.sync.autoscalers import targets
from gitops_agent.sync.desired import Desired
from gitops_agent.sync.live.live_object import observe
from gitops_agent.sync.live.live_state import LiveState

REMEMBERED = "remembered"
"""The slot of the commit that stands in for the newest."""


_GONE = "RevisionNotFound"


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutRequest:
    """What a pass is asked for.

    Attributes:
        application: whose.
        head: what the newest commit declares; None when that cannot be said.
        last: what the last commit declared that could be read; for what no rollout decides.
        frozen: nothing may move (paused, or mode observe).
        gate: whether the commit as a whole waits for approval; asked only before a rollout begins.
    """

    application: Application
    head: Desired | None
    last: Desired | None
    frozen: bool
    gate: Callable[[Desired], str]


class CommitPending(Exception):
    """A commit is being rendered."""


@dataclass(slots=True)
class ReconcilePass:
    """What one pass knows by and by."""

    asked: RolloutRequest
    commits: dict[str, Desired] = field(default_factory=dict)
    slots: set[str] = field(default_factory=set)
    held: str = ""


class RolloutLoader:
    """See the module's text.

    Args:
        policies: the live policies.
        surveying: says what is the case.
        declaring: renders other commits than the newest.
        measured: the measurements that ended lately, by policy.
        live: the live objects.
        objects: reads one where the live state has it only in part.
        autoscaled: the workloads a live autoscaler scales.
        ensure: watches kinds for an application; returns those whose first list is still under way.
    """

    def __init__(
        self,
        *,
        policies: RolloutPolicyStore,
        surveying: RolloutObserver,
        declaring: DeclaredStateLoader,
        measured: Callable[[AppKey], tuple[Measurement, ...]],
        live: LiveState,
        objects: Objects,
        autoscaled: Callable[[], frozenset[ObjectKey]],
        ensure: Callable[[Iterable[GroupKind], AppKey], tuple[GroupKind, ...]],
    ) -> None:
        self._policies, self._surveying, self._declaring, self._measured = policies, surveying, declaring, measured
        self._live, self._objects, self._autoscaled, self._ensure = live, objects, autoscaled, ensure

    def course(
        self, turn: ReconcilePass, key: ObjectKey, spec: RolloutPolicySpec | None, base: Desired | None
    ) -> RolloutContext | None:
        """One rollout as it stands; None where there is nothing to roll out."""
        raw = self._policies.get(key)
        state = from_status(raw.get("status") or {}) if raw is not None else RolloutState()
        if spec is None and not state.running:
            return None
        followed = load_policy(state.plan) if state.plan is not None else spec
        if followed is None:
            return None
        subject = self._subject(followed, key, base)
        manifests = by_key(base)
        workload = manifests.get(subject.workload)
        if raw is None:
            return self._first(turn, key, subject, base)
        if workload is None and not state.running:
            return None
        again: Version | None = None
        try:
            stable = self._manifests(turn, state.stable, f"stable {key.name}")
            target = self._manifests(turn, state.target, f"target {key.name}") if state.running else stable
        except SourceError as error:
            # Where history was rewritten and the version is the same, the newest commit does as well.
            if error.reason != _GONE or turn.asked.head is None:
                raise
            if state.running or state.stable is None or workload is None or _hash(subject, manifests) != state.stable.hash:
                raise _gone(subject, error) from None
            again = Version(commit=turn.asked.head.revision.commit, hash=state.stable.hash)
            turn.commits[state.stable.commit] = turn.asked.head
            stable = target = manifests
        head: Version | None = None
        if spec is None or workload is None:
            # Git no longer wants this rollout: the safe way out is the one back to what is stable.
            head = state.stable
        elif turn.asked.head is not None:
            head = again or _head(turn.asked.head, workload, state, stable, target)
        if self._moved_on(subject, state):
            state = replace(state, stable=None, adoption=Adoption.NONE)
        lost = self._lost(turn, subject) if state.stable is None else None
        # Where a canary lives, the workload had been made ready for it.
        if state.stable is None and (self._surveying.adopted(subject) or (lost and self._surveying.labelled(subject))):
            state = replace(state, adoption=Adoption.DONE)
        return RolloutContext(
            key=key,
            raw=raw,
            subject=subject,
            state=state,
            head=head,
            stable=stable or manifests,
            target=target or stable or manifests,
            lost=lost,
            gate=self._gate(turn, state, subject, head, stable),
            measurements=self._measured(AppKey(key.namespace, key.name)),
        )

    def remembered(self, turn: ReconcilePass) -> Desired | None:
        """What is declared by the commit the rollouts are at: right after a start the newest may not be readable.

        Without it every policy would look as if Git had dropped it. None where no rollout has been looked at yet.

        Raises:
            Pending: it is being rendered.
            AgentError: the commit is gone, or does not render.
        """
        found = [self._policies.get(key) for key in self._policies.of(turn.asked.application.key)]
        states = [from_status(raw.get("status") or {}) for raw in found if raw is not None]
        for state in sorted(states, key=lambda one: not one.running):
            version = state.target if state.running else state.stable
            if version is not None:
                self._manifests(turn, version, REMEMBERED)
                return turn.commits[version.commit]
        return None

    def _lost(self, turn: ReconcilePass, subject: ResolvedPolicy) -> Version | None:
        """The version of a canary that lives on after the state of its run was lost."""
        for live in self._live.of(turn.asked.application.key).values():
            if live.rollout == subject.workload.name and live.key.kind == "Deployment" and not live.deleting:
                raw = live.evidence or self._fetch(live.key)
                if raw is not None and (raw["metadata"].get("labels") or {}).get(VARIANT) == CANARY:
                    return version(raw)
        return None

    def _first(
        self, turn: ReconcilePass, key: ObjectKey, subject: ResolvedPolicy, base: Desired | None
    ) -> RolloutContext | None:
        """A policy that is declared and not live yet.

        Where the workload is not live either, it is born adopted. One that carries a version was rolled out before: its policy
        was deleted, and until that is back nothing of the rollout may move. Any other goes on as without a policy.
        """
        manifests = by_key(base)
        if subject.workload not in manifests:
            return None
        live = self._live.get(subject.workload)
        if live is None:
            made = Version(commit=base.revision.commit if base else "", hash=_hash(subject, manifests))
            state = RolloutState(stable=made, adoption=Adoption.DONE)
            return RolloutContext(key=key, raw={}, subject=subject, state=state, head=made, stable=manifests, target=manifests)
        self._live.pin(turn.asked.application.key, {subject.workload})
        raw = live.evidence or self._fetch(subject.workload)
        before = version(raw) if raw is not None else None
        if before is None or before.hash == _hash(subject, manifests):
            return None
        stable = self._manifests(turn, before, f"stable {key.name}")
        state = RolloutState(stable=before, adoption=Adoption.DONE, reason="the policy was deleted")
        return RolloutContext(key=key, raw={}, subject=subject, state=state, head=None, stable=stable, target=stable)

    def untouchable(self, course: RolloutContext, application: AppKey) -> set[ObjectKey]:
        """What must not be touched until a policy that was deleted is back: whatever its rollout had to do with."""
        if course.head is not None:
            return set()
        made = {live.key for live in self._live.of(application).values() if live.rollout == course.subject.workload.name}
        return made | course.pinned

    def _subject(self, policy: RolloutPolicySpec, key: ObjectKey, base: Desired | None) -> ResolvedPolicy:
        workload = ObjectKey("apps", str(policy.target_ref.kind), key.namespace, policy.target_ref.name)
        rolling = policy.strategy.rolling is not None
        declared = by_key(base).get(workload)
        autoscaled = workload in self._autoscaled() or (declared is not None and _scaled(workload, base))
        provider = None if rolling else CAPABILITIES[str(policy.traffic.provider)].provider
        return ResolvedPolicy(policy=policy, workload=workload, provider=provider, autoscaled=autoscaled)

    def _moved_on(self, subject: ResolvedPolicy, state: RolloutState) -> bool:
        """Whether a workload that counts as made ready is not: the policy names another one, or somebody took the label off."""
        if state.adoption is not Adoption.DONE or state.phase not in {Phase.IDLE, Phase.HELD} or state.stable is None:
            return False
        live = self._live.get(subject.workload)
        raw = live.evidence if live is not None else None
        return raw is not None and not self._surveying.labelled(subject)

    def _manifests(self, turn: ReconcilePass, wanted: Version | None, slot: str) -> Mapping[ObjectKey, Manifest]:
        """What a commit declares, by key.

        Raises:
            Pending: it is being rendered.
            AgentError: the commit is gone, or does not render.
        """
        if wanted is None:
            return {}
        known = turn.commits.get(wanted.commit)
        if known is None:
            turn.slots.add(slot)
            known = self._declaring.at(turn.asked.application, wanted.commit, slot=slot)
            if known is None:
                raise CommitPending(f"{wanted.commit[:12]}, which a rollout needs, is being rendered")
            turn.commits[wanted.commit] = known
        return by_key(known)

    def _gate(
        self,
        turn: ReconcilePass,
        state: RolloutState,
        subject: ResolvedPolicy,
        head: Version | None,
        stable: Mapping[ObjectKey, Manifest],
    ) -> str:
        """Why a run may not start."""
        starting = state.phase is Phase.PENDING or (
            state.phase in {Phase.IDLE, Phase.HELD}
            and head is not None
            and state.stable is not None
            and head.hash != state.stable.hash
            and not state.rejects(head)
        )
        desired = turn.asked.head
        if not starting or desired is None:
            return ""
        refused = refusal(subject, by_key(desired), stable=stable, unknown=desired.unscoped)
        if refused:
            return refused
        turn.held = turn.held or turn.asked.gate(desired)
        return turn.held

    def routed(self, base: Desired | None, courses: Sequence[RolloutContext]) -> list[RolloutContext]:
        """The rollouts with what carries their traffic in the desired state of the states as they stand."""
        result = []
        for course in courses:
            try:
                overlaid = compose(tuple(base.manifests) if base else (), [part(course)])
            except RenderError:
                # The routes cannot carry what was wanted; the step that follows is the way out.
                overlaid = OverlayResult(manifests=())
            result.append(replace(course, routes=overlaid.routes))
        return result

    def look(self, application: AppKey, courses: Iterable[RolloutContext]) -> None:
        """Makes sure that everything the rollouts stand on has been looked at.

        Raises:
            Pending: it has not; the application is told when it has.
        """
        courses = tuple(courses)
        declared = (key for course in courses for key in (*course.stable, *course.target, *course.routes))
        kinds = frozenset[GroupKind]().union(*(course.kinds for course in courses))
        pending = self._ensure(kinds | {key.group_kind for key in declared}, application)
        if pending:
            raise CommitPending(f"the first list of {', '.join(str(kind) for kind in pending)}")
        if unseen := self._surveying.unseen(courses):
            raise CommitPending(unseen)

    def pin(self, application: AppKey, courses: Iterable[RolloutContext]) -> None:
        """Keeps the live objects that are looked at as a whole, and reads those that are known only in part."""
        wanted = frozenset[ObjectKey]().union(*(course.pinned for course in courses))
        for key in sorted(self._live.pin(application, wanted)):
            self._fetch(key)

    def _fetch(self, key: ObjectKey) -> Object | None:
        try:
            raw = self._objects.get(key)
        except NotFound:
            return None
        self._live.put(observe(raw))
        return raw

    def following(self, turn: ReconcilePass, course: RolloutContext) -> RolloutContext:
        """The rollout with the manifests of the commits its new state speaks of."""
        state = course.state
        stable = self._manifests(turn, state.stable, f"stable {course.key.name}") or course.stable
        target = self._manifests(turn, state.target, f"target {course.key.name}") if state.running else stable
        policy = load_policy(state.plan) if state.plan is not None else course.subject.policy
        return replace(course, stable=stable, target=target or stable, subject=replace(course.subject, policy=policy))


def _gone(subject: ResolvedPolicy, error: SourceError) -> AgentError:
    """The error of a rollout whose commit nobody can read any more; it names the two ways out."""
    way = "merge it back, or take the RolloutPolicy out of Git (and delete it by hand, if a rollout is under way) until the"
    words = f"{error}: the rollout of {subject.workload} cannot go on without it; {way} newest version is applied"
    return AgentError(words, reason="RolloutRefused", transient=False)


def part(course: RolloutContext) -> Part:
    """The rollout's part in the desired state."""
    return Part(
        state=course.state,
        subject=course.subject,
        stable=tuple(course.stable.values()),
        target=tuple(course.target.values()),
        replicas=course.replicas,
    )


def by_key(desired: Desired | None) -> dict[ObjectKey, Manifest]:
    """What a commit declares, by key."""
    return {} if desired is None else {one.key: one for one in desired.manifests}


def _hash(subject: ResolvedPolicy, manifests: Mapping[ObjectKey, Manifest]) -> str:
    return version_hash(manifests[subject.workload].obj, {key: one.obj for key, one in manifests.items()})


def _head(
    head: Desired,
    workload: Manifest,
    state: RolloutState,
    stable: Mapping[ObjectKey, Manifest],
    target: Mapping[ObjectKey, Manifest],
) -> Version:
    """The version Git asks for; one that is known already where a commit changed nothing of this application."""
    manifests = by_key(head)
    for known, declared in ((state.stable, stable), (state.target if state.running else None, target)):
        if known is not None and _same(manifests, declared):
            return known
    declared_objects = {key: one.obj for key, one in manifests.items()}
    return Version(commit=head.revision.commit, hash=version_hash(workload.obj, declared_objects))


def _same(one: Mapping[ObjectKey, Manifest], other: Mapping[ObjectKey, Manifest]) -> bool:
    return one.keys() == other.keys() and all(one[key].digest == other[key].digest for key in one)


def _scaled(workload: ObjectKey, desired: Desired | None) -> bool:
    return desired is not None and workload in targets(one.obj for one in desired.manifests)
